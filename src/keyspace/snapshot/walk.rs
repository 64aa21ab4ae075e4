//! The walk over the dataset of the cut, in slices.

use super::preserve::DbWalk;
use super::{Block, Cut, DbCut, SnapshotError, SnapshotOptions, Step};
use crate::{Db, Keyspace, tree};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// Databases that were cleared or replaced while the walk had not passed them.
pub(crate) type Orphans = Arc<Mutex<Vec<Db>>>;

/// The running snapshot.
pub(crate) struct Walk {
    /// Blocks of databases that are done.
    ready: VecDeque<Block>,
    orphans: Orphans,
    mismatch: Option<SnapshotError>,
}

impl Keyspace {
    /// Takes the cut: from now on [`Keyspace::walk_step`] hands out the dataset as it is now.
    ///
    /// # Errors
    /// `Running`: one walk at a time.
    pub fn begin_snapshot(&mut self, options: SnapshotOptions) -> Result<Cut, SnapshotError> {
        if self.walk.is_some() {
            return Err(SnapshotError::Running);
        }
        self.epoch += 1;
        let orphans = Orphans::default();
        let mut cut = Cut {
            epoch: self.epoch as u64,
            dbs: Vec::new(),
        };
        for (number, db) in self
            .dbs
            .iter_mut()
            .enumerate()
            .filter(|(_, db)| !db.is_empty())
        {
            let number = number as u32;
            cut.dbs.push(DbCut {
                db: number,
                keys: db.len() as u64,
                expires: db.expires() as u64,
                types: *db.types(),
            });
            let walk = DbWalk::new(self.epoch, number, db.len(), options, orphans.clone());
            db.walk = Some(Box::new(walk));
        }
        self.walk = Some(Walk {
            ready: VecDeque::new(),
            orphans,
            mismatch: None,
        });
        Ok(cut)
    }

    /// Walks about `budget_bytes` further. Call it between commands until it says `Done`.
    ///
    /// # Errors
    /// `NotRunning`, or `CountMismatch` at the end: the image must be discarded.
    pub fn walk_step(&mut self, budget_bytes: usize) -> Result<Step, SnapshotError> {
        let Some(walk) = self.walk.as_mut() else {
            return Err(SnapshotError::NotRunning);
        };
        if let Some(block) = walk.ready.pop_front() {
            return Ok(Step::Block(block));
        }
        let mut orphans = walk.orphans.lock().expect("no panic while it is held");
        // Blocks that writers had to make hold memory, so they are handed out first.
        let mut walked = self.dbs.iter_mut().chain(orphans.iter_mut());
        if let Some(block) = walked.find_map(|db| db.walk.as_mut()?.ready.pop_front()) {
            return Ok(Step::Block(block));
        }
        let number = |db: &&mut Db| db.walk.as_ref().map_or(u32::MAX, |walk| walk.number);
        let next = self
            .dbs
            .iter_mut()
            .chain(orphans.iter_mut())
            .min_by_key(number);
        let Some(db) = next.filter(|db| db.walk.is_some()) else {
            drop(orphans);
            let walk = self.walk.take().expect("checked above");
            return walk.mismatch.map_or(Ok(Step::Done), Err);
        };
        if db.walk_on(budget_bytes) {
            let done = db.walk.take().expect("checked above");
            walk.mismatch = walk.mismatch.take().or(done.mismatch());
            walk.ready.extend(done.into_blocks());
            let (passed, rest) = std::mem::take(&mut *orphans)
                .into_iter()
                .partition(|db| db.walk.is_none());
            *orphans = rest;
            let passed: Vec<Db> = passed;
            self.retired.extend(passed);
            return Ok(walk.ready.pop_front().map_or(Step::Pending, Step::Block));
        }
        let ready = db.walk.as_mut().and_then(|walk| walk.ready.pop_front());
        Ok(ready.map_or(Step::Pending, Step::Block))
    }

    /// Abandons the snapshot, and releases everything that was kept for it.
    pub fn cancel_snapshot(&mut self) {
        let Some(walk) = self.walk.take() else {
            return;
        };
        let orphans = std::mem::take(&mut *walk.orphans.lock().expect("no panic while it is held"));
        self.retired.extend(orphans);
        for db in self.dbs.iter_mut().chain(&mut self.retired) {
            db.end_walk();
        }
    }

    /// True from the cut until the walk is finished or cancelled.
    pub fn snapshot_running(&self) -> bool {
        self.walk.is_some()
    }

    /// Bytes of large values that this thread has ever left to snapshots and other clones.
    /// [`Keyspace::preserved_bytes`] cannot count those that have been handed out.
    pub fn left_bytes() -> u64 {
        tree::left_to_clones()
    }

    /// Bytes of blocks that were not handed out yet.
    pub fn buffered_bytes(&self) -> usize {
        let Some(walk) = &self.walk else {
            return 0;
        };
        let walks = self.dbs.iter().filter_map(|db| db.walk.as_ref());
        let blocks: usize = walks.map(|walk| walk.held() - walk.dead_bytes()).sum();
        blocks + walk.ready.iter().map(Block::held).sum::<usize>()
    }

    /// Bytes held only for the snapshot: not part of [`Keyspace::used_bytes`].
    pub fn preserved_bytes(&self) -> usize {
        let Some(walk) = &self.walk else {
            return 0;
        };
        let orphans = walk.orphans.lock().expect("no panic while it is held");
        let cleared: usize = orphans.iter().map(Db::used_bytes).sum();
        let dbs = self.dbs.iter().chain(orphans.iter());
        let kept: usize = dbs
            .filter_map(|db| db.walk.as_ref())
            .map(|walk| walk.held())
            .sum();
        cleared + kept + walk.ready.iter().map(Block::held).sum::<usize>()
    }
}
