//! Forebay: a Redis-compatible, disk-backed, persistent in-memory server.
//!
//! Data flows one way: bytes -> request -> keyspace -> effects -> log -> replicas; and keyspace -> walk -> writer ->
//! sink. The folders up to `replication` are *pure*: no tokio, no files, no sockets, no clock; time, bytes and
//! randomness are arguments. Only `server` waits.
//!
//! | module | what it answers |
//! |---|---|
//! | [`resp`] | how requests and replies look on the wire |
//! | [`rdb`] | how a dataset looks as bytes: reading, checking, writing |
//! | [`keyspace`] | where keys and values live in memory |
//! | [`large`] | how a large argument is in memory once, not once in each room |
//! | [`commands`] | what each command does |
//! | [`snapshot`] | how a point-in-time image is taken while clients write |
//! | [`replication`] | which server follows which, from which offset |
//! | [`server`] | sockets, files, timers, signals: the only part that waits |
//! | [`secret`] | which secrets there are, and where they are drawn |
//! | [`tools`] | what the `forebay` command does |

pub mod commands;
pub mod config;
pub mod keyspace;
pub mod large;
pub mod rdb;
pub mod replication;
pub mod resp;
pub mod secret;
pub mod server;
pub mod snapshot;
pub mod tools;

/// The compatibility level that clients see (`redis_version`).
pub const REDIS_VERSION: &str = "7.4.2";
/// The product's version (`forebay_version`).
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
