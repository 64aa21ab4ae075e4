//! One database, which maps keys to values with their expiry and heat.
//!
//! A look-up returns a [`Loc`], a handle that stays valid until the next change of that database. All work on one entry
//! uses it, so that a command hashes and probes only once. Only [`Db::insert`], [`Db::edit_with`], [`Db::set_expire`]
//! and [`Db::remove`] (in `write.rs`) make changes: they run the snapshot's hook before anything moves.

use super::directory::{self, Directory};
use super::expiry::Expiry;
use super::loc::{Loc, Sorted};
use super::record::{self, Record};
use super::segment::{Segment, SegmentMut};
use super::templates::Templates;
use super::type_byte::TypeByte;
use super::type_counts::TypeCounts;
use super::value::Kind;
use super::{Hasher, UnixMillis, Value, ValueRef};
use crate::snapshot::preserve::DbWalk;
use rdb::RdbType;
use std::cell::RefCell;

/// The first and the second argument after a key; the type of the collection decides which of them is a member.
pub type MemberArgs<'a> = (&'a [u8], Option<&'a [u8]>);

/// What time has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The whole entry.
    Key(Loc),
    /// Some fields of the hash.
    Fields(Loc),
}

/// The facts about an entry that can be had without its value.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    type_byte: TypeByte,
    /// The expiry.
    pub expire: Option<UnixMillis>,
    /// As [`Db::heat`].
    pub heat: u32,
}

impl Glance {
    /// What type of value it is.
    #[inline]
    pub fn kind(&self) -> Kind {
        Kind::of_rdb_type(self.type_byte.rdb_type())
    }

    /// True if the value is outside the record, so that it can be changed without a copy.
    #[inline]
    pub fn is_outside(&self) -> bool {
        self.type_byte.is_outside()
    }
}

/// One database.
pub struct Db {
    pub(crate) dir: Directory,
    pub(super) len: usize,
    pub(super) expires: usize,
    /// Entries by RDB type.
    pub(super) types: TypeCounts,
    pub(crate) templates: Templates,
    pub(super) expiry: Expiry,
    pub(super) tidy: super::tidy::Tidy,
    /// The snapshot that still needs something of this database.
    pub(crate) walk: Option<Box<DbWalk>>,
    /// Where records and keys are put together; kept to save allocations.
    pub(super) scratch: Scratch,
    /// The keys that the last step of a scan has sorted.
    pub(crate) sorted: RefCell<Sorted>,
}

#[derive(Default)]
pub(super) struct Scratch {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    /// The buffer in which a value from a record is changed.
    pub edited: Vec<u8>,
}

impl Db {
    /// An empty database.
    pub fn new(hasher: Hasher) -> Self {
        Db::with(Directory::new(hasher))
    }

    pub(super) fn with(dir: Directory) -> Self {
        Db {
            dir,
            len: 0,
            expires: 0,
            types: TypeCounts::default(),
            templates: Templates::default(),
            expiry: Expiry::default(),
            tidy: super::tidy::Tidy::default(),
            walk: None,
            scratch: Scratch::default(),
            sorted: RefCell::default(),
        }
    }

    /// The hash of a key, for [`Db::find_hashed`] and [`Db::prefetch`].
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.dir.hasher().hash(key)
    }

    /// Number of keys, expired ones included.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without keys.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of keys with an expiry.
    #[inline]
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Bytes of segments and directory, without what only a snapshot holds.
    pub fn used_bytes(&self) -> usize {
        let dead = self.walk.as_ref().map_or(0, |walk| walk.dead_bytes());
        (self.dir.heap().used_bytes() + self.dir.node_bytes()).saturating_sub(dead)
    }

    /// Bytes of what finds keys: the directory, and the slots of the keys.
    pub fn index_bytes(&self) -> usize {
        self.dir.node_bytes() + self.len * super::slots::bytes_for(1) / super::slots::SLOTS
    }

    /// Bytes of the expiries of keys.
    pub fn expiry_bytes(&self) -> usize {
        self.expires * size_of::<UnixMillis>()
    }

    /// Number of keys by RDB type: that of the record, or the one in which a large value is written.
    pub fn types(&self) -> &TypeCounts {
        &self.types
    }

    /// Finds a key, whether expired or not.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Loc> {
        self.find_hashed(self.hash(key), key)
    }

    /// As [`Db::find`], for a key whose hash is known.
    #[inline]
    pub fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Loc> {
        let (link, slot) = self.dir.find(hash, key)?;
        Some(Loc {
            hash,
            slot: slot as u16,
            link: link as u16,
        })
    }

    /// Brings what a batch of look-ups will need nearer: call it with the hashes of the keys of a
    /// batch of commands, then run them.
    #[inline]
    pub fn prefetch(&self, hashes: &[u64]) {
        for &hash in hashes {
            self.dir.prefetch_slots(hash);
        }
        for &hash in hashes {
            self.dir.prefetch_record(hash);
        }
    }

    /// As [`Db::prefetch`], for a batch of commands on members of one collection, whose key has that hash.
    pub fn prefetch_members(&self, hash: u64, key: &[u8], members: &[MemberArgs<'_>]) {
        let Some(loc) = self.find_hashed(hash, key) else {
            return;
        };
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        if !Record::parse(&segment.records()[offset.get()..])
            .type_byte
            .is_outside()
        {
            return;
        }
        let first = members.iter().map(|&(first, _)| first);
        match segment.outside_at(offset).as_ref() {
            ValueRef::Set(set) => set.prefetch(first),
            ValueRef::Hash(hash) => hash.prefetch(first),
            // In a write, a score precedes the member.
            ValueRef::Zset(zset) => zset.prefetch(
                members
                    .iter()
                    .map(|&(first, second)| second.unwrap_or(first)),
            ),
            _ => {}
        }
    }

    /// The segment of a [`Loc`], and its slot is in use.
    #[inline]
    pub(crate) fn segment(&self, loc: Loc) -> Segment<'_> {
        let segment = self.link_of(loc);
        debug_assert!(segment.slots().is_occupied(loc.slot as usize));
        segment
    }

    /// The segment of a [`Loc`].
    #[inline]
    pub(crate) fn link_of(&self, loc: Loc) -> Segment<'_> {
        let segment = self.dir.link(loc.hash, loc.link as usize);
        segment.expect("a Loc is valid until the next change")
    }

    #[inline]
    pub(crate) fn segment_mut(&mut self, loc: Loc) -> SegmentMut<'_> {
        let segment = self.dir.link_mut(loc.hash, loc.link as usize);
        segment.expect("a Loc is valid until the next change")
    }

    #[inline]
    pub(super) fn record(&self, loc: Loc) -> Record<'_> {
        Record::parse(self.segment(loc).bytes_at(loc.slot as usize))
    }

    /// The key.
    pub fn key(&self, loc: Loc) -> &[u8] {
        let segment = self.segment(loc);
        segment.key_at(segment.slots().offset(loc.slot as usize))
    }

    /// The value as a reader sees it.
    #[inline]
    pub fn value(&self, loc: Loc) -> ValueRef<'_> {
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let record = Record::parse(&segment.records()[offset.get()..]);
        match record.type_byte {
            TypeByte::STRING => ValueRef::from_record(RdbType::String, record.rest),
            TypeByte::HASH_TEMPLATE => self.templates.read(record.rest),
            byte if !byte.is_outside() => ValueRef::from_record(byte.rdb_type(), record.rest),
            _ => segment.outside_at(offset).as_ref(),
        }
    }

    /// What type of value it is.
    #[inline]
    pub fn kind(&self, loc: Loc) -> Kind {
        let bytes = self.segment(loc).bytes_at(loc.slot as usize);
        Kind::of_rdb_type(record::type_byte(bytes).rdb_type())
    }

    /// What a command needs to know about an entry first.
    #[inline]
    pub fn glance(&self, loc: Loc) -> Glance {
        let segment = self.segment(loc);
        let slots = segment.slots();
        let bytes = &segment.records()[slots.offset(loc.slot as usize).get()..];
        Glance {
            type_byte: record::type_byte(bytes),
            expire: record::expire_of(bytes),
            heat: slots.heat(loc.slot as usize),
        }
    }

    /// True if the value is outside the record, so that it can be changed without a copy.
    #[inline]
    pub fn is_outside(&self, loc: Loc) -> bool {
        let bytes = self.segment(loc).bytes_at(loc.slot as usize);
        record::type_byte(bytes).is_outside()
    }

    /// The expiry.
    #[inline]
    pub fn expire(&self, loc: Loc) -> Option<UnixMillis> {
        super::record::expire_of(self.segment(loc).bytes_at(loc.slot as usize))
    }

    /// 24 bits of heat (LRU clock or LFU counter with decay time).
    #[inline]
    pub fn heat(&self, loc: Loc) -> u32 {
        self.segment(loc).slots().heat(loc.slot as usize)
    }

    /// Sets the heat; not a change in the sense of [`Loc`] validity or snapshots.
    #[inline]
    pub fn set_heat(&mut self, loc: Loc, heat: u32) {
        self.segment_mut(loc).set_heat(loc.slot as usize, heat);
    }

    /// As [`Db::set_heat`], with the result of `f` for the present heat.
    #[inline]
    pub fn change_heat(&mut self, loc: Loc, f: impl FnOnce(u32) -> u32) {
        let mut segment = self.segment_mut(loc);
        let slot = loc.slot as usize;
        let old = segment.as_ref().slots().heat(slot);
        let new = f(old);
        if new != old {
            segment.set_heat(slot, new);
        }
    }

    /// The number of the template of an entry.
    #[inline]
    pub(super) fn template_of(&self, loc: Loc) -> Option<usize> {
        let record = self.record(loc);
        record::template_of(record.type_byte, record.rest)
    }

    /// Checks what is known of templates against the records.
    ///
    /// # Panics
    /// If they differ.
    #[cfg(any(test, feature = "testing"))]
    pub fn check_templates(&self) {
        let mut numbers = Vec::new();
        self.scan(0, usize::MAX, |loc| numbers.extend(self.template_of(loc)));
        self.templates.check(&numbers);
    }

    /// The value that a record holds.
    pub(super) fn owned(&self, record: &Record<'_>) -> Value {
        let buffer = Vec::new();
        self.templates
            .owned(record.type_byte, record.value(), buffer)
    }

    /// A copy of the value (shares structure where it is large).
    pub fn clone_value(&self, loc: Loc) -> Value {
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let record = Record::parse(&segment.records()[offset.get()..]);
        match record.type_byte.is_outside() {
            false => self.owned(&record),
            true => segment.outside_at(offset).clone(),
        }
    }

    /// Bytes that the entry takes: record, slot, and what its value holds elsewhere.
    pub fn entry_bytes(&self, loc: Loc) -> usize {
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let record = segment.record_at(loc.slot as usize);
        let outside = match record::type_byte(record).is_outside() {
            false => 0,
            true => size_of::<Value>() + 16 + segment.outside_at(offset).heap_bytes(),
        };
        // A long key is beside the value.
        let key = match record::type_byte(record).has_long_key() {
            true => self.key(loc).len() + size_of::<Box<[u8]>>(),
            false => 0,
        };
        record.len() + super::slots::bytes_for(1) / super::slots::SLOTS + outside + key
    }

    /// A random key (uniform within a small factor); `random` is a fresh random number.
    pub fn random(&self, random: u64) -> Option<Loc> {
        if self.is_empty() {
            return None;
        }
        let mut at = random;
        loop {
            let first = self.dir.segment(at)?;
            let mut links = 0;
            while self.dir.link(at, links).is_some() {
                links += 1;
            }
            let start = (random >> 7) as usize % links;
            for link in (start..links).chain(0..start) {
                let segment = self.dir.link(at, link).expect("counted above");
                // The bits that chose the segment say nothing new here.
                let random = random.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if let Some(slot) = segment.slots().random(random.rotate_left(32)) {
                    return Some(Loc {
                        hash: at,
                        slot: slot as u16,
                        link: link as u16,
                    });
                }
            }
            at = directory::after(first.prefix(), first.depth()).unwrap_or(0);
        }
    }

    /// A random key among those with an expiry.
    pub fn random_volatile(&self, random: u64) -> Option<Loc> {
        if self.expires == 0 {
            return None;
        }
        let volatile = |prefix: u64, random: u64| {
            let links = (0..).map_while(|link| Some((link, self.dir.link(prefix, link)?)));
            for (link, segment) in links {
                let count = segment.volatile() as usize;
                if count == 0 {
                    continue;
                }
                let has_expiry =
                    |&slot: &usize| super::record::expire_of(segment.bytes_at(slot)).is_some();
                let mut slots = segment.slots().iter().filter(has_expiry);
                let slot = slots.nth(random as usize % count)?;
                return Some(Loc {
                    hash: prefix,
                    slot: slot as u16,
                    link: link as u16,
                });
            }
            None
        };
        // Nearly every entry is good; all of them are tried before giving up.
        let start = random >> 16;
        let entries =
            (0..self.expiry.len() as u64).filter_map(|i| self.expiry.get(start.wrapping_add(i)));
        entries
            .into_iter()
            .find_map(|(_, prefix)| volatile(prefix, random & 0xffff))
    }

    /// Some entry that is due at `now`, the most overdue first where that is cheap to know.
    pub fn next_due(&mut self, now: UnixMillis) -> Option<Due> {
        while let Some((at, prefix)) = self.expiry.first() {
            if at >= now {
                return None;
            }
            let mut stale = true;
            for link in 0.. {
                let Some(segment) = self.dir.link(prefix, link) else {
                    break;
                };
                if segment.timed() == 0 || segment.min_expire() != at {
                    continue;
                }
                stale = false;
                let slots = segment.slots();
                let due = |&slot: &usize| {
                    let due = segment.due_at(slots.offset(slot));
                    due.is_some_and(|at| at < now)
                };
                // Those before the last one found are not due, unless they have changed since.
                let from = self.expiry.searched_to;
                let later = slots.iter().filter(|&slot| slot >= from).find(due);
                let found = later.or_else(|| slots.iter().filter(|&slot| slot < from).find(due));
                if let Some(slot) = found {
                    self.expiry.searched_to = slot;
                    let loc = Loc {
                        hash: prefix,
                        slot: slot as u16,
                        link: link as u16,
                    };
                    return Some(match self.expire(loc) {
                        Some(at) if at < now => Due::Key(loc),
                        _ => Due::Fields(loc),
                    });
                }
                let earliest = segment.earliest();
                let mut segment = self.dir.link_mut(prefix, link).expect("found above");
                segment.set_min_expire(earliest.unwrap_or(UnixMillis::MAX));
                self.expiry.pop();
                if let Some(at) = earliest {
                    self.expiry.push(at, prefix);
                }
                break;
            }
            if stale {
                self.expiry.pop();
            }
        }
        None
    }
}
