//! The commands that may run on the connections of replication: a replica's, and the one to the primary.
//!
//! Neither connection is that of a client. A replica only reports, and would read any reply as part of its stream. The
//! primary sends effects; commands that would turn its connection into something else (a subscriber, a monitor, a
//! replica), or close it, are refused there.
//!
//! A primary may have more databases than this server. Writes in its stream to a database that does not exist here are
//! refused and logged, like every error of its commands; they must not change another database. The link continues, and
//! the next SELECT may select a database that exists.

use super::spec::Flags;
use super::table::Entry;
use super::{ClientFlags, CommandError, Cx, Engine, Session, pubsub, tracking};
use base::{LogLevel, UserData};
use replication::StreamDb;

/// The error for a replica that resets its connection.
pub const RESET_REFUSED: CommandError =
    CommandError::fixed(&"ERR can only reset normal client connections");
const REPLICA_KEYS: CommandError =
    CommandError::fixed(&"ERR Replica can't interact with the keyspace");
const REPLICA_ONLY_REPORTS: CommandError =
    CommandError::fixed(&"ERR Command is not valid when client is a replica.");
const NOT_FROM_PRIMARY: CommandError =
    CommandError::fixed(&"ERR Command is not valid when client is a master.");

/// Refuses requests that are not allowed on a replication link. Ordinary clients pass.
#[inline(always)]
pub(super) fn check(client: &Session, command: &Entry) -> Result<(), CommandError> {
    let links = ClientFlags::REPLICA | ClientFlags::MASTER;
    if !client.flags.intersects(links) {
        return Ok(());
    }
    if client.flags.contains(ClientFlags::REPLICA) {
        return on_replica_link(command);
    }
    on_primary_link(command)
}

fn on_replica_link(command: &Entry) -> Result<(), CommandError> {
    let about_keys = Flags::WRITE | Flags::MAY_REPLICATE | Flags::READONLY;
    match command.flags {
        flags if flags.contains(Flags::ON_REPLICA_LINK) => Ok(()),
        flags if flags.intersects(about_keys) => Err(REPLICA_KEYS),
        _ => Err(REPLICA_ONLY_REPORTS),
    }
}

fn on_primary_link(command: &Entry) -> Result<(), CommandError> {
    match command.flags.contains(Flags::NOT_FROM_PRIMARY) {
        true => Err(NOT_FROM_PRIMARY),
        false => Ok(()),
    }
}

/// Refuses requests that need a database while our primary's stream has selected one that does not exist here.
#[inline]
pub(super) fn has_database(client: &Session, command: &Entry) -> Result<(), CommandError> {
    match client.nowhere {
        None => Ok(()),
        Some(db) => needs_no_database(command, db),
    }
}

fn needs_no_database(command: &Entry, db: StreamDb) -> Result<(), CommandError> {
    match command.flags.contains(Flags::NO_DATABASE) {
        true => Ok(()),
        false => Err(CommandError::new(format!(
            "ERR DB index is out of range: the stream has selected database {db}, which is not here"
        ))),
    }
}

/// A command of the primary failed here: its data and this server's are no longer the same. `entry` is `None` if there
/// is no such command.
pub fn tell_error(
    engine: &mut Engine,
    primary: &Session,
    (command, entry): (&str, Option<&Entry>),
    error: &str,
) {
    engine.stats.unexpected_errors += 1;
    let divergence = &mut engine.repl.divergence;
    divergence.unknown_commands += entry.is_none() as u64;
    // A script may fail on its primary too. A write for a database that does not exist here was reported when the
    // database was selected.
    let changes = entry.is_none_or(|entry| entry.flags.contains(Flags::WRITE));
    if changes {
        let reason = format!("'{}': {}", command.escape_debug(), error.trim_end());
        divergence.reason.clone_from(&reason);
        // A full sync would not help either, as the database would still not exist here.
        if primary.nowhere.is_none() {
            engine.diverged.get_or_insert(reason);
        }
    }
    if !divergence.is_news(command, error) {
        return;
    }
    let text = format!(
        "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
        UserData(error.trim_end()),
        UserData(command.escape_debug())
    );
    engine.repl.log(LogLevel::Warning, text);
}

impl Cx<'_> {
    /// The connection becomes the link of a replica. All its other uses end, because only the stream may be written to
    /// it from now on.
    pub fn become_replica(&mut self) {
        pubsub::forget(self.engine, self.client);
        tracking::disable(self.engine, self.client);
        let replies =
            ClientFlags::REPLY_OFF | ClientFlags::REPLY_SKIP | ClientFlags::REPLY_SKIP_NEXT;
        self.client.flags.remove(replies);
        self.client.flags.insert(ClientFlags::REPLICA);
    }
}
