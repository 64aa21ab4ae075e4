//! The sizes at which a key or a value changes its form; each is the first size of the next form. Tests and fuzz
//! targets choose sizes around these, so they follow when a limit changes.

use super::heap::EXTENT_MAX;
use super::record::{KEY_MAX, VALUE_MAX};
use super::tree::CHUNK_MAX;
use super::tree::rope::PIECE;
use super::value::TEXT_MAX;

/// The first lengths that an RDB length takes two and five bytes for.
const LENGTHS: [usize; 2] = [1 << 6, 1 << 14];

/// Lengths of keys.
pub const KEYS: [usize; 5] = [1, LENGTHS[0], KEY_MAX + 1, LENGTHS[1], EXTENT_MAX];

/// Lengths of strings, and of elements of collections.
pub const STRINGS: [usize; 10] = [
    1,
    // An integer is no longer held as one of 64 bits.
    21,
    LENGTHS[0],
    // A longer one takes two bytes for its length.
    VALUE_MAX - 2 + 1,
    CHUNK_MAX + 1,
    PIECE + 1,
    LENGTHS[1],
    2 * PIECE + 1,
    TEXT_MAX + 1,
    // The first inner node of a tree is full.
    64 * PIECE + 1,
];

/// A boundary, and the sizes directly below and above it.
pub fn around(boundary: usize) -> [usize; 3] {
    [boundary.saturating_sub(1), boundary, boundary + 1]
}
