//! What XREADGROUP does with one stream.
//!
//! New entries become pending for the consumer, and the group's last id advances. Replicas receive an XCLAIM for each
//! entry and the group's position. They receive nothing when a consumer reads its history again.

use super::effects::{claimed, consumer_created, entries_were_read, group_moved};
use super::range::entries_reply;
use super::read::Request;
use super::{edit_group, entry_reply, ids};
use engine::{CommandError, Cx, Event};
use keyspace::Loc;
use keyspace::value::Stream;
use rdb::stream::StreamId;

/// The place from which a consumer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// `>`: entries that no consumer of the group has received.
    New,
    /// The consumer's own pending entries after an id.
    History(StreamId),
}

impl From {
    /// Reads an id of XREADGROUP.
    ///
    /// # Errors
    /// `$`, `+`, or no id.
    pub fn parse(text: &[u8]) -> Result<Self, CommandError> {
        match text {
            b">" => Ok(From::New),
            b"$" | b"+" => {
                let sign = text[0] as char;
                Err(CommandError::new(format!(
                    "ERR The {sign} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The {sign} ID would just return an empty result set."
                )))
            }
            _ => match ids::id(text)? {
                StreamId::MAX => Ok(From::New),
                id => Ok(From::History(id)),
            },
        }
    }
}

/// The key must hold a stream with the group, also when the client has waited and the request runs again.
///
/// # Errors
/// WRONGTYPE or NOGROUP.
pub fn check(cx: &mut Cx<'_>, key: &[u8], request: &Request<'_>) -> Result<(), CommandError> {
    let (group, _) = request.group.unwrap_or_default();
    let found = cx.find::<Stream>(key)?;
    let there = found.is_some_and(|loc| cx.read::<Stream>(loc).0.group(group).is_some());
    if there {
        return Ok(());
    }
    Err(CommandError::quoting(
        "NOGROUP No such key '{}' or consumer group '{}' in XREADGROUP with GROUP option",
        &[key, group],
    ))
}

/// Creates the consumer at its first request, whether or not it gets an entry. If it does, the XCLAIMs create it on the
/// replicas.
pub fn create_consumer(cx: &mut Cx<'_>, key: &[u8], request: &Request<'_>, is_served: bool) {
    let Some((group, consumer)) = request.group else {
        return;
    };
    let now = cx.now();
    let new = edit_group(cx, key, group, |group| {
        let new = group.add_consumer(consumer, now);
        group.saw(consumer, now);
        new
    });
    if new == Some(true) {
        cx.engine.dirty += 1;
        cx.notify(Event::Stream, "xgroup-createconsumer", key);
        if request.noack || !is_served {
            consumer_created(cx, [key, group, consumer]);
        }
    }
}

/// True if there is something that the group has not read.
pub fn has_news(cx: &mut Cx<'_>, key: &[u8], request: &Request<'_>) -> bool {
    let (group, _) = request.group.unwrap_or_default();
    let Some(loc) = cx.db().find(key) else {
        return false;
    };
    let (stream, _) = cx.read::<Stream>(loc);
    let last = stream.group(group).map(|group| group.last_id);
    !stream.is_empty() && last.is_some_and(|last| last < stream.last_live_id())
}

/// Delivers new entries.
pub fn news(cx: &mut Cx<'_>, key: &[u8], request: &Request<'_>) {
    let ((group, consumer), Some(loc)) = (request.group.unwrap_or_default(), cx.db().find(key))
    else {
        return;
    };
    let now = cx.now();
    let (ids, entries_read) = deliverable(cx, loc, group, request.count);
    let last = ids.last().copied();
    edit_group(cx, key, group, |group| {
        if let Some(last) = last {
            group.last_id = last;
            group.entries_read = entries_read;
        }
        if !request.noack {
            group.deliver(&ids, consumer, now);
        }
    });
    cx.engine.dirty += 1;
    let Some(last) = last else { return };
    if request.noack {
        return group_moved(cx, [key, group], last, entries_read);
    }
    // The last id moves on with each of them.
    for id in &ids {
        let text = ids::text(*id);
        claimed(cx, [key, group, consumer], text.as_bytes(), (now, 1), *id);
    }
    entries_were_read(cx, [key, group], last, entries_read);
}

/// Writes the entries after the group's last id; gives their ids, and the group's new read counter.
fn deliverable(
    cx: &mut Cx<'_>,
    loc: Loc,
    group: &[u8],
    count: usize,
) -> (Vec<StreamId>, Option<u64>) {
    let (stream, env) = cx.read::<Stream>(loc);
    let Some(group) = stream.group(group) else {
        return (Vec::new(), None);
    };
    let (mut entries_read, mut last_id) = (group.entries_read, group.last_id);
    let from = group.last_id.next().unwrap_or(StreamId::MAX);
    let mut ids = Vec::new();
    let entries = stream.range(from, StreamId::MAX).take(count);
    entries_reply(
        env.reply,
        entries.inspect(|entry| {
            let id = entry.id;
            entries_read = match entries_read {
                // The counter is known and nothing after it has been deleted, so it is counted on.
                Some(n) if stream.counts_on(last_id, n) => Some(n.wrapping_add(1)),
                _ if stream.entries_added() > 0 => stream.entries_up_to(id),
                known => known,
            };
            last_id = id;
            ids.push(id);
        }),
    );
    (ids, entries_read)
}

/// Shows the consumer its pending entries after `after`.
pub fn history(cx: &mut Cx<'_>, key: &[u8], after: StreamId, request: &Request<'_>) {
    let ((group_name, consumer), Some(loc)) =
        (request.group.unwrap_or_default(), cx.db().find(key))
    else {
        return;
    };
    let now = cx.now();
    let (stream, env) = cx.read::<Stream>(loc);
    let consumer = stream
        .group(group_name)
        .and_then(|group| group.consumer(consumer));
    let from = after.next();
    let pending = consumer.zip(from).map(|(consumer, from)| {
        let ids = consumer.pending_from(from).take(request.count);
        ids.collect::<Vec<_>>()
    });
    let pending = pending.unwrap_or_default();
    let mut delivered = Vec::with_capacity(pending.len());
    env.reply.array(pending.len());
    for id in pending {
        match stream.get(id) {
            Some(entry) => {
                entry_reply(env.reply, entry);
                delivered.push(id);
            }
            None => {
                env.reply.array(2);
                ids::reply(env.reply, id);
                env.reply.null_array();
            }
        }
    }
    if !delivered.is_empty() {
        edit_group(cx, key, group_name, |group| {
            delivered.iter().for_each(|id| group.redeliver(*id, now));
        });
    }
}
