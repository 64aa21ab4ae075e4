//! The clients that watch keys, by key.

use crate::ClientId;
use std::collections::HashMap;

/// The clients that watch each key.
#[derive(Default)]
pub struct WatchTable {
    /// By database and key.
    pub keys: HashMap<(usize, Vec<u8>), Vec<Watcher>>,
}

/// One client that watches a key.
#[derive(Clone, Copy)]
pub struct Watcher {
    /// The client.
    pub client: ClientId,
    /// The key had already expired at WATCH.
    pub expired: bool,
}

impl WatchTable {
    /// Number of watched keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True when no client watches a key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
