//! What has already been logged about refused memory.

/// What has been logged.
#[derive(Default)]
pub struct Shortage {
    /// A refusal was logged, but not yet its end.
    pub(super) told: bool,
    /// When it was logged, Unix ms.
    pub(super) told_at: i64,
}
