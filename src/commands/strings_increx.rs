//! INCREX of Redis 8.8: adds to a number within bounds, and can set the expiry of its key.

use super::expiry::{Due, past};
use super::long_double::{LongDouble, Parsed};
use crate::manual;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx, Event};
use keyspace::value::Str;
use keyspace::{Loc, Value, ValueRef};
use resp::Proto;
use std::cmp::Ordering;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "increx",
    arity: -2,
    flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
    keys: Keys::ONE,
    uses: KeyUse::Each(Access::READ_UPDATE),
    group: Group::String,
    since: "8.8.0",
    summary: "Adds to the number that a key holds, within bounds, and sets when the key expires. A key that is missing holds 0.",
    docs: &manual::strings::INCREX,
    ..Command::steady(increx)
}];

/// What is added.
#[derive(Clone, Copy)]
enum By {
    Int(i64),
    Float(LongDouble),
}

/// What happens to the key's expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Keep,
    Persist,
    At(i64),
}

/// The arguments, as far as they can be read before all of them are known.
#[derive(Default)]
struct Options<'a> {
    by: Option<By>,
    saturate: bool,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    due: Option<(Due, &'a [u8])>,
    persist: bool,
    /// Only a key without an expiry gets one.
    if_none: bool,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut words = args.options(2);
        while words.are_left() {
            let takes_expiry = options.due.is_none() && !options.persist;
            if options.by.is_none()
                && let Some(by) = words.take_value("BYINT")
            {
                let by = engine::args::parse_int(by).ok_or(CommandError::fixed(
                    &"ERR Increment is not an integer or out of range",
                ))?;
                options.by = Some(By::Int(by));
            } else if options.by.is_none()
                && let Some(by) = words.take_value("BYFLOAT")
            {
                options.by = Some(By::Float(increment(by)?));
            } else if options.lower.is_none()
                && let Some(bound) = words.take_value("LBOUND")
            {
                options.lower = Some(bound);
            } else if options.upper.is_none()
                && let Some(bound) = words.take_value("UBOUND")
            {
                options.upper = Some(bound);
            } else if !options.saturate && words.take("SATURATE") {
                options.saturate = true;
            } else if takes_expiry && words.take("PERSIST") {
                options.persist = true;
            } else if !options.if_none && words.take("ENX") {
                options.if_none = true;
            } else if takes_expiry && let Some(due) = Due::take(&mut words) {
                options.due = Some(due);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        if options.persist && options.if_none {
            return Err(CommandError::SYNTAX);
        }
        Ok(options)
    }

    /// What the key's expiry becomes, `now` being the present one.
    fn expiry(&self, at: Option<i64>, now: Option<i64>) -> Expiry {
        match at {
            Some(_) if self.if_none && now.is_some() => Expiry::Keep,
            Some(at) => Expiry::At(at),
            None if self.persist => Expiry::Persist,
            None => Expiry::Keep,
        }
    }
}

fn increment(text: &[u8]) -> Result<LongDouble, CommandError> {
    match LongDouble::parse(text) {
        Some(Parsed::Finite(by)) => Ok(by),
        Some(Parsed::Infinite) => Err(CommandError::fixed(
            &"ERR BYFLOAT increment cannot be Infinity",
        )),
        None => Err(CommandError::fixed(&"ERR Increment is not a valid float")),
    }
}

const CROSSED: CommandError = CommandError::fixed(&"ERR LBOUND can't be greater than UBOUND");

/// A bound of a float.
#[derive(Clone, Copy, PartialEq)]
enum Bound {
    BelowAll,
    At(LongDouble),
    AboveAll,
}

impl Bound {
    fn parse(text: Option<&[u8]>, none: Bound, error: &'static str) -> Result<Self, CommandError> {
        let Some(text) = text else { return Ok(none) };
        match LongDouble::parse(text) {
            Some(Parsed::Finite(at)) => Ok(Bound::At(at)),
            Some(Parsed::Infinite) if text.starts_with(b"-") => Ok(Bound::BelowAll),
            Some(Parsed::Infinite) => Ok(Bound::AboveAll),
            None => Err(CommandError::new(error)),
        }
    }

    fn cmp(self, other: Bound) -> Ordering {
        let rank = |bound| match bound {
            Bound::BelowAll => 0,
            Bound::At(_) => 1,
            Bound::AboveAll => 2,
        };
        match (self, other) {
            (Bound::At(a), Bound::At(b)) => a.compare(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

/// A number and what was added to reach it; `None` where it would be out of bounds, and stays.
type Sum<T> = Option<(T, T)>;

fn add_int(
    old: i64,
    by: i64,
    low: i64,
    high: i64,
    saturate: bool,
) -> Result<Sum<i64>, CommandError> {
    let sum = i128::from(old) + i128::from(by);
    let new = sum.clamp(low.into(), high.into());
    if new != sum && !saturate {
        return Ok(None);
    }
    let added = i64::try_from(new - i128::from(old))
        .map_err(|_| CommandError::fixed(&"ERR applied increment would overflow"))?;
    Ok(Some((new as i64, added)))
}

fn add_float(
    old: LongDouble,
    by: LongDouble,
    bounds: (Bound, Bound),
    saturate: bool,
) -> Result<Sum<LongDouble>, CommandError> {
    const INFINITE: CommandError = CommandError::fixed(&"ERR applied increment would be Infinity");
    let sum = match old.plus(by) {
        Some(sum) => Bound::At(sum),
        None if by.is_negative() => Bound::BelowAll,
        None => Bound::AboveAll,
    };
    let (low, high) = bounds;
    let new = match () {
        () if sum.cmp(low) == Ordering::Less => low,
        () if sum.cmp(high) == Ordering::Greater => high,
        () => sum,
    };
    // A sum that no number holds is out of bounds whatever they are.
    if !saturate && (new != sum || !matches!(sum, Bound::At(_))) {
        return Ok(None);
    }
    let Bound::At(new) = new else {
        return Err(INFINITE);
    };
    let added = new.plus(old.negated()).ok_or(INFINITE)?;
    Ok(Some((new, added)))
}

fn increx(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args)?;
    match options.by.unwrap_or(By::Int(1)) {
        By::Int(by) => by_int(cx, args, &options, by),
        By::Float(by) => by_float(cx, args, &options, by),
    }
}

fn by_int(cx: &mut Cx<'_>, args: Args<'_>, options: &Options<'_>, by: i64) -> CmdResult {
    let bound = |text: Option<&[u8]>, none, error| match text {
        Some(text) => engine::args::parse_int(text).ok_or_else(|| CommandError::new(error)),
        None => Ok(none),
    };
    let low = bound(
        options.lower,
        i64::MIN,
        "ERR LBOUND is not an integer or out of range",
    )?;
    let high = bound(
        options.upper,
        i64::MAX,
        "ERR UBOUND is not an integer or out of range",
    )?;
    let at = due(cx, options, low > high)?;
    let found = cx.lookup_write(&args[1]);
    let old = match found.map(|loc| cx.value(loc)) {
        None => 0,
        Some(ValueRef::Str(s)) => s.int().ok_or(CommandError::NOT_AN_INTEGER)?,
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let (new, added) = match add_int(old, by, low, high, options.saturate)? {
        Some((new, added)) => {
            let text = itoa::Buffer::new().format(new).to_owned();
            let value = Value::Str(Str::from_int(new));
            put(cx, &args[1], (found, value, &text), options, at, "incrby");
            (new, added)
        }
        None => (old, 0),
    };
    let reply = &mut cx.client.reply;
    reply.array(2);
    reply.int(new);
    reply.int(added);
    Ok(())
}

fn by_float(cx: &mut Cx<'_>, args: Args<'_>, options: &Options<'_>, by: LongDouble) -> CmdResult {
    let none = (
        Bound::At(LongDouble::MAX.negated()),
        Bound::At(LongDouble::MAX),
    );
    let low = Bound::parse(options.lower, none.0, "ERR LBOUND is not a valid float")?;
    let high = Bound::parse(options.upper, none.1, "ERR UBOUND is not a valid float")?;
    let at = due(cx, options, low.cmp(high) == Ordering::Greater)?;
    let found = cx.lookup_write(&args[1]);
    let old = match found.map(|loc| cx.value(loc)) {
        None => LongDouble::ZERO,
        Some(ValueRef::Str(s)) => match LongDouble::parse(&s.bytes()) {
            Some(Parsed::Finite(old)) => old,
            Some(Parsed::Infinite) => {
                return Err(CommandError::fixed(&"ERR value cannot be Infinity"));
            }
            None => return Err(CommandError::NOT_A_FLOAT),
        },
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let (new, added) = match add_float(old, by, (low, high), options.saturate)? {
        Some((new, added)) => {
            let text = new.to_text();
            let value = Value::Str(Str::new_text(text.as_bytes()));
            put(
                cx,
                &args[1],
                (found, value, &text),
                options,
                at,
                "incrbyfloat",
            );
            (text, added.to_text())
        }
        None => (old.to_text(), "0".to_owned()),
    };
    let reply = &mut cx.client.reply;
    reply.array(2);
    for number in [new, added] {
        match reply.proto {
            Proto::Resp2 => reply.bulk_str(&number),
            Proto::Resp3 => reply.raw(format!(",{number}\r\n").as_bytes()),
        }
    }
    Ok(())
}

/// The expiry that was asked for, as Unix ms, after all else about the arguments has been looked at.
fn due(cx: &Cx<'_>, options: &Options<'_>, crossed: bool) -> Result<Option<i64>, CommandError> {
    if crossed {
        return Err(CROSSED);
    }
    if options.if_none && options.due.is_none() {
        return Err(CommandError::fixed(&"ERR ENX flag requires an expiration"));
    }
    let due = options.due;
    due.map(|(due, text)| due.strict(text, cx.now(), "increx"))
        .transpose()
}

/// Puts the new number in place, with its expiry; a key whose expiry has passed goes.
fn put(
    cx: &mut Cx<'_>,
    key: &[u8],
    (found, value, text): (Option<Loc>, Value, &str),
    options: &Options<'_>,
    at: Option<i64>,
    event: &str,
) {
    let old = found.and_then(|loc| cx.db().expire(loc));
    let expiry = options.expiry(at, old);
    if let Expiry::At(at) = expiry
        && past(cx, at)
    {
        match found {
            Some(loc) => {
                cx.db().remove(loc);
                cx.changed(key, 1);
                cx.notify(Event::Generic, "del", key);
                cx.propagate_as(&[b"DEL", key]);
            }
            None => cx.no_propagate(),
        }
        return;
    }
    let expire = match expiry {
        Expiry::Keep => old,
        Expiry::Persist => None,
        Expiry::At(at) => Some(at),
    };
    let db = cx.client.db;
    let loc = cx.db().insert(key, value, expire);
    if found.is_none() {
        cx.engine.touch(db, loc);
        cx.created(key);
    }
    cx.changed(key, 1);
    cx.notify(Event::String, event, key);
    let mut digits = itoa::Buffer::new();
    let mut effect: Vec<&[u8]> = vec![b"SET", key, text.as_bytes()];
    match expiry {
        Expiry::Keep => effect.push(b"KEEPTTL"),
        Expiry::Persist => {
            if old.is_some() {
                cx.notify(Event::Generic, "persist", key);
            }
        }
        Expiry::At(at) => {
            cx.notify(Event::Generic, "expire", key);
            effect.extend([b"PXAT".as_slice(), digits.format(at).as_bytes()]);
        }
    }
    cx.propagate_as(&effect);
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, check_effects};

    #[test]
    fn a_number_stays_within_its_bounds() {
        check(&[
            ("INCREX n", "[:1, :1]"),
            ("INCREX n BYINT 5 UBOUND 5", "[:1, :0]"),
            ("INCREX n BYINT 5 UBOUND 5 SATURATE", "[:5, :4]"),
            ("INCREX n BYINT -50 LBOUND 3 SATURATE", "[:3, :-2]"),
            ("INCREX n BYINT 9223372036854775807", "[:3, :0]"),
            (
                "INCREX n BYINT 9223372036854775807 SATURATE",
                "[:9223372036854775807, :9223372036854775804]",
            ),
            ("SET n -2", "+OK"),
            (
                "INCREX n LBOUND 9223372036854775807 SATURATE",
                "-ERR applied increment would overflow",
            ),
            ("INCREX none UBOUND 0", "[:0, :0]"),
            ("EXISTS none", ":0"),
            ("INCREX f BYFLOAT 1.1", "[\"1.1\", \"1.1\"]"),
            ("INCREX f BYFLOAT 1.1 UBOUND 2", "[\"1.1\", \"0\"]"),
            ("INCREX f BYFLOAT 1.1 UBOUND 2 SATURATE", "[\"2\", \"0.9\"]"),
            (
                "INCREX f BYFLOAT 1 UBOUND inf LBOUND inf SATURATE",
                "-ERR applied increment would be Infinity",
            ),
        ]);
    }

    #[test]
    fn an_expiry_is_set_kept_or_removed() {
        check(&[
            ("INCREX n EX 100", "[:1, :1]"),
            ("INCREX n", "[:2, :1]"),
            ("TTL n", ":100"),
            ("INCREX n EX 300 ENX", "[:3, :1]"),
            ("TTL n", ":100"),
            ("INCREX n EX 300 UBOUND 3", "[:3, :0]"),
            ("TTL n", ":100"),
            ("INCREX n PERSIST", "[:4, :1]"),
            ("INCREX n EX 300 ENX", "[:5, :1]"),
            ("TTL n", ":300"),
            ("INCREX n EXAT 1", "[:6, :1]"),
            ("EXISTS n", ":0"),
            ("INCREX n ENX", "-ERR ENX flag requires an expiration"),
            (
                "INCREX n EX 0",
                "-ERR invalid expire time in 'increx' command",
            ),
            ("INCREX n EX 1 PX 1", "-ERR syntax error"),
            ("INCREX n PERSIST ENX", "-ERR syntax error"),
        ]);
    }

    #[test]
    fn replicas_are_sent_the_result() {
        check_effects(&[
            ("INCREX n", "SET n 1 KEEPTTL"),
            ("INCREX n EX 100", "SET n 2 PXAT 1100000"),
            ("INCREX n BYFLOAT 0.5 PERSIST", "SET n 2.5"),
            ("INCREX n UBOUND 1 BYFLOAT 1", ""),
            ("INCREX n BYFLOAT 1 EXAT 1", "DEL n"),
            ("INCREX none EXAT 1", ""),
        ]);
    }
}
