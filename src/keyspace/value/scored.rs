//! The listpack of a small sorted set: pairs of member and score, ascending.

use super::packed::score_of;
use super::zset::LexBound;
use crate::Item;
use rdb::listpack::{self, Iter};
use smallvec::SmallVec;
use std::ops::Range;

/// The number of pairs at the low end for which `before` holds, and the byte offset of the next one. Scores are often
/// stored as text, so only those that a binary search meets are read.
pub(super) fn place_where(lp: &[u8], before: impl Fn(Item<'_>, f64) -> bool) -> (usize, usize) {
    let pairs = places(lp);
    let rank = rank_at(lp, &pairs, before);
    let at = pairs.get(rank).map_or(lp.len() - 1, |&at| at as usize);
    (rank, at)
}

/// The byte offsets of pairs.
pub(super) type Places = SmallVec<[u32; 128]>;

/// Returns the byte offset of each pair.
pub(super) fn places(lp: &[u8]) -> Places {
    listpack::offsets(lp, 2)
}

/// The number of pairs at the low end for which `before` holds.
pub(super) fn rank_at(lp: &[u8], places: &Places, before: impl Fn(Item<'_>, f64) -> bool) -> usize {
    places.partition_point(|&at| {
        let pair = Pairs(Iter::from_offset(lp, at as usize)).next();
        pair.is_some_and(|(member, score)| before(member, score))
    })
}

/// The ranks of the members from `min` to `max`. If scores differ, the result is that of Redis, which looks at the last
/// member and the first, and then searches from the low end.
pub(super) fn pack_by_lex(lp: &[u8], min: &LexBound, max: &LexBound) -> Range<usize> {
    let last = Iter::new(lp).rev().nth(1);
    if last.is_none_or(|last| min.begins_after(last)) {
        let len = listpack::count(lp) / 2;
        return len..len;
    }
    let mut members = Iter::new(lp).step_by(2).peekable();
    let mut start = 0;
    while members
        .next_if(|&member| min.begins_after(member))
        .is_some()
    {
        start += 1;
    }
    let len = match max {
        LexBound::Max => listpack::count(lp) / 2 - start,
        _ => members.take_while(|&member| max.ends_after(member)).count(),
    };
    start..start + len
}

/// The (member, score) pairs of a listpack.
pub(super) struct Pairs<'a>(pub(super) Iter<'a>);

impl<'a> Iterator for Pairs<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, score_of(self.0.next()?)))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let score = score_of(self.0.next_back()?);
        Some((self.0.next_back()?, score))
    }
}
