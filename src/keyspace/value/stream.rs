//! Streams: at first only held and saved back.

use std::sync::Arc;

/// A stream, owned: its checked RDB bytes.
#[derive(Clone, Debug)]
pub struct Stream {
    rdb_type: u8,
    bytes: Arc<[u8]>,
}

/// A stream as a reader sees it.
#[derive(Debug)]
pub struct StreamRef<'a> {
    rdb_type: u8,
    bytes: &'a [u8],
}

impl Stream {
    /// From checked bytes of RDB type 21 or later.
    pub fn from_rdb(rdb_type: u8, bytes: &[u8]) -> Self {
        Stream {
            rdb_type,
            bytes: bytes.into(),
        }
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> StreamRef<'_> {
        StreamRef {
            rdb_type: self.rdb_type,
            bytes: &self.bytes,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.len() + 16
    }
}

impl<'a> StreamRef<'a> {
    pub(super) fn from_record(rdb_type: u8, bytes: &'a [u8]) -> Self {
        StreamRef { rdb_type, bytes }
    }

    /// RDB type and value bytes.
    pub fn rdb(&self) -> (u8, &'a [u8]) {
        (self.rdb_type, self.bytes)
    }
}
