//! What the commands of hashes take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("hdel", "key@0 field..."),
    ("hexists", "key@0 field"),
    (
        "hexpire",
        "key@0 seconds:int [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int field...}",
    ),
    (
        "hexpireat",
        "key@0 unix-time-seconds:time [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int \
         field...}",
    ),
    ("hexpiretime", "key@0 FIELDS fields{numfields:int field...}"),
    ("hget", "key@0 field"),
    ("hgetall", "key@0"),
    ("hgetdel", "key@0 FIELDS fields{numfields:int field...}"),
    (
        "hgetex",
        "key@0 [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT \
         unix-time-milliseconds:time|PERSIST>] FIELDS fields{numfields:int field...}",
    ),
    ("hincrby", "key@0 field increment:int"),
    ("hincrbyfloat", "key@0 field increment:double"),
    ("hkeys", "key@0"),
    ("hlen", "key@0"),
    ("hmget", "key@0 field..."),
    ("hmset", "key@0 data{field value}..."),
    ("hpersist", "key@0 FIELDS fields{numfields:int field...}"),
    (
        "hpexpire",
        "key@0 milliseconds:int [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int field...}",
    ),
    (
        "hpexpireat",
        "key@0 unix-time-milliseconds:time [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int \
         field...}",
    ),
    (
        "hpexpiretime",
        "key@0 FIELDS fields{numfields:int field...}",
    ),
    ("hpttl", "key@0 FIELDS fields{numfields:int field...}"),
    ("hrandfield", "key@0 [options{count:int [WITHVALUES]}]"),
    (
        "hscan",
        "key@0 cursor:int [MATCH pattern:pattern] [COUNT count:int] [NOVALUES]",
    ),
    ("hset", "key@0 data{field value}..."),
    (
        "hsetex",
        "key@0 [condition<FNX|FXX>] [expiration<EX seconds:int|PX milliseconds:int|EXAT \
         unix-time-seconds:time|PXAT unix-time-milliseconds:time|KEEPTTL>] FIELDS \
         fields{numfields:int data{field value}...}",
    ),
    ("hsetnx", "key@0 field value"),
    ("hstrlen", "key@0 field"),
    ("httl", "key@0 FIELDS fields{numfields:int field...}"),
    ("hvals", "key@0"),
];
