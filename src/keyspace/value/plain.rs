//! The plain RDB forms (types 2, 4, 5, 24): reading them element by element, and writing large values in them.

use super::packed::{blob, listpack_blob, split_i64};
use crate::UnixMillis;
use rdb::RdbType;
use rdb::length::decode_length;
use rdb::lzf;
use rdb::string::{StrRef, encode_blob};
use std::borrow::Cow;

/// A field of a hash, its value and expiry.
pub(super) type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>, Option<UnixMillis>);

/// The strings of a plain form: a count, then that many times what the type holds.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    left: u64,
    /// Type 24: the time from which expiries count.
    min: Option<UnixMillis>,
}

impl<'a> Fields<'a> {
    /// The elements of checked bytes of type 2, 4, 5 or 24.
    pub(super) fn new(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        let (min, bytes) = match rdb_type {
            RdbType::HashTtl => {
                let (min, rest) = split_i64(bytes);
                (Some(min), rest)
            }
            _ => (None, bytes),
        };
        let (left, size) = decode_length(bytes).unwrap_or((0, 0));
        Fields {
            rest: &bytes[size..],
            left,
            min,
        }
    }

    /// Elements not read yet, as far as the bytes can hold them.
    pub(super) fn left(&self) -> usize {
        (self.left as usize).min(self.rest.len())
    }

    /// Bytes not read yet.
    pub(super) fn bytes(&self) -> usize {
        self.rest.len()
    }

    /// The next field of a hash, with value and expiry.
    pub(super) fn next_field(&mut self) -> Option<Field<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut at = None;
        if let Some(min) = self.min {
            let (ttl, size) = decode_length(self.rest)?;
            self.rest = &self.rest[size..];
            at = (ttl > 0).then(|| min.wrapping_add(ttl as i64 - 1));
        }
        Some((self.string()?, self.string()?, at))
    }

    /// The next member of a set.
    pub(super) fn next_member(&mut self) -> Option<Cow<'a, [u8]>> {
        self.left = self.left.checked_sub(1)?;
        self.string()
    }

    /// The next member of a sorted set, with its score.
    pub(super) fn next_scored(&mut self) -> Option<(Cow<'a, [u8]>, f64)> {
        self.left = self.left.checked_sub(1)?;
        let member = self.string()?;
        let (score, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some((member, f64::from_le_bytes(*score)))
    }

    fn string(&mut self) -> Option<Cow<'a, [u8]>> {
        let (_, size) = StrRef::decode(self.rest)?;
        let (string, rest) = self.rest.split_at(size);
        self.rest = rest;
        Some(blob(string))
    }
}

/// Receives the pieces of a value.
type Pieces<'a> = &'a mut dyn FnMut(&[u8]);

/// A buffer in front of a sink, so that a large value leaves in pieces; or one that keeps all of it.
pub(super) struct Out<'a> {
    buf: Vec<u8>,
    sink: Option<Pieces<'a>>,
}

/// Bytes that are collected before the sink sees them.
const PIECE: usize = 16 << 10;

impl<'a> Out<'a> {
    pub(super) fn new(sink: &'a mut dyn FnMut(&[u8])) -> Self {
        Out {
            buf: Vec::new(),
            sink: Some(sink),
        }
    }

    /// Appends to `buf`, which is given back by [`Out::into_buf`].
    pub(super) fn behind(buf: Vec<u8>) -> Self {
        Out { buf, sink: None }
    }

    /// What no sink has taken.
    pub(super) fn into_buf(self) -> Vec<u8> {
        self.buf
    }

    /// Where to append.
    #[inline]
    pub(super) fn buf(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Hands over the bytes so far, if they make a piece.
    #[inline]
    pub(super) fn spill(&mut self) {
        if self.buf.len() >= PIECE {
            self.flush();
        }
    }

    /// Hands over the bytes so far.
    pub(super) fn flush(&mut self) {
        if let Some(sink) = &mut self.sink
            && !self.buf.is_empty()
        {
            sink(&self.buf);
            self.buf.clear();
        }
    }
}

/// The nodes of a list (type 18).
pub(super) struct Nodes<'a> {
    rest: &'a [u8],
    left: u64,
}

/// One node of a list.
pub(super) enum Node<'a> {
    /// A listpack of elements.
    Packed(Cow<'a, [u8]>),
    /// One element.
    Plain(Cow<'a, [u8]>),
}

impl<'a> Nodes<'a> {
    /// The nodes of checked bytes of type 18.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (left, size) = decode_length(bytes).unwrap_or((0, 0));
        Nodes {
            rest: &bytes[size..],
            left,
        }
    }

    /// Nodes not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The next node.
    pub(super) fn next(&mut self) -> Option<Node<'a>> {
        self.left = self.left.checked_sub(1)?;
        let (container, size) = decode_length(self.rest)?;
        let string = &self.rest[size..];
        let (_, size) = StrRef::decode(string)?;
        self.rest = &string[size..];
        Some(match container {
            1 => Node::Plain(blob(string)),
            _ => Node::Packed(listpack_blob(string)),
        })
    }
}

/// Writes RDB strings that are side by side; with a packer, those that become smaller are compressed.
pub(super) fn write_strings(strings: &[u8], packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
    match packer {
        None => out.buf().extend_from_slice(strings),
        Some(packer) => {
            let mut rest = strings;
            while let Some((string, size)) = StrRef::decode(rest) {
                match string {
                    StrRef::Raw(bytes) => encode_blob(bytes, Some(&mut *packer), out.buf()),
                    _ => out.buf().extend_from_slice(&rest[..size]),
                }
                rest = &rest[size..];
            }
        }
    }
    out.spill();
}

/// The number of chunks that take `heap` bytes.
pub(super) fn free_effort(heap: usize) -> usize {
    1 + heap / 4096
}
