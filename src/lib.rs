//! Forebay: a Redis-compatible, disk-backed, persistent in-memory server.
//!
//! Data flows one way: bytes -> request -> keyspace -> effects -> log -> replicas; and keyspace -> walk -> writer ->
//! sink. The folders up to `replication` are *pure*: no tokio, no files, no sockets, no clock; time, bytes and
//! randomness are arguments. Only `server` waits.
//!
//! | module | what it answers |
//! |---|---|
//! | [`base`] | ids, numbers and their texts, errors, requests as bytes, secrets |
//! | [`resp`] | how requests and replies look on the wire |
//! | [`rdb`] | how a dataset looks as bytes: reading, checking, writing |
//! | [`keyspace`] | where keys and values live in memory, and how a point-in-time image of them is taken |
//! | [`pipes`] | how bytes and work pass between threads, with bounded memory |
//! | [`commands`] | what each command does |
//! | [`snapshot`] | how a point-in-time image is taken while clients write |
//! | [`replication`] | which server follows which, from which offset |
//! | [`server`] | sockets, files, timers, signals: the only part that waits |
//! | [`secret`] | which secrets there are, and where they are drawn |
//! | [`tools`] | what the `forebay` command does |

pub use base;
pub use commands;
pub use config;
pub use keyspace;
pub use pipes;
pub use rdb;
pub use replication;
pub use resp;
pub use server;
pub use tools;

pub use base::{REDIS_VERSION, VERSION};
