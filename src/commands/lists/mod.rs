//! Lists.
//!
//! * [`ends`]: pushing, popping, moving between ends.
//! * [`many`]: moving several elements at once.
//! * [`middle`]: reading and changing by index or by element.
//! * [`blocking`]: the forms that wait for an element.

mod blocking;
mod ends;
mod many;
mod middle;
#[cfg(test)]
mod tests;

use crate::manual;
use engine::key_specs::FROM_ONE_TO_ANOTHER;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "lpush",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
        docs: &manual::lists::LPUSH,
        ..Command::steady(ends::lpush)
    },
    Command {
        name: "rpush",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
        docs: &manual::lists::RPUSH,
        ..Command::steady(ends::rpush)
    },
    Command {
        name: "lpushx",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Prepends one or more elements to a list only when the list exists.",
        docs: &manual::lists::LPUSHX,
        ..Command::steady(ends::lpushx)
    },
    Command {
        name: "rpushx",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with multiple arguments.",
        summary: "Appends an element to a list only when the list exists.",
        docs: &manual::lists::RPUSHX,
        ..Command::steady(ends::rpushx)
    },
    Command {
        name: "lpop",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        summary: "Returns the first elements in a list after removing it. Deletes the list if the last element was popped.",
        docs: &manual::lists::LPOP,
        ..Command::steady(ends::lpop)
    },
    Command {
        name: "rpop",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        summary: "Returns and removes the last elements of a list. Deletes the list if the last element was popped.",
        docs: &manual::lists::RPOP,
        ..Command::steady(ends::rpop)
    },
    Command {
        name: "llen",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Returns the length of a list.",
        docs: &manual::lists::LLEN,
        ..Command::steady(middle::llen)
    },
    Command {
        name: "lindex",
        arity: 3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).",
        summary: "Returns an element from a list by its index.",
        docs: &manual::lists::LINDEX,
        ..Command::steady(middle::lindex)
    },
    Command {
        name: "lset",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).",
        summary: "Sets the value of an element in a list by its index.",
        docs: &manual::lists::LSET,
        ..Command::steady(middle::lset)
    },
    Command {
        name: "lrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
        summary: "Returns a range of elements from a list.",
        docs: &manual::lists::LRANGE,
        ..Command::steady(middle::lrange)
    },
    Command {
        name: "ltrim",
        arity: 4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to be removed by the operation.",
        summary: "Removes elements from both ends a list. Deletes the list if all elements were trimmed.",
        docs: &manual::lists::LTRIM,
        ..Command::steady(middle::ltrim)
    },
    Command {
        name: "lrem",
        arity: 4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::List,
        since: "1.0.0",
        complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
        summary: "Removes elements from a list. Deletes the list if the last element was removed.",
        docs: &manual::lists::LREM,
        ..Command::growing(middle::lrem)
    },
    Command {
        name: "linsert",
        arity: 5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::List,
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).",
        summary: "Inserts an element before or after another element in a list.",
        docs: &manual::lists::LINSERT,
        ..Command::growing(middle::linsert)
    },
    Command {
        name: "lpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::List,
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.",
        summary: "Returns the index of matching elements in a list.",
        docs: &manual::lists::LPOS,
        ..Command::growing(middle::lpos)
    },
    Command {
        name: "lmove",
        arity: 5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.",
        docs: &manual::lists::LMOVE,
        ..Command::steady(ends::lmove)
    },
    Command {
        name: "rpoplpush",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "1.2.0",
        complexity: "O(1)",
        summary: "Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.",
        docs: &manual::lists::RPOPLPUSH,
        ..Command::steady(ends::rpoplpush)
    },
    Command {
        name: "lmpop",
        arity: -4,
        flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
        summary: "Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.",
        docs: &manual::lists::LMPOP,
        ..Command::steady(ends::lmpop)
    },
    Command {
        name: "blpop",
        arity: -3,
        flags: Flags::WRITE.union(Flags::BLOCKING),
        keys: Keys::Range {
            first: 1,
            last: -2,
            step: 1,
        },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        summary: "Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        docs: &manual::lists::BLPOP,
        ..Command::steady(blocking::blpop)
    },
    Command {
        name: "brpop",
        arity: -3,
        flags: Flags::WRITE.union(Flags::BLOCKING),
        keys: Keys::Range {
            first: 1,
            last: -2,
            step: 1,
        },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        summary: "Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        docs: &manual::lists::BRPOP,
        ..Command::steady(blocking::brpop)
    },
    Command {
        name: "lmovem",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "8.10.0",
        complexity: "O(N) where N is the number of elements moved.",
        summary: "Moves several elements from one list to another and returns them. Deletes the source list if the last element was moved.",
        docs: &manual::lists::LMOVEM,
        ..Command::steady(many::lmovem)
    },
    Command {
        name: "blmovem",
        arity: -6,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "8.10.0",
        complexity: "O(N) where N is the number of elements moved.",
        summary: "Moves several elements from one list to another and returns them. Blocks until there are enough. Deletes the source list if the last element was moved.",
        docs: &manual::lists::BLMOVEM,
        ..Command::steady(many::blmovem)
    },
    Command {
        name: "blmove",
        arity: 6,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "6.2.0",
        complexity: "O(1)",
        summary: "Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.",
        docs: &manual::lists::BLMOVE,
        ..Command::steady(blocking::blmove)
    },
    Command {
        name: "brpoplpush",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::BLOCKING),
        keys: Keys::TWO,
        uses: KeyUse::Own(FROM_ONE_TO_ANOTHER),
        group: Group::List,
        since: "2.2.0",
        complexity: "O(1)",
        summary: "Pops an element from a list, pushes it to another list and returns it. Block until an element is available otherwise. Deletes the list if the last element was popped.",
        docs: &manual::lists::BRPOPLPUSH,
        ..Command::steady(blocking::brpoplpush)
    },
    Command {
        name: "blmpop",
        arity: -5,
        flags: Flags::WRITE
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 2, first: 0 },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::List,
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
        summary: "Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.",
        docs: &manual::lists::BLMPOP,
        ..Command::steady(blocking::blmpop)
    },
];
