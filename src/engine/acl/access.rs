//! What a session may do as its user, and why a call is refused.

/// What a session's user means for its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Each call is allowed.
    All,
    /// The user has to be asked.
    AsUserMay,
    /// It has to log in first.
    LoginFirst,
}

/// Why a call is not allowed. If several selectors refuse it, the greatest of their reasons is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The command.
    Command,
    /// The key at this index of the request.
    Key(usize),
    /// The channel at this index of the request.
    Channel(usize),
}
