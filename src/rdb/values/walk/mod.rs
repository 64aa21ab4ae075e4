//! Which elements a value has: decoders for every type and encoding, which all other code uses.
//!
//! Each function takes a value's bytes (without type byte and key), checks their structure on the way and calls `each`
//! for every element, in the value's own order. It accepts old and foreign encodings as well as the canonical ones, so
//! a converter is a walk and a builder. Semantic checks (duplicates, order) are in [`crate::values::check`].
//!
//! The visitor chooses its error type, so a walk can be ended early.

use crate::bytes::cursor::{Cursor, Fault, Read};
use crate::bytes::string::{StrBuf, StrRef};
use crate::error::{ErrorKind, RdbError};
use crate::packed::intset;
use crate::packed::listpack::{self, Defect, Item};
use crate::packed::ziplist;
use crate::tags::rdb_type::RdbType;
use base::number::{leading_score, lenient_score, strict_score};

/// The largest field expiry of the Redis dialect, in unix milliseconds.
pub const REDIS_EXPIRE_MAX: i64 = (1 << 48) - 1;

/// Room for what must be unpacked during a walk. Reusable.
#[derive(Debug, Clone, Default)]
pub struct Bufs {
    pub(crate) blob: StrBuf,
    pub(crate) first: StrBuf,
    pub(crate) second: StrBuf,
    /// LZF strings that are not needed as bytes are checked, not unpacked, and shown as empty.
    pub(crate) sound_only: bool,
}

impl Bufs {
    /// Empty buffers, which allocate nothing.
    pub fn new() -> Self {
        Bufs::default()
    }

    /// Frees memory beyond `keep` bytes in each buffer.
    pub fn shrink(&mut self, keep: usize) {
        self.blob.shrink(keep);
        self.first.shrink(keep);
        self.second.shrink(keep);
    }
}

/// What a walk found out about the form that decides whether the bytes may be held as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Something that canonical bytes do not have: empty nodes, two-form elements, unusual score text.
    pub irregular: bool,
}

/// The place of an element, for errors about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    at: usize,
    inside: Option<usize>,
}

impl Place {
    pub(crate) fn error(self, kind: ErrorKind, context: &'static str) -> RdbError {
        let mut error = RdbError::new(kind, self.at as u64, context);
        error.inside = self.inside.map(|n| n as u64);
        error
    }
}

/// The place of a blob, for errors inside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    at: usize,
    packed: bool,
}

impl Origin {
    pub(crate) fn place(self, at: usize) -> Place {
        match self.packed {
            true => Place {
                at: self.at,
                inside: Some(at),
            },
            false => Place {
                at: self.at + at,
                inside: None,
            },
        }
    }

    pub(crate) fn error(self, defect: Defect, context: &'static str) -> RdbError {
        self.place(defect.at)
            .error(ErrorKind::Structure(defect.what), context)
    }
}

/// Reads a string that is a blob and shows its bytes.
pub(crate) fn blob<'b, 'a: 'b>(
    cur: &mut Cursor<'a>,
    buf: &'b mut StrBuf,
    context: &'static str,
) -> Read<(&'b [u8], Origin)> {
    let at = cur.at();
    let s = cur.string(context)?;
    let origin = match s {
        StrRef::Raw(bytes) => Origin {
            at: cur.at() - bytes.len(),
            packed: false,
        },
        _ => Origin { at, packed: true },
    };
    match s.get(buf) {
        Some(bytes) => Ok((bytes, origin)),
        None => Err(Fault::new(ErrorKind::BadLzf, at, context)),
    }
}

/// Reads a string that is an element.
#[inline]
fn element<'b, 'a: 'b>(
    cur: &mut Cursor<'a>,
    buf: &'b mut StrBuf,
    context: &'static str,
) -> Read<(Place, Item<'b>)> {
    let at = cur.at();
    let s = cur.string(context)?;
    match s.item(buf) {
        Some(item) => Ok((Place { at, inside: None }, item)),
        None => Err(Fault::new(ErrorKind::BadLzf, at, context)),
    }
}

/// [`element`] for strings whose bytes a check does not need.
#[inline]
pub(crate) fn payload<'b, 'a: 'b>(
    cur: &mut Cursor<'a>,
    buf: &'b mut StrBuf,
    sound_only: bool,
    context: &'static str,
) -> Read<(Place, Item<'b>)> {
    if !sound_only {
        return element(cur, buf, context);
    }
    let at = cur.at();
    let place = Place { at, inside: None };
    match cur.string(context)? {
        StrRef::Raw(bytes) => Ok((place, Item::Bytes(bytes))),
        StrRef::Int(n) => Ok((place, Item::Int(n))),
        packed if packed.is_sound() => Ok((place, Item::Bytes(b""))),
        _ => Err(Fault::new(ErrorKind::BadLzf, at, context)),
    }
}

/// A defect, or an error of the visitor, inside a blob's check.
enum Stop<E> {
    Defect(Defect),
    Visitor(E),
}

impl<E> From<Defect> for Stop<E> {
    fn from(defect: Defect) -> Self {
        Stop::Defect(defect)
    }
}

impl<E: From<RdbError>> Stop<E> {
    fn at(self, origin: Origin, context: &'static str) -> E {
        match self {
            Stop::Defect(defect) => origin.error(defect, context).into(),
            Stop::Visitor(error) => error,
        }
    }
}

pub(crate) fn fail<E: From<RdbError>>(fault: Fault) -> E {
    RdbError::from(fault).into()
}

/// The packed encodings that hold a row of elements.
#[derive(Clone, Copy)]
enum Packed {
    Listpack,
    Ziplist,
}

/// Walks a packed blob in tuples of `N` elements.
fn tuples<'b, const N: usize, E: From<RdbError>>(
    packed: Packed,
    (blob, origin): (&'b [u8], Origin),
    mut each: impl FnMut(Place, [Item<'b>; N]) -> Result<(), E>,
) -> Result<Shape, E> {
    let mut tuple = [Item::Int(0); N];
    let (mut filled, mut first) = (0, origin.place(0));
    let gather = |at, item| {
        if filled == 0 {
            first = origin.place(at);
        }
        tuple[filled] = item;
        filled += 1;
        if filled == N {
            filled = 0;
            each(first, tuple).map_err(Stop::Visitor)?;
        }
        Ok::<(), Stop<E>>(())
    };
    let (context, shape) = match packed {
        Packed::Ziplist => {
            ziplist::check_each(blob, gather).map_err(|stop| stop.at(origin, "ziplist"))?;
            ("ziplist", Shape { irregular: true })
        }
        Packed::Listpack => {
            let checked =
                listpack::check_each(blob, gather).map_err(|stop| stop.at(origin, "listpack"))?;
            if !checked.count_agrees {
                let what = "the listpack's count and its elements differ";
                return Err(origin.error(Defect { at: 4, what }, "listpack").into());
            }
            (
                "listpack",
                Shape {
                    irregular: checked.has_trap,
                },
            )
        }
    };
    if filled != 0 {
        return Err(origin
            .error(
                Defect {
                    at: 4,
                    what: "the last element lacks its partner",
                },
                context,
            )
            .into());
    }
    Ok(shape)
}

/// A string value's bytes.
///
/// # Errors
/// A string that does not unpack; bytes after it.
pub fn string<'b, 'a: 'b>(bytes: &'a [u8], bufs: &'b mut Bufs) -> Result<Item<'b>, RdbError> {
    let mut cur = Cursor::new(bytes);
    let (_, item) = payload(&mut cur, &mut bufs.first, bufs.sound_only, "string value")?;
    cur.expect_end("string value")?;
    Ok(item)
}

/// The error for a type that `what` never has.
pub(crate) fn other_kind(rdb_type: RdbType, what: &'static str) -> RdbError {
    RdbError::new(ErrorKind::UnknownType(rdb_type.number()), 0, what)
}

/// A list's elements from head to tail: types 1, 10, 14, 18.
///
/// # Errors
/// The first structural defect, or what `each` returns.
pub fn list<E: From<RdbError>>(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Item<'_>) -> Result<(), E>,
) -> Result<Shape, E> {
    const PLAIN: u64 = 1;
    const PACKED: u64 = 2;
    let mut cur = Cursor::new(bytes);
    let cur = &mut cur;
    let mut shape = Shape {
        irregular: rdb_type != RdbType::Quicklist2,
    };
    match rdb_type {
        RdbType::List => {
            for _ in 0..cur.count(1, "list length").map_err(fail)? {
                let (_, item) =
                    payload(cur, &mut bufs.first, bufs.sound_only, "list element").map_err(fail)?;
                each(item)?;
            }
        }
        RdbType::ListZiplist => {
            let blob = blob(cur, &mut bufs.blob, "ziplist").map_err(fail)?;
            tuples(Packed::Ziplist, blob, |_, [item]| each(item))?;
        }
        RdbType::Quicklist => {
            for _ in 0..cur.count(1, "quicklist length").map_err(fail)? {
                let blob = blob(cur, &mut bufs.blob, "quicklist node").map_err(fail)?;
                tuples(Packed::Ziplist, blob, |_, [item]| each(item))?;
            }
        }
        RdbType::Quicklist2 => {
            for _ in 0..cur.count(2, "quicklist length").map_err(fail)? {
                let at = cur.at();
                match cur.number("quicklist container").map_err(fail)? {
                    PLAIN => {
                        let (place, item) =
                            payload(cur, &mut bufs.first, bufs.sound_only, "quicklist node")
                                .map_err(fail)?;
                        if item.is_empty()
                            && StrRef::decode(&bytes[place.at..]).is_some_and(|(s, _)| s.is_empty())
                        {
                            return Err(place
                                .error(
                                    ErrorKind::Structure("a plain node is empty"),
                                    "quicklist node",
                                )
                                .into());
                        }
                        each(item)?;
                    }
                    PACKED => {
                        let blob = blob(cur, &mut bufs.blob, "quicklist node").map_err(fail)?;
                        let empty = listpack::is_empty(blob.0);
                        let node = tuples(Packed::Listpack, blob, |_, [item]| each(item))?;
                        shape.irregular |= node.irregular | empty;
                    }
                    n => {
                        return Err(fail(Fault::new(
                            ErrorKind::BadCount(n),
                            at,
                            "quicklist container",
                        )));
                    }
                }
            }
        }
        _ => return Err(other_kind(rdb_type, "a list").into()),
    }
    cur.expect_end("list").map_err(fail)?;
    Ok(shape)
}

/// A set's members: types 2, 11, 20.
///
/// # Errors
/// As [`list`].
pub fn set<E: From<RdbError>>(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Item<'_>) -> Result<(), E>,
) -> Result<Shape, E> {
    set_placed(rdb_type, bytes, bufs, |_, item| each(item))
}

pub(crate) fn set_placed<E: From<RdbError>>(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Place, Item<'_>) -> Result<(), E>,
) -> Result<Shape, E> {
    let mut cur = Cursor::new(bytes);
    let mut shape = Shape::default();
    match rdb_type {
        RdbType::Set => {
            for _ in 0..cur.count(1, "set length").map_err(fail)? {
                let (place, item) =
                    element(&mut cur, &mut bufs.first, "set member").map_err(fail)?;
                each(place, item)?;
            }
        }
        RdbType::SetIntset => {
            let (set, origin) = blob(&mut cur, &mut bufs.blob, "intset").map_err(fail)?;
            intset::check(set).map_err(|defect| origin.error(defect, "intset"))?;
            for n in intset::iter(set) {
                each(origin.place(0), Item::Int(n))?;
            }
        }
        RdbType::SetListpack => {
            let blob = blob(&mut cur, &mut bufs.blob, "listpack").map_err(fail)?;
            shape = tuples(Packed::Listpack, blob, |place, [item]| each(place, item))?;
        }
        _ => return Err(other_kind(rdb_type, "a set").into()),
    }
    cur.expect_end("set").map_err(fail)?;
    Ok(shape)
}

/// A sorted set's members with their scores: types 3, 5, 12, 17.
///
/// # Errors
/// As [`list`]; a score that is a NaN.
pub fn zset<E: From<RdbError>>(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Item<'_>, f64) -> Result<(), E>,
) -> Result<Shape, E> {
    zset_placed(rdb_type, bytes, bufs, |_, member, score| {
        each(member, score)
    })
}

pub(crate) fn zset_placed<E: From<RdbError>>(
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Place, Item<'_>, f64) -> Result<(), E>,
) -> Result<Shape, E> {
    let mut cur = Cursor::new(bytes);
    let not_a_number = |place: Place| E::from(place.error(ErrorKind::ScoreNotANumber, "score"));
    let mut shape = Shape {
        irregular: rdb_type == RdbType::Zset,
    };
    match rdb_type {
        RdbType::Zset | RdbType::Zset2 => {
            let min_size = if rdb_type == RdbType::Zset { 2 } else { 9 };
            for _ in 0..cur.count(min_size, "sorted set length").map_err(fail)? {
                let (place, member) =
                    element(&mut cur, &mut bufs.first, "sorted set member").map_err(fail)?;
                let at = Place {
                    at: cur.at(),
                    inside: None,
                };
                let score = if rdb_type == RdbType::Zset {
                    old_double(&mut cur)
                } else {
                    cur.f64le("score")
                };
                let score = score.map_err(fail)?;
                if score.is_nan() {
                    return Err(not_a_number(at));
                }
                each(place, member, score)?;
            }
        }
        RdbType::ZsetZiplist | RdbType::ZsetListpack => {
            let packed = if rdb_type == RdbType::ZsetZiplist {
                Packed::Ziplist
            } else {
                Packed::Listpack
            };
            let blob = blob(&mut cur, &mut bufs.blob, "sorted set").map_err(fail)?;
            let mut unusual = false;
            shape = tuples(packed, blob, |place, [member, score]| {
                let score = match score {
                    Item::Int(n) => n as f64,
                    Item::Bytes(text) => {
                        unusual |= strict_score(text).is_none_or(f64::is_nan);
                        lenient_score(text).ok_or_else(|| not_a_number(place))?
                    }
                };
                each(place, member, score)
            })?;
            shape.irregular |= unusual;
        }
        _ => return Err(other_kind(rdb_type, "a sorted set").into()),
    }
    cur.expect_end("sorted set").map_err(fail)?;
    Ok(shape)
}

/// The score of type 3: its length and its text, or a mark.
fn old_double(cur: &mut Cursor<'_>) -> Read<f64> {
    let at = cur.at();
    match cur.u8("score")? {
        253 => Ok(f64::NAN),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        n => {
            let text = cur.take(u64::from(n), "score")?;
            // The caller refuses a NaN.
            leading_score(text).ok_or(Fault::new(ErrorKind::ScoreNotANumber, at, "score"))
        }
    }
}

/// An element of an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ArrayItem<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
}

/// An array's elements by index (type 28); returns the insert cursor.
///
/// # Errors
/// As [`list`]; indices that do not ascend.
pub fn array<E: From<RdbError>>(
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(u64, ArrayItem<'_>) -> Result<(), E>,
) -> Result<Option<u64>, E> {
    use crate::array::{DOUBLE, INT, SHORT, SHORT_MAX, TEXT};
    let mut cur = Cursor::new(bytes);
    let count = cur.number("array length").map_err(fail)?;
    let at = cur.at();
    let insert_at = match cur.number("array flag").map_err(fail)? {
        0 => None,
        1 => {
            let at = cur.at();
            let cursor = cur.number("array cursor").map_err(fail)?;
            if cursor == u64::MAX {
                let kind = ErrorKind::Structure("nothing is at that index");
                return Err(fail(Fault::new(kind, at, "array cursor")));
            }
            Some(cursor)
        }
        n => return Err(fail(Fault::new(ErrorKind::BadCount(n), at, "array flag"))),
    };
    let mut lowest = 0u64;
    for _ in 0..count {
        let at = cur.at();
        let index = cur.number("array index").map_err(fail)?;
        if index < lowest || index == u64::MAX {
            let kind = ErrorKind::Structure("the array's indices are out of order");
            return Err(fail(Fault::new(kind, at, "array index")));
        }
        lowest = index + 1;
        let at = cur.at();
        match cur.number("array element tag").map_err(fail)? {
            tag @ (TEXT | SHORT) => {
                let (place, s) = blob(&mut cur, &mut bufs.first, "array element")
                    .map(|(s, o)| (o.place(0), s))
                    .map_err(fail)?;
                if tag == SHORT && s.len() > SHORT_MAX {
                    return Err(place
                        .error(
                            ErrorKind::Structure("a short string is too long"),
                            "array element",
                        )
                        .into());
                }
                each(index, ArrayItem::Bytes(s))?;
            }
            INT => each(
                index,
                ArrayItem::Int(cur.i64le("array element").map_err(fail)?),
            )?,
            DOUBLE => each(
                index,
                ArrayItem::Double(cur.f64le("array element").map_err(fail)?),
            )?,
            tag => {
                return Err(fail(Fault::new(
                    ErrorKind::BadCount(tag),
                    at,
                    "array element tag",
                )));
            }
        }
    }
    cur.expect_end("array").map_err(fail)?;
    Ok(insert_at)
}

mod hash;
pub use hash::hash;
pub(crate) use hash::hash_placed;

/// The elements of a listpack, one by one.
pub(crate) fn tuples_of_one<'b, E: From<RdbError>>(
    blob: (&'b [u8], Origin),
    mut each: impl FnMut(Place, Item<'b>) -> Result<(), E>,
) -> Result<Shape, E> {
    tuples(Packed::Listpack, blob, |place, [item]| each(place, item))
}
