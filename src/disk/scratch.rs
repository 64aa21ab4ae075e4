//! Files without a name, for bytes that do not fit into memory. Nothing of them is left, however the process ends.

use crate::Machine;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where such files are made.
pub trait Scratch: Clone + Debug + Send + 'static {
    /// One of them.
    type File: ScratchFile;

    /// Makes a file without a name. Its space is in `directory`.
    ///
    /// # Errors
    /// The system's.
    fn scratch(&self, directory: &Path) -> io::Result<Self::File>;
}

/// A file without a name. Closing it gives its space back.
pub trait ScratchFile: Debug + Send + Sync + 'static {
    /// Writes all of `bytes` at this offset.
    ///
    /// # Errors
    /// The system's. A part of them may have been written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Fills `buf` with what is at this offset.
    ///
    /// # Errors
    /// The system's; also if the file ends before.
    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()>;
}

impl Scratch for Machine {
    type File = File;

    fn scratch(&self, directory: &Path) -> io::Result<File> {
        tempfile::tempfile_in(directory)
    }
}

impl ScratchFile for File {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(buf, at)
    }
}
