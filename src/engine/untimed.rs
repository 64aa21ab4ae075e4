//! What [`timing`](super::timing) remembers from one request of a batch to the next.

/// Calls that have ended and are not timed yet.
#[derive(Debug, Default)]
pub(crate) struct Untimed {
    /// How many.
    pub(crate) calls: u32,
    /// The number of their command.
    pub(crate) command: usize,
    /// The next request of the batch names the same command.
    pub(crate) more: bool,
    /// What the coarse clock said last.
    pub(crate) seen: u64,
}
