//! What the test binaries and the end-to-end benchmark share: real server processes, a small
//! client, faults, and the other half of a replication link.
//!
//! | module | what it gives |
//! |---|---|
//! | [`peers`] | where the real Redis and Valkey servers of this machine are |
//! | [`server`] | one server process on a loopback port, in a directory of its own, killed on drop |
//! | [`resp`] | replies of RESP2 and RESP3 as values, to the byte |
//! | [`client`] | one connection: commands, replies, INFO fields |
//! | [`words`] | a typed command line split into arguments, as redis-cli does |
//! | [`wait`] | conditions instead of sleeps |
//! | [`dataset`] | two servers hold the same data: by digest, and key by key |
//! | [`proxy`] | a link that is cut, stalled, slow or corrupt |
//! | [`fake_replica`] | what a primary sends to a replica, recorded |
//! | [`fake_master`] | what a replica says to its primary, and any answer to it |
//! | [`filter`] | the system calls that a hardened unit leaves to a server |
//! | [`numbered`] | clients that number their writes and know what every server must hold |
//! | [`sentinel`] | real Sentinels, and a client that writes where they say |
//!
//! Use it from a test binary with `#[path = "../support/mod.rs"] mod support;`.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of this"
)]

pub mod client;
pub mod dataset;
pub mod fake_master;
pub mod fake_replica;
pub mod filter;
pub mod numbered;
pub mod peers;
pub mod proxy;
pub mod resp;
pub mod sentinel;
pub mod server;
pub mod wait;
pub mod words;

pub use client::Client;
pub use resp::Value;
pub use server::{Builder, Server};
pub use wait::wait_until;
