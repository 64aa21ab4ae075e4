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
    /// What its interpreter is asked next.
    pub(super) ask: Ask,
    /// What follows its end, in this order.
    pub(super) rests: Vec<Rest>,
    /// The caller, when it has gone.
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
