//! The append-only file as it is written: which bytes go into which file, when they are durable, and what happens when
//! the disk fails.
//!
//! ```text
//! commits -> Batch --push--> Writer: kept --write--> increment --sync--> durable
//!                              cut: a new increment; base: the manifest names it instead of what came before
//! ```
//!
//! * [`encode`]: commits in the form of the log, with what it records about the replication stream.
//! * [`batch`]: what is handed over together.
//! * [`writer`]: the files.
//! * [`past`]: what a loaded log says about the replication stream.
//! * [`policy`]: when to write, to sync, and to try again.

pub mod batch;
pub mod encode;
pub mod past;
pub mod policy;
pub mod writer;

#[cfg(test)]
mod encode_tests;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Mark};
pub use encode::Encoder;
pub use past::{Reading, Told};
pub use policy::{Fsync, Policy};
pub use writer::{AppendError, Writer};
