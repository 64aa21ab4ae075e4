//! ARGET, ARMGET, ARGETRANGE, ARSCAN, ARLEN, ARCOUNT, ARINFO.

use super::{index, reply_number, span};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::Item;
use keyspace::value::{Array, ArrayRef, INDEX_MAX};
use resp::Reply;
use std::ops::RangeInclusive;

pub(super) fn arget(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    // The type is checked first here, and the index first in the other commands, as in Redis.
    let found = cx.find::<Array>(&args[1])?;
    let index = index(&args[2])?;
    let Some(loc) = found else {
        cx.client.reply.null();
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    element(env.reply, array.get(index));
    Ok(())
}

pub(super) fn armget(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let found = cx.find::<Array>(&args[1])?;
    let indices = args.from(2).iter().map(|text| index(text));
    let indices = indices.collect::<Result<Vec<_>, _>>()?;
    cx.client.reply.array(indices.len());
    let Some(loc) = found else {
        indices.iter().for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    for index in indices {
        element(env.reply, array.get(index));
    }
    Ok(())
}

fn element(reply: &mut Reply, element: Option<Item<'_>>) {
    match element {
        Some(element) => reply.item(element),
        None => reply.null(),
    }
}

pub(super) fn argetrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    const MOST: u64 = 1_000_000;
    let (range, backward) = span(index(&args[2])?, index(&args[3])?);
    let found = cx.find::<Array>(&args[1])?;
    let more = range.end() - range.start();
    if more >= MOST {
        return Err(CommandError::fixed(
            &"ERR range exceeds maximum of 1000000 items",
        ));
    }
    let count = more as usize + 1;
    cx.client.reply.array(count);
    let Some(loc) = found else {
        (0..count).for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    let nulls = |reply: &mut Reply, n: u64| (0..n).for_each(|_| reply.null());
    if backward {
        // One more than the next index.
        let mut next = range.end() + 1;
        for (index, element) in array.range_rev(range.clone()) {
            nulls(env.reply, next - 1 - index);
            env.reply.item(element);
            next = index;
        }
        nulls(env.reply, next - range.start());
    } else {
        let mut next = *range.start();
        for (index, element) in array.range(range.clone()) {
            nulls(env.reply, index - next);
            env.reply.item(element);
            next = index + 1;
        }
        nulls(env.reply, range.end() + 1 - next);
    }
    Ok(())
}

/// Calls `f` with the elements of a range in its direction, until it says that it is enough.
pub(super) fn walk(
    array: &ArrayRef<'_>,
    (range, backward): (RangeInclusive<u64>, bool),
    mut f: impl FnMut(u64, Item<'_>) -> bool,
) {
    let mut goes_on = |(index, element)| f(index, element);
    match backward {
        true => array.range_rev(range).all(&mut goes_on),
        false => array.range(range).all(&mut goes_on),
    };
}

pub(super) fn arscan(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let range = span(index(&args[2])?, index(&args[3])?);
    let mut limit = i64::MAX;
    match args.len() {
        4 => {}
        6 if args.is(4, "LIMIT") => limit = positive_limit(args, 5)?,
        6 => return Err(CommandError::SYNTAX),
        _ => return Err(CommandError::arity("arscan")),
    }
    let Some(loc) = cx.find::<Array>(&args[1])? else {
        cx.client.reply.array(0);
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    let mark = env.reply.len();
    let mut shown = 0;
    walk(&array, range, |index, element| {
        pair(env.reply, index, element);
        shown += 1;
        (shown as i64) < limit
    });
    env.reply.array_at(mark, shown);
    Ok(())
}

/// An element with its index.
pub(super) fn pair(reply: &mut Reply, index: u64, element: Item<'_>) {
    reply.array(2);
    reply_number(reply, index);
    reply.item(element);
}

pub(super) fn positive_limit(args: Args<'_>, i: usize) -> Result<i64, CommandError> {
    let limit = Some(args.int(i)?).filter(|limit| *limit > 0);
    limit.ok_or(CommandError::fixed(&"ERR LIMIT must be positive"))
}

pub(super) fn arlen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply_of(cx, args, |array| array.end())
}

pub(super) fn arcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply_of(cx, args, |array| array.len() as u64)
}

/// Replies with a number about an array; 0 if there is none.
fn reply_of(cx: &mut Cx<'_>, args: Args<'_>, f: impl FnOnce(&ArrayRef<'_>) -> u64) -> CmdResult {
    let Some(loc) = cx.find::<Array>(&args[1])? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    reply_number(env.reply, f(&array));
    Ok(())
}

/// The indices of which the reference keeps elements together.
const SLICE: u64 = 4096;

/// How many slices have elements.
fn slices(array: &ArrayRef<'_>) -> u64 {
    let (mut slices, mut from) = (0, 0);
    while let Some((index, _)) = array.range(from..=INDEX_MAX).next() {
        slices += 1;
        let Some(next) = (index / SLICE + 1).checked_mul(SLICE) else {
            break;
        };
        from = next;
    }
    slices
}

pub(super) fn arinfo(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let full = args.len() > 2;
    if full && !(args.len() == 3 && args.is(2, "FULL")) {
        return Err(CommandError::SYNTAX);
    }
    let found = cx.find::<Array>(&args[1])?;
    let loc = found.ok_or(CommandError::NO_SUCH_KEY)?;
    let (array, env) = cx.read::<Array>(loc);
    let slices = slices(&array);
    let next = array.inserted().filter(|last| *last < INDEX_MAX);
    let reply = env.reply;
    let fields = [
        ("count", array.len() as u64),
        ("len", array.end()),
        ("next-insert-index", next.map_or(0, |last| last + 1)),
        ("slices", slices),
        // An array is one tree here, without directories of slices.
        ("directory-size", slices),
        ("super-dir-entries", 0),
        ("slice-size", SLICE),
    ];
    reply.map(if full { fields.len() + 5 } else { fields.len() });
    for (name, n) in fields {
        reply.bulk_str(name);
        reply_number(reply, n);
    }
    if full {
        for (name, n) in [("dense-slices", 0), ("sparse-slices", slices)] {
            reply.bulk_str(name);
            reply_number(reply, n);
        }
        let each = array.len() as f64 / slices.max(1) as f64;
        for (name, x) in [
            ("avg-dense-size", 0.0),
            ("avg-dense-fill", 0.0),
            ("avg-sparse-size", each),
        ] {
            reply.bulk_str(name);
            reply.double(x);
        }
    }
    Ok(())
}
