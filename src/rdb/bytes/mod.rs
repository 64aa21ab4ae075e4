//! The primitives: lengths, strings, compression, the checksum, and a reader that keeps track of its position.

pub mod crc64;
pub(crate) mod cursor;
pub mod length;
pub mod lzf;
pub mod string;
