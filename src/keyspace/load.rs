//! Building a database aside, by several threads: one [`Partition`] per range of hashes, put
//! together by [`Db::assemble`] when all of them are complete.
//!
//! A partition is owned by one thread at a time (it is `Send`). It holds the hashes whose top `bits`
//! bits are its index; [`Hasher`] says what the hash of a key is. Batches whose hashes lie close
//! together (chunks of some 512 records of the same 1/256 of a large keyspace) go much faster than
//! random ones.

use super::{Db, Hasher, UnixMillis, Value};
use std::fmt;

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
pub struct DuplicateKey(
    /// The key.
    pub Vec<u8>,
);

impl fmt::Display for DuplicateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate key '{}'", self.0.escape_ascii())
    }
}

impl std::error::Error for DuplicateKey {}

/// What a loader knows beforehand. Both are hints: wrong ones cost time or memory only.
#[derive(Clone, Copy, Debug, Default)]
pub struct SizeHint {
    /// Keys to come (RESIZEDB, or an estimate).
    pub keys: u64,
    /// Bytes of records to come: at most what is left of the file. Bounds what `keys` may reserve.
    pub bytes: u64,
}

impl Partition {
    /// The partitions of a new database: `1 << bits` of them, in the order of their hashes. The hints are
    /// for the whole database.
    pub fn split(hasher: Hasher, bits: u32, hint: SizeHint) -> Vec<Partition> {
        let _ = hint;
        (0..1 << bits)
            .map(|_| Partition {
                db: Db::new(hasher),
            })
            .collect()
    }

    /// Keys so far.
    pub fn len(&self) -> usize {
        self.db.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.db.is_empty()
    }

    /// Inserts checked records.
    ///
    /// # Errors
    /// The first key that is there already; the records before it have been inserted.
    pub fn insert_batch(&mut self, batch: &[Scanned<'_>]) -> Result<(), DuplicateKey> {
        for scanned in batch {
            let record = super::record::Record::parse(scanned.record);
            let value = Value::from_record(record.rdb_type, record.rest);
            self.insert_value(scanned.hash, record.key, record.expire, value, scanned.heat)?;
        }
        Ok(())
    }

    /// Inserts a value that does not stand as a record.
    ///
    /// # Errors
    /// The key, if it is there already.
    pub fn insert_value(
        &mut self,
        hash: u64,
        key: &[u8],
        expire: Option<UnixMillis>,
        value: Value,
        heat: u32,
    ) -> Result<(), DuplicateKey> {
        if self.db.find_hashed(hash, key).is_some() {
            return Err(DuplicateKey(key.to_vec()));
        }
        let loc = self.db.insert(key, value, expire);
        self.db.set_heat(loc, heat);
        Ok(())
    }
}

impl Db {
    /// Puts the partitions of one [`Partition::split`] together, in their order.
    pub fn assemble(partitions: Vec<Partition>) -> Db {
        let mut parts = partitions.into_iter().map(|p| p.db);
        let mut db = parts.next().expect("at least one partition");
        for part in parts {
            part.scan(0, usize::MAX, |loc| {
                let new = db.insert(part.key(loc), part.clone_value(loc), part.expire(loc));
                db.set_heat(new, part.heat(loc));
            });
        }
        db
    }
}
