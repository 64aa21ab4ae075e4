//! The facts about a key that are kept until it is compared, in memory or a temporary file.
//!
//! ```text
//! db u32 | key length u32 | key | kind u8 | elements u64 | fingerprint 20 | expiry i64 (MIN: none) | place u64
//! ```

use super::parts::fingerprint;
use crate::canonical::canonical;
use crate::encoding::kind_name;
use crate::pipeline::{Batch, Place, Worker};
use crate::text;
use base::Hasher;
use base::secret::HashKey;
use rdb::check::Scratch;
use rdb::{Frame, RdbError, Record, function};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of input for each partition.
const INPUT_EACH: u64 = 32 << 20;
/// Partitions there are at most.
const PARTITIONS_MAX: u64 = 256;
/// Bytes of a partition that go to the file at once, where there is more than one.
const CHUNK: usize = 256 << 10;
/// What an expiry is when there is none.
const NEVER: i64 = i64::MIN;

/// How many partitions are right for inputs of this size.
pub fn partitions_for(bytes: u64) -> usize {
    bytes.div_ceil(INPUT_EACH).clamp(1, PARTITIONS_MAX) as usize
}

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its database.
    pub db: u32,
    /// Its name.
    pub key: &'a [u8],
    /// Its type, by [`kind_name`].
    pub kind: &'static str,
    /// Elements; bytes of a string.
    pub elements: u64,
    /// Of the value.
    pub fingerprint: [u8; 20],
    /// Unix milliseconds.
    pub expire_ms: Option<i64>,
    /// Offset of the record's type byte.
    pub place: u64,
}

const KINDS: [&str; 8] = [
    "string", "list", "set", "zset", "hash", "stream", "array", "module",
];

impl<'a> Entry<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.db.to_le_bytes());
        out.extend_from_slice(&(self.key.len() as u32).to_le_bytes());
        out.extend_from_slice(self.key);
        let kind = KINDS.iter().position(|k| *k == self.kind).unwrap_or(0);
        out.push(kind as u8);
        out.extend_from_slice(&self.elements.to_le_bytes());
        out.extend_from_slice(&self.fingerprint);
        out.extend_from_slice(&self.expire_ms.unwrap_or(NEVER).to_le_bytes());
        out.extend_from_slice(&self.place.to_le_bytes());
    }

    /// The entries of a partition.
    pub fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Entry<'a>> {
        std::iter::from_fn(move || {
            let mut take = |n: usize| {
                let (head, rest) = bytes.split_at_checked(n)?;
                bytes = rest;
                Some(head)
            };
            let db = u32::from_le_bytes(take(4)?.try_into().ok()?);
            let len = u32::from_le_bytes(take(4)?.try_into().ok()?);
            let key = take(len as usize)?;
            let kind = KINDS[usize::from(take(1)?[0]) % KINDS.len()];
            let elements = u64::from_le_bytes(take(8)?.try_into().ok()?);
            let fingerprint = take(20)?.try_into().ok()?;
            let expire_ms = i64::from_le_bytes(take(8)?.try_into().ok()?);
            let place = u64::from_le_bytes(take(8)?.try_into().ok()?);
            Some(Entry {
                db,
                key,
                kind,
                elements,
                fingerprint,
                expire_ms: Some(expire_ms).filter(|t| *t != NEVER),
                place,
            })
        })
    }

    /// Whether expiries are equal, give or take `tolerance` ms; always without one.
    pub fn same_expiry(&self, other: &Entry<'_>, tolerance: Option<i64>) -> bool {
        match (tolerance, self.expire_ms, other.expire_ms) {
            (None, ..) | (_, None, None) => true,
            (Some(tolerance), Some(a), Some(b)) => a.abs_diff(b) <= tolerance.unsigned_abs(),
            _ => false,
        }
    }

    /// Whether the values and expiries are equal.
    pub fn equals(&self, other: &Entry<'_>, tolerance: Option<i64>) -> bool {
        (self.kind, self.fingerprint) == (other.kind, other.fingerprint)
            && self.same_expiry(other, tolerance)
    }
}

/// Entries by partition.
#[derive(Debug)]
pub struct Partitions {
    bufs: Vec<Vec<u8>>,
    file: Option<File>,
    len: u64,
    /// Per partition: where its chunks are.
    chunks: Vec<Vec<(u64, usize)>>,
}

impl Partitions {
    /// Empty ones.
    pub fn new(n: usize) -> Partitions {
        Partitions {
            bufs: vec![Vec::new(); n],
            file: None,
            len: 0,
            chunks: vec![Vec::new(); n],
        }
    }

    /// Adds entries of each partition.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn add(&mut self, entries: Vec<Vec<u8>>) -> io::Result<()> {
        let several = self.bufs.len() > 1;
        for (partition, more) in entries.into_iter().enumerate() {
            let buf = &mut self.bufs[partition];
            buf.extend_from_slice(&more);
            if several && buf.len() >= CHUNK {
                let file = match &mut self.file {
                    Some(file) => file,
                    None => self.file.insert(tempfile::tempfile()?),
                };
                file.write_all_at(buf, self.len)?;
                self.chunks[partition].push((self.len, buf.len()));
                self.len += buf.len() as u64;
                buf.clear();
            }
        }
        Ok(())
    }

    /// All entries of a partition.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn read(&self, partition: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for &(at, len) in &self.chunks[partition] {
            let begin = out.len();
            out.resize(begin + len, 0);
            let file = self.file.as_ref().expect("chunks are in the file");
            file.read_exact_at(&mut out[begin..], at)?;
        }
        out.extend_from_slice(&self.bufs[partition]);
        Ok(out)
    }
}

/// What a thread found in a batch.
#[derive(Debug, Default)]
pub struct Listing {
    /// Encoded entries of each partition.
    pub entries: Vec<Vec<u8>>,
    /// Keys among them.
    pub keys: u64,
    /// Function libraries by name.
    pub functions: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first value that is not sound.
    pub defect: Option<RdbError>,
}

/// One thread's part.
pub struct Lister {
    partitions: usize,
    drop_before: Option<i64>,
    scratch: Scratch,
    buf: Vec<u8>,
    hasher: Hasher,
}

impl Lister {
    pub fn new(partitions: usize, drop_before: Option<i64>) -> Lister {
        Lister {
            partitions,
            drop_before,
            scratch: Scratch::new(text::hash_key()),
            buf: Vec::new(),
            // The same hash on both sides and in every run, so that the order of the output does not change.
            hasher: Hasher::new(HashKey::fixed([0, 0])),
        }
    }

    fn key(
        &mut self,
        place: &Place<'_>,
        record: &Record<'_>,
        listing: &mut Listing,
    ) -> Result<(), RdbError> {
        let value = canonical(place.context, record, &mut self.scratch, &mut self.buf)?;
        let gone = |at: i64| self.drop_before.is_some_and(|now| at <= now);
        if value.info.empty || record.expire_ms.is_some_and(gone) {
            return Ok(());
        }
        let located = |e: RdbError| e.shifted(record.value_offset()).with_key(&record.key);
        let fingerprint = fingerprint(&value, place.context, &mut self.scratch).map_err(located)?;
        let entry = Entry {
            db: place.db,
            key: &record.key,
            kind: kind_name(value.info.kind),
            elements: value.info.elements,
            fingerprint,
            expire_ms: record.expire_ms,
            place: record.offset,
        };
        let partition = self.hasher.hash(&record.key) as usize % self.partitions;
        entry.encode(&mut listing.entries[partition]);
        listing.keys += 1;
        Ok(())
    }
}

impl Worker for Lister {
    type Out = Listing;

    fn batch(&mut self, batch: &Batch) -> Listing {
        let mut listing = Listing {
            entries: vec![Vec::new(); self.partitions],
            ..Listing::default()
        };
        let result = batch.frames(|place, frame| {
            match frame {
                Frame::Key(record) => self.key(place, &record, &mut listing)?,
                Frame::Function { code } => {
                    let name = function::check_library(&code).map(|l| l.name.to_vec());
                    let name = name.unwrap_or_else(|_| b"(not sound)".to_vec());
                    listing.functions.push((name, code.into_owned()));
                }
                _ => {}
            }
            Ok(())
        });
        listing.defect = result.err();
        self.scratch.shrink();
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_from_memory_and_from_the_file() {
        for n in [1, 3] {
            let mut partitions = Partitions::new(n);
            let mut wanted = vec![Vec::new(); n];
            for round in 0..100u64 {
                let mut lists = vec![Vec::new(); n];
                for i in 0..500u64 {
                    let key = format!("key:{round}:{i}");
                    let entry = Entry {
                        db: i as u32,
                        key: key.as_bytes(),
                        kind: KINDS[i as usize % 8],
                        elements: i,
                        fingerprint: [i as u8; 20],
                        expire_ms: (i % 2 == 0).then_some(i as i64 - 5),
                        place: round,
                    };
                    entry.encode(&mut lists[i as usize % n]);
                }
                wanted
                    .iter_mut()
                    .zip(&lists)
                    .for_each(|(w, l)| w.extend_from_slice(l));
                partitions.add(lists).unwrap();
            }
            assert_eq!(partitions.file.is_some(), n > 1);
            for (i, wanted) in wanted.iter().enumerate() {
                let read = partitions.read(i).unwrap();
                assert!(read == *wanted);
                let entries: Vec<_> = Entry::all(&read).collect();
                assert!(entries.len() >= 50_000 / n - 100);
                assert!(entries.iter().all(|e| e.key.starts_with(b"key:")));
            }
        }
    }
}
