//! Random operations on a keyspace and on a `BTreeMap`; snapshots are begun at random moments and must
//! give the model as it was at the cut, whatever happens while the walk goes on.

use crate::held::{Draw, Held, held};
use crate::random::Random;
use forebay::base::secret::HashKey;
use forebay::keyspace::record::{self, Record};
use forebay::keyspace::sizes::{KEYS, STRINGS, around};
use forebay::keyspace::snapshot::{Block, Cut, SnapshotOptions, Step};
use forebay::keyspace::{Db, Due, Keyspace, Loc, Round, ValueRef};
use std::collections::BTreeMap;

const DBS: usize = 3;

type Entry = (Held, Option<i64>);
type Model = [BTreeMap<Vec<u8>, Entry>; DBS];

/// What a run looks like.
#[derive(Clone, Copy)]
struct Shape {
    keys: u64,
    value_max: u64,
    steps: usize,
    /// One in so many operations deletes.
    delete: u64,
    sizes: Sizes,
}

/// How long keys and texts are.
#[derive(Clone, Copy)]
enum Sizes {
    Small,
    /// Some long keys too.
    Large,
    /// As long as the sizes at which they take another form, and beside them.
    Boundaries,
}

struct Run {
    random: Random,
    shape: Shape,
    keyspace: Keyspace,
    model: Model,
    now: i64,
    /// Milliseconds of another clock: that of housekeeping.
    ticks: u64,
    /// Where the values outside are being moved.
    round: Round,
    snapshot: Option<Snapshot>,
    snapshots: usize,
}

struct Snapshot {
    cut: Cut,
    model: Model,
    seen: Model,
}

impl Run {
    fn new(seed: u64, shape: Shape) -> Run {
        println!("seed {seed}");
        Run {
            random: Random(seed),
            shape,
            keyspace: Keyspace::new(DBS, HashKey::fixed([seed, 1])),
            model: Default::default(),
            now: 1000,
            ticks: 0,
            round: Round::default(),
            snapshot: None,
            snapshots: 0,
        }
    }

    fn key(&mut self) -> Vec<u8> {
        let n = self.random.below(self.shape.keys);
        let key = format!("key:{n}");
        match self.shape.sizes {
            Sizes::Small => key.into_bytes(),
            Sizes::Large if n.is_multiple_of(50) => {
                format!("key:{n}:{}", "x".repeat(300)).into_bytes()
            }
            Sizes::Large => key.into_bytes(),
            // Each key has a length of its own, and most of them begin alike.
            Sizes::Boundaries => {
                let boundary = KEYS[n as usize % KEYS.len()];
                let len = around(boundary)[n as usize / KEYS.len() % 3] + n as usize / 15;
                vec![b'k'; len]
            }
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let len = match self.shape.sizes {
            Sizes::Boundaries if self.random.one_in(3) => {
                let boundary = STRINGS[self.random.below(STRINGS.len() as u64 - 1) as usize];
                around(boundary)[self.random.below(3) as usize]
            }
            _ => self.random.below(self.shape.value_max + 1) as usize,
        };
        match self.random.below(4) {
            0 => self.random.below(1 << 40).to_string().into_bytes(),
            _ => (0..len).map(|i| b'a' + (i % 23) as u8).collect(),
        }
    }

    fn expiry(&mut self) -> Option<i64> {
        self.random
            .one_in(3)
            .then(|| self.now + self.random.below(3000) as i64)
    }

    fn step(&mut self) {
        let d = self.random.below(DBS as u64) as usize;
        let key = self.key();
        let delete = self.shape.delete;
        let db = self.keyspace.db_mut(d);
        let found = db.find(&key);
        assert_eq!(found.is_some(), self.model[d].contains_key(&key), "{key:?}");
        match self.random.below(12) {
            _ if found.is_some() && self.random.one_in(delete) => {
                let (old, _) = self.model[d].remove(&key).unwrap();
                match self.random.one_in(2) {
                    true => assert_eq!(held(db.take(found.unwrap()).as_ref()), old),
                    false => db.remove(found.unwrap()),
                }
            }
            0..=3 => {
                let (text, expire) = (self.text(), self.expiry());
                let db = self.keyspace.db_mut(d);
                let loc = db.insert_str(&key, &text, expire);
                assert_eq!(db.key(loc), key);
                self.model[d].insert(key, (Held::Str(text), expire));
            }
            4 => {
                let most = if self.random.one_in(5) { 600 } else { 20 };
                let kind = self.random.below(Held::COLLECTIONS);
                let texts = (0..1 + self.random.below(most)).map(|n| match n % 10 {
                    0 => self.text(),
                    _ => format!("item{n}").into_bytes(),
                });
                let (value, list) = Held::collection(kind, texts.collect(), self.now);
                let expire = self.expiry();
                self.keyspace.db_mut(d).insert(&key, value, expire);
                self.model[d].insert(key, (list, expire));
            }
            5 => {
                let expire = self.expiry();
                if let Some(loc) = found {
                    let db = self.keyspace.db_mut(d);
                    let loc = db.set_expire(loc, expire);
                    assert_eq!((db.key(loc), db.expire(loc)), (&key[..], expire));
                    self.model[d].get_mut(&key).unwrap().1 = expire;
                }
            }
            6 => {
                let n = self.random.next() as i64 >> self.random.below(60);
                if let Some(loc) = found {
                    let db = self.keyspace.db_mut(d);
                    let loc = db.set_int(loc, n);
                    assert_eq!(db.key(loc), key);
                    self.model[d].get_mut(&key).unwrap().0 = Held::Str(n.to_string().into_bytes());
                }
            }
            7..=8 => self.edit(d, key, found),
            9 => {
                if let Some(loc) = found {
                    let heat = self.random.next() as u32 >> 8;
                    let db = self.keyspace.db_mut(d);
                    db.set_heat(loc, heat);
                    assert_eq!(db.heat(loc), heat);
                }
            }
            10 => {
                if let Some(loc) = found {
                    let db = self.keyspace.db(d);
                    let (value, expire) = &self.model[d][&key];
                    assert_eq!(
                        (held(db.value(loc)), db.expire(loc)),
                        (value.clone(), *expire)
                    );
                    assert_eq!(&held(db.clone_value(loc).as_ref()), value);
                }
            }
            _ if self.random.one_in(20) => self.expire_some(d),
            _ => {}
        }
    }

    fn edit(&mut self, d: usize, key: Vec<u8>, found: Option<Loc>) {
        let Some(loc) = found else {
            return;
        };
        let draw = Draw {
            text: self.text(),
            other: self.text(),
            n: self.random.next(),
        };
        let db = self.keyspace.db_mut(d);
        let entry = &mut self.model[d].get_mut(&key).unwrap().0;
        db.edit_with(loc, |value| entry.edit(value, draw));
        if entry.is_empty_collection() {
            self.model[d].remove(&key);
        }
    }

    fn expire_some(&mut self, d: usize) {
        self.now += self.random.below(20) as i64;
        let db = self.keyspace.db_mut(d);
        while let Some(due) = db.next_due(self.now) {
            let Due::Key(loc) = due else {
                panic!("no hashes were written")
            };
            let key = db.key(loc).to_vec();
            let (_, expire) = self.model[d].remove(&key).expect("the model has it");
            assert!(
                expire.is_some_and(|at| at < self.now),
                "{expire:?} at {}",
                self.now
            );
            db.remove(loc);
        }
        let due = |(_, expire): &Entry| expire.is_some_and(|at| at < self.now);
        assert!(
            !self.model[d].values().any(due),
            "an expired key was not found"
        );
    }

    fn rare_step(&mut self) {
        match self.random.below(100) {
            0 => {
                let (a, b) = (self.random.below(3) as usize, self.random.below(3) as usize);
                self.keyspace.swap(a, b);
                self.model.swap(a, b);
            }
            1 => {
                let d = self.random.below(DBS as u64) as usize;
                drop(self.keyspace.db_mut(d).clear());
                self.model[d].clear();
            }
            2 if self.snapshot.is_some() && self.random.one_in(3) => {
                self.keyspace.cancel_snapshot();
                self.snapshot = None;
            }
            3..=20 if self.snapshot.is_none() => {
                let heats = self.random.one_in(2);
                let cut = self
                    .keyspace
                    .begin_snapshot(SnapshotOptions { heats })
                    .unwrap();
                let model = self.model.clone();
                self.snapshot = Some(Snapshot {
                    cut,
                    model,
                    seen: Default::default(),
                });
            }
            9..=20 => {
                // Now and then nothing has changed for long enough to be a pause.
                for _ in 0..self.random.below(3) {
                    self.ticks += 400;
                    while self.keyspace.tidy(self.ticks) && self.random.below(4) > 0 {}
                }
            }
            21..=30 => {
                let (random, mut left) = (&mut self.random, Vec::new());
                let is_sparse = &mut |_| random.one_in(2);
                if self.keyspace.repack(&mut self.round, is_sparse, &mut left) {
                    self.round = Round::default();
                }
            }
            51 => self.check_everything(),
            _ => self.walk(),
        }
    }

    fn walk(&mut self) {
        let Some(snapshot) = &mut self.snapshot else {
            return;
        };
        let budget = 1 << self.random.below(18);
        match self.keyspace.walk_step(budget).unwrap() {
            Step::Block(block) => snapshot.take(block),
            Step::Pending => {}
            Step::Done => {
                let done = self.snapshot.take().unwrap();
                done.check();
                self.snapshots += 1;
                assert_eq!(self.keyspace.preserved_bytes(), 0);
            }
        }
    }

    fn check_everything(&mut self) {
        for d in 0..DBS {
            let db = self.keyspace.db(d);
            let model = &self.model[d];
            let volatile = model
                .values()
                .filter(|(_, expire)| expire.is_some())
                .count();
            assert_eq!((db.len(), db.expires()), (model.len(), volatile));
            assert_eq!(db.types().iter().sum::<u64>(), model.len() as u64);
            let random = self.random.next();
            assert_eq!(db.random(random).is_some(), !model.is_empty());
            let volatile_key = db.random_volatile(random);
            assert_eq!(volatile_key.is_some(), volatile > 0);
            if let Some(loc) = volatile_key {
                assert!(model[db.key(loc)].1.is_some());
            }
            let all = scan_all(db, 1 + random % 50);
            assert_eq!(all.len(), model.len());
            for (key, value) in model {
                assert_eq!(all.get(key), Some(value), "{key:?}");
            }
        }
    }

    fn finish(mut self) {
        for step in 0..self.shape.steps {
            self.step();
            if step % 50 == 0 {
                self.rare_step();
            }
        }
        while self.snapshot.is_some() {
            self.walk();
        }
        self.check_everything();
        assert!(self.snapshots > 0, "no snapshot was completed");
        println!(
            "{} snapshots, {:?} keys",
            self.snapshots,
            self.model.map(|m| m.len())
        );
    }
}

fn scan_all(db: &Db, count: u64) -> BTreeMap<Vec<u8>, Entry> {
    let mut all = BTreeMap::new();
    let mut cursor = 0;
    loop {
        cursor = db.scan(cursor, count as usize, |loc| {
            let entry = (held(db.value(loc)), db.expire(loc));
            let twice = all.insert(db.key(loc).to_vec(), entry);
            assert!(twice.is_none(), "nothing changed, so nothing comes twice");
        });
        if cursor == 0 {
            return all;
        }
    }
}

impl Snapshot {
    fn take(&mut self, block: Block) {
        let seen = &mut self.seen[block.db as usize];
        let mut rest = &block.bytes[..];
        for _ in 0..block.records {
            let (this, next) = rest.split_at(record::record_len(rest));
            let record = Record::parse(this);
            let value = held(ValueRef::from_record(record.rdb_type, record.value()));
            let twice = seen.insert(record.key.to_vec(), (value, record.expire));
            assert!(twice.is_none(), "{:?} twice", record.key);
            rest = next;
        }
        assert!(rest.is_empty());
        assert!(block.heats.is_empty() || block.heats.len() == block.records);
        for value in block.values {
            let twice = seen.insert(
                value.key,
                (held(value.value.as_ref().as_ref()), value.expire),
            );
            assert!(twice.is_none());
        }
    }

    fn check(self) {
        for cut in &self.cut.dbs {
            assert_eq!(cut.keys, self.model[cut.db as usize].len() as u64);
        }
        for (seen, model) in self.seen.iter().zip(&self.model) {
            assert_eq!(seen.len(), model.len());
            for (key, value) in model {
                assert_eq!(seen.get(key), Some(value), "{key:?}");
            }
        }
    }
}

const TINY: Shape = Shape {
    keys: 40,
    value_max: 30,
    steps: 10_000,
    delete: 3,
    sizes: Sizes::Small,
};
const SMALL: Shape = Shape {
    keys: 20_000,
    value_max: 30,
    steps: 60_000,
    delete: 20,
    sizes: Sizes::Small,
};
const SHRINKING: Shape = Shape {
    keys: 5_000,
    value_max: 300,
    steps: 40_000,
    delete: 2,
    sizes: Sizes::Large,
};
const MIXED: Shape = Shape {
    keys: 3_000,
    value_max: 1_500,
    steps: 20_000,
    delete: 10,
    sizes: Sizes::Large,
};

const BOUNDARIES: Shape = Shape {
    keys: 30,
    value_max: 40,
    steps: 4_000,
    delete: 8,
    sizes: Sizes::Boundaries,
};

#[test]
fn keys_and_values_at_the_sizes_where_they_change_form_behave_as_the_model() {
    (400..403).for_each(|seed| Run::new(seed, BOUNDARIES).finish());
}

#[test]
fn few_keys_behave_as_the_model() {
    (0..4).for_each(|seed| Run::new(seed, TINY).finish());
}

#[test]
fn many_small_keys_behave_as_the_model() {
    (100..101).for_each(|seed| Run::new(seed, SMALL).finish());
}

#[test]
fn keys_that_come_and_go_behave_as_the_model() {
    (200..202).for_each(|seed| Run::new(seed, SHRINKING).finish());
}

#[test]
fn large_values_and_long_keys_behave_as_the_model() {
    (300..302).for_each(|seed| Run::new(seed, MIXED).finish());
}
