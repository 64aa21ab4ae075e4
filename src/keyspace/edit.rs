//! A value that is being changed.

use super::Value;
use super::db::{Db, Loc};
use super::record::{self, KEY_MAX, LONG_KEY, OUTSIDE, Record, TYPE_MASK, VALUE_MAX};
use std::sync::Arc;

/// A value that is being changed. Dropping it puts the value back into the database; a collection
/// that became empty is removed with its key.
///
/// While it is open, a large value is out on loan: its record holds an empty handle, so that a
/// forgotten `Edit` loses the value but leaves nothing dangling.
pub struct Edit<'a> {
    db: &'a mut Db,
    loc: Loc,
    value: Option<Held>,
}

enum Held {
    /// It stands in the record; this is a copy.
    Packed(Value),
    /// It stands outside.
    Outside {
        value: Arc<Value>,
        lent: Option<Lent>,
    },
}

/// The record from which a value was taken, and into which it can be put back.
struct Lent {
    offset: usize,
    type_byte: u8,
}

impl Db {
    /// Changes the value with `f`: as [`Db::edit`], which it is but for large values that nobody shares. They
    /// are changed where they are, and their record is written only if its type changes.
    pub fn edit_with<R>(&mut self, loc: Loc, f: impl FnOnce(&mut Value) -> R) -> R {
        let limit = self.protect(loc);
        let mut segment = self.segment_mut(loc);
        let offset = segment.as_ref().slots().offset(loc.slot as usize);
        let bytes = &segment.records_mut()[offset..];
        let type_byte = bytes[record::type_at(bytes)];
        if type_byte & (OUTSIDE | LONG_KEY) == OUTSIDE
            && offset >= limit
            && let Some(value) = segment.outside_mut_at(offset)
        {
            let result = f(value);
            let stays = value.tree_type() == Some(type_byte & TYPE_MASK);
            if stays && record::has_field_expiry(type_byte) {
                self.note_fields(loc);
            } else if !stays {
                let value = segment.take_outside(offset);
                let held = Held::Outside {
                    value: value.expect("it was there"),
                    lent: Some(Lent { offset, type_byte }),
                };
                self.put_back(loc, held);
            }
            return result;
        }
        f(self.edit(loc).value())
    }

    /// Opens the value for change.
    pub fn edit(&mut self, loc: Loc) -> Edit<'_> {
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let record = Record::parse(&segment.records()[offset..]);
        let type_byte = record.rdb_type;
        let value = if type_byte & OUTSIDE == 0 {
            Held::Packed(Value::to_change(type_byte, record.value()))
        } else {
            let limit = self.protect(loc);
            // A snapshot needs the record, or the key stands with the value: then it is shared.
            let lent = (offset >= limit && type_byte & LONG_KEY == 0)
                .then_some(Lent { offset, type_byte });
            let value = match lent {
                Some(_) => self.segment_mut(loc).take_outside(offset),
                None => Some(self.segment(loc).share_at(offset)),
            };
            Held::Outside {
                value: value.expect("the value is not on loan"),
                lent,
            }
        };
        Edit {
            db: self,
            loc,
            value: Some(value),
        }
    }

    /// Puts a changed value back.
    fn put_back(&mut self, loc: Loc, held: Held) {
        let value = match &held {
            Held::Packed(value) => value,
            Held::Outside { value, .. } => value,
        };
        if value.is_empty_collection() {
            return self.remove(loc);
        }
        if value.is_packed() && self.put_packed(loc, value) {
            return;
        }
        let value = match held {
            Held::Packed(value) => Arc::new(value),
            Held::Outside {
                value,
                lent: Some(lent),
            } => return self.give_back(loc, lent, value),
            Held::Outside { value, lent: None } => value,
        };
        let expire = self.expire(loc);
        self.rewrite_outside(loc, expire, value);
    }

    /// Writes a packed value into its record; false if it is too large for that.
    fn put_packed(&mut self, loc: Loc, value: &Value) -> bool {
        if self.key(loc).len() > KEY_MAX {
            return false;
        }
        let mut bytes = std::mem::take(&mut self.scratch.value);
        bytes.clear();
        let packed = value
            .to_record(&mut bytes)
            .filter(|_| bytes.len() <= VALUE_MAX);
        if let Some(type_byte) = packed {
            let old = self.record(loc);
            // Many a command changes nothing in the end.
            if old.rdb_type != type_byte || old.value() != bytes {
                let expire = old.expire;
                self.rewrite(loc, expire, type_byte, &bytes, &[]);
            }
        }
        self.scratch.value = bytes;
        packed.is_some()
    }

    /// Puts a lent value back into its record.
    fn give_back(&mut self, loc: Loc, lent: Lent, value: Arc<Value>) {
        let type_byte = value.rdb_type() | OUTSIDE;
        let mut segment = self.segment_mut(loc);
        segment.put_outside(lent.offset, value);
        if type_byte != lent.type_byte {
            let at = lent.offset + record::type_at(&segment.records_mut()[lent.offset..]);
            segment.records_mut()[at] = type_byte;
            segment.count(false, lent.type_byte, -1);
            segment.count(false, type_byte, 1);
            self.types[(lent.type_byte & TYPE_MASK) as usize] -= 1;
            self.types[(type_byte & TYPE_MASK) as usize] += 1;
        }
        self.note_written(loc, None, type_byte);
    }
}

impl Edit<'_> {
    /// The value, unshared on first write of a part.
    pub fn value(&mut self) -> &mut Value {
        match self.value.as_mut().expect("there until the drop") {
            Held::Packed(value) => value,
            Held::Outside { value, .. } => Arc::make_mut(value),
        }
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        if let Some(held) = self.value.take() {
            self.db.put_back(self.loc, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::{Hash, List};
    use super::super::{Hasher, Limits};
    use super::*;

    fn with(value: Value) -> (Db, Loc) {
        let mut db = Db::new(Hasher::new(crate::secret::HashKey::fixed([1, 2])));
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
        let types = |db: &Db| (db.types()[4], db.types()[24]);
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
