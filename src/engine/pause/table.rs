//! Which requests are held back, and why.

/// The reason why clients are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// CLIENT PAUSE
    Client = 0,
    /// SHUTDOWN waits for replicas.
    Shutdown = 1,
    /// FAILOVER waits for its replica.
    Failover = 2,
    /// The snapshot holds as much as it may (`snapshot-preserve-limit`).
    Snapshot = 3,
    /// The append-only file waits for the disk (`aof-buffer-limit`).
    Log = 4,
}

/// Which requests are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Commands that may be replicated.
    Writes,
    /// All commands.
    All,
}

/// Which requests are held, until when, and for which reasons.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pauses {
    pub(super) by: [Option<(Held, i64)>; 5],
    /// The strictest pause in `by`, kept here because it is read for each command.
    strongest: Option<Held>,
}

impl Pauses {
    /// Which requests are held now.
    pub fn held(&self) -> Option<Held> {
        self.strongest
    }

    /// The reason and the time left, as INFO shows them.
    pub fn shown(&self, now_ms: i64) -> Option<(&'static str, &'static str, i64)> {
        let reasons = [
            "client_pause",
            "shutdown_in_progress",
            "failover_in_progress",
            "snapshot_pause",
        ];
        let held = self.by.iter().zip(reasons);
        let longest = held
            .filter_map(|(p, reason)| p.map(|(h, until)| (h, until, reason)))
            .max_by_key(|(h, until, _)| (*h, *until))?;
        let what = match longest.0 {
            Held::All => "all",
            Held::Writes => "write",
        };
        Some((longest.2, what, (longest.1 - now_ms).max(0)))
    }

    pub(super) fn refresh(&mut self) {
        self.strongest = self.by.iter().flatten().map(|(held, _)| *held).max();
    }
}
