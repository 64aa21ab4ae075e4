//! BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP.

use super::ends::{End, PopRequest, move_one, pop_first, pop_one};
use engine::blocking::{Otherwise, WaitFor, deadline};
use engine::{Args, CmdResult, Cx};
use keyspace::value::List;

pub fn blpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Left)
}

pub fn brpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Right)
}

fn pop(cx: &mut Cx<'_>, args: Args<'_>, end: End) -> CmdResult {
    let last = args.len() - 1;
    let deadline = deadline(cx, &args[last])?;
    let keys = &args.from(1)[..last - 1];
    for &key in keys {
        if let Some(loc) = cx.find_to_write::<List>(key)? {
            cx.client.reply.array(2);
            cx.client.reply.bulk(key);
            pop_one(cx, key, loc, end);
            cx.propagate_as(&[end.pop_command(), key]);
            return Ok(());
        }
    }
    cx.block_on(args, keys, WaitFor::List, deadline, Otherwise::NullArray);
    Ok(())
}

pub fn blmove(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (from, to) = (End::parse(args, 3)?, End::parse(args, 4)?);
    let deadline = deadline(cx, &args[5])?;
    let settled = [b"LMOVE", &args[1], &args[2], &args[3], &args[4]];
    move_or_wait(cx, args, from, to, deadline, &settled)
}

pub fn brpoplpush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let deadline = deadline(cx, &args[3])?;
    let settled = [b"RPOPLPUSH", &args[1], &args[2]];
    move_or_wait(cx, args, End::Right, End::Left, deadline, &settled)
}

fn move_or_wait(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    deadline: Option<i64>,
    settled: &[&[u8]],
) -> CmdResult {
    if move_one(cx, &args[1], &args[2], from, to)? {
        cx.propagate_as(settled);
    } else {
        let source = &args.from(1)[..1];
        cx.block_on(args, source, WaitFor::List, deadline, Otherwise::Null);
    }
    Ok(())
}

pub fn blmpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = PopRequest::parse(args, 2)?;
    let deadline = deadline(cx, &args[1])?;
    if !pop_first(cx, &request)? {
        let keys = request.keys;
        cx.block_on(args, keys, WaitFor::List, deadline, Otherwise::NullArray);
    }
    Ok(())
}
