//! The type that a handler receives. Its methods are in [`context`](super::context) and in the modules that they
//! concern.

use super::call::Own;
use super::{Engine, Hint, Session};

/// A running command.
pub struct Cx<'a> {
    /// All state except the client's.
    pub engine: &'a mut Engine,
    /// The client, whose session is lent while its command runs.
    pub client: &'a mut Session,
    /// What is sent to the replicas if the command changed something.
    pub(crate) own: Own,
    /// What is known about the request.
    pub(crate) hint: Hint<'a>,
}
