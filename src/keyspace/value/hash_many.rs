//! Hashes: many fields at once.

use super::hash::{FormRef, HashRef};
use super::hash_pack::expiry;
use crate::{Item, UnixMillis};
use rdb::listpack::{self, Iter};
use smallvec::SmallVec;

/// A field's value and its expiry.
pub type Valued<'a> = (Item<'a>, Option<UnixMillis>);

/// From so many fields on, one walk through a packed form finds all of them sooner than a search for each.
const TOGETHER: usize = 3;

impl<'a> HashRef<'a> {
    /// The values and expiries of several fields, in their order.
    pub fn get_each(&self, fields: &[&[u8]]) -> SmallVec<[Option<Valued<'_>>; 16]> {
        let (lp, step) = match &self.0 {
            FormRef::Pack(lp) if fields.len() >= TOGETHER => (lp, 2),
            FormRef::PackEx(lp) if fields.len() >= TOGETHER => (lp, 3),
            _ => {
                self.prefetch(fields.iter().copied());
                let values = fields.iter().map(|field| self.get_with_expire(field));
                return values.collect();
            }
        };
        let mut values = SmallVec::from_elem(None, fields.len());
        listpack::find_each(lp, fields, step, |i, entry| {
            let mut rest = Iter::from_offset(lp, entry.next);
            let value = rest.next();
            let at = match step {
                3 => rest.next().and_then(expiry),
                _ => None,
            };
            values[i] = value.map(|value| (value, at));
        });
        values
    }
}
