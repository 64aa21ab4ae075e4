//! Making room below `maxmemory`.
//!
//! Keys are sampled (`maxmemory-samples` at a time) and the best candidate of the sample and of a small pool of
//! earlier good ones is evicted first. How much that frees shows in `used_memory`.

mod pool;

pub use pool::Pool;

use crate::{Engine, Event, heat};
use config::choices::MaxmemoryPolicy;
use keyspace::Loc;
use pool::Candidate;

/// Candidates remembered from earlier samples.
const POOL: usize = 16;

/// How old the count of memory may be on which an eviction is based.
const RECOUNT_US: u64 = 1_000;

/// What may wait to be sent to a client with tracking without counting here, bytes.
const TOLD_MAX: usize = 1 << 20;

impl Engine {
    /// True if `used_memory`, without what eviction cannot free and these bytes, is above `maxmemory`.
    fn is_over(&self, told: usize) -> bool {
        let (used, limit) = ((self.used_memory)(self), self.config.maxmemory as usize);
        let spared = || told + self.tracking.untold_bytes() + self.not_counted_for_evict();
        used > limit && used.saturating_sub(spared()) > limit
    }

    /// Bytes of messages to clients with tracking that have not been sent. Those about evicted keys are among them. If
    /// they counted, more keys would be evicted for them, of which clients would have to be told, too, until no key is
    /// left.
    fn told_bytes(&self) -> usize {
        let readers = self.tracking.clients();
        let readers = readers.filter_map(|id| self.clients.get(&id));
        let bytes = readers.map(|c| (c.reply.memory() + c.unsent.bytes()).min(TOLD_MAX));
        bytes.sum()
    }

    /// Evicts until `used_memory` is below `maxmemory`; returns false if that is impossible.
    pub(crate) fn make_room(&mut self) -> bool {
        if !self.is_over(0) {
            return true;
        }
        let told = self.told_bytes();
        // Memory that other threads have freed, for example after a load, may not be counted yet.
        let now = self.clock.mono_us;
        if now.saturating_sub(self.eviction_pool.counted_us) >= RECOUNT_US {
            self.eviction_pool.counted_us = now;
            (self.recount_memory)();
            if !self.is_over(told) {
                return true;
            }
        }
        if self.repl.is_replica() && self.config.replica_ignore_maxmemory {
            return true;
        }
        if self.pauses.held().is_some() {
            // No key is evicted in the meantime. A write is held back instead of refused, and is checked again
            // afterwards.
            return true;
        }
        if self.config.maxmemory_policy == MaxmemoryPolicy::Noeviction || self.depth > 0 {
            return false;
        }
        while self.is_over(told) {
            let Some((db, loc)) = self.victim() else {
                return false;
            };
            self.evict(db, loc);
        }
        true
    }

    fn evict(&mut self, db: usize, loc: Loc) {
        let lazy = self.config.lazyfree_lazy_eviction;
        let key = self.keyspace.db(db).key(loc).to_vec();
        let value = self.keyspace.db_mut(db).take(loc);
        self.drop_value(value, lazy);
        self.stats.evicted_keys += 1;
        self.propagate(
            db,
            &[if lazy { b"UNLINK".as_slice() } else { b"DEL" }, &key],
        );
        self.key_removed(db, &key);
        self.notify(Event::Evicted, "evicted", &key, db);
        self.commit();
    }

    fn victim(&mut self) -> Option<(usize, Loc)> {
        use MaxmemoryPolicy as P;
        if matches!(
            self.config.maxmemory_policy,
            P::AllkeysRandom | P::VolatileRandom
        ) {
            let dbs = self.keyspace.count();
            let first = self.rng.below(dbs as u64) as usize;
            return (0..dbs)
                .map(|i| (first + i) % dbs)
                .find_map(|db| self.sample(db).map(|loc| (db, loc)));
        }
        loop {
            let mut found = false;
            for db in 0..self.keyspace.count() {
                for _ in 0..self.config.maxmemory_samples {
                    let Some(loc) = self.sample(db) else { break };
                    found = true;
                    self.offer(db, loc);
                }
            }
            if !found {
                return None;
            }
            while let Some(best) = self.eviction_pool.found.pop() {
                // The key may have been removed or used since it was found.
                if let Some(loc) = self.keyspace.db(best.db).find(&best.key)
                    && self.score(best.db, loc).is_some_and(|s| s >= best.score)
                {
                    return Some((best.db, loc));
                }
            }
        }
    }

    fn sample(&mut self, db: usize) -> Option<Loc> {
        let random = self.rng.next_u64();
        let db = self.keyspace.db(db);
        match self.config.maxmemory_policy.all_keys() {
            true => db.random(random),
            false => db.random_volatile(random),
        }
    }

    fn offer(&mut self, db: usize, loc: Loc) {
        let Some(score) = self.score(db, loc) else {
            return;
        };
        let pool = &mut self.eviction_pool.found;
        let at = pool.partition_point(|c| c.score < score);
        if at == 0 && pool.len() == POOL {
            return;
        }
        let key = self.keyspace.db(db).key(loc);
        if pool.iter().any(|c| c.db == db && c.key == key) {
            return;
        }
        let key = key.to_vec();
        pool.insert(at, Candidate { score, db, key });
        if pool.len() > POOL {
            pool.remove(0);
        }
    }

    fn score(&self, db: usize, loc: Loc) -> Option<u64> {
        use MaxmemoryPolicy as P;
        let now = self.clock.steady_ms;
        let store = self.keyspace.db(db);
        Some(match self.config.maxmemory_policy {
            P::VolatileTtl => u64::MAX - store.expire(loc)?.max(0) as u64,
            P::VolatileLfu | P::AllkeysLfu => {
                let decay = heat::decay_minutes(&self.config);
                255 - u64::from(heat::decayed(store.heat(loc), now, decay))
            }
            _ => heat::idle_seconds(store.heat(loc), now) as u64,
        })
    }
}
