//! One element of a collection as it is held: bytes, or an integer that stands for its decimal text.

pub use crate::rdb::listpack::Item;
