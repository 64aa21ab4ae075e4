//! A segment: up to [`ENTRIES_MAX`] entries in one extent.
//!
//! ```text
//! header: 64 bytes | groups: 64 bytes each | heats: 32 bytes each | records ... garbage ... | free
//!                  |<----------- slots ----------->|<------------- used ------------->|
//! ```
//!
//! Invariants:
//!  * The offset in a slot counts from the end of the slots, and is that of a whole record below `used`. In a slot that
//!    is not in use it is 0, or that of a record that the slot had: a [`Loc`](crate::Loc) that was kept too long leads
//!    to another entry, or to one whose handle is void, but never to bytes that a client chose.
//!  * `garbage` is the length of the records below `used` that no slot points to.
//!  * Records are only appended, or overwritten by one of the same length; the last one, by one of any length. So where
//!    a record began, one begins until the records are moved. To move them, `tidy` creates another segment.
//!  * `prefix` and `depth` say which hashes belong here: those whose top `depth` bits are `prefix`'s.
//!    `prefix` comes first: the heap finds the owner of an extent by it.
//!
//! The number of groups is not in the header: the directory's entry has it, so that a look-up goes
//! from the entry to the home group without touching the header.

use super::node::Entry;
use super::outside;
use super::parts::{Parts, Plain};
use super::slots::{self, RecordAt, Slots, SlotsMut};
use crate::record::{self, Record, VALUE_MAX};
use crate::type_byte::TypeByte;
use crate::{Hasher, UnixMillis, Value};
use rdb::RdbType;
use std::sync::Arc;

/// Entries at most; then a segment is split.
pub const ENTRIES_MAX: usize = 448;
/// Groups at most: they hold `ENTRIES_MAX` entries with room to spare.
pub const GROUPS_MAX: usize = 33;
/// Entries for which a group is meant; the rest keeps searches short.
pub const GROUP_LOAD: usize = 14;

const HEADER: usize = 64;

/// A segment, to be read.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    header: &'a [u8; HEADER],
    slots: &'a [u8],
    records: &'a [u8],
}

/// What became of a value that was to be written over another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was the same.
    Unchanged,
    /// It is there.
    InPlace,
    /// The record needs another place.
    Not,
}

/// A segment, to be changed.
pub struct SegmentMut<'a> {
    header: &'a mut [u8; HEADER],
    slots: &'a mut [u8],
    records: &'a mut [u8],
}

/// Bytes of an extent for `groups` groups and `records` bytes of records.
#[inline]
pub const fn bytes_for(groups: usize, records: usize) -> usize {
    HEADER + slots::bytes_for(groups) + records
}

/// Groups that hold `entries` entries, and somewhat more.
#[inline]
pub fn groups_for(entries: usize) -> usize {
    (entries * 5 / 4 / GROUP_LOAD + 1).min(GROUPS_MAX)
}

macro_rules! fields {
    ($($(#[$doc:meta])* $get:ident $vis:vis $set:ident: $type:ty = $at:literal;)*) => {
        impl Segment<'_> {
            $($(#[$doc])* #[inline] pub fn $get(&self) -> $type {
                const SIZE: usize = size_of::<$type>();
                let bytes = &self.header[$at..$at + SIZE];
                <$type>::from_le_bytes(bytes.try_into().expect("its size"))
            })*
        }
        impl SegmentMut<'_> {
            $($(#[$doc])* #[inline] #[allow(dead_code, reason = "not all are asked for during a change")] pub fn $get(&self) -> $type {
                self.as_ref().$get()
            }
            $(#[$doc])* #[inline] $vis fn $set(&mut self, value: $type) {
                const SIZE: usize = size_of::<$type>();
                self.header[$at..$at + SIZE].copy_from_slice(&value.to_le_bytes());
            })*
        }
    };
}

fields! {
    /// The top bits of its hashes; the others are 0.
    prefix set_prefix: u64 = 0;
    /// No entry is due before; meaningless without timed entries.
    min_expire pub set_min_expire: i64 = 16;
    /// Bytes of records, garbage included.
    used set_used: u32 = 24;
    /// Bytes of records that no slot points to.
    garbage set_garbage: u32 = 28;
    /// Entries.
    entries set_entries: u16 = 32;
    /// Slots marked as removed.
    removed set_removed: u16 = 34;
    /// Entries with an expiry.
    volatile set_volatile: u16 = 36;
    /// Entries whose record is not what a dump would hold.
    foreign set_foreign: u16 = 38;
    /// How many top bits of a hash decide that it belongs here.
    depth set_depth: u8 = 40;
    /// Hashes whose fields may expire.
    fielded set_fielded: u16 = 42;
    /// The snapshot that has all it needs of this segment.
    walked pub set_walked: u32 = 44;
    /// The snapshot during which this segment changed first; `limit` and `dead` belong to it.
    marked pub set_marked: u32 = 48;
    /// Records below this offset existed at the cut.
    limit pub set_limit: u32 = 52;
    /// The list of records below `limit` that no slot points to any more; 0 without one.
    dead pub set_dead: u32 = 56;
}

/// Where the header holds the directory's entry of the next segment of a chain; 0 without one.
const NEXT: std::ops::Range<usize> = 8..16;

impl<'a> Segment<'a> {
    /// The directory's entry of the next segment of a chain.
    #[inline]
    pub(super) fn next(&self) -> Entry {
        let bytes = self.header[NEXT].try_into().expect("8 bytes");
        // SAFETY: only `set_next` writes these bytes, and `init` clears them.
        unsafe { Entry::from_bytes(bytes) }
    }

    /// The segment in these bytes.
    #[inline]
    ///
    /// # Safety
    /// `bytes` were made a segment of `groups` groups by [`SegmentMut::init`] and changed by [`SegmentMut`] only, so
    /// that the handles in them are valid.
    pub(super) unsafe fn new(bytes: &'a [u8], groups: usize) -> Self {
        let (header, rest) = bytes.split_first_chunk().expect("an extent holds a header");
        let (slots, records) = rest.split_at(slots::bytes_for(groups));
        Segment {
            header,
            slots,
            records,
        }
    }

    /// Its slots.
    #[inline]
    pub fn slots(&self) -> Slots<'a> {
        Slots::new(self.slots)
    }

    /// The bytes of its records, garbage and free space included.
    #[inline]
    pub fn records(&self) -> &'a [u8] {
        self.records
    }

    /// The slot of a key.
    #[inline]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let records = self.records;
        self.slots()
            .find(hash, |offset| key_of(&records[offset..]) == key)
    }

    /// The slot of a key; if there is none, an empty one where it would be found.
    #[inline]
    pub fn find_or_empty(&self, hash: u64, key: &[u8]) -> Result<usize, Option<usize>> {
        let records = self.records;
        self.slots()
            .find_or_empty(hash, |offset| key_of(&records[offset..]) == key)
    }

    /// The bytes from the start of a slot's record on.
    #[inline]
    pub fn bytes_at(&self, slot: usize) -> &'a [u8] {
        &self.records[self.slots().offset(slot).get()..]
    }

    /// A slot's record, exactly.
    #[inline]
    pub fn record_at(&self, slot: usize) -> &'a [u8] {
        let bytes = self.bytes_at(slot);
        &bytes[..record::record_len(bytes)]
    }

    /// The key of the record at an offset.
    #[inline]
    pub fn key_at(&self, offset: RecordAt) -> &'a [u8] {
        key_of(&self.records[offset.get()..])
    }

    /// The large value of the record at an offset.
    ///
    /// # Panics
    /// If the value is in the record.
    #[inline]
    pub fn outside_at(&self, offset: RecordAt) -> &'a Value {
        // SAFETY: the offset is that of a record, which this module wrote.
        unsafe { outside::value(&self.records[offset.get()..]) }
    }

    /// Another reference to the large value of the record at an offset.
    ///
    /// # Panics
    /// If the value is in the record.
    pub fn share_at(&self, offset: RecordAt) -> Arc<Value> {
        // SAFETY: the offset is that of a record, which this module wrote.
        unsafe { outside::share(&self.records[offset.get()..]) }
    }

    /// Another reference to the key of the record at an offset; `None` if it is in the record.
    pub fn share_key_at(&self, offset: RecordAt) -> Option<Arc<[u8]>> {
        // SAFETY: the offset is that of a record, which this module wrote.
        unsafe { outside::share_key(&self.records[offset.get()..]) }
    }

    /// True when another entry needs more groups first.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        let taken = self.entries() + self.removed();
        taken as usize >= self.slots().groups() * GROUP_LOAD
    }

    /// Bytes of records that count.
    #[inline]
    pub fn live(&self) -> usize {
        (self.used() - self.garbage()) as usize
    }

    /// How many times an entry is counted as one that time may end, in whole or in part.
    #[inline]
    pub fn timed(&self) -> usize {
        self.volatile() as usize + self.fielded() as usize
    }

    /// When time ends the entry of the record at an offset, or the first of its fields.
    #[inline]
    pub fn due_at(&self, offset: RecordAt) -> Option<UnixMillis> {
        let bytes = &self.records[offset.get()..];
        let expire = record::expire_of(bytes);
        let type_byte = record::type_byte(bytes);
        if !type_byte.has_field_expiry() {
            return expire;
        }
        let fields = match type_byte.is_outside() {
            false => record::first_field_expiry(bytes),
            true => {
                // SAFETY: the offset is that of a record, which this module wrote.
                let value = unsafe { outside::value_unless_lent(bytes) };
                value.and_then(Value::first_field_expiry)
            }
        };
        expire.into_iter().chain(fields).min()
    }

    /// The earliest time at which an entry is due.
    pub fn earliest(&self) -> Option<UnixMillis> {
        let slots = self.slots();
        let due = slots.iter().map(|slot| self.due_at(slots.offset(slot)));
        due.flatten().min()
    }
}

/// The key of the record of a segment that `bytes` begin with.
#[inline]
fn key_of(bytes: &[u8]) -> &[u8] {
    let at = record::type_at(bytes);
    if TypeByte::read(bytes[at]).has_long_key() {
        // SAFETY: this module calls it for records of segments only.
        return unsafe { outside::long_key(bytes) };
    }
    let (len, width) = record::read_len(&bytes[at + 1..]);
    let key = at + 1 + width;
    &bytes[key..key + len]
}

impl<'a> SegmentMut<'a> {
    /// The segment in these bytes.
    #[inline]
    ///
    /// # Safety
    /// As [`Segment::new`].
    pub(super) unsafe fn new(bytes: &'a mut [u8], groups: usize) -> Self {
        let (header, rest) = bytes
            .split_first_chunk_mut()
            .expect("an extent holds a header");
        let (slots, records) = rest.split_at_mut(slots::bytes_for(groups));
        SegmentMut {
            header,
            slots,
            records,
        }
    }

    /// Makes these bytes an empty segment.
    pub(super) fn init(bytes: &'a mut [u8], groups: usize, prefix: u64, depth: u8) -> Self {
        // SAFETY: the slots are emptied next, so no record is reachable.
        let mut segment = unsafe { Self::new(bytes, groups) };
        segment.header.fill(0);
        segment.slots_mut().clear();
        if let Some(first) = segment.records.first_mut() {
            // A look-up at a place without a record must not find a handle.
            *first = TypeByte::STRING.byte();
        }
        segment.set_prefix(prefix);
        segment.set_depth(depth);
        segment.set_min_expire(UnixMillis::MAX);
        segment
    }

    /// Puts a segment after this one in a chain.
    pub(super) fn set_next(&mut self, next: Entry) {
        self.header[NEXT].copy_from_slice(&next.to_bytes());
    }

    /// To be read.
    #[inline]
    pub fn as_ref(&self) -> Segment<'_> {
        Segment {
            header: self.header,
            slots: self.slots,
            records: self.records,
        }
    }

    /// Its slots.
    #[inline]
    pub(super) fn slots_mut(&mut self) -> SlotsMut<'_> {
        SlotsMut::new(self.slots)
    }

    /// True if `len` more bytes of records fit.
    #[inline]
    pub fn has_room(&self, len: usize) -> bool {
        self.used() as usize + len <= self.records.len()
    }

    /// True if another entry, with a record of `len` bytes, fits as things are.
    #[inline]
    pub fn takes_another(&self, len: usize) -> bool {
        let full = self.entries() as usize >= ENTRIES_MAX || self.as_ref().is_crowded();
        !full && self.has_room(len)
    }

    /// Appends a record, for which there is room: its offset.
    #[inline]
    pub fn append(&mut self, parts: Parts<'_>, len: usize) -> RecordAt {
        let used = self.used() as usize;
        parts.write(&mut self.records[used..used + len]);
        self.set_used((used + len) as u32);
        RecordAt::written(used)
    }

    /// Appends a record that came from outside.
    #[inline]
    pub fn append_plain(&mut self, plain: Plain<'_>) -> RecordAt {
        self.append_bytes(plain.bytes())
    }

    /// Writes a record over one of the same length, which has no handle any more.
    #[inline]
    pub fn write_at(&mut self, offset: RecordAt, parts: Parts<'_>, len: usize) {
        parts.write(&mut self.records[offset.get()..offset.get() + len]);
    }

    /// As [`SegmentMut::write_at`], over a record of the same key and type, without a handle, that has an expiry if
    /// this one has: only the expiry and the value are written. The last record may have had another length.
    #[inline]
    pub fn write_again_at(&mut self, offset: RecordAt, parts: Parts<'_>, len: usize) {
        parts.write_again(&mut self.records[offset.get()..offset.get() + len]);
    }

    /// Writes a value, in two parts, over that of a record of the same type, if nothing else has to move for it: the
    /// length stays the same, or the record is the last one and there is room. A record before `limit` stays as it is.
    #[inline]
    pub fn write_value_at(
        &mut self,
        offset: RecordAt,
        limit: usize,
        type_byte: TypeByte,
        head: &[u8],
        body: &[u8],
    ) -> Written {
        let used = self.as_ref().used() as usize;
        let bytes = &mut self.records[offset.get()..];
        let new_len = head.len() + body.len();
        if record::type_byte(bytes) != type_byte || new_len > VALUE_MAX {
            return Written::Not;
        }
        let at = record::head_len(bytes);
        let old_len = record::value_len(type_byte, &bytes[at..]);
        let (middle, end) = (at + head.len(), at + new_len);
        if old_len == new_len && &bytes[at..middle] == head && &bytes[middle..end] == body {
            return Written::Unchanged;
        }
        let last = offset.get() + at + old_len == used;
        let fits = old_len == new_len || (last && end <= bytes.len());
        if offset.get() < limit || !fits {
            return Written::Not;
        }
        bytes[at..middle].copy_from_slice(head);
        bytes[middle..end].copy_from_slice(body);
        if last {
            self.end_at(offset, end);
        }
        Written::InPlace
    }

    /// Changes the length of the record at an offset, which must be the last one, to `len` bytes.
    #[inline]
    pub fn end_at(&mut self, offset: RecordAt, len: usize) {
        self.set_used((offset.get() + len) as u32);
    }

    /// Appends a record and points a slot at it. The one that it had, of `old_len` bytes, becomes garbage.
    pub fn supersede(&mut self, slot: usize, old_len: usize, parts: Parts<'_>, len: usize) {
        self.set_garbage(self.garbage() + old_len as u32);
        let offset = self.append(parts, len);
        self.slots_mut().set_offset(slot, offset);
    }

    /// Overwrites a string that is in a record by another of the same length. False if it has another length, or the
    /// value is not a string, or is outside.
    #[inline]
    pub fn write_string_at(&mut self, offset: RecordAt, head: &[u8], body: &[u8]) -> bool {
        let bytes = &mut self.records[offset.get()..];
        let record = Record::parse(bytes);
        if record.type_byte != TypeByte::STRING || record.value().len() != head.len() + body.len() {
            return false;
        }
        let at = bytes.len() - record.rest.len();
        let value = &mut bytes[at..at + head.len() + body.len()];
        value[..head.len()].copy_from_slice(head);
        value[head.len()..].copy_from_slice(body);
        true
    }

    /// Writes another RDB type in a record, whose value is outside.
    pub fn retype_at(&mut self, offset: RecordAt, rdb_type: RdbType) {
        let at = offset.get() + record::type_at(&self.records[offset.get()..]);
        let old = TypeByte::read(self.records[at]);
        let new = old.retyped(rdb_type);
        self.records[at] = new.byte();
        self.count(false, old, -1);
        self.count(false, new, 1);
    }

    /// Sets the heat of a slot.
    #[inline]
    pub fn set_heat(&mut self, slot: usize, heat: u32) {
        self.slots_mut().set_heat(slot, heat);
    }

    /// Appends a copy of a record.
    #[inline]
    fn append_bytes(&mut self, bytes: &[u8]) -> RecordAt {
        let used = self.used() as usize;
        self.records[used..used + bytes.len()].copy_from_slice(bytes);
        self.set_used((used + bytes.len()) as u32);
        RecordAt::written(used)
    }

    /// Puts an appended record in a slot.
    #[inline]
    pub fn place(&mut self, hash: u64, offset: RecordAt, heat: u32) -> usize {
        let (slot, was_removed) = self.slots_mut().place(hash, offset, heat);
        self.set_entries(self.entries() + 1);
        self.set_removed(self.removed() - was_removed as u16);
        slot
    }

    /// Puts an appended record in an empty slot that [`Segment::find_or_empty`] gave.
    #[inline]
    pub fn fill(&mut self, slot: usize, hash: u64, offset: RecordAt, heat: u32) {
        self.slots_mut().fill(slot, hash, offset, heat);
        self.set_entries(self.entries() + 1);
    }

    /// Empties a slot. Its record becomes garbage.
    #[inline]
    pub fn unplace(&mut self, slot: usize, len: usize) {
        let stays = self.slots_mut().remove(slot);
        self.set_entries(self.entries() - 1);
        self.set_removed(self.removed() + stays as u16);
        self.set_garbage(self.garbage() + len as u32);
    }

    /// Adds (`by` = 1) or subtracts (-1) a record in the counts of records with an expiry, with fields that expire,
    /// and with values outside.
    #[inline]
    pub fn count(&mut self, expire: bool, type_byte: TypeByte, by: i16) {
        if record::is_plain(expire, type_byte) {
            return;
        }
        if expire {
            self.set_volatile(self.volatile().wrapping_add_signed(by));
        }
        if !type_byte.is_whole() {
            self.set_foreign(self.foreign().wrapping_add_signed(by));
        }
        if type_byte.has_field_expiry() {
            self.set_fielded(self.fielded().wrapping_add_signed(by));
        }
    }

    /// Takes the large value out of a record, which has none afterwards. `None` if it was taken before.
    ///
    /// # Panics
    /// If the value is in the record.
    pub fn take_outside(&mut self, offset: RecordAt) -> Option<Arc<Value>> {
        let bytes = &self.records[offset.get()..];
        // SAFETY: the offset is that of a record, which this module wrote; its handle is overwritten at once.
        let value = unsafe { outside::take(bytes) };
        let handle = offset.get() + record::head_len(bytes);
        self.records[handle..handle + record::HANDLE].fill(0);
        value
    }

    /// The large value of a slot's record, to be changed where it is; `None` without one, or if others have
    /// references to it.
    pub fn outside_mut(&mut self, slot: usize) -> Option<&mut Value> {
        if !self.as_ref().slots().is_occupied(slot) {
            return None;
        }
        let bytes = self.as_ref().bytes_at(slot);
        if !record::type_byte(bytes).is_outside() {
            return None;
        }
        let offset = self.as_ref().slots().offset(slot);
        self.outside_mut_at(offset)
    }

    /// As [`SegmentMut::outside_mut`], of the record at an offset.
    ///
    /// # Panics
    /// If the value is in the record.
    #[inline]
    pub fn outside_mut_at(&mut self, offset: RecordAt) -> Option<&mut Value> {
        // SAFETY: the offset is that of a record, which this module wrote; it is borrowed exclusively with the segment.
        unsafe { outside::value_mut(&self.records[offset.get()..]) }
    }

    /// The large value of the record at an offset, to be changed where it is. Where others have references to it,
    /// the record gets one of its own first.
    ///
    /// # Panics
    /// If the value is in the record.
    #[inline]
    pub fn outside_to_change_at(&mut self, offset: RecordAt) -> &mut Value {
        // SAFETY: the offset is that of a record, which this module wrote; it is borrowed exclusively with the segment.
        unsafe { outside::value_to_change(&mut self.records[offset.get()..]) }
    }

    /// Overwrites the expiry of a record that has one.
    pub fn set_expire_at(&mut self, offset: RecordAt, at: UnixMillis) {
        self.records[offset.get() + 1..offset.get() + 9].copy_from_slice(&at.to_le_bytes());
    }

    /// Drops the large values of all entries: the segment itself is about to go.
    pub(super) fn drop_values(&mut self) {
        if self.foreign() == 0 {
            return;
        }
        for group in 0..self.slots_mut().groups() {
            for slot in self.as_ref().slots().occupied_in(group) {
                let bytes = self.as_ref().bytes_at(slot);
                if record::type_byte(bytes).is_outside() {
                    let offset = self.as_ref().slots().offset(slot);
                    drop(self.take_outside(offset));
                }
            }
        }
    }

    /// Copies another segment into an extent with the same number of groups or another one. Garbage is left out if
    /// `compact`, and removed slots are if it was crowded. The other segment must not be used any longer.
    pub(super) fn copy_from(&mut self, old: Segment<'_>, hasher: &Hasher, compact: bool) {
        self.header.copy_from_slice(old.header);
        if self.slots.len() == old.slots.len() && !old.is_crowded() {
            self.slots.copy_from_slice(old.slots);
        } else {
            self.slots_mut().clear();
            self.set_removed(0);
            for slot in old.slots().iter() {
                let (offset, heat) = (old.slots().offset(slot), old.slots().heat(slot));
                self.slots_mut()
                    .place(hasher.hash(old.key_at(offset)), offset, heat);
            }
        }
        if !compact {
            let used = old.used() as usize;
            self.records[..used].copy_from_slice(&old.records[..used]);
            return;
        }
        self.set_used(0);
        self.set_garbage(0);
        self.slots_mut().forget_removed();
        for group in 0..self.slots_mut().groups() {
            for slot in self.as_ref().slots().occupied_in(group) {
                let bytes = &old.records[self.as_ref().slots().offset(slot).get()..];
                let offset = self.append_bytes(&bytes[..record::record_len(bytes)]);
                self.slots_mut().set_offset(slot, offset);
            }
        }
    }

    /// Takes over a record of another segment unchanged, with its hash (if it is known) and its heat.
    pub(super) fn adopt(&mut self, hasher: &Hasher, bytes: &[u8], hash: Option<u64>, heat: u32) {
        let record = Record::parse(bytes);
        let hash = hash.unwrap_or_else(|| hasher.hash(key_of(bytes)));
        let offset = self.append_bytes(bytes);
        self.place(hash, offset, heat);
        // A split adopts hundreds of records: most are looked at once only.
        if record::is_plain(record.expire.is_some(), record.type_byte) {
            return;
        }
        self.count(record.expire.is_some(), record.type_byte, 1);
        if let Some(at) = self.as_ref().due_at(offset) {
            self.set_min_expire(self.min_expire().min(at));
        }
    }
}
