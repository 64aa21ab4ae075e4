//! Records that are about to be written, and the owner of a handle in one.

use super::outside;
use crate::record::{EXPIRE_MS, KEY_MAX, Record, Small, VALUE_MAX, len_width, template_of};
use crate::type_byte::TypeByte;
use crate::{UnixMillis, Value};
use std::sync::Arc;

/// A record about to be written: its parts, so that it need not be put together first. No record is longer
/// than `RECORD_MAX`, whatever the key and the value.
///
/// It is written once: what it owns belongs to the record then. Without that it is leaked.
pub struct Parts<'a> {
    expire: Option<UnixMillis>,
    type_byte: TypeByte,
    /// The key; empty if it is outside the record.
    key: &'a [u8],
    /// The first bytes of the value (the length of a string, an integer, a handle).
    head: &'a [u8],
    /// The rest of the value.
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    /// A record that holds the key and the value, which comes in two parts. `None` if one of them is too long for a
    /// record: then the value, and a long key too, are held outside.
    #[inline(always)]
    pub fn whole(
        expire: Option<UnixMillis>,
        type_byte: TypeByte,
        key: &'a [u8],
        head: &'a [u8],
        body: &'a [u8],
    ) -> Option<Parts<'a>> {
        let fits = key.len() <= KEY_MAX && head.len() + body.len() <= VALUE_MAX;
        fits.then_some(Parts {
            expire,
            type_byte,
            key,
            head,
            body,
        })
    }

    /// Calls `f` with the record of a value that is held outside: a handle replaces the value, and the key too if that
    /// is long. `shared` is a reference to such a key, if there is one already.
    pub fn outside<R>(
        expire: Option<UnixMillis>,
        key: &[u8],
        shared: Option<Arc<[u8]>>,
        value: Arc<Value>,
        f: impl FnOnce(Parts<'_>) -> R,
    ) -> R {
        let rdb_type = value.rdb_type();
        let (with_key, key, handle) = match key.len() <= KEY_MAX {
            true => (false, key, outside::store(None, value)),
            false => {
                let shared = shared.unwrap_or_else(|| key.into());
                (true, &[][..], outside::store(Some(shared), value))
            }
        };
        f(Parts {
            expire,
            type_byte: TypeByte::outside(rdb_type, with_key),
            key,
            head: &handle,
            body: &[],
        })
    }

    /// The expiry.
    #[inline]
    pub fn expire(&self) -> Option<UnixMillis> {
        self.expire
    }

    /// The type byte.
    #[inline]
    pub fn type_byte(&self) -> TypeByte {
        self.type_byte
    }

    /// The number of the template.
    #[inline]
    pub fn template(&self) -> Option<usize> {
        template_of(self.type_byte, self.head)
    }

    /// Bytes of the record.
    #[inline]
    pub fn len(&self) -> usize {
        let expire = if self.expire.is_some() { 9 } else { 0 };
        let key = len_width(self.key.len()) + self.key.len();
        expire + 1 + key + self.head.len() + self.body.len()
    }

    /// Writes the record: `out` is [`Parts::len`] bytes long.
    #[inline]
    pub(super) fn write(&self, mut out: &mut [u8]) {
        let mut put = |bytes: &[u8]| {
            let (to, rest) = std::mem::take(&mut out).split_at_mut(bytes.len());
            to.copy_from_slice(bytes);
            out = rest;
        };
        if let Some(ms) = self.expire {
            put(&[EXPIRE_MS]);
            put(&ms.to_le_bytes());
        }
        put(&[self.type_byte.byte()]);
        let len = Small::of_len(self.key.len());
        put(&len);
        put(self.key);
        put(self.head);
        put(self.body);
    }

    /// As [`Parts::write`], over a record of the same key, type and length that has an expiry if this one
    /// has: only the expiry and the value are written.
    #[inline]
    pub(super) fn write_again(&self, out: &mut [u8]) {
        if let Some(ms) = self.expire {
            out[1..9].copy_from_slice(&ms.to_le_bytes());
        }
        let body = out.len() - self.body.len();
        out[body..].copy_from_slice(self.body);
        out[body - self.head.len()..body].copy_from_slice(self.head);
    }
}

/// A record in the form in which it is kept, without a handle: its bytes come from outside.
#[derive(Clone, Copy)]
pub struct Plain<'a> {
    record: Record<'a>,
    bytes: &'a [u8],
}

impl<'a> Plain<'a> {
    /// The record that is `bytes`.
    ///
    /// # Panics
    /// When its type is not one of a value that is held in records.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Plain<'a> {
        let record = Record::parse(bytes);
        assert!(
            matches!(
                record.type_byte,
                TypeByte::STRING
                    | TypeByte::SET_INTSET
                    | TypeByte::SET_LISTPACK
                    | TypeByte::ZSET_LISTPACK
                    | TypeByte::HASH_LISTPACK
                    | TypeByte::HASH_LISTPACK_TTL
                    | TypeByte::QUICKLIST_2
            ),
            "type {} is not held in records",
            record.type_byte.byte()
        );
        Plain { record, bytes }
    }

    /// The record, taken apart.
    #[inline]
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// All of it.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
