//! What COMMAND DOCS says about the commands for keys of any type.

use engine::spec::Docs;

pub static COPY: Docs = Docs::of("source@0 destination@1 [DB destination-db:int] [REPLACE]");

pub static DEL: Docs = Docs::of("key@0...");

pub static DUMP: Docs = Docs::of("key@0");

pub static EXISTS: Docs = Docs {
    arguments: "key@0...",
    history: &[("3.0.3", "Takes several keys.")],
    ..Docs::NONE
};

pub static EXPIRE: Docs = Docs {
    arguments: "key@0 seconds:int [condition<NX|XX|GT|LT>^7.0.0]",
    history: &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ..Docs::NONE
};

pub static EXPIREAT: Docs = Docs {
    arguments: "key@0 unix-time-seconds:time [condition<NX|XX|GT|LT>^7.0.0]",
    history: &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ..Docs::NONE
};

pub static EXPIRETIME: Docs = Docs::of("key@0");

pub static KEYS: Docs = Docs::of("pattern:pattern");

pub static MIGRATE: Docs = Docs {
    arguments: "host port:int key-selector<key@0|empty-string:''> destination-db:int timeout:int \
         [COPY^3.0.0] [REPLACE^3.0.0] [authentication<AUTH auth=password^4.0.7|AUTH2 \
         auth2{username password}^6.0.0>] [KEYS keys@1=key...^3.0.6]",
    history: &[
        ("3.0.0", "The options `COPY` and `REPLACE`."),
        ("3.0.6", "`KEYS` moves several keys."),
        ("4.0.7", "The option `AUTH`."),
        ("6.0.0", "The option `AUTH2`."),
    ],
    ..Docs::NONE
};

pub static MOVE: Docs = Docs::of("key@0 db:int");

pub static OBJECT_ENCODING: Docs = Docs::of("key@0");

pub static OBJECT_FREQ: Docs = Docs::of("key@0");

pub static OBJECT_IDLETIME: Docs = Docs::of("key@0");

pub static OBJECT_REFCOUNT: Docs = Docs::of("key@0");

pub static PERSIST: Docs = Docs::of("key@0");

pub static PEXPIRE: Docs = Docs {
    arguments: "key@0 milliseconds:int [condition<NX|XX|GT|LT>^7.0.0]",
    history: &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ..Docs::NONE
};

pub static PEXPIREAT: Docs = Docs {
    arguments: "key@0 unix-time-milliseconds:time [condition<NX|XX|GT|LT>^7.0.0]",
    history: &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ..Docs::NONE
};

pub static PEXPIRETIME: Docs = Docs::of("key@0");

pub static PTTL: Docs = Docs {
    arguments: "key@0",
    history: &[("2.8.0", "The reply is -2 for a key that does not exist.")],
    ..Docs::NONE
};

pub static RENAME: Docs = Docs::of("key@0 newkey@1");

pub static RENAMENX: Docs = Docs {
    arguments: "key@0 newkey@1",
    history: &[("3.2.0", "Both names may be the same.")],
    ..Docs::NONE
};

pub static RESTORE: Docs = Docs {
    arguments: "key@0 ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME \
         seconds:int^5.0.0] [FREQ frequency:int^5.0.0]",
    history: &[
        ("3.0.0", "The option `REPLACE`."),
        ("5.0.0", "The option `ABSTTL`."),
        ("5.0.0", "The options `IDLETIME` and `FREQ`."),
    ],
    ..Docs::NONE
};

pub static SCAN: Docs = Docs {
    arguments: "cursor:int [MATCH pattern:pattern] [COUNT count:int] [TYPE type^6.0.0]",
    history: &[("6.0.0", "The filter `TYPE`.")],
    ..Docs::NONE
};

pub static SORT: Docs = Docs::of(
    "key@0 [BY by-pattern:pattern@1=pattern] [LIMIT limit{offset:int count:int}] [GET \
         get-pattern:pattern@1=pattern&...] [order<ASC|DESC>] [sorting:ALPHA] [STORE \
         destination@2]",
);

pub static SORT_RO: Docs = Docs::of(
    "key@0 [BY by-pattern:pattern@1=pattern] [LIMIT limit{offset:int count:int}] [GET \
         get-pattern:pattern@1=pattern&...] [order<ASC|DESC>] [sorting:ALPHA]",
);

pub static TOUCH: Docs = Docs::of("key@0...");

pub static TTL: Docs = Docs {
    arguments: "key@0",
    history: &[("2.8.0", "The reply is -2 for a key that does not exist.")],
    ..Docs::NONE
};

pub static TYPE: Docs = Docs::of("key@0");

pub static UNLINK: Docs = Docs::of("key@0...");

pub static WAIT: Docs = Docs::of("numreplicas:int timeout:int");

pub static WAITAOF: Docs = Docs::of("numlocal:int numreplicas:int timeout:int");
