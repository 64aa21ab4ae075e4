//! What the commands of the server take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("acl|cat", "[category]"),
    ("acl|deluser", "username..."),
    ("acl|dryrun", "username command [arg...]"),
    ("acl|genpass", "[bits:int]"),
    ("acl|getuser", "username"),
    ("acl|log", "[operation<count:int|RESET>]"),
    ("acl|setuser", "username [rule...]"),
    ("bgsave", "[SCHEDULE^3.2.2]"),
    ("command|docs", "[command-name...]"),
    ("command|getkeys", "command [arg...]"),
    ("command|getkeysandflags", "command [arg...]"),
    ("command|info", "[command-name...]"),
    (
        "command|list",
        "[FILTERBY filterby<MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]",
    ),
    ("config|get", "parameter..."),
    ("config|set", "data{parameter value}..."),
    (
        "failover",
        "[TO target{host port:int [FORCE]}] [ABORT] [TIMEOUT milliseconds:int]",
    ),
    ("flushall", "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]"),
    ("flushdb", "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]"),
    ("info", "[section...]"),
    ("latency|graph", "event"),
    ("latency|histogram", "[command...]"),
    ("latency|history", "event"),
    ("latency|reset", "[event...]"),
    ("lolwut", "[VERSION version:int]"),
    ("memory|usage", "key@0 [SAMPLES count:int]"),
    ("module|load", "path [arg...]"),
    (
        "module|loadex",
        "path [CONFIG configs{name value}&...] [ARGS args...]",
    ),
    ("module|unload", "name"),
    ("psync", "replicationid offset:int"),
    ("replicaof", "args<host-port{host port:int}|no-one{NO ONE}>"),
    (
        "restore-asking",
        "key@0 ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME \
         seconds:int^5.0.0] [FREQ frequency:int^5.0.0]",
    ),
    (
        "shutdown",
        "[save-selector<NOSAVE|SAVE>] [NOW^7.0.0] [FORCE^7.0.0] [ABORT^7.0.0]",
    ),
    ("slaveof", "args<host-port{host port:int}|no-one{NO ONE}>"),
    ("slowlog|get", "[count:int]"),
    ("swapdb", "index1:int index2:int"),
];
