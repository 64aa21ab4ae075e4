//! Who listens to what.

use crate::{ClientId, Session};
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

/// Subscribers by channel or pattern.
pub type Listeners = HashMap<Vec<u8>, BTreeSet<ClientId>>;

/// The three kinds of subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a channel, by name.
    Channel,
    /// To all channels that match a pattern.
    Pattern,
    /// To a shard channel, by name.
    Shard,
}

impl Kind {
    /// The first elements of the confirmations of this kind.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Channel => ("subscribe", "unsubscribe"),
            Kind::Pattern => ("psubscribe", "punsubscribe"),
            Kind::Shard => ("ssubscribe", "sunsubscribe"),
        }
    }

    /// The channels or patterns to which a client is subscribed.
    pub fn of(self, client: &mut Session) -> &mut std::collections::HashSet<Vec<u8>> {
        match self {
            Kind::Channel => &mut client.channels,
            Kind::Pattern => &mut client.patterns,
            Kind::Shard => &mut client.shard_channels,
        }
    }

    /// All subscriptions of this kind.
    pub fn listeners(self, pubsub: &mut PubSub) -> &mut Listeners {
        match self {
            Kind::Channel => &mut pubsub.channels,
            Kind::Pattern => &mut pubsub.patterns,
            Kind::Shard => &mut pubsub.shard_channels,
        }
    }

    /// The count in the confirmations. Shard channels are counted separately.
    pub fn count(self, client: &Session) -> i64 {
        let n = match self {
            Kind::Shard => client.shard_channels.len(),
            Kind::Channel | Kind::Pattern => client.channels.len() + client.patterns.len(),
        };
        n as i64
    }
}

/// Ends the subscription of a client to `name`.
pub fn drop_listener(listeners: &mut Listeners, name: &[u8], id: ClientId) {
    if let Some(ids) = listeners.get_mut(name) {
        ids.remove(&id);
        if ids.is_empty() {
            listeners.remove(name);
        }
    }
}
