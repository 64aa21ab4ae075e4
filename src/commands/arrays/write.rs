//! ARSET, ARMSET, ARDEL, ARDELRANGE.

use super::{index, span};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Array, INDEX_MAX};

pub(super) fn arset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let first = index(&args[2])?;
    let values = args.from(3);
    if INDEX_MAX - first < values.len() as u64 - 1 {
        return Err(CommandError::fixed(&"ERR array index overflow"));
    }
    // The values come first in the zip, so that the range is never advanced beyond the last index.
    let elements = values.iter().copied().zip(first..);
    set(
        cx,
        key,
        elements.map(|(value, index)| (index, value)),
        "arset",
    )
}

pub(super) fn armset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let pairs = args.from(2);
    if pairs.len() % 2 == 1 {
        return Err(CommandError::arity("armset"));
    }
    let pairs = pairs.chunks_exact(2);
    let pairs: Vec<(u64, &[u8])> = pairs
        .map(|pair| Ok((index(pair[0])?, pair[1])))
        .collect::<Result<_, CommandError>>()?;
    set(cx, key, pairs.into_iter(), "armset")
}

/// Sets elements, and replies with how many there were none of before.
fn set<'a>(
    cx: &mut Cx<'_>,
    key: &[u8],
    elements: impl Iterator<Item = (u64, &'a [u8])>,
    event: &str,
) -> CmdResult {
    let found = cx.find_to_write::<Array>(key)?;
    let ((new, changes), _) = cx.edit_or_create::<Array, _>(key, found, |array, _| {
        let (mut new, mut changes) = (0, 0);
        for (index, element) in elements {
            new += i64::from(array.set(index, element));
            changes += 1;
        }
        (new, changes)
    });
    cx.client.reply.int(new);
    cx.changed(key, changes);
    cx.notify(Event::Array, event, key);
    Ok(())
}

pub(super) fn ardel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let indices = args.from(2).iter().map(|text| index(text));
    let indices = indices.collect::<Result<Vec<_>, _>>()?;
    delete(cx, &args[1], "ardel", |array| {
        indices.iter().filter(|index| array.remove(**index)).count()
    })
}

pub(super) fn ardelrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let ends = args.from(2);
    if ends.len() % 2 == 1 {
        return Err(CommandError::arity("ardelrange"));
    }
    let ranges = ends.chunks_exact(2);
    let ranges = ranges
        .map(|ends| Ok(span(index(ends[0])?, index(ends[1])?).0))
        .collect::<Result<Vec<_>, CommandError>>()?;
    delete(cx, &args[1], "ardelrange", |array| {
        let gone = ranges.into_iter().map(|range| array.remove_range(range));
        gone.sum()
    })
}

/// Deletes elements, and replies with how many.
fn delete(
    cx: &mut Cx<'_>,
    key: &[u8],
    event: &str,
    delete: impl FnOnce(&mut Array) -> usize,
) -> CmdResult {
    let Some(loc) = cx.find_to_write::<Array>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (gone, left) = cx.edit::<Array, _>(loc, |array, _| delete(array));
    if gone > 0 {
        cx.changed(key, gone as i64);
        cx.notify(Event::Array, event, key);
        cx.notify_if_gone(key, left);
    }
    cx.client.reply.int(gone as i64);
    Ok(())
}
