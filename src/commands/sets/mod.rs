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

use crate::manual;
use engine::key_specs::{FROM_ONE_TO_ANOTHER, STORE_OF_SETS};
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
        docs: &manual::sets::SADD,
        ..Command::steady(members::sadd)
    },
    Command {
        name: "srem",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the number of members to be removed.",
        summary: "Removes one or more members from a set. Deletes the set if the last member was removed.",
        docs: &manual::sets::SREM,
        ..Command::steady(members::srem)
    },
    Command {
        name: "sismember",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Determines whether a member belongs to a set.",
        docs: &manual::sets::SISMEMBER,
        ..Command::steady(members::sismember)
    },
    Command {
        name: "smismember",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements being checked for membership",
        summary: "Determines whether multiple members belong to a set.",
        docs: &manual::sets::SMISMEMBER,
        ..Command::steady(members::smismember)
    },
    Command {
        name: "scard",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Returns the number of members in a set.",
        docs: &manual::sets::SCARD,
        ..Command::steady(members::scard)
    },
    Command {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the set cardinality.",
        summary: "Returns all members of a set.",
        docs: &manual::sets::SMEMBERS,
        tips: &["nondeterministic_output_order"],
        ..Command::growing(members::smembers)
    },
    Command {
        name: "spop",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
        summary: "Returns one or more random members from a set after removing them. Deletes the set if the last member was popped.",
        docs: &manual::sets::SPOP,
        tips: &["nondeterministic_output"],
        ..Command::steady(random::spop)
    },
    Command {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.",
        summary: "Get one or multiple random members from a set",
        docs: &manual::sets::SRANDMEMBER,
        tips: &["nondeterministic_output"],
        ..Command::steady(random::srandmember)
    },
    Command {
        name: "smove",
        arity: 4,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Moves a member from one set to another.",
        docs: &manual::sets::SMOVE,
        ..Command::steady(members::smove)
    },
    Command {
        name: "sinter",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Returns the intersect of multiple sets.",
        docs: &manual::sets::SINTER,
        tips: &["nondeterministic_output_order"],
        ..Command::growing(algebra::sinter)
    },
    Command {
        name: "sintercard",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "7.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Returns the number of members of the intersect of multiple sets.",
        docs: &manual::sets::SINTERCARD,
        ..Command::growing(algebra::sintercard)
    },
    Command {
        name: "sdiffcard",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "8.10.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the number of members of the difference between the first set and all successive sets.",
        docs: &manual::sets::SDIFFCARD,
        ..Command::growing(algebra::sdiffcard)
    },
    Command {
        name: "sunioncard",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "8.10.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the number of members of the union of multiple sets.",
        docs: &manual::sets::SUNIONCARD,
        ..Command::growing(algebra::sunioncard)
    },
    Command {
        name: "sinterstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        uses: KeyUse::Own(STORE_OF_SETS),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.",
        summary: "Stores the intersect of multiple sets in a key.",
        docs: &manual::sets::SINTERSTORE,
        ..Command::growing(algebra::sinterstore)
    },
    Command {
        name: "sunion",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the union of multiple sets.",
        docs: &manual::sets::SUNION,
        tips: &["nondeterministic_output_order"],
        ..Command::growing(algebra::sunion)
    },
    Command {
        name: "sunionstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        uses: KeyUse::Own(STORE_OF_SETS),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the union of multiple sets in a key.",
        docs: &manual::sets::SUNIONSTORE,
        ..Command::growing(algebra::sunionstore)
    },
    Command {
        name: "sdiff",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Returns the difference of multiple sets.",
        docs: &manual::sets::SDIFF,
        tips: &["nondeterministic_output_order"],
        ..Command::growing(algebra::sdiff)
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        uses: KeyUse::Own(STORE_OF_SETS),
        group: Group::Set,
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        summary: "Stores the difference of multiple sets in a key.",
        docs: &manual::sets::SDIFFSTORE,
        ..Command::growing(algebra::sdiffstore)
    },
    Command {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Set,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over members of a set.",
        docs: &manual::sets::SSCAN,
        tips: &["nondeterministic_output"],
        ..Command::steady(members::sscan)
    },
];
