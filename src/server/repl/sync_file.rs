//! The dump that was written for replicas, from its end until all of them have it.
//!
//!  * What was written is what is sent: the open file, whatever stands under its name by then (`dbfilename` may be
//!    another one, a later save may have replaced it).
//!  * `rdb-del-sync-files`: where nothing else is saved it is removed when nobody needs it any more.

use super::Drivers;
use crate::commands::Engine;
use crate::config::Config;
use crate::server::persist::{DumpFile, Persistence};
use std::fs::File;
use std::sync::Arc;

/// A dump for replicas.
pub struct SyncFile {
    /// What was written.
    pub file: Arc<File>,
    /// Where it was put.
    pub place: DumpFile,
}

/// Dumps that only serve a full sync are not kept.
pub fn removes_sync_files(config: &Config) -> bool {
    config.rdb_del_sync_files && config.save.is_empty()
}

impl Drivers {
    /// Lets the file go when no replica waits for it any more.
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
            engine.repl.log('*', text);
            if let Err(e) = sync.place.remove(&whole) {
                engine.repl.log('#', format!("Removing the RDB file: {e}"));
            }
        }
    }
}
