//! The subscribers of channels and patterns, and the delivery of messages to them.

mod table;

pub use table::{Kind, Listeners, PubSub, drop_listener};

use crate::clients::Reach;
use crate::{ClientId, Engine, Session, glob};
use resp::{Proto, Reply};

/// Sends a message to the subscribers of a channel and of the patterns that match it. Returns the number of those that
/// got it.
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

/// Sends a message to the subscribers of a shard channel. Returns their number.
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
                client.write_message(message.bytes());
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

/// Ends all of a client's subscriptions without a reply (RESET, disconnection).
pub fn forget(engine: &mut Engine, client: &mut Session) {
    for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
        for name in std::mem::take(kind.of(client)) {
            drop_listener(kind.listeners(&mut engine.pubsub), &name, client.id);
        }
    }
    engine.clients.forget_messages(client.id);
}
