//! ZADD, ZINCRBY, ZREM, ZREMRANGEBY*.

use super::bounds::{lex_range, score_range};
use engine::args::{parse_float, span};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Limits;
use keyspace::value::{Zset, ZsetRef};
use std::ops::Range;

/// What ZADD may do to a member.
#[derive(Clone, Copy, Default)]
struct Rules {
    /// NX: only add
    only_new: bool,
    /// XX: only update
    only_old: bool,
    /// GT: only upwards
    only_greater: bool,
    /// LT: only downwards
    only_less: bool,
    /// INCR: the score is added
    increment: bool,
    /// CH: the reply counts updates, too
    count_changed: bool,
}

/// What became of one member.
enum Outcome {
    Added(f64),
    Updated(f64),
    /// The member has that score already.
    Same(f64),
    /// The rules forbid it.
    Kept,
}

impl Rules {
    /// Reads the options, and gives the index of the first score.
    fn parse(args: Args<'_>) -> Result<(Self, usize), CommandError> {
        let mut rules = Rules::default();
        let mut words = args.options(2);
        loop {
            if words.take("NX") {
                rules.only_new = true;
            } else if words.take("XX") {
                rules.only_old = true;
            } else if words.take("GT") {
                rules.only_greater = true;
            } else if words.take("LT") {
                rules.only_less = true;
            } else if words.take("INCR") {
                rules.increment = true;
            } else if words.take("CH") {
                rules.count_changed = true;
            } else {
                break;
            }
        }
        let at = words.at();
        let rest = args.len() - at;
        if rest == 0 || rest % 2 == 1 {
            return Err(CommandError::SYNTAX);
        }
        if rules.only_new && rules.only_old {
            return Err(CommandError::fixed(
                &"ERR XX and NX options at the same time are not compatible",
            ));
        }
        let exclusive = [rules.only_new, rules.only_greater, rules.only_less];
        if exclusive.into_iter().filter(|&set| set).count() > 1 {
            return Err(CommandError::fixed(
                &"ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if rules.increment && rest > 2 {
            return Err(CommandError::fixed(
                &"ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok((rules, at))
    }

    /// Plain `ZADD key score member`: the old score need not be known beforehand.
    fn none(self) -> bool {
        let Rules {
            only_new,
            only_old,
            only_greater,
            only_less,
            increment,
            ..
        } = self;
        !(only_new || only_old || only_greater || only_less || increment)
    }

    fn apply(
        self,
        zset: &mut Zset,
        member: &[u8],
        score: f64,
        limits: &Limits,
    ) -> Result<Outcome, CommandError> {
        if self.none() {
            return Ok(match zset.set(member, score, limits) {
                None => Outcome::Added(score),
                Some(old) if old == score => Outcome::Same(score),
                Some(_) => Outcome::Updated(score),
            });
        }
        let Some(old) = zset.as_ref().score(member) else {
            if self.only_old {
                return Ok(Outcome::Kept);
            }
            zset.set(member, score, limits);
            return Ok(Outcome::Added(score));
        };
        if self.only_new {
            return Ok(Outcome::Kept);
        }
        let new = if self.increment { old + score } else { score };
        if new.is_nan() {
            return Err(CommandError::fixed(
                &"ERR resulting score is not a number (NaN)",
            ));
        }
        if (self.only_greater && new <= old) || (self.only_less && new >= old) {
            return Ok(Outcome::Kept);
        }
        if new == old {
            return Ok(Outcome::Same(new));
        }
        zset.set(member, new, limits);
        Ok(Outcome::Updated(new))
    }
}

pub fn zadd(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (rules, at) = Rules::parse(args)?;
    add(cx, &args[1], rules, args.from(at))
}

pub fn zincrby(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let rules = Rules {
        increment: true,
        ..Rules::default()
    };
    add(cx, &args[1], rules, args.from(2))
}

/// `pairs`: score, member, score, member ...
fn add(cx: &mut Cx<'_>, key: &[u8], rules: Rules, pairs: &[&[u8]]) -> CmdResult {
    // Most commands have one pair: no allocation.
    let mut scores = smallvec::SmallVec::<[f64; 4]>::new();
    for pair in pairs.chunks_exact(2) {
        scores.push(parse_float(pair[0]).ok_or(CommandError::NOT_A_FLOAT)?);
    }
    let loc = cx.find_to_write::<Zset>(key)?;
    let (mut added, mut updated, mut result) = (0, 0, None);
    let (outcome, _) = cx.edit_or_create::<Zset, CmdResult>(key, loc, |zset, env| {
        // A packed score has no sign of zero: as in Redis, many at once are never packed.
        zset.expect(pairs.len() / 2, pairs[1].len(), env.limits);
        for (pair, &score) in pairs.chunks_exact(2).zip(&scores) {
            result = match rules.apply(zset, pair[1], score, env.limits)? {
                Outcome::Added(score) => {
                    added += 1;
                    Some(score)
                }
                Outcome::Updated(score) => {
                    updated += 1;
                    Some(score)
                }
                Outcome::Same(score) => Some(score),
                Outcome::Kept => None,
            };
        }
        Ok(())
    });
    outcome?;
    let reply = &mut cx.client.reply;
    match result {
        Some(score) if rules.increment => reply.double(score),
        None if rules.increment => reply.null(),
        _ if rules.count_changed => reply.int(added + updated),
        _ => reply.int(added),
    }
    if added + updated > 0 {
        cx.changed(key, added + updated);
        let event = if rules.increment { "zincr" } else { "zadd" };
        cx.notify(Event::Zset, event, key);
    }
    Ok(())
}

pub fn zrem(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, members) = (&args[1], args.from(2));
    let Some(loc) = cx.find_to_write::<Zset>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let (removed, left) = cx.edit::<Zset, _>(loc, |zset, _| {
        let removed = members.iter().filter(|m| zset.remove(m).is_some());
        removed.count()
    });
    removed_reply(cx, key, "zrem", removed, left);
    Ok(())
}

fn removed_reply(cx: &mut Cx<'_>, key: &[u8], event: &str, removed: usize, left: usize) {
    if removed > 0 {
        cx.changed(key, removed as i64);
        cx.notify(Event::Zset, event, key);
        cx.notify_if_gone(key, left);
    }
    cx.client.reply.int(removed as i64);
}

pub fn zremrangebyrank(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (start, stop) = (args.int(2)?, args.int(3)?);
    remove_range(cx, args, "zremrangebyrank", |zset| {
        span(start, stop, zset.len())
    })
}

pub fn zremrangebyscore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (min, max) = score_range(&args[2], &args[3])?;
    remove_range(cx, args, "zremrangebyscore", |zset| {
        zset.ranks_by_score(min, max)
    })
}

pub fn zremrangebylex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (min, max) = lex_range(&args[2], &args[3])?;
    remove_range(cx, args, "zremrangebylex", |zset| {
        zset.ranks_by_lex(&min, &max)
    })
}

fn remove_range(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    event: &str,
    ranks: impl FnOnce(&ZsetRef<'_>) -> Range<usize>,
) -> CmdResult {
    let key = &args[1];
    let Some(loc) = cx.find_to_write::<Zset>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let ranks = ranks(&cx.read::<Zset>(loc).0);
    let removed = ranks.len();
    let mut left = 1;
    if removed > 0 {
        (_, left) = cx.edit::<Zset, _>(loc, |zset, _| zset.remove_range(ranks));
    }
    removed_reply(cx, key, event, removed, left);
    Ok(())
}
