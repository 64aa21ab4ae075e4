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
pub struct StreamRef<'a>(&'a Stream);

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
        StreamRef(self)
    }
}

impl StreamRef<'_> {
    /// RDB type and value bytes.
    pub fn rdb(&self) -> (u8, &[u8]) {
        (self.0.rdb_type, &self.0.bytes)
    }
}
