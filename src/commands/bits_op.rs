//! BITOP: bitwise operations between strings.

use crate::bits::BitContext;
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Value;
use keyspace::value::Str;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "bitop",
    arity: -4,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: Keys::Range {
        first: 2,
        last: -1,
        step: 1,
    },
    uses: KeyUse::Own(&[
        KeySpec::at(2, Access::OVERWRITE),
        KeySpec::rest(3, Access::READ),
    ]),
    group: Group::Bitmap,
    since: "2.6.0",
    complexity: "O(N)",
    summary: "Performs bitwise operations on multiple strings, and stores the result.",
    docs: &manual::bits::BITOP,
    ..Command::runs(bitop)
}];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    And,
    Or,
    Xor,
    Not,
    /// In the first and in none of the others.
    Diff,
    /// In one of the others and not in the first.
    Diff1,
    /// In the first and in one of the others.
    AndOr,
    /// In exactly one.
    One,
}

impl Op {
    fn parse(args: Args<'_>) -> Result<Op, CommandError> {
        let ops = [
            ("AND", Op::And),
            ("OR", Op::Or),
            ("XOR", Op::Xor),
            ("NOT", Op::Not),
            ("DIFF", Op::Diff),
            ("DIFF1", Op::Diff1),
            ("ANDOR", Op::AndOr),
            ("ONE", Op::One),
        ];
        let named = ops.into_iter().find(|(word, _)| args.is(1, word));
        let (word, op) = named.ok_or(CommandError::SYNTAX)?;
        if op == Op::Not && args.len() != 4 {
            return Err(CommandError::fixed(
                "ERR BITOP NOT must be called with a single source key.",
            ));
        }
        if matches!(op, Op::Diff | Op::Diff1 | Op::AndOr) && args.len() < 5 {
            return Err(CommandError::new(format!(
                "ERR BITOP {word} must be called with at least two source keys."
            )));
        }
        Ok(op)
    }
}

fn bitop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (op, target) = (Op::parse(args)?, &args[2]);
    let mut sources = Vec::with_capacity(args.len() - 3);
    for key in args.from(3) {
        let found = cx.lookup(key);
        let string = cx.string_or_empty(found)?;
        sources.push(string.map_or(Vec::new(), |s| s.bytes().into_owned()));
    }
    let result = combine(op, sources);
    // Servers before Redis 8.2 do not know these.
    let settles = matches!(op, Op::Diff | Op::Diff1 | Op::AndOr | Op::One);
    let (db, len) = (cx.client.db, result.len());
    let found = cx.lookup_write(target);
    if settles && len > 0 {
        cx.propagate_as(&[b"SET", target, result.as_slice()]);
    } else if settles && found.is_some() {
        cx.propagate_as(&[b"DEL", target]);
    }
    if len > 0 {
        let loc = cx
            .db()
            .insert(target, Value::Str(Str::new_raw(result)), None);
        cx.engine.touch(db, loc);
        if found.is_none() {
            cx.created(target);
        }
        cx.changed(target, 1);
        cx.notify(Event::String, "set", target);
    } else if let Some(loc) = found {
        cx.db().remove(loc);
        cx.changed(target, 1);
        cx.notify(Event::Generic, "del", target);
    }
    cx.client.reply.int(len as i64);
    Ok(())
}

/// The shorter sources count as padded with zero bytes.
fn combine(op: Op, sources: Vec<Vec<u8>>) -> Vec<u8> {
    let len = sources.iter().map(Vec::len).max().unwrap_or(0);
    let mut sources = sources.into_iter();
    let mut first = sources.next().unwrap_or_default();
    first.resize(len, 0);
    match op {
        Op::Not => first.iter_mut().for_each(|b| *b = !*b),
        Op::And => sources.for_each(|other| {
            let (both, alone) = first.split_at_mut(other.len());
            merge(both, &other, |a, b| a & b);
            alone.fill(0);
        }),
        Op::Or => sources.for_each(|other| merge(&mut first, &other, |a, b| a | b)),
        Op::Xor => sources.for_each(|other| merge(&mut first, &other, |a, b| a ^ b)),
        Op::Diff | Op::Diff1 | Op::AndOr => {
            let mut others = vec![0; len];
            sources.for_each(|other| merge(&mut others, &other, |a, b| a | b));
            merge(&mut first, &others, |x, y| match op {
                Op::Diff => x & !y,
                Op::Diff1 => !x & y,
                _ => x & y,
            });
        }
        Op::One => {
            let mut twice = vec![0; len];
            for other in sources {
                for ((seen, twice), b) in first.iter_mut().zip(&mut twice).zip(other) {
                    *twice |= *seen & b;
                    *seen |= b;
                }
            }
            merge(&mut first, &twice, |seen, twice| seen & !twice);
        }
    }
    first
}

fn merge(into: &mut [u8], other: &[u8], f: impl Fn(u8, u8) -> u8) {
    into.iter_mut().zip(other).for_each(|(a, b)| *a = f(*a, *b));
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn operations_pad_the_shorter_string_with_zeros() {
        check(&[
            ("MSET a \"\\xf0\\x0f\" b \"\\xcc\" c \"\\xaa\\xaa\"", "+OK"),
            ("BITOP AND d a b", ":2"),
            ("GET d", "\"\\xc0\\x00\""),
            ("BITOP OR d a b", ":2"),
            ("GET d", "\"\\xfc\\x0f\""),
            ("BITOP XOR d a b c", ":2"),
            ("GET d", "\"\\x96\\xa5\""),
            ("BITOP NOT d b", ":1"),
            ("GET d", "\"3\""),
            ("BITOP DIFF d a b", ":2"),
            ("GET d", "\"0\\x0f\""),
            ("BITOP DIFF1 d a b c", ":2"),
            ("GET d", "\"\\x0e\\xa0\""),
            ("BITOP ANDOR d a b c", ":2"),
            ("GET d", "\"\\xe0\\n\""),
            ("BITOP ONE d a b c", ":2"),
            ("GET d", "\"\\x16\\xa5\""),
            ("BITOP AND d a none", ":2"),
            ("GET d", "\"\\x00\\x00\""),
        ]);
    }

    #[test]
    fn an_empty_result_deletes_the_target() {
        check_effects(&[
            ("SET d 1", "SET d 1"),
            ("BITOP AND d none", "BITOP AND d none"),
            ("BITOP AND d none", ""),
        ]);
        check(&[
            ("BITOP FOO d a", "-ERR syntax error"),
            (
                "BITOP NOT d a b",
                "-ERR BITOP NOT must be called with a single source key.",
            ),
            (
                "BITOP DIFF d a",
                "-ERR BITOP DIFF must be called with at least two source keys.",
            ),
        ]);
    }
}
