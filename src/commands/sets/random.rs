//! SPOP, SRANDMEMBER.

use engine::args::count_from_0;
use engine::random::{Urn, Wanted, wanted};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Loc;
use keyspace::value::Set;
use std::collections::BTreeSet;

/// Most members in one SREM that SPOP hands to the replicas.
const MEMBERS_PER_EFFECT: usize = 1024;

pub fn spop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    match args.from(2) {
        [] => match cx.find_to_write::<Set>(key)? {
            Some(loc) => pop_one(cx, key, loc),
            None => cx.client.reply.null(),
        },
        [count] => {
            let count = count_from_0(count)?;
            match cx.find_to_write::<Set>(key)? {
                Some(loc) if count > 0 => pop_many(cx, key, loc, count),
                _ => cx.client.reply.set(0),
            }
        }
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(())
}

fn pop_one(cx: &mut Cx<'_>, key: &[u8], loc: Loc) {
    let (member, left) = cx.edit::<Set, _>(loc, |set, env| {
        let member = set.pop_random(env.rng.next_u64());
        member.expect("no empty set stays in the keyspace")
    });
    cx.client.reply.bulk(&member);
    cx.notify(Event::Set, "spop", key);
    cx.propagate_as(&[b"SREM", key, member.as_slice()]);
    cx.notify_if_gone(key, left);
    cx.changed(key, 1);
}

fn pop_many(cx: &mut Cx<'_>, key: &[u8], loc: Loc, count: usize) {
    let (set, env) = cx.read::<Set>(loc);
    let len = set.len();
    if count >= len {
        env.reply.set(len);
        set.iter().for_each(|member| env.reply.item(member));
        let lazy = cx.engine.config.lazyfree_lazy_server_del;
        cx.remove(loc, lazy);
        cx.notify(Event::Set, "spop", key);
        cx.notify(Event::Generic, "del", key);
        let delete: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
        cx.propagate_as(&[delete, key]);
        cx.changed(key, len as i64);
        // The reference reads the set to reply with it.
        cx.engine.stats.hits += 1;
        return;
    }
    let ((bytes, ends), _) = cx.edit::<Set, _>(loc, |set, env| {
        env.reply.set(count);
        // The members side by side, and where each ends.
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(count));
        let mut popped = |member: &[u8]| {
            bytes.extend_from_slice(member);
            ends.push(bytes.len());
        };
        if count > len / 2 {
            // Those that stay are drawn: they are fewer.
            let mut stay = BTreeSet::new();
            while stay.len() < len - count {
                stay.insert((env.rng.next_u64() % len as u64) as usize);
            }
            let stay: Vec<usize> = stay.into_iter().collect();
            set.keep_only(&stay, |member| {
                env.reply.item(member);
                member.with(&mut popped);
            });
        } else {
            for _ in 0..count {
                let member = set.pop_random(env.rng.next_u64());
                let member = member.expect("fewer are popped than there are");
                env.reply.bulk(&member);
                popped(&member);
            }
        }
        (bytes, ends)
    });
    cx.notify(Event::Set, "spop", key);
    cx.no_propagate();
    let mut start = 0;
    for batch in ends.chunks(MEMBERS_PER_EFFECT) {
        let mut effect: Vec<&[u8]> = vec![b"SREM", key];
        for end in batch {
            effect.push(&bytes[std::mem::replace(&mut start, *end)..*end]);
        }
        cx.also_propagate(&effect);
    }
    cx.changed(key, count as i64);
}

pub fn srandmember(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = wanted(args, "")?;
    let Some(loc) = cx.find::<Set>(&args[1])? else {
        match wanted {
            Wanted::One => cx.client.reply.null(),
            _ => cx.client.reply.array(0),
        }
        return Ok(());
    };
    let (set, env) = cx.read::<Set>(loc);
    let one = |random| set.random(random).expect("a set has members");
    match wanted {
        Wanted::One => env.reply.item(one(env.rng.next_u64())),
        Wanted::Repeated { count, .. } => {
            env.reply.array(count);
            for _ in 0..count {
                if env.reply.is_overrun() {
                    break;
                }
                env.reply.item(one(env.rng.next_u64()));
            }
        }
        Wanted::Distinct { count, .. } => {
            env.reply.array(count.min(set.len()));
            let urn = Urn {
                len: set.len(),
                all: set.iter(),
                one: |index| one(index as u64),
            };
            urn.distinct(env.rng, count, |member| env.reply.item(member));
        }
    }
    Ok(())
}
