//! A log that has been loaded, and is continued by a new writer.

use super::archive::Archive;
use super::log::directory;
use super::on_disk::manifest;
use aof::{Manifest, Sealer};
use disk::Disk;
use engine::Engine;
use replication::{ReplId, ReplOffset};
use std::path::PathBuf;

/// What was loaded.
#[derive(Clone, Debug)]
pub struct LoadedLog {
    /// The directory of the files.
    pub directory: PathBuf,
    /// The files.
    pub manifest: Manifest,
    /// The base is a single file of an older server, which is still here and not in the directory of the log.
    pub single: Option<PathBuf>,
    /// The manifest on disk names files that are not there.
    pub copied: bool,
    /// How the last file ends, if it can go on there.
    pub end: Option<(u64, Sealer)>,
    /// Which bytes of the replication stream are where in the files.
    pub archive: Archive,
    /// The place that the files tell at their end.
    pub told: Option<(ReplId, ReplOffset)>,
}

impl LoadedLog {
    /// A log that is continued although it was not loaded.
    ///
    /// # Errors
    /// Its manifest cannot be read.
    pub fn found(disk: &impl Disk, engine: &Engine) -> Result<LoadedLog, String> {
        let directory = directory(disk, engine);
        let found = manifest(disk, &directory, &engine.config.appendfilename)?;
        Ok(LoadedLog {
            manifest: found.ok_or("its manifest is not there any more")?,
            directory,
            single: None,
            copied: false,
            end: None,
            archive: Archive::default(),
            told: None,
        })
    }
}
