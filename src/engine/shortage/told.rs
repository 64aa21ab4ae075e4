//! What has already been logged about refused memory.

/// What has been logged.
#[derive(Default)]
pub struct Shortage {
    /// There was a refusal, and not yet that it is over.
    pub(super) told: bool,
    /// When, Unix ms.
    pub(super) told_at: i64,
}
