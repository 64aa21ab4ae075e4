//! Turns old, foreign and irregular encodings into the canonical ones (see [`super`]).
//!
//! | from | to |
//! |---|---|
//! | 1, 10, 14 lists; 18 with empty nodes or two-form elements | 18 |
//! | 3, 12 sorted sets; 17 out of order, with odd scores or two-form elements | 17, large ones 5 |
//! | 9, 13 hashes, 29 to 32; 16 with two-form elements | 16, large ones 4 |
//! | 22, 23 (release candidates), 22 (Valkey) | 25, large ones 24; without field TTLs 16 or 4; expiries of 22 beyond the year 10889 become the last moment that Redis's types can say |
//! | 20 with two-form elements | 2 |
//! | 15, 19 streams; others with nodes out of order, wrong counts or new-form elements | 21, 26, 27 |
//!
//! A value is small if real servers keep it packed by default. A conversion iterates over the value and builds the new
//! one; its memory is in proportion to the value.

use crate::bytes::cursor::Cursor;
use crate::bytes::length::encode_length;
use crate::bytes::string::{StrRef, encode_item, encode_raw};
use crate::error::RdbError;
use crate::packed::listpack::{self, BacklenForm, Builder, Item};
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Context;
use crate::values::check::{Kind, Scratch, ValueInfo};
use crate::values::stream::{Head, Stream, StreamId};
use crate::values::stream_node::{check_node, rewrite};
use crate::values::walk::{self, Bufs, REDIS_EXPIRE_MAX};
use base::number::ScoreItem;

/// Packed hashes have at most this many fields (`hash-max-listpack-entries`).
pub(crate) const HASH_PACKED_MAX: u64 = 512;
/// Packed sorted sets have at most this many members (`zset-max-listpack-entries`).
const ZSET_PACKED_MAX: u64 = 128;
/// Elements of packed hashes and sorted sets have at most this many bytes (`*-max-listpack-value`).
pub(crate) const VALUE_PACKED_MAX: usize = 64;
/// List nodes have at most this many bytes (`list-max-listpack-size -2`); larger elements get a node each.
const NODE_BYTES_MAX: usize = 8192;

/// Appends the canonical form of a value that [`crate::values::check::check_value`] has passed with `info`, and returns
/// the type it has then. Canonical bytes are copied.
///
/// # Errors
/// Those of the check, if the value did not pass it.
pub fn normalize(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    info: &ValueInfo,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<RdbType, RdbError> {
    if info.as_is {
        out.extend_from_slice(bytes);
        return Ok(rdb_type);
    }
    let bufs = &mut scratch.bufs;
    match info.kind {
        Kind::String => {
            encode_raw(b"", out);
            Ok(RdbType::String)
        }
        Kind::List => {
            let mut list = ListBuilder::new(NODE_BYTES_MAX);
            walk::list(rdb_type, bytes, bufs, |item| {
                list.push(item);
                Ok::<(), RdbError>(())
            })?;
            list.finish(out);
            Ok(RdbType::Quicklist2)
        }
        Kind::Set => {
            encode_length(info.elements, out);
            walk::set(rdb_type, bytes, bufs, |member| {
                encode_item(member, None, out);
                Ok::<(), RdbError>(())
            })?;
            Ok(RdbType::Set)
        }
        Kind::Zset => zset(rdb_type, bytes, info, bufs, out),
        Kind::Hash => hash(context, rdb_type, bytes, info, bufs, out),
        Kind::Stream => stream(rdb_type, bytes, bufs, out),
        // Always as they are.
        Kind::Array | Kind::Module(_) => {
            out.extend_from_slice(bytes);
            Ok(rdb_type)
        }
    }
}

/// Builds a list of type 18.
pub(crate) struct ListBuilder {
    nodes: u64,
    body: Vec<u8>,
    node: Builder,
    node_bytes_max: usize,
}

impl ListBuilder {
    pub(crate) fn new(node_bytes_max: usize) -> Self {
        ListBuilder {
            nodes: 0,
            body: Vec::new(),
            node: Builder::new(),
            node_bytes_max,
        }
    }

    pub(crate) fn push(&mut self, item: Item<'_>) {
        const PLAIN: u8 = 1;
        if item.len() > self.node_bytes_max || listpack::is_trapped(item.len()) {
            self.flush();
            self.body.push(PLAIN);
            item.with(|bytes| encode_raw(bytes, &mut self.body));
            self.nodes += 1;
            return;
        }
        if self.node.len() + listpack::encoded_size(&item) > self.node_bytes_max {
            self.flush();
        }
        self.node.push(item);
    }

    fn flush(&mut self) {
        const PACKED: u8 = 2;
        if !self.node.is_empty() {
            self.body.push(PACKED);
            encode_raw(self.node.finish(), &mut self.body);
            self.node.clear();
            self.nodes += 1;
        }
    }

    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.flush();
        encode_length(self.nodes, out);
        out.extend_from_slice(&self.body);
    }
}

fn zset(
    rdb_type: RdbType,
    bytes: &[u8],
    info: &ValueInfo,
    bufs: &mut Bufs,
    out: &mut Vec<u8>,
) -> Result<RdbType, RdbError> {
    let mut longest = 0;
    let mut members: Vec<(f64, Vec<u8>)> = Vec::new();
    if info.elements > ZSET_PACKED_MAX {
        longest = usize::MAX;
    } else {
        walk::zset(rdb_type, bytes, bufs, |member, score| {
            longest = longest.max(member.len());
            members.push((score, member.to_vec()));
            Ok::<(), RdbError>(())
        })?;
    }
    if longest > VALUE_PACKED_MAX {
        encode_length(info.elements, out);
        walk::zset(rdb_type, bytes, bufs, |member, score| {
            encode_item(member, None, out);
            out.extend_from_slice(&score.to_le_bytes());
            Ok::<(), RdbError>(())
        })?;
        return Ok(RdbType::Zset2);
    }
    // Plain comparison: 0.0 and -0.0 are equal, then the members decide.
    members.sort_by(|a, b| {
        a.0.partial_cmp(&b.0)
            .expect("no NaN passes the check")
            .then_with(|| a.1.cmp(&b.1))
    });
    let mut lp = Builder::new();
    for (score, member) in &members {
        lp.push_bytes(member);
        lp.push(ScoreItem::new(*score).item());
    }
    encode_raw(lp.finish(), out);
    Ok(RdbType::ZsetListpack)
}

fn hash(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    info: &ValueInfo,
    bufs: &mut Bufs,
    out: &mut Vec<u8>,
) -> Result<RdbType, RdbError> {
    let mut longest = 0;
    if info.elements > HASH_PACKED_MAX {
        longest = usize::MAX;
    } else {
        walk::hash(context, rdb_type, bytes, bufs, |field, value, _| {
            longest = longest.max(field.len()).max(value.len());
            Ok::<(), RdbError>(())
        })?;
    }
    let small = longest <= VALUE_PACKED_MAX;
    // A hash that had TTLs and lost them keeps the form that says so in the Redis dialect.
    match (info.min_expire_ms, small) {
        (None, true) => {
            let mut lp = Builder::new();
            walk::hash(context, rdb_type, bytes, bufs, |field, value, _| {
                lp.push(canonical(field));
                lp.push(canonical(value));
                Ok::<(), RdbError>(())
            })?;
            encode_raw(lp.finish(), out);
            Ok(RdbType::HashListpack)
        }
        (None, false) => {
            encode_length(info.elements, out);
            walk::hash(context, rdb_type, bytes, bufs, |field, value, _| {
                encode_item(field, None, out);
                encode_item(value, None, out);
                Ok::<(), RdbError>(())
            })?;
            Ok(RdbType::Hash)
        }
        (Some(min), true) => packed_ttl_hash(context, rdb_type, bytes, min, bufs, out),
        (Some(min), false) => {
            out.extend_from_slice(&min.to_le_bytes());
            encode_length(info.elements, out);
            walk::hash(context, rdb_type, bytes, bufs, |field, value, expire_ms| {
                let after_min = expire_ms.map(|t| t.min(REDIS_EXPIRE_MAX) - min);
                encode_length(after_min.map_or(0, |t| t as u64 + 1), out);
                encode_item(field, None, out);
                encode_item(value, None, out);
                Ok::<(), RdbError>(())
            })?;
            Ok(RdbType::HashTtl)
        }
    }
}

fn packed_ttl_hash(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    min: i64,
    bufs: &mut Bufs,
    out: &mut Vec<u8>,
) -> Result<RdbType, RdbError> {
    let mut fields = Vec::new();
    walk::hash(context, rdb_type, bytes, bufs, |field, value, expire_ms| {
        // 0 says "none" in this form; a field that expired at 0 (possible in Valkey's) expired at 1 as well.
        fields.push((
            expire_ms.map_or(0, |t| t.clamp(1, REDIS_EXPIRE_MAX)),
            field.to_vec(),
            value.to_vec(),
        ));
        Ok::<(), RdbError>(())
    })?;
    // Ascending, those without an expiry last; fields of one time keep their order.
    fields.sort_by_key(|(time, ..)| time.wrapping_sub(1).cast_unsigned());
    let mut lp = Builder::new();
    for (time, field, value) in &fields {
        lp.push_bytes(field);
        lp.push_bytes(value);
        lp.push(Item::Int(*time));
    }
    out.extend_from_slice(&min.max(1).to_le_bytes());
    encode_raw(lp.finish(), out);
    Ok(RdbType::HashListpackTtl)
}

/// Text that is a canonical integer becomes one.
fn canonical(item: Item<'_>) -> Item<'_> {
    match item {
        Item::Bytes(bytes) => Item::of(bytes),
        int => int,
    }
}

fn stream(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    out: &mut Vec<u8>,
) -> Result<RdbType, RdbError> {
    let mut stream = Stream::parse(rdb_type, bytes)?;
    stream.nodes.sort_by_key(|node| node.master);
    let mut listpacks: Vec<Option<Vec<u8>>> = Vec::with_capacity(stream.nodes.len());
    let (mut live, mut first_live) = (0, None);
    for node in &stream.nodes {
        let mut cur = Cursor::starting_at(bytes, node.at);
        let (lp, origin) = walk::blob(&mut cur, &mut bufs.blob, "stream listpack")?;
        let found = check_node(node.master, lp, |_| {})
            .map_err(|defect| origin.error(defect, "stream node"))?;
        live += found.live;
        first_live = first_live.or(found.first_live);
        let rewritten = (found.has_new_form
            || found.count_is_wrong
            || found.deleted_count_is_wrong)
            .then(|| {
                let mut fixed = Vec::new();
                rewrite(lp, BacklenForm::Old, &mut fixed);
                if found.deleted_count_is_wrong {
                    set_counts(&mut fixed, found.live, found.deleted);
                }
                fixed
            });
        listpacks.push(rewritten);
    }
    for (node, rewritten) in stream.nodes.iter_mut().zip(&listpacks) {
        if let Some(lp) = rewritten {
            node.listpack = StrRef::Raw(lp);
        }
    }
    stream.length = live;
    if stream.head.is_none() {
        add_head(&mut stream, first_live);
    }
    if rdb_type < RdbType::Stream3 {
        for consumer in stream.groups.iter_mut().flat_map(|g| &mut g.consumers) {
            consumer.active_ms = Some(consumer.seen_ms);
        }
    }
    let held = rdb_type.max(RdbType::Stream3);
    stream.encode(held, out);
    Ok(held)
}

/// Puts the true counts into a node's first two elements.
fn set_counts(lp: &mut Vec<u8>, live: u64, deleted: u64) {
    let next = listpack::replace(lp, listpack::HEADER_LEN, Item::Int(live.cast_signed()));
    listpack::replace(lp, next, Item::Int(deleted.cast_signed()));
}

/// What type 15 does not say, as servers from 7.0 on assume it.
fn add_head(stream: &mut Stream<'_>, first_live: Option<StreamId>) {
    let head = derived_head(stream, first_live);
    stream.head = Some(head);
    for group in &mut stream.groups {
        group.entries_read =
            derived_entries_read(group.last_id, stream.last_id, stream.length, head);
    }
}

/// The counters that a loader of type 15 assumes.
pub(crate) fn derived_head(stream: &Stream<'_>, first_live: Option<StreamId>) -> Head {
    Head {
        first_id: first_live.unwrap_or(StreamId::MAX),
        max_deleted_id: StreamId::ZERO,
        entries_added: stream.length,
    }
}

/// How many entries a group at position `at` has read, if that is known without counting.
pub(crate) fn derived_entries_read(
    at: StreamId,
    last_id: StreamId,
    length: u64,
    head: Head,
) -> Option<u64> {
    if head.entries_added == 0 {
        return Some(0);
    }
    if at == last_id || (length == 0 && at <= last_id) {
        return Some(head.entries_added);
    }
    if at > last_id {
        return None;
    }
    match at.cmp(&head.first_id) {
        std::cmp::Ordering::Less => Some(head.entries_added - length),
        std::cmp::Ordering::Equal => Some(head.entries_added - length + 1),
        std::cmp::Ordering::Greater => None,
    }
}

#[cfg(test)]
mod tests;
