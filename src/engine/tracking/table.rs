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
    /// What the changed keys under all prefixes take, bytes; 0 if there are none.
    changed_bytes: usize,
    /// The changes of which clients must still be notified.
    pending: Vec<Change>,
    /// What those take, bytes.
    pending_bytes: usize,
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

impl Change {
    /// About what it takes, bytes.
    fn memory(&self) -> usize {
        let key = self.key.as_ref().map_or(0, |key| key.capacity());
        size_of::<Change>() + key + self.readers.len() * MEMBER + NODE
    }
}

/// What a number takes in a tree, bytes, and what the tree takes besides.
const MEMBER: usize = 16;
const NODE: usize = 96;

impl TrackingTable {
    /// True when no client uses tracking.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// True if a client must be notified of something.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The changes of which clients must still be notified. They are not pending any more.
    pub(super) fn take_pending(&mut self) -> Vec<Change> {
        self.pending_bytes = 0;
        std::mem::take(&mut self.pending)
    }

    /// True if keys have changed under some prefix. They count as told from here on.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed_bytes) > 0
    }

    /// A client must be notified of this.
    pub(super) fn notify(&mut self, change: Change) {
        self.pending_bytes += change.memory();
        self.pending.push(change);
    }

    /// Bytes that are freed when clients have been notified.
    pub fn untold_bytes(&self) -> usize {
        self.pending_bytes + self.changed_bytes
    }

    /// Those with tracking on; their number is `tracking_clients`.
    pub fn clients(&self) -> impl ExactSizeIterator<Item = ClientId> {
        self.clients.iter().copied()
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
                self.changed_bytes += key.len() + NODE;
            }
        }
        if let Some((key, readers)) = self.keys.remove_entry(key) {
            self.items -= readers.len();
            self.notify(Change {
                key: Some(key),
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
        self.notify(Change {
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
            self.take_pending();
        }
    }
}
