//! LMOVEM and BLMOVEM of Redis 8.10: several elements from one list to another.
//!
//! The elements at one end of the source become a block at one end of the target. `OBO` (one by one) and `BULK` differ
//! only if both ends are the same: one by one, the order within the block is reversed.
//!
//! Replicas receive commands that Redis 6.2 knows: a pop with a count, and a push.

use super::ends::End;
use engine::args::parse_int;
use engine::blocking::{Otherwise, WaitFor, deadline};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Limits;
use keyspace::value::List;

const COUNT_TOO_SMALL: CommandError = CommandError::fixed(&"ERR count should be greater than 0");

/// The options of a request.
struct Request {
    from: End,
    to: End,
    count: usize,
    /// Nothing is moved if there are fewer.
    exactly: bool,
    one_by_one: bool,
}

impl Request {
    /// The ends are at 3 and 4. Without options, one element is moved.
    fn between(args: Args<'_>) -> Result<Self, CommandError> {
        Ok(Request {
            from: End::parse(args, 3)?,
            to: End::parse(args, 4)?,
            count: 1,
            exactly: false,
            one_by_one: true,
        })
    }

    /// The number of elements begins at `at`.
    fn read_options(&mut self, args: Args<'_>, at: usize) -> CmdResult {
        match args.len() - at {
            0 => {}
            3 => {
                let exactly = args.one_of(at, &[("COUNT", false), ("EXACTLY", true)]);
                self.exactly = exactly.ok_or(CommandError::SYNTAX)?;
                let count = parse_int(&args[at + 1]).filter(|n| *n > 0);
                let count = count.and_then(|n| usize::try_from(n).ok());
                self.count = count.ok_or(COUNT_TOO_SMALL)?;
                let order = args.one_of(at + 2, &[("OBO", true), ("BULK", false)]);
                self.one_by_one = order.ok_or(CommandError::SYNTAX)?;
            }
            _ => return Err(CommandError::SYNTAX),
        }
        Ok(())
    }
}

pub fn lmovem(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut request = Request::between(args)?;
    request.read_options(args, 5)?;
    if !move_many(cx, &args[1], &args[2], &request)? {
        cx.client.reply.null_array();
    }
    Ok(())
}

pub fn blmovem(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut request = Request::between(args)?;
    // The timeout is judged before the options behind it.
    let deadline = deadline(cx, &args[5])?;
    request.read_options(args, 6)?;
    if !move_many(cx, &args[1], &args[2], &request)? {
        let source = &args.from(1)[..1];
        cx.block_on(args, source, WaitFor::List, deadline, Otherwise::NullArray);
    }
    Ok(())
}

/// Moves the elements, into the reply too; false if there are not enough.
fn move_many(
    cx: &mut Cx<'_>,
    source: &[u8],
    target: &[u8],
    request: &Request,
) -> Result<bool, CommandError> {
    let Some(loc) = cx.find_to_write::<List>(source)? else {
        return Ok(false);
    };
    let len = cx.value(loc).len();
    let count = request.count.min(len);
    if request.exactly && count < request.count {
        return Ok(false);
    }
    if source != target {
        cx.find_to_write::<List>(target)?;
    }
    let Request { from, to, .. } = *request;
    // Finding the target may have deleted it (expired), which moves what handles point to.
    let loc = cx.db().find(source).expect("the source was found above");
    let (block, left) = cx.edit::<List, _>(loc, |list, env| {
        let block = request.take(list, count);
        if source == target {
            to.push_block(list, &block, env.limits);
        }
        list.shrink(env.limits);
        block
    });
    if source == target {
        cx.notify(Event::List, from.popped(), source);
        cx.notify(Event::List, to.pushed(), target);
    } else {
        let loc = cx.db().find(target);
        cx.edit_or_create::<List, _>(target, loc, |list, env| {
            to.push_block(list, &block, env.limits);
        });
        cx.changed(target, 0);
        cx.notify(Event::List, to.pushed(), target);
        cx.notify(Event::List, from.popped(), source);
        cx.notify_if_gone(source, left);
    }
    cx.changed(source, count as i64);
    cx.client.reply.array(block.len());
    block.iter().for_each(|item| cx.client.reply.bulk(item));
    settle(cx, source, target, request, &block, count == len);
    Ok(true)
}

impl Request {
    /// Removes this many elements and returns them in the order in which they will be in the target.
    fn take(&self, list: &mut List, count: usize) -> Vec<Vec<u8>> {
        let len = list.len();
        let range = match self.from {
            End::Left => 0..count,
            End::Right => len - count..len,
        };
        let view = list.as_ref();
        let mut block: Vec<Vec<u8>> = view.range(range.clone()).map(|i| i.to_vec()).collect();
        list.remove_range(range);
        if self.from == self.to && self.one_by_one {
            block.reverse();
        }
        block
    }
}

impl End {
    /// Pushes elements so that they are in this order afterwards.
    fn push_block(self, list: &mut List, block: &[Vec<u8>], limits: &Limits) {
        match self {
            End::Left => block.iter().rev().for_each(|i| list.push_front(i, limits)),
            End::Right => block.iter().for_each(|i| list.push_back(i, limits)),
        }
    }
}

/// What replicas are sent.
fn settle(
    cx: &mut Cx<'_>,
    source: &[u8],
    target: &[u8],
    request: &Request,
    block: &[Vec<u8>],
    all: bool,
) {
    cx.no_propagate();
    let Request { from, to, .. } = *request;
    let digits = block.len().to_string();
    let push = |to: End| {
        let name: &[u8] = match to {
            End::Left => b"LPUSH",
            End::Right => b"RPUSH",
        };
        let mut words = vec![name, target];
        match to {
            End::Left => words.extend(block.iter().rev().map(Vec::as_slice)),
            End::Right => words.extend(block.iter().map(Vec::as_slice)),
        }
        words
    };
    if source == target && all {
        // The list must not vanish in between: its expiry would go with it.
        let last = (block.len() - 1).to_string();
        cx.also_propagate(&push(End::Left));
        cx.also_propagate(&[b"LTRIM", source, b"0", last.as_bytes()]);
    } else {
        cx.also_propagate(&[from.pop_command(), source, digits.as_bytes()]);
        cx.also_propagate(&push(to));
    }
}
