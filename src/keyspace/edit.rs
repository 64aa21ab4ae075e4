//! Changing values.

use super::Value;
use super::db::Db;
use super::loc::Loc;
use super::record::{self, VALUE_MAX};
use super::tree::note_work;
use super::type_byte::TypeByte;
use super::value::RecordHead;
use crate::memory::segment::Written;
use crate::memory::slots::RecordAt;
use rdb::RdbType;
use std::borrow::Cow;
use std::sync::Arc;

/// The largest buffer that is kept after a value was changed in it, for the next value.
const EDITED_MAX: usize = 4 << 10;

impl Db {
    /// Changes the value with `f`. A collection that became empty is removed with its key.
    ///
    /// A value outside the record that is not shared is changed in place, and its record is written only if its type
    /// changes. A shared value is copied part by part, as `f` writes to it.
    pub fn edit_with<R>(&mut self, loc: Loc, f: impl FnOnce(&mut Value) -> R) -> R {
        let limit = self.protect(loc);
        let mut segment = self.segment_mut(loc);
        let offset = segment.as_ref().slots().offset(loc.slot as usize);
        let bytes = &segment.as_ref().records()[offset.get()..];
        let type_byte = record::type_byte(bytes);
        if !type_byte.is_outside() {
            let buffer = std::mem::take(&mut self.scratch.edited);
            let record = self.record(loc);
            let mut value = self.templates.owned(type_byte, record.rest, buffer);
            let result = f(&mut value);
            self.put_changed(loc, value);
            return result;
        }
        if offset.get() < limit {
            // A snapshot needs the record as it is.
            let mut value = segment.as_ref().share_at(offset);
            let result = f(Arc::make_mut(&mut value));
            if value.is_empty_collection() {
                self.remove(loc);
            } else if !self.put_packed(loc, &value) {
                let expire = self.expire(loc);
                self.rewrite_outside(loc, expire, value);
            }
            return result;
        }
        let value = segment.outside_to_change_at(offset);
        let result = f(value);
        if value.tree_type() != Some(type_byte.rdb_type()) {
            self.settle(loc, offset, type_byte);
        } else if type_byte.has_field_expiry() {
            self.note_fields(loc);
        }
        result
    }

    /// Puts a value that was changed outside its record where it belongs.
    fn put_changed(&mut self, loc: Loc, mut value: Value) {
        if value.is_empty_collection() {
            self.remove(loc);
        } else if !self.put_packed(loc, &value) {
            let expire = self.expire(loc);
            value.fit_buffer();
            self.rewrite_outside(loc, expire, Arc::new(value));
            return;
        }
        let buffer = value.into_buffer();
        if buffer.capacity() <= EDITED_MAX {
            self.scratch.edited = buffer;
        }
    }

    /// After a change of a value outside, which is not a tree of the type that its record says.
    fn settle(&mut self, loc: Loc, offset: RecordAt, type_byte: TypeByte) {
        let value = self.segment(loc).outside_at(offset);
        if value.is_empty_collection() {
            return self.remove(loc);
        }
        let rdb_type = value.rdb_type();
        if !type_byte.has_long_key() {
            let mut bytes = std::mem::take(&mut self.scratch.value);
            let packed = pack(self.segment(loc).outside_at(offset), &mut bytes);
            if let Some(rdb_type) = packed {
                self.write_packed(loc, TypeByte::of(rdb_type), &bytes, &[]);
            }
            self.scratch.value = bytes;
            if packed.is_some() {
                return;
            }
        }
        let new = type_byte.retyped(rdb_type);
        if new != type_byte {
            self.segment_mut(loc).retype_at(offset, rdb_type);
            self.types.subtract(type_byte);
            self.types.add(new);
        }
        self.note_written(loc, None, new);
    }

    /// Writes a packed value into its record; false if it is too large for that, or the key is.
    fn put_packed(&mut self, loc: Loc, value: &Value) -> bool {
        let bytes = self.segment(loc).bytes_at(loc.slot as usize);
        if record::type_byte(bytes).has_long_key() {
            return false;
        }
        if let Some((head, values)) = self.template_parts(value, self.template_of(loc).is_some()) {
            note_work(values.len());
            self.write_packed(loc, TypeByte::HASH_TEMPLATE, &head, &values);
            return true;
        }
        if let Some((rdb_type, head, blob)) = value.record_parts() {
            let fits = head.len() + blob.len() <= VALUE_MAX;
            if fits {
                note_work(blob.len());
                self.write_packed(loc, TypeByte::of(rdb_type), &head, blob);
            }
            return fits;
        }
        let mut bytes = std::mem::take(&mut self.scratch.value);
        let packed = pack(value, &mut bytes);
        if let Some(rdb_type) = packed {
            self.write_packed(loc, TypeByte::of(rdb_type), &bytes, &[]);
        }
        self.scratch.value = bytes;
        packed.is_some()
    }

    /// The value of a hash with a template, in the two parts in which a record has it; if the record `had` a template, or
    /// such hashes are to have one, a hash with names of its own gets one. `None` for other values, and if the record
    /// would be too large or there is no room for the template.
    pub(super) fn template_parts<'v>(
        &mut self,
        value: &'v Value,
        had: bool,
    ) -> Option<(RecordHead, Cow<'v, [u8]>)> {
        let Value::Hash(hash) = value else {
            return None;
        };
        let walked = self.walk.is_some();
        let (head, values) = match hash.template() {
            Some((template, values)) => {
                let head = self.templates.head(template, values, walked)?;
                (head, Cow::Borrowed(values))
            }
            None => {
                let (template, values) = self.templates.part(value, had)?;
                let head = self.templates.head(&template, &values, walked)?;
                (head, Cow::Owned(values))
            }
        };
        (head.len() + values.len() <= VALUE_MAX).then_some((head, values))
    }

    /// Writes a value in two parts into its record.
    fn write_packed(&mut self, loc: Loc, type_byte: TypeByte, head: &[u8], body: &[u8]) {
        let limit = self.protect(loc);
        let old = self.template_of(loc);
        let mut segment = self.segment_mut(loc);
        let offset = segment.as_ref().slots().offset(loc.slot as usize);
        match segment.write_value_at(offset, limit, type_byte, head, body) {
            // Many a command changes nothing in the end.
            Written::Unchanged => {}
            Written::InPlace => {
                self.templates
                    .count(old, record::template_of(type_byte, head));
                if type_byte.has_field_expiry() {
                    self.note_fields(loc);
                }
            }
            Written::Not => {
                let expire = self.expire(loc);
                self.rewrite(loc, expire, type_byte, head, body);
            }
        }
    }
}

/// Replaces `bytes` by a value as it is kept in a record, and gives its type; `None` if it is too large for
/// that, which is found out before anything is copied.
pub(super) fn pack(value: &Value, bytes: &mut Vec<u8>) -> Option<RdbType> {
    bytes.clear();
    value.packed_len().filter(|len| *len <= VALUE_MAX)?;
    let rdb_type = value.to_record(bytes)?;
    note_work(bytes.len());
    (bytes.len() <= VALUE_MAX).then_some(rdb_type)
}

#[cfg(test)]
mod tests {
    use super::super::value::{Hash, List};
    use super::super::{Hasher, Limits};
    use super::*;

    fn with(value: Value) -> (Db, Loc) {
        let mut db = Db::new(Hasher::new(base::secret::HashKey::fixed([1, 2])));
        let loc = db.insert(b"key", value, None);
        assert!(db.is_outside(loc));
        (db, loc)
    }

    #[test]
    fn a_table_changed_where_it_stands_is_counted_by_its_type_and_goes_with_its_last_field() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        let fields: Vec<String> = (0..1000).map(|n| format!("field:{n}")).collect();
        for field in &fields {
            hash.set(field.as_bytes(), b"value", &limits);
        }
        let (mut db, loc) = with(Value::Hash(hash));
        let types = |db: &Db| {
            (
                db.types().of(RdbType::Hash),
                db.types().of(RdbType::HashTtl),
            )
        };
        assert_eq!(types(&db), (1, 0));
        let set = |value: &mut Value, at| {
            let Value::Hash(hash) = value else { panic!() };
            hash.set_expire(b"field:7", at, &limits)
        };
        assert!(db.edit_with(loc, |value| set(value, Some(5))));
        assert_eq!(types(&db), (0, 1));
        assert!(db.edit_with(loc, |value| set(value, None)));
        assert_eq!(types(&db), (1, 0));
        db.edit_with(loc, |value| {
            let Value::Hash(hash) = value else { panic!() };
            fields
                .iter()
                .for_each(|field| _ = hash.remove(field.as_bytes()));
        });
        assert_eq!((types(&db), db.len()), ((0, 0), 0));
        assert_eq!(db.find(b"key"), None);
    }

    #[test]
    fn what_others_refer_to_stays_as_it_is_when_the_record_gets_a_value_of_its_own() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        for n in 0..1000 {
            hash.set(format!("field:{n}").as_bytes(), b"value", &limits);
        }
        let fields = |value: &Value| {
            let Value::Hash(hash) = value else { panic!() };
            hash.as_ref().len()
        };
        for key in [b"key".to_vec(), vec![b'k'; 1000]] {
            let mut db = Db::new(Hasher::new(base::secret::HashKey::fixed([1, 2])));
            let loc = db.insert(&key, Value::Hash(hash.clone()), None);
            let segment = db.segment(loc);
            let shared = segment.share_at(segment.slots().offset(loc.slot as usize));
            for field in [b"one", b"two"] {
                db.edit_with(loc, |value| {
                    let Value::Hash(hash) = value else { panic!() };
                    hash.set(field, b"value", &limits);
                });
            }
            assert_eq!(
                (fields(&shared), fields(&db.clone_value(loc))),
                (1000, 1002)
            );
            assert_eq!(Arc::strong_count(&shared), 1);
            drop(db);
            assert_eq!(fields(&shared), 1000);
        }
    }

    #[test]
    fn the_last_record_grows_and_shrinks_where_it_is() {
        let limits = Limits::default();
        let mut db = Db::new(Hasher::new(base::secret::HashKey::fixed([1, 2])));
        let mut list = List::new();
        list.push_back(b"first", &limits);
        for key in [b"other", b"aside"] {
            db.insert(key, Value::List(list.clone()), None);
        }
        let loc = db.insert(b"key", Value::List(list), Some(5));
        for n in 0..60 {
            db.edit_with(loc, |value| {
                let Value::List(list) = value else { panic!() };
                match n % 3 {
                    2 => _ = list.pop_front(),
                    _ => list.push_back(format!("element:{n}").as_bytes(), &limits),
                }
            });
            assert_eq!(db.segment(loc).garbage(), 0);
            assert_eq!((db.key(loc), db.expire(loc)), (&b"key"[..], Some(5)));
        }
        let len = |key: &[u8]| db.clone_value(db.find(key).expect("it is there")).len();
        assert_eq!((len(b"key"), len(b"other"), len(b"aside")), (21, 1, 1));
    }

    #[test]
    fn a_packed_value_that_has_become_small_moves_into_its_record() {
        let limits = Limits::default();
        let mut list = List::new();
        list.push_back(&[b'x'; 2000], &limits);
        let (mut db, loc) = with(Value::List(list));
        db.edit_with(loc, |value| {
            let Value::List(list) = value else { panic!() };
            list.push_back(b"short", &limits);
        });
        let loc = db.find(b"key").expect("it stays");
        assert!(db.is_outside(loc));
        db.edit_with(loc, |value| {
            let Value::List(list) = value else { panic!() };
            list.pop_front();
        });
        let loc = db.find(b"key").expect("it stays");
        assert!(!db.is_outside(loc));
    }
}
