//! Loads a dump, from a file or a socket, into new databases beside those that are served, until it is complete.
//!
//! ```text
//! source -> windows -> scan, checksum, hash  --lists per hash range-->  check, convert, insert
//!            (8 MB)     (the calling thread)                            (loader threads, and it too)
//! ```
//!
//!  * Nothing that is being served is touched: the caller swaps the result in when it is complete.
//!  * Memory beside the new dataset is a fixed number of windows, and a record's own size.
//!  * The first defect by offset is reported, whichever thread found it.

mod check;
mod error;
mod insert;
mod list;
pub mod salvage;
mod scan;

pub use check::{CheckOptions, check};
pub use error::LoadError;

use base::secret::HashKey;
use keyspace::{Db, Hasher, Limits, UnixMillis};
use rdb::RdbVersion;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// What the loader must know.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The keyspace's hash function.
    pub hasher: Hasher,
    /// The key of the hashes by which duplicates inside a value are found.
    pub key: HashKey,
    /// Unix time, ms: what has expired before it is dropped, unless `keep_expired`.
    pub now_ms: UnixMillis,
    /// A replica keeps expired keys: its primary deletes them.
    pub keep_expired: bool,
    /// Bytes that the names of dropped keys may take in [`Loaded::expired`].
    pub expired_bytes_max: usize,
    /// Databases with this number or a higher one are an error.
    pub databases: u32,
    /// `rdbchecksum`: verify the footer (one that is 0 is never verified).
    pub verify_checksum: bool,
    /// Bytes of the whole dump, where known: bounds what hints may reserve.
    pub total_bytes: Option<u64>,
    /// What becomes of IDLE and FREQ.
    pub heat: HeatPolicy,
    /// `rdb-unknown-values skip`: leave module values out instead of refusing the dump.
    pub skip_unknown: bool,
    /// Up to which sizes collections are packed.
    pub limits: Limits,
    /// Threads that insert, the calling one included.
    pub threads: usize,
}

impl LoadOptions {
    /// True for the expiry of a key that is left out.
    fn drops(&self, expire_ms: Option<UnixMillis>) -> bool {
        !self.keep_expired && expire_ms.is_some_and(|at| at < self.now_ms)
    }
}

/// What the heat of an entry means under the maxmemory policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeatPolicy {
    /// The LRU clock, seconds in 24 bits; the value is now.
    Lru(u32),
    /// LFU: minutes in 16 bits, counter in 8; the value is the current minute.
    Lfu(u16),
}

/// Shared with those who show the progress or may cancel the load.
#[derive(Default, Debug)]
pub struct LoadProgress {
    /// Bytes of the dump read.
    pub bytes: AtomicU64,
    /// Keys scanned.
    pub keys: AtomicU64,
    /// Memory that the writer used, as the dump says.
    pub used_memory: AtomicU64,
    /// Set it to give the load up.
    pub cancel: AtomicBool,
}

/// A complete dataset.
pub struct Loaded {
    /// The databases that have keys, by number.
    pub dbs: Vec<(u32, Db)>,
    /// Function libraries, as their source.
    pub functions: Vec<Vec<u8>>,
    /// AUX fields in order: name, value.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// What wrote it.
    pub version: RdbVersion,
    /// Keys inserted.
    pub keys_loaded: u64,
    /// Keys dropped because they had expired.
    pub keys_expired: u64,
    /// Databases and names of these, ordered; `None` if the names take more than `expired_bytes_max`.
    pub expired: Option<Vec<(u32, Vec<u8>)>>,
    /// Collections without elements, left out.
    pub empty_skipped: u64,
    /// Module values left out (`rdb-unknown-values skip`).
    pub unknown_skipped: u64,
    /// Length of the dump.
    pub bytes: u64,
}

impl Loaded {
    /// An AUX field by name, in any case; if there are several, the last one.
    pub fn aux(&self, name: &str) -> Option<&[u8]> {
        aux_field(&self.aux, name)
    }
}

/// An AUX field by name, in any case; if there are several, the last one.
fn aux_field<'a>(aux: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let named = |f: &&(Vec<u8>, Vec<u8>)| f.0.eq_ignore_ascii_case(name.as_bytes());
    aux.iter().rev().find(named).map(|f| f.1.as_slice())
}

/// Loads one dump from `source`. Returns the dataset, what was read beyond the dump's end, and the source.
///
/// # Errors
/// The first defect by offset; nothing of the dataset remains.
pub fn load<R: Read>(
    source: R,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<(Loaded, Vec<u8>, R), LoadError> {
    scan::load(source, options, progress)
}
