//! What the fuzz targets share: the server's library, and both ends of a replication link without a network.

pub use forebay::{rdb, resp, secret};

pub mod links;
