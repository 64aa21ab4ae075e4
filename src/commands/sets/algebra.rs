//! Intersections, unions, differences.
//!
//! Intersections walk the smallest set and ask the others; differences walk the first; unions gather.

use engine::args::{parse_int, up_to};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Set, SetRef};
use keyspace::{Item, Limits, Loc, ValueRef};

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

/// The sets at `found`; `None` for a missing key.
fn views<'a>(cx: &'a Cx<'_>, found: &[Option<Loc>]) -> Vec<Option<SetRef<'a>>> {
    let view = |loc: &Option<Loc>| match cx.value((*loc)?) {
        ValueRef::Set(set) => Some(set),
        _ => unreachable!("find_sets lets sets through only"),
    };
    found.iter().map(view).collect()
}

fn reply(cx: &mut Cx<'_>, args: Args<'_>, op: Op) -> CmdResult {
    let found = find_sets(cx, args.from(1))?;
    let mut reply = std::mem::take(&mut cx.client.reply);
    let sets = views(cx, &found);
    if op == Op::Union {
        let all = united(&sets, &cx.engine.limits);
        let all = all.as_ref();
        reply.set(all.len());
        all.iter().for_each(|member| reply.item(member));
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
    let found = find_sets(cx, args.from(2))?;
    let sets = views(cx, &found);
    let limits = &cx.engine.limits;
    let result = match op {
        Op::Union => united(&sets, limits),
        _ => {
            let mut result = Set::new();
            each(op, &sets, |member| {
                member.with(|m| result.add(m, limits));
                true
            });
            result
        }
    };
    drop(sets);
    cx.store(&args[1], result, Event::Set, op.stored());
    Ok(())
}

/// Calls `f` with each member of the intersection or difference until it says `false`.
fn each(op: Op, sets: &[Option<SetRef<'_>>], f: impl FnMut(Item<'_>) -> bool) {
    match op {
        Op::Inter => each_common(sets, f),
        _ => each_left(sets, f),
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
    for member in smallest.iter() {
        let in_all = member.with(|m| others.iter().all(|set| set.contains(m)));
        if in_all && !f(member) {
            return;
        }
    }
}

fn each_left(sets: &[Option<SetRef<'_>>], mut f: impl FnMut(Item<'_>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else {
        return;
    };
    for member in first.iter() {
        let elsewhere = member.with(|m| others.iter().flatten().any(|set| set.contains(m)));
        if !elsewhere && !f(member) {
            return;
        }
    }
}

fn united(sets: &[Option<SetRef<'_>>], limits: &Limits) -> Set {
    united_up_to(sets, limits, usize::MAX)
}

/// The union, or so many of its members.
fn united_up_to(sets: &[Option<SetRef<'_>>], limits: &Limits, most: usize) -> Set {
    let mut all = Set::new();
    for set in sets.iter().flatten() {
        for member in set.iter() {
            member.with(|m| all.add(m, limits));
            if all.as_ref().len() >= most {
                return all;
            }
        }
    }
    all
}

pub fn sintercard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (keys, rest) = counted_keys(args)?;
    let limit = cardinality_limit(args, rest)?;
    let found = find_sets(cx, keys)?;
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

/// SUNIONCARD. With APPROX the number is exact all the same: an estimate would save the memory of the union only.
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
        _ => united_up_to(&sets, &cx.engine.limits, limit).len(),
    };
    drop(sets);
    cx.client.reply.int(n as i64);
    Ok(())
}

/// The keys of SINTERCARD, and where their options begin.
fn counted_keys<'a>(args: Args<'a>) -> Result<(&'a [&'a [u8]], usize), CommandError> {
    let count = parse_int(&args[1]).filter(|&n| n > 0);
    let count = count.ok_or(CommandError::fixed("ERR numkeys should be greater than 0"))?;
    if count > args.len() as i64 - 2 {
        return Err(CommandError::fixed(
            "ERR Number of keys can't be greater than number of args",
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
