//! Replicas that were connected before: the delay before a diskless sync waits for these only
//! (`repl-diskless-sync-early-start`).

use std::collections::BTreeMap;

/// Replicas by their label, that were online once.
#[derive(Default)]
pub struct Known {
    /// `None` = connected; else when it was lost, monotonic ms.
    lost_at: BTreeMap<String, Option<u64>>,
}

impl Known {
    /// A replica follows the stream.
    pub fn online(&mut self, label: String) {
        self.lost_at.insert(label, None);
    }

    /// A replica asks for synchronization.
    pub fn back(&mut self, label: &str) {
        if let Some(lost_at) = self.lost_at.get_mut(label) {
            *lost_at = None;
        }
    }

    /// A replica's connection has ended.
    pub fn lost(&mut self, label: &str, now_ms: u64) {
        if let Some(lost_at) = self.lost_at.get_mut(label) {
            *lost_at = Some(now_ms);
        }
    }

    /// Replicas that were lost longer ago than that are no longer waited for.
    pub fn forget(&mut self, now_ms: u64, after_ms: u64) {
        let recent =
            |lost: &Option<u64>| lost.is_none_or(|at| now_ms.saturating_sub(at) <= after_ms);
        self.lost_at.retain(|_, lost_at| recent(lost_at));
    }

    /// True if it was here before.
    pub fn contains(&self, label: &str) -> bool {
        self.lost_at.contains_key(label)
    }

    /// True if no known replica is missing.
    pub fn all_here(&self) -> bool {
        self.lost_at.values().all(Option::is_none)
    }
}
