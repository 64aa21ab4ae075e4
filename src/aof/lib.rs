//! The append-only file as bytes: what its directory contains, and which part of each file is sound.
//!
//! ```text
//! appendonlydir/
//!   appendonly.aof.manifest          which files there are, in which order        manifest
//!   appendonly.aof.3.base.rdb        the dataset when the increments began        rdb, or requests as below
//!   appendonly.aof.3.incr.aof        what was written since:                      reader, judge
//!       *3\r\n$3\r\nSET\r\n ...      requests as clients send them
//!       #TS:1795945707\r\n           the time of what follows
//!       #FOREBAY:1 id=... crc=...    a seal: the batch before it is whole         seal
//!       #REPL:say ping\r\n           what is in the replication stream and not here, and the reverse  history
//! ```
//!
//! | module | question it answers |
//! |---|---|
//! | [`manifest`] | which files make up the log, as Redis 7.0 and later and Valkey write it |
//! | [`names`] | what these files are called |
//! | [`reader`] | where requests and annotations begin and end |
//! | [`seal`] | how a batch is sealed, so that damage to it is noticed |
//! | [`history`] | how a log relates to the replication stream |
//! | [`retell`] | the bytes of the stream that sealed batches tell |
//! | [`judge`] | up to which byte a file is whole |
//! | [`requests`] | a dataset as requests |
//! | [`search`] | whether what follows some damage is sound |
//! | [`defect`] | what can be wrong, and where |
//!
//! # Invariants
//!
//!  * No input makes any of this panic, overflow or allocate out of proportion to the bytes really there.
//!  * Every defect has the offset of its byte.
//!  * Pure: no files, no clock. Windows of bytes are arguments, and so are times.

#![forbid(unsafe_code)]

pub mod defect;
pub mod history;
pub mod judge;
pub mod manifest;
pub mod names;
pub mod reader;
pub mod requests;
pub mod retell;
pub mod seal;
pub mod search;

pub use defect::{Defect, Wrong};
pub use judge::Judge;
pub use manifest::Manifest;
pub use reader::{Item, Reader, Request, Step};
pub use retell::{Retelling, Untold};
pub use seal::{Seal, Sealer};
