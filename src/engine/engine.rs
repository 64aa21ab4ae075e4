//! The state that commands work on. One thread owns it; nothing in it waits.

use super::blocking::Blocking;
use super::evict::Pool;
use super::histogram::Histogram;
use super::host::{Host, Weight};
use super::hotkeys::HotKeys;
use super::own_keys::OwnKeys;
use super::pause::Pauses;
use super::pubsub::PubSub;
use super::scripting::Scripting;
use super::table::{self, Families};
use super::tick::Rates;
use super::tracking::TrackingTable;
use super::{ClientId, Clients, Session};
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
use keyspace::{Keyspace, Limits, UnixMillis, Value};
use rdb::module::ModuleAux;
use replication::Replication;
use std::collections::VecDeque;
use std::rc::Rc;

/// Values of more parts than this are freed in the background where that is wanted
/// (the reference's LAZYFREE_THRESHOLD).
const LAZY_FREE_FROM: usize = 64;

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
    /// Sources of function libraries: kept and saved back.
    pub functions: Vec<Vec<u8>>,
    /// What modules store beside their keys, from the dump that was loaded: kept and saved back.
    pub module_aux: Vec<ModuleAux>,
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
    /// Set by the shell before each batch.
    pub clock: Clock,
    /// Reads the monotonic clock, in ns: what a command took is the difference of two readings.
    pub timer: fn() -> u64,
    /// Writes a log line; at any time, also within a service of the host.
    pub log: fn(LogLevel, &str),
    /// Bytes of memory that the machine has; 0 if that is not known.
    pub total_memory: fn() -> usize,
    /// The last reading of `timer`: where the next command starts.
    pub tick: u64,
    /// Random numbers for sampling. Clients see what follows from them.
    pub rng: Rng,
    /// Secrets of this process, which must not be guessable.
    pub secrets: Secrets,
    /// Counters that INFO shows.
    pub stats: Stats,
    /// Clients whose output grew without a request of theirs, and other things the shell must do.
    pub actions: Vec<Action>,
    /// The shell's services (files, snapshots, sleep).
    host: Rc<dyn Host>,
    /// The dataset is being loaded.
    pub loading: Loading,
    /// How deep we are inside EXEC or a script: effects go out at depth 0.
    pub depth: u32,
    /// DEBUG SET-ACTIVE-EXPIRE
    pub active_expire: bool,
    /// DEBUG SET-DISABLE-DENY-SCRIPTS
    pub scripts_may_all: bool,
    /// DEBUG PAUSE-CRON
    pub tick_paused: bool,
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
    /// The append-only file cannot be written: what writers are told.
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
    /// Requests of at least so many bytes are kept in their log.
    pub watch_request: usize,
    /// Requests whose replies have at least so many bytes are kept in their log.
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

/// What the shell must do after a batch.
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

/// Time, as the shell read it before this batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Unix time, ms.
    pub unix_ms: UnixMillis,
    /// Unix time, µs.
    pub unix_us: i64,
    /// How far TIME is ahead of `unix_us`, µs: more than zero once a script has taken long. Keys do not expire while a
    /// script runs, however long that is; but a script that waits by TIME must come to an end.
    pub script_us: i64,
    /// Unix time when the server started and what the monotonic clock has counted since, ms. Whatever is done to the
    /// wall clock, a difference of two readings is the time that has passed, so time-outs, pauses, ages and heat use
    /// it. Expiries use `unix_ms`.
    pub steady_ms: i64,
    /// Monotonic, µs since start.
    pub mono_us: u64,
}

impl Clock {
    /// What TIME says, Unix µs.
    pub fn time_us(&self) -> i64 {
        self.unix_us + self.script_us
    }

    /// Advances the time to a reading of the monotonic clock, ns since start.
    #[cold]
    pub fn advance_to(&mut self, mono_ns: u64) {
        let us = (mono_ns / 1000).saturating_sub(self.mono_us);
        self.mono_us += us;
        self.unix_us += us as i64;
        self.script_us = 0;
        self.unix_ms = self.unix_us / 1000;
        self.steady_ms += (us / 1000) as i64;
    }
}

/// Counters that INFO shows. All since start or CONFIG RESETSTAT.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// `total_connections_received`
    pub connections: u64,
    /// `total_commands_processed`
    pub commands: u64,
    /// `rejected_connections`
    pub rejected: u64,
    /// `expired_keys`
    pub expired_keys: u64,
    /// `expired_subkeys`: hash fields
    pub expired_subkeys: u64,
    /// `expire_cycle_cpu_milliseconds`, in ns
    pub expire_cycle_ns: u64,
    /// `expired_stale_perc`, as a share
    pub stale_share: f64,
    /// `evicted_clients`
    pub evicted_clients: u64,
    /// `total_reads_processed`
    pub reads: u64,
    /// `total_writes_processed`
    pub writes: u64,
    /// `client_query_buffer_limit_disconnections`
    pub query_limit_disconnections: u64,
    /// `client_output_buffer_limit_disconnections`
    pub output_limit_disconnections: u64,
    /// `acl_access_denied_auth`
    pub denied_auth: u64,
    /// `acl_access_denied_cmd`
    pub denied_commands: u64,
    /// `acl_access_denied_key`
    pub denied_keys: u64,
    /// `acl_access_denied_channel`
    pub denied_channels: u64,
    /// `expired_time_cap_reached_count`
    pub expire_cycles_cut: u64,
    /// `evicted_scripts`
    pub evicted_scripts: u64,
    /// `evicted_keys`
    pub evicted_keys: u64,
    /// `keyspace_hits`
    pub hits: u64,
    /// `keyspace_misses`
    pub misses: u64,
    /// `total_net_input_bytes`
    pub net_input: u64,
    /// `total_net_output_bytes`
    pub net_output: u64,
    /// `total_net_repl_input_bytes`
    pub net_repl_input: u64,
    /// `total_net_repl_output_bytes`
    pub net_repl_output: u64,
    /// `used_memory_peak`
    pub peak_memory: usize,
    /// `lazyfreed_objects` as of the last CONFIG RESETSTAT.
    pub lazyfreed_before: u64,
    /// `total_error_replies`
    pub errors: u64,
    /// `unexpected_error_replies`
    pub unexpected_errors: u64,
    /// `eventloop_cycles`: batches of a connection's requests, and turns of the periodic work.
    pub turns: u64,
    /// `eventloop_duration_sum`, in ns
    pub turns_ns: u64,
    /// `eventloop_duration_cmd_sum`, in ns: the part of it in which requests were run.
    pub turns_commands_ns: u64,
    /// `dump_payload_sanitizations`: payloads of RESTORE that were checked, which all are.
    pub payloads_checked: u64,
    /// `sync_full`
    pub sync_full: u64,
    /// `sync_partial_ok`
    pub sync_partial_ok: u64,
    /// `sync_partial_err`
    pub sync_partial_err: u64,
    /// Per error code (`errorstat_*`).
    pub error_codes: super::error_codes::ErrorCodes,
    /// Per command (`cmdstat_*`), by [`Entry::index`](super::table::Entry).
    pub per_command: Vec<CommandStats>,
}

impl Stats {
    /// Bytes came from our primary: the total has them, too.
    pub fn read_from_primary(&mut self, bytes: usize) {
        self.net_input += bytes as u64;
        self.net_repl_input += bytes as u64;
    }

    /// Bytes went to a replica: the total has them, too.
    pub fn wrote_to_replica(&mut self, bytes: usize) {
        self.net_output += bytes as u64;
        self.net_repl_output += bytes as u64;
    }
}

/// One `cmdstat_*` line. Times in ns, shown in µs.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Calls.
    pub calls: u64,
    /// Total time, ns.
    pub nanos: u64,
    /// How its times are distributed (`latency-tracking`).
    pub times: Histogram,
    /// Refused before running.
    pub rejected: u64,
    /// Ran and failed.
    pub failed: u64,
}

impl Engine {
    /// An empty server with `config` on which the commands of `families` run. A process has one table of commands:
    /// the families of its first engine.
    pub fn new(
        families: Families,
        config: Config,
        mut secrets: Secrets,
        host: Rc<dyn Host>,
    ) -> Self {
        table::install(families);
        let run_id = String::from_utf8_lossy(&secrets.name()).into_owned();
        let keyspace = Keyspace::new(config.databases as usize, secrets.hash_key());
        let users = Users::new(&config.requirepass, table::count());
        lua::strings::choose_key(secrets.hash_key());
        Engine {
            keyspace,
            limits: config.limits(),
            repl: Replication::new(&config, &mut secrets),
            config,
            clients: Clients::default(),
            pubsub: PubSub::default(),
            blocking: Blocking::default(),
            tracking: TrackingTable::default(),
            watched: WatchTable::default(),
            own_keys: OwnKeys::default(),
            functions: Vec::new(),
            module_aux: Vec::new(),
            diverged: None,
            scripting: Scripting::default(),
            shortage: Shortage::default(),
            commits: Commits::default(),
            dirty: 0,
            clock: Clock::default(),
            timer: || 0,
            log: |_, _| (),
            total_memory: || 0,
            tick: 0,
            rng: Rng::new(secrets.number()),
            secrets,
            stats: Stats {
                per_command: vec![CommandStats::default(); table::count()],
                ..Stats::default()
            },
            actions: Vec::new(),
            host,
            loading: Loading::No,
            depth: 0,
            active_expire: true,
            scripts_may_all: false,
            tick_paused: false,
            next_client_id: 1,
            started: Clock::default(),
            pauses: Pauses::default(),
            postponed: Vec::new(),
            released: VecDeque::new(),
            rates: Rates::default(),
            used_memory: |engine| engine.keyspace.used_bytes(),
            recount_memory: || (),
            lent_memory: || 0,
            save_failed: false,
            append_failed: None,
            eviction_pool: Pool::default(),
            command_logs: CommandLogs::default(),
            hotkeys: None,
            latency: LatencyMonitor::default(),
            watch_from_ns: u64::MAX,
            watch_request: usize::MAX,
            watch_reply: usize::MAX,
            longest_write_ns: 0,
            watches_writes: false,
            hold_writes_above: u64::MAX,
            users,
            acl_log: AclLog::default(),
            monitors: Vec::new(),
            run_id,
            startup_memory: 0,
            client_memory: 0,
            idle_checked_s: 0,
        }
    }

    /// Registers a client and returns its number.
    pub fn connect(&mut self, addr: String, laddr: String) -> ClientId {
        let id = ClientId(self.next_client_id);
        self.next_client_id += 1;
        self.stats.connections += 1;
        let mut session = Session::new(id, addr, laddr, self.clock.steady_ms);
        self.begin_as_default(&mut session);
        self.clients.insert(Box::new(session));
        id
    }

    /// Forgets a client and all that refers to it.
    pub fn disconnect(&mut self, id: ClientId) {
        if let Some(mut client) = self.clients.remove(id) {
            if client.waits_for_script() {
                self.end_monitor(&mut client);
                super::pubsub::forget(self, &mut client);
                return self.orphan_script(client);
            }
            self.forget_client(&mut client);
        }
    }

    /// Forgets all that refers to a client that is no longer in the table.
    pub(super) fn forget_client(&mut self, client: &mut Session) {
        self.release(client);
        self.end_monitor(client);
        crate::transaction::discard_transaction(self, client);
        super::pubsub::forget(self, client);
        super::tracking::disable(self, client);
        self.uncount_client(client);
    }

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
