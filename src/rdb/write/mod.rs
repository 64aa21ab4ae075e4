//! From values to the bytes that a chosen server reads: files, payloads, one value.

pub mod compress;
pub mod dump;
pub mod target;
pub(crate) mod transcode;
pub mod writer;
