//! The counters that INFO shows.

use super::error_codes::ErrorCodes;
use super::histogram::Histogram;

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
    /// `acl_access_denied_db`
    pub denied_databases: u64,
    /// `acl_access_denied_tls_cert`
    pub denied_certificates: u64,
    /// `tls_handshakes`
    pub handshakes: u64,
    /// `tls_handshakes_resumed`
    pub handshakes_resumed: u64,
    /// `tls_handshakes_failed`
    pub handshakes_failed: u64,
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
    /// `used_memory_peak_time`: when that was, in seconds of Unix time.
    pub peak_memory_s: i64,
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
    /// `eventloop_duration_max`, in ns
    pub turn_max_ns: u64,
    /// `eventloop_cmd_per_cycle_max`
    pub turn_commands_max: u64,
    /// The commands before the turn that runs.
    pub turn_commands_from: u64,
    /// `eventloop_duration_cron_sum`, in ns: the turns of the periodic work.
    pub cron_ns: u64,
    /// `dump_payload_sanitizations`: payloads of RESTORE that were checked, which all are.
    pub payloads_checked: u64,
    /// `sync_full`
    pub sync_full: u64,
    /// `sync_partial_ok`
    pub sync_partial_ok: u64,
    /// `sync_partial_err`
    pub sync_partial_err: u64,
    /// Per error code (`errorstat_*`).
    pub error_codes: ErrorCodes,
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
