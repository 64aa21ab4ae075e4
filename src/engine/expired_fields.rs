//! What happens to a hash field that has expired.
//!
//!  * No reader sees it, except for the link to our primary, where the primary decides.
//!  * Reading it by name deletes it if we are the primary (with `HDEL` for replicas and the event `hexpired`);
//!    iterating over the hash only skips it. The expire cycle deletes it soon; until then, HLEN counts it.
//!  * A hash whose last field was deleted in this way is deleted, with the event `del`.

use crate::{Cx, Engine, Event, Loading};
use keyspace::value::Hash;
use keyspace::{Loc, UnixMillis, Value};
use std::collections::BTreeSet;

/// Which fields a command does not see.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// Fields that expire before this are hidden; `i64::MIN` if all are shown.
    before: UnixMillis,
}

impl Horizon {
    /// For the client of a command, now.
    pub fn of(cx: &Cx<'_>) -> Self {
        let all = !cx.expiry_is_ours() || cx.engine.loading == Loading::Blocking;
        Horizon {
            before: if all { UnixMillis::MIN } else { cx.now() },
        }
    }

    /// True if a field with this expiry is not seen any more.
    pub fn hides(self, expire: Option<UnixMillis>) -> bool {
        expire.is_some_and(|at| at < self.before)
    }
}

/// Deletes fields that a command found expired, if this server decides that. Gives the hash's new handle, or `None`
/// if the hash was removed.
pub fn reap(cx: &mut Cx<'_>, key: &[u8], loc: Loc, fields: &[&[u8]]) -> Option<Loc> {
    let db = cx.client.db;
    if !fields.is_empty() && cx.deletes_expired() {
        cx.engine.reap_fields(db, loc, fields);
        cx.db().find(key)
    } else {
        Some(loc)
    }
}

/// As [`reap`], of those of `fields` that have expired.
pub fn reap_due(cx: &mut Cx<'_>, key: &[u8], loc: Loc, fields: &[&[u8]]) -> Option<Loc> {
    let horizon = Horizon::of(cx);
    let (hash, _) = cx.read::<Hash>(loc);
    if !horizon.hides(hash.min_expire()) {
        return Some(loc);
    }
    let (mut due, mut seen): (Vec<&[u8]>, BTreeSet<&[u8]>) = Default::default();
    for &field in fields {
        let expire = hash.get_with_expire(field).and_then(|(_, expire)| expire);
        if horizon.hides(expire) && seen.insert(field) {
            due.push(field);
        }
    }
    reap(cx, key, loc, &due)
}

/// As [`reap`], of all fields that have expired.
pub fn reap_all(cx: &mut Cx<'_>, key: &[u8], loc: Loc) -> Option<Loc> {
    let horizon = Horizon::of(cx);
    let (hash, _) = cx.read::<Hash>(loc);
    if !horizon.hides(hash.min_expire()) {
        return Some(loc);
    }
    let due: Vec<Vec<u8>> = hash
        .iter()
        .filter(|(_, _, expire)| horizon.hides(*expire))
        .map(|(field, _, _)| field.to_vec())
        .collect();
    let due: Vec<&[u8]> = due.iter().map(Vec::as_slice).collect();
    reap(cx, key, loc, &due)
}

impl Engine {
    /// Deletes fields of a hash that have expired. Handles of this database are no longer valid.
    fn reap_fields(&mut self, db: usize, loc: Loc, fields: &[&[u8]]) {
        let key = self.keyspace.db(db).key(loc).to_vec();
        let left = self.keyspace.db_mut(db).edit_with(loc, |value| {
            let Value::Hash(hash) = value else {
                unreachable!("the caller found expired fields: it is a hash");
            };
            fields.iter().for_each(|field| _ = hash.remove(field));
            hash.as_ref().len()
        });
        for field in fields {
            self.propagate(db, &[b"HDEL", key.as_slice(), field]);
        }
        self.fields_expired(db, &key, fields.len(), left);
    }

    /// As [`Engine::reap_fields`], of as many fields as have expired before `now` until `enough`, which is asked
    /// now and then, says so.
    pub fn reap_overdue_fields(
        &mut self,
        db: usize,
        loc: Loc,
        now: UnixMillis,
        enough: impl Fn() -> bool,
    ) {
        /// Fields between two questions.
        const BURST: usize = 16;
        let key = self.keyspace.db(db).key(loc).to_vec();
        let mut gone: Vec<Vec<u8>> = Vec::new();
        let left = self.keyspace.db_mut(db).edit_with(loc, |value| {
            let Value::Hash(hash) = value else {
                unreachable!("only hashes have fields that are due");
            };
            let mut note = |field: &[u8]| gone.push(field.to_vec());
            while hash.remove_expired(now, BURST, &mut note) == BURST && !enough() {}
            hash.as_ref().len()
        });
        for field in &gone {
            self.propagate(db, &[b"HDEL", key.as_slice(), field]);
            self.commit();
        }
        if !gone.is_empty() {
            self.fields_expired(db, &key, gone.len(), left);
        }
    }

    /// Fields of a hash were deleted because they had expired: count, watchers and events.
    fn fields_expired(&mut self, db: usize, key: &[u8], gone: usize, left: usize) {
        self.stats.expired_subkeys += gone as u64;
        self.key_removed(db, key);
        self.notify(Event::Hash, "hexpired", key, db);
        if left == 0 {
            self.notify(Event::Generic, "del", key, db);
        }
    }
}
