//! The values that keys hold.
//!
//! [`Value`] is owned and cheap to clone: a clone shares structure, and the first writer of a shared part copies that
//! part only. [`ValueRef`] is what a read sees, whether the value is packed inside a record, packed outside of it, or
//! in a tree.
//!
//! The `*Ref` types have the methods that read, the owned types those that write. Writing methods take
//! [`Limits`](super::Limits) where they decide between the packed and the large form.

mod array;
mod hash;
mod hash_many;
mod hash_pack;
mod hash_table;
mod list;
mod opaque;
mod packed;
mod plain;
mod record;
mod scored;
mod set;
pub mod stream;
mod string;
mod template;
mod zset;

pub use crate::tree::keyed::Hashed;
pub use array::{Array, ArrayRef, INDEX_MAX};
pub use hash::{FieldRef, Hash, HashRef, NewExpiry};
pub use hash_many::Valued;
pub use list::{List, ListRef, set_packed_threshold};
pub use opaque::{Opaque, OpaqueRef};
pub(crate) use packed::size_class;
pub(crate) use record::RecordHead;
pub use set::{Along, Set, SetRef};
pub use stream::{Stream, StreamRef};
pub(crate) use string::TEXT_MAX;
pub use string::{SharedText, Str, StrRef};
pub use template::Template;
pub use zset::{LexBound, ScoreBound, ScoresAlong, Zset, ZsetRef};

use std::borrow::Cow;

/// What a key holds, owned.
#[derive(Clone, Debug)]
pub enum Value {
    /// string, bitmap, HyperLogLog
    Str(Str),
    /// list
    List(List),
    /// set
    Set(Set),
    /// sorted set, geo
    Zset(Zset),
    /// hash
    Hash(Hash),
    /// stream
    Stream(Stream),
    /// array
    Array(Array),
    /// a value of a type that is not served
    Opaque(Opaque),
}

/// What a key holds, as a read sees it.
#[derive(Debug)]
pub enum ValueRef<'a> {
    /// string, bitmap, HyperLogLog
    Str(StrRef<'a>),
    /// list
    List(ListRef<'a>),
    /// set
    Set(SetRef<'a>),
    /// sorted set, geo
    Zset(ZsetRef<'a>),
    /// hash
    Hash(HashRef<'a>),
    /// stream
    Stream(StreamRef<'a>),
    /// array
    Array(ArrayRef<'a>),
    /// a value of a type that is not served
    Opaque(OpaqueRef<'a>),
}

/// The type of the value of a key, as TYPE distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// string, bitmap, HyperLogLog
    Str,
    /// list
    List,
    /// set
    Set,
    /// sorted set, geo
    Zset,
    /// hash
    Hash,
    /// stream
    Stream,
    /// array
    Array,
    /// a value of a type that is not served: of a module
    Opaque,
}

impl Value {
    /// The value as a reader sees it.
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Str(v) => ValueRef::Str(v.as_ref()),
            Value::List(v) => ValueRef::List(v.as_ref()),
            Value::Set(v) => ValueRef::Set(v.as_ref()),
            Value::Zset(v) => ValueRef::Zset(v.as_ref()),
            Value::Hash(v) => ValueRef::Hash(v.as_ref()),
            Value::Stream(v) => ValueRef::Stream(v.as_ref()),
            Value::Array(v) => ValueRef::Array(v.as_ref()),
            Value::Opaque(v) => ValueRef::Opaque(v.as_ref()),
        }
    }

    /// When the first field of a hash expires; `None` if none does, and for other values.
    pub(super) fn first_field_expiry(&self) -> Option<super::UnixMillis> {
        match self {
            Value::Hash(hash) => hash.as_ref().min_expire(),
            _ => None,
        }
    }

    /// True for a collection without elements, which must not remain in the keyspace. Never for strings, streams
    /// and values of types that are not served.
    pub fn is_empty_collection(&self) -> bool {
        match self {
            Value::Str(_) | Value::Stream(_) | Value::Opaque(_) => false,
            Value::List(v) => v.as_ref().is_empty(),
            Value::Set(v) => v.as_ref().is_empty(),
            Value::Zset(v) => v.as_ref().is_empty(),
            Value::Hash(v) => v.as_ref().is_empty(),
            Value::Array(v) => v.len() == 0,
        }
    }
}

impl Kind {
    /// As TYPE says it, unless the value has to be looked at for that.
    pub fn type_name(self) -> Option<&'static str> {
        Some(match self {
            Kind::Str => "string",
            Kind::List => "list",
            Kind::Set => "set",
            Kind::Zset => "zset",
            Kind::Hash => "hash",
            Kind::Stream => "stream",
            Kind::Array => "array",
            Kind::Opaque => return None,
        })
    }
}

impl ValueRef<'_> {
    /// As TYPE says it.
    pub fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            ValueRef::Str(_) => "string",
            ValueRef::List(_) => "list",
            ValueRef::Set(_) => "set",
            ValueRef::Zset(_) => "zset",
            ValueRef::Hash(_) => "hash",
            ValueRef::Stream(_) => "stream",
            ValueRef::Array(_) => "array",
            ValueRef::Opaque(v) => return v.type_name(),
        })
    }

    /// As OBJECT ENCODING says it.
    pub fn encoding(&self) -> &'static str {
        match self {
            ValueRef::Str(v) => v.encoding(),
            ValueRef::List(v) => v.encoding(),
            ValueRef::Set(v) => v.encoding(),
            ValueRef::Zset(v) => v.encoding(),
            ValueRef::Hash(v) => v.encoding(),
            ValueRef::Stream(_) => "stream",
            ValueRef::Array(_) => "sliced-array",
            ValueRef::Opaque(_) => "raw",
        }
    }
}

#[cfg(test)]
mod tests;
