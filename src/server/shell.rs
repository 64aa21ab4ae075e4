//! The services that commands reach through their host, as the server holds them: [`host`](super::host) performs them.

use super::append::AppendOnly;
use super::listeners::Listeners;
use super::persist::Persistence;
use super::state::Server;
use super::{exchange, reaper};
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
    /// The role for which the kernel was told how soon to kill the process: true for a replica.
    pub(super) scored: Cell<Option<bool>>,
    /// The server's shutdown, which may wait for replicas.
    pub shutdown: Shutdown,
    pub(super) reaper: RefCell<reaper::Reaper>,
    /// Connections of MIGRATE.
    pub others: RefCell<exchange::Others>,
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
            others: RefCell::default(),
        }
    }
}
