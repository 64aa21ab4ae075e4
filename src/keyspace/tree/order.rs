//! Members sorted by (score, bytes), which gives the ranks of a sorted set.

use super::counted::{Inner, Leaves, Tree};
use super::page::{New, Page, Shape};
use super::strings::{self, Enc};
use crate::Item;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// Entries are members, keys their scores.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByScore;

impl Shape for ByScore {
    type Key = f64;
    type Sep = (f64, Box<[u8]>);
    const GROUPS: bool = false;
    const ORDERED: bool = true;

    #[inline]
    fn extent(bytes: &[u8], _mark: bool) -> usize {
        strings::size(bytes)
    }

    fn sep(key: f64, entry: &[u8]) -> Self::Sep {
        (key, strings::read(entry).0.to_vec().into())
    }
}

type Leaf = Page<ByScore>;

/// A tree of (score, member).
#[derive(Clone, Debug, Default)]
pub(crate) struct Order(Tree<Leaf>);

#[inline]
fn compare(a_score: f64, a: impl FnOnce() -> Ordering, score: f64) -> Ordering {
    match a_score.partial_cmp(&score) {
        Some(Ordering::Equal) | None => a(),
        Some(other) => other,
    }
}

#[inline]
fn route(inner: &Inner<Leaf>, score: f64, member: &[u8]) -> usize {
    inner.route(|sep| compare(sep.0, || (*sep.1).cmp(member), score) != Ordering::Greater)
}

/// The first entry of the page that is not below (score, member).
#[inline]
fn position(page: &Leaf, score: f64, member: &[u8]) -> usize {
    page.search(score, |i| {
        let other = || {
            strings::read(page.entry(i).0)
                .0
                .with(|other| other.cmp(member))
        };
        compare(page.key(i), other, score) == Ordering::Less
    })
}

#[inline]
fn read(page: &Leaf, i: usize) -> (Item<'_>, f64) {
    (strings::read(page.entry(i).0).0, page.key(i))
}

impl Order {
    /// Members.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes allocated.
    pub(crate) fn heap(&self) -> usize {
        self.0.heap()
    }

    /// Inserts a member that is not there.
    #[inline]
    pub(crate) fn insert(&mut self, score: f64, member: &[u8]) {
        let enc = Enc::new(member);
        self.0.edit(
            |inner| route(inner, score, member),
            |page, spill| {
                let i = position(page, score, member);
                page.insert(
                    i,
                    New {
                        key: score,
                        len: enc.len(),
                        mark: false,
                    },
                    |out| enc.put(out),
                    spill,
                );
            },
        );
    }

    /// Removes a member that has that score.
    #[inline]
    pub(crate) fn remove(&mut self, score: f64, member: &[u8]) {
        let enc = Enc::new(member);
        self.0.edit_down(
            |inner| route(inner, score, member),
            |page, _| {
                let i = position(page, score, member);
                debug_assert!(i < page.len() && enc.starts(page.entry(i).0));
                if i < page.len() && enc.starts(page.entry(i).0) {
                    page.remove(i);
                }
            },
        );
    }

    /// How many are below (score, member).
    pub(crate) fn rank(&self, score: f64, member: &[u8]) -> usize {
        let (page, before) = self.0.leaf_at(|inner| route(inner, score, member));
        before + position(page, score, member)
    }

    /// How many there are at the low end for which `below` holds (for none after that).
    pub(crate) fn rank_where(&self, below: impl Fn(Item<'_>, f64) -> bool) -> usize {
        let (page, before) = self
            .0
            .leaf_at(|inner| inner.route(|sep| below(Item::Bytes(&sep.1), sep.0)));
        before
            + page.partition_point(|i| {
                let (member, score) = read(page, i);
                below(member, score)
            })
    }

    /// The members from the first one on for which `below` does not hold, ascending.
    pub(crate) fn range_where(&self, below: impl Fn(Item<'_>, f64) -> bool) -> Walk<'_> {
        let mut leaves = self
            .0
            .leaves(|inner| inner.route(|sep| below(Item::Bytes(&sep.1), sep.0)));
        let page = leaves.next();
        let at = page.map_or(0, |page| {
            page.partition_point(|i| {
                let (member, score) = read(page, i);
                below(member, score)
            })
        });
        Walk {
            leaves,
            page,
            at,
            left: usize::MAX,
        }
    }

    /// The members of ranks `range`, ascending.
    pub(crate) fn range(&self, range: Range<usize>) -> Walk<'_> {
        let mut at = range.start as u64;
        let mut leaves = self.0.leaves(|inner| inner.seek(&mut at));
        let page = leaves.next();
        Walk {
            leaves,
            page,
            at: at as usize,
            left: range.len(),
        }
    }

    /// The members of ranks `range`, descending.
    pub(crate) fn range_rev(&self, range: Range<usize>) -> WalkBack<'_> {
        let mut at = range.end.saturating_sub(1) as u64;
        let mut leaves = self.0.leaves(|inner| inner.seek(&mut at));
        let page = leaves.prev();
        WalkBack {
            leaves,
            page,
            at: at as usize + 1,
            left: range.len(),
        }
    }

    /// All members, descending, releasing each page after its members.
    pub(crate) fn drain_back(self, freed: &AtomicU64, mut f: impl FnMut(Item<'_>, f64)) {
        for page in self.0.drain_back(freed) {
            for i in (0..page.len()).rev() {
                let (member, score) = read(&page, i);
                f(member, score);
            }
        }
    }

    /// Removes the members of ranks `range`.
    pub(crate) fn remove_range(&mut self, range: Range<usize>) {
        self.0
            .remove_range(range, |page, range| page.remove_slice(range));
    }

    /// A tree of members in ascending order.
    pub(crate) fn of_sorted<'a>(members: impl Iterator<Item = (&'a [u8], f64)>) -> Self {
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for (member, score) in members {
            let enc = Enc::new(member);
            let at = bytes.len();
            starts.push((score, at));
            bytes.resize(at + enc.len(), 0);
            enc.put(&mut bytes[at..]);
        }
        let ends = starts
            .iter()
            .skip(1)
            .map(|next| next.1)
            .chain([bytes.len()]);
        let entries = starts
            .iter()
            .zip(ends)
            .map(|(&(score, start), end)| (score, &bytes[start..end], false));
        let mut entries = entries.peekable();
        let mut pages = Vec::new();
        while entries.peek().is_some() {
            pages.push(Page::fill(&mut entries));
        }
        Order(Tree::from_leaves(pages))
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut last: Option<(f64, Vec<u8>)> = None;
        self.0.check(&mut |page| {
            page.check();
            for i in 0..page.len() {
                let (member, score) = read(page, i);
                let now = (score, member.to_vec());
                assert!(last.as_ref().is_none_or(|last| *last < now));
                last = Some(now);
            }
        });
    }
}

/// (member, score), ascending.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    leaves: Leaves<'a, Leaf>,
    page: Option<&'a Leaf>,
    at: usize,
    left: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let page = self.page?;
            if self.at < page.len() {
                self.at += 1;
                return Some(read(page, self.at - 1));
            }
            self.page = self.leaves.next();
            self.at = 0;
        }
    }
}

/// (member, score), descending.
#[derive(Clone, Debug)]
pub(crate) struct WalkBack<'a> {
    leaves: Leaves<'a, Leaf>,
    page: Option<&'a Leaf>,
    /// One above the entry that comes next.
    at: usize,
    left: usize,
}

impl<'a> Iterator for WalkBack<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(at) = self.at.checked_sub(1) {
                self.at = at;
                return Some(read(self.page?, at));
            }
            self.page = self.leaves.prev();
            self.at = self.page?.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;
    use std::collections::BTreeMap;

    #[test]
    fn ranks_agree_with_a_sorted_vector() {
        for seed in 0..if cfg!(debug_assertions) { 4 } else { 20 } {
            let mut rng = Rng::new(seed);
            let mut order = Order::default();
            let mut scores = BTreeMap::<String, f64>::new();
            let distinct = [1, 50, 100_000][rng.below(3)];
            for step in 0..6000 {
                let member = format!("m{}", rng.below(3000));
                if let Some(score) = scores.remove(&member) {
                    order.remove(score, member.as_bytes());
                } else {
                    let score = rng.below(distinct) as f64;
                    order.insert(score, member.as_bytes());
                    scores.insert(member, score);
                }
                if step % 2000 == 1999 {
                    order.check();
                    let mut all: Vec<_> = scores.iter().map(|(m, s)| (*s, m.as_bytes())).collect();
                    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                    for (rank, (score, member)) in all.iter().enumerate() {
                        assert_eq!(order.rank(*score, member), rank);
                    }
                    let a = rng.below(all.len());
                    let b = (a + rng.below(800)).min(all.len());
                    order.remove_range(a..b);
                    let gone: Vec<String> = all[a..b]
                        .iter()
                        .map(|(_, m)| String::from_utf8(m.to_vec()).unwrap())
                        .collect();
                    scores.retain(|member, _| !gone.contains(member));
                    order.check();
                }
            }
        }
    }

    /// The page at a position was copied, or another one made, at each addition while it was full.
    #[test]
    fn a_member_taken_out_and_put_back_by_turns_rarely_copies_a_page() {
        for members in 100..500 {
            let mut order = Order::default();
            let member = |i: usize| format!("member:{i:06}").into_bytes();
            (0..members).for_each(|i| order.insert(i as f64, &member(i)));
            for i in [0, members / 2, members - 1] {
                let mut copies = 0;
                for _ in 0..100 {
                    let before = order.0.seek(i).0.address();
                    order.remove(i as f64, &member(i));
                    order.insert(i as f64, &member(i));
                    copies += usize::from(order.0.seek(i).0.address() != before);
                }
                assert!(copies <= 50, "{copies} at {i} of {members}");
                order.check();
            }
        }
    }

    #[test]
    fn ascending_inserts_leave_full_pages() {
        let mut order = Order::default();
        for i in 0..100_000 {
            order.insert(i as f64, format!("member:{i:06}").as_bytes());
        }
        // 8 score, 2 offset, 1 length, 13 bytes.
        let per_member = order.heap() as f64 / 100_000.0;
        assert!(per_member < 26.0, "{per_member}");
    }
}
