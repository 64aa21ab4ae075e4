//! The server: sockets, files, timers and signals.
//!
//! One thread runs a tokio `current_thread` runtime and owns the [`Engine`](engine::Engine).
//! Each connection is a local task; it borrows the engine for one batch of requests at a time and never
//! across an await.
//!
//! * [`startup`]: from the command line to a server that accepts connections; [`shutdown`]: the end of the process.
//! * [`state`]: what the tasks share: the engine, and the clients that must be woken.
//! * [`listen`]: sockets that accept connections; [`connection`]: reading, parsing, running and writing for one client;
//!   [`stream`]: TCP, Unix or TLS.
//! * [`secure`]: an encrypted socket; [`handshake`]: the threads that perform handshakes; [`tls_files`]: certificates
//!   and keys.
//! * [`io`]: threads that own the sockets of clients, if there are any.
//! * [`limits`]: how much a client may send ahead. [`replies`], [`outbox`]: what is written to it, and what
//!   its socket has not accepted yet.
//! * [`host`]: what commands need from outside; [`cron`]: what happens without a request;
//!   [`repack`]: when values are moved together.
//! * [`load`]: reading dumps; [`persist`]: writing them; [`repl`]: the drivers of replication;
//!   [`rewrite_file`]: CONFIG REWRITE.
//! * [`log`], [`local_time`], [`clock`], [`allocator`], [`priority`], [`usage`], [`daemon`], [`supervisor`],
//!   [`crash`], [`cpus`], [`huge_pages`], [`oom_score`], [`syslog`], [`title`], [`unit_status`], [`reaper`], [`delay`], [`exchange`], [`lookup`], [`slices`], [`threads`]: one service of the machine each.

pub mod allocator;
pub mod append;
pub mod append_load;
pub mod clock;
pub mod connection;
#[cfg(test)]
mod connection_tests;
pub mod cpus;
pub mod crash;
#[cfg(test)]
mod crash_tests;
pub mod cron;
pub mod daemon;
pub mod delay;
pub mod dial;
pub mod exchange;
pub mod handshake;
pub mod host;
pub mod huge_pages;
mod incoming;
mod insist;
pub mod io;
pub mod limits;
pub mod listen;
mod listeners;
pub mod load;
pub mod local_time;
pub mod log;
pub mod lookup;
pub mod oom_score;
pub mod outbox;
pub mod persist;
pub mod priority;
mod process;
pub mod reaper;
pub mod repack;
pub mod repl;
mod replies;
// A sanitizer sees the system's allocations only.
#[cfg(not(any(miri, fuzzing)))]
mod reserved;
pub mod rewrite_file;
pub mod secure;
mod shell;
pub mod shutdown;
pub mod slices;
pub mod startup;
pub mod state;
pub mod stream;
pub mod supervisor;
pub mod syslog;
pub mod threads;
pub mod title;
pub mod tls_files;
pub mod unit_status;
pub mod usage;
mod users;

pub use disk::strerror;
pub use shell::Shell;
pub use state::Server;
