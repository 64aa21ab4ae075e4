//! What the fuzz targets share: the server's library, an engine in a small world, and both ends of a replication
//! link without a network.

pub use forebay::{aof, flow, rdb, resp};

pub mod commands;
pub mod links;
