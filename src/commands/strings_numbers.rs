//! Strings that are numbers: INCR and related commands.

use super::long_double::{LongDouble, Parsed};
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Str;
use keyspace::{Loc, Value, ValueRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "incr",
        arity: 2,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        docs: &manual::strings::INCR,
        ..Command::steady(incr)
    },
    Command {
        name: "decr",
        arity: 2,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
        docs: &manual::strings::DECR,
        ..Command::steady(decr)
    },
    Command {
        name: "incrby",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        docs: &manual::strings::INCRBY,
        ..Command::steady(incrby)
    },
    Command {
        name: "decrby",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
        docs: &manual::strings::DECRBY,
        ..Command::steady(decrby)
    },
    Command {
        name: "incrbyfloat",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::String,
        since: "2.6.0",
        summary: "Increment the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
        docs: &manual::strings::INCRBYFLOAT,
        ..Command::steady(incrbyfloat)
    },
];

fn incr(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, &args[1], 1)
}

fn decr(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, &args[1], -1)
}

fn incrby(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    add(cx, &args[1], args.int(2)?)
}

fn decrby(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let by = args.int(2)?;
    let negated = by
        .checked_neg()
        .ok_or(CommandError::fixed(&"ERR decrement would overflow"))?;
    add(cx, &args[1], negated)
}

fn add(cx: &mut Cx<'_>, key: &[u8], by: i64) -> CmdResult {
    let found = cx.lookup_write(key);
    let old = match found.map(|loc| cx.value(loc)) {
        None => 0,
        Some(ValueRef::Str(s)) => s.int().ok_or(CommandError::NOT_AN_INTEGER)?,
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let new = old.checked_add(by).ok_or(CommandError::fixed(
        &"ERR increment or decrement would overflow",
    ))?;
    match found {
        Some(loc) => {
            cx.db().set_int(loc, new);
        }
        None => {
            let db = cx.client.db;
            let hash = cx.key_hash(key);
            let loc = cx.db().insert_int_hashed(hash, key, new);
            cx.engine.touch(db, loc);
            cx.created(key);
        }
    }
    cx.changed(key, 1);
    cx.notify(Event::String, "incrby", key);
    cx.client.reply.int(new);
    Ok(())
}

fn incrbyfloat(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.lookup_write(key);
    let old = match found.map(|loc| cx.value(loc)) {
        None => Parsed::Finite(LongDouble::ZERO),
        Some(ValueRef::Str(s)) => number(&s.bytes())?,
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let new = match (old, number(&args[2])?) {
        (Parsed::Finite(old), Parsed::Finite(by)) => old.plus(by),
        _ => None,
    };
    let new = new
        .ok_or(CommandError::fixed(
            &"ERR increment would produce NaN or Infinity",
        ))?
        .to_text();
    match found {
        Some(loc) => replace(cx, loc, key, new.as_bytes()),
        None => create(cx, key, Str::new_text(new.as_bytes())),
    }
    cx.changed(key, 1);
    cx.notify(Event::String, "incrbyfloat", key);
    cx.client.reply.bulk_str(&new);
    cx.propagate_as(&[b"SET", key, new.as_bytes(), b"KEEPTTL"]);
    Ok(())
}

fn number(text: &[u8]) -> Result<Parsed, CommandError> {
    LongDouble::parse(text).ok_or(CommandError::NOT_A_FLOAT)
}

fn create(cx: &mut Cx<'_>, key: &[u8], string: Str) {
    let db = cx.client.db;
    let loc = cx.db().insert(key, Value::Str(string), None);
    cx.engine.touch(db, loc);
    cx.created(key);
}

/// Overwrites the text, keeping the expiry.
fn replace(cx: &mut Cx<'_>, loc: Loc, key: &[u8], text: &[u8]) {
    let expire = cx.db().expire(loc);
    let text = Value::Str(Str::new_text(text));
    cx.db().insert(key, text, expire);
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn counting_stops_at_the_bounds_of_an_i64() {
        check(&[
            ("INCR n", ":1"),
            ("INCRBY n 9223372036854775806", ":9223372036854775807"),
            ("INCR n", "-ERR increment or decrement would overflow"),
            (
                "DECRBY n -9223372036854775808",
                "-ERR decrement would overflow",
            ),
            ("SET n -9223372036854775808", "+OK"),
            ("DECR n", "-ERR increment or decrement would overflow"),
            ("SET n \" 1\"", "+OK"),
            ("INCR n", "-ERR value is not an integer or out of range"),
            ("INCRBY n x", "-ERR value is not an integer or out of range"),
        ]);
    }

    #[test]
    fn counting_begins_with_numbers_and_keys_of_any_length() {
        for key in ["n".to_owned(), "n".repeat(300)] {
            for n in ["1", "-300", "70000", "-5000000000", "9223372036854775807"] {
                check(&[
                    (&format!("INCRBY {key} {n}"), &format!(":{n}")),
                    (&format!("GET {key}"), &format!("\"{n}\"")),
                    (&format!("OBJECT ENCODING {key}"), "\"int\""),
                    (
                        &format!("DECRBY {key} 1"),
                        &format!(":{}", n.parse::<i64>().unwrap() - 1),
                    ),
                ]);
            }
        }
    }

    #[test]
    fn counting_keeps_the_expiry() {
        check(&[
            ("SET n 10 EX 100", "+OK"),
            ("DECRBY n 3", ":7"),
            ("INCRBYFLOAT n 0.5", "\"7.5\""),
            ("TTL n", ":100"),
        ]);
    }

    #[test]
    fn floats_have_the_digits_of_the_reference() {
        check(&[
            ("INCRBYFLOAT f 0.1", "\"0.1\""),
            ("INCRBYFLOAT f 0.2", "\"0.3\""),
            ("SET f 3.0e3", "+OK"),
            ("INCRBYFLOAT f 200", "\"3200\""),
            (
                "INCRBYFLOAT f inf",
                "-ERR increment would produce NaN or Infinity",
            ),
            ("INCRBYFLOAT f x", "-ERR value is not a valid float"),
            ("SET f x", "+OK"),
            ("INCRBYFLOAT f x", "-ERR value is not a valid float"),
        ]);
    }

    #[test]
    fn floats_travel_as_their_result() {
        check_effects(&[
            ("INCRBY n 5", "INCRBY n 5"),
            ("INCRBYFLOAT n 1.5", "SET n 6.5 KEEPTTL"),
            ("INCRBY n x", ""),
        ]);
    }
}
