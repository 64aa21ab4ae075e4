//! What a dump must hold, however the process that wrote it has ended.
//!
//! The content of a dump is noted at its cut, from the keyspace, while its bytes come out of the product's snapshot as
//! writes go on. At the next start the product's loader must find the same in them.

use super::node::Node;
use forebay::keyspace::digest;
use forebay::keyspace::{Db, ValueRef};
use std::collections::BTreeMap;

/// Each key of a dataset: its value as text, and when it expires.
pub type Content = BTreeMap<(usize, String), (String, Option<i64>)>;

impl Node {
    /// Everything that is in memory.
    pub fn content(&self) -> Content {
        let all = 0..self.engine.keyspace.count();
        content_of(all.map(|n| (n, self.engine.keyspace.db(n))))
    }

    /// Whether the product knows that a dataset is complete: the simulator knows by itself when one was given up for
    /// another.
    pub fn check_witness(&self) -> Result<(), String> {
        let whole = self.saves.whole(&self.engine).is_some();
        let incomplete = self.loading || self.lost;
        match whole == incomplete {
            true => Err(format!(
                "it would be saved: {whole}, but the dataset is incomplete: {incomplete}"
            )),
            false => Ok(()),
        }
    }

    /// The process has ended by itself. It has waited for its own file; those of saves that it had given up are
    /// complete meanwhile.
    pub fn check_left(&self) -> Result<(), String> {
        self.saves.clear_away();
        self.saves.writers().place_late(true);
        self.check_disk()?;
        self.disk.check_no_leftovers()
    }

    fn check_disk(&self) -> Result<(), String> {
        match self.disk.went_back() {
            true => Err("a dump was replaced by an older one".to_owned()),
            false => Ok(()),
        }
    }

    /// Looks at what was loaded from the dump: all that was in its cut, and nothing else.
    pub(super) fn check_loaded(&self) -> Result<(), String> {
        self.check_disk()?;
        let Some(saved) = self.disk.content() else {
            return Ok(());
        };
        let (found, now_ms) = (self.content(), self.engine.clock.unix_ms);
        let gone = |at: &Option<i64>| at.is_some_and(|at| at <= now_ms);
        for (key, value) in &saved {
            match found.get(key) {
                Some(there) if there == value => {}
                None if gone(&value.1) => {}
                other => {
                    return Err(format!("{key:?} was saved as {value:?}, and is {other:?}"));
                }
            }
        }
        match found.keys().find(|key| !saved.contains_key(*key)) {
            Some(key) => Err(format!("{key:?} was never saved")),
            None => Ok(()),
        }
    }
}

/// What these databases hold.
pub fn content_of<'a>(dbs: impl Iterator<Item = (usize, &'a Db)>) -> Content {
    let mut all = Content::new();
    for (n, db) in dbs {
        db.scan(0, usize::MAX, |loc| {
            let key = String::from_utf8_lossy(db.key(loc)).into_owned();
            let value = match db.value(loc) {
                ValueRef::Str(text) => text.bytes().escape_ascii().to_string(),
                _ => {
                    let mut print = digest::Fingerprint::default();
                    digest::entry(&mut print, db, loc, digest::Manner::REDIS_7_0);
                    print.to_hex()
                }
            };
            all.insert((n, key), (value, db.expire(loc)));
        });
    }
    all
}
