//! The decoders under test, compiled alone: the server around them would make every fuzz build take minutes.

#[path = "../../src/rdb/mod.rs"]
pub mod rdb;

/// Requests; replies need the keyspace.
pub mod resp {
    #[path = "../../../src/resp/integer.rs"]
    pub mod integer;
    #[path = "../../../src/resp/request.rs"]
    pub mod request;
}
