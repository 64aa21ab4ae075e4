//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//!  * A change of a watched key marks its watchers as dirty: their EXEC replies null and runs nothing.
//!  * A key that had already expired when WATCH ran is missing for the watcher: deleting it is not a change, but
//!    overwriting it is.
//!  * A key that expires between WATCH and EXEC counts as changed, whether or not it has been deleted.
//!  * The client whose command is running is not in the table: it is marked when the command has finished.

use crate::manual;
use engine::client_list::NAME_BYTES;
use engine::session::Watched;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::transaction::{discard_transaction, run_queue};
use engine::watch::{Watcher, unwatch_all};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "multi",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::RUNS_IN_MULTI)
            .union(Flags::NO_DATABASE),
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Starts a transaction.",
        ..Command::steady(multi)
    },
    Command {
        name: "exec",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::SKIP_SLOWLOG)
            .union(Flags::RUNS_IN_MULTI)
            .union(Flags::RUNS_QUEUE)
            .union(Flags::NO_DATABASE),
        group: Group::Transactions,
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        summary: "Executes all commands in a transaction.",
        ..Command::growing(exec)
    },
    Command {
        name: "discard",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::RUNS_IN_MULTI)
            .union(Flags::NO_DATABASE),
        group: Group::Transactions,
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        summary: "Discards a transaction.",
        ..Command::steady(discard)
    },
    Command {
        name: "watch",
        arity: -2,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::RUNS_IN_MULTI),
        keys: Keys::ALL,
        uses: KeyUse::Each(Access::INSPECT),
        group: Group::Transactions,
        since: "2.2.0",
        complexity: "O(1) for every key.",
        summary: "Monitors changes to keys to determine the execution of a transaction.",
        docs: &manual::connection::WATCH,
        ..Command::steady(watch)
    },
    Command {
        name: "unwatch",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST)
            .union(Flags::ALLOW_BUSY),
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Forgets about watched keys of a transaction.",
        ..Command::steady(unwatch)
    },
];

fn multi(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    if cx.client.flags.contains(ClientFlags::MULTI) {
        return Err(CommandError::fixed(&"ERR MULTI calls can not be nested"));
    }
    cx.client.flags.insert(ClientFlags::MULTI);
    cx.client.reply.ok();
    Ok(())
}

fn discard(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    if !cx.client.flags.contains(ClientFlags::MULTI) {
        return Err(CommandError::fixed(&"ERR DISCARD without MULTI"));
    }
    discard_transaction(cx.engine, cx.client);
    cx.client.reply.ok();
    Ok(())
}

fn exec(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.no_propagate(); // what it runs is propagated, command by command
    let flags = cx.client.flags;
    if !flags.contains(ClientFlags::MULTI) {
        return Err(CommandError::fixed(&"ERR EXEC without MULTI"));
    }
    if flags.contains(ClientFlags::DIRTY_EXEC) {
        discard_transaction(cx.engine, cx.client);
        return Err(CommandError::fixed(
            &"EXECABORT Transaction discarded because of previous errors.",
        ));
    }
    if flags.contains(ClientFlags::DIRTY_CAS) || a_watched_key_expired(cx) {
        discard_transaction(cx.engine, cx.client);
        cx.client.reply.null_array();
        return Ok(());
    }
    // What the transaction itself writes is no reason to abort the next one.
    unwatch_all(cx.engine, cx.client);
    let queue = std::mem::take(&mut cx.client.queue);
    cx.client.queued_bytes = 0;
    cx.client.queued_db = None;
    cx.client.flags.insert(ClientFlags::DENY_BLOCKING);
    cx.client.reply.array(queue.len());
    cx.engine.depth += 1;
    run_queue(cx.engine, cx.client, queue.into_iter(), flags);
    Ok(())
}

fn a_watched_key_expired(cx: &Cx<'_>) -> bool {
    cx.client.watched.iter().any(|watched| {
        let db = cx.engine.keyspace.db(watched.db);
        let expire = db.find(&watched.key).and_then(|loc| db.expire(loc));
        if expire.is_none_or(|at| at >= cx.now()) {
            return false;
        }
        let at = (watched.db, watched.key.clone());
        let watchers = cx.engine.watched.keys.get(&at).into_iter().flatten();
        watchers
            .filter(|w| w.client == cx.client.id)
            .any(|w| !w.expired)
    })
}

fn watch(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if cx.client.flags.contains(ClientFlags::MULTI) {
        return Err(CommandError::fixed(
            &"ERR WATCH inside MULTI is not allowed",
        ));
    }
    cx.client.reply.ok();
    if cx.client.flags.contains(ClientFlags::DIRTY_CAS) {
        return Ok(()); // EXEC will abort whatever else is watched
    }
    let (now, db) = (cx.now(), cx.client.db);
    for &key in args.from(1) {
        let keys = cx.engine.keyspace.db(db);
        let expire = keys.find(key).and_then(|loc| keys.expire(loc));
        let expired = expire.is_some_and(|at| at < now);
        let key = key.to_vec();
        let watchers = cx.engine.watched.keys.entry((db, key.clone())).or_default();
        // The list of the client may be long, and few others watch the same key.
        if watchers.iter().any(|w| w.client == cx.client.id) {
            continue;
        }
        watchers.push(Watcher {
            client: cx.client.id,
            expired,
        });
        cx.client.watched_bytes += key.len() + NAME_BYTES;
        cx.client.watched.push(Watched { db, key });
    }
    Ok(())
}

fn unwatch(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    unwatch_all(cx.engine, cx.client);
    cx.client.flags.remove(ClientFlags::DIRTY_CAS);
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{Bench, check, check_effects};
    use engine::watch::touch_watched_database;

    const EXECABORT: &str = "-EXECABORT Transaction discarded because of previous errors.";

    #[test]
    fn queued_commands_run_together() {
        check(&[
            ("MULTI", "+OK"),
            ("SET a 1", "+QUEUED"),
            (
                "LPUSH_IS_UNKNOWN",
                "-ERR unknown command 'LPUSH_IS_UNKNOWN', with args beginning with: ",
            ),
            ("EXEC", EXECABORT),
            ("EXISTS a", ":0"),
            ("MULTI", "+OK"),
            ("SET a x", "+QUEUED"),
            ("INCR a", "+QUEUED"),
            ("GET a", "+QUEUED"),
            (
                "EXEC",
                "[+OK, -ERR value is not an integer or out of range, \"x\"]",
            ),
            ("EXEC", "-ERR EXEC without MULTI"),
            ("DISCARD", "-ERR DISCARD without MULTI"),
        ]);
    }

    #[test]
    fn nesting_is_an_error_that_does_not_abort() {
        check(&[
            ("MULTI", "+OK"),
            ("MULTI", "-ERR MULTI calls can not be nested"),
            ("WATCH a", "-ERR WATCH inside MULTI is not allowed"),
            ("UNWATCH", "+QUEUED"),
            ("EXEC", "[+OK]"),
            ("MULTI", "+OK"),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            ("EXEC", EXECABORT),
        ]);
    }

    #[test]
    fn a_change_of_a_watched_key_aborts_whoever_made_it() {
        let mut bench = Bench::new();
        let other = bench.connect();
        bench.check(&[("WATCH k", "+OK"), ("MULTI", "+OK"), ("GET k", "+QUEUED")]);
        bench.run_as(other, "SET k 1");
        bench.check(&[("EXEC", "nil[]"), ("MULTI", "+OK"), ("EXEC", "[]")]);
        // The client itself, before MULTI.
        bench.check(&[
            ("WATCH k", "+OK"),
            ("SET k 2", "+OK"),
            ("MULTI", "+OK"),
            ("EXEC", "nil[]"),
            ("WATCH k", "+OK"),
            ("SET k 2", "+OK"),
            ("UNWATCH", "+OK"),
            ("MULTI", "+OK"),
            ("EXEC", "[]"),
        ]);
        // The transaction itself, and the same name in another database: no change.
        bench.check(&[("WATCH k", "+OK"), ("MULTI", "+OK"), ("SET k 3", "+QUEUED")]);
        bench.run_as(other, "SELECT 1");
        bench.run_as(other, "SET k 4");
        bench.check(&[("EXEC", "[+OK]"), ("MULTI", "+OK"), ("EXEC", "[]")]);
    }

    #[test]
    fn a_watched_key_that_expires_counts_as_changed() {
        let mut bench = Bench::new();
        bench.check(&[
            ("SET k 1 PX 5", "+OK"),
            ("WATCH k", "+OK"),
            ("MULTI", "+OK"),
        ]);
        bench.advance(6);
        bench.check(&[("EXEC", "nil[]")]);
    }

    #[test]
    fn a_missing_key_that_swapdb_makes_an_expired_one_is_still_missing() {
        let mut bench = Bench::new();
        bench.run("SELECT 1");
        bench.run("SET k v PX 10");
        bench.run("SELECT 0");
        bench.advance(100);
        for line in ["WATCH k", "SWAPDB 0 1", "MULTI", "PING"] {
            bench.run(line);
        }
        assert_eq!(bench.run("EXEC"), "[+PONG]");
    }

    #[test]
    fn a_key_that_had_expired_at_watch_may_be_deleted_but_not_set() {
        let mut bench = Bench::new();
        let other = bench.connect();
        bench.run("SET k 1 PX 5");
        bench.advance(6);
        bench.check(&[("WATCH k", "+OK")]);
        bench.run_as(other, "GET k");
        bench.check(&[("MULTI", "+OK"), ("EXEC", "[]")]);

        bench.run("SET k 1 PX 5");
        bench.advance(6);
        bench.check(&[("WATCH k", "+OK")]);
        bench.run_as(other, "SET k 2");
        bench.check(&[("MULTI", "+OK"), ("EXEC", "nil[]")]);
    }

    #[test]
    fn emptying_a_database_changes_the_keys_that_were_there() {
        for (existing, exec) in [("k", "nil[]"), ("other", "[]")] {
            let mut bench = Bench::new();
            bench.run(&format!("SET {existing} 1"));
            bench.check(&[("WATCH k", "+OK")]);
            touch_watched_database(&mut bench.engine, 0, None);
            bench.check(&[("MULTI", "+OK"), ("EXEC", exec)]);
        }
    }

    #[test]
    fn effects_of_a_transaction_are_wrapped_when_there_are_several() {
        check_effects(&[
            ("MULTI", ""),
            ("SET a 1", ""),
            ("GET a", ""),
            ("EXEC", "SET a 1"),
            ("MULTI", ""),
            ("SET a 2", ""),
            ("INCR a", ""),
            ("INCR a x", ""),
            ("DISCARD", ""),
            ("MULTI", ""),
            ("SET a 2", ""),
            ("INCR a", ""),
            ("EXEC", "MULTI|SET a 2|INCR a|EXEC"),
        ]);
    }

    #[test]
    fn a_client_that_leaves_watches_nothing() {
        let mut bench = Bench::new();
        let other = bench.connect();
        bench.run_as(other, "WATCH k");
        assert!(!bench.engine.watched.is_empty());
        bench.engine.disconnect(other);
        assert!(bench.engine.watched.is_empty());
    }
}
