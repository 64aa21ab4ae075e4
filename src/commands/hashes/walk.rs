//! Going through a hash: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.

use crate::scan::ScanReply;
use crate::scan::{ScanOf, ScanOptions, parse_cursor};
use engine::collection::Env;
use engine::expired_fields::{Horizon, reap_all};
use engine::random::{Urn, Wanted, choose, wanted};
use engine::{Args, CmdResult, Cx};
use keyspace::Item;
use keyspace::value::{Hash, HashRef};
use resp::{Proto, Reply};

/// Which part of each field a command writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Field,
    Value,
    Both,
}

pub fn hgetall(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    walk(cx, &args[1], Part::Both)
}

pub fn hkeys(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    walk(cx, &args[1], Part::Field)
}

pub fn hvals(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    walk(cx, &args[1], Part::Value)
}

fn walk(cx: &mut Cx<'_>, key: &[u8], part: Part) -> CmdResult {
    let Some(loc) = cx.find::<Hash>(key)? else {
        header(&mut cx.client.reply, part, 0);
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    let some_hidden = horizon.hides(hash.min_expire());
    let shown = match some_hidden {
        true => hash.iter().filter(|f| !horizon.hides(f.2)).count(),
        false => hash.len(),
    };
    header(env.reply, part, shown);
    for (field, value, expire) in hash.iter() {
        if some_hidden && horizon.hides(expire) {
            continue;
        }
        if part != Part::Value {
            env.reply.item(field);
        }
        if part != Part::Field {
            env.reply.item(value);
        }
    }
    Ok(())
}

fn header(reply: &mut Reply, part: Part, n: usize) {
    match part {
        Part::Both => reply.map(n),
        _ => reply.array(n),
    }
}

pub fn hscan(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(&args[2])?;
    let found = cx.find::<Hash>(&args[1])?;
    let mark = cx.client.reply.len();
    let Some(loc) = found else {
        cx.scan_reply(mark, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::Hash)?;
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    let mut written = 0;
    let next = hash.scan(cursor, options.count, |field, value, expire| {
        if horizon.hides(expire) || !field.with(|f| options.matches(f)) {
            return;
        }
        env.reply.item(field);
        written += 1;
        if !options.no_values {
            env.reply.item(value);
            written += 1;
        }
    });
    cx.scan_reply(mark, written, next);
    Ok(())
}

pub fn hrandfield(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = wanted(args, "WITHVALUES")?;
    let key = &args[1];
    let mut found = cx.find::<Hash>(key)?;
    if let Some(loc) = found {
        found = reap_all(cx, key, loc);
    }
    let Some(loc) = found else {
        match wanted {
            Wanted::One => cx.client.reply.null(),
            _ => cx.client.reply.array(0),
        }
        return Ok(());
    };
    let horizon = Horizon::of(cx);
    let (hash, env) = cx.read::<Hash>(loc);
    // Only a replica sees expired fields of a hash here, because it must not delete them.
    if horizon.hides(hash.min_expire()) {
        random_of_visible(&hash, horizon, wanted, env);
    } else {
        random_of_all(&hash, wanted, env);
    }
    Ok(())
}

fn random_of_all(hash: &HashRef<'_>, wanted: Wanted, env: Env<'_>) {
    let Env { reply, rng, .. } = env;
    match wanted {
        Wanted::One => match hash.random(rng.next_u64()) {
            Some((field, _, _)) => reply.item(field),
            None => reply.null(),
        },
        Wanted::Repeated { count, values } => {
            random_header(reply, count, values);
            let (one, len) = (hash.by_place(count), hash.len() as u64);
            for _ in 0..count {
                if reply.is_overrun() {
                    break;
                }
                let place = (rng.next_u64() % len) as usize;
                let (field, value, _) = one(place).expect("the place of a field");
                random_entry(reply, field, values.then_some(value));
            }
        }
        Wanted::Distinct { count, values } => {
            random_header(reply, count.min(hash.len()), values);
            let one = hash.by_place(count);
            let urn = Urn {
                len: hash.len(),
                all: hash.iter(),
                one: |place| one(place).expect("the place of a field"),
            };
            urn.distinct(rng, count, |(field, value, _)| {
                random_entry(reply, field, values.then_some(value));
            });
        }
    }
}

fn random_of_visible(hash: &HashRef<'_>, horizon: Horizon, wanted: Wanted, env: Env<'_>) {
    let Env { reply, rng, .. } = env;
    let visible: Vec<_> = hash.iter().filter(|f| !horizon.hides(f.2)).collect();
    let n = visible.len() as u64;
    let (picks, values) = match wanted {
        Wanted::One => {
            match visible.get(rng.below(n.max(1)) as usize) {
                Some((field, _, _)) => reply.item(*field),
                None => reply.null(),
            }
            return;
        }
        Wanted::Repeated { values, .. } if n == 0 => (Vec::new(), values),
        Wanted::Repeated { count, values } => {
            random_header(reply, count, values);
            for _ in 0..count {
                if reply.is_overrun() {
                    break;
                }
                let (field, value, _) = visible[rng.below(n) as usize];
                random_entry(reply, field, values.then_some(value));
            }
            return;
        }
        Wanted::Distinct { count, values } => {
            let count = count.min(visible.len());
            (choose(rng, visible.len(), count), values)
        }
    };
    random_header(reply, picks.len(), values);
    for pick in picks {
        let (field, value, _) = visible[pick];
        random_entry(reply, field, values.then_some(value));
    }
}

/// With values: pairs in RESP3, a flat array in RESP2.
fn random_header(reply: &mut Reply, count: usize, values: bool) {
    let flat = values && reply.proto == Proto::Resp2;
    reply.array(if flat { 2 * count } else { count });
}

fn random_entry(reply: &mut Reply, field: Item<'_>, value: Option<Item<'_>>) {
    if value.is_some() && reply.proto == Proto::Resp3 {
        reply.array(2);
    }
    reply.item(field);
    if let Some(value) = value {
        reply.item(value);
    }
}
