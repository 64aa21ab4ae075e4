//! Where a snapshot's bytes go.

use super::file_sink::SaveError;

/// A destination of RDB bytes. Runs on the persistence thread; may block on its disk, never on a peer.
/// Dropping an unfinished sink abandons it: a temp file is removed, a replica's transfer cut.
pub trait Sink: Send {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError>;
    /// All bytes were given: makes them final (fsync and rename; end mark).
    fn finish(self: Box<Self>) -> Result<(), SaveError>;
}
