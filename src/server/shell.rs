//! The state of the services that commands reach through their host; [`host`](super::host) performs them.

use super::append::AppendOnly;
use super::dial::Source;
use super::handshake::{self, Handshakes};
use super::listeners::Listeners;
use super::persist::Persistence;
use super::state::Server;
use super::tls_files::TlsFiles;
use super::{exchange, reaper};
use engine::host::Memory;
use flow::Shutdown;
use std::cell::{Cell, OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Weak;

/// The services of the running server.
pub struct Shell {
    /// The server whose engine holds this.
    pub server: Weak<Server>,
    /// Dumps.
    pub persistence: Persistence,
    /// The append-only file.
    pub append: AppendOnly,
    /// Sockets that accept.
    pub listeners: RefCell<Listeners>,
    /// The file that CONFIG REWRITE writes, absolute; set at the start if there is one.
    pub config_file: OnceCell<PathBuf>,
    /// True if a supervisor is notified of the server's state.
    pub supervised: Cell<bool>,
    /// True once the start is over.
    pub ready: Cell<bool>,
    /// The role for which the score at the kernel was set: true for a replica.
    pub(super) scored: Cell<Option<bool>>,
    /// The server's shutdown, which may wait for replicas.
    pub shutdown: Shutdown,
    pub(super) reaper: RefCell<reaper::Reaper>,
    /// The memory counters of the allocator and the system, and when they were read, by
    /// [`Clock::steady_ms`](engine::clock::Clock).
    pub(super) memory: Cell<Option<(i64, Memory)>>,
    /// Where connections to other servers come from.
    pub(super) source: Cell<Source>,
    /// Connections of MIGRATE.
    pub others: RefCell<exchange::Others>,
    /// Certificates and keys.
    pub tls: TlsFiles,
    /// The threads that make handshakes.
    pub handshakes: Handshakes,
    /// How much was logged of those that failed.
    pub handshake_errors: handshake::Told,
}

impl Shell {
    /// Services without a listener or link.
    pub fn new(server: Weak<Server>, persistence: Persistence, append: AppendOnly) -> Self {
        Shell {
            server,
            persistence,
            append,
            listeners: RefCell::default(),
            config_file: OnceCell::new(),
            supervised: Cell::new(false),
            ready: Cell::new(false),
            scored: Cell::new(None),
            shutdown: Shutdown::default(),
            reaper: RefCell::default(),
            memory: Cell::default(),
            source: Cell::default(),
            others: RefCell::default(),
            tls: TlsFiles::default(),
            handshakes: Handshakes::default(),
            handshake_errors: handshake::Told::default(),
        }
    }
}
