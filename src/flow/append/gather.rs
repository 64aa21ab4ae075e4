//! How long the log waits for more before it syncs what waits for a sync (`appendfsync always`).
//!
//! Clients whose replies a sync has released mostly write again at once. If the next sync began without them, each sync
//! could serve only a part of the clients: half of them, if all write as fast as they are answered. So the next sync
//! waits for all of them, but only for a part of the time that a sync takes, and not after a wait that was in vain.
//!
//! It is in vain, too, where all of them come but need longer for it than a sync takes: then it is better if one half
//! of them writes while the sync of the other half runs.

use std::time::Duration;

/// The most syncs in a row that begin without a wait after one whose wait was in vain.
const SKIPPED_MAX: u32 = 16;
/// So many waits in a row have to be worth it after one that was in vain. The first of them tells little: half of the
/// clients were there already, because the syncs before it had not waited.
const PROVEN: u32 = 3;
/// Clients who need longer than this for their next request do not write again at once.
const PAUSE: Duration = Duration::from_millis(2);

/// What earlier syncs tell about the clients that write.
#[derive(Debug, Default)]
pub struct Gather {
    /// How many commits are likely to come, including those that wait already.
    expected: u64,
    /// How long a sync takes.
    sync: Duration,
    /// How many of the next syncs begin without a wait.
    skipped: u32,
    /// How many syncs began without a wait after the last wait that was in vain.
    in_vain: u32,
    /// How many waits in a row were worth it since one was in vain.
    worth: u32,
    /// When the last sync ended.
    ended: Duration,
}

impl Gather {
    /// A sync has ended `now`: it took `took` and made `made_durable` commits durable, and `waiting` commits came
    /// meanwhile.
    pub fn synced(&mut self, now: Duration, took: Duration, made_durable: u64, waiting: u64) {
        self.expected = made_durable + waiting;
        self.sync = took;
        self.ended = now;
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

    /// The wait that began with the first commit, at `begun`, has ended `now`, and so many commits are there.
    pub fn waited(&mut self, begun: Duration, now: Duration, there: u64) {
        let pause = begun.saturating_sub(self.ended);
        let from = if pause < PAUSE { self.ended } else { begun };
        let waited = now.saturating_sub(from);
        // Without a wait, each sync would serve half of those who are expected. With it there are fewer syncs, so there
        // have to be more commits in each. And where nobody writes any more, that says nothing of those who will.
        let with = 2 * u128::from(there) * self.sync.as_nanos();
        let without = u128::from(self.expected) * (self.sync + waited).as_nanos();
        if with >= without || there == 0 {
            self.worth += 1;
            if self.worth >= PROVEN {
                self.in_vain = 0;
            }
            return;
        }
        self.worth = 0;
        self.in_vain = (self.in_vain * 2).clamp(1, SKIPPED_MAX);
        self.skipped = self.in_vain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_millis(2);
    const NOW: Duration = Duration::from_secs(7);

    #[test]
    fn those_are_waited_for_who_were_set_free_and_for_half_a_sync_at_most() {
        let mut gather = Gather::default();
        assert_eq!(gather.wanted(), None, "nothing is known");
        gather.synced(NOW, SYNC, 32, 32);
        assert_eq!(gather.wanted(), Some((64, SYNC / 2)));
        gather.waited(NOW, NOW + SYNC / 4, 64);
        assert!(gather.wanted().is_some());
        gather.synced(NOW, SYNC, 1, 0);
        assert_eq!(gather.wanted(), None, "one client alone does not wait");
    }

    #[test]
    fn a_wait_is_in_vain_if_more_would_be_durable_in_the_same_time_without_it() {
        // After the longest wait a sync and a half have passed, in which three quarters of all would have been served.
        for (first, waited, there, again) in [
            (Duration::ZERO, SYNC / 2, 48, true),
            (Duration::ZERO, SYNC / 2, 47, false),
            (Duration::ZERO, SYNC / 4, 40, true),
            (Duration::ZERO, SYNC / 4, 39, false),
            (Duration::ZERO, SYNC / 2, 0, true),
            // All come, but one half of them could have been served twice meanwhile.
            (SYNC / 2, SYNC / 2, 64, true),
            (SYNC * 3 / 4, SYNC / 2, 64, false),
            // They had paused, all of them.
            (PAUSE, SYNC / 2, 64, true),
        ] {
            let mut gather = Gather::default();
            gather.synced(NOW, SYNC, 32, 32);
            gather.waited(NOW + first, NOW + first + waited, there);
            let what = format!("{there} in {waited:?} after {first:?}");
            assert_eq!(gather.wanted().is_some(), again, "{what}");
        }
    }

    #[test]
    fn where_waiting_is_in_vain_it_gets_rare() {
        let mut gather = Gather::default();
        let (mut waits, mut syncs) = (0, 0);
        for _ in 0..1000 {
            gather.synced(NOW, SYNC, 10, 10);
            syncs += 1;
            if let Some((_, within)) = gather.wanted() {
                waits += 1;
                gather.waited(NOW, NOW + within, 10);
            }
        }
        assert!(waits * 14 < syncs, "{waits} of {syncs}");
        // Then they come again.
        while gather.wanted().is_none() {}
        gather.waited(NOW, NOW + SYNC / 4, 20);
        gather.synced(NOW, SYNC, 20, 0);
        assert!(gather.wanted().is_some());
    }

    #[test]
    fn half_of_the_clients_write_while_the_other_half_waits_where_that_is_faster() {
        // A model of clients who need `round` from one reply to the next request, all at once, or in two halves.
        for (round, expected) in [(SYNC / 4, 0.9..=1.0), (SYNC * 3 / 2, 0.0..=0.2)] {
            let mut gather = Gather::default();
            let (mut now, mut halves, mut together) = (NOW, false, 0);
            for _ in 0..1000 {
                let (made, waiting) = if halves { (32, 32) } else { (64, 0) };
                gather.synced(now, SYNC, made, waiting);
                match gather.wanted() {
                    None => halves = true,
                    Some((wanted, within)) => {
                        assert_eq!(wanted, 64);
                        let begun = if halves { now } else { now + round / 2 };
                        let all = now + round;
                        let there = if all <= begun + within { 64 } else { 50 };
                        now = all.min(begun + within);
                        gather.waited(begun, now, there);
                        halves = false;
                        together += 1;
                    }
                }
                now += SYNC;
            }
            let share = f64::from(together) / 1000.0;
            assert!(expected.contains(&share), "{share} of all, {round:?}");
        }
    }
}
