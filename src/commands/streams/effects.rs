//! What replicas are sent about changes in consumer groups: forms that Redis 6.2 knows, followed by those that only
//! later servers keep.

use engine::Cx;
use rdb::stream::StreamId;

/// `XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID LASTID id`: the entry is pending
/// with the consumer.
pub fn claimed(
    cx: &mut Cx<'_>,
    [key, group, consumer]: [&[u8]; 3],
    id: &[u8],
    (delivered_ms, deliveries): (i64, u64),
    last_id: StreamId,
) {
    if !cx.engine.takes_effects() {
        return;
    }
    let (time, count) = (delivered_ms.to_string(), deliveries.to_string());
    let last = last_id.to_string();
    cx.also_propagate(&[
        b"XCLAIM",
        key,
        group,
        consumer,
        b"0",
        id,
        b"TIME",
        time.as_bytes(),
        b"RETRYCOUNT",
        count.as_bytes(),
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        last.as_bytes(),
    ]);
}

/// `XGROUP CREATECONSUMER key group consumer`: the consumer is new and got no entry, so no XCLAIM creates it on the
/// replicas.
pub fn consumer_created(cx: &mut Cx<'_>, [key, group, consumer]: [&[u8]; 3]) {
    cx.also_propagate(&[
        b"XGROUP",
        b"CREATECONSUMER".as_slice(),
        key,
        group,
        consumer,
    ]);
}

/// `XACK key group id`: the entry was deleted from the stream, and is no longer pending.
pub fn acknowledged(cx: &mut Cx<'_>, [key, group]: [&[u8]; 2], id: &[u8]) {
    cx.also_propagate(&[b"XACK", key, group, id]);
}

/// Where a group is: `XGROUP SETID key group id`, which every server knows, then how many entries it has read.
pub fn group_moved(
    cx: &mut Cx<'_>,
    [key, group]: [&[u8]; 2],
    last_id: StreamId,
    entries_read: Option<u64>,
) {
    let last = last_id.to_string();
    cx.also_propagate(&[b"XGROUP", b"SETID".as_slice(), key, group, last.as_bytes()]);
    if entries_read.is_some() {
        entries_were_read(cx, [key, group], last_id, entries_read);
    }
}

/// `XGROUP SETID key group id ENTRIESREAD n`: how many entries the group has read. Servers before Redis 7.0 count no
/// entries, and have the id from elsewhere.
pub fn entries_were_read(
    cx: &mut Cx<'_>,
    [key, group]: [&[u8]; 2],
    last_id: StreamId,
    entries_read: Option<u64>,
) {
    if cx.engine.repl.readers_are_old() {
        return;
    }
    let last = last_id.to_string();
    let read = entries_read.map_or("-1".to_owned(), |n| n.to_string());
    cx.also_propagate(&[
        b"XGROUP",
        b"SETID".as_slice(),
        key,
        group,
        last.as_bytes(),
        b"ENTRIESREAD",
        read.as_bytes(),
    ]);
}
