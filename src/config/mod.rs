//! The directives of redis.conf: declared once (name, alias, type, default, mutable, doc).

use crate::keyspace::Limits;

/// All directives with effect.
#[derive(Clone, Debug)]
pub struct Config {
    /// `databases`
    pub databases: i64,
    /// `requirepass`
    pub requirepass: String,
    /// `lazyfree-lazy-expire`
    pub lazyfree_lazy_expire: bool,
    /// `lazyfree-lazy-user-del`
    pub lazyfree_lazy_user_del: bool,
    /// `lazyfree-lazy-server-del`
    pub lazyfree_lazy_server_del: bool,
    /// `maxmemory-policy`
    pub maxmemory_policy: String,
    /// `lfu-log-factor`
    pub lfu_log_factor: i64,
    /// `lfu-decay-time`, minutes
    pub lfu_decay_time: i64,
    /// `notify-keyspace-events`
    pub notify_keyspace_events: String,
    /// `proto-max-bulk-len`
    pub proto_max_bulk_len: i64,
    /// `repl-backlog-size`
    pub repl_backlog_size: i64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            databases: 16,
            requirepass: String::new(),
            lazyfree_lazy_expire: false,
            lazyfree_lazy_user_del: false,
            lazyfree_lazy_server_del: false,
            maxmemory_policy: "noeviction".into(),
            lfu_log_factor: 10,
            lfu_decay_time: 1,
            notify_keyspace_events: String::new(),
            proto_max_bulk_len: 512 << 20,
            repl_backlog_size: 1 << 20,
        }
    }
}

impl Config {
    /// The collection thresholds among the directives.
    pub fn limits(&self) -> Limits {
        Limits::default()
    }
}
