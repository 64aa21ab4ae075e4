//! The primitives: lengths, strings, compression, the checksum, and a reader that knows where it is.

pub mod crc64;
pub(crate) mod cursor;
pub mod length;
pub mod lzf;
pub mod string;
