//! A stream of commands for an engine without sockets, files and clock.
//!
//! * [`input`]: the fuzzer's bytes as choices.
//! * [`draw`]: requests, made from the command table.
//! * [`world`]: the engine, its clients, a replica beside it, and what must hold after each step.
//! * [`host`]: the services that commands ask of a server.
//! * [`image`]: snapshots, and datasets read back from them.
//! * [`replies`]: whether a client's output is whole.

pub mod draw;
pub mod host;
pub mod image;
pub mod input;
pub mod replies;
pub mod world;
