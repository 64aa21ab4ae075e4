//! Changing a listpack in place, and building one from elements.
//!
//! A listpack that is edited has a `Vec` of its own. Offsets are byte offsets of elements (or of the end mark, where
//! something is inserted at the end); every function keeps the header right.

use super::{COUNT_UNKNOWN, EMPTY, END, HEADER_LEN, Item, count_field, encode, entry_at};

/// Builds a listpack element by element.
#[derive(Debug, Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    count: usize,
}

impl Builder {
    /// An empty one.
    pub fn new() -> Self {
        Builder {
            bytes: EMPTY[..HEADER_LEN].to_vec(),
            count: 0,
        }
    }

    /// Appends an element.
    #[inline]
    pub fn push(&mut self, item: Item<'_>) {
        encode(&item, &mut self.bytes);
        self.count += 1;
    }

    /// Appends a string, as an integer if it is one.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.push(Item::of(bytes));
    }

    /// Elements so far.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Size in bytes when finished now.
    pub fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Whether there are no elements yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The listpack; the builder is empty again and keeps its memory.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        set_header(&mut self.bytes, self.count);
        &self.bytes
    }

    /// Starts over.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER_LEN);
        self.count = 0;
    }

    /// The listpack.
    pub fn into_vec(mut self) -> Vec<u8> {
        self.finish();
        self.bytes
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

/// Appends `item` at the end.
#[inline]
pub fn append(lp: &mut Vec<u8>, item: Item<'_>) {
    lp.pop();
    encode(&item, lp);
    lp.push(END);
    grow_count(lp, 1);
}

/// Appends several elements at the end.
pub fn extend<'a>(lp: &mut Vec<u8>, items: impl IntoIterator<Item = Item<'a>>) {
    lp.pop();
    let mut count = 0;
    for item in items {
        encode(&item, lp);
        count += 1;
    }
    lp.push(END);
    grow_count(lp, count);
}

/// Inserts `item` before the element at `at` (the offset of the end mark appends).
pub fn insert(lp: &mut Vec<u8>, at: usize, item: Item<'_>) {
    splice(lp, at, 0, Some(item));
    grow_count(lp, 1);
}

/// Puts `item` in the place of the element at `at`; the offset of what follows it.
pub fn replace(lp: &mut Vec<u8>, at: usize, item: Item<'_>) -> usize {
    // Counts and flags of streams mostly keep their size.
    match (lp.get(at), item) {
        (Some(0..=0x7f), Item::Int(n @ 0..=127)) => {
            lp[at] = n as u8;
            return at + 2;
        }
        (Some(0xc0..=0xdf), Item::Int(n @ 128..=4095)) if at + 1 < lp.len() => {
            lp[at] = 0xc0 | (n >> 8) as u8;
            lp[at + 1] = n as u8;
            return at + 3;
        }
        _ => {}
    }
    let Some(entry) = entry_at(lp, at) else {
        return at;
    };
    let old = entry.next - at;
    let after = at + splice(lp, at, old, Some(item));
    set_total(lp);
    after
}

/// Deletes `n` elements from the one at `at` on; returns how many there were to delete.
pub fn delete(lp: &mut Vec<u8>, at: usize, n: usize) -> usize {
    let (mut end, mut gone) = (at, 0);
    let last = lp.len().saturating_sub(1);
    while gone < n && end < last {
        let Some(next) = super::skip(lp, end).filter(|&next| next <= last) else {
            break;
        };
        end = next;
        gone += 1;
    }
    if gone > 0 {
        splice(lp, at, end - at, None);
        shrink_count(lp, gone);
    }
    gone
}

/// Counts the elements and writes the count into the header.
pub fn fix_count(lp: &mut [u8]) {
    let count = super::Iter::new(lp).count();
    set_header(lp, count);
}

/// Replaces `old` bytes at `at` by the encoding of `item`; the size of that encoding.
fn splice(lp: &mut Vec<u8>, at: usize, old: usize, item: Option<Item<'_>>) -> usize {
    debug_assert!(at >= HEADER_LEN && at + old < lp.len());
    let Some(item) = item else {
        lp.drain(at..at + old);
        return 0;
    };
    let new = super::encoded_size(&item);
    let tail = at + old;
    let len = lp.len();
    if new > old {
        lp.resize(len + new - old, 0);
    }
    if new != old {
        lp.copy_within(tail..len, at + new);
        lp.truncate(len + new - old);
    }
    // The encoder appends: it writes after the end, and the element is then moved into the gap.
    let end = lp.len();
    encode(&item, lp);
    lp.copy_within(end.., at);
    lp.truncate(end);
    new
}

fn set_total(lp: &mut [u8]) {
    let total = (lp.len() as u32).to_le_bytes();
    lp[..4].copy_from_slice(&total);
}

fn set_header(lp: &mut [u8], count: usize) {
    set_total(lp);
    let count = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
    lp[4..6].copy_from_slice(&count.to_le_bytes());
}

fn grow_count(lp: &mut [u8], by: usize) {
    match count_field(lp) {
        COUNT_UNKNOWN => set_total(lp),
        n => set_header(lp, n as usize + by),
    }
}

fn shrink_count(lp: &mut [u8], by: usize) {
    match count_field(lp) {
        // The true count may fit again; it is right to leave it unknown.
        COUNT_UNKNOWN => set_total(lp),
        n => set_header(lp, (n as usize).saturating_sub(by)),
    }
}
