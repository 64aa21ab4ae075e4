//! The subscribers of channels and patterns, and the delivery of messages to them.

use crate::clients::Reach;
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
        match engine.clients.reach(*id) {
            Reach::Here(client) => {
                write_message(client, message.bytes());
                engine.pushed(*id);
            }
            Reach::Lent => {
                let limit = engine.config.client_output_buffer_limit.pubsub.hard;
                engine.clients.send(*id, message.bytes(), limit);
            }
            Reach::Gone => {}
        }
    }
}

/// The two protocols differ in the first byte of a push only.
pub fn write_message(client: &mut Session, resp3: &[u8]) {
    let (first, rest) = resp3.split_at(1);
    client.reply.raw(match (client.reply.proto, first) {
        (Proto::Resp2, b">") => b"*",
        _ => first,
    });
    client.reply.raw(rest);
}

/// Ends all of a client's subscriptions without a reply (RESET, disconnection).
pub fn forget(engine: &mut Engine, client: &mut Session) {
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        for name in std::mem::take(kind.of(client)) {
            drop_listener(kind.listeners(&mut engine.pubsub), &name, client.id);
        }
    }
    engine.clients.forget_messages(client.id);
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
