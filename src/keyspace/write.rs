//! Changes of a database. Every change consists of three steps: *protect* what a snapshot still needs, *retire* the old
//! record, and *append* the new one. If there is no room, the segment is first compacted, enlarged, split or chained.
//!
//! While a snapshot has not passed a segment, records below its `limit` are never touched: they are retired to the
//! snapshot's dead list with everything they own. A change that would move records first hands the segment to the
//! snapshot ([`Db::emit_first`]).

use super::db::Db;
use super::directory::{ALONE_SLACK, room_for};
use super::edit::pack;
use super::heap::EXTENT_MAX;
use super::loc::Loc;
use super::memory::slots::RecordAt;
use super::parts::{Parts, Plain};
use super::record::{self, KEY_MAX, RECORD_MAX, Record, Small};
use super::segment::{self, ENTRIES_MAX, GROUPS_MAX, SegmentMut};
use super::type_byte::TypeByte;
use super::value::TEXT_MAX;
use super::{UnixMillis, Value};
use crate::snapshot::preserve::let_go;
use std::sync::Arc;

/// Two segments of at most this many entries together are merged. The limit is well below [`ENTRIES_MAX`], so that
/// the merged one is not split again soon.
const MERGE_MAX: usize = 224;
/// Less garbage than this is not worth a compaction.
const GARBAGE_MIN: usize = 512;
/// A database that keeps more memory than this when it is emptied would keep it from others.
const CLEARED_MAX: usize = 256 << 10;
/// A longer key does not leave its memory to the keys after it.
const SCRATCH_MAX: usize = 64 << 10;

impl Db {
    /// Creates or overwrites a key with a string; the fast path of SET. Keeps heat of an existing key.
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expire: Option<UnixMillis>) -> Loc {
        self.insert_str_hashed(self.hash(key), key, bytes, expire)
    }

    /// As [`Db::insert_str`], for a key whose hash is known.
    pub fn insert_str_hashed(
        &mut self,
        hash: u64,
        key: &[u8],
        bytes: &[u8],
        expire: Option<UnixMillis>,
    ) -> Loc {
        let (head, body) = string_parts(bytes);
        match Parts::whole(expire, TypeByte::STRING, key, &head, body) {
            Some(parts) => self.put(hash, key, parts, None),
            None => {
                if bytes.len() > TEXT_MAX {
                    self.forget_value(hash, key);
                }
                let value = Value::Str(super::value::Str::new(bytes));
                self.insert_outside(hash, key, Arc::new(value), expire)
            }
        }
    }

    /// Called before a large value replaces one that may be large too: the old one is dropped first, so that memory
    /// for both at once is not needed.
    fn forget_value(&mut self, hash: u64, key: &[u8]) {
        let Some(loc) = self
            .find_hashed(hash, key)
            .filter(|loc| self.is_outside(*loc))
        else {
            return;
        };
        let limit = self.protect(loc);
        let mut segment = self.segment_mut(loc);
        let offset = segment.as_ref().slots().offset(loc.slot as usize);
        if offset.get() >= limit
            && let Some(value) = segment.outside_mut_at(offset)
        {
            *value = Value::Str(super::value::Str::from_int(0));
        }
    }

    /// As [`Db::insert_str_hashed`], with the decimal text of `n`.
    pub fn insert_int_hashed(&mut self, hash: u64, key: &[u8], n: i64) -> Loc {
        let mut digits = itoa::Buffer::new();
        let (head, body) = int_parts(n, &mut digits);
        match Parts::whole(None, TypeByte::STRING, key, &head, body) {
            Some(parts) => self.put(hash, key, parts, None),
            None => {
                let value = Value::Str(super::value::Str::from_int(n));
                self.insert_outside(hash, key, Arc::new(value), None)
            }
        }
    }

    /// Replaces the value by the decimal text of `n`, keeping expiry and heat; the fast path of INCR.
    pub fn set_int(&mut self, loc: Loc, n: i64) -> Loc {
        let mut digits = itoa::Buffer::new();
        let (head, body) = int_parts(n, &mut digits);
        let limit = self.protect(loc);
        let mut segment = self.segment_mut(loc);
        let offset = segment.as_ref().slots().offset(loc.slot as usize);
        if offset.get() >= limit && segment.write_string_at(offset, &head, body) {
            return loc;
        }
        let record = self.record(loc);
        if record.type_byte.has_long_key() {
            let value = Value::Str(super::value::Str::from_int(n));
            self.edit_with(loc, |old| *old = value);
            return loc;
        }
        let expire = record.expire;
        self.rewrite(loc, expire, TypeByte::STRING, &head, body)
    }

    /// Creates or overwrites a key. The old value is dropped (see [`Db::take`] to keep it).
    pub fn insert(&mut self, key: &[u8], value: Value, expire: Option<UnixMillis>) -> Loc {
        let hash = self.hash(key);
        self.insert_hashed(hash, key, value, expire)
    }

    pub(super) fn insert_hashed(
        &mut self,
        hash: u64,
        key: &[u8],
        value: Value,
        expire: Option<UnixMillis>,
    ) -> Loc {
        if key.len() <= KEY_MAX {
            if let Some((head, values)) = self.template_parts(&value, false) {
                let parts = Parts::whole(expire, TypeByte::HASH_TEMPLATE, key, &head, &values);
                if let Some(parts) = parts {
                    return self.put(hash, key, parts, None);
                }
            }
            let mut bytes = std::mem::take(&mut self.scratch.value);
            let packed = pack(&value, &mut bytes).map(TypeByte::of);
            let parts = packed.and_then(|ty| Parts::whole(expire, ty, key, &bytes, &[]));
            let loc = parts.map(|parts| self.put(hash, key, parts, None));
            self.scratch.value = bytes;
            if let Some(loc) = loc {
                return loc;
            }
        }
        self.insert_outside(hash, key, Arc::new(value), expire)
    }

    /// Creates or overwrites a key with a value outside the record.
    pub(super) fn insert_outside(
        &mut self,
        hash: u64,
        key: &[u8],
        value: Arc<Value>,
        expire: Option<UnixMillis>,
    ) -> Loc {
        self.put_outside(hash, key, value, expire, None)
    }

    /// Sets or clears the expiry.
    pub fn set_expire(&mut self, loc: Loc, expire: Option<UnixMillis>) -> Loc {
        let old = self.expire(loc);
        if old == expire {
            return loc;
        }
        let limit = self.protect(loc);
        let offset = self.segment(loc).slots().offset(loc.slot as usize);
        if let (Some(_), Some(at)) = (old, expire)
            && offset.get() >= limit
        {
            self.segment_mut(loc).set_expire_at(offset, at);
            self.note_expire(loc, at);
            return loc;
        }
        let record = self.record(loc);
        let type_byte = record.type_byte;
        if !type_byte.is_outside() {
            let value = record.value().to_vec();
            return self.rewrite(loc, expire, type_byte, &value, &[]);
        }
        let value = self.borrow_outside(loc, limit);
        self.rewrite_outside(loc, expire, value)
    }

    /// Removes the key and returns its value (dropping a large one is the caller's business:
    /// in the background if it wants).
    pub fn take(&mut self, loc: Loc) -> Value {
        let limit = self.protect(loc);
        let record = self.record(loc);
        if !record.type_byte.is_outside() {
            let value = self.owned(&record);
            self.remove(loc);
            return value;
        }
        let value = self.borrow_outside(loc, limit);
        self.remove(loc);
        Arc::unwrap_or_clone(value)
    }

    /// Removes the key and drops its value.
    pub fn remove(&mut self, loc: Loc) {
        let limit = self.protect(loc);
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let (expires, type_byte, len) = describe(segment.bytes_at(loc.slot as usize));
        self.retire(loc, offset, len, limit);
        self.templates.count(self.template_of(loc), None);
        let mut segment = self.segment_mut(loc);
        segment.unplace(loc.slot as usize, len);
        segment.count(expires, type_byte, -1);
        self.len -= 1;
        self.expires -= expires as usize;
        self.types.subtract(type_byte);
        self.shrink(loc);
    }

    /// Removes everything. The result owns the old content, and should be dropped on another thread.
    ///
    /// Parts of it that a running snapshot still needs are left to the snapshot instead.
    #[must_use = "dropping a large database takes time"]
    pub fn clear(&mut self) -> Db {
        let mut new = Db::new(*self.dir.hasher());
        new.templates.want_as(&self.templates);
        let old = std::mem::replace(self, new);
        old.leave_to_walk(*self.dir.hasher())
    }

    /// Removes everything one by one, so that the memory is there for the next keys. Returns false, and does nothing, if
    /// there is much of it.
    pub fn clear_in_place(&mut self) -> bool {
        // Once a page is given back, its next use costs more than all of a small database.
        if self.dir.segments() > 1 || self.dir.heap().resident_bytes() > CLEARED_MAX {
            return false;
        }
        while let Some(loc) = self.random(0) {
            self.remove(loc);
        }
        true
    }

    /// Takes a large value out of a record that is about to be replaced; shares it if a snapshot needs the record, or
    /// if the key is with the value, because a record must not lose its key.
    pub(super) fn borrow_outside(&mut self, loc: Loc, limit: usize) -> Arc<Value> {
        let offset = self.segment(loc).slots().offset(loc.slot as usize);
        if offset.get() < limit || self.record(loc).type_byte.has_long_key() {
            return self.segment(loc).share_at(offset);
        }
        let value = self.segment_mut(loc).take_outside(offset);
        value.expect("the value is not on loan")
    }

    /// Gives an entry another record, with a value in two parts. The value is held outside if the key is.
    pub(super) fn rewrite(
        &mut self,
        loc: Loc,
        expire: Option<UnixMillis>,
        type_byte: TypeByte,
        head: &[u8],
        body: &[u8],
    ) -> Loc {
        self.with_key(loc, |db, key| {
            match Parts::whole(expire, type_byte, key, head, body) {
                Some(parts) => db.put(loc.hash, key, parts, Some(loc)),
                None => {
                    let bytes = [head, body].concat();
                    let value = db.templates.owned(type_byte, &bytes, Vec::new());
                    db.put_outside(loc.hash, key, Arc::new(value), expire, Some(loc))
                }
            }
        })
    }

    /// Gives an entry another record, with a value outside of it.
    pub(super) fn rewrite_outside(
        &mut self,
        loc: Loc,
        expire: Option<UnixMillis>,
        value: Arc<Value>,
    ) -> Loc {
        let offset = self.segment(loc).slots().offset(loc.slot as usize);
        if let Some(key) = self.segment(loc).share_key_at(offset) {
            return self.put_long(loc.hash, key, value, expire, Some(loc));
        }
        self.with_key(loc, |db, key| {
            db.put_outside(loc.hash, key, value, expire, Some(loc))
        })
    }

    /// Calls `f` with a copy of an entry's key.
    fn with_key<R>(&mut self, loc: Loc, f: impl FnOnce(&mut Db, &[u8]) -> R) -> R {
        let mut key = std::mem::take(&mut self.scratch.key);
        key.clear();
        key.extend_from_slice(self.key(loc));
        let result = f(self, &key);
        if key.capacity() <= SCRATCH_MAX {
            self.scratch.key = key;
        }
        result
    }

    fn put_outside(
        &mut self,
        hash: u64,
        key: &[u8],
        value: Arc<Value>,
        expire: Option<UnixMillis>,
        found: Option<Loc>,
    ) -> Loc {
        Parts::outside(expire, key, None, value, |parts| {
            self.put(hash, key, parts, found)
        })
    }

    /// As [`Db::put_outside`], of a key that others refer to.
    fn put_long(
        &mut self,
        hash: u64,
        key: Arc<[u8]>,
        value: Arc<Value>,
        expire: Option<UnixMillis>,
        found: Option<Loc>,
    ) -> Loc {
        Parts::outside(expire, &key, Some(key.clone()), value, |parts| {
            self.put(hash, &key, parts, found)
        })
    }

    /// Writes a record for a key, in the place of the one at `found` or of one there may be.
    fn put(&mut self, hash: u64, key: &[u8], parts: Parts<'_>, found: Option<Loc>) -> Loc {
        let (expire, type_byte) = (parts.expire(), parts.type_byte());
        let found = found.or_else(|| self.find_hashed(hash, key));
        let loc = match found {
            Some(loc) => self.overwrite(loc, key, parts),
            None => self.append(hash, parts, 0),
        };
        self.note_written(loc, expire, type_byte);
        loc
    }

    fn overwrite(&mut self, mut loc: Loc, key: &[u8], parts: Parts<'_>) -> Loc {
        let len = parts.len();
        loop {
            let limit = self.protect(loc);
            let segment = self.segment(loc);
            let slot = loc.slot as usize;
            let offset = segment.slots().offset(slot);
            let (expires, type_byte, old_len) = describe(segment.bytes_at(slot));
            let own = offset.get() >= limit;
            let in_place = old_len == len && own;
            let used = segment.used() as usize;
            let like = (expires, type_byte) == (parts.expire().is_some(), parts.type_byte());
            // The last record of the segment grows and shrinks in place.
            let last = own && like && !type_byte.is_outside() && offset.get() + old_len == used;
            let begin = if last { offset.get() } else { used };
            let room = segment.records().len() - begin;
            if !in_place && room < len {
                if !self.make_room(loc, len) {
                    // The chain continues in another segment.
                    let heat = self.heat(loc);
                    self.remove(loc);
                    return self.append(self.hash(key), parts, heat);
                }
                let hash = self.hash(key);
                loc = self
                    .find_hashed(hash, key)
                    .expect("making room loses nothing");
                continue;
            }
            self.templates
                .count(self.template_of(loc), parts.template());
            if !like {
                self.count(loc, expires, type_byte, &parts);
            } else if last || (in_place && !type_byte.is_outside()) {
                // The key stays where it is.
                let mut segment = self.segment_mut(loc);
                segment.write_again_at(offset, parts, len);
                if last {
                    segment.end_at(offset, len);
                }
                return loc;
            }
            if in_place {
                if type_byte.is_outside() {
                    let_go(self.segment_mut(loc).take_outside(offset));
                }
                self.segment_mut(loc).write_at(offset, parts, len);
            } else {
                self.retire(loc, offset, old_len, limit);
                self.segment_mut(loc).supersede(slot, old_len, parts, len);
            }
            return loc;
        }
    }

    /// Writes a record for a key that is not there.
    pub(super) fn append(&mut self, hash: u64, parts: Parts<'_>, heat: u32) -> Loc {
        let (expires, type_byte) = (parts.expire().is_some(), parts.type_byte());
        self.templates.count(None, parts.template());
        self.append_with(
            hash,
            parts.len(),
            expires,
            type_byte,
            heat,
            |segment, len| segment.append(parts, len),
        )
    }

    /// As [`Db::append`], for a whole record in the form in which it is kept.
    #[inline]
    pub(super) fn append_whole(&mut self, hash: u64, plain: Plain<'_>, heat: u32) -> Loc {
        let record = plain.record();
        let (expires, type_byte) = (record.expire.is_some(), record.type_byte);
        let len = plain.bytes().len();
        self.append_with(hash, len, expires, type_byte, heat, |segment, _| {
            segment.append_plain(plain)
        })
    }

    #[inline(always)]
    fn append_with(
        &mut self,
        hash: u64,
        len: usize,
        expires: bool,
        type_byte: TypeByte,
        heat: u32,
        write: impl FnOnce(&mut SegmentMut<'_>, usize) -> RecordAt,
    ) -> Loc {
        if self.dir.is_vacant() {
            self.dir.init(self.epoch());
        }
        loop {
            let loc = Loc {
                hash,
                slot: 0,
                link: 0,
            };
            self.protect(loc);
            let mut segment = self.segment_mut(loc);
            if !segment.takes_another(len) {
                // At the head of a chain there is always room for another segment.
                self.make_room(loc, len);
                continue;
            }
            let offset = write(&mut segment, len);
            let slot = segment.place(hash, offset, heat);
            segment.count(expires, type_byte, 1);
            self.len += 1;
            self.expires += expires as usize;
            self.types.add(type_byte);
            return Loc {
                slot: slot as u16,
                ..loc
            };
        }
    }

    /// Counts one record out and another in.
    fn count(&mut self, loc: Loc, expires: bool, type_byte: TypeByte, new: &Parts<'_>) {
        let mut segment = self.segment_mut(loc);
        segment.count(expires, type_byte, -1);
        segment.count(new.expire().is_some(), new.type_byte(), 1);
        self.expires = self.expires - expires as usize + new.expire().is_some() as usize;
        self.types.subtract(type_byte);
        self.types.add(new.type_byte());
    }

    /// Keeps the promise of `min_expire` for a record that was written.
    #[inline]
    pub(super) fn note_written(
        &mut self,
        loc: Loc,
        expire: Option<UnixMillis>,
        type_byte: TypeByte,
    ) {
        if type_byte.has_field_expiry() {
            self.note_fields(loc);
        } else if let Some(at) = expire {
            self.note_expire(loc, at);
        }
    }

    /// As [`Db::note_expire`], for an entry that may have fields with an expiry.
    pub(super) fn note_fields(&mut self, loc: Loc) {
        let segment = self.segment(loc);
        let due = segment.due_at(segment.slots().offset(loc.slot as usize));
        if let Some(at) = due {
            self.note_expire(loc, at);
        }
    }

    /// Keeps the promise that no entry of a segment is due before `min_expire`.
    pub(super) fn note_expire(&mut self, loc: Loc, at: UnixMillis) {
        let mut segment = self.segment_mut(loc);
        if segment.as_ref().timed() == 1 || at < segment.min_expire() {
            segment.set_min_expire(at);
            let prefix = segment.prefix();
            self.push_expiry(at, prefix);
        }
    }

    pub(super) fn push_expiry(&mut self, at: UnixMillis, prefix: u64) {
        self.expiry.push(at, prefix);
        if self.expiry.len() > 2 * self.dir.segments() + 64 {
            let dir = &self.dir;
            self.expiry.weed(|at, prefix| {
                let links = (0..).map_while(|link| dir.link(prefix, link));
                links
                    .into_iter()
                    .any(|s| s.timed() > 0 && s.min_expire() == at)
            });
        }
    }

    /// Enters the segments that serve these hashes in the expiry heap, after they were rebuilt.
    fn note_segments(&mut self, hashes: &[u64]) {
        for &hash in hashes {
            let Some(segment) = self.dir.segment(hash) else {
                continue;
            };
            if segment.timed() > 0 {
                // Hashes may keep the form of those with volatile fields when they have none any more.
                let at = segment.earliest().unwrap_or(UnixMillis::MAX);
                let loc = Loc {
                    hash,
                    slot: 0,
                    link: 0,
                };
                self.segment_mut(loc).set_min_expire(at);
                self.push_expiry(at, hash);
            }
        }
    }

    /// Makes room for a record of `len` bytes, and for an entry. False in a chain, for another segment
    /// than its head: the record has to go to the head.
    fn make_room(&mut self, loc: Loc, len: usize) -> bool {
        // Splitting would make no room for more, however often.
        assert!(len <= RECORD_MAX, "a record of {len} bytes");
        let (hash, link) = (loc.hash, loc.link as usize);
        let segment = self.link_of(loc);
        let entries = segment.entries() as usize;
        let groups = segment.slots().groups();
        let crowded = segment.is_crowded();
        let alone = segment.depth() == 0;
        let (live, used) = (segment.live(), segment.used() as usize);
        let few = if alone { entries } else { entries / 8 };
        let weedy = segment.removed() as usize > few || groups == GROUPS_MAX;
        let groups = match crowded {
            true if !weedy => segment::groups_for(entries).max(groups + 1),
            _ => groups,
        };
        let most = EXTENT_MAX - segment::bytes_for(groups, 0);
        let full = entries >= ENTRIES_MAX || live + len > most;
        if full {
            let prefix = segment.prefix();
            let depth = segment.depth();
            self.emit_first(loc);
            if self.dir.split(hash) {
                self.note_segments(&[prefix, prefix | 1 << (63 - depth)]);
                return true;
            }
            if link > 0 {
                return false;
            }
            self.dir.chain(hash, self.epoch());
            return true;
        }
        let compact = (used - live) * 8 > live || used + len > most;
        if compact {
            self.emit_first(loc);
            self.dir
                .rebuild(hash, link, groups, room_for(groups, live, len, alone), true);
            return true;
        }
        let room = room_for(groups, used, len, alone);
        if crowded || !self.dir.grow(hash, link, room) {
            self.dir.rebuild(hash, link, groups, room, false);
        }
        true
    }

    /// After a removal: gives space back where enough of it has gathered.
    fn shrink(&mut self, loc: Loc) {
        let (hash, link) = (loc.hash, loc.link as usize);
        let segment = self.link_of(loc);
        let entries = segment.entries() as usize;
        let (live, garbage) = (segment.live(), segment.garbage() as usize);
        let alone = segment.depth() == 0;
        let used = segment.used() as usize;
        let is_chained = self.dir.is_chained(hash);
        if entries == 0 && alone && !is_chained && used < ALONE_SLACK {
            // A database that has one key at times keeps its segment for the next one.
            return;
        }
        if entries == 0 && (alone || is_chained) {
            self.emit_first(loc);
            return self.dir.drop_empty(hash, link);
        }
        let worth = match alone {
            true => ALONE_SLACK,
            false => GARBAGE_MIN.min(live + 1),
        };
        if garbage * 8 <= live || garbage < worth {
            return;
        }
        if let Some(other) = self.dir.mergeable(hash, MERGE_MAX) {
            self.emit_first(loc);
            self.emit_first(Loc {
                hash: other,
                slot: 0,
                link: 0,
            });
            self.dir.merge(hash, other);
            return self.note_segments(&[hash]);
        }
        let groups = segment::groups_for(entries).min(segment.slots().groups());
        self.emit_first(loc);
        self.dir
            .rebuild(hash, link, groups, room_for(groups, live, 0, alone), true);
    }
}

/// A string as RDB writes it, in two parts.
#[inline]
fn string_parts(bytes: &[u8]) -> (Small, &[u8]) {
    match record::small_int(bytes) {
        Some(n) => (Small::of_int(n), &[]),
        None => (Small::of_len(bytes.len()), bytes),
    }
}

/// As [`string_parts`], of the decimal text of `n`, for which `digits` has room.
#[inline]
fn int_parts(n: i64, digits: &mut itoa::Buffer) -> (Small, &[u8]) {
    match i32::try_from(n) {
        Ok(n) => (Small::of_int(n), &[]),
        Err(_) => {
            let text = digits.format(n).as_bytes();
            (Small::of_len(text.len()), text)
        }
    }
}

/// Of the record that `bytes` begin with: (has an expiry, type byte, length)
#[inline]
fn describe(bytes: &[u8]) -> (bool, TypeByte, usize) {
    let record = Record::parse(bytes);
    let len = bytes.len() - record.rest.len() + record.value().len();
    (record.expire.is_some(), record.type_byte, len)
}
