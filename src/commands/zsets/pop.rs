//! ZPOPMIN, ZPOPMAX, ZMPOP, and the forms that wait for a member.

use super::{member_reply, members_header};
use engine::args::{count_from_0, parse_int};
use engine::blocking::{Otherwise, WaitFor, deadline};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Loc;
use keyspace::value::Zset;
use resp::Reply;

/// Which end of the order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let end = args.one_of(at, &[("MIN", End::Min), ("MAX", End::Max)]);
        end.ok_or(CommandError::SYNTAX)
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

/// How the reply shows the popped members.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// ZPOPMIN without a count: member, score, flat in both protocols.
    One,
    /// ZPOPMIN with a count: pairs in RESP3, flat in RESP2.
    Many,
    /// ZMPOP: pairs in both.
    Pairs,
    /// BZPOPMIN: member and score follow the key, in the caller's array.
    Bare,
}

pub fn zpopmin(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Min)
}

pub fn zpopmax(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Max)
}

fn pop(cx: &mut Cx<'_>, args: Args<'_>, end: End) -> CmdResult {
    let (count, shape) = match args.from(2) {
        [] => (1, Shape::One),
        [count] => (count_from_0(count)?, Shape::Many),
        _ => return Err(CommandError::SYNTAX),
    };
    match cx.find_to_write::<Zset>(&args[1])? {
        Some(loc) if count > 0 => {
            take(cx, &args[1], loc, end, count, shape);
        }
        _ => cx.client.reply.array(0),
    }
    Ok(())
}

/// Pops up to `count` members into the reply; gives their number.
fn take(cx: &mut Cx<'_>, key: &[u8], loc: Loc, end: End, count: usize, shape: Shape) -> usize {
    let (count, left) = cx.edit::<Zset, _>(loc, |zset, env| {
        let len = zset.as_ref().len();
        let count = count.min(len);
        match shape {
            Shape::One => env.reply.array(2),
            Shape::Many => members_header(env.reply, count, true),
            Shape::Pairs => env.reply.array(count),
            Shape::Bare => {}
        }
        let ranks = match end {
            End::Min => 0..count,
            End::Max => len - count..len,
        };
        let view = zset.as_ref();
        match end {
            End::Min => view
                .range(ranks.clone())
                .for_each(|m| popped(env.reply, shape, m)),
            End::Max => view
                .range_rev(ranks.clone())
                .for_each(|m| popped(env.reply, shape, m)),
        }
        zset.remove_range(ranks);
        count
    });
    cx.notify(Event::Zset, end.event(), key);
    cx.notify_if_gone(key, left);
    cx.changed(key, count as i64);
    count
}

fn popped(reply: &mut Reply, shape: Shape, (member, score): (keyspace::Item<'_>, f64)) {
    match shape {
        Shape::Many => return member_reply(reply, member, score, true),
        Shape::Pairs => reply.array(2),
        Shape::One | Shape::Bare => {}
    }
    reply.item(member);
    reply.double(score);
}

pub fn bzpopmin(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop_or_wait(cx, args, End::Min)
}

pub fn bzpopmax(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop_or_wait(cx, args, End::Max)
}

fn pop_or_wait(cx: &mut Cx<'_>, args: Args<'_>, end: End) -> CmdResult {
    let last = args.len() - 1;
    let deadline = deadline(cx, &args[last])?;
    let keys = &args.from(1)[..last - 1];
    for &key in keys {
        if let Some(loc) = cx.find_to_write::<Zset>(key)? {
            cx.client.reply.array(3);
            cx.client.reply.bulk(key);
            take(cx, key, loc, end, 1, Shape::Bare);
            cx.propagate_as(&[end.command(), key]);
            return Ok(());
        }
    }
    cx.block_on(args, keys, WaitFor::Zset, deadline, Otherwise::NullArray);
    Ok(())
}

/// `numkeys key ... MIN|MAX [COUNT n]`
struct PopRequest<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> PopRequest<'a> {
    fn parse(args: Args<'a>, at: usize) -> Result<Self, CommandError> {
        let (keys, rest) = args.counted(at, "ERR numkeys should be greater than 0")?;
        let end = End::parse(args, rest)?;
        let count = match args.from(rest + 1) {
            [] => 1,
            [_, count] if args.is(rest + 1, "COUNT") => {
                let count = parse_int(count).filter(|&n| n > 0);
                count.ok_or(CommandError::fixed(&"ERR count should be greater than 0"))? as usize
            }
            _ => return Err(CommandError::SYNTAX),
        };
        Ok(PopRequest { keys, end, count })
    }
}

/// Pops from the first of the keys that holds a sorted set; false if none does.
fn pop_first(cx: &mut Cx<'_>, request: &PopRequest<'_>) -> Result<bool, CommandError> {
    for &key in request.keys {
        let Some(loc) = cx.find_to_write::<Zset>(key)? else {
            continue;
        };
        cx.client.reply.array(2);
        cx.client.reply.bulk(key);
        let count = take(cx, key, loc, request.end, request.count, Shape::Pairs);
        let count = count.to_string();
        cx.propagate_as(&[request.end.command(), key, count.as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}

pub fn zmpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = PopRequest::parse(args, 1)?;
    if !pop_first(cx, &request)? {
        cx.client.reply.null_array();
    }
    Ok(())
}

pub fn bzmpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = PopRequest::parse(args, 2)?;
    let deadline = deadline(cx, &args[1])?;
    if !pop_first(cx, &request)? {
        let keys = request.keys;
        cx.block_on(args, keys, WaitFor::Zset, deadline, Otherwise::NullArray);
    }
    Ok(())
}
