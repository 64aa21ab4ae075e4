//! The declarations of the stream commands.

use super::{add, range, read};
use crate::commands::spec::{Command, Flags, Group, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "xadd",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted.",
        summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
        run: add::xadd,
        ..Command::DEFAULT
    },
    Command {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "Return the number of messages in a stream.",
        run: range::xlen,
        ..Command::DEFAULT
    },
    Command {
        name: "xrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
        summary: "Returns the messages from a stream within a range of IDs.",
        run: range::xrange,
        ..Command::DEFAULT
    },
    Command {
        name: "xrevrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1).",
        summary: "Returns the messages from a stream within a range of IDs in reverse order.",
        run: range::xrevrange,
        ..Command::DEFAULT
    },
    Command {
        name: "xdel",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
        summary: "Returns the number of messages after removing them from a stream.",
        run: add::xdel,
        ..Command::DEFAULT
    },
    Command {
        name: "xtrim",
        arity: -4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(N), with N being the number of evicted entries. Constant times are very small however, since entries are organized in macro nodes containing multiple entries that can be released with a single deallocation.",
        summary: "Deletes messages from the beginning of a stream.",
        run: add::xtrim,
        ..Command::DEFAULT
    },
    Command {
        name: "xsetid",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Stream,
        since: "5.0.0",
        complexity: "O(1)",
        summary: "An internal command for replicating stream values.",
        run: add::xsetid,
        ..Command::DEFAULT
    },
    Command {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(read::keys),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "",
        summary: "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until a message is available otherwise.",
        run: read::xread,
        ..Command::DEFAULT
    },
    Command {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(read::keys),
        group: Group::Stream,
        since: "5.0.0",
        complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
        summary: "Returns new or historical messages from a stream for a consumer in a group. Blocks until a message is available otherwise.",
        run: read::xreadgroup,
        ..Command::DEFAULT
    },
];
