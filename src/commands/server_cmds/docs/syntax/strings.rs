//! What the commands of strings take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("append", "key@0 value"),
    ("decr", "key@0"),
    ("decrby", "key@0 decrement:int"),
    ("delifeq", "key@0 value"),
    ("get", "key@0"),
    ("getdel", "key@0"),
    (
        "getex",
        "key@0 [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT \
         unix-time-milliseconds:time|PERSIST>]",
    ),
    ("getrange", "key@0 start:int end:int"),
    ("getset", "key@0 value"),
    ("incr", "key@0"),
    ("incrby", "key@0 increment:int"),
    ("incrbyfloat", "key@0 increment:double"),
    (
        "lcs",
        "key1@0 key2@0 [LEN] [IDX] [MINMATCHLEN min-match-len:int] [WITHMATCHLEN]",
    ),
    ("mget", "key@0..."),
    ("mset", "data{key@0 value}..."),
    (
        "msetex",
        "numkeys:int data{key@0 value}... [condition<NX|XX>] [expiration<EX seconds:int|PX \
         milliseconds:int|EXAT unix-time-seconds:time|PXAT unix-time-milliseconds:time|KEEPTTL>]",
    ),
    ("msetnx", "data{key@0 value}..."),
    ("psetex", "key@0 milliseconds:int value"),
    (
        "set",
        "key@0 value [condition<NX|XX>^2.6.12] [GET^6.2.0] [expiration<EX seconds:int^2.6.12|PX \
         milliseconds:int^2.6.12|EXAT unix-time-seconds:time^6.2.0|PXAT \
         unix-time-milliseconds:time^6.2.0|KEEPTTL^6.0.0>]",
    ),
    ("setex", "key@0 seconds:int value"),
    ("setnx", "key@0 value"),
    ("setrange", "key@0 offset:int value"),
    ("strlen", "key@0"),
    ("substr", "key@0 start:int end:int"),
];
