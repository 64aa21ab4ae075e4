//! Sets.
//!
//! | form | encoding | RDB type | layout |
//! |---|---|---|---|
//! | `Ints` | `intset` | 11 | sorted integers |
//! | `Pack` | `listpack` | 20 | members |
//! | `Table` | `hashtable` | 2 | a tree by member hash |
//!
//! A set moves down this table at the limits and never back.

use super::packed;
use super::plain::{self, Fields};
use super::record::unheld;
use crate::tree::keyed::{self, Builder, Hashed, Keyed};
use crate::{Item, Limits};
use base::large::LARGE_FROM;
use base::number::{canonical_i64, int_text_len};
use rdb::RdbType;
use rdb::listpack::{self, HEADER_LEN};
use rdb::{intset, length, lzf, string};
use std::borrow::Cow;
use std::sync::atomic::AtomicU64;

/// A set, owned.
#[derive(Clone, Debug)]
pub struct Set(Form);

/// A set as a reader sees it.
#[derive(Debug)]
pub struct SetRef<'a>(FormRef<'a>);

#[derive(Clone, Debug)]
enum Form {
    Ints(Vec<u8>),
    Pack(Vec<u8>),
    Table(Table),
}

#[derive(Debug)]
enum FormRef<'a> {
    Ints(Cow<'a, [u8]>),
    Pack(Cow<'a, [u8]>),
    Table(&'a Table),
    /// A table that was decoded for this read.
    Scratch(Box<Table>),
}

type Table = Keyed<keyed::Members>;

/// Up to this many members of a set for each lookup, skipping them is less work than looking up.
pub(super) const PASSED: usize = 16;

/// A set in which the members of another one are looked up, in the order of that one.
#[derive(Debug)]
pub struct Along<'a>(keyed::Along<'a, keyed::Members>);

impl Along<'_> {
    /// True if it has this member, which is the next of the other set.
    #[inline]
    pub fn has(&mut self, member: &Hashed<'_>) -> bool {
        self.0.find(member).is_some()
    }
}

impl Default for Set {
    fn default() -> Self {
        Set(Form::Ints(intset::empty()))
    }
}

impl Set {
    /// An empty set; its first member decides the form.
    pub fn new() -> Self {
        Self::default()
    }

    /// A set of these integers, which ascend: the one that [`Set::add`] of each would make, at once.
    pub fn of_ints(ints: &[i64], limits: &Limits) -> Self {
        let mut set = Set::new();
        if limits.set_max_intset_entries == 0 {
            // The first member decides otherwise than for a form that it could have had.
            let add = |n: &i64| Item::Int(*n).with(|member| set.add_absent(member, limits));
            ints.iter().for_each(add);
            return set;
        }
        set.0 = Form::Ints(intset::build(ints));
        if ints.len() > limits.set_max_intset_entries {
            set.make_table();
        }
        set
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> SetRef<'_> {
        SetRef(match &self.0 {
            Form::Ints(set) => FormRef::Ints(Cow::Borrowed(set)),
            Form::Pack(lp) => FormRef::Pack(Cow::Borrowed(lp)),
            Form::Table(table) => FormRef::Table(table),
        })
    }

    /// Number of members.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the view has it")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Table(table) => table.len(),
            _ => self.as_ref().len(),
        }
    }

    /// Tells how many members one command is about to add and which comes first, as Redis weighs
    /// them before it adds: too many for a form pass it over, also when they are duplicates.
    pub fn expect(&mut self, members: usize, first: &[u8], limits: &Limits) {
        let empty = self.as_ref().is_empty();
        match &self.0 {
            Form::Ints(_) if empty => {
                if canonical_i64(first).is_some() && members <= limits.set_max_intset_entries {
                } else if members <= limits.set_max_listpack_entries {
                    self.0 = Form::Pack(listpack::EMPTY.to_vec());
                } else {
                    self.make_table();
                }
            }
            Form::Ints(_) if members > limits.set_max_intset_entries => self.make_table(),
            Form::Pack(_) if members > limits.set_max_listpack_entries => self.make_table(),
            _ => {}
        }
    }

    /// Adds; true if it was not there.
    pub fn add(&mut self, member: &[u8], limits: &Limits) -> bool {
        self.put(member, limits, true)
    }

    /// Adds many; the number of those that were not there. If an empty set gets more of them than a packed form may
    /// hold, it is a table, which is made at once.
    pub fn add_all(&mut self, members: &[&[u8]], limits: &Limits) -> usize {
        let most = limits
            .set_max_intset_entries
            .max(limits.set_max_listpack_entries);
        if members.len() > most && self.len() == 0 {
            let bytes = members.iter().map(|member| member.len() + 2).sum();
            let mut table = Builder::<keyed::Members>::new(members.len(), bytes);
            members.iter().for_each(|member| table.push(member));
            let table = table.build_distinct();
            if table.len() > most {
                self.0 = Form::Table(table);
                return self.len();
            }
        }
        members
            .iter()
            .filter(|member| self.add(member, limits))
            .count()
    }

    /// Adds a member that is known not to be there.
    pub fn add_absent(&mut self, member: &[u8], limits: &Limits) {
        self.put(member, limits, false);
    }

    /// Adds; true if it was not there. Without `look` it is known not to be in a listpack.
    #[inline]
    fn put(&mut self, member: &[u8], limits: &Limits, look: bool) -> bool {
        if matches!(&self.0, Form::Ints(set) if intset::count(set) == 0) {
            self.expect(1, member, limits);
        }
        if let Form::Ints(set) = &mut self.0 {
            match canonical_i64(member) {
                Some(n) => {
                    packed::reserve(set, 8);
                    let new = intset::insert(set, n);
                    // Only an addition is measured against the limit.
                    if new && intset::count(set) > limits.set_max_intset_entries {
                        self.make_table();
                    }
                    return new;
                }
                None if ints_fit_pack(set, member, limits) => self.make_pack(),
                None => self.make_table(),
            }
        }
        if let Form::Pack(lp) = &mut self.0 {
            if look && listpack::find(lp, HEADER_LEN, member, 1).is_some() {
                return false;
            }
            if listpack::count(lp) < limits.set_max_listpack_entries && fits(member, limits) {
                packed::reserve(lp, packed::room(member.len(), 0));
                listpack::append(lp, Item::of(member));
                return true;
            }
            self.make_table();
        }
        match &mut self.0 {
            Form::Table(table) => table.add(member),
            _ => unreachable!("the packed forms returned or became a table"),
        }
    }

    /// Removes; true if it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Ints(set) => canonical_i64(member).is_some_and(|n| intset::remove(set, n)),
            Form::Pack(lp) => match listpack::find(lp, HEADER_LEN, member, 1) {
                Some(entry) => listpack::delete(lp, entry.at, 1) > 0,
                None => false,
            },
            Form::Table(table) => table.remove(member),
        }
    }

    /// Removes and returns a uniformly random member; `random` is a fresh random number.
    pub fn pop_random(&mut self, random: u64) -> Option<Vec<u8>> {
        let member = self.as_ref().random(random)?.to_vec();
        self.remove(&member);
        Some(member)
    }

    /// Keeps only the members at these ascending positions of [`SetRef::iter`], in the form that the set has; calls
    /// `gone` with each of the others.
    pub fn keep_only(&mut self, positions: &[usize], mut gone: impl FnMut(Item<'_>)) {
        let mut kept = positions.iter().copied().peekable();
        let mut part = |member: Item<'_>, at: usize, stays: &mut dyn FnMut(&[u8])| match kept
            .next_if_eq(&at)
        {
            Some(_) => member.with(stays),
            None => gone(member),
        };
        let set = self.as_ref();
        let members = set.iter().zip(0..);
        self.0 = match &self.0 {
            Form::Ints(_) => {
                let mut left = intset::empty();
                let mut stays = |member: &[u8]| {
                    if let Some(n) = canonical_i64(member) {
                        packed::reserve(&mut left, 8);
                        intset::insert(&mut left, n);
                    }
                };
                members.for_each(|(member, at)| part(member, at, &mut stays));
                Form::Ints(left)
            }
            Form::Pack(_) => {
                let mut left = listpack::Builder::new();
                let mut stays = |member: &[u8]| left.push_bytes(member);
                members.for_each(|(member, at)| part(member, at, &mut stays));
                Form::Pack(left.into_vec())
            }
            Form::Table(_) => {
                let mut left = Builder::<keyed::Members>::new(positions.len(), 0);
                let mut stays = |member: &[u8]| left.push(member);
                members.for_each(|(member, at)| part(member, at, &mut stays));
                Form::Table(left.build())
            }
        };
    }

    /// The packed form of checked bytes of type 2, if the set is small enough for that and not all
    /// integers.
    pub(super) fn pack_plain(bytes: &[u8], limits: &Limits) -> Option<Set> {
        let mut members = Fields::new(RdbType::Set, bytes);
        let count = members.left();
        if count > limits.set_max_listpack_entries {
            return None;
        }
        let mut lp = listpack::Builder::new();
        let mut ints = count <= limits.set_max_intset_entries;
        while let Some(member) = members.next_member() {
            if !fits(&member, limits) {
                return None;
            }
            ints = ints && canonical_i64(&member).is_some();
            lp.push_bytes(&member);
        }
        (!ints).then(|| Set(Form::Pack(lp.into_vec())))
    }

    /// The form that a loaded set has.
    pub(super) fn settle(&mut self, limits: &Limits) {
        let set = self.as_ref();
        match &self.0 {
            Form::Ints(_) if set.len() > limits.set_max_intset_entries => self.make_table(),
            Form::Pack(_) if set.len() > limits.set_max_listpack_entries => self.make_table(),
            Form::Table(_) if set.len() <= limits.set_max_intset_entries => {
                if let Some(mut ints) = set.iter().map(|m| m.as_int()).collect::<Option<Vec<i64>>>()
                {
                    ints.sort_unstable();
                    self.0 = Form::Ints(intset::build(&ints));
                } else if set.len() <= limits.set_max_listpack_entries
                    && set.iter().all(|member| fits_len(member.len(), limits))
                {
                    self.make_pack();
                }
            }
            _ => {}
        }
    }

    fn make_pack(&mut self) {
        let mut lp = listpack::Builder::new();
        self.as_ref().iter().for_each(|member| lp.push(member));
        self.0 = Form::Pack(lp.into_vec());
    }

    fn make_table(&mut self) {
        let set = self.as_ref();
        let mut table = Builder::<keyed::Members>::new(set.len(), self.heap_bytes());
        set.iter()
            .for_each(|member| member.with(|member| table.push(member)));
        self.0 = Form::Table(table.build());
    }

    /// A packed form is copied into `buffer`.
    pub(super) fn from_record(rdb_type: RdbType, bytes: &[u8], buffer: Vec<u8>) -> Self {
        Set(match SetRef::from_record(rdb_type, bytes).0 {
            FormRef::Ints(set) => Form::Ints(packed::owned(set, buffer)),
            FormRef::Pack(lp) => Form::Pack(packed::owned(lp, buffer)),
            FormRef::Scratch(table) => Form::Table(*table),
            FormRef::Table(table) => Form::Table(table.clone()),
        })
    }

    /// The bytes of a packed form.
    #[inline]
    pub(super) fn blob(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Ints(bytes) | Form::Pack(bytes) => Some(bytes),
            Form::Table(_) => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.0 {
            Form::Ints(bytes) | Form::Pack(bytes) => Some(bytes),
            Form::Table(_) => None,
        }
    }

    /// Writes the set, and releases each part after it was written.
    pub(super) fn leave(
        self,
        mut packer: Option<&mut lzf::Packer>,
        out: &mut plain::Out<'_>,
        freed: &AtomicU64,
    ) {
        let Form::Table(table) = self.0 else {
            return self.as_ref().write(packer, out);
        };
        length::encode_length(table.len() as u64, out.buf());
        table.drain_encoded(freed, |member| {
            plain::write_strings(member, packer.as_deref_mut(), out);
        });
    }

    /// As [`Value::tree_type`](super::Value::tree_type).
    #[inline]
    pub(super) fn tree_type(&self) -> Option<RdbType> {
        match &self.0 {
            Form::Table(table) if table.len() > 0 => Some(RdbType::Set),
            _ => None,
        }
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.0, Form::Table(_))
    }

    /// As [`Value::packed_len`](super::Value::packed_len).
    pub(super) fn packed_len(&self) -> Option<usize> {
        match &self.0 {
            Form::Ints(lp) | Form::Pack(lp) => Some(lp.len()),
            Form::Table(_) => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Ints(bytes) | Form::Pack(bytes) => bytes.capacity(),
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

/// Whether a listpack may hold a member.
#[inline]
fn fits(member: &[u8], limits: &Limits) -> bool {
    fits_len(member.len(), limits)
}

fn fits_len(len: usize, limits: &Limits) -> bool {
    len <= limits.set_max_listpack_value && !listpack::is_trapped(len)
}

/// Whether an intset may become a listpack that also takes `member`, by Redis's measure: all integers count as if
/// they were as wide as the widest one.
fn ints_fit_pack(set: &[u8], member: &[u8], limits: &Limits) -> bool {
    let count = intset::count(set);
    let widest = [
        intset::get(set, 0),
        count.checked_sub(1).and_then(|last| intset::get(set, last)),
    ];
    let widest = widest
        .into_iter()
        .flatten()
        .map(int_text_len)
        .max()
        .unwrap_or(0);
    count < limits.set_max_listpack_entries
        && widest <= limits.set_max_listpack_value
        && fits(member, limits)
}

impl<'a> SetRef<'a> {
    /// Brings what look-ups of these members will need nearer, where it is large.
    pub fn prefetch<'m>(&self, members: impl Iterator<Item = &'m [u8]>) {
        if let FormRef::Table(table) = &self.0 {
            table.prefetch(members);
        }
    }

    pub(super) fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        SetRef(match rdb_type {
            RdbType::SetIntset => FormRef::Ints(packed::blob(bytes)),
            RdbType::SetListpack => FormRef::Pack(packed::listpack_blob(bytes)),
            RdbType::Set => {
                let mut members = Fields::new(rdb_type, bytes);
                let mut table = Builder::<keyed::Members>::new(members.left(), members.bytes());
                // Collected with the others they would be copied once more.
                let mut long = Vec::new();
                while let Some(member) = members.next_member() {
                    match member.len() < LARGE_FROM {
                        true => table.push(&member),
                        false => long.push(member),
                    }
                }
                let mut table = table.build();
                for member in long {
                    table.add(&member);
                }
                FormRef::Scratch(Box::new(table))
            }
            _ => unheld(rdb_type),
        })
    }

    fn table(&self) -> Option<&Table> {
        match &self.0 {
            FormRef::Table(table) => Some(table),
            FormRef::Scratch(table) => Some(table),
            _ => None,
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.0 {
            FormRef::Ints(set) => intset::count(set),
            FormRef::Pack(lp) => listpack::count(lp),
            FormRef::Table(table) => table.len(),
            FormRef::Scratch(table) => table.len(),
        }
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Membership.
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            FormRef::Ints(set) => canonical_i64(member).is_some_and(|n| intset::contains(set, n)),
            FormRef::Pack(lp) => listpack::find(lp, HEADER_LEN, member, 1).is_some(),
            _ => self.table().is_some_and(|table| table.contains(member)),
        }
    }

    /// Membership of what is a member of another set.
    pub fn contains_item(&self, member: Item<'_>) -> bool {
        match (&self.0, member) {
            (FormRef::Ints(set), Item::Int(n)) => intset::contains(set, n),
            _ => member.with(|member| self.contains(member)),
        }
    }

    /// All members, ascending, if they are held as integers.
    pub fn ints(&self) -> Option<Vec<i64>> {
        match &self.0 {
            FormRef::Ints(set) => Some(intset::members(set)),
            _ => None,
        }
    }

    /// All members, in the order SMEMBERS shows.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let (ints, pack) = match &self.0 {
            FormRef::Ints(set) => (Some(intset::iter(set).map(Item::Int)), None),
            FormRef::Pack(lp) => (None, Some(listpack::Iter::new(lp))),
            _ => (None, None),
        };
        let packed = ints.into_iter().flatten().chain(pack.into_iter().flatten());
        packed.chain(self.table().into_iter().flat_map(Table::iter))
    }

    /// All members in the order of [`SetRef::iter`], if the set can be merged with others in this order.
    pub fn hashed(&self) -> Option<impl Iterator<Item = Hashed<'_>>> {
        let table = self.table()?;
        Some(table.hashed().map(|(member, _)| member))
    }

    /// For looking up the members of another set of `len` members. `None` if separate lookups are faster.
    pub fn along(&self, len: usize) -> Option<Along<'_>> {
        let table = self.table().filter(|table| table.len() / PASSED <= len)?;
        Some(Along(table.along()))
    }

    /// A uniformly random member; `random` is a fresh random number, or the place of the one that is wanted.
    pub fn random(&self, random: u64) -> Option<Item<'_>> {
        let n = self.len() as u64;
        let at = (n > 0).then(|| (random % n) as usize)?;
        match &self.0 {
            FormRef::Ints(set) => intset::get(set, at).map(Item::Int),
            FormRef::Pack(lp) => listpack::seek(lp, at as i64)
                .and_then(|at| listpack::entry_at(lp, at))
                .map(|e| e.item),
            _ => self.table().map(|table| table.get_at(at)),
        }
    }

    /// One SCAN step: calls `f` for about `count` members from `cursor` on; returns the next cursor,
    /// 0 at the end. A member present during the whole scan is visited at least once.
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>)) -> u64 {
        match self.table() {
            Some(table) => table.scan(cursor, count, f),
            None => {
                self.iter().for_each(&mut f);
                0
            }
        }
    }

    /// `intset`, `listpack` or `hashtable`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            FormRef::Ints(_) => "intset",
            FormRef::Pack(_) => "listpack",
            _ => "hashtable",
        }
    }

    pub(super) fn rdb_type(&self) -> RdbType {
        match &self.0 {
            FormRef::Ints(_) => RdbType::SetIntset,
            FormRef::Pack(_) => RdbType::SetListpack,
            FormRef::Table(_) | FormRef::Scratch(_) => RdbType::Set,
        }
    }

    /// True for the forms that are one piece of bytes.
    pub fn is_packed(&self) -> bool {
        matches!(&self.0, FormRef::Ints(_) | FormRef::Pack(_))
    }

    pub(super) fn write(&self, mut packer: Option<&mut lzf::Packer>, out: &mut plain::Out<'_>) {
        match &self.0 {
            FormRef::Ints(bytes) | FormRef::Pack(bytes) => {
                string::encode_blob(bytes, packer, out.buf())
            }
            _ => {
                length::encode_length(self.len() as u64, out.buf());
                for member in self.table().into_iter().flat_map(Table::encoded) {
                    plain::write_strings(member, packer.as_deref_mut(), out);
                }
            }
        }
    }
}
