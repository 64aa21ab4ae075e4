//! Moving the single file of an older server into the directory of the log.

use super::AppendOnly;
use disk::{Disk, Machine};
use engine::Engine;
use flow::append::Writer;
use std::fs;
use std::path::Path;

impl AppendOnly {
    /// A single file of an older server moves into the directory, as the base.
    pub(super) fn take_single(
        &self,
        engine: &Engine,
        writer: &mut Writer<Machine>,
        single: &Path,
    ) -> Result<(), String> {
        writer.write_manifest_again().map_err(|e| e.to_string())?;
        let (name, directory) = (&engine.config.appendfilename, writer.directory());
        let moved = fs::File::open(single).and_then(|file| {
            file.sync_all()?;
            fs::rename(single, directory.join(name))?;
            Machine.sync_directory(directory)?;
            Machine.sync_directory(disk::directory_of(single))
        });
        moved.map_err(|e| {
            let why = crate::strerror(&e);
            format!("Error trying to move the old AOF file {name} into dir: {why}")
        })?;
        tracing::info!(
            "Successfully migrated an old-style AOF file ({name}) into the AOF directory ({}).",
            engine.config.appenddirname
        );
        Ok(())
    }
}
