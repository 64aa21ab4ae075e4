//! How long the log waits for more before it syncs what waits for a sync (`appendfsync always`).
//!
//! Those whose replies a sync has set free mostly write again at once. If the next sync began without them, two halves of
//! the clients would take turns, and each sync would serve one half. So it waits for them: for a part of the time that
//! a sync takes, and not where waiting was in vain.

use std::time::Duration;

/// At least this share of those that are waited for has to come, or waiting was in vain.
const ENOUGH: (u64, u64) = (7, 8);
/// The most syncs that go without waiting after one for which it was in vain.
const SKIPPED_MAX: u32 = 64;

/// What is known of those who write.
#[derive(Debug, Default)]
pub struct Gather {
    /// Commits that are likely to come, those that wait already included.
    expected: u64,
    /// How long it may be waited for them.
    within: Duration,
    /// Syncs that begin at once.
    skipped: u32,
    /// How many they were the last time.
    in_vain: u32,
}

impl Gather {
    /// A sync took so long. It has made so many commits durable, and so many came meanwhile.
    pub fn synced(&mut self, took: Duration, made_durable: u64, waiting: u64) {
        self.expected = made_durable + waiting;
        self.within = took / 2;
    }

    /// How many commits are to be waited for, and how long; `None` if the next sync begins at once.
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
