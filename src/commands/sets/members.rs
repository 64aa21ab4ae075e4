//! Adding, removing, finding and iterating over members.

use crate::scan::ScanReply;
use crate::scan::{ScanOf, ScanOptions, parse_cursor};
use engine::{Args, CmdResult, Cx, Event};
use keyspace::value::Set;

pub fn sadd(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, members) = (&args[1], args.from(2));
    let found = cx.look_to_write_to::<Set>(key)?;
    let loc = found.map(|(loc, _)| loc);
    if let Some((loc, seen)) = found
        && !seen.is_outside()
    {
        // A packed set that would not change need not be copied to be edited.
        let (set, _) = cx.read::<Set>(loc);
        if set.is_packed() && members.iter().all(|member| set.contains(member)) {
            cx.client.reply.int(0);
            return Ok(());
        }
    }
    let (added, _) =
        cx.edit_or_create::<Set, _>(key, loc, |set, env| set.add_all(members, env.limits) as i64);
    if added > 0 {
        cx.changed(key, added);
        cx.notify(Event::Set, "sadd", key);
    }
    cx.client.reply.int(added);
    Ok(())
}

pub fn srem(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, members) = (&args[1], args.from(2));
    let Some(loc) = cx.find_to_write::<Set>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (removed, left) = cx.edit::<Set, _>(loc, |set, _| {
        members.iter().filter(|m| set.remove(m)).count() as i64
    });
    if removed > 0 {
        cx.changed(key, removed);
        cx.notify(Event::Set, "srem", key);
        cx.notify_if_gone(key, left);
    }
    cx.client.reply.int(removed);
    Ok(())
}

pub fn smove(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (source, target, member) = (&args[1], &args[2], &args[3]);
    let Some(loc) = cx.find_to_write::<Set>(source)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    if source == target {
        let there = cx.read::<Set>(loc).0.contains(member);
        cx.client.reply.int(there as i64);
        return Ok(());
    }
    cx.find_to_write::<Set>(target)?;
    // Finding the target may have deleted it (expired), and the removal may delete the source: either
    // moves what handles point to.
    let loc = cx.db().find(source).expect("the source was found above");
    let (removed, left) = cx.edit::<Set, _>(loc, |set, _| set.remove(member));
    if !removed {
        cx.client.reply.int(0);
        return Ok(());
    }
    cx.notify(Event::Set, "srem", source);
    cx.notify_if_gone(source, left);
    cx.changed(source, 1);
    let loc = cx.db().find(target);
    let (added, _) =
        cx.edit_or_create::<Set, _>(target, loc, |set, env| set.add(member, env.limits));
    if added {
        cx.changed(target, 1);
        cx.notify(Event::Set, "sadd", target);
    }
    cx.client.reply.int(1);
    Ok(())
}

pub fn scard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let n = match cx.find::<Set>(&args[1])? {
        Some(loc) => cx.read::<Set>(loc).0.len(),
        None => 0,
    };
    cx.client.reply.int(n as i64);
    Ok(())
}

pub fn sismember(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let there = match cx.find::<Set>(&args[1])? {
        Some(loc) => cx.read::<Set>(loc).0.contains(&args[2]),
        None => false,
    };
    cx.client.reply.int(there as i64);
    Ok(())
}

pub fn smismember(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let members = args.from(2);
    let found = cx.find::<Set>(&args[1])?;
    cx.client.reply.array(members.len());
    match found {
        Some(loc) => {
            let (set, env) = cx.read::<Set>(loc);
            for member in members {
                env.reply.int(set.contains(member) as i64);
            }
        }
        None => members.iter().for_each(|_| cx.client.reply.int(0)),
    }
    Ok(())
}

pub fn smembers(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let Some(loc) = cx.find::<Set>(&args[1])? else {
        cx.client.reply.set(0);
        return Ok(());
    };
    let (set, env) = cx.read::<Set>(loc);
    env.reply.set(set.len());
    set.iter().for_each(|member| env.reply.item(member));
    Ok(())
}

pub fn sscan(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(&args[2])?;
    let found = cx.find::<Set>(&args[1])?;
    let mark = cx.client.reply.len();
    let Some(loc) = found else {
        cx.scan_reply(mark, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::Set)?;
    let (set, env) = cx.read::<Set>(loc);
    let mut written = 0;
    let next = set.scan(cursor, options.count, |member| {
        if member.with(|m| options.matches(m)) {
            env.reply.item(member);
            written += 1;
        }
    });
    cx.scan_reply(mark, written, next);
    Ok(())
}
