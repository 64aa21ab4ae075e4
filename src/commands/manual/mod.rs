//! What COMMAND DOCS says of each command, beside its declaration, which names it.
//!
//! Arguments are in the notation of [`parse`](crate::server_cmds::docs::parse). Their names, types and order, and which
//! version changed what: COMMAND DOCS of Redis 8.2 (of Redis 8.10 for MSETEX, INCREX and arrays, of Valkey 9.1 for DELIFEQ). What Forebay
//! takes beyond them is described in the documentation alone. A text that no declaration names is dead code, and the
//! compiler says so.

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
