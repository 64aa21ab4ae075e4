//! Scores, ranks, counts, random members, ZSCAN.

use super::bounds::{lex_range, score_range};
use super::{member_reply, members_header};
use crate::scan::ScanReply;
use crate::scan::{ScanOf, ScanOptions, parse_cursor};
use base::double::DoubleText;
use engine::random::{Urn, Wanted, wanted};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::{Zset, ZsetRef};

pub fn zcard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    count(cx, args, |zset| zset.len())
}

pub fn zcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (min, max) = score_range(&args[2], &args[3])?;
    count(cx, args, |zset| zset.ranks_by_score(min, max).len())
}

pub fn zlexcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (min, max) = lex_range(&args[2], &args[3])?;
    count(cx, args, |zset| zset.ranks_by_lex(&min, &max).len())
}

fn count(cx: &mut Cx<'_>, args: Args<'_>, f: impl FnOnce(&ZsetRef<'_>) -> usize) -> CmdResult {
    let n = match cx.find::<Zset>(&args[1])? {
        Some(loc) => f(&cx.read::<Zset>(loc).0),
        None => 0,
    };
    cx.client.reply.int(n as i64);
    Ok(())
}

pub fn zscore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let score = match cx.find::<Zset>(&args[1])? {
        Some(loc) => cx.read::<Zset>(loc).0.score(&args[2]),
        None => None,
    };
    match score {
        Some(score) => cx.client.reply.double(score),
        None => cx.client.reply.null(),
    }
    Ok(())
}

pub fn zmscore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let members = args.from(2);
    let found = cx.find::<Zset>(&args[1])?;
    cx.client.reply.array(members.len());
    let Some(loc) = found else {
        members.iter().for_each(|_| cx.client.reply.null());
        return Ok(());
    };
    let (zset, env) = cx.read::<Zset>(loc);
    for member in members {
        match zset.score(member) {
            Some(score) => env.reply.double(score),
            None => env.reply.null(),
        }
    }
    Ok(())
}

pub fn zrank(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    rank(cx, args, "zrank", |rank, _| rank)
}

pub fn zrevrank(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    rank(cx, args, "zrevrank", |rank, len| len - 1 - rank)
}

fn rank(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    name: &str,
    shown: impl FnOnce(usize, usize) -> usize,
) -> CmdResult {
    let with_score = match args.len() {
        3 => false,
        4 if args.is(3, "WITHSCORE") => true,
        4 => return Err(CommandError::SYNTAX),
        _ => return Err(CommandError::arity(name)),
    };
    if let Some(loc) = cx.find::<Zset>(&args[1])? {
        let (zset, env) = cx.read::<Zset>(loc);
        if let Some(rank) = zset.rank(&args[2]) {
            let rank = shown(rank, zset.len()) as i64;
            match zset.score(&args[2]).filter(|_| with_score) {
                Some(score) => {
                    env.reply.array(2);
                    env.reply.int(rank);
                    env.reply.double(score);
                }
                None => env.reply.int(rank),
            }
            return Ok(());
        }
    }
    match with_score {
        true => cx.client.reply.null_array(),
        false => cx.client.reply.null(),
    }
    Ok(())
}

pub fn zrandmember(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = wanted(args, "WITHSCORES")?;
    let Some(loc) = cx.find::<Zset>(&args[1])? else {
        match wanted {
            Wanted::One => cx.client.reply.null(),
            _ => cx.client.reply.array(0),
        }
        return Ok(());
    };
    let (zset, env) = cx.read::<Zset>(loc);
    let one = |random| zset.random(random).expect("a sorted set has members");
    match wanted {
        Wanted::One => env.reply.item(one(env.rng.next_u64()).0),
        Wanted::Repeated { count, values } => {
            members_header(env.reply, count, values);
            for _ in 0..count {
                if env.reply.is_overrun() {
                    break;
                }
                let (member, score) = one(env.rng.next_u64());
                member_reply(env.reply, member, score, values);
            }
        }
        Wanted::Distinct { count, values } => {
            members_header(env.reply, count.min(zset.len()), values);
            let urn = Urn {
                len: zset.len(),
                all: zset.iter(),
                one: |index| one(index as u64),
            };
            urn.distinct(env.rng, count, |(member, score)| {
                member_reply(env.reply, member, score, values);
            });
        }
    }
    Ok(())
}

pub fn zscan(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(&args[2])?;
    let found = cx.find::<Zset>(&args[1])?;
    let mark = cx.client.reply.len();
    let Some(loc) = found else {
        cx.scan_reply(mark, 0, 0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::Zset)?;
    let (zset, env) = cx.read::<Zset>(loc);
    let mut written = 0;
    let next = zset.scan(cursor, options.count, |member, score| {
        if member.with(|m| options.matches(m)) {
            env.reply.item(member);
            written += 1;
            if !options.no_scores {
                env.reply.bulk(DoubleText::of(score).as_bytes());
                written += 1;
            }
        }
    });
    cx.scan_reply(mark, written, next);
    Ok(())
}
