//! Where a snapshot's bytes go.

use super::file_sink::SaveError;
use flow::Fate;
use std::fs::File;

/// A destination of RDB bytes. Runs on the persistence thread; may block on its disk, never on a peer.
/// Dropping an unfinished sink abandons it: a temp file is removed, a replica's transfer cut.
pub trait Sink: Send {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError>;
    /// All bytes were given: makes them final (fsync and rename; end mark), unless `fate` says that the save was
    /// given up. A sink that wrote a file returns the open file, because others may need these very bytes after
    /// another file has taken the name.
    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<File>, SaveError>;
}
