//! The invariants that look-ups rely on hold after many changes.

use super::slots::SLOTS;
use crate::record;
use crate::testing::Random;
use crate::{Db, Hasher};
use base::secret::HashKey;
use std::collections::BTreeSet;

/// The offset of every slot is that of a record, whether the slot is in use or not.
fn check(db: &Db) {
    let mut at = Some(0);
    while let Some(hash) = at {
        let segment = db.dir.segment(hash).expect("it has segments");
        let (records, used) = (segment.records(), segment.used() as usize);
        let mut starts = BTreeSet::from([0]);
        let mut offset = 0;
        while offset < used {
            starts.insert(offset);
            offset += record::record_len(&records[offset..]);
        }
        assert_eq!(offset, used);
        let slots = segment.slots();
        for slot in 0..slots.groups() * SLOTS {
            assert!(starts.contains(&slots.offset(slot).get()), "slot {slot}");
        }
        at = super::directory::after(segment.prefix(), segment.depth());
    }
}

#[test]
fn every_slot_leads_to_a_record_whether_it_is_in_use_or_not() {
    for seed in 0..4 {
        let mut random = Random::Seed(seed);
        let mut db = Db::new(Hasher::new(HashKey::fixed([seed, 1])));
        // Extents that were used before.
        for _ in 0..2 {
            for step in 0..6000 {
                let key = format!("key:{}", random.below(400)).into_bytes();
                match db.find(&key) {
                    Some(loc) if random.one_in(2) => db.remove(loc),
                    _ => {
                        let most = if random.one_in(20) { 3000 } else { 300 };
                        let text = vec![b'v'; random.below(most) as usize];
                        db.insert_str(&key, &text, random.one_in(3).then_some(step));
                    }
                }
                if step % 100 == 0 && !db.is_empty() {
                    check(&db);
                }
            }
            while let Some(loc) = db.random(random.next()) {
                db.remove(loc);
            }
        }
    }
}
