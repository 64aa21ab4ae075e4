//! XGROUP: creating, repositioning and removing consumer groups and their consumers.

use super::effects::entries_were_read;
use super::{edit_group, ids};
use base::integer::parse_int;
use engine::args::int_of;
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Stream;
use keyspace::value::stream::Group;
use keyspace::{Loc, Value};
use rdb::stream::StreamId;

const NO_KEY: CommandError = CommandError::fixed(
    &"ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.",
);

/// The options that may follow the id of CREATE and SETID.
#[derive(Default)]
struct Options {
    make: bool,
    /// ENTRIESREAD was given.
    counts: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Self, CommandError> {
        let mut options = Options::default();
        let mut words = args.options(5);
        while words.are_left() {
            if creates && words.take("MKSTREAM") {
                options.make = true;
            } else if let Some(count) = words.take_value("ENTRIESREAD") {
                options.counts = true;
                options.entries_read = match int_of(count)? {
                    -1 => None,
                    n => Some(u64::try_from(n).map_err(|_| {
                        CommandError::fixed(&"ERR value for ENTRIESREAD must be positive or -1")
                    })?),
                };
            } else {
                return Err(super::wrong_form(args, "XGROUP"));
            }
        }
        Ok(options)
    }
}

/// The key must hold a stream.
fn stream(cx: &mut Cx<'_>, key: &[u8]) -> Result<Loc, CommandError> {
    cx.find_to_write::<Stream>(key)?.ok_or(NO_KEY)
}

/// The key must hold a stream with this group.
fn stream_with_group(cx: &mut Cx<'_>, key: &[u8], group: &[u8]) -> Result<Loc, CommandError> {
    let loc = stream(cx, key)?;
    match cx.read::<Stream>(loc).0.group(group) {
        Some(_) => Ok(loc),
        None => Err(super::no_group_of(key, group)),
    }
}

pub fn create(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, true)?;
    let (key, name) = (&args[2], &args[3]);
    let found = cx.find_to_write::<Stream>(key)?;
    if found.is_none() && !options.make {
        return Err(NO_KEY);
    }
    if args.len() > 8 {
        return Err(super::wrong_form(args, "XGROUP"));
    }
    let last_id = match (&args[4], found) {
        (b"$", Some(loc)) => cx.read::<Stream>(loc).0.last_id(),
        (b"$", None) => StreamId::ZERO,
        (text, _) => ids::id(text)?,
    };
    let loc = match found {
        Some(loc) => loc,
        None => {
            let loc = cx.db().insert(key, Value::Stream(Stream::new()), None);
            let db = cx.client.db;
            cx.engine.touch(db, loc);
            cx.created(key);
            // The group counts as the change; those who watch the key see that it is there.
            cx.changed(key, 0);
            loc
        }
    };
    let entries_read = options.entries_read;
    let group = Group::new(last_id, entries_read);
    let (added, _) = cx.edit::<Stream, _>(loc, |stream, _| stream.add_group(name, group));
    if !added {
        return Err(CommandError::fixed(
            &"BUSYGROUP Consumer Group name already exists",
        ));
    }
    cx.client.reply.ok();
    // This counts as a change for clients that wait for the key, but not for those that watch it.
    cx.engine.dirty += 1;
    let db = cx.client.db;
    cx.engine.blocking.signal(db, key);
    cx.notify(Event::Stream, "xgroup-create", key);
    if options.counts {
        // Servers before Redis 7.0 know no ENTRIESREAD here.
        let make: &[&[u8]] = if options.make { &[b"MKSTREAM"] } else { &[] };
        let words: [&[u8]; 5] = [b"XGROUP", b"CREATE", key, name, &args[4]];
        cx.propagate_as(&[&words, make].concat());
        if entries_read.is_some() {
            entries_were_read(cx, [key, name], last_id, entries_read);
        }
    }
    Ok(())
}

pub fn setid(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, false)?;
    let (key, name) = (&args[2], &args[3]);
    let loc = stream_with_group(cx, key, name)?;
    if !matches!(args.len(), 5 | 7) {
        return Err(super::wrong_form(args, "XGROUP"));
    }
    let last_id = match &args[4] {
        b"$" => cx.read::<Stream>(loc).0.last_id(),
        text => ids::bound(text)?,
    };
    let entries_read = options.entries_read;
    edit_group(cx, key, name, |group| {
        group.last_id = last_id;
        group.entries_read = entries_read;
    });
    cx.client.reply.ok();
    cx.engine.dirty += 1;
    cx.notify(Event::Stream, "xgroup-setid", key);
    if options.counts {
        // Servers before Redis 7.0 know the id only.
        cx.propagate_as(&args.0[..5]);
        if !cx.engine.repl.readers_are_old() {
            cx.also_propagate(args.0);
        }
    }
    Ok(())
}

pub fn destroy(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[2], &args[3]);
    let loc = stream(cx, key)?;
    let (gone, _) = cx.edit::<Stream, _>(loc, |stream, _| stream.remove_group(name));
    if gone {
        cx.engine.dirty += 1;
        cx.notify(Event::Stream, "xgroup-destroy", key);
        // Clients that wait for the group must be notified.
        let db = cx.client.db;
        cx.engine.blocking.signal(db, key);
    }
    cx.client.reply.int(i64::from(gone));
    Ok(())
}

pub fn create_consumer(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[2], &args[3]);
    stream_with_group(cx, key, name)?;
    let now = cx.now();
    let new = edit_group(cx, key, name, |group| group.add_consumer(&args[4], now));
    let new = new == Some(true);
    if new {
        cx.engine.dirty += 1;
        cx.notify(Event::Stream, "xgroup-createconsumer", key);
    }
    cx.client.reply.int(i64::from(new));
    Ok(())
}

pub fn delete_consumer(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[2], &args[3]);
    stream_with_group(cx, key, name)?;
    let gone = edit_group(cx, key, name, |group| group.remove_consumer(&args[4])).flatten();
    if gone.is_some() {
        cx.engine.dirty += 1;
        cx.notify(Event::Stream, "xgroup-delconsumer", key);
    }
    cx.client.reply.int(gone.unwrap_or(0) as i64);
    Ok(())
}

pub fn help(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    cx.help(
        "XGROUP",
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    );
    Ok(())
}

/// XACK: entries are done with.
pub fn xack(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (&args[1], &args[2]);
    // This counts as a read, as in Redis.
    let found = cx.find::<Stream>(key)?;
    let there = found.is_some_and(|loc| cx.read::<Stream>(loc).0.group(name).is_some());
    if !there {
        cx.client.reply.int(0);
        return Ok(());
    }
    let ids = super::all_ids(args.from(3))?;
    let done = edit_group(cx, key, name, |group| {
        ids.iter().filter(|id| group.acknowledge(**id)).count()
    });
    let done = done.unwrap_or(0) as i64;
    cx.engine.dirty += done;
    cx.client.reply.int(done);
    Ok(())
}

/// An idle time in ms; less than none counts as none.
pub fn idle_time(text: &[u8], error: &'static str) -> Result<i64, CommandError> {
    let idle = parse_int(text).ok_or_else(|| CommandError::new(error))?;
    Ok(idle.max(0))
}
