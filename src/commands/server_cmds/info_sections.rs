//! The lines of INFO's sections, in the order and spelling of Redis.

use super::human;
use engine::client_list;
use engine::host::Facts;
use engine::table::{self, Entry};
use engine::{ClientFlags, ClientId, Engine, Session, heat};
use keyspace::Db;
use rdb::RdbType;
use std::fmt::{Display, Write};

/// Writes `name:value` lines.
struct Lines<'a>(&'a mut String);

impl Lines<'_> {
    fn put(&mut self, name: &str, value: impl Display) {
        write!(self.0, "{name}:{value}\r\n").expect("a String takes everything");
    }
}

/// INFO server
pub fn server(engine: &Engine, facts: &Facts, out: &mut String) {
    let mut line = Lines(out);
    let up = (engine.clock.mono_us - engine.started.mono_us) / 1_000_000;
    line.put("redis_version", base::REDIS_VERSION);
    line.put("forebay_version", base::VERSION);
    line.put("redis_git_sha1", "00000000");
    line.put("redis_git_dirty", 0);
    line.put("redis_build_id", format_args!("forebay-{}", base::VERSION));
    line.put("redis_mode", "standalone");
    line.put("os", &facts.os);
    line.put("arch_bits", usize::BITS);
    line.put("atomicvar_api", "std");
    line.put("gcc_version", "0.0.0");
    line.put("monotonic_clock", "POSIX clock_gettime");
    line.put("multiplexing_api", "epoll");
    line.put("process_id", facts.pid);
    line.put("process_supervised", facts.supervised);
    line.put("run_id", &engine.run_id);
    let port = match engine.config.port {
        0 => engine.config.tls_port,
        port => port,
    };
    line.put("tcp_port", port);
    line.put("server_time_usec", engine.clock.time_us());
    line.put("uptime_in_seconds", up);
    line.put("uptime_in_days", up / 86400);
    line.put("hz", engine.effective_hz());
    line.put("configured_hz", engine.config.hz);
    line.put("lru_clock", heat::lru_clock(engine.clock.steady_ms));
    line.put("executable", &facts.executable);
    line.put("config_file", &facts.config_file);
    line.put("io_threads_active", u8::from(facts.io.active));
    if let Some(ms) = facts.shutdown_in_ms {
        line.put("shutdown_in_milliseconds", ms);
    }
    let mut listeners = 0;
    let mut listener = |text: String| {
        line.put(&format!("listener{listeners}"), text);
        listeners += 1;
    };
    let config = &engine.config;
    let binds = config.bind.iter().map(|b| format!("bind={b},"));
    let binds: String = binds.collect();
    if config.port != 0 {
        listener(format!("name=tcp,{binds}port={}", config.port));
    }
    if !config.unixsocket.is_empty() {
        listener(format!("name=unix,bind={}", config.unixsocket));
    }
    if config.tls_port != 0 {
        listener(format!("name=tls,{binds}port={}", config.tls_port));
    }
}

/// INFO clients. The session of the asking client is lent, so it is passed separately.
pub fn clients(engine: &Engine, asker: &Session, out: &mut String) {
    let mut line = Lines(out);
    let clients = || engine.clients.values().chain(std::iter::once(asker));
    let special = ClientFlags::REPLICA | ClientFlags::MASTER;
    let links = clients().filter(|c| c.flags.intersects(special)).count();
    line.put("connected_clients", engine.clients.len() - links);
    line.put("cluster_connections", 0);
    line.put("maxclients", engine.config.maxclients);
    let input = clients().map(|c| c.query_buffer).max();
    let output = clients().map(|c| c.reply.len() + c.unsent.bytes()).max();
    line.put("client_recent_max_input_buffer", input.unwrap_or(0));
    line.put("client_recent_max_output_buffer", output.unwrap_or(0));
    // Clients that wait for the end of CLIENT PAUSE count, as in the reference.
    let waits = |id: &&ClientId| engine.clients.contains_key(id);
    let postponed = engine.postponed.iter().chain(&engine.released);
    let postponed = postponed.filter(waits).count();
    line.put("blocked_clients", engine.blocking.clients() + postponed);
    let count = |f: &dyn Fn(&&Session) -> bool| clients().filter(f).count();
    line.put("tracking_clients", engine.tracking.clients().len());
    line.put("pubsub_clients", count(&|c| c.subscriptions() > 0));
    line.put("watching_clients", count(&|c| !c.watched.is_empty()));
    line.put("clients_in_timeout_table", engine.blocking.with_deadline());
    line.put("total_watched_keys", engine.watched.len());
    line.put("total_blocking_keys", engine.blocking.keys());
    line.put("total_blocking_keys_on_nokey", awaiting_end(engine));
    let pause = engine.pauses.shown(engine.clock.steady_ms);
    let (reason, actions, ms) = pause.unwrap_or(("none", "none", 0));
    line.put("paused_reason", reason);
    line.put("paused_actions", actions);
    line.put("paused_timeout_milliseconds", ms);
}

/// Keys whose end somebody waits for (XREADGROUP).
fn awaiting_end(engine: &Engine) -> usize {
    use engine::blocking::{BlockedOn, WaitFor};
    let waits = engine.clients.values().filter_map(|c| c.blocked.as_ref());
    let keys = waits.filter_map(|b| match &b.on {
        BlockedOn::Keys { db, keys, wait_for } if *wait_for == WaitFor::StreamOrEnd => {
            Some(keys.iter().map(move |k| (*db, k)))
        }
        _ => None,
    });
    keys.flatten()
        .collect::<std::collections::HashSet<_>>()
        .len()
}

/// Memory that is not the dataset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overhead {
    /// Held by normal clients.
    pub clients: usize,
    /// Stream bytes above the backlog's size, which are held for replicas.
    pub replicas: usize,
    /// The replication backlog, up to its size where replicas hold more.
    pub backlog: usize,
    /// The primary's stream that waits for the payload of a full sync over two connections.
    pub collected: usize,
    /// Held by cached scripts and function libraries.
    pub scripts: usize,
    /// What finds keys, in all databases.
    pub index: usize,
    /// The expiries of keys.
    pub expiries: usize,
}

impl Overhead {
    /// Of a server, for a client that asks. While its request runs, it is not among the clients.
    pub fn of(engine: &Engine, asking: &Session) -> Overhead {
        let clients = engine.clients.values().chain([asking]);
        let normal = clients.filter(|c| !c.flags.contains(ClientFlags::REPLICA));
        let log = engine.repl.history().backlog();
        let held = log.map_or(0, |log| log.memory());
        let size = match engine.repl.primary().count() {
            0 => held,
            _ => engine.repl.history().backlog_bytes_max(),
        };
        let dbs = || (0..engine.keyspace.count()).map(|number| engine.keyspace.db(number));
        Overhead {
            index: dbs().map(Db::index_bytes).sum(),
            expiries: dbs().map(Db::expiry_bytes).sum(),
            clients: normal.map(client_list::memory).sum(),
            replicas: held.saturating_sub(size),
            backlog: held.min(size),
            collected: engine.repl.upstream().map_or(0, |up| up.collected_memory),
            scripts: engine.scripting.cache.bytes() + engine.scripting.libraries.bytes(),
        }
    }

    /// All of it, with what the empty server takes.
    pub fn total(&self, startup: usize) -> usize {
        let Overhead {
            clients,
            replicas,
            backlog,
            collected,
            scripts,
            index,
            expiries,
        } = self;
        startup + clients + replicas + backlog + collected + scripts + index + expiries
    }
}

/// INFO memory
pub fn memory(engine: &Engine, facts: &Facts, asking: &Session, out: &mut String) {
    // The text of the reply is in memory for this moment only.
    let used = (engine.used_memory)(engine).saturating_sub(out.capacity());
    let mut line = Lines(out);
    let peak = engine.stats.peak_memory.max(used);
    let m = &facts.memory;
    let overhead = Overhead::of(engine, asking);
    let startup = engine.startup_memory;
    let total_overhead = overhead.total(startup);
    let dataset = used.saturating_sub(total_overhead);
    let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
    let both = |line: &mut Lines<'_>, name: &str, bytes: usize| {
        line.put(name, bytes);
        line.put(&format!("{name}_human"), human(bytes));
    };
    both(&mut line, "used_memory", used);
    both(&mut line, "used_memory_rss", m.rss);
    both(&mut line, "used_memory_peak", peak);
    let peak_s = match used > engine.stats.peak_memory {
        true => engine.clock.unix_ms / 1000,
        false => engine.stats.peak_memory_s,
    };
    line.put("used_memory_peak_time", peak_s);
    let percent = |a: usize, b: usize| format!("{:.2}%", ratio(a, b) * 100.0);
    line.put("used_memory_peak_perc", percent(used, peak));
    line.put("used_memory_overhead", total_overhead);
    line.put("used_memory_startup", startup);
    line.put("used_memory_dataset", dataset);
    line.put(
        "used_memory_dataset_perc",
        percent(dataset, used.saturating_sub(startup)),
    );
    line.put("allocator_allocated", m.allocated);
    line.put("allocator_active", m.active);
    line.put("allocator_resident", m.resident);
    line.put("allocator_muzzy", 0);
    both(&mut line, "total_system_memory", m.total);
    let scripting = &engine.scripting;
    let (eval, functions) = (scripting.eval_memory(), scripting.functions_memory());
    let (scripts, libraries) = (scripting.cache.bytes(), scripting.libraries.bytes());
    both(&mut line, "used_memory_lua", eval);
    line.put("used_memory_vm_eval", eval);
    line.put("used_memory_scripts_eval", scripts);
    line.put("number_of_cached_scripts", scripting.cache.len());
    line.put("number_of_functions", scripting.libraries.functions());
    line.put("number_of_libraries", scripting.libraries.len());
    line.put("used_memory_vm_functions", functions);
    both(&mut line, "used_memory_vm_total", eval + functions);
    line.put("used_memory_functions", libraries);
    both(&mut line, "used_memory_scripts", scripts + libraries);
    both(&mut line, "maxmemory", engine.config.maxmemory as usize);
    line.put("maxmemory_policy", engine.config.maxmemory_policy.name());
    let gap = |a: usize, b: usize| a as i64 - b as i64;
    for (name, a, b) in [
        ("allocator_frag", m.active, m.allocated),
        ("allocator_rss", m.resident, m.active),
        ("rss_overhead", m.rss, m.resident),
        ("mem_fragmentation", m.rss, used),
    ] {
        line.put(&format!("{name}_ratio"), format_args!("{:.2}", ratio(a, b)));
        line.put(&format!("{name}_bytes"), gap(a, b));
    }
    // No table is resized as a whole.
    line.put("mem_overhead_db_hashtable_rehashing", 0);
    line.put("mem_not_counted_for_evict", engine.not_counted_for_evict());
    line.put("mem_replication_backlog", overhead.backlog);
    let buffers = overhead.backlog + overhead.replicas;
    line.put("mem_total_replication_buffers", buffers);
    // The names of Redis 8 and of Valkey 9.
    line.put("mem_replica_full_sync_buffer", overhead.collected);
    if engine.config.dual_channel_replication_enabled {
        line.put("mem_replicas_repl_buffer", overhead.collected);
    }
    line.put("mem_clients_slaves", overhead.replicas);
    line.put("mem_clients_normal", overhead.clients);
    line.put("mem_cluster_links", 0);
    line.put("mem_aof_buffer", facts.log_buffer);
    line.put("mem_allocator", facts.allocator);
    line.put("active_defrag_running", 0);
    line.put("lazyfree_pending_objects", facts.lazyfree_pending);
    let lazyfreed = facts.lazyfreed - engine.stats.lazyfreed_before;
    line.put("lazyfreed_objects", lazyfreed);
}

/// INFO debug
pub fn debug(engine: &Engine, _: &Facts, out: &mut String) {
    let (mut line, s) = (Lines(out), &engine.stats);
    // The append-only file is written by a thread of its own.
    line.put("eventloop_duration_aof_sum", 0);
    line.put("eventloop_duration_cron_sum", s.cron_ns / 1000);
    line.put("eventloop_duration_max", s.turn_max_ns / 1000);
    line.put("eventloop_cmd_per_cycle_max", s.turn_commands_max);
}

/// INFO stats
pub fn stats(engine: &Engine, facts: &Facts, out: &mut String) {
    let mut line = Lines(out);
    let (s, r) = (&engine.stats, &engine.rates);
    let kbps = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    line.put("total_connections_received", s.connections);
    line.put("total_commands_processed", s.commands);
    line.put("instantaneous_ops_per_sec", r.commands.per_second());
    line.put("total_net_input_bytes", s.net_input);
    line.put("total_net_output_bytes", s.net_output);
    line.put("total_net_repl_input_bytes", s.net_repl_input);
    line.put("total_net_repl_output_bytes", s.net_repl_output);
    line.put("instantaneous_input_kbps", kbps(r.input.per_second()));
    line.put("instantaneous_output_kbps", kbps(r.output.per_second()));
    line.put(
        "instantaneous_input_repl_kbps",
        kbps(r.repl_input.per_second()),
    );
    line.put(
        "instantaneous_output_repl_kbps",
        kbps(r.repl_output.per_second()),
    );
    line.put("rejected_connections", s.rejected);
    line.put("sync_full", s.sync_full);
    line.put("sync_partial_ok", s.sync_partial_ok);
    line.put("sync_partial_err", s.sync_partial_err);
    // Redis calls them subkeys, Valkey fields.
    line.put("expired_subkeys", s.expired_subkeys);
    line.put("expired_fields", s.expired_subkeys);
    line.put("expired_keys", s.expired_keys);
    line.put(
        "expired_stale_perc",
        format_args!("{:.2}", s.stale_share * 100.0),
    );
    line.put("expired_time_cap_reached_count", s.expire_cycles_cut);
    line.put(
        "expire_cycle_cpu_milliseconds",
        s.expire_cycle_ns / 1_000_000,
    );
    line.put("evicted_keys", s.evicted_keys);
    line.put("evicted_clients", s.evicted_clients);
    line.put("evicted_scripts", engine.stats.evicted_scripts);
    line.put("total_eviction_exceeded_time", 0);
    line.put("current_eviction_exceeded_time", 0);
    line.put("keyspace_hits", s.hits);
    line.put("keyspace_misses", s.misses);
    line.put("pubsub_channels", engine.pubsub.channels.len());
    line.put("pubsub_patterns", engine.pubsub.patterns.len());
    line.put("pubsubshard_channels", engine.pubsub.shard_channels.len());
    // There is no fork here.
    line.put("latest_fork_usec", 0);
    line.put("total_forks", 0);
    line.put("migrate_cached_sockets", facts.migrate_sockets);
    line.put("slave_expires_tracked_keys", engine.own_keys.len());
    for name in ["hits", "misses", "key_hits", "key_misses", "scanned"] {
        line.put(&format!("active_defrag_{name}"), 0);
    }
    line.put("total_active_defrag_time", 0);
    line.put("current_active_defrag_time", 0);
    line.put("tracking_total_keys", engine.tracking.keys());
    line.put("tracking_total_items", engine.tracking.items());
    line.put("tracking_total_prefixes", engine.tracking.prefixes());
    line.put("unexpected_error_replies", s.unexpected_errors);
    line.put("total_error_replies", s.errors);
    line.put("dump_payload_sanitizations", s.payloads_checked);
    line.put("total_reads_processed", s.reads);
    line.put("total_writes_processed", s.writes);
    line.put("io_threaded_reads_processed", facts.io.reads);
    line.put("io_threaded_writes_processed", facts.io.writes);
    line.put("io_threaded_total_prefetch_batches", facts.io.prefetches);
    line.put("io_threaded_total_prefetch_entries", facts.io.prefetched);
    line.put(
        "client_query_buffer_limit_disconnections",
        s.query_limit_disconnections,
    );
    line.put(
        "client_output_buffer_limit_disconnections",
        s.output_limit_disconnections,
    );
    line.put("reply_buffer_shrinks", 0);
    line.put("reply_buffer_expands", 0);
    line.put("eventloop_cycles", s.turns);
    line.put("eventloop_duration_sum", s.turns_ns / 1000);
    line.put("eventloop_duration_cmd_sum", s.turns_commands_ns / 1000);
    line.put(
        "instantaneous_eventloop_cycles_per_sec",
        r.turns.per_second(),
    );
    line.put(
        "instantaneous_eventloop_duration_usec",
        r.turn_ns.mean() / 1000,
    );
    line.put("acl_access_denied_auth", s.denied_auth);
    line.put("acl_access_denied_cmd", s.denied_commands);
    line.put("acl_access_denied_key", s.denied_keys);
    line.put("acl_access_denied_channel", s.denied_channels);
    line.put("acl_access_denied_db", s.denied_databases);
    if engine.config.tls_port != 0 || s.handshakes + s.handshakes_failed > 0 {
        line.put("acl_access_denied_tls_cert", s.denied_certificates);
        line.put("tls_handshakes", s.handshakes);
        line.put("tls_handshakes_resumed", s.handshakes_resumed);
        line.put("tls_handshakes_failed", s.handshakes_failed);
    }
}

/// All commands with their subcommands.
fn commands() -> impl Iterator<Item = &'static Entry> {
    table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands))
}

/// INFO commandstats
pub fn command_stats(engine: &Engine, _: &Facts, out: &mut String) {
    let mut line = Lines(out);
    for entry in commands() {
        let s = &engine.stats.per_command[entry.index];
        if s.calls == 0 && s.rejected == 0 && s.failed == 0 {
            continue;
        }
        let usec = s.nanos / 1000;
        let each = s.nanos as f64 / 1000.0 / s.calls.max(1) as f64;
        line.put(
            &format!("cmdstat_{}", entry.name),
            format_args!(
                "calls={},usec={usec},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
                s.calls, s.rejected, s.failed
            ),
        );
    }
}

/// INFO errorstats
pub fn error_stats(engine: &Engine, _: &Facts, out: &mut String) {
    let mut line = Lines(out);
    for (code, count) in engine.stats.error_codes.iter() {
        // As the reference shows names that could be taken for lines of their own.
        let code = code.replace(['#', ':', '\n', '\r'], "_");
        line.put(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// INFO latencystats
pub fn latency_stats(engine: &Engine, _: &Facts, out: &mut String) {
    let mut line = Lines(out);
    for entry in commands() {
        let times = &engine.stats.per_command[entry.index].times;
        if times.total() == 0 {
            continue;
        }
        let shown = engine.config.latency_tracking_info_percentiles.iter();
        let shown: Vec<String> = shown
            .map(|p| format!("p{p}={:.3}", times.percentile(*p) as f64 / 1000.0))
            .collect();
        line.put(
            &format!("latency_percentiles_usec_{}", entry.name),
            shown.join(","),
        );
    }
}

/// INFO keyspace
pub fn keyspace(engine: &Engine, _: &Facts, out: &mut String) {
    let mut line = Lines(out);
    for i in 0..engine.keyspace.count() {
        let db = engine.keyspace.db(i);
        if db.is_empty() {
            continue;
        }
        // A field of our own, where there is something to tell.
        let opaque = match db.types().of(RdbType::Module2) {
            0 => String::new(),
            n => format!(",opaque={n}"),
        };
        // No field more than Redis has, where it can be avoided: redis_exporter ignores a line of more than four.
        let with_expiry = HASHES_WITH_FIELD_EXPIRY.iter();
        let volatile: u64 = with_expiry.map(|t| db.types().of(*t)).sum();
        line.put(
            &format!("db{i}"),
            format_args!(
                "keys={},expires={},avg_ttl={},subexpiry={volatile}{opaque}",
                db.len(),
                db.expires(),
                average_ttl(engine, i),
            ),
        );
    }
}

/// RDB types of hashes whose fields may expire.
const HASHES_WITH_FIELD_EXPIRY: [RdbType; 2] = [RdbType::HashTtl, RdbType::HashListpackTtl];

/// How many keys with an expiry are examined to estimate their mean remaining time.
const TTL_SAMPLES: u64 = 16;

/// The mean time left, in ms, of a sample of the keys with an expiry.
fn average_ttl(engine: &Engine, db: usize) -> i64 {
    let db = engine.keyspace.db(db);
    let now = engine.clock.unix_ms;
    let spread = u64::MAX / TTL_SAMPLES;
    let samples = (0..TTL_SAMPLES).filter_map(|i| db.random_volatile(i * spread + spread / 2));
    // A dump may name any time.
    let left: Vec<i128> = samples
        .filter_map(|loc| db.expire(loc))
        .map(|at| i128::from(at.saturating_sub(now).max(0)))
        .collect();
    match left.len() as i128 {
        0 => 0,
        n => (left.iter().sum::<i128>() / n) as i64,
    }
}
