//! What every room may use: ids, numbers and their texts, errors, requests, secrets, sizes.
//!
//! * [`client_id`], [`UnixMillis`]: names of connections and moments.
//! * [`repl_offset`]: how far a history of writes has come.
//! * [`integer`], [`float`], [`double`], [`fixed`], [`number`], [`hex`]: numbers as clients, dumps and replies write
//!   them. [`bits`]: set bits, counted. [`sixes`]: packed numbers of six bits.
//! * [`item`]: one element of a collection. [`limits`]: the sizes up to which collections stay packed.
//! * [`request`]: requests as bytes; [`large`]: large arguments of requests. [`error`]: the errors of commands.
//! * [`log_level`]: how important a line of the log is; [`user_data`]: what it may not show.
//! * [`reserve`]: memory for the moment when the system refuses more.
//! * [`glob`]: patterns of keys and channels.
//! * [`hash`]: the keyed hash of keys.
//! * [`secret`]: secrets, which the system generates. [`rng`]: random numbers that are not secret.

pub mod bits;
pub mod client_id;
pub mod double;
pub mod error;
pub mod fixed;
pub mod float;
pub mod glob;
pub mod hash;
pub mod hex;
pub mod integer;
pub mod item;
pub mod large;
pub mod limits;
pub mod log_level;
pub mod number;
pub mod repl_offset;
pub mod request;
pub mod reserve;
pub mod rng;
pub mod secret;
pub mod sixes;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod user_data;

pub use client_id::ClientId;
pub use error::{CmdResult, CommandError};
pub use hash::Hasher;
pub use item::Item;
pub use limits::Limits;
pub use log_level::LogLevel;
pub use repl_offset::ReplOffset;
pub use rng::Rng;
pub use user_data::UserData;

/// Unix time in milliseconds. Signed, as expiry times in dumps are.
pub type UnixMillis = i64;
/// The compatibility level that clients see (`redis_version`).
pub const REDIS_VERSION: &str = "7.4.2";
/// The latest Valkey whose dumps and stream are understood. It is announced to primaries that write for the version of
/// their replica.
pub const VALKEY_VERSION: &str = "9.1.0";
/// The product's version (`forebay_version`).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
