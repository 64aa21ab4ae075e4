//! Sorted sets: members ordered by (score, member bytes).

use crate::keyspace::{Item, Limits};
use std::collections::BTreeMap;
use std::ops::Range;

/// A sorted set, owned.
#[derive(Clone, Debug, Default)]
pub struct Zset {
    order: Vec<(f64, Vec<u8>)>,
    scores: BTreeMap<Vec<u8>, f64>,
}

/// A sorted set as a reader sees it.
#[derive(Debug)]
pub struct ZsetRef<'a>(&'a Zset);

/// One end of a score range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// The score; may be infinite, never NaN.
    pub score: f64,
    /// `(5` in a command: the score itself is outside.
    pub exclusive: bool,
}

/// One end of a lexicographic range.
#[derive(Clone, Debug, PartialEq)]
pub enum LexBound {
    /// `-`
    Min,
    /// `+`
    Max,
    /// `[text`
    Inclusive(Vec<u8>),
    /// `(text`
    Exclusive(Vec<u8>),
}

impl Zset {
    /// An empty sorted set.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> ZsetRef<'_> {
        ZsetRef(self)
    }

    /// Sets a member's score (never NaN); returns the old one.
    pub fn set(&mut self, member: &[u8], score: f64, _limits: &Limits) -> Option<f64> {
        let old = self.remove(member);
        let at = self.position(score, member);
        self.order.insert(at, (score, member.to_vec()));
        self.scores.insert(member.to_vec(), score);
        old
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        let at = self.position(score, member);
        self.order.remove(at);
        Some(score)
    }

    /// Removes the members of ranks `range`.
    pub fn remove_range(&mut self, range: Range<usize>) {
        for (_, member) in self.order.drain(range) {
            self.scores.remove(&member);
        }
    }

    fn position(&self, score: f64, member: &[u8]) -> usize {
        self.order
            .partition_point(|(s, m)| (*s, m.as_slice()) < (score, member))
    }
}

impl ZsetRef<'_> {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.order.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.0.scores.get(member).copied()
    }

    /// A member's rank from the lowest score (0-based).
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        self.score(member).map(|s| self.0.position(s, member))
    }

    /// (member, score) of ranks `range`, ascending.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = (Item<'_>, f64)> {
        self.0.order[range]
            .iter()
            .map(|(s, m)| (Item::Bytes(m), *s))
    }

    /// (member, score) of ranks `range`, descending.
    pub fn range_rev(&self, range: Range<usize>) -> impl Iterator<Item = (Item<'_>, f64)> {
        self.0.order[range]
            .iter()
            .rev()
            .map(|(s, m)| (Item::Bytes(m), *s))
    }

    /// All, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'_>, f64)> {
        self.range(0..self.len())
    }

    /// The ranks of the members with scores from `min` to `max`; an empty range where there are none.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let order = &self.0.order;
        let start =
            order.partition_point(|e| e.0 < min.score || (min.exclusive && e.0 == min.score));
        let end =
            order.partition_point(|e| e.0 < max.score || (!max.exclusive && e.0 == max.score));
        start..end.max(start)
    }

    /// The ranks of the members from `min` to `max` by bytes (all scores being equal).
    pub fn ranks_by_lex(&self, min: &LexBound, max: &LexBound) -> Range<usize> {
        let order = &self.0.order;
        let start = order.partition_point(|e| match min {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(b) => e.1 < *b,
            LexBound::Exclusive(b) => e.1 <= *b,
        });
        let end = order.partition_point(|e| match max {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(b) => e.1 <= *b,
            LexBound::Exclusive(b) => e.1 < *b,
        });
        start..end.max(start)
    }

    /// A uniformly random member; `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<(Item<'_>, f64)> {
        let n = self.len() as u64;
        (n > 0).then(|| {
            self.iter()
                .nth((random % n) as usize)
                .expect("index below the length")
        })
    }

    /// One ZSCAN step; see [`super::SetRef::scan`].
    pub fn scan(&self, _cursor: u64, _count: usize, mut f: impl FnMut(Item<'_>, f64)) -> u64 {
        self.iter().for_each(|(m, s)| f(m, s));
        0
    }

    /// `listpack` or `skiplist`.
    pub fn encoding(&self) -> &'static str {
        if self.len() <= 128 {
            "listpack"
        } else {
            "skiplist"
        }
    }
}
