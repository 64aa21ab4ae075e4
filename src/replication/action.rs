//! What the state machines ask the server to do. The actions are performed in order, after the batch that caused them.

use super::log::Spill;
use super::position::ID_LEN;
use super::replconf::{Filter, Reader};
use base::{ClientId, LogLevel};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bytes for a replica's connection, before any payload and stream: reply lines, keepalives.
    Send(ClientId, Vec<u8>),
    /// Take the cut now and start a snapshot; answer with `on_snapshot_started` or
    /// `on_snapshot_refused` before any other command runs.
    StartSnapshot(SnapshotOrder),
    /// No replica wants the running snapshot any longer.
    CancelSnapshot {
        /// It is sent to connections.
        sockets: bool,
    },
    /// The disk snapshot is in its place: send `$<len>\r
    /// ` and the file, then report `on_payload_sent`.
    SendFile(ClientId),
    /// Close a connection.
    Close(ClientId),
    /// Close a connection after its pending output was sent (an `rdb-only` client).
    CloseAfterSent(ClientId),
    /// Close a replica that exceeds its output limit; log it with its CLIENT LIST line.
    CloseOverLimit(ClientId),
    /// Bytes for our primary: the answer to GETACK.
    SendUpstream(Vec<u8>),
    /// We follow a primary from now on: connect (stop the link there was).
    StartLink,
    /// This server no longer follows a primary: stop the link, and drop what it was receiving.
    StopLink,
    /// Hold back writes, expiry and eviction, or stop doing so.
    HoldWrites(bool),
    /// The role changed: clients in blocking commands get an error.
    RoleChanged,
    /// A block of the stream that slow replicas keep in memory has to go to disk; answer with
    /// `on_spilled`.
    Spill(Spill),
    /// A log line.
    Log(LogLevel, String),
}

/// Which snapshot to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotOrder {
    /// File or connections.
    pub target: SnapshotTarget,
    /// The replica that it is for.
    pub members: Vec<ClientId>,
    /// The parts of the dataset that the snapshot must hold.
    pub filter: Filter,
    /// The kinds of servers that will read it, each once.
    pub readers: Vec<Reader>,
}

/// The destination of a snapshot for replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotTarget {
    /// The dump file, with its usual way of writing; then the file is sent.
    Disk,
    /// Straight to the members' connections, between two of these marks.
    Sockets {
        /// `$EOF:<mark>`
        mark: [u8; ID_LEN],
    },
}

impl SnapshotTarget {
    /// True for connections.
    pub fn is_sockets(&self) -> bool {
        matches!(self, SnapshotTarget::Sockets { .. })
    }
}
