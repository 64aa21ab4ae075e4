//! Deletes expired keys and fields that no command asks for.
//!
//! The periodic work runs slices of this between batches of commands. Keys and hash fields are deleted in the order of
//! the databases' heaps, and each deletion is sent to replicas separately.

use super::{Engine, Event, Loading};
use keyspace::{Due, Loc};

/// How far an expire cycle came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpireSlice {
    /// Nothing that has expired is left.
    Done,
    /// The slice's time is over.
    More,
}

/// How many keys are examined to estimate the share that has already expired.
const STALE_SAMPLES: usize = 20;

impl Engine {
    /// True if it is our decision that something has expired: a replica waits for its primary's.
    pub fn decides_expiry(&self) -> bool {
        !self.repl.is_replica() && self.loading == Loading::No
    }

    /// True if expired keys and fields may be deleted although no command asks for them; on a replica only its own
    /// keys.
    pub fn may_expire(&self) -> bool {
        self.active_expire
            && self.pauses.held().is_none()
            && !self.config.import_mode
            && !self.script_is_parked()
            && self.loading == Loading::No
    }

    /// Deletes expired keys and fields for about `budget_us`.
    pub fn expire_slice(&mut self, budget_us: u64) -> ExpireSlice {
        let timer = self.timer;
        let began = timer();
        let until = began + budget_us * 1000;
        let state = self.expire_until(|| timer() > until);
        self.stats.expire_cycle_ns += timer() - began;
        state
    }

    fn expire_until(&mut self, enough: impl Fn() -> bool) -> ExpireSlice {
        /// Keys between two looks at the clock.
        const BURST: usize = 16;
        let now = self.clock.unix_ms;
        if self.repl.is_replica() {
            while let Some((db, loc)) = self.next_own_expired(now) {
                self.delete_expired(db, loc);
                if enough() {
                    return ExpireSlice::More;
                }
            }
            return ExpireSlice::Done;
        }
        if !self.own_keys.is_empty() {
            self.own_keys.clear();
        }
        for db in 0..self.keyspace.count() {
            let mut burst = 0;
            while let Some(due) = self.keyspace.db_mut(db).next_due(now) {
                burst += match due {
                    Due::Key(loc) => {
                        self.delete_expired(db, loc);
                        self.commit();
                        1
                    }
                    Due::Fields(loc) => {
                        self.reap_overdue_fields(db, loc, now, &enough);
                        BURST
                    }
                };
                if burst >= BURST {
                    burst = 0;
                    if enough() {
                        return ExpireSlice::More;
                    }
                }
            }
        }
        ExpireSlice::Done
    }

    /// An expire cycle is over: it left nothing, or it was `cut` because its time was over.
    pub fn note_expire_cycle(&mut self, cut: bool) {
        self.stats.expire_cycles_cut += u64::from(cut);
        let stale = if cut { self.stale_share() } else { 0.0 };
        // A mean over about the last twenty cycles.
        self.stats.stale_share += (stale - self.stats.stale_share) * 0.05;
    }

    /// Which share of the keys with an expiry has expired, by a sample.
    fn stale_share(&mut self) -> f64 {
        let now = self.clock.unix_ms;
        let (mut seen, mut stale) = (0, 0);
        for db in 0..self.keyspace.count() {
            if self.keyspace.db(db).expires() == 0 {
                continue;
            }
            for _ in 0..STALE_SAMPLES {
                let random = self.rng.next_u64();
                let db = self.keyspace.db(db);
                if let Some(at) = db.random_volatile(random).and_then(|loc| db.expire(loc)) {
                    seen += 1;
                    stale += usize::from(at < now);
                }
            }
        }
        stale as f64 / f64::from(seen.max(1))
    }

    /// Deletes an expired key: DEL or UNLINK is sent to the replicas; the event and the counters follow.
    pub(super) fn delete_expired(&mut self, db: usize, loc: Loc) {
        let lazy = self.config.lazyfree_lazy_expire;
        let key = self.keyspace.db(db).key(loc).to_vec();
        let value = self.keyspace.db_mut(db).take(loc);
        self.drop_value(value, lazy);
        self.stats.expired_keys += 1;
        self.propagate(
            db,
            &[if lazy { b"UNLINK".as_slice() } else { b"DEL" }, &key],
        );
        self.key_removed(db, &key);
        self.notify(Event::Expired, "expired", &key, db);
    }
}
