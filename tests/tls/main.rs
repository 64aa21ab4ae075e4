//! Encrypted connections: clients, who is let in, links between servers of both kinds, and peers that mean harm.
//!
//! * [`certificates`]: an authority that lives as long as its test.
//! * [`clients`]: clients by TLS, their users, and certificates that change.
//! * [`hostile`]: what is no handshake, or never ends.
//! * [`libraries`]: the client libraries of others.
//! * [`links`]: replication and MIGRATE, with real servers on the other end.
//! * [`programs`]: the programs of others.
//! * [`sentinel`]: Sentinel, with a user.
//! * [`toolbox`]: `forebay rdb diff` and `forebay sync-bench`.

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod clients;
mod hostile;
mod libraries;
mod links;
mod programs;
mod sentinel;
mod toolbox;
