//! RESP on the wire: requests in, replies out.
//!
//! * [`integer`]: integers as the protocol spells them.
//! * [`reply`]: the encoder that every command writes into (RESP2 and RESP3).
//! * [`request`]: the parser of multi-bulk and inline requests.

pub mod integer;
pub mod reply;
pub mod request;

pub use reply::{Proto, Reply};
pub use request::{Parser, ProtocolError, RequestLimits};
