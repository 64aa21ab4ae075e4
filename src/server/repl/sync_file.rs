//! The dump that was written for replicas, kept until all of them have received it.
//!
//!  * The open file that was written is sent, even if another file has its name by then (`dbfilename` may have
//!    changed, or a later save may have replaced it).
//!  * `rdb-del-sync-files`: without save points, it is removed when no replica needs it any longer.

use super::Drivers;
use crate::persist::{DumpFile, Persistence};
use base::LogLevel;
use engine::Engine;
use flow::payload::removes_sync_files;
use std::fs::File;
use std::sync::Arc;

/// A dump for replicas.
pub struct SyncFile {
    /// What was written.
    pub file: Arc<File>,
    /// Where it was put.
    pub place: DumpFile,
}

impl Drivers {
    /// Releases the file when no replica waits for it any longer.
    pub(super) fn release_sync_file(&self, engine: &mut Engine, persistence: &Persistence) {
        if self.sync_file.borrow().is_none() || engine.repl.primary().feeds() {
            return;
        }
        let Some(whole) = persistence.whole(engine) else {
            return; // it may be all there is
        };
        let Some(sync) = self.sync_file.take() else {
            return;
        };
        if removes_sync_files(&engine.config) && sync.place.is(&sync.file) {
            let text = "Removing the RDB file used to feed replicas in a persistence-less instance";
            engine.repl.log(LogLevel::Notice, text);
            if let Err(e) = sync.place.remove(&whole) {
                engine
                    .repl
                    .log(LogLevel::Warning, format!("Removing the RDB file: {e}"));
            }
        }
    }
}
