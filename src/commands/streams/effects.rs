//! What replicas get of changes in consumer groups.

use crate::commands::Cx;
use crate::rdb::stream::StreamId;

/// `XCLAIM key group consumer 0 id TIME ms RETRYCOUNT n FORCE JUSTID LASTID id`: the entry is pending
/// with the consumer.
pub fn claimed(
    cx: &mut Cx<'_>,
    [key, group, consumer]: [&[u8]; 3],
    id: &[u8],
    (delivered_ms, deliveries): (i64, u64),
    last_id: StreamId,
) {
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

/// `XGROUP SETID key group id ENTRIESREAD n`: how far the group has read.
pub fn group_position(
    cx: &mut Cx<'_>,
    [key, group]: [&[u8]; 2],
    last_id: StreamId,
    entries_read: Option<u64>,
) {
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
