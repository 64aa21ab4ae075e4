//! All databases, and what they share.

use super::{Db, Hasher};
use crate::snapshot::walk::Walk;
use base::secret::HashKey;
use std::ops::RangeInclusive;

/// All databases.
pub struct Keyspace {
    pub(crate) dbs: Vec<Db>,
    hasher: Hasher,
    /// Snapshots so far.
    pub(crate) epoch: u32,
    pub(crate) walk: Option<Walk>,
    /// Databases that only a snapshot needed, until it passed.
    pub(crate) retired: Vec<Db>,
    /// The database that was tidied last.
    tidy_next: usize,
}

impl Keyspace {
    /// `count` empty databases; `key` is that of their hash.
    pub fn new(count: usize, key: HashKey) -> Self {
        let hasher = Hasher::new(key);
        Keyspace {
            dbs: (0..count).map(|_| Db::new(hasher)).collect(),
            hasher,
            epoch: 0,
            walk: None,
            retired: Vec::new(),
            tidy_next: 0,
        }
    }

    /// The hash function of all databases.
    pub fn hasher(&self) -> Hasher {
        self.hasher
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

    /// Exchanges two databases. A running snapshot continues with the databases as they were numbered at the cut.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
    }

    /// Replaces a database by another and returns the old one, which should be dropped on another thread. Parts of it
    /// that a running snapshot still needs are left to the snapshot instead.
    #[must_use = "dropping a large database takes time"]
    pub fn replace(&mut self, index: usize, mut db: Db) -> Db {
        db.templates.want_as(&self.dbs[index].templates);
        let old = std::mem::replace(&mut self.dbs[index], db);
        old.leave_to_walk(self.hasher)
    }

    /// From now on, packed hashes with so many fields have the names of their fields in common when they are written;
    /// with `None`, only those that are made that way.
    pub fn share_names(&mut self, fields: Option<RangeInclusive<usize>>) {
        for db in &mut self.dbs {
            db.templates.want(fields.clone());
        }
    }

    /// Keys in all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    /// True when every database is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of segments and directories, without those that only a snapshot holds. Values outside the records are
    /// counted by the general allocator.
    pub fn used_bytes(&self) -> usize {
        self.dbs.iter().map(Db::used_bytes).sum()
    }

    /// Bytes that segments have obtained from the system, used or not.
    pub fn resident_bytes(&self) -> usize {
        self.dbs
            .iter()
            .map(|db| db.dir.heap().resident_bytes())
            .sum()
    }

    /// Databases that were cleared or replaced while a snapshot needed them, and which it has passed:
    /// drop them where it does not hurt.
    pub fn take_retired(&mut self) -> Vec<Db> {
        std::mem::take(&mut self.retired)
    }

    /// One slice of housekeeping: moves segments out of the emptiest region, or gives free pages
    /// back. True if there is more to do at once.
    /// `now_ms` is a time that never goes back.
    pub fn tidy(&mut self, now_ms: u64) -> bool {
        for _ in 0..self.dbs.len() {
            self.tidy_next = (self.tidy_next + 1) % self.dbs.len();
            if self.dbs[self.tidy_next].tidy(now_ms) {
                return true;
            }
        }
        false
    }
}
