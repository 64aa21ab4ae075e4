//! How much memory keys and values take in addition to their own bytes.

use crate::testing::Random;
use crate::{Db, Footprint, Keyspace, Round, ValueRef};
use base::secret::HashKey;

struct Filled {
    keyspace: Keyspace,
    random: Random,
    now_ms: u64,
}

impl Filled {
    /// `keys` strings of `size` bytes each, written one after the other.
    fn new(keys: u64, size: usize, expire: Option<i64>) -> Filled {
        let mut filled = Filled {
            keyspace: Keyspace::new(1, HashKey::fixed([keys, size as u64])),
            random: Random::Seed(size as u64),
            now_ms: 0,
        };
        for n in 0..keys {
            filled.set(n, size, expire);
        }
        filled
    }

    fn set(&mut self, n: u64, size: usize, expire: Option<i64>) {
        let key = format!("key:{n:010}");
        let db = self.keyspace.db_mut(0);
        db.insert_str(key.as_bytes(), &vec![b'v'; size], expire);
        if self.random.one_in(1000) {
            self.turn(100);
        }
    }

    /// The housekeeping that the server does several times a second.
    fn turn(&mut self, after_ms: u64) {
        self.now_ms += after_ms;
        for _ in 0..200 {
            if !self.keyspace.tidy(self.now_ms) {
                break;
            }
        }
    }

    /// Nothing happens for some seconds.
    fn pause(&mut self) -> Footprint {
        for _ in 0..50 {
            self.turn(100);
        }
        assert!(!self.keyspace.tidy(self.now_ms), "there is an end to it");
        self.db().footprint()
    }

    fn db(&self) -> &Db {
        self.keyspace.db(0)
    }
}

/// Segments take at most `share` percent more than the records in them, ten bytes a key for slots, and what
/// housekeeping does not care for.
fn check(what: &str, size: usize, keys: usize, footprint: Footprint, share: usize) {
    println!("{what} {size:5} B, {keys:6} keys: {footprint:?}");
    let most = footprint.live * (100 + share) / 100 + 10 * keys + (256 << 10);
    assert!(footprint.total() <= most, "{} > {most}", footprint.total());
}

#[test]
fn segments_take_little_more_than_their_records_at_any_time_and_any_size() {
    for size in [8usize, 64, 420, 1000] {
        for (keys, expire) in [(10_000, None), (14_000, Some(4_000_000_000_000))] {
            let mut filled = Filled::new(keys, size, expire);
            check("filling", size, keys as usize, filled.db().footprint(), 30);
            check("filled", size, keys as usize, filled.pause(), 9);
            for _ in 0..2 * keys {
                let n = filled.random.below(keys);
                let other = size / 2 + filled.random.below(size as u64 + 1) as usize;
                filled.set(n, other, expire);
            }
            check("churned", size, keys as usize, filled.pause(), 25);
            for n in 0..keys {
                if filled.random.one_in(2) {
                    let key = format!("key:{n:010}");
                    let db = filled.keyspace.db_mut(0);
                    let loc = db.find(key.as_bytes()).expect("it is there");
                    db.remove(loc);
                }
            }
            check("halved", size, filled.db().len(), filled.pause(), 25);
        }
    }
}

#[test]
fn a_round_looks_at_every_value_outside_and_changes_none() {
    let mut filled = Filled::new(3000, 20, None);
    let text = |n: u64| vec![n as u8; 1000 + n as usize];
    let key = |n: u64| match n % 3 {
        0 => format!("key:{n}:{}", "k".repeat(300)),
        _ => format!("key:{n}"),
    };
    for n in 0..500 {
        let db = filled.keyspace.db_mut(0);
        db.insert_str(key(n).as_bytes(), &text(n), None);
    }
    let mut round = Round::default();
    let (mut seen, mut left) = (Vec::new(), Vec::new());
    let is_sparse = &mut |at: *const u8| {
        seen.push(at);
        true
    };
    while !filled.keyspace.repack(&mut round, is_sparse, &mut left) {}
    // Those of up to 1024 bytes are stored in their records, unless their keys are long.
    let outside = (0..500).filter(|n| n % 3 == 0 || *n > 24).count();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), left.len()), (outside, outside));
    for n in 0..500 {
        let loc = filled.db().find(key(n).as_bytes()).expect("it is there");
        let ValueRef::Str(value) = filled.db().value(loc) else {
            panic!("a string");
        };
        assert_eq!(value.bytes(), text(n));
    }
}
