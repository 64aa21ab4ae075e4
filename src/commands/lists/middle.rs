//! Reading and changing lists by index or by element.

use engine::args::{span, up_to};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::List;

pub fn llen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let len = match cx.find::<List>(&args[1])? {
        Some(loc) => cx.read::<List>(loc).0.len(),
        None => 0,
    };
    cx.client.reply.int(len as i64);
    Ok(())
}

/// An index from either end as one from the head; `None` outside.
fn index(n: i64, len: usize) -> Option<usize> {
    let from_head = if n < 0 { n.checked_add(len as i64)? } else { n };
    usize::try_from(from_head).ok().filter(|&i| i < len)
}

pub fn lindex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let Some(loc) = cx.find::<List>(&args[1])? else {
        cx.client.reply.null();
        return Ok(());
    };
    let n = args.int(2)?;
    let (list, env) = cx.read::<List>(loc);
    match index(n, list.len()).and_then(|i| list.get(i)) {
        Some(item) => env.reply.item(item),
        None => env.reply.null(),
    }
    Ok(())
}

pub fn lset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let loc = cx
        .find_to_write::<List>(key)?
        .ok_or(CommandError::NO_SUCH_KEY)?;
    let n = args.int(2)?;
    let len = cx.read::<List>(loc).0.len();
    let at = index(n, len).ok_or(CommandError::OUT_OF_RANGE)?;
    cx.edit::<List, _>(loc, |list, env| {
        list.set(at, &args[3], env.limits);
        list.shrink(env.limits);
    });
    cx.client.reply.ok();
    cx.changed(key, 1);
    cx.notify(Event::List, "lset", key);
    Ok(())
}

pub fn lrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    let Some(loc) = cx.find::<List>(&args[1])? else {
        cx.client.reply.array(0);
        return Ok(());
    };
    let (list, env) = cx.read::<List>(loc);
    let range = span(start, stop, list.len());
    env.reply.array(range.len());
    list.range(range).for_each(|item| env.reply.item(item));
    Ok(())
}

pub fn ltrim(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    let key = &args[1];
    let Some(loc) = cx.find_to_write::<List>(key)? else {
        cx.client.reply.ok();
        return Ok(());
    };
    let (removed, left) = cx.edit::<List, _>(loc, |list, env| {
        let len = list.as_ref().len();
        let kept = span(start, stop, len);
        list.remove_range(kept.end..len);
        list.remove_range(0..kept.start);
        list.shrink(env.limits);
        len - kept.len()
    });
    cx.notify(Event::List, "ltrim", key);
    cx.notify_if_gone(key, left);
    cx.changed(key, removed as i64);
    cx.client.reply.ok();
    Ok(())
}

pub fn lrem(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let count = args.signed_count(2)?;
    let (key, item) = (&args[1], &args[3]);
    let Some(loc) = cx.find_to_write::<List>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (list, _) = cx.read::<List>(loc);
    let limit = match count {
        0 => usize::MAX,
        n => usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX),
    };
    let len = list.len();
    // Last one first: removing it moves none that is still to come.
    let found: Vec<usize> = if count < 0 {
        let equal = list
            .range_rev(0..len)
            .enumerate()
            .filter(|(_, i)| i == item);
        equal.take(limit).map(|(back, _)| len - 1 - back).collect()
    } else {
        let equal = list.iter().enumerate().filter(|(_, i)| i == item);
        let mut found: Vec<usize> = equal.take(limit).map(|(at, _)| at).collect();
        found.reverse();
        found
    };
    if !found.is_empty() {
        let (_, left) = cx.edit::<List, _>(loc, |list, env| {
            found.iter().for_each(|&at| list.remove_range(at..at + 1));
            list.shrink(env.limits);
        });
        cx.notify(Event::List, "lrem", key);
        cx.notify_if_gone(key, left);
        cx.changed(key, found.len() as i64);
    }
    cx.client.reply.int(found.len() as i64);
    Ok(())
}

pub fn linsert(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let after = args.one_of(2, &[("AFTER", 1), ("BEFORE", 0)]);
    let after = after.ok_or(CommandError::SYNTAX)?;
    let (key, pivot) = (&args[1], &args[3]);
    let Some(loc) = cx.find_to_write::<List>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (list, env) = cx.read::<List>(loc);
    let Some(at) = list.iter().position(|item| item == *pivot) else {
        env.reply.int(-1);
        return Ok(());
    };
    let (_, len) = cx.edit::<List, _>(loc, |list, env| {
        list.insert(at + after, &args[4], env.limits);
    });
    cx.changed(key, 1);
    cx.notify(Event::List, "linsert", key);
    cx.client.reply.int(len as i64);
    Ok(())
}

/// The options of LPOS.
struct Search {
    /// From the tail.
    backwards: bool,
    /// Matches to pass over.
    skip: usize,
    /// `None`: one match, not an array.
    count: Option<usize>,
    /// How many elements to look at.
    max_len: usize,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut search = Search {
            backwards: false,
            skip: 0,
            count: None,
            max_len: usize::MAX,
        };
        let mut words = args.options(3);
        while words.are_left() {
            if words.take_value("RANK").is_some() {
                let rank = args.signed_count(words.at() - 1)?;
                if rank == 0 {
                    return Err(CommandError::fixed(
                        &"ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
                    ));
                }
                search.backwards = rank < 0;
                search.skip = rank.unsigned_abs() as usize - 1;
            } else if let Some(count) = words.take_value("COUNT") {
                let count = up_to(count, "ERR COUNT can't be negative")?;
                search.count = Some(count);
            } else if let Some(most) = words.take_value("MAXLEN") {
                search.max_len = up_to(most, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(search)
    }
}

pub fn lpos(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let search = Search::parse(args)?;
    let item = &args[2];
    let Some(loc) = cx.find::<List>(&args[1])? else {
        match search.count {
            Some(_) => cx.client.reply.array(0),
            None => cx.client.reply.null(),
        }
        return Ok(());
    };
    let (list, env) = cx.read::<List>(loc);
    let len = list.len();
    let looked_at = search.max_len.min(len);
    let wanted = search.count.unwrap_or(1);
    let found: Vec<usize> = if search.backwards {
        let equal = list.range_rev(len - looked_at..len).enumerate();
        let equal = equal.filter(|(_, i)| i == item).map(|(at, _)| len - 1 - at);
        equal.skip(search.skip).take(wanted).collect()
    } else {
        let equal = list.range(0..looked_at).enumerate();
        let equal = equal.filter(|(_, i)| i == item).map(|(at, _)| at);
        equal.skip(search.skip).take(wanted).collect()
    };
    match (search.count, found.first()) {
        (Some(_), _) => {
            env.reply.array(found.len());
            found.iter().for_each(|&at| env.reply.int(at as i64));
        }
        (None, Some(&at)) => env.reply.int(at as i64),
        (None, None) => env.reply.null(),
    }
    Ok(())
}
