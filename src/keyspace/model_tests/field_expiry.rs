//! Random hashes with expiring fields, together with expiring keys, are compared with a model: exactly the fields that
//! are due are found, wherever the hash is stored and whatever moved its segment.

use crate::record::put_head;
use crate::snapshot::{SnapshotOptions, Step};
use crate::testing::Random;
use crate::value::Hash;
use crate::{
    Db, Due, Hasher, Keyspace, Limits, Loc, Partition, Scanned, SizeHint, Value, ValueRef,
};
use base::secret::HashKey;
use std::collections::BTreeMap;

type Fields = BTreeMap<Vec<u8>, Option<i64>>;
type Model = BTreeMap<Vec<u8>, (Fields, Option<i64>)>;

struct Run {
    random: Random,
    keyspace: Keyspace,
    model: Model,
    now: i64,
    walking: bool,
}

impl Run {
    fn key(&mut self) -> Vec<u8> {
        let n = self.random.below(600);
        match n % 40 {
            0 => format!("key:{n}:{}", "x".repeat(300)).into_bytes(),
            _ => format!("key:{n}").into_bytes(),
        }
    }

    fn time(&mut self) -> Option<i64> {
        let random = &mut self.random;
        (!random.one_in(3)).then(|| self.now + 1 + random.below(2000) as i64)
    }

    /// Small ones are stored in records, wide ones outside, those of many fields are trees.
    fn hash(&mut self) -> (Value, Fields) {
        let (fields, width) = match self.random.below(8) {
            0 => (200, 3),
            1 => (5, 60),
            2 => (90, 40),
            _ => (1 + self.random.below(6), 3),
        };
        let limits = Limits::default();
        let (mut hash, mut model) = (Hash::new(), Fields::new());
        for n in 0..fields {
            let field = format!("field:{n}").into_bytes();
            hash.set(&field, &vec![b'v'; width], &limits);
            let at = self.time();
            hash.set_expire(&field, at, &limits);
            model.insert(field, at);
        }
        (Value::Hash(hash), model)
    }

    fn step(&mut self) {
        let key = self.key();
        let found = self.keyspace.db(0).find(&key);
        assert_eq!(found.is_some(), self.model.contains_key(&key));
        match (self.random.below(10), found) {
            (0..=3, _) => {
                let (value, fields) = self.hash();
                let expire = self.time().filter(|_| self.random.one_in(3));
                self.keyspace.db_mut(0).insert(&key, value, expire);
                self.model.insert(key, (fields, expire));
            }
            (4..=6, Some(loc)) => self.edit(&key, loc),
            (7, Some(loc)) => {
                let expire = self.time();
                self.keyspace.db_mut(0).set_expire(loc, expire);
                self.model.get_mut(&key).expect("found").1 = expire;
            }
            (8, Some(loc)) => {
                self.keyspace.db_mut(0).remove(loc);
                self.model.remove(&key);
            }
            _ => self.now += self.random.below(4) as i64,
        }
    }

    fn edit(&mut self, key: &[u8], loc: Loc) {
        let at = self.time();
        let fields = &mut self.model.get_mut(key).expect("found").0;
        let n = self.random.below(fields.len() as u64) as usize;
        let field = fields.keys().nth(n).expect("below the length").clone();
        let drop_it = self.random.one_in(4);
        let change = |value: &mut Value| {
            let Value::Hash(hash) = value else { panic!() };
            match drop_it {
                true => hash.remove(&field),
                false => hash.set_expire(&field, at, &Limits::default()),
            }
        };
        let db = self.keyspace.db_mut(0);
        let done = db.edit_with(loc, change);
        assert!(done);
        match drop_it {
            true => _ = fields.remove(&field),
            false => _ = fields.insert(field, at),
        }
        if fields.is_empty() {
            self.model.remove(key);
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        let most = 1 + self.random.below(30) as usize;
        let db = self.keyspace.db_mut(0);
        while let Some(due) = db.next_due(now) {
            match due {
                Due::Key(loc) => {
                    let (_, expire) = self.model.remove(db.key(loc)).expect("it was written");
                    assert!(expire.is_some_and(|at| at < now));
                    db.remove(loc);
                }
                Due::Fields(loc) => expire_fields(db, loc, &mut self.model, now, most),
            }
        }
        let overdue = |at: &Option<i64>| at.is_some_and(|at| at < now);
        for (key, (fields, expire)) in &self.model {
            assert!(!overdue(expire) && !fields.values().any(overdue), "{key:?}");
        }
    }

    fn walk(&mut self) {
        if !self.walking {
            let options = SnapshotOptions { heats: false };
            self.keyspace.begin_snapshot(options).expect("none runs");
            self.walking = true;
        }
        let step = self.keyspace.walk_step(1 << self.random.below(16));
        self.walking = !matches!(step.expect("the counts agree"), Step::Done);
    }

    fn check(&self) {
        let db = self.keyspace.db(0);
        assert_eq!(db.len(), self.model.len());
        for (key, (fields, expire)) in &self.model {
            let loc = db.find(key).expect("the model has it");
            assert_eq!((&fields_of(db, loc), db.expire(loc)), (fields, *expire));
        }
    }
}

fn expire_fields(db: &mut Db, loc: Loc, model: &mut Model, now: i64, most: usize) {
    let key = db.key(loc).to_vec();
    let fields = &mut model.get_mut(&key).expect("it was written").0;
    let gone = db.edit_with(loc, |value| {
        let Value::Hash(hash) = value else { panic!() };
        hash.remove_expired(now, most, |field| {
            let at = fields.remove(field).expect("the field was written");
            assert!(at.is_some_and(|at| at < now));
        })
    });
    assert!(gone > 0, "nothing was due in {key:?}");
    if fields.is_empty() {
        model.remove(&key);
    }
}

fn fields_of(db: &Db, loc: Loc) -> Fields {
    let ValueRef::Hash(hash) = db.value(loc) else {
        panic!("only hashes were written");
    };
    let fields = hash.iter().map(|(field, _, at)| (field.to_vec(), at));
    fields.collect()
}

#[test]
fn what_is_due_is_found_all_of_it_and_nothing_else() {
    for seed in 0..4 {
        println!("seed {seed}");
        let mut run = Run {
            random: Random::Seed(seed),
            keyspace: Keyspace::new(1, HashKey::fixed([seed, 3])),
            model: Model::new(),
            now: 1000,
            walking: false,
        };
        for step in 0..8000 {
            run.step();
            if step % 40 == 0 {
                match run.random.below(4) {
                    0 => run.expire(),
                    1 => _ = run.keyspace.tidy(step),
                    _ => run.walk(),
                }
            }
        }
        run.check();
        run.now += 10_000;
        run.expire();
        run.check();
    }
}

#[test]
fn what_was_loaded_is_due_too() {
    let hasher = Hasher::new(HashKey::fixed([1, 2]));
    let limits = Limits::default();
    let mut parts = Partition::split(hasher, 0, SizeHint::default());
    let hash = |fields: usize, at: i64| {
        let mut hash = Hash::new();
        for n in 0..fields {
            let field = format!("field:{n}");
            hash.set(field.as_bytes(), b"v", &limits);
            hash.set_expire(field.as_bytes(), Some(at), &limits);
        }
        Value::Hash(hash)
    };
    for n in 0..1000i64 {
        let key = format!("key:{n}");
        let hashed = hasher.hash(key.as_bytes());
        if n % 10 == 0 {
            let added = parts[0].insert_value(hashed, key.as_bytes(), None, hash(600, 5000 + n), 0);
            added.expect("no key comes twice");
            continue;
        }
        let mut packed = Vec::new();
        let rdb_type = hash(3, 5000 + n).to_record(&mut packed).expect("small");
        let mut record = Vec::new();
        put_head(&mut record, None, rdb_type, key.as_bytes());
        record.extend_from_slice(&packed);
        let scanned = Scanned {
            hash: hashed,
            record: &record,
            heat: 0,
        };
        let added = parts[0].insert_batch(1, |_| scanned);
        added.expect("no key comes twice");
    }
    let mut db = Db::assemble(parts);
    for (now, left) in [(5000, 1000), (5500, 500), (9000, 0)] {
        while let Some(Due::Fields(loc)) = db.next_due(now) {
            db.edit_with(loc, |value| {
                let Value::Hash(hash) = value else { panic!() };
                assert!(hash.remove_expired(now, 100, |_| {}) > 0);
            });
        }
        assert_eq!(db.len(), left, "at {now}");
    }
}
