//! ZRANGE in every form, ZRANGESTORE, and the commands that ZRANGE replaced.
//!
//! All of them are parsed into one [`Request`], which gives the ranks in ascending order, and whether to iterate
//! backwards.

use super::bounds::{lex_range, score_range};
use super::{member_reply, members_header};
use engine::args::{int_of, span};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Item;
use keyspace::value::{LexBound, ScoreBound, Zset, ZsetRef};
use std::ops::Range;

enum By {
    Rank(i64, i64),
    Score(ScoreBound, ScoreBound),
    Lex(LexBound, LexBound),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rank,
    Score,
    Lex,
}

/// What the name of a command determines. `None` is left to the options (BYSCORE, BYLEX, REV).
#[derive(Clone, Copy)]
struct Form {
    kind: Option<Kind>,
    reverse: Option<bool>,
    store: bool,
}

struct Request {
    by: By,
    reverse: bool,
    /// LIMIT offset and count (negative = all).
    limit: (i64, i64),
    with_scores: bool,
}

impl Request {
    /// Reads `start stop [options]` from argument `at` on.
    fn parse(args: Args<'_>, at: usize, form: Form) -> Result<Self, CommandError> {
        let (mut kind, mut reverse) = (form.kind, form.reverse);
        let (mut limit, mut with_scores) = ((0, -1), false);
        let mut words = args.options(at + 2);
        while words.are_left() {
            if !form.store && words.take("WITHSCORES") {
                with_scores = true;
            } else if let Some([offset, count]) = words.take_with("LIMIT") {
                limit = (int_of(offset)?, int_of(count)?);
            } else if reverse.is_none() && words.take("REV") {
                reverse = Some(true);
            } else if kind.is_none() && words.take("BYLEX") {
                kind = Some(Kind::Lex);
            } else if kind.is_none() && words.take("BYSCORE") {
                kind = Some(Kind::Score);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let kind = kind.unwrap_or(Kind::Rank);
        let reverse = reverse.unwrap_or(false);
        if limit.1 != -1 && kind == Kind::Rank {
            return Err(CommandError::fixed(
                &"ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && kind == Kind::Lex {
            return Err(CommandError::fixed(
                &"ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (&args[at], &args[at + 1]);
        let (min, max) = if reverse {
            (second, first)
        } else {
            (first, second)
        };
        let by = match kind {
            Kind::Rank => By::Rank(args.int(at)?, args.int(at + 1)?),
            Kind::Score => {
                let (min, max) = score_range(min, max)?;
                By::Score(min, max)
            }
            Kind::Lex => {
                let (min, max) = lex_range(min, max)?;
                By::Lex(min, max)
            }
        };
        Ok(Request {
            by,
            reverse,
            limit,
            with_scores,
        })
    }

    /// The ranks it names, ascending.
    fn ranks(&self, zset: &ZsetRef<'_>) -> Range<usize> {
        let len = zset.len();
        let all = match &self.by {
            By::Rank(start, stop) => {
                let range = span(*start, *stop, len);
                return match self.reverse {
                    true => len - range.end..len - range.start,
                    false => range,
                };
            }
            // Whether any are in the range does not matter then.
            By::Score(..) | By::Lex(..) if self.limit.1 == 0 => return 0..0,
            By::Score(min, max) => zset.ranks_by_score(*min, *max),
            By::Lex(min, max) => zset.ranks_by_lex(min, max),
        };
        let (offset, count) = self.limit;
        let skipped = usize::try_from(offset).map_or(all.len(), |n| n.min(all.len()));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let count = count.min(all.len() - skipped);
        if self.reverse {
            let end = all.end - skipped;
            end - count..end
        } else {
            let start = all.start + skipped;
            start..start + count
        }
    }
}

const ZRANGE: Form = Form {
    kind: None,
    reverse: None,
    store: false,
};

const fn form(kind: Kind, reverse: bool) -> Form {
    Form {
        kind: Some(kind),
        reverse: Some(reverse),
        store: false,
    }
}

pub fn zrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, ZRANGE)
}

pub fn zrevrange(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, form(Kind::Rank, true))
}

pub fn zrangebyscore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, form(Kind::Score, false))
}

pub fn zrevrangebyscore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, form(Kind::Score, true))
}

pub fn zrangebylex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, form(Kind::Lex, false))
}

pub fn zrevrangebylex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, form(Kind::Lex, true))
}

fn reply(cx: &mut Cx<'_>, args: Args<'_>, form: Form) -> CmdResult {
    let request = Request::parse(args, 2, form)?;
    let Some(loc) = cx.find::<Zset>(&args[1])? else {
        cx.client.reply.array(0);
        return Ok(());
    };
    let (zset, env) = cx.read::<Zset>(loc);
    let ranks = request.ranks(&zset);
    members_header(env.reply, ranks.len(), request.with_scores);
    let show = |(member, score)| member_reply(env.reply, member, score, request.with_scores);
    match request.reverse {
        true => zset.range_rev(ranks).for_each(show),
        false => zset.range(ranks).for_each(show),
    }
    Ok(())
}

pub fn zrangestore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let form = Form {
        store: true,
        ..ZRANGE
    };
    let request = Request::parse(args, 3, form)?;
    let mut result = Zset::new();
    if let Some(loc) = cx.find::<Zset>(&args[2])? {
        let (zset, env) = cx.read::<Zset>(loc);
        let ranks = request.ranks(&zset);
        if matches!(request.by, By::Rank(..)) {
            // For the other forms, the number of members is not known in advance.
            result.expect(ranks.len(), 0, env.limits);
        }
        let limits = env.limits;
        let few = ranks.len() <= limits.zset_max_listpack_entries;
        let packs = |(member, _): (Item<'_>, f64)| member.with(|m| Zset::packs(m, limits));
        if !request.reverse
            && (few || matches!(request.by, By::Rank(..)))
            && zset.range(ranks.clone()).all(packs)
        {
            let members = zset.range(ranks);
            let members: Vec<_> = members.map(|(m, score)| (score, m.to_vec())).collect();
            let result = Zset::of_sorted(&members, limits);
            cx.store(&args[1], result, Event::Zset, "zrangestore");
            return Ok(());
        }
        let mut set = |(member, score): (Item<'_>, f64)| {
            member.with(|m| result.set(m, score, env.limits));
        };
        // The members are added in the order of the reply. A packed zero has no sign, so the result depends on what
        // comes before the member that is too long to be packed.
        match request.reverse {
            true => ranks
                .rev()
                .for_each(|r| zset.range(r..r + 1).for_each(&mut set)),
            false => zset.range(ranks).for_each(set),
        }
    }
    cx.store(&args[1], result, Event::Zset, "zrangestore");
    Ok(())
}
