//! The number that identifies a connection.

/// A client's number; grows, never reused. Also the identity of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);
