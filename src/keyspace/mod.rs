//! Where keys and values live.
//!
//! * [`db`]: one database: key -> value, expiry, heat; [`db::Loc`] names an entry between two changes.
//! * [`value`]: what a key holds: owned ([`Value`]) and as a reader sees it ([`ValueRef`]).
//! * [`item`]: one element of a collection.
//! * [`hash`]: the keyed hash of keys.
//! * [`load`]: building a database aside, by several threads.
//! * [`record`]: how an entry stands in memory: as an RDB record.
//! * `tree`: the structure of everything large.
//! * [`limits`]: the sizes up to which collections stay packed.

pub mod db;
pub mod hash;
pub mod item;
pub mod limits;
pub mod load;
pub mod record;
pub(crate) mod tree;
pub mod value;

pub use db::{Db, Edit, Keyspace, Loc};
pub use hash::Hasher;
pub use item::Item;
pub use limits::Limits;
pub use load::{DuplicateKey, Partition, Scanned, SizeHint};
pub use tree::set_seed as set_member_seed;
pub use value::{Value, ValueRef};

/// Unix time in milliseconds. Signed, as expiry times in dumps are.
pub type UnixMillis = i64;
