//! What the engine keeps about a call while its handler runs: the state at its beginning, and how its request is to be
//! propagated.

/// The state when a handler began.
#[derive(Clone, Copy)]
pub struct Started {
    /// The dirty count.
    pub dirty: i64,
    /// The timer.
    pub began: u64,
    /// MONITOR shows the request after it has run.
    pub shown_after: bool,
    /// The bytes of the reply.
    pub replied: usize,
}

/// How the request itself is propagated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// As the client sent it, if the dirty count grew.
    Verbatim,
    /// Not at all: the handler gave other effects, or none.
    Replaced,
    /// As the client sent it, in any case (PUBLISH, FLUSHALL).
    Forced,
}
