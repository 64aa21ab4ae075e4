//! The commands that may run on the connections of replication: a replica's, and the one to the primary.
//!
//! Neither is a client's. A replica only reports, and any answer would be read as part of its stream. The primary
//! sends effects: commands that would turn its connection into something else (a subscriber, a monitor, a replica),
//! or end it, are refused there.
//!
//! A primary may have more databases than this server. Writes of its stream into a database that is not here are
//! refused and logged, as every error of its commands is; they must not change another database. The link goes on,
//! and the next SELECT may select a database that is here.

use super::spec::{Flags, Group};
use super::table::Entry;
use super::{ClientFlags, CommandError, Cx, Engine, Session, pubsub, tracking};
use replication::StreamDb;

pub(super) const RESET_REFUSED: CommandError =
    CommandError::fixed("ERR can only reset normal client connections");
const REPLICA_KEYS: CommandError =
    CommandError::fixed("ERR Replica can't interact with the keyspace");
const REPLICA_ONLY_REPORTS: CommandError =
    CommandError::fixed("ERR Command is not valid when client is a replica.");
const NOT_FROM_PRIMARY: CommandError =
    CommandError::fixed("ERR Command is not valid when client is a master.");

/// Refuses what has no place on a link. Ordinary clients pass.
#[inline]
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
    match command.name {
        // RESET is refused elsewhere; the others do nothing, or end the connection.
        "replconf" | "psync" | "sync" | "monitor" | "reset" | "quit" => Ok(()),
        _ if command
            .flags
            .intersects(Flags::WRITE | Flags::MAY_REPLICATE | Flags::READONLY) =>
        {
            Err(REPLICA_KEYS)
        }
        _ => Err(REPLICA_ONLY_REPORTS),
    }
}

fn on_primary_link(command: &Entry) -> Result<(), CommandError> {
    let refused = match command.name {
        "publish" | "spublish" => false,
        "psync" | "sync" | "monitor" | "hello" | "auth" | "quit" | "shutdown" => true,
        "replicaof" | "slaveof" | "failover" => true,
        "client|reply" | "client|tracking" => true,
        _ => command.command.group == Group::Pubsub && !command.name.starts_with("pubsub"),
    };
    match refused {
        true => Err(NOT_FROM_PRIMARY),
        false => Ok(()),
    }
}

/// Refuses what works on a database while our primary's stream has selected one that is not here.
#[inline]
pub(super) fn has_database(client: &Session, command: &Entry) -> Result<(), CommandError> {
    match client.nowhere {
        None => Ok(()),
        Some(db) => needs_no_database(command, db),
    }
}

fn needs_no_database(command: &Entry, db: StreamDb) -> Result<(), CommandError> {
    let anywhere = match command.name {
        "ping" | "replconf" | "select" | "multi" | "exec" | "discard" => true,
        "publish" | "spublish" | "flushall" | "swapdb" => true,
        name => name.starts_with("function|") || name.starts_with("script|"),
    };
    match anywhere {
        true => Ok(()),
        false => Err(CommandError::new(format!(
            "ERR DB index is out of range: the stream has selected database {db}, which is not here"
        ))),
    }
}

/// A command of the primary failed here: its data and this server's are no longer the same.
pub fn tell_error(engine: &mut Engine, command: &str, error: &str) {
    engine.stats.unexpected_errors += 1;
    let text = format!(
        "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
        error.trim_end(),
        command.escape_debug()
    );
    engine.repl.log('#', text);
}

impl Cx<'_> {
    /// The connection becomes a replica's: all its other uses end, because only the stream may be written to it from
    /// now on.
    pub(super) fn become_replica(&mut self) {
        pubsub::forget(self.engine, self.client);
        tracking::disable(self.engine, self.client);
        let replies =
            ClientFlags::REPLY_OFF | ClientFlags::REPLY_SKIP | ClientFlags::REPLY_SKIP_NEXT;
        self.client.flags.remove(replies);
        self.client.flags.insert(ClientFlags::REPLICA);
    }
}

#[cfg(test)]
mod tests {
    use crate::ClientFlags;
    use crate::testing::Bench;

    /// A bench whose client is such a link, and its replies.
    fn link(flag: ClientFlags) -> Bench {
        let mut bench = Bench::new();
        let id = bench.id;
        let client = bench.engine.clients.get_mut(&id).expect("it is connected");
        client.flags.insert(flag);
        bench
    }

    #[test]
    fn a_link_cannot_be_reset_whichever_end_of_it_we_are() {
        for flag in [ClientFlags::REPLICA, ClientFlags::MASTER] {
            let mut bench = link(flag);
            let refused = "-ERR can only reset normal client connections";
            assert_eq!(bench.run("RESET"), refused);
            let id = bench.id;
            assert!(bench.engine.clients[&id].flags.contains(flag));
        }
    }

    #[test]
    fn a_replica_only_reports() {
        let mut bench = link(ClientFlags::REPLICA);
        for text in [
            "SUBSCRIBE a",
            "CLIENT REPLY OFF",
            "CLIENT TRACKING ON",
            "HELLO 3",
            "MULTI",
            "WAIT 1 0",
            "PING",
            "REPLICAOF NO ONE",
            "CONFIG SET maxmemory 1",
            "SHUTDOWN NOSAVE",
        ] {
            let got = bench.run(text);
            assert!(
                got.starts_with("-ERR Command is not valid when client is a replica"),
                "{text}: {got}"
            );
        }
        for text in [
            "SET a b",
            "GET a",
            "BLPOP a 0",
            "PUBLISH a b",
            "XREAD BLOCK 0 STREAMS s $",
        ] {
            assert_eq!(
                bench.run(text),
                "-ERR Replica can't interact with the keyspace",
                "{text}"
            );
        }
        for text in [
            "REPLCONF ACK 9223372036854775807",
            "REPLCONF ACK -5",
            "REPLCONF GETACK *",
            "MONITOR",
            "PSYNC ? -1",
        ] {
            assert_eq!(bench.run(text), "", "{text}");
        }
        assert!(bench.engine.monitors.is_empty());
    }

    #[test]
    fn a_primary_sends_effects_and_nothing_that_changes_its_connection() {
        let mut bench = link(ClientFlags::MASTER);
        for text in [
            "SUBSCRIBE a",
            "PSUBSCRIBE a",
            "SSUBSCRIBE a",
            "MONITOR",
            "CLIENT REPLY OFF",
            "CLIENT TRACKING ON",
            "HELLO 3",
            "PSYNC ? -1",
            "SYNC",
            "QUIT",
            "SHUTDOWN NOSAVE",
            "REPLICAOF NO ONE",
        ] {
            let got = bench.run(text);
            assert!(
                got.starts_with("-ERR Command is not valid when client is a master"),
                "{text}: {got}"
            );
        }
        assert_eq!(bench.run("PUBLISH a b"), ":0");
        assert_eq!(bench.run("SET a b"), "+OK");
    }

    #[test]
    fn what_is_for_a_database_that_is_not_here_lands_in_no_other() {
        let mut bench = link(ClientFlags::MASTER);
        let refused = |reply: String| {
            let out = "-ERR DB index is out of range";
            assert!(reply.starts_with(out), "{reply}");
        };
        for number in [
            "16",
            "20",
            "2147483648",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            bench.run("SELECT 3");
            let reply = bench.run(&format!("SELECT {number}"));
            assert!(reply.starts_with('-'), "{reply}");
            for text in [
                "SET k v",
                "DEL k",
                "FLUSHDB",
                "GET k",
                "EVAL \"return 1\" 0",
            ] {
                refused(bench.run(text));
            }
            assert_eq!(bench.run("PUBLISH a b"), ":0");
            assert_eq!(bench.run("PING"), "+PONG");
            assert_eq!(bench.run("SELECT 3"), "+OK");
            assert_eq!(bench.run("SET k v"), "+OK");
            bench.run("DEL k");
        }
        assert_eq!(bench.run("DBSIZE"), ":0");
    }

    #[test]
    fn a_transaction_of_the_primary_leads_to_a_database_that_is_not_here_and_back() {
        let mut bench = link(ClientFlags::MASTER);
        for text in [
            "MULTI",
            "SET here 1",
            "SELECT 99",
            "SET far 1",
            "SELECT 2",
            "SET there 1",
            "SELECT 77",
        ] {
            bench.run(text);
        }
        let reply = bench.run("EXEC");
        assert_eq!(reply.matches("-ERR DB index").count(), 3, "{reply}");
        assert_eq!(bench.engine.stats.unexpected_errors, 3);
        // The next one begins nowhere.
        for text in ["MULTI", "SET far 1", "SELECT 2", "INCR there"] {
            bench.run(text);
        }
        let reply = bench.run("EXEC");
        assert!(reply.ends_with("+OK, :2]"), "{reply}");
        assert_eq!(bench.run("DBSIZE"), ":1");
        assert_eq!(bench.run("SELECT 0"), "+OK");
        assert_eq!(bench.run("DBSIZE"), ":1");
    }

    #[test]
    fn a_subscriber_that_becomes_a_replica_is_no_subscriber_any_more() {
        let mut bench = Bench::new();
        let other = bench.connect();
        // In RESP3 a subscriber may run other commands.
        bench.run_as(other, "HELLO 3");
        bench.run_as(other, "SUBSCRIBE news");
        bench.run_as(other, "CLIENT REPLY OFF");
        bench.run_as(other, "PSYNC ? -1");
        assert_eq!(bench.run("PUBLISH news x"), ":0");
        assert_eq!(bench.output(other), "");
        assert!(
            !bench.engine.clients[&other]
                .flags
                .contains(ClientFlags::REPLY_OFF)
        );
    }
}
