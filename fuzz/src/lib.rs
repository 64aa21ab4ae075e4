//! The decoders under test, compiled alone: the server around them would make every fuzz build take minutes.

#[path = "../../src/rdb/mod.rs"]
pub mod rdb;

pub mod resp;
