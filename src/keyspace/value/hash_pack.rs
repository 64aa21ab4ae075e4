//! The listpacks of packed hashes: field and value in turn, with an expiry after each value or without.

use super::NewExpiry;
use super::packed::{self, room};
use crate::{Item, Limits, UnixMillis};
use rdb::listpack::{self, Entry, HEADER_LEN, Iter};

/// See [`fits_template`]. With the heads of the values it is hardly more than a record holds.
const TEMPLATE_VALUES_MAX: usize = 1000;

/// Whether a listpack may hold a field or value.
#[inline]
pub(super) fn fits(bytes: &[u8], limits: &Limits) -> bool {
    bytes.len() <= limits.hash_max_listpack_value && !listpack::is_trapped(bytes.len())
}

/// Whether a hash with a template, whose values have `len` bytes, may hold a value. A longer one would make a table of
/// another hash; here it may stay as long as all values are as short as the longest text in a record.
#[inline]
pub(super) fn fits_template(len: usize, value: &[u8], limits: &Limits) -> bool {
    fits(value, limits)
        || (len + value.len() <= TEMPLATE_VALUES_MAX && !listpack::is_trapped(value.len()))
}

#[inline]
pub(super) fn find<'a>(lp: &'a [u8], field: &[u8], step: usize) -> Option<Entry<'a>> {
    listpack::find(lp, HEADER_LEN, field, step)
}

pub(super) fn put_pack(lp: &mut Vec<u8>, field: &[u8], value: &[u8]) -> bool {
    packed::reserve(lp, room(field.len(), value.len()));
    let at = find(lp, field, 2).map(|entry| entry.next);
    match at {
        Some(at) => {
            listpack::replace(lp, at, Item::of(value));
        }
        None => {
            listpack::append(lp, Item::of(field));
            listpack::append(lp, Item::of(value));
        }
    }
    at.is_none()
}

pub(super) fn put_pack_ex(lp: &mut Vec<u8>, field: &[u8], value: &[u8], keep: bool) -> bool {
    packed::reserve(lp, room(field.len(), value.len()) + 20);
    let at = find(lp, field, 3).map(|entry| (entry.at, entry.next));
    match at {
        Some((at, value_at)) => {
            let expiry_at = listpack::replace(lp, value_at, Item::of(value));
            let expires = !matches!(
                listpack::entry_at(lp, expiry_at),
                Some(Entry {
                    item: Item::Int(0),
                    ..
                })
            );
            if expires && !keep {
                // Without an expiry it belongs to the end.
                listpack::delete(lp, at, 3);
                append_triple(lp, field, value);
            }
        }
        None => append_triple(lp, field, value),
    }
    at.is_none()
}

pub(super) fn append_triple(lp: &mut Vec<u8>, field: &[u8], value: &[u8]) {
    listpack::append(lp, Item::of(field));
    listpack::append(lp, Item::of(value));
    listpack::append(lp, Item::Int(0));
}

/// The same fields with room for expiries, none set.
pub(super) fn with_expiries(lp: &[u8]) -> Vec<u8> {
    let mut wide = listpack::Builder::new();
    let mut iter = Iter::new(lp);
    while let (Some(field), Some(value)) = (iter.next(), iter.next()) {
        wide.push(field);
        wide.push(value);
        wide.push(Item::Int(0));
    }
    wide.into_vec()
}

/// As [`Hash::change_expire`](super::Hash::change_expire): a field with another expiry moves to the place that this has.
pub(super) fn change_expire_pack(
    lp: &mut Vec<u8>,
    field: &[u8],
    decide: impl FnOnce(Option<UnixMillis>) -> NewExpiry,
) -> bool {
    let Some(Entry { at: from, next, .. }) = find(lp, field, 3) else {
        return false;
    };
    let Some(old) = listpack::skip(lp, next).and_then(|at| listpack::entry_at(lp, at)) else {
        return false;
    };
    let at = match decide(expiry(old.item)) {
        NewExpiry::Same => return true,
        NewExpiry::Never => 0,
        NewExpiry::At(at) => at,
    };
    let to = match at {
        0 => lp.len() - 1,
        at => place_of_expiry(lp, at, from),
    };
    let (old_at, old_next) = (old.at, old.next);
    packed::reserve(lp, 20);
    let end = listpack::replace(lp, old_at, Item::Int(at));
    if to > from {
        // What is behind has moved.
        lp[from..to + end - old_next].rotate_left(end - from);
    } else {
        lp[to..end].rotate_right(end - from);
    }
    true
}

/// Byte offset of the first field that expires later or never; the field at `own` is passed over.
pub(super) fn place_of_expiry(lp: &[u8], at: UnixMillis, own: usize) -> usize {
    let end = lp.len() - 1;
    let mut place = HEADER_LEN;
    while place < end {
        let after = listpack::skip(lp, place).and_then(|value| listpack::skip(lp, value));
        let Some(other) = after.and_then(|expiry| listpack::entry_at(lp, expiry)) else {
            break;
        };
        let is_later = matches!(other.item, Item::Int(other) if other == 0 || other > at);
        if is_later && place != own {
            return place;
        }
        place = other.next;
    }
    end
}

/// A packed expiry; 0 means none.
pub(super) fn expiry(item: Item<'_>) -> Option<UnixMillis> {
    item.as_int().filter(|&at| at != 0)
}
