//! The append-only file as it is written: which bytes go into which file, when they are durable, and what happens when
//! the disk fails.
//!
//! ```text
//! executor: commit -> Tap --end of a batch--> Queue --> Task: Writer -> files
//!              ^                                 |
//!              '---- durable, failed, rewritten -'
//!
//! Writer: push --> kept --write--> increment --sync--> durable
//!         cut: a new increment; base: the manifest names it instead of what came before
//! ```
//!
//! * [`log`]: the executor's side: when the log begins, is rewritten and ends, and what its state means for replies,
//!   writers and replicas. [`encode`]: commits in the form of the log, with what it records about the replication
//!   stream.
//! * [`batch`]: what is handed over together. [`queue`]: the messages between the two sides.
//! * [`task`]: the writer's side, one turn after the other. [`writer`]: the files. [`policy`]: when to write, to sync,
//!   and to try again; [`gather`]: for how many a sync waits.
//! * [`find`]: which files a log is made of. `on_disk`: what the disk says about them. [`tails`]: whether they are
//!   whole, and what is done with a torn end. `strays`: what is done with files that no manifest names.
//! * [`archive`]: which bytes of the replication stream are where in the files, and reading them.
//! * [`past`]: what a loaded log says about the replication stream. [`loaded`]: how a writer continues it.
//!
//! Who writes is for [`Appenders`] to say: a thread in the server, virtual time in the simulator.

pub mod appenders;
pub mod archive;
pub mod batch;
mod copied;
pub mod encode;
pub mod find;
pub mod gather;
pub mod loaded;
pub mod log;
mod on_disk;
pub mod past;
pub mod policy;
pub mod queue;
mod strays;
pub mod tails;
pub mod task;
pub mod writer;

#[cfg(test)]
mod encode_tests;
#[cfg(test)]
mod find_tests;
#[cfg(test)]
mod task_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use appenders::Appenders;
pub use archive::{Archive, ArchiveReader, SharedArchive};
pub use batch::{Batch, Mark};
pub use encode::Encoder;
pub use loaded::LoadedLog;
pub use log::{AppendOnly, copy};
pub use past::{Reading, Told};
pub use policy::{Fsync, Policy};
pub use task::Task;
pub use writer::{AppendError, Writer};
