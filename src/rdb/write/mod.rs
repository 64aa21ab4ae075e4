//! Writing values as bytes that a chosen server can read: files, payloads, single values.

pub mod compress;
pub mod dump;
pub mod target;
pub(crate) mod transcode;
pub mod writer;
