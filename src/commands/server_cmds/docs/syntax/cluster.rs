//! What the commands of cluster nodes take.

/// Each command with its arguments, in the order of the names.
pub static SYNTAX: &[(&str, &str)] = &[
    ("cluster|addslots", "slot:int..."),
    (
        "cluster|addslotsrange",
        "range{start-slot:int end-slot:int}...",
    ),
    ("cluster|count-failure-reports", "node-id"),
    ("cluster|countkeysinslot", "slot:int"),
    ("cluster|delslots", "slot:int..."),
    (
        "cluster|delslotsrange",
        "range{start-slot:int end-slot:int}...",
    ),
    ("cluster|failover", "[options<FORCE|TAKEOVER>]"),
    ("cluster|forget", "node-id"),
    ("cluster|getkeysinslot", "slot:int count:int"),
    ("cluster|keyslot", "key"),
    ("cluster|meet", "ip port:int [cluster-bus-port:int^4.0.0]"),
    ("cluster|replicas", "node-id"),
    ("cluster|replicate", "node-id"),
    ("cluster|reset", "[reset-type<HARD|SOFT>]"),
    ("cluster|set-config-epoch", "config-epoch:int"),
    (
        "cluster|setslot",
        "slot:int subcommand<IMPORTING importing=node-id|MIGRATING migrating=node-id|NODE \
         node=node-id|STABLE>",
    ),
    ("cluster|slaves", "node-id"),
    (
        "cluster|slot-stats",
        "filter<SLOTSRANGE slotsrange{start-slot:int end-slot:int}|ORDERBY orderby{metric [LIMIT \
         limit:int] [order<ASC|DESC>]}>",
    ),
];
