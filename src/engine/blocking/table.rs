//! The waiting clients, by what they wait for.

use crate::ClientId;
use crate::commit::CommitPosition;
use crate::kept::Kept;
use replication::ReplOffset;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// What a blocked client waits for, and what to run when it comes.
pub struct Blocked {
    /// The request, run again when a key becomes ready.
    pub args: Kept,
    /// Of [`Clock::steady_ms`](crate::clock::Clock::steady_ms); `None` waits forever.
    pub deadline_ms: Option<i64>,
    /// What the client waits for.
    pub on: BlockedOn,
    /// The time, in ns, that its runs until now took. They are counted with the run that ends the wait.
    pub spent_ns: u64,
}

/// What a blocked client waits for.
pub enum BlockedOn {
    /// A key of this database to become ready.
    Keys {
        /// Database index.
        db: usize,
        /// The keys.
        keys: Vec<Vec<u8>>,
        /// What they must hold.
        wait_for: WaitFor,
    },
    /// `WAIT count`: that many replicas at `offset`.
    Replicas {
        /// How many.
        count: usize,
        /// From which offset on.
        offset: ReplOffset,
        /// WAITAOF: what must be durable here, too, and that the replicas must have made it durable.
        durable: Option<Durable>,
    },
    /// CLIENT PAUSE, shutdown or a full-sync reload: run again when it ends.
    Postponed,
    /// SHUTDOWN itself, until the replicas are in step.
    Shutdown,
    /// DEBUG LOADAOF, until the log is loaded.
    Load,
    /// Its own script, which takes long.
    Script,
}

/// What WAITAOF waits for on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The commits up to this one.
    pub at: CommitPosition,
    /// The client waits for them; otherwise it is only notified of them.
    pub here: bool,
}

/// What a key must hold to concern a waiting client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// A list.
    List,
    /// A sorted set.
    Zset,
    /// A stream.
    Stream,
    /// A stream; its end is news, too.
    StreamOrEnd,
}

#[derive(Default)]
pub(super) struct Waiters {
    pub(super) clients: VecDeque<ClientId>,
    /// Stands in `ready` already.
    pub(super) ready: bool,
}

/// The clients that wait for each key, in order of arrival.
#[derive(Default)]
pub struct Blocking {
    /// By database, then key.
    pub(super) waiting: HashMap<usize, HashMap<Vec<u8>, Waiters>>,
    /// Keys that changed since they were last looked at, in order.
    pub(super) ready: Vec<(usize, Vec<u8>)>,
    pub(super) deadlines: BTreeSet<(i64, ClientId)>,
    pub(super) clients: usize,
    /// The wait that is being resumed: it keeps its deadline if it continues.
    pub(super) resuming: Option<Option<i64>>,
}

impl Blocking {
    /// `blocked_clients`
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// `total_blocking_keys`
    pub fn keys(&self) -> usize {
        self.waiting.values().map(HashMap::len).sum()
    }

    /// `clients_in_timeout_table`
    pub fn with_deadline(&self) -> usize {
        self.deadlines.len()
    }

    /// True while the request of a client that waited is run again.
    pub fn is_resuming(&self) -> bool {
        self.resuming.is_some()
    }

    /// A key that somebody waits for has changed.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When [`Engine::expire_blocked`](crate::Engine::expire_blocked) is next due, of the steady clock.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|d| d.0)
    }

    /// A key changed: it is ready if a client waits for it.
    pub fn signal(&mut self, db: usize, key: &[u8]) {
        let waiters = self.waiting.get_mut(&db).and_then(|keys| keys.get_mut(key));
        if let Some(waiters) = waiters.filter(|w| !w.ready) {
            waiters.ready = true;
            self.ready.push((db, key.to_vec()));
        }
    }

    /// A database was exchanged or emptied: all its awaited keys may be ready.
    pub fn signal_all(&mut self, db: usize) {
        for (key, waiters) in self.waiting.get_mut(&db).into_iter().flatten() {
            if !waiters.ready {
                waiters.ready = true;
                self.ready.push((db, key.clone()));
            }
        }
    }

    pub(super) fn queue(&mut self, id: ClientId, db: usize, key: &[u8]) {
        let keys = self.waiting.entry(db).or_default();
        let waiters = keys.entry(key.to_vec()).or_default();
        if waiters.clients.back() != Some(&id) && !waiters.clients.contains(&id) {
            waiters.clients.push_back(id);
        }
    }

    pub(super) fn unqueue(&mut self, id: ClientId, db: usize, key: &[u8]) {
        let Some(keys) = self.waiting.get_mut(&db) else {
            return;
        };
        if let Some(waiters) = keys.get_mut(key) {
            waiters.clients.retain(|&waiting| waiting != id);
            if waiters.clients.is_empty() {
                keys.remove(key);
            }
        }
        if keys.is_empty() {
            self.waiting.remove(&db);
        }
    }

    pub(super) fn waiters(&self, db: usize, key: &[u8]) -> Vec<ClientId> {
        let waiters = self.waiting.get(&db).and_then(|keys| keys.get(key));
        waiters.map_or(Vec::new(), |w| w.clients.iter().copied().collect())
    }
}
