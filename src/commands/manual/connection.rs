//! What COMMAND DOCS says about the commands for connections, channels and transactions.

use engine::spec::Docs;

pub static AUTH: Docs = Docs {
    arguments: "[username^6.0.0] password",
    history: &[("6.0.0", "A user may be named before the password.")],
    ..Docs::NONE
};

pub static CLIENT_CACHING: Docs = Docs::of("mode<YES|NO>");

pub static CLIENT_CAPA: Docs = Docs::of("capability...");

pub static CLIENT_IMPORT_SOURCE: Docs = Docs::of("enabled<ON|OFF>");

pub static CLIENT_KILL: Docs = Docs {
    arguments: "filter<old-format=ip:port~2.8.12|new-format<[ID client-id:int...^2.8.12]|\
         [TYPE client-type<NORMAL|MASTER^3.2.0|PRIMARY^8.0.0|SLAVE|REPLICA^5.0.0|PUBSUB>^2.8.12]|\
         [USER username]|[ADDR addr=ip:port]|[LADDR laddr=ip:port^6.2.0]|[SKIPME skipme<YES|NO>]|\
         [MAXAGE maxage:int^8.0.0]|[NAME name^9.0.0]|[IDLE idle:int^9.0.0]|[FLAGS flags^9.0.0]|\
         [LIB-NAME lib-name^9.0.0]|[LIB-VER lib-ver^9.0.0]|[DB db:int^9.0.0]|[CAPA capa^9.0.0]|[IP ip^9.0.0]|\
         [NOT-TYPE not-client-type<NORMAL|MASTER|PRIMARY|SLAVE|REPLICA|PUBSUB>^9.0.0]|\
         [NOT-ID not-client-id:int...^9.0.0]|[NOT-USER not-username^9.0.0]|[NOT-ADDR not-addr=ip:port^9.0.0]|\
         [NOT-LADDR not-laddr=ip:port^9.0.0]|[NOT-NAME not-name^9.0.0]|[NOT-FLAGS not-flags^9.0.0]|\
         [NOT-LIB-NAME not-lib-name^9.0.0]|[NOT-LIB-VER not-lib-ver^9.0.0]|[NOT-DB not-db:int^9.0.0]|\
         [NOT-CAPA not-capa^9.0.0]|[NOT-IP not-ip^9.0.0]>...>",
    history: &[
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
    ..Docs::NONE
};

pub static CLIENT_LIST: Docs = Docs {
    arguments: "[TYPE client-type<NORMAL|MASTER|REPLICA|PUBSUB>^5.0.0] [ID client-id:int...^6.2.0] \
         [USER username^8.1.0] [ADDR addr=ip:port^8.1.0] [LADDR laddr=ip:port^8.1.0] \
         [SKIPME skipme<YES|NO>^8.1.0] [MAXAGE maxage:int^8.1.0] [NAME name^9.0.0] [IDLE idle:int^9.0.0] \
         [FLAGS flags^9.0.0] [LIB-NAME lib-name^9.0.0] [LIB-VER lib-ver^9.0.0] [DB db:int^9.0.0] \
         [CAPA capa^9.0.0] [IP ip^9.0.0] [NOT-TYPE not-client-type<NORMAL|MASTER|REPLICA|PUBSUB>^9.0.0] \
         [NOT-ID not-client-id:int...^9.0.0] [NOT-USER not-username^9.0.0] [NOT-ADDR not-addr=ip:port^9.0.0] \
         [NOT-LADDR not-laddr=ip:port^9.0.0] [NOT-NAME not-name^9.0.0] [NOT-FLAGS not-flags^9.0.0] \
         [NOT-LIB-NAME not-lib-name^9.0.0] [NOT-LIB-VER not-lib-ver^9.0.0] [NOT-DB not-db:int^9.0.0] \
         [NOT-CAPA not-capa^9.0.0] [NOT-IP not-ip^9.0.0]",
    history: &[
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
    ..Docs::NONE
};

pub static CLIENT_NO_EVICT: Docs = Docs::of("enabled<ON|OFF>");

pub static CLIENT_NO_TOUCH: Docs = Docs::of("enabled<ON|OFF>");

pub static CLIENT_PAUSE: Docs = Docs {
    arguments: "timeout:int [mode<WRITE|ALL>^6.2.0]",
    history: &[("6.2.0", "A mode may be given, and `WRITE` is one.")],
    ..Docs::NONE
};

pub static CLIENT_REPLY: Docs = Docs::of("action<ON|OFF|SKIP>");

pub static CLIENT_SETINFO: Docs = Docs::of("attr<LIB-NAME libname|LIB-VER libver>");

pub static CLIENT_SETNAME: Docs = Docs::of("connection-name");

pub static CLIENT_TRACKING: Docs = Docs::of(
    "status<ON|OFF> [REDIRECT client-id:int] [PREFIX prefix&...] [BCAST] [OPTIN] [OPTOUT] \
         [NOLOOP]",
);

pub static CLIENT_UNBLOCK: Docs = Docs::of("client-id:int [unblock-type<TIMEOUT|ERROR>]");

pub static ECHO: Docs = Docs::of("message");

pub static HELLO: Docs = Docs {
    arguments: "[arguments{protover:int [AUTH auth{username password}] [SETNAME clientname]}]",
    history: &[(
        "6.2.0",
        "The version may be left out: then the \
             reply only describes the connection.",
    )],
    ..Docs::NONE
};

pub static PING: Docs = Docs::of("[message]");

pub static PSUBSCRIBE: Docs = Docs::of("pattern:pattern...");

pub static PUBLISH: Docs = Docs::of("channel message");

pub static PUBSUB_CHANNELS: Docs = Docs::of("[pattern:pattern]");

pub static PUBSUB_NUMSUB: Docs = Docs::of("[channel...]");

pub static PUBSUB_SHARDCHANNELS: Docs = Docs::of("[pattern:pattern]");

pub static PUBSUB_SHARDNUMSUB: Docs = Docs::of("[shardchannel...]");

pub static PUNSUBSCRIBE: Docs = Docs::of("[pattern:pattern...]");

pub static QUIT: Docs = Docs {
    replaced: Some(("7.2.0", "closing the connection")),
    ..Docs::NONE
};

pub static SELECT: Docs = Docs::of("index:int");

pub static SPUBLISH: Docs = Docs::of("shardchannel message");

pub static SSUBSCRIBE: Docs = Docs::of("shardchannel...");

pub static SUBSCRIBE: Docs = Docs::of("channel...");

pub static SUNSUBSCRIBE: Docs = Docs::of("[shardchannel...]");

pub static UNSUBSCRIBE: Docs = Docs::of("[channel...]");

pub static WATCH: Docs = Docs::of("key@0...");
