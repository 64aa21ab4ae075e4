//! SORT: a list, set or sorted set in another order, with elements looked up in other keys.

use crate::manual;
use engine::args::int_of;
use engine::key_specs::{Begin, Find};
use engine::spec::{Access, Command, Flags, KeySpec, KeyUse, Keys};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx, Event, args};
use keyspace::value::{List, Set, Zset};
use keyspace::{Item, Loc, Value, ValueRef};
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
    let as_they_are = options.get.is_empty() && options.store.is_none();
    if let Some(loc) = found
        && !keep_order
        && as_they_are
        && options.by.is_none()
    {
        return by_themselves(cx, loc, len, &options, range);
    }
    let (elements, places) = match (found, keep_order) {
        (None, _) => (Texts::default(), Vec::new()),
        (Some(loc), true) => {
            let elements = in_place(cx.value(loc), range, options.descending);
            let places = (0..elements.len()).collect();
            (elements, places)
        }
        (Some(loc), false) => {
            let elements = in_place(cx.value(loc), 0..len, false);
            let places = by_pattern(cx, &elements, &options, range)?;
            (elements, places)
        }
    };
    let chosen = places.iter().map(|&place| elements.get(place));
    if as_they_are {
        cx.client.reply.array(places.len());
        chosen.for_each(|element| cx.client.reply.bulk(element));
        return Ok(());
    }
    if options.get.is_empty()
        && let Some(target) = options.store
    {
        store(cx, target, chosen);
        return Ok(());
    }
    let patterns: Vec<_> = options.get.iter().map(|get| Pattern::of(get)).collect();
    let mut output = Vec::with_capacity(chosen.len() * patterns.len());
    let mut key = Vec::new();
    for element in chosen {
        for pattern in &patterns {
            output.push(pattern.look_up(cx, element, &mut key, own));
        }
    }
    match options.store {
        Some(target) => {
            let given = output
                .iter()
                .map(|item| item.as_deref().unwrap_or_default());
            store(cx, target, given);
        }
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

/// Replies with the elements in the order that they have by themselves: none of them is copied.
fn by_themselves(
    cx: &mut Cx<'_>,
    loc: Loc,
    len: usize,
    options: &Options<'_>,
    range: Range<usize>,
) -> CmdResult {
    let mut elements: Vec<Item<'_>> = Vec::with_capacity(len);
    let (list, set, zset);
    let reply = match cx.value(loc) {
        ValueRef::List(_) => {
            let (value, env) = cx.read::<List>(loc);
            list = value;
            list.range(0..len).for_each(|item| elements.push(item));
            env.reply
        }
        ValueRef::Set(_) => {
            let (value, env) = cx.read::<Set>(loc);
            set = value;
            set.iter().for_each(|item| elements.push(item));
            env.reply
        }
        _ => {
            let (value, env) = cx.read::<Zset>(loc);
            zset = value;
            zset.range(0..len).for_each(|(item, _)| elements.push(item));
            env.reply
        }
    };
    let mut keys = Vec::with_capacity(len);
    for (place, &element) in elements.iter().enumerate() {
        let key = match options.alpha {
            true => element.with(alpha_key),
            false => number_key(weight(element)?),
        };
        keys.push((key, place));
    }
    let chosen = order(keys, options, range, |a, b| match options.alpha {
        true => elements[a].with(|a| elements[b].with(|b| up_to_zero(a).cmp(up_to_zero(b)))),
        false => bytes_of_equals(elements[a], elements[b]),
    });
    reply.array(chosen.len());
    chosen.for_each(|place| reply.item(elements[place]));
    Ok(())
}

/// Equal numbers go by the bytes, so that the order is the same everywhere.
fn bytes_of_equals(a: Item<'_>, b: Item<'_>) -> Ordering {
    match (a, b) {
        (Item::Int(a), Item::Int(b)) if a == b => Ordering::Equal,
        _ => a.with(|a| b.with(|b| a.cmp(b))),
    }
}

/// Texts side by side.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, item: Item<'_>) {
        item.with(|text| self.bytes.extend_from_slice(text));
        self.ends.push(self.bytes.len());
    }

    fn get(&self, i: usize) -> &[u8] {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[i]]
    }
}

/// Elements of a collection in its own order, or against it; a set has but one. Only those of `range` are touched.
fn in_place(value: ValueRef<'_>, range: Range<usize>, descending: bool) -> Texts {
    let mirrored = |len: usize| len - range.end..len - range.start;
    let mut texts = Texts {
        bytes: Vec::with_capacity(8 * range.len()),
        ends: Vec::with_capacity(range.len()),
    };
    let mut push = |item: Item<'_>| texts.push(item);
    match value {
        ValueRef::List(v) if descending => v.range_rev(mirrored(v.len())).for_each(push),
        ValueRef::List(v) => v.range(range).for_each(push),
        ValueRef::Set(v) => {
            let wanted = v.iter().skip(range.start).take(range.len());
            wanted.for_each(push);
        }
        ValueRef::Zset(v) if descending => {
            let members = v.range_rev(mirrored(v.len()));
            members.for_each(|(member, _)| push(member));
        }
        ValueRef::Zset(v) => v.range(range).for_each(|(member, _)| push(member)),
        ValueRef::Str(_)
        | ValueRef::Hash(_)
        | ValueRef::Stream(_)
        | ValueRef::Array(_)
        | ValueRef::Opaque(_) => {}
    }
    texts
}

/// The places of those of `elements` that are in `range` once all are sorted by what other keys hold, or by themselves.
fn by_pattern(
    cx: &mut Cx<'_>,
    elements: &Texts,
    options: &Options<'_>,
    range: Range<usize>,
) -> Result<Vec<usize>, CommandError> {
    let by = options.by.map_or(Pattern::Element, Pattern::of);
    let (mut keys, mut name) = (Vec::with_capacity(elements.len()), Vec::new());
    if !options.alpha {
        for place in 0..elements.len() {
            let weight = by.look_up(cx, elements.get(place), &mut name, weight);
            // An element without a weight counts as zero.
            keys.push((number_key(weight.unwrap_or(Ok(0.0))?), place));
        }
        let by_bytes = |a, b| elements.get(a).cmp(elements.get(b));
        return Ok(order(keys, options, range, by_bytes).collect());
    }
    if let Pattern::Element = by {
        let texts = (0..elements.len()).map(|place| (alpha_key(elements.get(place)), place));
        keys.extend(texts);
        let by_texts = |a, b| up_to_zero(elements.get(a)).cmp(up_to_zero(elements.get(b)));
        return Ok(order(keys, options, range, by_texts).collect());
    }
    let mut texts = Vec::with_capacity(elements.len());
    for place in 0..elements.len() {
        let text = by.look_up(cx, elements.get(place), &mut name, own);
        keys.push((text.as_deref().map_or(0, first_bytes), place));
        texts.push(text);
    }
    Ok(order(keys, options, range, |a, b| texts[a].cmp(&texts[b])).collect())
}

/// An element, or what a pattern gives for it. Most are short.
type Element = SmallVec<[u8; 24]>;

fn own(item: Item<'_>) -> Element {
    item.with(Element::from_slice)
}

/// The places of those that are in `range` once all are sorted: by keys, and where these are equal by `rest`. What is
/// equal stays in the order of its places.
fn order(
    mut keys: Vec<(u64, usize)>,
    options: &Options<'_>,
    range: Range<usize>,
    rest: impl Fn(usize, usize) -> Ordering,
) -> impl ExactSizeIterator<Item = usize> {
    let wanted = range.end;
    match options.descending {
        true => in_front(&mut keys, wanted, |a, b| {
            let order = b.0.cmp(&a.0).then_with(|| rest(b.1, a.1));
            order.then(a.1.cmp(&b.1))
        }),
        false => in_front(&mut keys, wanted, |a, b| {
            let order = a.0.cmp(&b.0).then_with(|| rest(a.1, b.1));
            order.then(a.1.cmp(&b.1))
        }),
    }
    let places = keys.into_iter().skip(range.start).take(range.len());
    places.map(|(_, place)| place)
}

/// Sorts those of which `wanted` are in front.
fn in_front<T>(all: &mut Vec<T>, wanted: usize, by: impl Fn(&T, &T) -> Ordering) {
    if wanted < all.len() / 2 {
        if wanted > 0 {
            all.select_nth_unstable_by(wanted - 1, &by);
        }
        all.truncate(wanted);
    }
    all.sort_unstable_by(by);
}

/// A number that is in the order of weights.
fn number_key(weight: f64) -> u64 {
    // Both zeros are equal.
    let bits = (weight + 0.0).to_bits();
    match bits >> 63 {
        0 => bits | 1 << 63,
        _ => !bits,
    }
}

/// A number that is in the order of texts, as far as their first bytes tell it.
fn alpha_key(text: &[u8]) -> u64 {
    first_bytes(up_to_zero(text))
}

fn first_bytes(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..text.len()].copy_from_slice(text);
            u64::from_be_bytes(first)
        }
    }
}

/// What C's `strcoll` compares.
fn up_to_zero(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|b| *b == 0).unwrap_or(text.len());
    &text[..end]
}

fn weight(item: Item<'_>) -> Result<f64, CommandError> {
    match item {
        Item::Int(n) => Ok(n as f64),
        Item::Bytes(text) => number(text),
    }
}

/// A weight as C's `strtod` reads it: up to a zero byte; leading spaces and the empty text are legal.
fn number(text: &[u8]) -> Result<f64, CommandError> {
    // So many digits are a number that a double holds.
    if (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        let digits = text.iter().map(|digit| u64::from(digit - b'0'));
        return Ok(digits.fold(0, |n, digit| 10 * n + digit) as f64);
    }
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
        f: impl FnOnce(Item<'_>) -> R,
    ) -> Option<R> {
        let (prefix, postfix, field) = match *self {
            Pattern::Element => return Some(f(Item::Bytes(element))),
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
            (ValueRef::Str(s), None) => Some(match s.text() {
                Some(text) => f(Item::Bytes(text)),
                None => match s.int() {
                    Some(n) => f(Item::Int(n)),
                    None => s.with(|text| f(Item::Bytes(text))),
                },
            }),
            (ValueRef::Hash(h), Some(field)) => {
                let (value, expire) = h.get_with_expire(field)?;
                let alive = expire.is_none_or(|at| at >= cx.now());
                alive.then(|| f(value))
            }
            _ => None,
        }
    }
}

fn store<'a>(cx: &mut Cx<'_>, target: &[u8], output: impl ExactSizeIterator<Item = &'a [u8]>) {
    let (db, len) = (cx.client.db, output.len());
    let found = cx.lookup_write(target);
    if len > 0 {
        let mut list = List::new();
        for item in output {
            list.push_back(item, &cx.engine.limits);
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
