//! Keys under WATCH, and the clients that are marked when they change.

mod table;

pub use table::{WatchTable, Watcher};

use crate::{Engine, Session};
use keyspace::{Db, UnixMillis};

/// A key was changed: its watchers' EXEC will fail.
pub fn touch_watched(engine: &mut Engine, db: usize, key: &[u8]) {
    let exists = engine.keyspace.db(db).find(key).is_some();
    mark_dirty(engine, db, key, |watcher| {
        if watcher.expired && !exists {
            // The key was missing for the client at WATCH, and it is missing now.
            watcher.expired = false;
            return false;
        }
        // An expired key that is written to without having been deleted does not count as changed.
        !watcher.expired
    });
}

/// A database is about to be emptied, or replaced by another (SWAPDB: called for both).
pub fn touch_watched_database(engine: &mut Engine, emptied: usize, replaced_by: Option<usize>) {
    touch_all_watched(engine, emptied, |engine, key| {
        find_expiry(engine.keyspace.db(replaced_by?), key)
    });
}

/// A database is about to be replaced by one that has been loaded, or emptied for one that will be.
pub fn touch_watched_by_load(engine: &mut Engine, emptied: usize, loaded: Option<&Db>) {
    touch_all_watched(engine, emptied, |_, key| find_expiry(loaded?, key));
}

/// The expiry of a key that is there.
fn find_expiry(db: &Db, key: &[u8]) -> Option<Option<UnixMillis>> {
    db.find(key).map(|loc| db.expire(loc))
}

/// Marks the clients that watch keys of a database that is emptied or replaced, or wait for them. `look` finds the
/// expiry of a key in the new one.
fn touch_all_watched(
    engine: &mut Engine,
    emptied: usize,
    look: impl Fn(&Engine, &[u8]) -> Option<Option<UnixMillis>>,
) {
    engine.blocking.signal_all(emptied);
    let now = engine.clock.unix_ms;
    let watched = engine.watched.keys.keys();
    let keys: Vec<_> = watched.filter(|(db, _)| *db == emptied).cloned().collect();
    for (db, key) in keys {
        let old = engine.keyspace.db(db).find(&key).is_some();
        let new = look(engine, &key);
        let new_expired = new.flatten().is_some_and(|at| at < now);
        mark_dirty(engine, db, &key, |watcher| {
            if watcher.expired && (new.is_none() || new_expired) {
                watcher.expired = new_expired;
                return false;
            }
            if !watcher.expired && !old && new_expired {
                watcher.expired = true;
                return false;
            }
            old || new.is_some()
        });
    }
}

fn mark_dirty(
    engine: &mut Engine,
    db: usize,
    key: &[u8],
    mut is_change: impl FnMut(&mut Watcher) -> bool,
) {
    let Some(watchers) = engine.watched.keys.get_mut(&(db, key.to_vec())) else {
        return;
    };
    for watcher in watchers
        .iter_mut()
        .filter_map(|w| is_change(w).then_some(*w))
    {
        engine.clients.mark_dirty(watcher.client);
    }
}

/// Ends WATCH for all of a client's keys (EXEC, DISCARD, UNWATCH, RESET, disconnection).
pub fn unwatch_all(engine: &mut Engine, client: &mut Session) {
    for watched in client.watched.drain(..) {
        let at = (watched.db, watched.key);
        if let Some(watchers) = engine.watched.keys.get_mut(&at) {
            watchers.retain(|w| w.client != client.id);
            if watchers.is_empty() {
                engine.watched.keys.remove(&at);
            }
        }
    }
    client.watched_bytes = 0;
    engine.clients.forget_dirty(client.id);
}
