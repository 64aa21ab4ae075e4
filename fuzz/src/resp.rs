//! Requests; replies need the keyspace.

#[path = "../../src/resp/integer.rs"]
pub mod integer;
#[path = "../../src/resp/request.rs"]
pub mod request;
