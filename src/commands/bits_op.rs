//! BITOP: bitwise operations between strings.

use crate::bits::BitContext;
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::Value;
use keyspace::value::{SharedText, Str};
use smallvec::SmallVec;
use std::ops::Range;

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
    ..Command::growing(bitop)
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
                &"ERR BITOP NOT must be called with a single source key.",
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

impl Op {
    /// It needs to know more of the other sources than what they made of the first.
    fn keeps_others(self) -> bool {
        matches!(self, Op::Diff | Op::Diff1 | Op::AndOr | Op::One)
    }
}

fn bitop(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (op, target) = (Op::parse(args)?, &args[2]);
    let mut combined = Combined::new(op);
    // Whether each key is there, and whether one of them is in pieces.
    let (mut there, mut in_pieces) = (SmallVec::<[bool; 16]>::new(), false);
    for key in args.from(3) {
        let found = cx.lookup(key);
        there.push(found.is_some());
        let source = cx.string_or_empty(found)?;
        in_pieces |= source.is_some_and(|s| s.share(0, 0).is_some());
        if !in_pieces {
            match source {
                None => combined.add(0, |_| ()),
                Some(s) => combined.add(s.len(), |f| s.pieces(0, s.len(), f)),
            }
        }
    }
    let result = match in_pieces {
        true => of_pieces(cx, combined, args.from(3), &there)?,
        false => Str::new_raw(combined.into_result()),
    };
    // Servers before Redis 8.2 do not know these.
    let settles = op.keeps_others();
    let (db, len) = (cx.client.db, result.as_ref().len());
    let found = cx.lookup_write(target);
    if settles && cx.engine.takes_effects() {
        if len > 0 {
            cx.propagate_as(&[b"SET", target, &*result.as_ref().bytes()]);
        } else if found.is_some() {
            cx.propagate_as(&[b"DEL", target]);
        }
    }
    if len > 0 {
        let loc = cx.db().insert(target, Value::Str(result), None);
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

/// The result for keys of which some hold long strings: it is made part by part, so that all parts of the sources and
/// of the result are in the processor's cache while they are combined. `there` says which keys are there.
fn of_pieces(
    cx: &mut Cx<'_>,
    mut combined: Combined,
    keys: &[&[u8]],
    there: &[bool],
) -> Result<Str, CommandError> {
    let mut sources = Vec::with_capacity(keys.len());
    for (key, there) in keys.iter().zip(there) {
        let found = there.then(|| cx.db().find(key)).flatten();
        sources.push(match cx.string_or_empty(found)? {
            None => Source::Text(Vec::new()),
            Some(s) => match s.share(0, s.len()) {
                Some(pieces) => Source::Pieces(pieces),
                None => Source::Text(s.bytes().into_owned()),
            },
        });
    }
    let len = sources.iter().map(Source::len).max().unwrap_or(0);
    Ok(Str::raw_of_parts(len, |range, part| {
        combined.clear(part);
        for source in &sources {
            let end = source.len().clamp(range.start, range.end);
            combined.add(end - range.start, |f| source.pieces(range.start..end, f));
        }
        combined.finish();
        std::mem::swap(part, &mut combined.first);
    }))
}

/// A source of a long result.
enum Source {
    Text(Vec<u8>),
    Pieces(SharedText),
}

impl Source {
    fn len(&self) -> usize {
        match self {
            Source::Text(bytes) => bytes.len(),
            Source::Pieces(pieces) => pieces.len(),
        }
    }

    /// Calls `f` with the bytes of a range, which is within the length.
    fn pieces(&self, range: Range<usize>, f: &mut dyn FnMut(&[u8])) {
        let mut at = range.start;
        while at < range.end {
            let rest = match self {
                Source::Text(bytes) => &bytes[at..],
                Source::Pieces(pieces) => pieces.from(at),
            };
            let piece = &rest[..rest.len().min(range.end - at)];
            f(piece);
            at += piece.len();
        }
    }
}

/// The sources so far. Only the first is copied. The shorter ones count as padded with zero bytes.
struct Combined {
    op: Op,
    /// No source has been added.
    empty: bool,
    /// The first source, and what the operation has made of it.
    first: Vec<u8>,
    /// Bits of any other source; for `One`, bits of two sources.
    others: Vec<u8>,
}

impl Combined {
    fn new(op: Op) -> Self {
        Combined {
            op,
            empty: true,
            first: Vec::new(),
            others: Vec::new(),
        }
    }

    /// Forgets all sources; the next result is put together in this buffer.
    fn clear(&mut self, buffer: &mut Vec<u8>) {
        std::mem::swap(&mut self.first, buffer);
        self.empty = true;
        self.first.clear();
        self.others.clear();
    }

    /// Adds a source of `len` bytes, which `pieces` passes to the function that it is given.
    fn add(&mut self, len: usize, pieces: impl FnOnce(&mut dyn FnMut(&[u8]))) {
        let first = &mut self.first;
        if std::mem::take(&mut self.empty) {
            first.reserve_exact(len);
            return pieces(&mut |piece| first.extend_from_slice(piece));
        }
        let len = len.max(first.len());
        first.resize(len, 0);
        if self.op.keeps_others() {
            self.others.resize(len, 0);
        }
        let mut at = 0;
        pieces(&mut |piece| {
            let range = at..at + piece.len();
            at = range.end;
            let seen = &mut first[range.clone()];
            match self.op {
                Op::Not => unreachable!("it has one source"),
                Op::And => merge(seen, piece, |a, b| a & b),
                Op::Or => merge(seen, piece, |a, b| a | b),
                Op::Xor => merge(seen, piece, |a, b| a ^ b),
                Op::Diff | Op::Diff1 | Op::AndOr => {
                    merge(&mut self.others[range], piece, |a, b| a | b);
                }
                Op::One => {
                    let twice = &mut self.others[range];
                    for ((seen, twice), b) in seen.iter_mut().zip(twice).zip(piece) {
                        *twice |= *seen & b;
                        *seen |= b;
                    }
                }
            }
        });
        if self.op == Op::And {
            first[at..].fill(0);
        }
    }

    /// What remains to be done when all sources are there.
    fn finish(&mut self) {
        let (first, others) = (&mut self.first, &self.others);
        match self.op {
            Op::And | Op::Or | Op::Xor => {}
            Op::Not => first.iter_mut().for_each(|b| *b = !*b),
            Op::Diff | Op::One => merge(first, others, |a, b| a & !b),
            Op::Diff1 => merge(first, others, |a, b| !a & b),
            Op::AndOr => merge(first, others, |a, b| a & b),
        }
    }

    fn into_result(mut self) -> Vec<u8> {
        self.finish();
        self.first
    }
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

    /// Sources of different lengths, in one piece and in many.
    #[test]
    fn large_sources_are_combined_piece_by_piece() {
        check(&[
            ("SETBIT a 800007 1", ":0"),
            ("SETBIT a 3 1", ":0"),
            ("SETBIT b 300000 1", ":0"),
            ("SETBIT b 3 1", ":0"),
            ("SETBIT c 4 1", ":0"),
            ("BITOP AND d a b", ":100001"),
            ("BITCOUNT d", ":1"),
            ("BITOP AND d c a", ":100001"),
            ("BITCOUNT d", ":0"),
            ("BITOP OR d c b a", ":100001"),
            ("BITCOUNT d", ":4"),
            ("BITOP XOR d b a", ":100001"),
            ("BITCOUNT d", ":2"),
            ("BITOP ONE d c a b", ":100001"),
            ("BITCOUNT d", ":3"),
            ("BITOP DIFF d a b c", ":100001"),
            ("BITPOS d 1", ":800007"),
            ("BITOP DIFF1 d c a", ":100001"),
            ("BITCOUNT d", ":2"),
            ("BITOP ANDOR d b c a", ":100001"),
            ("BITCOUNT d", ":1"),
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
