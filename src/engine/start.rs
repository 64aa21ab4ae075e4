//! Creating the engine when a server starts.

use crate::acl::Users;
use crate::acl_log::AclLog;
use crate::blocking::Blocking;
use crate::clock::Clock;
use crate::commit::Commits;
use crate::evict::Pool;
use crate::host::Host;
use crate::latency::LatencyMonitor;
use crate::own_keys::OwnKeys;
use crate::pause::Pauses;
use crate::pubsub::PubSub;
use crate::scripting::Scripting;
use crate::shortage::Shortage;
use crate::slowlog::CommandLogs;
use crate::stats::{CommandStats, Stats};
use crate::table::{self, Families};
use crate::tick::Rates;
use crate::tracking::TrackingTable;
use crate::watch::WatchTable;
use crate::{Clients, Engine, Loading};
use base::Rng;
use base::secret::Secrets;
use config::Config;
use keyspace::Keyspace;
use replication::Replication;
use std::collections::VecDeque;
use std::rc::Rc;

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
        let mut keyspace = Keyspace::new(config.databases as usize, secrets.hash_key());
        keyspace.share_names(config.hash_templates());
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
            module_aux: Vec::new(),
            packer: rdb::lzf::Packer::new(),
            scratch: None,
            diverged: None,
            scripting: Scripting::default(),
            shortage: Shortage::default(),
            commits: Commits::default(),
            dirty: 0,
            clock: Clock::default(),
            timer: || 0,
            coarse_timer: || 0,
            log: |_, _| (),
            total_memory: || 0,
            tick: 0,
            untimed: Default::default(),
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
            skips_checksums: false,
            tick_paused: false,
            told_changes: Default::default(),
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
}
