//! The keys that a writable replica's clients gave an expiry, by the time at which they expire.

use keyspace::UnixMillis;
use std::collections::{BTreeSet, HashMap};

/// The keys, by the time at which they expire.
#[derive(Default)]
pub struct OwnKeys {
    due: BTreeSet<(UnixMillis, usize, Vec<u8>)>,
    noted: HashMap<(usize, Vec<u8>), UnixMillis>,
    /// Keys that the running command has written. Their expiry is known once it is done.
    pub(super) written: Vec<(usize, Vec<u8>)>,
}

impl OwnKeys {
    /// `slave_expires_tracked_keys`
    pub fn len(&self) -> usize {
        self.noted.len()
    }

    /// True if there are no keys.
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// Forgets all keys: the dataset was replaced, or this server has become a primary.
    pub fn clear(&mut self) {
        *self = OwnKeys::default();
    }

    pub(super) fn note(&mut self, db: usize, key: &[u8], expire: Option<UnixMillis>) {
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

    pub(super) fn take_due(&mut self, now: UnixMillis) -> Option<(UnixMillis, usize, Vec<u8>)> {
        if self.due.first()?.0 >= now {
            return None;
        }
        let (at, db, key) = self.due.pop_first()?;
        self.noted.remove(&(db, key.clone()));
        Some((at, db, key))
    }
}
