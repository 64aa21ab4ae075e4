//! Sorted sets: members ordered by (score, member bytes).
//!
//! | form | encoding | RDB type | layout |
//! |---|---|---|---|
//! | `Pack` | `listpack` | 17 | member, score, ... ascending |
//! | `Table` | `skiplist` | 5 | a tree by (score, member), and one by member hash |
//!
//! A sorted set leaves the packed form at the limits; only the result of a STORE command returns to it
//! ([`Zset::compact`]).

use super::packed::{self, cmp_bytes, room, score_of, with_score};
use super::plain::{self, Fields};
use super::record::unheld;
use super::scored::{Pairs, pack_by_lex, place_where, places, rank_at};
use super::set::PASSED;
use crate::tree::keyed::{self, Builder, Hashed, Keyed};
use crate::tree::order::Order;
use crate::{Item, Limits};
use rdb::RdbType;
use rdb::listpack::{self, HEADER_LEN, Iter};
use rdb::{length, lzf, string};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

/// A sorted set, owned.
#[derive(Clone, Debug)]
pub struct Zset(Form);

/// A sorted set as a reader sees it.
#[derive(Debug)]
pub struct ZsetRef<'a>(FormRef<'a>);

#[derive(Clone, Debug)]
enum Form {
    Pack(Vec<u8>),
    Table(Table),
}

#[derive(Debug)]
enum FormRef<'a> {
    Pack(Cow<'a, [u8]>),
    Table(&'a Table),
    /// A table that was decoded for this read.
    Scratch(Box<Table>),
}

/// A sorted set in which the members of another set are looked up, in the order of their hashes.
#[derive(Debug)]
pub struct ScoresAlong<'a>(keyed::Along<'a, keyed::Scores>);

impl ScoresAlong<'_> {
    /// The score of this member, which is the next of the other set.
    #[inline]
    pub fn score(&mut self, member: &Hashed<'_>) -> Option<f64> {
        self.0.find(member).map(Keyed::score_in)
    }
}

/// A range of fewer than one in so many members hardly has two in one page of the table: they are removed one by one.
const ALONE: usize = 32;
/// If more than one in so many members is removed, the table is gone through from one end to the other.
const SWEPT: usize = 6;

/// Both trees hold every member.
#[derive(Clone, Debug, Default)]
struct Table {
    order: Order,
    scores: Keyed<keyed::Scores>,
}

impl Table {
    fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.scores.set(member, score);
        match old {
            // Equal, but for the sign of a zero perhaps: the old one stays.
            Some(old) if old == score => {
                if old.to_bits() != score.to_bits() {
                    self.scores.set(member, old);
                }
                return Some(old);
            }
            Some(old) => self.order.remove(old, member),
            None => {}
        }
        self.order.insert(score, member);
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.order.remove(score, member);
        Some(score)
    }

    fn remove_range(&mut self, range: Range<usize>) {
        let len = self.order.len();
        if len - range.len() < range.len() / 4 {
            // Few members stay, so the value is rebuilt from those.
            let before = self.order.range(0..range.start);
            let left: Vec<_> = before.chain(self.order.range(range.end..len)).collect();
            let left: Vec<_> = left.iter().map(|(m, score)| (m.to_cow(), *score)).collect();
            *self = Table::of_sorted(left.iter().map(|(m, score)| (&**m, *score)), left.len());
            return;
        }
        let (first, last) = (range.start, range.end.saturating_sub(1));
        if range.len() >= 2 + len / SWEPT
            && let Some(first) = self.order.range(first..first + 1).next()
            && let Some(last) = self.order.range(last..last + 1).next()
        {
            let (low, high) = ((first.1, first.0.to_cow()), (last.1, last.0.to_cow()));
            self.scores.keep(|member, score| {
                compare((score, member), (low.0, &low.1)) == Ordering::Less
                    || compare((score, member), (high.0, &high.1)) == Ordering::Greater
            });
        } else if range.len() <= 1 + len / ALONE {
            for (member, _) in self.order.range(range.clone()) {
                member.with(|member| self.scores.remove_present(member));
            }
        } else {
            let members = self.order.range(range.clone());
            self.scores.remove_each(members.map(|(member, _)| member));
        }
        self.order.remove_range(range);
    }

    /// A sorted set of this many distinct members in ascending order.
    fn of_sorted<'m>(members: impl Iterator<Item = (&'m [u8], f64)> + Clone, count: usize) -> Self {
        let mut scores = Builder::<keyed::Scores>::new(count, 0);
        for (member, score) in members.clone() {
            scores.push(member, score);
        }
        let order = Order::of_sorted(members);
        Table {
            order,
            scores: scores.build(),
        }
    }

    fn heap(&self) -> usize {
        self.order.heap() + self.scores.heap()
    }
}

/// One end of a score range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// The score; may be infinite, never NaN.
    pub score: f64,
    /// `(5` in a command: the score itself is outside.
    pub exclusive: bool,
}

/// One end of a lexicographic range.
#[derive(Clone, Debug, PartialEq)]
pub enum LexBound {
    /// `-`
    Min,
    /// `+`
    Max,
    /// `[text`
    Inclusive(Vec<u8>),
    /// `(text`
    Exclusive(Vec<u8>),
}

impl Default for Zset {
    fn default() -> Self {
        Zset(Form::Pack(listpack::EMPTY.to_vec()))
    }
}

impl Zset {
    /// An empty sorted set.
    pub fn new() -> Self {
        Self::default()
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> ZsetRef<'_> {
        ZsetRef(match &self.0 {
            Form::Pack(lp) => FormRef::Pack(Cow::Borrowed(lp)),
            Form::Table(table) => FormRef::Table(table),
        })
    }

    /// Number of members.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "the view has it")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Table(table) => table.order.len(),
            _ => self.as_ref().len(),
        }
    }

    /// Tells how many members one command is about to add and the length of the longest, as Redis
    /// weighs them before it adds the first.
    pub fn expect(&mut self, members: usize, longest: usize, limits: &Limits) {
        if let Form::Pack(lp) = &self.0 {
            let new_and_long = listpack::is_empty(lp) && longest > limits.zset_max_listpack_value;
            if members > limits.zset_max_listpack_entries || new_and_long {
                self.make_table();
            }
        }
    }

    /// A sorted set of distinct members in ascending order: the one that [`Zset::expect`] and [`Zset::set`] of each
    /// would make, at once.
    pub fn of_sorted(members: &[(f64, Vec<u8>)], limits: &Limits) -> Self {
        let longest = members.iter().map(|(_, member)| member.len()).max();
        let mut zset = Zset::new();
        zset.expect(members.len(), longest.unwrap_or(0), limits);
        let trapped = |(_, member): &(f64, Vec<u8>)| listpack::is_trapped(member.len());
        if let Form::Table(_) = zset.0 {
            let pairs = members.iter().map(|(score, member)| (&member[..], *score));
            zset.0 = Form::Table(Table::of_sorted(pairs, members.len()));
        } else if members.iter().any(trapped) {
            for (score, member) in members {
                zset.set(member, *score, limits);
            }
        } else if !members.is_empty() {
            let mut lp = listpack::Builder::new();
            for (score, member) in members {
                lp.push_bytes(member);
                with_score(*score, |score| lp.push(score));
            }
            zset.0 = Form::Pack(lp.into_vec());
        }
        zset
    }

    /// Whether a packed form may hold a member.
    pub fn packs(member: &[u8], limits: &Limits) -> bool {
        member.len() <= limits.zset_max_listpack_value && !listpack::is_trapped(member.len())
    }

    /// Sets a member's score (never NaN); returns the old one.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Limits) -> Option<f64> {
        if let Form::Pack(lp) = &mut self.0 {
            if let Some((at, old)) = find(lp, member) {
                if old != score {
                    listpack::delete(lp, at, 2);
                    insert_pack(lp, member, score);
                }
                return Some(old);
            }
            let count = listpack::count(lp) / 2;
            if count < limits.zset_max_listpack_entries
                && member.len() <= limits.zset_max_listpack_value
                && !listpack::is_trapped(member.len())
            {
                insert_pack(lp, member, score);
                return None;
            }
            self.make_table();
        }
        match &mut self.0 {
            Form::Table(table) => table.set(member, score),
            Form::Pack(_) => unreachable!("returned or became a table"),
        }
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Pack(lp) => {
                let (at, score) = find(lp, member)?;
                listpack::delete(lp, at, 2);
                Some(score)
            }
            Form::Table(table) => table.remove(member),
        }
    }

    /// Removes the members of ranks `range`.
    pub fn remove_range(&mut self, range: Range<usize>) {
        match &mut self.0 {
            Form::Pack(lp) => {
                if let Some(at) = listpack::seek(lp, 2 * range.start as i64) {
                    listpack::delete(lp, at, 2 * range.len());
                }
            }
            Form::Table(table) => table.remove_range(range),
        }
    }

    /// Goes to the packed form if the limits allow it: what Redis does with the result of a STORE
    /// command, and never else.
    pub fn compact(&mut self, limits: &Limits) {
        let fits = |(member, _): (Item<'_>, f64)| {
            member.len() <= limits.zset_max_listpack_value && !listpack::is_trapped(member.len())
        };
        let zset = self.as_ref();
        if zset.is_packed()
            || zset.len() > limits.zset_max_listpack_entries
            || !zset.iter().all(fits)
        {
            return;
        }
        let mut lp = listpack::Builder::new();
        for (member, score) in zset.iter() {
            member.with(|member| lp.push_bytes(member));
            with_score(score, |score| lp.push(score));
        }
        self.0 = Form::Pack(lp.into_vec());
    }

    /// The form that a loaded sorted set has.
    pub(super) fn settle(&mut self, limits: &Limits) {
        if self.as_ref().is_packed() {
            if self.as_ref().len() > limits.zset_max_listpack_entries {
                self.make_table();
            }
        } else {
            self.compact(limits);
        }
    }

    fn make_table(&mut self) {
        let zset = self.as_ref();
        let members: Vec<_> = zset
            .iter()
            .map(|(member, score)| (member.to_cow(), score))
            .collect();
        let pairs = members.iter().map(|(member, score)| (&**member, *score));
        self.0 = Form::Table(Table::of_sorted(pairs, members.len()));
    }

    /// A packed form is copied into `buffer`.
    pub(super) fn from_record(rdb_type: RdbType, bytes: &[u8], buffer: Vec<u8>) -> Self {
        Zset(match ZsetRef::from_record(rdb_type, bytes).0 {
            FormRef::Pack(lp) => Form::Pack(packed::owned(lp, buffer)),
            FormRef::Scratch(table) => Form::Table(*table),
            FormRef::Table(table) => Form::Table(table.clone()),
        })
    }

    /// The bytes of a packed form.
    #[inline]
    pub(super) fn blob(&self) -> Option<&[u8]> {
        match &self.0 {
            Form::Pack(lp) => Some(lp),
            Form::Table(_) => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.0 {
            Form::Pack(lp) => Some(lp),
            Form::Table(_) => None,
        }
    }

    /// Writes the set, and releases each part after it was written. The scores by member are not written, and are
    /// released first.
    pub(super) fn leave(
        self,
        mut packer: Option<&mut lzf::Packer>,
        out: &mut plain::Out<'_>,
        freed: &AtomicU64,
    ) {
        let Form::Table(Table { order, scores }) = self.0 else {
            return self.as_ref().write(packer, out);
        };
        length::encode_length(scores.len() as u64, out.buf());
        scores.give_up(freed);
        order.drain_back(freed, |member, score| {
            write_scored(member, score, packer.as_deref_mut(), out);
        });
    }

    /// As [`Value::tree_type`](super::Value::tree_type).
    #[inline]
    pub(super) fn tree_type(&self) -> Option<RdbType> {
        match &self.0 {
            Form::Table(table) if table.order.len() > 0 => Some(RdbType::Zset2),
            _ => None,
        }
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.0, Form::Table(_))
    }

    /// As [`Value::packed_len`](super::Value::packed_len).
    pub(super) fn packed_len(&self) -> Option<usize> {
        match &self.0 {
            Form::Pack(lp) => Some(lp.len()),
            Form::Table(_) => None,
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Pack(lp) => lp.capacity(),
            Form::Table(table) => table.heap(),
        }
    }

    pub(super) fn free_effort(&self) -> usize {
        match &self.0 {
            Form::Pack(_) => 1,
            Form::Table(table) => table.scores.len(),
        }
    }
}

/// Byte offset and score of a member.
fn find(lp: &[u8], member: &[u8]) -> Option<(usize, f64)> {
    let entry = listpack::find(lp, HEADER_LEN, member, 2)?;
    Some((entry.at, score_of(listpack::entry_at(lp, entry.next)?.item)))
}

/// Puts a new member in its place.
fn insert_pack(lp: &mut Vec<u8>, member: &[u8], score: f64) {
    packed::reserve(lp, room(member.len(), 40));
    let (_, at) = place_where(lp, |other, other_score| {
        compare((other_score, other), (score, member)) != Ordering::Greater
    });
    with_score(score, |score| listpack::insert(lp, at, score));
    listpack::insert(lp, at, Item::of(member));
}

/// The order of sorted sets: by score, then by bytes.
fn compare(a: (f64, Item<'_>), b: (f64, &[u8])) -> Ordering {
    a.0.partial_cmp(&b.0)
        .unwrap_or(Ordering::Equal)
        .then_with(|| cmp_bytes(a.1, b.1))
}

impl LexBound {
    /// Whether a member lies before the range that this bound begins.
    pub(super) fn begins_after(&self, member: Item<'_>) -> bool {
        match self {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(bytes) => cmp_bytes(member, bytes) == Ordering::Less,
            LexBound::Exclusive(bytes) => cmp_bytes(member, bytes) != Ordering::Greater,
        }
    }

    /// Whether a member lies before the end that this bound sets, or at it.
    pub(super) fn ends_after(&self, member: Item<'_>) -> bool {
        match self {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(bytes) => cmp_bytes(member, bytes) != Ordering::Greater,
            LexBound::Exclusive(bytes) => cmp_bytes(member, bytes) == Ordering::Less,
        }
    }
}

impl<'a> ZsetRef<'a> {
    /// Brings what look-ups of these members will need nearer, where it is large.
    pub fn prefetch<'m>(&self, members: impl Iterator<Item = &'m [u8]>) {
        if let FormRef::Table(table) = &self.0 {
            table.scores.prefetch(members);
        }
    }

    pub(super) fn from_record(rdb_type: RdbType, bytes: &'a [u8]) -> Self {
        ZsetRef(match rdb_type {
            RdbType::ZsetListpack => FormRef::Pack(packed::listpack_blob(bytes)),
            RdbType::Zset2 => {
                let mut fields = Fields::new(rdb_type, bytes);
                let mut members = Vec::with_capacity(fields.left());
                while let Some(member) = fields.next_scored() {
                    members.push(member);
                }
                members.sort_unstable_by(|a, b| compare((a.1, Item::Bytes(&a.0)), (b.1, &b.0)));
                let pairs = members.iter().map(|(member, score)| (&**member, *score));
                FormRef::Scratch(Box::new(Table::of_sorted(pairs, members.len())))
            }
            _ => unheld(rdb_type),
        })
    }

    fn table(&self) -> Option<&Table> {
        match &self.0 {
            FormRef::Pack(_) => None,
            FormRef::Table(table) => Some(table),
            FormRef::Scratch(table) => Some(table),
        }
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        match &self.0 {
            FormRef::Pack(lp) => listpack::count(lp) / 2,
            _ => self.table().map_or(0, |table| table.order.len()),
        }
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            FormRef::Pack(lp) => find(lp, member).map(|(_, score)| score),
            _ => self.table()?.scores.get(member),
        }
    }

    /// A member's rank from the lowest score (0-based).
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match &self.0 {
            FormRef::Pack(lp) => {
                listpack::position(lp, HEADER_LEN, member, 2).map(|(_, rank)| rank)
            }
            _ => {
                let table = self.table()?;
                let score = table.scores.get(member)?;
                Some(table.order.rank(score, member))
            }
        }
    }

    /// (member, score) of ranks `range`, ascending.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = (Item<'_>, f64)> {
        let pack = match &self.0 {
            FormRef::Pack(lp) => {
                let at = listpack::seek(lp, 2 * range.start as i64).unwrap_or(lp.len() - 1);
                Some(Pairs(Iter::from_offset(lp, at)).take(range.len()))
            }
            _ => None,
        };
        let table = self.table().map(|table| table.order.range(range));
        pack.into_iter()
            .flatten()
            .chain(table.into_iter().flatten())
    }

    /// (member, score) of ranks `range`, descending.
    pub fn range_rev(&self, range: Range<usize>) -> impl Iterator<Item = (Item<'_>, f64)> {
        let pack = match &self.0 {
            FormRef::Pack(lp) => {
                let end = listpack::seek(lp, 2 * range.end as i64).unwrap_or(lp.len() - 1);
                Some(Pairs(Iter::to_offset(lp, end)).rev().take(range.len()))
            }
            _ => None,
        };
        let table = self.table().map(|table| table.order.range_rev(range));
        pack.into_iter()
            .flatten()
            .chain(table.into_iter().flatten())
    }

    /// All, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'_>, f64)> {
        self.range(0..self.len())
    }

    /// The ranks of the members with scores from `min` to `max`; an empty range where there are none.
    pub fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let below = |_: Item<'_>, score| score < min.score || (min.exclusive && score == min.score);
        let within =
            |_: Item<'_>, score| score < max.score || (!max.exclusive && score == max.score);
        let (start, end) = match (&self.0, self.table()) {
            (FormRef::Pack(lp), _) => {
                // Often there are none, which the ends tell.
                let first = Pairs(Iter::new(lp)).next();
                let last = Pairs(Iter::new(lp)).next_back();
                if first.is_none_or(|(member, score)| !within(member, score)) {
                    return 0..0;
                }
                if last.is_none_or(|(member, score)| below(member, score)) {
                    let len = listpack::count(lp) / 2;
                    return len..len;
                }
                let places = places(lp);
                (rank_at(lp, &places, below), rank_at(lp, &places, within))
            }
            (_, Some(table)) => (
                table.order.rank_where(below),
                table.order.rank_where(within),
            ),
            (_, None) => (0, 0),
        };
        start..end.max(start)
    }

    /// All members with scores from `min` on, ascending. A range that ends at a score needs one lookup.
    pub fn from_score(&self, min: ScoreBound) -> impl Iterator<Item = (Item<'_>, f64)> {
        let below =
            move |_: Item<'_>, score| score < min.score || (min.exclusive && score == min.score);
        let pack = match &self.0 {
            FormRef::Pack(lp) => Some(Pairs(Iter::from_offset(lp, place_where(lp, below).1))),
            _ => None,
        };
        let table = self.table().map(|table| table.order.range_where(below));
        pack.into_iter()
            .flatten()
            .chain(table.into_iter().flatten())
    }

    /// The ranks of the members from `min` to `max` by bytes (all scores being equal).
    pub fn ranks_by_lex(&self, min: &LexBound, max: &LexBound) -> Range<usize> {
        if let FormRef::Pack(lp) = &self.0 {
            return pack_by_lex(lp, min, max);
        }
        let start = self.rank_where(|member, _| min.begins_after(member));
        let end = self.rank_where(|member, _| max.ends_after(member));
        start..end.max(start)
    }

    /// The number of members at the low end for which `before` holds.
    fn rank_where(&self, before: impl Fn(Item<'_>, f64) -> bool) -> usize {
        match &self.0 {
            FormRef::Pack(lp) => place_where(lp, before).0,
            _ => self
                .table()
                .map_or(0, |table| table.order.rank_where(before)),
        }
    }

    /// All members with their scores in the order of their hashes, if the set can be merged with others in this order.
    pub fn hashed(&self) -> Option<impl Iterator<Item = (Hashed<'_>, f64)>> {
        let hashed = self.table()?.scores.hashed();
        Some(hashed.map(|(member, entry)| (member, Keyed::score_in(entry))))
    }

    /// As [`SetRef::along`](super::SetRef::along).
    pub fn along(&self, len: usize) -> Option<ScoresAlong<'_>> {
        let table = self.table()?;
        let near = table.scores.len() / PASSED <= len;
        near.then(|| ScoresAlong(table.scores.along()))
    }

    /// A uniformly random member; `random` is a fresh random number, or the place of the one that is wanted.
    pub fn random(&self, random: u64) -> Option<(Item<'_>, f64)> {
        let n = self.len() as u64;
        let at = (n > 0).then(|| (random % n) as usize)?;
        self.range(at..at + 1).next()
    }

    /// One ZSCAN step; see [`super::SetRef::scan`].
    pub fn scan(&self, cursor: u64, count: usize, mut f: impl FnMut(Item<'_>, f64)) -> u64 {
        match self.table() {
            Some(table) => table.scores.scan(cursor, count, f),
            None => {
                self.iter().for_each(|(member, score)| f(member, score));
                0
            }
        }
    }

    /// `listpack` or `skiplist`.
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            FormRef::Pack(_) => "listpack",
            _ => "skiplist",
        }
    }

    pub(super) fn rdb_type(&self) -> RdbType {
        match self.is_packed() {
            true => RdbType::ZsetListpack,
            false => RdbType::Zset2,
        }
    }

    pub(super) fn is_packed(&self) -> bool {
        matches!(&self.0, FormRef::Pack(_))
    }

    pub(super) fn write(&self, mut packer: Option<&mut lzf::Packer>, out: &mut plain::Out<'_>) {
        match &self.0 {
            FormRef::Pack(lp) => string::encode_blob(lp, packer, out.buf()),
            _ => {
                length::encode_length(self.len() as u64, out.buf());
                // Highest first: real servers then insert each member at their list's head.
                for (member, score) in self.range_rev(0..self.len()) {
                    write_scored(member, score, packer.as_deref_mut(), out);
                }
            }
        }
    }
}

fn write_scored(
    member: Item<'_>,
    score: f64,
    packer: Option<&mut lzf::Packer>,
    out: &mut plain::Out<'_>,
) {
    string::encode_item(member, packer, out.buf());
    out.buf().extend_from_slice(&score.to_le_bytes());
    out.spill();
}
