//! Databases that are built from partitions.

use crate::record::{put_head, put_string};
use crate::snapshot::{SnapshotOptions, Step};
use crate::testing::Random;
use crate::value::Set;
use crate::{Db, Hasher, Keyspace, Limits, Partition, Scanned, SizeHint, Value, ValueRef};
use base::secret::HashKey;

const HASHER: HashKey = HashKey::fixed([11, 12]);

fn record(n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(
        &mut out,
        n.is_multiple_of(3).then_some(n as i64),
        rdb::RdbType::String,
        format!("key:{n}").as_bytes(),
    );
    // Every hundredth is too large for a segment.
    match n % 100 {
        0 => put_string(&mut out, &[b'v'; 5000]),
        _ => put_string(&mut out, n.to_string().as_bytes()),
    }
    out
}

fn insert(partitions: &mut [Partition], bits: u32, numbers: &[u64]) {
    let hasher = Hasher::new(HASHER);
    let mut lists: Vec<Vec<(u64, Vec<u8>)>> = vec![Vec::new(); 1 << bits];
    for &n in numbers {
        let hash = hasher.hash(format!("key:{n}").as_bytes());
        lists[hash.unbounded_shr(64 - bits) as usize].push((hash, record(n)));
    }
    for (partition, list) in partitions.iter_mut().zip(&lists) {
        let scanned = |i: usize| Scanned {
            hash: list[i].0,
            record: &list[i].1,
            heat: 7,
        };
        partition
            .insert_batch(list.len(), scanned)
            .expect("no key comes twice");
    }
}

fn check(db: &Db, keys: u64) {
    assert_eq!(db.len(), keys as usize);
    assert_eq!(db.expires(), keys.div_ceil(3) as usize);
    for n in 0..keys {
        let loc = db
            .find(format!("key:{n}").as_bytes())
            .expect("it was loaded");
        let ValueRef::Str(value) = db.value(loc) else {
            panic!("a string");
        };
        match n % 100 {
            0 => assert_eq!(value.bytes(), &[b'v'; 5000][..]),
            _ => assert_eq!(value.int(), Some(n as i64)),
        }
        assert_eq!(
            (db.expire(loc), db.heat(loc)),
            (n.is_multiple_of(3).then_some(n as i64), 7)
        );
    }
}

#[test]
fn a_database_loaded_in_parts_is_whole_whatever_the_hint_said() {
    for (bits, keys) in [
        (0, 0),
        (0, 3),
        (0, 5000),
        (1, 20_000),
        (3, 40_000),
        (8, 100),
    ] {
        for hint in [0, 1, keys, 10 * keys, u64::MAX] {
            let hint = SizeHint {
                keys: hint,
                bytes: keys * 30,
            };
            let mut partitions = Partition::split(Hasher::new(HASHER), bits, hint);
            let numbers: Vec<u64> = (0..keys).collect();
            insert(&mut partitions, bits, &numbers);
            check(&Db::assemble(partitions), keys);
        }
    }
}

#[test]
fn a_loaded_database_takes_writes_deletions_and_snapshots() {
    let keys = 30_000;
    let mut partitions = Partition::split(Hasher::new(HASHER), 4, SizeHint::default());
    insert(&mut partitions, 4, &(0..keys).collect::<Vec<_>>());
    let mut keyspace = Keyspace::new(1, HASHER);
    let old = keyspace.replace(0, Db::assemble(partitions));
    assert!(old.is_empty());
    let mut random = Random::Seed(5);
    keyspace.begin_snapshot(SnapshotOptions::default()).unwrap();
    let db = keyspace.db_mut(0);
    for n in 0..keys {
        let key = format!("key:{n}");
        let loc = db.find(key.as_bytes()).expect("it was loaded");
        match random.below(4) {
            0 => drop(db.insert_str(key.as_bytes(), b"another value", None)),
            _ => db.remove(loc),
        }
    }
    for n in keys..3 * keys {
        db.insert_str(format!("key:{n}").as_bytes(), b"new", None);
    }
    assert_eq!(
        db.next_due(i64::MAX),
        None,
        "none of the volatile keys is left"
    );
    let mut seen = 0;
    loop {
        match keyspace.walk_step(1 << 20).expect("the counts agree") {
            Step::Block(block) => seen += block.keys() as u64,
            Step::Pending => {}
            Step::Done => break,
        }
    }
    assert_eq!(seen, keys);
}

#[test]
fn a_key_that_comes_twice_is_named() {
    let hasher = Hasher::new(HASHER);
    let mut partition = Partition::split(hasher, 0, SizeHint::default())
        .pop()
        .unwrap();
    let bytes = record(1);
    let scanned = Scanned {
        hash: hasher.hash(b"key:1"),
        record: &bytes,
        heat: 0,
    };
    let error = partition.insert_batch(2, |_| scanned).unwrap_err();
    assert_eq!(error.to_string(), "duplicate key 'key:1'");
    assert_eq!(error.index, 1);
    let mut set = Set::new();
    set.add(b"a", &Limits::default());
    let again = partition.insert_value(scanned.hash, b"key:1", None, Value::Set(set), 0);
    assert_eq!(again.unwrap_err().key, error.key);
}
