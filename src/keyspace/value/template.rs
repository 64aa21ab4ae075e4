//! The names of the fields of many like hashes, which these hashes share.

use super::packed;
use crate::Item;
use rdb::listpack::{self, HEADER_LEN, Iter};
use std::borrow::Cow;

/// Names of fields in the order in which hashes with these names have their values. Templates with the same names in the
/// same order are equal.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Template {
    names: Box<[Box<[u8]>]>,
}

impl Template {
    /// Of these names, of which none is there twice.
    pub fn new<'n>(names: impl Iterator<Item = &'n [u8]>) -> Template {
        Template {
            names: names.map(Box::from).collect(),
        }
    }

    /// Of the names in a listpack of names and values, and the listpack of the values.
    pub(crate) fn part(pack: &[u8]) -> (Template, Vec<u8>) {
        let mut names = Vec::with_capacity(listpack::count(pack) / 2);
        let mut values = listpack::Builder::new();
        let mut iter = Iter::new(pack);
        while let (Some(name), Some(value)) = (iter.next(), iter.next()) {
            names.push(name.to_vec().into_boxed_slice());
            values.push(value);
        }
        let names = names.into_boxed_slice();
        (Template { names }, values.into_vec())
    }

    /// The names.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.names.iter().map(|name| &**name)
    }

    /// How many names there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True without names.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Bytes of all names.
    pub fn bytes(&self) -> usize {
        self.names().map(<[u8]>::len).sum()
    }

    /// Which of the values is that of a field.
    #[inline]
    pub(super) fn position(&self, field: &[u8]) -> Option<usize> {
        self.names.iter().position(|name| **name == *field)
    }

    /// The value of a field, among the values of a hash.
    pub(super) fn value<'v>(&self, values: &'v [u8], field: &[u8]) -> Option<Item<'v>> {
        Iter::new(values).nth(self.position(field)?)
    }

    /// Replaces the value of a field; false if the template does not have it.
    pub(super) fn replace(&self, values: &mut Vec<u8>, field: &[u8], value: &[u8]) -> bool {
        let Some(position) = self.position(field) else {
            return false;
        };
        packed::reserve(values, packed::room(value.len(), 0));
        let at = (0..position).try_fold(HEADER_LEN, |at, _| listpack::skip(values, at));
        if let Some(at) = at {
            listpack::replace(values, at, Item::of(value));
        }
        true
    }

    /// Names and values in turn, as a hash of its own has them.
    pub(super) fn with_values(&self, values: &[u8]) -> Vec<u8> {
        let mut lp = listpack::Builder::new();
        for (name, value) in self.names().zip(Iter::new(values)) {
            lp.push_bytes(name);
            lp.push(value);
        }
        lp.into_vec()
    }
}

/// What a hash with a template has of its own.
#[derive(Debug)]
pub(super) struct Filled<'a> {
    pub template: &'a Template,
    /// A listpack.
    pub values: Cow<'a, [u8]>,
}

impl Filled<'_> {
    pub(super) fn with_names(&self) -> Vec<u8> {
        self.template.with_values(&self.values)
    }

    /// The field at a place.
    pub(super) fn at(&self, place: usize) -> Option<(Item<'_>, Item<'_>)> {
        let name = self.template.names.get(place)?;
        let value = listpack::seek(&self.values, place as i64)?;
        Some((
            Item::of(name),
            listpack::entry_at(&self.values, value)?.item,
        ))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Item<'_>, Item<'_>)> {
        self.template
            .names()
            .map(Item::of)
            .zip(Iter::new(&self.values))
    }
}
