//! The parts of a directory: entries, and nodes of entries.
//!
//! An entry is a pointer whose upper 16 bits are used as well, so that a look-up goes from it straight to the right
//! cache line of the segment.

use super::heap::Extent;
use super::segment::{GROUPS_MAX, Segment, SegmentMut};
use std::ptr::NonNull;

/// An entry of a node is 0; or a segment: address | (units - 1) << 48 | groups << 56 | chained << 62; or a node:
/// address | bits << 48 | fixed << 56 | 1 << 63.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u64);

const NODE: u64 = 1 << 63;
const FIXED: u64 = 1 << 56;
const CHAINED: u64 = 1 << 62;

#[derive(Clone, Copy)]
pub(super) struct Node {
    entries: NonNull<Entry>,
    pub bits: u8,
    /// It may hold nodes, so it cannot be doubled: a node has only one entry that leads to it.
    pub fixed: bool,
}

impl Entry {
    /// That of an empty directory, and of what the last segment of a chain is followed by.
    pub const NONE: Entry = Entry(0);

    /// As the header of a segment holds it.
    #[inline(always)]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// # Safety
    /// The bytes come from [`Entry::to_bytes`], or are zero. (An entry can be followed only by `unsafe` functions; but
    /// those ask for an entry of the directory, not for any number.)
    #[inline(always)]
    pub unsafe fn from_bytes(bytes: [u8; 8]) -> Entry {
        Entry(u64::from_le_bytes(bytes))
    }

    /// The extent of a segment, to be freed, changed in length or compared.
    ///
    /// # Safety
    /// The entry is that of a segment, and its directory uses no other handle of the extent: the caller has replaced
    /// the entry, or replaces it before anything else is looked up.
    pub unsafe fn extent(self) -> Extent {
        // SAFETY: `of_segment` made the entry from a handle, and the caller says that no other one is in use.
        unsafe { Extent::from_raw(self.0) }
    }

    /// True for a segment at this address.
    pub fn is_at(self, address: u64) -> bool {
        self.0 & ((1 << 48) - 1) == address
    }

    /// The same segment, with or without others after it.
    pub fn chained(self, chained: bool) -> Entry {
        Entry(self.0 & !CHAINED | if chained { CHAINED } else { 0 })
    }

    #[inline(always)]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub fn node(self) -> Option<Node> {
        if self.0 & NODE == 0 {
            return None;
        }
        let address = (self.0 & ((1 << 48) - 1)) as usize;
        let entries = NonNull::new(std::ptr::with_exposed_provenance_mut(address));
        Some(Node {
            entries: entries.expect("a node is never at 0"),
            bits: (self.0 >> 48) as u8,
            fixed: self.0 & FIXED != 0,
        })
    }

    #[inline(always)]
    pub fn is_chained(self) -> bool {
        self.0 & CHAINED != 0
    }

    #[inline(always)]
    pub fn groups(self) -> usize {
        (self.0 >> 56 & 0x3f) as usize
    }

    /// # Safety
    /// The entry is that of a segment, borrowed from its directory for `'a`.
    #[inline(always)]
    pub unsafe fn segment<'a>(self) -> Segment<'a> {
        // SAFETY: `of_segment` put the handle of the extent and the number of its groups here. The directory owns the
        // extent for as long as it has the entry, which the caller borrows; the handle made here is not freed.
        unsafe {
            let extent = Extent::from_raw(self.0);
            let bytes = std::slice::from_raw_parts(extent.bytes().as_ptr(), extent.len());
            Segment::new(bytes, self.groups())
        }
    }

    /// # Safety
    /// As [`Entry::segment`], borrowed exclusively.
    #[inline(always)]
    pub unsafe fn segment_mut<'a>(self) -> SegmentMut<'a> {
        // SAFETY: `of_segment` put the handle of the extent and the number of its groups here. The directory owns the
        // extent for as long as it has the entry, which the caller borrows exclusively; the handle is not freed.
        unsafe {
            let mut extent = Extent::from_raw(self.0);
            let bytes =
                std::slice::from_raw_parts_mut(extent.bytes_mut().as_mut_ptr(), extent.len());
            SegmentMut::new(bytes, self.groups())
        }
    }

    /// The entry of the segment in an extent, which has this many groups.
    pub fn of_segment(extent: Extent, groups: usize, chained: bool) -> Entry {
        assert!(groups <= GROUPS_MAX, "no entry says {groups} groups");
        Entry(extent.into_raw() | (groups as u64) << 56 | if chained { CHAINED } else { 0 })
    }
}

impl Node {
    pub fn new(entries: Vec<Entry>) -> Node {
        let bits = entries.len().trailing_zeros() as u8;
        debug_assert_eq!(entries.len(), 1 << bits);
        let entries = Box::into_raw(entries.into_boxed_slice()).cast::<Entry>();
        Node {
            entries: NonNull::new(entries).expect("a box is never null"),
            bits,
            fixed: false,
        }
    }

    pub fn entry(self) -> Entry {
        let address = self.entries.as_ptr().expose_provenance() as u64;
        let fixed = if self.fixed { FIXED } else { 0 };
        Entry(address | (self.bits as u64) << 48 | fixed | NODE)
    }

    #[inline(always)]
    pub fn len(self) -> usize {
        1 << self.bits
    }

    #[inline(always)]
    pub fn index(self, hash: u64, before: u8) -> usize {
        // `before` is below 64: a node uses at least one bit.
        ((hash << before) >> (64 - self.bits as u32)) as usize
    }

    /// # Safety
    /// The node is borrowed from its directory for `'a`.
    #[inline(always)]
    pub unsafe fn entries<'a>(self) -> &'a [Entry] {
        // SAFETY: `new` made the node from a boxed slice of `len` entries, which is its directory's until `free`; the
        // caller borrows the directory.
        unsafe { std::slice::from_raw_parts(self.entries.as_ptr(), self.len()) }
    }

    /// # Safety
    /// As [`Node::entries`], borrowed exclusively.
    pub unsafe fn entries_mut<'a>(self) -> &'a mut [Entry] {
        // SAFETY: `new` made the node from a boxed slice of `len` entries, which is its directory's until `free`; the
        // caller borrows the directory exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.entries.as_ptr(), self.len()) }
    }

    /// True for the same node, whatever has become of its bits.
    pub fn is(self, other: Node) -> bool {
        self.entries == other.entries
    }

    /// # Safety
    /// The node is not used again.
    pub unsafe fn free(self) {
        let entries = std::ptr::slice_from_raw_parts_mut(self.entries.as_ptr(), self.len());
        // SAFETY: made by `new` from a box of this length, and given up by the caller.
        drop(unsafe { Box::from_raw(entries) });
    }
}

/// Frees the nodes below an entry.
///
/// # Safety
/// The directory of the entry uses no node again.
pub(super) unsafe fn free_nodes(entry: Entry) {
    if let Some(node) = entry.node() {
        // SAFETY: the caller gives all nodes up; each is reached once, since the directory has only one entry for each
        // node.
        unsafe {
            node.entries().iter().for_each(|&entry| free_nodes(entry));
            node.free();
        }
    }
}

/// Asks for the cache lines of some bytes, or for the first few if there are many; a hint, with no effect on what the
/// program computes.
#[inline]
pub fn prefetch_bytes(bytes: &[u8]) {
    /// Bytes of a cache line.
    const LINE: usize = 64;
    const LINES_MAX: usize = 4;
    let first = &bytes[..bytes.len().min(LINES_MAX * LINE)];
    first
        .chunks(LINE)
        .for_each(|chunk| prefetch(chunk.as_ptr()));
    if let Some(last) = first.last() {
        prefetch(last);
    }
}

/// Asks for the cache line in which an item begins; a hint, with no effect on what the program computes.
#[inline(always)]
pub fn prefetch_item<T>(item: &T) {
    prefetch(std::ptr::from_ref(item).cast());
}

/// Asks for a cache line; a hint, with no effect on what the program computes.
#[inline(always)]
pub(crate) fn prefetch(line: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and faults on nothing; SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch reads nothing and faults on nothing.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{line}]", line = in(reg) line, options(nostack, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = line;
}
