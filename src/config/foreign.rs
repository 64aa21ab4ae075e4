//! Directives of Redis 8 and Valkey 8 and 9 that the compatibility level of this server does not have.
//!
//! This server also starts with a configuration file of those servers. It ignores such a line with a warning, or
//! refuses it by name if ignoring it would do harm. CONFIG GET and CONFIG SET do not know these directives, because
//! Redis 7.4 does not.

use super::directive::Effect;

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Foreign {
    /// As their configuration files spell it.
    pub name: &'static str,
    /// Its default there. A line that says it is passed over in silence.
    pub default: &'static str,
    /// [`Effect::Idle`] or [`Effect::Refused`].
    pub effect: Effect,
    /// What happens here instead: a clause that may follow a colon.
    pub instead: &'static str,
}

impl Foreign {
    /// The log line for a line with these values; `None` if it says what is the case anyway.
    pub fn warning(&self, values: &[&str]) -> Option<String> {
        let other = !self.is_default(values);
        other.then(|| {
            format!(
                "The directive '{}' is accepted but has no effect in Forebay: {}.",
                self.name, self.instead
            )
        })
    }

    /// True if the values are the default.
    pub fn is_default(&self, values: &[&str]) -> bool {
        values.join(" ").eq_ignore_ascii_case(self.default)
    }
}

/// The directive of this name, in any case.
pub fn foreign(name: &str) -> Option<&'static Foreign> {
    FOREIGN.iter().find(|f| f.name.eq_ignore_ascii_case(name))
}

const CLUSTER: &str = "cluster mode is not built in";
const DEFRAG: &str = "memory is compacted all the time, whatever `activedefrag` says";
const ONE_THREAD: &str = "the threads of `io-threads` are all used, and decide by themselves";
const TEMPLATES: &str = "hashes get templates when they are written, not when they are loaded";
const ARRAYS: &str = "an array is one tree here, without slices";
const RDMA: &str = "RDMA is not built in";
const MPTCP: &str = "connections use plain TCP";
const LUA_API: &str = "scripts have the functions of Redis 7.4";
const HISTOGRAMS: &str = "sizes of keys are not counted";

/// All of them, in alphabetical order.
pub static FOREIGN: &[Foreign] = &[
    idle("active-defrag-cycle-us", "500", DEFRAG),
    idle("array-slice-size", "4096", ARRAYS),
    idle("array-sparse-kmax", "10", ARRAYS),
    idle("array-sparse-kmin", "5", ARRAYS),
    idle("availability-zone", "", "it is not shown in INFO and HELLO"),
    idle("backup-sealed-ttl", "0", "there is no command for backups"),
    idle(
        "backupdirname",
        "backupdir",
        "there is no command for backups",
    ),
    idle("cluster-announce-client-ipv4", "", CLUSTER),
    idle("cluster-announce-client-ipv6", "", CLUSTER),
    idle("cluster-announce-client-port", "0", CLUSTER),
    idle("cluster-announce-client-tls-port", "0", CLUSTER),
    idle("cluster-blacklist-ttl", "60", CLUSTER),
    idle("cluster-bus-port-protected-mode", "no", CLUSTER),
    idle("cluster-compatibility-sample-ratio", "0", CLUSTER),
    idle("cluster-config-save-behavior", "sync", CLUSTER),
    idle("cluster-databases", "1", CLUSTER),
    idle("cluster-manual-failover-timeout", "5000", CLUSTER),
    idle("cluster-message-gossip-perc", "10", CLUSTER),
    idle(
        "cluster-slot-migration-handoff-max-lag-bytes",
        "1048576",
        CLUSTER,
    ),
    idle("cluster-slot-migration-log-max-len", "1000", CLUSTER),
    idle("cluster-slot-migration-max-archived-tasks", "32", CLUSTER),
    idle(
        "cluster-slot-migration-sync-buffer-drain-timeout",
        "60000",
        CLUSTER,
    ),
    idle(
        "cluster-slot-migration-write-pause-timeout",
        "10000",
        CLUSTER,
    ),
    idle("cluster-slot-stats-enabled", "no", CLUSTER),
    idle("debug-context", "", "it is not written into crash reports"),
    idle(
        "enable-debug-assert",
        "no",
        "debug builds always check their invariants",
    ),
    idle("events-per-io-thread", "2", ONE_THREAD),
    idle(
        "extended-redis-compatibility",
        "no",
        "the server calls itself Redis in any case",
    ),
    idle("hash-rdb-load-max-template-entries", "0", TEMPLATES),
    idle("hash-rdb-load-min-template-entries", "0", TEMPLATES),
    idle(
        "hash-rdb-load-template-disassembly-threshold",
        "0",
        TEMPLATES,
    ),
    refused(
        "hash-seed",
        "",
        "each process draws the secrets of its hash functions itself",
    ),
    idle("io-threads-always-active", "no", ONE_THREAD),
    idle("key-memory-histograms", "no", HISTOGRAMS),
    idle(
        "lazyexpire-nested-arbitrary-keys",
        "yes",
        "keys that a script reads without declaring them expire as others do",
    ),
    idle(
        "log-format",
        "legacy",
        "`log-timestamp-format` decides about the form of log lines",
    ),
    idle("lookahead", "16", ONE_THREAD),
    idle("lua-enable-deprecated-api", "no", LUA_API),
    idle("lua-enable-insecure-api", "no", LUA_API),
    idle("min-io-threads-avoid-copy-reply", "7", ONE_THREAD),
    idle("min-string-size-avoid-copy-reply", "16384", ONE_THREAD),
    idle(
        "min-string-size-avoid-copy-reply-threaded",
        "65536",
        ONE_THREAD,
    ),
    idle("mptcp", "no", MPTCP),
    idle(
        "prefetch-batch-max-size",
        "16",
        "the server chooses how many keys it prefetches",
    ),
    refused(
        "preload-file",
        "",
        "the commands of the file would not be run",
    ),
    refused("rdma-bind", "", RDMA),
    idle("rdma-completion-vector", "-1", RDMA),
    refused("rdma-port", "0", RDMA),
    idle("rdma-rx-size", "1048576", RDMA),
    idle("repl-mptcp", "no", MPTCP),
    idle("slot-migration-max-failover-repl-bytes", "0", CLUSTER),
    idle(
        "vset-force-single-threaded-execution",
        "no",
        "there are no vector sets",
    ),
];

const fn idle(name: &'static str, default: &'static str, instead: &'static str) -> Foreign {
    Foreign {
        name,
        default,
        effect: Effect::Idle,
        instead,
    }
}

const fn refused(name: &'static str, default: &'static str, instead: &'static str) -> Foreign {
    Foreign {
        name,
        default,
        effect: Effect::Refused,
        instead,
    }
}
