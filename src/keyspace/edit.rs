//! A value that is being changed.

use super::db::{Db, Loc};
use super::record::{self, LONG_KEY, OUTSIDE, Record, TYPE_MASK};
use super::write::{KEY_MAX, VALUE_MAX};
use super::{Value, outside};
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
    /// It stands outside. `lent`: taken out of the record, into which it can be put back.
    Outside { value: Arc<Value>, lent: bool },
}

impl Db {
    /// Opens the value for change.
    pub fn edit(&mut self, loc: Loc) -> Edit<'_> {
        let record = self.record(loc);
        let type_byte = record.rdb_type;
        let value = if type_byte & OUTSIDE == 0 {
            Held::Packed(Value::to_change(type_byte, record.value()))
        } else {
            let limit = self.protect(loc);
            let offset = self.segment(loc).slots().offset(loc.slot as usize);
            let lent = offset >= limit && type_byte & LONG_KEY == 0;
            Held::Outside {
                value: self.borrow_outside(loc, limit),
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
        let expire = self.expire(loc);
        if self.key(loc).len() <= KEY_MAX {
            let mut bytes = std::mem::take(&mut self.scratch.value);
            bytes.clear();
            let packed = value
                .to_record(&mut bytes)
                .filter(|_| bytes.len() <= VALUE_MAX);
            if let Some(type_byte) = packed {
                let old = self.record(loc);
                // Many a command changes nothing in the end.
                if old.rdb_type != type_byte || old.value() != bytes {
                    self.rewrite(loc, expire, type_byte, &bytes, &[]);
                }
            }
            self.scratch.value = bytes;
            if packed.is_some() {
                return;
            }
        }
        let (value, lent) = match held {
            Held::Packed(value) => (Arc::new(value), false),
            Held::Outside { value, lent } => (value, lent),
        };
        let rdb_type = value.rdb_type();
        let segment = self.segment(loc);
        let offset = segment.slots().offset(loc.slot as usize);
        let old = Record::parse(&segment.records()[offset..]).rdb_type;
        if lent {
            let mut segment = self.segment_mut(loc);
            segment.put_outside(offset, value);
            let at = offset + record::type_at(&segment.records_mut()[offset..]);
            segment.records_mut()[at] = rdb_type | OUTSIDE;
            self.types[(old & TYPE_MASK) as usize] -= 1;
            self.types[rdb_type as usize] += 1;
            return;
        }
        let long =
            (old & LONG_KEY != 0 || self.key(loc).len() > KEY_MAX).then(|| self.key(loc).to_vec());
        let handle = outside::store(long.as_deref(), value);
        let type_byte = rdb_type | OUTSIDE | if long.is_some() { LONG_KEY } else { 0 };
        self.rewrite(loc, expire, type_byte, &handle, &[]);
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
