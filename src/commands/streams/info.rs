//! XINFO: describes a stream, its groups and their consumers.

use super::range::entries_reply;
use super::{entry_reply, ids};
use engine::{Args, CmdResult, CommandError, Cx};
use keyspace::value::Stream;
use keyspace::value::stream::{Consumer, Group, Name};
use rdb::stream::StreamId;
use resp::Reply;

/// Entries and pending entries that FULL shows without a count.
const FULL_COUNT: usize = 10;

pub fn stream(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let loc = cx
        .find::<Stream>(&args[2])?
        .ok_or(CommandError::NO_SUCH_KEY)?;
    let full = match args.len() {
        3 => None,
        4 if args.is(3, "FULL") => Some(FULL_COUNT),
        6 if args.is(3, "FULL") && args.is(4, "COUNT") => Some(match args.int(5)? {
            0 => usize::MAX,
            n => usize::try_from(n).unwrap_or(FULL_COUNT),
        }),
        _ => return Err(super::wrong_form(args, "XINFO")),
    };
    let (stream, env) = cx.read::<Stream>(loc);
    let reply = env.reply;
    // As Redis 8.6 has it, where there is something to tell.
    let remembered = stream.remembered().map(|idmp| {
        let names = idmp.producers.iter().map(|p| p.entries.len() as u64);
        [
            ("idmp-duration", idmp.duration_s),
            ("idmp-maxsize", idmp.entries_max),
            ("pids-tracked", idmp.producers.len() as u64),
            ("iids-tracked", names.sum()),
            ("iids-added", idmp.added),
            ("iids-duplicates", idmp.duplicates),
        ]
    });
    let more = remembered.map_or(0, |figures| figures.len());
    reply.map(more + if full.is_some() { 9 } else { 10 });
    let figures = [
        ("length", stream.len()),
        ("radix-tree-keys", stream.node_count()),
        ("radix-tree-nodes", stream.radix_nodes()),
    ];
    for (name, figure) in figures {
        reply.bulk_str(name);
        reply.int(figure as i64);
    }
    reply.bulk_str("last-generated-id");
    ids::reply(reply, stream.last_id());
    reply.bulk_str("max-deleted-entry-id");
    ids::reply(reply, stream.max_deleted_id());
    reply.bulk_str("entries-added");
    reply.int(stream.entries_added().cast_signed());
    reply.bulk_str("recorded-first-entry-id");
    ids::reply(reply, stream.first_id());
    for (name, figure) in remembered.into_iter().flatten() {
        reply.bulk_str(name);
        reply.int(figure.cast_signed());
    }
    match full {
        None => ends(reply, &stream),
        Some(count) => all(reply, &stream, count),
    }
    Ok(())
}

/// The number of groups, the first and the last entry.
fn ends(reply: &mut Reply, stream: &Stream) {
    reply.bulk_str("groups");
    reply.int(stream.group_count() as i64);
    let last = stream.range_rev(StreamId::ZERO, StreamId::MAX).next();
    for (name, entry) in [("first-entry", stream.iter().next()), ("last-entry", last)] {
        reply.bulk_str(name);
        match entry {
            Some(entry) => entry_reply(reply, entry),
            None => reply.null(),
        }
    }
}

/// Entries, groups, pending entries, consumers.
fn all(reply: &mut Reply, stream: &Stream, count: usize) {
    reply.bulk_str("entries");
    entries_reply(reply, stream.iter().take(count));
    reply.bulk_str("groups");
    reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        // As Redis 8.8 has it, where there is something to tell.
        let given_back = group.given_back_count();
        reply.map(7 + usize::from(given_back > 0));
        reply.bulk_str("name");
        reply.bulk(name);
        progress(reply, stream, group);
        reply.bulk_str("pel-count");
        reply.int(group.pending_count() as i64);
        if given_back > 0 {
            reply.bulk_str("nacked-count");
            reply.int(given_back as i64);
        }
        reply.bulk_str("pending");
        reply.array(group.pending_count().min(count));
        for (id, pending) in group.pending_from(StreamId::ZERO).take(count) {
            reply.array(4);
            ids::reply(reply, id);
            reply.bulk(pending.owner.as_deref().unwrap_or_default());
            reply.int(pending.delivered_ms);
            reply.int(pending.deliveries.cast_signed());
        }
        reply.bulk_str("consumers");
        reply.array(group.consumer_count());
        for (name, consumer) in group.consumers() {
            full_consumer(reply, group, name, consumer, count);
        }
    }
}

fn full_consumer(reply: &mut Reply, group: &Group, name: &Name, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.bulk_str("name");
    reply.bulk(name);
    reply.bulk_str("seen-time");
    reply.int(consumer.seen_ms);
    reply.bulk_str("active-time");
    reply.int(consumer.active_ms);
    reply.bulk_str("pel-count");
    reply.int(consumer.pending_count() as i64);
    reply.bulk_str("pending");
    reply.array(consumer.pending_count().min(count));
    for id in consumer.pending_from(StreamId::ZERO).take(count) {
        let pending = group.pending(id);
        reply.array(3);
        ids::reply(reply, id);
        reply.int(pending.map_or(0, |p| p.delivered_ms));
        reply.int(pending.map_or(0, |p| p.deliveries.cast_signed()));
    }
}

/// The fields that say how far the group has read.
fn progress(reply: &mut Reply, stream: &Stream, group: &Group) {
    let optional = |reply: &mut Reply, n: Option<u64>| match n {
        Some(n) => reply.int(n.cast_signed()),
        None => reply.null(),
    };
    reply.bulk_str("last-delivered-id");
    ids::reply(reply, group.last_id);
    reply.bulk_str("entries-read");
    optional(reply, group.entries_read);
    reply.bulk_str("lag");
    optional(reply, lag(stream, group));
}

/// How many entries the group has not read, if this is known without counting.
fn lag(stream: &Stream, group: &Group) -> Option<u64> {
    let added = stream.entries_added();
    if added == 0 || stream.is_empty() {
        return Some(0);
    }
    if let Some(read) = group.entries_read
        && read > added
        && stream.counts_on(group.last_id, read)
    {
        return Some(added.wrapping_sub(read)); // below zero, as the reference shows it
    }
    let first = stream.first_id();
    if group.last_id < first && stream.max_deleted_id() < first {
        return Some(stream.len() as u64);
    }
    let read = match group.entries_read {
        Some(read) if stream.counts_on(group.last_id, read) => Some(read),
        _ => stream.entries_up_to(group.last_id),
    };
    read.map(|read| added.wrapping_sub(read))
}

pub fn groups(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let loc = cx
        .find::<Stream>(&args[2])?
        .ok_or(CommandError::NO_SUCH_KEY)?;
    let (stream, env) = cx.read::<Stream>(loc);
    let reply = env.reply;
    reply.array(stream.group_count());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk_str("name");
        reply.bulk(name);
        reply.bulk_str("consumers");
        reply.int(group.consumer_count() as i64);
        reply.bulk_str("pending");
        reply.int(group.pending_count() as i64);
        progress(reply, &stream, group);
    }
    Ok(())
}

pub fn consumers(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[2], &args[3]);
    let loc = cx.find::<Stream>(key)?.ok_or(CommandError::NO_SUCH_KEY)?;
    let now = cx.now();
    let (stream, env) = cx.read::<Stream>(loc);
    let group = stream.group(name);
    let group = group.ok_or_else(|| super::no_group_of(key, name))?;
    let reply = env.reply;
    reply.array(group.consumer_count());
    for (name, consumer) in group.consumers() {
        reply.map(4);
        reply.bulk_str("name");
        reply.bulk(name);
        reply.bulk_str("pending");
        reply.int(consumer.pending_count() as i64);
        reply.bulk_str("idle");
        reply.int(now.saturating_sub(consumer.seen_ms).max(0));
        reply.bulk_str("inactive");
        reply.int(match consumer.active_ms {
            -1 => -1,
            at => now.saturating_sub(at).max(0),
        });
    }
    Ok(())
}

pub fn help(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    cx.help(
        "XINFO",
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    );
    Ok(())
}
