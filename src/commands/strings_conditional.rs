//! DELIFEQ of Valkey, DELEX and DIGEST of Redis, and MSETEX of both. A replica of such a server is sent these commands,
//! so they are available to all clients.

use super::expiry::Due;
use crate::manual;
use crate::strings::StringContext;
use engine::key_specs::{Begin, Find};
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event, Options};
use keyspace::ValueRef;
use keyspace::value::StrRef;
use std::hash::Hasher;
use twox_hash::XxHash3_64;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "delifeq",
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE),
        group: Group::String,
        since: "9.0.0",
        complexity: "O(1)",
        summary: "Deletes a key if its string value is the given one.",
        docs: &manual::strings::DELIFEQ,
        ..Command::steady(delifeq)
    },
    Command {
        name: "delex",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::AsAsked(Access::REMOVE_PART, "", delex_access),
        group: Group::String,
        since: "8.4.0",
        complexity: "O(1)",
        summary: "Deletes a key, perhaps only if its string value is, or is not, the given one.",
        docs: &manual::strings::DELEX,
        ..Command::steady(delex)
    },
    Command {
        name: "digest",
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::String,
        since: "8.4.0",
        complexity: "O(N) where N is the length of the string value.",
        summary: "Returns the digest of a string: its XXH3 hash of 64 bits.",
        docs: &manual::strings::DIGEST,
        ..Command::growing(digest)
    },
    Command {
        name: "msetex",
        arity: -4,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(msetex_keys),
        uses: KeyUse::Own(&[KeySpec::new(
            Begin::Index(1),
            Find::Counted { step: 2 },
            Access::OVERWRITE,
        )]),
        group: Group::String,
        since: "8.4.0",
        complexity: "O(N) where N is the number of keys to set.",
        summary: "Sets several keys together, with one expiry, if none or all of them exist.",
        docs: &manual::strings::MSETEX,
        tips: &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        ..Command::steady(msetex)
    },
];

fn delifeq(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    if !Condition::Equal(&args[2]).is_met(cx, key)? {
        cx.client.reply.int(0);
        return Ok(());
    }
    if let Some(loc) = cx.lookup_write(key) {
        cx.db().remove(loc);
    }
    cx.changed(key, 1);
    cx.notify(Event::Generic, "del", key);
    cx.propagate_as(&[b"DEL", key]);
    cx.client.reply.int(1);
    Ok(())
}

/// What SET and DELEX may ask of the string that is there.
#[derive(Clone, Copy)]
pub(super) enum Condition<'a> {
    /// It is this one.
    Equal(&'a [u8]),
    /// It is not this one.
    Other(&'a [u8]),
    /// It has this digest.
    Digest(&'a [u8]),
    /// It has not this digest.
    OtherDigest(&'a [u8]),
}

impl<'a> Condition<'a> {
    /// The words that begin a condition, with what each of them makes of the argument after it.
    #[expect(clippy::type_complexity, reason = "a table of words and constructors")]
    const FORMS: [(&'static str, fn(&'a [u8]) -> Condition<'a>); 4] = [
        ("IFEQ", Condition::Equal),
        ("IFNE", Condition::Other),
        ("IFDEQ", Condition::Digest),
        ("IFDNE", Condition::OtherDigest),
    ];

    /// Takes a condition.
    pub(super) fn take(words: &mut Options<'a>) -> Option<Self> {
        let mut forms = Self::FORMS.iter();
        forms.find_map(|(word, made)| words.take_value(word).map(*made))
    }

    /// True if argument `i` begins a condition.
    pub(super) fn is_at(args: &Args<'_>, i: usize) -> bool {
        i + 1 < args.len() && Self::FORMS.iter().any(|(word, _)| args.is(i, word))
    }

    /// Whether a string meets it; an error if the digest cannot be one. Of a text of the right length that is no
    /// number the reference finds only that it differs.
    fn of(self, held: StrRef<'_>) -> Result<bool, CommandError> {
        let has = |wanted: &[u8]| match wanted.len() {
            DIGEST_LEN => Ok(digest_text(held).as_bytes().eq_ignore_ascii_case(wanted)),
            _ => Err(CommandError::fixed(
                &"ERR must be exactly 16 hexadecimal characters",
            )),
        };
        match self {
            Condition::Equal(wanted) => Ok(held.equals(wanted)),
            Condition::Other(wanted) => Ok(!held.equals(wanted)),
            Condition::Digest(wanted) => has(wanted),
            Condition::OtherDigest(wanted) => has(wanted).map(|has| !has),
        }
    }

    /// Whether a key meets it. One that is missing holds nothing that is equal to anything.
    pub(super) fn is_met(self, cx: &mut Cx<'_>, key: &[u8]) -> Result<bool, CommandError> {
        let Some(loc) = cx.lookup_write(key) else {
            return Ok(matches!(
                self,
                Condition::Other(_) | Condition::OtherDigest(_)
            ));
        };
        match cx.value(loc) {
            ValueRef::Str(held) => self.of(held),
            _ => Err(CommandError::WRONG_TYPE),
        }
    }
}

const DIGEST_LEN: usize = 16;

/// The digest of a string as DIGEST shows it. A long string is not copied for it.
fn digest_text(text: StrRef<'_>) -> String {
    let mut hash = XxHash3_64::new();
    text.pieces(0, usize::MAX, |piece| hash.write(piece));
    format!("{:016x}", hash.finish())
}

fn digest(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let Some(loc) = cx.lookup(&args[1]) else {
        cx.client.reply.null();
        return Ok(());
    };
    let ValueRef::Str(text) = cx.value(loc) else {
        return Err(CommandError::WRONG_TYPE);
    };
    let digest = digest_text(text);
    cx.client.reply.bulk_str(&digest);
    Ok(())
}

/// With a condition the value is looked at.
fn delex_access(args: &Args<'_>) -> Access {
    match Condition::is_at(args, 2) {
        true => Access::REMOVE_PART,
        false => Access::REMOVE,
    }
}

fn delex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let condition = match args.len() {
        2 => None,
        4 => Some(
            Condition::take(&mut args.options(2)).ok_or(CommandError::fixed(
                &"ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE",
            ))?,
        ),
        _ => return Err(CommandError::arity("delex")),
    };
    let Some(loc) = cx.lookup_write(key) else {
        cx.client.reply.int(0);
        return Ok(());
    };
    if let Some(condition) = condition {
        let ValueRef::Str(text) = cx.value(loc) else {
            return Err(CommandError::fixed(
                &"ERR Key should be of string type if conditions are specified",
            ));
        };
        if !condition.of(text)? {
            cx.client.reply.int(0);
            return Ok(());
        }
    }
    let lazy = cx.engine.config.lazyfree_lazy_user_del;
    cx.remove(loc, lazy);
    cx.changed(key, 1);
    cx.notify(Event::Generic, "del", key);
    cx.propagate_as(&[b"DEL", key]);
    cx.client.reply.int(1);
    Ok(())
}

/// Pairs follow a count; the count that does not fit names none.
fn msetex_keys(args: &Args<'_>, out: &mut Vec<usize>) {
    let count = args.get(1).and_then(engine::args::parse_int).unwrap_or(0);
    if count > 0 && count <= (args.len() as i64 - 2) / 2 {
        out.extend((0..count as usize).map(|n| 2 + 2 * n));
    }
}

fn msetex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let count = args.int(1).ok().filter(|n| *n <= i64::from(i32::MAX));
    let count = count.and_then(|n| usize::try_from(n).ok());
    let count = count.filter(|n| *n > 0).ok_or(CommandError::fixed(
        &"ERR invalid numkeys value or out of range",
    ))?;
    let from = count.checked_mul(2).and_then(|n| n.checked_add(2));
    let from = from.filter(|from| *from <= args.len());
    let from = from.ok_or(CommandError::SYNTAX)?;
    let (mut nx, mut xx, mut keep_ttl, mut due) = (false, false, false, None);
    let mut words = args.options(from);
    while words.are_left() {
        if !xx && words.take("NX") {
            nx = true;
        } else if !nx && words.take("XX") {
            xx = true;
        } else if due.is_none() && words.take("KEEPTTL") {
            keep_ttl = true;
        } else if due.is_none()
            && !keep_ttl
            && let Some(given) = Due::take(&mut words)
        {
            due = Some(given);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let expire = due
        .map(|(kind, text)| kind.strict(text, cx.now(), "msetex"))
        .transpose()?;
    let pairs = args.0[2..from].chunks_exact(2);
    for pair in pairs.clone() {
        let exists = cx.lookup_write(pair[0]).is_some();
        if (nx && exists) || (xx && !exists) {
            cx.client.reply.int(0);
            return Ok(());
        }
    }
    let mut digits = itoa::Buffer::new();
    // Only the latest servers know MSETEX.
    let mut effect: Vec<&[u8]> = vec![b"SET", b"", b""];
    if keep_ttl {
        effect.push(b"KEEPTTL");
    } else if let Some(at) = expire {
        effect.extend([b"PXAT".as_slice(), digits.format(at).as_bytes()]);
    }
    cx.no_propagate();
    // MSET fits into the place of MSETEX in a stream that is passed on.
    let at_once = effect.len() == 3 && count > 1;
    if at_once {
        cx.also_propagate(&[&[&b"MSET"[..]], &args.0[2..from]].concat());
    }
    for pair in pairs {
        let kept = match keep_ttl {
            true => cx.lookup_write(pair[0]).and_then(|loc| cx.db().expire(loc)),
            false => expire,
        };
        cx.put_string(pair[0], pair[1], kept);
        effect[1..3].copy_from_slice(pair);
        if !at_once {
            cx.also_propagate(&effect);
        }
        cx.notify(Event::String, "set", pair[0]);
        if expire.is_some() {
            cx.notify(Event::Generic, "expire", pair[0]);
        }
    }
    cx.client.reply.int(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn a_key_is_deleted_if_it_holds_the_value() {
        check(&[
            ("SET a 10", "+OK"),
            ("DELIFEQ a 010", ":0"),
            ("DELIFEQ a 10", ":1"),
            ("DELIFEQ a 10", ":0"),
            ("RPUSH l x", ":1"),
            (
                "DELIFEQ l x",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
        ]);
        check_effects(&[("SET a 1", "SET a 1"), ("DELIFEQ a 1", "DEL a")]);
    }

    #[test]
    fn the_digest_of_a_string_may_be_a_condition() {
        // The values are those of Redis 8.10.
        check(&[
            ("SET s hello", "+OK"),
            ("DIGEST s", "\"9555e8555c62dcfd\""),
            ("SET n 123", "+OK"),
            ("DIGEST n", "\"404a763b3f4c8c9a\""),
            ("DIGEST none", "nil"),
            ("SET s new IFDEQ 0000000000000000", "nil"),
            ("SET s new IFDEQ 9555E8555c62dcfd GET", "\"hello\""),
            (
                "SET s x IFDNE zz",
                "-ERR must be exactly 16 hexadecimal characters",
            ),
            (
                "SET s x IFDNE zz GET",
                "-ERR must be exactly 16 hexadecimal characters",
            ),
            ("GET s", "\"new\""),
            ("SET none x IFDEQ zz GET", "nil"),
            ("SET none x IFDEQ zz", "nil"),
            ("SET none x IFDNE zz", "+OK"),
            ("SET s x IFNE new", "nil"),
            ("SET s x IFNE old", "+OK"),
            ("DELEX n IFDNE 404a763b3f4c8c9a", ":0"),
            ("DELEX n IFDEQ zzzzzzzzzzzzzzzz", ":0"),
            ("DELEX n IFDEQ 404a763b3f4c8c9a", ":1"),
        ]);
        check_effects(&[
            ("SET a 1 IFNE 2", "SET a 1"),
            ("SET a 2 IFDNE 0000000000000000 KEEPTTL", "SET a 2 KEEPTTL"),
            ("DELEX a IFDNE 0000000000000000", "DEL a"),
        ]);
    }

    #[test]
    fn several_keys_are_set_with_one_expiry() {
        check(&[
            ("MSETEX 2 a 1 b 2 XX", ":0"),
            ("MSETEX 2 a 1 b 2 NX EX 100", ":1"),
            ("TTL b", ":100"),
            ("MSETEX 2 b 3 c 4 NX", ":0"),
            ("MSETEX 1 b 3 KEEPTTL", ":1"),
            ("TTL b", ":100"),
            ("MSETEX 1 b 4", ":1"),
            ("TTL b", ":-1"),
            ("MSETEX 0 a 1", "-ERR invalid numkeys value or out of range"),
            (
                "MSETEX 2147483648 a 1",
                "-ERR invalid numkeys value or out of range",
            ),
            ("MSETEX 2 a 1", "-ERR syntax error"),
            (
                "MSETEX 1 a 1 EX 0",
                "-ERR invalid expire time in 'msetex' command",
            ),
            ("MSETEX 1 a 1 EX 1 PX 1", "-ERR syntax error"),
            ("MSETEX 1 a 1 NX XX", "-ERR syntax error"),
        ]);
    }
}
