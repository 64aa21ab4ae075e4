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

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As by `kill -9`.
    Killed,
    /// SIGTERM where there are save points: a final save, if the dataset is complete.
    Terminated,
    /// SHUTDOWN NOSAVE.
    NotSaved,
}

impl Node {
    /// Everything that is in memory.
    pub fn content(&self) -> Content {
        let all = 0..self.engine.keyspace.count();
        content_of(all.map(|n| (n, self.engine.keyspace.db(n))))
    }

    /// The process ends, and what it has written to its disk stays.
    pub fn end(&mut self, how: End) -> Result<(), String> {
        if how != End::Terminated {
            return Ok(());
        }
        let persistence = self.persistence.clone();
        let whole = persistence.whole(&self.engine);
        // The simulator knows by itself when a dataset was given up for another.
        let incomplete = self.loading || self.lost;
        if whole.is_some() == incomplete {
            let saves = whole.is_some();
            return Err(format!(
                "it saves at its end: {saves}, but its dataset is incomplete: {incomplete}"
            ));
        }
        if let Some(whole) = whole {
            self.save_now(&whole);
        }
        self.check_disk()
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
        for (key, value) in saved {
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
