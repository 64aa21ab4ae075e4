//! Streams.
//!
//! * [`add`]: XADD, XDEL, XTRIM, XSETID. [`trim`]: the options of two of them.
//! * [`range`]: XLEN, XRANGE, XREVRANGE. [`read`]: XREAD and XREADGROUP, which may wait.
//! * [`group_read`]: reading for a group. [`effects`]: what replicas get of groups.
//! * [`ids`]: ids of entries as clients write them.

mod add;
mod effects;
mod group_read;
mod ids;
mod range;
mod read;
mod table;
#[cfg(test)]
mod tests;
mod trim;

pub use table::COMMANDS;

use super::CommandError;
use crate::keyspace::value::stream::Entry;
use crate::rdb::stream::StreamId;
use crate::resp::Reply;

/// All of them as ids.
fn all_ids(texts: &[&[u8]]) -> Result<Vec<StreamId>, CommandError> {
    texts.iter().map(|text| ids::id(text)).collect()
}

/// One entry: its id, and fields and values in turn.
fn entry_reply(reply: &mut Reply, entry: Entry<'_>) {
    reply.array(2);
    ids::reply(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (field, value) in entry.fields {
        reply.item(field);
        reply.item(value);
    }
}
