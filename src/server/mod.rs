//! The server: sockets, files, timers, signals: the only part that waits.
//!
//! One thread runs a tokio `current_thread` runtime and owns the [`Engine`](crate::commands::Engine).
//! Each connection is a local task; it borrows the engine for one batch of requests at a time and never
//! across an await.
//!
//! * [`state`]: what the tasks share: the engine, who must be woken.
//! * [`listen`]: sockets that accept.
//! * [`connection`]: one client: read, parse, run, write.
//! * [`stream`]: TCP or Unix.
//! * [`host`]: what commands need of the world.
//! * [`clock`]: the only place that reads clocks.
//! * [`persist`]: dumps; [`repl`]: the drivers of replication.

pub mod clock;
pub mod connection;
pub mod host;
pub mod listen;
pub mod load;
pub mod persist;
pub mod repl;
pub mod state;
pub mod stream;

pub use host::Shell;
pub use state::Server;
