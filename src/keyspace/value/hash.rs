//! Hashes, with field expiry.

use crate::keyspace::{Item, Limits, UnixMillis};
use std::collections::BTreeMap;

/// A hash, owned.
#[derive(Clone, Debug, Default)]
pub struct Hash {
    fields: BTreeMap<Vec<u8>, (Vec<u8>, Option<UnixMillis>)>,
}

/// A hash as a reader sees it.
#[derive(Debug)]
pub struct HashRef<'a>(&'a Hash);

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> HashRef<'_> {
        HashRef(self)
    }

    /// Sets a field, dropping its expiry; true if it was not there.
    pub fn set(&mut self, field: &[u8], value: &[u8], _limits: &Limits) -> bool {
        self.fields
            .insert(field.to_vec(), (value.to_vec(), None))
            .is_none()
    }

    /// As [`Hash::set`], keeping the field's expiry.
    pub fn set_keep_expire(&mut self, field: &[u8], value: &[u8], _limits: &Limits) -> bool {
        let expire = self.fields.get(field).and_then(|f| f.1);
        self.fields
            .insert(field.to_vec(), (value.to_vec(), expire))
            .is_none()
    }

    /// Removes; true if it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.fields.remove(field).is_some()
    }

    /// Sets or clears a field's expiry; false if there is no such field.
    pub fn set_expire(&mut self, field: &[u8], at: Option<UnixMillis>, _limits: &Limits) -> bool {
        match self.fields.get_mut(field) {
            Some(f) => {
                f.1 = at;
                true
            }
            None => false,
        }
    }
}

impl HashRef<'_> {
    /// Number of fields, expired ones included.
    pub fn len(&self) -> usize {
        self.0.fields.len()
    }

    /// True without fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field's value, whether expired or not.
    pub fn get(&self, field: &[u8]) -> Option<Item<'_>> {
        self.0.fields.get(field).map(|f| Item::Bytes(&f.0))
    }

    /// A field's value and expiry.
    pub fn get_with_expire(&self, field: &[u8]) -> Option<(Item<'_>, Option<UnixMillis>)> {
        self.0.fields.get(field).map(|f| (Item::Bytes(&f.0), f.1))
    }

    /// The earliest field expiry; `None` when no field has one.
    pub fn min_expire(&self) -> Option<UnixMillis> {
        self.0.fields.values().filter_map(|f| f.1).min()
    }

    /// (field, value, expiry) of all fields, in the order HGETALL shows.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'_>, Item<'_>, Option<UnixMillis>)> {
        self.0
            .fields
            .iter()
            .map(|(k, v)| (Item::Bytes(k), Item::Bytes(&v.0), v.1))
    }

    /// A uniformly random field; `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<(Item<'_>, Item<'_>, Option<UnixMillis>)> {
        let n = self.len() as u64;
        (n > 0).then(|| {
            self.iter()
                .nth((random % n) as usize)
                .expect("index below the length")
        })
    }

    /// One HSCAN step; see [`super::SetRef::scan`].
    pub fn scan(
        &self,
        _cursor: u64,
        _count: usize,
        mut f: impl FnMut(Item<'_>, Item<'_>, Option<UnixMillis>),
    ) -> u64 {
        self.iter().for_each(|(k, v, e)| f(k, v, e));
        0
    }

    /// `listpack`, `listpackex` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        if self.len() <= 512 {
            "listpack"
        } else {
            "hashtable"
        }
    }
}
