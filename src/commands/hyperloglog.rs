//! PFADD, PFCOUNT, PFMERGE: approximate counting of distinct elements. The sketch itself is [`hll`].

use super::hll::{self, Corrupt, Hll, Raise, Union, United};
use super::strings_ranges::RangeContext;
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeySpec, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Str;
use keyspace::{Loc, Value, ValueRef};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "pfadd",
        arity: -2,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: Keys::ONE,
        uses: KeyUse::Each(Access::ADD),
        group: Group::HyperLogLog,
        since: "2.8.9",
        complexity: "O(1) to add every element.",
        summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
        docs: &manual::bits::PFADD,
        ..Command::steady(pfadd)
    },
    Command {
        name: "pfcount",
        arity: -2,
        flags: Flags::READONLY.union(Flags::MAY_REPLICATE),
        keys: Keys::ALL,
        uses: KeyUse::Noted(
            Access::RW.union(Access::ACCESS),
            "RW because it may change the internal representation of the key, and propagate to replicas",
        ),
        group: Group::HyperLogLog,
        since: "2.8.9",
        complexity: "O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.",
        summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
        docs: &manual::bits::PFCOUNT,
        ..Command::steady(pfcount)
    },
    Command {
        name: "pfmerge",
        arity: -2,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        keys: Keys::ALL,
        uses: KeyUse::Own(&[
            KeySpec::at(1, Access::RW.union(Access::ACCESS).union(Access::INSERT)),
            KeySpec::rest(2, Access::READ),
        ]),
        group: Group::HyperLogLog,
        since: "2.8.9",
        complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
        summary: "Merges one or more HyperLogLog values into a single key.",
        docs: &manual::bits::PFMERGE,
        ..Command::steady(pfmerge)
    },
    Command {
        name: "pfdebug",
        arity: 3,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::ADMIN),
        keys: Keys::Range {
            first: 2,
            last: 2,
            step: 1,
        },
        uses: KeyUse::Each(Access::RW.union(Access::ACCESS)),
        group: Group::HyperLogLog,
        since: "2.8.9",
        complexity: "N/A",
        summary: "Internal commands for debugging HyperLogLog values.",
        docs: &manual::bits::PFDEBUG,
        ..Command::growing(pfdebug)
    },
    Command {
        name: "pfselftest",
        arity: 1,
        flags: Flags::ADMIN,
        group: Group::HyperLogLog,
        since: "2.8.9",
        complexity: "N/A",
        summary: "An internal command for testing HyperLogLog values.",
        docs: &manual::bits::PFSELFTEST,
        ..Command::growing(pfselftest)
    },
];

impl From<Corrupt> for CommandError {
    fn from(_: Corrupt) -> Self {
        CommandError::fixed(&"INVALIDOBJ Corrupted HLL object detected")
    }
}

/// What the commands on sketches ask of their context.
pub(crate) trait SketchContext {
    fn sketch(&self, loc: Loc) -> Result<Hll<'_>, CommandError>;

    /// Writes a sketch back; counts and events are the caller's.
    fn put_sketch(&mut self, key: &[u8], found: Option<Loc>, sketch: Hll<'static>);
}

impl SketchContext for Cx<'_> {
    fn sketch(&self, loc: Loc) -> Result<Hll<'_>, CommandError> {
        let ValueRef::Str(s) = self.value(loc) else {
            return Err(CommandError::WRONG_TYPE);
        };
        Hll::from_bytes(s.bytes()).ok_or(CommandError::fixed(
            &"WRONGTYPE Key is not a valid HyperLogLog string value.",
        ))
    }

    fn put_sketch(&mut self, key: &[u8], found: Option<Loc>, sketch: Hll<'static>) {
        let db = self.client.db;
        let expire = found.and_then(|loc| self.db().expire(loc));
        let value = Value::Str(Str::new_raw(sketch.into_bytes()));
        let loc = self.db().insert(key, value, expire);
        if found.is_none() {
            self.engine.touch(db, loc);
            self.created(key);
        }
    }
}

fn pfadd(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[1];
    let found = cx.lookup_write(key);
    let sketch = match found {
        Some(loc) => cx.sketch(loc)?,
        None => Hll::new(),
    };
    if let Some(raises) = sketch.raises(args.from(2).iter().copied()) {
        return raise_in_place(cx, key, found, raises);
    }
    let mut sketch = sketch.into_owned();
    let max = cx.engine.limits.hll_sparse_max_bytes;
    let mut updates = i64::from(found.is_none());
    for element in args.from(2) {
        updates += i64::from(sketch.add(element, max)?);
    }
    if updates > 0 {
        sketch.invalidate();
        cx.put_sketch(key, found, sketch);
        cx.changed(key, updates);
        cx.notify(Event::String, "pfadd", key);
    }
    cx.client.reply.int((updates > 0).into());
    Ok(())
}

/// Raises registers of a dense sketch where it stands: only the bytes of these registers are written.
fn raise_in_place(
    cx: &mut Cx<'_>,
    key: &[u8],
    found: Option<Loc>,
    raises: Vec<Raise>,
) -> CmdResult {
    if !raises.is_empty() {
        // In one edit, because an edit may move the value to another place.
        cx.edit_string(key, found, |s| {
            for &raise in &raises {
                // Two registers may share a byte, so each is combined with what the previous one has written.
                let Some(sketch) = Hll::from_bytes(s.as_ref().bytes()) else {
                    return;
                };
                let (at, pair) = sketch.write_of(raise);
                let (stale_at, mark) = sketch.stale_mark();
                s.write_at(at, &pair);
                s.write_at(stale_at, &[mark]);
            }
        });
        cx.changed(key, raises.len() as i64);
        cx.notify(Event::String, "pfadd", key);
    }
    cx.client.reply.int((!raises.is_empty()).into());
    Ok(())
}

fn pfcount(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 2 {
        let mut union = Union::default();
        for key in args.from(1) {
            if let Some(loc) = cx.lookup(key) {
                union.add(cx.sketch(loc)?)?;
            }
        }
        cx.client.reply.int(union.united().estimate()? as i64);
        return Ok(());
    }
    let key = &args[1];
    let Some(loc) = cx.lookup(key) else {
        cx.client.reply.int(0);
        return Ok(());
    };
    let sketch = cx.sketch(loc)?;
    let count = match sketch.cached_count() {
        Some(count) => count,
        None => {
            // The count is kept in the string: a change of its bytes, which replicas must have, too.
            let count = sketch.estimate()?;
            cx.edit_string(key, Some(loc), |s| {
                s.write_at(hll::CACHED_AT, &count.to_le_bytes())
            });
            cx.changed(key, 1);
            count
        }
    };
    cx.client.reply.int(count as i64);
    Ok(())
}

fn pfmerge(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let target = &args[1];
    let (mut union, mut own) = (Union::default(), None);
    // The target is the first of the keys that are merged.
    for (i, key) in args.from(1).iter().enumerate() {
        let Some(loc) = cx.lookup(key) else { continue };
        union.add(cx.sketch(loc)?)?;
        if i == 0 {
            own = union.sparse().map(|own| Box::new(*own));
        }
    }
    let found = cx.lookup_write(target);
    let sketch = match found {
        Some(loc) => cx.sketch(loc)?,
        None => Hll::new(),
    };
    let (stale_at, mark) = sketch.stale_mark();
    match union.united() {
        United::Dense(whole) if sketch.is_dense() => cx.edit_string(target, found, |s| {
            let same = Hll::from_bytes(s.as_ref().bytes())
                .is_some_and(|before| before.register_bytes() == whole.register_bytes());
            if !same {
                s.write_at(hll::DENSE_AT, whole.register_bytes());
            }
            s.write_at(stale_at, &[mark]);
        }),
        United::Dense(whole) => {
            let mut merged = whole.with_header_of(&sketch);
            merged.invalidate();
            cx.put_sketch(target, found, merged);
        }
        United::Sparse(registers) => {
            let own = own.unwrap_or_else(|| hll::no_registers().into());
            let mut raised = hll::raised(&own, &registers).peekable();
            if found.is_some() && raised.peek().is_none() {
                cx.edit_string(target, found, |s| s.write_at(stale_at, &[mark]));
            } else {
                let mut merged = sketch.into_owned();
                let max = cx.engine.limits.hll_sparse_max_bytes;
                raised.try_for_each(|(at, value)| merged.raise(at, value, max).map(drop))?;
                merged.invalidate();
                cx.put_sketch(target, found, merged);
            }
        }
    }
    merged(cx, target);
    Ok(())
}

/// Ends a merge, which in substance is an addition of many elements: it is counted, notified and answered.
fn merged(cx: &mut Cx<'_>, target: &[u8]) {
    cx.changed(target, 1);
    cx.notify(Event::String, "pfadd", target);
    cx.client.reply.ok();
}

/// What PFDEBUG is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Encoding,
    Decode,
    Registers,
    Dense,
}

fn pfdebug(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let key = &args[2];
    let found = cx.lookup_write(key);
    let loc = found.ok_or(CommandError::fixed(&"ERR The specified key does not exist"))?;
    let mut sketch = cx.sketch(loc)?.into_owned();
    let was_sparse = !sketch.is_dense();
    let asked = args.one_of(
        1,
        &[
            ("ENCODING", Asked::Encoding),
            ("DECODE", Asked::Decode),
            ("GETREG", Asked::Registers),
            ("TODENSE", Asked::Dense),
        ],
    );
    match asked {
        Some(Asked::Encoding) => {
            let encoding = if was_sparse { "sparse" } else { "dense" };
            cx.client.reply.simple(encoding);
        }
        Some(Asked::Decode) => {
            let text = sketch.describe();
            let text = text.ok_or(CommandError::fixed(&"ERR HLL encoding is not sparse"))?;
            cx.client.reply.bulk_str(&text);
        }
        Some(asked @ (Asked::Registers | Asked::Dense)) => {
            sketch.make_dense()?;
            if asked == Asked::Registers {
                let registers = sketch.registers()?;
                cx.client.reply.array(registers.len());
                registers
                    .iter()
                    .for_each(|&v| cx.client.reply.int(v.into()));
            } else {
                cx.client.reply.int(was_sparse.into());
            }
            if was_sparse {
                cx.put_sketch(key, found, sketch);
                cx.changed(key, 1);
            }
        }
        None => {
            return Err(CommandError::quoting(
                "ERR Unknown PFDEBUG subcommand '{}'",
                &[&args[1]],
            ));
        }
    }
    Ok(())
}

/// Both forms must hold the same registers, and the estimate must be as good as it is said to be.
fn pfselftest(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    /// The number of elements: enough for the sparse form to become dense.
    const ELEMENTS: u64 = 100_000;
    let failed = |what: &str| CommandError::new(format!("ERR TESTFAILED {what}"));
    let mut dense = Hll::new();
    dense
        .make_dense()
        .map_err(|_| failed("an empty value is not sound"))?;
    let mut sparse = Hll::new();
    let mut next_check = 1;
    for n in 1..=ELEMENTS {
        let element = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        for form in [&mut sparse, &mut dense] {
            form.add(&element, 3000)
                .map_err(|_| failed("an element cannot be added"))?;
        }
        if n < next_check {
            continue;
        }
        next_check *= 10;
        let registers = |form: &Hll| form.registers().map_err(|_| failed("a value is not sound"));
        let (of_sparse, of_dense) = (registers(&sparse)?, registers(&dense)?);
        if of_sparse != of_dense {
            return Err(failed("sparse and dense form differ"));
        }
        // Four times the standard error; small sets are counted almost exactly.
        let off = hll::estimate(&of_dense).abs_diff(n);
        if off as f64 > (n as f64 * 4.0 * 0.0081).max(2.0) {
            return Err(failed("the estimate is too far off"));
        }
    }
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn distinct_elements_are_counted() {
        check(&[
            ("PFADD h a b c", ":1"),
            ("PFADD h a b", ":0"),
            ("PFCOUNT h", ":3"),
            ("PFADD h2 c d", ":1"),
            ("PFCOUNT h h2 none", ":4"),
            ("PFMERGE m h h2", "+OK"),
            ("PFCOUNT m", ":4"),
            ("PFADD empty", ":1"),
            ("PFADD empty", ":0"),
            ("PFCOUNT empty", ":0"),
            ("PFDEBUG ENCODING h", "+sparse"),
            ("PFDEBUG TODENSE h", ":1"),
            ("PFDEBUG ENCODING h", "+dense"),
            ("PFCOUNT h", ":3"),
            ("PFMERGE m h", "+OK"),
            ("PFDEBUG ENCODING m", "+dense"),
            ("PFADD h2 e", ":1"),
            ("PFMERGE m h2 none", "+OK"),
            ("PFCOUNT m", ":5"),
            ("PFDEBUG TODENSE h2", ":1"),
            ("PFADD h2 f", ":1"),
            ("PFMERGE m h2 h", "+OK"),
            ("PFCOUNT m", ":6"),
        ]);
    }

    #[test]
    fn the_bytes_are_those_of_a_real_server() {
        check(&[
            ("PFADD h a b c", ":1"),
            (
                "PFDEBUG DECODE h",
                "\"Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603\"",
            ),
            (
                "GET h",
                "\"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80`\\xf3\\x80P\\xb1\\x84K\\xfb\\x80BZ\"",
            ),
        ]);
    }

    #[test]
    fn other_values_are_refused() {
        let not_valid = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
        check(&[
            ("SET s hello", "+OK"),
            ("PFADD s a", not_valid),
            ("PFCOUNT s", not_valid),
            ("PFMERGE m s", not_valid),
            ("RPUSH l a", ":1"),
            (
                "PFCOUNT l s",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            (
                "SET s \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x00\"",
                "+OK",
            ),
            ("PFCOUNT s", "-INVALIDOBJ Corrupted HLL object detected"),
            ("PFADD s x", "-INVALIDOBJ Corrupted HLL object detected"),
        ]);
    }

    #[test]
    fn a_refreshed_count_travels() {
        check_effects(&[
            ("PFADD h a", "PFADD h a"),
            ("PFADD h a", ""),
            ("PFCOUNT h", "PFCOUNT h"),
            ("PFCOUNT h", ""),
            ("PFMERGE h h", "PFMERGE h h"),
        ]);
    }
}
