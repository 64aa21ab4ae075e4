//! Forebay: a Redis-compatible, disk-backed, persistent in-memory server.
//!
//! Data flows one way: bytes -> request -> keyspace -> effects -> log -> replicas; and keyspace -> walk -> writer ->
//! sink. Most rooms are *pure*: they use no tokio, files, sockets or clock, and are given time, bytes and randomness as
//! arguments. ARCHITECTURE.md names those that may wait.
//!
//! | room | what it answers |
//! |---|---|
//! | [`base`] | ids, numbers and their texts, errors, requests as bytes, large arguments, secrets |
//! | [`pipes`] | how bytes and work pass between threads, with bounded memory |
//! | [`disk`] | how a file is replaced so that a crash leaves the old one or the new one |
//! | [`resp`] | how requests and replies look on the wire |
//! | [`rdb`] | how a dataset looks as bytes: reading, checking, writing |
//! | [`aof`] | how an append-only file looks as bytes, and up to where it is whole |
//! | [`keyspace`] | where keys and values live in memory, and how a point-in-time image of them is taken |
//! | [`config`] | the directives: names, values, effects |
//! | [`replication`] | which server follows which, from which offset |
//! | [`lua`] | the interpreter of scripts, on a stack of its own |
//! | [`engine`] | the machine on which commands run: sessions, the way of a request, blocking, pub/sub, eviction |
//! | [`commands`] | what each command does, by family |
//! | [`flow`] | what decides about saves, loads, links and shutdown, for the server and for the simulator |
//! | [`server`] | how sockets, files, timers and signals reach the engine |
//! | [`tools`] | what the `forebay` command does with files and servers |
//! | [`sync_bench`] | how long full syncs take, and in which phases |
//! | [`cli`] | the command line of `forebay` |
//!
//! Each room is a crate of this workspace, in the folder of its name. This package gives them one name for the two
//! programs, the tests and the benches.

pub use aof;
pub use base;
pub use cli;
pub use commands;
pub use config;
pub use disk;
pub use engine;
pub use flow;
pub use keyspace;
pub use lua;
pub use pipes;
pub use rdb;
pub use replication;
pub use resp;
pub use server;
pub use sync_bench;
pub use tools;

pub use base::{REDIS_VERSION, VERSION};
