//! What a client asks for with CLIENT TRACKING.

use crate::ClientId;
use std::collections::BTreeSet;

/// What a client asked for with CLIENT TRACKING.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracking {
    /// The client that gets the messages instead; it may have disconnected.
    pub redirect: Option<ClientId>,
    /// BCAST: by prefix, whatever was read.
    pub bcast: bool,
    /// Only keys read right after CLIENT CACHING YES are tracked.
    pub optin: bool,
    /// All keys are tracked except those read right after CLIENT CACHING NO.
    pub optout: bool,
    /// NOLOOP: no messages about keys that the client itself changes.
    pub noloop: bool,
    /// CLIENT CACHING was given for the next command.
    pub caching: bool,
    /// The client that gets the messages has disconnected.
    pub broken: bool,
    /// The prefixes of BCAST.
    pub prefixes: BTreeSet<Vec<u8>>,
}
