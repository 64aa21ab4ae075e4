//! Hashes whose field names are in a template (types 29 to 32, Redis 8.10).
//!
//! In a file, opcode 242 has introduced the names before, and the value holds their id; in DUMP payloads, the names
//! precede the values.

use crate::bytes::cursor::{Cursor, Fault};
use crate::error::{ErrorKind, RdbError};
use crate::packed::listpack::Item;
use crate::tags::rdb_type::RdbType;
use crate::tags::template::{Context, Names, in_order};
use crate::values::walk::{Bufs, Place, blob, fail, other_kind, payload, tuples_of_one};

/// Walks fields and values.
pub(crate) fn walk<E: From<RdbError>>(
    context: &Context,
    rdb_type: RdbType,
    cur: &mut Cursor<'_>,
    bufs: &mut Bufs,
    each: &mut impl FnMut(Place, Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<(), E> {
    match rdb_type {
        RdbType::HashTemplateListpack => packed(Source::Id(context), cur, bufs, each),
        RdbType::HashTemplateListpackDump => {
            let names = inline_names(cur, bufs).map_err(E::from)?;
            packed(Source::Inline(names), cur, bufs, each)
        }
        RdbType::HashTemplatePlain => {
            let at = cur.at();
            let id = cur.number("template id").map_err(fail)?;
            let names = named(context, id, at).map_err(fail)?;
            plain(&names, cur, bufs, each)
        }
        RdbType::HashTemplateDump => {
            let names = inline_names(cur, bufs).map_err(E::from)?;
            plain(&names, cur, bufs, each)
        }
        _ => Err(other_kind(rdb_type, "a hash of a template").into()),
    }
}

enum Source<'a> {
    Id(&'a Context),
    Inline(Names),
}

fn named(context: &Context, id: u64, at: usize) -> Result<Names, Fault> {
    let unknown = || {
        Fault::new(
            ErrorKind::Structure("no such hash template"),
            at,
            "template id",
        )
    };
    context.templates.get(id).cloned().ok_or_else(unknown)
}

/// A listpack: the template's id (to be ignored where the names are inline), then the values.
fn packed<E: From<RdbError>>(
    source: Source<'_>,
    cur: &mut Cursor<'_>,
    bufs: &mut Bufs,
    each: &mut impl FnMut(Place, Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<(), E> {
    let at = cur.at();
    let (lp, origin) = blob(cur, &mut bufs.second, "template hash").map_err(fail)?;
    let wrong = |what| {
        E::from(
            origin
                .place(0)
                .error(ErrorKind::Structure(what), "template hash"),
        )
    };
    let mut names: Option<Names> = None;
    let mut next = 0;
    tuples_of_one((lp, origin), |place, item| {
        let Some(names) = &names else {
            names = Some(match (&source, item) {
                (Source::Inline(inline), _) => inline.clone(),
                (Source::Id(context), Item::Int(id)) => {
                    named(context, id.cast_unsigned(), at).map_err(fail)?
                }
                _ => return Err(wrong("the template's id is no integer")),
            });
            return Ok(());
        };
        let Some(name) = names.get(next) else {
            return Err(wrong("more values than the template has fields"));
        };
        next += 1;
        each(place, Item::of(name), item, None)
    })?;
    match names {
        Some(names) if names.len() == next => Ok(()),
        _ => Err(wrong("fewer values than the template has fields")),
    }
}

fn plain<E: From<RdbError>>(
    names: &Names,
    cur: &mut Cursor<'_>,
    bufs: &mut Bufs,
    each: &mut impl FnMut(Place, Item<'_>, Item<'_>, Option<i64>) -> Result<(), E>,
) -> Result<(), E> {
    for name in names.iter() {
        let (place, value) =
            payload(cur, &mut bufs.second, bufs.sound_only, "hash value").map_err(fail)?;
        each(place, Item::of(name), value, None)?;
    }
    Ok(())
}

/// Names that precede the values: as one listpack, or one by one.
fn inline_names(cur: &mut Cursor<'_>, bufs: &mut Bufs) -> Result<Names, RdbError> {
    const ONE_LISTPACK: u64 = 0;
    const ONE_BY_ONE: u64 = 1;
    let at = cur.at();
    let mut names: Vec<Vec<u8>> = Vec::new();
    match cur.number("template form")? {
        ONE_LISTPACK => {
            let lp = blob(cur, &mut bufs.blob, "template names")?;
            tuples_of_one(lp, |_, item| {
                names.push(item.to_vec());
                Ok::<(), RdbError>(())
            })?;
        }
        ONE_BY_ONE => {
            for _ in 0..cur.count(1, "number of template names")? {
                names.push(blob(cur, &mut bufs.blob, "template name")?.0.to_vec());
            }
        }
        form => return Err(Fault::new(ErrorKind::BadCount(form), at, "template form").into()),
    }
    if names.is_empty() || !in_order(&names) {
        let kind = ErrorKind::Structure("the template's fields are none or out of order");
        return Err(Fault::new(kind, at, "template names").into());
    }
    Ok(names.into())
}
