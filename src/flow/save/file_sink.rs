//! A snapshot on its way to disk: temporary file, fsync, rename, fsync of the directory.
//!
//!  * The old dump stays in its place until the rename. After any failure it is still there, and the temporary
//!    file is removed.
//!  * A failed fsync is final for its file: the kernel may have dropped the pages, and a second fsync would report
//!    success.

use super::error::SaveError;
use super::sink::Sink;
use crate::Fate;
use crate::dump_file::{Replacement, TEMPORARY};
use disk::{Aside, Disk, DiskFile};
use std::io::Write;
use std::path::Path;

/// Bytes between two requests to start writing back, with `rdb-save-incremental-fsync yes`. The final fsync then has
/// little to do, and no large flush stalls other users of the disk.
const WRITE_BACK_EVERY: u64 = 8 << 20;

/// A dump being written beside its final place.
pub struct FileSink<D: Disk> {
    aside: Aside<D>,
    destination: Replacement,
    written: u64,
    flushed: u64,
    incremental: bool,
}

impl<D: Disk> FileSink<D> {
    /// Opens `temp-<pid>-...rdb` in the directory of `destination`.
    ///
    /// # Errors
    /// `Create`, when the directory does not take a new file.
    pub fn create(
        disk: &D,
        destination: Replacement,
        incremental: bool,
        fate: &Fate,
    ) -> Result<FileSink<D>, SaveError> {
        let directory = destination.place().directory();
        let aside = fate.open(|| {
            Aside::create_in(disk, directory, TEMPORARY, 0o644)
                .map_err(|e| SaveError::Create(directory.to_owned(), e))
        })?;
        Ok(FileSink {
            aside,
            destination,
            written: 0,
            flushed: 0,
            incremental,
        })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `Write`.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        let written = self.aside.write_all(bytes);
        written.map_err(|e| SaveError::Write(self.aside.path().to_owned(), e))?;
        self.written += bytes.len() as u64;
        if self.incremental && self.written - self.flushed >= WRITE_BACK_EVERY {
            let file = self.aside.file();
            file.start_write_back(self.flushed, self.written - self.flushed);
            self.flushed = self.written;
        }
        Ok(())
    }

    /// Makes the dump durable and puts it in its final place, unless `fate` forbids it.
    ///
    /// # Errors
    /// See [`SaveError`]; the temp file is removed.
    pub fn commit(self, fate: &Fate) -> Result<D::File, SaveError> {
        let temp = self.aside.path().to_owned();
        let synced = self.aside.sync().map_err(|e| SaveError::Sync(temp, e))?;
        let place = self.destination.place();
        let placed = fate.place(|| {
            let placed = synced.place(place.path());
            placed.map_err(|e| SaveError::Rename(place.path().to_owned(), e))
        })?;
        let durable = placed.sync_directory();
        durable.map_err(|e| SaveError::SyncDirectory(place.directory().to_owned(), e))
    }

    /// The path of the temp file.
    pub fn path(&self) -> &Path {
        self.aside.path()
    }
}

impl<D: Disk> Sink<D::File> for FileSink<D> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SaveError> {
        self.append(bytes)
    }

    fn finish(self: Box<Self>, fate: &Fate) -> Result<Option<D::File>, SaveError> {
        self.commit(fate).map(Some)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the sink is tried on a real disk"
)]
mod tests {
    use super::*;
    use crate::{Dataset, DumpFile};
    use config::Config;
    use disk::Machine;

    fn sink(dump: &Path, fate: &Fate) -> Result<FileSink<Machine>, SaveError> {
        let dataset = Dataset::default();
        let whole = dataset.emptied();
        let config = Config {
            dbfilename: dump.to_str().expect("the path is text").to_owned(),
            ..Config::default()
        };
        let place = DumpFile::configured(&Machine, &config);
        FileSink::create(&Machine, place.to_replace(&whole), true, fate)
    }

    #[test]
    fn the_old_dump_stands_until_the_new_one_is_committed() {
        let dir = tempfile::tempdir().unwrap();
        let dump = dir.path().join("dump.rdb");
        std::fs::write(&dump, b"old").unwrap();
        let mut sink = sink(&dump, &Fate::default()).unwrap();
        sink.write(b"new").unwrap();
        assert_eq!(std::fs::read(&dump).unwrap(), b"old");
        sink.commit(&Fate::default()).unwrap();
        assert_eq!(std::fs::read(&dump).unwrap(), b"new");
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no temp file is left"
        );
    }

    #[test]
    fn an_abandoned_save_leaves_the_old_dump_and_no_temp_file() {
        let dir = tempfile::tempdir().unwrap();
        let dump = dir.path().join("dump.rdb");
        std::fs::write(&dump, b"old").unwrap();
        let mut sink = sink(&dump, &Fate::default()).unwrap();
        sink.write(b"half").unwrap();
        drop(sink);
        assert_eq!(std::fs::read(&dump).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_save_that_is_given_up_while_its_file_is_synced_leaves_the_dump_that_stands_there() {
        let dir = tempfile::tempdir().unwrap();
        let dump = dir.path().join("dump.rdb");
        let fate = Fate::default();
        let mut sink = sink(&dump, &fate).unwrap();
        sink.write(b"older").unwrap();
        assert!(fate.give_up());
        std::fs::write(&dump, b"newer").unwrap();
        assert!(matches!(sink.commit(&fate), Err(SaveError::Cancelled(_))));
        assert_eq!(std::fs::read(&dump).unwrap(), b"newer");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_directory_is_named_in_the_error() {
        let error = sink(Path::new("/nonexistent/dump.rdb"), &Fate::default())
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
