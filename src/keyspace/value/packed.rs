//! Code that the packed forms share: blobs of records, room to grow, scores as elements.
//!
//! The bytes of a record have passed the RDB reader's checks. For other bytes, these functions return empty or
//! shortened results, but never panic.

use crate::Item;
use base::number::{ScoreItem, lenient_score};
use rdb::string::StrRef;
use rdb::{listpack, lzf};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The blob that an RDB string holds: borrowed as it is, or unpacked.
pub(super) fn blob(string: &[u8]) -> Cow<'_, [u8]> {
    match StrRef::decode(string) {
        Some((StrRef::Raw(bytes), _)) => Cow::Borrowed(bytes),
        Some((StrRef::Lzf { packed, len }, _)) => Cow::Owned(unpack(packed, len)),
        Some((StrRef::Int(n), _)) => Item::Int(n).to_cow(),
        None => Cow::Borrowed(&[]),
    }
}

/// The listpack that an RDB string holds.
pub(super) fn listpack_blob(string: &[u8]) -> Cow<'_, [u8]> {
    let lp = blob(string);
    if lp.len() < listpack::EMPTY_LEN {
        Cow::Borrowed(&listpack::EMPTY)
    } else {
        lp
    }
}

/// An owned blob, copied into `buffer` if necessary.
#[inline]
pub(super) fn owned(blob: Cow<'_, [u8]>, mut buffer: Vec<u8>) -> Vec<u8> {
    match blob {
        Cow::Owned(bytes) => bytes,
        Cow::Borrowed(bytes) => {
            buffer.clear();
            buffer.extend_from_slice(bytes);
            buffer
        }
    }
}

/// LZF bytes, unpacked; empty when they do not unpack (checked bytes do).
pub(super) fn unpack(packed: &[u8], len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(if lzf::can_unpack_to(packed.len(), len) {
        len
    } else {
        0
    });
    if len > 0 {
        let _ = lzf::unpack_append(packed, len, &mut out);
    }
    out
}

/// Appends the RDB string of LZF bytes.
pub(super) fn write_lzf(packed: &[u8], len: usize, out: &mut Vec<u8>) {
    out.push(0xc3);
    rdb::length::encode_length(packed.len() as u64, out);
    rdb::length::encode_length(len as u64, out);
    out.extend_from_slice(packed);
}

/// Makes room for `more` bytes, up to the next allocation size: growing stays amortized (each size is
/// a fifth above the one before) and wastes a tenth on average, not a quarter as doubling does.
#[inline]
pub(super) fn reserve(bytes: &mut Vec<u8>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        bytes.reserve_exact(size_class(needed) - bytes.len());
    }
}

/// Moves a buffer elsewhere if it should not stay at its address; the old one, if so.
pub(super) fn move_buffer(
    bytes: &mut Vec<u8>,
    is_sparse: &mut dyn FnMut(*const u8) -> bool,
) -> Option<Vec<u8>> {
    if bytes.capacity() == 0 || !is_sparse(bytes.as_ptr()) {
        return None;
    }
    let mut copy = Vec::with_capacity(bytes.capacity());
    copy.extend_from_slice(bytes);
    Some(std::mem::replace(bytes, copy))
}

/// The size that an allocator with four classes per doubling gives for `n` bytes.
#[inline]
pub(crate) fn size_class(n: usize) -> usize {
    if n <= 128 {
        return n.next_multiple_of(16);
    }
    let step = 1 << ((n - 1).ilog2() - 2);
    n.next_multiple_of(step)
}

/// Room that two elements of these lengths take at most, while they are being inserted.
#[inline]
pub(super) fn room(a: usize, b: usize) -> usize {
    // First bytes and back length take up to ten bytes, and the encoder first writes after the end.
    2 * (a + b) + 40
}

/// The number at the start of a value's bytes, and the bytes after it.
pub(super) fn split_i64(bytes: &[u8]) -> (i64, &[u8]) {
    match bytes.split_first_chunk() {
        Some((n, rest)) => (i64::from_le_bytes(*n), rest),
        None => (0, &[]),
    }
}

/// Orders an element against bytes, as strings.
pub(super) fn cmp_bytes(item: Item<'_>, bytes: &[u8]) -> Ordering {
    item.with(|own| own.cmp(bytes))
}

/// The score that an element says.
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(n) => n as f64,
        Item::Bytes(text) => lenient_score(text).unwrap_or(0.0),
    }
}

/// Calls `f` with a score as an element: an integer where it is one (up to 2^62), else text that reads back equal. The
/// zero's sign is lost, as in every real server.
pub(super) fn with_score<R>(score: f64, f: impl FnOnce(Item<'_>) -> R) -> R {
    match score == 0.0 {
        true => f(Item::Int(0)),
        false => f(ScoreItem::new(score).item()),
    }
}
