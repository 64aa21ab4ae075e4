//! How a point-in-time image is taken while writes go on.
//!
//! * [`block`]: what a walk hands out: plain RDB records and references to large values.
//! * [`cut`]: what the image is of: counts per database, taken between two commands.
//!
//! The caller begins a snapshot between two commands, then asks for blocks in slices:
//! [`Keyspace::begin_snapshot`](crate::keyspace::Keyspace::begin_snapshot), then
//! [`Keyspace::walk_step`](crate::keyspace::Keyspace::walk_step) until [`Step::Done`]. Writers keep
//! what the walk has not reached yet; nothing else has to be done for it.

pub mod block;
pub mod cut;

pub use block::{Block, OutOfLine};
pub use cut::{Cut, DbCut, SnapshotError, SnapshotOptions, Step};
