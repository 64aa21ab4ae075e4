//! When the dataset is saved without a request, and which snapshot is cancelled for another operation.

/// How long after a failed save the next automatic one waits, in seconds, as a disk may be full for a while.
const RETRY_AFTER_S: i64 = 5;

/// Which snapshot is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// A snapshot that is saved to disk.
    Disk,
    /// A snapshot that is sent to connections only.
    Sockets,
    /// Any.
    Any,
}

impl Which {
    /// Whether it means a snapshot that is saved to disk, or is a base of the append-only file, or neither.
    pub fn means(self, to_disk: bool, base: bool) -> bool {
        match self {
            Which::Disk => to_disk,
            Which::Sockets => !to_disk && !base,
            Which::Any => true,
        }
    }
}

/// The history of saves. Times are seconds of the steady clock.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// When the last successful save ended, or the server started.
    pub saved_at_s: i64,
    /// When a save to disk was last tried.
    pub last_try_s: i64,
    /// Whether that one failed.
    pub failed: bool,
}

/// What the periodic work has to save now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// The save point that was reached: seconds and changes.
    pub point: Option<(i64, i64)>,
    /// A save that was scheduled by a client begins now.
    pub scheduled: bool,
}

impl Due {
    /// True if a save begins.
    pub fn any(self) -> bool {
        self.point.is_some() || self.scheduled
    }
}

impl History {
    /// Decides what must be saved while no snapshot runs. `points` are those of `save`, `dirty` counts the changes
    /// since the last save, and `scheduled` says whether a client has scheduled one.
    pub fn due(self, now_s: i64, dirty: i64, points: &[(i64, i64)], scheduled: bool) -> Due {
        if self.failed && now_s - self.last_try_s <= RETRY_AFTER_S {
            return Due::default();
        }
        let reached = |&&(seconds, changes): &&(i64, i64)| {
            dirty >= changes && now_s - self.saved_at_s > seconds
        };
        Due {
            point: points.iter().find(reached).copied(),
            scheduled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [(i64, i64); 2] = [(60, 1000), (300, 10)];

    fn history(failed: bool) -> History {
        History {
            saved_at_s: 1000,
            last_try_s: 1000,
            failed,
        }
    }

    #[test]
    fn a_save_point_needs_its_changes_and_more_than_its_seconds() {
        let due = |now, dirty| history(false).due(now, dirty, &POINTS, false).point;
        assert_eq!(due(1060, 5000), None);
        assert_eq!(due(1061, 999), None);
        assert_eq!(due(1061, 1000), Some((60, 1000)));
        assert_eq!(due(1301, 10), Some((300, 10)));
        assert_eq!(due(9999, 9), None);
    }

    #[test]
    fn after_a_failure_nothing_is_due_for_a_while_not_even_what_was_scheduled() {
        let due = |now| history(true).due(now, 0, &POINTS, true).any();
        assert!(!due(1005));
        assert!(due(1006));
        assert!(history(false).due(1001, 0, &POINTS, true).any());
    }

    #[test]
    fn each_kind_of_snapshot_is_meant_by_its_own_word() {
        // A save, a base of the log, a snapshot for connections.
        let kinds = [(true, false), (false, true), (false, false)];
        let means = |which: Which| kinds.map(|(to_disk, base)| which.means(to_disk, base));
        assert_eq!(means(Which::Any), [true; 3]);
        assert_eq!(means(Which::Disk), [true, false, false]);
        assert_eq!(means(Which::Sockets), [false, false, true]);
    }
}
