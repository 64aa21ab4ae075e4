//! What writers do, so that the walk still finds the dataset of the cut.
//!
//! Invariants, for a segment that the walk has not passed (`walked` is not this snapshot):
//!  * `marked` is this snapshot from its first change on. Then the records below `limit` are those of the
//!    cut: each is either in a slot or in the segment's dead list, never both, and its bytes are
//!    unchanged. Records from `limit` on are younger than the cut.
//!  * A dead record owns what it refers to, until the walk has passed.
//!  * Without `marked`, the slots are those of the cut.
//!
//! Segments that are created after the cut carry this snapshot as `walked`, or inherit the mark of the segments that
//! they are created from, which were emitted before.

use super::walk::Orphans;
use super::{Block, OutOfLine, SnapshotError, SnapshotOptions};
use crate::memory::slots::RecordAt;
use crate::record::{self, Record};
use crate::segment::Segment;
use crate::templates::Templates;
use crate::type_byte::TypeByte;
use crate::{Db, Hasher, Loc, Value, directory, tree};
use std::collections::VecDeque;
use std::sync::Arc;

/// A block is handed out when it has this many bytes of records.
const BLOCK_BYTES: usize = 256 << 10;
/// A block is handed out when it has this many large values.
const BLOCK_VALUES: usize = 256;

/// What a snapshot needs of one database, and how far it has come.
pub(crate) struct DbWalk {
    epoch: u32,
    pub(super) number: u32,
    options: SnapshotOptions,
    /// Hash from which the walk continues; `None` at the end.
    at: Option<u64>,
    expected: u64,
    emitted: u64,
    block: Block,
    pub(super) ready: VecDeque<Block>,
    /// Lists of dead records; a segment refers to its list by index + 1.
    dead: Vec<DeadList>,
    /// Bytes of dead records.
    dead_bytes: usize,
    /// Bytes of the large values in `block`, as far as they can be left to it.
    block_values: usize,
    orphans: Orphans,
}

#[derive(Default)]
struct DeadList {
    /// Any hash of the segment.
    hash: u64,
    records: Vec<Dead>,
    owns_values: bool,
}

struct Dead {
    offset: RecordAt,
    heat: u32,
}

impl DbWalk {
    pub(super) fn new(
        epoch: u32,
        number: u32,
        keys: usize,
        options: SnapshotOptions,
        orphans: Orphans,
    ) -> Self {
        DbWalk {
            epoch,
            number,
            options,
            at: Some(0),
            expected: keys as u64,
            emitted: 0,
            block: Block {
                db: number,
                ..Block::default()
            },
            ready: VecDeque::new(),
            dead: Vec::new(),
            dead_bytes: 0,
            block_values: 0,
            orphans,
        }
    }

    /// The count check, when the walk is through.
    pub(super) fn mismatch(&self) -> Option<SnapshotError> {
        (self.emitted != self.expected).then_some(SnapshotError::CountMismatch {
            db: self.number,
            expected: self.expected,
            emitted: self.emitted,
        })
    }

    pub(super) fn into_blocks(mut self) -> VecDeque<Block> {
        self.flush();
        self.ready
    }

    /// Bytes held for the snapshot.
    pub(super) fn held(&self) -> usize {
        let ready: usize = self.ready.iter().map(Block::held).sum();
        self.dead_bytes + ready + self.block.held()
    }

    /// Bytes of dead records, which the heap counts as used.
    pub(crate) fn dead_bytes(&self) -> usize {
        self.dead_bytes
    }

    fn flush(&mut self) {
        if !self.block.is_empty() {
            let next = Block {
                db: self.number,
                ..Block::default()
            };
            self.emitted += self.block.keys() as u64;
            self.block_values = 0;
            self.ready
                .push_back(std::mem::replace(&mut self.block, next));
        }
    }

    fn flush_if_full(&mut self) {
        let full = self.block.bytes.len() + self.block_values >= BLOCK_BYTES;
        if full || self.block.values.len() >= BLOCK_VALUES {
            self.flush();
        }
    }

    fn emit_record(
        &mut self,
        segment: Segment<'_>,
        offset: RecordAt,
        heat: u32,
        templates: &Templates,
    ) {
        let bytes = &segment.records()[offset.get()..];
        let head = Record::parse(bytes);
        if !head.type_byte.is_outside() {
            let out = &mut self.block.bytes;
            if head.type_byte == TypeByte::HASH_TEMPLATE {
                record::put_head(out, head.expire, head.type_byte.rdb_type(), head.key);
                templates.write_out(head.rest, out);
            } else {
                out.extend_from_slice(&bytes[..record::record_len(bytes)]);
            }
            self.block.records += 1;
            self.block.heats.extend(self.options.heats.then_some(heat));
        } else {
            let value = segment.share_at(offset);
            self.block_values += value.heap_bytes();
            self.block.values.push(OutOfLine {
                key: segment.key_at(offset).to_vec(),
                expire: head.expire,
                heat,
                value,
            });
        }
    }

    /// Everything of the segment that belongs to the cut.
    fn emit_segment(&mut self, segment: Segment<'_>, templates: &Templates) {
        if self.block.bytes.capacity() == 0 {
            self.block
                .bytes
                .reserve(BLOCK_BYTES + crate::heap::EXTENT_MAX);
        }
        let marked = segment.marked() == self.epoch;
        let used = segment.used() as usize;
        let plain = segment.garbage() == 0 && segment.foreign() == 0 && !self.options.heats;
        if plain && !marked {
            self.block
                .bytes
                .extend_from_slice(&segment.records()[..used]);
            self.block.records += segment.entries() as usize;
            return;
        }
        let limit = if marked {
            segment.limit() as usize
        } else {
            used
        };
        let slots = segment.slots();
        for slot in slots.iter() {
            let offset = slots.offset(slot);
            if offset.get() < limit {
                self.emit_record(segment, offset, slots.heat(slot), templates);
            }
        }
    }
}

/// Counts a value that only the snapshot will have, if it does not leave in parts: of those that do, each part
/// is counted when it is changed.
fn note_kept(value: &Value) {
    if !value.leaves_in_parts() {
        tree::note_left(value.heap_bytes());
    }
}

/// Drops a value whose record is overwritten. It may wait to be written.
pub(crate) fn let_go(value: Option<Arc<Value>>) {
    if let Some(value) = value.filter(|value| Arc::strong_count(value) > 1) {
        note_kept(&value);
    }
}

impl Db {
    /// The running snapshot, for new segments: they have nothing that it needs. 0 without one.
    pub(crate) fn epoch(&self) -> u32 {
        self.walk.as_ref().map_or(0, |walk| walk.epoch)
    }

    /// Before a change of a segment: the offset below which its records must be left alone.
    #[inline]
    pub(crate) fn protect(&mut self, loc: Loc) -> usize {
        self.sorted.get_mut().forget(loc.hash);
        match &self.walk {
            None => 0,
            Some(walk) => {
                let epoch = walk.epoch;
                self.protect_from(loc, epoch)
            }
        }
    }

    fn protect_from(&mut self, loc: Loc, epoch: u32) -> usize {
        let mut segment = self.segment_mut(loc);
        if segment.walked() == epoch {
            return 0;
        }
        if segment.marked() != epoch {
            segment.set_marked(epoch);
            segment.set_limit(segment.used());
            segment.set_dead(0);
        }
        segment.limit() as usize
    }

    /// A record is about to lose its slot: it is left to the snapshot, or what it owns is dropped.
    pub(crate) fn retire(&mut self, loc: Loc, offset: RecordAt, len: usize, limit: usize) {
        let bytes = &self.segment(loc).records()[offset.get()..];
        let outside = record::type_byte(bytes).is_outside();
        if offset.get() >= limit {
            if outside {
                let_go(self.segment_mut(loc).take_outside(offset));
            }
            return;
        }
        if outside {
            note_kept(self.segment(loc).outside_at(offset));
        }
        let heat = self.heat(loc);
        let list = self.segment(loc).dead();
        let walk = self.walk.as_mut().expect("only a snapshot sets limits");
        let list = match list {
            0 => {
                walk.dead.push(DeadList {
                    hash: loc.hash,
                    ..DeadList::default()
                });
                walk.dead.len() as u32
            }
            list => list,
        };
        walk.dead_bytes += len;
        let dead = &mut walk.dead[list as usize - 1];
        dead.owns_values |= outside;
        dead.records.push(Dead { offset, heat });
        self.segment_mut(loc).set_dead(list);
    }

    /// Before the records of a segment are moved: the snapshot takes what it needs of it.
    pub(crate) fn emit_first(&mut self, loc: Loc) {
        self.sorted.get_mut().forget(loc.hash);
        let Some(mut walk) = self.walk.take() else {
            return;
        };
        self.emit_link(&mut walk, loc);
        self.walk = Some(walk);
    }

    /// Emits a segment, unless that has been done; its bytes.
    fn emit_link(&mut self, walk: &mut DbWalk, loc: Loc) -> usize {
        let segment = self.link_of(loc);
        if segment.walked() == walk.epoch {
            return 0;
        }
        walk.emit_segment(segment, &self.templates);
        let bytes = segment.used() as usize;
        if segment.marked() == walk.epoch && segment.dead() > 0 {
            let list = std::mem::take(&mut walk.dead[segment.dead() as usize - 1]);
            for dead in &list.records {
                let bytes = &segment.records()[dead.offset.get()..];
                walk.dead_bytes -= record::record_len(bytes);
                walk.emit_record(segment, dead.offset, dead.heat, &self.templates);
            }
            self.drop_dead(loc, &list);
        }
        let mut segment = self.segment_mut(loc);
        segment.set_walked(walk.epoch);
        segment.set_dead(0);
        walk.flush_if_full();
        bytes
    }

    /// Walks on; true at the end of the database.
    pub(super) fn walk_on(&mut self, budget_bytes: usize) -> bool {
        let mut walk = self.walk.take().expect("the caller checked");
        let mut left = budget_bytes.max(1);
        while let Some(hash) = walk.at {
            if left == 0 || !walk.ready.is_empty() {
                break;
            }
            walk.at = None;
            let mut link = 0;
            while let Some(segment) = self.dir.link(hash, link as usize) {
                walk.at = directory::after(segment.prefix(), segment.depth());
                let bytes = self.emit_link(&mut walk, Loc::of_segment(hash, link));
                // Looking at a segment costs something even when it is small.
                left = left.saturating_sub(bytes + 256);
                link += 1;
            }
        }
        let done = walk.at.is_none();
        if done {
            walk.flush();
        }
        self.walk = Some(walk);
        done
    }

    /// Releases what a cancelled snapshot held here.
    pub(crate) fn end_walk(&mut self) {
        let Some(walk) = self.walk.take() else {
            return;
        };
        for (index, list) in walk
            .dead
            .iter()
            .enumerate()
            .filter(|(_, list)| list.owns_values)
        {
            for link in 0.. {
                let Some(segment) = self.dir.link(list.hash, link as usize) else {
                    break;
                };
                let mine = segment.marked() == walk.epoch && segment.walked() != walk.epoch;
                if mine && segment.dead() as usize == index + 1 {
                    self.drop_dead(Loc::of_segment(list.hash, link), list);
                }
            }
        }
    }

    /// Drops the large values of dead records.
    fn drop_dead(&mut self, loc: Loc, list: &DeadList) {
        if !list.owns_values {
            return;
        }
        for dead in &list.records {
            let offset = dead.offset;
            let bytes = &self.link_of(loc).records()[offset.get()..];
            if record::type_byte(bytes).is_outside() {
                drop(self.segment_mut(loc).take_outside(offset));
            }
        }
    }

    /// A database that is being dropped: it is left to the snapshot that still needs it, or returned to the caller.
    pub(crate) fn leave_to_walk(self, hasher: Hasher) -> Db {
        match &self.walk {
            None => self,
            Some(walk) => {
                let orphans = walk.orphans.clone();
                orphans
                    .lock()
                    .expect("no panic while it is held")
                    .push(self);
                Db::new(hasher)
            }
        }
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        self.end_walk();
    }
}
