//! What COMMAND DOCS says about the commands for hashes.

use engine::spec::Docs;

pub static HDEL: Docs = Docs {
    arguments: "key@0 field...",
    history: &[("2.4.0", "Takes several fields.")],
    ..Docs::NONE
};

pub static HEXISTS: Docs = Docs::of("key@0 field");

pub static HEXPIRE: Docs =
    Docs::of("key@0 seconds:int [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int field...}");

pub static HEXPIREAT: Docs = Docs::of(
    "key@0 unix-time-seconds:time [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int \
         field...}",
);

pub static HEXPIRETIME: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HGET: Docs = Docs::of("key@0 field");

pub static HGETALL: Docs = Docs::of("key@0");

pub static HGETDEL: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HGETEX: Docs = Docs::of(
    "key@0 [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT \
         unix-time-milliseconds:time|PERSIST>] FIELDS fields{numfields:int field...}",
);

pub static HIMPORT_DISCARD: Docs = Docs::of("fieldset-name");

pub static HIMPORT_PREPARE: Docs = Docs::of("fieldset-name field...");

pub static HIMPORT_SET: Docs = Docs::of("key@0 fieldset-name value...");

pub static HINCRBY: Docs = Docs::of("key@0 field increment:int");

pub static HINCRBYFLOAT: Docs = Docs::of("key@0 field increment:double");

pub static HKEYS: Docs = Docs::of("key@0");

pub static HLEN: Docs = Docs::of("key@0");

pub static HMGET: Docs = Docs::of("key@0 field...");

pub static HMSET: Docs = Docs {
    arguments: "key@0 data{field value}...",
    replaced: Some(("4.0.0", "`HSET`")),
    ..Docs::NONE
};

pub static HPERSIST: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HPEXPIRE: Docs = Docs::of(
    "key@0 milliseconds:int [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int field...}",
);

pub static HPEXPIREAT: Docs = Docs::of(
    "key@0 unix-time-milliseconds:time [condition<NX|XX|GT|LT>] FIELDS fields{numfields:int \
         field...}",
);

pub static HPEXPIRETIME: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HPTTL: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HRANDFIELD: Docs = Docs::of("key@0 [options{count:int [WITHVALUES]}]");

pub static HSCAN: Docs =
    Docs::of("key@0 cursor:int [MATCH pattern:pattern] [COUNT count:int] [NOVALUES]");

pub static HSET: Docs = Docs {
    arguments: "key@0 data{field value}...",
    history: &[("4.0.0", "Takes several fields with their values.")],
    ..Docs::NONE
};

pub static HSETEX: Docs = Docs::of(
    "key@0 [condition<FNX|FXX>] [expiration<EX seconds:int|PX milliseconds:int|EXAT \
         unix-time-seconds:time|PXAT unix-time-milliseconds:time|KEEPTTL>] FIELDS \
         fields{numfields:int data{field value}...}",
);

pub static HSETNX: Docs = Docs::of("key@0 field value");

pub static HSTRLEN: Docs = Docs::of("key@0 field");

pub static HTTL: Docs = Docs::of("key@0 FIELDS fields{numfields:int field...}");

pub static HVALS: Docs = Docs::of("key@0");
