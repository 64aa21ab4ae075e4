//! The decisions about saves, loads, links and shutdown. The server carries them out with real files, sockets and
//! clocks; the simulator carries out the same decisions with simulated ones.
//!
//! * [`whole`]: whether the dataset in memory is complete; [`fate`]: whether a save's dump still takes its place;
//!   [`dump_file`]: where the dump is. [`saves`]: when to save, and which save is cancelled.
//! * [`save`]: a snapshot, from its cut to its file. [`load`]: installing a loaded dataset. [`boot`]: what is loaded at
//!   startup, and the role in replication with which a server starts.
//! * [`client`]: the requests of a client.
//! * [`serve`]: what syncing replicas are sent; [`feed`]: the connection of a replica.
//!   [`peers`]: performing what replication asks for, on both sides. [`pipe`]: a payload on its way to a connection;
//!   [`spill`]: blocks of the stream on disk.
//! * [`shutdown`]: what happens between the request that the server should end and its end.
//! * [`follow`]: the replica's side of a link; [`payload`]: how the payload of a full sync is received.
//! * [`append`]: the append-only file as it is written.
//! * [`turn`]: the order of the periodic work; [`expiry`]: the slices of an expiry cycle.
//!
//! Nothing here waits, reads a clock or opens a file.

#![forbid(unsafe_code)]

pub mod append;
pub mod boot;
pub mod client;
pub mod dump_file;
pub mod expiry;
pub mod fate;
pub mod feed;
pub mod follow;
pub mod load;
pub mod payload;
pub mod peers;
pub mod pipe;
pub mod save;
pub mod saves;
#[cfg(test)]
mod scratch_for_tests;
pub mod serve;
pub mod shutdown;
pub mod spill;
#[cfg(test)]
mod testing;
pub mod turn;
pub mod whole;

pub use boot::Boot;
pub use dump_file::{DumpFile, Replacement};
pub use fate::{Fate, GivenUp};
pub use payload::Mode;
pub use save::Saves;
pub use saves::Which;
pub use shutdown::Shutdown;
pub use whole::{Dataset, NOT_WHOLE, Whole, WholeInUse};
