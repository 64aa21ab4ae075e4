//! Arrays: elements by index, most of which may be missing.
//!
//! | form | encoding | RDB type | layout |
//! |---|---|---|---|
//! | the only one | `sliced-array` | 28 | a tree by index |
//!
//! An array remembers where its last element was inserted, for commands that continue from there.

use super::plain::Out;
use crate::Item;
use crate::tree::sparse::{Builder, Sparse};
use rdb::walk::{self, Bufs};
use rdb::{RdbError, array, lzf};
use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::AtomicU64;

/// The highest index that an element may have.
pub const INDEX_MAX: u64 = u64::MAX - 1;

/// An array, owned.
#[derive(Clone, Debug, Default)]
pub struct Array {
    elements: Sparse,
    inserted: Option<u64>,
}

/// An array as a reader sees it.
#[derive(Debug)]
pub struct ArrayRef<'a>(Cow<'a, Array>);

impl Array {
    /// An empty array.
    pub fn new() -> Self {
        Self::default()
    }

    /// From checked bytes of type 28.
    ///
    /// # Panics
    /// If they are not.
    pub(super) fn from_record(bytes: &[u8]) -> Self {
        let mut elements = Builder::default();
        let inserted = walk::array(bytes, &mut Bufs::default(), |index, element| {
            element.with(|text| elements.push(index, text));
            Ok::<(), RdbError>(())
        });
        Array {
            elements: elements.build(),
            inserted: inserted.expect("a held array is sound"),
        }
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> ArrayRef<'_> {
        ArrayRef(Cow::Borrowed(self))
    }

    /// Number of elements.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the view has it")]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Stores an element at an index, which is at most [`INDEX_MAX`]. Returns true if there was none.
    pub fn set(&mut self, index: u64, element: &[u8]) -> bool {
        self.elements.set(index, element)
    }

    /// Removes the element at an index; true if there was one.
    pub fn remove(&mut self, index: u64) -> bool {
        self.elements.remove(index)
    }

    /// Removes the elements of a range of indices; how many there were.
    pub fn remove_range(&mut self, range: RangeInclusive<u64>) -> usize {
        let ranks = self.ranks(range);
        let gone = ranks.len();
        if gone > 0 {
            self.elements.remove_range(ranks);
        }
        gone
    }

    /// Sets where the last element was inserted.
    pub fn set_inserted(&mut self, index: Option<u64>) {
        self.inserted = index;
    }

    /// Leaves these elements alone, at the indices from 0 on, the last of them as the one that was inserted last.
    pub fn keep_only(&mut self, elements: &[Vec<u8>]) {
        let mut kept = Builder::default();
        for (index, element) in (0..).zip(elements) {
            kept.push(index, element);
        }
        self.elements = kept.build();
        self.inserted = (elements.len() as u64).checked_sub(1);
    }

    /// The ranks of the elements of a range of indices.
    fn ranks(&self, range: RangeInclusive<u64>) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        let from = self.elements.rank(*range.start());
        let to = match range.end().checked_add(1) {
            Some(end) => self.elements.rank(end),
            None => self.elements.len(),
        };
        from..to
    }

    fn write(&self, mut packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        self.write_head(out);
        for (index, element) in self.elements.range(0..self.len()) {
            array::encode_element(index, element, packer.as_deref_mut(), out.buf());
            out.spill();
        }
    }

    /// Writes the array, and releases each part after it was written.
    pub(super) fn leave(
        self,
        mut packer: Option<&mut lzf::Packer>,
        out: &mut Out<'_>,
        freed: &AtomicU64,
    ) {
        self.write_head(out);
        self.elements.drain(freed, |index, element| {
            array::encode_element(index, element, packer.as_deref_mut(), out.buf());
            out.spill();
        });
    }

    fn write_head(&self, out: &mut Out<'_>) {
        array::encode_head(self.len() as u64, self.inserted, out.buf());
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.elements.heap()
    }

    pub(super) fn free_effort(&self) -> usize {
        super::plain::free_effort(self.elements.heap())
    }
}

impl<'a> ArrayRef<'a> {
    pub(super) fn from_record(bytes: &'a [u8]) -> Self {
        ArrayRef(Cow::Owned(Array::from_record(bytes)))
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more than the highest index that has an element.
    pub fn end(&self) -> u64 {
        self.0.elements.last_index().map_or(0, |last| last + 1)
    }

    /// The element at an index.
    pub fn get(&self, index: u64) -> Option<Item<'_>> {
        self.0.elements.get(index)
    }

    /// Where the last element was inserted.
    pub fn inserted(&self) -> Option<u64> {
        self.0.inserted
    }

    /// How many elements a range of indices has.
    pub fn count(&self, range: RangeInclusive<u64>) -> usize {
        self.0.ranks(range).len()
    }

    /// The elements of a range of indices, in order.
    pub fn range(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = (u64, Item<'_>)> {
        self.0.elements.range(self.0.ranks(range))
    }

    /// The elements of a range of indices, from the last to the first.
    pub fn range_rev(&self, range: RangeInclusive<u64>) -> impl Iterator<Item = (u64, Item<'_>)> {
        self.0.elements.range_rev(self.0.ranks(range))
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Item<'_>)> {
        self.range(0..=INDEX_MAX)
    }

    pub(super) fn write(&self, packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        self.0.write(packer, out);
    }
}
