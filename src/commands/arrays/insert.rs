//! ARINSERT, ARRING, ARSEEK, ARNEXT, ARLASTITEMS: what an array remembers about its last insertion.

use super::{BAD_INDEX, reply_number, unsigned};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Array, ArrayRef, INDEX_MAX};

pub(super) fn arinsert(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let values = args.from(2);
    let found = cx.find_to_write::<Array>(key)?;
    let inserted = found.and_then(|loc| cx.read::<Array>(loc).0.inserted());
    let next = inserted.map_or(0, |index| index + 1);
    let last = next.checked_add(values.len() as u64 - 1);
    let last = last
        .filter(|last| *last <= INDEX_MAX)
        .ok_or(CommandError::fixed(&"ERR insert index overflow"))?;
    cx.edit_or_create::<Array, _>(key, found, |array, _| {
        for (value, index) in values.iter().zip(next..) {
            array.set(index, value);
        }
        array.set_inserted(Some(last));
    });
    reply_number(&mut cx.client.reply, last);
    cx.changed(key, values.len() as i64);
    cx.notify(Event::Array, "arinsert", key);
    Ok(())
}

pub(super) fn arring(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let size = args
        .int(2)
        .map_err(|_| CommandError::fixed(&"ERR invalid size"))?;
    let size = u64::try_from(size).ok().filter(|size| *size > 0);
    let size = size.ok_or(CommandError::fixed(&"ERR size must be positive"))?;
    let values = args.from(3);
    let found = cx.find_to_write::<Array>(key)?;
    let (last, _) = cx.edit_or_create::<Array, _>(key, found, |array, _| {
        resize_ring(array, size);
        let mut inserted = array.as_ref().inserted();
        for value in values {
            let at = inserted.map_or(0, |last| (last + 1) % size);
            array.set(at, value);
            inserted = Some(at);
        }
        array.set_inserted(inserted);
        inserted
    });
    reply_number(&mut cx.client.reply, last.unwrap_or(0));
    cx.changed(key, values.len() as i64);
    cx.notify(Event::Array, "arring", key);
    Ok(())
}

/// Makes an array a ring of this size. A ring that grows keeps the latest elements. One that shrinks and has been
/// filled is rearranged, so that the next element follows the last one.
fn resize_ring(array: &mut Array, size: u64) {
    let view = array.as_ref();
    let end = view.end();
    let newest = match view.inserted() {
        _ if end == 0 || size == end => return,
        Some(last) if size < end => last % end,
        None if size < end => end - 1,
        Some(last) if last + 1 < end => last,
        _ => return,
    };
    let mut kept = newest_first(&view, newest, size.min(end));
    kept.reverse();
    array.keep_only(&kept);
}

/// Up to `most` elements from `newest` backwards, around the end, up to the first that is missing.
fn newest_first(view: &ArrayRef<'_>, newest: u64, most: u64) -> Vec<Vec<u8>> {
    let (mut found, mut at) = (Vec::new(), newest);
    while (found.len() as u64) < most
        && let Some(element) = view.get(at)
    {
        found.push(element.to_vec());
        at = at.checked_sub(1).unwrap_or(view.end() - 1);
    }
    found
}

pub(super) fn arseek(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    // One more than the highest index says that nothing can be inserted.
    let next = unsigned(&args[2]).ok_or(BAD_INDEX)?;
    let Some(loc) = cx.find_to_write::<Array>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    cx.edit::<Array, _>(loc, |array, _| array.set_inserted(next.checked_sub(1)));
    cx.client.reply.int(1);
    cx.changed(key, 1);
    cx.notify(Event::Array, "arseek", key);
    Ok(())
}

pub(super) fn arnext(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let Some(loc) = cx.find::<Array>(&args[1])? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    match array.inserted() {
        None => env.reply.int(0),
        Some(INDEX_MAX) => env.reply.null(),
        Some(last) => reply_number(env.reply, last + 1),
    }
    Ok(())
}

pub(super) fn arlastitems(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 4 {
        return Err(CommandError::arity("arlastitems"));
    }
    let count = args
        .int(2)
        .map_err(|_| CommandError::fixed(&"ERR invalid COUNT"))?;
    let newest_first = args.len() == 4;
    if newest_first && !args.is(3, "REV") {
        return Err(CommandError::SYNTAX);
    }
    let count = usize::try_from(count).unwrap_or(0);
    // A request for no elements gets none from any key, whatever it holds.
    let found = match count {
        0 => None,
        _ => cx.find::<Array>(&args[1])?,
    };
    let Some(loc) = found else {
        cx.client.reply.array(0);
        return Ok(());
    };
    let (array, env) = cx.read::<Array>(loc);
    let last = array.end() - 1;
    let count = count.min(array.len());
    // What was inserted last is at `newest`, what came before it below, and beyond the first element at the end.
    let newest = array.inserted().unwrap_or(last);
    let step = |at: u64| at.checked_sub(1).unwrap_or(last);
    let places = std::iter::successors(Some(newest), |at| Some(step(*at))).take(count);
    env.reply.array(count);
    let mut show = |at: u64| match array.get(at) {
        Some(element) => env.reply.item(element),
        None => env.reply.null(),
    };
    match newest_first {
        true => places.for_each(&mut show),
        false => {
            let places: Vec<u64> = places.collect();
            places.into_iter().rev().for_each(&mut show);
        }
    }
    Ok(())
}
