//! Entries that producers add only once (Redis 8.6): the options of XADD for this, XCFGSET and XIDMPRECORD.
//!
//! Replicas receive the entry like any other. They also receive XIDMPRECORD, but only if all of them know it: otherwise
//! links would be closed although the entries are the same.

use super::ids;
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Loading};
use keyspace::value::Stream;
use rdb::stream::StreamId;
use replication::Reads;
use std::hash::Hasher;
use twox_hash::{XxHash3_64, XxHash3_128};

/// `IDMP producer name` or `IDMPAUTO producer` in a request of XADD.
#[derive(Clone, Copy, Debug)]
pub struct Once {
    /// The index of the first of the words.
    pub at: usize,
    /// How many they are.
    pub words: usize,
}

impl Once {
    /// The words at `at`, if they are these.
    pub fn parse(args: Args<'_>, at: usize) -> Result<Option<Once>, CommandError> {
        let (words, word) = match () {
            () if args.is(at, "IDMPAUTO") => (2, "IDMPAUTO"),
            () if args.is(at, "IDMP") => (3, "IDMP"),
            () => return Ok(None),
        };
        if at + words > args.len() {
            return Ok(None);
        }
        if args[at + 1].is_empty() {
            return Err(CommandError::new(format!(
                "ERR syntax error, {word} requires a non-empty producer ID"
            )));
        }
        if words == 3 && args[at + 2].is_empty() {
            return Err(CommandError::fixed(
                "ERR syntax error, IDMP requires a non-empty idempotent ID",
            ));
        }
        Ok(Some(Once { at, words }))
    }

    /// Who adds the entry, and under which name; without a name of its own it is known by its content.
    pub fn key<'a>(self, args: Args<'a>, fields: &[&[u8]]) -> (&'a [u8], Vec<u8>) {
        let name = match self.words {
            3 => args[self.at + 2].to_vec(),
            _ => content_name(fields).to_vec(),
        };
        (args.0[self.at + 1], name)
    }

    /// The request without the words.
    pub fn stripped<'a>(self, args: Args<'a>) -> Vec<&'a [u8]> {
        [&args.0[..self.at], &args.0[self.at + self.words..]].concat()
    }
}

/// The name of an entry by its fields and values, in whatever order they are.
fn content_name(fields: &[&[u8]]) -> [u8; 16] {
    let sum = fields.chunks_exact(2).map(|pair| {
        // The length keeps a field and its value apart.
        let mut hash = XxHash3_64::with_seed(pair[0].len() as u64);
        pair.iter().for_each(|part| hash.write(part));
        let whole = XxHash3_128::oneshot_with_seed(hash.finish(), pair[1]);
        whole ^ u128::from(hash.finish())
    });
    let sum: u128 = sum.fold(0, u128::wrapping_add);
    sum.to_le_bytes()
}

/// True for a request that another server has decided about: our primary, or a log that is loaded.
pub fn obeys(cx: &Cx<'_>) -> bool {
    cx.client.flags.contains(ClientFlags::MASTER) || cx.engine.loading != Loading::No
}

/// True if all replicas know the commands about it.
fn is_told(cx: &Cx<'_>) -> bool {
    cx.engine.repl.primary().all_read(Reads::REDIS_8_6)
}

/// Has the stream at a key remember an entry, and those who follow as well.
pub fn remember(cx: &mut Cx<'_>, key: &[u8], (producer, name): (&[u8], &[u8]), id: StreamId) {
    let Some(loc) = cx.db().find(key) else { return };
    cx.edit::<Stream, _>(loc, |stream, _| stream.remember(producer, name, id));
    if is_told(cx) && !obeys(cx) {
        let id = ids::text(id);
        cx.also_propagate(&[b"XIDMPRECORD", key, producer, name, id.as_bytes()]);
    }
}

pub fn xcfgset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.find_to_write::<Stream>(key)?;
    let loc = found.ok_or(CommandError::NO_SUCH_KEY)?;
    let (mut duration, mut most) = (None, None);
    let mut words = 2;
    while words < args.len() {
        let (slot, name, range, unit) = match () {
            () if args.is(words, "IDMP-DURATION") => {
                (&mut duration, "IDMP-DURATION", 1..=86_400, "seconds")
            }
            () if args.is(words, "IDMP-MAXSIZE") => {
                (&mut most, "IDMP-MAXSIZE", 1..=10_000, "entries")
            }
            () => return Err(CommandError::SYNTAX),
        };
        if words + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        if slot.is_some() {
            return Err(CommandError::new(format!(
                "ERR {name} specified multiple times"
            )));
        }
        let n = args.int(words + 1)?;
        if !range.contains(&n) {
            return Err(CommandError::new(format!(
                "ERR {name} must be between 1 and {} {unit}",
                range.end()
            )));
        }
        *slot = Some(n.unsigned_abs());
        words += 2;
    }
    if duration.is_none() && most.is_none() {
        return Err(CommandError::fixed(
            "ERR At least one parameter must be specified",
        ));
    }
    cx.edit::<Stream, _>(loc, |stream, _| stream.set_memory(duration, most));
    cx.changed(key, 1);
    if !is_told(cx) {
        cx.no_propagate();
    }
    cx.client.reply.ok();
    Ok(())
}

pub fn xidmprecord(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (key, producer, name) = (&args[1], &args[2], &args[3]);
    if producer.is_empty() {
        return Err(CommandError::fixed("ERR producer ID must be non-empty"));
    }
    if name.is_empty() {
        return Err(CommandError::fixed("ERR idempotent ID must be non-empty"));
    }
    let id = ids::id(&args[4])?;
    let found = cx.find_to_write::<Stream>(key)?;
    let loc = found.ok_or(CommandError::NO_SUCH_KEY)?;
    let (stream, _) = cx.read::<Stream>(loc);
    if stream.range(id, id).next().is_none() {
        return Err(CommandError::fixed("ERR No such message in stream"));
    }
    match stream.added_as(producer, name) {
        Some(known) if known != id => {
            return Err(CommandError::fixed(
                "ERR IID already exists for this producer with a different stream ID",
            ));
        }
        Some(_) => {}
        None => {
            cx.edit::<Stream, _>(loc, |stream, _| stream.remember(producer, name, id));
            cx.changed(key, 1);
            if !is_told(cx) {
                cx.no_propagate();
            }
        }
    }
    cx.client.reply.ok();
    Ok(())
}
