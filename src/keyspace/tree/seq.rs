//! Elements by position: lists.
//!
//! The chunks at the two ends of a list are held beside the tree, which holds only the elements between them.

use super::chunk::{Chunk, LAST, ROOM};
use super::counted::{Inner, Leaf, Leaves, Spill, Tree};
use crate::Item;
use rdb::listpack::{self, Iter};
use std::ops::Range;

/// A long list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seq {
    front: Chunk,
    middle: Tree<Chunk>,
    back: Chunk,
    /// Room for one encoded element.
    scratch: Vec<u8>,
}

/// The part of the sequence in which a position is.
enum Part {
    Front(usize),
    Middle(usize),
    Back(usize),
}

impl Seq {
    /// Elements.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.front.count as usize + self.middle.len() + self.back.count as usize
    }

    /// Bytes allocated.
    pub(crate) fn heap(&self) -> usize {
        self.front.heap() + self.middle.heap() + self.back.heap() + self.scratch.capacity()
    }

    /// True if a listpack of all elements takes at most `most` bytes. This is checked after each removal, so its cost
    /// is bounded by `most`, not by the length of the list.
    pub(crate) fn fits_listpack(&self, most: usize) -> bool {
        let elements = most.saturating_sub(listpack::EMPTY_LEN);
        // The shortest element takes two bytes.
        if self.len() > elements / 2 {
            return false;
        }
        let left = self
            .chunks()
            .try_fold(elements, |left, chunk| left.checked_sub(chunk.len()));
        left.is_some()
    }

    /// A list of these chunks.
    pub(crate) fn of_chunks(chunks: Vec<Chunk>) -> Self {
        let chunks = chunks.into_iter().filter(|chunk| chunk.count > 0).collect();
        Seq {
            middle: Tree::from_leaves(chunks),
            ..Seq::default()
        }
    }

    fn part(&self, at: usize) -> Part {
        let front = self.front.count as usize;
        let middle = front + self.middle.len();
        match at {
            _ if at < front => Part::Front(at),
            _ if at < middle => Part::Middle(at - front),
            _ => Part::Back(at - middle),
        }
    }

    /// Adds at the head.
    #[inline]
    pub(crate) fn push_front(&mut self, item: &[u8]) {
        if item.len() > ROOM {
            return self.push_front_long(item);
        }
        self.encode(item);
        if !self.front.takes(self.scratch.len()) {
            let full = std::mem::take(&mut self.front);
            self.middle
                .edit(|_| 0, |first, spill| prepend(first, full, spill));
        }
        let long = self.middle.len() > 0;
        self.front.push_front(&self.scratch, long);
        self.calm();
    }

    /// Adds at the tail.
    #[inline]
    pub(crate) fn push_back(&mut self, item: &[u8]) {
        if item.len() > ROOM {
            return self.push_back_long(item);
        }
        self.encode(item);
        if !self.back.takes(self.scratch.len()) {
            let full = std::mem::take(&mut self.back);
            let end = self.middle.len();
            self.middle
                .edit(to(end), |last, spill| append(last, full, spill));
        }
        let long = self.middle.len() > 0;
        self.back.push_back(&self.scratch, long);
        self.calm();
    }

    #[cold]
    fn push_front_long(&mut self, item: &[u8]) {
        let full = std::mem::replace(&mut self.front, Chunk::of_long(item));
        if full.count > 0 {
            self.middle
                .edit(|_| 0, |first, spill| prepend(first, full, spill));
        }
    }

    #[cold]
    fn push_back_long(&mut self, item: &[u8]) {
        let full = std::mem::replace(&mut self.back, Chunk::of_long(item));
        if full.count > 0 {
            let end = self.middle.len();
            self.middle
                .edit(to(end), |last, spill| append(last, full, spill));
        }
    }

    #[inline]
    fn encode(&mut self, item: &[u8]) {
        self.scratch.clear();
        listpack::encode(&Item::of(item), &mut self.scratch);
    }

    /// Frees a scratch buffer that one large element has made large.
    #[inline]
    fn calm(&mut self) {
        if self.scratch.capacity() > 1024 {
            self.scratch = Vec::new();
        }
    }

    /// Removes the first element.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<Vec<u8>> {
        if self.front.count == 0 {
            if self.middle.len() == 0 {
                return self.back.pop_front();
            }
            self.front = self
                .middle
                .edit_down(|_| 0, |first, _| std::mem::take(first));
        }
        self.front.pop_front()
    }

    /// Removes the last element.
    #[inline]
    pub(crate) fn pop_back(&mut self) -> Option<Vec<u8>> {
        if self.back.count == 0 {
            if self.middle.len() == 0 {
                return self.front.pop_back();
            }
            let end = self.middle.len();
            self.back = self
                .middle
                .edit_down(to(end), |last, _| std::mem::take(last));
        }
        self.back.pop_back()
    }

    /// The element at `at`.
    pub(crate) fn get(&self, at: usize) -> Option<Item<'_>> {
        match self.part(at) {
            Part::Front(at) => self.front.get(at),
            Part::Middle(at) => {
                let (chunk, at) = self.middle.seek(at);
                chunk.get(at)
            }
            Part::Back(at) => self.back.get(at),
        }
    }

    /// Replaces the element at `at`, which there must be.
    pub(crate) fn set(&mut self, at: usize, item: &[u8]) {
        self.splice(self.part(at), 1, item);
    }

    /// Inserts before `at`.
    pub(crate) fn insert(&mut self, at: usize, item: &[u8]) {
        self.splice(self.part(at), 0, item);
    }

    /// Replaces `old` elements (0 or 1) by `item`.
    fn splice(&mut self, part: Part, old: usize, item: &[u8]) {
        if item.len() <= ROOM {
            self.encode(item);
        }
        let encoded = &self.scratch;
        let splice = |chunk: &mut Chunk, at: usize, spill: &mut Spill<Chunk>| {
            if item.len() <= ROOM {
                chunk.splice(at, old, encoded, spill);
            } else {
                chunk.splice_long(at, old, item, spill);
            }
        };
        let mut spill = Spill::new();
        match part {
            Part::Front(at) => {
                splice(&mut self.front, at, &mut spill);
                // The elements that no longer fit belong before the whole middle.
                for chunk in spill.into_iter().rev() {
                    self.middle
                        .edit(|_| 0, |first, spill| prepend(first, chunk, spill));
                }
            }
            Part::Middle(at) => {
                let mut left = at as u64;
                let at = &mut left;
                let local = std::cell::Cell::new(*at as usize);
                self.middle.edit(
                    |inner: &Inner<Chunk>| {
                        let i = inner.seek(at);
                        local.set(*at as usize);
                        i
                    },
                    |chunk, spill| splice(chunk, local.get(), spill),
                );
            }
            Part::Back(at) => {
                splice(&mut self.back, at, &mut spill);
                for chunk in spill {
                    let before = std::mem::replace(&mut self.back, chunk);
                    let end = self.middle.len();
                    self.middle
                        .edit(to(end), |last, spill| append(last, before, spill));
                }
            }
        }
        self.calm();
    }

    /// Removes elements.
    pub(crate) fn remove_range(&mut self, range: Range<usize>) {
        let (front, middle) = (self.front.count as usize, self.middle.len());
        let clamp = |start: usize, len: usize| {
            let from = range.start.clamp(start, start + len) - start;
            let to = range.end.clamp(start, start + len) - start;
            from..to
        };
        let parts = [
            clamp(0, front),
            clamp(front, middle),
            clamp(front + middle, self.back.count as usize),
        ];
        let [a, b, c] = parts;
        if !a.is_empty() {
            self.front.cut(a);
        }
        self.middle.remove_range(b, Chunk::cut);
        if !c.is_empty() {
            self.back.cut(c);
        }
    }

    /// All chunks, empty ones too.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let mut leaves = self.middle.all_leaves();
        [&self.front]
            .into_iter()
            .chain(std::iter::from_fn(move || leaves.next()))
            .chain([&self.back])
    }

    /// The elements of `range`, head to tail.
    pub(crate) fn range(&self, range: Range<usize>) -> Walk<'_> {
        let (leaves, at, state) = match self.part(range.start) {
            Part::Front(at) => (self.middle.all_leaves(), at, 0),
            Part::Middle(at) => {
                let mut left = at as u64;
                let leaves = self.middle.leaves(|inner| inner.seek(&mut left));
                (leaves, left as usize, 1)
            }
            Part::Back(at) => (self.middle.all_leaves(), at, 2),
        };
        let mut walk = Walk {
            seq: self,
            leaves,
            state,
            iter: Iter::new(&listpack::EMPTY),
            left: range.len(),
        };
        if let Some(chunk) = walk.next_chunk()
            && at < chunk.count as usize
        {
            walk.iter =
                Iter::from_offset(&chunk.buf[..chunk.end as usize + LAST], chunk.offset(at));
        }
        walk
    }

    /// The elements of `range`, tail to head.
    pub(crate) fn range_rev(&self, range: Range<usize>) -> WalkBack<'_> {
        let last = range.end.saturating_sub(1);
        let (leaves, at, state) = match self.part(last) {
            Part::Front(at) => (self.middle.all_leaves(), at, 0),
            Part::Middle(at) => {
                let mut left = at as u64;
                let leaves = self.middle.leaves(|inner| inner.seek(&mut left));
                (leaves, left as usize, 1)
            }
            Part::Back(at) => {
                let mut end = self.middle.len() as u64;
                (self.middle.leaves(|inner| inner.seek(&mut end)), at, 2)
            }
        };
        let mut walk = WalkBack {
            seq: self,
            leaves,
            state,
            iter: Iter::new(&listpack::EMPTY),
            left: range.len(),
        };
        if let Some(chunk) = walk.prev_chunk()
            && at < chunk.count as usize
        {
            let end = chunk.offset(at + 1);
            walk.iter = Iter::from_offset(&chunk.buf[..end + LAST], chunk.start as usize);
        }
        walk
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        self.middle.check(&mut |chunk| {
            assert!(chunk.buf.len() <= super::CHUNK_MAX || chunk.len() * 2 + 64 >= chunk.buf.len());
        });
        for chunk in self.chunks() {
            assert_eq!(chunk.iter().count(), chunk.count as usize);
            assert_eq!(chunk.iter().rev().count(), chunk.count as usize);
        }
    }
}

/// The way to position `at`.
fn to(at: usize) -> impl FnMut(&Inner<Chunk>) -> usize {
    let mut at = at as u64;
    move |inner| inner.seek(&mut at)
}

/// Inserts `chunk` before the first one of a tree.
fn prepend(first: &mut Chunk, chunk: Chunk, spill: &mut Spill<Chunk>) {
    let old = std::mem::replace(first, chunk);
    if old.count > 0 {
        spill.push(old);
    }
}

/// Inserts `chunk` after the last one of a tree.
fn append(last: &mut Chunk, chunk: Chunk, spill: &mut Spill<Chunk>) {
    if last.count == 0 {
        *last = chunk;
    } else {
        spill.push(chunk);
    }
}

/// Elements, head to tail.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    seq: &'a Seq,
    leaves: Leaves<'a, Chunk>,
    /// 0: the front chunk comes next; 1: the middle; 2: the back; 3: nothing.
    state: u8,
    iter: Iter<'a>,
    left: usize,
}

impl<'a> Walk<'a> {
    fn next_chunk(&mut self) -> Option<&'a Chunk> {
        if self.state == 0 {
            self.state = 1;
            return Some(&self.seq.front);
        }
        if self.state == 1 {
            if let Some(chunk) = self.leaves.next() {
                return Some(chunk);
            }
            self.state = 2;
        }
        if self.state == 2 {
            self.state = 3;
            return Some(&self.seq.back);
        }
        None
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.iter.next() {
                return Some(item);
            }
            self.iter = self.next_chunk()?.iter();
        }
    }
}

/// Elements, tail to head.
#[derive(Clone, Debug)]
pub(crate) struct WalkBack<'a> {
    seq: &'a Seq,
    leaves: Leaves<'a, Chunk>,
    /// 2: the back chunk comes next; 1: the middle; 0: the front; 3: nothing.
    state: u8,
    iter: Iter<'a>,
    left: usize,
}

impl<'a> WalkBack<'a> {
    fn prev_chunk(&mut self) -> Option<&'a Chunk> {
        if self.state == 2 {
            self.state = 1;
            return Some(&self.seq.back);
        }
        if self.state == 1 {
            if let Some(chunk) = self.leaves.prev() {
                return Some(chunk);
            }
            self.state = 0;
        }
        if self.state == 0 {
            self.state = 3;
            return Some(&self.seq.front);
        }
        None
    }
}

impl<'a> Iterator for WalkBack<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(item) = self.iter.next_back() {
                return Some(item);
            }
            self.iter = self.prev_chunk()?.iter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;
    use std::collections::VecDeque;

    #[test]
    fn a_long_list_keeps_its_invariants_under_churn() {
        for seed in 0..if cfg!(debug_assertions) { 2 } else { 10 } {
            let mut rng = Rng::new(seed);
            let (mut seq, mut model) = (Seq::default(), VecDeque::new());
            for step in 0..20_000 {
                let len = [1, 5, 20, 20, 100, 3000, 5000][rng.below(7) * rng.below(2)];
                let item = vec![rng.byte(); len];
                let at = rng.below(model.len() + 1);
                match rng.below(if step % 10_000 < 6000 { 10 } else { 14 }) {
                    0..3 => {
                        seq.push_front(&item);
                        model.push_front(item);
                    }
                    3..6 => {
                        seq.push_back(&item);
                        model.push_back(item);
                    }
                    6..8 => {
                        seq.insert(at, &item);
                        model.insert(at, item);
                    }
                    8 if at < model.len() => {
                        seq.set(at, &item);
                        model[at] = item;
                    }
                    8..12 => assert_eq!(seq.pop_front(), model.pop_front()),
                    12 => assert_eq!(seq.pop_back(), model.pop_back()),
                    _ => {
                        let end = at + rng.below((model.len() - at).min(20) + 1);
                        seq.remove_range(at..end);
                        model.drain(at..end);
                    }
                }
            }
            seq.check();
            assert!(seq.range(0..seq.len()).map(|item| item.to_vec()).eq(model));
        }
    }

    #[test]
    fn a_queue_uses_little_more_than_its_elements() {
        let mut seq = Seq::default();
        for i in 0..100_000 {
            seq.push_back(format!("element:{i:06}").as_bytes());
        }
        // 1 first byte, 14 bytes, 1 back length.
        assert!(seq.heap() < 100_000 * 165 / 10, "{}", seq.heap());
        for i in 0..99_990 {
            assert_eq!(
                seq.pop_front().unwrap(),
                format!("element:{i:06}").as_bytes()
            );
        }
        assert!(seq.heap() < 20_000, "{}", seq.heap());
    }
}
