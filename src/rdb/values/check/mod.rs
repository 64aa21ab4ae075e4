//! Every structural check of a value, always deep.
//!
//! [`check_value`] examines each byte of a value: bounds, lengths, LZF, packed encodings, duplicates, scores,
//! expiries, orders, streams with their groups. A value that every real server of the file's version refuses is
//! refused. A value that they all load passes; if its bytes are not canonical, [`ValueInfo::as_is`] sends it through
//! [`crate::values::normalize`].
//!
//! | defect | here | why |
//! |---|---|---|
//! | a collection without elements | passes, `empty` | files: the key is skipped; RESTORE refuses |
//! | a sorted-set blob out of order | passes, normalized | all load it and sort it |
//! | a score text that is not a number | passes, with the value that `strtod` returns | all load it like this |
//! | a wrong element count of a stream node | passes, normalized | written and loaded by Redis 8.2 |
//! | stream entries out of order or twice | passes | all load them and show them like this |
//! | a wrong length of a stream, or wrong deleted counts | refused, except in REDIS0012 and 13 | Valkey 9.1, Redis 8.8 refuse |
//! | a NaN, also as text | refused | Valkey 9.1 |

use crate::bytes::cursor::Cursor;
use crate::bytes::string::StrRef;
use crate::error::{ErrorKind, RdbError};
use crate::frames::skip::{module_id, skip_module_items};
use crate::packed::listpack::Item;
use crate::tags::module::ModuleId;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Context;
use crate::tags::version::{Dialect, RdbVersion};
use crate::values::seen::Seen;
use crate::values::stream::{Stream, StreamId};
use crate::values::stream_node::check_node;
use crate::values::walk::{self, Bufs, Place, REDIS_EXPIRE_MAX};
use base::secret::HashKey;

/// Reusable room for checks and conversions: one per thread.
#[derive(Debug, Clone)]
pub struct Scratch {
    pub(crate) bufs: Bufs,
    seen: Seen,
}

impl Scratch {
    /// `key` is that of the hashes by which duplicates are found.
    pub fn new(key: HashKey) -> Self {
        Scratch {
            bufs: Bufs::new(),
            seen: Seen::new(key),
        }
    }

    /// Gives back what one very large value made it take.
    pub fn shrink(&mut self) {
        const KEEP: usize = 1 << 20;
        self.bufs.shrink(KEEP);
        self.seen.shrink(KEEP / 64);
    }

    /// Room for [`walk`]'s functions.
    pub fn bufs(&mut self) -> &mut Bufs {
        &mut self.bufs
    }
}

/// What TYPE replies for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string.
    String,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// A hash.
    Hash,
    /// A stream.
    Stream,
    /// An array (Redis 8.8).
    Array,
    /// A module's value.
    Module(ModuleId),
}

/// What a check found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueInfo {
    /// The kind of value.
    pub kind: Kind,
    /// Elements, members, fields, live stream entries; bytes of a string.
    pub elements: u64,
    /// Fields with an expiry.
    pub expiring: u64,
    /// The earliest field expiry, unix milliseconds.
    pub min_expire_ms: Option<i64>,
    /// The latest field expiry of a hash whose fields all have one, unix milliseconds: nothing is left of it then.
    pub ends_ms: Option<i64>,
    /// A collection without elements: in a file the key is skipped, in RESTORE it is an error. Never a stream.
    pub empty: bool,
    /// The bytes are canonical and may be held and saved as they are, under the same type.
    pub as_is: bool,
}

impl ValueInfo {
    /// What a value is that is kept as its bytes, because its type is not served: a module's value.
    pub fn unserved(&self) -> Option<ErrorKind> {
        match self.kind {
            Kind::Module(id) => Some(ErrorKind::Module(id)),
            Kind::String | Kind::List | Kind::Set | Kind::Zset | Kind::Hash | Kind::Stream => None,
            Kind::Array => None,
        }
    }

    fn new(kind: Kind) -> Self {
        ValueInfo {
            kind,
            elements: 0,
            expiring: 0,
            min_expire_ms: None,
            ends_ms: None,
            empty: false,
            as_is: true,
        }
    }
}

/// Checks a value: exactly its bytes, without type byte and key.
///
/// # Errors
/// The first defect, with its offset in `bytes` (add [`crate::Record::value_offset`] by [`RdbError::shifted`]). Module
/// values are sound if their items are: whether they are refused is the caller's choice ([`Kind::Module`]).
pub fn check_value(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    scratch.bufs.sound_only = true;
    let result = check_kind(context, rdb_type, bytes, scratch);
    scratch.bufs.sound_only = false;
    result
}

fn check_kind(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    match rdb_type {
        RdbType::String => check_string(bytes),
        RdbType::List | RdbType::ListZiplist | RdbType::Quicklist | RdbType::Quicklist2 => {
            let mut info = ValueInfo::new(Kind::List);
            let shape = walk::list(rdb_type, bytes, &mut scratch.bufs, |_| {
                info.elements += 1;
                Ok::<(), RdbError>(())
            })?;
            info.as_is = !shape.irregular;
            info.empty = info.elements == 0;
            Ok(info)
        }
        RdbType::Set | RdbType::SetIntset | RdbType::SetListpack => {
            check_set(rdb_type, bytes, scratch)
        }
        RdbType::Zset | RdbType::Zset2 | RdbType::ZsetZiplist | RdbType::ZsetListpack => {
            check_zset(rdb_type, bytes, scratch)
        }
        RdbType::Stream
        | RdbType::Stream2
        | RdbType::Stream3
        | RdbType::Stream4
        | RdbType::Stream5 => check_stream(context.version, rdb_type, bytes, scratch),
        RdbType::Array => {
            let mut info = ValueInfo::new(Kind::Array);
            walk::array(bytes, &mut scratch.bufs, |_, _| {
                info.elements += 1;
                Ok::<(), RdbError>(())
            })?;
            info.empty = info.elements == 0;
            Ok(info)
        }
        RdbType::Module2 => {
            let mut cur = Cursor::new(bytes);
            let id = module_id(&mut cur)?;
            skip_module_items(&mut cur)?;
            cur.expect_end("module value")?;
            Ok(ValueInfo::new(Kind::Module(id)))
        }
        RdbType::Module => Err(RdbError::new(
            ErrorKind::UnreadableType(rdb_type.number()),
            0,
            "module value",
        )),
        RdbType::Hash
        | RdbType::HashZipmap
        | RdbType::HashZiplist
        | RdbType::HashListpack
        | RdbType::Hash2
        | RdbType::HashTtlRc
        | RdbType::HashListpackTtlRc
        | RdbType::HashTtl
        | RdbType::HashListpackTtl
        | RdbType::HashTemplateListpackDump
        | RdbType::HashTemplateListpack
        | RdbType::HashTemplateDump
        | RdbType::HashTemplatePlain => check_hash(context, rdb_type, bytes, scratch),
    }
}

fn check_string(bytes: &[u8]) -> Result<ValueInfo, RdbError> {
    let mut cur = Cursor::new(bytes);
    let s = cur.string("string value")?;
    if !s.is_sound() {
        return Err(RdbError::new(ErrorKind::BadLzf, 0, "string value"));
    }
    cur.expect_end("string value")?;
    let mut info = ValueInfo::new(Kind::String);
    info.elements = s.len() as u64;
    // Packed bytes for an empty string: loaded by all, and worth getting rid of.
    info.as_is = !matches!(s, StrRef::Lzf { len: 0, .. });
    Ok(info)
}

fn check_set(
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    let mut info = ValueInfo::new(Kind::Set);
    let Scratch { bufs, seen } = scratch;
    if rdb_type == RdbType::SetIntset {
        walk::set(rdb_type, bytes, bufs, |_| {
            info.elements += 1;
            Ok::<(), RdbError>(())
        })?;
        return Ok(info);
    }
    seen.clear();
    let shape = walk::set_placed(rdb_type, bytes, bufs, |place, member| {
        unique(seen, place, &member, "set member", |earlier| {
            nth(earlier, |f| walk::set(rdb_type, bytes, &mut Bufs::new(), f))
        })
    })?;
    info.elements = seen.len() as u64;
    info.empty = info.elements == 0;
    info.as_is = !shape.irregular;
    Ok(info)
}

fn check_zset(
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    let mut info = ValueInfo::new(Kind::Zset);
    let Scratch { bufs, seen } = scratch;
    seen.clear();
    let ordered_type = rdb_type == RdbType::ZsetListpack;
    let mut in_order = true;
    let mut last_score = f64::NEG_INFINITY;
    let mut last_member = Vec::new();
    let shape = walk::zset_placed(rdb_type, bytes, bufs, |place, member, score| {
        if ordered_type {
            // Members matter only among equal scores; most zsets have few of them.
            in_order &= score > last_score
                || (score == last_score && (seen.len() == 0 || member.with(|m| *last_member < *m)));
            last_score = score;
            last_member.clear();
            member.append_to(&mut last_member);
        }
        unique(seen, place, &member, "sorted set member", |earlier| {
            nth(earlier, |f| {
                walk::zset(rdb_type, bytes, &mut Bufs::new(), |m, _| f(m))
            })
        })
    })?;
    info.elements = seen.len() as u64;
    info.empty = info.elements == 0;
    info.as_is = in_order && !shape.irregular;
    Ok(info)
}

fn check_hash(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    let mut info = ValueInfo::new(Kind::Hash);
    let Scratch { bufs, seen } = scratch;
    seen.clear();
    let mut latest = 0;
    let shape = walk::hash_placed(
        context,
        rdb_type,
        bytes,
        bufs,
        |place, field, _, expire_ms| {
            if let Some(time) = expire_ms {
                info.expiring += 1;
                info.min_expire_ms = Some(info.min_expire_ms.map_or(time, |min| min.min(time)));
                latest = latest.max(time);
            }
            unique(seen, place, &field, "hash field", |earlier| {
                nth(earlier, |f| {
                    walk::hash(context, rdb_type, bytes, &mut Bufs::new(), |field, _, _| {
                        f(field)
                    })
                })
            })
        },
    )?;
    info.elements = seen.len() as u64;
    info.empty = info.elements == 0;
    // Valkey's form may say later times than the keyspace holds: see `normalize`.
    info.min_expire_ms = info.min_expire_ms.map(|min| min.min(REDIS_EXPIRE_MAX));
    let latest = latest.min(REDIS_EXPIRE_MAX);
    info.ends_ms = (info.expiring == info.elements && !info.empty).then_some(latest);
    info.as_is = !shape.irregular;
    Ok(info)
}

/// Refuses `item` if it was seen. Equal hashes are a suspicion; `earlier` fetches the suspect to compare.
#[inline]
fn unique(
    seen: &mut Seen,
    place: Place,
    item: &Item<'_>,
    context: &'static str,
    earlier: impl FnOnce(usize) -> Option<Vec<u8>>,
) -> Result<(), RdbError> {
    if let Some(suspect) = seen.insert(item)
        && earlier(suspect).is_some_and(|bytes| item.is(&bytes) || item.with(|own| *own == *bytes))
    {
        return Err(place.error(ErrorKind::Duplicate, context));
    }
    Ok(())
}

/// Leaves a walk when the wanted element was found; not an error of its own.
enum Found {
    Element(Vec<u8>),
    Defect,
}

impl From<RdbError> for Found {
    fn from(_: RdbError) -> Self {
        Found::Defect
    }
}

type Visit<'v> = &'v mut dyn FnMut(Item<'_>) -> Result<(), Found>;

/// The bytes of element `n` of a walk.
fn nth<T>(n: usize, walk: impl FnOnce(Visit<'_>) -> Result<T, Found>) -> Option<Vec<u8>> {
    let mut left = n;
    let mut visit = |item: Item<'_>| {
        if left == 0 {
            return Err(Found::Element(item.to_vec()));
        }
        left -= 1;
        Ok(())
    };
    match walk(&mut visit) {
        Err(Found::Element(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Versions whose every reader checks a stream's sums.
fn sums_must_agree(version: RdbVersion) -> bool {
    version.dialect == Dialect::Valkey || !(12..=13).contains(&version.number)
}

fn check_stream(
    version: RdbVersion,
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<ValueInfo, RdbError> {
    let stream = Stream::parse(rdb_type, bytes)?;
    let mut info = ValueInfo::new(Kind::Stream);
    info.as_is = rdb_type >= RdbType::Stream3 && stream.nodes_in_order();
    let mut live = 0u64;
    for node in &stream.nodes {
        let mut cur = Cursor::starting_at(bytes, node.at);
        let (lp, origin) = walk::blob(&mut cur, &mut scratch.bufs.blob, "stream listpack")?;
        let found = check_node(node.master, lp, |_| {})
            .map_err(|defect| origin.error(defect, "stream node"))?;
        if found.deleted_count_is_wrong && sums_must_agree(version) {
            let kind = ErrorKind::Structure("the node's count of deleted entries is wrong");
            return Err(origin.place(0).error(kind, "stream node"));
        }
        info.as_is &= !found.count_is_wrong && !found.has_new_form && !found.deleted_count_is_wrong;
        live += found.live;
    }
    info.elements = live;
    if stream.length != live {
        let inconsistent = stream.nodes.is_empty() || stream.length == 0 && live > 0;
        if inconsistent || sums_must_agree(version) {
            let kind = ErrorKind::Structure("the stream's length and its entries differ");
            return Err(RdbError::new(kind, 0, "stream length"));
        }
        info.as_is = false;
    }
    Ok(info)
}

/// The ids of a stream's entries ascend strictly, over all nodes. Real servers load streams that do not.
///
/// # Errors
/// As [`check_value`].
pub fn stream_ids_ascend(
    rdb_type: RdbType,
    bytes: &[u8],
    scratch: &mut Scratch,
) -> Result<bool, RdbError> {
    let stream = Stream::parse(rdb_type, bytes)?;
    let mut last: Option<StreamId> = None;
    for node in &stream.nodes {
        let mut cur = Cursor::starting_at(bytes, node.at);
        let (lp, origin) = walk::blob(&mut cur, &mut scratch.bufs.blob, "stream listpack")?;
        let found = check_node(node.master, lp, |_| {})
            .map_err(|defect| origin.error(defect, "stream node"))?;
        if let Some((first, end)) = found.bounds {
            if !found.in_order || last.is_some_and(|last| last >= first) {
                return Ok(false);
            }
            last = Some(end);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
