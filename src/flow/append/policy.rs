//! When the log writes, syncs, and tries again.

use config::choices::AppendFsync;
use engine::Engine;

/// How durable an acknowledged write is (`appendfsync`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fsync {
    /// Replies to writes wait until the write is durable.
    Always,
    /// What is written is made durable once a second.
    #[default]
    EverySecond,
    /// The system decides.
    No,
}

impl Fsync {
    /// As is configured.
    pub fn configured(engine: &Engine) -> Fsync {
        match engine.config.appendfsync {
            AppendFsync::Always => Fsync::Always,
            AppendFsync::Everysec => Fsync::EverySecond,
            AppendFsync::No => Fsync::No,
        }
    }
}

/// Between two syncs of [`Fsync::EverySecond`], and between two attempts after a failure, ms.
const EVERY_MS: u64 = 1000;

/// The times at which the log was last busy. Times are those of a steady clock, in ms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// `appendfsync`
    pub fsync: Fsync,
    /// A rewrite is running, and `no-appendfsync-on-rewrite` leaves the disk to it.
    pub leave_disk_alone: bool,
    /// Bytes from which on [`Fsync::EverySecond`] syncs before a second is over. They stay in memory until they are
    /// durable: on a slow disk a second of writes, and what comes while these are synced, may be more than writers may
    /// have there.
    pub sync_from: usize,
    synced_at: u64,
    failed_at: Option<u64>,
}

impl Policy {
    /// Nothing was synced or has failed yet.
    pub fn new(fsync: Fsync) -> Policy {
        Policy {
            fsync,
            ..Policy::default()
        }
    }

    /// Whether the log syncs now what it has written.
    pub fn sync_is_due(&self, now: u64, unsynced: usize) -> bool {
        match self.fsync {
            // Replies wait for this one, so the rewrite has to share the disk.
            Fsync::Always => true,
            _ if self.leave_disk_alone => false,
            Fsync::EverySecond => {
                now >= self.synced_at + EVERY_MS
                    || (self.sync_from > 0 && unsynced >= self.sync_from)
            }
            Fsync::No => false,
        }
    }

    /// Whether batches that were written must be kept until they are durable, because that will be soon.
    pub fn keeps(&self) -> bool {
        match self.fsync {
            Fsync::Always => true,
            Fsync::EverySecond => !self.leave_disk_alone,
            Fsync::No => false,
        }
    }

    /// Whether it may use the disk after a failure.
    pub fn may_try(&self, now: u64) -> bool {
        self.failed_at.is_none_or(|at| now >= at + EVERY_MS)
    }

    /// A sync ended well, or began.
    pub fn synced(&mut self, now: u64) {
        self.synced_at = now;
    }

    /// An attempt ended.
    pub fn tried(&mut self, now: u64, well: bool) {
        self.failed_at = (!well).then_some(now);
    }

    /// How long the log may wait for more to do while it has something that is not durable, in ms.
    pub fn wait_ms(&self, now: u64) -> u64 {
        let next = self.failed_at.unwrap_or(self.synced_at) + EVERY_MS;
        next.saturating_sub(now).clamp(1, EVERY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_due_each_second_or_always_or_never() {
        let due = |fsync, now| {
            let mut policy = Policy::new(fsync);
            policy.synced(5000);
            policy.sync_is_due(now, 100)
        };
        assert!(due(Fsync::Always, 5000));
        assert!(!due(Fsync::EverySecond, 5999) && due(Fsync::EverySecond, 6000));
        assert!(!due(Fsync::No, 99_000));
    }

    #[test]
    fn much_that_is_not_durable_is_synced_before_a_second_is_over() {
        let mut policy = Policy::new(Fsync::EverySecond);
        policy.sync_from = 1000;
        policy.synced(5000);
        assert!(!policy.sync_is_due(5001, 999) && policy.sync_is_due(5001, 1000));
        policy.leave_disk_alone = true;
        assert!(!policy.sync_is_due(5001, 1000));
    }

    #[test]
    fn the_disk_is_left_to_a_rewrite_unless_replies_wait_for_a_sync() {
        for (fsync, due) in [(Fsync::Always, true), (Fsync::EverySecond, false)] {
            let mut policy = Policy::new(fsync);
            policy.leave_disk_alone = true;
            assert_eq!(policy.sync_is_due(99_000, 100), due);
            assert_eq!(
                policy.keeps(),
                due,
                "else memory would fill until the rewrite ends"
            );
        }
    }

    #[test]
    fn after_a_failure_the_disk_has_a_second() {
        let mut policy = Policy::default();
        assert!(policy.may_try(0));
        policy.tried(100, false);
        assert!(!policy.may_try(1099) && policy.may_try(1100));
        assert_eq!(policy.wait_ms(600), 500);
        policy.tried(1100, true);
        assert!(policy.may_try(1100));
    }
}
