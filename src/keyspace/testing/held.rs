//! What the model holds for each type of value, and how it changes together with the real value.

use crate::value::stream::{Bound, Group, References, Stream, Trim};
use crate::value::{Array, Hash, List, Opaque, Set, Str, Template, Zset};
use crate::{Limits, Value, ValueRef};
use rdb::RdbType;
use rdb::length::encode_length;
use rdb::stream::StreamId;
use rdb::string::encode_blob;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The content of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A string.
    Str(Vec<u8>),
    /// Elements.
    List(Vec<Vec<u8>>),
    /// Entries and what one consumer has pending.
    Stream(Vec<(StreamId, Vec<u8>)>, Vec<StreamId>),
    /// Fields.
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
    /// Members.
    Set(BTreeSet<Vec<u8>>),
    /// Members and scores.
    Zset(BTreeMap<Vec<u8>, i64>),
    /// Elements by index, and where the last one was inserted.
    Array(BTreeMap<u64, Vec<u8>>, Option<u64>),
    /// The bytes of a value that is not served.
    Opaque(Vec<u8>),
}

/// What one change is made of.
pub struct Draw {
    /// A text.
    pub text: Vec<u8>,
    /// Another one.
    pub other: Vec<u8>,
    /// What else there is to be chosen.
    pub n: u64,
}

/// The longest string that the model makes.
const TEXT_MAX: usize = 200_000;

/// The content of a value that is read.
pub fn held(value: ValueRef<'_>) -> Held {
    match value {
        ValueRef::Str(s) => Held::Str(s.bytes().into_owned()),
        ValueRef::List(l) => Held::List(l.iter().map(|item| item.to_vec()).collect()),
        ValueRef::Stream(s) => {
            let entries = s.iter().map(|entry| {
                let value = entry.fields.map(|(_, value)| value.to_vec());
                (entry.id, value.flatten().collect())
            });
            let group = s.group(b"g").expect("each stream has it");
            let pending = group.pending_from(StreamId::ZERO).map(|(id, _)| id);
            Held::Stream(entries.collect(), pending.collect())
        }
        ValueRef::Hash(h) => {
            let fields = h.iter().map(|(field, value, expire)| {
                assert_eq!(expire, None);
                (field.to_vec(), value.to_vec())
            });
            Held::Hash(fields.collect())
        }
        ValueRef::Set(s) => Held::Set(s.iter().map(|member| member.to_vec()).collect()),
        ValueRef::Zset(z) => Held::Zset(
            z.iter()
                .map(|(member, score)| (member.to_vec(), score as i64))
                .collect(),
        ),
        ValueRef::Array(a) => {
            let elements = a.iter().map(|(index, element)| (index, element.to_vec()));
            Held::Array(elements.collect(), a.inserted())
        }
        ValueRef::Opaque(v) => Held::Opaque(v.bytes().to_vec()),
    }
}

impl Held {
    /// How many kinds [`Held::collection`] makes.
    pub const COLLECTIONS: u64 = 8;

    /// A collection of these elements.
    pub fn collection(kind: u64, texts: Vec<Vec<u8>>, now: i64) -> (Value, Held) {
        let limits = Limits::default();
        match kind {
            0 => {
                let mut list = List::new();
                texts.iter().for_each(|text| list.push_back(text, &limits));
                (Value::List(list), Held::List(texts))
            }
            1 => stream(texts, now),
            2 => {
                let mut hash = Hash::new();
                let fields: BTreeMap<_, _> = texts
                    .iter()
                    .cloned()
                    .zip(texts.iter().rev().cloned())
                    .collect();
                fields
                    .iter()
                    .for_each(|(field, value)| _ = hash.set(field, value, &limits));
                (Value::Hash(hash), Held::Hash(fields))
            }
            3 => {
                let mut set = Set::new();
                texts.iter().for_each(|text| _ = set.add(text, &limits));
                (Value::Set(set), Held::Set(texts.into_iter().collect()))
            }
            4 => opaque(&texts),
            5 => array(texts, now),
            6 => like_hash(texts),
            _ => {
                let mut zset = Zset::new();
                let scores: BTreeMap<_, _> = (0..)
                    .zip(texts)
                    .map(|(score, text)| (text, score))
                    .collect();
                scores
                    .iter()
                    .for_each(|(text, score)| _ = zset.set(text, *score as f64, &limits));
                (Value::Zset(zset), Held::Zset(scores))
            }
        }
    }

    /// True for things that are removed with their key.
    pub fn is_empty_collection(&self) -> bool {
        match self {
            Held::Str(_) | Held::Stream(..) | Held::Opaque(_) => false,
            Held::List(l) => l.is_empty(),
            Held::Hash(h) => h.is_empty(),
            Held::Set(s) => s.is_empty(),
            Held::Zset(z) => z.is_empty(),
            Held::Array(elements, _) => elements.is_empty(),
        }
    }

    /// Makes one change to a value and to what the model holds.
    pub fn edit(&mut self, value: &mut Value, draw: Draw) {
        let limits = Limits::default();
        let Draw { text, other, n } = draw;
        let removals = n % 30;
        match (&mut *value, self) {
            (Value::Str(s), Held::Str(m)) => edit_text(s, m, &text, n),
            (Value::List(l), Held::List(m)) => {
                match n % 4 {
                    0 if !m.is_empty() => {
                        let at = n as usize / 4 % m.len();
                        assert!(l.set(at, &text, &limits));
                        m[at] = text;
                    }
                    1 => {
                        let at = n as usize / 4 % (m.len() + 1);
                        l.insert(at, &text, &limits);
                        m.insert(at, text);
                    }
                    _ => {
                        l.push_front(&text, &limits);
                        m.insert(0, text);
                    }
                }
                for _ in 0..removals {
                    assert_eq!(l.pop_back(), m.pop());
                }
                l.shrink(&limits);
            }
            (Value::Stream(s), Held::Stream(entries, pending)) => {
                edit_stream(s, entries, pending, text, removals);
            }
            (Value::Hash(h), Held::Hash(m)) => {
                let known = m.keys().nth(n as usize / 30 % 50).cloned();
                let text = known.unwrap_or(text);
                assert_eq!(
                    h.set(&text, &other, &limits),
                    m.insert(text, other).is_none()
                );
                for _ in 0..removals {
                    let Some((field, _)) = m.pop_first() else {
                        break;
                    };
                    assert!(h.remove(&field));
                }
            }
            (Value::Set(s), Held::Set(m)) => {
                assert_eq!(s.add(&text, &limits), m.insert(text));
                for _ in 0..removals {
                    let Some(member) = m.pop_last() else { break };
                    assert!(s.remove(&member));
                }
            }
            (Value::Zset(z), Held::Zset(m)) => {
                let score = n as i64 % 1000;
                let old = z.set(&text, score as f64, &limits);
                assert_eq!(old, m.insert(text, score).map(|score| score as f64));
                for _ in 0..removals {
                    let Some((member, score)) = m.pop_first() else {
                        break;
                    };
                    assert_eq!(z.remove(&member), Some(score as f64));
                }
            }
            (Value::Array(a), Held::Array(elements, inserted)) => {
                edit_array(a, elements, inserted, text, n);
            }
            // No operation changes the content of this value.
            (Value::Opaque(_), Held::Opaque(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn edit_text(text: &mut Str, model: &mut Vec<u8>, bytes: &[u8], n: u64) {
    match n % 3 {
        _ if model.len() + bytes.len() > TEXT_MAX => {
            *text = Str::new(b"cut");
            *model = b"cut".to_vec();
        }
        0 => {
            // Inside, across the end, or beyond it.
            let at = n as usize / 3 % (model.len() + 100);
            text.write_at(at, bytes);
            let end = at + bytes.len();
            if model.len() < end {
                model.resize(end, 0);
            }
            model[at..end].copy_from_slice(bytes);
        }
        _ => {
            assert_eq!(text.append(bytes), model.len() + bytes.len());
            model.extend_from_slice(bytes);
        }
    }
}

/// A module's value: its id, strings, and the end.
fn opaque(texts: &[Vec<u8>]) -> (Value, Held) {
    const ID: u64 = 0x1234_5678_9abc_dc00;
    const STRING: u64 = 5;
    const END: u64 = 0;
    let mut bytes = Vec::new();
    encode_length(ID, &mut bytes);
    for text in texts {
        encode_length(STRING, &mut bytes);
        encode_blob(text, None, &mut bytes);
    }
    encode_length(END, &mut bytes);
    let value = Opaque::from_record(RdbType::Module2, &bytes);
    (Value::Opaque(value), Held::Opaque(bytes))
}

/// A hash that has the names of its fields in common with others of about as many.
fn like_hash(texts: Vec<Vec<u8>>) -> (Value, Held) {
    let names: Vec<_> = (0..texts.len() as u64 / 3 + 1)
        .map(|n| format!("name{n}").into_bytes())
        .collect();
    let template = Arc::new(Template::new(names.iter().map(|name| &**name)));
    let values = texts.iter().take(names.len()).map(|text| &**text);
    let hash = Hash::of_template(&template, values, &Limits::default());
    (
        Value::Hash(hash),
        Held::Hash(names.into_iter().zip(texts).collect()),
    )
}

/// Runs of elements, far apart.
fn array(texts: Vec<Vec<u8>>, now: i64) -> (Value, Held) {
    let gap = [1, 1, 7, 1 << 40][now as usize % 4];
    let mut array = Array::new();
    let indices = (0..).map(|n| n % 10 + n / 10 * (10 + gap));
    let elements: BTreeMap<u64, Vec<u8>> = indices.zip(texts).collect();
    for (index, text) in &elements {
        assert!(array.set(*index, text));
    }
    (Value::Array(array), Held::Array(elements, None))
}

/// An element is set near others or far away; some at the end go, or some in the middle.
fn edit_array(
    array: &mut Array,
    elements: &mut BTreeMap<u64, Vec<u8>>,
    inserted: &mut Option<u64>,
    text: Vec<u8>,
    n: u64,
) {
    let last = elements.last_key_value().map_or(0, |(index, _)| *index);
    let index = match n % 5 {
        0 => n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (n % 64),
        1 => last.saturating_add(1),
        _ => n % (last + 1).max(1),
    };
    let index = index.min(crate::value::INDEX_MAX);
    assert_eq!(
        array.set(index, &text),
        elements.insert(index, text).is_none()
    );
    if n.is_multiple_of(3) {
        array.set_inserted(Some(index));
        *inserted = Some(index);
    }
    for _ in 0..n % 30 {
        let Some((index, _)) = elements.pop_last() else {
            return;
        };
        assert!(array.remove(index));
    }
    if n.is_multiple_of(7) {
        let range = index / 2..=index.saturating_add(n % 100);
        let before = elements.len();
        elements.retain(|index, _| !range.contains(index));
        assert_eq!(array.remove_range(range), before - elements.len());
    }
}

fn stream(texts: Vec<Vec<u8>>, now: i64) -> (Value, Held) {
    let mut stream = Stream::new();
    let mut group = Group::new(StreamId::ZERO, None);
    group.add_consumer(b"c", now);
    assert!(stream.add_group(b"g", group));
    let ids = (1..).map(|ms| StreamId { ms, seq: 0 });
    let entries: Vec<_> = ids.zip(texts).collect();
    for (id, text) in &entries {
        let added = stream.append(*id, &[b"f", text], &Limits::default());
        assert!(added.is_ok());
    }
    (Value::Stream(stream), Held::Stream(entries, Vec::new()))
}

/// Adds an entry, reads the newest ones, and removes the oldest ones and some in the middle.
fn edit_stream(
    stream: &mut Stream,
    entries: &mut Vec<(StreamId, Vec<u8>)>,
    pending: &mut Vec<StreamId>,
    text: Vec<u8>,
    n: u64,
) {
    let id = stream.last_id().next().expect("not the last");
    let added = stream.append(id, &[b"f", &text], &Limits::default());
    assert!(added.is_ok());
    entries.push((id, text));
    if n.is_multiple_of(3) {
        let ids: Vec<_> = entries.iter().rev().take(5).map(|(id, _)| *id).collect();
        stream.edit_group(b"g", |group| group.deliver(&ids, b"c", 7));
        pending.extend(ids);
        pending.sort();
        pending.dedup();
    }
    if n.is_multiple_of(4) && !pending.is_empty() {
        let id = pending.remove(n as usize % pending.len());
        let done = stream.edit_group(b"g", |group| group.acknowledge(id));
        assert_eq!(done, Some(true));
    }
    let (id, _) = entries.remove(n as usize % entries.len());
    assert!(stream.delete(id));
    let trim = Trim {
        bound: Bound::MaxLen(1000 - n),
        approximate: false,
        limit: 0,
        references: References::Keep,
    };
    let gone = stream.trim(&trim) as usize;
    entries.drain(..gone);
}
