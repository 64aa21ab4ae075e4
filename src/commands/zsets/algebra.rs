//! Unions, intersections and differences of sorted sets; plain sets take part with score 1.
//!
//! Sources are processed in order of size (except in differences): an intersection iterates over the smallest one, and
//! sums of many scores are rounded in the same order as in Redis.

use super::{member_reply, members_header};
use crate::member::Member;
use base::double::DoubleText;
use engine::args::{parse_float, parse_int, up_to};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Along, ScoresAlong, SetRef, Zset, ZsetRef};
use keyspace::{Item, Loc, ValueRef};
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    /// The sum where each score counts as 1 (Redis 8.8).
    Count,
}

impl Aggregate {
    /// `b` may be NaN, the result never is. Of two zeros the sign is that of `a`.
    fn join(self, a: f64, b: f64) -> f64 {
        match self {
            // Opposite infinities make 0.
            Aggregate::Sum | Aggregate::Count => defined(a + b),
            Aggregate::Min if b < a => b,
            Aggregate::Max if b > a => b,
            Aggregate::Min | Aggregate::Max => a,
        }
    }
}

fn defined(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A set or sorted set with its weight.
struct Source<'a> {
    /// Two sources of one place are the same.
    loc: Option<Loc>,
    members: Members<'a>,
    weight: f64,
    /// Each score counts as 1.
    counts: bool,
}

enum Members<'a> {
    None,
    Set(SetRef<'a>),
    Zset(ZsetRef<'a>),
}

impl Source<'_> {
    fn len(&self) -> usize {
        match &self.members {
            Members::None => 0,
            Members::Set(set) => set.len(),
            Members::Zset(zset) => zset.len(),
        }
    }

    fn weighted(&self, score: f64) -> f64 {
        defined(self.weight * score)
    }

    /// What a score counts as.
    fn counted(&self, score: f64) -> f64 {
        if self.counts { 1.0 } else { score }
    }

    /// A member's score.
    fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.members {
            Members::None => None,
            Members::Set(set) => set.contains(member).then_some(1.0),
            Members::Zset(zset) => zset.score(member).map(|score| self.counted(score)),
        }
    }

    /// Whether its members come in the order of their hashes when others are asked for them.
    fn is_hashed(&self) -> bool {
        match &self.members {
            Members::None => false,
            Members::Set(set) => set.hashed().is_some(),
            Members::Zset(zset) => zset.hashed().is_some(),
        }
    }

    /// As [`Source::each`], in the order in which others are asked best.
    fn each_member<'s>(&'s self, mut f: impl FnMut(Member<'s>, f64) -> bool) {
        match &self.members {
            Members::Set(set) if let Some(mut members) = set.hashed() => {
                let _ = members.all(|member| f(Member::Hashed(member), 1.0));
            }
            Members::Zset(zset) if let Some(mut members) = zset.hashed() => {
                let _ =
                    members.all(|(member, score)| f(Member::Hashed(member), self.counted(score)));
            }
            Members::None | Members::Set(_) | Members::Zset(_) => {
                self.each(|member, score| f(Member::Item(member), score));
            }
        }
    }

    /// Calls `f` with each member and its score until it says `false`.
    fn each<'s>(&'s self, mut f: impl FnMut(Item<'s>, f64) -> bool) {
        match &self.members {
            Members::None => {}
            Members::Set(set) => {
                let _ = set.iter().all(|member| f(member, 1.0));
            }
            Members::Zset(zset) => {
                let _ = zset
                    .iter()
                    .all(|(member, score)| f(member, self.counted(score)));
            }
        }
    }
}

/// A source that is asked for the scores of the members of another one.
enum Asked<'a> {
    /// It is that other one.
    Same,
    AsItIs(&'a Source<'a>),
    /// A listpack, whose members would be compared one by one.
    Members(HashMap<Cow<'a, [u8]>, f64>),
    /// The members come in its own order.
    AlongSet(Along<'a>),
    /// The same, with its scores.
    AlongZset(ScoresAlong<'a>, &'a Source<'a>),
}

/// Members that are asked for, and members of a listpack, from which on a table of its members is worth it.
const MANY: usize = 8;

impl<'a> Asked<'a> {
    fn by(source: &'a Source<'a>, asker: &Source<'_>) -> Self {
        if source.loc.is_some() && source.loc == asker.loc {
            return Asked::Same;
        }
        if asker.is_hashed() {
            match &source.members {
                Members::Set(set) if let Some(along) = set.along(asker.len()) => {
                    return Asked::AlongSet(along);
                }
                Members::Zset(zset) if let Some(along) = zset.along(asker.len()) => {
                    return Asked::AlongZset(along, source);
                }
                Members::None | Members::Set(_) | Members::Zset(_) => {}
            }
        }
        let packed = match &source.members {
            Members::None => false,
            Members::Set(set) => set.encoding() == "listpack",
            Members::Zset(zset) => zset.encoding() == "listpack",
        };
        if packed && source.len() >= MANY && asker.len() >= MANY {
            let mut members = HashMap::with_capacity(source.len());
            source.each(|member, score| {
                members.insert(member.to_cow(), score);
                true
            });
            Asked::Members(members)
        } else {
            Asked::AsItIs(source)
        }
    }

    /// The score of a member that has `own` in the source that asks.
    fn score(&mut self, member: &Member<'_>, own: f64) -> Option<f64> {
        match (self, member) {
            (Asked::Same, _) => Some(own),
            (Asked::AsItIs(source), member) => member.item().with(|m| source.score(m)),
            (Asked::Members(members), member) => member.item().with(|m| members.get(m).copied()),
            (Asked::AlongSet(set), Member::Hashed(member)) => set.has(member).then_some(1.0),
            (Asked::AlongZset(zset, source), Member::Hashed(member)) => {
                zset.score(member).map(|score| source.counted(score))
            }
            (Asked::AlongSet(_) | Asked::AlongZset(..), Member::Item(_)) => {
                unreachable!("sources without hashes do not ask so")
            }
        }
    }
}

/// Options after the keys.
struct Options {
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

/// What a command of this family takes.
#[derive(Clone, Copy)]
struct Form {
    name: &'static str,
    op: Op,
    /// ZINTERCARD
    cardinality: bool,
    /// Index of the count of keys; 2 for those that store.
    count_at: usize,
}

impl Form {
    fn stores(self) -> bool {
        self.count_at == 2
    }

    fn options(self, args: Args<'_>, at: usize, keys: usize) -> Result<Options, CommandError> {
        let mut options = Options {
            weights: vec![1.0; keys],
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: usize::MAX,
        };
        let scored = self.op != Op::Diff && !self.cardinality;
        let mut words = args.options(at);
        while words.are_left() {
            if scored && let Some(weights) = words.take_list("WEIGHTS", keys) {
                for (weight, text) in options.weights.iter_mut().zip(weights) {
                    *weight = parse_float(text)
                        .ok_or(CommandError::fixed(&"ERR weight value is not a float"))?;
                }
            } else if scored && words.take("AGGREGATE") {
                let way = words.take_one_of(&[
                    ("SUM", Aggregate::Sum),
                    ("MIN", Aggregate::Min),
                    ("MAX", Aggregate::Max),
                    ("COUNT", Aggregate::Count),
                ]);
                options.aggregate = way.ok_or(CommandError::SYNTAX)?;
            } else if !self.stores() && !self.cardinality && words.take("WITHSCORES") {
                options.with_scores = true;
            } else if self.cardinality
                && let Some(limit) = words.take_value("LIMIT")
            {
                options.limit = up_to(limit, "ERR LIMIT can't be negative")?;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Reads the request and finds its keys: types are checked before options.
    fn read(
        self,
        cx: &mut Cx<'_>,
        args: Args<'_>,
    ) -> Result<(Vec<Option<Loc>>, Options), CommandError> {
        let at = self.count_at;
        let count = parse_int(&args[at]).ok_or(CommandError::NOT_AN_INTEGER)?;
        if count < 1 {
            return Err(CommandError::new(format!(
                "ERR at least 1 input key is needed for '{}' command",
                self.name
            )));
        }
        let (keys, rest) = args.counted(at, "ERR syntax error")?;
        let found = cx.find_all(keys, |value| match value {
            ValueRef::Set(_) | ValueRef::Zset(_) => Ok(()),
            _ => Err(CommandError::WRONG_TYPE),
        })?;
        let options = self.options(args, rest, keys.len())?;
        Ok((found, options))
    }
}

fn sources<'a>(
    cx: &'a Cx<'_>,
    op: Op,
    found: &[Option<Loc>],
    options: &Options,
) -> Vec<Source<'a>> {
    let source = |(loc, weight): (&Option<Loc>, &f64)| Source {
        members: match loc.map(|loc| cx.value(loc)) {
            Some(ValueRef::Set(set)) => Members::Set(set),
            Some(ValueRef::Zset(zset)) => Members::Zset(zset),
            _ => Members::None,
        },
        weight: *weight,
        loc: *loc,
        counts: options.aggregate == Aggregate::Count,
    };
    let mut sources: Vec<_> = found.iter().zip(&options.weights).map(source).collect();
    if op != Op::Diff {
        sources.sort_by_key(Source::len);
    }
    sources
}

/// The members of the result with their scores, in order.
fn combine(op: Op, sources: &[Source<'_>], aggregate: Aggregate) -> Vec<(f64, Vec<u8>)> {
    let mut result = match op {
        Op::Union if let [only] = sources => {
            let mut result = Vec::with_capacity(only.len());
            only.each(|member, score| {
                result.push((only.weighted(score), member.to_vec()));
                true
            });
            result
        }
        Op::Union => {
            // There are as many members as the largest source has, at least.
            let largest = sources.iter().map(Source::len).max();
            let mut scores: HashMap<Cow<'_, [u8]>, f64> =
                HashMap::with_capacity(largest.unwrap_or(0));
            for source in sources {
                source.each(|member, score| {
                    let score = source.weighted(score);
                    let joined = scores.entry(member.to_cow());
                    let joined = joined.and_modify(|s| *s = aggregate.join(*s, score));
                    joined.or_insert(score);
                    true
                });
            }
            scores
                .into_iter()
                .map(|(m, s)| (s, m.into_owned()))
                .collect()
        }
        Op::Inter => {
            let mut result = Vec::new();
            each_common(sources, aggregate, |member, score| {
                result.push((score, member.to_vec()));
                true
            });
            result
        }
        Op::Diff => {
            let mut result = Vec::new();
            let (first, others) = sources.split_first().expect("at least one key");
            let mut others: Vec<_> = others.iter().map(|s| Asked::by(s, first)).collect();
            first.each_member(|member, score| {
                if !others.iter_mut().any(|s| s.score(&member, score).is_some()) {
                    result.push((first.weighted(score), member.item().to_vec()));
                }
                true
            });
            result
        }
    };
    // No member is there twice, so that no two are equal.
    result.sort_unstable_by(|a, b| {
        let by_score = a.0.partial_cmp(&b.0).expect("scores are never NaN");
        by_score.then_with(|| a.1.cmp(&b.1))
    });
    result
}

fn each_common(
    sources: &[Source<'_>],
    aggregate: Aggregate,
    mut f: impl FnMut(Item<'_>, f64) -> bool,
) {
    let (smallest, others) = sources.split_first().expect("at least one key");
    let asked = others.iter().map(|source| Asked::by(source, smallest));
    let mut asked: Vec<_> = asked.collect();
    smallest.each_member(|member, score| {
        let mut others = others.iter().zip(&mut asked);
        let joined = others.try_fold(smallest.weighted(score), |sum, (source, asked)| {
            // NaN for an infinity without weight counts as such, other than for the first set.
            Some(aggregate.join(sum, source.weight * asked.score(&member, score)?))
        });
        joined.is_none_or(|score| f(member.item(), score))
    });
}

fn reply(cx: &mut Cx<'_>, args: Args<'_>, name: &'static str, op: Op) -> CmdResult {
    let form = Form {
        name,
        op,
        cardinality: false,
        count_at: 1,
    };
    let (found, options) = form.read(cx, args)?;
    let sources = sources(cx, op, &found, &options);
    let result = combine(op, &sources, options.aggregate);
    drop(sources);
    let reply = &mut cx.client.reply;
    members_header(reply, result.len(), options.with_scores);
    for (score, member) in &result {
        member_reply(reply, Item::Bytes(member), *score, options.with_scores);
    }
    Ok(())
}

fn store(cx: &mut Cx<'_>, args: Args<'_>, name: &'static str, op: Op) -> CmdResult {
    let form = Form {
        name,
        op,
        cardinality: false,
        count_at: 2,
    };
    let (found, options) = form.read(cx, args)?;
    let sources = sources(cx, op, &found, &options);
    let result = combine(op, &sources, options.aggregate);
    drop(sources);
    let zset = Zset::of_sorted(&result, &cx.engine.limits);
    let was_there = cx.lookup_quietly(&args[1]).is_some();
    cx.store(&args[1], zset, Event::Zset, name);
    if options.aggregate == Aggregate::Count {
        tell_result(cx, &args[1], was_there, &result);
    }
    Ok(())
}

/// Replicas get the result of what only the latest servers can find out.
pub fn tell_result(cx: &mut Cx<'_>, key: &[u8], was_there: bool, result: &[(f64, Vec<u8>)]) {
    const TOGETHER: usize = 500;
    cx.no_propagate();
    if was_there {
        cx.also_propagate(&[b"DEL", key]);
    }
    for part in result.chunks(TOGETHER) {
        let scores = part.iter().map(|(score, _)| DoubleText::of(*score));
        let scores: Vec<DoubleText> = scores.collect();
        let mut effect: Vec<&[u8]> = vec![b"ZADD", key];
        for (score, (_, member)) in scores.iter().zip(part) {
            effect.extend([score.as_bytes(), member]);
        }
        cx.also_propagate(&effect);
    }
}

pub fn zunion(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, "zunion", Op::Union)
}

pub fn zinter(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, "zinter", Op::Inter)
}

pub fn zdiff(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    reply(cx, args, "zdiff", Op::Diff)
}

pub fn zunionstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, "zunionstore", Op::Union)
}

pub fn zinterstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, "zinterstore", Op::Inter)
}

pub fn zdiffstore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    store(cx, args, "zdiffstore", Op::Diff)
}

pub fn zintercard(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let form = Form {
        name: "zintercard",
        op: Op::Inter,
        cardinality: true,
        count_at: 1,
    };
    let (found, options) = form.read(cx, args)?;
    let sources = sources(cx, Op::Inter, &found, &options);
    let mut n = 0;
    if let [first, others @ ..] = &sources[..]
        && first.loc.is_some()
        && others.iter().all(|other| other.loc == first.loc)
    {
        let n = first.len().min(options.limit);
        drop(sources);
        cx.client.reply.int(n as i64);
        return Ok(());
    }
    each_common(&sources, Aggregate::Sum, |_, _| {
        n += 1;
        n < options.limit
    });
    drop(sources);
    cx.client.reply.int(n as i64);
    Ok(())
}
