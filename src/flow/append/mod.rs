//! The append-only file as it is written: which bytes go into which file, when they are durable, and what happens when
//! the disk fails.
//!
//! ```text
//! commits -> Batch --push--> Writer: kept --write--> increment --sync--> durable
//!                              cut: a new increment; base: the manifest names it instead of what came before
//! ```
//!
//! * [`batch`]: what is handed over at once.
//! * [`writer`]: the files.
//! * [`policy`]: when to write, to sync, and to try again.

pub mod batch;
pub mod policy;
pub mod writer;

#[cfg(test)]
mod tests;

pub use batch::{Batch, Mark};
pub use policy::{Fsync, Policy};
pub use writer::{AppendError, Writer};
