//! How commands have changed since they came, and which have better successors.
//!
//! Which version changed what: COMMAND DOCS of Redis 8.2.

/// A version, and the change that came with it.
type Change = (&'static str, &'static str);

/// The changes of a command, the oldest first.
pub fn of(name: &str) -> &'static [Change] {
    let found = CHANGES.iter().find(|(n, _)| *n == name);
    found.map_or(&[], |(_, changes)| changes)
}

/// The version that deprecated a command, and what to use instead.
pub fn successor(name: &str) -> Option<(&'static str, &'static str)> {
    let found = DEPRECATED.iter().find(|(n, ..)| *n == name);
    found.map(|(_, version, better)| (*version, *better))
}

/// The commands that this file describes.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    let changed = CHANGES.iter().map(|(name, _)| *name);
    let deprecated = DEPRECATED.iter().map(|(name, ..)| *name);
    changed.chain(deprecated).chain(INTERNAL)
}

/// Commands that servers send to each other, and that tests send.
pub const INTERNAL: [&str; 5] = [
    "debug",
    "pfdebug",
    "pfselftest",
    "replconf",
    "restore-asking",
];

const DEPRECATED: &[(&str, &str, &str)] = &[
    ("brpoplpush", "6.2.0", "`BLMOVE` from `RIGHT` to `LEFT`"),
    ("cluster|slaves", "5.0.0", "`CLUSTER REPLICAS`"),
    ("cluster|slots", "7.0.0", "`CLUSTER SHARDS`"),
    (
        "georadius",
        "6.2.0",
        "`GEOSEARCH` or `GEOSEARCHSTORE`, `BYRADIUS`",
    ),
    ("georadius_ro", "6.2.0", "`GEOSEARCH`, `BYRADIUS`"),
    (
        "georadiusbymember",
        "6.2.0",
        "`GEOSEARCH` or `GEOSEARCHSTORE`, `FROMMEMBER` and `BYRADIUS`",
    ),
    (
        "georadiusbymember_ro",
        "6.2.0",
        "`GEOSEARCH`, `FROMMEMBER` and `BYRADIUS`",
    ),
    ("getset", "6.2.0", "`SET`, `GET`"),
    ("hmset", "4.0.0", "`HSET`"),
    ("psetex", "2.6.12", "`SET`, `PX`"),
    ("quit", "7.2.0", "closing the connection"),
    ("rpoplpush", "6.2.0", "`LMOVE` from `RIGHT` to `LEFT`"),
    ("setex", "2.6.12", "`SET`, `EX`"),
    ("setnx", "2.6.12", "`SET`, `NX`"),
    ("slaveof", "5.0.0", "`REPLICAOF`"),
    ("substr", "2.0.0", "`GETRANGE`"),
    ("zrangebylex", "6.2.0", "`ZRANGE`, `BYLEX`"),
    ("zrangebyscore", "6.2.0", "`ZRANGE`, `BYSCORE`"),
    ("zrevrange", "6.2.0", "`ZRANGE`, `REV`"),
    ("zrevrangebylex", "6.2.0", "`ZRANGE`, `REV` and `BYLEX`"),
    ("zrevrangebyscore", "6.2.0", "`ZRANGE`, `REV` and `BYSCORE`"),
];

const CHANGES: &[(&str, &[Change])] = &[
    (
        "acl|getuser",
        &[
            ("6.2.0", "Patterns of Pub/Sub channels are in the reply."),
            (
                "7.0.0",
                "Selectors are in the reply; keys and channels are given as \
                 rules and no longer as lists.",
            ),
        ],
    ),
    (
        "acl|log",
        &[(
            "7.2.0",
            "Entries have an ID and the times of their first and last event.",
        )],
    ),
    (
        "acl|setuser",
        &[
            ("6.2.0", "Rules for Pub/Sub channels."),
            (
                "7.0.0",
                "Selectors, and permissions to read or write by key.",
            ),
        ],
    ),
    (
        "auth",
        &[("6.0.0", "A user may be named before the password.")],
    ),
    (
        "bgsave",
        &[("3.2.2", "`SCHEDULE` waits for a running rewrite.")],
    ),
    (
        "bitcount",
        &[("7.0.0", "The range may be in bits: `BYTE` or `BIT`.")],
    ),
    (
        "bitpos",
        &[("7.0.0", "The range may be in bits: `BYTE` or `BIT`.")],
    ),
    ("blpop", &[("6.0.0", "The timeout may have a fraction.")]),
    ("brpop", &[("6.0.0", "The timeout may have a fraction.")]),
    (
        "brpoplpush",
        &[("6.0.0", "The timeout may have a fraction.")],
    ),
    ("bzpopmax", &[("6.0.0", "The timeout may have a fraction.")]),
    ("bzpopmin", &[("6.0.0", "The timeout may have a fraction.")]),
    (
        "client|kill",
        &[
            ("2.8.12", "Filters by name, besides the address alone."),
            ("2.8.12", "The filter `ID`."),
            ("3.2.0", "`TYPE` knows `master`."),
            (
                "5.0.0",
                "`TYPE` knows `replica`, the better name of `slave`.",
            ),
            ("6.2.0", "The filter `LADDR`."),
            ("7.4.0", "The filter `MAXAGE`."),
        ],
    ),
    (
        "client|list",
        &[
            ("2.8.12", "The field `id`."),
            ("5.0.0", "The filter `TYPE`."),
            ("6.0.0", "The field `user`."),
            (
                "6.2.0",
                "The fields `argv-mem`, `tot-mem`, `laddr` and \
                 `redir`; the filter `ID`.",
            ),
            ("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."),
            ("7.0.3", "The field `ssub`."),
            ("7.2.0", "The fields `lib-name` and `lib-ver`."),
            ("7.4.0", "The field `watch`."),
            ("8.0.0", "The field `io-thread`."),
        ],
    ),
    (
        "client|pause",
        &[("6.2.0", "A mode may be given, and `WRITE` is one.")],
    ),
    (
        "cluster|meet",
        &[("4.0.0", "The port of the bus may be given.")],
    ),
    (
        "cluster|slots",
        &[
            ("4.0.0", "Nodes have their ID in the reply."),
            ("7.0.0", "Nodes have more about their network in the reply."),
        ],
    ),
    (
        "command|info",
        &[("7.0.0", "Without names it answers for all commands.")],
    ),
    ("config|get", &[("7.0.0", "Takes several patterns.")]),
    ("config|set", &[("7.0.0", "Takes several parameters.")]),
    ("exists", &[("3.0.3", "Takes several keys.")]),
    (
        "expire",
        &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ),
    (
        "expireat",
        &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ),
    (
        "flushall",
        &[
            ("4.0.0", "`ASYNC` frees memory in the background."),
            ("6.2.0", "`SYNC` frees it at once."),
        ],
    ),
    (
        "flushdb",
        &[
            ("4.0.0", "`ASYNC` frees memory in the background."),
            ("6.2.0", "`SYNC` frees it at once."),
        ],
    ),
    ("geoadd", &[("6.2.0", "The options `CH`, `NX` and `XX`.")]),
    (
        "georadius",
        &[
            ("6.2.0", "`ANY` ends the search at `COUNT` members."),
            ("7.0.0", "Units may be in capital letters."),
        ],
    ),
    (
        "georadius_ro",
        &[
            ("6.2.0", "`ANY` ends the search at `COUNT` members."),
            ("7.0.0", "Units may be in capital letters."),
        ],
    ),
    (
        "georadiusbymember",
        &[
            ("6.2.0", "`ANY` ends the search at `COUNT` members."),
            ("7.0.0", "Units may be in capital letters."),
        ],
    ),
    (
        "georadiusbymember_ro",
        &[
            ("6.2.0", "`ANY` ends the search at `COUNT` members."),
            ("7.0.0", "Units may be in capital letters."),
        ],
    ),
    (
        "geosearch",
        &[("7.0.0", "Units may be in capital letters.")],
    ),
    (
        "geosearchstore",
        &[("7.0.0", "Units may be in capital letters.")],
    ),
    ("hdel", &[("2.4.0", "Takes several fields.")]),
    (
        "hello",
        &[(
            "6.2.0",
            "The version may be left out: then the \
             reply only describes the connection.",
        )],
    ),
    (
        "hset",
        &[("4.0.0", "Takes several fields with their values.")],
    ),
    ("info", &[("7.0.0", "Takes several sections.")]),
    ("lpop", &[("6.2.0", "A count may be given.")]),
    ("lpush", &[("2.4.0", "Takes several elements.")]),
    ("lpushx", &[("4.0.0", "Takes several elements.")]),
    (
        "migrate",
        &[
            ("3.0.0", "The options `COPY` and `REPLACE`."),
            ("3.0.6", "`KEYS` moves several keys."),
            ("4.0.7", "The option `AUTH`."),
            ("6.0.0", "The option `AUTH2`."),
        ],
    ),
    (
        "pexpire",
        &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ),
    (
        "pexpireat",
        &[("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`.")],
    ),
    (
        "pttl",
        &[("2.8.0", "The reply is -2 for a key that does not exist.")],
    ),
    ("renamenx", &[("3.2.0", "Both names may be the same.")]),
    (
        "restore",
        &[
            ("3.0.0", "The option `REPLACE`."),
            ("5.0.0", "The option `ABSTTL`."),
            ("5.0.0", "The options `IDLETIME` and `FREQ`."),
        ],
    ),
    (
        "restore-asking",
        &[
            ("3.0.0", "The option `REPLACE`."),
            ("5.0.0", "The option `ABSTTL`."),
            ("5.0.0", "The options `IDLETIME` and `FREQ`."),
        ],
    ),
    ("rpop", &[("6.2.0", "A count may be given.")]),
    ("rpush", &[("2.4.0", "Takes several elements.")]),
    ("rpushx", &[("4.0.0", "Takes several elements.")]),
    ("sadd", &[("2.4.0", "Takes several members.")]),
    ("scan", &[("6.0.0", "The filter `TYPE`.")]),
    (
        "script|flush",
        &[("6.2.0", "The modes `ASYNC` and `SYNC`.")],
    ),
    (
        "set",
        &[
            ("2.6.12", "The options `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "The option `KEEPTTL`."),
            ("6.2.0", "The options `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "`NX` and `GET` may be given together."),
        ],
    ),
    (
        "shutdown",
        &[("7.0.0", "The options `NOW`, `FORCE` and `ABORT`.")],
    ),
    (
        "slowlog|get",
        &[("4.0.0", "Entries have the client's address and name.")],
    ),
    ("spop", &[("3.2.0", "A count may be given.")]),
    ("srandmember", &[("2.6.0", "A count may be given.")]),
    ("srem", &[("2.4.0", "Takes several members.")]),
    (
        "ttl",
        &[("2.8.0", "The reply is -2 for a key that does not exist.")],
    ),
    (
        "xadd",
        &[
            (
                "6.2.0",
                "The options `NOMKSTREAM` and `LIMIT`, and trimming by `MINID`.",
            ),
            ("7.0.0", "An ID may be `<ms>-*`."),
            ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
        ],
    ),
    (
        "xautoclaim",
        &[(
            "7.0.0",
            "The reply has the deleted entries that were \
             dropped from the pending ones.",
        )],
    ),
    ("xgroup|create", &[("7.0.0", "The option `ENTRIESREAD`.")]),
    ("xgroup|setid", &[("7.0.0", "The option `ENTRIESREAD`.")]),
    (
        "xinfo|consumers",
        &[(
            "7.2.0",
            "The field `inactive`; `idle` counts from the last attempt.",
        )],
    ),
    (
        "xinfo|groups",
        &[("7.0.0", "The fields `entries-read` and `lag`.")],
    ),
    (
        "xinfo|stream",
        &[
            ("6.0.0", "`FULL` shows everything."),
            (
                "7.0.0",
                "The fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
                 `entries-read` and `lag`.",
            ),
            (
                "7.2.0",
                "The field `active-time`; `seen-time` counts attempts.",
            ),
        ],
    ),
    (
        "xpending",
        &[(
            "6.2.0",
            "The filter `IDLE`, and ranges that leave out their ends.",
        )],
    ),
    ("xrange", &[("6.2.0", "Ranges may leave out their ends.")]),
    (
        "xrevrange",
        &[("6.2.0", "Ranges may leave out their ends.")],
    ),
    (
        "xsetid",
        &[("7.0.0", "The options `ENTRIESADDED` and `MAXDELETEDID`.")],
    ),
    (
        "xtrim",
        &[
            ("6.2.0", "The option `LIMIT`, and trimming by `MINID`."),
            ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
        ],
    ),
    (
        "zadd",
        &[
            ("2.4.0", "Takes several members with their scores."),
            ("3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."),
            ("6.2.0", "The conditions `GT` and `LT`."),
        ],
    ),
    (
        "zrange",
        &[(
            "6.2.0",
            "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.",
        )],
    ),
    ("zrangebyscore", &[("2.0.0", "The option `WITHSCORES`.")]),
    ("zrank", &[("7.2.0", "The option `WITHSCORE`.")]),
    ("zrem", &[("2.4.0", "Takes several members.")]),
    (
        "zrevrangebyscore",
        &[("2.1.6", "Ranges may leave out their ends.")],
    ),
    ("zrevrank", &[("7.2.0", "The option `WITHSCORE`.")]),
];
