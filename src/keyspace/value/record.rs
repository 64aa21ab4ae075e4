//! Values <-> RDB bytes: the bytes in records, and those that snapshots and DUMP write.
//!
//! The bytes that come in have passed the RDB reader's checks and are canonical (see [`rdb`]).
//! The packed forms are those bytes; nothing is decoded to hold or to read them, except that an
//! LZF-packed blob is unpacked for as long as it is read.

use super::packed;
use super::plain::Out;
use super::{
    Array, ArrayRef, Hash, HashRef, Kind, List, ListRef, Opaque, OpaqueRef, Set, SetRef, Str,
    StrRef, Stream, StreamRef, Value, ValueRef, Zset, ZsetRef,
};
use crate::Limits;
use crate::record::Small;
use rdb::RdbType;
use rdb::lzf;
use std::sync::atomic::AtomicU64;

impl Kind {
    /// What a canonical RDB type holds: those that a record may have, a stream's, an array's, and those that are not
    /// served.
    ///
    /// # Panics
    /// For other types, which no check gives as canonical.
    #[inline]
    pub fn of_rdb_type(rdb_type: RdbType) -> Kind {
        match rdb_type {
            RdbType::String => Kind::Str,
            RdbType::Quicklist2 => Kind::List,
            RdbType::Set | RdbType::SetIntset | RdbType::SetListpack => Kind::Set,
            RdbType::Zset2 | RdbType::ZsetListpack => Kind::Zset,
            RdbType::Hash | RdbType::HashListpack | RdbType::HashTtl | RdbType::HashListpackTtl => {
                Kind::Hash
            }
            RdbType::Stream3 | RdbType::Stream4 | RdbType::Stream5 => Kind::Stream,
            RdbType::Array => Kind::Array,
            RdbType::Module2 => Kind::Opaque,
            _ => unheld(rdb_type),
        }
    }
}

/// A type that no record has, so that the bytes after it cannot be known.
#[cold]
pub(super) fn unheld(rdb_type: RdbType) -> ! {
    panic!("values of type {rdb_type} are not held")
}

impl<'a> ValueRef<'a> {
    /// A value as it is in a record: checked, canonical RDB bytes of type 0, 2, 4, 5, 11, 16, 17, 18, 20, 24, 25 or a
    /// stream's.
    ///
    /// Bytes after a value that a record may hold do no harm: its length need not be known.
    ///
    /// Tables (2, 4, 5, 24) and lists of several nodes are decoded for each read: hold them as
    /// [`Value`]s beyond a few hundred bytes.
    pub fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        match Kind::of_rdb_type(rdb_type) {
            Kind::Str => ValueRef::Str(StrRef::from_record(bytes)),
            Kind::List => ValueRef::List(ListRef::from_record(bytes)),
            Kind::Set => ValueRef::Set(SetRef::from_record(rdb_type, bytes)),
            Kind::Zset => ValueRef::Zset(ZsetRef::from_record(rdb_type, bytes)),
            Kind::Hash => ValueRef::Hash(HashRef::from_record(rdb_type, bytes)),
            Kind::Stream => ValueRef::Stream(StreamRef::from_record(rdb_type, bytes)),
            Kind::Array => ValueRef::Array(ArrayRef::from_record(bytes)),
            Kind::Opaque => ValueRef::Opaque(OpaqueRef::from_record(rdb_type, bytes)),
        }
    }

    /// The RDB type that [`ValueRef::to_rdb`] writes: the lowest that holds the value in its form.
    pub fn rdb_type(&self) -> RdbType {
        match self {
            ValueRef::Str(_) => RdbType::String,
            ValueRef::List(_) => RdbType::Quicklist2,
            ValueRef::Set(v) => v.rdb_type(),
            ValueRef::Zset(v) => v.rdb_type(),
            ValueRef::Hash(v) => v.rdb_type(),
            ValueRef::Stream(v) => v.rdb_type(),
            ValueRef::Array(_) => RdbType::Array,
            ValueRef::Opaque(v) => v.rdb_type(),
        }
    }

    /// Writes the RDB value to `sink`, a large one in pieces; returns its type. With a packer,
    /// strings and blobs are compressed where that gains.
    pub fn to_rdb(&self, sink: &mut dyn FnMut(&[u8]), packer: Option<&mut lzf::Packer>) -> RdbType {
        let mut out = Out::new(sink);
        self.write(packer, &mut out);
        out.flush();
        self.rdb_type()
    }

    fn write(&self, packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        match self {
            ValueRef::Str(v) => v.write(packer, out),
            ValueRef::List(v) => v.write(packer, out),
            ValueRef::Set(v) => v.write(packer, out),
            ValueRef::Zset(v) => v.write(packer, out),
            ValueRef::Hash(v) => v.write(packer, out),
            ValueRef::Stream(v) => v.write(packer, out),
            ValueRef::Array(v) => v.write(packer, out),
            ValueRef::Opaque(v) => v.write(out),
        }
    }

    /// Elements (bytes of a string, live entries of a stream). A value of a type that is not served counts as one.
    pub fn len(&self) -> usize {
        match self {
            ValueRef::Str(v) => v.len(),
            ValueRef::List(v) => v.len(),
            ValueRef::Set(v) => v.len(),
            ValueRef::Zset(v) => v.len(),
            ValueRef::Hash(v) => v.len(),
            ValueRef::Stream(v) => v.len(),
            ValueRef::Array(v) => v.len(),
            ValueRef::Opaque(_) => 1,
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What stands in a record before the blob of a packed collection: at most a time and a length.
#[derive(Clone, Copy, Default)]
pub(crate) struct RecordHead {
    bytes: [u8; 17],
    len: usize,
}

impl RecordHead {
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl std::ops::Deref for RecordHead {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Value {
    /// From checked, canonical RDB bytes, as [`ValueRef::from_record`] takes them.
    pub fn from_record(rdb_type: RdbType, bytes: &[u8]) -> Value {
        Value::in_buffer(rdb_type, bytes, Vec::new())
    }

    /// The same, copied into `buffer` where one buffer holds it: a value that is changed and written back as a record
    /// needs no memory of its own meanwhile.
    pub(crate) fn in_buffer(rdb_type: RdbType, bytes: &[u8], buffer: Vec<u8>) -> Value {
        match Kind::of_rdb_type(rdb_type) {
            Kind::Str => Value::Str(Str::from_record(bytes, buffer)),
            Kind::List => Value::List(List::from_record(bytes, buffer)),
            Kind::Set => Value::Set(Set::from_record(rdb_type, bytes, buffer)),
            Kind::Zset => Value::Zset(Zset::from_record(rdb_type, bytes, buffer)),
            Kind::Hash => Value::Hash(Hash::from_record(rdb_type, bytes, buffer)),
            Kind::Stream => Value::Stream(Stream::from_rdb(rdb_type, bytes)),
            Kind::Array => Value::Array(Array::from_record(bytes)),
            Kind::Opaque => Value::Opaque(Opaque::from_record(rdb_type, bytes)),
        }
    }

    /// From checked, canonical RDB bytes of a file or of RESTORE, in the form that these limits give
    /// it: what is small becomes packed though it came as a table (as files of older servers have
    /// it), what is too large becomes a table. Redis loads by the same rules.
    pub fn load(rdb_type: RdbType, bytes: &[u8], limits: &Limits) -> Value {
        // Small ones are packed straight from the plain form, which keeps their order.
        let packed = match rdb_type {
            RdbType::Set => Set::pack_plain(bytes, limits).map(Value::Set),
            RdbType::Hash => Hash::pack_plain(bytes, limits).map(Value::Hash),
            _ => None,
        };
        if let Some(value) = packed {
            return value;
        }
        let mut value = Value::from_record(rdb_type, bytes);
        match &mut value {
            Value::Str(_) | Value::Stream(_) | Value::Array(_) | Value::Opaque(_) => {}
            Value::List(v) => v.settle(limits),
            Value::Set(v) => v.settle(limits),
            Value::Zset(v) => v.settle(limits),
            Value::Hash(v) => v.settle(limits),
        }
        value
    }

    /// Whether [`Value::load`] leaves a packed value of that type and number of elements as it is, so
    /// that its bytes may go into a record unseen. Lists are not told by their number of elements:
    /// `bytes` is the size of the RDB value.
    pub fn stays_packed(rdb_type: RdbType, elements: u64, bytes: usize, limits: &Limits) -> bool {
        let most = match rdb_type {
            RdbType::String => return true,
            RdbType::SetIntset => limits.set_max_intset_entries,
            RdbType::SetListpack => limits.set_max_listpack_entries,
            RdbType::ZsetListpack => limits.zset_max_listpack_entries,
            RdbType::HashListpack | RdbType::HashListpackTtl => limits.hash_max_listpack_entries,
            // The value's head only makes it larger; compressed ones have to be looked at.
            RdbType::Quicklist2 => return List::may_pack(elements, bytes, limits),
            _ => return false,
        };
        elements <= most as u64
    }

    /// Appends the canonical RDB value and returns its type, if a record can hold the value: packed, and nothing
    /// about it that the bytes would not tell ([`Value::from_record`] gives an equal value of the same encoding, but for
    /// a hash with a template, which is written with its names).
    /// `None`, with `out` unchanged, if it must be held outside.
    pub fn to_record(&self, out: &mut Vec<u8>) -> Option<RdbType> {
        self.is_packed().then(|| {
            let mut behind = Out::behind(std::mem::take(out));
            self.as_ref().write(None, &mut behind);
            *out = behind.into_buf();
            self.rdb_type()
        })
    }

    /// As [`Value::to_record`], in two parts and without a copy: the first bytes of a packed collection, and its blob.
    /// `None` for other values, among them strings and hashes with a template.
    #[inline]
    pub(crate) fn record_parts(&self) -> Option<(RdbType, RecordHead, &[u8])> {
        let mut head = RecordHead::default();
        let blob = match self {
            Value::List(v) => {
                head.push(&[1, 2]);
                v.blob()
            }
            Value::Set(v) => v.blob(),
            Value::Zset(v) => v.blob(),
            Value::Hash(v) => {
                if let Some(at) = v.written_first() {
                    head.push(&at.to_le_bytes());
                }
                v.blob()
            }
            Value::Str(_) | Value::Stream(_) | Value::Array(_) | Value::Opaque(_) => None,
        }?;
        head.push(&Small::of_len(blob.len()));
        Some((self.rdb_type(), head, blob))
    }

    /// The buffer of a value in one piece, for another one.
    #[inline]
    pub(crate) fn into_buffer(mut self) -> Vec<u8> {
        self.buffer_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Gives back what a buffer has beyond its bytes, before the value is kept.
    pub(crate) fn fit_buffer(&mut self) {
        if let Some(buffer) = self.buffer_mut() {
            let fit = packed::size_class(buffer.len());
            if buffer.capacity() > fit {
                let mut copy = Vec::with_capacity(fit);
                copy.extend_from_slice(buffer);
                *buffer = copy;
            }
        }
    }

    fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Value::Str(v) => v.buffer_mut(),
            Value::List(v) => v.buffer_mut(),
            Value::Set(v) => v.buffer_mut(),
            Value::Zset(v) => v.buffer_mut(),
            Value::Hash(v) => v.buffer_mut(),
            Value::Stream(_) | Value::Array(_) | Value::Opaque(_) => None,
        }
    }

    /// Whether a record can hold the value, its size aside.
    #[inline]
    pub fn is_packed(&self) -> bool {
        match self.as_ref() {
            ValueRef::Str(v) => v.is_plain(),
            ValueRef::List(v) => v.is_packed(),
            ValueRef::Set(v) => v.is_packed(),
            ValueRef::Zset(v) => v.is_packed(),
            ValueRef::Hash(v) => v.is_packed(),
            ValueRef::Stream(_) | ValueRef::Array(_) | ValueRef::Opaque(_) => false,
        }
    }

    /// Bytes of a packed value, about as many as [`Value::to_record`] writes; `None` where that gives none.
    #[inline]
    pub fn packed_len(&self) -> Option<usize> {
        match self {
            Value::Str(v) => v.packed_len(),
            Value::List(v) => v.packed_len(),
            Value::Set(v) => v.packed_len(),
            Value::Zset(v) => v.packed_len(),
            Value::Hash(v) => v.packed_len(),
            Value::Stream(_) | Value::Array(_) | Value::Opaque(_) => None,
        }
    }

    /// The RDB type that [`Value::to_rdb`] writes.
    pub fn rdb_type(&self) -> RdbType {
        self.as_ref().rdb_type()
    }

    /// The RDB type of a value that can only be held outside: `None` for a packed value, and for a collection without
    /// elements.
    #[inline]
    pub fn tree_type(&self) -> Option<RdbType> {
        match self {
            Value::Str(v) => v.is_tree().then_some(RdbType::String),
            Value::List(v) => v.tree_type(),
            Value::Set(v) => v.tree_type(),
            Value::Zset(v) => v.tree_type(),
            Value::Hash(v) => v.tree_type(),
            Value::Array(v) => (v.len() > 0).then_some(RdbType::Array),
            Value::Stream(_) | Value::Opaque(_) => Some(self.rdb_type()),
        }
    }

    /// As [`ValueRef::to_rdb`].
    pub fn to_rdb(&self, sink: &mut dyn FnMut(&[u8]), packer: Option<&mut lzf::Packer>) -> RdbType {
        self.as_ref().to_rdb(sink, packer)
    }

    /// As [`Value::to_rdb`], and releases each part after it was written, so that a clone that shares the part can
    /// change it in place. Adds to `freed` the bytes that no clone had.
    pub fn into_rdb(
        self,
        sink: &mut dyn FnMut(&[u8]),
        packer: Option<&mut lzf::Packer>,
        freed: &AtomicU64,
    ) {
        let mut out = Out::new(sink);
        match self {
            Value::Str(v) => v.leave(packer, &mut out, freed),
            Value::Set(v) => v.leave(packer, &mut out, freed),
            Value::Zset(v) => v.leave(packer, &mut out, freed),
            Value::Hash(v) => v.leave(packer, &mut out, freed),
            Value::Array(v) => v.leave(packer, &mut out, freed),
            Value::List(_) | Value::Stream(_) | Value::Opaque(_) => {
                self.as_ref().write(packer, &mut out);
            }
        }
        out.flush();
    }

    /// Whether a clone shares its parts, and [`Value::into_rdb`] gives them up one by one.
    pub fn leaves_in_parts(&self) -> bool {
        match self {
            Value::Str(v) => v.is_tree(),
            Value::Set(v) => v.is_tree(),
            Value::Zset(v) => v.is_tree(),
            Value::Hash(v) => v.is_tree(),
            Value::Array(_) => true,
            Value::List(_) | Value::Stream(_) | Value::Opaque(_) => false,
        }
    }

    /// Elements; see [`ValueRef::len`].
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Heap bytes that the value holds, what it shares with clones included.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::Str(v) => v.heap_bytes(),
            Value::List(v) => v.heap_bytes(),
            Value::Set(v) => v.heap_bytes(),
            Value::Zset(v) => v.heap_bytes(),
            Value::Hash(v) => v.heap_bytes(),
            Value::Stream(v) => v.heap_bytes(),
            Value::Array(v) => v.heap_bytes(),
            Value::Opaque(v) => v.heap_bytes(),
        }
    }

    /// Moves the buffer of a packed value elsewhere if `is_sparse` says so of its address; the old one, if so.
    pub(crate) fn move_buffer(
        &mut self,
        is_sparse: &mut dyn FnMut(*const u8) -> bool,
    ) -> Option<Vec<u8>> {
        if let Value::Str(v) = self {
            return v.move_buffer(is_sparse);
        }
        packed::move_buffer(self.buffer_mut()?, is_sparse)
    }

    /// The measure for freeing in the background, comparable to the reference's: elements of tables,
    /// chunks of the rest.
    pub fn free_effort(&self) -> usize {
        match self {
            Value::Str(v) => super::plain::free_effort(v.heap_bytes()),
            Value::Stream(v) => v.free_effort(),
            Value::Array(v) => v.free_effort(),
            Value::Opaque(_) => 1,
            Value::List(v) => v.free_effort(),
            Value::Set(v) => v.free_effort(),
            Value::Zset(v) => v.free_effort(),
            Value::Hash(v) => v.free_effort(),
        }
    }
}
