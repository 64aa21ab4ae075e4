//! The candidates that are kept from one eviction to the next.

/// A candidate: the higher the score, the sooner it is evicted.
pub(super) struct Candidate {
    pub(super) score: u64,
    pub(super) db: usize,
    pub(super) key: Vec<u8>,
}

/// The state that is kept from one eviction to the next.
#[derive(Default)]
pub struct Pool {
    /// Good candidates, best last.
    pub(super) found: Vec<Candidate>,
    /// When the memory was last counted, by the monotonic clock.
    pub(super) counted_us: u64,
}
