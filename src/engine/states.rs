//! The one gate that checks the state of the server: whether its data is current, whether it may be written to, whether
//! there is memory.
//!
//! Clients, transactions, scripts when they start, and the calls of scripts state what they need ([`Demand`]). They
//! differ in the order in which the states are checked and in the texts of the errors; Redis has chosen both, and here
//! they are data ([`Subject`]). Each state is defined only once. The stream of a primary and the scripts that it runs
//! are never refused here, because a replica has to follow its primary.

use super::{CommandError, Engine};
use base::reserve;

/// A state that refuses a call.
#[derive(Clone, Copy)]
pub enum State {
    /// A replica has lost its primary, and may not serve what it has.
    Stale,
    /// The caller may only read.
    Exceeded,
    /// This is a replica that takes writes from its primary alone.
    ReadOnlyReplica,
    /// The last save failed.
    SaveFailed,
    /// The last save failed, and this is a primary.
    SaveFailedOnPrimary,
    /// The append-only file cannot be written.
    LogFailed,
    /// Too few replicas follow.
    FewReplicas,
    /// More than `maxmemory` is used, or the system refuses memory.
    Full,
    /// The system refuses memory.
    Refused,
}

/// What a call demands of the server.
#[derive(Clone, Copy, Default)]
pub struct Demand {
    /// Data that is not stale.
    pub fresh: bool,
    /// More than its caller may do.
    pub exceeds: bool,
    /// To write.
    pub writes: bool,
    /// More memory.
    pub room: bool,
}

impl Demand {
    /// True if a state could refuse one of these demands.
    #[inline(always)]
    pub(super) fn is_any(self) -> bool {
        self.fresh || self.exceeds || self.writes || self.room
    }
}

/// A kind of request: the states that refuse it, in the order in which they are checked, each with its error.
pub type Subject = &'static [(State, CommandError)];

const MISCONF: CommandError = CommandError::fixed(
    &"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
);
/// The engine knows the reason, which replaces this text.
const LOG_FAILED: CommandError = CommandError::fixed(&"MISCONF Errors writing to the AOF file");
const NO_REPLICAS: CommandError =
    CommandError::fixed(&"NOREPLICAS Not enough good replicas to write.");
const MASTER_DOWN: CommandError = CommandError::fixed(
    &"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);

/// A request of a client, before the checks of the command itself.
pub static CLIENT: Subject = &[
    (State::Full, CommandError::OOM),
    (State::SaveFailedOnPrimary, MISCONF),
    (State::LogFailed, LOG_FAILED),
    (State::FewReplicas, NO_REPLICAS),
    (State::ReadOnlyReplica, CommandError::READ_ONLY),
];
/// A request that writes nothing, but whose reply shows whether writes would be accepted.
pub static PING: Subject = &[(State::SaveFailed, MISCONF), (State::LogFailed, LOG_FAILED)];
/// A request that needs data, and a script without flags.
pub static DATA: Subject = &[(State::Stale, MASTER_DOWN)];
/// A script with flags, before it starts.
pub static SCRIPT: Subject = &[
    (
        State::Stale,
        CommandError::fixed(
            &"MASTERDOWN Link with MASTER is down, replica-serve-stale-data is set to 'no' and 'allow-stale' flag is not set on the script.",
        ),
    ),
    (
        State::ReadOnlyReplica,
        CommandError::fixed(&"READONLY Can not run script with write flag on readonly replica."),
    ),
    (
        State::SaveFailed,
        CommandError::fixed(
            &"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.",
        ),
    ),
    (State::LogFailed, LOG_FAILED),
    (
        State::Exceeded,
        CommandError::fixed(&"ERR Can not execute a script with write flag using *_ro command."),
    ),
    (State::FewReplicas, NO_REPLICAS),
    (
        State::Full,
        CommandError::fixed(
            &"OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
        ),
    ),
];
/// A queued request, when EXEC runs it. Memory that the system refuses is refused to it as well.
pub static QUEUE: Subject = &[(State::Refused, CommandError::OOM)];
/// A call of a script.
pub static CALL: Subject = &[
    (
        State::Stale,
        CommandError::fixed(&"ERR Can not execute the command on a stale replica"),
    ),
    (
        State::Exceeded,
        CommandError::fixed(&"ERR Write commands are not allowed from read-only scripts."),
    ),
    (State::ReadOnlyReplica, CommandError::READ_ONLY),
    (State::SaveFailedOnPrimary, MISCONF),
    (State::LogFailed, LOG_FAILED),
    (State::FewReplicas, NO_REPLICAS),
    (State::Full, CommandError::OOM),
];

impl Engine {
    /// Refuses a demand that one of the subject's states forbids, with the error of the first. Inline: each caller has
    /// a constant subject, so that nothing is left of the list.
    #[inline(always)]
    pub(super) fn pass(&self, subject: Subject, demand: Demand) -> Result<(), CommandError> {
        // A plain loop: a closure would be compiled once for all subjects, and called.
        for (state, error) in subject {
            if self.forbids(*state, demand) {
                return Err(match (state, &self.append_failed) {
                    (State::LogFailed, Some(why)) => why.clone(),
                    _ => error.clone(),
                });
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn forbids(&self, state: State, demand: Demand) -> bool {
        let config = &self.config;
        let save_failed =
            || self.save_failed && config.stop_writes_on_bgsave_error && !config.save.is_empty();
        match state {
            State::Stale => {
                demand.fresh && !config.replica_serve_stale_data && !self.repl.link_is_up()
            }
            State::Exceeded => demand.exceeds,
            State::ReadOnlyReplica => {
                demand.writes && config.replica_read_only && self.repl.is_replica()
            }
            State::SaveFailed => demand.writes && save_failed(),
            State::SaveFailedOnPrimary => demand.writes && save_failed() && !self.repl.is_replica(),
            State::LogFailed => demand.writes && self.append_failed.is_some(),
            State::FewReplicas => demand.writes && !self.repl.enough_replicas(),
            State::Refused => demand.room,
            State::Full => {
                let full = self.scripting.out_of_memory && config.maxmemory > 0;
                demand.room && (full || reserve::is_short())
            }
        }
    }
}
