//! The values of directives that take one of a list of names.

use super::kind::Choice;
use base::LogLevel;

macro_rules! choices {
    ($($(#[$doc:meta])* $type:ident { $($value:ident = $name:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)] // their names in redis.conf say it
        pub enum $type { $($value),+ }

        impl $type {
            /// As redis.conf spells it.
            pub fn name(self) -> &'static str {
                let named = <Self as Choice>::NAMES.iter().find(|(_, value)| *value == self);
                named.expect("every value has a name").0
            }
        }

        impl Choice for $type {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, $type::$value)),+];
        }
    )+};
}

choices! {
    /// `maxmemory-policy`
    MaxmemoryPolicy {
        VolatileLru = "volatile-lru",
        VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random",
        VolatileTtl = "volatile-ttl",
        AllkeysLru = "allkeys-lru",
        AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random",
        Noeviction = "noeviction",
    }
    /// `appendfsync`
    AppendFsync { Everysec = "everysec", Always = "always", No = "no" }
    /// `loglevel`: the least important level that is written.
    LogThreshold {
        Debug = "debug",
        Verbose = "verbose",
        Notice = "notice",
        Warning = "warning",
        Nothing = "nothing",
    }
    /// `log-timestamp-format`
    LogTimestamp { Legacy = "legacy", Iso8601 = "iso8601", Milliseconds = "milliseconds" }
    /// `supervised`
    Supervised { Upstart = "upstart", Systemd = "systemd", Auto = "auto", No = "no" }
    /// `syslog-facility`
    SyslogFacility {
        User = "user",
        Local0 = "local0",
        Local1 = "local1",
        Local2 = "local2",
        Local3 = "local3",
        Local4 = "local4",
        Local5 = "local5",
        Local6 = "local6",
        Local7 = "local7",
    }
    /// `repl-diskless-load`
    DisklessLoad {
        Disabled = "disabled",
        OnEmptyDb = "on-empty-db",
        Swapdb = "swapdb",
        FlushBeforeLoad = "flush-before-load",
    }
    /// `repl-diskless-sync-early-start`
    EarlyStart { Auto = "auto", Yes = "yes", No = "no" }
    /// `sanitize-dump-payload`
    Sanitize { No = "no", Yes = "yes", Clients = "clients" }
    /// `enable-debug-command` and similar directives
    Protection { No = "no", Yes = "yes", Local = "local" }
    /// `oom-score-adj`
    OomScoreAdj { No = "no", Yes = "yes", Relative = "relative", Absolute = "absolute" }
    /// `acl-pubsub-default`
    AclPubsub { Allchannels = "allchannels", Resetchannels = "resetchannels" }
    /// `propagation-error-behavior`
    PropagationError {
        Resync = "resync",
        Stop = "stop",
        Ignore = "ignore",
        Panic = "panic",
        PanicOnReplicas = "panic-on-replicas",
    }
    /// `shutdown-on-sigint`, `shutdown-on-sigterm`
    ShutdownOn {
        Default = "default",
        Save = "save",
        Nosave = "nosave",
        Now = "now",
        Force = "force",
        Safe = "safe",
        Failover = "failover",
    }
    /// `cluster-preferred-endpoint-type`
    EndpointType { Ip = "ip", Hostname = "hostname", Unknown = "unknown-endpoint" }
    /// `tls-auth-clients`
    TlsAuth { No = "no", Yes = "yes", Optional = "optional" }
    /// `tls-auth-clients-user`
    TlsUser { Off = "off", Cn = "CN", Uri = "URI" }
    /// `rdb-save-target`, `repl-rdb-target`
    RdbTarget {
        Auto = "auto",
        Redis62 = "redis-6.2",
        Redis70 = "redis-7.0",
        Redis72 = "redis-7.2",
        Redis74 = "redis-7.4",
        Redis8 = "redis-8",
        Redis86 = "redis-8.6",
        Redis88 = "redis-8.8",
        Valkey8 = "valkey-8",
        Valkey9 = "valkey-9",
    }
    /// `rdb-save-loss`
    SaveLoss { Refuse = "refuse", Report = "report" }
    /// `rdb-unknown-values`
    UnknownValues { Keep = "keep", Refuse = "refuse", Skip = "skip" }
    /// `rdb-version-check`
    VersionCheck { Strict = "strict", Relaxed = "relaxed" }
}

impl MaxmemoryPolicy {
    /// Keys without expiry may go.
    pub fn all_keys(self) -> bool {
        use MaxmemoryPolicy as P;
        matches!(self, P::AllkeysLru | P::AllkeysLfu | P::AllkeysRandom)
    }

    /// Each entry is ranked by its own use.
    pub fn ranks_by_use(self) -> bool {
        use MaxmemoryPolicy as P;
        matches!(
            self,
            P::AllkeysLru | P::AllkeysLfu | P::VolatileLru | P::VolatileLfu
        )
    }

    /// Heat is a counter of use, not a time.
    pub fn is_lfu(self) -> bool {
        matches!(
            self,
            MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu
        )
    }
}

impl LogThreshold {
    /// The least important level that is written; `None` if nothing is.
    pub fn least(self) -> Option<LogLevel> {
        match self {
            LogThreshold::Debug => Some(LogLevel::Debug),
            LogThreshold::Verbose => Some(LogLevel::Verbose),
            LogThreshold::Notice => Some(LogLevel::Notice),
            LogThreshold::Warning => Some(LogLevel::Warning),
            LogThreshold::Nothing => None,
        }
    }
}
