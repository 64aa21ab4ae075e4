//! Channels and patterns.

use super::ClientId;
use std::collections::{BTreeSet, HashMap};

/// Who listens to what.
#[derive(Default)]
pub struct PubSub {
    /// SUBSCRIBE
    pub channels: HashMap<Vec<u8>, BTreeSet<ClientId>>,
    /// PSUBSCRIBE
    pub patterns: HashMap<Vec<u8>, BTreeSet<ClientId>>,
    /// SSUBSCRIBE
    pub shard_channels: HashMap<Vec<u8>, BTreeSet<ClientId>>,
}
