//! A script that is parked, and what follows it in its request.

use crate::call::{Own, Started};
use crate::kept::Kept;
use crate::session::Queued;
use crate::{ClientFlags, ClientId, CommandId, Session};
use lua::Ask;

/// A parked script.
pub struct Parked {
    /// Whose request it is.
    pub(super) caller: ClientId,
    /// The next request to its interpreter.
    pub(super) ask: Ask,
    /// What is done when it has ended, in this order.
    pub(super) rests: Vec<Rest>,
    /// The caller, if it has disconnected.
    pub(super) orphan: Option<Box<Session>>,
    /// The caller wants no reply.
    pub(super) silent: bool,
}

/// The rest of a request that is done when its script has ended.
pub enum Rest {
    /// Counting and propagating of a call.
    Call(CallRest),
    /// The commands of an EXEC that follow the script.
    Queue(std::vec::IntoIter<Queued>, ClientFlags),
}

/// See [`Engine::call`](crate::Engine::call).
pub struct CallRest {
    /// The command.
    pub command: CommandId,
    /// Its arguments.
    pub args: Kept,
    /// The state when it began.
    pub started: Started,
    /// How the request itself is propagated.
    pub(crate) own: Own,
}
