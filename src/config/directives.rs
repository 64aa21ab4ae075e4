//! Every directive, declared once: what it does, field and type, default, names, when it may be set, and what may be
//! written. CONFIG GET, SET and REWRITE, the file reader, the typed [`Config`] and `docs/config.md` come from this
//! table.
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
    /// The addresses on which the server accepts TCP connections; `*` stands for every IPv4 address and `::*` for
    /// every IPv6 address, as in the default. The server starts without an address that begins with `-` if the machine
    /// does not have it; any other address that cannot be bound keeps the server from starting. An address that is
    /// reachable from outside opens the server to everyone who can reach it: see `protected-mode` and `requirepass`.
    Works LIVE -> Bind "bind" bind: Vec<String> = vec!["*".into(), "-::*".into()], Words;
    /// The local IP address from which connections to other servers come (to a primary, and for MIGRATE), where a firewall
    /// or a primary expects a certain one; connections that exist stay as they are. If it is empty (the default), the
    /// machine does not have it, or the other server's address is of another family, the system chooses.
    Works LIVE -> Source "bind-source-addr" bind_source_addr: String = String::new(), Text;
    /// The TCP port on all addresses of `bind`; 0 means that no TCP connections are accepted. With 0 and no
    /// `unixsocket`, the server does not start. CONFIG SET of a port that is in use fails and leaves the old port
    /// open.
    Works LIVE -> Port "port" port: i64 = 6379, Int(0..=65535);
    /// How many connections may wait to be accepted. The kernel lowers this to `/proc/sys/net/core/somaxconn`, and the
    /// server then logs a warning. If the value is too low, bursts of new connections time out or are reset; a high
    /// value only costs a little kernel memory.
    Works START "tcp-backlog" tcp_backlog: i64 = 511, Int(0..=INT);
    /// The path of a Unix socket on which connections are accepted; empty means none. Whatever file exists at that
    /// path is removed when the server starts, so a wrong path can delete a file. Clients of the socket count as
    /// local, so `protected-mode` lets them in.
    Works START "unixsocket" unixsocket: String = String::new(), Text;
    /// The mode of the Unix socket in octal digits, for example `770`; 0 keeps the mode that the umask gives. A mode
    /// that lets others write gives every user of the machine access.
    Works START "unixsocketperm" unixsocketperm: i64 = 0, Octal;
    /// The group of the Unix socket, by its name in `/etc/group`; empty keeps the group of the process. If there is no
    /// such group, or the server may not give it away, the server does not start.
    Works START "unixsocketgroup" unixsocketgroup: String = String::new(), Text;
    /// The number of seconds without a request after which a client is disconnected; 0 means never. Replicas,
    /// subscribers and clients in a blocking command are exempt. A low value breaks connection pools, which then find
    /// their connections closed; with 0, forgotten connections stay open and count towards `maxclients`.
    Works LIVE "timeout" timeout: i64 = 0, Int(0..=INT);
    /// The number of seconds of silence after which the kernel probes whether a client is still there; it closes the
    /// connection when three probes, a third of this time apart, remain unanswered. With 0, no probes are sent, so
    /// clients that vanished stay until something is sent to them. Very low values cause traffic. A change applies to
    /// new connections.
    Works LIVE "tcp-keepalive" tcp_keepalive: i64 = 300, Int(0..=INT);
    /// With `yes`, and as long as `requirepass` is empty, only clients on the loopback interface and the Unix socket
    /// are served; others get an error that explains this. With `no` and no password, everyone who can reach the port
    /// can read, change and delete all data.
    Works LIVE "protected-mode" protected_mode: bool = true, YesNo;
    /// How many clients may be connected at the same time, including replicas and the link to a primary; further
    /// clients are refused with an error. Each needs a file descriptor: at startup, the value is lowered to the limit
    /// of `ulimit -n` minus 32, and CONFIG SET refuses a higher value. If it is too low, applications are locked out;
    /// if it is very high, buffers of idle clients can take much memory.
    Works LIVE -> MaxClients "maxclients" maxclients: i64 = 10000, Int(1..=4294967295);
    /// Has no effect: sockets carry no mark for the packet filter.
    Idle START "socket-mark-id" socket_mark_id: i64 = 0, Int(0..=4294967295);
    /// How many connections are accepted before other work gets its turn. A low value delays bursts of new connections; a
    /// high value delays the requests of clients that are connected.
    Works LIVE "max-new-connections-per-cycle" max_new_connections_per_cycle: i64 = 10, Int(1..=1000);
    /// How many TLS connections are accepted before other work gets its turn. Their handshakes run in other threads. A
    /// low value delays bursts of new connections; a high value delays the requests of clients that are connected.
    Works LIVE "max-new-tls-connections-per-cycle" max_new_tls_connections_per_cycle: i64 = 1, Int(1..=1000);
    /// How many threads serve clients. With 1, one thread reads, runs and answers all requests. With more, all but one
    /// of them own connections, which they read, parse and write, and encrypt, and the first thread runs the requests.
    /// It pays from about four processors on, when that first thread is busy. With fewer, threads take the processor
    /// from each other.
    Works START "io-threads" io_threads: i64 = 1, Int(1..=128);
    /// How many threads load and save a dataset, also in full syncs: 0 means as many as there are processors, up to
    /// eight. Of those of a save, one visits the keys between requests and one writes, and the others compress. More
    /// threads than processors make clients wait.
    Works LIVE "threads" threads: i64 = 0, Int(0..=128);
    /// Has no effect: with `io-threads` above 1 these threads read, too.
    Idle START "io-threads-do-reads" io_threads_do_reads: bool = false, YesNo;

    section "General":
    /// With `yes`, the server runs in the background: standard input, output and error become `/dev/null`, so set
    /// `logfile` as well. This directive is ignored when systemd supervises the server (`supervised`).
    Works START "daemonize" daemonize: bool = false, YesNo;
    /// With `systemd`, the server tells systemd over `NOTIFY_SOCKET` when it is ready, for units of `Type=notify`;
    /// `auto` does so if that variable is set; `upstart` and `no` tell nobody. Outside of such a unit, `systemd` logs
    /// a warning and has the effect of `no`.
    Works START "supervised" supervised: Supervised = Supervised::No, OneOf;
    /// The file to which the process id is written, and which is removed when the server exits; empty means none,
    /// except that with `daemonize yes` it is `/var/run/redis.pid`. If the file cannot be written, the server starts
    /// without it and says nothing.
    Works START "pidfile" pidfile: String = String::new(), Text;
    /// The least important kind of line that is logged: `debug`, `verbose`, `notice` for what an operator wants to
    /// see, `warning`, or `nothing`. `debug` can fill a disk; `warning` hides which replicas connected and when dumps
    /// were saved.
    Works LIVE -> LogLevel "loglevel" loglevel: LogThreshold = LogThreshold::Notice, OneOf;
    /// The file to which log lines are appended; empty means standard output. The file is opened for each line, so it
    /// can be moved away at any time without telling the server. Its size is not limited. If it cannot be opened, the
    /// server does not start.
    Works START "logfile" logfile: String = String::new(), Text;
    /// The form of the time in log lines: `legacy` is Redis's form in local time, `iso8601` has microseconds and the
    /// offset from UTC, and `milliseconds` is the Unix time. Tools that parse the log may only know `legacy`.
    Works LIVE -> LogTimes "log-timestamp-format" log_timestamp_format: LogTimestamp = LogTimestamp::Legacy, OneOf;
    /// With `yes`, log lines also go to the system log through `/dev/log`, in addition to `logfile` or standard
    /// output. A line that the system log does not accept at once is missing there.
    Works START "syslog-enabled" syslog_enabled: bool = false, YesNo;
    /// The name in front of each line in the system log. If several servers use the same name, only their process ids
    /// tell their lines apart.
    Works START "syslog-ident" syslog_ident: String = "redis".into(), Text;
    /// The facility of the lines in the system log, by which it sorts them into files. With a facility that its
    /// configuration does not name, the lines may end up in an unexpected file or nowhere.
    Works START "syslog-facility" syslog_facility: SyslogFacility = SyslogFacility::Local0, OneOf;
    /// With `yes`, a fatal signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) writes a report to the log before it ends
    /// the process: signal, address, instruction, thread and the last command. With `no`, the log simply ends. The
    /// reason for an internal error is logged in either case.
    Works LIVE -> CrashLog "crash-log-enabled" crash_log_enabled: bool = true, YesNo;
    /// Has no effect: memory is not tested after a crash.
    Idle LIVE "crash-memcheck-enabled" crash_memcheck_enabled: bool = true, YesNo;
    /// How many databases there are; SELECT accepts 0 to one less. A dump that has a database with a higher number
    /// keeps the server from starting, and a primary's writes to one are refused and logged, so give a replica as many
    /// as its primary has. An empty database costs little memory.
    Works START "databases" databases: i64 = 16, Int(1..=INT);
    /// Has no effect: the server never prints a logo when it starts.
    Idle START "always-show-logo" always_show_logo: bool = false, YesNo;
    /// With `yes`, `ps` shows the title that `proc-title-template` describes; with `no`, it shows the command line.
    Works START "set-proc-title" set_proc_title: bool = true, YesNo;
    /// The title of the process, with variables in braces: `title` is the program as it was called, `listen-addr` is
    /// the first address and port or the Unix socket, `server-mode` is empty, and `port`, `tls-port`, `unixsocket` and
    /// `config-file` are what they say. A title that is longer than the command line and the environment of the
    /// process is cut off. An unknown variable is an error.
    Works LIVE -> ProcTitle "proc-title-template" proc_title_template: String = "{title} {listen-addr} {server-mode}".into(), TitleTemplate;
    /// Has no effect: an internal error of the serving thread always aborts the process.
    Idle HIDDEN "use-exit-on-panic" use_exit_on_panic: bool = false, YesNo;
    /// Has no effect: there is no watchdog for slow commands; see `slowlog-log-slower-than` and
    /// `latency-monitor-threshold`.
    Idle HIDDEN "watchdog-period" watchdog_period: i64 = 0, Int(0..=INT);
    /// Has no effect: the server does not speak Redis 6's Gopher.
    Idle HIDDEN "gopher-enabled" gopher_enabled: bool = false, YesNo;
    /// Has no effect: SORT ALPHA compares strings byte by byte, in every locale.
    Idle LIVE "locale-collate" locale_collate: String = String::new(), Text;
    /// With `yes`, lines of the log show `*redacted*` in place of what clients chose or sent: keys, arguments, unknown
    /// commands, error replies, names of clients, users and libraries. Valkey's default is `yes`. What `redis.log` and
    /// DEBUG LOG are told to write is written.
    Works LIVE -> UserData "hide-user-data-from-log" hide_user_data_from_log: bool = false, YesNo;
    /// How many times a second the server does its periodic work: timeouts, save points, statistics, expired keys.
    /// Values outside the range of 1 to 500 are treated as 1 or 500. With a low value, save points, a waiting
    /// shutdown, output limits and statistics act late; a value above 100 costs processor time on an idle server.
    Works LIVE "hz" hz: i64 = 10, Near(0..=INT, 1..=500);
    /// With `yes`, `hz` is doubled, up to 500, as long as there are more than 200 clients for each round of periodic
    /// work. With `no`, the rate does not depend on the number of clients.
    Works LIVE "dynamic-hz" dynamic_hz: bool = true, YesNo;
    /// With `yes`, memory gets huge pages only if it asks for them, as the memory of keys does once a database is large, even
    /// where the system gives them to all memory (`always` in /sys/kernel/mm/transparent_hugepage/enabled). This needs
    /// Linux 6.18; on earlier versions the log says so, and nothing changes.
    Works START "disable-thp" disable_thp: bool = true, YesNo;
    /// Whether the server tells the kernel how soon to kill it when memory is short. With `relative` (or `yes`), the
    /// value of `oom-score-adj-values` is added to the score with which the process was started; with `absolute`, it
    /// replaces that score; `no` leaves the score alone or restores it. Without privileges, a score can only be
    /// raised.
    Works LIVE -> OomScore "oom-score-adj" oom_score_adj: OomScoreAdj = OomScoreAdj::No, OneOf;
    /// The scores for a primary and for a replica; the third score is unused, because a background save is not a
    /// separate process. A process with a higher score is killed sooner; 1000 means first, and -1000 means never.
    Works LIVE -> OomScore "oom-score-adj-values" oom_score_adj_values: [i64; 3] = [0, 200, 800], OomScores;
    /// The processors on which the serving thread and the loading threads may run: `0-7:2` means every second one of
    /// the first eight, `0,2` means these two; empty means all. Threads without a list of their own use this one. If a
    /// list is malformed or names no existing processor, the log warns, and the threads run anywhere; a list with few
    /// processors makes threads wait for each other.
    Works START "server-cpulist" ["server_cpulist"] server_cpulist: String = String::new(), Text;
    /// The processors of the threads that free memory, resolve host names and receive full syncs; see
    /// `server-cpulist`.
    Works START "bio-cpulist" ["bio_cpulist"] bio_cpulist: String = String::new(), Text;
    /// The processors of the thread that writes the append-only file; see `server-cpulist`.
    Works START "aof-rewrite-cpulist" ["aof_rewrite_cpulist"] aof_rewrite_cpulist: String = String::new(), Text;
    /// The processors of the threads that write snapshots, to files and to replicas; see `server-cpulist`.
    Works START "bgsave-cpulist" ["bgsave_cpulist"] bgsave_cpulist: String = String::new(), Text;
    /// Has no effect: startup warnings cannot be suppressed.
    Idle LIVE "ignore-warnings" ignore_warnings: String = String::new(), Text;
    /// Who may use MODULE: nobody (`no`), everyone (`yes`), or clients on this machine (`local`). Loading a module is
    /// refused in any case.
    Works START "enable-module-command" enable_module_command: Protection = Protection::No, OneOf;
    /// Who may use DEBUG: nobody (`no`), everyone (`yes`), or clients on this machine (`local`). DEBUG can stop, slow
    /// down and empty a server, so leave it at `no` except for tests.
    Works START "enable-debug-command" enable_debug_command: Protection = Protection::No, OneOf;
    /// Who may change `dir` and `dbfilename` with CONFIG SET: nobody (`no`), everyone (`yes`), or clients on this
    /// machine (`local`). Whoever may do so can write a dump to any directory that the server can write to.
    Works START "enable-protected-configs" enable_protected_configs: Protection = Protection::No, OneOf;
    /// How many seconds a shutdown holds back writes and waits for replicas that lag, and for the base of an
    /// append-only file that begins, before the server saves and exits; with 0 it does not wait. If the value is too
    /// low, replicas can miss the last writes; if it is higher than the patience of the supervisor, the server is
    /// killed without a final save.
    Works LIVE "shutdown-timeout" shutdown_timeout: i64 = 10, Int(0..=INT);
    /// What SIGINT does. By default, the server saves if save points are set. `save` and `nosave` override that, `now`
    /// does not wait for replicas, and `force` exits even if the save fails. With `nosave` or `force`, writes since
    /// the last dump can be lost. Valkey's `safe` and `failover` have a meaning in clusters only.
    Works LIVE "shutdown-on-sigint" shutdown_on_sigint: Vec<ShutdownOn> = Vec::new(), ShutdownWays;
    /// What SIGTERM does, with the same words as `shutdown-on-sigint`. Service managers and container runtimes stop a
    /// server with this signal.
    Works LIVE "shutdown-on-sigterm" shutdown_on_sigterm: Vec<ShutdownOn> = Vec::new(), ShutdownWays;

    section "Access":
    /// The password that clients must send with AUTH or HELLO; empty means that none is needed. Attackers can try
    /// passwords very fast, so choose a long random one. Replicas and Sentinel need it, too (`masterauth`). A new
    /// password does not affect clients that are already connected; an empty one lets everyone in.
    Works SECRET -> Password "requirepass" requirepass: String = String::new(), Text;
    /// The file from which users are read at startup and by ACL LOAD, and to which ACL SAVE writes them. Its lines
    /// begin with `user`; a line that is wrong keeps the server from starting. With this file, the configuration may
    /// not have `user` lines of its own, and `requirepass` has no effect. Without it (the default), users come from
    /// `user` lines.
    Works START "aclfile" aclfile: String = String::new(), Text;
    /// How many entries ACL LOG keeps; 0 keeps none. A high value takes memory.
    Works LIVE "acllog-max-len" acllog_max_len: i64 = 128, Int(0..=MAX);
    /// Which channels a new user or a new selector may use before any rule: none by default, or all with
    /// `allchannels`, as before Redis 7.0. With `allchannels`, a user who should not see a channel needs an explicit
    /// `resetchannels`. A change does not affect existing users.
    Works LIVE "acl-pubsub-default" acl_pubsub_default: AclPubsub = AclPubsub::Resetchannels, OneOf;

    section "Clients":
    /// How many bytes of requests, including those that MULTI has queued, a client may have sent that have not been
    /// executed yet; a client above the limit is disconnected. Before AUTH, the limit is at most 1 MB. It must be
    /// larger than the largest request, or that request can never be sent; a high value lets one client take as much
    /// memory.
    Works LIVE "client-query-buffer-limit" client_query_buffer_limit: i64 = 1 << 30, Memory((1 << 20)..=MAX);
    /// How many bytes of output may wait for a client, by class (`normal`, `replica`, `pubsub`): a client above the
    /// hard limit is disconnected at once, and one above the soft limit after that many seconds; 0 means no limit. For
    /// replicas, the hard limit is never less than `repl-backlog-size`; if it is too low for the writes during a full
    /// sync, the sync fails again and again. Without a hard limit for `normal`, a client's requests wait while 32 MB
    /// or the soft limit, whichever is more, are unread.
    Works LIVE -> Links "client-output-buffer-limit" client_output_buffer_limit: OutputLimits = OutputLimits::default(), Limits;
    /// How many bytes one argument of a request may have, and one string that APPEND, SETRANGE, SETBIT and others
    /// build. A larger argument is an error and closes the connection. A low value breaks applications with large
    /// values; a high value lets one request take as much memory.
    Works LIVE "proto-max-bulk-len" proto_max_bulk_len: i64 = 512 << 20, Memory((1 << 20)..=MAX);
    /// How many bytes all clients together may take, or a percentage of `maxmemory`; 0 means no limit. Above the
    /// limit, the clients that take most are disconnected first. Replicas do not count, and CLIENT NO-EVICT exempts a
    /// client. If the limit is too low, clients with large replies are disconnected again and again. A limit below 128
    /// KB is treated as 128 KB, so that a few clients with short commands are always served.
    Works LIVE -> ClientMemory "maxmemory-clients" maxmemory_clients: i64 = 0, MemoryOrPercent;
    /// How many keys are remembered for clients that use client-side caching; 0 means no limit. Above the limit, keys
    /// are forgotten, and the clients that cached them are told to drop them, so a low value makes caching useless; a
    /// high value takes memory.
    Works LIVE "tracking-table-max-keys" tracking_table_max_keys: i64 = 1_000_000, Int(0..=MAX);

    section "Memory":
    /// The number of bytes of memory above which `maxmemory-policy` takes effect; 0 means no limit. Without a limit, a
    /// growing dataset takes all the memory of the machine until the kernel kills the server. Leave room for a
    /// snapshot (about a tenth), the output of clients and the replication backlog.
    Works LIVE "maxmemory" maxmemory: i64 = 0, Memory(0..=MAX);
    /// What happens at `maxmemory`: `noeviction` refuses writes with an error; `allkeys-*` policies evict any key, and
    /// `volatile-*` policies only keys with an expiry, chosen by last use (`lru`), frequency of use (`lfu`), at random
    /// (`random`) or by next expiry (`ttl`). An evicted key is lost, so use `noeviction` if that must not happen. When
    /// a `volatile-*` policy finds no key with an expiry, writes are refused. Under `lru` and `lfu` policies, dumps
    /// also hold the time or frequency of use and take longer.
    Works LIVE "maxmemory-policy" maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::Noeviction, OneOf;
    /// How many keys of each database are examined to find one to evict. 5 comes close to true LRU; 10 is closer but
    /// slower; with 1, the choice is almost random.
    Works LIVE "maxmemory-samples" maxmemory_samples: i64 = 5, Int(1..=64);
    /// Has no effect: a command that needs memory waits until enough keys have been evicted.
    Idle LIVE "maxmemory-eviction-tenacity" maxmemory_eviction_tenacity: i64 = 10, Int(0..=100);
    /// How slowly the usage counter of a key grows under `lfu` policies; it ends at 255. With 0, it is full after
    /// about 250 uses, and with 10 after about 300,000. If the factor is too low, all busy keys look the same; if it
    /// is too high, all rarely used keys do.
    Works LIVE "lfu-log-factor" lfu_log_factor: i64 = 10, Int(0..=INT);
    /// The number of minutes after which the counter of an unused key decreases by one under `lfu` policies; 0 means
    /// never, so that keys that were once busy stay forever. A low value forgets quickly and behaves more like `lru`.
    Works LIVE "lfu-decay-time" lfu_decay_time: i64 = 1, Int(0..=INT);
    /// With `yes`, expired keys stay until a write touches them or until this is `no` again, and clients that have
    /// sent CLIENT IMPORT-SOURCE ON can see them, so that such a client can copy a dataset while it changes. Other
    /// clients do not see them. If it stays at `yes` after the import, expired keys fill the memory.
    Works HIDDEN "import-mode" import_mode: bool = false, YesNo;
    /// How much of the serving thread's time may be spent on deleting expired keys that nobody asks for: 25 % at 1,
    /// and 2 % more for each step. The work is done in slices of 200 microseconds. Raise the value if expired keys
    /// pile up (INFO `expired_stale_perc`); higher values take time from clients while there is much to delete.
    Works LIVE "active-expire-effort" active_expire_effort: i64 = 1, Int(1..=10);
    /// With `yes`, evicted values of more than 64 parts are freed by another thread. With `no`, evicting a huge
    /// collection keeps clients waiting while it is freed.
    Works LIVE "lazyfree-lazy-eviction" lazyfree_lazy_eviction: bool = false, YesNo;
    /// With `yes`, expired values of more than 64 parts are freed by another thread, and replicas are sent UNLINK
    /// instead of DEL. With `no`, a huge collection that expires keeps clients waiting while it is freed.
    Works LIVE "lazyfree-lazy-expire" lazyfree_lazy_expire: bool = false, YesNo;
    /// With `yes`, values of more than 64 parts that a command replaces (RENAME, RESTORE, the `*STORE` commands and
    /// others) are freed by another thread. With `no`, clients wait while a huge value is freed.
    Works LIVE "lazyfree-lazy-server-del" lazyfree_lazy_server_del: bool = false, YesNo;
    /// With `yes`, DEL works like UNLINK: values of more than 64 parts are freed by another thread. With `no`, DEL of
    /// a huge collection keeps clients waiting.
    Works LIVE "lazyfree-lazy-user-del" lazyfree_lazy_user_del: bool = false, YesNo;
    /// Has no effect: databases that FLUSHDB and FLUSHALL empty are always freed by another thread.
    Idle LIVE "lazyfree-lazy-user-flush" lazyfree_lazy_user_flush: bool = false, YesNo;
    /// Has no effect: there is no large table that would need rehashing.
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
    /// Has no effect: a thread of the allocator always returns unused memory to the system after about two seconds.
    Idle LIVE "jemalloc-bg-thread" jemalloc_bg_thread: bool = true, YesNo;

    section "Persistence":
    /// Pairs of seconds and changes: a snapshot is saved when more than that many seconds have passed since the last
    /// save and at least that many keys have changed. The default is after an hour with 1 change, five minutes with
    /// 100, or a minute with 10,000. A crash loses the writes since the last snapshot, so rare saves lose more;
    /// frequent ones keep the disk busy. With `""`, the server never saves on its own, not even at shutdown.
    Works ADDING -> Links "save" save: Vec<SavePoint> = default_save_points(), SavePoints;
    /// The working directory, where dumps and temporary files are, and to which relative paths refer. It must exist,
    /// and the server must be able to write to it, or every save fails. A save that is already running finishes in the
    /// directory in which it began.
    Works GUARDED_LOADED -> Dir "dir" dir: String = ".".into(), Text;
    /// The name of the dump in `dir`, without a path. The dump is loaded at startup and replaced by each save, so two
    /// servers must not share it. With a wrong name, the server starts with an empty dataset, and the next save
    /// creates a new file.
    Works GUARDED "dbfilename" dbfilename: String = "dump.rdb".into(), FileName("dbfilename");
    /// With `yes`, and if save points are set, a primary refuses writes after a failed background save until one
    /// succeeds, so that a full disk is noticed before data is lost. With `no`, writes continue, and a crash loses
    /// everything since the last good dump.
    Works LIVE "stop-writes-on-bgsave-error" stop_writes_on_bgsave_error: bool = true, YesNo;
    /// With `yes`, strings of more than 20 bytes are compressed with LZF in dumps and full syncs if that makes them
    /// smaller. `no` saves processor time in the thread that writes, and makes files larger.
    Works LIVE "rdbcompression" rdbcompression: bool = true, YesNo;
    /// With `yes`, dumps and full syncs end with a CRC-64 of their bytes, which is compared when they are loaded. With
    /// `no`, they are written without it, and damage that still looks like data goes unnoticed. Every value is checked
    /// for soundness in either case.
    Works START "rdbchecksum" rdbchecksum: bool = true, YesNo;
    /// With `yes`, the kernel is asked to start writing a dump to disk after every 8 MB. With `no`, the disk receives
    /// everything at the final sync, which can stall other programs that use it.
    Works LIVE "rdb-save-incremental-fsync" rdb_save_incremental_fsync: bool = true, YesNo;
    /// With `yes`, and as long as no save point is set, dumps that were written or received only for a full sync are
    /// removed once they have served their purpose. With `no`, they stay as readable copies of the data. Nothing else
    /// is removed: a later save with the same name is kept.
    Works LIVE "rdb-del-sync-files" rdb_del_sync_files: bool = false, YesNo;
    /// Has no effect: dumps, full syncs and RESTORE payloads are always checked in full.
    Idle LIVE "sanitize-dump-payload" sanitize_dump_payload: Sanitize = Sanitize::No, OneOf;
    /// The server for which dumps and DUMP payloads are written; `auto` uses the oldest version of the format that can
    /// hold the data. If a target cannot hold some value, saves fail or lose the value, as `rdb-save-loss` says.
    /// Choose a newer target only if that server needs it.
    Works LIVE "rdb-save-target" rdb_save_target: RdbTarget = RdbTarget::Auto, OneOf;
    /// What happens if `rdb-save-target` cannot hold a value: with `refuse`, the save fails, and the error names the
    /// key; with `report`, the save leaves out what does not fit (for example expiry times of hash fields), so the
    /// dump is incomplete.
    Works LIVE "rdb-save-loss" rdb_save_loss: SaveLoss = SaveLoss::Refuse, OneOf;
    /// What happens to values in dumps, full syncs and RESTORE that no command here can read, which are those of
    /// modules. `keep` keeps them unchanged: they expire, can be renamed and copied, are saved and sent to replicas,
    /// and every other command on them replies WRONGTYPE. `refuse` refuses the whole dump and names the key. `skip`
    /// leaves these keys out and logs their number; the next save then writes a dump without them. The same applies to
    /// data that modules store beside their keys.
    Works LIVE "rdb-unknown-values" rdb_unknown_values: UnknownValues = UnknownValues::Keep, OneOf;
    /// With `yes`, a damaged dump does not keep the server from starting: what is sound is loaded, and the log names
    /// what is left out. The next save then replaces the damaged file, so copy it first. Leave it at `no` unless a
    /// copy is safe.
    Works LIVE "rdb-load-salvage" rdb_load_salvage: bool = false, YesNo;
    /// What happens with dumps and full syncs of later versions than the newest that is known. `strict` refuses them.
    /// `relaxed` reads them as if they were of the newest version: the first type of value that is not known is an error
    /// with its place and key, but what has another meaning in the later version is taken for what it was.
    Works LIVE "rdb-version-check" rdb_version_check: VersionCheck = VersionCheck::Strict, OneOf;
    /// How many bytes a running snapshot may take for old versions of data that is overwritten in the meantime; 0
    /// means a twentieth of the data, at least 2 MB. At the limit, writes wait until the snapshot has caught up. If it
    /// is too low, writers stall whenever the disk is slow; if it is high, a snapshot under many writes takes that
    /// much more memory.
    Works LIVE "snapshot-preserve-limit" snapshot_preserve_limit: i64 = 0, Memory(0..=MAX);
    /// The number of seconds without any progress of the disk after which a running snapshot is cancelled as failed;
    /// the old dump stays. If it is too low, a disk that stalls occasionally makes saves fail; if it is too high,
    /// writes can wait that long at `snapshot-preserve-limit`.
    Works LIVE "snapshot-stall-timeout" snapshot_stall_timeout: i64 = 10, Int(1..=INT);
    /// For tests: the number of microseconds to wait for each key while a dump is written; a negative number waits one
    /// microsecond for every so many keys. Any value but 0 makes saves and full syncs slow; 0 also counts for those that
    /// run already.
    Works HIDDEN -> Delays "rdb-key-save-delay" rdb_key_save_delay: i64 = 0, Int(-INT..=INT);
    /// For tests: the number of microseconds to wait for each key while a dump is loaded, and for each request of an
    /// append-only file; a negative number waits one microsecond for every so many of them. Any value but 0 makes
    /// loading slow.
    Works HIDDEN -> Delays "key-load-delay" key_load_delay: i64 = 0, Int(-INT..=INT);
    /// Has no effect: other threads load the dump, so clients are answered at any time.
    Idle HIDDEN "loading-process-events-interval-bytes" loading_process_events_interval_bytes: i64 = 2 << 20, Int(1024..=INT);
    /// Whether each write is appended to a log in `appenddirname`, which is loaded at startup instead of the dump.
    /// With `no`, a crash loses the writes since the last snapshot; with `yes`, the disk has to keep up with the
    /// writes (`aof-buffer-limit`).
    Works LIVE -> AppendOnly "appendonly" appendonly: bool = false, YesNo;
    /// The prefix of the names of the log's files, without a path. After a change, the server no longer finds the old
    /// log, and begins with the dump.
    Works START "appendfilename" appendfilename: String = "appendonly.aof".into(), FileName("appendfilename");
    /// The directory in `dir` that holds the log's files. Two servers must not share it. After a change, the server no
    /// longer finds the old log, and begins with the dump.
    Works START "appenddirname" appenddirname: String = "appendonlydir".into(), FileName("appenddirname");
    /// When appended writes are made durable: `always` holds back the replies to writes until they are durable;
    /// `everysec` syncs once a second, so that a crash of the machine loses about a second of writes; `no` leaves it
    /// to the operating system, which may take half a minute. `always` makes each write wait for the disk.
    Works LIVE -> AppendHow "appendfsync" appendfsync: AppendFsync = AppendFsync::Everysec, OneOf;
    /// With `yes`, the log is not synced while it is rewritten, so that the rewrite has the disk for itself; a crash
    /// of the machine then loses what was written since the rewrite began. With `no`, syncs continue and can be slow
    /// during a rewrite. It has no effect with `appendfsync always`.
    Works LIVE -> AppendHow "no-appendfsync-on-rewrite" no_appendfsync_on_rewrite: bool = false, YesNo;
    /// The growth of the log since the last rewrite, in percent, at which it is rewritten; 0 never rewrites it. With a
    /// low value, the server rewrites often; with a high one or 0, the log fills the disk and takes long to load.
    Works LIVE "auto-aof-rewrite-percentage" auto_aof_rewrite_percentage: i64 = 100, Int(0..=INT);
    /// The size of the log in bytes below which it is not rewritten automatically. If it is too low, small logs are
    /// rewritten again and again; if it is too high, the log grows to that size and takes longer to load.
    Works LIVE "auto-aof-rewrite-min-size" auto_aof_rewrite_min_size: i64 = 64 << 20, Memory(0..=MAX);
    /// With `yes`, a log whose end was torn off by a crash is loaded up to there, and the rest is moved to a file
    /// beside it. With `no`, the server does not start with such a log until `forebay aof fix` has repaired it.
    Works LIVE "aof-load-truncated" aof_load_truncated: bool = true, YesNo;
    /// With `yes`, a log with wrong bytes at its end is loaded up to there, if the seals of its batches prove that
    /// nothing sound follows; the rest is moved to a file beside it. With `no`, the server does not start with such a
    /// log.
    Works LIVE "aof-load-corrupt-tail" aof_load_corrupt_tail: bool = true, YesNo;
    /// The number of bytes, from the first wrong one to the end of the log, that may be cut off whatever follows, and
    /// even without seals; they are moved to a file beside the log. With 0, the server does not start with such a log.
    /// A high value can drop sound writes that follow a damaged one.
    Works LIVE "aof-load-corrupt-tail-max-size" aof_load_corrupt_tail_max_size: i64 = 0, Memory(0..=MAX);
    /// With `yes`, the base of a log is a dump. With `no`, it consists of requests, which take longer to write and to
    /// load.
    Works LIVE "aof-use-rdb-preamble" aof_use_rdb_preamble: bool = true, YesNo;
    /// With `yes`, the log records the time once a second in the form that Redis and Valkey use. Seals record the time
    /// in any case, so `yes` only helps tools that look for this form, and makes the log a little larger.
    Works LIVE "aof-timestamp-enabled" aof_timestamp_enabled: bool = false, YesNo;
    /// Whether the log has lines of its own, which begin with `#` and which other servers skip: seals, by which wrong bytes
    /// are noticed, and places in the replication history. With `no` it has what Redis writes, byte for byte: wrong
    /// bytes within a value go unnoticed, after a restart replicas need a full resync, and a copy of the directory
    /// that is made during a rewrite may not load.
    Works LIVE -> AppendHow "aof-annotations" aof_annotations: bool = true, YesNo;
    /// How many bytes may wait in memory until the disk has taken them. At the limit, writers wait, and readers do
    /// not. If it is too low, a short stall of the disk already holds up writers; a high value takes that much memory
    /// while the disk is slow.
    Works LIVE -> AppendHow "aof-buffer-limit" aof_buffer_limit: i64 = 64 << 20, Memory(1 << 20..=MAX);
    /// Has no effect: `rdb-save-incremental-fsync` does the same for the base of a log.
    Idle LIVE "aof-rewrite-incremental-fsync" aof_rewrite_incremental_fsync: bool = true, YesNo;
    /// With `yes`, files that the log no longer needs stay, and the manifest lists them as history, which fills the
    /// disk over time. With `no`, they are removed after a rewrite.
    Works HIDDEN -> AppendHow "aof-disable-auto-gc" aof_disable_auto_gc: bool = false, YesNo;

    section "Replication":
    /// The host and port of the primary to follow; without it, the server is a primary. The first full sync replaces
    /// all data that this server has. At run time, the REPLICAOF command changes it, and CONFIG REWRITE keeps the
    /// change.
    Works START "replicaof" ["slaveof"] replicaof: Option<Address> = None, Primary;
    /// The password that is sent to the primary, which is the primary's `requirepass`. If it is missing or wrong, the
    /// link stays down, and the log says so at each attempt. Set it on primaries that may become replicas, too.
    Works SECRET -> Links "masterauth" ["primaryauth"] masterauth: String = String::new(), Text;
    /// The user name that is sent with `masterauth`; if it is empty, only the password is sent, which logs in as
    /// `default`. If the user may not run PSYNC and REPLCONF, the link stays down.
    Works SECRET -> Links "masteruser" ["primaryuser"] masteruser: String = String::new(), Text;
    /// With `yes`, a replica whose link is down still answers reads from the data it has, which may be old. With `no`,
    /// it replies MASTERDOWN to most commands, so a network failure stops all reads.
    Works LIVE -> Links "replica-serve-stale-data" ["slave-serve-stale-data"] replica_serve_stale_data: bool = true, YesNo;
    /// With `yes`, a replica refuses writes from clients. With `no`, it accepts them; they are lost at the next full
    /// sync and are not sent to its own replicas.
    Works LIVE -> Links "replica-read-only" ["slave-read-only"] replica_read_only: bool = true, YesNo;
    /// The rank of this replica when Sentinel promotes one: the lowest number above 0 is preferred, and 0 is never
    /// promoted. With 0 on every replica, no failover is possible.
    Works LIVE -> Links "replica-priority" ["slave-priority"] replica_priority: i64 = 100, Int(0..=INT);
    /// The address under which the primary and Sentinel show and reach this replica; empty means the address from
    /// which it connects. Set it where addresses are translated (containers, NAT); otherwise a failover sends clients
    /// to an address that they cannot reach.
    Works LIVE -> Links "replica-announce-ip" ["slave-announce-ip"] replica_announce_ip: String = String::new(), Text;
    /// The port under which the primary and Sentinel show and reach this replica; 0 means `port`. Set it where ports
    /// are mapped; otherwise a failover sends clients to the wrong port.
    Works LIVE -> Links "replica-announce-port" ["slave-announce-port"] replica_announce_port: i64 = 0, Int(0..=65535);
    /// With `no`, the primary does not mention this replica to Sentinel, which then neither monitors nor promotes it.
    Works LIVE -> Links "replica-announced" replica_announced: bool = true, YesNo;
    /// With `yes`, a replica evicts nothing on its own and waits for its primary's deletions, so that both hold the
    /// same data; leave it room above `maxmemory`. With `no`, it evicts on its own, and its data diverges from the
    /// primary's.
    Works LIVE "replica-ignore-maxmemory" ["slave-ignore-maxmemory"] replica_ignore_maxmemory: bool = true, YesNo;
    /// Has no effect: the old data of a replica is always freed by another thread.
    Idle LIVE "replica-lazy-flush" ["slave-lazy-flush"] replica_lazy_flush: bool = false, YesNo;
    /// Has no effect: a replica that cannot save always continues to apply its primary's writes; the log and
    /// `rdb_last_bgsave_status` in INFO report the failed save.
    Idle LIVE "replica-ignore-disk-write-errors" replica_ignore_disk_write_errors: bool = false, YesNo;
    /// How many bytes of the stream a replica keeps while the payload of a full sync arrives over a second connection
    /// (`repl-rdb-channel`, `dual-channel-replication-enabled`): a few MB in memory, the rest in temporary files. At
    /// the limit the replica stops reading the stream until the payload is loaded, so that the primary has to keep the
    /// rest. With 0, the hard limit that `client-output-buffer-limit` sets for replicas applies instead; if that is 0
    /// too, only the disk limits it. If the value is too low, the primary needs as much memory as with one connection.
    Works LIVE -> Links "replica-full-sync-buffer-limit" replica_full_sync_buffer_limit: i64 = 0, Memory(0..=MAX);
    /// What a replica does when it cannot run a write from its primary's stream, because it does not know the command
    /// or the command fails; from then on, its data would differ. `resync` closes the link and asks for a full sync,
    /// which brings the result; it waits 1 s first, and twice as long each time this happens again (up to 512 s).
    /// `stop` closes the link for good; so do `panic` and `panic-on-replicas`, because the process never exits for
    /// this reason. `ignore` logs the error and continues with different data, as Redis does by default. INFO shows
    /// what happened (`replica_diverged_reason`).
    Works LIVE "propagation-error-behavior" propagation_error_behavior: PropagationError = PropagationError::Resync, OneOf;
    /// A primary refuses writes while fewer than this many replicas are online and lag at most `min-replicas-max-lag`
    /// seconds; 0 turns this off. It bounds the number of writes that a primary accepts while it is cut off from its
    /// replicas. A value above the number of replicas refuses every write.
    Works LIVE -> Links "min-replicas-to-write" ["min-slaves-to-write"] min_replicas_to_write: i64 = 0, Int(0..=INT);
    /// The number of seconds since a replica's last acknowledgement after which the replica no longer counts for
    /// `min-replicas-to-write`; 0 turns that off. Replicas acknowledge once a second, so 1 makes writes fail now and
    /// then; a high value lets a primary that is cut off accept writes for longer.
    Works LIVE -> Links "min-replicas-max-lag" ["min-slaves-max-lag"] min_replicas_max_lag: i64 = 10, Int(0..=INT);
    /// The number of seconds of silence after which either side closes a replication link, even while a payload is
    /// sent or received. It must be well above `repl-ping-replica-period`, or idle links break; if it is too low, slow
    /// disks and networks make full syncs fail again and again; if it is high, a dead peer is noticed late.
    Works LIVE -> Links "repl-timeout" repl_timeout: i64 = 60, Int(1..=INT);
    /// The number of seconds between the pings that a primary sends its replicas while nothing is written. It must be
    /// well below the replicas' `repl-timeout`. Each ping adds a few bytes to the backlog.
    Works LIVE -> Links "repl-ping-replica-period" ["repl-ping-slave-period"] repl_ping_replica_period: i64 = 10, Int(1..=INT);
    /// With `yes`, the kernel gathers data for replicas into fewer packets, which delays it by up to 40 ms. With `no`,
    /// writes are sent at once. A change applies to new links.
    Works LIVE "repl-disable-tcp-nodelay" repl_disable_tcp_nodelay: bool = false, YesNo;
    /// How many bytes of the replication stream are kept, so that a replica that lost its link can continue without a
    /// full sync; at least 16 KB are kept. A good value is the number of bytes written per second times the seconds
    /// that an interruption may last. If it is too small, every short interruption costs a full sync; this much memory
    /// is in use as long as there are replicas.
    Works LIVE -> Links "repl-backlog-size" repl_backlog_size: i64 = 1 << 20, Memory(1..=MAX);
    /// The number of seconds after the last replica has disconnected until the backlog is freed; 0 means never. After
    /// that, every replica that returns needs a full sync. A replica never frees its own backlog.
    Works LIVE -> Links "repl-backlog-ttl" repl_backlog_ttl: i64 = 3600, Int(0..=MAX);
    /// How many bytes of the stream replicas may be sent from the disk; 0 means none. With `appendonly yes`, a replica
    /// that lacks more than memory holds is sent it from the increments, as far as they hold so many bytes; this takes
    /// no further room. And so many bytes may wait in temporary files in `dir` for slow replicas, when memory holds 16
    /// MB more than `repl-backlog-size`. These files have no name and vanish with the process. If the value is too low,
    /// a replica that takes long to receive its payload costs memory or is disconnected, and one that was away for long
    /// needs a full sync; the disk must have room for the temporary files.
    Works LIVE -> Links "repl-backlog-disk-size" repl_backlog_disk_size: i64 = 4 << 30, Memory(0..=MAX);
    /// With `yes`, the snapshot for a full sync goes directly from memory to the replicas' connections; with `no`, it
    /// is saved as the dump first and then sent. `no` needs the disk, but a replica that asks a little later can share
    /// the same file.
    Works LIVE -> Links "repl-diskless-sync" repl_diskless_sync: bool = true, YesNo;
    /// The number of seconds that a diskless full sync waits for further replicas, which then share one snapshot; with
    /// 0 it does not wait. If it is too low, replicas that connect shortly after each other cost a snapshot each;
    /// every second delays every full sync.
    Works LIVE -> Links "repl-diskless-sync-delay" repl_diskless_sync_delay: i64 = 5, Int(0..=INT);
    /// Whether that delay ends as soon as all replicas that were connected before are back; `auto` means `yes` as long
    /// as `repl-diskless-sync-delay` has its default. With `yes`, a new replica that connects a moment later waits for
    /// the next snapshot.
    Works LIVE -> Links "repl-diskless-sync-early-start" repl_diskless_sync_early_start: EarlyStart = EarlyStart::Auto, OneOf;
    /// The number of waiting replicas at which a diskless full sync starts before its delay is over; 0 always waits
    /// for the delay. If it is lower than the number of replicas, some wait for the next snapshot.
    Works LIVE -> Links "repl-diskless-sync-max-replicas" repl_diskless_sync_max_replicas: i64 = 0, Int(0..=INT);
    /// With `yes`, the payload of a full sync is sent over a second connection, as in Redis 8, while the stream is sent
    /// over the first. The stream of a long full sync is then kept by the replica instead of by the primary. The
    /// replica requests this and the primary grants it, so both need `yes`, and the primary also needs
    /// `repl-diskless-sync yes`. If the second connection fails, the next attempt uses a single connection.
    Works LIVE -> Links "repl-rdb-channel" repl_rdb_channel: bool = false, YesNo;
    /// Like `repl-rdb-channel`, if the other side is Valkey 8 or later, which uses other commands for it. If both sides
    /// support both protocols, that of `repl-rdb-channel` is used.
    Works LIVE -> Links "dual-channel-replication-enabled" dual_channel_replication_enabled: bool = false, YesNo;
    /// How a replica receives a full sync. `disabled` writes it to a file, checks it, and only then drops the old
    /// data. `on-empty-db` loads it directly if there is no data. `swapdb` loads it beside the old data and then swaps
    /// the two, which takes the memory of both. `flush-before-load` empties the replica first; if the link then fails,
    /// the replica has no data.
    Works LOADED -> Links "repl-diskless-load" repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, OneOf;
    /// The server for which full syncs are written; `auto` uses a form that all replicas of the sync are known to
    /// read. Replicas that do not announce their version are assumed to understand what that server understands, also
    /// in the stream after the sync. If the target is too old for the data, full syncs fail or lose data, as
    /// `rdb-save-loss` says; if it is newer than a replica, that replica cannot load the payload.
    Works LIVE -> Links "repl-rdb-target" repl_rdb_target: RdbTarget = RdbTarget::Auto, OneOf;
    /// How many replicas may receive a full sync at the same time; 0 means any number. The others wait. A low value
    /// limits load and network traffic after an outage, but makes the last replica wait long.
    Works LIVE -> Links "repl-max-concurrent-full-syncs" repl_max_concurrent_full_syncs: i64 = 0, Int(0..=INT);
    /// How many bytes the old and the new data may take together while a replica loads with `repl-diskless-load
    /// swapdb`; 0 means no limit. A full sync that would exceed the limit, or does, is received to disk instead.
    /// Without a limit, a replica can need twice its memory and be killed by the kernel.
    Works LIVE -> Links "repl-swapdb-memory-limit" repl_swapdb_memory_limit: i64 = 0, Memory(0..=MAX);

    section "Data types":
    /// How many fields a hash may have while it is packed into one piece of memory (`OBJECT ENCODING` listpack).
    /// Packed hashes are small but are searched from the start: a high value makes large hashes slow, and a low one
    /// takes more memory. A change takes effect when a hash is next written.
    Works LIVE "hash-max-listpack-entries" ["hash-max-ziplist-entries"] hash_max_listpack_entries: i64 = 512, Int(0..=MAX);
    /// How many bytes a field or a value in a packed hash may have; a longer one unpacks the hash. A high value makes
    /// changes of packed hashes slow; a low one takes more memory.
    Works LIVE "hash-max-listpack-value" ["hash-max-ziplist-value"] hash_max_listpack_value: i64 = 64, Memory(0..=MAX);
    /// How many fields a packed hash must have to share their names with other hashes of the same fields, in memory
    /// (`OBJECT ENCODING` template-listpack); 0 means that only hashes made by HIMPORT do. This saves memory if many
    /// hashes have the same fields in the same order, and costs time if they do not. A change takes effect when a hash is
    /// next written; a restart or full sync writes none.
    Works LIVE "hash-min-template-entries" hash_min_template_entries: i64 = 0, Int(0..=MAX);
    /// How many fields a hash may have to get shared names by `hash-min-template-entries`; 0 means no limit.
    Works LIVE "hash-max-template-entries" hash_max_template_entries: i64 = 0, Int(0..=MAX);
    /// The size of a list's nodes: -1 to -5 mean at most 4, 8, 16, 32 or 64 KB, and a positive number means at most
    /// that many elements and 8 KB; 0 is treated as 1, and values below -5 as -5. A list of one node is packed. Large
    /// nodes make changes in the middle slow; small ones take more memory.
    Works LIVE "list-max-listpack-size" ["list-max-ziplist-size"] list_max_listpack_size: i64 = -2, Int(-INT - 1..=INT);
    /// Has no effect: nodes of lists are not compressed in memory.
    Idle LIVE "list-compress-depth" list_compress_depth: i64 = 0, Int(0..=INT);
    /// How many integers a set may have while it is held as a sorted array (`OBJECT ENCODING` intset). A high value
    /// makes adding to large sets slow; a low one takes more memory.
    Works LIVE "set-max-intset-entries" set_max_intset_entries: i64 = 512, Int(0..=MAX);
    /// How many members a set may have while it is packed into one piece of memory. Packed sets are searched from the
    /// start: a high value makes large sets slow, and a low one takes more memory.
    Works LIVE "set-max-listpack-entries" set_max_listpack_entries: i64 = 128, Int(0..=MAX);
    /// How many bytes a member of a packed set may have; a longer one unpacks the set. A high value makes changes of
    /// packed sets slow; a low one takes more memory.
    Works LIVE "set-max-listpack-value" set_max_listpack_value: i64 = 64, Int(0..=MAX);
    /// How many members a sorted set may have while it is packed into one piece of memory. Packed sorted sets are
    /// searched from the start: a high value makes large ones slow, and a low one takes more memory.
    Works LIVE "zset-max-listpack-entries" ["zset-max-ziplist-entries"] zset_max_listpack_entries: i64 = 128, Int(0..=MAX);
    /// How many bytes a member of a packed sorted set may have; a longer one unpacks it. A high value makes changes of
    /// packed sorted sets slow; a low one takes more memory.
    Works LIVE "zset-max-listpack-value" ["zset-max-ziplist-value"] zset_max_listpack_value: i64 = 64, Memory(0..=MAX);
    /// The number of bytes at which a stream's node is full, so that the next entry begins a new one; with 0, only an
    /// internal limit applies. Large nodes make reads of single entries slow; small ones take more memory.
    Works LIVE "stream-node-max-bytes" stream_node_max_bytes: i64 = 4096, Memory(0..=MAX);
    /// The number of entries at which a stream's node is full; 0 means no limit. Trimming with `~` removes whole nodes
    /// only, so a high value makes it coarse, and a low one takes more memory.
    Works LIVE "stream-node-max-entries" stream_node_max_entries: i64 = 100, Int(0..=MAX);
    /// For how many seconds a stream remembers the names under which producers add entries (`XADD IDMP`): an entry that
    /// is added again later is there twice. A stream takes the value over with its first such entry; XCFGSET sets another.
    Works LIVE "stream-idmp-duration" stream_idmp_duration: i64 = 100, Int(1..=86_400);
    /// How many names of each producer a stream remembers. A low value lets an entry in twice if its producer adds many
    /// others before it repeats it; each name takes memory. A stream takes the value over with its first such entry.
    Works LIVE "stream-idmp-maxsize" stream_idmp_maxsize: i64 = 100, Int(1..=10_000);
    /// How many bytes a HyperLogLog in its sparse form may take before it is converted to the dense form of 12 KB. A
    /// high value makes PFADD slow, and a low one takes more memory for small counts; values above 12304 are useless,
    /// because the dense form is smaller.
    Works LIVE "hll-sparse-max-bytes" hll_sparse_max_bytes: i64 = 3000, Memory(0..=MAX);

    section "Observing":
    /// Which changes of keys are published to subscribers, as letters: `K` and `E` choose the channels, and the others
    /// choose the kinds of events; empty publishes nothing. Without `K` or `E`, the other letters have no effect. Each
    /// event costs processor time, even if nobody listens.
    Works LIVE "notify-keyspace-events" notify_keyspace_events: String = String::new(), EventClasses;
    /// The number of microseconds from which a command is recorded in SLOWLOG; 0 records every command, and a negative
    /// number none. The time does not include waiting for the socket. A low value fills the log with ordinary
    /// commands.
    Works LIVE "slowlog-log-slower-than" ["commandlog-execution-slower-than"] slowlog_log_slower_than: i64 = 10000, Int(-1..=MAX);
    /// How many entries SLOWLOG keeps, the newest first; 0 keeps none. An entry keeps up to 32 arguments of 128 bytes
    /// each, so a high value takes memory.
    Works LIVE "slowlog-max-len" ["commandlog-slow-execution-max-len"] slowlog_max_len: i64 = 128, Int(0..=MAX);
    /// How many arguments of a request an entry of SLOWLOG and COMMANDLOG keeps; the last one says how many more there
    /// were. A high value takes memory; a low one hides what the request did.
    Works HIDDEN "slowlog-entry-max-argc" slowlog_entry_max_argc: i64 = 32, Int(2..=INT);
    /// How many bytes of each argument an entry of SLOWLOG and COMMANDLOG keeps. A high value takes memory; a low one
    /// hides what the request did.
    Works HIDDEN "slowlog-entry-max-string-len" slowlog_entry_max_string_len: i64 = 128, Int(1..=MAX);
    /// The size in bytes from which a request is recorded in COMMANDLOG's `large-request`; -1 records none. A low
    /// value fills the log with ordinary requests.
    Works HIDDEN "commandlog-request-larger-than" commandlog_request_larger_than: i64 = 1 << 20, Int(-1..=MAX);
    /// How many entries COMMANDLOG's `large-request` keeps, the newest first; 0 keeps none. A high value takes memory.
    Works HIDDEN "commandlog-large-request-max-len" commandlog_large_request_max_len: i64 = 128, Int(0..=MAX);
    /// The size in bytes of a reply from which its request is recorded in COMMANDLOG's `large-reply`; -1 records none.
    /// A low value fills the log with ordinary requests.
    Works HIDDEN "commandlog-reply-larger-than" commandlog_reply_larger_than: i64 = 1 << 20, Int(-1..=MAX);
    /// How many entries COMMANDLOG's `large-reply` keeps, the newest first; 0 keeps none. A high value takes memory.
    Works HIDDEN "commandlog-large-reply-max-len" commandlog_large_reply_max_len: i64 = 128, Int(0..=MAX);
    /// The number of milliseconds from which an event is recorded for LATENCY; 0 records nothing. A low value records
    /// ordinary work and costs a little time.
    Works LIVE "latency-monitor-threshold" latency_monitor_threshold: i64 = 0, Int(0..=MAX);
    /// With `yes`, the server keeps a distribution of execution times for each command, which LATENCY HISTOGRAM and
    /// INFO `latencystats` show. This takes memory for each command that was used, and a little time for each call.
    /// `no` discards what was recorded.
    Works LIVE -> LatencyTracking "latency-tracking" latency_tracking: bool = true, YesNo;
    /// The percentiles that INFO `latencystats` shows for each command, from 0 to 100; an empty list shows none. They
    /// do not change what is recorded.
    Works LIVE "latency-tracking-info-percentiles" latency_tracking_info_percentiles: Vec<f64> = vec![50.0, 99.0, 99.9], Percentiles;

    section "Scripts":
    /// The number of milliseconds after which other clients are answered while a script is still running: they get
    /// BUSY for all but a few commands such as SCRIPT KILL. With 0, they never are. With a low value, scripts that
    /// take a moment make other clients fail; with a high value or 0, all clients wait for a script that does not end.
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
    /// The port on which the addresses of `bind` accept TLS connections; 0 means none. If the port is in use or the
    /// certificate files are missing, the server does not start, and CONFIG SET fails. See docs/tls.md.
    Works LIVE -> TlsPort "tls-port" tls_port: i64 = 0, Int(0..=65535);
    /// Only with `tls-replication yes` is `yes` accepted, and says no more than that: MIGRATE uses TLS. There is no other
    /// connection between the servers of a cluster, as cluster mode is not built in.
    Works LIVE "tls-cluster" tls_cluster: bool = false, YesNo;
    /// With `yes`, the link to the primary and MIGRATE use TLS, from the next connection on. The other server's
    /// certificate must be signed by an authority in `tls-ca-cert-file` or `tls-ca-cert-dir`. If the other port does not speak TLS, the link stays down.
    Works LIVE -> Tls "tls-replication" tls_replication: bool = false, YesNo;
    /// Who must present a certificate that is signed by one of our authorities: every client (`yes`), nobody (`no`),
    /// or only clients that have one (`optional`). With `no` and `optional`, everyone who can reach the port can
    /// connect, and only passwords and users protect the data.
    Works LIVE -> Tls "tls-auth-clients" tls_auth_clients: TlsAuth = TlsAuth::Yes, OneOf;
    /// Which part of a client's certificate names the user that the client is logged in as: the common name (`CN`),
    /// the first URI that is the name of a user (`URI`), or nothing (`off`). If there is no such user, the client
    /// starts like any other.
    Works LIVE "tls-auth-clients-user" tls_auth_clients_user: TlsUser = TlsUser::Off, OneOf;
    /// With `yes`, the server chooses among the ciphers that both sides support; with `no`, the client's order
    /// decides.
    Works LIVE -> Tls "tls-prefer-server-ciphers" tls_prefer_server_ciphers: bool = false, YesNo;
    /// With `yes`, clients may resume sessions, which costs far less than a new handshake. With `no`, every connection
    /// needs a full handshake.
    Works LIVE -> Tls "tls-session-caching" tls_session_caching: bool = true, YesNo;
    /// How many sessions are remembered; 0 means none. Each takes about a kilobyte, and more if clients have
    /// certificates. If the value is lower than the number of clients that reconnect, some of them need a full
    /// handshake.
    Works LIVE -> Tls "tls-session-cache-size" tls_session_cache_size: i64 = 20480, Int(0..=INT);
    /// The number of seconds during which a session may be resumed. A low value causes more full handshakes; with a
    /// high one, keys of old sessions stay in memory longer.
    Works LIVE -> Tls "tls-session-cache-timeout" tls_session_cache_timeout: i64 = 300, Int(0..=INT);
    /// The PEM file of the server's certificate, followed by the intermediate certificates. A file that cannot be read
    /// or does not belong to `tls-key-file` keeps the server from starting, and CONFIG SET refuses it.
    Works LIVE -> Tls "tls-cert-file" tls_cert_file: String = String::new(), Text;
    /// The PEM file of the private key that belongs to `tls-cert-file` (PKCS#8, PKCS#1 or SEC1; RSA of 2048 to 4096
    /// bits, P-256, P-384 or Ed25519). Whoever can read it can pose as this server.
    Works LIVE -> Tls "tls-key-file" tls_key_file: String = String::new(), Text;
    /// The password of `tls-key-file`, if that is encrypted (PKCS#8); empty means that it is not. A wrong password
    /// keeps the server from starting, and CONFIG SET refuses it.
    Works SECRET -> Tls "tls-key-file-pass" tls_key_file_pass: String = String::new(), Text;
    /// The PEM file of the certificate for connections to other servers. Unless this and `tls-client-key-file` are
    /// both set, the server presents `tls-cert-file` to them.
    Works LIVE -> Tls "tls-client-cert-file" tls_client_cert_file: String = String::new(), Text;
    /// The PEM file of the private key that belongs to `tls-client-cert-file`.
    Works LIVE -> Tls "tls-client-key-file" tls_client_key_file: String = String::new(), Text;
    /// The password of `tls-client-key-file`, if that is encrypted (PKCS#8); empty means that it is not.
    Works SECRET -> Tls "tls-client-key-file-pass" tls_client_key_file_pass: String = String::new(), Text;
    /// Has no effect: the key exchange only uses elliptic curves.
    Idle LIVE "tls-dh-params-file" tls_dh_params_file: String = String::new(), Text;
    /// The PEM file with the certificates of trusted authorities. This or `tls-ca-cert-dir` is needed if clients must
    /// present certificates, and for `tls-replication`. Whoever has a certificate of one of them can connect.
    Works LIVE -> Tls "tls-ca-cert-file" tls_ca_cert_file: String = String::new(), Text;
    /// A directory with PEM files of trusted authorities; every file in it that contains certificates is read.
    Works LIVE -> Tls "tls-ca-cert-dir" tls_ca_cert_dir: String = String::new(), Text;
    /// Names separated by spaces: a server that we connect to over TLS must have a certificate for one of them, or the link to
    /// the primary and MIGRATE fail. The common name of a certificate counts only if it has no host names; `*.example.com`
    /// in a certificate stands for all hosts of that domain. With the empty default, every certificate that a trusted
    /// authority has signed is accepted: whoever has one can pretend to be the primary.
    Works LIVE -> Tls "tls-expected-peer-name" tls_expected_peer_name: String = String::new(), PeerNames;
    /// The TLS versions that are offered: `TLSv1.2`, `TLSv1.3`, or both separated by a space, which is also what an
    /// empty value means. Clients that support none of them cannot connect; other names are refused.
    Works LIVE -> Tls "tls-protocols" tls_protocols: String = String::new(), Text;
    /// The ciphers of TLS 1.2, by OpenSSL's names; empty means all that are supported. A name that is not supported is
    /// refused. If the list is too short, clients that have none of its ciphers cannot connect.
    Works LIVE -> Tls "tls-ciphers" tls_ciphers: String = String::new(), Text;
    /// The ciphers of TLS 1.3, by OpenSSL's names; empty means all that are supported. A name that is not supported is
    /// refused. If the list is too short, clients that have none of its ciphers cannot connect.
    Works LIVE -> Tls "tls-ciphersuites" tls_ciphersuites: String = String::new(), Text;
    /// The number of seconds between checks whether the certificate files have changed; changed files are read again.
    /// 0 means never, so a renewed certificate is used only after CONFIG SET of a file's name, which reads the files
    /// at once, or after a restart. If a file is wrong, this is logged, and the previous certificates stay in use.
    Works LIVE "tls-auto-reload-interval" tls_auto_reload_interval: i64 = 0, Int(0..=INT);
}
