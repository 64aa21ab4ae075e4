//! Hashes, with field expiry.
//!
//! | form | encoding | RDB type | layout |
//! |---|---|---|---|
//! | `Pack` | `listpack` | 16 | field, value, ... |
//! | `Template` | `template-listpack` | 16 | value, ...; the names of the fields are shared with other hashes |
//! | `PackEx` | `listpackex` | 25 | field, value, expiry (0 = none), ...; by expiry, none last |
//! | `Table` | `hashtable` | 4, 24 | a tree by field hash |
//!
//! A hash leaves the packed forms at the limits and never returns to them; it gets the third column
//! with the first expiry and keeps it. A hash leaves its template when it gets another field, or loses one, and may get
//! another when it is put into a database ([`templates`](crate::templates)); with a template
//! it may have longer values than without, because it saves more memory by that.

use super::hash_pack::{
    change_expire_pack, expiry, find, fits, fits_template, put_pack, put_pack_ex, with_expiries,
};
use super::hash_table::{Table, begin_table, table_type, write_field};
use super::packed::{self, split_i64};
use super::plain::{self, Fields};
use super::record::unheld;
use super::template::{Filled, Template};
pub use crate::tree::keyed::NewExpiry;
use crate::tree::keyed::{self, Builder, Expiry};
use crate::{Item, Limits, UnixMillis};
use base::large::LARGE_FROM;
use rdb::RdbType;
use rdb::listpack::{self, HEADER_LEN, Iter};
use rdb::{lzf, string};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A hash, owned.
#[derive(Clone, Debug)]
pub struct Hash(pub(super) Form);

/// A hash as a reader sees it.
#[derive(Debug)]
pub struct HashRef<'a>(pub(super) FormRef<'a>);

#[derive(Clone, Debug)]
pub(super) enum Form {
    Pack(Vec<u8>),
    Template(Arc<Template>, Vec<u8>),
    PackEx(Vec<u8>),
    Table(Table),
}

#[derive(Debug)]
pub(super) enum FormRef<'a> {
    Pack(Cow<'a, [u8]>),
    Template(Filled<'a>),
    PackEx(Cow<'a, [u8]>),
    Table(&'a Table),
    /// A table that was decoded for this read.
    Scratch(Box<Table>),
}

/// A field, its value and its expiry.
pub type FieldRef<'a> = (Item<'a>, Item<'a>, Option<UnixMillis>);

impl Default for Hash {
    fn default() -> Self {
        Hash(Form::Pack(listpack::EMPTY.to_vec()))
    }
}

impl Hash {
    /// An empty hash.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> HashRef<'_> {
        HashRef(match &self.0 {
            Form::Pack(lp) => FormRef::Pack(Cow::Borrowed(lp)),
            Form::Template(template, values) => FormRef::Template(Filled {
                template,
                values: Cow::Borrowed(values),
            }),
            Form::PackEx(lp) => FormRef::PackEx(Cow::Borrowed(lp)),
            Form::Table(table) => FormRef::Table(table),
        })
    }

    /// Number of fields.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the view has it")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Table(table) => table.len(),
            _ => self.as_ref().len(),
        }
    }

    /// Tells how many fields one command is about to set, as Redis weighs them before it sets the
    /// first: more than the limit make a table at once, also when they are duplicates.
    pub fn expect(&mut self, fields: usize, limits: &Limits) {
        if !matches!(self.0, Form::Table(_)) && fields > limits.hash_max_listpack_entries {
            self.make_table();
        }
    }

    /// Sets a field, dropping its expiry; true if it was not there.
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        self.put(field, value, Expiry::Drop, limits)
    }

    /// As [`Hash::set`], and gives the field an expiry.
    pub fn set_until(&mut self, field: &[u8], value: &[u8], at: UnixMillis, limits: &Limits) {
        let is_packed = !matches!(self.0, Form::Table(_));
        self.put(field, value, Expiry::At(at), limits);
        if is_packed {
            self.set_expire(field, Some(at), limits);
        }
    }

    /// As [`Hash::set`], keeping the field's expiry.
    pub fn set_keep_expire(&mut self, field: &[u8], value: &[u8], limits: &Limits) -> bool {
        self.put(field, value, Expiry::Keep, limits)
    }

    fn put(&mut self, field: &[u8], value: &[u8], expiry: Expiry, limits: &Limits) -> bool {
        let fit = match &self.0 {
            Form::Template(template, values) => {
                fits(field, limits)
                    && fits_template(values.len(), value, limits)
                    && (template.position(field).is_some() || fits(value, limits))
            }
            _ => fits(field, limits) && fits(value, limits),
        };
        if !fit && !matches!(self.0, Form::Table(_)) {
            self.make_table();
        }
        if let Form::Template(template, values) = &mut self.0
            && !template.replace(values, field, value)
        {
            self.leave_template();
        }
        let new = match &mut self.0 {
            Form::Pack(lp) => put_pack(lp, field, value),
            Form::Template(..) => false,
            Form::PackEx(lp) => put_pack_ex(lp, field, value, expiry != Expiry::Drop),
            Form::Table(table) => return table.set(field, value, expiry),
        };
        if self.as_ref().len() > limits.hash_max_listpack_entries {
            self.make_table();
        }
        new
    }

    /// Removes; true if it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        if let Form::Template(template, _) = &self.0 {
            if template.position(field).is_none() {
                return false;
            }
            self.leave_template();
        }
        match &mut self.0 {
            Form::Pack(lp) => match find(lp, field, 2) {
                Some(entry) => listpack::delete(lp, entry.at, 2) > 0,
                None => false,
            },
            Form::Template(..) => false,
            Form::PackEx(lp) => match find(lp, field, 3) {
                Some(entry) => listpack::delete(lp, entry.at, 3) > 0,
                None => false,
            },
            Form::Table(table) => table.remove(field),
        }
    }

    /// Sets or clears a field's expiry; false if there is no such field.
    pub fn set_expire(&mut self, field: &[u8], at: Option<UnixMillis>, _limits: &Limits) -> bool {
        self.change_expire(field, |_| NewExpiry::from(at))
    }

    /// Gives a field the expiry that `decide` says when it is told the present one; false if there is no such field.
    pub fn change_expire(
        &mut self,
        field: &[u8],
        decide: impl FnOnce(Option<UnixMillis>) -> NewExpiry,
    ) -> bool {
        match &mut self.0 {
            Form::Pack(lp) => {
                if find(lp, field, 2).is_none() {
                    return false;
                }
                if let NewExpiry::At(at) = decide(None) {
                    let mut wide = with_expiries(lp);
                    change_expire_pack(&mut wide, field, |_| NewExpiry::At(at));
                    self.0 = Form::PackEx(wide);
                }
                true
            }
            Form::Template(template, values) => {
                if template.position(field).is_none() {
                    return false;
                }
                if let NewExpiry::At(at) = decide(None) {
                    let mut wide = with_expiries(&template.with_values(values));
                    change_expire_pack(&mut wide, field, |_| NewExpiry::At(at));
                    self.0 = Form::PackEx(wide);
                }
                true
            }
            Form::PackEx(lp) => change_expire_pack(lp, field, decide),
            Form::Table(table) => table.change_expire(field, decide),
        }
    }

    /// Removes up to `max` fields that have expired at `now`, the most overdue first, calling
    /// `gone` with each.
    pub fn remove_expired(
        &mut self,
        now: UnixMillis,
        max: usize,
        mut gone: impl FnMut(&[u8]),
    ) -> usize {
        let mut removed = 0;
        match &mut self.0 {
            Form::Pack(_) | Form::Template(..) => {}
            Form::PackEx(lp) => {
                let mut iter = Iter::new(lp);
                while removed < max
                    && let (Some(field), _, Some(at)) = (iter.next(), iter.next(), iter.next())
                    && expiry(at).is_some_and(|at| at < now)
                {
                    field.with(&mut gone);
                    removed += 1;
                }
                listpack::delete(lp, HEADER_LEN, 3 * removed);
            }
            Form::Table(table) => {
                while removed < max
                    && let Some((field, _)) = table.first_to_expire().filter(|&(_, at)| at < now)
                {
                    let field = field.to_vec();
                    table.remove(&field);
                    gone(&field);
                    removed += 1;
                }
            }
        }
        removed
    }

    /// The packed form of checked bytes of type 4, if the hash is small enough for that.
    pub(super) fn pack_plain(bytes: &[u8], limits: &Limits) -> Option<Hash> {
        let mut fields = Fields::new(RdbType::Hash, bytes);
        if fields.left() > limits.hash_max_listpack_entries {
            return None;
        }
        let mut lp = listpack::Builder::new();
        while let Some((field, value, _)) = fields.next_field() {
            if !fits(&field, limits) || !fits(&value, limits) {
                return None;
            }
            lp.push_bytes(&field);
            lp.push_bytes(&value);
        }
        Some(Hash(Form::Pack(lp.into_vec())))
    }

    /// The form that a loaded hash has.
    pub(super) fn settle(&mut self, limits: &Limits) {
        let hash = self.as_ref();
        let small = hash.len() <= limits.hash_max_listpack_entries;
        if hash.is_packed() {
            if !small {
                self.make_table();
            }
            return;
        }
        let fits = |item: Item<'_>| {
            item.len() <= limits.hash_max_listpack_value && !listpack::is_trapped(item.len())
        };
        if !small
            || !hash
                .iter()
                .all(|(field, value, _)| fits(field) && fits(value))
        {
            return;
        }
        let expires = hash.min_expire().is_some();
        let mut fields: Vec<_> = hash.iter().collect();
        // By expiry, fields without one last.
        fields.sort_by_key(|field| field.2.unwrap_or(UnixMillis::MAX));
        let mut lp = listpack::Builder::new();
        for (field, value, at) in fields {
            field.with(|field| lp.push_bytes(field));
            value.with(|value| lp.push_bytes(value));
            if expires {
                lp.push(Item::Int(at.unwrap_or(0)));
            }
        }
        let lp = lp.into_vec();
        self.0 = if expires {
            Form::PackEx(lp)
        } else {
            Form::Pack(lp)
        };
    }

    /// A hash with these names, whose values come in the same order. If it would not be packed, it has no template.
    pub fn of_template<'v>(
        template: &Arc<Template>,
        values: impl Iterator<Item = &'v [u8]> + Clone,
        limits: &Limits,
    ) -> Hash {
        let mut len = 0;
        let fits_values = |value: &[u8]| {
            let fits = fits_template(len, value, limits);
            len += value.len();
            fits
        };
        let small = template.len() <= limits.hash_max_listpack_entries
            && template.names().all(|name| fits(name, limits))
            && values.clone().all(fits_values);
        if small {
            let mut lp = listpack::Builder::new();
            values.for_each(|value| lp.push_bytes(value));
            return Hash(Form::Template(template.clone(), lp.into_vec()));
        }
        let mut hash = Hash::new();
        for (name, value) in template.names().zip(values) {
            hash.set(name, value, limits);
        }
        hash
    }

    /// A hash with a template from the RDB string of its values, which are copied into `buffer`.
    pub(crate) fn from_template(template: Arc<Template>, values: &[u8], buffer: Vec<u8>) -> Hash {
        let values = packed::owned(packed::listpack_blob(values), buffer);
        Hash(Form::Template(template, values))
    }

    /// The template and the listpack of the values, if the hash has a template.
    #[inline]
    pub(crate) fn template(&self) -> Option<(&Arc<Template>, &[u8])> {
        match &self.0 {
            Form::Template(template, values) => Some((template, values)),
            _ => None,
        }
    }

    /// Gives a hash with a template names of its own.
    pub(crate) fn leave_template(&mut self) {
        if let Form::Template(template, values) = &self.0 {
            self.0 = Form::Pack(template.with_values(values));
        }
    }

    fn make_table(&mut self) {
        let hash = self.as_ref();
        let mut table = Builder::<keyed::Fields>::new(hash.len(), self.heap_bytes());
        for (field, value, at) in hash.iter() {
            field.with(|field| value.with(|value| table.push(field, value, at)));
        }
        self.0 = Form::Table(table.build());
    }

    /// A packed form is copied into `buffer`.
    pub(super) fn from_record(rdb_type: RdbType, bytes: &[u8], buffer: Vec<u8>) -> Self {
        Hash(match HashRef::from_record(rdb_type, bytes).0 {
            FormRef::Pack(lp) => Form::Pack(packed::owned(lp, buffer)),
            FormRef::Template(filled) => Form::Pack(filled.with_names()),
            FormRef::PackEx(lp) => Form::PackEx(packed::owned(lp, buffer)),
            FormRef::Scratch(table) => Form::Table(*table),
            FormRef::Table(table) => Form::Table(table.clone()),
        })
    }

    /// What the record of a packed form with expiries begins with: the earliest of them, 0 without any.
    #[inline]
    pub(super) fn written_first(&self) -> Option<UnixMillis> {
        match &self.0 {
            Form::PackEx(_) => Some(self.as_ref().min_expire().unwrap_or(0)),
            Form::Pack(_) | Form::Template(..) | Form::Table(_) => None,
        }
    }

    /// The bytes of a packed form that has its names.
    #[inline]
    pub(super) fn blob(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Pack(lp) | Form::PackEx(lp) => Some(lp),
            Form::Template(..) | Form::Table(_) => None,
        }
    }

    /// The buffer of any packed form.
    pub(super) fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.0 {
            Form::Pack(lp) | Form::Template(_, lp) | Form::PackEx(lp) => Some(lp),
            Form::Table(_) => None,
        }
    }

    /// Writes the hash, and releases each part after it was written.
    pub(super) fn leave(
        self,
        mut packer: Option<&mut lzf::Packer>,
        out: &mut plain::Out<'_>,
        freed: &AtomicU64,
    ) {
        let Form::Table(table) = self.0 else {
            return self.as_ref().write(packer, out);
        };
        let min = begin_table(&table, out);
        table.drain_encoded(freed, |strings, at| {
            write_field(strings, at, min, packer.as_deref_mut(), out);
        });
    }

    /// As [`Value::tree_type`](super::Value::tree_type).
    #[inline]
    pub(super) fn tree_type(&self) -> Option<RdbType> {
        match &self.0 {
            Form::Table(table) if table.len() > 0 => Some(table_type(table.min_expire())),
            _ => None,
        }
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.0, Form::Table(_))
    }

    /// As [`Value::packed_len`](super::Value::packed_len).
    pub(super) fn packed_len(&self) -> Option<usize> {
        match &self.0 {
            Form::Pack(lp) | Form::PackEx(lp) => Some(lp.len()),
            Form::Template(template, values) => Some(template.bytes() + values.len()),
            Form::Table(_) => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Pack(lp) | Form::Template(_, lp) | Form::PackEx(lp) => lp.capacity(),
            Form::Table(table) => table.heap(),
        }
    }

    pub(super) fn free_effort(&self) -> usize {
        match &self.0 {
            Form::Table(table) => table.len(),
            _ => 1,
        }
    }
}

impl<'a> HashRef<'a> {
    /// Brings what look-ups of these fields will need nearer, where it is large.
    pub fn prefetch<'m>(&self, fields: impl Iterator<Item = &'m [u8]>) {
        if let FormRef::Table(table) = &self.0 {
            table.prefetch(fields);
        }
    }

    pub(super) fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        HashRef(match rdb_type {
            RdbType::HashListpack => FormRef::Pack(packed::listpack_blob(bytes)),
            RdbType::HashListpackTtl => FormRef::PackEx(packed::listpack_blob(split_i64(bytes).1)),
            RdbType::Hash | RdbType::HashTtl => {
                let mut fields = Fields::new(rdb_type, bytes);
                let mut table = Builder::<keyed::Fields>::new(fields.left(), fields.bytes());
                // Collected with the others they would be copied once more.
                let mut long = Vec::new();
                while let Some((field, value, at)) = fields.next_field() {
                    match field.len() + value.len() < LARGE_FROM {
                        true => table.push(&field, &value, at),
                        false => long.push((field, value, at)),
                    }
                }
                let mut table = table.build();
                for (field, value, at) in long {
                    table.set(&field, &value, Expiry::Drop);
                    if at.is_some() {
                        table.set_expire(&field, at);
                    }
                }
                FormRef::Scratch(Box::new(table))
            }
            _ => unheld(rdb_type),
        })
    }

    /// From the RDB string of the values.
    pub(crate) fn with_template(template: &'a Template, values: &'a [u8]) -> Self {
        HashRef(FormRef::Template(Filled {
            template,
            values: packed::listpack_blob(values),
        }))
    }

    fn table(&self) -> Option<&Table> {
        match &self.0 {
            FormRef::Table(table) => Some(table),
            FormRef::Scratch(table) => Some(table),
            _ => None,
        }
    }

    /// Number of fields, expired ones included.
    pub fn len(&self) -> usize {
        match &self.0 {
            FormRef::Pack(lp) => listpack::count(lp) / 2,
            FormRef::Template(filled) => filled.template.len(),
            FormRef::PackEx(lp) => listpack::count(lp) / 3,
            FormRef::Table(table) => table.len(),
            FormRef::Scratch(table) => table.len(),
        }
    }

    /// True without fields.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A field's value, whether expired or not.
    pub fn get(&self, field: &[u8]) -> Option<Item<'_>> {
        self.get_with_expire(field).map(|(value, _)| value)
    }

    /// A field's value and expiry.
    pub fn get_with_expire(&self, field: &[u8]) -> Option<(Item<'_>, Option<UnixMillis>)> {
        match &self.0 {
            FormRef::Pack(lp) => {
                let entry = find(lp, field, 2)?;
                Some((listpack::entry_at(lp, entry.next)?.item, None))
            }
            FormRef::Template(filled) => {
                Some((filled.template.value(&filled.values, field)?, None))
            }
            FormRef::PackEx(lp) => {
                let mut iter = Iter::from_offset(lp, find(lp, field, 3)?.next);
                Some((iter.next()?, expiry(iter.next()?)))
            }
            _ => self.table()?.get(field),
        }
    }

    /// The earliest field expiry; `None` when no field has one.
    pub fn min_expire(&self) -> Option<UnixMillis> {
        match &self.0 {
            FormRef::Pack(_) | FormRef::Template(_) => None,
            FormRef::PackEx(lp) => Iter::new(lp).nth(2).and_then(expiry),
            _ => self.table()?.min_expire(),
        }
    }

    /// (field, value, expiry) of all fields, in the order HGETALL shows.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'_>, Item<'_>, Option<UnixMillis>)> {
        let (pack, width) = match &self.0 {
            FormRef::Pack(lp) => (Some(Iter::new(lp)), 2),
            FormRef::PackEx(lp) => (Some(Iter::new(lp)), 3),
            _ => (None, 0),
        };
        let packed = pack.into_iter().flat_map(move |mut iter| {
            std::iter::from_fn(move || {
                let (field, value) = (iter.next()?, iter.next()?);
                let at = if width == 3 {
                    expiry(iter.next()?)
                } else {
                    None
                };
                Some((field, value, at))
            })
        });
        let filled = match &self.0 {
            FormRef::Template(filled) => Some(filled),
            _ => None,
        };
        let filled = filled.into_iter().flat_map(Filled::iter);
        packed
            .chain(filled.map(|(field, value)| (field, value, None)))
            .chain(self.table().into_iter().flat_map(Table::iter))
    }

    /// A uniformly random field; `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<FieldRef<'_>> {
        let n = self.len() as u64;
        let at = (n > 0).then(|| (random % n) as usize)?;
        self.by_place(1)(at)
    }

    /// Looks fields up by their places, about so many `times`: where each begins in a packed form is found only once if
    /// that pays.
    pub fn by_place<'s>(&'s self, times: usize) -> impl Fn(usize) -> Option<FieldRef<'s>> {
        const FEW: usize = 3;
        let (lp, width) = match &self.0 {
            FormRef::Pack(lp) => (&**lp, 2),
            FormRef::PackEx(lp) => (&**lp, 3),
            FormRef::Template(_) | FormRef::Table(_) | FormRef::Scratch(_) => {
                (&listpack::EMPTY[..], 2)
            }
        };
        let mut offsets = SmallVec::<[u32; 128]>::new();
        if times > FEW {
            offsets = listpack::offsets(lp, width);
        }
        move |place| {
            if let FormRef::Template(filled) = &self.0 {
                let (field, value) = filled.at(place)?;
                return Some((field, value, None));
            }
            if let Some(table) = self.table() {
                return Some(table.get_at(place));
            }
            let from = match offsets.get(place) {
                Some(&at) => at as usize,
                None => listpack::seek(lp, (width * place) as i64)?,
            };
            let mut parts = Iter::from_offset(lp, from);
            let (field, value) = (parts.next()?, parts.next()?);
            let at = match width {
                3 => expiry(parts.next()?),
                _ => None,
            };
            Some((field, value, at))
        }
    }

    /// One HSCAN step; see [`super::SetRef::scan`].
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        mut f: impl FnMut(Item<'_>, Item<'_>, Option<UnixMillis>),
    ) -> u64 {
        match self.table() {
            Some(table) => table.scan(cursor, count, |(field, value, at)| f(field, value, at)),
            None => {
                self.iter()
                    .for_each(|(field, value, at)| f(field, value, at));
                0
            }
        }
    }

    /// `listpack`, `template-listpack`, `listpackex` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            FormRef::Pack(_) => "listpack",
            FormRef::Template(_) => "template-listpack",
            FormRef::PackEx(_) => "listpackex",
            _ => "hashtable",
        }
    }

    pub(super) fn rdb_type(&self) -> RdbType {
        match &self.0 {
            FormRef::Pack(_) | FormRef::Template(_) => RdbType::HashListpack,
            FormRef::PackEx(_) => RdbType::HashListpackTtl,
            _ => table_type(self.min_expire()),
        }
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(
            &self.0,
            FormRef::Pack(_) | FormRef::Template(_) | FormRef::PackEx(_)
        )
    }

    pub(super) fn write(&self, mut packer: Option<&mut lzf::Packer>, out: &mut plain::Out<'_>) {
        match &self.0 {
            FormRef::Pack(lp) => string::encode_blob(lp, packer, out.buf()),
            FormRef::Template(filled) => {
                string::encode_blob(&filled.with_names(), packer, out.buf());
            }
            FormRef::PackEx(lp) => {
                let min = self.min_expire().unwrap_or(0);
                out.buf().extend_from_slice(&min.to_le_bytes());
                string::encode_blob(lp, packer, out.buf());
            }
            _ => {
                let Some(table) = self.table() else { return };
                let min = begin_table(table, out);
                for (strings, at) in table.encoded() {
                    write_field(strings, at, min, packer.as_deref_mut(), out);
                }
            }
        }
    }
}
