//! Client-side caching: which client has read which key, and which clients must be notified when it changes.
//!
//! ```text
//! default: read --> table: key -> clients --change--> invalidate, entry forgotten
//! BCAST:   prefix -> clients; changed keys are gathered per prefix and told at the end of the batch
//! ```
//!
//!  * A message is sent to the client itself (RESP3 push), or to the client that it names (`REDIRECT`), as a push or
//!    as a message on [`CHANNEL`].
//!  * A changed key is removed from the table at once. Its readers are notified after the command has replied; the
//!    message to the command's own client follows the reply.
//!  * The table has at most `tracking-table-max-keys` keys: the periodic work removes keys above that, and notifies
//!    their readers.
//!  * Databases are not distinguished: a change in one invalidates the key's name in all.

use super::{ClientFlags, ClientId, Engine, Session};
use resp::Proto;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where RESP2 clients that others redirect to hear of changes.
pub const CHANNEL: &[u8] = b"__redis__:invalidate";

/// What a client asked for with CLIENT TRACKING.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// The client that gets the messages instead; it may have disconnected.
    pub redirect: Option<ClientId>,
    /// By prefix, whatever was read.
    pub bcast: bool,
    /// Only keys read right after CLIENT CACHING YES are tracked.
    pub optin: bool,
    /// All keys are tracked except those read right after CLIENT CACHING NO.
    pub optout: bool,
    /// Not what the client itself changes.
    pub noloop: bool,
    /// CLIENT CACHING was given for the next command.
    pub caching: bool,
    /// The redirection's client was found to be gone.
    pub broken: bool,
    /// Prefixes of BCAST.
    pub prefixes: BTreeSet<Vec<u8>>,
}

/// The readers of each key.
#[derive(Default)]
pub struct TrackingTable {
    /// Clients with tracking on, BCAST or not.
    clients: BTreeSet<ClientId>,
    keys: HashMap<Vec<u8>, BTreeSet<ClientId>>,
    /// Pairs of key and client in `keys`.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// Some prefix has changed keys.
    changed: bool,
    /// Changes of which clients must still be notified.
    pending: Vec<Change>,
    /// Whose command runs; `None` while the server itself removes keys.
    pub author: Option<ClientId>,
}

#[derive(Default)]
struct Prefix {
    clients: BTreeSet<ClientId>,
    /// Keys changed in this batch, and the client that changed each last.
    changed: BTreeMap<Vec<u8>, Option<ClientId>>,
}

struct Change {
    /// `None` = a database was emptied.
    key: Option<Vec<u8>>,
    readers: BTreeSet<ClientId>,
    author: Option<ClientId>,
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

    /// A database was emptied: whatever clients keep is out of date.
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

    fn forget_client(&mut self, id: ClientId, tracking: &Tracking) {
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

/// Turns tracking on, or changes it. BCAST without a prefix means all keys.
pub fn enable(engine: &mut Engine, client: &mut Session, asked: Tracking) {
    let mut now = asked;
    if let Some(before) = client.tracking.take() {
        now.prefixes.extend(before.prefixes);
    }
    if now.bcast && now.prefixes.is_empty() {
        now.prefixes.insert(Vec::new());
    }
    let table = &mut engine.tracking;
    table.clients.insert(client.id);
    for prefix in &now.prefixes {
        let entry = table.prefixes.entry(prefix.clone()).or_default();
        entry.clients.insert(client.id);
    }
    client.flags.insert(ClientFlags::TRACKING);
    client.tracking = Some(Box::new(now));
}

/// Turns tracking off: CLIENT TRACKING OFF, RESET, the end of the connection.
pub fn disable(engine: &mut Engine, client: &mut Session) {
    if let Some(tracking) = client.tracking.take() {
        engine.tracking.forget_client(client.id, &tracking);
        client.flags.remove(ClientFlags::TRACKING);
    }
}

/// Tells what has changed to who read it. `own` is the client that is not in the table now, because its
/// command runs.
pub fn tell_pending(engine: &mut Engine, mut own: Option<&mut Session>) {
    for change in std::mem::take(&mut engine.tracking.pending) {
        let keys: Option<[&[u8]; 1]> = change.key.as_deref().map(|key| [key]);
        let keys = keys.as_ref().map(|keys| keys.as_slice());
        for id in change.readers {
            let absent = engine.clients.is_lent(id) && own.as_ref().is_none_or(|o| o.id != id);
            if absent && engine.tracking.clients.contains(&id) {
                // Its requests are being run: later.
                engine.tracking.pending.push(Change {
                    key: change.key.clone(),
                    readers: BTreeSet::from([id]),
                    author: change.author,
                });
                continue;
            }
            let wants = |t: &Tracking| {
                keys.is_none() || !(t.bcast || (t.noloop && change.author == Some(id)))
            };
            tell(engine, own.as_deref_mut(), id, wants, keys);
        }
    }
}

/// Sends the remaining notifications: of keys that the server removed by itself, and those by prefix.
pub fn at_the_end_of_a_batch(engine: &mut Engine) {
    if engine.tracking.has_pending() {
        tell_pending(engine, None);
    }
    broadcast(engine);
}

/// What has changed under the prefixes of BCAST.
fn broadcast(engine: &mut Engine) {
    if !std::mem::take(&mut engine.tracking.changed) {
        return;
    }
    let mut due = Vec::new();
    for entry in engine.tracking.prefixes.values_mut() {
        let changed = std::mem::take(&mut entry.changed);
        if !changed.is_empty() {
            due.push((entry.clients.clone(), changed));
        }
    }
    for (clients, changed) in due {
        for id in clients {
            let tracking = engine.clients.get(&id).and_then(|c| c.tracking.as_deref());
            let noloop = tracking.is_some_and(|t| t.noloop);
            let of_others = |by: &Option<ClientId>| !(noloop && *by == Some(id));
            let keys = changed.iter().filter(|(_, by)| of_others(by));
            let keys: Vec<&[u8]> = keys.map(|(key, _)| key.as_slice()).collect();
            if !keys.is_empty() {
                tell(engine, None, id, |t| t.bcast, Some(&keys));
            }
        }
    }
}

/// Tells the listener of `id` that `keys` (`None` = all) have changed, if `id` still tracks and `wants` it.
fn tell(
    engine: &mut Engine,
    mut own: Option<&mut Session>,
    id: ClientId,
    wants: impl FnOnce(&Tracking) -> bool,
    keys: Option<&[&[u8]]>,
) {
    let Some(client) = session(engine, own.as_deref_mut(), id) else {
        return;
    };
    let proto = client.reply.proto;
    let Some(tracking) = client.tracking.as_deref_mut().filter(|t| wants(t)) else {
        return;
    };
    let Some(to) = tracking.redirect else {
        if proto == Proto::Resp3 {
            write(client, keys);
            engine.pushed(id);
        }
        return;
    };
    if let Some(listener) = session(engine, own.as_deref_mut(), to) {
        if listener.reply.proto == Proto::Resp3 || listener.subscriptions() > 0 {
            write(listener, keys);
            engine.pushed(to);
        }
    } else if let Some(client) = session(engine, own, id) {
        let tracking = client.tracking.as_deref_mut().expect("just seen");
        tracking.broken = true;
        if proto == Proto::Resp3 {
            client.reply.push(2);
            client.reply.bulk(b"tracking-redir-broken");
            client.reply.int(to.0 as i64);
            engine.pushed(id);
        }
    }
}

fn session<'a>(
    engine: &'a mut Engine,
    own: Option<&'a mut Session>,
    id: ClientId,
) -> Option<&'a mut Session> {
    match own {
        Some(own) if own.id == id => Some(own),
        _ => engine.clients.get_mut(&id),
    }
}

fn write(listener: &mut Session, keys: Option<&[&[u8]]>) {
    let reply = &mut listener.reply;
    match reply.proto {
        Proto::Resp3 => {
            reply.push(2);
            reply.bulk(b"invalidate");
        }
        Proto::Resp2 => {
            reply.array(3);
            reply.bulk(b"message");
            reply.bulk(CHANNEL);
        }
    }
    match keys {
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        None => reply.null(),
    }
}
