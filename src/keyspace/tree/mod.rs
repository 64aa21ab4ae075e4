//! The structure of every large value: a counted B+ tree of packed chunks, shared by reference count.
//!
//! ```text
//!                Inner  separators | counts | earliest expiries | kids
//!               /  |  \
//!          Inner  ...  Inner              up to 64 kids each
//!         /  |  \
//!     chunk chunk chunk                   one allocation each, up to 4 KB
//! ```
//!
//! A clone of a tree is a clone of its root. A writer that meets a shared node copies that node: one
//! chunk and the inner nodes above it. Dropping a tree drops what no clone shares.
//!
//! * [`counted`]: the tree itself: positions, splitting, joining, iteration; it does not know about elements.
//! * [`drain`]: a tree chunk by chunk, each released after it was passed.
//! * [`page`]: a chunk of entries sorted by a key of fixed size, with a directory.
//! * [`keyed`]: sets, hashes and scores by member: pages sorted by 32 bits of the keyed hash.
//! * [`order`]: sorted sets by rank: pages sorted by (score, member).
//! * [`seq`]: lists by position, of [`chunk`]s of listpack elements, open at both ends.
//! * [`ordered`]: pending entries, consumers and groups of streams, by id or name.
//! * [`rope`]: long strings by byte offset.
//! * [`sparse`]: arrays by index, of which most may be empty: pages sorted by index.
//! * [`strings`]: entries are written as a dump writes them: RDB strings.
//!
//! # Invariants
//!
//!  * All chunks of a tree are at the same depth; none is empty, except that of an empty tree.
//!  * A count is that of the elements below; separator `i` is not above any key of kid `i`, and above
//!    every key of kid `i - 1` (separator 0 means nothing).
//!  * A chunk is larger than 4 KB only with a single element (or with members of equal hash, which are never parted).

pub mod chunk;
pub mod counted;
pub mod drain;
pub mod keyed;
pub mod order;
pub mod ordered;
pub mod page;
pub mod rope;
pub mod seed;
pub mod seq;
pub mod sparse;
mod strings;

pub use seed::{TooLate, set_member_key};

use std::cell::Cell;
use std::sync::Arc;

/// Bytes that an `Arc` adds to what it holds.
pub(crate) const ARC_HEAD: usize = 16;
/// Bytes of the largest ordinary chunk, so that its allocation is 4 KB.
pub(crate) const CHUNK_MAX: usize = 4096 - ARC_HEAD;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that this thread has left to clones: chunks that it changed while a clone had them too, and values
/// that it gave up while a clone was there. What a snapshot holds of large values is the growth of this since
/// the cut, less what has been freed since.
pub(crate) fn left_to_clones() -> u64 {
    LEFT.get()
}

#[cfg(any(test, feature = "count-work"))]
thread_local! {
    static WORK: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that this thread has looked at or copied because of the size of a value: what tests measure costs by.
/// Each visit of a chunk counts as one of a full chunk, a copy of a whole value by its length.
#[cfg(any(test, feature = "count-work"))]
pub fn work() -> u64 {
    WORK.get()
}

/// Counts bytes for the tests' `work`; nothing in a server.
#[inline(always)]
pub(crate) fn note_work(_bytes: usize) {
    #[cfg(any(test, feature = "count-work"))]
    WORK.set(WORK.get() + _bytes as u64);
}

/// Counts bytes that are left to a clone.
#[inline]
pub(crate) fn note_left(bytes: usize) {
    LEFT.set(LEFT.get() + bytes as u64);
}

/// A zeroed buffer of `len` bytes.
fn zeroed(len: usize) -> Arc<[u8]> {
    static ZEROS: [u8; CHUNK_MAX] = [0; CHUNK_MAX];
    match ZEROS.get(..len) {
        // One copy of bytes that are in the cache; collecting an iterator would copy byte by byte.
        Some(zeros) => Arc::from(zeros),
        None => base::large::zeroed(len),
    }
}

/// The buffer length that makes good use of the allocation for `len` bytes.
fn roomy(len: usize) -> usize {
    crate::value::size_class(len + ARC_HEAD) - ARC_HEAD
}
