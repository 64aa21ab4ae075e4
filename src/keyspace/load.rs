//! Building a new database with several threads. There is one [`Partition`] for each range of hashes, and
//! [`Db::assemble`] combines them when all are complete.
//!
//! A partition is owned by one thread at a time (it is `Send`). It holds the keys whose hashes have its index as their
//! top `bits` bits; [`Hasher`] computes the hash of a key. Batches whose hashes are close to each other (chunks of
//! about 512 records of the same 1/256 of a large keyspace) are much faster than random ones.

use super::directory::Directory;
use super::heap::Heap;
use super::node::prefetch;
use super::parts::Plain;
use super::record::{self, KEY_MAX, Record, VALUE_MAX};
use super::segment;
use super::{Db, Hasher, Loc, UnixMillis, Value};
use std::fmt;
use std::sync::Arc;

/// A range of hashes of a database that is being loaded.
pub struct Partition {
    db: Db,
}

/// A record to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct Scanned<'a> {
    /// Hash of the key, by the keyspace's [`Hasher`].
    pub hash: u64,
    /// `[FC expire-ms] type klen key value`: one whole record, already checked, the key raw and the
    /// value canonical, of type 0, 11, 16, 17, 18, 20 or 25.
    pub record: &'a [u8],
    /// 24 bits of heat.
    pub heat: u32,
}

/// The same key twice in one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateKey {
    /// The key.
    pub key: Vec<u8>,
    /// The record of the batch that has the key a second time.
    pub index: usize,
}

impl fmt::Display for DuplicateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate key '{}'", self.key.escape_ascii())
    }
}

impl std::error::Error for DuplicateKey {}

/// What a loader knows beforehand. Both values are hints: wrong ones only cost time or memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct SizeHint {
    /// Keys to come (RESIZEDB, or an estimate).
    pub keys: u64,
    /// Bytes of records to come: at most what is left of the file. Bounds what `keys` may reserve.
    pub bytes: u64,
}

/// Entries that a presized segment is meant for, at most: so few that hardly any is split.
const SEGMENT_LOAD: u64 = 380;
/// Bytes of records that a presized segment is meant for, at most.
const SEGMENT_BYTES: u64 = 40 << 10;
/// Longer records are presized as if they had this length, because large values are outside the records.
const RECORD_GUESS: u64 = 256;
/// How many records ahead a segment's header and home group are prefetched.
const SLOTS_AHEAD: usize = 24;
/// How many records ahead the place for the record is prefetched.
const RECORD_AHEAD: usize = 12;

impl Partition {
    /// The partitions of a new database: `1 << bits` of them, in the order of their hashes. The hints are
    /// for the whole database.
    ///
    /// # Panics
    /// When `bits` is above 12.
    pub fn split(hasher: Hasher, bits: u32, hint: SizeHint) -> Vec<Partition> {
        assert!(bits <= 12, "no node has more than 4096 entries");
        let plan = Plan::new(hint);
        let prefixes = (0..1u64 << bits).map(|i| i.unbounded_shl(64 - bits));
        let partition = |prefix| {
            let mut dir = Directory::of_prefix(hasher, prefix, bits as u8);
            if let Some(plan) = &plan {
                dir.presize(plan.depth, plan.groups, plan.records);
            }
            Partition { db: Db::with(dir) }
        };
        prefixes.map(partition).collect()
    }

    /// Keys so far.
    pub fn len(&self) -> usize {
        self.db.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    /// Inserts `count` checked records: `get` gives the one of an index.
    ///
    /// # Errors
    /// The first key that is there already; the records before it have been inserted.
    ///
    /// # Panics
    /// When the bytes are not a record of one of these types.
    #[inline]
    pub fn insert_batch<'a>(
        &mut self,
        count: usize,
        get: impl Fn(usize) -> Scanned<'a>,
    ) -> Result<(), DuplicateKey> {
        for i in 0..count.min(SLOTS_AHEAD) {
            get(i).prefetch_slots(&self.db.dir);
        }
        for i in 0..count.min(RECORD_AHEAD) {
            get(i).prefetch_end(&self.db.dir);
        }
        for i in 0..count {
            if i + SLOTS_AHEAD < count {
                get(i + SLOTS_AHEAD).prefetch_slots(&self.db.dir);
            }
            if i + RECORD_AHEAD < count {
                get(i + RECORD_AHEAD).prefetch_end(&self.db.dir);
            }
            let scanned = get(i);
            if !self.db.load_record(&scanned) {
                let key = Record::parse(scanned.record).key.to_vec();
                return Err(DuplicateKey { key, index: i });
            }
        }
        Ok(())
    }

    /// Inserts a value that is not in the form of a record.
    ///
    /// # Errors
    /// The key, if it is there already (as a batch of one).
    pub fn insert_value(
        &mut self,
        hash: u64,
        key: &[u8],
        expire: Option<UnixMillis>,
        mut value: Value,
        heat: u32,
    ) -> Result<(), DuplicateKey> {
        if self.db.find_hashed(hash, key).is_some() {
            let key = key.to_vec();
            return Err(DuplicateKey { key, index: 0 });
        }
        // The database that the partitions are combined into would not know their templates.
        if let Value::Hash(hash) = &mut value {
            hash.leave_template();
        }
        let loc = self.db.insert_hashed(hash, key, value, expire);
        self.db.set_heat(loc, heat);
        Ok(())
    }
}

/// What presized segments look like.
struct Plan {
    depth: u8,
    groups: usize,
    records: usize,
}

impl Plan {
    fn new(hint: SizeHint) -> Option<Plan> {
        // No record is shorter than its type, key length and value: a hint cannot reserve more than a
        // small multiple of the bytes that will come.
        let keys = hint.keys.min(hint.bytes / 3);
        if keys < SEGMENT_LOAD {
            return None;
        }
        let record = (hint.bytes / keys).min(RECORD_GUESS);
        let segments = (keys / SEGMENT_LOAD).max(keys * record / SEGMENT_BYTES) + 1;
        let depth = segments.next_power_of_two().trailing_zeros() as u8;
        let mean = (keys >> depth) as usize;
        // One standard deviation above the mean: an unlucky segment gets more groups when it comes to it.
        let entries = mean + mean.isqrt();
        let groups = (entries / segment::GROUP_LOAD + 1).min(segment::GROUPS_MAX);
        // Three for the records: the excess is dropped when the partitions are combined.
        let records = (mean + 3 * mean.isqrt()) * record as usize;
        Some(Plan {
            depth,
            groups,
            records,
        })
    }
}

impl Scanned<'_> {
    fn prefetch_slots(&self, dir: &Directory) {
        prefetch(self.record.as_ptr());
        dir.prefetch_slots(self.hash);
    }

    fn prefetch_end(&self, dir: &Directory) {
        dir.prefetch_end(self.hash);
    }
}

impl Db {
    /// Inserts a checked record; false if its key is there already.
    fn load_record(&mut self, scanned: &Scanned<'_>) -> bool {
        let plain = Plain::new(scanned.record);
        let record = *plain.record();
        let (hash, key) = (scanned.hash, record.key);
        debug_assert_eq!(hash, self.hash(key));
        let small = key.len() <= KEY_MAX && record.rest.len() <= VALUE_MAX;
        if small && let Some(is_new) = self.load_whole(scanned, plain) {
            return is_new;
        }
        if self.dir.find(hash, key).is_some() {
            return false;
        }
        if !small {
            let value = Value::from_record(record.type_byte.rdb_type(), record.rest);
            let loc = self.insert_outside(hash, key, Arc::new(value), record.expire);
            self.set_heat(loc, scanned.heat);
            return true;
        }
        let loc = self.append_whole(hash, plain, scanned.heat);
        self.note_written(loc, record.expire, record.type_byte);
        true
    }

    /// The short way for nearly all records: one visit of the segment finds out that the key is new and
    /// puts it there. `None` if that takes more.
    #[inline]
    fn load_whole(&mut self, scanned: &Scanned<'_>, plain: Plain<'_>) -> Option<bool> {
        let record = plain.record();
        let (hash, len) = (scanned.hash, scanned.record.len());
        if self.walk.is_some() || self.dir.is_chained(hash) {
            return None;
        }
        self.sorted.get_mut().forget(hash);
        let mut segment = self.dir.link_mut(hash, 0)?;
        let slot = match segment.as_ref().find_or_empty(hash, record.key) {
            Ok(_) => return Some(false),
            Err(slot) => slot?,
        };
        if !segment.takes_another(len) {
            return None;
        }
        let offset = segment.append_plain(plain);
        segment.fill(slot, hash, offset, scanned.heat);
        self.len += 1;
        self.types.add(record.type_byte);
        let expires = record.expire.is_some();
        if record::is_plain(expires, record.type_byte) {
            return Some(true);
        }
        segment.count(expires, record.type_byte, 1);
        self.expires += expires as usize;
        let loc = Loc {
            hash,
            slot: slot as u16,
            link: 0,
        };
        self.note_written(loc, record.expire, record.type_byte);
        Some(true)
    }

    /// Puts the partitions of one [`Partition::split`] together, in their order.
    ///
    /// # Panics
    /// Without partitions.
    pub fn assemble(partitions: Vec<Partition>) -> Db {
        let mut dirs = Vec::with_capacity(partitions.len());
        let mut total: Option<Db> = None;
        // Segments that outgrew their first place have left holes. Each partition is moved into the space that the
        // one before has left, so that no fresh memory is touched.
        let mut heap = Heap::new();
        for partition in partitions {
            let mut part = partition.db;
            heap = part.dir.pack(heap);
            let hasher = *part.dir.hasher();
            dirs.push(std::mem::replace(&mut part.dir, Directory::new(hasher)));
            match &mut total {
                None => total = Some(part),
                Some(total) => total.add_counts(&part),
            }
        }
        let mut db = total.expect("at least one partition");
        db.dir = Directory::join(dirs);
        db
    }

    fn add_counts(&mut self, part: &Db) {
        self.len += part.len;
        self.expires += part.expires;
        self.types.add_all(&part.types);
        for i in 0..part.expiry.len() as u64 {
            let (at, prefix) = part.expiry.get(i).expect("below the length");
            self.expiry.push(at, prefix);
        }
    }
}
