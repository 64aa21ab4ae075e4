//! Which client has read which key, and which messages clients have not been sent yet.

use super::asked::Tracking;
use crate::{ClientId, Session};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The readers of each key.
#[derive(Default)]
pub struct TrackingTable {
    /// Clients with tracking on, BCAST or not.
    pub(super) clients: BTreeSet<ClientId>,
    keys: HashMap<Vec<u8>, BTreeSet<ClientId>>,
    /// Pairs of key and client in `keys`.
    items: usize,
    pub(super) prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// There are changed keys under some prefix.
    pub(super) changed: bool,
    /// The changes of which clients must still be notified.
    pub(super) pending: Vec<Change>,
    /// The client whose command runs; `None` while the server itself removes keys.
    pub author: Option<ClientId>,
}

#[derive(Default)]
pub(super) struct Prefix {
    pub(super) clients: BTreeSet<ClientId>,
    /// Keys changed in this batch, and the client that changed each last.
    pub(super) changed: BTreeMap<Vec<u8>, Option<ClientId>>,
}

pub(super) struct Change {
    /// `None` = a database was emptied.
    pub(super) key: Option<Vec<u8>>,
    pub(super) readers: BTreeSet<ClientId>,
    pub(super) author: Option<ClientId>,
}

impl TrackingTable {
    /// True when no client uses tracking.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// True if a client must be notified of something.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// `tracking_clients`
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// `tracking_total_keys`
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// `tracking_total_items`
    pub fn items(&self) -> usize {
        self.items
    }

    /// `tracking_total_prefixes`
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// A command of a tracking client has read these keys.
    pub fn remember<'a>(&mut self, client: &Session, keys: impl Iterator<Item = &'a [u8]>) {
        let Some(tracking) = &client.tracking else {
            return;
        };
        let left_out =
            (tracking.optin && !tracking.caching) || (tracking.optout && tracking.caching);
        if tracking.bcast || left_out {
            return;
        }
        for key in keys {
            let readers = match self.keys.get_mut(key) {
                Some(readers) => readers,
                None => self.keys.entry(key.to_vec()).or_default(),
            };
            self.items += usize::from(readers.insert(client.id));
        }
    }

    /// A key has changed or was removed.
    pub fn invalidate(&mut self, key: &[u8]) {
        let author = self.author;
        for (prefix, entry) in &mut self.prefixes {
            if key.starts_with(prefix) {
                entry.changed.insert(key.to_vec(), author);
                self.changed = true;
            }
        }
        if let Some(readers) = self.keys.remove(key) {
            self.items -= readers.len();
            self.pending.push(Change {
                key: Some(key.to_vec()),
                readers,
                author,
            });
        }
    }

    /// A database was emptied: everything that clients have cached is out of date.
    pub fn invalidate_everything(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        self.keys.clear();
        self.items = 0;
        self.pending.push(Change {
            key: None,
            readers: self.clients.clone(),
            author: None,
        });
    }

    /// `tracking-table-max-keys`: forgets some keys of a table that is too large; 0 = no limit.
    pub fn shrink(&mut self, most: usize) {
        if most > 0 && self.keys.len() > most {
            let over = self.keys.len() - most;
            let keys: Vec<_> = self.keys.keys().take(over).cloned().collect();
            for key in keys {
                self.invalidate(&key);
            }
        }
    }

    pub(super) fn forget_client(&mut self, id: ClientId, tracking: &Tracking) {
        self.clients.remove(&id);
        for prefix in &tracking.prefixes {
            if let Some(entry) = self.prefixes.get_mut(prefix) {
                entry.clients.remove(&id);
                if entry.clients.is_empty() {
                    self.prefixes.remove(prefix);
                }
            }
        }
        if self.clients.is_empty() {
            // No client is left to be notified.
            self.keys.clear();
            self.items = 0;
            self.pending.clear();
        }
    }
}
