//! Streams: parsing and building the values of types 15, 19, 21, 26 and 27.
//!
//! ```text
//! nodes: (id of the first entry ever put in, listpack of entries) ...
//! length, last id | first id, largest deleted id, entries ever added          (types 19 and up)
//! groups: name, last id, [entries read], pending entries, consumers, [ids given back: type 27]
//! [idempotent producers: types 26 and 27]
//! ```
//!
//! A parsed [`Stream`] borrows from the value's bytes. Node listpacks are kept as they are;
//! [`crate::values::stream_node`] reads them. Parsing takes memory in proportion to the nodes, pending entries and
//! names that are really there.

use std::borrow::Cow;

use crate::bytes::cursor::{Cursor, Fault, Read};
use crate::bytes::length::encode_length;
use crate::bytes::string::{StrRef, encode_raw, encode_string};
use crate::error::{ErrorKind, RdbError};
use crate::tags::rdb_type::RdbType;

/// An entry's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Unix milliseconds.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// 0-0: before every entry.
    pub const ZERO: StreamId = StreamId { ms: 0, seq: 0 };
    /// The largest id.
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// Reads an id from the 16 bytes of node keys and pending lists.
    pub fn from_bytes(bytes: &[u8; 16]) -> Self {
        let n = u128::from_be_bytes(*bytes);
        StreamId {
            ms: (n >> 64) as u64,
            seq: n as u64,
        }
    }

    /// The 16 bytes of node keys and pending lists.
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id right after this one; `None` after the largest.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| StreamId { ms, seq: 0 }),
        }
    }

    /// The id right before this one; `None` before 0-0.
    pub fn prev(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => self
                .ms
                .checked_sub(1)
                .map(|ms| StreamId { ms, seq: u64::MAX }),
        }
    }

    fn read(cur: &mut Cursor<'_>, context: &'static str) -> Read<Self> {
        Ok(StreamId {
            ms: cur.number(context)?,
            seq: cur.number(context)?,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        encode_length(self.ms, out);
        encode_length(self.seq, out);
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// A stream's parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stream<'a> {
    /// The nodes, in the order of the file.
    pub nodes: Vec<Node<'a>>,
    /// Live entries, as declared.
    pub length: u64,
    /// The last id ever given.
    pub last_id: StreamId,
    /// What types from 19 on say beyond that.
    pub head: Option<Head>,
    /// Consumer groups.
    pub groups: Vec<Group<'a>>,
    /// Idempotent producers (types 26 and 27).
    pub idmp: Option<Idmp<'a>>,
}

/// One node: a row of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<'a> {
    /// The id that the entries' ids are relative to.
    pub master: StreamId,
    /// The entries, in a listpack.
    pub listpack: StrRef<'a>,
    /// Offset of the listpack's string in the value.
    pub at: usize,
}

/// Counters of types from 19 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Id of the first live entry; 0-0 when there is none.
    pub first_id: StreamId,
    /// The largest id ever deleted.
    pub max_deleted_id: StreamId,
    /// Entries ever added.
    pub entries_added: u64,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its name.
    pub name: Cow<'a, [u8]>,
    /// The last id delivered.
    pub last_id: StreamId,
    /// Entries read so far; `None` if unknown or (type 15) not said.
    pub entries_read: Option<u64>,
    /// Entries delivered and not acknowledged, ascending by id.
    pub pending: Vec<Pending>,
    /// The consumers.
    pub consumers: Vec<Consumer<'a>>,
    /// Ids in `pending` that were given back and have no owner (type 27).
    pub nacked: Vec<StreamId>,
}

/// An entry delivered and not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The entry; it may be deleted.
    pub id: StreamId,
    /// When it was delivered last, unix milliseconds.
    pub delivered_ms: i64,
    /// How often.
    pub deliveries: u64,
    /// Index of the owner in [`Group::consumers`]; `None` for ids given back.
    pub owner: Option<u32>,
}

/// A consumer of a group. The entries that it owns are in [`Group::pending`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer<'a> {
    /// Its name.
    pub name: Cow<'a, [u8]>,
    /// When it was last seen, unix milliseconds.
    pub seen_ms: i64,
    /// When it last got or claimed something; -1 if never; `None` before type 21.
    pub active_ms: Option<i64>,
    /// How many pending entries it owns.
    pub owned: u32,
}

/// Idempotent producers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idmp<'a> {
    /// How long an id is remembered, seconds.
    pub duration_s: u64,
    /// How many ids per producer are remembered.
    pub entries_max: u64,
    /// Producers with what they remember.
    pub producers: Vec<Producer<'a>>,
    /// Ids ever added.
    pub added: u64,
    /// Duplicates ever seen.
    pub duplicates: u64,
}

impl Idmp<'_> {
    /// The same with owned bytes.
    pub fn into_owned(self) -> Idmp<'static> {
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let producers = self.producers.into_iter().map(|producer| Producer {
            id: own(producer.id),
            entries: producer
                .entries
                .into_iter()
                .map(|(iid, id)| (own(iid), id))
                .collect(),
        });
        Idmp {
            duration_s: self.duration_s,
            entries_max: self.entries_max,
            producers: producers.collect(),
            added: self.added,
            duplicates: self.duplicates,
        }
    }
}

impl Default for Idmp<'_> {
    /// The state of a stream to which nothing was written idempotently.
    fn default() -> Self {
        Idmp {
            duration_s: 100,
            entries_max: 100,
            producers: Vec::new(),
            added: 0,
            duplicates: 0,
        }
    }
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Producer<'a> {
    /// Its id.
    pub id: Cow<'a, [u8]>,
    /// Its idempotence ids, each with the id of its entry.
    pub entries: Vec<(Cow<'a, [u8]>, StreamId)>,
}

/// `entries_read` when it is not known.
pub const UNKNOWN: u64 = u64::MAX;
/// A consumer that never was active.
const NEVER: i64 = -1;

impl<'a> Stream<'a> {
    /// Parses a value of type 15, 19, 21, 26 or 27.
    ///
    /// # Errors
    /// The first defect: bounds, the size of node keys, a node, group, consumer or pending id twice, a pending id
    /// without or with two owners. The listpacks are not looked into.
    pub fn parse(rdb_type: RdbType, bytes: &'a [u8]) -> Result<Self, RdbError> {
        let mut cur = Cursor::new(bytes);
        let stream = parse(rdb_type, &mut cur)?;
        cur.expect_end("stream")?;
        Ok(stream)
    }

    /// Whether the nodes are in the order of their ids.
    pub fn nodes_in_order(&self) -> bool {
        self.nodes.is_sorted_by(|a, b| a.master < b.master)
    }

    /// The lowest type that says everything this stream has to say.
    pub fn lowest_type(&self) -> RdbType {
        if self.groups.iter().any(|g| !g.nacked.is_empty()) {
            RdbType::Stream5
        } else if self
            .idmp
            .as_ref()
            .is_some_and(|idmp| *idmp != Idmp::default())
        {
            RdbType::Stream4
        } else if self
            .groups
            .iter()
            .flat_map(|g| &g.consumers)
            .any(|c| c.active_ms.is_some())
        {
            RdbType::Stream3
        } else if self.head.is_some() {
            RdbType::Stream2
        } else {
            RdbType::Stream
        }
    }

    /// Appends the stream as a value of `rdb_type`. What the type cannot say is left out: compare
    /// [`Stream::lowest_type`]. Node listpacks are written as they are.
    pub fn encode(&self, rdb_type: RdbType, out: &mut Vec<u8>) {
        encode_length(self.nodes.len() as u64, out);
        for node in &self.nodes {
            encode_raw(&node.master.to_bytes(), out);
            encode_str_ref(&node.listpack, out);
        }
        encode_length(self.length, out);
        self.last_id.write(out);
        if rdb_type >= RdbType::Stream2 {
            let head = self.head.unwrap_or_default();
            head.first_id.write(out);
            head.max_deleted_id.write(out);
            encode_length(head.entries_added, out);
        }
        encode_length(self.groups.len() as u64, out);
        for group in &self.groups {
            encode_group(group, rdb_type, out);
        }
        if rdb_type >= RdbType::Stream4 {
            encode_idmp(self.idmp.as_ref(), out);
        }
    }
}

/// Appends a string exactly in the form in which it was read.
fn encode_str_ref(s: &StrRef<'_>, out: &mut Vec<u8>) {
    match *s {
        StrRef::Raw(bytes) => encode_raw(bytes, out),
        StrRef::Int(n) => crate::bytes::string::encode_int_string(n, out),
        StrRef::Lzf { packed, len } => {
            out.push(0xc3);
            encode_length(packed.len() as u64, out);
            encode_length(len as u64, out);
            out.extend_from_slice(packed);
        }
    }
}

fn encode_group(group: &Group<'_>, rdb_type: RdbType, out: &mut Vec<u8>) {
    encode_string(&group.name, None, out);
    group.last_id.write(out);
    if rdb_type >= RdbType::Stream2 {
        encode_length(group.entries_read.unwrap_or(UNKNOWN), out);
    }
    encode_length(group.pending.len() as u64, out);
    for p in &group.pending {
        out.extend_from_slice(&p.id.to_bytes());
        out.extend_from_slice(&p.delivered_ms.to_le_bytes());
        encode_length(p.deliveries, out);
    }
    let mut owned: Vec<Vec<StreamId>> = vec![Vec::new(); group.consumers.len()];
    for p in &group.pending {
        if let Some(ids) = p.owner.and_then(|o| owned.get_mut(o as usize)) {
            ids.push(p.id);
        }
    }
    encode_length(group.consumers.len() as u64, out);
    for (consumer, ids) in group.consumers.iter().zip(&owned) {
        encode_string(&consumer.name, None, out);
        out.extend_from_slice(&consumer.seen_ms.to_le_bytes());
        if rdb_type >= RdbType::Stream3 {
            out.extend_from_slice(&consumer.active_ms.unwrap_or(NEVER).to_le_bytes());
        }
        encode_ids(ids, out);
    }
    if rdb_type >= RdbType::Stream5 {
        encode_ids(&group.nacked, out);
    }
}

fn encode_ids(ids: &[StreamId], out: &mut Vec<u8>) {
    encode_length(ids.len() as u64, out);
    for id in ids {
        out.extend_from_slice(&id.to_bytes());
    }
}

/// Appends what types 26 and 27 say about producers.
pub fn encode_idmp(idmp: Option<&Idmp<'_>>, out: &mut Vec<u8>) {
    let unused = Idmp::default();
    let idmp = idmp.unwrap_or(&unused);
    encode_length(idmp.duration_s, out);
    encode_length(idmp.entries_max, out);
    encode_length(idmp.producers.len() as u64, out);
    for producer in &idmp.producers {
        encode_string(&producer.id, None, out);
        encode_length(producer.entries.len() as u64, out);
        for (iid, id) in &producer.entries {
            encode_string(iid, None, out);
            id.write(out);
        }
    }
    encode_length(idmp.added, out);
    encode_length(idmp.duplicates, out);
}

fn parse<'a>(rdb_type: RdbType, cur: &mut Cursor<'a>) -> Read<Stream<'a>> {
    let mut nodes = Vec::new();
    for _ in 0..cur.count(2, "number of stream nodes")? {
        let at = cur.at();
        let key = name(cur, "stream node key")?;
        let Ok(key) = <&[u8; 16]>::try_from(&*key) else {
            return Err(Fault::new(
                ErrorKind::Structure("the node's key is no stream id"),
                at,
                "stream node key",
            ));
        };
        let (master, at) = (StreamId::from_bytes(key), cur.at());
        nodes.push(Node {
            master,
            listpack: cur.string("stream listpack")?,
            at,
        });
    }
    refuse_twice(nodes.iter().map(|n| n.master), cur.at(), "stream node key")?;
    let length = cur.number("stream length")?;
    let last_id = StreamId::read(cur, "stream last id")?;
    let head = match rdb_type >= RdbType::Stream2 {
        true => Some(Head {
            first_id: StreamId::read(cur, "stream first id")?,
            max_deleted_id: StreamId::read(cur, "stream largest deleted id")?,
            entries_added: cur.number("stream entries added")?,
        }),
        false => None,
    };
    let mut groups = Vec::new();
    for _ in 0..cur.count(5, "number of groups")? {
        groups.push(parse_group(rdb_type, cur)?);
    }
    refuse_twice(groups.iter().map(|g| &g.name), cur.at(), "group name")?;
    let idmp = if rdb_type >= RdbType::Stream4 {
        Some(parse_idmp(cur)?)
    } else {
        None
    };
    Ok(Stream {
        nodes,
        length,
        last_id,
        head,
        groups,
        idmp,
    })
}

fn parse_group<'a>(rdb_type: RdbType, cur: &mut Cursor<'a>) -> Read<Group<'a>> {
    let name = name(cur, "group name")?;
    let last_id = StreamId::read(cur, "group last id")?;
    let entries_read = match rdb_type >= RdbType::Stream2 {
        true => Some(cur.number("group entries read")?).filter(|&n| n != UNKNOWN),
        false => None,
    };
    let mut pending = Vec::new();
    for _ in 0..cur.count(25, "number of pending entries")? {
        let id = StreamId::from_bytes(&cur.array("pending entry")?);
        let delivered_ms = cur.i64le("delivery time")?;
        let deliveries = cur.number("delivery count")?;
        pending.push(Pending {
            id,
            delivered_ms,
            deliveries,
            owner: None,
        });
    }
    if !pending.is_sorted_by(|a, b| a.id < b.id) {
        pending.sort_by_key(|p| p.id);
        refuse_twice(pending.iter().map(|p| p.id), cur.at(), "pending entry")?;
    }
    let mut consumers = Vec::new();
    for index in 0..cur.count(10, "number of consumers")? {
        consumers.push(parse_consumer(rdb_type, index as u32, &mut pending, cur)?);
    }
    refuse_twice(consumers.iter().map(|c| &c.name), cur.at(), "consumer name")?;
    let at = cur.at();
    let mut nacked = Vec::new();
    if rdb_type >= RdbType::Stream5 {
        for _ in 0..cur.count(16, "ids given back")? {
            nacked.push(StreamId::from_bytes(&cur.array("id given back")?));
        }
        refuse_twice(nacked.iter().copied(), at, "id given back")?;
    }
    let structure = |what| {
        Err(Fault::new(
            ErrorKind::Structure(what),
            at,
            "pending entries of a group",
        ))
    };
    for id in &nacked {
        match find_pending(&mut pending, *id) {
            None => return structure("an id given back is not pending"),
            Some(p) if p.owner.is_some() => return structure("an id given back has an owner"),
            Some(_) => {}
        }
    }
    if pending.iter().filter(|p| p.owner.is_none()).count() != nacked.len() {
        return structure("a pending entry has no consumer");
    }
    Ok(Group {
        name,
        last_id,
        entries_read,
        pending,
        consumers,
        nacked,
    })
}

fn find_pending(pending: &mut [Pending], id: StreamId) -> Option<&mut Pending> {
    let i = pending.binary_search_by_key(&id, |p| p.id).ok()?;
    Some(&mut pending[i])
}

fn parse_consumer<'a>(
    rdb_type: RdbType,
    index: u32,
    pending: &mut [Pending],
    cur: &mut Cursor<'a>,
) -> Read<Consumer<'a>> {
    let name = name(cur, "consumer name")?;
    let seen_ms = cur.i64le("consumer seen time")?;
    let active_ms = if rdb_type >= RdbType::Stream3 {
        Some(cur.i64le("consumer active time")?)
    } else {
        None
    };
    let mut owned = 0;
    for _ in 0..cur.count(16, "pending entries of a consumer")? {
        let at = cur.at();
        let id = StreamId::from_bytes(&cur.array("pending entry of a consumer")?);
        let structure = |what| {
            Err(Fault::new(
                ErrorKind::Structure(what),
                at,
                "pending entry of a consumer",
            ))
        };
        match find_pending(pending, id) {
            None => return structure("the consumer's pending entry is not in the group"),
            Some(p) if p.owner.is_some() => return structure("the pending entry has two owners"),
            Some(p) => p.owner = Some(index),
        }
        owned += 1;
    }
    Ok(Consumer {
        name,
        seen_ms,
        active_ms,
        owned,
    })
}

fn parse_idmp<'a>(cur: &mut Cursor<'a>) -> Read<Idmp<'a>> {
    const DURATION_S: std::ops::RangeInclusive<u64> = 1..=86_400;
    const ENTRIES: std::ops::RangeInclusive<u64> = 1..=10_000;
    let ranged = |cur: &mut Cursor<'a>, range: std::ops::RangeInclusive<u64>, context| {
        let at = cur.at();
        let n = cur.number(context)?;
        if range.contains(&n) {
            Ok(n)
        } else {
            Err(Fault::new(ErrorKind::BadCount(n), at, context))
        }
    };
    let duration_s = ranged(cur, DURATION_S, "idempotence duration")?;
    let entries_max = ranged(cur, ENTRIES, "idempotence limit")?;
    let mut producers = Vec::new();
    for _ in 0..cur.count(2, "number of producers")? {
        let id = name(cur, "producer id")?;
        let mut entries = Vec::new();
        for _ in 0..cur.count(3, "number of idempotence ids")? {
            entries.push((
                name(cur, "idempotence id")?,
                StreamId::read(cur, "entry id")?,
            ));
        }
        producers.push(Producer { id, entries });
    }
    refuse_twice(producers.iter().map(|p| &p.id), cur.at(), "producer id")?;
    let (added, duplicates) = (
        cur.number("idempotence ids added")?,
        cur.number("idempotence duplicates")?,
    );
    Ok(Idmp {
        duration_s,
        entries_max,
        producers,
        added,
        duplicates,
    })
}

/// A string that must be seen now.
fn name<'a>(cur: &mut Cursor<'a>, context: &'static str) -> Read<Cow<'a, [u8]>> {
    let at = cur.at();
    match cur.string(context)? {
        StrRef::Raw(bytes) => Ok(Cow::Borrowed(bytes)),
        other => {
            let mut out = Vec::new();
            other
                .append_to(&mut out)
                .ok_or_else(|| Fault::new(ErrorKind::BadLzf, at, context))?;
            Ok(Cow::Owned(out))
        }
    }
}

/// Names or ids must be unique; sorted ones, the usual case, are compared in passing.
fn refuse_twice<T: Ord>(
    items: impl Iterator<Item = T>,
    at: usize,
    context: &'static str,
) -> Read<()> {
    let mut items: Vec<T> = items.collect();
    if items.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    items.sort_unstable();
    match items.is_sorted_by(|a, b| a < b) {
        true => Ok(()),
        false => Err(Fault::new(ErrorKind::Duplicate, at, context)),
    }
}

#[cfg(test)]
mod tests;
