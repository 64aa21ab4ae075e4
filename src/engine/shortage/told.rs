//! What the log has been told of refusals of memory.

/// What the log has been told.
#[derive(Default)]
pub struct Shortage {
    /// There was a refusal, and not yet that it is over.
    pub(super) told: bool,
    /// When, Unix ms.
    pub(super) told_at: i64,
}
