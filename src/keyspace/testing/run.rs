//! Random operations on a keyspace and on a `BTreeMap`; snapshots are begun at random moments and must
//! give the model as it was at the cut, whatever happens during the walk.

use super::held::{Draw, Held, held};
use super::image::Image;
use super::random::Random;
use crate::sizes::{KEYS, STRINGS, around};
use crate::snapshot::{SnapshotOptions, Step};
use crate::{Db, Due, Keyspace, Loc, Partition, Round, SizeHint};
use base::secret::HashKey;
use std::collections::BTreeMap;

const DBS: usize = 3;

pub(super) type Entry = (Held, Option<i64>);
pub(super) type Model = [BTreeMap<Vec<u8>, Entry>; DBS];

/// The parameters of a run.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Different keys in a database.
    pub keys: u64,
    /// The longest text, where it is not one at a boundary.
    pub value_max: u64,
    /// Operations; an input may end before.
    pub steps: usize,
    /// On average, one of this number of operations deletes.
    pub delete: u64,
    /// How long they are.
    pub sizes: Sizes,
}

/// How long keys and texts are.
#[derive(Clone, Copy)]
pub enum Sizes {
    /// Nearly all of them in records.
    Small,
    /// Some long keys too.
    Large,
    /// Lengths at and next to the sizes at which values change their form.
    Boundaries,
}

/// A keyspace and its model.
pub struct Run {
    random: Random,
    shape: Shape,
    keyspace: Keyspace,
    model: Model,
    now: i64,
    /// Milliseconds of another clock: that of housekeeping.
    ticks: u64,
    /// Where the values outside are being moved.
    round: Round,
    snapshot: Option<Image>,
    snapshots: usize,
}

impl Run {
    /// A run from a seed.
    pub fn of_seed(seed: u64, shape: Shape) -> Run {
        println!("seed {seed}");
        Run::new(Random::Seed(seed), shape, HashKey::fixed([seed, 1]))
    }

    /// The run that an input encodes: its first byte chooses the shape.
    pub fn of_input(bytes: &[u8]) -> Run {
        let mut random = Random::of_input(bytes);
        let shape = SHAPES[random.below(SHAPES.len() as u64) as usize];
        Run::new(random, shape, HashKey::fixed([1, 1]))
    }

    fn new(random: Random, shape: Shape, key: HashKey) -> Run {
        Run {
            random,
            shape,
            keyspace: Keyspace::new(DBS, key),
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
            // Each key has a different length, and most begin with the same bytes.
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
        match self.random.below(13) {
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
            11 => {
                if let Some(loc) = found {
                    let to = self.random.below(DBS as u64) as usize;
                    let new = self.key();
                    match self.random.one_in(2) {
                        true => self.copy(d, &key, loc, to, new),
                        false => self.rename(d, &key, loc, to, new),
                    }
                }
            }
            _ if self.random.one_in(20) => self.expire_some(d),
            _ => {}
        }
    }

    /// The copy shares its large parts with the original.
    fn copy(&mut self, from: usize, key: &[u8], loc: Loc, to: usize, new: Vec<u8>) {
        let db = self.keyspace.db(from);
        let (value, expire) = (db.clone_value(loc), db.expire(loc));
        self.keyspace.db_mut(to).insert(&new, value, expire);
        let entry = self.model[from][key].clone();
        self.model[to].insert(new, entry);
    }

    /// To another name or another database, or both.
    fn rename(&mut self, from: usize, key: &[u8], loc: Loc, to: usize, new: Vec<u8>) {
        let db = self.keyspace.db_mut(from);
        let expire = db.expire(loc);
        let value = db.take(loc);
        self.keyspace.db_mut(to).insert(&new, value, expire);
        let entry = self.model[from].remove(key).expect("the model has it");
        self.model[to].insert(new, entry);
    }

    /// Builds a database aside with what another one has, and puts it in the place of a third.
    fn load(&mut self) {
        let from = self.random.below(DBS as u64) as usize;
        let to = self.random.below(DBS as u64) as usize;
        let bits = self.random.below(4) as u32;
        let hint = SizeHint {
            keys: self.random.below(2) * self.model[from].len() as u64,
            bytes: 1 << 20,
        };
        let hasher = self.keyspace.hasher();
        let mut partitions = Partition::split(hasher, bits, hint);
        let db = self.keyspace.db(from);
        let mut cursor = 0;
        loop {
            cursor = db.scan(cursor, 100, |loc| {
                let hash = hasher.hash(db.key(loc));
                let (value, expire) = (db.clone_value(loc), db.expire(loc));
                let partition = &mut partitions[hash.unbounded_shr(64 - bits) as usize];
                let added = partition.insert_value(hash, db.key(loc), expire, value, db.heat(loc));
                assert_eq!(added, Ok(()));
            });
            if cursor == 0 {
                break;
            }
        }
        let db = Db::assemble(partitions);
        drop(self.keyspace.replace(to, db));
        self.model[to] = self.model[from].clone();
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
                self.snapshot = Some(Image::new(cut, self.model.clone()));
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
            31..=33 => self.load(),
            34 => drop(self.keyspace.take_retired()),
            35 => {
                let least = 1 + self.random.below(20) as usize;
                let shared = self.random.one_in(2).then_some(least..=least + 20);
                self.keyspace.share_names(shared);
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
            assert_eq!(db.types().total(), model.len() as u64);
            db.check_templates();
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

    /// Does all operations, compares the contents afterwards, and returns the number of snapshots that were completed.
    pub fn finish(mut self) -> usize {
        // An input is short.
        let rare = match self.random {
            Random::Seed(_) => 50,
            Random::Input(_) => 5,
        };
        for step in 0..self.shape.steps {
            if self.random.is_used_up() {
                break;
            }
            self.step();
            if step % rare == 0 {
                self.rare_step();
            }
        }
        while self.snapshot.is_some() {
            self.walk();
        }
        self.check_everything();
        self.snapshots
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

/// Few keys, which come and go.
pub const TINY: Shape = Shape {
    keys: 40,
    value_max: 30,
    steps: 10_000,
    delete: 3,
    sizes: Sizes::Small,
};
/// Many keys, nearly all in records.
pub const SMALL: Shape = Shape {
    keys: 20_000,
    value_max: 30,
    steps: 60_000,
    delete: 20,
    sizes: Sizes::Small,
};
/// Keys that are deleted as often as they are made.
pub const SHRINKING: Shape = Shape {
    keys: 5_000,
    value_max: 300,
    steps: 40_000,
    delete: 2,
    sizes: Sizes::Large,
};
/// Large values and long keys.
pub const MIXED: Shape = Shape {
    keys: 3_000,
    value_max: 1_500,
    steps: 20_000,
    delete: 10,
    sizes: Sizes::Large,
};

/// The sizes at which keys and values change their form.
pub const BOUNDARIES: Shape = Shape {
    keys: 30,
    value_max: 40,
    steps: 4_000,
    delete: 8,
    sizes: Sizes::Boundaries,
};

/// What an input chooses from.
const SHAPES: [Shape; 5] = [TINY, SMALL, SHRINKING, MIXED, BOUNDARIES];
