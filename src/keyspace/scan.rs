//! SCAN: iterating over a database in hash order, in steps that a cursor connects.
//!
//! A cursor is a position: the top [`CURSOR_BITS`] bits of the hash of the next key. Clients keep it in signed 64-bit
//! integers and in doubles, so it has as many bits as a double holds exactly. Keys that share a position are always
//! visited in the same step: a cursor could not point between them. The hash is keyed with a secret, so that keys
//! that share a position cannot be chosen.
//!
//! A key keeps its hash whatever happens to the segments, so a key that is present from the beginning of a
//! scan to its end is visited, through splits, merges, insertions and deletions.

use super::UnixMillis;
use super::db::Db;
use super::directory::after;
use super::loc::Loc;
use super::record::{self, Record};
use super::segment::Segment;
use std::cell::Ref;

/// Bits of a cursor.
const CURSOR_BITS: u32 = 53;

impl Db {
    /// One step: calls `f` for `count` keys from `cursor` on, or a few more; returns the next cursor, 0 at
    /// the end.
    pub fn scan(&self, cursor: u64, count: usize, f: impl FnMut(Loc)) -> u64 {
        self.scan_positions(CURSOR_BITS, cursor, count, f)
    }

    /// As [`Db::scan`] with positions of any number of bits.
    fn scan_positions(&self, bits: u32, cursor: u64, count: usize, mut f: impl FnMut(Loc)) -> u64 {
        let shift = u64::BITS - bits;
        let position = |hash: u64| hash >> shift;
        if cursor > position(u64::MAX) {
            return 0;
        }
        let mut at = cursor << shift;
        let mut left = count.max(1);
        // The last position of this step, once that is known.
        let mut last = None;
        loop {
            let Some(first) = self.dir.segment(at) else {
                return 0;
            };
            let whole = at <= first.prefix() && self.dir.link(at, 1).is_none();
            if last.is_none() && whole && first.entries() as usize <= left {
                // All of it belongs to this step, independent of the hashes.
                for slot in first.slots().iter() {
                    f(Loc {
                        hash: first.prefix(),
                        slot: slot as u16,
                        link: 0,
                    });
                }
                left -= first.entries() as usize;
            } else {
                let sorted = self.sorted_segment(at, first);
                let batch = &sorted[sorted.partition_point(|loc| loc.hash < at)..];
                if last.is_none() && batch.len() > left {
                    last = Some(position(batch[left - 1].hash));
                }
                let end = last.map_or(batch.len(), |last| {
                    batch.partition_point(|loc| position(loc.hash) <= last)
                });
                batch[..end].iter().for_each(|&loc| f(loc));
                if let Some(next) = batch.get(end) {
                    return position(next.hash);
                }
                left = left.saturating_sub(batch.len());
            }
            let Some(end) = after(first.prefix(), first.depth()) else {
                return 0;
            };
            if left == 0 && last.is_none() {
                last = Some(position(end - 1));
            }
            // A segment may end within a position.
            if last.is_some_and(|last| position(end) > last) {
                return position(end);
            }
            at = end;
        }
    }

    /// Calls `f` with each key and its expiry, in no order: for what looks at all keys in one step, which need not
    /// know their hashes.
    pub fn each_key(&self, mut f: impl FnMut(&[u8], Option<UnixMillis>)) {
        let mut at = 0;
        while let Some(first) = self.dir.segment(at) {
            for link in 0.. {
                let Some(segment) = self.dir.link(at, link) else {
                    break;
                };
                for slot in segment.slots().iter() {
                    let record = Record::parse(segment.bytes_at(slot));
                    f(segment.key_at(segment.slots().offset(slot)), record.expire);
                }
            }
            match after(first.prefix(), first.depth()) {
                Some(end) => at = end,
                None => return,
            }
        }
    }

    /// True if freeing all keys takes at most this much work, as measured by
    /// [`Value::free_effort`](crate::Value::free_effort).
    pub fn frees_within(&self, effort: usize) -> bool {
        let mut left = match effort.checked_sub(self.len()) {
            Some(left) if self.walk.is_none() => left,
            _ => return false,
        };
        let mut at = 0;
        while let Some(first) = self.dir.segment(at) {
            for segment in (0..).map_while(|link| self.dir.link(at, link)) {
                for slot in segment.slots().iter().filter(|_| segment.foreign() > 0) {
                    if record::type_byte(segment.bytes_at(slot)).is_outside() {
                        let value = segment.outside_at(segment.slots().offset(slot));
                        match left.checked_sub(value.free_effort()) {
                            Some(less) => left = less,
                            None => return false,
                        }
                    }
                }
            }
            match after(first.prefix(), first.depth()) {
                Some(end) => at = end,
                None => break,
            }
        }
        true
    }

    /// The keys of the segments that serve `hash`, of which `first` is the first one, in the order of their hashes.
    fn sorted_segment(&self, hash: u64, first: Segment<'_>) -> Ref<'_, [Loc]> {
        let mask = mask_of(first.depth());
        let mut known = self.sorted.borrow_mut();
        if !known.serves(hash) || known.mask != mask {
            known.locs.clear();
            for link in 0.. {
                let Some(segment) = self.dir.link(hash, link) else {
                    break;
                };
                known.locs.extend(segment.slots().iter().map(|slot| Loc {
                    hash: self.hash(segment.key_at(segment.slots().offset(slot))),
                    slot: slot as u16,
                    link: link as u16,
                }));
            }
            known.locs.sort_unstable_by_key(|loc| loc.hash);
            (known.prefix, known.mask) = (hash & mask, mask);
            known.holds = true;
        }
        drop(known);
        Ref::map(self.sorted.borrow(), |known| &*known.locs)
    }
}

/// The bits of a hash that determine whether it belongs to a segment.
fn mask_of(depth: u8) -> u64 {
    !u64::MAX.checked_shr(depth.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Str;
    use crate::{Keyspace, Value};
    use base::secret::HashKey;
    use base::testing::Rng;
    use std::collections::BTreeSet;

    fn put(db: &mut Db, key: &[u8]) {
        if db.find(key).is_none() {
            db.insert(key, Value::Str(Str::new(b"v")), None);
        }
    }

    fn remove(db: &mut Db, key: &[u8]) {
        if let Some(loc) = db.find(key) {
            drop(db.take(loc));
        }
    }

    /// Scans with changes between the steps. `bits` are few, so that many keys share a position and a
    /// position spans many segments; `most` is how many keys are added and removed in addition to those that stay.
    fn scan_while_keys_come_and_go(seed: u64, bits: u32, most: usize) {
        let mut rng = Rng::new(seed);
        let mut keyspace = Keyspace::new(1, HashKey::fixed([seed, 5]));
        let db = keyspace.db_mut(0);
        let stays: BTreeSet<Vec<u8>> = (0..rng.below(3000))
            .map(|i| format!("stays:{i}").into_bytes())
            .collect();
        stays.iter().for_each(|key| put(db, key));
        let (mut cursor, mut seen, mut steps) = (0, BTreeSet::new(), 0);
        loop {
            let count = [1, 10, 100, 1000][rng.below(4)];
            let (mut n, mut positions) = (0, BTreeSet::new());
            let next = db.scan_positions(bits, cursor, count, |loc| {
                n += 1;
                positions.insert(loc.hash >> (64 - bits));
                seen.insert(db.key(loc).to_vec());
            });
            assert!(positions.iter().all(|&p| p >= cursor));
            assert!(next == 0 || positions.iter().all(|&p| p < next));
            assert!(next == 0 || next > cursor, "a scan ends");
            assert!(next == 0 || n >= count, "a step gives what was asked for");
            // What is more than that shares the last position.
            assert!(n <= count || positions.len() <= count);
            if next == 0 {
                break;
            }
            cursor = next;
            steps += 1;
            // Grow, then shrink, so that segments split and merge under the scan.
            for _ in 0..rng.below(400) {
                let key = format!("comes:{}", rng.below(most)).into_bytes();
                match steps / 4 % 2 {
                    0 => put(db, &key),
                    _ => remove(db, &key),
                }
            }
        }
        assert!(stays.is_subset(&seen), "seed {seed} bits {bits}");
    }

    #[test]
    fn what_stays_during_a_scan_is_seen() {
        for seed in 0..if cfg!(debug_assertions) { 6 } else { 40 } {
            for bits in [2, 5, 9, CURSOR_BITS] {
                scan_while_keys_come_and_go(seed, bits, [100, 20_000][seed as usize % 2]);
            }
        }
    }

    #[test]
    fn a_cursor_survives_as_a_double() {
        let mut keyspace = Keyspace::new(1, HashKey::fixed([1, 2]));
        let db = keyspace.db_mut(0);
        (0..5000).for_each(|i| put(db, format!("key:{i}").as_bytes()));
        let (mut cursor, mut seen) = (0, 0);
        loop {
            cursor = db.scan(cursor, 10, |_| seen += 1);
            assert!(cursor < 1 << 53);
            assert_eq!(cursor as f64 as u64, cursor);
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, 5000, "without changes each key comes once");
        assert_eq!(db.scan(u64::MAX, 10, |_| panic!("beyond the end")), 0);
        assert_eq!(db.scan(1 << 53, 10, |_| panic!("beyond the end")), 0);
    }

    /// As a client does that walks with SCAN and copies each key to another database: all the keys of the first
    /// segment are in its lower half when it is split, and so on.
    #[test]
    fn keys_that_come_in_the_order_of_their_hashes_find_room() {
        for len in (200..1020).step_by(11) {
            let mut keyspace = Keyspace::new(1, HashKey::fixed([11, 12]));
            let text = vec![b'v'; len];
            let names = (0..600).map(|n| format!("key:{n}").into_bytes());
            let mut keys: Vec<Vec<u8>> = names.collect();
            keys.sort_by_key(|key| keyspace.db(0).hash(key));
            let db = keyspace.db_mut(0);
            for key in &keys {
                db.insert_str(key, &text, None);
            }
            assert_eq!(db.len(), keys.len());
            assert!(keys.iter().all(|key| db.find(key).is_some()));
        }
    }
}
