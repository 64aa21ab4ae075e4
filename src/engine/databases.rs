//! Emptying databases.

use crate::Engine;
use crate::engine::LAZY_FREE_FROM;
use crate::host::Weight;
use crate::watch::touch_watched_database;

impl Engine {
    /// Removes all keys of a database. They are freed in the background unless they are few and small. `lazily` says
    /// that the client has requested this, so that they are counted (`lazyfreed_objects`).
    pub fn empty_database(&mut self, db: usize, lazily: bool) {
        touch_watched_database(self, db, None);
        // Freeing a few small keys takes less time than waking up another thread.
        let little = !lazily && self.keyspace.db(db).frees_within(LAZY_FREE_FROM);
        let len = self.keyspace.db(db).len();
        self.dirty += len as i64;
        if little && self.keyspace.db_mut(db).clear_in_place() {
            return;
        }
        let old = self.keyspace.db_mut(db).clear();
        if !old.is_empty() && !little {
            let objects = if lazily { old.len() as u64 } else { 0 };
            self.drop_counted(Box::new(old), Weight { bytes: 0, objects });
        }
    }

    /// Removes all keys of all databases.
    pub fn empty_all(&mut self, lazily: bool) {
        for db in 0..self.keyspace.count() {
            self.empty_database(db, lazily);
        }
    }
}
