//! Segments, from their hash to their bytes, and the memory that they are in.
//!
//! All `unsafe` code of the keyspace is here. This is what it relies on:
//!
//!  * *Who owns an extent.* An `Entry` is the only handle of the extent of a segment. Entries are made from extents in
//!    `node`, and are held by the root of a [`Directory`](directory::Directory), by its nodes and by the heads of
//!    chained segments, which are private to this folder. A directory is borrowed for as long as a segment of it is.
//!  * *Who owns a large value.* The handle in its record. Records with handles are written by [`segment`] alone, from
//!    what [`outside`] makes of a value; a handle that is taken out leaves zeroes, which are refused.
//!  * *What is where.* Slots, `used` and the first bytes of records are written by [`segment`] alone, so that an offset
//!    that a slot has is that of a record. It is a `RecordAt`, which no code outside of this folder can make.
//!
//! All other code in the crate sees the bytes of an extent only as `&[u8]`.

pub(super) mod directory;
pub(super) mod heap;
#[cfg(test)]
mod heap_tests;
pub(super) mod node;
mod outside;
pub(super) mod parts;
mod region;
pub(super) mod region_pool;
mod reshape;
pub(super) mod segment;
#[cfg(test)]
mod segment_tests;
pub(super) mod slots;
