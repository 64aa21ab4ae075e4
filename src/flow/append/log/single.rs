//! Moving the single file of an older server into the directory of the log.

use super::AppendOnly;
use crate::append::Writer;
use crate::append::appenders::{Appenders, DiskOf};
use crate::save::Writers;
use base::LogLevel;
use disk::{Disk, DiskFile, strerror};
use engine::Engine;
use std::path::Path;

impl<A: Appenders> AppendOnly<A> {
    /// A single file of an older server moves into the directory, as the base.
    pub(super) fn take_single(
        &self,
        engine: &Engine,
        writer: &mut Writer<DiskOf<A>>,
        single: &Path,
    ) -> Result<(), String> {
        writer.write_manifest_again().map_err(|e| e.to_string())?;
        let (name, directory) = (&engine.config.appendfilename, writer.directory());
        let disk = self.saves.writers().disk();
        let moved = disk.open(single).and_then(|file| {
            file.sync()?;
            disk.rename(single, &directory.join(name))?;
            disk.sync_directory(directory)?;
            disk.sync_directory(disk::directory_of(single))
        });
        moved.map_err(|e| {
            let why = strerror(&e);
            format!("Error trying to move the old AOF file {name} into dir: {why}")
        })?;
        (engine.log)(
            LogLevel::Notice,
            &format!(
                "Successfully migrated an old-style AOF file ({name}) into the AOF directory ({}).",
                engine.config.appenddirname
            ),
        );
        Ok(())
    }
}
