//! How long the log waits for more before it syncs what waits for a sync (`appendfsync always`).
//!
//! Clients whose replies a sync has released mostly write again at once. If the next sync began without them, each sync
//! could serve only a part of the clients: half of them, if all write as fast as they are answered. So the next sync
//! waits for all of them, but only for a part of the time that a sync takes, and not after a wait that was in vain.

use std::time::Duration;

/// The most syncs in a row that begin without a wait after one whose wait was in vain.
const SKIPPED_MAX: u32 = 16;

/// What earlier syncs tell about the clients that write.
#[derive(Debug, Default)]
pub struct Gather {
    /// How many commits are likely to come, including those that wait already.
    expected: u64,
    /// How long a sync takes.
    sync: Duration,
    /// How many of the next syncs begin without a wait.
    skipped: u32,
    /// How many syncs began without a wait after the last one that was in vain.
    in_vain: u32,
}

impl Gather {
    /// A sync has ended: it took `took` and made `made_durable` commits durable, and `waiting` commits came meanwhile.
    pub fn synced(&mut self, took: Duration, made_durable: u64, waiting: u64) {
        self.expected = made_durable + waiting;
        self.sync = took;
    }

    /// How many commits the next sync waits for, and how long at most; `None` if it begins at once.
    pub fn wanted(&mut self) -> Option<(u64, Duration)> {
        let within = self.sync / 2;
        if self.expected < 2 || within.is_zero() {
            return None;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        Some((self.expected, within))
    }

    /// It was waited so long, and so many commits were there.
    pub fn waited(&mut self, waited: Duration, there: u64) {
        // Without a wait, each sync would serve half of those who are expected. With it there are fewer syncs, so there
        // have to be more commits in each. And where nobody writes any more, that says nothing of those who will.
        let with = 2 * u128::from(there) * self.sync.as_nanos();
        let without = u128::from(self.expected) * (self.sync + waited).as_nanos();
        if with >= without || there == 0 {
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
        assert_eq!(gather.wanted(), Some((64, SYNC / 2)));
        gather.waited(SYNC / 4, 64);
        assert!(gather.wanted().is_some());
        gather.synced(SYNC, 1, 0);
        assert_eq!(gather.wanted(), None, "one client alone does not wait");
    }

    #[test]
    fn a_wait_is_in_vain_if_more_would_be_durable_in_the_same_time_without_it() {
        // After the longest wait a sync and a half have passed, in which three quarters of all would have been served.
        for (waited, there, again) in [
            (SYNC / 2, 48, true),
            (SYNC / 2, 47, false),
            (SYNC / 4, 40, true),
            (SYNC / 4, 39, false),
            (SYNC / 2, 0, true),
        ] {
            let mut gather = Gather::default();
            gather.synced(SYNC, 32, 32);
            gather.waited(waited, there);
            assert_eq!(gather.wanted().is_some(), again, "{there} in {waited:?}");
        }
    }

    #[test]
    fn where_waiting_is_in_vain_it_gets_rare() {
        let mut gather = Gather::default();
        let (mut waits, mut syncs) = (0, 0);
        for _ in 0..1000 {
            gather.synced(SYNC, 10, 10);
            syncs += 1;
            if let Some((_, within)) = gather.wanted() {
                waits += 1;
                gather.waited(within, 10);
            }
        }
        assert!(waits * 14 < syncs, "{waits} of {syncs}");
        // Then they come again.
        while gather.wanted().is_none() {}
        gather.waited(SYNC / 4, 20);
        gather.synced(SYNC, 20, 0);
        assert!(gather.wanted().is_some());
    }
}
