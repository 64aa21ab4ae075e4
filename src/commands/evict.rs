//! Making room below `maxmemory`.
//!
//! Keys are sampled (`maxmemory-samples` at a time) and the best candidate of the sample and of a small
//! pool of good ones found before goes first. What a key's removal frees is seen in `used_memory`.

use super::{Engine, heat};
use crate::config::choices::MaxmemoryPolicy;
use crate::keyspace::Loc;

/// Candidates remembered from earlier samples.
const POOL: usize = 16;

/// A candidate: the higher the score, the sooner it goes.
struct Candidate {
    score: u64,
    db: usize,
    key: Vec<u8>,
}

/// Good candidates, best last.
#[derive(Default)]
pub struct Pool(Vec<Candidate>);

impl Engine {
    /// Evicts until `used_memory` is below `maxmemory`; false if that is not to be had.
    pub(super) fn make_room(&mut self) -> bool {
        let limit = self.config.maxmemory as usize;
        if (self.used_memory)(self) <= limit {
            return true;
        }
        if self.repl.is_replica() && self.config.replica_ignore_maxmemory {
            return true;
        }
        if self.config.maxmemory_policy == MaxmemoryPolicy::Noeviction
            || self.pauses.held().is_some()
            || self.depth > 0
        {
            return false;
        }
        while (self.used_memory)(self) > limit {
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
        if lazy {
            self.drop_later(Box::new(value));
        }
        self.stats.evicted_keys += 1;
        self.propagate(
            db,
            &[if lazy { b"UNLINK".as_slice() } else { b"DEL" }, &key],
        );
        self.key_removed(db, &key);
        self.notify(super::Event::Evicted, "evicted", &key, db);
        self.flush_effects();
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
            while let Some(best) = self.eviction_pool.0.pop() {
                // It may have gone, or been used, since it was found.
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
        let pool = &mut self.eviction_pool.0;
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
        let now = self.clock.unix_ms;
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

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;
    use crate::config::choices::MaxmemoryPolicy;

    /// A server over its limit as long as it holds more than ten keys.
    fn full(policy: MaxmemoryPolicy) -> Bench {
        let mut bench = Bench::new();
        bench.engine.used_memory = |e| e.keyspace.len() * 10;
        bench.engine.config.maxmemory = 100;
        bench.engine.config.maxmemory_policy = policy;
        bench
    }

    #[test]
    fn the_least_recently_used_keys_go_first() {
        let mut bench = full(MaxmemoryPolicy::AllkeysLru);
        for i in 0..10 {
            bench.run(&format!("SET k{i} v"));
            bench.engine.clock.unix_ms += 10_000;
        }
        bench.run("GET k0");
        bench.engine.config.maxmemory_samples = 64;
        bench.run("SET extra v");
        bench.run("SET extra2 v");
        assert_eq!(bench.run("EXISTS k0"), ":1");
        assert_eq!(bench.run("EXISTS k1"), ":0");
        assert!(bench.engine.stats.evicted_keys >= 1);
    }

    #[test]
    fn volatile_policies_leave_keys_without_expiry() {
        let mut bench = full(MaxmemoryPolicy::VolatileTtl);
        for i in 0..11 {
            bench.run(&format!("SET k{i} v"));
        }
        assert!(bench.run("SET extra v").starts_with("-OOM"));
        bench.run("EXPIRE k3 1000");
        assert_eq!(bench.run("SET extra v"), "+OK");
        assert_eq!(bench.run("EXISTS k3"), ":0");
    }
}
