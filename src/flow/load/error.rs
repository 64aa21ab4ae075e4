//! Why a dump was not loaded.

use base::UserData;
use rdb::RdbError;
use std::fmt;
use std::io;

/// Why a dump was not loaded. Nothing of it remains in memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The source failed.
    Io {
        /// Bytes read before the error.
        offset: u64,
        /// The system's error.
        source: io::Error,
    },
    /// The system refuses memory for what is loaded.
    Memory {
        /// Bytes loaded before the error, approximately.
        offset: u64,
        /// What the system has refused.
        source: io::Error,
    },
    /// The dump is not sound.
    Rdb(RdbError),
    /// The bytes are not those that were written.
    Checksum {
        /// The checksum in the footer.
        stored: u64,
        /// The checksum of the bytes that were read.
        computed: u64,
        /// The offset of the footer.
        offset: u64,
    },
    /// A database that the configuration does not have.
    Database {
        /// Its number.
        db: u32,
        /// `databases`
        databases: u32,
        /// Where it is selected.
        offset: u64,
    },
    /// A key that is there already.
    Duplicate {
        /// Its database.
        db: u32,
        /// The key.
        key: Vec<u8>,
        /// Approximate offset of its record.
        offset: u64,
    },
    /// A function library that does not load, or cannot be where others are.
    Library(String),
    /// Given up by the caller.
    Cancelled,
}

impl LoadError {
    /// The error of reading at an offset: the source's, or that there is no memory for what is read.
    pub fn reading(offset: u64, source: io::Error) -> LoadError {
        match source.kind() {
            io::ErrorKind::OutOfMemory => LoadError::Memory { offset, source },
            _ => LoadError::Io { offset, source },
        }
    }

    /// The offset of the defect in the dump; of several defects the first is reported.
    pub fn offset(&self) -> u64 {
        match self {
            LoadError::Io { offset, .. }
            | LoadError::Memory { offset, .. }
            | LoadError::Checksum { offset, .. }
            | LoadError::Database { offset, .. }
            | LoadError::Duplicate { offset, .. } => *offset,
            LoadError::Rdb(e) => e.offset,
            LoadError::Library(_) | LoadError::Cancelled => u64::MAX,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Io { offset, source } => {
                write!(f, "read error at offset {offset}: {source}")
            }
            LoadError::Memory { offset, source } => {
                write!(f, "out of memory at offset {offset}: {source}")
            }
            LoadError::Rdb(e) => e.fmt(f),
            LoadError::Checksum {
                stored,
                computed,
                offset,
            } => write!(
                f,
                "Wrong RDB checksum expected: ({stored:016x}) but got ({computed:016x}) at offset {offset}: RDB CRC error"
            ),
            LoadError::Database {
                db,
                databases,
                offset,
            } => write!(
                f,
                "data for database {db} at offset {offset}, but the server has {databases} databases"
            ),
            LoadError::Duplicate { db, key, offset } => write!(
                f,
                "duplicate key '{}' in database {db} at offset {offset}",
                UserData(key.escape_ascii())
            ),
            LoadError::Library(why) => write!(f, "Failed loading library, {why}"),
            LoadError::Cancelled => f.write_str("loading was cancelled"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Io { source, .. } | LoadError::Memory { source, .. } => Some(source),
            LoadError::Rdb(e) => Some(e),
            _ => None,
        }
    }
}

impl From<RdbError> for LoadError {
    fn from(e: RdbError) -> Self {
        LoadError::Rdb(e)
    }
}
