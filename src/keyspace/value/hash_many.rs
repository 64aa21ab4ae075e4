//! Hashes: many fields at once.

use super::hash::{Form, FormRef, Hash, HashRef};
use super::hash_pack::expiry;
use crate::tree::keyed::{self, Builder, Expiry};
use crate::{Item, Limits, UnixMillis};
use base::large::LARGE_FROM;
use rdb::listpack::{self, Iter};
use smallvec::SmallVec;

/// A field's value and its expiry.
pub type Valued<'a> = (Item<'a>, Option<UnixMillis>);

/// From so many fields on, one walk through a packed form finds all of them sooner than a search for each.
const TOGETHER: usize = 3;

impl Hash {
    /// Sets fields, each followed by its value; the number of those that were not there. If an empty hash gets more of
    /// them than a packed form may hold, it is a table, which is made at once.
    pub fn set_all(&mut self, pairs: &[&[u8]], limits: &Limits) -> usize {
        let pairs = pairs.chunks_exact(2);
        let most = limits.hash_max_listpack_entries;
        if pairs.len() > most && self.as_ref().is_empty() {
            let bytes = pairs.clone().flatten().map(|part| part.len() + 2).sum();
            let mut table = Builder::<keyed::Fields>::new(pairs.len(), bytes);
            let mut long = Vec::new();
            for pair in pairs.clone() {
                match pair[0].len() + pair[1].len() < LARGE_FROM {
                    true => table.push(pair[0], pair[1], None),
                    false => long.push(pair),
                }
            }
            let mut table = table.build_distinct();
            // A long value and a short one of the same field: which of them came last is not known any more.
            let is_double = |pair: &&[&[u8]]| table.get(pair[0]).is_some();
            if table.len() > most && !long.iter().any(is_double) {
                for pair in long {
                    table.set(pair[0], pair[1], Expiry::Drop);
                }
                self.0 = Form::Table(table);
                return self.as_ref().len();
            }
        }
        let set = |pair: &[&[u8]]| self.set(pair[0], pair[1], limits);
        pairs.map(set).filter(|new| *new).count()
    }
}

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
