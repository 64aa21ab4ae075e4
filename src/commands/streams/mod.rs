//! Streams.
//!
//! * [`add`]: XADD, XDEL, XTRIM, XSETID. [`trim`]: the options of two of them.
//! * [`range`]: XLEN, XRANGE, XREVRANGE. [`read`]: XREAD and XREADGROUP, which may wait.
//! * [`groups`]: XGROUP, XACK. [`group_read`]: reading for a group. [`claim`]: XCLAIM, XAUTOCLAIM.
//!   [`pending`]: XPENDING. [`effects`]: what replicas get of all this.
//! * [`once`]: entries that are added only once, XCFGSET, XIDMPRECORD.
//! * [`refs`]: XDELEX, XACKDEL. [`info`]: XINFO. [`table`]: the declarations.
//! * [`ids`]: ids of entries as clients write them.

mod add;
mod claim;
mod effects;
mod group_read;
mod groups;
mod ids;
mod info;
mod nack;
mod once;
mod pending;
mod range;
mod read;
mod refs;
mod table;
#[cfg(test)]
mod tests;
mod trim;

pub use table::COMMANDS;

use engine::{Args, CommandError, Cx};
use keyspace::value::Stream;
use keyspace::value::stream::{Entry, Group};
use rdb::stream::StreamId;
use resp::Reply;

/// All arguments as ids.
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

/// Changes a group of a key that is known to hold a stream; `None` if there is none of this name.
fn edit_group<R>(
    cx: &mut Cx<'_>,
    key: &[u8],
    group: &[u8],
    change: impl FnOnce(&mut Group) -> R,
) -> Option<R> {
    let loc = cx.db().find(key)?;
    let edited = cx.edit::<Stream, _>(loc, |stream, _| stream.edit_group(group, change));
    edited.0
}

/// Neither the key nor the group, or not that group.
fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::quoting(
        "NOGROUP No such key '{}' or consumer group '{}'",
        &[key, group],
    )
}

/// The key is there, the group is not.
fn no_group_of(key: &[u8], group: &[u8]) -> CommandError {
    CommandError::quoting(
        "NOGROUP No such consumer group '{}' for key name '{}'",
        &[group, key],
    )
}

/// The error for a subcommand with arguments that it does not know.
fn wrong_form(args: Args<'_>, container: &str) -> CommandError {
    let text = format!(
        "ERR unknown subcommand or wrong number of arguments for '{{128}}'. Try {container} HELP."
    );
    CommandError::quoting(&text, &[&args[1]])
}
