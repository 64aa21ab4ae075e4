//! The state that commands work on. One thread owns it; nothing in it waits.

use super::blocking::Blocking;
use super::clock::Clock;
use super::evict::Pool;
use super::host::{Host, Weight};
use super::hotkeys::HotKeys;
use super::own_keys::OwnKeys;
use super::pause::Pauses;
use super::pubsub::PubSub;
use super::scripting::Scripting;
use super::stats::Stats;
use super::tick::Rates;
use super::tracking::TrackingTable;
use super::untimed::Untimed;
use super::{ClientId, Clients};
use crate::acl::Users;
use crate::acl_log::AclLog;
use crate::commit::Commits;
use crate::latency::LatencyMonitor;
use crate::shortage::Shortage;
use crate::slowlog::CommandLogs;
use crate::watch::WatchTable;
use base::secret::Secrets;
use base::{LogLevel, Rng};
use config::Config;
use keyspace::{Keyspace, Limits, Value};
use rdb::module::ModuleAux;
use replication::Replication;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// Values of more parts than this are freed in the background where that is wanted
/// (the reference's LAZYFREE_THRESHOLD).
pub(crate) const LAZY_FREE_FROM: usize = 64;

/// Everything but sockets, files, timers.
pub struct Engine {
    /// The databases.
    pub keyspace: Keyspace,
    /// Collection thresholds, kept equal to `config`.
    pub limits: Limits,
    /// All directives.
    pub config: Config,
    /// Every connected client.
    pub clients: Clients,
    /// Channels and patterns.
    pub pubsub: PubSub,
    /// The clients that wait for keys.
    pub blocking: Blocking,
    /// The clients that are notified when keys that they have read change.
    pub tracking: TrackingTable,
    /// Keys under WATCH.
    pub watched: WatchTable,
    /// Keys that a writable replica's clients gave an expiry.
    pub own_keys: OwnKeys,
    /// What modules store in addition to their keys, as it was loaded. It is kept and saved again.
    pub module_aux: Vec<ModuleAux>,
    /// The encoder for the strings of a DUMP.
    pub packer: rdb::lzf::Packer,
    /// Buffers for the check of the payload of a RESTORE, kept from the first one on.
    pub scratch: Option<rdb::check::Scratch>,
    /// Interpreters, scripts and libraries.
    pub scripting: Scripting,
    /// The first request of the primary's stream that could not be run, until the link has taken note.
    pub diverged: Option<String>,
    /// Both sides of replication.
    pub repl: Replication,
    /// The effects of the running top-level request, and where they go.
    pub commits: Commits,
    /// What the log knows of memory that the system refuses.
    pub shortage: Shortage,
    /// Changes since the last successful save.
    pub dirty: i64,
    /// Set by the server before each batch.
    pub clock: Clock,
    /// Reads the monotonic clock, in ns: what a command took is the difference of two readings.
    pub timer: fn() -> u64,
    /// Reads a clock that goes in steps of at most ten milliseconds and costs next to nothing.
    pub coarse_timer: fn() -> u64,
    /// Writes a log line; at any time, also within a service of the host.
    pub log: fn(LogLevel, &str),
    /// Bytes of memory that the machine has; 0 if that is not known.
    pub total_memory: fn() -> usize,
    /// The last reading of `timer`: where the next command starts.
    pub tick: u64,
    /// Calls since then.
    pub(crate) untimed: Untimed,
    /// Random numbers for sampling. Clients see what follows from them.
    pub rng: Rng,
    /// Secrets of this process, which must not be guessable.
    pub secrets: Secrets,
    /// Counters that INFO shows.
    pub stats: Stats,
    /// Clients whose output grew without a request of theirs, and other things that the server must do.
    pub actions: Vec<Action>,
    /// The shell's services (files, snapshots, sleep).
    pub(super) host: Rc<dyn Host>,
    /// The dataset is being loaded.
    pub loading: Loading,
    /// How deep we are inside EXEC or a script: effects go out at depth 0.
    pub depth: u32,
    /// DEBUG SET-ACTIVE-EXPIRE
    pub active_expire: bool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS
    pub scripts_may_all: bool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION
    pub skips_checksums: bool,
    /// DEBUG PAUSE-CRON
    pub tick_paused: bool,
    /// When the log was told of a directive's change, in ms of the clock that is never set.
    pub told_changes: BTreeMap<&'static str, i64>,
    /// Next client number.
    pub next_client_id: u64,
    /// When the server started.
    pub started: Clock,
    /// Clients that are held back.
    pub pauses: Pauses,
    /// Clients whose request is kept until a pause ends, in the order of arrival.
    pub postponed: Vec<ClientId>,
    /// Clients whose kept request runs next.
    pub released: VecDeque<ClientId>,
    /// Sampled figures.
    pub rates: Rates,
    /// Bytes of memory in use; the server asks the allocator for them.
    pub used_memory: fn(&Engine) -> usize,
    /// Brings [`Engine::used_memory`] up to date with what other threads did; some microseconds.
    pub recount_memory: fn(),
    /// Those of them that another thread is about to free.
    pub lent_memory: fn() -> usize,
    /// The last save failed: writes may be refused.
    pub save_failed: bool,
    /// The error for writers while the append-only file cannot be written.
    pub append_failed: Option<super::CommandError>,
    /// Candidates for eviction.
    pub eviction_pool: Pool,
    /// SLOWLOG and COMMANDLOG
    pub command_logs: CommandLogs,
    /// HOTKEYS, once it was started.
    pub hotkeys: Option<Box<HotKeys>>,
    /// LATENCY
    pub latency: LatencyMonitor,
    /// Commands that take at least this long, in ns, are looked at by the slow log and the latency monitor.
    pub watch_from_ns: u64,
    /// Requests of at least this many bytes are kept in their log.
    pub watch_request: usize,
    /// Requests whose replies have at least this many bytes are kept in their log.
    pub watch_reply: usize,
    /// The longest write command since the running snapshot began, or while the last one ran, in ns. The time for
    /// keeping old records for the snapshot is part of it.
    pub longest_write_ns: u64,
    /// A snapshot is running.
    pub(super) watches_writes: bool,
    /// Writers are held once [`Keyspace::left_bytes`] is more than this: the snapshot holds as much as it may.
    pub hold_writes_above: u64,
    /// The users.
    pub users: Users,
    /// ACL LOG
    pub acl_log: AclLog,
    /// MONITOR clients.
    pub monitors: Vec<ClientId>,
    /// `run_id`: 40 hexadecimal digits.
    pub run_id: String,
    /// `used_memory_startup`
    pub startup_memory: usize,
    /// Bytes that clients hold, while `maxmemory-clients` is set.
    pub(super) client_memory: usize,
    /// The second in which idle clients were last looked for.
    pub(super) idle_checked_s: i64,
}

/// What the server must do after a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client's reply buffer has output that its own request did not cause.
    Wake(ClientId),
    /// Close the client's connection.
    Close(ClientId),
    /// A blocked client may continue with its pipelined requests.
    Resume(ClientId),
}

/// Whether the dataset is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Loading {
    /// No.
    #[default]
    No,
    /// Yes; commands that need data are refused.
    Blocking,
    /// Yes, aside (`repl-diskless-load swapdb`): the old data is served.
    Async,
}

impl Engine {
    /// Drops something large off the executor thread.
    pub fn drop_later(&mut self, what: Box<dyn Send>) {
        self.drop_counted(what, Weight::default());
    }

    /// Drops a value that is no longer in the dataset: here, or on another thread if that is wanted and the value has
    /// enough parts to be worth it.
    pub fn drop_value(&mut self, value: Value, lazily: bool) {
        if lazily && value.free_effort() > LAZY_FREE_FROM {
            let bytes = value.heap_bytes();
            self.drop_counted(Box::new(value), Weight { bytes, objects: 1 });
        }
    }

    /// As [`Engine::drop_later`], with a known weight.
    pub fn drop_counted(&mut self, what: Box<dyn Send>, weight: Weight) {
        self.host.drop_later(what, weight);
    }

    /// Bytes of [`Engine::used_memory`] that no eviction could free: what a snapshot has copied, what
    /// other threads are about to free, and what replicas have yet to get beyond the backlog.
    pub fn not_counted_for_evict(&self) -> usize {
        let history = self.repl.history().backlog();
        let backlog = history.map_or(0, |b| b.memory());
        let kept = usize::try_from(self.config.repl_backlog_size).unwrap_or(usize::MAX);
        (self.lent_memory)() + self.keyspace.buffered_bytes() + backlog.saturating_sub(kept)
    }

    /// The shell's services. They are given the engine, so that the caller holds them by themselves.
    pub fn host(&self) -> Rc<dyn Host> {
        Rc::clone(&self.host)
    }
}
