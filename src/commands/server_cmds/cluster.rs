//! CLUSTER and related commands: this server is not a cluster node, and replies as any such server does.

use crate::manual;
use engine::spec::{Command, Flags, Group};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};

const STALE: Flags = Flags::STALE;
const LOADING: Flags = Flags::LOADING.union(Flags::STALE);
const ADMIN: Flags = Flags::ADMIN.union(Flags::STALE);
const CHANGE: Flags = ADMIN.union(Flags::NO_ASYNC_LOADING);

/// What all of them have in common.
const REFUSED: Command = Command {
    group: Group::Cluster,
    summary: "For cluster nodes only; refused here, because cluster mode is not built in.",
    ..Command::growing(disabled)
};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "asking",
        arity: 1,
        flags: Flags::FAST,
        since: "3.0.0",
        categories: Some(&["connection"]),
        ..REFUSED
    },
    Command {
        name: "readonly",
        arity: 1,
        flags: LOADING.union(Flags::FAST),
        since: "3.0.0",
        categories: Some(&["connection"]),
        run: |cx, args| reads_here(cx, args, true),
        ..REFUSED
    },
    Command {
        name: "readwrite",
        arity: 1,
        flags: LOADING.union(Flags::FAST),
        since: "3.0.0",
        categories: Some(&["connection"]),
        run: |cx, args| reads_here(cx, args, false),
        ..REFUSED
    },
    Command {
        name: "cluster",
        arity: -2,
        group: Group::Cluster,
        since: "3.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for commands of cluster nodes.",
        subcommands: &[
            Command {
                name: "cluster|addslots",
                arity: -3,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_ADDSLOTS,
                ..REFUSED
            },
            Command {
                name: "cluster|addslotsrange",
                arity: -4,
                flags: CHANGE,
                since: "7.0.0",
                docs: &manual::cluster::CLUSTER_ADDSLOTSRANGE,
                ..REFUSED
            },
            Command {
                name: "cluster|bumpepoch",
                arity: 2,
                flags: CHANGE,
                since: "3.0.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|count-failure-reports",
                arity: 3,
                flags: ADMIN,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_COUNT_FAILURE_REPORTS,
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|countkeysinslot",
                arity: 3,
                flags: STALE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_COUNTKEYSINSLOT,
                ..REFUSED
            },
            Command {
                name: "cluster|delslots",
                arity: -3,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_DELSLOTS,
                ..REFUSED
            },
            Command {
                name: "cluster|delslotsrange",
                arity: -4,
                flags: CHANGE,
                since: "7.0.0",
                docs: &manual::cluster::CLUSTER_DELSLOTSRANGE,
                ..REFUSED
            },
            Command {
                name: "cluster|failover",
                arity: -2,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_FAILOVER,
                ..REFUSED
            },
            Command {
                name: "cluster|flushslots",
                arity: 2,
                flags: CHANGE,
                since: "3.0.0",
                ..REFUSED
            },
            Command {
                name: "cluster|forget",
                arity: 3,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_FORGET,
                ..REFUSED
            },
            Command {
                name: "cluster|getkeysinslot",
                arity: 4,
                flags: STALE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_GETKEYSINSLOT,
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|help",
                arity: 2,
                flags: LOADING,
                since: "5.0.0",
                ..REFUSED
            },
            Command {
                name: "cluster|info",
                arity: 2,
                flags: STALE,
                since: "3.0.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|keyslot",
                arity: 3,
                flags: STALE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_KEYSLOT,
                ..REFUSED
            },
            Command {
                name: "cluster|links",
                arity: 2,
                flags: STALE,
                since: "7.0.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|meet",
                arity: -4,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_MEET,
                ..REFUSED
            },
            Command {
                name: "cluster|myid",
                arity: 2,
                flags: STALE,
                since: "3.0.0",
                ..REFUSED
            },
            Command {
                name: "cluster|myshardid",
                arity: 2,
                flags: STALE,
                since: "7.2.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|nodes",
                arity: 2,
                flags: STALE,
                since: "3.0.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|replicas",
                arity: 3,
                flags: ADMIN,
                since: "5.0.0",
                docs: &manual::cluster::CLUSTER_REPLICAS,
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|replicate",
                arity: 3,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_REPLICATE,
                ..REFUSED
            },
            Command {
                name: "cluster|reset",
                arity: -2,
                flags: ADMIN.union(Flags::NOSCRIPT),
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_RESET,
                ..REFUSED
            },
            Command {
                name: "cluster|saveconfig",
                arity: 2,
                flags: CHANGE,
                since: "3.0.0",
                ..REFUSED
            },
            Command {
                name: "cluster|set-config-epoch",
                arity: 3,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_SET_CONFIG_EPOCH,
                ..REFUSED
            },
            Command {
                name: "cluster|setslot",
                arity: -4,
                flags: CHANGE,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_SETSLOT,
                ..REFUSED
            },
            Command {
                name: "cluster|shards",
                arity: 2,
                flags: LOADING,
                since: "7.0.0",
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|slaves",
                arity: 3,
                flags: ADMIN,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_SLAVES,
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
            Command {
                name: "cluster|slot-stats",
                arity: -4,
                flags: LOADING,
                since: "8.2.0",
                docs: &manual::cluster::CLUSTER_SLOT_STATS,
                tips: &["nondeterministic_output", "request_policy:all_shards"],
                ..REFUSED
            },
            Command {
                name: "cluster|slots",
                arity: 2,
                flags: LOADING,
                since: "3.0.0",
                docs: &manual::cluster::CLUSTER_SLOTS,
                tips: &["nondeterministic_output"],
                ..REFUSED
            },
        ],
        ..Command::CONTAINER
    },
];

fn disabled(_cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    Err(CommandError::fixed(
        &"ERR This instance has cluster support disabled",
    ))
}

/// READONLY and READWRITE: whether a client that goes where the primary is (CLIENT CAPA redirect) reads from a replica.
fn reads_here(cx: &mut Cx<'_>, args: Args<'_>, here: bool) -> CmdResult {
    if !cx.client.flags.contains(ClientFlags::REDIRECT) {
        return disabled(cx, args);
    }
    cx.client.flags.set(ClientFlags::READONLY, here);
    cx.client.reply.ok();
    Ok(())
}
