//! Keys with an expiry that clients have written into a writable replica.
//!
//! A replica deletes nothing that its primary will delete, but the primary does not know these keys. They are recorded
//! here when they are written, and the expire cycle deletes them. A key that the primary's stream has written in the
//! meantime belongs to the primary again; the recorded expiry then differs from the key's.

mod table;

pub use table::OwnKeys;

use crate::{Cx, Engine};
use keyspace::{Loc, UnixMillis};

impl Cx<'_> {
    /// A client of this replica writes a key.
    #[cold]
    pub(crate) fn note_own_key(&mut self, db: usize, key: &[u8]) {
        if self.expiry_is_ours() {
            let name = (db, key.to_vec());
            self.engine.own_keys.written.push(name);
        }
    }
}

impl Engine {
    /// Notes the expiries of the keys that a command has written, once the command is done.
    #[inline]
    pub(crate) fn note_own_keys(&mut self) {
        for (db, key) in std::mem::take(&mut self.own_keys.written) {
            let store = self.keyspace.db(db);
            let expire = store.find(&key).and_then(|loc| store.expire(loc));
            self.own_keys.note(db, &key, expire);
        }
    }

    /// The next key written by a client of this replica that has expired at `now`.
    pub(crate) fn next_own_expired(&mut self, now: UnixMillis) -> Option<(usize, Loc)> {
        loop {
            let (at, db, key) = self.own_keys.take_due(now)?;
            if db >= self.keyspace.count() {
                continue;
            }
            let store = self.keyspace.db(db);
            let found = store.find(&key);
            if let Some(loc) = found.filter(|&loc| store.expire(loc) == Some(at)) {
                return Some((db, loc));
            }
        }
    }
}
