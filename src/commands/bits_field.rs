//! BITFIELD: integers of 1 to 64 bits at any bit offset of a string, big-endian.

use crate::bits::BitContext;
use crate::manual;
use crate::strings_ranges::RangeContext;
use engine::args::int_of;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::{Str, StrRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "bitfield",
        arity: -2,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ONE,
        uses: KeyUse::AsAsked(
            Access::READ_UPDATE,
            "This command allows both access and modification of the key",
            bitfield_access,
        ),
        group: Group::Bitmap,
        since: "3.2.0",
        complexity: "O(1) for each subcommand specified",
        summary: "Performs arbitrary bitfield integer operations on strings.",
        docs: &manual::bits::BITFIELD,
        ..Command::steady(bitfield)
    },
    Command {
        name: "bitfield_ro",
        arity: -2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::READ),
        group: Group::Bitmap,
        since: "6.0.0",
        complexity: "O(1) for each subcommand specified",
        summary: "Performs arbitrary read-only bitfield integer operations on strings.",
        docs: &manual::bits::BITFIELD_RO,
        ..Command::steady(bitfield_ro)
    },
];

/// `i<bits>` or `u<bits>`; unsigned ones have at most 63 bits.
#[derive(Clone, Copy, Debug)]
struct Width {
    signed: bool,
    bits: u32,
}

impl Width {
    fn parse(text: &[u8]) -> Result<Width, CommandError> {
        let signed = match text.first() {
            Some(b'i') => Some(true),
            Some(b'u') => Some(false),
            _ => None,
        };
        let bits = text.get(1..).and_then(engine::args::parse_int);
        match (signed, bits) {
            (Some(signed), Some(bits @ 1..=64)) if signed || bits < 64 => Ok(Width {
                signed,
                bits: bits as u32,
            }),
            _ => Err(CommandError::fixed(
                &"ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
                 but i64 is.",
            )),
        }
    }

    /// Smallest and largest number.
    fn range(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The number that these bits encode.
    fn number(self, bits: u64) -> i64 {
        match self.signed {
            true => ((bits << (64 - self.bits)) as i64) >> (64 - self.bits),
            false => bits as i64,
        }
    }
}

/// What happens to a result that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Set(i64),
    Add(i64),
}

#[derive(Clone, Copy, Debug)]
struct Op {
    width: Width,
    offset: usize,
    /// `None` only reads.
    change: Option<Change>,
    overflow: Overflow,
}

impl Op {
    /// The new bits; `None` when they do not fit and FAIL was asked for.
    fn new_bits(&self, old: i64, change: Change) -> Option<u64> {
        let (min, max) = self.width.range();
        let wanted = match change {
            Change::Add(by) => i128::from(old) + i128::from(by),
            Change::Set(n) if self.width.signed => i128::from(n),
            // A negative number is a large unsigned one.
            Change::Set(n) => i128::from(n as u64),
        };
        let fits = (min..=max).contains(&wanted);
        match self.overflow {
            Overflow::Fail if !fits => None,
            Overflow::Saturate => Some(wanted.clamp(min, max) as u64 & self.width.mask()),
            _ => Some(wanted as u64 & self.width.mask()),
        }
    }

    /// The bytes that the field touches.
    fn bytes(&self) -> std::ops::Range<usize> {
        self.offset / 8..(self.offset + self.width.bits as usize).div_ceil(8)
    }

    /// How many bits the field's last bit is above the end of its bytes.
    fn shift(&self) -> usize {
        self.bytes().end * 8 - self.offset - self.width.bits as usize
    }

    /// The bytes of the field as one number; bits after the string's end are zero.
    fn window(&self, string: Option<StrRef<'_>>) -> u128 {
        let range = self.bytes();
        let stored = string.map(|s| s.slice(range.start, range.end));
        let stored = stored.as_deref().unwrap_or_default();
        range.clone().enumerate().fold(0, |n, (i, _)| {
            n << 8 | u128::from(stored.get(i).copied().unwrap_or(0))
        })
    }

    fn read(&self, string: Option<StrRef<'_>>) -> i64 {
        let bits = (self.window(string) >> self.shift()) as u64 & self.width.mask();
        self.width.number(bits)
    }

    fn write(&self, string: &mut Str, bits: u64) {
        let mask = u128::from(self.width.mask()) << self.shift();
        let window = self.window(Some(string.as_ref())) & !mask | u128::from(bits) << self.shift();
        let range = self.bytes();
        let bytes = window.to_be_bytes();
        string.write_at(range.start, &bytes[bytes.len() - range.len()..]);
    }

    /// Runs a changing operation: the reply, and whether the field changed.
    fn apply(&self, string: &mut Str, change: Change) -> (Option<i64>, bool) {
        let old = self.read(Some(string.as_ref()));
        let Some(bits) = self.new_bits(old, change) else {
            return (None, false);
        };
        let new = self.width.number(bits);
        if new != old {
            self.write(string, bits);
        }
        let reply = match change {
            Change::Set(_) => old,
            Change::Add(_) => new,
        };
        (Some(reply), new != old)
    }
}

/// What is done with the number that an operation is given.
type ChangeOf = fn(i64) -> Change;

fn parse(cx: &Cx<'_>, args: Args<'_>) -> Result<Vec<Op>, CommandError> {
    let (mut ops, mut overflow) = (Vec::new(), Overflow::Wrap);
    let ways = [
        ("WRAP", Overflow::Wrap),
        ("SAT", Overflow::Saturate),
        ("FAIL", Overflow::Fail),
    ];
    let mut words = args.options(2);
    while words.are_left() {
        if let Some(way) = words.take_value("OVERFLOW") {
            let way = Args(&[way]).one_of(0, &ways);
            overflow = way.ok_or(CommandError::fixed(&"ERR Invalid OVERFLOW type specified"))?;
            continue;
        }
        let (width, offset, change): (_, _, Option<(&[u8], ChangeOf)>) =
            if let Some([width, offset]) = words.take_with("GET") {
                (width, offset, None)
            } else if let Some([width, offset, value]) = words.take_with("SET") {
                (width, offset, Some((value, Change::Set)))
            } else if let Some([width, offset, by]) = words.take_with("INCRBY") {
                (width, offset, Some((by, Change::Add)))
            } else {
                return Err(CommandError::SYNTAX);
            };
        let width = Width::parse(width)?;
        let offset = cx.bit_offset(offset, Some(width.bits))?;
        let change = match change {
            Some((text, change)) => Some(change(int_of(text)?)),
            None => None,
        };
        ops.push(Op {
            width,
            offset,
            change,
            overflow,
        });
    }
    Ok(ops)
}

fn bitfield(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let ops = parse(cx, args)?;
    let changing = ops.iter().filter(|op| op.change.is_some());
    let Some(size) = changing.map(|op| op.bytes().end).max() else {
        return read_all(cx, &args[1], &ops);
    };
    let key = &args[1];
    let found = cx.lookup_write(key);
    let old_size = cx.string_or_empty(found)?.map_or(0, |s| s.len());
    let (mut changes, grows) = (0, old_size < size);
    let replies: Vec<Option<i64>> = cx.edit_string(key, found, |string| {
        if grows {
            // Room for the farthest field is made first, even if nothing will be written there.
            string.write_at(size - 1, &[0]);
        } else {
            // The encoding becomes raw, whatever comes of the operations.
            string.write_at(0, &[]);
        }
        let run = |op: &Op| match op.change {
            None => Some(op.read(Some(string.as_ref()))),
            Some(change) => {
                let (reply, changed) = op.apply(string, change);
                // Where the string has grown, each operation counts that was not refused.
                changes += i64::from(changed || (grows && reply.is_some()));
                reply
            }
        };
        ops.iter().map(run).collect()
    });
    // Growth alone is an effect: a replica's string must have the same length.
    if grows {
        changes = changes.max(1);
    }
    if changes > 0 {
        cx.changed(key, changes);
        cx.notify(Event::String, "setbit", key);
    }
    let reply = &mut cx.client.reply;
    reply.array(replies.len());
    for answer in replies {
        match answer {
            Some(n) => reply.int(n),
            None => reply.null(),
        }
    }
    Ok(())
}

fn bitfield_ro(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let ops = parse(cx, args)?;
    if ops.iter().any(|op| op.change.is_some()) {
        return Err(CommandError::fixed(
            &"ERR BITFIELD_RO only supports the GET subcommand",
        ));
    }
    read_all(cx, &args[1], &ops)
}

fn read_all(cx: &mut Cx<'_>, key: &[u8], ops: &[Op]) -> CmdResult {
    let found = cx.lookup(key);
    let string = cx.string_or_empty(found)?;
    let numbers: Vec<_> = ops.iter().map(|op| op.read(string)).collect();
    cx.client.reply.array(numbers.len());
    numbers.into_iter().for_each(|n| cx.client.reply.int(n));
    Ok(())
}

/// What a BITFIELD does with its key.
fn bitfield_access(args: &Args<'_>) -> Access {
    match only_reads(args) {
        true => Access::READ,
        false => Access::READ_UPDATE,
    }
}

/// True if each operation of a BITFIELD is a GET.
fn only_reads(args: &Args<'_>) -> bool {
    let mut words = args.options(2);
    while words.are_left() {
        if words.take_with::<2>("GET").is_none() && words.take_value("OVERFLOW").is_none() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn fields_are_read_set_and_counted() {
        check(&[
            (
                "BITFIELD k SET u8 0 255 GET u4 4 INCRBY i5 100 1",
                "[:0, :15, :1]",
            ),
            (
                "BITFIELD k GET i8 0 GET u8 #1 GET i64 0",
                "[:-1, :0, :-72057594037927936]",
            ),
            (
                "BITFIELD k SET i64 3 -5 GET i64 3",
                "[:-576460752303423488, :-5]",
            ),
            ("BITFIELD_RO k GET u63 1000", "[:0]"),
            ("STRLEN k", ":14"),
        ]);
    }

    #[test]
    fn overflow_wraps_saturates_or_fails() {
        check(&[
            ("BITFIELD k INCRBY u2 0 5", "[:1]"),
            ("BITFIELD k OVERFLOW SAT INCRBY u2 0 5", "[:3]"),
            (
                "BITFIELD k OVERFLOW FAIL INCRBY u2 0 5 GET u2 0",
                "[nil, :3]",
            ),
            ("BITFIELD k OVERFLOW SAT SET u8 8 -1 GET u8 8", "[:0, :255]"),
            ("BITFIELD k OVERFLOW SAT INCRBY i8 16 -300", "[:-128]"),
            ("BITFIELD k SET i8 16 200 GET i8 16", "[:-128, :-56]"),
            (
                "BITFIELD k OVERFLOW SAT INCRBY i64 0 9223372036854775807",
                "[:4683682039814160383]",
            ),
            (
                "BITFIELD k OVERFLOW FOO",
                "-ERR Invalid OVERFLOW type specified",
            ),
        ]);
    }

    #[test]
    fn bad_operations_are_refused() {
        let bad_type = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                        supported but i64 is.";
        check(&[
            ("BITFIELD k GET u64 0", bad_type),
            ("BITFIELD k GET i65 0", bad_type),
            ("BITFIELD k GET x8 0", bad_type),
            (
                "BITFIELD k GET u8 -1",
                "-ERR bit offset is not an integer or out of range",
            ),
            ("BITFIELD k SET u8 0", "-ERR syntax error"),
            ("BITFIELD k", "[]"),
            (
                "BITFIELD_RO k SET u8 0 1",
                "-ERR BITFIELD_RO only supports the GET subcommand",
            ),
        ]);
    }

    #[test]
    fn only_changes_travel() {
        check_effects(&[
            ("BITFIELD k GET u8 0", ""),
            ("BITFIELD k SET u8 0 1", "BITFIELD k SET u8 0 1"),
            ("BITFIELD k SET u8 0 1", ""),
        ]);
    }
}
