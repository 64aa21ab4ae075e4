//! RESP on the wire: parsing requests and encoding replies.
//!
//! * [`output`]: bytes on their way to a client: pieces, values by reference, a limit.
//! * [`reply`]: the encoder that every command writes into (RESP2 and RESP3).
//! * [`request`]: the parser of multi-bulk and inline requests; [`words`]: the words of the latter, and of redis.conf.

#![forbid(unsafe_code)]

pub mod output;
pub mod reply;
pub mod request;
pub mod words;

pub use output::{Output, Piece, Shared};
pub use reply::{Proto, Reply};
pub use request::{Parser, ProtocolError, RequestLimits};
