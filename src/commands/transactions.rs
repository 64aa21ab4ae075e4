//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use super::{ClientFlags, Engine};

/// Marks the clients that watch a key: their EXEC will fail.
pub fn touch_watched(engine: &mut Engine, db: usize, key: &[u8]) {
    let Some(clients) = engine.watched.get(&(db, key.to_vec())) else {
        return;
    };
    for id in clients {
        if let Some(client) = engine.clients.get_mut(id) {
            client.flags.insert(ClientFlags::DIRTY_CAS);
        }
    }
}
