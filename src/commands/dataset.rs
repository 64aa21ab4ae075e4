//! The dataset as a whole: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB, SAVE, BGSAVE, LASTSAVE.

use crate::manual;
use engine::host::SaveOptions;
use engine::spec::{Command, Flags, Group};
use engine::watch::touch_watched_database;
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};
use rdb::target::Target;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "dbsize",
        arity: 1,
        flags: Flags::READONLY.union(Flags::FAST),
        group: Group::Server,
        summary: "Returns the number of keys in the database.",
        categories: Some(&["keyspace"]),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..Command::steady(dbsize)
    },
    Command {
        name: "flushdb",
        arity: -1,
        flags: Flags::WRITE,
        group: Group::Server,
        complexity: "O(N) where N is the number of keys in the selected database",
        summary: "Remove all keys from the current database.",
        docs: &manual::server::FLUSHDB,
        categories: Some(&["keyspace", "dangerous"]),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Command::growing(flushdb)
    },
    Command {
        name: "flushall",
        arity: -1,
        flags: Flags::WRITE.union(Flags::NO_DATABASE),
        group: Group::Server,
        complexity: "O(N) where N is the total number of keys in all databases",
        summary: "Removes all keys from all databases.",
        docs: &manual::server::FLUSHALL,
        categories: Some(&["keyspace", "dangerous"]),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..Command::growing(flushall)
    },
    Command {
        name: "swapdb",
        arity: 3,
        flags: Flags::WRITE.union(Flags::FAST).union(Flags::NO_DATABASE),
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
        summary: "Swaps two Redis databases.",
        docs: &manual::server::SWAPDB,
        categories: Some(&["keyspace", "dangerous"]),
        ..Command::growing(swapdb)
    },
    Command {
        name: "save",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::NO_ASYNC_LOADING)
            .union(Flags::NO_MULTI),
        group: Group::Server,
        complexity: "O(N) where N is the total number of keys in all databases",
        summary: "Synchronously saves the database(s) to disk.",
        docs: &manual::server::SAVE,
        ..Command::growing(save)
    },
    Command {
        name: "bgsave",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::NO_ASYNC_LOADING),
        group: Group::Server,
        summary: "Asynchronously saves the database(s) to disk.",
        docs: &manual::server::BGSAVE,
        ..Command::growing(bgsave)
    },
    Command {
        name: "lastsave",
        arity: 1,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        group: Group::Server,
        summary: "Returns the Unix timestamp of the last successful save to disk.",
        categories: Some(&["admin", "dangerous"]),
        tips: &["nondeterministic_output"],
        ..Command::steady(lastsave)
    },
];

fn dbsize(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let n = cx.db().len();
    cx.client.reply.int(n as i64);
    Ok(())
}

/// `[ASYNC|SYNC]`: true for ASYNC. Memory is freed in the background in both cases.
fn flush_mode(args: Args<'_>) -> Result<bool, CommandError> {
    match args.len() {
        1 => Ok(false),
        2 if args.is(1, "SYNC") || args.is(1, "ASYNC") => Ok(args.is(1, "ASYNC")),
        _ => Err(CommandError::SYNTAX),
    }
}

fn flushdb(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let lazily = flush_mode(args)?;
    let db = cx.client.db;
    cx.engine.empty_database(db, lazily);
    cx.engine.tracking.invalidate_everything();
    cx.force_propagate();
    cx.client.reply.ok();
    Ok(())
}

fn flushall(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let lazily = flush_mode(args)?;
    // The auxiliary data belongs to keys that no longer exist.
    cx.engine.module_aux.clear();
    cx.engine.empty_all(lazily);
    cx.engine.tracking.invalidate_everything();
    cx.engine.host().after_flushall(cx.engine);
    cx.force_propagate();
    cx.client.reply.ok();
    Ok(())
}

fn swapdb(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    // Numbers beyond 32 bits are none, as on the reference server.
    let index = |i, text| match args.int(i).map(i32::try_from) {
        Ok(Ok(n)) => Ok(i64::from(n)),
        _ => Err(CommandError::new(text)),
    };
    let first = index(1, "ERR invalid first DB index")?;
    let second = index(2, "ERR invalid second DB index")?;
    let count = cx.engine.keyspace.count() as i64;
    if !(0..count).contains(&first) || !(0..count).contains(&second) {
        return Err(CommandError::fixed(&"ERR DB index is out of range"));
    }
    let (first, second) = (first as usize, second as usize);
    if first != second {
        touch_watched_database(cx.engine, first, Some(second));
        touch_watched_database(cx.engine, second, Some(first));
        cx.engine.keyspace.swap(first, second);
    }
    cx.engine.dirty += 1;
    cx.client.reply.ok();
    Ok(())
}

/// `[SCHEDULE] [TARGET name]`; TARGET is Forebay's own.
fn save_options(args: Args<'_>, may_schedule: bool) -> Result<SaveOptions, CommandError> {
    let mut options = SaveOptions::default();
    let mut words = args.options(1);
    while words.are_left() {
        if may_schedule && words.take("SCHEDULE") {
            options.after_rewrite = true;
        } else if let Some(name) = words.take_value("TARGET") {
            let name = String::from_utf8_lossy(name).into_owned();
            if Target::from_name(&name).is_none() {
                return Err(CommandError::fixed(&"ERR unknown save target"));
            }
            options.target = Some(name);
        } else if may_schedule {
            return Err(CommandError::SYNTAX);
        } else {
            // The original's SAVE takes no arguments at all.
            return Err(CommandError::arity("save"));
        }
    }
    Ok(options)
}

fn save(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let options = save_options(args, false)?;
    cx.no_propagate(); // the counter of changes goes back to zero, which is no change
    let host = cx.engine.host();
    if host.bgsave_running() {
        return Err(CommandError::fixed(
            &"ERR Background save already in progress",
        ));
    }
    // The reason is in the log and in INFO; the reply says as little as the reference's.
    host.save(cx.engine, &options)
        .map_err(|_| CommandError::fixed(&"ERR"))?;
    cx.client.reply.ok();
    Ok(())
}

fn bgsave(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() == 2 && args.is(1, "CANCEL") {
        let text = cx.engine.host().cancel_bgsave(cx.engine)?;
        cx.client.reply.simple(text);
        return Ok(());
    }
    let mut options = save_options(args, true)?;
    // Inside EXEC nothing may start between two commands of the transaction.
    if cx.client.flags.contains(ClientFlags::DENY_BLOCKING) {
        options.schedule = true;
    }
    let text = cx.engine.host().bgsave(cx.engine, &options)?;
    cx.client.reply.simple(text);
    Ok(())
}

fn lastsave(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let at = cx.engine.host().last_save();
    cx.client.reply.int(at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn flushing_is_propagated_even_when_nothing_was_there() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("FLUSHALL"), "+OK");
        assert_eq!(bench.run("FLUSHDB ASYNC"), "+OK");
        assert_eq!(bench.effects(), "FLUSHALL|FLUSHDB ASYNC");
        assert_eq!(bench.run("FLUSHDB NOW"), "-ERR syntax error");
    }

    #[test]
    fn databases_change_places() {
        let mut bench = Bench::new();
        bench.run("SET k zero");
        assert_eq!(bench.run("SWAPDB 0 1"), "+OK");
        assert_eq!(bench.run("DBSIZE"), ":0");
        bench.run("SELECT 1");
        assert_eq!(bench.run("GET k"), "\"zero\"");
        assert_eq!(bench.run("SWAPDB a 1"), "-ERR invalid first DB index");
        assert_eq!(bench.run("SWAPDB 0 b"), "-ERR invalid second DB index");
        assert_eq!(bench.run("SWAPDB 0 16"), "-ERR DB index is out of range");
    }

    /// The deletion was sent with SWAPDB: whoever waited for the key ran its request again, which found it.
    #[test]
    fn an_expired_key_that_comes_by_swapdb_is_deleted_by_who_looks_for_it() {
        let mut bench = Bench::new();
        let waiting = bench.connect();
        bench.run_as(waiting, "BRPOP k 0");
        bench.check(&[
            ("SELECT 1", "+OK"),
            ("RPUSH k a", ":1"),
            ("PEXPIRE k 20", ":1"),
        ]);
        bench.advance(21);
        bench.check_effects(&[
            ("SWAPDB 0 1", "SWAPDB 0 1"),
            ("SET before 1", "SET before 1"),
            ("SELECT 0", ""),
            ("EXISTS k", "DEL k"),
            ("RPUSH k b", "RPUSH k b|RPOP k"),
        ]);
        assert!(
            bench.output(waiting).contains('b'),
            "it has waited for another one"
        );
    }
}
