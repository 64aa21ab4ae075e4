//! The blocks that a walk hands out.

use crate::{UnixMillis, Value};
use std::sync::Arc;

/// A piece of the image, to be written by another thread.
///
/// Blocks of different databases may alternate: what a writer had to move out of the way comes when
/// it happens. SELECTDB is due whenever `db` differs from that of the block before.
#[derive(Debug, Default)]
pub struct Block {
    /// Number of the database as it was at the cut.
    pub db: u32,
    /// Whole RDB records, one after the other: `[FC expire-ms] type key value`, of the types in which
    /// small values are held: 0, 11, 16, 17, 18, 20 and 25, written canonically.
    pub bytes: Vec<u8>,
    /// Number of records in `bytes`.
    pub records: usize,
    /// Heat of each record in `bytes`, in order; empty unless asked for.
    pub heats: Vec<u32>,
    /// Entries whose value is large; the value is shared with the keyspace, not copied.
    pub values: Vec<OutOfLine>,
}

/// An entry whose value is outside the records.
#[derive(Debug)]
pub struct OutOfLine {
    /// The key.
    pub key: Vec<u8>,
    /// The expiry.
    pub expire: Option<UnixMillis>,
    /// 24 bits of heat.
    pub heat: u32,
    /// The value at the cut.
    pub value: Arc<Value>,
}

impl Block {
    /// Number of keys.
    pub fn keys(&self) -> usize {
        self.records + self.values.len()
    }

    /// Bytes that the block holds, shared values aside.
    pub fn held(&self) -> usize {
        self.bytes.len()
            + 4 * self.heats.len()
            + self.values.iter().map(|v| v.key.len() + 64).sum::<usize>()
    }

    /// Bytes that the block keeps from being freed, should all of its values be overwritten.
    pub fn weight(&self) -> usize {
        self.held()
            + self
                .values
                .iter()
                .map(|v| v.value.heap_bytes())
                .sum::<usize>()
    }

    /// Bytes that freeing the block gives back, shared values aside.
    pub fn allocated(&self) -> usize {
        let keys = self.values.iter().map(|v| v.key.capacity());
        self.bytes.capacity()
            + 4 * self.heats.capacity()
            + self.values.capacity() * size_of::<OutOfLine>()
            + keys.sum::<usize>()
    }

    /// True if there are no keys.
    pub fn is_empty(&self) -> bool {
        self.keys() == 0
    }
}
