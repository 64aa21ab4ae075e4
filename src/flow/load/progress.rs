//! The progress of a running load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

/// Shared with those who show the progress or may cancel the load.
#[derive(Default, Debug)]
pub struct LoadProgress {
    /// Bytes of the dump read.
    pub bytes: AtomicU64,
    /// Keys scanned.
    pub keys: AtomicU64,
    /// Memory that the writer used, as the dump says.
    pub used_memory: AtomicU64,
    /// Set it to give the load up.
    pub cancel: AtomicBool,
}

/// A load that is running.
pub(crate) struct Loading {
    pub started_unix: i64,
    /// When the load began, by the steady clock.
    pub started_ms: i64,
    /// Bytes of the dump, or 0 if they are not known.
    pub total: u64,
    pub progress: Arc<LoadProgress>,
}
