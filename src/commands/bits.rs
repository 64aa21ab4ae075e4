//! Strings as bits: SETBIT, GETBIT, BITCOUNT, BITPOS. Bit 0 is the highest bit of the first byte.

use crate::manual;
use crate::strings_ranges::RangeContext;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event, args};
use keyspace::value::StrRef;
use keyspace::{Loc, ValueRef};
use std::ops::ControlFlow;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "setbit",
        arity: 4,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ_UPDATE),
        group: Group::Bitmap,
        since: "2.2.0",
        summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
        docs: &manual::bits::SETBIT,
        ..Command::steady(setbit)
    },
    Command {
        name: "getbit",
        arity: 3,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Bitmap,
        since: "2.2.0",
        summary: "Returns a bit value by offset.",
        docs: &manual::bits::GETBIT,
        ..Command::steady(getbit)
    },
    Command {
        name: "bitcount",
        arity: -2,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Bitmap,
        since: "2.6.0",
        complexity: "O(N)",
        summary: "Counts the number of set bits (population counting) in a string.",
        docs: &manual::bits::BITCOUNT,
        ..Command::growing(bitcount)
    },
    Command {
        name: "bitpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Bitmap,
        since: "2.8.7",
        complexity: "O(N)",
        summary: "Finds the first set (1) or clear (0) bit in a string.",
        docs: &manual::bits::BITPOS,
        ..Command::growing(bitpos)
    },
];

const BAD_OFFSET: CommandError =
    CommandError::fixed(&"ERR bit offset is not an integer or out of range");

/// What the commands on bits ask of their context.
pub(crate) trait BitContext {
    /// A bit offset among the arguments. With a width, `#n` means `n * width`.
    fn bit_offset(&self, text: &[u8], width: Option<u32>) -> Result<usize, CommandError>;

    /// The string at `loc`, or the empty one.
    fn string_or_empty(&self, loc: Option<Loc>) -> Result<Option<StrRef<'_>>, CommandError>;
}

impl BitContext for Cx<'_> {
    fn bit_offset(&self, text: &[u8], width: Option<u32>) -> Result<usize, CommandError> {
        let (digits, factor) = match (text, width) {
            ([b'#', digits @ ..], Some(width)) => (digits, i64::from(width)),
            _ => (text, 1),
        };
        let max = self.engine.config.proto_max_bulk_len;
        args::parse_int(digits)
            .and_then(|n| n.checked_mul(factor))
            .filter(|&n| n >= 0 && n >> 3 < max)
            .map(|n| n as usize)
            .ok_or(BAD_OFFSET)
    }

    fn string_or_empty(&self, loc: Option<Loc>) -> Result<Option<StrRef<'_>>, CommandError> {
        match loc.map(|loc| self.value(loc)) {
            None => Ok(None),
            Some(ValueRef::Str(s)) => Ok(Some(s)),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }
}

fn byte_at(string: Option<StrRef<'_>>, at: usize) -> Option<u8> {
    string?.slice(at, at + 1).first().copied()
}

fn setbit(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let offset = cx.bit_offset(&args[2], None)?;
    let on = match args::parse_int(&args[3]) {
        Some(bit @ (0 | 1)) => bit == 1,
        _ => {
            return Err(CommandError::fixed(
                &"ERR bit is not an integer or out of range",
            ));
        }
    };
    let found = cx.lookup_write(key);
    let (at, mask) = (offset / 8, 0x80u8 >> (offset % 8));
    let old = byte_at(cx.string_or_empty(found)?, at);
    let was = old.unwrap_or(0) & mask != 0;
    // Written in any case, as the reference does: the encoding becomes raw.
    let new = old.unwrap_or(0) & !mask | if on { mask } else { 0 };
    cx.edit_string(key, found, |s| s.write_at(at, &[new]));
    // A string that only grows has changed, too.
    if old.is_none() || was != on {
        cx.changed(key, 1);
        cx.notify(Event::String, "setbit", key);
    }
    cx.client.reply.int(was.into());
    Ok(())
}

fn getbit(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let offset = cx.bit_offset(&args[2], None)?;
    let found = cx.lookup(&args[1]);
    let byte = byte_at(cx.string_or_empty(found)?, offset / 8).unwrap_or(0);
    cx.client.reply.int((byte >> (7 - offset % 8) & 1).into());
    Ok(())
}

/// `start end [BYTE|BIT]` of BITCOUNT and BITPOS.
struct Range {
    start: i64,
    end: i64,
    in_bits: bool,
}

impl Range {
    fn parse_unit(args: Args<'_>, i: usize) -> Result<bool, CommandError> {
        if i >= args.len() {
            return Ok(false);
        }
        let unit = args.one_of(i, &[("BYTE", false), ("BIT", true)]);
        unit.ok_or(CommandError::SYNTAX)
    }

    /// The bits it covers, as a half-open range within `len` bytes.
    fn bits(&self, len: usize) -> std::ops::Range<usize> {
        let unit = if self.in_bits { 1 } else { 8 };
        let total = (len * 8 / unit) as i64;
        let absolute = |i: i64| if i < 0 { (i + total).max(0) } else { i };
        let (start, end) = (absolute(self.start), absolute(self.end).min(total - 1));
        if start > end {
            return 0..0;
        }
        start as usize * unit..(end as usize + 1) * unit
    }
}

fn bitcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let range = match args.len() {
        2 => Range {
            start: 0,
            end: -1,
            in_bits: false,
        },
        4 | 5 => Range {
            start: args.int(2)?,
            end: args.int(3)?,
            in_bits: Range::parse_unit(args, 4)?,
        },
        _ => return Err(CommandError::SYNTAX),
    };
    let found = cx.lookup(&args[1]);
    let count = match cx.string_or_empty(found)? {
        None => 0,
        // Two negative indexes in the wrong order are empty even where clamping would give one byte.
        Some(_) if range.start < 0 && range.end < 0 && range.start > range.end => 0,
        Some(s) => {
            let mut count = 0;
            let each = |bytes: &[u8], start, end| {
                count += count_ones(bytes, start, end);
                ControlFlow::Continue(())
            };
            in_pieces(s, &range.bits(s.len()), each);
            count
        }
    };
    cx.client.reply.int(count as i64);
    Ok(())
}

/// Gives `f` the bytes that hold `bits` as they lie in memory, piece by piece and without a copy, until it breaks off;
/// and which bits of the piece are asked for, as numbers in it.
fn in_pieces(
    s: StrRef<'_>,
    bits: &std::ops::Range<usize>,
    mut f: impl FnMut(&[u8], usize, usize) -> ControlFlow<()>,
) {
    let mut at = bits.start / 8 * 8;
    s.pieces_until(at / 8, bits.end.div_ceil(8), |bytes| {
        let past = at + bytes.len() * 8;
        let (start, end) = (bits.start.max(at) - at, bits.end.min(past) - at);
        at = past;
        f(bytes, start, end)
    });
}

/// Set bits from bit `start` to before bit `end`.
fn count_ones(bytes: &[u8], start: usize, end: usize) -> usize {
    if start >= end {
        return 0;
    }
    let outside = (bytes[0] & !(0xff >> start)).count_ones()
        + (bytes[bytes.len() - 1] & low_bits(bytes.len() * 8 - end)).count_ones();
    base::bits::count_ones(bytes) as usize - outside as usize
}

/// The lowest `n` (0 to 7) bits.
fn low_bits(n: usize) -> u8 {
    (1u8 << n) - 1
}

fn bitpos(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let bit = match args.int(2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::fixed(&"ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 6 {
        return Err(CommandError::SYNTAX);
    }
    let start = if args.len() > 3 { args.int(3)? } else { 0 };
    let in_bits = Range::parse_unit(args, 5)?;
    let end = if args.len() > 4 { args.int(4)? } else { -1 };
    let found = cx.lookup(&args[1]);
    let answer = match cx.string_or_empty(found)? {
        None => -i64::from(bit),
        Some(s) => {
            let bits = Range {
                start,
                end,
                in_bits,
            }
            .bits(s.len());
            let (mut passed, mut inside) = (bits.start / 8 * 8, None);
            in_pieces(s, &bits, |bytes, start, end| {
                inside = first_bit(bytes, bit, start, end).map(|at| passed + at);
                passed += bytes.len() * 8;
                match inside {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            });
            match inside {
                Some(at) => at as i64,
                // Without an end, the string counts as if zeros followed it.
                None if !bit && args.len() < 5 && !bits.is_empty() => (s.len() * 8) as i64,
                None => -1,
            }
        }
    };
    cx.client.reply.int(answer);
    Ok(())
}

/// The first bit of value `bit` from bit `start` to before bit `end`.
fn first_bit(bytes: &[u8], bit: bool, start: usize, end: usize) -> Option<usize> {
    let boring = if bit { 0 } else { 0xff };
    let mut at = start;
    while at < end {
        if at.is_multiple_of(8) && bytes[at / 8] == boring {
            // Whole bytes without such a bit are skipped together.
            at += leading(&bytes[at / 8..], boring) * 8;
            continue;
        }
        if (bytes[at / 8] >> (7 - at % 8) & 1 == 1) == bit {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// How many bytes at the beginning are `byte`.
fn leading(bytes: &[u8], byte: u8) -> usize {
    // Whole blocks first: whether one has another byte is found without a look at each.
    let (blocks, _) = bytes.as_chunks::<64>();
    let differs = |block: &&[u8; 64]| block.iter().fold(0, |any, b| any | (b ^ byte)) != 0;
    let at = 64 * blocks.iter().take_while(|block| !differs(block)).count();
    at + bytes[at..].iter().take_while(|&&b| b == byte).count()
}

#[cfg(test)]
mod tests {
    use super::{count_ones, first_bit};
    use crate::testing::{check, check_effects};
    use base::testing::Rng;

    /// Around the sizes that are counted and skipped together.
    #[test]
    fn bits_are_counted_and_found_at_every_length_and_offset() {
        let mut rng = Rng::new(1);
        for len in [
            1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025, 2100,
        ] {
            for density in [0, 1, 3] {
                let byte = |rng: &mut Rng| match rng.below(4) {
                    n if n < density => rng.byte(),
                    _ => [0, 0xff][usize::from(density == 3)],
                };
                let bytes: Vec<u8> = (0..len).map(|_| byte(&mut rng)).collect();
                let bit = |i: usize| bytes[i / 8] >> (7 - i % 8) & 1 == 1;
                for _ in 0..20 {
                    let start = rng.below(8);
                    let end = len * 8 - rng.below(8);
                    let ones = (start..end).filter(|&i| bit(i)).count();
                    assert_eq!(count_ones(&bytes, start, end), ones);
                    let from = rng.below(end + 1);
                    for value in [false, true] {
                        let first = (from..end).find(|&i| bit(i) == value);
                        let found = first_bit(&bytes, value, from, end).filter(|&at| at < end);
                        assert_eq!(found, first, "{len} {from} {end}");
                    }
                }
            }
        }
    }

    #[test]
    fn bits_are_set_and_read() {
        check(&[
            ("SETBIT k 7 1", ":0"),
            ("SETBIT k 7 0", ":1"),
            ("SETBIT k 17 1", ":0"),
            ("GET k", "\"\\x00\\x00@\""),
            ("GETBIT k 17", ":1"),
            ("GETBIT k 1000", ":0"),
            (
                "SETBIT k -1 1",
                "-ERR bit offset is not an integer or out of range",
            ),
            (
                "SETBIT k 4294967296 1",
                "-ERR bit offset is not an integer or out of range",
            ),
            ("SETBIT k 1 2", "-ERR bit is not an integer or out of range"),
            ("SET n 123", "+OK"),
            ("SETBIT n 6 1", ":0"),
            ("GET n", "\"323\""),
        ]);
    }

    #[test]
    fn counts_take_bytes_or_bits() {
        check(&[
            ("SET k foobar", "+OK"),
            ("BITCOUNT k", ":26"),
            ("BITCOUNT k 0 0", ":4"),
            ("BITCOUNT k 1 1 BYTE", ":6"),
            ("BITCOUNT k 5 30 BIT", ":17"),
            ("BITCOUNT k -3 -1", ":10"),
            ("BITCOUNT k 0 -100", ":4"),
            ("BITCOUNT k -1 -3", ":0"),
            ("BITCOUNT k 100 200", ":0"),
            ("BITCOUNT none", ":0"),
            ("BITCOUNT k 1", "-ERR syntax error"),
            ("BITCOUNT k 1 2 FOO", "-ERR syntax error"),
        ]);
    }

    /// A string of 1 MB is held in many pieces.
    #[test]
    fn bits_of_a_large_string_are_found_in_each_of_its_pieces() {
        check(&[
            ("SETBIT k 8000007 1", ":0"),
            ("SETBIT k 3 1", ":0"),
            ("SETBIT k 3000005 1", ":0"),
            ("BITCOUNT k", ":3"),
            ("BITCOUNT k 3 3000005 BIT", ":2"),
            ("BITCOUNT k 4 3000004 BIT", ":0"),
            ("BITCOUNT k 3000005 -1 BIT", ":2"),
            ("BITCOUNT k 375000 -2", ":1"),
            ("BITPOS k 1", ":3"),
            ("BITPOS k 1 1", ":3000005"),
            ("BITPOS k 1 3000006 -1 BIT", ":8000007"),
            ("BITPOS k 1 3000006 8000006 BIT", ":-1"),
            ("BITOP NOT n k", ":1000001"),
            ("BITPOS n 0 1", ":3000005"),
            ("BITPOS n 0 3000006 -1 BIT", ":8000007"),
            ("BITCOUNT n", ":8000005"),
        ]);
    }

    #[test]
    fn positions_take_bytes_or_bits() {
        check(&[
            ("SET k \"\\xff\\xf0\\x00\"", "+OK"),
            ("BITPOS k 0", ":12"),
            ("BITPOS k 1 2", ":-1"),
            ("BITPOS k 1 1", ":8"),
            ("BITPOS k 0 0 0", ":-1"),
            ("BITPOS k 0 10 11 BIT", ":-1"),
            ("BITPOS k 0 10 12 BIT", ":12"),
            ("SET k \"\\xff\\xff\"", "+OK"),
            ("BITPOS k 0", ":16"),
            ("BITPOS k 0 0 -1", ":-1"),
            ("BITPOS none 0", ":0"),
            ("BITPOS none 1", ":-1"),
            ("BITPOS k 2", "-ERR The bit argument must be 1 or 0."),
        ]);
    }

    #[test]
    fn a_bit_that_stays_what_it_was_is_no_effect() {
        check_effects(&[
            ("SETBIT k 1 0", "SETBIT k 1 0"),
            ("SETBIT k 1 0", ""),
            ("SETBIT k 1 1", "SETBIT k 1 1"),
        ]);
    }
}
