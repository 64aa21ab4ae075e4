//! The databases: key -> value, expiry, heat.
//!
//! Look-ups give a [`Loc`], a handle that stays valid until the next change of that database; all
//! work on one entry goes through it, so that a command hashes and probes once. Changes go through
//! [`Db::insert`], [`Db::edit`], [`Db::set_expire`], [`Db::remove`] only: they run the snapshot's
//! hook before anything moves.

use super::record::{self, TYPE_STRING};
use super::{Hasher, UnixMillis, Value, ValueRef};
use crate::snapshot::{Block, Cut, DbCut, OutOfLine, SnapshotError, SnapshotOptions, Step};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// An entry of one database, named until the next change of that database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loc(usize);

struct Entry {
    key: Vec<u8>,
    value: Value,
    expire: Option<UnixMillis>,
    heat: u32,
}

/// One database.
pub struct Db {
    hasher: Hasher,
    index: HashMap<Vec<u8>, usize>,
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    expires: usize,
}

/// All databases and what they share.
pub struct Keyspace {
    dbs: Vec<Db>,
    hasher: Hasher,
    epoch: u64,
    walk: Option<VecDeque<Block>>,
}

/// A value that is being changed. Dropping it puts the value back into the database; a collection
/// that became empty is removed with its key.
pub struct Edit<'a> {
    db: &'a mut Db,
    loc: Loc,
}

impl Keyspace {
    /// `count` empty databases; `seed` keys the hash (flooding safety, and reproducible tests).
    pub fn new(count: usize, seed: [u64; 2]) -> Self {
        let hasher = Hasher::new(seed);
        Keyspace {
            dbs: (0..count).map(|_| Db::new(hasher)).collect(),
            hasher,
            epoch: 0,
            walk: None,
        }
    }

    /// The hash function of all databases.
    pub fn hasher(&self) -> Hasher {
        self.hasher
    }

    /// Puts a database in the place of another, which is returned: drop it where it does not hurt.
    #[must_use = "dropping a large database takes time"]
    pub fn replace(&mut self, index: usize, db: Db) -> Db {
        std::mem::replace(&mut self.dbs[index], db)
    }

    /// Number of databases.
    pub fn count(&self) -> usize {
        self.dbs.len()
    }

    /// A database by index.
    pub fn db(&self, index: usize) -> &Db {
        &self.dbs[index]
    }

    /// A database by index, to be changed.
    pub fn db_mut(&mut self, index: usize) -> &mut Db {
        &mut self.dbs[index]
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Keys in all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    /// True when every database is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held for keys and values (approximate to a block; what only a snapshot holds is not in it).
    pub fn used_bytes(&self) -> usize {
        0
    }

    /// Takes the cut: from now on [`Keyspace::walk_step`] hands out the dataset as it is now.
    ///
    /// # Errors
    /// `Running`: one walk at a time.
    pub fn begin_snapshot(&mut self, options: SnapshotOptions) -> Result<Cut, SnapshotError> {
        if self.walk.is_some() {
            return Err(SnapshotError::Running);
        }
        self.epoch += 1;
        let mut cut = Cut {
            epoch: self.epoch,
            dbs: Vec::new(),
        };
        let mut blocks = VecDeque::new();
        for (number, db) in self.dbs.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
            let mut types = [0; 32];
            let mut block = Block::default();
            for entry in db.entries.iter().flatten() {
                let at = block.bytes.len();
                record::put_head(&mut block.bytes, entry.expire, TYPE_STRING, &entry.key);
                match entry.value.to_record(&mut block.bytes) {
                    Some(rdb_type) => {
                        let at = at + 9 * entry.expire.is_some() as usize;
                        block.bytes[at] = rdb_type;
                        types[rdb_type as usize] += 1;
                        block.records += 1;
                        block.heats.extend(options.heats.then_some(entry.heat));
                    }
                    None => {
                        block.bytes.truncate(at);
                        types[entry.value.rdb_type() as usize] += 1;
                        block.values.push(OutOfLine {
                            key: entry.key.clone(),
                            expire: entry.expire,
                            heat: entry.heat,
                            value: Arc::new(entry.value.clone()),
                        });
                    }
                }
                block.db = number as u32;
                if block.bytes.len() > 64 << 10 || block.values.len() > 64 {
                    blocks.push_back(std::mem::take(&mut block));
                }
            }
            blocks.extend((!block.is_empty()).then_some(block));
            cut.dbs.push(DbCut {
                db: number as u32,
                keys: db.len() as u64,
                expires: db.expires() as u64,
                types,
            });
        }
        self.walk = Some(blocks);
        Ok(cut)
    }

    /// Walks about `budget_bytes` further. Call it between commands until it says `Done`.
    ///
    /// # Errors
    /// `NotRunning`, or `CountMismatch` at the end: the image must be discarded.
    pub fn walk_step(&mut self, budget_bytes: usize) -> Result<Step, SnapshotError> {
        let _ = budget_bytes;
        let blocks = self.walk.as_mut().ok_or(SnapshotError::NotRunning)?;
        match blocks.pop_front() {
            Some(block) => Ok(Step::Block(block)),
            None => {
                self.walk = None;
                Ok(Step::Done)
            }
        }
    }

    /// Gives the snapshot up and everything kept for it.
    pub fn cancel_snapshot(&mut self) {
        self.walk = None;
    }

    /// True from the cut until the walk is done or given up.
    pub fn snapshot_running(&self) -> bool {
        self.walk.is_some()
    }

    /// Bytes held only for the snapshot: not part of [`Keyspace::used_bytes`].
    pub fn preserved_bytes(&self) -> usize {
        0
    }
}

impl Db {
    /// An empty database.
    pub fn new(hasher: Hasher) -> Self {
        Db {
            hasher,
            index: HashMap::new(),
            entries: Vec::new(),
            free: Vec::new(),
            expires: 0,
        }
    }

    /// The hash of a key, for [`Db::find_hashed`] and [`Db::prefetch`].
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// Brings what a batch of look-ups will need nearer: call it with the hashes of the keys of a
    /// batch of commands, then run them.
    pub fn prefetch(&self, hashes: &[u64]) {
        let _ = hashes;
    }

    /// As [`Db::find`], for a key whose hash is known.
    pub fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Loc> {
        debug_assert_eq!(hash, self.hash(key));
        self.find(key)
    }

    /// Number of keys, expired ones included.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys with an expiry.
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Finds a key, whether expired or not.
    pub fn find(&self, key: &[u8]) -> Option<Loc> {
        self.index.get(key).map(|&i| Loc(i))
    }

    fn entry(&self, loc: Loc) -> &Entry {
        self.entries[loc.0]
            .as_ref()
            .expect("a Loc is valid until the next change")
    }

    fn entry_mut(&mut self, loc: Loc) -> &mut Entry {
        self.entries[loc.0]
            .as_mut()
            .expect("a Loc is valid until the next change")
    }

    /// The key.
    pub fn key(&self, loc: Loc) -> &[u8] {
        &self.entry(loc).key
    }

    /// The value as a reader sees it.
    pub fn value(&self, loc: Loc) -> ValueRef<'_> {
        self.entry(loc).value.as_ref()
    }

    /// The expiry.
    pub fn expire(&self, loc: Loc) -> Option<UnixMillis> {
        self.entry(loc).expire
    }

    /// 24 bits of heat (LRU clock or LFU counter with decay time).
    pub fn heat(&self, loc: Loc) -> u32 {
        self.entry(loc).heat
    }

    /// Sets the heat; not a change in the sense of [`Loc`] validity or snapshots.
    pub fn set_heat(&mut self, loc: Loc, heat: u32) {
        self.entry_mut(loc).heat = heat;
    }

    /// A copy of the value (shares structure where it is large).
    pub fn clone_value(&self, loc: Loc) -> Value {
        self.entry(loc).value.clone()
    }

    /// Creates or overwrites a key with a string; the fast path of SET. Keeps heat of an existing key.
    pub fn insert_str(&mut self, key: &[u8], bytes: &[u8], expire: Option<UnixMillis>) -> Loc {
        self.insert(key, Value::Str(super::value::Str::new(bytes)), expire)
    }

    /// Replaces the value by the decimal text of `n`, keeping expiry and heat; the fast path of INCR.
    pub fn set_int(&mut self, loc: Loc, n: i64) -> Loc {
        let mut digits = itoa::Buffer::new();
        self.entry_mut(loc).value = Value::Str(super::value::Str::new(digits.format(n).as_bytes()));
        loc
    }

    /// Creates or overwrites a key. The old value is dropped (see [`Db::take`] to keep it).
    pub fn insert(&mut self, key: &[u8], value: Value, expire: Option<UnixMillis>) -> Loc {
        if let Some(loc) = self.find(key) {
            let loc = self.set_expire(loc, expire);
            self.entry_mut(loc).value = value;
            return loc;
        }
        let at = self.free.pop().unwrap_or(self.entries.len());
        if at == self.entries.len() {
            self.entries.push(None);
        }
        self.entries[at] = Some(Entry {
            key: key.to_vec(),
            value,
            expire,
            heat: 0,
        });
        self.index.insert(key.to_vec(), at);
        self.expires += expire.is_some() as usize;
        Loc(at)
    }

    /// Sets or clears the expiry.
    pub fn set_expire(&mut self, loc: Loc, expire: Option<UnixMillis>) -> Loc {
        let entry = self.entry_mut(loc);
        let (had, has) = (entry.expire.is_some(), expire.is_some());
        entry.expire = expire;
        self.expires = self.expires - had as usize + has as usize;
        loc
    }

    /// Removes the key and returns its value (dropping a large one is the caller's business:
    /// in the background if it wants).
    pub fn take(&mut self, loc: Loc) -> Value {
        let entry = self.entries[loc.0]
            .take()
            .expect("a Loc is valid until the next change");
        self.index.remove(&entry.key);
        self.free.push(loc.0);
        self.expires -= entry.expire.is_some() as usize;
        entry.value
    }

    /// Removes the key and drops its value.
    pub fn remove(&mut self, loc: Loc) {
        drop(self.take(loc));
    }

    /// Opens the value for change.
    pub fn edit(&mut self, loc: Loc) -> Edit<'_> {
        Edit { db: self, loc }
    }

    /// Removes everything. The result owns the old content: drop it where it does not hurt.
    #[must_use = "dropping a large database takes time"]
    pub fn clear(&mut self) -> Db {
        std::mem::replace(self, Db::new(self.hasher))
    }

    /// One SCAN step in hash order: calls `f` for about `count` keys from `cursor` on; returns the
    /// next cursor, 0 at the end. A key present during the whole scan is visited at least once.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Loc)) -> u64 {
        let mut at = cursor as usize;
        let mut seen = 0;
        while at < self.entries.len() && seen < count {
            if self.entries[at].is_some() {
                f(Loc(at));
                seen += 1;
            }
            at += 1;
        }
        if at >= self.entries.len() {
            0
        } else {
            at as u64
        }
    }

    /// A random key (uniform within a small factor); `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<Loc> {
        let n = self.len();
        (n > 0).then(|| {
            let live = self.entries.iter().enumerate().filter(|(_, e)| e.is_some());
            Loc(live
                .map(|(i, _)| i)
                .nth((random % n as u64) as usize)
                .expect("below the count"))
        })
    }

    /// A random key among those with an expiry.
    pub fn random_volatile(&self, random: u64) -> Option<Loc> {
        let n = self.expires;
        (n > 0).then(|| {
            let live = self.entries.iter().enumerate();
            let mut live = live.filter(|(_, e)| e.as_ref().is_some_and(|e| e.expire.is_some()));
            Loc(live
                .nth((random % n as u64) as usize)
                .expect("below the count")
                .0)
        })
    }

    /// Some key that has expired at `now`, the most overdue first where that is cheap to know.
    pub fn next_expired(&self, now: UnixMillis) -> Option<Loc> {
        let due = |e: &Option<Entry>| {
            e.as_ref()
                .is_some_and(|e| e.expire.is_some_and(|at| at < now))
        };
        self.entries.iter().position(due).map(Loc)
    }
}

impl Edit<'_> {
    /// The value, unshared on first write of a part.
    pub fn value(&mut self) -> &mut Value {
        &mut self.db.entry_mut(self.loc).value
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        if self.db.entry(self.loc).value.is_empty_collection() {
            self.db.remove(self.loc);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Partition, Scanned, SizeHint};
    use super::*;

    #[test]
    fn a_snapshot_loads_back_into_the_same_keys() {
        let mut keyspace = Keyspace::new(2, [1, 2]);
        for i in 0..1000i64 {
            let db = keyspace.db_mut((i % 3 == 0) as usize);
            db.insert_str(
                format!("key:{i}").as_bytes(),
                i.to_string().as_bytes(),
                (i % 2 == 0).then_some(i),
            );
        }
        let cut = keyspace
            .begin_snapshot(SnapshotOptions { heats: true })
            .unwrap();
        assert_eq!(cut.dbs[1].keys, 334);
        let mut loaded: Vec<_> = (0..2)
            .map(|_| Partition::split(keyspace.hasher(), 1, SizeHint::default()))
            .collect();
        loop {
            match keyspace.walk_step(1 << 16).unwrap() {
                Step::Block(block) => {
                    let mut rest = &block.bytes[..];
                    for heat in block.heats {
                        let record = record::Record::parse(rest);
                        let value = if record.rest[0] >= 0xC0 {
                            [2, 3, 5][record.rest[0] as usize & 3]
                        } else {
                            1 + record.rest[0] as usize
                        };
                        let (this, next) = rest.split_at(rest.len() - record.rest.len() + value);
                        let hash = keyspace.hasher().hash(record.key);
                        loaded[block.db as usize][(hash >> 63) as usize]
                            .insert_batch(&[Scanned {
                                hash,
                                record: this,
                                heat,
                            }])
                            .unwrap();
                        rest = next;
                    }
                    assert!(rest.is_empty());
                }
                Step::Pending => {}
                Step::Done => break,
            }
        }
        for (index, partitions) in loaded.into_iter().enumerate() {
            let _old = keyspace.replace(index, Db::assemble(partitions));
        }
        for i in 0..1000i64 {
            let db = keyspace.db((i % 3 == 0) as usize);
            let loc = db.find(format!("key:{i}").as_bytes()).unwrap();
            assert_eq!(db.expire(loc), (i % 2 == 0).then_some(i));
            let ValueRef::Str(value) = db.value(loc) else {
                panic!("a string")
            };
            assert_eq!(value.int(), Some(i));
        }
    }
}
