//! How a directory changes its shape: segments are split, merged and chained, and nodes double and halve their size.

use super::directory::{Directory, Spot, room_for};
use super::heap::{EXTENT_MAX, Extent, Heap, Kind};
use super::node::{Entry, Node};
use super::segment::{self, ENTRIES_MAX, Segment, SegmentMut};
use crate::Hasher;
use base::reserve;

/// Deeper segments are chained. Bits below serve as tag and home group as well.
pub const DEPTH_MAX: u8 = 48;
/// log2 of the entries of a node.
const NODE_BITS_MAX: u8 = 12;

impl Directory {
    /// Creates, in an empty directory, its part of the `1 << depth` segments of a whole database, each with `groups`
    /// groups and room for `records` bytes.
    pub(crate) fn presize(&mut self, depth: u8, groups: usize, records: usize) {
        debug_assert!(self.is_vacant());
        let own = depth.saturating_sub(self.base).min(NODE_BITS_MAX);
        let depth = self.base + own;
        let bytes = segment::bytes_for(groups, records.max(1)).min(EXTENT_MAX);
        let mut entries: Vec<Entry> = Vec::with_capacity(1 << own);
        for i in 0..1u64 << own {
            if reserve::is_short() {
                // In that case nothing is created in advance.
                for entry in entries {
                    // SAFETY: the entry owns the extent, and nothing else refers to it.
                    self.heap.free(unsafe { entry.extent() });
                }
                return;
            }
            let extent = self.heap.alloc(bytes, Kind::Segment);
            let prefix = self.prefix | i.unbounded_shl(64 - depth as u32);
            entries.push(new_segment(extent, groups, prefix, depth, 0));
        }
        self.segments = entries.len();
        self.root = match own {
            0 => entries.remove(0),
            _ => {
                self.node_bytes += entries.len() * size_of::<Entry>();
                Node::new(entries).entry()
            }
        };
    }

    /// Joins the parts of a directory: one for each value of the top bits, in order.
    ///
    /// # Panics
    /// When they are not such parts.
    pub(crate) fn join(mut parts: Vec<Directory>) -> Directory {
        let bits = parts.len().trailing_zeros() as u8;
        assert!(parts.len() == 1 << bits && bits <= NODE_BITS_MAX);
        let mut whole = Directory::new(*parts[0].hasher());
        if let [part] = &mut parts[..] {
            assert_eq!(part.base, 0);
            std::mem::swap(&mut whole, part);
            return whole;
        }
        let mut entries = Vec::with_capacity(parts.len());
        for (i, mut part) in parts.into_iter().enumerate() {
            let prefix = (i as u64) << (64 - bits as u32);
            assert_eq!((part.base, part.prefix), (bits, prefix));
            if part.is_vacant() {
                part.init(0);
            }
            entries.push(std::mem::replace(&mut part.root, Entry::NONE));
            whole.segments += part.segments;
            whole.node_bytes += part.node_bytes;
            whole.heap.absorb(std::mem::take(&mut part.heap));
        }
        whole.node_bytes += entries.len() * size_of::<Entry>();
        let mut node = Node::new(entries);
        node.fixed = true;
        whole.root = node.entry();
        whole
    }

    /// Splits a segment in two. False at the depth where segments are chained instead.
    pub fn split(&mut self, hash: u64) -> bool {
        let (entry, spot) = self.spot(hash);
        // SAFETY: an entry of this directory, borrowed with it; the extent is freed only when no one reads it any more.
        let old = unsafe { entry.segment() };
        let depth = old.depth();
        if depth >= DEPTH_MAX || entry.is_chained() {
            return false;
        }
        let halves = split_segment(old, &self.hasher, &mut self.heap);
        self.segments += 1;
        let (low, high) = (halves[0], halves[1]);
        match spot.node {
            Some(node) if depth < spot.before + node.bits => {
                let span = 1 << (spot.before + node.bits - depth);
                let start = spot.index & !(span - 1);
                // SAFETY: a node of this directory, borrowed exclusively with it.
                let entries = unsafe { &mut node.entries_mut()[start..start + span] };
                let (left, right) = entries.split_at_mut(span / 2);
                left.fill(low);
                right.fill(high);
            }
            Some(node) if node.bits < NODE_BITS_MAX && !node.fixed => {
                self.double(hash, spot, low, high)
            }
            _ => {
                let node = Node::new(vec![low, high]);
                self.node_bytes += node.len() * size_of::<Entry>();
                self.put(spot, node.entry());
            }
        }
        // SAFETY: no entry refers to the old extent any more.
        self.heap.free(unsafe { entry.extent() });
        true
    }

    /// Twice the entries for a node, one of which has been split.
    fn double(&mut self, hash: u64, spot: Spot, low: Entry, high: Entry) {
        let old = spot.node.expect("the root is not doubled");
        // SAFETY: a node of this directory; it is replaced below.
        let entries = unsafe { old.entries() };
        let doubled = entries.iter().flat_map(|&entry| [entry, entry]);
        let mut doubled: Vec<Entry> = doubled.collect();
        doubled[2 * spot.index] = low;
        doubled[2 * spot.index + 1] = high;
        let node = Node::new(doubled);
        self.node_bytes += old.len() * size_of::<Entry>();
        self.replace_node(hash, old, node.entry());
    }

    /// Replaces a node by another entry, and frees it.
    fn replace_node(&mut self, hash: u64, old: Node, new: Entry) {
        let (mut entry, mut before, mut parent) = (self.root, self.base, None);
        while let Some(node) = entry.node() {
            if node.is(old) {
                break;
            }
            let index = node.index(hash, before);
            parent = Some((node, index));
            // SAFETY: a node of this directory, borrowed with it.
            entry = unsafe { node.entries()[index] };
            before += node.bits;
        }
        match parent {
            None => self.root = new,
            // SAFETY: a node of this directory, borrowed exclusively with it.
            Some((node, index)) => unsafe { node.entries_mut()[index] = new },
        }
        // SAFETY: its only entry has just been replaced.
        unsafe { old.free() };
    }

    /// Adds another segment at the head of the chain for a hash.
    pub fn chain(&mut self, hash: u64, walked: u32) {
        let entry = self.entry(hash);
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let head = unsafe { entry.segment() };
        let (prefix, depth) = (head.prefix(), head.depth());
        let extent = self.heap.alloc(segment::bytes_for(1, 1), Kind::Segment);
        let new = new_segment(extent, 1, prefix, depth, walked);
        // SAFETY: the entry was made just now, and nothing else refers to it.
        unsafe { new.segment_mut() }.set_next(entry);
        self.segments += 1;
        self.replace(hash, 0, new.chained(true));
    }

    /// Drops an empty segment of a chain, or the last one of all.
    pub fn drop_empty(&mut self, hash: u64, link: usize) {
        let entry = self.link_entry(hash, link).expect("the segment exists");
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let segment = unsafe { entry.segment() };
        debug_assert_eq!(segment.entries(), 0);
        let next = segment.next();
        if link == 0 && next.is_none() {
            if segment.depth() > self.base {
                return;
            }
            self.root = Entry::NONE;
        } else {
            self.replace(hash, link, next);
            let before = link
                .checked_sub(1)
                .and_then(|link| self.link_entry(hash, link));
            if let Some(before) = before.filter(|_| next.is_none()) {
                self.replace(hash, link - 1, before.chained(false));
            }
        }
        self.segments -= 1;
        // SAFETY: no entry refers to it any more.
        self.heap.free(unsafe { entry.extent() });
    }

    /// The hash prefix of the segment with which the one for `hash` could be merged, if both are
    /// small enough: at most `entries_max` entries together.
    pub fn mergeable(&self, hash: u64, entries_max: usize) -> Option<u64> {
        let (entry, spot) = self.spot(hash);
        if entry.is_none() || entry.is_chained() {
            return None;
        }
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let segment = unsafe { entry.segment() };
        let depth = segment.depth();
        if depth <= spot.before || segment.entries() as usize >= entries_max {
            return None;
        }
        let other = segment.prefix() ^ 1 << (64 - depth as u32);
        let sibling_entry = self.entry(other);
        if sibling_entry.is_chained() {
            return None;
        }
        // SAFETY: an entry of this directory, borrowed with it; the directory alone makes and replaces its entries.
        let sibling = unsafe { sibling_entry.segment() };
        let entries = segment.entries() as usize + sibling.entries() as usize;
        let bytes = segment.live() + sibling.live();
        let fits = entries <= entries_max && bytes <= EXTENT_MAX / 2;
        (sibling.depth() == depth && fits).then_some(other)
    }

    /// Merges the segment for `hash` with its sibling, as [`Directory::mergeable`] found it.
    ///
    /// # Panics
    /// If `other` is not what `mergeable` gives.
    pub fn merge(&mut self, hash: u64, other: u64) {
        // Else entries of a third segment would be overwritten, and others would outlive theirs.
        assert_eq!(self.mergeable(hash, ENTRIES_MAX), Some(other));
        let (entry, spot) = self.spot(hash);
        let other_entry = self.entry(other);
        // SAFETY: entries of this directory, borrowed with it; they are freed below, when they were read.
        let (a, b) = unsafe { (entry.segment(), other_entry.segment()) };
        let depth = a.depth() - 1;
        let entries = a.entries() as usize + b.entries() as usize;
        let groups = segment::groups_for(entries);
        let records = a.live() + b.live();
        let mut extent = self
            .heap
            .alloc(segment::bytes_for(groups, records.max(1)), Kind::Segment);
        let prefix = top_bits(hash, depth);
        let mut new = SegmentMut::init(extent.bytes_mut(), groups, prefix, depth);
        new.set_walked(a.walked());
        for old in [a, b] {
            for slot in old.slots().iter() {
                new.adopt(
                    &self.hasher,
                    old.record_at(slot),
                    None,
                    old.slots().heat(slot),
                );
            }
        }
        let merged = Entry::of_segment(extent, groups, false);
        let node = spot.node.expect("siblings share a node");
        let span = 1 << (spot.before + node.bits - depth);
        let start = spot.index & !(span - 1);
        // SAFETY: a node of this directory, borrowed exclusively with it.
        unsafe { node.entries_mut()[start..start + span].fill(merged) };
        self.segments -= 1;
        for old in [entry, other_entry] {
            // SAFETY: the new entry has taken the places of both, which are all that led to them.
            self.heap.free(unsafe { old.extent() });
        }
        self.halve(hash, node);
    }

    /// Halves a node as often as its segments allow.
    fn halve(&mut self, hash: u64, mut node: Node) {
        loop {
            // SAFETY: a node of this directory, borrowed with it.
            let entries = unsafe { node.entries() };
            let pairs = entries.as_chunks::<2>().0;
            if pairs.iter().any(|[a, b]| a != b || a.node().is_some()) {
                return;
            }
            self.node_bytes -= node.len() / 2 * size_of::<Entry>();
            let half: Vec<Entry> = pairs.iter().map(|[a, _]| *a).collect();
            if let [only] = half[..] {
                self.node_bytes -= size_of::<Entry>();
                return self.replace_node(hash, node, only);
            }
            let half = Node::new(half);
            self.replace_node(hash, node, half.entry());
            node = half;
        }
    }
}

/// Keeps the top `depth` bits.
fn top_bits(hash: u64, depth: u8) -> u64 {
    match depth {
        0 => 0,
        _ => hash & (u64::MAX << (64 - depth as u32)),
    }
}

/// An empty segment.
pub(super) fn new_segment(
    mut extent: Extent,
    groups: usize,
    prefix: u64,
    depth: u8,
    walked: u32,
) -> Entry {
    let mut segment = SegmentMut::init(extent.bytes_mut(), groups, prefix, depth);
    segment.set_walked(walked);
    Entry::of_segment(extent, groups, false)
}

/// Two new segments with the entries of one.
fn split_segment(old: Segment<'_>, hasher: &Hasher, heap: &mut Heap) -> [Entry; 2] {
    let depth = old.depth() + 1;
    let bit = 64 - depth as u32;
    let mut moves: smallvec::SmallVec<[(u64, u16); segment::ENTRIES_MAX + 16]> = Default::default();
    let (mut entries, mut bytes) = ([0; 2], [0; 2]);
    for slot in old.slots().iter() {
        let hash = hasher.hash(old.key_at(old.slots().offset(slot)));
        let side = (hash >> bit & 1) as usize;
        entries[side] += 1;
        bytes[side] += old.record_at(slot).len();
        moves.push((hash, slot as u16));
    }
    let groups = [0, 1].map(|side| {
        let groups = segment::groups_for(entries[side]);
        // When one half gets nearly everything, as many groups as now and the records fit, but not always more.
        match segment::bytes_for(groups, bytes[side]) <= EXTENT_MAX {
            true => groups,
            false => groups.min(old.slots().groups()),
        }
    });
    let mut extents = [0, 1].map(|side| {
        let mean = bytes[side] / entries[side].max(1);
        let room = room_for(groups[side], bytes[side] - mean, mean, false);
        heap.alloc(segment::bytes_for(groups[side], room), Kind::Segment)
    });
    let [low, high] = &mut extents;
    let prefix = old.prefix();
    let mut halves = [
        SegmentMut::init(low.bytes_mut(), groups[0], prefix, depth),
        SegmentMut::init(high.bytes_mut(), groups[1], prefix | 1 << bit, depth),
    ];
    for half in &mut halves {
        half.set_walked(old.walked());
    }
    for (hash, slot) in moves {
        let slot = slot as usize;
        let half = &mut halves[(hash >> bit & 1) as usize];
        half.adopt(
            hasher,
            old.record_at(slot),
            Some(hash),
            old.slots().heat(slot),
        );
    }
    let [low, high] = extents;
    [
        Entry::of_segment(low, groups[0], false),
        Entry::of_segment(high, groups[1], false),
    ]
}
