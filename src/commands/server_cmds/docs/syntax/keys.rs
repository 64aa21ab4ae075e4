//! What the commands of keys of any type take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    (
        "copy",
        "source@0 destination@1 [DB destination-db:int] [REPLACE]",
    ),
    ("del", "key@0..."),
    ("dump", "key@0"),
    ("exists", "key@0..."),
    ("expire", "key@0 seconds:int [condition<NX|XX|GT|LT>^7.0.0]"),
    (
        "expireat",
        "key@0 unix-time-seconds:time [condition<NX|XX|GT|LT>^7.0.0]",
    ),
    ("expiretime", "key@0"),
    ("keys", "pattern:pattern"),
    (
        "migrate",
        "host port:int key-selector<key@0|empty-string:''> destination-db:int timeout:int \
         [COPY^3.0.0] [REPLACE^3.0.0] [authentication<AUTH auth=password^4.0.7|AUTH2 \
         auth2{username password}^6.0.0>] [KEYS keys@1=key...^3.0.6]",
    ),
    ("move", "key@0 db:int"),
    ("object|encoding", "key@0"),
    ("object|freq", "key@0"),
    ("object|idletime", "key@0"),
    ("object|refcount", "key@0"),
    ("persist", "key@0"),
    (
        "pexpire",
        "key@0 milliseconds:int [condition<NX|XX|GT|LT>^7.0.0]",
    ),
    (
        "pexpireat",
        "key@0 unix-time-milliseconds:time [condition<NX|XX|GT|LT>^7.0.0]",
    ),
    ("pexpiretime", "key@0"),
    ("pttl", "key@0"),
    ("rename", "key@0 newkey@1"),
    ("renamenx", "key@0 newkey@1"),
    (
        "restore",
        "key@0 ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME \
         seconds:int^5.0.0] [FREQ frequency:int^5.0.0]",
    ),
    (
        "scan",
        "cursor:int [MATCH pattern:pattern] [COUNT count:int] [TYPE type^6.0.0]",
    ),
    (
        "sort",
        "key@0 [BY by-pattern:pattern@1=pattern] [LIMIT limit{offset:int count:int}] [GET \
         get-pattern:pattern@1=pattern&...] [order<ASC|DESC>] [sorting:ALPHA] [STORE \
         destination@2]",
    ),
    (
        "sort_ro",
        "key@0 [BY by-pattern:pattern@1=pattern] [LIMIT limit{offset:int count:int}] [GET \
         get-pattern:pattern@1=pattern&...] [order<ASC|DESC>] [sorting:ALPHA]",
    ),
    ("touch", "key@0..."),
    ("ttl", "key@0"),
    ("type", "key@0"),
    ("unlink", "key@0..."),
    ("wait", "numreplicas:int timeout:int"),
    ("waitaof", "numlocal:int numreplicas:int timeout:int"),
];
