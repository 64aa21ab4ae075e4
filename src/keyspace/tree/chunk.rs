//! Consecutive listpack elements in a buffer with free space at both ends. A push writes a few bytes, and a pop changes
//! a number; neither moves elements.

use super::counted::{Leaf, Spill};
use super::{ARC_HEAD, CHUNK_MAX, roomy, zeroed};
use crate::Item;
use rdb::listpack::{self, HEADER_LEN, Iter};
use std::ops::Range;
use std::sync::Arc;

/// Elements begin here at the earliest: the listpack functions expect a header before them.
pub(super) const FIRST: usize = HEADER_LEN;
/// Behind the elements one byte stays free, where a listpack has its end mark.
pub(super) const LAST: usize = 1;
/// Room for elements in a full chunk.
pub(super) const ROOM: usize = CHUNK_MAX - FIRST - LAST;

/// A stretch of elements.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(super) buf: Arc<[u8]>,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) count: u32,
}

impl Default for Chunk {
    fn default() -> Self {
        Chunk {
            buf: Arc::default(),
            start: FIRST as u32,
            end: FIRST as u32,
            count: 0,
        }
    }
}

/// Which end of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Front,
    Back,
}

impl Chunk {
    /// The elements of a listpack of `count` elements.
    pub(crate) fn of_listpack(lp: &[u8], count: usize) -> Self {
        let end = lp.len() - LAST;
        Chunk {
            buf: lp.into(),
            start: FIRST as u32,
            end: end as u32,
            count: count as u32,
        }
    }

    /// One element.
    pub(crate) fn of_item(item: &[u8]) -> Self {
        if item.len() > ROOM {
            return Chunk::of_long(item);
        }
        let mut lp = listpack::Builder::new();
        lp.push_bytes(item);
        Chunk::of_listpack(&lp.into_vec(), 1)
    }

    /// One element that is too long to share a chunk. It is copied once, however long.
    pub(super) fn of_long(item: &[u8]) -> Self {
        let mut buf = zeroed(listpack::single_len(item.len()));
        listpack::write_single(item, Arc::make_mut(&mut buf));
        let end = buf.len() - LAST;
        Chunk {
            buf,
            start: FIRST as u32,
            end: end as u32,
            count: 1,
        }
    }

    /// The listpack of the elements.
    pub(crate) fn listpack(&self) -> Vec<u8> {
        let mut lp = Vec::with_capacity(HEADER_LEN + self.len() + LAST);
        lp.extend_from_slice(&((HEADER_LEN + self.len() + LAST) as u32).to_le_bytes());
        let count = u16::try_from(self.count).unwrap_or(u16::MAX);
        lp.extend_from_slice(&count.to_le_bytes());
        lp.extend_from_slice(self.bytes());
        lp.push(0xff);
        lp
    }

    /// Whether there are no elements.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The element, if it is the only one.
    pub(crate) fn single(&self) -> Option<Item<'_>> {
        self.iter().next().filter(|_| self.count == 1)
    }

    /// The encoded elements.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        // Without elements there may be no buffer either.
        self.buf
            .get(self.start as usize..self.end as usize)
            .unwrap_or(&[])
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// The elements.
    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        match self.count {
            0 => Iter::new(&listpack::EMPTY),
            _ => Iter::from_offset(&self.buf[..self.end as usize + LAST], self.start as usize),
        }
    }

    /// Byte offset of element `i`; of the end, if there are just `i`.
    pub(super) fn offset(&self, i: usize) -> usize {
        let mut iter = self.iter();
        if i <= self.count as usize / 2 {
            for _ in 0..i {
                iter.next_entry();
            }
            return if self.count == 0 {
                self.start as usize
            } else {
                iter.offset()
            };
        }
        let mut at = self.end as usize;
        for _ in i..self.count as usize {
            if let Some(entry) = iter.prev_entry() {
                at = entry.at;
            }
        }
        at
    }

    /// Element `i`.
    pub(super) fn get(&self, i: usize) -> Option<Item<'_>> {
        if i >= self.count as usize {
            return None;
        }
        listpack::entry_at(&self.buf, self.offset(i)).map(|entry| entry.item)
    }

    /// Whether an element of `size` bytes may be added.
    #[inline]
    pub(super) fn takes(&self, size: usize) -> bool {
        self.len() + size <= ROOM || self.count == 0
    }

    /// Room for `size` bytes at an end, where [`Chunk::takes`] says that they fit. `full` asks for a
    /// buffer of full size at once.
    #[inline]
    pub(super) fn reserve(&mut self, end: End, size: usize, full: bool) {
        let (start, end_at) = (self.start as usize, self.end as usize);
        let free = match end {
            End::Front => start.saturating_sub(FIRST),
            End::Back => self.buf.len().saturating_sub(end_at + LAST),
        };
        if free < size || self.buf.is_empty() {
            self.lay_out(end, size, full);
        }
    }

    #[cold]
    pub(super) fn lay_out(&mut self, end: End, size: usize, full: bool) {
        let len = self.len();
        let needed = FIRST + len + size + LAST;
        let spare = self.buf.len().saturating_sub(needed);
        let capacity = if full || needed >= CHUNK_MAX {
            needed.max(CHUNK_MAX)
        } else if spare > self.buf.len() / 4 {
            // There is room at the other end. One move makes room for many pushes.
            self.buf.len()
        } else {
            roomy(needed + needed / 8).min(CHUNK_MAX)
        };
        let mut buf = zeroed(capacity);
        let start = match end {
            End::Front => capacity - LAST - len,
            End::Back => FIRST,
        };
        Arc::make_mut(&mut buf)[start..start + len].copy_from_slice(self.bytes());
        *self = Chunk {
            buf,
            start: start as u32,
            end: (start + len) as u32,
            count: self.count,
        };
    }

    #[inline]
    pub(super) fn push_back(&mut self, encoded: &[u8], full: bool) {
        self.reserve(End::Back, encoded.len(), full);
        let at = self.end as usize;
        Arc::make_mut(&mut self.buf)[at..at + encoded.len()].copy_from_slice(encoded);
        self.end += encoded.len() as u32;
        self.count += 1;
    }

    #[inline]
    pub(super) fn push_front(&mut self, encoded: &[u8], full: bool) {
        self.reserve(End::Front, encoded.len(), full);
        let at = self.start as usize - encoded.len();
        Arc::make_mut(&mut self.buf)[at..at + encoded.len()].copy_from_slice(encoded);
        self.start = at as u32;
        self.count += 1;
    }

    #[inline]
    pub(super) fn pop_front(&mut self) -> Option<Vec<u8>> {
        let mut iter = self.iter();
        let item = iter.next_entry()?.item.to_vec();
        let next = iter.offset();
        self.start = next as u32;
        self.count -= 1;
        self.tidy();
        Some(item)
    }

    #[inline]
    pub(super) fn pop_back(&mut self) -> Option<Vec<u8>> {
        let entry = self.iter().prev_entry()?;
        let (item, at) = (entry.item.to_vec(), entry.at);
        self.end = at as u32;
        self.count -= 1;
        self.tidy();
        Some(item)
    }

    /// Replaces `old` elements (0 or 1) at `i` by `encoded`. What no longer fits goes to `spill`.
    pub(super) fn splice(&mut self, i: usize, old: usize, encoded: &[u8], spill: &mut Spill<Self>) {
        if self.count == 0 {
            return self.push_back(encoded, false);
        }
        let at = self.offset(i);
        let tail = if old == 0 { at } else { self.offset(i + 1) };
        let gone = tail - at;
        let len = self.len() - gone + encoded.len();
        if len > ROOM && self.count as usize > old {
            return self.splice_apart(i, old, at, tail, encoded, spill);
        }
        let (start, end) = (self.start as usize, self.end as usize);
        let new_end = end + encoded.len() - gone;
        if new_end + LAST <= self.buf.len() {
            let buf = Arc::make_mut(&mut self.buf);
            buf.copy_within(tail..end, at + encoded.len());
            buf[at..at + encoded.len()].copy_from_slice(encoded);
            self.end = new_end as u32;
        } else {
            let needed = FIRST + len + LAST;
            let capacity = if needed >= CHUNK_MAX {
                needed
            } else {
                roomy(needed + needed / 8).min(CHUNK_MAX)
            };
            let mut buf = zeroed(capacity);
            let out = &mut Arc::make_mut(&mut buf)[FIRST..FIRST + len];
            let (before, rest) = out.split_at_mut(at - start);
            let (middle, after) = rest.split_at_mut(encoded.len());
            before.copy_from_slice(&self.buf[start..at]);
            middle.copy_from_slice(encoded);
            after.copy_from_slice(&self.buf[tail..end]);
            self.buf = buf;
            self.start = FIRST as u32;
            self.end = (FIRST + len) as u32;
        }
        self.count = self.count + 1 - old as u32;
        self.tidy();
    }

    /// [`Chunk::splice`] of an element that is too long to share a chunk.
    pub(super) fn splice_long(
        &mut self,
        i: usize,
        old: usize,
        item: &[u8],
        spill: &mut Spill<Self>,
    ) {
        let behind = self.count as usize - i - old;
        let (mut left, mut right) = (Chunk::default(), Chunk::default());
        // What stays as it is may be long, too: it is not copied.
        if i == 0 && old == 0 {
            right = std::mem::take(self);
        } else if behind == 0 && old == 0 {
            left = std::mem::take(self);
        } else {
            let (at, tail) = (self.offset(i), self.offset(i + old));
            left = self.stretch(self.start as usize..at, i, 0);
            right = self.stretch(tail..self.end as usize, behind, 0);
        }
        // The old element is dropped before the new one is made.
        *self = left;
        let own = Chunk::of_long(item);
        if self.count == 0 {
            *self = own;
        } else {
            spill.push(own);
        }
        if right.count > 0 {
            spill.push(right);
        }
    }

    /// The same, where all together are too much for one chunk: the parts before and behind, and the
    /// new element with the smaller of them, or alone.
    pub(super) fn splice_apart(
        &mut self,
        i: usize,
        old: usize,
        at: usize,
        tail: usize,
        encoded: &[u8],
        spill: &mut Spill<Self>,
    ) {
        let behind = self.count as usize - i - old;
        let mut left = self.stretch(self.start as usize..at, i, encoded.len());
        let mut right = self.stretch(tail..self.end as usize, behind, encoded.len());
        if left.takes(encoded.len()) && (left.len() <= right.len() || !right.takes(encoded.len())) {
            left.push_back(encoded, false);
        } else if right.takes(encoded.len()) {
            right.push_front(encoded, false);
        } else {
            let mut own = Chunk::default();
            own.push_back(encoded, false);
            spill.push(own);
        }
        if right.count > 0 {
            spill.push(right);
        }
        *self = if left.count > 0 {
            left
        } else {
            spill.remove(0)
        };
    }

    /// A chunk of `count` of the elements, with some room.
    pub(super) fn stretch(&self, range: Range<usize>, count: usize, more: usize) -> Chunk {
        let len = range.len();
        if count == 0 {
            return Chunk::default();
        }
        let capacity = (FIRST + len + LAST).max(roomy(FIRST + len + LAST + more).min(CHUNK_MAX));
        let mut buf = zeroed(capacity);
        Arc::make_mut(&mut buf)[FIRST..FIRST + len].copy_from_slice(&self.buf[range]);
        Chunk {
            buf,
            start: FIRST as u32,
            end: (FIRST + len) as u32,
            count: count as u32,
        }
    }

    /// Removes elements.
    pub(super) fn cut(&mut self, range: Range<usize>) {
        let (from, to) = (self.offset(range.start), self.offset(range.end));
        let (start, end) = (self.start as usize, self.end as usize);
        if to == end {
            self.end = from as u32;
        } else if from == start {
            self.start = to as u32;
        } else {
            Arc::make_mut(&mut self.buf).copy_within(to..end, from);
            self.end = (end - (to - from)) as u32;
        }
        self.count -= range.len() as u32;
        if self.len() * 2 + 64 < self.buf.len() {
            self.fit();
        }
    }

    /// Moves to a buffer that suits the elements.
    pub(super) fn fit(&mut self) {
        *self = self.stretch(
            self.start as usize..self.end as usize,
            self.count as usize,
            0,
        );
    }

    /// Frees the room that a large element has left.
    #[inline]
    pub(super) fn tidy(&mut self) {
        if self.buf.len() > CHUNK_MAX && self.len() * 2 + 64 < self.buf.len() {
            self.fit();
        }
    }
}

impl Leaf for Chunk {
    type Sep = ();

    #[inline]
    fn count(&self) -> usize {
        self.count as usize
    }

    #[inline]
    fn heap(&self) -> usize {
        self.buf.len() + ARC_HEAD
    }

    #[inline]
    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.buf) > 1
    }

    fn sep(&self) {}

    #[inline]
    fn is_small(&self) -> bool {
        self.len() < ROOM / 4
    }

    fn join(&self, right: &Self) -> Option<Self> {
        if self.len() + right.len() > ROOM * 3 / 4 {
            return None;
        }
        if self.count == 0 {
            return Some(right.clone());
        }
        let mut both = self.stretch(
            self.start as usize..self.end as usize,
            self.count as usize,
            right.len(),
        );
        let (at, len) = (both.end as usize, right.len());
        Arc::make_mut(&mut both.buf)[at..at + len].copy_from_slice(right.bytes());
        both.end += len as u32;
        both.count += right.count;
        Some(both)
    }
}
