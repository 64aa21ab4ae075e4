//! SORT: a list, set or sorted set in another order, with elements looked up in other keys.

use crate::manual;
use engine::args::int_of;
use engine::key_specs::{Begin, Find};
use engine::spec::{Access, Command, Flags, KeySpec, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event, args};
use keyspace::value::List;
use keyspace::{Item, Value, ValueRef};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::ops::Range;

const BY_DENIED: CommandError =
    CommandError::fixed(&"ERR BY option of SORT denied due to insufficient ACL permissions.");
const GET_DENIED: CommandError =
    CommandError::fixed(&"ERR GET option of SORT denied due to insufficient ACL permissions.");

/// The keys of BY and GET.
const SORTED_BY: KeySpec = KeySpec::new(Begin::Unknown, Find::Unknown, Access::READ).noted(
    "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
     content of the key we sort",
);
/// The key of STORE.
const SORTED_INTO: KeySpec = KeySpec::new(Begin::Unknown, Find::Unknown, Access::OVERWRITE).noted(
    "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in \
     the argument array",
);

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "sort",
        arity: -2,
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::MOVABLEKEYS),
        keys: Keys::Custom(keys_of_sort),
        uses: KeyUse::Own(&[KeySpec::at(1, Access::READ), SORTED_BY, SORTED_INTO]),
        complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
        summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.",
        docs: &manual::keys::SORT,
        categories: Some(&["set", "sortedset", "list", "dangerous"]),
        ..Command::growing(sort)
    },
    Command {
        name: "sort_ro",
        arity: -2,
        flags: Flags::READONLY.union(Flags::MOVABLEKEYS),
        keys: Keys::ONE,
        uses: KeyUse::Own(&[KeySpec::at(1, Access::READ), SORTED_BY]),
        since: "7.0.0",
        complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).",
        summary: "Returns the sorted elements of a list, a set, or a sorted set.",
        docs: &manual::keys::SORT_RO,
        categories: Some(&["set", "sortedset", "list", "dangerous"]),
        ..Command::growing(sort_ro)
    },
];

/// The sorted key, and the key of the last STORE, which only the keywords can locate.
fn keys_of_sort(args: &Args<'_>, out: &mut Vec<usize>) {
    out.push(1);
    let (mut i, mut store) = (2, None);
    while i < args.len() {
        if args.is(i, "STORE") && i + 1 < args.len() {
            store = Some(i + 1);
        }
        let values = args.one_of(i, &[("LIMIT", 2), ("GET", 1), ("BY", 1), ("STORE", 1)]);
        i += 1 + values.unwrap_or(0);
    }
    out.extend(store);
}

struct Options<'a> {
    descending: bool,
    alpha: bool,
    limit: Option<(i64, i64)>,
    by: Option<&'a [u8]>,
    get: Vec<&'a [u8]>,
    store: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// `reads_all`: the user may read all keys, and so those that BY and GET make up.
    fn parse(args: Args<'a>, read_only: bool, reads_all: bool) -> Result<Self, CommandError> {
        let mut found = Options {
            descending: false,
            alpha: false,
            limit: None,
            by: None,
            get: Vec::new(),
            store: None,
        };
        let mut words = args.options(2);
        while words.are_left() {
            if words.take("ASC") {
                found.descending = false;
            } else if words.take("DESC") {
                found.descending = true;
            } else if words.take("ALPHA") {
                found.alpha = true;
            } else if let Some([start, count]) = words.take_with("LIMIT") {
                found.limit = Some((int_of(start)?, int_of(count)?));
            } else if !read_only && let Some(key) = words.take_value("STORE") {
                found.store = Some(key);
            } else if let Some(pattern) = words.take_value("BY") {
                if pattern.contains(&b'*') && !reads_all {
                    return Err(BY_DENIED);
                }
                found.by = Some(pattern);
            } else if let Some(pattern) = words.take_value("GET") {
                if !reads_all {
                    return Err(GET_DENIED);
                }
                found.get.push(pattern);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(found)
    }

    fn directed(&self, order: Ordering) -> Ordering {
        match self.descending {
            true => order.reverse(),
            false => order,
        }
    }

    /// The elements of `len` that are asked for.
    fn range(&self, len: usize) -> Range<usize> {
        let Some((start, count)) = self.limit else {
            return 0..len;
        };
        let start = start.clamp(0, len as i64) as usize;
        let count = if count < 0 {
            len
        } else {
            (count as usize).min(len)
        };
        start..(start + count).min(len)
    }
}

/// An element, or what a pattern gives for it. Most are short.
type Element = SmallVec<[u8; 24]>;

fn sort(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    sort_generic(cx, args, false)
}

fn sort_ro(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    sort_generic(cx, args, true)
}

fn sort_generic(cx: &mut Cx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let reads_all = cx.may_read_all_keys(args);
    let mut options = Options::parse(args, read_only, reads_all)?;
    // BY without a star names no key: the order stays as it is.
    let mut keep_order = options.by.is_some_and(|by| !by.contains(&b'*'));
    let found = cx.lookup(&args[1]);
    let (len, is_set) = match found.map(|loc| cx.value(loc)) {
        None => (0, false),
        Some(ValueRef::List(v)) => (v.len(), false),
        Some(ValueRef::Set(v)) => (v.len(), true),
        Some(ValueRef::Zset(v)) => (v.len(), false),
        Some(_) => return Err(CommandError::WRONG_TYPE),
    };
    let in_script = cx.client.flags.contains(ClientFlags::INTERNAL);
    if keep_order && is_set && (options.store.is_some() || in_script) {
        // A set has no order of its own: a stored result, and one that a script sees, must be the same on every
        // server.
        (keep_order, options.alpha, options.by) = (false, true, None);
    }
    let range = options.range(len);
    let chosen = match (found, keep_order) {
        (None, _) => Vec::new(),
        (Some(loc), true) => in_place(cx.value(loc), range, options.descending),
        (Some(loc), false) => {
            let elements = in_place(cx.value(loc), 0..len, false);
            order(cx, elements, &options, range)?
        }
    };
    let output = if options.get.is_empty() {
        chosen.into_iter().map(Some).collect()
    } else {
        let patterns: Vec<_> = options.get.iter().map(|get| Pattern::of(get)).collect();
        let mut output = Vec::with_capacity(chosen.len() * patterns.len());
        let mut key = Vec::new();
        for element in &chosen {
            for pattern in &patterns {
                output.push(pattern.look_up(cx, element, &mut key, Element::from_slice));
            }
        }
        output
    };
    match options.store {
        Some(target) => store(cx, target, output),
        None => {
            cx.client.reply.array(output.len());
            for item in output {
                match item {
                    Some(item) => cx.client.reply.bulk(&item),
                    None => cx.client.reply.null(),
                }
            }
        }
    }
    Ok(())
}

/// Elements of a collection in its own order, or against it; a set has but one. Only those of `range` are touched.
fn in_place(value: ValueRef<'_>, range: Range<usize>, descending: bool) -> Vec<Element> {
    let mirrored = |len: usize| len - range.end..len - range.start;
    let own = |item: Item<'_>| item.with(Element::from_slice);
    match value {
        ValueRef::List(v) if descending => v.range_rev(mirrored(v.len())).map(own).collect(),
        ValueRef::List(v) => v.range(range).map(own).collect(),
        ValueRef::Set(v) => {
            let wanted = v.iter().skip(range.start).take(range.len());
            wanted.map(own).collect()
        }
        ValueRef::Zset(v) if descending => {
            let members = v.range_rev(mirrored(v.len()));
            members.map(|(member, _)| own(member)).collect()
        }
        ValueRef::Zset(v) => v.range(range).map(|(member, _)| own(member)).collect(),
        ValueRef::Str(_)
        | ValueRef::Hash(_)
        | ValueRef::Stream(_)
        | ValueRef::Array(_)
        | ValueRef::Opaque(_) => Vec::new(),
    }
}

/// Those of `elements` that are in `range` once all are sorted.
fn order(
    cx: &mut Cx<'_>,
    mut elements: Vec<Element>,
    options: &Options<'_>,
    range: Range<usize>,
) -> Result<Vec<Element>, CommandError> {
    let (pattern, mut key) = (options.by.map(Pattern::of), Vec::new());
    let places = if options.alpha {
        let texts = pattern.map(|by| {
            let texts = elements.iter();
            let texts = texts.map(|own| by.look_up(cx, own, &mut key, Element::from_slice));
            texts.collect::<Vec<_>>()
        });
        let mut places: Vec<usize> = (0..elements.len()).collect();
        places.sort_by(|&a, &b| {
            let order = match &texts {
                Some(texts) => texts[a].cmp(&texts[b]),
                None => up_to_zero(&elements[a]).cmp(up_to_zero(&elements[b])),
            };
            options.directed(order)
        });
        places
    } else {
        let mut weighted = Vec::with_capacity(elements.len());
        for (place, own) in elements.iter().enumerate() {
            let weight = match &pattern {
                None => number(own),
                // An element without a weight counts as zero.
                Some(by) => by.look_up(cx, own, &mut key, number).unwrap_or(Ok(0.0)),
            };
            weighted.push((weight?, place));
        }
        in_front(&mut weighted, range.end, |a, b| {
            let numbers = a.0.partial_cmp(&b.0).expect("a weight is never NaN");
            // Equal numbers go by the bytes, so that the order is the same everywhere.
            options.directed(numbers.then_with(|| elements[a.1].cmp(&elements[b.1])))
        });
        weighted.into_iter().map(|(_, place)| place).collect()
    };
    let places = places.into_iter().skip(range.start).take(range.len());
    Ok(places
        .map(|place| std::mem::take(&mut elements[place]))
        .collect())
}

/// Sorts those of which `wanted` are in front. Those that are equal are the same bytes, so that their order may be any.
fn in_front<T>(all: &mut Vec<T>, wanted: usize, by: impl Fn(&T, &T) -> Ordering) {
    if wanted < all.len() / 2 {
        if wanted > 0 {
            all.select_nth_unstable_by(wanted - 1, &by);
        }
        all.truncate(wanted);
    }
    all.sort_unstable_by(by);
}

/// What C's `strcoll` compares.
fn up_to_zero(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    &text[..end]
}

/// A weight as C's `strtod` reads it: up to a zero byte; leading spaces and the empty text are legal.
fn number(text: &[u8]) -> Result<f64, CommandError> {
    let bad = CommandError::fixed(&"ERR One or more scores can't be converted into double");
    let text = up_to_zero(text).trim_ascii_start();
    if text.is_empty() {
        return Ok(0.0);
    }
    let x = args::parse_float(text).ok_or(bad.clone())?;
    let names_infinity = || text.to_ascii_lowercase().windows(3).any(|w| w == b"inf");
    if x.is_infinite() && !names_infinity() {
        return Err(bad);
    }
    Ok(x)
}

/// What BY or GET gives for an element.
enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// A text without a star, which names no key.
    Nothing,
    /// `a*b`: the string of that key; with a field: `a*b->f`.
    Key {
        prefix: &'a [u8],
        postfix: &'a [u8],
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    fn of(text: &'a [u8]) -> Self {
        if text == b"#" {
            return Pattern::Element;
        }
        let Some(star) = text.iter().position(|&b| b == b'*') else {
            return Pattern::Nothing;
        };
        let (prefix, behind) = (&text[..star], &text[star + 1..]);
        let arrow = behind.windows(2).position(|w| w == b"->");
        // An arrow that nothing follows belongs to the key.
        let arrow = arrow.filter(|at| at + 2 < behind.len());
        let (postfix, field) = match arrow {
            Some(at) => (&behind[..at], Some(&behind[at + 2..])),
            None => (behind, None),
        };
        Pattern::Key {
            prefix,
            postfix,
            field,
        }
    }

    /// Calls `f` with what the pattern gives for an element, if it gives anything. The name of the key is put together
    /// in `key`.
    fn look_up<R>(
        &self,
        cx: &mut Cx<'_>,
        element: &[u8],
        key: &mut Vec<u8>,
        f: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let (prefix, postfix, field) = match *self {
            Pattern::Element => return Some(f(element)),
            Pattern::Nothing => return None,
            Pattern::Key {
                prefix,
                postfix,
                field,
            } => (prefix, postfix, field),
        };
        key.clear();
        for part in [prefix, element, postfix] {
            key.extend_from_slice(part);
        }
        let loc = cx.lookup(key)?;
        match (cx.value(loc), field) {
            (ValueRef::Str(s), None) => Some(s.with(f)),
            (ValueRef::Hash(h), Some(field)) => {
                let (value, expire) = h.get_with_expire(field)?;
                let alive = expire.is_none_or(|at| at >= cx.now());
                alive.then(|| value.with(f))
            }
            _ => None,
        }
    }
}

fn store(cx: &mut Cx<'_>, target: &[u8], output: Vec<Option<Element>>) {
    let (db, len) = (cx.client.db, output.len());
    let found = cx.lookup_write(target);
    if len > 0 {
        let mut list = List::new();
        for item in output {
            list.push_back(&item.unwrap_or_default(), &cx.engine.limits);
        }
        let loc = cx.db().insert(target, Value::List(list), None);
        cx.engine.touch(db, loc);
        if found.is_none() {
            cx.created(target);
        }
        cx.changed(target, len as i64);
        cx.notify(Event::List, "sortstore", target);
    } else if let Some(loc) = found {
        cx.db().remove(loc);
        cx.changed(target, 1);
        cx.notify(Event::Generic, "del", target);
    }
    cx.client.reply.int(len as i64);
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check, check_effects};

    #[test]
    fn elements_come_in_the_order_asked_for() {
        check(&[
            ("RPUSH l 3 1 2 10", ":4"),
            ("SORT l", "[\"1\", \"2\", \"3\", \"10\"]"),
            ("SORT l DESC LIMIT 1 2", "[\"3\", \"2\"]"),
            ("SORT l ALPHA", "[\"1\", \"10\", \"2\", \"3\"]"),
            ("SORT l LIMIT 2 -1", "[\"3\", \"10\"]"),
            ("SORT l LIMIT 9 1", "[]"),
            ("SORT l BY nosort", "[\"3\", \"1\", \"2\", \"10\"]"),
            ("SORT l BY nosort DESC LIMIT 0 2", "[\"10\", \"2\"]"),
            ("SORT l BY nosort DESC LIMIT 1 2", "[\"2\", \"1\"]"),
            ("SORT l BY nosort LIMIT 1 2 GET #", "[\"1\", \"2\"]"),
            ("ZADD z 1 a 2 b 3 c", ":3"),
            ("SORT z BY nosort DESC LIMIT 0 2", "[\"c\", \"b\"]"),
            ("SORT z BY nosort LIMIT 1 9", "[\"b\", \"c\"]"),
            ("SORT none", "[]"),
            ("RPUSH l x", ":5"),
            (
                "SORT l",
                "-ERR One or more scores can't be converted into double",
            ),
            ("SET s 1", "+OK"),
            (
                "SORT s",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("SORT l FOO", "-ERR syntax error"),
            ("SORT_RO l STORE x", "-ERR syntax error"),
        ]);
    }

    #[test]
    fn weights_and_results_come_from_other_keys() {
        check(&[
            ("RPUSH l 1 2 3", ":3"),
            ("MSET w_1 30 w_2 20 w_3 10 o_1 one o_3 three", "+OK"),
            ("SORT l BY w_*", "[\"3\", \"2\", \"1\"]"),
            (
                "SORT l BY w_* GET o_* GET #",
                "[\"three\", \"3\", nil, \"2\", \"one\", \"1\"]",
            ),
            ("HSET h_1 f 5 g x", ":2"),
            ("HSET h_2 f 4 g y", ":2"),
            ("SORT l BY h_*->f GET h_*->g", "[nil, \"y\", \"x\"]"),
            ("SORT l BY w_* STORE out", ":3"),
            ("LRANGE out 0 -1", "[\"3\", \"2\", \"1\"]"),
            ("SORT l GET o_* STORE out", ":3"),
            ("LRANGE out 0 -1", "[\"one\", \"\", \"three\"]"),
        ]);
    }

    #[test]
    fn only_a_stored_result_travels() {
        let mut bench = Bench::new();
        bench.run("RPUSH l 2 1");
        bench.check_effects(&[
            ("SORT l", ""),
            ("SORT l STORE out", "SORT l STORE out"),
            ("SORT none STORE out", "SORT none STORE out"),
            ("SORT none STORE out", ""),
        ]);
        check_effects(&[("SORT none", "")]);
    }
}
