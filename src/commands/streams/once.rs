//! Entries that producers add only once (Redis 8.6): the options of XADD for this, XCFGSET and XIDMPRECORD.
//!
//! Replicas receive the entry like any other. They also receive XIDMPRECORD, but only if all of them know it: otherwise
//! links would be closed although the entries are the same.

use super::ids;
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Loading};
use keyspace::value::Stream;
use rdb::stream::StreamId;
use replication::Reads;
use twox_hash::XxHash3_128;

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
                &"ERR syntax error, IDMP requires a non-empty idempotent ID",
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

/// The name of an entry by its fields and values, in whatever order they are: the same as on Redis 8.6 and later, whose
/// replicas, dumps and logs carry it, so that an entry that was added there is known here.
///
/// Each pair has a hash of 128 bits: that of the field, its length in 8 bytes, and the value. The name is both halves of
/// the sum of these hashes, each combined with the other half of their parity. (Found by comparing names of Redis 8.10
/// with hashes of what was added.)
fn content_name(fields: &[&[u8]]) -> [u8; 16] {
    let (mut sums, mut parities) = ([0_u64; 2], [0_u64; 2]);
    for pair in fields.chunks_exact(2) {
        let mut hasher = XxHash3_128::new();
        hasher.write(pair[0]);
        hasher.write(&(pair[0].len() as u64).to_le_bytes());
        hasher.write(pair[1]);
        let hash = hasher.finish_128();
        for (half, part) in [hash as u64, (hash >> 64) as u64].into_iter().enumerate() {
            sums[half] = sums[half].wrapping_add(part);
            parities[half] ^= part;
        }
    }
    let low = sums[0] ^ parities[1].rotate_left(1);
    let high = sums[1] ^ parities[0].rotate_left(1);
    let name = u128::from(high) << 64 | u128::from(low);
    name.to_le_bytes()
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
    cx.edit::<Stream, _>(loc, |stream, env| {
        stream.remember(producer, name, id, env.limits);
    });
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
            &"ERR At least one parameter must be specified",
        ));
    }
    cx.edit::<Stream, _>(loc, |stream, env| {
        stream.set_memory(duration, most, env.limits);
    });
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
        return Err(CommandError::fixed(&"ERR producer ID must be non-empty"));
    }
    if name.is_empty() {
        return Err(CommandError::fixed(&"ERR idempotent ID must be non-empty"));
    }
    let id = ids::id(&args[4])?;
    let found = cx.find_to_write::<Stream>(key)?;
    let loc = found.ok_or(CommandError::NO_SUCH_KEY)?;
    let (stream, _) = cx.read::<Stream>(loc);
    if stream.range(id, id).next().is_none() {
        return Err(CommandError::fixed(&"ERR No such message in stream"));
    }
    match stream.added_as(producer, name) {
        Some(known) if known != id => {
            return Err(CommandError::fixed(
                &"ERR IID already exists for this producer with a different stream ID",
            ));
        }
        Some(_) => {}
        None => {
            cx.edit::<Stream, _>(loc, |stream, env| {
                stream.remember(producer, name, id, env.limits);
            });
            cx.changed(key, 1);
            if !is_told(cx) {
                cx.no_propagate();
            }
        }
    }
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::content_name;

    /// Names that Redis 8.10 gave.
    #[test]
    fn content_has_the_name_that_redis_gives_it() {
        let long = "b".repeat(300);
        for (fields, name) in [
            (&["a", "1"][..], "034b44ffc743320ce2cb07999104fc02"),
            (&["", ""], "1a9f7ebbaea1d61d30b6b8daa3e38da7"),
            (&["", "a1"], "7cc3517a1dc6ef0b1c18f2854c2c4ad6"),
            (&["a1", ""], "ccd9465989409664456e9aeec7a521fc"),
            (&["a", "1", "b", "1"], "aad3fb582e61f14cf4a08895aae359f4"),
            (&["b", "1", "a", "1"], "aad3fb582e61f14cf4a08895aae359f4"),
            (&["a", "1", "a", "1"], "7cd8847868842eaf3c2706c3f301a55b"),
            (&["long", &long], "671bbec58802e9052da83a32fdf2d021"),
        ] {
            let fields: Vec<&[u8]> = fields.iter().map(|f| f.as_bytes()).collect();
            let hex: String = content_name(&fields)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(hex, name, "{fields:?}");
        }
    }
}
