//! The place of the dump: which file it is, which is decided once, and who may change it.
//!
//!  * `dir` and `dbfilename` are resolved when a save, a sync or a load begins. Whatever is configured in the meantime,
//!    the work finishes at the place where it began.
//!  * What replaces or removes the file needs the witness of a complete dataset in memory ([`Whole`]), or is
//!    itself a complete dump that has been checked ([`crate::follow::ReceivedFile`]).

use crate::Whole;
use config::Config;
use disk::{Disk, directory_of, unused_name};
use std::io;
use std::path::{Path, PathBuf};

/// How the names of temporary files beside a dump begin and end.
pub const TEMPORARY: (&str, &str) = ("temp-", ".rdb");

/// The file of dumps, as configured at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpFile {
    path: PathBuf,
}

/// The right to replace the present dump.
#[derive(Debug)]
pub struct Replacement(DumpFile);

impl DumpFile {
    /// The current path of the dump. The working directory is `dir`.
    pub fn configured(disk: &impl Disk, config: &Config) -> DumpFile {
        let name = Path::new(&config.dbfilename);
        // Without a working directory nothing can be saved, which the save will say.
        let path = disk.absolute(name).unwrap_or_else(|_| name.to_owned());
        DumpFile { path }
    }

    /// A dump at another place: the base of an append-only file.
    pub fn at(path: PathBuf) -> DumpFile {
        DumpFile { path }
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        directory_of(&self.path)
    }

    /// A name for a temporary file beside it, which no other file of this process gets.
    pub fn temporary(&self) -> PathBuf {
        unused_name(self.directory(), TEMPORARY.0, TEMPORARY.1)
    }

    /// A save of the dataset in memory may replace it.
    pub fn to_replace(&self, _: &Whole) -> Replacement {
        Replacement(self.clone())
    }

    /// True if the file at this place is the open `file`, whatever has been renamed since that was opened.
    pub fn is<D: Disk>(&self, disk: &D, file: &D::File) -> bool {
        disk.is_named(&self.path, file)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(&self, disk: &impl Disk, _: &Whole) -> io::Result<()> {
        disk.remove(&self.path)
    }
}

impl Replacement {
    /// The place.
    pub fn place(&self) -> &DumpFile {
        &self.0
    }
}
