//! A chunk of entries sorted by keys of fixed size: a slotted page in one allocation.
//!
//! ```text
//! n u32 | used u32 | garbage u32 | wide u8, marks u24 | earliest expiry i64 | about the last key, 8 bytes
//! directory: n x (key, offset u16 or u32)      grows up
//! free
//! entries, in no order                         grow down
//! ```
//!
//! An offset counts from the *end* of the buffer to the entry's first byte, so that a page moves to a larger buffer
//! as two copies. The top bit of an offset is the entry's mark: the entry is followed by an expiry. A replaced or
//! removed entry is garbage until the page is rebuilt. `wide` pages (past 32 KB) hold single large entries. `marks` is how
//! many entries are marked, so that the earliest expiry is not looked for where there is none.

mod expiry;
mod removal;
mod search;

use super::counted::{Leaf, NEVER, Spill};
use super::{ARC_HEAD, CHUNK_MAX, roomy, zeroed};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

const HEAD: usize = 32;
/// Live bytes below which a page looks for a neighbour to join.
const SMALL: usize = CHUNK_MAX / 4;
/// Live bytes of two pages that join.
const JOINED_MAX: usize = CHUNK_MAX * 3 / 4;
/// When a new page begins at the end of a full one, one of this many entries of the full page moves to it.
const ALONG: usize = 32;
/// Offsets of narrow pages stay below this; the bit is the mark.
const MARK: usize = 1 << 15;
const WIDE_MARK: u32 = 1 << 31;

/// What the entries of a page are.
pub(crate) trait Shape: Clone + Debug + Default {
    /// What sorts them.
    type Key: Key;
    /// What parts pages.
    type Sep: Clone + Debug;
    /// Entries of equal key stay in one page.
    const GROUPS: bool;
    /// Entries often come in order: a split at an end leaves the full page full.
    const ORDERED: bool;

    /// Bytes of the entry at the start of `bytes`.
    fn extent(bytes: &[u8], mark: bool) -> usize;
    /// The lowest separator that may be left of an entry.
    fn sep(key: Self::Key, entry: &[u8]) -> Self::Sep;
    /// Whether entries may be marked.
    const EXPIRES: bool = false;
    /// The expiry after a marked entry.
    fn expiry(_entry: &[u8]) -> i64 {
        NEVER
    }
}

/// A key in the directory.
pub(crate) trait Key: Copy + PartialEq + Debug {
    const SIZE: usize;
    fn load(bytes: &[u8]) -> Self;
    fn store(self, bytes: &mut [u8]);
    /// About where `self` lies from `first` (0) to `last` (`n`); may be above `n`.
    fn between(self, first: Self, last: Self, n: usize) -> usize;
}

impl Key for u32 {
    const SIZE: usize = 4;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        u32_at(bytes, 0)
    }

    #[inline]
    fn store(self, bytes: &mut [u8]) {
        bytes[..4].copy_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn between(self, first: Self, last: Self, n: usize) -> usize {
        let (above, range) = (self.saturating_sub(first), last.saturating_sub(first));
        let about = (u64::from(above) * n as u64).checked_div(u64::from(range));
        about.unwrap_or(0) as usize
    }
}

impl Key for u64 {
    const SIZE: usize = 8;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        i64_at(bytes, 0) as u64
    }

    #[inline]
    fn store(self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn between(self, first: Self, last: Self, n: usize) -> usize {
        let (above, range) = (self.saturating_sub(first), last.saturating_sub(first));
        let about = (u128::from(above) * n as u128).checked_div(u128::from(range));
        about.unwrap_or(0).min(n as u128) as usize
    }
}

impl Key for f64 {
    const SIZE: usize = 8;

    #[inline]
    fn load(bytes: &[u8]) -> Self {
        f64::from_bits(i64_at(bytes, 0) as u64)
    }

    #[inline]
    fn store(self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.to_le_bytes());
    }

    #[inline]
    fn between(self, first: Self, last: Self, n: usize) -> usize {
        // A fraction that is not a number (all keys equal, infinite scores) becomes 0.
        ((self - first) / (last - first) * n as f64) as usize
    }
}

/// A page.
#[derive(Clone, Debug)]
pub(crate) struct Page<S> {
    buf: Arc<[u8]>,
    shape: PhantomData<S>,
}

/// An entry to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct New<K> {
    pub(crate) key: K,
    /// Bytes.
    pub(crate) len: usize,
    pub(crate) mark: bool,
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

/// How many entries are marked.
#[inline]
fn marks(buf: &[u8]) -> u32 {
    u32_at(buf, 12) >> 8
}

#[inline]
fn set_marks(buf: &mut [u8], n: u32) {
    buf[13..16].copy_from_slice(&n.to_le_bytes()[..3]);
}

#[inline]
fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

impl<S: Shape> Default for Page<S> {
    fn default() -> Self {
        Page::with_capacity(HEAD)
    }
}

impl<S: Shape> Page<S> {
    fn with_capacity(len: usize) -> Self {
        let mut buf = zeroed(len);
        let bytes = Arc::make_mut(&mut buf);
        bytes[12] = (len >= MARK) as u8;
        bytes[16..24].copy_from_slice(&NEVER.to_le_bytes());
        Page {
            buf,
            shape: PhantomData,
        }
    }

    /// Entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        u32_at(&self.buf, 0) as usize
    }

    /// Bytes at the end that entries and garbage take.
    #[inline]
    fn used(&self) -> usize {
        u32_at(&self.buf, 4) as usize
    }

    #[inline]
    fn garbage(&self) -> usize {
        u32_at(&self.buf, 8) as usize
    }

    #[inline]
    fn is_wide(&self) -> bool {
        self.buf[12] != 0
    }

    /// Bytes of a directory entry.
    #[inline]
    fn stride(&self) -> usize {
        S::Key::SIZE + if self.is_wide() { 4 } else { 2 }
    }

    #[inline]
    fn free(&self) -> usize {
        self.buf.len() - HEAD - self.len() * self.stride() - self.used()
    }

    /// Bytes that would be left of the buffer without garbage and free space, the head not counted.
    #[inline]
    fn live(&self) -> usize {
        self.len() * self.stride() + self.used() - self.garbage()
    }

    /// The key of entry `i`.
    #[inline]
    pub(crate) fn key(&self, i: usize) -> S::Key {
        S::Key::load(&self.buf[HEAD + i * self.stride()..])
    }

    /// [`Page::key`], for many of them.
    #[inline]
    pub(crate) fn keys(&self) -> impl Fn(usize) -> S::Key {
        let (stride, directory) = (self.stride(), &self.buf[HEAD..]);
        move |i| S::Key::load(&directory[i * stride..])
    }

    /// The place of entry `i` in the buffer, and its mark.
    #[inline]
    fn place(&self, i: usize) -> (usize, bool) {
        let at = HEAD + i * self.stride() + S::Key::SIZE;
        let (offset, mark) = if self.is_wide() {
            let word = u32_at(&self.buf, at);
            ((word & !WIDE_MARK) as usize, word & WIDE_MARK != 0)
        } else {
            let word = u16::from_le_bytes([self.buf[at], self.buf[at + 1]]) as usize;
            (word & !MARK, word & MARK != 0)
        };
        (self.buf.len() - offset, mark)
    }

    /// Entry `i` (and what follows it), and its mark.
    #[inline]
    pub(crate) fn entry(&self, i: usize) -> (&[u8], bool) {
        let (at, mark) = self.place(i);
        (&self.buf[at..], mark)
    }

    /// Entry `i` to its end.
    #[inline]
    pub(crate) fn whole_entry(&self, i: usize) -> &[u8] {
        let (entry, mark) = self.entry(i);
        &entry[..S::extent(entry, mark)]
    }

    /// Inserts an entry at `i`; `fill` writes its bytes. Entries that no longer fit are moved to `spill`, to be
    /// inserted right of this page.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        i: usize,
        new: New<S::Key>,
        fill: impl FnOnce(&mut [u8]),
        spill: &mut Spill<Self>,
    ) {
        if self.free() < self.stride() + new.len {
            return self.insert_slow(i, new, fill, spill);
        }
        self.insert_here(i, new, fill);
    }

    fn insert_here(&mut self, i: usize, new: New<S::Key>, fill: impl FnOnce(&mut [u8])) {
        let (n, stride) = (self.len(), self.stride());
        let used = self.used() + new.len;
        let buf = Arc::make_mut(&mut self.buf);
        let at = buf.len() - used;
        fill(&mut buf[at..at + new.len]);
        let slot = HEAD + i * stride;
        buf.copy_within(slot..HEAD + n * stride, slot + stride);
        new.key.store(&mut buf[slot..]);
        store_offset(&mut buf[slot + S::Key::SIZE..slot + stride], used, new.mark);
        buf[..4].copy_from_slice(&(n as u32 + 1).to_le_bytes());
        buf[4..8].copy_from_slice(&(used as u32).to_le_bytes());
        if i == n {
            new.key.store(&mut buf[24..]);
        }
        if new.mark {
            let expiry = S::expiry(&buf[at..at + new.len]);
            let min = i64_at(buf, 16).min(expiry);
            buf[16..24].copy_from_slice(&min.to_le_bytes());
            set_marks(buf, marks(buf) + 1);
        }
    }

    #[cold]
    fn insert_slow(
        &mut self,
        i: usize,
        new: New<S::Key>,
        fill: impl FnOnce(&mut [u8]),
        spill: &mut Spill<Self>,
    ) {
        let n = self.len();
        let need = S::Key::SIZE + 2 + new.len;
        if n == 0 || HEAD + self.live() + need <= self.compacted_max() {
            // Room for a few more of the kind, in the allocation's size.
            let len = HEAD + self.live() + need;
            let slack = if n == 0 { 0 } else { len / 6 };
            let len = if len > CHUNK_MAX {
                len + 2
            } else {
                roomy(len + slack).min(CHUNK_MAX)
            };
            *self = self.resized(len);
            return self.insert_here(i, new, fill);
        }
        let group = S::GROUPS && i < n && self.key(i) == new.key;
        if need > CHUNK_MAX / 2 {
            // A large entry has a page of its own.
            let end = if group {
                self.partition_point(|k| k < i || self.key(k) == new.key)
            } else {
                i
            };
            let len = HEAD + self.slice_live(i..end) + need + 2 * (end - i + 1);
            let mut own = self.rebuilt(i..end, len);
            own.insert_here(0, new, fill);
            let right = (end < n).then(|| self.rebuilt_fit(end..n));
            if i == 0 {
                *self = own;
            } else {
                *self = self.rebuilt_fit(0..i);
                spill.push(own);
            }
            spill.extend(right);
            return;
        }
        if S::ORDERED && i == n {
            // A few entries go along: what is taken from this end and put back by turns then changes one page, where it
            // would make and free one each time.
            let stay = n - n / ALONG;
            let mut own = self.rebuilt(stay..n, roomy(CHUNK_MAX / 2));
            if stay < n {
                self.remove_slice(stay..n);
            }
            own.insert_here(n - stay, new, fill);
            spill.push(own);
            return;
        }
        match self.middle() {
            Some(cut) => {
                let mut right = self.rebuilt_fit(cut..n);
                *self = self.rebuilt_fit(0..cut);
                // The halves may have to be parted again.
                if i < cut {
                    self.insert(i, new, fill, spill);
                    spill.push(right);
                } else {
                    let mut more = Spill::<Self>::new();
                    right.insert(i - cut, new, fill, &mut more);
                    spill.push(right);
                    spill.extend(more);
                }
            }
            None => {
                // One group of equal keys, or one entry.
                if group || n > 1 {
                    let len = HEAD + self.slice_live(0..n) + need + 2 * (n + 1);
                    *self = self.rebuilt(0..n, len + len / 8);
                    return self.insert_here(i, new, fill);
                }
                let mut own = Page::with_capacity(roomy(HEAD + need));
                own.insert_here(0, new, fill);
                if i == 0 {
                    std::mem::swap(self, &mut own);
                }
                spill.push(own);
            }
        }
    }

    /// Bytes up to which garbage is taken out to make room. A page with more than that is parted: it would be compacted
    /// again after the next few additions, and by each of them if entries are taken out and put back by turns.
    fn compacted_max(&self) -> usize {
        match self.garbage() {
            0 => CHUNK_MAX,
            _ => CHUNK_MAX - CHUNK_MAX / 32,
        }
    }

    /// Where to part the entries so that both parts have about the same size; `None` if they must
    /// stay together.
    fn middle(&self) -> Option<usize> {
        let n = self.len();
        let half = self.slice_live(0..n) / 2;
        let (mut cut, mut bytes) = (0, 0);
        while cut < n && bytes < half {
            bytes += self.slice_live(cut..cut + 1);
            cut += 1;
        }
        let may =
            |cut: usize| cut > 0 && cut < n && !(S::GROUPS && self.key(cut - 1) == self.key(cut));
        (0..n)
            .flat_map(|d| [cut.wrapping_sub(d), cut + d])
            .find(|&cut| may(cut))
    }

    /// Live bytes of some entries, directory included.
    fn slice_live(&self, range: Range<usize>) -> usize {
        range
            .map(|i| self.whole_entry(i).len() + S::Key::SIZE + 2)
            .sum()
    }

    /// Some of the entries in a buffer that suits them.
    fn rebuilt_fit(&self, range: Range<usize>) -> Self {
        let len = HEAD + self.slice_live(range.clone());
        let wide = if len >= MARK { 2 * range.len() } else { 0 };
        let len = if len >= CHUNK_MAX {
            len + wide
        } else {
            roomy(len + len / 8).min(CHUNK_MAX)
        };
        self.rebuilt(range, len)
    }

    /// Some of the entries in a buffer of `len` bytes.
    fn rebuilt(&self, range: Range<usize>, len: usize) -> Self {
        let mut page = Page::<S>::with_capacity(len);
        let stride = page.stride();
        let buf = Arc::make_mut(&mut page.buf);
        let (mut used, mut marks, mut min) = (0, 0, NEVER);
        for (k, i) in range.clone().enumerate() {
            let (entry, mark) = self.entry(i);
            let entry = &entry[..S::extent(entry, mark)];
            used += entry.len();
            buf[len - used..len - used + entry.len()].copy_from_slice(entry);
            let slot = HEAD + k * stride;
            self.key(i).store(&mut buf[slot..]);
            store_offset(&mut buf[slot + S::Key::SIZE..slot + stride], used, mark);
            if mark {
                marks += 1;
                min = min.min(S::expiry(entry));
            }
        }
        let n = range.len() as u32;
        buf[..4].copy_from_slice(&n.to_le_bytes());
        buf[4..8].copy_from_slice(&(used as u32).to_le_bytes());
        set_marks(buf, marks);
        buf[16..24].copy_from_slice(&min.to_le_bytes());
        if let Some(last) = range.last() {
            self.key(last).store(&mut buf[24..]);
        }
        page
    }

    /// All entries in a buffer of `len` bytes.
    fn resized(&self, len: usize) -> Self {
        if self.garbage() > 0 || self.is_wide() || len >= MARK {
            return self.rebuilt(0..self.len(), len);
        }
        let mut buf = zeroed(len);
        let bytes = Arc::make_mut(&mut buf);
        let (directory, used) = (HEAD + self.len() * self.stride(), self.used());
        bytes[..directory].copy_from_slice(&self.buf[..directory]);
        bytes[len - used..].copy_from_slice(&self.buf[self.buf.len() - used..]);
        Page {
            buf,
            shape: PhantomData,
        }
    }

    /// Removes entry `i`.
    pub(crate) fn remove(&mut self, i: usize) {
        let (n, stride) = (self.len(), self.stride());
        let (entry, mark) = self.entry(i);
        let len = S::extent(entry, mark);
        let earliest = mark && S::expiry(&entry[..len]) == self.min_expire();
        let garbage = self.garbage() + len;
        let buf = Arc::make_mut(&mut self.buf);
        let slot = HEAD + i * stride;
        buf.copy_within(slot + stride..HEAD + n * stride, slot);
        buf[..4].copy_from_slice(&(n as u32 - 1).to_le_bytes());
        buf[8..12].copy_from_slice(&(garbage as u32).to_le_bytes());
        if mark {
            set_marks(buf, marks(buf) - 1);
        }
        if earliest {
            self.find_min();
        }
        self.tidy();
    }

    /// Gives memory back when less than half of it is live.
    fn tidy(&mut self) {
        if 2 * (self.live() + HEAD) + 64 < self.buf.len() {
            *self = self.rebuilt_fit(0..self.len());
        }
    }

    /// Writes other bytes for entry `i`, of the same key.
    pub(crate) fn replace(
        &mut self,
        i: usize,
        new: New<S::Key>,
        fill: impl FnOnce(&mut [u8]),
        spill: &mut Spill<Self>,
    ) {
        let (at, mark) = self.place(i);
        let old = S::extent(&self.buf[at..], mark);
        if old == new.len && !mark && !new.mark {
            let buf = Arc::make_mut(&mut self.buf);
            return fill(&mut buf[at..at + old]);
        }
        // The directory entry is taken out and put back: rarely more than a cache line moves.
        let (n, stride) = (self.len(), self.stride());
        let earliest = mark && S::expiry(&self.buf[at..at + old]) == self.min_expire();
        let garbage = self.garbage() + old;
        let slot = HEAD + i * stride;
        let buf = Arc::make_mut(&mut self.buf);
        buf.copy_within(slot + stride..HEAD + n * stride, slot);
        buf[..4].copy_from_slice(&(n as u32 - 1).to_le_bytes());
        buf[8..12].copy_from_slice(&(garbage as u32).to_le_bytes());
        if mark {
            set_marks(buf, marks(buf) - 1);
        }
        if earliest {
            self.find_min();
        }
        self.insert(i, new, fill, spill);
    }

    /// Rewrites bytes of entry `i` in place: neither size nor mark nor expiry change.
    #[inline]
    pub(crate) fn patch(&mut self, i: usize, at: usize, bytes: &[u8]) {
        let from = self.place(i).0 + at;
        Arc::make_mut(&mut self.buf)[from..from + bytes.len()].copy_from_slice(bytes);
    }

    /// As [`Page::patch`], for the first `len` bytes of the entry.
    #[inline]
    pub(crate) fn rewrite(&mut self, i: usize, len: usize, fill: impl FnOnce(&mut [u8])) {
        let from = self.place(i).0;
        fill(&mut Arc::make_mut(&mut self.buf)[from..from + len]);
    }

    /// A page of sorted entries, filled until `next` gives no more or the page has its size. `next`
    /// yields (key, entry, mark) and is asked to keep what did not fit.
    pub(crate) fn fill<'a>(
        entries: &mut std::iter::Peekable<impl Iterator<Item = (S::Key, &'a [u8], bool)>>,
    ) -> Self {
        let mut batch: Vec<(S::Key, &[u8], bool)> = Vec::new();
        let mut len = HEAD;
        while let Some(&(key, entry, mark)) = entries.peek() {
            let need = entry.len() + S::Key::SIZE + 2;
            let grouped = S::GROUPS && batch.last().is_some_and(|&(last, ..)| last == key);
            // A little is left free, for the next entries not to split every page.
            if !batch.is_empty() && !grouped && len + need > CHUNK_MAX * 15 / 16 {
                break;
            }
            len += need;
            batch.push((key, entry, mark));
            entries.next();
        }
        let wide = if len + 2 * batch.len() >= MARK {
            2 * batch.len()
        } else {
            0
        };
        let len = if len > CHUNK_MAX {
            len + wide
        } else {
            roomy(len).min(CHUNK_MAX)
        };
        let mut page = Page::with_capacity(len);
        for (i, (key, entry, mark)) in batch.into_iter().enumerate() {
            page.insert_here(
                i,
                New {
                    key,
                    len: entry.len(),
                    mark,
                },
                |out| out.copy_from_slice(entry),
            );
        }
        page
    }

    /// Where its bytes are: another place after they were copied.
    #[cfg(test)]
    pub(crate) fn address(&self) -> usize {
        self.buf.as_ptr() as usize
    }

    /// Checks what the module's head says.
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let live: usize = (0..self.len()).map(|i| self.whole_entry(i).len()).sum();
        assert_eq!(live, self.used() - self.garbage());
        assert!(HEAD + self.len() * self.stride() + self.used() <= self.buf.len());
        let marked = (0..self.len()).filter(|&i| self.place(i).1);
        let min = marked
            .map(|i| S::expiry(self.whole_entry(i)))
            .min()
            .unwrap_or(NEVER);
        assert_eq!(min, self.min_expire());
        let marked = (0..self.len()).filter(|&i| self.place(i).1).count();
        assert_eq!(marked, marks(&self.buf) as usize);
        assert!(self.buf.len() <= CHUNK_MAX || self.len() == 1 || S::GROUPS);
    }
}

#[inline]
fn store_offset(out: &mut [u8], offset: usize, mark: bool) {
    if out.len() == 2 {
        let word = offset | if mark { MARK } else { 0 };
        out.copy_from_slice(&(word as u16).to_le_bytes());
    } else {
        let word = offset as u32 | if mark { WIDE_MARK } else { 0 };
        out.copy_from_slice(&word.to_le_bytes());
    }
}

impl<S: Shape> Leaf for Page<S> {
    type Sep = S::Sep;

    const EXPIRES: bool = S::EXPIRES;

    #[inline]
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn heap(&self) -> usize {
        self.buf.len() + ARC_HEAD
    }

    #[inline]
    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.buf) > 1
    }

    fn sep(&self) -> S::Sep {
        S::sep(self.key(0), self.whole_entry(0))
    }

    #[inline]
    fn is_small(&self) -> bool {
        // Not at each removal: the neighbours' heads are cache misses.
        self.live() < SMALL && self.len().is_multiple_of(8)
    }

    fn join(&self, right: &Self) -> Option<Self> {
        let live = self.live() + right.live();
        if live > JOINED_MAX {
            return None;
        }
        let len = HEAD + live;
        let mut both = self.rebuilt(0..self.len(), roomy(len + len / 8).min(CHUNK_MAX));
        for i in 0..right.len() {
            let mark = right.place(i).1;
            let entry = right.whole_entry(i);
            let new = New {
                key: right.key(i),
                len: entry.len(),
                mark,
            };
            both.insert_here(both.len(), new, |out| out.copy_from_slice(entry));
        }
        Some(both)
    }

    #[inline]
    fn min_expire(&self) -> i64 {
        i64_at(&self.buf, 16)
    }
}
