//! Reading and writing single fields.

use crate::long_double::{LongDouble, Parsed};
use base::integer::parse_int;
use engine::expired_fields::{Horizon, reap};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Hash;
use keyspace::{Item, Loc};

pub fn hset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let added = set_all(cx, args, "hset")?;
    cx.client.reply.int(added);
    Ok(())
}

pub fn hmset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    set_all(cx, args, "hmset")?;
    cx.client.reply.ok();
    Ok(())
}

fn set_all(cx: &mut Cx<'_>, args: Args<'_>, name: &str) -> Result<i64, CommandError> {
    if args.len() % 2 == 1 {
        return Err(CommandError::arity(name));
    }
    let key = &args[1];
    let pairs = args.from(2);
    let loc = cx.find_to_write::<Hash>(key)?;
    let (added, _) =
        cx.edit_or_create::<Hash, _>(key, loc, |hash, env| hash.set_all(pairs, env.limits) as i64);
    cx.changed(key, pairs.len() as i64 / 2);
    cx.notify(Event::Hash, "hset", key);
    Ok(added)
}

pub fn hsetnx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let mut loc = cx.find_to_write::<Hash>(key)?;
    if let Some(found) = loc {
        let there = see(cx, key, found, &args[2], |field| field.is_some());
        if there.result {
            cx.client.reply.int(0);
            return Ok(());
        }
        loc = there.loc;
    }
    cx.edit_or_create::<Hash, _>(key, loc, |hash, env| {
        hash.set(&args[2], &args[3], env.limits)
    });
    cx.changed(key, 1);
    cx.notify(Event::Hash, "hset", key);
    cx.client.reply.int(1);
    Ok(())
}

/// The result of looking one field up, and where the hash is now, as the lookup may have deleted an expired field.
struct Seen<R> {
    result: R,
    loc: Option<Loc>,
}

/// Looks at one field; an expired one is not there, and is deleted.
fn see<R>(
    cx: &mut Cx<'_>,
    key: &[u8],
    loc: Loc,
    field: &[u8],
    f: impl FnOnce(Option<Item<'_>>) -> R,
) -> Seen<R> {
    let horizon = Horizon::of(cx);
    let (hash, _) = cx.read::<Hash>(loc);
    match hash.get_with_expire(field) {
        Some((_, expire)) if horizon.hides(expire) => Seen {
            result: f(None),
            loc: reap(cx, key, loc, &[field]),
        },
        found => Seen {
            result: f(found.map(|(value, _)| value)),
            loc: Some(loc),
        },
    }
}

pub fn hget(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    get_many(cx, &args[1], args.from(2))
}

pub fn hmget(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, fields) = (&args[1], args.from(2));
    let mark = cx.client.reply.len();
    cx.client.reply.array(fields.len());
    get_many(cx, key, fields).inspect_err(|_| cx.client.reply.truncate(mark))
}

/// Writes the value of each field, null for those that are not there.
fn get_many(cx: &mut Cx<'_>, key: &[u8], fields: &[&[u8]]) -> CmdResult {
    let Some(loc) = cx.find::<Hash>(key)? else {
        fields.iter().for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    let mut due = Vec::new();
    for (&field, found) in fields.iter().zip(hash.get_each(fields)) {
        match found {
            Some((value, expire)) if !horizon.hides(expire) => env.reply.item(value),
            found => {
                env.reply.null();
                if found.is_some() && !due.contains(&field) {
                    due.push(field);
                }
            }
        }
    }
    reap(cx, key, loc, &due);
    Ok(())
}

pub fn hdel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let Some(loc) = cx.find_to_write::<Hash>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (removed, left) = cx.edit::<Hash, _>(loc, |hash, _| {
        let fields = args.from(2).iter();
        fields.filter(|f| hash.remove(f)).count() as i64
    });
    if removed > 0 {
        cx.changed(key, removed);
        cx.notify(Event::Hash, "hdel", key);
        cx.notify_if_gone(key, left);
    }
    cx.client.reply.int(removed);
    Ok(())
}

pub fn hlen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let n = match cx.find::<Hash>(&args[1])? {
        Some(loc) => cx.read::<Hash>(loc).0.len(),
        None => 0,
    };
    cx.client.reply.int(n as i64);
    Ok(())
}

pub fn hexists(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let there = match cx.find::<Hash>(&args[1])? {
        Some(loc) => see(cx, &args[1], loc, &args[2], |f| f.is_some()).result,
        None => false,
    };
    cx.client.reply.int(there as i64);
    Ok(())
}

pub fn hstrlen(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let n = match cx.find::<Hash>(&args[1])? {
        Some(loc) => see(cx, &args[1], loc, &args[2], |f| f.map_or(0, |f| f.len())).result,
        None => 0,
    };
    cx.client.reply.int(n as i64);
    Ok(())
}

pub fn hincrby(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let by = args.int(3)?;
    let (key, field) = (&args[1], &args[2]);
    let mut loc = cx.find_to_write::<Hash>(key)?;
    let mut old = 0;
    if let Some(found) = loc {
        let seen = see(cx, key, found, field, |value| match value {
            None => Some(0),
            Some(Item::Int(n)) => Some(n),
            Some(Item::Bytes(text)) => parse_int(text),
        });
        loc = seen.loc;
        old = seen
            .result
            .ok_or(CommandError::fixed(&"ERR hash value is not an integer"))?;
    }
    let new = old.checked_add(by).ok_or(CommandError::fixed(
        &"ERR increment or decrement would overflow",
    ))?;
    let mut digits = itoa::Buffer::new();
    let text = digits.format(new).as_bytes();
    cx.edit_or_create::<Hash, _>(key, loc, |hash, env| {
        hash.set_keep_expire(field, text, env.limits)
    });
    cx.changed(key, 1);
    cx.notify(Event::Hash, "hincrby", key);
    cx.client.reply.int(new);
    Ok(())
}

pub fn hincrbyfloat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let by = match LongDouble::parse(&args[3]) {
        Some(Parsed::Finite(by)) => by,
        Some(Parsed::Infinite) => return Err(CommandError::fixed(&"ERR value is NaN or Infinity")),
        None => return Err(CommandError::NOT_A_FLOAT),
    };
    let (key, field) = (&args[1], &args[2]);
    let mut loc = cx.find_to_write::<Hash>(key)?;
    let mut old = Some(Parsed::Finite(LongDouble::ZERO));
    if let Some(found) = loc {
        let seen = see(cx, key, found, field, |value| match value {
            None => old,
            Some(item) => item.with(LongDouble::parse),
        });
        loc = seen.loc;
        old = seen.result;
    }
    let sum = match old {
        None => return Err(CommandError::fixed(&"ERR hash value is not a float")),
        Some(Parsed::Infinite) => None,
        Some(Parsed::Finite(old)) => old.plus(by),
    };
    let text = sum
        .ok_or(CommandError::fixed(
            &"ERR increment would produce NaN or Infinity",
        ))?
        .to_text();
    let (expire, _) = cx.edit_or_create::<Hash, _>(key, loc, |hash, env| {
        hash.set_keep_expire(field, text.as_bytes(), env.limits);
        hash.as_ref().get_with_expire(field).and_then(|(_, at)| at)
    });
    cx.changed(key, 1);
    cx.notify(Event::Hash, "hincrbyfloat", key);
    // HSET drops a field's expiry, so the expiry is set again after it.
    cx.propagate_as(&[b"HSET", key, field, text.as_bytes()]);
    if let Some(at) = expire {
        let at = at.to_string();
        cx.also_propagate(&[b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", field]);
    }
    cx.client.reply.bulk_str(&text);
    Ok(())
}
