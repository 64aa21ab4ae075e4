//! What a client asks for with CLIENT TRACKING.

use crate::ClientId;
use std::collections::BTreeSet;

/// What a client asked for with CLIENT TRACKING.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// The client that gets the messages instead; it may have disconnected.
    pub redirect: Option<ClientId>,
    /// By prefix, whatever was read.
    pub bcast: bool,
    /// Only keys read right after CLIENT CACHING YES are tracked.
    pub optin: bool,
    /// All keys are tracked except those read right after CLIENT CACHING NO.
    pub optout: bool,
    /// Not what the client itself changes.
    pub noloop: bool,
    /// CLIENT CACHING was given for the next command.
    pub caching: bool,
    /// The redirection's client was found to be gone.
    pub broken: bool,
    /// Prefixes of BCAST.
    pub prefixes: BTreeSet<Vec<u8>>,
}
