//! What COMMAND DOCS says about the commands for sorted sets.

use engine::spec::Docs;

pub static BZMPOP: Docs =
    Docs::of("timeout:double numkeys:int key@0... where<MIN|MAX> [COUNT count:int]");

pub static BZPOPMAX: Docs = Docs {
    arguments: "key@0... timeout:double",
    history: &[("6.0.0", "The timeout may have a fraction.")],
    ..Docs::NONE
};

pub static BZPOPMIN: Docs = Docs {
    arguments: "key@0... timeout:double",
    history: &[("6.0.0", "The timeout may have a fraction.")],
    ..Docs::NONE
};

pub static ZADD: Docs = Docs {
    arguments: "key@0 [condition<NX|XX>^3.0.2] [comparison<GT|LT>^6.2.0] [change:CH^3.0.2] \
         [increment:INCR^3.0.2] data{score:double member}...",
    history: &[
        ("2.4.0", "Takes several members with their scores."),
        ("3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."),
        ("6.2.0", "The conditions `GT` and `LT`."),
    ],
    ..Docs::NONE
};

pub static ZCARD: Docs = Docs::of("key@0");

pub static ZCOUNT: Docs = Docs::of("key@0 min:double max:double");

pub static ZDIFF: Docs = Docs::of("numkeys:int key@0... [WITHSCORES]");

pub static ZDIFFSTORE: Docs = Docs::of("destination@0 numkeys:int key@1...");

pub static ZINCRBY: Docs = Docs::of("key@0 increment:int member");

pub static ZINTER: Docs = Docs {
    arguments: "numkeys:int key@0... [WEIGHTS weight:int...] [AGGREGATE \
         aggregate<SUM|MIN|MAX|COUNT^8.8.0>] [WITHSCORES]",
    history: &[("8.8.0", "The aggregate `COUNT`.")],
    ..Docs::NONE
};

pub static ZINTERCARD: Docs = Docs::of("numkeys:int key@0... [LIMIT limit:int]");

pub static ZINTERSTORE: Docs = Docs {
    arguments: "destination@0 numkeys:int key@1... [WEIGHTS weight:int...] [AGGREGATE \
         aggregate<SUM|MIN|MAX|COUNT^8.8.0>]",
    history: &[("8.8.0", "The aggregate `COUNT`.")],
    ..Docs::NONE
};

pub static ZLEXCOUNT: Docs = Docs::of("key@0 min max");

pub static ZMPOP: Docs = Docs::of("numkeys:int key@0... where<MIN|MAX> [COUNT count:int]");

pub static ZMSCORE: Docs = Docs::of("key@0 member...");

pub static ZPOPMAX: Docs = Docs::of("key@0 [count:int]");

pub static ZPOPMIN: Docs = Docs::of("key@0 [count:int]");

pub static ZRANDMEMBER: Docs = Docs::of("key@0 [options{count:int [WITHSCORES]}]");

pub static ZRANGE: Docs = Docs {
    arguments: "key@0 start stop [sortby<BYSCORE|BYLEX>^6.2.0] [REV^6.2.0] [LIMIT limit{offset:int \
         count:int}^6.2.0] [WITHSCORES]",
    history: &[(
        "6.2.0",
        "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.",
    )],
    ..Docs::NONE
};

pub static ZRANGEBYLEX: Docs = Docs {
    arguments: "key@0 min max [LIMIT limit{offset:int count:int}]",
    replaced: Some(("6.2.0", "`ZRANGE`, `BYLEX`")),
    ..Docs::NONE
};

pub static ZRANGEBYSCORE: Docs = Docs {
    arguments: "key@0 min:double max:double [WITHSCORES^2.0.0] [LIMIT limit{offset:int count:int}]",
    history: &[("2.0.0", "The option `WITHSCORES`.")],
    replaced: Some(("6.2.0", "`ZRANGE`, `BYSCORE`")),
    ..Docs::NONE
};

pub static ZRANGESTORE: Docs = Docs::of(
    "dst@0 src@1 min max [sortby<BYSCORE|BYLEX>] [REV] [LIMIT limit{offset:int count:int}]",
);

pub static ZRANK: Docs = Docs {
    arguments: "key@0 member [WITHSCORE]",
    history: &[("7.2.0", "The option `WITHSCORE`.")],
    ..Docs::NONE
};

pub static ZREM: Docs = Docs {
    arguments: "key@0 member...",
    history: &[("2.4.0", "Takes several members.")],
    ..Docs::NONE
};

pub static ZREMRANGEBYLEX: Docs = Docs::of("key@0 min max");

pub static ZREMRANGEBYRANK: Docs = Docs::of("key@0 start:int stop:int");

pub static ZREMRANGEBYSCORE: Docs = Docs::of("key@0 min:double max:double");

pub static ZREVRANGE: Docs = Docs {
    arguments: "key@0 start:int stop:int [WITHSCORES]",
    replaced: Some(("6.2.0", "`ZRANGE`, `REV`")),
    ..Docs::NONE
};

pub static ZREVRANGEBYLEX: Docs = Docs {
    arguments: "key@0 max min [LIMIT limit{offset:int count:int}]",
    replaced: Some(("6.2.0", "`ZRANGE`, `REV` and `BYLEX`")),
    ..Docs::NONE
};

pub static ZREVRANGEBYSCORE: Docs = Docs {
    arguments: "key@0 max:double min:double [WITHSCORES] [LIMIT limit{offset:int count:int}]",
    history: &[("2.1.6", "Ranges may leave out their ends.")],
    replaced: Some(("6.2.0", "`ZRANGE`, `REV` and `BYSCORE`")),
    ..Docs::NONE
};

pub static ZREVRANK: Docs = Docs {
    arguments: "key@0 member [WITHSCORE]",
    history: &[("7.2.0", "The option `WITHSCORE`.")],
    ..Docs::NONE
};

pub static ZSCAN: Docs = Docs::of("key@0 cursor:int [MATCH pattern:pattern] [COUNT count:int]");

pub static ZSCORE: Docs = Docs::of("key@0 member");

pub static ZUNION: Docs = Docs {
    arguments: "numkeys:int key@0... [WEIGHTS weight:int...] [AGGREGATE \
         aggregate<SUM|MIN|MAX|COUNT^8.8.0>] [WITHSCORES]",
    history: &[("8.8.0", "The aggregate `COUNT`.")],
    ..Docs::NONE
};

pub static ZUNIONSTORE: Docs = Docs {
    arguments: "destination@0 numkeys:int key@1... [WEIGHTS weight:int...] [AGGREGATE \
         aggregate<SUM|MIN|MAX|COUNT^8.8.0>]",
    history: &[("8.8.0", "The aggregate `COUNT`.")],
    ..Docs::NONE
};
