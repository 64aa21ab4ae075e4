//! DELIFEQ and MSETEX of Valkey, and DELEX of Redis: replicas of them are sent these, and so may anybody use them.

use super::expiry::Due;
use crate::manual;
use crate::strings::StringContext;
use engine::key_specs::{Begin, Find};
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::ValueRef;

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
        ..Command::runs(delifeq)
    },
    Command {
        name: "delex",
        arity: -2,
        flags: Flags::WRITE.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::REMOVE),
        group: Group::String,
        since: "8.4.0",
        complexity: "O(1)",
        summary: "Deletes a key, perhaps only if its string value is, or is not, the given one.",
        docs: &manual::strings::DELEX,
        ..Command::runs(delex)
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
        since: "9.1.0",
        complexity: "O(N) where N is the number of keys to set.",
        summary: "Sets several keys together, with one expiry, if none or all of them exist.",
        docs: &manual::strings::MSETEX,
        tips: &[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ],
        ..Command::runs(msetex)
    },
];

/// True if the key holds exactly this string; an error if it holds something else than a string.
pub(super) fn holds(cx: &mut Cx<'_>, key: &[u8], wanted: &[u8]) -> Result<bool, CommandError> {
    let Some(loc) = cx.lookup_write(key) else {
        return Ok(false);
    };
    match cx.value(loc) {
        ValueRef::Str(s) => Ok(s.equals(wanted)),
        _ => Err(CommandError::WRONG_TYPE),
    }
}

fn delifeq(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    if !holds(cx, key, &args[2])? {
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

/// The conditions on the digest of the value are not there: nothing computes such digests here.
fn delex(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let wanted = match args.len() {
        2 => None,
        4 => {
            let wanted = args.one_of(2, &[("IFEQ", true), ("IFNE", false)]);
            Some(wanted.ok_or(CommandError::fixed(
                "ERR Invalid condition. Use IFEQ or IFNE",
            ))?)
        }
        _ => return Err(CommandError::arity("delex")),
    };
    let Some(loc) = cx.lookup_write(key) else {
        cx.client.reply.int(0);
        return Ok(());
    };
    if let Some(wanted) = wanted {
        let ValueRef::Str(text) = cx.value(loc) else {
            return Err(CommandError::fixed(
                "ERR Key should be of string type if conditions are specified",
            ));
        };
        if text.equals(&args[3]) != wanted {
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
    let count = args.int(1).ok().and_then(|n| usize::try_from(n).ok());
    let count = count.filter(|n| *n > 0).ok_or(CommandError::fixed(
        "ERR invalid numkeys value or out of range",
    ))?;
    let from = count.checked_mul(2).and_then(|n| n.checked_add(2));
    let from = from.filter(|from| *from <= args.len());
    let from = from.ok_or(CommandError::SYNTAX)?;
    let (mut nx, mut xx, mut keep_ttl, mut due) = (false, false, false, None);
    let mut i = from;
    while i < args.len() {
        if args.is(i, "NX") && !xx {
            nx = true;
        } else if args.is(i, "XX") && !nx {
            xx = true;
        } else if args.is(i, "KEEPTTL") && due.is_none() {
            keep_ttl = true;
        } else if let (Some(kind), None, false, Some(text)) =
            (Due::from_option(args, i), due, keep_ttl, args.get(i + 1))
        {
            due = Some((kind, text));
            i += 1;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
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
    for pair in pairs {
        let kept = match keep_ttl {
            true => cx.lookup_write(pair[0]).and_then(|loc| cx.db().expire(loc)),
            false => expire,
        };
        cx.put_string(pair[0], pair[1], kept);
        effect[1..3].copy_from_slice(pair);
        cx.also_propagate(&effect);
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
