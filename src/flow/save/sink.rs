//! Where a snapshot's bytes go.

use super::error::SaveError;
use crate::Fate;

/// A destination of RDB bytes, which may be a file of the type `F`. It runs where the snapshot is encoded; it may wait
/// for its disk, but never for a peer. Dropping an unfinished sink abandons it: a temp file is removed, a replica's
/// transfer cut.
pub trait Sink<F>: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// It takes no more.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError>;

    /// All bytes were given: makes them final (fsync and rename; end mark), unless `fate` says that the save was
    /// given up. A sink that wrote a file returns the open file, because others may need these very bytes after
    /// another file has taken the name.
    ///
    /// # Errors
    /// They are not final.
    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<F>, SaveError>;
}
