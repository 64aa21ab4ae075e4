//! What the commands of streams take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("xack", "key@0 group id..."),
    (
        "xackdel",
        "key@0 group [condition<KEEPREF|DELREF|ACKED>] IDS ids{numids:int id...}",
    ),
    (
        "xadd",
        "key@0 [NOMKSTREAM^6.2.0] [condition<KEEPREF|DELREF|ACKED>] \
         [trim{strategy<MAXLEN|MINID^6.2.0> [operator<equal:'='|approximately:'~'>] threshold \
         [LIMIT count:int^6.2.0]}] id-selector<auto-id:'*'|id> data{field value}...",
    ),
    (
        "xautoclaim",
        "key@0 group consumer min-idle-time start [COUNT count:int] [JUSTID]",
    ),
    (
        "xclaim",
        "key@0 group consumer min-idle-time id... [IDLE ms:int] [TIME \
         unix-time-milliseconds:time] [RETRYCOUNT count:int] [FORCE] [JUSTID] [LASTID lastid]",
    ),
    ("xdel", "key@0 id..."),
    (
        "xdelex",
        "key@0 [condition<KEEPREF|DELREF|ACKED>] IDS ids{numids:int id...}",
    ),
    (
        "xgroup|create",
        "key@0 group id-selector<id|new-id:'$'> [MKSTREAM] [ENTRIESREAD \
         entriesread:int=entries-read]",
    ),
    ("xgroup|createconsumer", "key@0 group consumer"),
    ("xgroup|delconsumer", "key@0 group consumer"),
    ("xgroup|destroy", "key@0 group"),
    (
        "xgroup|setid",
        "key@0 group id-selector<id|new-id:'$'> [ENTRIESREAD entriesread:int=entries-read]",
    ),
    ("xinfo|consumers", "key@0 group"),
    ("xinfo|groups", "key@0"),
    ("xinfo|stream", "key@0 [full-block{FULL [COUNT count:int]}]"),
    ("xlen", "key@0"),
    (
        "xpending",
        "key@0 group [filters{[IDLE min-idle-time:int^6.2.0] start end count:int [consumer]}]",
    ),
    ("xrange", "key@0 start end [COUNT count:int]"),
    (
        "xread",
        "[COUNT count:int] [BLOCK milliseconds:int] STREAMS streams{key@0... id...}",
    ),
    (
        "xreadgroup",
        "GROUP group-block{group consumer} [COUNT count:int] [BLOCK milliseconds:int] [NOACK] \
         STREAMS streams{key@0... id...}",
    ),
    ("xrevrange", "key@0 end start [COUNT count:int]"),
    (
        "xsetid",
        "key@0 last-id [ENTRIESADDED entries-added:int^7.0.0] [MAXDELETEDID \
         max-deleted-id^7.0.0]",
    ),
    (
        "xtrim",
        "key@0 trim{strategy<MAXLEN|MINID^6.2.0> [operator<equal:'='|approximately:'~'>] \
         threshold [LIMIT count:int^6.2.0] [condition<KEEPREF|DELREF|ACKED>]}",
    ),
];
