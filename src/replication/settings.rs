//! The directives that replication reads, with times in ms and sizes in bytes.

use super::reads::Reads;
use config::Config;
use config::choices::{DisklessLoad, EarlyStart, RdbTarget};
use rdb::target::Target;

/// A copy of the directives; taken again after CONFIG SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `repl-timeout`
    pub timeout_ms: u64,
    /// `repl-ping-replica-period`
    pub ping_period_ms: u64,
    /// `repl-backlog-size`
    pub backlog_bytes: usize,
    /// `repl-backlog-disk-size`; 0 = off
    pub backlog_disk_bytes: usize,
    /// Bytes above the backlog's size that are kept in memory before any are written to disk.
    pub spill_above: usize,
    /// `repl-backlog-ttl`; 0 = never free
    pub backlog_ttl_ms: u64,
    /// `repl-diskless-sync`
    pub diskless_sync: bool,
    /// `repl-diskless-sync-delay`
    pub diskless_delay_ms: u64,
    /// `repl-diskless-sync-early-start`, decided
    pub early_start: bool,
    /// `repl-diskless-sync-max-replicas`; 0 = off
    pub diskless_max_replicas: usize,
    /// `repl-max-concurrent-full-syncs`; 0 = any number
    pub full_syncs_max: usize,
    /// `min-replicas-to-write`; 0 = off
    pub min_replicas: usize,
    /// `min-replicas-max-lag`; 0 = off
    pub min_replicas_lag_ms: u64,
    /// `client-output-buffer-limit replica`: hard; 0 = off
    pub output_hard: usize,
    /// `client-output-buffer-limit replica`: soft; 0 = off
    pub output_soft: usize,
    /// How long the soft limit may be exceeded.
    pub output_soft_ms: u64,
    /// `repl-diskless-load`
    pub diskless_load: DisklessLoad,
    /// `repl-swapdb-memory-limit`; 0 = off
    pub swapdb_memory: usize,
    /// `repl-rdb-channel`
    pub rdb_channel: bool,
    /// `dual-channel-replication-enabled`
    pub dual_channel: bool,
    /// How much of the stream a replica keeps while the payload comes over a second connection.
    pub collected_max: usize,
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
    /// `repl-rdb-target redis-6.2`: replicas that do not say who they are, are that old.
    pub old_readers: bool,
    /// What replicas that do not announce their version are assumed to understand, if `repl-rdb-target` says so.
    pub unknown_reads: Reads,
    /// A save point is set, so a snapshot to disk is finished even if its replicas are gone.
    pub save_points: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Settings::from_config(&Config::default());
        settings.save_points = false;
        settings
    }
}

impl Settings {
    /// From the directives.
    pub fn from_config(config: &Config) -> Self {
        let count = |n: i64| usize::try_from(n).unwrap_or(0);
        let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
        let limit = &config.client_output_buffer_limit.replica;
        let port = match config.replica_announce_port {
            0 if config.tls_replication => config.tls_port,
            0 => config.port,
            announced => announced,
        };
        Settings {
            timeout_ms: ms(config.repl_timeout),
            ping_period_ms: ms(config.repl_ping_replica_period),
            backlog_bytes: count(config.repl_backlog_size),
            backlog_disk_bytes: count(config.repl_backlog_disk_size),
            spill_above: super::log::SPILL_ABOVE,
            early_start: match config.repl_diskless_sync_early_start {
                EarlyStart::Yes => true,
                EarlyStart::No => false,
                EarlyStart::Auto => {
                    config.repl_diskless_sync_delay == Config::defaults().repl_diskless_sync_delay
                }
            },
            swapdb_memory: count(config.repl_swapdb_memory_limit),
            full_syncs_max: count(config.repl_max_concurrent_full_syncs),
            backlog_ttl_ms: ms(config.repl_backlog_ttl),
            diskless_sync: config.repl_diskless_sync,
            diskless_delay_ms: ms(config.repl_diskless_sync_delay),
            diskless_max_replicas: count(config.repl_diskless_sync_max_replicas),
            min_replicas: count(config.min_replicas_to_write),
            min_replicas_lag_ms: ms(config.min_replicas_max_lag),
            output_hard: count(limit.hard),
            output_soft: count(limit.soft),
            output_soft_ms: ms(limit.soft_seconds),
            diskless_load: config.repl_diskless_load,
            rdb_channel: config.repl_rdb_channel,
            dual_channel: config.dual_channel_replication_enabled,
            collected_max: match (
                count(config.replica_full_sync_buffer_limit),
                count(limit.hard),
            ) {
                (0, 0) => usize::MAX,
                (0, hard) => hard,
                (own, _) => own,
            },
            primary_user: config.masteruser.clone(),
            primary_auth: config.masterauth.clone(),
            announce_ip: config.replica_announce_ip.clone(),
            announce_port: u16::try_from(port).unwrap_or(0),
            serve_stale: config.replica_serve_stale_data,
            read_only: config.replica_read_only,
            priority: config.replica_priority,
            announced: config.replica_announced,
            old_readers: config.repl_rdb_target == RdbTarget::Redis62,
            unknown_reads: Target::from_name(config.repl_rdb_target.name())
                .map_or(Reads::empty(), Reads::of_target),
            save_points: !config.save.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::DIRECTIVES;
    use config::directive::Change;

    #[test]
    fn a_directive_that_replication_reads_says_so() {
        let values = [
            "0",
            "1",
            "7",
            "1mb",
            "yes",
            "no",
            "some",
            "redis-6.2",
            "swapdb",
            "900 1",
            "replica 1mb 1mb 5",
        ];
        let tells = [Change::Links, Change::Port, Change::TlsPort, Change::Tls];
        let mut read = 0;
        for directive in DIRECTIVES {
            // Where TLS is on for links, another port is announced.
            for with_tls in [false, true] {
                for value in values {
                    let mut config = Config {
                        tls_replication: with_tls,
                        ..Config::default()
                    };
                    let before = Settings::from_config(&config);
                    let words: Vec<&str> = match (directive.many)() {
                        true => value.split(' ').collect(),
                        false => vec![value],
                    };
                    let set = (directive.set)(&mut config, &words, false);
                    if set.is_ok() && Settings::from_config(&config) != before {
                        assert!(tells.contains(&directive.change), "{}", directive.name);
                        read += 1;
                    }
                }
            }
        }
        assert!(read > 60, "{read} values made a difference");
    }
}
