//! When two replies count as the same.

use crate::support::resp::Value;

/// How the replies of one command are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// To the byte.
    Exact,
    /// The elements in any order.
    AnyOrder,
    /// Pairs (a flat array in RESP2, a map in RESP3) in any order.
    PairsAnyOrder,
    /// The same kind of reply with the same number of elements: what chance or the host decides.
    Shape,
    /// Integers may differ by the time between the two commands: up to 5 s, in either unit.
    Roughly,
    /// A number of ms that may differ by the time between the two commands: up to 5 s.
    RoughlyMs,
    /// To the byte, but idle times in ms may differ by up to 5 s.
    IdleTimes,
    /// To the byte, but SORT has not unpacked our sorted sets (docs/differences.md).
    EncodingAfterSort,
    /// Not compared.
    Ignore,
}

impl Rule {
    /// The rule of a command whose script line names none: sets and hashes have no order.
    pub fn of(command: &[Vec<u8>]) -> Rule {
        let name = |i: usize| {
            command
                .get(i)
                .map(|w| String::from_utf8_lossy(w).to_ascii_uppercase())
                .unwrap_or_default()
        };
        match name(0).as_str() {
            "SPOP" | "SMEMBERS" | "SUNION" | "SINTER" | "SDIFF" | "KEYS" | "HKEYS" | "HVALS" => {
                Rule::AnyOrder
            }
            "HGETALL" => Rule::PairsAnyOrder,
            "CONFIG" if name(1) == "GET" => Rule::PairsAnyOrder,
            "PUBSUB" if name(1) == "CHANNELS" => Rule::AnyOrder,
            "TTL" | "EXPIRETIME" => Rule::Roughly,
            "PTTL" | "PEXPIRETIME" => Rule::RoughlyMs,
            "XPENDING" if command.len() > 3 => Rule::IdleTimes,
            "XINFO" if name(1) == "CONSUMERS" => Rule::IdleTimes,
            "XINFO" if name(3) == "FULL" => Rule::Roughly,
            _ => Rule::Exact,
        }
    }

    /// Whether `ours` is as good as `theirs`.
    pub fn accepts(self, theirs: &Value, ours: &Value) -> bool {
        if theirs.is_error() || ours.is_error() {
            return self == Rule::Ignore || theirs == ours;
        }
        match self {
            Rule::Exact => theirs == ours,
            Rule::EncodingAfterSort => {
                let is = |value: &Value, name: &str| *value == Value::Bulk(name.into());
                theirs == ours || is(theirs, "skiplist") && is(ours, "listpack")
            }
            Rule::AnyOrder => sorted(theirs) == sorted(ours),
            Rule::PairsAnyOrder => sorted_pairs(theirs) == sorted_pairs(ours),
            Rule::Shape => shape(theirs) == shape(ours),
            Rule::Roughly => roughly(theirs, ours),
            Rule::RoughlyMs => near(theirs, ours),
            Rule::IdleTimes => but_idle_times(theirs, ours),
            Rule::Ignore => true,
        }
    }
}

/// Equal, or times in ms of which neither is one of the special answers below 0.
fn near(a: &Value, b: &Value) -> bool {
    match (a.int(), b.int()) {
        (Some(a), Some(b)) => a == b || (a >= 0 && b >= 0 && a.abs_diff(b) <= 5_000),
        _ => a == b,
    }
}

/// What XINFO CONSUMERS says by name, and XPENDING in the third place of four.
fn but_idle_times(theirs: &Value, ours: &Value) -> bool {
    let names_one = |name: &Value| matches!(name.text(), Some("idle" | "inactive"));
    match (theirs, ours) {
        (Value::Array(a), Value::Array(b)) => {
            let entry = a.len() == 4 && matches!(a[2..], [Value::Int(_), Value::Int(_)]);
            let is_idle = |i: usize| (entry && i == 2) || (i > 0 && names_one(&a[i - 1]));
            let same = |(i, (a, b)): (usize, (&Value, &Value))| match is_idle(i) {
                true => near(a, b),
                false => but_idle_times(a, b),
            };
            a.len() == b.len() && a.iter().zip(b).enumerate().all(same)
        }
        (Value::Map(a), Value::Map(b)) => {
            let same = |(a, b): (&(Value, Value), &(Value, Value))| {
                let value = match names_one(&a.0) {
                    true => near(&a.1, &b.1),
                    false => but_idle_times(&a.1, &b.1),
                };
                a.0 == b.0 && value
            };
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        _ => theirs == ours,
    }
}

fn sorted(value: &Value) -> Value {
    let sort = |items: &[Value]| {
        let mut items = items.to_vec();
        items.sort();
        items
    };
    match value {
        Value::Array(items) => Value::Array(sort(items)),
        Value::Set(items) => Value::Set(sort(items)),
        other => other.clone(),
    }
}

fn sorted_pairs(value: &Value) -> Value {
    match value {
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort();
            Value::Map(pairs)
        }
        Value::Array(items) if items.len() % 2 == 0 => {
            let mut pairs: Vec<_> = items.chunks(2).map(<[Value]>::to_vec).collect();
            pairs.sort();
            Value::Array(pairs.concat())
        }
        other => other.clone(),
    }
}

fn shape(value: &Value) -> (char, Option<usize>) {
    let len = match value {
        Value::Map(pairs) => Some(pairs.len()),
        other => other.items().map(<[Value]>::len),
    };
    (value.kind(), len)
}

fn roughly(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::Int(a), Value::Int(b)) => close(*a, *b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| roughly(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            let same =
                |(a, b): (&(Value, Value), &(Value, Value))| a.0 == b.0 && roughly(&a.1, &b.1);
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (Value::Bulk(_), Value::Bulk(_)) => match (theirs.int(), ours.int()) {
            (Some(a), Some(b)) => close(a, b),
            _ => theirs == ours,
        },
        _ => theirs == ours,
    }
}

/// Small numbers are seconds, large ones milliseconds; the special answers -1 and -2 are exact.
fn close(a: i64, b: i64) -> bool {
    let room = if a.abs() < 100_000 || (1_000_000_000..100_000_000_000).contains(&a) {
        5
    } else {
        5_000
    };
    a == b || (a >= 0 && b >= 0 && a.abs_diff(b) <= room)
}

/// Whether two streams carry the same command: times in it may differ as in [`Rule::Roughly`].
pub fn same_effect(theirs: &[Vec<u8>], ours: &[Vec<u8>]) -> bool {
    let number = |word: &[u8]| std::str::from_utf8(word).ok()?.parse::<i64>().ok();
    theirs.len() == ours.len()
        && theirs.iter().zip(ours).enumerate().all(|(i, (a, b))| {
            a == b
                || (i == 0 && a.eq_ignore_ascii_case(b))
                || matches!((number(a), number(b)), (Some(x), Some(y)) if x > 1_000_000_000 && close(x, y))
        })
}
