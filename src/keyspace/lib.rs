//! Keys and values in memory.
//!
//! ```text
//! Keyspace -> Db -> directory (hash -> segment) -> segment: slots (tag, offset, heat) + records
//!                                                      |                      |
//!                                                heap: extents         values outside
//! ```
//!
//! * [`keyspace`](Keyspace): all databases.
//! * [`db`]: reading one database; [`Loc`] refers to an entry between two changes. `write`, [`edit`]: changing it.
//!   `expiry`: which segment has what expires first.
//! * `memory`: from a hash to its segment, up to 448 entries in one extent, and memory for extents; values outside the
//!   records. All `unsafe` code of the keyspace is there.
//! * [`record`]: how an entry is held in memory: as an RDB record.
//! * `tidy`: returning free memory. [`Footprint`]: what memory is used for. [`repack`](Round): the same for
//!   values outside. [`reserve`]: memory for the moment when the system refuses more.
//! * `templates`: names of fields that many hashes share.
//! * `scan`: iterating in the order of hashes ([`Hasher`]), in steps.
//! * [`load`]: building a new database with several threads, beside those that are served.
//! * `tree`: the structure of every large value.
//! * [`value`]: values, owned ([`Value`]) and as a reader sees them ([`ValueRef`]).
//! * [`sizes`]: the sizes at which keys and values change their form, for tests.
//! * [`snapshot`]: how a point-in-time image is taken while clients write. [`digest`]: a fingerprint of the dataset.

pub mod db;
pub mod digest;
pub mod edit;
mod expiry;
mod footprint;
mod keyspace;
pub mod load;
mod loc;
mod memory;
#[cfg(test)]
mod model_tests;
pub mod record;
mod repack;
pub mod reserve;
mod scan;
pub mod sizes;
pub mod snapshot;
mod templates;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tidy;
pub mod tree;
pub mod type_byte;
pub mod type_counts;
pub mod value;
mod write;

use memory::{directory, heap, node, parts, segment, slots};

pub use base::{Hasher, Item, Limits, UnixMillis};
pub use db::{Db, Due, Glance, MemberArgs};
pub use footprint::Footprint;
pub use keyspace::Keyspace;
pub use load::{DuplicateKey, Partition, Scanned, SizeHint};
pub use loc::Loc;
pub use node::{prefetch_bytes, prefetch_item};
pub use repack::Round;
pub use tree::{TooLate, set_member_key};
pub use value::{Value, ValueRef};
