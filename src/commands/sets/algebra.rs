//! Intersections, unions, differences.
//!
//! An intersection iterates over the smallest set and looks its members up in the others. A difference iterates over
//! the first set. A union collects all members. Sets of integers are merged in ascending order.

use crate::member::Member;
use engine::args::{parse_int, up_to};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Along, Set, SetRef};
use keyspace::{Item, Limits, Loc, ValueRef};
use std::borrow::Cow;
use std::collections::HashSet;

/// The operation on the sets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Inter,
    Union,
    Diff,
}

impl Op {
    fn stored(self) -> &'static str {
        match self {
            Op::Inter => "sinterstore",
            Op::Union => "sunionstore",
            Op::Diff => "sdiffstore",
        }
    }
}

pub fn sinter(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, Op::Inter)
}

pub fn sunion(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, Op::Union)
}

pub fn sdiff(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, Op::Diff)
}

pub fn sinterstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, Op::Inter)
}

pub fn sunionstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, Op::Union)
}

pub fn sdiffstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, Op::Diff)
}

fn find_sets(cx: &mut Cx<'_>, keys: &[&[u8]]) -> Result<Vec<Option<Loc>>, CommandError> {
    cx.find_all(keys, |value| match value {
        ValueRef::Set(_) => Ok(()),
        _ => Err(CommandError::WRONG_TYPE),
    })
}

/// Keys in one request up to which a key that is named twice is looked for.
const NAMED_TWICE_UP_TO: usize = 16;

/// Without those that were named before: neither an intersection nor a union changes by them.
fn distinct(mut found: Vec<Option<Loc>>) -> Vec<Option<Loc>> {
    if found.len() <= NAMED_TWICE_UP_TO {
        let mut at = 0;
        while at < found.len() {
            match found[..at].contains(&found[at]) {
                true => _ = found.remove(at),
                false => at += 1,
            }
        }
    }
    found
}

/// Up to this many integers of a set for each one that is asked for, passing them is less work than looking it up.
const PASSED: usize = 8;

/// A set that is asked for many members.
enum Asked<'a> {
    AsItIs(&'a SetRef<'a>),
    /// A listpack, whose members would be compared one by one.
    Members(HashSet<Cow<'a, [u8]>>),
    /// The members come in the order of its hashes.
    Along(Along<'a>),
    /// The members come in ascending order, as its own do; this is the place of the next one.
    Ascending(Vec<i64>, usize),
}

/// What a table of the members of a listpack costs for each member that it is made of or asked for, in members that
/// are compared one by one.
const TABLE_COST: usize = 16;

impl<'a> Asked<'a> {
    /// How many times it will be looked at.
    fn of(set: &'a SetRef<'a>, times: usize) -> Self {
        let len = set.len();
        if set.encoding() != "listpack" || times * len < TABLE_COST * (times + len) {
            return Asked::AsItIs(set);
        }
        let mut members = HashSet::with_capacity(len);
        members.extend(set.iter().map(|member| member.to_cow()));
        Asked::Members(members)
    }

    /// Prepares for a lookup of each member of `other`, in the order of `other`.
    fn of_members(set: &'a SetRef<'a>, other: &SetRef<'_>) -> Self {
        if other.encoding() == "intset"
            && set.len() / PASSED <= other.len()
            && let Some(ints) = set.ints()
        {
            return Asked::Ascending(ints, 0);
        }
        let ordered = other.hashed().is_some();
        match ordered.then(|| set.along(other.len())).flatten() {
            Some(along) => Asked::Along(along),
            None => Asked::of(set, other.len()),
        }
    }

    fn has(&mut self, member: &Member<'_>) -> bool {
        match (self, member) {
            (Asked::Along(set), Member::Hashed(member)) => set.has(member),
            (Asked::Along(_), Member::Item(_)) => {
                unreachable!("sets without hashes are not asked so")
            }
            (Asked::Ascending(ints, at), Member::Item(Item::Int(n))) => {
                while ints.get(*at).is_some_and(|other| other < n) {
                    *at += 1;
                }
                ints.get(*at) == Some(n)
            }
            (Asked::Ascending(..), _) => unreachable!("only integers are asked for so"),
            (Asked::AsItIs(set), member) => set.contains_item(member.item()),
            (Asked::Members(set), member) => member.item().with(|m| set.contains(m)),
        }
    }
}

impl<'a> Member<'a> {
    /// All members of a set.
    fn all(set: &'a SetRef<'a>) -> impl Iterator<Item = Member<'a>> {
        let hashed = set.hashed();
        let items = hashed.is_none().then(|| set.iter().map(Member::Item));
        let hashed = hashed.into_iter().flatten().map(Member::Hashed);
        hashed.chain(items.into_iter().flatten())
    }
}

/// The sets at `found`; `None` for a missing key.
fn views<'a>(cx: &'a Cx<'_>, found: &[Option<Loc>]) -> Vec<Option<SetRef<'a>>> {
    let view = |loc: &Option<Loc>| match cx.value((*loc)?) {
        ValueRef::Set(set) => Some(set),
        _ => unreachable!("find_sets lets sets through only"),
    };
    found.iter().map(view).collect()
}

fn reply(cx: &mut Cx<'_>, args: Args<'_>, op: Op) -> CmdResult {
    let mut found = find_sets(cx, args.from(1))?;
    if op != Op::Diff {
        found = distinct(found);
    }
    let mut reply = std::mem::take(&mut cx.client.reply);
    let sets = views(cx, &found);
    if op == Op::Union {
        let (mark, mut n) = (reply.len(), 0);
        each_of_union(&sets, |member| {
            reply.item(member);
            n += 1;
            true
        });
        reply.set_at(mark, n);
    } else {
        let (mark, mut n) = (reply.len(), 0);
        each(op, &sets, |member| {
            reply.item(member);
            n += 1;
            true
        });
        reply.set_at(mark, n);
    }
    drop(sets);
    cx.client.reply = reply;
    Ok(())
}

fn store(cx: &mut Cx<'_>, args: Args<'_>, op: Op) -> CmdResult {
    let mut found = find_sets(cx, args.from(2))?;
    if op != Op::Diff {
        found = distinct(found);
    }
    let sets = views(cx, &found);
    let mut result = Stored::new(&cx.engine.limits);
    each(op, &sets, |member| {
        result.push(member);
        true
    });
    let result = result.set();
    drop(sets);
    cx.store(&args[1], result, Event::Set, op.stored());
    Ok(())
}

/// A result that becomes a set.
struct Stored<'a> {
    /// What has come so far, if these are integers in ascending order.
    ints: Vec<i64>,
    /// What has come so far otherwise.
    set: Option<Set>,
    limits: &'a Limits,
}

impl<'a> Stored<'a> {
    fn new(limits: &'a Limits) -> Self {
        Stored {
            ints: Vec::new(),
            set: None,
            limits,
        }
    }

    /// Adds a member that has not come yet.
    fn push(&mut self, member: Item<'_>) {
        if self.set.is_none()
            && let Item::Int(n) = member
            && self.ints.last().is_none_or(|last| *last < n)
        {
            return self.ints.push(n);
        }
        let set = self.set.get_or_insert_with(|| match &self.ints[..] {
            [] => Set::new(),
            ints => Set::of_ints(ints, self.limits),
        });
        member.with(|member| set.add_absent(member, self.limits));
    }

    fn set(self) -> Set {
        self.set
            .unwrap_or_else(|| Set::of_ints(&self.ints, self.limits))
    }
}

/// Calls `f` with each member of the result, once, until it says `false`.
fn each(op: Op, sets: &[Option<SetRef<'_>>], f: impl FnMut(Item<'_>) -> bool) {
    match op {
        Op::Inter => each_common(sets, f),
        Op::Union => each_of_union(sets, f),
        Op::Diff => each_left(sets, f),
    }
}

fn each_common(sets: &[Option<SetRef<'_>>], mut f: impl FnMut(Item<'_>) -> bool) {
    let Some(mut sets) = sets.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else {
        return; // a missing set has no members, nor has the intersection
    };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    let others = others.iter().copied();
    let mut others: Vec<Asked<'_>> = others.map(|set| Asked::of_members(set, smallest)).collect();
    // Several iterators are chained here: that is faster where they call a closure than where they are asked for items.
    Member::all(smallest).all(|member| {
        let in_all = others.iter_mut().all(|set| set.has(&member));
        !in_all || f(member.item())
    });
}

fn each_left(sets: &[Option<SetRef<'_>>], mut f: impl FnMut(Item<'_>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else {
        return;
    };
    let others = others.iter().flatten();
    let mut others: Vec<Asked<'_>> = others.map(|set| Asked::of_members(set, first)).collect();
    Member::all(first).all(|member| {
        let elsewhere = others.iter_mut().any(|set| set.has(&member));
        elsewhere || f(member.item())
    });
}

fn each_of_union(sets: &[Option<SetRef<'_>>], mut f: impl FnMut(Item<'_>) -> bool) {
    let sets: Vec<&SetRef<'_>> = sets.iter().flatten().collect();
    if let [first, second] = sets[..]
        && let (Some(_), Some(members)) = (first.hashed(), second.hashed())
        && let Some(mut before) = first.along(second.len())
    {
        let new = members.filter(|member| !before.has(member));
        let mut all = first.iter().chain(new.map(|member| member.item()));
        all.all(f);
        return;
    }
    if sets.iter().all(|set| set.encoding() == "intset") {
        let mut all: Vec<i64> = sets.iter().filter_map(|set| set.ints()).flatten().collect();
        // The sort that merges runs which ascend.
        all.sort();
        all.dedup();
        all.into_iter().map(Item::Int).all(f);
        return;
    }
    let mut seen: HashSet<Cow<'_, [u8]>> = HashSet::new();
    for (i, set) in sets.iter().enumerate() {
        let last = i + 1 == sets.len();
        let wanted = set.iter().all(|member| {
            let new = match (i, last) {
                (0, true) => true,
                (_, true) => !member.with(|m| seen.contains(m)),
                (_, false) => seen.insert(member.to_cow()),
            };
            !new || f(member)
        });
        if !wanted {
            return;
        }
    }
}

pub fn sintercard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (keys, rest) = counted_keys(args)?;
    let limit = cardinality_limit(args, rest)?;
    let found = distinct(find_sets(cx, keys)?);
    let mut n = 0;
    each_common(&views(cx, &found), |_| {
        n += 1;
        n < limit
    });
    cx.client.reply.int(n as i64);
    Ok(())
}

pub fn sdiffcard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (keys, rest) = counted_keys(args)?;
    let limit = cardinality_limit(args, rest)?;
    let found = find_sets(cx, keys)?;
    let mut n = 0;
    each_left(&views(cx, &found), |_| {
        n += 1;
        n < limit
    });
    cx.client.reply.int(n as i64);
    Ok(())
}

/// SUNIONCARD. The number is exact even with APPROX: an estimate would only save the memory of the union.
pub fn sunioncard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (keys, mut rest) = counted_keys(args)?;
    let mut limit = usize::MAX;
    while rest < args.len() {
        if args.is(rest, "APPROX") {
            rest += 1;
        } else {
            limit = cardinality_limit(Args(&args.0[..args.len().min(rest + 2)]), rest)?;
            rest += 2;
        }
    }
    let found = find_sets(cx, keys)?;
    let sets = views(cx, &found);
    let n = match &sets[..] {
        [one] => one.as_ref().map_or(0, SetRef::len).min(limit),
        _ => {
            let mut n = 0;
            each_of_union(&sets, |_| {
                n += 1;
                n < limit
            });
            n
        }
    };
    drop(sets);
    cx.client.reply.int(n as i64);
    Ok(())
}

/// The keys of SINTERCARD, and where their options begin.
fn counted_keys<'a>(args: Args<'a>) -> Result<(&'a [&'a [u8]], usize), CommandError> {
    let count = parse_int(&args[1]).filter(|&n| n > 0);
    let count = count.ok_or(CommandError::fixed(&"ERR numkeys should be greater than 0"))?;
    if count > args.len() as i64 - 2 {
        return Err(CommandError::fixed(
            &"ERR Number of keys can't be greater than number of args",
        ));
    }
    let end = count as usize + 2;
    Ok((&args.from(2)[..end - 2], end))
}

/// `[LIMIT n]`, from argument `at` on.
fn cardinality_limit(args: Args<'_>, at: usize) -> Result<usize, CommandError> {
    let mut limit = usize::MAX;
    for at in (at..args.len()).step_by(2) {
        match args.get(at + 1) {
            Some(n) if args.is(at, "LIMIT") => limit = up_to(n, "ERR LIMIT can't be negative")?,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    Ok(limit)
}
