//! What COMMAND DOCS says about the commands for cluster nodes.

use engine::spec::Docs;

pub static CLUSTER_ADDSLOTS: Docs = Docs::of("slot:int...");

pub static CLUSTER_ADDSLOTSRANGE: Docs = Docs::of("range{start-slot:int end-slot:int}...");

pub static CLUSTER_COUNT_FAILURE_REPORTS: Docs = Docs::of("node-id");

pub static CLUSTER_COUNTKEYSINSLOT: Docs = Docs::of("slot:int");

pub static CLUSTER_DELSLOTS: Docs = Docs::of("slot:int...");

pub static CLUSTER_DELSLOTSRANGE: Docs = Docs::of("range{start-slot:int end-slot:int}...");

pub static CLUSTER_FAILOVER: Docs = Docs::of("[options<FORCE|TAKEOVER>]");

pub static CLUSTER_FORGET: Docs = Docs::of("node-id");

pub static CLUSTER_GETKEYSINSLOT: Docs = Docs::of("slot:int count:int");

pub static CLUSTER_KEYSLOT: Docs = Docs::of("key");

pub static CLUSTER_MEET: Docs = Docs {
    arguments: "ip port:int [cluster-bus-port:int^4.0.0]",
    history: &[("4.0.0", "The port of the bus may be given.")],
    ..Docs::NONE
};

pub static CLUSTER_REPLICAS: Docs = Docs::of("node-id");

pub static CLUSTER_REPLICATE: Docs = Docs::of("node-id");

pub static CLUSTER_RESET: Docs = Docs::of("[reset-type<HARD|SOFT>]");

pub static CLUSTER_SET_CONFIG_EPOCH: Docs = Docs::of("config-epoch:int");

pub static CLUSTER_SETSLOT: Docs = Docs::of(
    "slot:int subcommand<IMPORTING importing=node-id|MIGRATING migrating=node-id|NODE \
         node=node-id|STABLE>",
);

pub static CLUSTER_SLAVES: Docs = Docs {
    arguments: "node-id",
    replaced: Some(("5.0.0", "`CLUSTER REPLICAS`")),
    ..Docs::NONE
};

pub static CLUSTER_SLOT_STATS: Docs = Docs::of(
    "filter<SLOTSRANGE slotsrange{start-slot:int end-slot:int}|ORDERBY orderby{metric [LIMIT \
         limit:int] [order<ASC|DESC>]}>",
);

pub static CLUSTER_SLOTS: Docs = Docs {
    history: &[
        ("4.0.0", "Nodes have their ID in the reply."),
        ("7.0.0", "Nodes have more about their network in the reply."),
    ],
    replaced: Some(("7.0.0", "`CLUSTER SHARDS`")),
    ..Docs::NONE
};
