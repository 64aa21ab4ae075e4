//! Every change of an entry, at every size of key and value at which one of them takes another form.

use crate::sizes::{KEYS, STRINGS, around};
use crate::snapshot::{SnapshotOptions, Step};
use crate::{Db, Keyspace, Loc, Value, ValueRef};
use base::secret::HashKey;

const LATER: Option<i64> = Some(4_000_000_000_000);

fn sizes(boundaries: &[usize], more: &[usize]) -> Vec<usize> {
    let mut sizes: Vec<usize> = boundaries.iter().copied().flat_map(around).collect();
    sizes.extend(more);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn text(db: &Db, loc: Loc) -> Vec<u8> {
    match db.value(loc) {
        ValueRef::Str(s) => s.bytes().into_owned(),
        other => panic!("{}", other.type_name()),
    }
}

/// A keyspace with one key among some others, and what the key should hold.
struct Entry {
    keyspace: Keyspace,
    key: Vec<u8>,
    text: Vec<u8>,
    expire: Option<i64>,
}

impl Entry {
    fn new(key: usize, value: usize, expire: Option<i64>) -> Entry {
        let mut entry = Entry {
            keyspace: Keyspace::new(1, HashKey::fixed([3, 4])),
            key: vec![b'k'; key],
            text: vec![b'v'; value],
            expire,
        };
        let db = entry.keyspace.db_mut(0);
        for n in 0..20 {
            db.insert_str(format!("other:{n}").as_bytes(), b"value", None);
        }
        db.insert_str(&entry.key, &entry.text, expire);
        entry
    }

    /// Makes a change, and checks everything that can be read of the entry afterwards.
    fn change(&mut self, what: &str, f: impl FnOnce(&mut Db, Loc, &mut Vec<u8>, &mut Option<i64>)) {
        let (key, value) = (self.key.len(), self.text.len());
        let what = format!("{what}, key of {key}, value of {value}, {:?}", self.expire);
        let db = self.keyspace.db_mut(0);
        let loc = db.find(&self.key).expect(&what);
        f(db, loc, &mut self.text, &mut self.expire);
        let loc = db.find(&self.key).expect(&what);
        assert!(db.key(loc) == self.key, "{what}");
        assert!(text(db, loc) == self.text, "{what}");
        assert_eq!(db.expire(loc), self.expire, "{what}");
        assert_eq!(db.len(), 21, "{what}");
        assert_eq!(db.expires(), self.expire.is_some() as usize, "{what}");
        assert_eq!(db.types().total(), 21, "{what}");
    }

    fn each_change(&mut self) {
        for n in [0, 1, -1, 40_000, i64::MAX, 7] {
            self.change("set_int", |db, loc, text, _| {
                db.set_int(loc, n);
                *text = n.to_string().into_bytes();
            });
        }
        for at in [LATER, Some(7), None, None, LATER] {
            self.change("set_expire", |db, loc, _, expire| {
                db.set_expire(loc, at);
                *expire = at;
            });
        }
        for len in sizes(&STRINGS, &[]) {
            self.change("insert_str", |db, loc, text, expire| {
                let key = db.key(loc).to_vec();
                *text = vec![b'x'; len];
                db.insert_str(&key, text, *expire);
            });
            self.change("edit_with", |db, loc, text, _| {
                db.edit_with(loc, |value| {
                    let Value::Str(s) = value else { panic!() };
                    s.append(b"more");
                    s.write_at(0, b"start");
                });
                text.extend_from_slice(b"more");
                let len = text.len().max(5);
                text.resize(len, 0);
                text[..5].copy_from_slice(b"start");
            });
            self.change("set_int and insert", |db, loc, text, expire| {
                let loc = db.set_int(loc, len as i64);
                let (key, value) = (db.key(loc).to_vec(), db.clone_value(loc));
                db.insert(&key, value, *expire);
                *text = len.to_string().into_bytes();
            });
            self.change("set_expire", |db, loc, _, expire| {
                *expire = if expire.is_some() { None } else { LATER };
                db.set_expire(loc, *expire);
            });
        }
        self.change("take and insert", |db, loc, text, expire| {
            let key = db.key(loc).to_vec();
            let value = db.take(loc);
            assert_eq!((db.find(&key), db.len()), (None, 20));
            db.insert(&key, value, *expire);
            assert!(!text.is_empty());
        });
        let db = self.keyspace.db_mut(0);
        let loc = db.find(&self.key).expect("it was there");
        db.remove(loc);
        assert_eq!((db.len(), db.expires()), (20, 0));
        assert_eq!(db.types().total(), 20);
    }
}

fn keys() -> Vec<usize> {
    sizes(&KEYS, &[70_000, 200_000])
}

#[test]
fn an_entry_takes_every_change_whatever_the_size_of_its_key_and_value() {
    for key in keys() {
        for (value, expire) in [(5, None), (2000, LATER)] {
            Entry::new(key, value, expire).each_change();
        }
    }
    Entry::new(1 << 20, 5, None).each_change();
}

#[test]
fn an_entry_takes_its_first_change_at_every_size_of_its_value() {
    for key in [5, 300, 70_000] {
        for value in sizes(&STRINGS, &[]) {
            for expire in [None, LATER] {
                Entry::new(key, value, expire).change("set_int", |db, loc, text, _| {
                    db.set_int(loc, 12_345);
                    *text = b"12345".to_vec();
                });
                let mut entry = Entry::new(key, value, expire);
                entry.change("set_expire", |db, loc, _, expire| {
                    *expire = Some(8);
                    db.set_expire(loc, *expire);
                });
                entry.change("edit_with", |db, loc, text, _| {
                    text.push(b'x');
                    db.edit_with(loc, |value| {
                        let Value::Str(s) = value else { panic!() };
                        s.append(b"x");
                    });
                });
            }
        }
    }
}

#[test]
fn a_snapshot_has_the_entry_as_it_was_whatever_changes_at_any_size() {
    for key in keys() {
        for value in [5, 2000, 70_000] {
            let mut entry = Entry::new(key, value, LATER);
            let (key, before) = (entry.key.clone(), entry.text.clone());
            entry
                .keyspace
                .begin_snapshot(SnapshotOptions::default())
                .expect("none is running");
            entry.each_change();
            let mut seen = 0;
            loop {
                let block = match entry.keyspace.walk_step(1 << 20).expect("the counts agree") {
                    Step::Block(block) => block,
                    Step::Pending => continue,
                    Step::Done => break,
                };
                seen += block.keys();
                let outside = block.values.iter().find(|held| held.key == key);
                if let Some(held) = outside {
                    let ValueRef::Str(s) = held.value.as_ref().as_ref() else {
                        panic!()
                    };
                    assert!(s.bytes() == before.as_slice());
                    assert_eq!(held.expire, LATER);
                }
            }
            assert_eq!(seen, 21);
        }
    }
}

/// A key may be as long as a request: a change of its expiry must not hold it in memory twice.
#[test]
fn a_long_key_stays_where_it_is_when_its_record_is_replaced() {
    let mut entry = Entry::new(1 << 20, 10, None);
    let db = entry.keyspace.db_mut(0);
    let address = |db: &Db| {
        let loc = db.find(&vec![b'k'; 1 << 20]).expect("it is there");
        (loc, db.key(loc).as_ptr())
    };
    let (loc, before) = address(db);
    db.set_expire(loc, LATER);
    let (loc, with_expiry) = address(db);
    db.set_expire(loc, None);
    let (_, without) = address(db);
    assert_eq!([with_expiry, without], [before; 2]);
    entry.change("nothing", |_, _, _, _| ());
}
