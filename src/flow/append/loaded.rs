//! A log that has been loaded, and is continued by a new writer.

use super::log::directory;
use aof::{Manifest, Sealer, names};
use disk::{Disk, read_all, strerror};
use engine::Engine;
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
    /// How the last file ends, if nothing was cut off there.
    pub end: Option<(u64, Sealer)>,
}

impl LoadedLog {
    /// A log that is continued although it was not loaded.
    ///
    /// # Errors
    /// Its manifest cannot be read.
    pub fn found(disk: &impl Disk, engine: &Engine) -> Result<LoadedLog, String> {
        let directory = directory(disk, engine);
        let name = names::manifest(&engine.config.appendfilename);
        let bytes = read_all(disk, &directory.join(name)).map_err(|e| strerror(&e))?;
        Ok(LoadedLog {
            manifest: Manifest::parse(&bytes).map_err(|e| e.to_string())?,
            directory,
            single: None,
            copied: false,
            end: None,
        })
    }
}
