//! From a hash to its segment: a tree of small extendible directories.
//!
//! ```text
//! root -> entry -> segment                                 one segment
//! root -> node of 2^b entries -> segments                  up to b = 12
//!                             -> nodes -> segments         where a node of 4096 entries is not enough
//! ```
//!
//! A node uses the next b bits of the hash, from the top. A segment whose `depth` is less than the bits used up to
//! and including its node is named by several neighbouring entries of that node, never by entries of two nodes. Nodes
//! are bounded, so the largest step of growth is a copy of 32 KB, and keys that collide in their top bits make a
//! narrow tree, not a huge directory. 48 bits deep, segments are chained.
//!
//! Invariants:
//!  * An entry is 0 only in the root of an empty directory.
//!  * Each segment's extent is owned by its entries (all equal) or by the `next` of the segment before
//!    it in a chain, and by nothing else; so `&self` may read and `&mut self` may change it.

use super::heap::{EXTENT_MAX, Heap, Kind};
use super::node::{Entry, Node, free_nodes, prefetch};
use super::reshape::new_segment;
use super::segment::{self, Segment, SegmentMut};
use crate::Hasher;

/// The segments of one database.
pub struct Directory {
    pub(super) root: Entry,
    pub(super) heap: Heap,
    pub(super) hasher: Hasher,
    /// Bytes of nodes.
    pub(super) node_bytes: usize,
    pub(super) segments: usize,
    /// The hashes that belong here: those whose top `base` bits are `prefix`'s. All of them, except in
    /// a part of a directory that is still being built.
    pub(super) prefix: u64,
    pub(super) base: u8,
}

// SAFETY: entries are the only pointers to segments and nodes, and move with the directory.
unsafe impl Send for Directory {}

/// The place of an entry in the directory.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// `None` for the root.
    pub node: Option<Node>,
    pub index: usize,
    /// Bits of the hash used before this node.
    pub before: u8,
}

/// The hash with which the segment after the one of `prefix` and `depth` begins; `None` at the end.
#[inline]
pub fn after(prefix: u64, depth: u8) -> Option<u64> {
    match depth {
        0 => None,
        _ => prefix.checked_add(1 << (64 - depth as u32)),
    }
}

impl Directory {
    /// Without segments.
    pub fn new(hasher: Hasher) -> Self {
        Directory::of_prefix(hasher, 0, 0)
    }

    /// Without segments, for the hashes whose top `base` bits are those of `prefix`.
    pub(crate) fn of_prefix(hasher: Hasher, prefix: u64, base: u8) -> Self {
        Directory {
            root: Entry::NONE,
            heap: Heap::new(),
            hasher,
            node_bytes: 0,
            segments: 0,
            prefix,
            base,
        }
    }

    /// The hash function.
    #[inline]
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The heap, to ask it how large it is.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// Bytes of nodes.
    pub fn node_bytes(&self) -> usize {
        self.node_bytes
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// True if there are no segments.
    pub fn is_vacant(&self) -> bool {
        self.root.is_none()
    }

    #[inline(always)]
    pub(super) fn entry(&self, hash: u64) -> Entry {
        let (mut entry, mut before) = (self.root, self.base);
        while let Some(node) = entry.node() {
            // SAFETY: a node of this directory, borrowed with it; the index has `bits` bits.
            entry = unsafe { *node.entries().get_unchecked(node.index(hash, before)) };
            before += node.bits;
        }
        entry
    }

    /// The segment (the first of a chain) for a hash; `None` in an empty directory.
    #[inline]
    pub fn segment(&self, hash: u64) -> Option<Segment<'_>> {
        let entry = self.entry(hash);
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        (!entry.is_none()).then(|| unsafe { entry.segment() })
    }

    /// A segment further down the chain; `None` after its end.
    #[inline]
    pub fn link(&self, hash: u64, link: usize) -> Option<Segment<'_>> {
        let entry = self.link_entry(hash, link)?;
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        Some(unsafe { entry.segment() })
    }

    /// As [`Directory::link`], to be changed.
    #[inline]
    pub fn link_mut(&mut self, hash: u64, link: usize) -> Option<SegmentMut<'_>> {
        let entry = self.link_entry(hash, link)?;
        // SAFETY: an entry of this directory, borrowed exclusively with it; no other entry leads to the segment.
        Some(unsafe { entry.segment_mut() })
    }

    /// True when more than one segment serves these hashes.
    #[inline]
    pub fn is_chained(&self, hash: u64) -> bool {
        self.entry(hash).is_chained()
    }

    #[inline(always)]
    pub(super) fn link_entry(&self, hash: u64, link: usize) -> Option<Entry> {
        let entry = self.entry(hash);
        if link == 0 {
            return (!entry.is_none()).then_some(entry);
        }
        self.chained_entry(entry, link)
    }

    #[cold]
    fn chained_entry(&self, mut entry: Entry, link: usize) -> Option<Entry> {
        for _ in 0..link {
            if entry.is_none() {
                return None;
            }
            // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
            entry = unsafe { entry.segment() }.next();
        }
        (!entry.is_none()).then_some(entry)
    }

    /// Finds a key: (link, slot).
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<(usize, usize)> {
        let entry = self.entry(hash);
        if entry.is_none() {
            return None;
        }
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        if let Some(slot) = unsafe { entry.segment() }.find(hash, key) {
            return Some((0, slot));
        }
        if entry.is_chained() {
            self.find_chained(hash, key)
        } else {
            None
        }
    }

    #[cold]
    fn find_chained(&self, hash: u64, key: &[u8]) -> Option<(usize, usize)> {
        let links = (1..).map_while(|link| Some((link, self.link(hash, link)?)));
        links
            .into_iter()
            .find_map(|(link, s)| Some((link, s.find(hash, key)?)))
    }

    /// Prefetches the home group of a hash: its slots and their heat.
    #[inline]
    pub fn prefetch_slots(&self, hash: u64) {
        let entry = self.entry(hash);
        if !entry.is_none() {
            // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
            let slots = unsafe { entry.segment() }.slots();
            prefetch(slots.home_line(hash));
            prefetch(slots.home_heats(hash));
        }
    }

    /// Prefetches the record that a hash most likely has, or the place where it would be written. This works best once
    /// the home group has arrived.
    #[inline]
    pub fn prefetch_record(&self, hash: u64) {
        let entry = self.entry(hash);
        if entry.is_none() {
            return;
        }
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let segment = unsafe { entry.segment() };
        match segment.slots().likely_offset(hash) {
            Some(offset) => prefetch(segment.records()[offset..].as_ptr()),
            None => self.prefetch_end(hash),
        }
    }

    /// Prefetches the place of a segment's next record; this works best after its header has been fetched.
    #[inline]
    pub(crate) fn prefetch_end(&self, hash: u64) {
        if let Some(segment) = self.segment(hash) {
            let end = segment.records().get(segment.used() as usize..);
            let start = end.map_or(std::ptr::null(), |end| end.as_ptr());
            prefetch(start);
            // Half of the short records reach into the next line.
            prefetch(start.wrapping_add(48));
        }
    }

    /// Creates the first segment of an empty directory.
    pub fn init(&mut self, walked: u32) {
        debug_assert!(self.root.is_none());
        let bytes = segment::bytes_for(FIRST_GROUPS, ALONE_FROM);
        let extent = self.heap.alloc(bytes, Kind::Segment);
        self.root = new_segment(extent, FIRST_GROUPS, self.prefix, self.base, walked);
        self.segments += 1;
    }

    /// Lengthens a segment's extent in place, to hold `records` bytes of records. False if it would have to move.
    pub fn grow(&mut self, hash: u64, link: usize, records: usize) -> bool {
        let entry = self.link_entry(hash, link).expect("the segment exists");
        // SAFETY: the entry owns the extent; the handle replaces it below.
        let mut extent = unsafe { entry.extent() };
        let grown = self
            .heap
            .grow(&mut extent, segment::bytes_for(entry.groups(), records));
        if grown {
            let new = Entry::of_segment(extent, entry.groups(), entry.is_chained());
            self.replace(hash, link, new);
        }
        grown
    }

    /// Moves a segment to an extent with `groups` groups and room for `records` bytes of records.
    /// Offsets stay valid unless `compact`.
    pub fn rebuild(
        &mut self,
        hash: u64,
        link: usize,
        groups: usize,
        records: usize,
        compact: bool,
    ) {
        let entry = self.link_entry(hash, link).expect("the segment exists");
        let bytes = segment::bytes_for(groups, records);
        let mut extent = self.heap.alloc(bytes.min(EXTENT_MAX), Kind::Segment);
        // SAFETY: an entry of this directory, borrowed with it; the extent is freed only when no one reads it any more.
        let old = unsafe { entry.segment() };
        let mut new = SegmentMut::init(extent.bytes_mut(), groups, 0, 0);
        new.copy_from(old, &self.hasher, compact);
        self.replace(
            hash,
            link,
            Entry::of_segment(extent, groups, entry.is_chained()),
        );
        // SAFETY: no entry refers to the old extent any more.
        self.heap.free(unsafe { entry.extent() });
    }

    /// Moves all segments to `target`, close together and in order; returns the heap that they leave,
    /// empty. If there is no memory for that, they stay where they are.
    pub(crate) fn pack(&mut self, mut target: Heap) -> Heap {
        if !target.prepare(self.heap.used_bytes()) {
            return target;
        }
        let end = after(self.prefix, self.base);
        let mut at = Some(self.prefix);
        while let Some(hash) = at.filter(|_| at != end) {
            at = None;
            let mut link = 0;
            while let Some(entry) = self.link_entry(hash, link) {
                // SAFETY: an entry of this directory, borrowed with it; its extent is freed with the old heap, after
                // the walk.
                let old = unsafe { entry.segment() };
                at = after(old.prefix(), old.depth());
                let groups = entry.groups();
                let bytes = segment::bytes_for(groups, room_for(groups, old.live(), 0, false));
                let mut extent = target.alloc(bytes, Kind::Segment);
                let mut new = SegmentMut::init(extent.bytes_mut(), groups, 0, 0);
                new.copy_from(old, &self.hasher, old.garbage() > 0);
                let new = Entry::of_segment(extent, groups, entry.is_chained());
                self.replace(hash, link, new);
                link += 1;
            }
        }
        std::mem::swap(&mut self.heap, &mut target);
        self.heap.give_empty_back();
        // SAFETY: every segment has been moved out of it.
        unsafe { target.free_all() };
        target
    }

    /// See [`Heap::drain_worst`].
    pub fn drain_worst(&mut self, least: usize) -> Option<u32> {
        self.heap.drain_worst(least)
    }

    /// See [`Heap::keep`].
    pub fn keep(&mut self, region: u32) {
        self.heap.keep(region);
    }

    /// See [`Heap::purge`].
    pub fn purge(&mut self, regions: usize, calls: usize) -> (usize, usize) {
        self.heap.purge(regions, calls)
    }

    /// The next extent of a region: its kind, a hash of its owner, its address, and the unit from which to continue.
    pub fn extent_in(&self, region: u32, unit: usize) -> Option<(Kind, u64, u64, usize)> {
        let (kind, first, address, next) = self.heap.extent_in(region, unit)?;
        let hash = u64::from_le_bytes(first[..8].try_into().expect("8 bytes"));
        Some((kind, hash, address, next))
    }

    /// Moves the segment at `address` elsewhere without changing it; gives the number of bytes moved.
    pub fn relocate(&mut self, hash: u64, address: u64) -> usize {
        let links = (0..).map_while(|link| Some((link, self.link_entry(hash, link)?)));
        let is_it = |(_, entry): &(usize, Entry)| entry.is_at(address);
        let (link, entry) = links
            .into_iter()
            .find(is_it)
            .expect("an extent says who owns it");
        // SAFETY: the entry owns the extent; it is replaced below.
        let old = unsafe { entry.extent() };
        let mut new = self.heap.alloc(old.len(), Kind::Segment);
        new.bytes_mut()[..old.len()].copy_from_slice(old.bytes());
        self.replace(
            hash,
            link,
            Entry::of_segment(new, entry.groups(), entry.is_chained()),
        );
        let moved = old.len();
        self.heap.free(old);
        moved
    }

    pub(super) fn spot(&self, hash: u64) -> (Entry, Spot) {
        let mut spot = Spot {
            node: None,
            index: 0,
            before: self.base,
        };
        let mut entry = self.root;
        while let Some(node) = entry.node() {
            let before = spot.before + spot.node.map_or(0, |n| n.bits);
            let index = node.index(hash, before);
            spot = Spot {
                node: Some(node),
                index,
                before,
            };
            // SAFETY: a node of this directory, borrowed with it.
            entry = unsafe { node.entries()[index] };
        }
        (entry, spot)
    }

    pub(super) fn put(&mut self, spot: Spot, entry: Entry) {
        match spot.node {
            None => self.root = entry,
            // SAFETY: a node of this directory, borrowed exclusively with it.
            Some(node) => unsafe { node.entries_mut()[spot.index] = entry },
        }
    }

    /// Replaces all entries of a segment by another entry.
    pub(super) fn replace(&mut self, hash: u64, link: usize, new: Entry) {
        if let Some(before) = link.checked_sub(1) {
            let before = self
                .link_entry(hash, before)
                .expect("the segment before it exists");
            // SAFETY: an entry of this directory, borrowed exclusively with it; no other entry leads to the segment.
            return unsafe { before.segment_mut() }.set_next(new);
        }
        let (_, spot) = self.spot(hash);
        let Some(node) = spot.node else {
            self.root = new;
            return;
        };
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let depth = unsafe { new.segment() }.depth();
        let span = 1 << (spot.before + node.bits - depth);
        let start = spot.index & !(span - 1);
        // SAFETY: a node of this directory, borrowed exclusively with it.
        unsafe { node.entries_mut()[start..start + span].fill(new) };
    }
}

/// Slack of the only segment of a directory: at least, and at most.
const ALONE_FROM: usize = 1 << 10;
pub const ALONE_SLACK: usize = 8 << 10;
/// Groups of the first segment.
const FIRST_GROUPS: usize = 2;

/// Bytes to reserve for `live` bytes of records and `more` that are about to be added: with a sixteenth of slack, so
/// that not every insertion moves the segment, and without room for part of a record, assuming that the next ones are
/// as long as the one that is added. A segment that is alone has more slack: it is little beside what a server needs
/// without keys, and otherwise each change of a few small values would move all of them.
pub fn room_for(groups: usize, live: usize, more: usize, alone: bool) -> usize {
    let most = EXTENT_MAX - segment::bytes_for(groups, 0);
    let slack = match alone {
        true => (2 * live).clamp(ALONE_FROM, ALONE_SLACK),
        false => (live / 16).clamp(32, 4096),
    };
    let slack = slack - slack.checked_rem(more).unwrap_or(0);
    (live + more + slack).min(most).max(live + more)
}

impl Drop for Directory {
    fn drop(&mut self) {
        let end = after(self.prefix, self.base);
        let mut at = Some(self.prefix);
        while let Some(hash) = at.filter(|_| at != end) {
            let mut next = None;
            for link in 0.. {
                let Some(mut segment) = self.link_mut(hash, link) else {
                    break;
                };
                next = after(segment.prefix(), segment.depth());
                segment.drop_values();
            }
            at = next;
        }
        // SAFETY: the directory is dropped, so no node is looked up again.
        unsafe { free_nodes(self.root) };
        // SAFETY: only entries hold handles of this heap's extents, and no entry is left.
        unsafe { self.heap.free_all() };
    }
}
