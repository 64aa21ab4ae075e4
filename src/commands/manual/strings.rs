//! What COMMAND DOCS says about the commands for strings.

use engine::spec::Docs;

pub static APPEND: Docs = Docs::of("key@0 value");

pub static DECR: Docs = Docs::of("key@0");

pub static DECRBY: Docs = Docs::of("key@0 decrement:int");

pub static DELEX: Docs = Docs::of(
    "key@0 [condition<IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE ifdne-digest>]",
);

pub static DELIFEQ: Docs = Docs::of("key@0 value");

pub static DIGEST: Docs = Docs::of("key@0");

pub static GET: Docs = Docs::of("key@0");

pub static GETDEL: Docs = Docs::of("key@0");

pub static GETEX: Docs = Docs::of(
    "key@0 [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT \
         unix-time-milliseconds:time|PERSIST>]",
);

pub static GETRANGE: Docs = Docs::of("key@0 start:int end:int");

pub static GETSET: Docs = Docs {
    arguments: "key@0 value",
    replaced: Some(("6.2.0", "`SET`, `GET`")),
    ..Docs::NONE
};

pub static INCR: Docs = Docs::of("key@0");

pub static INCRBY: Docs = Docs::of("key@0 increment:int");

pub static INCRBYFLOAT: Docs = Docs::of("key@0 increment:double");

pub static INCREX: Docs = Docs::of(
    "key@0 [increment<BYFLOAT float:double|BYINT integer:int>] [SATURATE] [LBOUND lowerbound] [UBOUND \
         upperbound] [expiration<EX seconds:int|PX milliseconds:int|EXAT unix-time-seconds:time|PXAT \
         unix-time-milliseconds:time|PERSIST>] [ENX]",
);

pub static LCS: Docs =
    Docs::of("key1@0 key2@0 [LEN] [IDX] [MINMATCHLEN min-match-len:int] [WITHMATCHLEN]");

pub static MGET: Docs = Docs::of("key@0...");

pub static MSET: Docs = Docs::of("data{key@0 value}...");

pub static MSETEX: Docs = Docs::of(
    "numkeys:int data{key@0 value}... [condition<NX|XX>] [expiration<EX seconds:int|PX \
         milliseconds:int|EXAT unix-time-seconds:time|PXAT unix-time-milliseconds:time|KEEPTTL>]",
);

pub static MSETNX: Docs = Docs::of("data{key@0 value}...");

pub static PSETEX: Docs = Docs {
    arguments: "key@0 milliseconds:int value",
    replaced: Some(("2.6.12", "`SET`, `PX`")),
    ..Docs::NONE
};

pub static SET: Docs = Docs {
    arguments: "key@0 value [condition<NX|XX|IFEQ ifeq-value^8.4.0|IFNE ifne-value^8.4.0|IFDEQ \
         ifdeq-digest^8.4.0|IFDNE ifdne-digest^8.4.0>^2.6.12] [GET^6.2.0] [expiration<EX \
         seconds:int^2.6.12|PX milliseconds:int^2.6.12|EXAT unix-time-seconds:time^6.2.0|PXAT \
         unix-time-milliseconds:time^6.2.0|KEEPTTL^6.0.0>]",
    history: &[
        ("2.6.12", "The options `EX`, `PX`, `NX` and `XX`."),
        ("6.0.0", "The option `KEEPTTL`."),
        ("6.2.0", "The options `GET`, `EXAT` and `PXAT`."),
        ("7.0.0", "`NX` and `GET` may be given together."),
        (
            "8.4.0",
            "The conditions `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`.",
        ),
    ],
    ..Docs::NONE
};

pub static SETEX: Docs = Docs {
    arguments: "key@0 seconds:int value",
    replaced: Some(("2.6.12", "`SET`, `EX`")),
    ..Docs::NONE
};

pub static SETNX: Docs = Docs {
    arguments: "key@0 value",
    replaced: Some(("2.6.12", "`SET`, `NX`")),
    ..Docs::NONE
};

pub static SETRANGE: Docs = Docs::of("key@0 offset:int value");

pub static STRLEN: Docs = Docs::of("key@0");

pub static SUBSTR: Docs = Docs {
    arguments: "key@0 start:int end:int",
    replaced: Some(("2.0.0", "`GETRANGE`")),
    ..Docs::NONE
};
