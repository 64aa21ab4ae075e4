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
use super::db::{Db, Loc};
use super::directory::after;
use super::record::Record;

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
        let mut batch: Vec<Loc> = Vec::new();
        loop {
            let Some(first) = self.dir.segment(at) else {
                return 0;
            };
            self.segment_from(at, &mut batch);
            if last.is_none() && batch.len() > left {
                let (_, nth, _) = batch.select_nth_unstable_by_key(left - 1, |loc| loc.hash);
                last = Some(position(nth.hash));
            }
            let mut next: Option<u64> = None;
            for &loc in &batch {
                let here = position(loc.hash);
                if last.is_some_and(|last| here > last) {
                    next = Some(next.map_or(here, |next| next.min(here)));
                } else {
                    f(loc);
                }
            }
            if let Some(next) = next {
                return next;
            }
            left = left.saturating_sub(batch.len());
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

    /// The keys of the segments that serve `from`, as far as their hashes are not below it.
    fn segment_from(&self, from: u64, batch: &mut Vec<Loc>) {
        batch.clear();
        for link in 0.. {
            let Some(segment) = self.dir.link(from, link) else {
                return;
            };
            for slot in segment.slots().iter() {
                let hash = self.hash(segment.key_at(segment.slots().offset(slot)));
                if hash >= from {
                    batch.push(Loc {
                        hash,
                        slot: slot as u16,
                        link: link as u16,
                    });
                }
            }
        }
    }
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
