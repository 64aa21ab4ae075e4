//! The subscribers of channels and patterns, and the delivery of messages to them.

use crate::{ClientId, Engine, Session, glob};
use resp::{Proto, Reply};
use std::collections::{BTreeSet, HashMap};

/// The subscribers of each channel and pattern.
#[derive(Default)]
pub struct PubSub {
    /// SUBSCRIBE
    pub channels: Listeners,
    /// PSUBSCRIBE
    pub patterns: Listeners,
    /// SSUBSCRIBE
    pub shard_channels: Listeners,
    /// Messages to clients whose command runs: they follow its reply.
    deferred: Vec<(ClientId, Deferred)>,
}

/// Messages to one client that is out of the table.
#[derive(Default)]
struct Deferred {
    /// As RESP3.
    messages: Vec<Vec<u8>>,
    bytes: usize,
    /// There were more than the client may have pending: it gets none, and will be closed.
    too_many: bool,
}

impl PubSub {
    /// True if messages wait for a client that is out of the table.
    pub fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Bytes of messages that wait for clients that are out of the table.
    pub fn deferred_bytes(&self) -> usize {
        self.deferred.iter().map(|(_, d)| d.bytes).sum()
    }

    /// Keeps a message for a client that is out of the table and may have `limit` bytes pending (0 = any
    /// number).
    pub fn defer(&mut self, id: ClientId, message: &[u8], limit: i64) {
        let at = self.deferred.iter().position(|(of, _)| *of == id);
        let at = at.unwrap_or_else(|| {
            self.deferred.push((id, Deferred::default()));
            self.deferred.len() - 1
        });
        let deferred = &mut self.deferred[at].1;
        let bytes = deferred.bytes + message.len();
        deferred.too_many |= limit > 0 && bytes as i64 >= limit;
        if deferred.too_many {
            deferred.messages = Vec::new();
            deferred.bytes = 0;
        } else {
            deferred.messages.push(message.to_vec());
            deferred.bytes = bytes;
        }
    }
}

/// Listeners by channel or pattern.
pub type Listeners = HashMap<Vec<u8>, BTreeSet<ClientId>>;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By name.
    Channel,
    /// By pattern.
    Pattern,
    /// By name, of the shard channels.
    Shard,
}

impl Kind {
    /// The words of the confirmations.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Channel => ("subscribe", "unsubscribe"),
            Kind::Pattern => ("psubscribe", "punsubscribe"),
            Kind::Shard => ("ssubscribe", "sunsubscribe"),
        }
    }

    /// The names that a client listens to.
    pub fn of(self, client: &mut Session) -> &mut std::collections::HashSet<Vec<u8>> {
        match self {
            Kind::Channel => &mut client.channels,
            Kind::Pattern => &mut client.patterns,
            Kind::Shard => &mut client.shard_channels,
        }
    }

    /// All listeners of this kind.
    pub fn listeners(self, pubsub: &mut PubSub) -> &mut Listeners {
        match self {
            Kind::Channel => &mut pubsub.channels,
            Kind::Pattern => &mut pubsub.patterns,
            Kind::Shard => &mut pubsub.shard_channels,
        }
    }

    /// The count in the replies: shard channels are counted for themselves.
    pub fn count(self, client: &Session) -> i64 {
        let n = match self {
            Kind::Shard => client.shard_channels.len(),
            Kind::Channel | Kind::Pattern => client.channels.len() + client.patterns.len(),
        };
        n as i64
    }
}

/// Sends a message to the listeners of a channel and of the patterns that match it; how many got it.
pub fn publish_message(engine: &mut Engine, channel: &[u8], message: &[u8]) -> usize {
    let mut receivers = 0;
    if let Some(listeners) = engine.pubsub.channels.get(channel) {
        let ids: Vec<_> = listeners.iter().copied().collect();
        deliver(engine, &ids, &[b"message", channel, message]);
        receivers += ids.len();
    }
    let patterns = engine.pubsub.patterns.iter();
    let matching: Vec<_> = patterns
        .filter(|(pattern, _)| glob::matches(pattern, channel))
        .map(|(pattern, ids)| (pattern.clone(), ids.iter().copied().collect::<Vec<_>>()))
        .collect();
    for (pattern, ids) in matching {
        deliver(engine, &ids, &[b"pmessage", &pattern, channel, message]);
        receivers += ids.len();
    }
    receivers
}

/// Sends a message to the listeners of a shard channel; how many there are.
pub fn publish_shard_message(engine: &mut Engine, channel: &[u8], message: &[u8]) -> usize {
    let Some(listeners) = engine.pubsub.shard_channels.get(channel) else {
        return 0;
    };
    let ids: Vec<_> = listeners.iter().copied().collect();
    deliver(engine, &ids, &[b"smessage", channel, message]);
    ids.len()
}

fn deliver(engine: &mut Engine, ids: &[ClientId], parts: &[&[u8]]) {
    let mut message = Reply::new(Proto::Resp3);
    message.push(parts.len());
    parts.iter().for_each(|part| message.bulk(part));
    for id in ids {
        match engine.clients.get_mut(id) {
            Some(client) => {
                write_message(client, message.bytes());
                engine.pushed(*id);
            }
            None => {
                let limit = engine.config.client_output_buffer_limit.pubsub.hard;
                engine.pubsub.defer(*id, message.bytes(), limit);
            }
        }
    }
}

/// The two protocols differ in the first byte only.
pub fn write_message(client: &mut Session, resp3: &[u8]) {
    let (first, rest) = resp3.split_at(1);
    client.reply.raw(match client.reply.proto {
        Proto::Resp2 => b"*",
        Proto::Resp3 => first,
    });
    client.reply.raw(rest);
}

/// After a request: the messages to its own client follow its reply.
pub fn deliver_to(pubsub: &mut PubSub, client: &mut Session) {
    let waiting = pubsub.deferred.iter();
    let Some(at) = waiting.into_iter().position(|(id, _)| *id == client.id) else {
        return;
    };
    let (_, deferred) = pubsub.deferred.swap_remove(at);
    for message in &deferred.messages {
        write_message(client, message);
    }
    if deferred.too_many {
        client.reply.output_mut().overrun();
    }
}

/// Delivers what had to wait for clients that are back in the table.
pub fn deliver_deferred(engine: &mut Engine) {
    let waiting = engine.pubsub.deferred.iter().map(|(id, _)| *id);
    let back: Vec<ClientId> = waiting
        .filter(|id| engine.clients.contains_key(id))
        .collect();
    for id in back {
        if let Some(mut client) = engine.clients.remove(&id) {
            deliver_to(&mut engine.pubsub, &mut client);
            engine.clients.insert(id, client);
            engine.pushed(id);
        }
    }
}

/// Ends all of a client's subscriptions without a reply (RESET, disconnection).
pub fn forget(engine: &mut Engine, client: &mut Session) {
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        for name in std::mem::take(kind.of(client)) {
            drop_listener(kind.listeners(&mut engine.pubsub), &name, client.id);
        }
    }
    engine.pubsub.deferred.retain(|(id, _)| *id != client.id);
}

/// A client no longer listens to `name`.
pub fn drop_listener(listeners: &mut Listeners, name: &[u8], id: ClientId) {
    if let Some(ids) = listeners.get_mut(name) {
        ids.remove(&id);
        if ids.is_empty() {
            listeners.remove(name);
        }
    }
}
