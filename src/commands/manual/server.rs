//! What COMMAND DOCS says about the commands for the server.

use engine::spec::Docs;

pub static ACL_CAT: Docs = Docs::of("[category]");

pub static ACL_DELUSER: Docs = Docs::of("username...");

pub static ACL_DRYRUN: Docs = Docs::of("username command [arg...]");

pub static ACL_GENPASS: Docs = Docs::of("[bits:int]");

pub static ACL_GETUSER: Docs = Docs {
    arguments: "username",
    history: &[
        ("6.2.0", "Patterns of Pub/Sub channels are in the reply."),
        (
            "7.0.0",
            "Selectors are in the reply; keys and channels are given as \
                 rules and no longer as lists.",
        ),
    ],
    ..Docs::NONE
};

pub static ACL_LOG: Docs = Docs {
    arguments: "[operation<count:int|RESET>]",
    history: &[(
        "7.2.0",
        "Entries have an ID and the times of their first and last event.",
    )],
    ..Docs::NONE
};

pub static ACL_SETUSER: Docs = Docs {
    arguments: "username [rule...]",
    history: &[
        ("6.2.0", "Rules for Pub/Sub channels."),
        (
            "7.0.0",
            "Selectors, and permissions to read or write by key.",
        ),
    ],
    ..Docs::NONE
};

pub static BGSAVE: Docs = Docs {
    arguments: "[operation<SCHEDULE^3.2.2|CANCEL^8.1.0>] [TARGET target]",
    history: &[
        ("3.2.2", "`SCHEDULE` waits for a running rewrite."),
        ("8.1.0", "`CANCEL` ends the save that is running."),
    ],
    ..Docs::NONE
};

pub static COMMAND_DOCS: Docs = Docs::of("[command-name...]");

pub static COMMAND_GETKEYS: Docs = Docs::of("command [arg...]");

pub static COMMAND_GETKEYSANDFLAGS: Docs = Docs::of("command [arg...]");

pub static COMMAND_INFO: Docs = Docs {
    arguments: "[command-name...]",
    history: &[("7.0.0", "Without names it answers for all commands.")],
    ..Docs::NONE
};

pub static COMMAND_LIST: Docs =
    Docs::of("[FILTERBY filterby<MODULE module-name|ACLCAT category|PATTERN pattern:pattern>]");

pub static CONFIG_GET: Docs = Docs {
    arguments: "parameter...",
    history: &[("7.0.0", "Takes several patterns.")],
    ..Docs::NONE
};

pub static CONFIG_SET: Docs = Docs {
    arguments: "data{parameter value}...",
    history: &[("7.0.0", "Takes several parameters.")],
    ..Docs::NONE
};

pub static DEBUG: Docs = Docs {
    internal: true,
    ..Docs::NONE
};

pub static FAILOVER: Docs =
    Docs::of("[TO target{host port:int [FORCE]}] [ABORT] [TIMEOUT milliseconds:int]");

pub static FLUSHALL: Docs = Docs {
    arguments: "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]",
    history: &[
        ("4.0.0", "`ASYNC` frees memory in the background."),
        ("6.2.0", "`SYNC` frees it at once."),
    ],
    ..Docs::NONE
};

pub static FLUSHDB: Docs = Docs {
    arguments: "[flush-type<ASYNC^4.0.0|SYNC^6.2.0>]",
    history: &[
        ("4.0.0", "`ASYNC` frees memory in the background."),
        ("6.2.0", "`SYNC` frees it at once."),
    ],
    ..Docs::NONE
};

pub static INFO: Docs = Docs {
    arguments: "[section...]",
    history: &[("7.0.0", "Takes several sections.")],
    ..Docs::NONE
};

pub static LATENCY_GRAPH: Docs = Docs::of("event");

pub static LATENCY_HISTOGRAM: Docs = Docs::of("[command...]");

pub static LATENCY_HISTORY: Docs = Docs::of("event");

pub static LATENCY_RESET: Docs = Docs::of("[event...]");

pub static LOLWUT: Docs = Docs::of("[VERSION version:int]");

pub static MEMORY_USAGE: Docs = Docs::of("key@0 [SAMPLES count:int]");

pub static MODULE_LOAD: Docs = Docs::of("path [arg...]");

pub static MODULE_LOADEX: Docs = Docs::of("path [CONFIG configs{name value}&...] [ARGS args...]");

pub static MODULE_UNLOAD: Docs = Docs::of("name");

pub static PSYNC: Docs = Docs::of("replicationid offset:int");

pub static REPLCONF: Docs = Docs {
    internal: true,
    ..Docs::NONE
};

pub static REPLICAOF: Docs = Docs::of("args<host-port{host port:int}|no-one{NO ONE}>");

pub static RESTORE_ASKING: Docs = Docs {
    arguments: "key@0 ttl:int serialized-value [REPLACE^3.0.0] [ABSTTL^5.0.0] [IDLETIME \
         seconds:int^5.0.0] [FREQ frequency:int^5.0.0]",
    history: &[
        ("3.0.0", "The option `REPLACE`."),
        ("5.0.0", "The option `ABSTTL`."),
        ("5.0.0", "The options `IDLETIME` and `FREQ`."),
    ],
    internal: true,
    ..Docs::NONE
};

pub static SAVE: Docs = Docs::of("[TARGET target]");

pub static SHUTDOWN: Docs = Docs {
    arguments: "[save-selector<NOSAVE|SAVE>] [NOW^7.0.0] [FORCE^7.0.0] [ABORT^7.0.0]",
    history: &[("7.0.0", "The options `NOW`, `FORCE` and `ABORT`.")],
    ..Docs::NONE
};

pub static SLAVEOF: Docs = Docs {
    arguments: "args<host-port{host port:int}|no-one{NO ONE}>",
    replaced: Some(("5.0.0", "`REPLICAOF`")),
    ..Docs::NONE
};

pub static COMMANDLOG_GET: Docs = Docs::of("count:int type<SLOW|LARGE-REQUEST|LARGE-REPLY>");

pub static COMMANDLOG_TYPE: Docs = Docs::of("type<SLOW|LARGE-REQUEST|LARGE-REPLY>");

pub static HOTKEYS_START: Docs = Docs::of(
    "METRICS metrics{count:int [CPU] [NET]} [COUNT k:int] [DURATION seconds:int] [SAMPLE ratio:int] \
     [SLOTS slots{count:int slot:int...}]",
);

pub static SLOWLOG_GET: Docs = Docs {
    arguments: "[count:int]",
    history: &[("4.0.0", "Entries have the client's address and name.")],
    ..Docs::NONE
};

pub static SWAPDB: Docs = Docs::of("index1:int index2:int");
