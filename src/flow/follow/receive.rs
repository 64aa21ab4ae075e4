//! A payload on its way to a file or to memory, and the receiver that takes it there.

use crate::DumpFile;
use crate::load::{CheckOptions, LoadOptions, LoadProgress, Loaded};
use crate::save::{FileOf, Writers};
use disk::{Aside, Disk, DiskFile, Synced};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// What starts the receiving of payloads: threads in the server, virtual time in the simulator. The data that is being
/// served is not touched by it.
pub trait Receivers: Writers {
    /// What receives a payload, or loads its file.
    type Receiving: Receiving;

    /// Takes a payload into a file, and checks it to its end.
    ///
    /// # Errors
    /// Nothing could be started for it.
    fn take_to_file(&self, to: IntoFile) -> Result<Self::Receiving, String>;

    /// Takes a payload into new databases beside those that are served.
    ///
    /// # Errors
    /// Nothing could be started for it.
    fn take_to_memory(
        &self,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Result<Self::Receiving, String>;

    /// Loads the file that was received, even if another file has its name by now. The old data has been dropped, so
    /// this cannot be refused.
    fn load_file(
        &self,
        file: &FileOf<Self>,
        options: LoadOptions,
        progress: Arc<LoadProgress>,
    ) -> Self::Receiving;
}

/// What receives a payload. If it is dropped before the payload is complete, it stops and leaves no file.
pub trait Receiving {
    /// Bytes of the payload.
    fn give(&self, bytes: Vec<u8>);

    /// The payload is complete. [`Input::Received`](super::Input::Received) reports the outcome.
    fn finish(&mut self);
}

/// The file into which a payload is received.
#[derive(Debug)]
pub struct IntoFile {
    /// The place that it will take: where dumps were saved when the sync began.
    pub place: DumpFile,
    /// Its name until then, in the same directory.
    pub temp: PathBuf,
    /// What the payload must be.
    pub check: CheckOptions,
}

/// What became of a payload.
pub enum Received<D: Disk> {
    /// A checked file.
    File(ReceivedFile<D>),
    /// A dataset.
    Loaded(Box<Loaded>),
}

/// A payload that is being written to a file; removed when dropped.
pub struct Incoming<D: Disk> {
    aside: Aside<D>,
    place: DumpFile,
}

/// A complete, checked dump under a temporary name beside its place; removed when dropped before it was renamed.
pub struct ReceivedFile<D: Disk> {
    synced: Synced<D>,
    place: DumpFile,
}

/// A received dump that has taken the place of the dump file.
pub struct PlacedFile<D: Disk> {
    /// The path of the file.
    pub place: DumpFile,
    /// The open file.
    pub file: D::File,
}

const WHAT: &str = "MASTER <-> REPLICA synchronization";

impl<D: Disk> Incoming<D> {
    /// Creates the file `temp` beside `place`.
    ///
    /// # Errors
    /// The disk's, in words.
    pub fn create(disk: &D, temp: PathBuf, place: DumpFile) -> Result<Incoming<D>, String> {
        let aside = Aside::create(disk, temp, 0o644)
            .map_err(|e| format!("Opening the temp file needed for {WHAT}: {e}"))?;
        Ok(Incoming { aside, place })
    }

    /// Writes bytes of the payload.
    ///
    /// # Errors
    /// The disk's, in words.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.aside.write_all(bytes).map_err(|e| {
            format!("Write error or short write writing to the DB dump file needed for {WHAT}: {e}")
        })
    }

    /// The payload is complete: makes it durable, and lets `check` read it to its end.
    ///
    /// # Errors
    /// The disk's, in words, and those of `check`.
    pub fn finish(
        self,
        check: impl FnOnce(D::File) -> Result<(), String>,
    ) -> Result<ReceivedFile<D>, String> {
        let Incoming { aside, place } = self;
        let synced = aside.sync();
        let synced = synced
            .map_err(|e| format!("Failed trying to sync the temp DB to disk in {WHAT}: {e}"))?;
        let written = synced.file().again().map_err(|e| e.to_string())?;
        check(written)?;
        Ok(ReceivedFile { synced, place })
    }
}

impl<D: Disk> ReceivedFile<D> {
    /// The place that it will take.
    pub fn place(&self) -> &DumpFile {
        &self.place
    }

    /// The open file.
    pub fn file(&self) -> &D::File {
        self.synced.file()
    }

    /// Puts it in the place of the dump, durably. It needs no witness of a complete dataset in memory, since it is
    /// a complete dataset itself.
    ///
    /// # Errors
    /// The old dump file is still there, or the new one is not known to be durable.
    pub fn put_in_place(self) -> io::Result<PlacedFile<D>> {
        let ReceivedFile { synced, place } = self;
        let file = synced.place(place.path())?.sync_directory()?;
        Ok(PlacedFile { place, file })
    }
}
