//! What the commands of connections, channels and transactions take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("auth", "[username^6.0.0] password"),
    ("client|caching", "mode<YES|NO>"),
    (
        "client|kill",
        "filter<old-format=ip:port~2.8.12|new-format<[ID client-id:int^2.8.12]|[TYPE \
         client-type<NORMAL|MASTER^3.2.0|SLAVE|REPLICA^5.0.0|PUBSUB>^2.8.12]|[USER \
         username]|[ADDR addr=ip:port]|[LADDR laddr=ip:port^6.2.0]|[SKIPME \
         skipme<YES|NO>]|[MAXAGE maxage:int^7.4.0]>...>",
    ),
    (
        "client|list",
        "[TYPE client-type<NORMAL|MASTER|REPLICA|PUBSUB>^5.0.0] [ID client-id:int...^6.2.0]",
    ),
    ("client|no-evict", "enabled<ON|OFF>"),
    ("client|no-touch", "enabled<ON|OFF>"),
    ("client|pause", "timeout:int [mode<WRITE|ALL>^6.2.0]"),
    ("client|reply", "action<ON|OFF|SKIP>"),
    ("client|setinfo", "attr<LIB-NAME libname|LIB-VER libver>"),
    ("client|setname", "connection-name"),
    (
        "client|tracking",
        "status<ON|OFF> [REDIRECT client-id:int] [PREFIX prefix&...] [BCAST] [OPTIN] [OPTOUT] \
         [NOLOOP]",
    ),
    (
        "client|unblock",
        "client-id:int [unblock-type<TIMEOUT|ERROR>]",
    ),
    ("echo", "message"),
    (
        "hello",
        "[arguments{protover:int [AUTH auth{username password}] [SETNAME clientname]}]",
    ),
    ("ping", "[message]"),
    ("psubscribe", "pattern:pattern..."),
    ("publish", "channel message"),
    ("pubsub|channels", "[pattern:pattern]"),
    ("pubsub|numsub", "[channel...]"),
    ("pubsub|shardchannels", "[pattern:pattern]"),
    ("pubsub|shardnumsub", "[shardchannel...]"),
    ("punsubscribe", "[pattern:pattern...]"),
    ("select", "index:int"),
    ("spublish", "shardchannel message"),
    ("ssubscribe", "shardchannel..."),
    ("subscribe", "channel..."),
    ("sunsubscribe", "[shardchannel...]"),
    ("unsubscribe", "[channel...]"),
    ("watch", "key@0..."),
];
