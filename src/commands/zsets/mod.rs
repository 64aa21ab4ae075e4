//! Sorted sets.
//!
//! * [`update`]: ZADD, ZINCRBY, removals.
//! * [`ask`]: scores, ranks, counts, random members, ZSCAN.
//! * [`range`]: ZRANGE in every form, and the commands that it replaced.
//! * [`pop`]: ZPOPMIN and related commands, including those that wait.
//! * [`algebra`]: unions, intersections, differences.
//! * [`bounds`]: the ends of score and lexicographic ranges.

mod algebra;
mod ask;
mod bounds;
mod pop;
mod range;
#[cfg(test)]
mod tests;
mod update;

pub use algebra::tell_result;

use crate::manual;
use engine::key_specs::{STORE_OF_COUNTED, STORE_OF_TWO};
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use keyspace::Item;
use resp::{Proto, Reply};

/// The header of `n` members: with scores they are pairs in RESP3, a flat array in RESP2.
fn members_header(reply: &mut Reply, n: usize, with_scores: bool) {
    let flat = with_scores && reply.proto == Proto::Resp2;
    reply.array(if flat { 2 * n } else { n });
}

/// One member after [`members_header`].
fn member_reply(reply: &mut Reply, member: Item<'_>, score: f64, with_scores: bool) {
    if with_scores && reply.proto == Proto::Resp3 {
        reply.array(2);
    }
    reply.item(member);
    if with_scores {
        reply.double(score);
    }
}

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "zadd",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::CHANGE),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
        docs: &manual::zsets::ZADD,
        ..Command::steady(update::zadd)
    },
    Command {
        name: "zincrby",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)) where N is the number of elements in the sorted set.",
        summary: "Increments the score of a member in a sorted set.",
        docs: &manual::zsets::ZINCRBY,
        ..Command::steady(update::zincrby)
    },
    Command {
        name: "zrem",
        arity: -3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.",
        summary: "Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.",
        docs: &manual::zsets::ZREM,
        ..Command::steady(update::zrem)
    },
    Command {
        name: "zremrangebyrank",
        arity: 4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        summary: "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.",
        docs: &manual::zsets::ZREMRANGEBYRANK,
        ..Command::steady(update::zremrangebyrank)
    },
    Command {
        name: "zremrangebyscore",
        arity: 4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        summary: "Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.",
        docs: &manual::zsets::ZREMRANGEBYSCORE,
        ..Command::steady(update::zremrangebyscore)
    },
    Command {
        name: "zremrangebylex",
        arity: 4,
        flags: Flags::WRITE,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE_PART),
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.",
        summary: "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.",
        docs: &manual::zsets::ZREMRANGEBYLEX,
        ..Command::steady(update::zremrangebylex)
    },
    Command {
        name: "zcard",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(1)",
        summary: "Returns the number of members in a sorted set.",
        docs: &manual::zsets::ZCARD,
        ..Command::steady(ask::zcard)
    },
    Command {
        name: "zscore",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(1)",
        summary: "Returns the score of a member in a sorted set.",
        docs: &manual::zsets::ZSCORE,
        ..Command::steady(ask::zscore)
    },
    Command {
        name: "zmscore",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N) where N is the number of members being requested.",
        summary: "Returns the score of one or more members in a sorted set.",
        docs: &manual::zsets::ZMSCORE,
        ..Command::steady(ask::zmscore)
    },
    Command {
        name: "zrank",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N))",
        summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
        docs: &manual::zsets::ZRANK,
        ..Command::steady(ask::zrank)
    },
    Command {
        name: "zrevrank",
        arity: -3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N))",
        summary: "Returns the index of a member in a sorted set ordered by descending scores.",
        docs: &manual::zsets::ZREVRANK,
        ..Command::steady(ask::zrevrank)
    },
    Command {
        name: "zcount",
        arity: 4,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Returns the count of members in a sorted set that have scores within a range.",
        docs: &manual::zsets::ZCOUNT,
        ..Command::steady(ask::zcount)
    },
    Command {
        name: "zlexcount",
        arity: 4,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Returns the number of members in a sorted set within a lexicographical range.",
        docs: &manual::zsets::ZLEXCOUNT,
        ..Command::steady(ask::zlexcount)
    },
    Command {
        name: "zrandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N) where N is the number of members returned",
        summary: "Returns one or more random members from a sorted set.",
        docs: &manual::zsets::ZRANDMEMBER,
        tips: &["nondeterministic_output"],
        ..Command::steady(ask::zrandmember)
    },
    Command {
        name: "zscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
        summary: "Iterates over members and scores of a sorted set.",
        docs: &manual::zsets::ZSCAN,
        tips: &["nondeterministic_output"],
        ..Command::steady(ask::zscan)
    },
    Command {
        name: "zrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
        summary: "Returns members in a sorted set within a range of indexes.",
        docs: &manual::zsets::ZRANGE,
        ..Command::steady(range::zrange)
    },
    Command {
        name: "zrangestore",
        arity: -5,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::TWO,
        uses: KeyUse::Own(STORE_OF_TWO),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.",
        summary: "Stores a range of members from sorted set in a key.",
        docs: &manual::zsets::ZRANGESTORE,
        ..Command::steady(range::zrangestore)
    },
    Command {
        name: "zrevrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "1.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.",
        summary: "Returns members in a sorted set within a range of indexes in reverse order.",
        docs: &manual::zsets::ZREVRANGE,
        ..Command::steady(range::zrevrange)
    },
    Command {
        name: "zrangebyscore",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "1.0.5",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        summary: "Returns members in a sorted set within a range of scores.",
        docs: &manual::zsets::ZRANGEBYSCORE,
        ..Command::steady(range::zrangebyscore)
    },
    Command {
        name: "zrevrangebyscore",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.2.0",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        summary: "Returns members in a sorted set within a range of scores in reverse order.",
        docs: &manual::zsets::ZREVRANGEBYSCORE,
        ..Command::steady(range::zrevrangebyscore)
    },
    Command {
        name: "zrangebylex",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        summary: "Returns members in a sorted set within a lexicographical range.",
        docs: &manual::zsets::ZRANGEBYLEX,
        ..Command::steady(range::zrangebylex)
    },
    Command {
        name: "zrevrangebylex",
        arity: -4,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "2.8.9",
        complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).",
        summary: "Returns members in a sorted set within a lexicographical range in reverse order.",
        docs: &manual::zsets::ZREVRANGEBYLEX,
        ..Command::steady(range::zrevrangebylex)
    },
    Command {
        name: "zpopmin",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
        summary: "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        docs: &manual::zsets::ZPOPMIN,
        ..Command::steady(pop::zpopmin)
    },
    Command {
        name: "zpopmax",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.",
        summary: "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.",
        docs: &manual::zsets::ZPOPMAX,
        ..Command::steady(pop::zpopmax)
    },
    Command {
        name: "zmpop",
        arity: -4,
        flags: Flags::WRITE.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
        summary: "Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.",
        docs: &manual::zsets::ZMPOP,
        ..Command::steady(pop::zmpop)
    },
    Command {
        name: "bzpopmin",
        arity: -3,
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::FAST),
        keys: Keys::Range {
            first: 1,
            last: -2,
            step: 1,
        },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        docs: &manual::zsets::BZPOPMIN,
        ..Command::steady(pop::bzpopmin)
    },
    Command {
        name: "bzpopmax",
        arity: -3,
        flags: Flags::WRITE.union(Flags::BLOCKING).union(Flags::FAST),
        keys: Keys::Range {
            first: 1,
            last: -2,
            step: 1,
        },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "5.0.0",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        summary: "Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member available otherwise.  Deletes the sorted set if the last element was popped.",
        docs: &manual::zsets::BZPOPMAX,
        ..Command::steady(pop::bzpopmax)
    },
    Command {
        name: "bzmpop",
        arity: -5,
        flags: Flags::WRITE
            .union(Flags::BLOCKING)
            .union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 2, first: 0 },
        uses: KeyUse::Each(Access::READ_DELETE),
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.",
        summary: "Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.",
        docs: &manual::zsets::BZMPOP,
        ..Command::steady(pop::bzmpop)
    },
    Command {
        name: "zunion",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
        summary: "Returns the union of multiple sorted sets.",
        docs: &manual::zsets::ZUNION,
        ..Command::growing(algebra::zunion)
    },
    Command {
        name: "zinter",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
        summary: "Returns the intersect of multiple sorted sets.",
        docs: &manual::zsets::ZINTER,
        ..Command::growing(algebra::zinter)
    },
    Command {
        name: "zdiff",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
        summary: "Returns the difference between multiple sorted sets.",
        docs: &manual::zsets::ZDIFF,
        ..Command::growing(algebra::zdiff)
    },
    Command {
        name: "zunionstore",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 2, first: 1 },
        uses: KeyUse::Own(STORE_OF_COUNTED),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.",
        summary: "Stores the union of multiple sorted sets in a key.",
        docs: &manual::zsets::ZUNIONSTORE,
        ..Command::growing(algebra::zunionstore)
    },
    Command {
        name: "zinterstore",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 2, first: 1 },
        uses: KeyUse::Own(STORE_OF_COUNTED),
        group: Group::SortedSet,
        since: "2.0.0",
        complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.",
        summary: "Stores the intersect of multiple sorted sets in a key.",
        docs: &manual::zsets::ZINTERSTORE,
        ..Command::growing(algebra::zinterstore)
    },
    Command {
        name: "zdiffstore",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 2, first: 1 },
        uses: KeyUse::Own(STORE_OF_COUNTED),
        group: Group::SortedSet,
        since: "6.2.0",
        complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.",
        summary: "Stores the difference of multiple sorted sets in a key.",
        docs: &manual::zsets::ZDIFFSTORE,
        ..Command::growing(algebra::zdiffstore)
    },
    Command {
        name: "zintercard",
        arity: -3,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::Counted { count: 1, first: 0 },
        uses: KeyUse::Each(Access::READ),
        group: Group::SortedSet,
        since: "7.0.0",
        complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.",
        summary: "Returns the number of members of the intersect of multiple sorted sets.",
        docs: &manual::zsets::ZINTERCARD,
        ..Command::growing(algebra::zintercard)
    },
];
