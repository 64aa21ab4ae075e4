//! Consumer groups: how far a group has read, what it has not acknowledged, and who reads.

use crate::UnixMillis;
use crate::tree::ordered::{Held, Ordered};
use rdb::stream::StreamId;
use smallvec::SmallVec;
use std::sync::Arc;

/// A group's or a consumer's name.
pub type Name = Arc<[u8]>;

/// A consumer that never got anything.
pub(super) const NEVER: UnixMillis = -1;

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last id delivered.
    pub last_id: StreamId,
    /// How many entries were delivered, if known.
    pub entries_read: Option<u64>,
    pub(super) pending: Ordered<StreamId, Pending>,
    pub(super) consumers: Ordered<Name, Consumer>,
    /// Pending entries without an owner.
    pub(super) given_back: usize,
}

/// An entry delivered and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// When it was delivered last.
    pub delivered_ms: UnixMillis,
    /// How often it was delivered.
    pub deliveries: u64,
    /// The consumer that owns it; `None` if it was given back (XNACK).
    pub owner: Option<Name>,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// When it last tried to read or claim entries.
    pub seen_ms: UnixMillis,
    /// When it last got something; -1 if never.
    pub active_ms: UnixMillis,
    pub(super) pending: Ordered<StreamId, ()>,
}

impl Held for Pending {}

impl Held for Consumer {
    const NESTED: bool = true;

    fn heap(&self) -> usize {
        self.pending.heap()
    }
}

impl Held for Group {
    const NESTED: bool = true;

    fn heap(&self) -> usize {
        self.pending.heap() + self.consumers.heap()
    }
}

impl Group {
    /// A group that has read up to `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Group {
            last_id,
            entries_read,
            ..Group::default()
        }
    }

    /// Number of pending entries.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// A pending entry.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// The pending entries from an id on.
    pub fn pending_from(&self, id: StreamId) -> impl Iterator<Item = (StreamId, &Pending)> {
        self.pending.from(&id).map(|(id, pending)| (*id, pending))
    }

    /// The first and the last pending id.
    pub fn pending_bounds(&self) -> Option<(StreamId, StreamId)> {
        Some((*self.pending.first()?.0, *self.pending.last()?.0))
    }

    /// The consumers by name.
    pub fn consumers(&self) -> impl Iterator<Item = (&Name, &Consumer)> {
        self.consumers.iter()
    }

    /// Number of consumers.
    pub fn consumer_count(&self) -> usize {
        self.consumers.len()
    }

    /// A consumer.
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// Adds a consumer; false if there is one of this name.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: UnixMillis) -> bool {
        let new = self.consumer(name).is_none();
        if new {
            let consumer = Consumer {
                seen_ms: now_ms,
                active_ms: NEVER,
                pending: Ordered::default(),
            };
            self.consumers.insert(name.into(), consumer);
        }
        new
    }

    /// Removes a consumer with its pending entries; their number.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        for (id, ()) in consumer.pending.iter() {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Notes that a consumer has tried to read or claim entries.
    pub fn saw(&mut self, name: &[u8], now_ms: UnixMillis) {
        self.consumers
            .edit(name, |consumer| consumer.seen_ms = now_ms);
    }

    /// Delivers entries to a consumer that is there: they become its own with a count of 1.
    pub fn deliver(&mut self, ids: &[StreamId], name: &[u8], now_ms: UnixMillis) {
        self.assign(ids.iter().map(|&id| (id, 1)), name, now_ms, now_ms);
    }

    /// Makes entries, each with its number of deliveries, pending with an existing consumer, whichever consumer had
    /// them before.
    pub fn claim(
        &mut self,
        entries: impl Iterator<Item = (StreamId, u64)>,
        name: &[u8],
        now_ms: UnixMillis,
        delivered_ms: UnixMillis,
    ) {
        self.assign(entries, name, now_ms, delivered_ms);
    }

    fn assign(
        &mut self,
        entries: impl Iterator<Item = (StreamId, u64)>,
        name: &[u8],
        now_ms: UnixMillis,
        delivered_ms: UnixMillis,
    ) {
        let Some((owner, _)) = self.consumers.get_pair(name) else {
            return;
        };
        let owner = owner.clone();
        // What is new to the consumer, and what others lose. Those that it has already remain in its list.
        let mut new = SmallVec::<[StreamId; 16]>::new();
        let mut lost = SmallVec::<[(Name, StreamId); 16]>::new();
        for (id, deliveries) in entries {
            let pending = Pending {
                delivered_ms,
                deliveries,
                owner: Some(owner.clone()),
            };
            match self.pending.insert(id, pending).map(|old| old.owner) {
                None => {}
                Some(None) => self.given_back -= 1,
                Some(Some(old)) if old != owner => lost.push((old, id)),
                Some(Some(_)) => continue,
            }
            new.push(id);
        }
        for lost in lost.chunk_by(|a, b| a.0 == b.0) {
            self.consumers.edit(&*lost[0].0, |consumer| {
                for (_, id) in lost {
                    consumer.pending.remove(id);
                }
            });
        }
        self.consumers.edit(name, |consumer| {
            for id in new {
                consumer.pending.insert(id, ());
            }
            consumer.active_ms = now_ms;
        });
    }

    /// A consumer reads its history: counts another delivery of an entry that it has.
    pub fn redeliver(&mut self, id: StreamId, now_ms: UnixMillis) {
        self.pending.edit(&id, |pending| {
            pending.delivered_ms = now_ms;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        });
    }

    /// See [`super::Stream::give_back`].
    pub(super) fn give_back(
        &mut self,
        id: StreamId,
        force: bool,
        count: impl FnOnce(u64) -> u64,
    ) -> bool {
        let Some(before) = self.pending(id).cloned() else {
            if force {
                self.given_back += 1;
                let pending = Pending {
                    delivered_ms: 0,
                    deliveries: count(0),
                    owner: None,
                };
                self.pending.insert(id, pending);
            }
            return force;
        };
        self.pending.edit(&id, |pending| {
            pending.delivered_ms = 0;
            pending.deliveries = count(before.deliveries);
            pending.owner = None;
        });
        if let Some(owner) = before.owner {
            self.given_back += 1;
            self.consumers
                .edit(&*owner, |consumer| consumer.pending.remove(&id));
        }
        true
    }

    /// Number of pending entries that have no owner.
    pub fn given_back_count(&self) -> usize {
        self.given_back
    }

    /// Removes a pending entry; false if it was none.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else {
            return false;
        };
        match &pending.owner {
            Some(owner) => {
                self.consumers
                    .edit(&**owner, |consumer| consumer.pending.remove(&id));
            }
            None => self.given_back -= 1,
        }
        true
    }
}

impl Consumer {
    /// Number of entries that it has not acknowledged.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Their ids from an id on.
    pub fn pending_from(&self, id: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.from(&id).map(|(id, ())| *id)
    }
}
