//! The declarations of the stream commands.

use super::{add, claim, groups, info, nack, once, pending, range, read, refs};
use crate::manual;
use engine::key_specs::{Begin, HALF};
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};

/// The key of a subcommand.
const SECOND: Keys = Keys::Range {
    first: 2,
    last: 2,
    step: 1,
};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "xadd",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Noted(
            Access::CHANGE,
            "UPDATE instead of INSERT because of the optional trimming feature",
        ),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
        summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
        docs: &manual::streams::XADD,
        tips: &["nondeterministic_output"],
        ..Command::steady(add::xadd)
    },
    Command {
        name: "xcfgset",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "8.6.0",
        complexity: "O(1)",
        summary: "Sets how long, and how many, entries that are added only once are remembered.",
        docs: &manual::streams::XCFGSET,
        ..Command::steady(once::xcfgset)
    },
    Command {
        name: "xidmprecord",
        arity: 5,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "8.6.2",
        complexity: "O(1)",
        summary: "Has a stream remember which entry a producer added under a name. It is for replicas and logs.",
        docs: &manual::streams::XIDMPRECORD,
        ..Command::steady(once::xidmprecord)
    },
    Command {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Return the number of messages in a stream.",
        docs: &manual::streams::XLEN,
        ..Command::steady(range::xlen)
    },
    Command {
        name: "xrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
        summary: "Returns the messages from a stream within a range of IDs.",
        docs: &manual::streams::XRANGE,
        ..Command::steady(range::xrange)
    },
    Command {
        name: "xrevrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
        summary: "Returns the messages from a stream within a range of IDs in reverse order.",
        docs: &manual::streams::XREVRANGE,
        ..Command::steady(range::xrevrange)
    },
    Command {
        name: "xdel",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
        summary: "Returns the number of messages after removing them from a stream.",
        docs: &manual::streams::XDEL,
        ..Command::steady(add::xdel)
    },
    Command {
        name: "xtrim",
        arity: -4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
        summary: "Deletes messages from the beginning of a stream.",
        docs: &manual::streams::XTRIM,
        tips: &["nondeterministic_output"],
        ..Command::growing(add::xtrim)
    },
    Command {
        name: "xsetid",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "An internal command for replicating stream values.",
        docs: &manual::streams::XSETID,
        ..Command::steady(add::xsetid)
    },
    Command {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(read::keys),
        uses: KeyUse::Own(&[KeySpec::new(
            Begin::Keyword("STREAMS", 1),
            HALF,
            Access::READ,
        )]),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "",
        summary: "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.",
        docs: &manual::streams::XREAD,
        ..Command::steady(read::xread)
    },
    Command {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(read::keys),
        uses: KeyUse::Own(&[KeySpec::new(
            Begin::Keyword("STREAMS", 4),
            HALF,
            Access::READ.union(Access::INCOMPLETE),
        )
        .noted("Incomplete because a group or a consumer may be called STREAMS")]),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
        summary: "Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.",
        docs: &manual::streams::XREADGROUP,
        ..Command::steady(read::xreadgroup)
    },
    Command {
        name: "xack",
        arity: -4,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1) for each message ID processed.",
        summary: "Returns the number of messages that were successfully acknowledged by the consumer group member of a stream.",
        docs: &manual::streams::XACK,
        ..Command::steady(groups::xack)
    },
    Command {
        name: "xclaim",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
        summary: "Changes, or acquires, ownership of a message in a consumer group, as if the message was delivered a consumer group member.",
        docs: &manual::streams::XCLAIM,
        tips: &["nondeterministic_output"],
        ..Command::steady(claim::xclaim)
    },
    Command {
        name: "xautoclaim",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Stream,
        since: "6.2.0",
        complexity: "O(1) if COUNT is small.",
        summary: "Changes, or acquires, ownership of messages in a consumer group, as if the messages were delivered to as consumer group member.",
        docs: &manual::streams::XAUTOCLAIM,
        tips: &["nondeterministic_output"],
        ..Command::steady(claim::xautoclaim)
    },
    Command {
        name: "xpending",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
        summary: "Returns the information and entries from a stream consumer group's pending entries list.",
        docs: &manual::streams::XPENDING,
        tips: &["nondeterministic_output"],
        ..Command::growing(pending::xpending)
    },
    Command {
        name: "xdelex",
        arity: -5,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Stream,
        since: "8.2.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
        summary: "Deletes one or multiple entries from the stream.",
        docs: &manual::streams::XDELEX,
        ..Command::growing(refs::xdelex)
    },
    Command {
        name: "xnack",
        arity: -7,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::Stream,
        since: "8.8.0",
        complexity: "O(1) for each message ID processed.",
        summary: "Gives pending entries of a consumer group back, so that another consumer may claim them at once.",
        docs: &manual::streams::XNACK,
        ..Command::steady(nack::xnack)
    },
    Command {
        name: "xackdel",
        arity: -6,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE.union(Access::DELETE)),
        group: Group::Stream,
        since: "8.2.0",
        complexity: "O(1) for each message ID processed.",
        summary: "Acknowledges and deletes one or multiple messages for a stream consumer group.",
        docs: &manual::streams::XACKDEL,
        ..Command::growing(refs::xackdel)
    },
    Command {
        name: "xgroup",
        arity: -2,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for consumer groups commands.",
        subcommands: &[
            Command {
                name: "xgroup|create",
                arity: -5,
                flags: Flags::WRITE.union(Flags::DENYOOM),
                keys: SECOND,
                uses: KeyUse::Each(Access::ADD),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Creates a consumer group.",
                docs: &manual::streams::XGROUP_CREATE,
                ..Command::steady(groups::create)
            },
            Command {
                name: "xgroup|setid",
                arity: -5,
                flags: Flags::WRITE,
                keys: SECOND,
                uses: KeyUse::Each(Access::CHANGE),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Sets the last-delivered ID of a consumer group.",
                docs: &manual::streams::XGROUP_SETID,
                ..Command::steady(groups::setid)
            },
            Command {
                name: "xgroup|destroy",
                arity: 4,
                flags: Flags::WRITE,
                keys: SECOND,
                uses: KeyUse::Each(Access::REMOVE_PART),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
                summary: "Destroys a consumer group.",
                docs: &manual::streams::XGROUP_DESTROY,
                ..Command::growing(groups::destroy)
            },
            Command {
                name: "xgroup|createconsumer",
                arity: 5,
                flags: Flags::WRITE.union(Flags::DENYOOM),
                keys: SECOND,
                uses: KeyUse::Each(Access::ADD),
                group: Group::Stream,
                since: "6.2.0",
                complexity: "O(1)",
                summary: "Creates a consumer in a consumer group.",
                docs: &manual::streams::XGROUP_CREATECONSUMER,
                ..Command::steady(groups::create_consumer)
            },
            Command {
                name: "xgroup|delconsumer",
                arity: 5,
                flags: Flags::WRITE,
                keys: SECOND,
                uses: KeyUse::Each(Access::REMOVE_PART),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Deletes a consumer from a consumer group.",
                docs: &manual::streams::XGROUP_DELCONSUMER,
                ..Command::growing(groups::delete_consumer)
            },
            Command {
                name: "xgroup|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Returns helpful text about the different subcommands.",
                ..Command::steady(groups::help)
            },
        ],
        ..Command::CONTAINER
    },
    Command {
        name: "xinfo",
        arity: -2,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        summary: "A container for stream introspection commands.",
        subcommands: &[
            Command {
                name: "xinfo|stream",
                arity: -3,
                flags: Flags::READONLY,
                keys: SECOND,
                uses: KeyUse::Each(Access::READ),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Returns information about a stream.",
                docs: &manual::streams::XINFO_STREAM,
                ..Command::growing(info::stream)
            },
            Command {
                name: "xinfo|groups",
                arity: 3,
                flags: Flags::READONLY,
                keys: SECOND,
                uses: KeyUse::Each(Access::READ),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Returns a list of the consumer groups of a stream.",
                docs: &manual::streams::XINFO_GROUPS,
                ..Command::growing(info::groups)
            },
            Command {
                name: "xinfo|consumers",
                arity: 4,
                flags: Flags::READONLY,
                keys: SECOND,
                uses: KeyUse::Each(Access::READ),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Returns a list of the consumers in a consumer group.",
                docs: &manual::streams::XINFO_CONSUMERS,
                tips: &["nondeterministic_output"],
                ..Command::growing(info::consumers)
            },
            Command {
                name: "xinfo|help",
                arity: 2,
                flags: Flags::LOADING.union(Flags::STALE),
                group: Group::Stream,
                since: "5.0.0",
                complexity: "O(1)",
                summary: "Returns helpful text about the different subcommands.",
                ..Command::steady(info::help)
            },
        ],
        ..Command::CONTAINER
    },
];
