//! What a directive is.

use super::directives::Config;
use bitflags::bitflags;

bitflags! {
    /// When a directive may be set, and how careful to be with it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// At start only.
        const START = 1;
        /// By CONFIG SET only if `enable-protected-configs` allows it.
        const PROTECTED = 1 << 1;
        /// Not to be shown in logs.
        const SENSITIVE = 1 << 2;
        /// CONFIG GET shows it only by its whole name.
        const HIDDEN = 1 << 3;
        /// Not by CONFIG SET while a dataset is loaded.
        const NOT_WHILE_LOADING = 1 << 4;
        /// Lines of a file after the first add to the list, and a line without a value means an empty one.
        const ADDS_UP = 1 << 5;
    }
}

/// Whether a directive does what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does.
    Works,
    /// It is accepted without effect; the log warns about another value ([`Directive::warning`]).
    Idle,
    /// Another value than its default is refused: doing without it would lose data or open access.
    Refused,
}

/// What has to be done when CONFIG SET has changed a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the field is read where it is needed.
    Read,
    /// Tell replication, which has a copy of what it reads.
    Links,
    /// Listen on another port.
    Port,
    /// Listen on another port for TLS.
    TlsPort,
    /// Read certificates and keys.
    Tls,
    /// Listen on other addresses.
    Bind,
    /// Connect to other servers from another address.
    Source,
    /// Enter another directory.
    Dir,
    /// Switch the append-only file on or off.
    AppendOnly,
    /// Write the append-only file in another way.
    AppendHow,
    /// Tell the log which lines to write.
    LogLevel,
    /// Tell the log whether to show user data.
    UserData,
    /// Tell the log how to write times.
    LogTimes,
    /// Load or save more slowly, for tests.
    Delays,
    /// Ask the system for as many open files as that takes.
    MaxClients,
    /// Count what clients hold.
    ClientMemory,
    /// Let all clients in if there is no password any more.
    Password,
    /// Forget the times that are not tracked any more.
    LatencyTracking,
    /// Tell the kernel how soon to kill the process.
    OomScore,
    /// Show another title.
    ProcTitle,
    /// Report crashes, or do not.
    CrashLog,
}

/// Gives a directive the value back that it had.
pub type Restore = Box<dyn FnOnce(&mut Config)>;

/// One directive.
pub struct Directive {
    /// The section of `docs/config.md` that describes it.
    pub section: &'static str,
    /// As in redis.conf.
    pub name: &'static str,
    /// Its older or younger name.
    pub alias: Option<&'static str>,
    /// What an administrator has to know: effect, unit, default, and what goes wrong at a bad value.
    pub doc: &'static str,
    /// When and how.
    pub flags: Flags,
    /// Whether it does what it says.
    pub effect: Effect,
    /// What a change starts.
    pub change: Change,
    /// Sets it from the words after its name; `true` adds to a list instead of replacing it.
    pub set: fn(&mut Config, &[&str], bool) -> Result<(), String>,
    /// As CONFIG GET shows it.
    pub get: fn(&Config) -> String,
    /// The text after the name in a file, one element for each line.
    pub lines: fn(&Config) -> Vec<String>,
    /// Copies it from one configuration to another.
    pub copy: fn(&mut Config, &Config),
    /// Gives what sets it to its present value again.
    pub hold: fn(&Config) -> Restore,
    /// Takes several words.
    pub many: fn() -> bool,
    /// What may be written.
    pub describe: fn() -> String,
}

impl Directive {
    /// True if `name` is its name or alias.
    pub fn is_named(&self, name: &str) -> bool {
        self.names().any(|n| n.eq_ignore_ascii_case(name))
    }

    /// Its name and alias.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.alias)
    }

    /// The log line for a directive without effect that is given another value than its default.
    pub fn warning(&self, config: &Config) -> Option<String> {
        let idle = self.effect == Effect::Idle && !self.is_default(config);
        idle.then(|| {
            format!(
                "The directive '{}' is accepted but has no effect in Forebay.",
                self.name
            )
        })
    }

    /// True if `config` holds its default.
    pub fn is_default(&self, config: &Config) -> bool {
        (self.get)(config) == (self.get)(Config::defaults())
    }
}
