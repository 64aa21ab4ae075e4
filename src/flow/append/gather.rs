//! How long the log waits for more before it syncs what waits for a sync (`appendfsync always`).
//!
//! Clients whose replies a sync has released mostly write again at once. If the next sync began without them, each sync
//! could serve only a part of the clients. So the next sync waits for them, but only for a part of the time that a sync
//! takes, and not after a wait that was in vain. The gain has not been measured.

use std::time::Duration;

/// A wait was in vain if less than this share of the expected commits came.
const ENOUGH: (u64, u64) = (7, 8);
/// The most syncs in a row that begin without a wait after one whose wait was in vain.
const SKIPPED_MAX: u32 = 64;

/// What earlier syncs tell about the clients that write.
#[derive(Debug, Default)]
pub struct Gather {
    /// How many commits are likely to come, including those that wait already.
    expected: u64,
    /// How long a sync may wait for them.
    within: Duration,
    /// How many of the next syncs begin without a wait.
    skipped: u32,
    /// How many syncs began without a wait after the last one that was in vain.
    in_vain: u32,
}

impl Gather {
    /// A sync has ended: it took `took` and made `made_durable` commits durable, and `waiting` commits came meanwhile.
    pub fn synced(&mut self, took: Duration, made_durable: u64, waiting: u64) {
        self.expected = made_durable + waiting;
        self.within = took / 2;
    }

    /// How many commits the next sync waits for, and how long at most; `None` if it begins at once.
    pub fn wanted(&mut self) -> Option<(u64, Duration)> {
        if self.expected < 2 || self.within.is_zero() {
            return None;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        Some((self.expected * ENOUGH.0 / ENOUGH.1, self.within))
    }

    /// It was waited for `wanted` commits, and so many were there.
    pub fn waited(&mut self, wanted: u64, there: u64) {
        // Nobody writes any more: that says nothing of those who will.
        if there >= wanted || there == 0 {
            self.in_vain = 0;
            return;
        }
        self.in_vain = (self.in_vain * 2).clamp(1, SKIPPED_MAX);
        self.skipped = self.in_vain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_millis(2);

    #[test]
    fn those_are_waited_for_who_were_set_free_and_for_half_a_sync_at_most() {
        let mut gather = Gather::default();
        assert_eq!(gather.wanted(), None, "nothing is known");
        gather.synced(SYNC, 32, 32);
        assert_eq!(gather.wanted(), Some((56, SYNC / 2)));
        gather.waited(56, 64);
        assert!(gather.wanted().is_some());
        gather.synced(SYNC, 1, 0);
        assert_eq!(gather.wanted(), None, "one client alone does not wait");
    }

    #[test]
    fn where_waiting_is_in_vain_it_gets_rare() {
        let mut gather = Gather::default();
        let (mut waits, mut syncs) = (0, 0);
        for _ in 0..1000 {
            gather.synced(SYNC, 10, 10);
            syncs += 1;
            if let Some((wanted, _)) = gather.wanted() {
                waits += 1;
                gather.waited(wanted, 10);
            }
        }
        assert!(waits * 40 < syncs, "{waits} of {syncs}");
        // Then they come again.
        while gather.wanted().is_none() {}
        gather.waited(17, 20);
        gather.synced(SYNC, 20, 0);
        assert!(gather.wanted().is_some());
    }
}
