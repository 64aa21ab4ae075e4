//! What COMMAND DOCS says about the commands for streams.

use engine::spec::Docs;

pub static XACK: Docs = Docs::of("key@0 group id...");

pub static XACKDEL: Docs =
    Docs::of("key@0 group [condition<KEEPREF|DELREF|ACKED>] IDS ids{numids:int id...}");

pub static XADD: Docs = Docs {
    arguments: "key@0 [NOMKSTREAM^6.2.0] [condition<KEEPREF|DELREF|ACKED>] \
         [idmp<IDMPAUTO pid|IDMP idmp{pid iid}>^8.6.0] [trim{strategy<MAXLEN|MINID^6.2.0> [operator<equal:'='|approximately:'~'>] threshold \
         [LIMIT count:int^6.2.0]}] id-selector<auto-id:'*'|id> data{field value}...",
    history: &[
        (
            "6.2.0",
            "The options `NOMKSTREAM` and `LIMIT`, and trimming by `MINID`.",
        ),
        ("7.0.0", "An ID may be `<ms>-*`."),
        ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
    ],
    ..Docs::NONE
};

pub static XAUTOCLAIM: Docs = Docs {
    arguments: "key@0 group consumer min-idle-time start [COUNT count:int] [JUSTID]",
    history: &[(
        "7.0.0",
        "The reply has the deleted entries that were \
             dropped from the pending ones.",
    )],
    ..Docs::NONE
};

pub static XCFGSET: Docs =
    Docs::of("key@0 [IDMP-DURATION idmp-duration:int] [IDMP-MAXSIZE idmp-maxsize:int]");

pub static XCLAIM: Docs = Docs::of(
    "key@0 group consumer min-idle-time id... [IDLE ms:int] [TIME \
         unix-time-milliseconds:time] [RETRYCOUNT count:int] [FORCE] [JUSTID] [LASTID lastid]",
);

pub static XDEL: Docs = Docs::of("key@0 id...");

pub static XDELEX: Docs =
    Docs::of("key@0 [condition<KEEPREF|DELREF|ACKED>] IDS ids{numids:int id...}");

pub static XIDMPRECORD: Docs = Docs::of("key@0 pid iid stream-id");

pub static XGROUP_CREATE: Docs = Docs {
    arguments: "key@0 group id-selector<id|new-id:'$'> [MKSTREAM] [ENTRIESREAD \
         entriesread:int=entries-read]",
    history: &[("7.0.0", "The option `ENTRIESREAD`.")],
    ..Docs::NONE
};

pub static XGROUP_CREATECONSUMER: Docs = Docs::of("key@0 group consumer");

pub static XGROUP_DELCONSUMER: Docs = Docs::of("key@0 group consumer");

pub static XGROUP_DESTROY: Docs = Docs::of("key@0 group");

pub static XGROUP_SETID: Docs = Docs {
    arguments: "key@0 group id-selector<id|new-id:'$'> [ENTRIESREAD entriesread:int=entries-read]",
    history: &[("7.0.0", "The option `ENTRIESREAD`.")],
    ..Docs::NONE
};

pub static XINFO_CONSUMERS: Docs = Docs {
    arguments: "key@0 group",
    history: &[(
        "7.2.0",
        "The field `inactive`; `idle` counts from the last attempt.",
    )],
    ..Docs::NONE
};

pub static XINFO_GROUPS: Docs = Docs {
    arguments: "key@0",
    history: &[("7.0.0", "The fields `entries-read` and `lag`.")],
    ..Docs::NONE
};

pub static XINFO_STREAM: Docs = Docs {
    arguments: "key@0 [full-block{FULL [COUNT count:int]}]",
    history: &[
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
        (
            "8.6.0",
            "The fields `idmp-duration`, `idmp-maxsize`, `pids-tracked`, `iids-tracked`, \
                 `iids-added` and `iids-duplicates`.",
        ),
        (
            "8.8.0",
            "Groups have the field `nacked-count` in the output of `FULL`.",
        ),
    ],
    ..Docs::NONE
};

pub static XLEN: Docs = Docs::of("key@0");

pub static XNACK: Docs = Docs::of(
    "key@0 group mode<SILENT|FAIL|FATAL> IDS ids{numids:int id...} [RETRYCOUNT count:int] [FORCE]",
);

pub static XPENDING: Docs = Docs {
    arguments: "key@0 group [filters{[IDLE min-idle-time:int^6.2.0] start end count:int [consumer]}]",
    history: &[(
        "6.2.0",
        "The filter `IDLE`, and ranges that leave out their ends.",
    )],
    ..Docs::NONE
};

pub static XRANGE: Docs = Docs {
    arguments: "key@0 start end [COUNT count:int]",
    history: &[("6.2.0", "Ranges may leave out their ends.")],
    ..Docs::NONE
};

pub static XREAD: Docs =
    Docs::of("[COUNT count:int] [BLOCK milliseconds:int] STREAMS streams{key@0... id...}");

pub static XREADGROUP: Docs = Docs::of(
    "GROUP group-block{group consumer} [COUNT count:int] [BLOCK milliseconds:int] [NOACK] \
         STREAMS streams{key@0... id...}",
);

pub static XREVRANGE: Docs = Docs {
    arguments: "key@0 end start [COUNT count:int]",
    history: &[("6.2.0", "Ranges may leave out their ends.")],
    ..Docs::NONE
};

pub static XSETID: Docs = Docs {
    arguments: "key@0 last-id [ENTRIESADDED entries-added:int^7.0.0] [MAXDELETEDID \
         max-deleted-id^7.0.0]",
    history: &[("7.0.0", "The options `ENTRIESADDED` and `MAXDELETEDID`.")],
    ..Docs::NONE
};

pub static XTRIM: Docs = Docs {
    arguments: "key@0 trim{strategy<MAXLEN|MINID^6.2.0> [operator<equal:'='|approximately:'~'>] \
         threshold [LIMIT count:int^6.2.0] [condition<KEEPREF|DELREF|ACKED>]}",
    history: &[
        ("6.2.0", "The option `LIMIT`, and trimming by `MINID`."),
        ("8.2.0", "The options `KEEPREF`, `DELREF` and `ACKED`."),
    ],
    ..Docs::NONE
};
