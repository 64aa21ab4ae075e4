//! The walk over hashes, with and without field expiries.

use super::{
    Bufs, Packed, Place, REDIS_EXPIRE_MAX, Shape, Stop, blob, element, fail, other_kind, payload,
    tuples,
};
use crate::bytes::cursor::{Cursor, Fault};
use crate::error::{ErrorKind, RdbError};
use crate::packed::listpack::Item;
use crate::packed::zipmap;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Context;
use crate::values::template_hash;

/// A hash's fields, values and field expiries (unix milliseconds): types 4, 9, 13, 16, 22 to 25, 29 to 32.
///
/// # Errors
/// As [`super::list`]; a field expiry out of range or, in packed hashes, out of order.
pub fn hash<E: From<RdbError>>(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<Shape, E> {
    hash_placed(
        context,
        rdb_type,
        bytes,
        bufs,
        |_, field, value, expire_ms| each(field, value, expire_ms),
    )
}

pub(crate) fn hash_placed<E: From<RdbError>>(
    context: &Context,
    rdb_type: RdbType,
    bytes: &[u8],
    bufs: &mut Bufs,
    mut each: impl FnMut(Place, Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<Shape, E> {
    let mut cursor = Cursor::new(bytes);
    let cur = &mut cursor;
    let mut shape = Shape {
        irregular: !matches!(rdb_type, RdbType::Hash | RdbType::HashTtl),
    };
    match rdb_type {
        RdbType::HashZipmap => {
            let (zm, origin) = blob(cur, &mut bufs.blob, "zipmap").map_err(fail)?;
            zipmap::check_each(zm, |at, field, value| {
                each(
                    origin.place(at),
                    Item::Bytes(field),
                    Item::Bytes(value),
                    None,
                )
                .map_err(Stop::Visitor)
            })
            .map_err(|stop| stop.at(origin, "zipmap"))?;
        }
        RdbType::HashZiplist | RdbType::HashListpack => {
            let packed = if rdb_type == RdbType::HashZiplist {
                Packed::Ziplist
            } else {
                Packed::Listpack
            };
            let blob = blob(cur, &mut bufs.blob, "hash").map_err(fail)?;
            shape = tuples(packed, blob, |place, [field, value]| {
                each(place, field, value, None)
            })?;
        }
        RdbType::HashListpackTtl | RdbType::HashListpackTtlRc => {
            // The value may be out of date. In that case it is not used, and has to be written again.
            let said = match rdb_type {
                RdbType::HashListpackTtl => Some(cur.i64le("earliest field expiry").map_err(fail)?),
                _ => None,
            };
            let mut earliest = 0;
            let blob = blob(cur, &mut bufs.blob, "hash").map_err(fail)?;
            let mut order = TtlOrder::default();
            shape = tuples(Packed::Listpack, blob, |place, [field, value, ttl]| {
                let expire_ms = order
                    .next(ttl)
                    .map_err(|kind| place.error(kind, "field expiry"))?;
                if earliest == 0 {
                    earliest = expire_ms.unwrap_or(0);
                }
                each(place, field, value, expire_ms)
            })?;
            shape.irregular |= said != Some(earliest);
        }
        RdbType::HashTemplateListpackDump
        | RdbType::HashTemplateListpack
        | RdbType::HashTemplateDump
        | RdbType::HashTemplatePlain => {
            template_hash::walk(context, rdb_type, cur, bufs, &mut each)?;
        }
        RdbType::Hash | RdbType::HashTtlRc | RdbType::HashTtl | RdbType::Hash2 => {
            plain_hash(rdb_type, cur, bufs, each)?;
        }
        _ => return Err(other_kind(rdb_type, "a hash").into()),
    }
    cur.expect_end("hash").map_err(fail)?;
    Ok(shape)
}

/// Types 4, 22 and 24: rows of strings, with expiries around them.
fn plain_hash<E: From<RdbError>>(
    rdb_type: RdbType,
    cur: &mut Cursor<'_>,
    bufs: &mut Bufs,
    mut each: impl FnMut(Place, Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<(), E> {
    let valkey = rdb_type == RdbType::Hash2;
    let at = cur.at();
    let min = if rdb_type == RdbType::HashTtl {
        cur.i64le("earliest field expiry").map_err(fail)?
    } else {
        1
    };
    if !(0..=REDIS_EXPIRE_MAX).contains(&min) {
        return Err(fail(Fault::new(
            ErrorKind::BadExpiry(min),
            at,
            "earliest field expiry",
        )));
    }
    let min_size = if rdb_type == RdbType::Hash { 2 } else { 3 };
    for _ in 0..cur.count(min_size, "hash length").map_err(fail)? {
        let at = cur.at();
        let mut expire_ms = None;
        if rdb_type != RdbType::Hash && !valkey {
            let t = cur.number("field expiry").map_err(fail)?;
            // Type 24 counts from one below the earliest; type 22 of the release candidates is absolute, and `min`
            // is 1 for it. Servers add modulo 2^64.
            if t != 0 {
                let time = (min as u64).wrapping_add(t - 1).cast_signed();
                if !(0..=REDIS_EXPIRE_MAX).contains(&time) {
                    return Err(fail(Fault::new(
                        ErrorKind::BadExpiry(time),
                        at,
                        "field expiry",
                    )));
                }
                expire_ms = Some(time);
            }
        }
        let (place, field) = element(cur, &mut bufs.first, "hash field").map_err(fail)?;
        let (_, value) =
            payload(cur, &mut bufs.second, bufs.sound_only, "hash value").map_err(fail)?;
        if valkey {
            let at = cur.at();
            expire_ms = match cur.i64le("field expiry").map_err(fail)? {
                -1 => None,
                time if time < 0 => {
                    return Err(fail(Fault::new(
                        ErrorKind::BadExpiry(time),
                        at,
                        "field expiry",
                    )));
                }
                time => Some(time),
            };
        }
        each(place, field, value, expire_ms)?;
    }
    Ok(())
}

/// The order of types 23 and 25: expiries ascending, fields without one last.
#[derive(Default)]
struct TtlOrder {
    latest: i64,
    permanent: bool,
}

impl TtlOrder {
    fn next(&mut self, ttl: Item<'_>) -> Result<Option<i64>, ErrorKind> {
        let Item::Int(time) = ttl else {
            return Err(ErrorKind::Structure("the field's expiry is no integer"));
        };
        if !(0..=REDIS_EXPIRE_MAX).contains(&time) {
            return Err(ErrorKind::BadExpiry(time));
        }
        if time == 0 {
            self.permanent = true;
            return Ok(None);
        }
        if self.permanent || time < self.latest {
            return Err(ErrorKind::Structure(
                "the fields are not in the order of their expiries",
            ));
        }
        self.latest = time;
        Ok(Some(time))
    }
}
