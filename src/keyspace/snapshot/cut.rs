//! The dataset at the cut in numbers, and how the walk ends.

use super::Block;
use crate::type_counts::TypeCounts;
use std::fmt;

/// What the walk should collect in addition to keys, values and expiries.
#[derive(Clone, Copy, Debug, Default)]
pub struct SnapshotOptions {
    /// Fill [`Block::heats`], for IDLE and FREQ records.
    pub heats: bool,
}

/// The dataset at the cut, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Number of this snapshot since the keyspace began.
    pub epoch: u64,
    /// The databases that hold keys, ascending.
    pub dbs: Vec<DbCut>,
}

/// One database at the cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbCut {
    /// Its number.
    pub db: u32,
    /// Keys, expired ones included.
    pub keys: u64,
    /// Keys with an expiry.
    pub expires: u64,
    /// Keys by the RDB type in which the value is held, or in which it is written if it is outside the records (0
    /// string, 18 list, 2 set, 5 zset, 4 hash, 24 hash with field expiry, streams as loaded): decides the lowest
    /// version that holds the data.
    pub types: TypeCounts,
}

/// Outcome of one slice of the walk.
#[derive(Debug)]
pub enum Step {
    /// A block is ready.
    Block(Block),
    /// The budget is used up and no block is full yet.
    Pending,
    /// Every key of the cut has been handed out, and the counts agree.
    Done,
}

/// Why a snapshot did not begin or cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A snapshot is being taken already.
    Running,
    /// `walk_step` without a snapshot.
    NotRunning,
    /// The walk handed out another number of keys than the cut had: the image must be discarded.
    CountMismatch {
        /// Number of the database at the cut.
        db: u32,
        /// Keys at the cut.
        expected: u64,
        /// Keys handed out.
        emitted: u64,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("a snapshot is running already"),
            Self::NotRunning => f.write_str("no snapshot is running"),
            Self::CountMismatch {
                db,
                expected,
                emitted,
            } => write!(
                f,
                "database {db} had {expected} keys at the cut, but {emitted} were handed out"
            ),
        }
    }
}

impl std::error::Error for SnapshotError {}
