//! XADD, XTRIM, XDEL, XSETID.

use super::ids::{self, NewId};
use super::once;
use super::trim::TrimOptions;
use base::integer::parse_int;
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Stream;
use rdb::stream::StreamId;

const TOO_SMALL: CommandError = CommandError::fixed(
    &"ERR The ID specified in XADD is equal or smaller than the target stream top item",
);

pub fn xadd(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (options, at) = TrimOptions::parse(cx, args, true)?;
    let Some(once) = options.once else {
        return add(cx, args, options, at, None);
    };
    // The entry goes out as any other: the words about it are not among those that replicas get.
    let stripped = once.stripped(args);
    let plain = Args(&stripped);
    let (mut options, at) = TrimOptions::parse(cx, plain, true)?;
    options.once = None;
    let (producer, name) = once.key(args, plain.from(at + 1));
    add(cx, plain, options, at, Some((producer, &name)))
}

/// Adds an entry; with a producer and a name only if it has not been added.
fn add(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    options: TrimOptions,
    at: usize,
    once: Option<(&[u8], &[u8])>,
) -> CmdResult {
    // A request that ends before its id has no fields either.
    let new_id = match args.get(at) {
        Some(text) => NewId::parse(text)?,
        None => return Err(CommandError::arity("xadd")),
    };
    let fields = args.from(at + 1);
    if fields.is_empty() || fields.len() % 2 == 1 {
        return Err(CommandError::arity("xadd"));
    }
    if new_id == NewId::Given(StreamId::ZERO) {
        return Err(CommandError::fixed(
            &"ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    let obeys = once.is_some() && once::obeys(cx);
    if once.is_some() && !obeys && new_id != NewId::Auto {
        return Err(CommandError::fixed(
            &"ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs",
        ));
    }
    let key = &args[1];
    let found = cx.find_to_write::<Stream>(key)?;
    if obeys && new_id == NewId::Auto {
        // The primary gives each new entry its id. One without had been added before, and is not added again.
        if let Some(loc) = found {
            cx.edit::<Stream, _>(loc, |stream, env| {
                stream.count_duplicate(env.limits);
            });
        }
        cx.client.reply.null();
        return Ok(());
    }
    if let (Some((producer, name)), Some(loc), false) = (once, found, obeys) {
        let now = u64::try_from(cx.now()).unwrap_or(0);
        let (known, _) = cx.edit::<Stream, _>(loc, |stream, env| {
            stream.forget_old(now);
            let known = stream.added_as(producer, name);
            if known.is_some() {
                stream.count_duplicate(env.limits);
            }
            known
        });
        if let Some(id) = known {
            let id = ids::text(id);
            cx.client.reply.bulk(id.as_bytes());
            return Ok(());
        }
    }
    if found.is_none() && options.no_make {
        cx.client.reply.null();
        return Ok(());
    }
    let last = match found {
        Some(loc) => cx.read::<Stream>(loc).0.last_id(),
        None => StreamId::ZERO,
    };
    let id = next_id(new_id, last, cx.now())?;
    let (appended, _) = cx.edit_or_create::<Stream, _>(key, found, |stream, env| {
        stream.append(id, fields, env.limits)
    });
    if appended.is_err() {
        return Err(CommandError::fixed(
            &"ERR Elements are too large to be stored",
        ));
    }
    let added = id;
    let id = ids::text(id);
    cx.client.reply.bulk(id.as_bytes());
    cx.changed(key, 1);
    cx.notify(Event::Stream, "xadd", key);
    let settled = options.run(cx, key);
    let made = !matches!(new_id, NewId::Given(_));
    if made || settled.is_some() {
        let mut effect = args.0.to_vec();
        if made {
            effect[at] = id.as_bytes();
        }
        match &settled {
            Some(settled) => settled.propagate(cx, &effect, Some(at)),
            None => cx.propagate_as(&effect),
        }
    }
    if let Some(once) = once {
        once::remember(cx, key, once, added);
    }
    Ok(())
}

/// The id that a new entry gets.
fn next_id(new_id: NewId, last: StreamId, now_ms: i64) -> Result<StreamId, CommandError> {
    if last == StreamId::MAX {
        return Err(CommandError::fixed(
            &"ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let now = StreamId {
        ms: u64::try_from(now_ms).unwrap_or(0),
        seq: 0,
    };
    let id = match new_id {
        NewId::Given(id) => Some(id),
        NewId::AutoSeq(ms) if ms == last.ms => {
            let seq = last.seq.checked_add(1);
            seq.map(|seq| StreamId { ms, seq })
        }
        NewId::AutoSeq(ms) => Some(StreamId { ms, seq: 0 }),
        NewId::Auto if now.ms > last.ms => Some(now),
        NewId::Auto => last.next(),
    };
    id.filter(|id| *id > last).ok_or(TOO_SMALL)
}

pub fn xtrim(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (options, _) = TrimOptions::parse(cx, args, false)?;
    let key = &args[1];
    let Some(loc) = cx.find_to_write::<Stream>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let before = cx.read::<Stream>(loc).0.len();
    let settled = options.run(cx, key);
    let after = cx.read::<Stream>(loc).0.len();
    let gone = before - after;
    if gone > 0 {
        cx.changed(key, gone as i64);
        if let Some(settled) = settled {
            settled.propagate(cx, args.0, None);
        }
    }
    cx.client.reply.int(gone as i64);
    Ok(())
}

pub fn xdel(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let Some(loc) = cx.find_to_write::<Stream>(key)? else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let ids = super::all_ids(args.from(2))?;
    let (gone, _) = cx.edit::<Stream, _>(loc, |stream, _| {
        ids.iter().filter(|id| stream.delete(**id)).count()
    });
    if gone > 0 {
        cx.changed(key, gone as i64);
        cx.notify(Event::Stream, "xdel", key);
    }
    cx.client.reply.int(gone as i64);
    Ok(())
}

pub fn xsetid(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let id = ids::id(&args[2])?;
    let (mut added, mut max_deleted) = (None, None);
    let mut words = args.options(3);
    while words.are_left() {
        if let Some(count) = words.take_value("ENTRIESADDED") {
            let count = parse_int(count).ok_or(CommandError::NOT_AN_INTEGER)?;
            added = Some(
                u64::try_from(count)
                    .map_err(|_| CommandError::fixed(&"ERR entries_added must be positive"))?,
            );
        } else if let Some(deleted) = words.take_value("MAXDELETEDID") {
            let deleted = ids::id(deleted)?;
            if id < deleted {
                return Err(CommandError::fixed(
                    &"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
            max_deleted = Some(deleted);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let key = &args[1];
    let loc = cx.find_to_write::<Stream>(key)?;
    let loc = loc.ok_or(CommandError::NO_SUCH_KEY)?;
    let (stream, _) = cx.read::<Stream>(loc);
    if id < stream.max_deleted_id() {
        return Err(CommandError::fixed(
            &"ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
        ));
    }
    if !stream.is_empty() {
        if id < stream.last_live_id() {
            return Err(CommandError::fixed(
                &"ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if added.is_some_and(|added| added < stream.len() as u64) {
            return Err(CommandError::fixed(
                &"ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
    }
    cx.edit::<Stream, _>(loc, |stream, _| {
        stream.set_last_id(id);
        if let Some(added) = added {
            stream.set_entries_added(added);
        }
        if let Some(deleted) = max_deleted.filter(|id| *id != StreamId::ZERO) {
            stream.set_max_deleted_id(deleted);
        }
    });
    cx.client.reply.ok();
    cx.changed(key, 1);
    cx.notify(Event::Stream, "xsetid", key);
    if args.len() > 3 {
        // Servers before Redis 7.0 know the id only; later ones get what they count as well.
        cx.propagate_as(&args.0[..3]);
        if !cx.engine.repl.readers_are_old() {
            cx.also_propagate(args.0);
        }
    }
    Ok(())
}
