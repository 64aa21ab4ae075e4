//! The directives that replication reads, with units settled: times in ms, sizes in bytes.

use crate::config::Config;

/// A copy of the directives; taken again after CONFIG SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `repl-timeout`
    pub timeout_ms: u64,
    /// `repl-ping-replica-period`
    pub ping_period_ms: u64,
    /// `repl-backlog-size`
    pub backlog_bytes: usize,
    /// `repl-backlog-ttl`; 0 = never free
    pub backlog_ttl_ms: u64,
    /// `repl-diskless-sync`
    pub diskless_sync: bool,
    /// `repl-diskless-sync-delay`
    pub diskless_delay_ms: u64,
    /// `repl-diskless-sync-max-replicas`; 0 = off
    pub diskless_max_replicas: usize,
    /// `min-replicas-to-write`; 0 = off
    pub min_replicas: usize,
    /// `min-replicas-max-lag`; 0 = off
    pub min_replicas_lag_ms: u64,
    /// `client-output-buffer-limit replica`: hard; 0 = off
    pub output_hard: usize,
    /// soft; 0 = off
    pub output_soft: usize,
    /// how long soft may be exceeded
    pub output_soft_ms: u64,
    /// `repl-diskless-load`
    pub diskless_load: DisklessLoad,
    /// `masteruser`
    pub primary_user: String,
    /// `masterauth`
    pub primary_auth: String,
    /// `replica-announce-ip`
    pub announce_ip: String,
    /// `replica-announce-port`, else the port we listen on
    pub announce_port: u16,
    /// `replica-serve-stale-data`
    pub serve_stale: bool,
    /// `replica-read-only`
    pub read_only: bool,
    /// `replica-priority`
    pub priority: i64,
    /// `replica-announced`
    pub announced: bool,
    /// A save point is set: a disk snapshot goes on without replicas.
    pub save_points: bool,
}

/// `repl-diskless-load`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DisklessLoad {
    /// `disabled`: into a file, checked, then loaded.
    #[default]
    Disabled,
    /// `on-empty-db`: straight into memory if there is nothing to lose, else as `disabled`.
    OnEmptyDb,
    /// `swapdb`: into a second keyspace while the old one serves, then exchanged.
    SwapDb,
}

impl DisklessLoad {
    /// From the directive's text; unknown text is the default.
    pub fn parse(text: &str) -> Self {
        match text {
            "on-empty-db" => DisklessLoad::OnEmptyDb,
            "swapdb" => DisklessLoad::SwapDb,
            _ => DisklessLoad::Disabled,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            timeout_ms: 60_000,
            ping_period_ms: 10_000,
            backlog_bytes: 1 << 20,
            backlog_ttl_ms: 3_600_000,
            diskless_sync: true,
            diskless_delay_ms: 5_000,
            diskless_max_replicas: 0,
            min_replicas: 0,
            min_replicas_lag_ms: 10_000,
            output_hard: 256 << 20,
            output_soft: 64 << 20,
            output_soft_ms: 60_000,
            diskless_load: DisklessLoad::Disabled,
            primary_user: String::new(),
            primary_auth: String::new(),
            announce_ip: String::new(),
            announce_port: 6379,
            serve_stale: true,
            read_only: true,
            priority: 100,
            announced: true,
            save_points: false,
        }
    }
}

impl Settings {
    /// From the directives.
    pub fn from_config(config: &Config) -> Self {
        Settings {
            backlog_bytes: config.repl_backlog_size.max(0) as usize,
            ..Settings::default()
        }
    }
}
