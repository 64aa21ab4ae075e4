//! Keys with an expiry that clients have written into a writable replica.
//!
//! A replica deletes nothing that its primary will delete, but the primary does not know these keys. They are noted
//! here when they are written, and the expire cycle deletes them. A key that the primary's stream has written
//! meanwhile belongs to the primary again; the noted expiry then differs from the key's.

use super::{Cx, Engine};
use keyspace::{Loc, UnixMillis};
use std::collections::{BTreeSet, HashMap};

/// The keys, by the time at which they expire.
#[derive(Default)]
pub struct OwnKeys {
    due: BTreeSet<(UnixMillis, usize, Vec<u8>)>,
    noted: HashMap<(usize, Vec<u8>), UnixMillis>,
    /// Keys that the running command has written: their expiry is known when the command is done.
    written: Vec<(usize, Vec<u8>)>,
}

impl OwnKeys {
    /// `slave_expires_tracked_keys`
    pub fn len(&self) -> usize {
        self.noted.len()
    }

    /// True without keys.
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// Forgets all keys: the dataset was replaced, or this server has become a primary.
    pub fn clear(&mut self) {
        *self = OwnKeys::default();
    }

    fn note(&mut self, db: usize, key: &[u8], expire: Option<UnixMillis>) {
        let name = (db, key.to_vec());
        let old = match expire {
            Some(at) => self.noted.insert(name, at),
            None => self.noted.remove(&name),
        };
        if old == expire {
            return;
        }
        if let Some(at) = old {
            self.due.remove(&(at, db, key.to_vec()));
        }
        if let Some(at) = expire {
            self.due.insert((at, db, key.to_vec()));
        }
    }

    fn take_due(&mut self, now: UnixMillis) -> Option<(UnixMillis, usize, Vec<u8>)> {
        if self.due.first()?.0 >= now {
            return None;
        }
        let (at, db, key) = self.due.pop_first()?;
        self.noted.remove(&(db, key.clone()));
        Some((at, db, key))
    }
}

impl Cx<'_> {
    /// A client writes a key of a replica.
    #[cold]
    pub(super) fn note_own_key(&mut self, db: usize, key: &[u8]) {
        if self.expiry_is_ours() {
            let name = (db, key.to_vec());
            self.engine.own_keys.written.push(name);
        }
    }
}

impl Engine {
    /// A command is done: the expiries of the keys that it wrote are noted.
    #[inline]
    pub(super) fn note_own_keys(&mut self) {
        for (db, key) in std::mem::take(&mut self.own_keys.written) {
            let store = self.keyspace.db(db);
            let expire = store.find(&key).and_then(|loc| store.expire(loc));
            self.own_keys.note(db, &key, expire);
        }
    }

    /// The next key of our own that has expired at `now`, on a replica.
    pub(super) fn next_own_expired(&mut self, now: UnixMillis) -> Option<(usize, Loc)> {
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
