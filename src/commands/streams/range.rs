//! XLEN, XRANGE, XREVRANGE.

use super::{entry_reply, ids};
use engine::args::int_of;
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Stream;
use keyspace::value::stream::Entry;
use resp::Reply;

pub fn xlen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let len = match cx.find::<Stream>(&args[1])? {
        Some(loc) => cx.read::<Stream>(loc).0.len(),
        None => 0,
    };
    cx.client.reply.int(len as i64);
    Ok(())
}

pub fn xrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    range(cx, args, false)
}

pub fn xrevrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    range(cx, args, true)
}

fn range(cx: &mut Cx<'_>, args: Args<'_>, backward: bool) -> CmdResult {
    let (start, end) = if backward { (3, 2) } else { (2, 3) };
    let from = ids::range_start(&args[start])?;
    let to = ids::range_end(&args[end])?;
    let mut count = None;
    let mut words = args.options(4);
    while words.are_left() {
        let most = words.take_value("COUNT").ok_or(CommandError::SYNTAX)?;
        count = Some(usize::try_from(int_of(most)?).unwrap_or(0));
    }
    let Some(loc) = cx.find::<Stream>(&args[1])? else {
        cx.client.reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        cx.client.reply.null_array();
        return Ok(());
    }
    let (stream, env) = cx.read::<Stream>(loc);
    let entries = match backward {
        true => stream.range_rev(from, to),
        false => stream.range(from, to),
    };
    entries_reply(env.reply, entries.take(count.unwrap_or(usize::MAX)));
    Ok(())
}

/// Writes entries as an array; gives their number.
pub fn entries_reply<'a>(reply: &mut Reply, entries: impl Iterator<Item = Entry<'a>>) -> usize {
    let mark = reply.len();
    let mut count = 0;
    for entry in entries {
        entry_reply(reply, entry);
        count += 1;
    }
    reply.array_at(mark, count);
    count
}
