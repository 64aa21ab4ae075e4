//! Clients that wait: for keys (BLPOP ...) or for replicas (WAIT).

use super::ClientId;
use std::collections::{HashMap, VecDeque};

/// What a blocked client waits for, and what to run when it comes.
pub struct Blocked {
    /// The request, run again when a key becomes ready.
    pub args: Vec<Vec<u8>>,
    /// Unix ms; `None` waits forever.
    pub deadline_ms: Option<i64>,
    /// What it waits for.
    pub on: BlockedOn,
}

/// What a blocked client waits for.
pub enum BlockedOn {
    /// A key of this database to become ready.
    Keys {
        /// Database index.
        db: usize,
        /// The keys.
        keys: Vec<Vec<u8>>,
    },
    /// `WAIT count`: that many replicas at `offset`.
    Replicas {
        /// How many.
        count: usize,
        /// From which offset on.
        offset: i64,
    },
    /// CLIENT PAUSE, shutdown or a full-sync reload: run again when it ends.
    Postponed,
}

/// Who waits for which key, in order of arrival.
#[derive(Default)]
pub struct Blocking {
    /// (database, key) -> clients.
    pub waiting: HashMap<(usize, Vec<u8>), VecDeque<ClientId>>,
    /// Keys written since the last look, in order.
    pub ready: Vec<(usize, Vec<u8>)>,
}
