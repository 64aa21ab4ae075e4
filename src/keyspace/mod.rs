//! Where keys and values live.
//!
//! * [`db`]: one database: key -> value, expiry, heat; [`db::Loc`] names an entry between two changes.
//! * [`value`]: what a key holds: owned ([`Value`]) and as a reader sees it ([`ValueRef`]).
//! * [`item`]: one element of a collection.
//! * [`limits`]: the sizes up to which collections stay packed.

pub mod db;
pub mod item;
pub mod limits;
pub mod value;

pub use db::{Db, Edit, Keyspace, Loc};
pub use item::Item;
pub use limits::Limits;
pub use value::{Value, ValueRef};

/// Unix time in milliseconds. Signed, as expiry times in dumps are.
pub type UnixMillis = i64;
