//! Pushing and popping at the ends, and moving an element from one end to another.

use engine::args::{count_from_0, parse_int};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::List;
use keyspace::{Limits, Loc};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

impl End {
    /// `LEFT` or `RIGHT`, in any case.
    pub fn parse(args: Args<'_>, at: usize) -> Result<Self, CommandError> {
        let end = args.one_of(at, &[("LEFT", End::Left), ("RIGHT", End::Right)]);
        end.ok_or(CommandError::SYNTAX)
    }

    fn push(self, list: &mut List, item: &[u8], limits: &Limits) {
        match self {
            End::Left => list.push_front(item, limits),
            End::Right => list.push_back(item, limits),
        }
    }

    fn pop(self, list: &mut List) -> Option<Vec<u8>> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }

    pub(super) fn pushed(self) -> &'static str {
        match self {
            End::Left => "lpush",
            End::Right => "rpush",
        }
    }

    pub(super) fn popped(self) -> &'static str {
        match self {
            End::Left => "lpop",
            End::Right => "rpop",
        }
    }

    /// The command that pops here.
    pub fn pop_command(self) -> &'static [u8] {
        match self {
            End::Left => b"LPOP",
            End::Right => b"RPOP",
        }
    }
}

pub fn lpush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    push(cx, args, End::Left, false)
}

pub fn rpush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    push(cx, args, End::Right, false)
}

pub fn lpushx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    push(cx, args, End::Left, true)
}

pub fn rpushx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    push(cx, args, End::Right, true)
}

fn push(cx: &mut Cx<'_>, args: Args<'_>, end: End, only_existing: bool) -> CmdResult {
    let (key, items) = (&args[1], args.from(2));
    let loc = cx.find_to_write::<List>(key)?;
    if loc.is_none() && only_existing {
        cx.client.reply.int(0);
        return Ok(());
    }
    let (_, len) = cx.edit_or_create::<List, _>(key, loc, |list, env| {
        items
            .iter()
            .for_each(|item| end.push(list, item, env.limits));
    });
    cx.client.reply.int(len as i64);
    cx.changed(key, items.len() as i64);
    cx.notify(Event::List, end.pushed(), key);
    Ok(())
}

pub fn lpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Left, "lpop")
}

pub fn rpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    pop(cx, args, End::Right, "rpop")
}

fn pop(cx: &mut Cx<'_>, args: Args<'_>, end: End, name: &str) -> CmdResult {
    let count = match args.from(2) {
        [] => None,
        [count] => Some(count_from_0(count)?),
        _ => return Err(CommandError::arity(name)),
    };
    let key = &args[1];
    let found = cx.find_to_write::<List>(key)?;
    let Some(loc) = found else {
        match count {
            None => cx.client.reply.null(),
            Some(_) => cx.client.reply.null_array(),
        }
        return Ok(());
    };
    match count {
        None => pop_one(cx, key, loc, end),
        Some(0) => cx.client.reply.array(0),
        Some(count) => {
            pop_many(cx, key, loc, end, count);
        }
    }
    Ok(())
}

/// Pops one element into the reply.
pub fn pop_one(cx: &mut Cx<'_>, key: &[u8], loc: Loc, end: End) {
    let (_, left) = cx.edit::<List, _>(loc, |list, env| {
        match end.pop(list) {
            Some(item) => env.reply.bulk(&item),
            None => env.reply.null(),
        }
        list.shrink(env.limits);
    });
    popped(cx, key, end, 1, left);
}

/// Pops up to `count` elements into the reply, as an array; gives their number.
pub fn pop_many(cx: &mut Cx<'_>, key: &[u8], loc: Loc, end: End, count: usize) -> usize {
    let (count, left) = cx.edit::<List, _>(loc, |list, env| {
        let len = list.as_ref().len();
        let count = count.min(len);
        env.reply.array(count);
        let range = match end {
            End::Left => {
                let view = list.as_ref();
                view.range(0..count).for_each(|item| env.reply.item(item));
                0..count
            }
            End::Right => {
                let view = list.as_ref();
                let range = len - count..len;
                view.range_rev(range.clone())
                    .for_each(|item| env.reply.item(item));
                range
            }
        };
        list.remove_range(range);
        list.shrink(env.limits);
        count
    });
    popped(cx, key, end, count, left);
    count
}

fn popped(cx: &mut Cx<'_>, key: &[u8], end: End, count: usize, left: usize) {
    cx.notify(Event::List, end.popped(), key);
    cx.notify_if_gone(key, left);
    cx.changed(key, count as i64);
}

pub fn lmove(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (from, to) = (End::parse(args, 3)?, End::parse(args, 4)?);
    move_or_null(cx, args, from, to)
}

pub fn rpoplpush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    move_or_null(cx, args, End::Right, End::Left)
}

fn move_or_null(cx: &mut Cx<'_>, args: Args<'_>, from: End, to: End) -> CmdResult {
    if !move_one(cx, &args[1], &args[2], from, to)? {
        cx.client.reply.null();
    }
    Ok(())
}

/// Moves one element into the reply and from one list to another (or the same); false if there is no
/// element.
///
/// # Errors
/// WRONGTYPE for either key; the second is not looked at when the first does not exist.
pub fn move_one(
    cx: &mut Cx<'_>,
    source: &[u8],
    target: &[u8],
    from: End,
    to: End,
) -> Result<bool, CommandError> {
    let Some(loc) = cx.find_to_write::<List>(source)? else {
        return Ok(false);
    };
    if source == target {
        // In one edit: a list of one element must not vanish in between.
        cx.edit::<List, _>(loc, |list, env| {
            let item = end_of_nonempty(list, from);
            to.push(list, &item, env.limits);
            env.reply.bulk(&item);
        });
        cx.notify(Event::List, to.pushed(), target);
        cx.notify(Event::List, from.popped(), source);
        cx.changed(source, 1);
        return Ok(true);
    }
    cx.find_to_write::<List>(target)?;
    // Finding the target may have deleted it (expired), and popping may delete the source: either moves
    // what handles point to.
    let loc = cx.db().find(source).expect("the source was found above");
    let (item, left) = cx.edit::<List, _>(loc, |list, env| {
        let item = end_of_nonempty(list, from);
        list.shrink(env.limits);
        item
    });
    let loc = cx.db().find(target);
    cx.edit_or_create::<List, _>(target, loc, |list, env| {
        to.push(list, &item, env.limits);
        env.reply.bulk(&item);
    });
    cx.changed(target, 0);
    cx.notify(Event::List, to.pushed(), target);
    popped(cx, source, from, 1, left);
    Ok(true)
}

fn end_of_nonempty(list: &mut List, end: End) -> Vec<u8> {
    end.pop(list).expect("no empty list stays in the keyspace")
}

pub fn lmpop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let request = PopRequest::parse(args, 1)?;
    if !pop_first(cx, &request)? {
        cx.client.reply.null_array();
    }
    Ok(())
}

/// `numkeys key ... LEFT|RIGHT [COUNT n]`
pub struct PopRequest<'a> {
    /// The keys, in the order in which they are tried.
    pub keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> PopRequest<'a> {
    /// Reads it from argument `at` on.
    pub fn parse(args: Args<'a>, at: usize) -> Result<Self, CommandError> {
        let (keys, rest) = args.counted(at, "ERR numkeys should be greater than 0")?;
        let end = End::parse(args, rest)?;
        let count = match args.len() - rest {
            1 => 1,
            3 if args.is(rest + 1, "COUNT") => {
                let count = args.get(rest + 2).and_then(parse_int);
                count
                    .filter(|&n| n > 0)
                    .ok_or(CommandError::fixed(&"ERR count should be greater than 0"))?
                    as usize
            }
            _ => return Err(CommandError::SYNTAX),
        };
        Ok(PopRequest { keys, end, count })
    }
}

/// Pops from the first of the keys that holds a list into the reply; false if none does.
pub fn pop_first(cx: &mut Cx<'_>, request: &PopRequest<'_>) -> Result<bool, CommandError> {
    for &key in request.keys {
        let Some(loc) = cx.find_to_write::<List>(key)? else {
            continue;
        };
        cx.client.reply.array(2);
        cx.client.reply.bulk(key);
        let count = pop_many(cx, key, loc, request.end, request.count).to_string();
        cx.propagate_as(&[request.end.pop_command(), key, count.as_bytes()]);
        return Ok(true);
    }
    Ok(false)
}
