//! How a point-in-time image is taken while clients write.
//!
//! * [`block`]: what a walk hands out: plain RDB records and references to large values.
//! * [`cut`]: the counts for each database, taken between two commands.
//! * `preserve`: what writers do, so that the walk still finds the dataset of the cut.
//! * `walk`: the walk, in slices.
//!
//! The caller begins a snapshot between two commands, then asks for blocks in slices:
//! [`Keyspace::begin_snapshot`](crate::Keyspace::begin_snapshot), then
//! [`Keyspace::walk_step`](crate::Keyspace::walk_step) until [`Step::Done`]. Writers preserve what the walk
//! has not reached yet; the caller does not have to do anything for that.

pub mod block;
pub mod cut;
pub(crate) mod preserve;
pub(crate) mod walk;

pub use block::{Block, OutOfLine};
pub use cut::{Cut, DbCut, SnapshotError, SnapshotOptions, Step};
