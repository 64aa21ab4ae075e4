//! Sets.
//!
//! * [`members`]: adding, removing, asking, walking.
//! * [`random`]: SPOP, SRANDMEMBER.
//! * [`algebra`]: intersections, unions, differences.

mod algebra;
mod members;
mod random;
#[cfg(test)]
mod tests;

use engine::spec::{Command, Flags, Group, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
        run: members::sadd,
        ..Command::DEFAULT
    },
    Command {
        name: "srem",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the number of members to be removed.",
        summary: "Removes one or more members from a set. Deletes the set if the last member was removed.",
        run: members::srem,
        ..Command::DEFAULT
    },
    Command {
        name: "sismember",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Determines whether a member belongs to a set.",
        run: members::sismember,
        ..Command::DEFAULT
    },
    Command {
        name: "smismember",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements being checked for membership",
        summary: "Determines whether multiple members belong to a set.",
        run: members::smismember,
        ..Command::DEFAULT
    },
    Command {
        name: "scard",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Returns the number of members in a set.",
        run: members::scard,
        ..Command::DEFAULT
    },
    Command {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the set cardinality.",
        summary: "Returns all members of a set.",
        run: members::smembers,
        ..Command::DEFAULT
    },
    Command {
        name: "spop",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
        summary: "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.",
        run: random::spop,
        ..Command::DEFAULT
    },
    Command {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
        summary: "Get one or multiple random members from a set",
        run: random::srandmember,
        ..Command::DEFAULT
    },
    Command {
        name: "smove",
        arity: 4,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::TWO,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Moves a member from one set to another.",
        run: members::smove,
        ..Command::DEFAULT
    },
    Command {
        name: "sinter",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Returns the intersect of multiple sets.",
        run: algebra::sinter,
        ..Command::DEFAULT
    },
    Command {
        name: "sintercard",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        group: Group::Set,
        since: "7.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Returns the number of members of the intersect of multiple sets.",
        run: algebra::sintercard,
        ..Command::DEFAULT
    },
    Command {
        name: "sinterstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Stores the intersect of multiple sets in a key.",
        run: algebra::sinterstore,
        ..Command::DEFAULT
    },
    Command {
        name: "sunion",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the union of multiple sets.",
        run: algebra::sunion,
        ..Command::DEFAULT
    },
    Command {
        name: "sunionstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the union of multiple sets in a key.",
        run: algebra::sunionstore,
        ..Command::DEFAULT
    },
    Command {
        name: "sdiff",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the difference of multiple sets.",
        run: algebra::sdiff,
        ..Command::DEFAULT
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the difference of multiple sets in a key.",
        run: algebra::sdiffstore,
        ..Command::DEFAULT
    },
    Command {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        group: Group::Set,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over members of a set.",
        run: members::sscan,
        ..Command::DEFAULT
    },
];
