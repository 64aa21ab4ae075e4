//! What a session may do as its user, and why a call is refused.

/// Whether the calls of a session must be checked against its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Each call is allowed.
    All,
    /// Each call must be checked against the rules of the user.
    AsUserMay,
    /// The client has to log in first.
    LoginFirst,
}

/// What the user may not use. If several selectors refuse a call, the greatest of their reasons is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// The database that the argument at this index of the request names or, if that is the command, in which it runs.
    Database(usize),
    /// The command.
    Command,
    /// The key at this index of the request.
    Key(usize),
    /// The channel at this index of the request.
    Channel(usize),
}
