//! Client-side caching: which client has read which key, and which clients must be notified when it changes.
//!
//! ```text
//! default: read --> table: key -> clients --change--> invalidate, entry forgotten
//! BCAST:   prefix -> clients; changed keys are collected by prefix and sent at the end of the batch
//! ```
//!
//!  * A message is sent to the client itself (RESP3 push), or to the client that it names (`REDIRECT`), as a push or
//!    as a message on [`CHANNEL`].
//!  * A changed key is removed from the table at once. Its readers are notified after the command has replied; the
//!    message to the command's own client follows the reply.
//!  * The table has at most `tracking-table-max-keys` keys: before each request, whether it runs or is queued, and by
//!    the periodic work, keys above that are removed and their readers notified.
//!  * Databases are not distinguished: a change in one invalidates the key's name in all.

mod asked;
mod table;

pub use asked::Tracking;
pub use table::TrackingTable;

use crate::{ClientFlags, ClientId, Engine, Session};
use resp::Proto;
use std::collections::BTreeSet;
use table::Change;

/// The channel on which RESP2 clients get the messages that others redirect to them.
pub const CHANNEL: &[u8] = b"__redis__:invalidate";

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

/// Forgets the keys that are above `tracking-table-max-keys`.
pub fn shrink(engine: &mut Engine) {
    let most = usize::try_from(engine.config.tracking_table_max_keys);
    engine.tracking.shrink(most.unwrap_or(0));
}

/// Notifies the readers of the keys that have changed. `own` is the client whose command runs, which is not in the
/// table now.
pub fn tell_pending(engine: &mut Engine, mut own: Option<&mut Session>) {
    for change in engine.tracking.take_pending() {
        let keys: Option<[&[u8]; 1]> = change.key.as_deref().map(|key| [key]);
        let keys = keys.as_ref().map(|keys| keys.as_slice());
        for id in change.readers {
            let absent = engine.clients.is_lent(id) && own.as_ref().is_none_or(|o| o.id != id);
            if absent && engine.tracking.clients.contains(&id) {
                // Its requests are being run, so it is notified later.
                engine.tracking.notify(Change {
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

/// Sends the remaining notifications: those about keys that the server itself removed, and those by prefix.
pub fn at_the_end_of_a_batch(engine: &mut Engine) {
    if engine.tracking.has_pending() {
        tell_pending(engine, None);
    }
    broadcast(engine);
}

/// Sends the keys that have changed under the prefixes of BCAST.
fn broadcast(engine: &mut Engine) {
    if !engine.tracking.take_changed() {
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

/// Tells the client that gets the messages of `id` that `keys` (`None` means all) have changed, if `id` still tracks
/// and `wants` agrees.
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
