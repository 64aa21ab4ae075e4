//! What COMMAND DOCS says about each command beyond its declaration, which refers to these texts.
//!
//! Arguments are written in the notation of [`parse`](crate::server_cmds::docs::parse). A command is described with all
//! arguments that it accepts here; their names, types and order, and the version that brought each, are those in
//! COMMAND DOCS of the first release that has them (Redis 8.2, 8.10 or Valkey 9.1). `tests/compat` lists where real
//! servers differ. A text that no declaration refers to is dead code, and the compiler reports it.

pub mod arrays;
pub mod bits;
pub mod cluster;
pub mod connection;
pub mod geo;
pub mod hashes;
pub mod keys;
pub mod lists;
pub mod scripting;
pub mod server;
pub mod sets;
pub mod streams;
pub mod strings;
pub mod zsets;
