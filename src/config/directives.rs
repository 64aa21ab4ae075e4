//! Every directive, declared once: what it does, field and type, default, names, when it may be set, and what may be
//! written. CONFIG GET, SET and REWRITE, the file reader, the typed [`Config`] and `docs/config.md` come from this table.
//!
//! The text of a directive is for administrators, in whole sentences: what it does, the unit of its value, what the
//! default means, and what goes wrong if the value is too low, too high or wrong. It says what this server does, which
//! is not always what Redis does. A directive without effect says what happens instead.

use super::choices::*;
use super::declare::directives;
use super::directive::{Change, Directive, Effect, Flags};
use super::kind::*;
use super::special::*;

const MAX: i64 = i64::MAX;
const INT: i64 = i32::MAX as i64;
const LIVE: Flags = Flags::empty();
const START: Flags = Flags::START;
const GUARDED: Flags = Flags::PROTECTED;
const SECRET: Flags = Flags::SENSITIVE;
const HIDDEN: Flags = Flags::HIDDEN;
const LOADED: Flags = Flags::NOT_WHILE_LOADING;
const ADDING: Flags = Flags::ADDS_UP;
const GUARDED_LOADED: Flags = GUARDED.union(LOADED);

// A row: text, effect, when, [-> what a change starts,] name [alias], field: type = default, kind.
// Effect: Works; Idle = accepted without effect (a warning if another value than the default is given); Refused =
// refused at another value than its default, because what it promises is not there.
directives! {
    section "Network":
    /// The addresses on which the server accepts TCP connections; `*` is every IPv4 address and `::*` every IPv6
    /// address, as in the default. A `-` before an address lets the server start without it if the machine does not
    /// have it; any other address that cannot be bound keeps the server from starting. An address that is reachable
    /// from outside opens the server to whoever reaches it: see `protected-mode` and `requirepass`.
    Works LIVE -> Bind "bind" bind: Vec<String> = vec!["*".into(), "-::*".into()], Words;
    /// Has no effect: the system chooses the local address of outgoing connections (to a primary, or for MIGRATE).
    Idle LIVE "bind-source-addr" bind_source_addr: String = String::new(), Text;
    /// The TCP port of all addresses of `bind`; 0 means that no TCP connection is accepted. With 0 and without
    /// `unixsocket` the server does not start. CONFIG SET of a port that is taken fails and leaves the old port open.
    Works LIVE -> Port "port" port: i64 = 6379, Int(0..=65535);
    /// How many connections may wait to be accepted. The kernel lowers it to `/proc/sys/net/core/somaxconn`, which a
    /// line in the log tells. If it is too low, bursts of new connections time out or are reset; a high value costs
    /// only a little kernel memory.
    Works START "tcp-backlog" tcp_backlog: i64 = 511, Int(0..=INT);
    /// The path of a Unix socket to accept connections on; empty means none. Whatever file is at that path is removed
    /// when the server starts, so a wrong path can delete a file. Clients of the socket count as local:
    /// `protected-mode` lets them in.
    Works START "unixsocket" unixsocket: String = String::new(), Text;
    /// The mode of the Unix socket in octal digits, for example `770`; 0 leaves what the umask gives. A mode that
    /// lets others write lets every user of the machine in.
    Works START "unixsocketperm" unixsocketperm: i64 = 0, Octal;
    /// The seconds without a request after which a client is closed; 0 means never. Replicas, subscribers and clients
    /// that wait in a blocking command are spared. A low value breaks connection pools, which find their connections
    /// closed; with 0, forgotten connections stay and count towards `maxclients`.
    Works LIVE "timeout" timeout: i64 = 0, Int(0..=INT);
    /// The seconds of silence after which the kernel probes whether a client is still there; it closes the connection
    /// when three probes, a third of this time apart, stay unanswered. 0 sends none, so that clients that vanished
    /// without a word stay until something is sent to them. Very low values cost traffic. A change applies to new
    /// connections.
    Works LIVE "tcp-keepalive" tcp_keepalive: i64 = 300, Int(0..=INT);
    /// With `yes`, and as long as `requirepass` is empty, only clients on the loopback interface and the Unix socket
    /// are served; others get an error that explains it. With `no` and no password, everyone who reaches the port can
    /// read, change and delete all data.
    Works LIVE "protected-mode" protected_mode: bool = true, YesNo;
    /// How many clients may be connected at the same time, replicas and the link to a primary among them; more are
    /// refused with an error. Each needs a file descriptor: at the start the value is lowered to what `ulimit -n`
    /// allows less 32, and CONFIG SET refuses more than that. If it is too low, applications are locked out; if it is
    /// very high, buffers of idle clients can take much memory.
    Works LIVE -> MaxClients "maxclients" maxclients: i64 = 10000, Int(1..=4294967295);
    /// Has no effect: sockets carry no mark for the packet filter.
    Idle START "socket-mark-id" socket_mark_id: i64 = 0, Int(0..=4294967295);
    /// Has no effect: connections are accepted one at a time between other work, so that a burst of them does not
    /// keep clients waiting.
    Idle LIVE "max-new-connections-per-cycle" max_new_connections_per_cycle: i64 = 10, Int(1..=1000);
    /// How many TLS connections are accepted before other work has its turn. Their handshakes are made by threads.
    Works LIVE "max-new-tls-connections-per-cycle" max_new_tls_connections_per_cycle: i64 = 1, Int(1..=1000);
    /// Has no effect: one thread reads, parses, runs and answers all requests.
    Idle START "io-threads" io_threads: i64 = 1, Int(1..=128);
    /// Has no effect: one thread reads, parses, runs and answers all requests.
    Idle START "io-threads-do-reads" io_threads_do_reads: bool = false, YesNo;

    section "General":
    /// With `yes` the server goes into the background: standard input, output and error become `/dev/null`, so set
    /// `logfile` as well. It is ignored when systemd supervises the server (`supervised`).
    Works START "daemonize" daemonize: bool = false, YesNo;
    /// With `systemd` the server tells systemd over `NOTIFY_SOCKET` when it is ready, for units of `Type=notify`;
    /// `auto` does so if that variable is set; `upstart` and `no` tell nobody. `systemd` outside of such a unit logs
    /// a warning and goes on as `no`.
    Works START "supervised" supervised: Supervised = Supervised::No, OneOf;
    /// The file into which the process number is written, and which is removed at the end; empty means none, except
    /// that with `daemonize yes` it is `/var/run/redis.pid`. A file that cannot be written is passed over in silence.
    Works START "pidfile" pidfile: String = String::new(), Text;
    /// The least important lines that are logged: `debug`, `verbose`, `notice` for what an operator wants to see,
    /// `warning`, or `nothing`. `debug` can fill a disk; `warning` hides who connected as a replica and when dumps
    /// were saved.
    Works LIVE -> LogLevel "loglevel" loglevel: LogThreshold = LogThreshold::Notice, OneOf;
    /// The file to which log lines are appended; empty means standard output. It is opened for each line, so it can
    /// be moved away at any time without telling the server. Nothing limits its size. A file that cannot be opened
    /// keeps the server from starting.
    Works START "logfile" logfile: String = String::new(), Text;
    /// The form of the time in log lines: `legacy` is Redis's form in local time, `iso8601` has microseconds and the
    /// offset from UTC, `milliseconds` is the Unix time. Tools that parse the log may know only `legacy`.
    Works LIVE -> LogTimes "log-timestamp-format" log_timestamp_format: LogTimestamp = LogTimestamp::Legacy, OneOf;
    /// With `yes`, log lines go to the system's log too, through `/dev/log`, beside `logfile` or standard output. A
    /// system's log that does not take a line at once goes without it.
    Works START "syslog-enabled" syslog_enabled: bool = false, YesNo;
    /// The name before each line in the system's log.
    Works START "syslog-ident" syslog_ident: String = "redis".into(), Text;
    /// The facility of the lines in the system's log, by which it sorts them into files.
    Works START "syslog-facility" syslog_facility: SyslogFacility = SyslogFacility::Local0, OneOf;
    /// With `yes`, a fatal signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) writes a report into the log before it
    /// ends the process: signal, address, instruction, thread and the last command. With `no`, the log ends without a
    /// word. The reason of an internal error is logged in any case.
    Works LIVE -> CrashLog "crash-log-enabled" crash_log_enabled: bool = true, YesNo;
    /// Has no effect: memory is not tested after a crash.
    Idle LIVE "crash-memcheck-enabled" crash_memcheck_enabled: bool = true, YesNo;
    /// How many databases there are; SELECT takes 0 to one less. A dump with a higher number keeps the server from
    /// starting, and writes of a primary to one are refused and logged, so give a replica as many as its primary has.
    /// An empty database costs little memory.
    Works START "databases" databases: i64 = 16, Int(1..=INT);
    /// Has no effect: the start is logged in lines only, without a logo.
    Idle START "always-show-logo" always_show_logo: bool = false, YesNo;
    /// With `yes`, `ps` shows the title that `proc-title-template` describes instead of the command line.
    Works START "set-proc-title" set_proc_title: bool = true, YesNo;
    /// The title of the process, with variables in braces: `title` is the program as it was called, `listen-addr` the
    /// first address and port or the Unix socket, and `server-mode` is empty. A title that is longer than the command
    /// line and the environment of the process is cut off.
    Works LIVE -> ProcTitle "proc-title-template" proc_title_template: String = "{title} {listen-addr} {server-mode}".into(), TitleTemplate;
    /// Has no effect: an internal error of the serving thread always aborts the process.
    Idle HIDDEN "use-exit-on-panic" use_exit_on_panic: bool = false, YesNo;
    /// Has no effect: no watchdog looks at commands that take long; see `slowlog-log-slower-than` and
    /// `latency-monitor-threshold`.
    Idle HIDDEN "watchdog-period" watchdog_period: i64 = 0, Int(0..=INT);
    /// Has no effect: SORT ALPHA compares strings byte by byte, in every locale.
    Idle LIVE "locale-collate" locale_collate: String = String::new(), Text;
    /// Only `no` is accepted: keys, arguments and client names can appear in log lines, and nothing keeps them out
    /// yet.
    Refused LIVE "hide-user-data-from-log" hide_user_data_from_log: bool = false, YesNo;
    /// How often in a second the server looks after what no request causes: time-outs, save points, statistics,
    /// expired keys. Values outside 1 to 500 are taken as 1 or 500. A low value lets save points, a shutdown that
    /// waits, limits of output and statistics be late; a value above 100 costs processor time on an idle server.
    Works LIVE "hz" hz: i64 = 10, Int(0..=INT);
    /// With `yes`, `hz` is doubled for as long as more than 200 clients fall to each turn, up to 500. With `no` the
    /// rate stays the same however many clients there are.
    Works LIVE "dynamic-hz" dynamic_hz: bool = true, YesNo;
    /// Has no effect: the process's setting of transparent huge pages is left as it is. Memory of keys asks for huge
    /// pages by itself once a database is large.
    Idle START "disable-thp" disable_thp: bool = true, YesNo;
    /// Whether the server tells the kernel how soon to kill it when memory is short: with `relative` (or `yes`) the
    /// value of `oom-score-adj-values` is added to the score that the process was started with, with `absolute` it
    /// takes its place. `no` leaves the score alone, or gives it back. Without privileges a score can only be raised.
    Works LIVE -> OomScore "oom-score-adj" oom_score_adj: OomScoreAdj = OomScoreAdj::No, OneOf;
    /// The scores of a primary and of a replica; the third is not used, since a background save is no process of its
    /// own. A process with a higher score is killed sooner; 1000 is first, and -1000 never.
    Works LIVE -> OomScore "oom-score-adj-values" oom_score_adj_values: [i64; 3] = [0, 200, 800], OomScores;
    /// The processors on which the serving thread may run, and those that load: `0-7:2` means every second one of the
    /// first eight, `0,2` two of them; empty means all. Threads without a list of their own run there too.
    Works START "server-cpulist" ["server_cpulist"] server_cpulist: String = String::new(), Text;
    /// The processors of the threads that free memory, look names up and receive full syncs; see `server-cpulist`.
    Works START "bio-cpulist" ["bio_cpulist"] bio_cpulist: String = String::new(), Text;
    /// The processors of the thread that writes the append-only file; see `server-cpulist`.
    Works START "aof-rewrite-cpulist" ["aof_rewrite_cpulist"] aof_rewrite_cpulist: String = String::new(), Text;
    /// The processors of the threads that write snapshots, to files and to replicas; see `server-cpulist`.
    Works START "bgsave-cpulist" ["bgsave_cpulist"] bgsave_cpulist: String = String::new(), Text;
    /// Has no effect: no start-up warning can be left out.
    Idle START "ignore-warnings" ignore_warnings: String = String::new(), Text;
    /// Who may use MODULE: nobody, everyone, or clients on this machine (`local`). Loading a module is refused in any
    /// case.
    Works START "enable-module-command" enable_module_command: Protection = Protection::No, OneOf;
    /// Who may use DEBUG: nobody, everyone, or clients on this machine (`local`). DEBUG can stop, slow down and empty
    /// a server, so leave it at `no` outside of tests.
    Works START "enable-debug-command" enable_debug_command: Protection = Protection::No, OneOf;
    /// Who may change `dir` and `dbfilename` by CONFIG SET: nobody, everyone, or clients on this machine (`local`).
    /// Whoever may do so can write a dump into any directory that the server can write to.
    Works START "enable-protected-configs" enable_protected_configs: Protection = Protection::No, OneOf;
    /// The seconds for which a shutdown holds writes back and waits for replicas that lag, before it saves and ends;
    /// 0 does not wait. If it is too low, replicas can miss the last writes; if it is higher than the patience of the
    /// supervisor, the server is killed without a final save.
    Works LIVE "shutdown-timeout" shutdown_timeout: i64 = 10, Int(0..=INT);
    /// What SIGINT does. By default the server saves if save points are set. `save` and `nosave` decide that, `now`
    /// does not wait for replicas, `force` ends even if the save fails. With `nosave` or `force`, writes since the
    /// last dump are lost.
    Works LIVE "shutdown-on-sigint" shutdown_on_sigint: Vec<ShutdownOn> = Vec::new(), ShutdownWays;
    /// What SIGTERM does, with the same words as `shutdown-on-sigint`. Service managers and container runtimes stop a
    /// server by this signal.
    Works LIVE "shutdown-on-sigterm" shutdown_on_sigterm: Vec<ShutdownOn> = Vec::new(), ShutdownWays;

    section "Access":
    /// The password that clients must give by AUTH or HELLO; empty means that none is needed. Clients try passwords
    /// very fast, so take a long random one. Replicas and Sentinel need it too (`masterauth`). A new password leaves
    /// clients that are connected as they are; an emptied one lets everyone in.
    Works SECRET -> Password "requirepass" requirepass: String = String::new(), Text;
    /// The file from which users are read at the start and by ACL LOAD, and to which ACL SAVE writes them. Its lines
    /// begin with `user`; one that is wrong keeps the server from starting. With it, the configuration may have no
    /// `user` lines of its own, and `requirepass` has no effect. Without it (the default) `user` lines give the users.
    Works START "aclfile" aclfile: String = String::new(), Text;
    /// How many entries ACL LOG keeps; 0 keeps none. A high value takes memory.
    Works LIVE "acllog-max-len" acllog_max_len: i64 = 128, Int(0..=MAX);
    /// Which channels a new user, and a new selector of one, may use before any rule: none by default, or all with
    /// `allchannels`, as before Redis 7.0. A change leaves users as they are.
    Works LIVE "acl-pubsub-default" acl_pubsub_default: AclPubsub = AclPubsub::Resetchannels, OneOf;

    section "Clients":
    /// The bytes of requests that one client may have sent without their having run, those queued in MULTI included;
    /// a client above it is closed. Before AUTH the limit is 1 MB at most. It must be larger than the largest
    /// request, or that can never be sent; a high value lets one client take as much memory.
    Works LIVE "client-query-buffer-limit" client_query_buffer_limit: i64 = 1 << 30, Memory((1 << 20)..=MAX);
    /// The bytes of output that may wait for a client, by class (`normal`, `replica`, `pubsub`): a client above the
    /// hard limit is closed at once, and one above the soft limit after that many seconds; 0 means no limit. For
    /// replicas the hard limit is never less than `repl-backlog-size`; if it is too low for the writes during a full
    /// sync, the sync fails again and again. Without a hard limit for `normal`, a client's requests wait while 32 MB
    /// or the soft limit are unread, whichever is more.
    Works LIVE "client-output-buffer-limit" client_output_buffer_limit: OutputLimits = OutputLimits::default(), Limits;
    /// The bytes of one argument of a request, and of one string that APPEND, SETRANGE, SETBIT and others may build.
    /// A request above it is an error and closes the connection. A low value breaks applications with large values; a
    /// high value lets one request take as much memory.
    Works LIVE "proto-max-bulk-len" proto_max_bulk_len: i64 = 512 << 20, Memory((1 << 20)..=MAX);
    /// The bytes that all clients together may take, or a percentage of `maxmemory`; 0 means no limit. Above it, the
    /// clients that take most are closed first. Replicas do not count, and CLIENT NO-EVICT spares a client. If it is
    /// too low, clients with large replies are disconnected again and again. A limit below 128 KB counts as 128 KB, so
    /// that a few clients with short commands are served whatever it says.
    Works LIVE "maxmemory-clients" maxmemory_clients: i64 = 0, MemoryOrPercent;
    /// How many keys are remembered for clients that use client-side caching; 0 means no limit. Above it, keys are
    /// forgotten and their clients told to drop them, so a low value makes caching useless; a high value takes
    /// memory.
    Works LIVE "tracking-table-max-keys" tracking_table_max_keys: i64 = 1_000_000, Int(0..=MAX);

    section "Memory":
    /// The bytes of memory above which `maxmemory-policy` acts; 0 means no limit. Without a limit, a growing dataset
    /// takes all memory of the machine until the kernel kills the server. Leave room beside it for a snapshot (about
    /// a tenth), output of clients and the replication backlog.
    Works LIVE "maxmemory" maxmemory: i64 = 0, Memory(0..=MAX);
    /// What happens at `maxmemory`: `noeviction` refuses writes with an error; `allkeys-*` evict any key and
    /// `volatile-*` only keys with an expiry, by last use (`lru`), frequency of use (`lfu`), chance (`random`) or
    /// next expiry (`ttl`). An evicted key is lost; use `noeviction` where that must not be. When a `volatile-*`
    /// policy finds no key with an expiry, writes are refused. Dumps hold the time or frequency of use under `lru`
    /// and `lfu` policies, and take longer.
    Works LIVE "maxmemory-policy" maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::Noeviction, OneOf;
    /// How many keys of each database are looked at to find one to evict. 5 is close to true LRU, 10 closer but
    /// slower; with 1 the choice is nearly by chance.
    Works LIVE "maxmemory-samples" maxmemory_samples: i64 = 5, Int(1..=64);
    /// Has no effect: a command that needs room waits until enough has been evicted.
    Idle LIVE "maxmemory-eviction-tenacity" maxmemory_eviction_tenacity: i64 = 10, Int(0..=100);
    /// How slowly the counter of a key's use grows under `lfu` policies; it ends at 255. With 0 it is full after some
    /// 250 uses, with 10 after some 300,000. If it is too low, all busy keys look the same; if it is too high, rarely
    /// used keys do.
    Works LIVE "lfu-log-factor" lfu_log_factor: i64 = 10, Int(0..=INT);
    /// The minutes after which an unused key's counter loses one under `lfu` policies; 0 means never, so that keys
    /// that were busy once stay for ever. A low value forgets quickly and behaves more like `lru`.
    Works LIVE "lfu-decay-time" lfu_decay_time: i64 = 1, Int(0..=INT);
    /// With `yes`, keys that have expired stay until a write meets them or this is `no` again, and a client that has
    /// sent CLIENT IMPORT-SOURCE ON sees them, so that it can copy a dataset that changes. Others do not see them.
    Works HIDDEN "import-mode" import_mode: bool = false, YesNo;
    /// How much of the serving thread's time may go into deleting expired keys that nobody asks for: 25 % at 1, 2 %
    /// more for each step. Work is done in slices of 200 microseconds. If expired keys pile up (INFO
    /// `expired_stale_perc`), raise it; higher values take time from clients while there is much to delete.
    Works LIVE "active-expire-effort" active_expire_effort: i64 = 1, Int(1..=10);
    /// With `yes`, evicted values of more than 64 parts are freed by another thread. With `no`, evicting a huge
    /// collection keeps clients waiting while it is freed.
    Works LIVE "lazyfree-lazy-eviction" lazyfree_lazy_eviction: bool = false, YesNo;
    /// With `yes`, expired values of more than 64 parts are freed by another thread, and replicas are sent UNLINK
    /// instead of DEL. With `no`, a huge collection that expires keeps clients waiting while it is freed.
    Works LIVE "lazyfree-lazy-expire" lazyfree_lazy_expire: bool = false, YesNo;
    /// With `yes`, values of more than 64 parts that a command replaces (RENAME, RESTORE, the `*STORE` commands and
    /// others) are freed by another thread. With `no`, clients wait while a huge one is freed.
    Works LIVE "lazyfree-lazy-server-del" lazyfree_lazy_server_del: bool = false, YesNo;
    /// With `yes`, DEL works as UNLINK does: values of more than 64 parts are freed by another thread. With `no`, DEL
    /// of a huge collection keeps clients waiting.
    Works LIVE "lazyfree-lazy-user-del" lazyfree_lazy_user_del: bool = false, YesNo;
    /// Has no effect: databases that FLUSHDB and FLUSHALL empty are always freed by another thread.
    Idle LIVE "lazyfree-lazy-user-flush" lazyfree_lazy_user_flush: bool = false, YesNo;
    /// Has no effect: there is no large table that would have to be rehashed.
    Idle LIVE "activerehashing" activerehashing: bool = true, YesNo;
    /// Has no effect: memory is compacted all the time, in slices of at most a tenth of a turn.
    Idle LIVE "activedefrag" activedefrag: bool = false, YesNo;
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-ignore-bytes" active_defrag_ignore_bytes: i64 = 100 << 20, Memory(1..=MAX);
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-threshold-lower" active_defrag_threshold_lower: i64 = 10, Int(0..=1000);
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-threshold-upper" active_defrag_threshold_upper: i64 = 100, Int(0..=1000);
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-cycle-min" active_defrag_cycle_min: i64 = 1, Int(1..=99);
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-cycle-max" active_defrag_cycle_max: i64 = 25, Int(1..=99);
    /// Has no effect: see `activedefrag`.
    Idle LIVE "active-defrag-max-scan-fields" active_defrag_max_scan_fields: i64 = 1000, Int(1..=MAX);
    /// Has no effect: the allocator's own thread always gives unused memory back, after about two seconds.
    Idle START "jemalloc-bg-thread" jemalloc_bg_thread: bool = true, YesNo;

    section "Persistence":
    /// Pairs of seconds and changes: a snapshot is saved when at least that many keys were changed and more than that
    /// many seconds have passed since the last save. By default after an hour with 1 change, five minutes with 100,
    /// or a minute with 10,000. After a crash, writes since the last snapshot are lost, so rare saves lose more;
    /// frequent ones keep the disk busy. `""` saves nothing by itself, not even at shutdown.
    Works ADDING "save" save: Vec<SavePoint> = default_save_points(), SavePoints;
    /// The working directory: dumps, temporary files and relative paths are found there. It must exist, and the
    /// server must be able to write to it, or every save fails. A save that runs ends in the directory in which it
    /// began.
    Works GUARDED_LOADED -> Dir "dir" dir: String = ".".into(), Text;
    /// The name of the dump in `dir`, without a path. It is loaded at the start and replaced by each save, so two
    /// servers must not share it. A wrong name at the start means an empty dataset, and the next save creates a new
    /// file.
    Works GUARDED "dbfilename" dbfilename: String = "dump.rdb".into(), FileName("dbfilename");
    /// With `yes`, and with save points set, a primary refuses writes from a failed background save until one
    /// succeeds, so that a full disk is noticed before data is lost. With `no`, writes go on, and a crash loses
    /// everything since the last good dump.
    Works LIVE "stop-writes-on-bgsave-error" stop_writes_on_bgsave_error: bool = true, YesNo;
    /// With `yes`, strings of more than 20 bytes are compressed by LZF in dumps and full syncs where that makes them
    /// smaller. `no` saves processor time of the thread that writes, and makes files larger.
    Works LIVE "rdbcompression" rdbcompression: bool = true, YesNo;
    /// With `yes`, dumps and full syncs end with a CRC-64 of their bytes, which is compared when they are loaded.
    /// With `no`, dumps are written without it and damage that still looks like data is not noticed. Every value is
    /// checked for soundness in both cases.
    Works START "rdbchecksum" rdbchecksum: bool = true, YesNo;
    /// With `yes`, the kernel is asked to begin writing a dump to disk after each 8 MB. With `no`, the disk gets
    /// everything at the final sync, which can stall other programs that use it.
    Works LIVE "rdb-save-incremental-fsync" rdb_save_incremental_fsync: bool = true, YesNo;
    /// With `yes`, and while no save point is set, dumps that were written or received only for a full sync are
    /// removed as soon as they have served. With `no` they stay, as readable copies of the data. It removes nothing
    /// else: a later save under the same name is kept.
    Works LIVE "rdb-del-sync-files" rdb_del_sync_files: bool = false, YesNo;
    /// Has no effect: dumps, full syncs and RESTORE payloads are always checked in full.
    Idle LIVE "sanitize-dump-payload" sanitize_dump_payload: Sanitize = Sanitize::No, OneOf;
    /// The server for which dumps and DUMP payloads are written; `auto` takes the oldest version of the format that
    /// holds the data. A target that cannot hold some value makes saves fail, or lose it, as `rdb-save-loss` says. A
    /// newer target is of no use unless that server needs it.
    Works LIVE "rdb-save-target" rdb_save_target: RdbTarget = RdbTarget::Auto, OneOf;
    /// What happens when `rdb-save-target` cannot hold a value: `refuse` lets the save fail with the key's name;
    /// `report` leaves out what does not fit (for example expiry times of hash fields), so that the dump is not
    /// complete.
    Works LIVE "rdb-save-loss" rdb_save_loss: SaveLoss = SaveLoss::Refuse, OneOf;
    /// What happens with values that no command here can read, in dumps, full syncs and RESTORE: those of modules.
    /// `keep` keeps them as they are: they expire, are renamed, copied, saved and sent to replicas, and every other
    /// command on them answers WRONGTYPE. `refuse` refuses the whole dump with the key's name. `skip` leaves those keys
    /// out and counts them in the log; the next save then writes a dump without them. What modules store beside their
    /// keys is treated alike.
    Works LIVE "rdb-unknown-values" rdb_unknown_values: UnknownValues = UnknownValues::Keep, OneOf;
    /// With `yes`, a damaged dump does not keep the server from starting: what is sound is loaded, and the log names
    /// what is left out. The next save then replaces the damaged file, so copy it before. Leave it at `no` unless a
    /// copy is safe.
    Works LIVE "rdb-load-salvage" rdb_load_salvage: bool = false, YesNo;
    /// Has no effect: a dump of an unknown version is always refused, as `strict` says.
    Idle LIVE "rdb-version-check" rdb_version_check: VersionCheck = VersionCheck::Strict, OneOf;
    /// The bytes that a running snapshot may take beside the data, for old versions of what is overwritten meanwhile;
    /// 0 means a twentieth of the data, at least 2 MB. At the limit, writes wait until the snapshot has caught up. If
    /// it is too low, writers stall whenever the disk is slow; if it is high, a snapshot under many writes takes that
    /// much more memory.
    Works LIVE "snapshot-preserve-limit" snapshot_preserve_limit: i64 = 0, Memory(0..=MAX);
    /// The seconds without any progress of the disk after which a running snapshot is given up as failed; the old
    /// dump stays. If it is too low, a disk that stalls now and then makes saves fail; if it is too high, writes can
    /// wait that long at `snapshot-preserve-limit`.
    Works LIVE "snapshot-stall-timeout" snapshot_stall_timeout: i64 = 10, Int(1..=INT);
    /// For tests: the microseconds to wait for each key while a dump is written; a negative number waits one
    /// microsecond for that many keys. Any value but 0 makes saves and full syncs slow.
    Works HIDDEN "rdb-key-save-delay" rdb_key_save_delay: i64 = 0, Int(-INT..=INT);
    /// For tests: the microseconds to wait for each key while a dump is loaded; a negative number waits one
    /// microsecond for that many keys. Any value but 0 makes loading slow.
    Works HIDDEN -> LoadDelay "key-load-delay" key_load_delay: i64 = 0, Int(-INT..=INT);
    /// Has no effect: other threads load, so clients are answered at any time meanwhile.
    Idle HIDDEN "loading-process-events-interval-bytes" loading_process_events_interval_bytes: i64 = 2 << 20, Int(1024..=INT);
    /// Whether each write is appended to a log in `appenddirname`, which is loaded at the start instead of the dump.
    /// Without it, writes since the last snapshot are lost in a crash.
    Works LOADED -> AppendOnly "appendonly" appendonly: bool = false, YesNo;
    /// How the names of the log's files begin.
    Works START "appendfilename" appendfilename: String = "appendonly.aof".into(), FileName("appendfilename");
    /// The directory of the log's files, in `dir`.
    Works START "appenddirname" appenddirname: String = "appendonlydir".into(), FileName("appenddirname");
    /// When what was appended is made durable: `always` holds the replies to writes back until then, `everysec` does it
    /// once a second, so that a crash of the machine loses about a second of writes, `no` leaves it to the system.
    Works LIVE -> AppendHow "appendfsync" appendfsync: AppendFsync = AppendFsync::Everysec, OneOf;
    /// Whether nothing is made durable while the log is rewritten, which leaves the disk to that. A crash of the machine
    /// then loses what was written since the rewrite began. `appendfsync always` goes on as it is.
    Works LIVE -> AppendHow "no-appendfsync-on-rewrite" no_appendfsync_on_rewrite: bool = false, YesNo;
    /// The log is rewritten when it has grown by so many percent since the last rewrite; 0 never rewrites it.
    Works LIVE "auto-aof-rewrite-percentage" auto_aof_rewrite_percentage: i64 = 100, Int(0..=INT);
    /// Bytes below which the log is not rewritten by itself.
    Works LIVE "auto-aof-rewrite-min-size" auto_aof_rewrite_min_size: i64 = 64 << 20, Memory(0..=MAX);
    /// Whether a log whose end a crash has torn off is loaded up to there; what is cut off is kept as a file beside it.
    /// `no` refuses the start.
    Works LIVE "aof-load-truncated" aof_load_truncated: bool = true, YesNo;
    /// Whether a log at whose end bytes are wrong is loaded up to there, if the seals of its batches prove that nothing
    /// sound follows; what is cut off is kept as a file beside it. `no` refuses the start.
    Works LIVE "aof-load-corrupt-tail" aof_load_corrupt_tail: bool = true, YesNo;
    /// Bytes from the first wrong one to the end of the log up to which such an end is cut off whatever follows, and
    /// without seals too; what is cut off is kept as a file beside it. 0 refuses the start.
    Works LIVE "aof-load-corrupt-tail-max-size" aof_load_corrupt_tail_max_size: i64 = 0, Memory(0..=MAX);
    /// Whether the base of a log is a dump. With `no` it is made of requests, which take longer to write and to load.
    Works LIVE "aof-use-rdb-preamble" aof_use_rdb_preamble: bool = true, YesNo;
    /// Whether the log says, once a second, at what time it was written.
    Works LIVE "aof-timestamp-enabled" aof_timestamp_enabled: bool = false, YesNo;
    /// Bytes that may wait in memory until the disk has taken them. At this bound writers wait, readers do not.
    Works LIVE -> AppendHow "aof-buffer-limit" aof_buffer_limit: i64 = 64 << 20, Memory(1 << 20..=MAX);
    /// Has no effect: `rdb-save-incremental-fsync` does the same for the base of a log.
    Idle LIVE "aof-rewrite-incremental-fsync" aof_rewrite_incremental_fsync: bool = true, YesNo;
    /// Whether files that the log does not need any more stay where they are, named as history in the manifest.
    Works HIDDEN -> AppendHow "aof-disable-auto-gc" aof_disable_auto_gc: bool = false, YesNo;

    section "Replication":
    /// The host and port of the primary to follow; without it the server is a primary. The first full sync replaces
    /// all data that this server has. At run time the REPLICAOF command changes it, and CONFIG REWRITE keeps the
    /// change.
    Works START "replicaof" ["slaveof"] replicaof: Option<Address> = None, Primary;
    /// The password that is sent to the primary, its `requirepass`. A missing or wrong one keeps the link down; the
    /// log says so at each attempt. Set it on primaries too that may become replicas.
    Works SECRET "masterauth" ["primaryauth"] masterauth: String = String::new(), Text;
    /// The user name that goes with `masterauth`; empty sends the password alone, which logs in as `default`. A user
    /// without the rights to PSYNC and REPLCONF keeps the link down.
    Works SECRET "masteruser" ["primaryuser"] masteruser: String = String::new(), Text;
    /// With `yes`, a replica whose link is down goes on answering reads from what it has, which may be old. With `no`
    /// it answers most commands with MASTERDOWN, so that a cut of the network stops all reads.
    Works LIVE "replica-serve-stale-data" ["slave-serve-stale-data"] replica_serve_stale_data: bool = true, YesNo;
    /// With `yes`, a replica refuses writes of clients. With `no` it takes them; they are lost at the next full sync
    /// and are not sent to its own replicas.
    Works LIVE "replica-read-only" ["slave-read-only"] replica_read_only: bool = true, YesNo;
    /// The rank of this replica when Sentinel promotes one: the lowest number above 0 is preferred, and 0 is never
    /// promoted. With 0 on every replica, no failover is possible.
    Works LIVE "replica-priority" ["slave-priority"] replica_priority: i64 = 100, Int(0..=INT);
    /// The address by which the primary and Sentinel show and reach this replica; empty means the address from which
    /// it connects. Set it where addresses are translated (containers, NAT), or a failover points clients to an
    /// address that they cannot reach.
    Works LIVE "replica-announce-ip" ["slave-announce-ip"] replica_announce_ip: String = String::new(), Text;
    /// The port by which the primary and Sentinel show and reach this replica; 0 means `port`. Set it where ports are
    /// mapped, or a failover points clients to the wrong port.
    Works LIVE "replica-announce-port" ["slave-announce-port"] replica_announce_port: i64 = 0, Int(0..=65535);
    /// With `no`, this replica is left out of what the primary tells Sentinel, which then neither watches nor
    /// promotes it.
    Works LIVE "replica-announced" replica_announced: bool = true, YesNo;
    /// With `yes`, a replica evicts nothing by itself and waits for its primary's deletions, so that both hold the
    /// same data; leave it room above `maxmemory`. With `no` it evicts on its own and its data comes apart from the
    /// primary's.
    Works LIVE "replica-ignore-maxmemory" ["slave-ignore-maxmemory"] replica_ignore_maxmemory: bool = true, YesNo;
    /// Has no effect: the old data of a replica is always freed by another thread.
    Idle LIVE "replica-lazy-flush" ["slave-lazy-flush"] replica_lazy_flush: bool = false, YesNo;
    /// Has no effect: a replica that cannot save always goes on to apply its primary's writes; its log and INFO
    /// `rdb_last_bgsave_status` tell of the failed save.
    Idle LIVE "replica-ignore-disk-write-errors" replica_ignore_disk_write_errors: bool = false, YesNo;
    /// Has no effect: a replica reads no stream during a full sync. The primary keeps it, as
    /// `client-output-buffer-limit` and `repl-backlog-disk-size` say.
    Idle LIVE "replica-full-sync-buffer-limit" replica_full_sync_buffer_limit: i64 = 0, Memory(0..=MAX);
    /// What a replica does when a write of its primary's stream cannot be run here, because the command is not known
    /// or fails: from then on it would hold other data. `resync` ends the link and asks for a full sync, which brings
    /// the result, after 1 s, and after a time that doubles (up to 512 s) while that happens again; `stop` ends the
    /// link for good, and so do `panic` and `panic-on-replicas`, because the process goes on serving in any case.
    /// `ignore` logs the error and goes on with other data, as Redis does by default. INFO names what happened
    /// (`replica_diverged_reason`).
    Works LIVE "propagation-error-behavior" propagation_error_behavior: PropagationError = PropagationError::Resync, OneOf;
    /// A primary refuses writes while fewer than this many replicas are online and lag at most `min-replicas-max-lag`
    /// seconds; 0 turns this off. It bounds how many writes a primary takes that is cut off from its replicas. More
    /// than there are replicas refuses every write.
    Works LIVE "min-replicas-to-write" ["min-slaves-to-write"] min_replicas_to_write: i64 = 0, Int(0..=INT);
    /// The seconds since a replica's last acknowledgement after which it no longer counts for
    /// `min-replicas-to-write`; 0 turns that off. Replicas acknowledge once a second, so 1 makes writes fail now and
    /// then; a high value lets a cut-off primary take writes for longer.
    Works LIVE "min-replicas-max-lag" ["min-slaves-max-lag"] min_replicas_max_lag: i64 = 10, Int(0..=INT);
    /// The seconds of silence after which a replication link is given up, on both sides, also while a payload is sent
    /// or received. It must be well above `repl-ping-replica-period`, or idle links break; if it is too low, slow
    /// disks and networks let full syncs fail again and again; if it is high, a dead peer is noticed late.
    Works LIVE "repl-timeout" repl_timeout: i64 = 60, Int(1..=INT);
    /// The seconds between the pings that a primary sends its replicas while nothing is written. It must be well
    /// below the replicas' `repl-timeout`. Each ping adds some bytes to the backlog.
    Works LIVE "repl-ping-replica-period" ["repl-ping-slave-period"] repl_ping_replica_period: i64 = 10, Int(1..=INT);
    /// With `yes`, packets to replicas are gathered by the kernel: fewer packets, and up to 40 ms more delay. With
    /// `no`, writes are sent at once. A change applies to new links.
    Works LIVE "repl-disable-tcp-nodelay" repl_disable_tcp_nodelay: bool = false, YesNo;
    /// The bytes of the replication stream that are kept so that a replica that lost its link can go on without a
    /// full sync; at least 16 KB are kept. Take the bytes written per second times the seconds that an interruption
    /// lasts. If it is too small, every short cut costs a full sync; memory of this size is in use as long as there
    /// are replicas.
    Works LIVE "repl-backlog-size" repl_backlog_size: i64 = 1 << 20, Memory(1..=MAX);
    /// The seconds after the last replica has left until the backlog is freed; 0 means never. Afterwards every
    /// replica that comes back needs a full sync. A replica keeps its own backlog for ever.
    Works LIVE "repl-backlog-ttl" repl_backlog_ttl: i64 = 3600, Int(0..=MAX);
    /// The bytes of the stream that may wait in temporary files in `dir` for slow replicas, when memory has no room
    /// for more than 16 MB above `repl-backlog-size`; 0 keeps all of it in memory. The files have no name and vanish
    /// with the process. If it is too low, a replica that takes long over its payload costs memory or is cut off; the
    /// disk must have that much room.
    Works LIVE "repl-backlog-disk-size" repl_backlog_disk_size: i64 = 4 << 30, Memory(0..=MAX);
    /// With `yes`, the snapshot for a full sync goes from memory to the replicas' connections; with `no`, it is saved
    /// as the dump first and then sent. `no` needs the disk, and lets a replica that asks a little later share the
    /// same file.
    Works LIVE "repl-diskless-sync" repl_diskless_sync: bool = true, YesNo;
    /// The seconds that a diskless full sync waits for further replicas, which then share one snapshot; 0 does not
    /// wait. If it is too low, replicas that come soon after each other cost a snapshot each; each second delays
    /// every full sync.
    Works LIVE "repl-diskless-sync-delay" repl_diskless_sync_delay: i64 = 5, Int(0..=INT);
    /// Whether that delay ends as soon as all replicas that were connected before are back; `auto` does so as long as
    /// `repl-diskless-sync-delay` has its default. With `yes`, a new replica that comes a moment later waits for the
    /// next snapshot.
    Works LIVE "repl-diskless-sync-early-start" repl_diskless_sync_early_start: EarlyStart = EarlyStart::Auto, OneOf;
    /// The number of waiting replicas at which a diskless full sync starts before its delay is over; 0 always waits
    /// for the delay. If it is lower than the number of replicas, some wait for the next snapshot.
    Works LIVE "repl-diskless-sync-max-replicas" repl_diskless_sync_max_replicas: i64 = 0, Int(0..=INT);
    /// How a replica takes a full sync. `disabled` writes it to a file, checks it, and only then gives its old data
    /// up. `on-empty-db` loads it directly if there is no data. `swapdb` loads it beside the old data and then swaps,
    /// which takes the memory of both. `flush-before-load` empties the replica first: if the link fails then, it has
    /// nothing.
    Works LOADED "repl-diskless-load" repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, OneOf;
    /// The server for which full syncs are written; `auto` takes what all replicas of the sync are known to read.
    /// Replicas that do not tell their version are then taken to understand what that version does, also in the
    /// stream after the sync. A target that is older than the data needs makes full syncs fail, or lose data, as
    /// `rdb-save-loss` says; one that is newer than a replica keeps that replica from loading it.
    Works LIVE "repl-rdb-target" repl_rdb_target: RdbTarget = RdbTarget::Auto, OneOf;
    /// How many replicas may receive a full sync at the same time; 0 means any number. Others wait. A low value
    /// bounds load and network traffic after an outage, and lets the last replica wait long.
    Works LIVE "repl-max-concurrent-full-syncs" repl_max_concurrent_full_syncs: i64 = 0, Int(0..=INT);
    /// The bytes that old and new data may take together while a replica loads with `repl-diskless-load swapdb`; 0
    /// means no limit. A full sync that would take more, or does, is taken by way of the disk instead. Without a
    /// limit, a replica can need twice its memory and be killed by the kernel.
    Works LIVE "repl-swapdb-memory-limit" repl_swapdb_memory_limit: i64 = 0, Memory(0..=MAX);

    section "Data types":
    /// How many fields a hash may have while it is packed into one piece of memory (`OBJECT ENCODING` listpack).
    /// Packed hashes are small but searched from the start: a high value makes large hashes slow, a low one takes
    /// more memory. It applies when a hash is changed next.
    Works LIVE "hash-max-listpack-entries" ["hash-max-ziplist-entries"] hash_max_listpack_entries: i64 = 512, Int(0..=MAX);
    /// The bytes that a field or a value may have in a packed hash; a longer one unpacks the hash. A high value makes
    /// changes of packed hashes slow.
    Works LIVE "hash-max-listpack-value" ["hash-max-ziplist-value"] hash_max_listpack_value: i64 = 64, Memory(0..=MAX);
    /// The size of a list's node: -1 to -5 mean at most 4, 8, 16, 32 or 64 KB, and a positive number means at most
    /// that many elements and 8 KB; 0 is taken as 1 and less than -5 as -5. A list of one node is packed. Large nodes
    /// make changes in the middle slow; small ones take more memory.
    Works LIVE "list-max-listpack-size" ["list-max-ziplist-size"] list_max_listpack_size: i64 = -2, Int(-INT - 1..=INT);
    /// Has no effect: nodes of lists are not compressed in memory.
    Idle LIVE "list-compress-depth" list_compress_depth: i64 = 0, Int(0..=INT);
    /// How many integers a set may have while it is held as a sorted array (`OBJECT ENCODING` intset). A high value
    /// makes adding to large sets slow, a low one takes more memory.
    Works LIVE "set-max-intset-entries" set_max_intset_entries: i64 = 512, Int(0..=MAX);
    /// How many members a set may have while it is packed into one piece of memory. Packed sets are searched from the
    /// start: a high value makes large sets slow, a low one takes more memory.
    Works LIVE "set-max-listpack-entries" set_max_listpack_entries: i64 = 128, Int(0..=MAX);
    /// The bytes that a member may have in a packed set; a longer one unpacks the set. A high value makes changes of
    /// packed sets slow.
    Works LIVE "set-max-listpack-value" set_max_listpack_value: i64 = 64, Int(0..=MAX);
    /// How many members a sorted set may have while it is packed into one piece of memory. Packed sorted sets are
    /// searched from the start: a high value makes large ones slow, a low one takes more memory.
    Works LIVE "zset-max-listpack-entries" ["zset-max-ziplist-entries"] zset_max_listpack_entries: i64 = 128, Int(0..=MAX);
    /// The bytes that a member may have in a packed sorted set; a longer one unpacks it. A high value makes changes
    /// of packed sorted sets slow.
    Works LIVE "zset-max-listpack-value" ["zset-max-ziplist-value"] zset_max_listpack_value: i64 = 64, Memory(0..=MAX);
    /// The bytes at which a stream's node is full and the next entry begins a new one; 0 leaves only an internal
    /// limit. Large nodes make reads of single entries slow, small ones take more memory.
    Works LIVE "stream-node-max-bytes" stream_node_max_bytes: i64 = 4096, Memory(0..=MAX);
    /// The number of entries at which a stream's node is full; 0 means no limit. Trims with `~` remove whole nodes
    /// only, so a high value makes them coarse, and a low one takes more memory.
    Works LIVE "stream-node-max-entries" stream_node_max_entries: i64 = 100, Int(0..=MAX);
    /// The bytes that a HyperLogLog may take in its sparse form before it becomes the dense one of 12 KB. A high
    /// value makes PFADD slow, a low one takes more memory for small counts; values above 12304 are of no use, since
    /// the dense form is smaller.
    Works LIVE "hll-sparse-max-bytes" hll_sparse_max_bytes: i64 = 3000, Memory(0..=MAX);

    section "Observing":
    /// Which changes of keys are published to subscribers, as letters: `K` or `E` choose the channels, the others
    /// choose the kinds of events; empty publishes nothing. Without `K` or `E` the other letters do nothing. Each
    /// event costs processor time, also while nobody listens.
    Works LIVE "notify-keyspace-events" notify_keyspace_events: String = String::new(), EventClasses;
    /// The microseconds from which on a command is kept in SLOWLOG; 0 keeps every command and a negative number none.
    /// The time does not include waiting for the socket. A low value fills the log with ordinary commands.
    Works LIVE "slowlog-log-slower-than" ["commandlog-execution-slower-than"] slowlog_log_slower_than: i64 = 10000, Int(-1..=MAX);
    /// How many entries SLOWLOG keeps, the newest first; 0 keeps none. An entry keeps up to 32 arguments of 128 bytes
    /// each, so a high value takes memory.
    Works LIVE "slowlog-max-len" ["commandlog-slow-execution-max-len"] slowlog_max_len: i64 = 128, Int(0..=MAX);
    /// How many arguments of a request an entry of SLOWLOG and COMMANDLOG keeps; the last says how many more there were.
    Works HIDDEN "slowlog-entry-max-argc" slowlog_entry_max_argc: i64 = 32, Int(2..=INT);
    /// How many bytes of an argument an entry keeps. High values of these two take memory.
    Works HIDDEN "slowlog-entry-max-string-len" slowlog_entry_max_string_len: i64 = 128, Int(1..=MAX);
    /// The bytes of a request from which on it is kept in COMMANDLOG's `large-request`; -1 keeps none.
    Works HIDDEN "commandlog-request-larger-than" commandlog_request_larger_than: i64 = 1 << 20, Int(-1..=MAX);
    /// How many entries COMMANDLOG's `large-request` keeps.
    Works HIDDEN "commandlog-large-request-max-len" commandlog_large_request_max_len: i64 = 128, Int(0..=MAX);
    /// The bytes of a reply from which on its request is kept in COMMANDLOG's `large-reply`; -1 keeps none.
    Works HIDDEN "commandlog-reply-larger-than" commandlog_reply_larger_than: i64 = 1 << 20, Int(-1..=MAX);
    /// How many entries COMMANDLOG's `large-reply` keeps.
    Works HIDDEN "commandlog-large-reply-max-len" commandlog_large_reply_max_len: i64 = 128, Int(0..=MAX);
    /// The milliseconds from which on an event is recorded for LATENCY; 0 records nothing. A low value records
    /// ordinary work and costs a little time.
    Works LIVE "latency-monitor-threshold" latency_monitor_threshold: i64 = 0, Int(0..=MAX);
    /// With `yes`, a distribution of times is kept for each command and shown by LATENCY HISTOGRAM and INFO
    /// `latencystats`. It takes memory for each command that was used, and a little time for each call. `no` discards
    /// what was recorded.
    Works LIVE -> LatencyTracking "latency-tracking" latency_tracking: bool = true, YesNo;
    /// The percentiles that INFO `latencystats` shows for each command, from 0 to 100; an empty list shows none. They
    /// change only what is shown.
    Works LIVE "latency-tracking-info-percentiles" latency_tracking_info_percentiles: Vec<f64> = vec![50.0, 99.0, 99.9], Percentiles;

    section "Scripts":
    /// The milliseconds after which a script that still runs lets other clients be answered: with BUSY, except for a
    /// few commands such as SCRIPT KILL; 0 never does. With a low value, scripts that take a moment make other
    /// clients fail; with a high value or 0, all clients wait for a script that does not end.
    Works LIVE "busy-reply-threshold" ["lua-time-limit"] busy_reply_threshold: i64 = 5000, Int(0..=MAX);

    section "Cluster":
    /// Only `no` is accepted: cluster mode is not built in.
    Refused START "cluster-enabled" cluster_enabled: bool = false, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle START "cluster-config-file" cluster_config_file: String = "nodes.conf".into(), FileName("cluster-config-file");
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-node-timeout" cluster_node_timeout: i64 = 15000, Int(0..=MAX);
    /// Has no effect: cluster mode is not built in.
    Idle START "cluster-port" cluster_port: i64 = 0, Int(0..=65535);
    /// Has no effect: cluster mode is not built in.
    Idle HIDDEN "cluster-ping-interval" cluster_ping_interval: i64 = 1000, Int(0..=INT);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-replica-validity-factor" ["cluster-slave-validity-factor"] cluster_replica_validity_factor: i64 = 10, Int(0..=INT);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-replica-no-failover" ["cluster-slave-no-failover"] cluster_replica_no_failover: bool = false, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-migration-barrier" cluster_migration_barrier: i64 = 1, Int(0..=INT);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-allow-replica-migration" cluster_allow_replica_migration: bool = true, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-require-full-coverage" cluster_require_full_coverage: bool = true, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-allow-reads-when-down" cluster_allow_reads_when_down: bool = false, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-allow-pubsubshard-when-down" cluster_allow_pubsubshard_when_down: bool = true, YesNo;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-link-sendbuf-limit" cluster_link_sendbuf_limit: i64 = 0, Memory(0..=MAX);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-ip" cluster_announce_ip: String = String::new(), Text;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-port" cluster_announce_port: i64 = 0, Int(0..=65535);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-tls-port" cluster_announce_tls_port: i64 = 0, Int(0..=65535);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-bus-port" cluster_announce_bus_port: i64 = 0, Int(0..=65535);
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-hostname" cluster_announce_hostname: String = String::new(), Text;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-announce-human-nodename" cluster_announce_human_nodename: String = String::new(), Text;
    /// Has no effect: cluster mode is not built in.
    Idle LIVE "cluster-preferred-endpoint-type" cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip, OneOf;

    section "TLS":
    /// The port on which the addresses of `bind` accept TLS connections; 0 means none. See docs/tls.md.
    Works LIVE -> TlsPort "tls-port" tls_port: i64 = 0, Int(0..=65535);
    /// Only `no` is accepted: cluster mode is not built in. MIGRATE uses TLS when `tls-replication` does.
    Refused LIVE "tls-cluster" tls_cluster: bool = false, YesNo;
    /// With `yes`, the link to the primary and MIGRATE use TLS, from the next connection on. The other server's
    /// certificate must be signed by an authority of `tls-ca-cert-file` or `tls-ca-cert-dir`; its name is not compared.
    Works LIVE -> Tls "tls-replication" tls_replication: bool = false, YesNo;
    /// Who must show a certificate that one of our authorities has signed: every client (`yes`), nobody (`no`), or who
    /// has one (`optional`). With `no` and `optional`, whoever reaches the port is let in as far as users are.
    Works LIVE -> Tls "tls-auth-clients" tls_auth_clients: TlsAuth = TlsAuth::Yes, OneOf;
    /// What of a client's certificate names its user, who is then logged in: the common name (`CN`), the first URI that
    /// is a user's name (`URI`), or nothing (`off`). Without such a user it begins as any client does.
    Works LIVE "tls-auth-clients-user" tls_auth_clients_user: TlsUser = TlsUser::Off, OneOf;
    /// With `yes`, the server chooses among the ciphers that both sides have; else the client does.
    Works LIVE -> Tls "tls-prefer-server-ciphers" tls_prefer_server_ciphers: bool = false, YesNo;
    /// With `yes`, clients may resume sessions, which costs far less than a new handshake.
    Works LIVE -> Tls "tls-session-caching" tls_session_caching: bool = true, YesNo;
    /// How many sessions are remembered. Each takes about a kilobyte, more with certificates of clients.
    Works LIVE -> Tls "tls-session-cache-size" tls_session_cache_size: i64 = 20480, Int(0..=INT);
    /// The seconds for which a session may be resumed.
    Works LIVE -> Tls "tls-session-cache-timeout" tls_session_cache_timeout: i64 = 300, Int(0..=INT);
    /// The PEM file of the server's certificate, with those between it and its authority.
    Works LIVE -> Tls "tls-cert-file" tls_cert_file: String = String::new(), Text;
    /// The PEM file of its private key (PKCS#8, PKCS#1 or SEC1; RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519).
    Works LIVE -> Tls "tls-key-file" tls_key_file: String = String::new(), Text;
    /// The password of an encrypted private key (PKCS#8).
    Works SECRET -> Tls "tls-key-file-pass" tls_key_file_pass: String = String::new(), Text;
    /// The certificate for connections to others. Without both files, that of the server is shown to them.
    Works LIVE -> Tls "tls-client-cert-file" tls_client_cert_file: String = String::new(), Text;
    /// Its private key.
    Works LIVE -> Tls "tls-client-key-file" tls_client_key_file: String = String::new(), Text;
    /// The password of that key.
    Works SECRET -> Tls "tls-client-key-file-pass" tls_client_key_file_pass: String = String::new(), Text;
    /// Has no effect: keys are agreed on with elliptic curves only.
    Idle LIVE "tls-dh-params-file" tls_dh_params_file: String = String::new(), Text;
    /// The PEM file of the authorities that are trusted. It or the directory is needed if clients must show certificates.
    Works LIVE -> Tls "tls-ca-cert-file" tls_ca_cert_file: String = String::new(), Text;
    /// A directory of such files.
    Works LIVE -> Tls "tls-ca-cert-dir" tls_ca_cert_dir: String = String::new(), Text;
    /// The versions that are offered: `TLSv1.2`, `TLSv1.3`, or both with a blank between them, as the empty default.
    Works LIVE -> Tls "tls-protocols" tls_protocols: String = String::new(), Text;
    /// The ciphers of TLS 1.2 by OpenSSL's names; empty means all that are built in. Others are refused by name.
    Works LIVE -> Tls "tls-ciphers" tls_ciphers: String = String::new(), Text;
    /// The same for TLS 1.3.
    Works LIVE -> Tls "tls-ciphersuites" tls_ciphersuites: String = String::new(), Text;
    /// How often, in seconds, the files are looked at and read again if they have changed; 0 means never. Files that are
    /// wrong are logged, and what was read before stays in use. CONFIG SET of a file's name reads the files at once.
    Works LIVE "tls-auto-reload-interval" tls_auto_reload_interval: i64 = 0, Int(0..=INT);
}
