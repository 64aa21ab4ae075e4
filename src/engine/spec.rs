//! The declaration of a command, a single value that dispatch, gates, arity errors, key extraction, redaction,
//! COMMAND's replies and the documentation read. None of them refers to a command by its name.

use super::cx::Cx;
pub use super::key_specs::{Access, KeySpec, KeyUse};
pub use super::keys::Keys;
pub use super::redact::Secrets;
use super::{Args, CmdResult, CommandError};
use bitflags::bitflags;
use std::ops::RangeInclusive;

/// One command.
pub struct Command {
    /// Lower case; subcommands as `config|get`.
    pub name: &'static str,
    /// Redis's arity: exact when positive, minimum when negative; the name counts.
    pub arity: i32,
    /// What dispatch must know.
    pub flags: Flags,
    /// The places of the keys.
    pub keys: Keys,
    /// What it does with them.
    pub uses: KeyUse,
    /// The arguments that are channels, which the user must be allowed to use.
    pub channels: Channels,
    /// Its arguments that are secret.
    pub secrets: Secrets,
    /// The source of the script that it runs.
    pub script: Option<ScriptFrom>,
    /// Which documentation group it belongs to, as COMMAND DOCS says it.
    pub group: Group,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// Complexity, as COMMAND DOCS says it; empty where it says nothing.
    pub complexity: &'static str,
    /// One line, as COMMAND DOCS says it.
    pub summary: &'static str,
    /// What else COMMAND DOCS says.
    pub docs: &'static Docs,
    /// Access categories that follow neither from the group nor from the flags: they replace that of the group.
    pub categories: Option<&'static [&'static str]>,
    /// What a client library may use to spread it over a cluster and to judge its reply.
    pub tips: &'static [&'static str],
    /// Subcommands; a container's own `run` serves the bare command where that is legal.
    pub subcommands: &'static [Command],
    /// What its first argument may be where COMMAND INFO knows no subcommands.
    pub unlisted: &'static [Unlisted],
    /// True if its work grows with the size of its keys or of the dataset: see [`Command::steady`].
    pub grows: bool,
    /// The work. No declaration is complete without it: see [`Command::steady`].
    pub run: Handler,
}

/// What a command does under one of the names that its first argument may be. COMMAND INFO does not list it, and INFO
/// counts it with the command.
pub struct Unlisted {
    /// In upper case.
    pub name: &'static str,
    /// The least and the largest number of arguments, the two names counted.
    pub takes: RangeInclusive<usize>,
    /// One line for HELP; empty for one that it does not mention.
    pub help: &'static str,
    /// The work.
    pub run: Handler,
}

/// The function that does a command's work and writes its reply.
pub type Handler = fn(&mut Cx<'_>, Args<'_>) -> CmdResult;

/// The channels among the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// There are none.
    None,
    /// The first argument is one.
    First,
    /// All arguments are channels.
    Names,
    /// All arguments are patterns of channels.
    Patterns,
}

/// What COMMAND DOCS says about a command, in addition to the fields of its declaration.
pub struct Docs {
    /// The arguments, in the notation that `server_cmds::docs::parse` describes; empty where it takes none.
    pub arguments: &'static str,
    /// Versions with what each changed, the oldest first.
    pub history: &'static [(&'static str, &'static str)],
    /// The version that deprecated it, and what to use instead.
    pub replaced: Option<(&'static str, &'static str)>,
    /// True if it is for servers and tests, not for people.
    pub internal: bool,
}

impl Docs {
    /// Nothing.
    pub const NONE: Docs = Docs::of("");

    /// A command that has had the same arguments since it came.
    pub const fn of(arguments: &'static str) -> Docs {
        Docs {
            arguments,
            history: &[],
            replaced: None,
            internal: false,
        }
    }
}

/// Where a command finds the script that it runs. Such a command has the flags that the script declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptFrom {
    /// Its first argument is the text.
    Text,
    /// Its first argument is the digest of a script that is known.
    Digest,
    /// Its first argument names a function of a library.
    Library,
}

bitflags! {
    /// Command flags, with Redis's names and meanings.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u64 {
        /// May change the dataset.
        const WRITE = 1;
        /// Never changes the dataset.
        const READONLY = 1 << 1;
        /// May need memory: refused when over maxmemory.
        const DENYOOM = 1 << 2;
        /// Administration.
        const ADMIN = 1 << 3;
        /// Pub/sub.
        const PUBSUB = 1 << 4;
        /// Not from scripts.
        const NOSCRIPT = 1 << 5;
        /// May block the client.
        const BLOCKING = 1 << 6;
        /// Allowed while loading.
        const LOADING = 1 << 7;
        /// Allowed on a replica with a dead link and `replica-serve-stale-data no`.
        const STALE = 1 << 8;
        /// Constant or logarithmic time.
        const FAST = 1 << 9;
        /// Allowed before AUTH.
        const NO_AUTH = 1 << 10;
        /// Not inside MULTI.
        const NO_MULTI = 1 << 11;
        /// Not shown by MONITOR.
        const SKIP_MONITOR = 1 << 12;
        /// Not in the slow log.
        const SKIP_SLOWLOG = 1 << 13;
        /// Not allowed while loading asynchronously.
        const NO_ASYNC_LOADING = 1 << 14;
        /// Replicated though it may change nothing here (PUBLISH).
        const MAY_REPLICATE = 1 << 15;
        /// Keys can be known from the arguments only by running a function.
        const MOVABLEKEYS = 1 << 16;
        /// Does not touch the keys' heat (OBJECT, TTL).
        const NO_TOUCH = 1 << 17;
        /// Runs even when the client's replies are being awaited.
        const ALLOW_BUSY = 1 << 18;
        /// Allowed only by `enable-debug-command` and similar directives.
        const PROTECTED = 1 << 19;
        /// May be called without any key, though it can have some.
        const NO_MANDATORY_KEYS = 1 << 20;
        /// Acts as if ASKING had been sent before (RESTORE-ASKING).
        const ASKING = 1 << 21;
        /// May leave its request without an answer: SHUTDOWN ends the process, and what follows SYNC is a stream.
        const SILENT = 1 << 22;
        /// Runs at once between MULTI and EXEC, where all others are queued.
        const RUNS_IN_MULTI = 1 << 23;
        /// Runs the queue of a transaction, and has the flags of what is in it.
        const RUNS_QUEUE = 1 << 24;
        /// Allowed to a subscriber in RESP2.
        const IN_SUBSCRIBER = 1 << 25;
        /// Tells of failed saves, though it writes nothing (PING).
        const TELLS_OF_SAVES = 1 << 26;
        /// CLIENT CACHING outlasts it: it is about clients.
        const KEEPS_CACHING = 1 << 27;
        /// Allowed on the connection of a replica. RESET, which is allowed, replies with an error of its own.
        const ON_REPLICA_LINK = 1 << 28;
        /// Refused in the stream of a primary.
        const NOT_FROM_PRIMARY = 1 << 29;
        /// Needs no database: allowed though the stream has selected one that is not here.
        const NO_DATABASE = 1 << 30;
    }
}

/// Documentation groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // they say it
pub enum Group {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
    Generic,
    Pubsub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Geo,
    Bitmap,
    Array,
    Cluster,
}

impl Command {
    /// The base of each declaration of a command whose work follows its arguments, what it replies and what it removes,
    /// and at most the logarithm of what its keys hold: a test has such commands run on small and on large datasets. A
    /// declaration without a handler, or without saying how its work grows, does not compile.
    pub const fn steady(run: Handler) -> Command {
        Command::base(run, false)
    }

    /// As [`Command::steady`], for a command whose work grows with the size of its keys or of the dataset.
    pub const fn growing(run: Handler) -> Command {
        Command::base(run, true)
    }

    /// Without keys, flags and subcommands.
    const fn base(run: Handler, grows: bool) -> Command {
        Command {
            grows,
            name: "",
            arity: -1,
            flags: Flags::empty(),
            keys: Keys::None,
            uses: KeyUse::None,
            channels: Channels::None,
            secrets: Secrets::None,
            script: None,
            group: Group::Generic,
            since: "1.0.0",
            complexity: "O(1)",
            summary: "",
            docs: &Docs::NONE,
            categories: None,
            tips: &[],
            subcommands: &[],
            unlisted: &[],
            run,
        }
    }

    /// The base of a command that only names its subcommands: a request always reaches one of them.
    pub const CONTAINER: Command = Command::steady(|_, _| Err(CommandError::SYNTAX));

    /// True if a request of `n` arguments fits.
    #[inline]
    pub fn arity_fits(&self, n: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        n == least || (n > least && self.arity < 0)
    }
}
