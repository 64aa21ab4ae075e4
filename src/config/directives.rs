//! Every directive, declared once: field and type, default, names, when it may be set, what may be
//! written, what it does. CONFIG GET, SET and REWRITE, the file reader, the typed [`Config`] and
//! `docs/config.md` come from this table.

use super::choices::*;
use super::directive::{Directive, Effect, Flags};
use super::kind::*;
use super::special::*;

const MAX: i64 = i64::MAX;
const INT: i64 = i32::MAX as i64;
const LIVE: Flags = Flags::empty();
const START: Flags = Flags::START;
const GUARDED: Flags = Flags::PROTECTED;
const SECRET: Flags = Flags::SENSITIVE;
const HIDDEN: Flags = Flags::HIDDEN;

macro_rules! directives {
    ($($effect:ident $flags:ident $name:literal $([$alias:literal])? $field:ident: $type:ty = $default:expr, $kind:expr, $doc:literal;)+) => {
        /// All directives, typed. Times are in the unit of their directive, sizes in bytes.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config { $(#[doc = concat!("`", $name, "`: ", $doc)] pub $field: $type,)+ }

        impl Default for Config {
            fn default() -> Self { Config { $($field: $default,)+ } }
        }

        /// The table.
        pub static DIRECTIVES: &[Directive] = &[$(Directive {
            name: $name,
            alias: directives!(@alias $($alias)?),
            doc: $doc,
            flags: $flags,
            effect: Effect::$effect,
            set: |config, words, add| $kind.update(&mut config.$field, words, add),
            get: |config| Kind::<$type>::show(&$kind, &config.$field),
            lines: |config| Kind::<$type>::lines(&$kind, &config.$field),
            copy: |to, from| to.$field = from.$field.clone(),
            many: || Kind::<$type>::many(&$kind),
            describe: || Kind::<$type>::describe(&$kind),
        },)+];
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}

// Columns: effect, when, name [alias], field: type = default, kind, doc.
// Effect: Works; Idle = accepted, does nothing yet (a warning if given); Refused = not at another value
// than its default: what it promises is not there.
directives! {
    // Network
    Works LIVE "bind" bind: Vec<String> = vec!["*".into(), "-::*".into()], Words, "Addresses to listen on; `-` before one: no error if it is not there.";
    Idle LIVE "bind-source-addr" bind_source_addr: String = String::new(), Text, "Local address of outgoing connections.";
    Works LIVE "port" port: i64 = 6379, Int(0..=65535), "TCP port; 0 = no TCP.";
    Works START "tcp-backlog" tcp_backlog: i64 = 511, Int(0..=INT), "Length of the accept queue.";
    Works START "unixsocket" unixsocket: String = String::new(), Text, "Path of a Unix socket to listen on.";
    Works START "unixsocketperm" unixsocketperm: i64 = 0, Octal, "Mode of that socket; 0 = as the umask leaves it.";
    Works LIVE "timeout" timeout: i64 = 0, Int(0..=INT), "Seconds after which idle clients are closed; 0 = never.";
    Works LIVE "tcp-keepalive" tcp_keepalive: i64 = 300, Int(0..=INT), "Seconds between probes of silent peers; 0 = none.";
    Works LIVE "protected-mode" protected_mode: bool = true, YesNo, "Without a password, answer loopback clients only.";
    Works LIVE "maxclients" maxclients: i64 = 10000, Int(1..=4294967295), "Clients at the same time.";
    Idle START "socket-mark-id" socket_mark_id: i64 = 0, Int(0..=4294967295), "Mark of our sockets for the packet filter.";
    Idle LIVE "max-new-connections-per-cycle" max_new_connections_per_cycle: i64 = 10, Int(1..=1000), "Connections accepted in one turn.";
    Idle LIVE "max-new-tls-connections-per-cycle" max_new_tls_connections_per_cycle: i64 = 1, Int(1..=1000), "TLS connections accepted in one turn.";
    Idle START "io-threads" io_threads: i64 = 1, Int(1..=128), "Threads that read, parse and write.";
    Idle START "io-threads-do-reads" io_threads_do_reads: bool = false, YesNo, "Whether they read, too.";

    // General
    Works START "daemonize" daemonize: bool = false, YesNo, "Go into the background.";
    Works START "supervised" supervised: Supervised = Supervised::No, OneOf, "Tell the supervisor when we are ready.";
    Works START "pidfile" pidfile: String = String::new(), Text, "Where to write the process number.";
    Works LIVE "loglevel" loglevel: LogLevel = LogLevel::Notice, OneOf, "Least important lines that are logged.";
    Works START "logfile" logfile: String = String::new(), Text, "Where to log; empty = standard output.";
    Works LIVE "log-timestamp-format" log_timestamp_format: LogTimestamp = LogTimestamp::Legacy, OneOf, "Time in log lines: as Redis writes it, ISO 8601 with microseconds, or Unix milliseconds.";
    Idle START "syslog-enabled" syslog_enabled: bool = false, YesNo, "Log to syslog, too.";
    Idle START "syslog-ident" syslog_ident: String = "redis".into(), Text, "Name in syslog.";
    Idle START "syslog-facility" syslog_facility: SyslogFacility = SyslogFacility::Local0, OneOf, "Facility in syslog.";
    Idle LIVE "crash-log-enabled" crash_log_enabled: bool = true, YesNo, "Report crashes in the log.";
    Idle LIVE "crash-memcheck-enabled" crash_memcheck_enabled: bool = true, YesNo, "Test memory after a crash.";
    Works START "databases" databases: i64 = 16, Int(1..=INT), "Number of databases.";
    Idle START "always-show-logo" always_show_logo: bool = false, YesNo, "Show the logo at start also in files.";
    Idle START "set-proc-title" set_proc_title: bool = true, YesNo, "Set the process title.";
    Idle LIVE "proc-title-template" proc_title_template: String = "{title} {listen-addr} {server-mode}".into(), Text, "Form of the process title.";
    Idle HIDDEN "use-exit-on-panic" use_exit_on_panic: bool = false, YesNo, "Exit instead of aborting after an error of the server itself. For tests.";
    Idle HIDDEN "watchdog-period" watchdog_period: i64 = 0, Int(0..=INT), "Milliseconds after which a command that keeps the server busy is reported; 0 = never.";
    Idle LIVE "locale-collate" locale_collate: String = String::new(), Text, "Locale in which SORT ALPHA compares.";
    Refused LIVE "hide-user-data-from-log" hide_user_data_from_log: bool = false, YesNo, "Keep user data out of the log.";
    Works LIVE "hz" hz: i64 = 10, Int(0..=INT), "Turns of the clockwork per second, 1 to 500.";
    Works LIVE "dynamic-hz" dynamic_hz: bool = true, YesNo, "More turns while many clients are connected.";
    Idle START "disable-thp" disable_thp: bool = true, YesNo, "Do without transparent huge pages.";
    Idle LIVE "oom-score-adj" oom_score_adj: OomScoreAdj = OomScoreAdj::No, OneOf, "Adjust who the kernel kills first.";
    Idle LIVE "oom-score-adj-values" oom_score_adj_values: [i64; 3] = [0, 200, 800], OomScores, "The scores of primary, replica and background work.";
    Idle START "server-cpulist" ["server_cpulist"] server_cpulist: String = String::new(), Text, "CPUs of the serving thread.";
    Idle START "bio-cpulist" ["bio_cpulist"] bio_cpulist: String = String::new(), Text, "CPUs of the background threads.";
    Idle START "aof-rewrite-cpulist" ["aof_rewrite_cpulist"] aof_rewrite_cpulist: String = String::new(), Text, "CPUs of the append-only file's rewrite.";
    Idle START "bgsave-cpulist" ["bgsave_cpulist"] bgsave_cpulist: String = String::new(), Text, "CPUs of the persistence thread.";
    Idle START "ignore-warnings" ignore_warnings: String = String::new(), Text, "Start-up warnings to leave out.";
    Works START "enable-module-command" enable_module_command: Protection = Protection::No, OneOf, "Who may use MODULE.";
    Works START "enable-debug-command" enable_debug_command: Protection = Protection::No, OneOf, "Who may use DEBUG.";
    Works START "enable-protected-configs" enable_protected_configs: Protection = Protection::No, OneOf, "Who may set protected directives.";
    Works LIVE "shutdown-timeout" shutdown_timeout: i64 = 10, Int(0..=INT), "Seconds that a shutdown waits for replicas.";
    Works LIVE "shutdown-on-sigint" shutdown_on_sigint: Vec<ShutdownOn> = Vec::new(), ShutdownWays, "How SIGINT shuts down.";
    Works LIVE "shutdown-on-sigterm" shutdown_on_sigterm: Vec<ShutdownOn> = Vec::new(), ShutdownWays, "How SIGTERM shuts down.";

    // Access
    Works SECRET "requirepass" requirepass: String = String::new(), Text, "Password of the default user.";
    Refused START "aclfile" aclfile: String = String::new(), Text, "File of access rules.";
    Works LIVE "acllog-max-len" acllog_max_len: i64 = 128, Int(0..=MAX), "Entries of ACL LOG.";
    Idle LIVE "acl-pubsub-default" acl_pubsub_default: AclPubsub = AclPubsub::Resetchannels, OneOf, "Channels of new users.";

    // Clients
    Works LIVE "client-query-buffer-limit" client_query_buffer_limit: i64 = 1 << 30, Memory((1 << 20)..=MAX), "Bytes of unparsed input of one client.";
    Works LIVE "client-output-buffer-limit" client_output_buffer_limit: OutputLimits = OutputLimits::default(), Limits, "Bytes of unsent replies, by class of client.";
    Works LIVE "proto-max-bulk-len" proto_max_bulk_len: i64 = 512 << 20, Memory((1 << 20)..=MAX), "Bytes of one argument.";
    Works LIVE "maxmemory-clients" maxmemory_clients: i64 = 0, MemoryOrPercent, "Memory of all clients, above which the largest are closed; 0 = no limit.";
    Works LIVE "tracking-table-max-keys" tracking_table_max_keys: i64 = 1_000_000, Int(0..=MAX), "Keys remembered for client side caching.";

    // Memory
    Works LIVE "maxmemory" maxmemory: i64 = 0, Memory(0..=MAX), "Bytes above which keys are evicted; 0 = no limit.";
    Works LIVE "maxmemory-policy" maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::Noeviction, OneOf, "Which keys go.";
    Works LIVE "maxmemory-samples" maxmemory_samples: i64 = 5, Int(1..=64), "Keys looked at to find one to evict.";
    Idle LIVE "maxmemory-eviction-tenacity" maxmemory_eviction_tenacity: i64 = 10, Int(0..=100), "How much time eviction may take before a command is served.";
    Works LIVE "lfu-log-factor" lfu_log_factor: i64 = 10, Int(0..=INT), "How slowly the counter of use grows.";
    Works LIVE "lfu-decay-time" lfu_decay_time: i64 = 1, Int(0..=INT), "Minutes in which it loses one; 0 = never.";
    Works LIVE "active-expire-effort" active_expire_effort: i64 = 1, Int(1..=10), "Share of time spent on deleting expired keys.";
    Works LIVE "lazyfree-lazy-eviction" lazyfree_lazy_eviction: bool = false, YesNo, "Evicted values are freed in the background.";
    Works LIVE "lazyfree-lazy-expire" lazyfree_lazy_expire: bool = false, YesNo, "Expired values are.";
    Works LIVE "lazyfree-lazy-server-del" lazyfree_lazy_server_del: bool = false, YesNo, "Overwritten values are.";
    Works LIVE "lazyfree-lazy-user-del" lazyfree_lazy_user_del: bool = false, YesNo, "Values that DEL removes are.";
    Idle LIVE "lazyfree-lazy-user-flush" lazyfree_lazy_user_flush: bool = false, YesNo, "Databases that FLUSHDB and FLUSHALL empty: they always are.";
    Idle LIVE "activerehashing" activerehashing: bool = true, YesNo, "Rehash in idle time (there is no rehash here).";
    Idle LIVE "activedefrag" activedefrag: bool = false, YesNo, "Defragment in idle time (compaction here is always on).";
    Idle LIVE "active-defrag-ignore-bytes" active_defrag_ignore_bytes: i64 = 100 << 20, Memory(1..=MAX), "Waste below which nothing is done.";
    Idle LIVE "active-defrag-threshold-lower" active_defrag_threshold_lower: i64 = 10, Int(0..=1000), "Waste in percent from which on it works.";
    Idle LIVE "active-defrag-threshold-upper" active_defrag_threshold_upper: i64 = 100, Int(0..=1000), "Waste in percent at which it works hardest.";
    Idle LIVE "active-defrag-cycle-min" active_defrag_cycle_min: i64 = 1, Int(1..=99), "Least CPU in percent.";
    Idle LIVE "active-defrag-cycle-max" active_defrag_cycle_max: i64 = 25, Int(1..=99), "Most CPU in percent.";
    Idle LIVE "active-defrag-max-scan-fields" active_defrag_max_scan_fields: i64 = 1000, Int(1..=MAX), "Elements of a collection handled at once.";
    Idle START "jemalloc-bg-thread" jemalloc_bg_thread: bool = true, YesNo, "The allocator's own thread.";

    // Persistence
    Works LIVE "save" save: Vec<SavePoint> = default_save_points(), SavePoints, "Save after so many seconds if so many changes were made.";
    Works GUARDED "dir" dir: String = ".".into(), Text, "Working directory: the dump goes there.";
    Works GUARDED "dbfilename" dbfilename: String = "dump.rdb".into(), FileName("dbfilename"), "Name of the dump.";
    Works LIVE "stop-writes-on-bgsave-error" stop_writes_on_bgsave_error: bool = true, YesNo, "Refuse writes after a failed save.";
    Works LIVE "rdbcompression" rdbcompression: bool = true, YesNo, "Compress strings in dumps.";
    Works START "rdbchecksum" rdbchecksum: bool = true, YesNo, "Write and check the checksum of dumps.";
    Works LIVE "rdb-save-incremental-fsync" rdb_save_incremental_fsync: bool = true, YesNo, "Sync the dump piecewise while it is written.";
    Works LIVE "rdb-del-sync-files" rdb_del_sync_files: bool = false, YesNo, "Remove dumps that only served replication.";
    Idle LIVE "sanitize-dump-payload" sanitize_dump_payload: Sanitize = Sanitize::No, OneOf, "Accepted; dumps are always checked in full.";
    Works LIVE "rdb-save-target" rdb_save_target: RdbTarget = RdbTarget::Auto, OneOf, "Server version that dumps are written for; `auto` = the lowest that holds the data.";
    Works LIVE "rdb-save-loss" rdb_save_loss: SaveLoss = SaveLoss::Refuse, OneOf, "What to do with data that the target cannot hold.";
    Works LIVE "rdb-unknown-values" rdb_unknown_values: UnknownValues = UnknownValues::Refuse, OneOf, "What to do with values of modules, and with arrays, when loading.";
    Works LIVE "rdb-load-salvage" rdb_load_salvage: bool = false, YesNo, "Load what can be read of a damaged dump, and log the rest.";
    Idle LIVE "rdb-version-check" rdb_version_check: VersionCheck = VersionCheck::Strict, OneOf, "Refuse dumps of versions that are not known.";
    Works LIVE "snapshot-preserve-limit" snapshot_preserve_limit: i64 = 0, Memory(0..=MAX), "Bytes that a running snapshot may hold beside the data; 0 = a twentieth of the data, at least 2 MB.";
    Works LIVE "snapshot-stall-timeout" snapshot_stall_timeout: i64 = 10, Int(1..=INT), "Seconds without progress of the disk after which a snapshot fails.";
    Works HIDDEN "rdb-key-save-delay" rdb_key_save_delay: i64 = 0, Int(-INT..=INT), "Microseconds to wait per key while saving; negative = keys per microsecond. For tests.";
    Works HIDDEN "key-load-delay" key_load_delay: i64 = 0, Int(-INT..=INT), "Microseconds to wait per key while loading; negative = keys per microsecond. For tests.";
    Idle HIDDEN "loading-process-events-interval-bytes" loading_process_events_interval_bytes: i64 = 2 << 20, Int(1024..=INT), "Bytes loaded between two looks at the clients.";
    Refused LIVE "appendonly" appendonly: bool = false, YesNo, "Keep an append-only file.";
    Idle START "appendfilename" appendfilename: String = "appendonly.aof".into(), FileName("appendfilename"), "Its name.";
    Works START "appenddirname" appenddirname: String = "appendonlydir".into(), FileName("appenddirname"), "Its directory; if it exists, the server does not start.";
    Idle LIVE "appendfsync" appendfsync: AppendFsync = AppendFsync::Everysec, OneOf, "When it is synced.";
    Idle LIVE "no-appendfsync-on-rewrite" no_appendfsync_on_rewrite: bool = false, YesNo, "Not while it is rewritten.";
    Idle LIVE "auto-aof-rewrite-percentage" auto_aof_rewrite_percentage: i64 = 100, Int(0..=INT), "Growth that starts a rewrite.";
    Idle LIVE "auto-aof-rewrite-min-size" auto_aof_rewrite_min_size: i64 = 64 << 20, Memory(0..=MAX), "Size from which on it is rewritten.";
    Idle LIVE "aof-load-truncated" aof_load_truncated: bool = true, YesNo, "Accept one that was cut short.";
    Idle LIVE "aof-use-rdb-preamble" aof_use_rdb_preamble: bool = true, YesNo, "Begin it with a dump.";
    Idle LIVE "aof-timestamp-enabled" aof_timestamp_enabled: bool = false, YesNo, "Write times into it.";
    Idle LIVE "aof-rewrite-incremental-fsync" aof_rewrite_incremental_fsync: bool = true, YesNo, "Sync its rewrite piecewise.";
    Idle HIDDEN "aof-disable-auto-gc" aof_disable_auto_gc: bool = false, YesNo, "Keep its old files.";

    // Replication
    Works START "replicaof" ["slaveof"] replicaof: Option<Address> = None, Primary, "The primary to follow.";
    Works SECRET "masterauth" ["primaryauth"] masterauth: String = String::new(), Text, "Password for the primary.";
    Works SECRET "masteruser" ["primaryuser"] masteruser: String = String::new(), Text, "User for the primary.";
    Works LIVE "replica-serve-stale-data" ["slave-serve-stale-data"] replica_serve_stale_data: bool = true, YesNo, "Answer reads without a link to the primary.";
    Works LIVE "replica-read-only" ["slave-read-only"] replica_read_only: bool = true, YesNo, "Refuse writes of clients of a replica.";
    Works LIVE "replica-priority" ["slave-priority"] replica_priority: i64 = 100, Int(0..=INT), "Rank for promotion by Sentinel; 0 = never.";
    Works LIVE "replica-announce-ip" ["slave-announce-ip"] replica_announce_ip: String = String::new(), Text, "Address that we tell the primary.";
    Works LIVE "replica-announce-port" ["slave-announce-port"] replica_announce_port: i64 = 0, Int(0..=65535), "Port that we tell the primary.";
    Works LIVE "replica-announced" replica_announced: bool = true, YesNo, "Let Sentinel know of us.";
    Works LIVE "replica-ignore-maxmemory" ["slave-ignore-maxmemory"] replica_ignore_maxmemory: bool = true, YesNo, "A replica evicts nothing by itself.";
    Idle LIVE "replica-lazy-flush" ["slave-lazy-flush"] replica_lazy_flush: bool = false, YesNo, "Free the old data in the background after a full sync: it always is.";
    Idle LIVE "replica-ignore-disk-write-errors" replica_ignore_disk_write_errors: bool = false, YesNo, "A replica takes writes after a failed save.";
    Idle LIVE "replica-full-sync-buffer-limit" replica_full_sync_buffer_limit: i64 = 0, Memory(0..=MAX), "Stream bytes that a replica keeps during a full sync; 0 = the hard limit of its class.";
    Idle LIVE "propagation-error-behavior" propagation_error_behavior: PropagationError = PropagationError::Ignore, OneOf, "When a replicated command fails.";
    Works LIVE "min-replicas-to-write" ["min-slaves-to-write"] min_replicas_to_write: i64 = 0, Int(0..=INT), "Refuse writes with fewer replicas.";
    Works LIVE "min-replicas-max-lag" ["min-slaves-max-lag"] min_replicas_max_lag: i64 = 10, Int(0..=INT), "Seconds without a sign of life after which a replica does not count.";
    Works LIVE "repl-timeout" repl_timeout: i64 = 60, Int(1..=INT), "Seconds of silence after which a link is dead.";
    Works LIVE "repl-ping-replica-period" ["repl-ping-slave-period"] repl_ping_replica_period: i64 = 10, Int(1..=INT), "Seconds between pings to replicas.";
    Works LIVE "repl-disable-tcp-nodelay" repl_disable_tcp_nodelay: bool = false, YesNo, "Fewer, larger packets to replicas.";
    Works LIVE "repl-backlog-size" repl_backlog_size: i64 = 1 << 20, Memory(1..=MAX), "Stream bytes kept for partial resynchronisation.";
    Works LIVE "repl-backlog-ttl" repl_backlog_ttl: i64 = 3600, Int(0..=MAX), "Seconds that they are kept without replicas; 0 = for ever.";
    Works LIVE "repl-backlog-disk-size" repl_backlog_disk_size: i64 = 4 << 30, Memory(0..=MAX), "Stream bytes for slow replicas that may go to a temporary file in `dir` when memory has no room for them; 0 = none.";
    Works LIVE "repl-diskless-sync" repl_diskless_sync: bool = true, YesNo, "Send snapshots without a file.";
    Works LIVE "repl-diskless-sync-delay" repl_diskless_sync_delay: i64 = 5, Int(0..=INT), "Seconds to wait for more replicas.";
    Works LIVE "repl-diskless-sync-early-start" repl_diskless_sync_early_start: EarlyStart = EarlyStart::Auto, OneOf, "Do not wait once all replicas that were there before have asked; `auto` = while the delay has its default.";
    Works LIVE "repl-diskless-sync-max-replicas" repl_diskless_sync_max_replicas: i64 = 0, Int(0..=INT), "Do not wait once so many are there; 0 = always wait.";
    Works LIVE "repl-diskless-load" repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, OneOf, "Load what the primary sends without a file.";
    Works LIVE "repl-rdb-target" repl_rdb_target: RdbTarget = RdbTarget::Auto, OneOf, "Server version that snapshots for replicas are written for.";
    Works LIVE "repl-max-concurrent-full-syncs" repl_max_concurrent_full_syncs: i64 = 0, Int(0..=INT), "Full syncs at the same time; 0 = any number.";
    Works LIVE "repl-swapdb-memory-limit" repl_swapdb_memory_limit: i64 = 0, Memory(0..=MAX), "Bytes that old and new data may take together while a replica loads aside; 0 = no limit.";

    // Data types
    Works LIVE "hash-max-listpack-entries" ["hash-max-ziplist-entries"] hash_max_listpack_entries: i64 = 512, Int(0..=MAX), "Fields up to which a hash is packed.";
    Works LIVE "hash-max-listpack-value" ["hash-max-ziplist-value"] hash_max_listpack_value: i64 = 64, Memory(0..=MAX), "Bytes of a value up to which it is.";
    Works LIVE "list-max-listpack-size" ["list-max-ziplist-size"] list_max_listpack_size: i64 = -2, Int(-INT - 1..=INT), "Entries of a list's node, or -1 to -5: 4 to 64 KB.";
    Idle LIVE "list-compress-depth" list_compress_depth: i64 = 0, Int(0..=INT), "Nodes at the ends that are not compressed: none is in memory.";
    Works LIVE "set-max-intset-entries" set_max_intset_entries: i64 = 512, Int(0..=MAX), "Integers up to which a set is packed.";
    Works LIVE "set-max-listpack-entries" set_max_listpack_entries: i64 = 128, Int(0..=MAX), "Members up to which a set is packed.";
    Works LIVE "set-max-listpack-value" set_max_listpack_value: i64 = 64, Int(0..=MAX), "Bytes of a member up to which it is.";
    Works LIVE "zset-max-listpack-entries" ["zset-max-ziplist-entries"] zset_max_listpack_entries: i64 = 128, Int(0..=MAX), "Members up to which a sorted set is packed.";
    Works LIVE "zset-max-listpack-value" ["zset-max-ziplist-value"] zset_max_listpack_value: i64 = 64, Memory(0..=MAX), "Bytes of a member up to which it is.";
    Works LIVE "stream-node-max-bytes" stream_node_max_bytes: i64 = 4096, Memory(0..=MAX), "Bytes of a stream's node.";
    Works LIVE "stream-node-max-entries" stream_node_max_entries: i64 = 100, Int(0..=MAX), "Entries of a stream's node.";
    Works LIVE "hll-sparse-max-bytes" hll_sparse_max_bytes: i64 = 3000, Memory(0..=MAX), "Bytes up to which a HyperLogLog is sparse.";

    // Observing
    Works LIVE "notify-keyspace-events" notify_keyspace_events: String = String::new(), EventClasses, "Which changes are published.";
    Works LIVE "slowlog-log-slower-than" slowlog_log_slower_than: i64 = 10000, Int(-1..=MAX), "Microseconds from which on a command is logged; -1 = none.";
    Works LIVE "slowlog-max-len" slowlog_max_len: i64 = 128, Int(0..=MAX), "Entries of the slow log.";
    Works LIVE "latency-monitor-threshold" latency_monitor_threshold: i64 = 0, Int(0..=MAX), "Milliseconds from which on an event is a latency spike; 0 = none.";
    Works LIVE "latency-tracking" latency_tracking: bool = true, YesNo, "Keep the distribution of each command's times.";
    Works LIVE "latency-tracking-info-percentiles" latency_tracking_info_percentiles: Vec<f64> = vec![50.0, 99.0, 99.9], Percentiles, "What INFO latencystats shows.";

    // Scripts
    Works LIVE "busy-reply-threshold" ["lua-time-limit"] busy_reply_threshold: i64 = 5000, Int(0..=MAX), "Milliseconds after which a script no longer keeps others waiting silently.";

    // Cluster: not built in.
    Refused START "cluster-enabled" cluster_enabled: bool = false, YesNo, "Be a node of a cluster.";
    Idle START "cluster-config-file" cluster_config_file: String = "nodes.conf".into(), FileName("cluster-config-file"), "File of the cluster's nodes.";
    Idle LIVE "cluster-node-timeout" cluster_node_timeout: i64 = 15000, Int(0..=MAX), "Milliseconds after which a node is dead.";
    Idle START "cluster-port" cluster_port: i64 = 0, Int(0..=65535), "Port of the cluster bus.";
    Idle HIDDEN "cluster-ping-interval" cluster_ping_interval: i64 = 1000, Int(0..=INT), "Milliseconds between pings on the cluster bus. For tests.";
    Idle LIVE "cluster-replica-validity-factor" ["cluster-slave-validity-factor"] cluster_replica_validity_factor: i64 = 10, Int(0..=INT), "How old a replica's data may be.";
    Idle LIVE "cluster-replica-no-failover" ["cluster-slave-no-failover"] cluster_replica_no_failover: bool = false, YesNo, "Never promote this node.";
    Idle LIVE "cluster-migration-barrier" cluster_migration_barrier: i64 = 1, Int(0..=INT), "Replicas that a primary keeps.";
    Idle LIVE "cluster-allow-replica-migration" cluster_allow_replica_migration: bool = true, YesNo, "Replicas move to primaries without one.";
    Idle LIVE "cluster-require-full-coverage" cluster_require_full_coverage: bool = true, YesNo, "Serve only if every slot is served.";
    Idle LIVE "cluster-allow-reads-when-down" cluster_allow_reads_when_down: bool = false, YesNo, "Reads while the cluster is down.";
    Idle LIVE "cluster-allow-pubsubshard-when-down" cluster_allow_pubsubshard_when_down: bool = true, YesNo, "Messages while the cluster is down.";
    Idle LIVE "cluster-link-sendbuf-limit" cluster_link_sendbuf_limit: i64 = 0, Memory(0..=MAX), "Bytes pending on a bus link.";
    Idle LIVE "cluster-announce-ip" cluster_announce_ip: String = String::new(), Text, "Address that nodes are told.";
    Idle LIVE "cluster-announce-port" cluster_announce_port: i64 = 0, Int(0..=65535), "Port that nodes are told.";
    Idle LIVE "cluster-announce-tls-port" cluster_announce_tls_port: i64 = 0, Int(0..=65535), "TLS port that nodes are told.";
    Idle LIVE "cluster-announce-bus-port" cluster_announce_bus_port: i64 = 0, Int(0..=65535), "Bus port that nodes are told.";
    Idle LIVE "cluster-announce-hostname" cluster_announce_hostname: String = String::new(), Text, "Name that clients are told.";
    Idle LIVE "cluster-announce-human-nodename" cluster_announce_human_nodename: String = String::new(), Text, "Name in logs.";
    Idle LIVE "cluster-preferred-endpoint-type" cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip, OneOf, "What clients are told.";

    // TLS: not built in.
    Refused START "tls-port" tls_port: i64 = 0, Int(0..=65535), "TLS port.";
    Refused LIVE "tls-cluster" tls_cluster: bool = false, YesNo, "TLS on the cluster bus.";
    Refused LIVE "tls-replication" tls_replication: bool = false, YesNo, "TLS to the primary.";
    Refused LIVE "tls-auth-clients" tls_auth_clients: TlsAuth = TlsAuth::Yes, OneOf, "Ask clients for certificates.";
    Refused LIVE "tls-prefer-server-ciphers" tls_prefer_server_ciphers: bool = false, YesNo, "Our order of ciphers counts.";
    Refused LIVE "tls-session-caching" tls_session_caching: bool = true, YesNo, "Resume sessions.";
    Refused LIVE "tls-session-cache-size" tls_session_cache_size: i64 = 20480, Int(0..=INT), "Sessions remembered.";
    Refused LIVE "tls-session-cache-timeout" tls_session_cache_timeout: i64 = 300, Int(0..=INT), "Seconds that they are.";
    Refused LIVE "tls-cert-file" tls_cert_file: String = String::new(), Text, "Certificate.";
    Refused LIVE "tls-key-file" tls_key_file: String = String::new(), Text, "Its key.";
    Refused SECRET "tls-key-file-pass" tls_key_file_pass: String = String::new(), Text, "The key's password.";
    Refused LIVE "tls-client-cert-file" tls_client_cert_file: String = String::new(), Text, "Certificate for outgoing connections.";
    Refused LIVE "tls-client-key-file" tls_client_key_file: String = String::new(), Text, "Its key.";
    Refused SECRET "tls-client-key-file-pass" tls_client_key_file_pass: String = String::new(), Text, "The key's password.";
    Refused LIVE "tls-dh-params-file" tls_dh_params_file: String = String::new(), Text, "Diffie-Hellman parameters.";
    Refused LIVE "tls-ca-cert-file" tls_ca_cert_file: String = String::new(), Text, "Authorities.";
    Refused LIVE "tls-ca-cert-dir" tls_ca_cert_dir: String = String::new(), Text, "Directory of authorities.";
    Refused LIVE "tls-protocols" tls_protocols: String = String::new(), Text, "Versions.";
    Refused LIVE "tls-ciphers" tls_ciphers: String = String::new(), Text, "Ciphers up to TLS 1.2.";
    Refused LIVE "tls-ciphersuites" tls_ciphersuites: String = String::new(), Text, "Ciphers of TLS 1.3.";
}

fn default_save_points() -> Vec<SavePoint> {
    [(3600, 1), (300, 100), (60, 10000)]
        .map(|(seconds, changes)| SavePoint { seconds, changes })
        .to_vec()
}
