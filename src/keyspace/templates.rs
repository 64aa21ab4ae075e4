//! The templates of one database: names of fields that many hashes share, which its records refer to by number.
//!
//! A record of a hash with a template is `type key number values`: the number of the template and the values of the
//! fields, a listpack as an RDB string. It is the only record that is not what a dump would hold, so it is written out
//! with its names when it leaves the database: a snapshot, DUMP and clones of the value do not know the number.
//!
//! A template knows how many keys have it. When none has, it stays for the next hash of its form until another template
//! needs its number, but not while a snapshot runs: the old records that this needs are in no slot, and nothing counts them.
//! A hash for which there is no room has names of its own.

use super::record::{Small, VALUE_MAX, read_len};
use super::type_byte::TypeByte;
use super::value::{Hash, HashRef, RecordHead, Template};
use super::{Value, ValueRef};
use rdb::RdbType;
use rdb::listpack;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Their numbers take two bytes at most. Programs have tens of forms of hashes, not thousands.
const TEMPLATES_MAX: usize = 4096;
/// Bytes of the names of one. With more, a hash is hardly small enough for a record; and a record that is written out must
/// not be much longer than others.
const NAMES_MAX: usize = 1024;

/// The templates of a database.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    by_number: Vec<Known>,
    numbers: BTreeMap<Arc<Template>, usize>,
    /// How many of them no key has.
    unused: usize,
    /// How many fields a hash has that gets one though it was not made with one.
    wanted: Option<RangeInclusive<usize>>,
    /// The number that was asked for last: most often it is asked for again.
    last: usize,
}

#[derive(Debug)]
struct Known {
    template: Arc<Template>,
    /// Keys that have it.
    keys: usize,
}

impl Templates {
    /// How many fields a hash has that gets a template when it is written, though it was not made with one.
    pub(crate) fn want(&mut self, fields: Option<RangeInclusive<usize>>) {
        self.wanted = fields;
    }

    /// As another database has it.
    pub(crate) fn want_as(&mut self, other: &Templates) {
        self.wanted = other.wanted.clone();
    }

    /// Names and values of a packed hash that has names of its own, apart, if it is to have a template; a hash that
    /// `had` one gets another.
    pub(crate) fn part(&self, value: &Value, had: bool) -> Option<(Arc<Template>, Vec<u8>)> {
        if !had && self.wanted.is_none() {
            return None;
        }
        let (rdb_type, _, pack) = value.record_parts()?;
        let wanted = self.wanted.as_ref();
        let is_wanted =
            had || wanted.is_some_and(|wanted| wanted.contains(&(listpack::count(pack) / 2)));
        // The rest of a longer one would not fit into a record.
        if !is_wanted || rdb_type != RdbType::HashListpack || pack.len() > NAMES_MAX + VALUE_MAX {
            return None;
        }
        let (template, values) = Template::part(pack);
        Some((Arc::new(template), values))
    }

    /// What stands in a record before `values`; `None` if the record cannot have the template. If `walked`, a snapshot
    /// may need those that no key has.
    pub(crate) fn head(
        &mut self,
        template: &Arc<Template>,
        values: &[u8],
        walked: bool,
    ) -> Option<RecordHead> {
        let mut head = RecordHead::default();
        if values.len() > VALUE_MAX {
            return None;
        }
        head.push(&Small::of_len(self.number(template, walked)?));
        head.push(&Small::of_len(values.len()));
        Some(head)
    }

    fn number(&mut self, template: &Arc<Template>, walked: bool) -> Option<usize> {
        let last = self.by_number.get(self.last);
        if last.is_some_and(|last| Arc::ptr_eq(&last.template, template)) {
            return Some(self.last);
        }
        let number = match self.numbers.get(template) {
            Some(&number) => number,
            None if template.bytes() > NAMES_MAX => return None,
            None => self.add(template.clone(), walked)?,
        };
        self.last = number;
        Some(number)
    }

    fn add(&mut self, template: Arc<Template>, walked: bool) -> Option<usize> {
        let known = Known {
            template: template.clone(),
            keys: 0,
        };
        let free = match self.unused {
            1.. if !walked => self.by_number.iter().position(|known| known.keys == 0),
            _ => None,
        };
        let number = match free {
            Some(number) => {
                let old = std::mem::replace(&mut self.by_number[number], known);
                self.numbers.remove(&old.template);
                number
            }
            None if self.by_number.len() == TEMPLATES_MAX => return None,
            None => {
                self.by_number.push(known);
                self.unused += 1;
                self.by_number.len() - 1
            }
        };
        self.numbers.insert(template, number);
        Some(number)
    }

    /// Notes that a key has lost a record with the template `old`, and got one with the template `new`.
    #[inline]
    pub(crate) fn count(&mut self, old: Option<usize>, new: Option<usize>) {
        if old == new {
            return;
        }
        if let Some(number) = new {
            let known = &mut self.by_number[number];
            self.unused -= (known.keys == 0) as usize;
            known.keys += 1;
        }
        if let Some(number) = old {
            let known = &mut self.by_number[number];
            known.keys -= 1;
            self.unused += (known.keys == 0) as usize;
        }
    }

    /// Checks that each of them knows how many keys have it; `numbers` are those that keys have.
    ///
    /// # Panics
    /// If one does not.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn check(&self, numbers: &[usize]) {
        let mut keys = vec![0; self.by_number.len()];
        numbers.iter().for_each(|&number| keys[number] += 1);
        let known: Vec<usize> = self.by_number.iter().map(|known| known.keys).collect();
        assert_eq!(keys, known);
        let unused = keys.iter().filter(|&&keys| keys == 0).count();
        assert_eq!((self.unused, self.numbers.len()), (unused, keys.len()));
    }

    /// The hash of a record.
    pub(crate) fn read<'a>(&'a self, record: &'a [u8]) -> ValueRef<'a> {
        let (number, width) = read_len(record);
        ValueRef::Hash(HashRef::with_template(
            &self.by_number[number].template,
            &record[width..],
        ))
    }

    /// The value of a record of any type that holds it, copied into `buffer` where one buffer holds it.
    pub(crate) fn owned(&self, type_byte: TypeByte, record: &[u8], buffer: Vec<u8>) -> Value {
        if type_byte != TypeByte::HASH_TEMPLATE {
            return Value::in_buffer(type_byte.rdb_type(), record, buffer);
        }
        let (number, width) = read_len(record);
        let template = self.by_number[number].template.clone();
        Value::Hash(Hash::from_template(template, &record[width..], buffer))
    }

    /// Appends the value of a record as a dump would hold it: a hash with names of its own.
    pub(crate) fn write_out(&self, record: &[u8], out: &mut Vec<u8>) {
        self.read(record)
            .to_rdb(&mut |bytes| out.extend_from_slice(bytes), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{SnapshotOptions, Step};
    use crate::{Keyspace, Limits};
    use base::secret::HashKey;

    fn put(keyspace: &mut Keyspace, key: &str, name: &str) {
        let template = Arc::new(Template::new([name.as_bytes(), b"n"].into_iter()));
        let values = [name.as_bytes(), b"1"];
        let hash = Hash::of_template(&template, values.into_iter(), &Limits::default());
        let db = keyspace.db_mut(0);
        db.insert(key.as_bytes(), Value::Hash(hash), None);
        if db.len() < 100 {
            db.check_templates();
        }
    }

    fn encoding(keyspace: &Keyspace, key: &str) -> &'static str {
        let db = keyspace.db(0);
        let loc = db.find(key.as_bytes()).expect("it is there");
        let ValueRef::Hash(hash) = db.value(loc) else {
            panic!("a hash")
        };
        hash.encoding()
    }

    type Edit = fn(&mut Hash, &Limits);

    fn keyspace() -> Keyspace {
        Keyspace::new(1, HashKey::fixed([3, 4]))
    }

    #[test]
    fn hashes_of_one_form_have_one_template_which_is_not_in_their_records() {
        let name = "a name of a field that is much longer than its value";
        let mut keyspace = keyspace();
        (0..100).for_each(|n| put(&mut keyspace, &format!("key:{n}"), name));
        let db = keyspace.db(0);
        assert_eq!(db.templates.by_number.len(), 1);
        let bytes = |key: &str| db.entry_bytes(db.find(key.as_bytes()).expect("it is there"));
        assert!(bytes("key:7") < 2 * name.len(), "{}", bytes("key:7"));
        assert_eq!(encoding(&keyspace, "key:7"), "template-listpack");
    }

    #[test]
    fn a_hash_keeps_its_template_or_gets_another_until_a_field_expires() {
        let mut keyspace = keyspace();
        let limits = Limits::default();
        let edits: [(&str, Edit); 5] = [
            ("template-listpack", |hash, limits| {
                assert!(!hash.set(b"n", b"a longer value", limits));
            }),
            ("template-listpack", |hash, _| {
                assert!(!hash.remove(b"other"))
            }),
            ("template-listpack", |hash, limits| {
                assert!(hash.set(b"other", b"", limits))
            }),
            ("template-listpack", |hash, _| assert!(hash.remove(b"name"))),
            ("listpackex", |hash, limits| {
                assert!(hash.set_expire(b"name", Some(5), limits))
            }),
        ];
        for (after, edit) in edits {
            put(&mut keyspace, "key", "name");
            let db = keyspace.db_mut(0);
            let loc = db.find(b"key").expect("it is there");
            db.edit_with(loc, |value| {
                let Value::Hash(hash) = value else {
                    panic!("a hash")
                };
                edit(hash, &limits);
            });
            db.check_templates();
            assert_eq!(encoding(&keyspace, "key"), after);
        }
    }

    #[test]
    fn hashes_of_the_wanted_number_of_fields_get_a_template_when_they_are_written() {
        let limits = Limits::default();
        let of = |fields: u8| {
            let mut hash = Hash::new();
            (0..fields).for_each(|n| _ = hash.set(&[b'f', n], b"value", &limits));
            Value::Hash(hash)
        };
        let mut keyspace = keyspace();
        keyspace.db_mut(0).insert(b"before", of(3), None);
        keyspace.share_names(Some(3..=5));
        for fields in [2, 3, 5, 6] {
            let db = keyspace.db_mut(0);
            db.insert(format!("key:{fields}").as_bytes(), of(fields), None);
        }
        let encodings = |keyspace: &Keyspace| {
            ["before", "key:2", "key:3", "key:5", "key:6"].map(|key| encoding(keyspace, key))
        };
        let (own, shared) = ("listpack", "template-listpack");
        assert_eq!(encodings(&keyspace), [own, own, shared, shared, own]);
        let db = keyspace.db_mut(0);
        for key in ["before", "key:2", "key:5"] {
            let loc = db.find(key.as_bytes()).expect("it is there");
            db.edit_with(loc, |value| {
                let Value::Hash(hash) = value else {
                    panic!("a hash")
                };
                assert!(hash.set(b"another", b"value", &limits));
            });
        }
        db.check_templates();
        assert_eq!(encodings(&keyspace), [shared, shared, shared, shared, own]);
        drop(keyspace.db_mut(0).clear());
        keyspace.db_mut(0).insert(b"key", of(4), None);
        assert_eq!(encoding(&keyspace, "key"), shared);
    }

    #[test]
    fn the_number_of_a_template_that_no_key_has_is_used_again_but_not_during_a_snapshot() {
        let mut keyspace = keyspace();
        put(&mut keyspace, "key", "first");
        put(&mut keyspace, "key", "second");
        put(&mut keyspace, "key", "third");
        assert_eq!(keyspace.db(0).templates.by_number.len(), 2);
        let begun = keyspace.begin_snapshot(SnapshotOptions::default());
        assert!(begun.is_ok());
        put(&mut keyspace, "key", "fourth");
        put(&mut keyspace, "key", "fifth");
        assert!(keyspace.db(0).templates.by_number.len() > 3);
        let mut bytes = Vec::new();
        loop {
            match keyspace.walk_step(1 << 20) {
                Ok(Step::Block(block)) => bytes.extend(block.bytes),
                Ok(Step::Pending) => {}
                Ok(Step::Done) => break,
                Err(error) => panic!("{error}"),
            }
        }
        let has = |name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
        assert!(has(b"third") && !has(b"fourth"));
    }

    #[test]
    fn a_hash_without_room_for_its_template_has_names_of_its_own() {
        let mut keyspace = keyspace();
        put(&mut keyspace, "long", &"x".repeat(NAMES_MAX));
        assert_eq!(encoding(&keyspace, "long"), "hashtable");
        let names: Vec<String> = (0..30).map(|n| format!("{n}{}", "x".repeat(50))).collect();
        let template = Arc::new(Template::new(names.iter().map(|name| name.as_bytes())));
        let values = names.iter().map(|_| &b"1"[..]);
        let hash = Hash::of_template(&template, values, &Limits::default());
        let db = keyspace.db_mut(0);
        db.insert(b"wide", Value::Hash(hash), None);
        assert!(db.templates.by_number.is_empty());
        for n in 0..TEMPLATES_MAX {
            put(&mut keyspace, &format!("key:{n}"), &format!("name{n}"));
        }
        put(&mut keyspace, "last", "one more");
        assert_eq!(encoding(&keyspace, "last"), "listpack");
        put(&mut keyspace, "key:5", "name6");
        put(&mut keyspace, "last", "one more");
        assert_eq!(encoding(&keyspace, "last"), "template-listpack");
    }
}
