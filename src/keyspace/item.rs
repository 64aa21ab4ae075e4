//! One element of a collection as it is held: bytes, or an integer that represents its decimal text.

pub use crate::rdb::listpack::Item;
