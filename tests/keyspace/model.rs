//! Random operations on a keyspace and on a `BTreeMap`; snapshots are begun at random moments and must
//! give the model as it was at the cut, whatever happens while the walk goes on.

use crate::random::Random;
use forebay::keyspace::record::{self, Record};
use forebay::keyspace::value::stream::{Bound, Group, References, Stream, Trim};
use forebay::keyspace::value::{List, Str};
use forebay::keyspace::{Db, Due, Keyspace, Limits, Loc, Round, Value, ValueRef};
use forebay::rdb::stream::StreamId;
use forebay::secret::HashKey;
use forebay::snapshot::{Block, Cut, SnapshotOptions, Step};
use std::collections::BTreeMap;

const DBS: usize = 3;

#[derive(Clone, Debug, PartialEq)]
enum Held {
    Str(Vec<u8>),
    List(Vec<Vec<u8>>),
    /// Entries and what one consumer has pending.
    Stream(Vec<(StreamId, Vec<u8>)>, Vec<StreamId>),
}

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
    /// Long keys and large values too.
    large: bool,
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

fn held(value: ValueRef<'_>) -> Held {
    match value {
        ValueRef::Str(s) => Held::Str(s.bytes().into_owned()),
        ValueRef::List(l) => Held::List(l.iter().map(|item| item.to_vec()).collect()),
        ValueRef::Stream(s) => {
            let entries = s.iter().map(|entry| {
                let value = entry.fields.map(|(_, value)| value.to_vec());
                (entry.id, value.flatten().collect())
            });
            let group = s.group(b"g").expect("each stream has it");
            let pending = group.pending_from(StreamId::ZERO).map(|(id, _)| id);
            Held::Stream(entries.collect(), pending.collect())
        }
        other => panic!("no {} was written", other.type_name()),
    }
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
        match self.shape.large && n.is_multiple_of(50) {
            true => format!("key:{n}:{}", "x".repeat(300)).into_bytes(),
            false => format!("key:{n}").into_bytes(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let len = self.random.below(self.shape.value_max + 1) as usize;
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

    fn list(&mut self) -> (Value, Held) {
        let most = if self.random.one_in(5) { 3000 } else { 20 };
        let n = 1 + self.random.below(most);
        let items: Vec<Vec<u8>> = (0..n).map(|i| format!("item{i}").into_bytes()).collect();
        let mut list = List::new();
        items
            .iter()
            .for_each(|item| list.push_back(item, &Limits::default()));
        (Value::List(list), Held::List(items))
    }

    fn stream(&mut self) -> (Value, Held) {
        let mut stream = Stream::new();
        let mut group = Group::new(StreamId::ZERO, None);
        group.add_consumer(b"c", self.now);
        assert!(stream.add_group(b"g", group));
        let most = if self.random.one_in(5) { 400 } else { 20 };
        let n = 1 + self.random.below(most);
        let entries: Vec<_> = (1..=n)
            .map(|ms| (StreamId { ms, seq: 0 }, b"v".to_vec()))
            .collect();
        for (id, text) in &entries {
            let added = stream.append(*id, &[b"f", text], &Limits::default());
            assert!(added.is_ok());
        }
        (Value::Stream(stream), Held::Stream(entries, Vec::new()))
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
                let (value, list) = match self.random.one_in(2) {
                    true => self.list(),
                    false => self.stream(),
                };
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
        let text = self.text();
        let pops = self.random.below(30);
        let db = self.keyspace.db_mut(d);
        let entry = &mut self.model[d].get_mut(&key).unwrap().0;
        let change = |value: &mut Value| match (&mut *value, &mut *entry) {
            (Value::Str(s), Held::Str(m)) => {
                s.append(&text);
                m.extend_from_slice(&text);
                if m.len() > 4000 {
                    *value = Value::Str(Str::new(b"cut"));
                    *m = b"cut".to_vec();
                }
            }
            (Value::List(l), Held::List(m)) => {
                l.push_front(&text, &Limits::default());
                m.insert(0, text);
                for _ in 0..pops {
                    assert_eq!(l.pop_back(), m.pop());
                }
            }
            (Value::Stream(s), Held::Stream(entries, pending)) => {
                edit_stream(s, entries, pending, text, pops);
            }
            other => panic!("{other:?}"),
        };
        db.edit_with(loc, change);
        if *entry == Held::List(Vec::new()) {
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

/// An entry comes, the newest ones are read, the oldest ones go, and some of the middle.
fn edit_stream(
    stream: &mut Stream,
    entries: &mut Vec<(StreamId, Vec<u8>)>,
    pending: &mut Vec<StreamId>,
    text: Vec<u8>,
    n: u64,
) {
    let id = stream.last_id().next().expect("not the last");
    let added = stream.append(id, &[b"f", &text], &Limits::default());
    assert!(added.is_ok());
    entries.push((id, text));
    if n.is_multiple_of(3) {
        let ids: Vec<_> = entries.iter().rev().take(5).map(|(id, _)| *id).collect();
        stream.edit_group(b"g", |group| group.deliver(&ids, b"c", 7));
        pending.extend(ids);
        pending.sort();
        pending.dedup();
    }
    if n.is_multiple_of(4) && !pending.is_empty() {
        let id = pending.remove(n as usize % pending.len());
        let done = stream.edit_group(b"g", |group| group.acknowledge(id));
        assert_eq!(done, Some(true));
    }
    let (id, _) = entries.remove(n as usize % entries.len());
    assert!(stream.delete(id));
    let trim = Trim {
        bound: Bound::MaxLen(1000 - n),
        approximate: false,
        limit: 0,
        references: References::Keep,
    };
    let gone = stream.trim(&trim) as usize;
    entries.drain(..gone);
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
    large: false,
};
const SMALL: Shape = Shape {
    keys: 20_000,
    value_max: 30,
    steps: 60_000,
    delete: 20,
    large: false,
};
const SHRINKING: Shape = Shape {
    keys: 5_000,
    value_max: 300,
    steps: 40_000,
    delete: 2,
    large: true,
};
const MIXED: Shape = Shape {
    keys: 3_000,
    value_max: 1_500,
    steps: 20_000,
    delete: 10,
    large: true,
};

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
