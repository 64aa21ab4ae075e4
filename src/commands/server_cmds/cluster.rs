//! CLUSTER and related commands: this server is not a cluster node, and says so as any such server does.

use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};

const STALE: Flags = Flags::STALE;
const LOADING: Flags = Flags::LOADING.union(Flags::STALE);
const ADMIN: Flags = Flags::ADMIN.union(Flags::STALE);
const CHANGE: Flags = ADMIN.union(Flags::NO_ASYNC_LOADING);

const fn sub(name: &'static str, arity: i32, flags: Flags, since: &'static str) -> Command {
    Command {
        name,
        arity,
        flags,
        since,
        group: Group::Cluster,
        summary: "For cluster nodes only; refused here, because cluster mode is not built in.",
        ..Command::runs(disabled)
    }
}

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    sub("asking", 1, Flags::FAST, "3.0.0"),
    sub("readonly", 1, LOADING.union(Flags::FAST), "3.0.0"),
    sub("readwrite", 1, LOADING.union(Flags::FAST), "3.0.0"),
    Command {
        name: "cluster",
        arity: -2,
        group: Group::Cluster,
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for commands of cluster nodes.",
        subcommands: &[
            sub("cluster|addslots", -3, CHANGE, "3.0.0"),
            sub("cluster|addslotsrange", -4, CHANGE, "7.0.0"),
            sub("cluster|bumpepoch", 2, CHANGE, "3.0.0"),
            sub("cluster|count-failure-reports", 3, ADMIN, "3.0.0"),
            sub("cluster|countkeysinslot", 3, STALE, "3.0.0"),
            sub("cluster|delslots", -3, CHANGE, "3.0.0"),
            sub("cluster|delslotsrange", -4, CHANGE, "7.0.0"),
            sub("cluster|failover", -2, CHANGE, "3.0.0"),
            sub("cluster|flushslots", 2, CHANGE, "3.0.0"),
            sub("cluster|forget", 3, CHANGE, "3.0.0"),
            sub("cluster|getkeysinslot", 4, STALE, "3.0.0"),
            sub("cluster|help", 2, LOADING, "5.0.0"),
            sub("cluster|info", 2, STALE, "3.0.0"),
            sub("cluster|keyslot", 3, STALE, "3.0.0"),
            sub("cluster|links", 2, STALE, "7.0.0"),
            sub("cluster|meet", -4, CHANGE, "3.0.0"),
            sub("cluster|myid", 2, STALE, "3.0.0"),
            sub("cluster|myshardid", 2, STALE, "7.2.0"),
            sub("cluster|nodes", 2, STALE, "3.0.0"),
            sub("cluster|replicas", 3, ADMIN, "5.0.0"),
            sub("cluster|replicate", 3, CHANGE, "3.0.0"),
            sub("cluster|reset", -2, ADMIN.union(Flags::NOSCRIPT), "3.0.0"),
            sub("cluster|saveconfig", 2, CHANGE, "3.0.0"),
            sub("cluster|set-config-epoch", 3, CHANGE, "3.0.0"),
            sub("cluster|setslot", -4, CHANGE, "3.0.0"),
            sub("cluster|shards", 2, LOADING, "7.0.0"),
            sub("cluster|slaves", 3, ADMIN, "3.0.0"),
            sub("cluster|slot-stats", -4, LOADING, "8.2.0"),
            sub("cluster|slots", 2, LOADING, "3.0.0"),
        ],
        ..Command::CONTAINER
    },
];

fn disabled(_cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    Err(CommandError::fixed(
        "ERR This instance has cluster support disabled",
    ))
}
