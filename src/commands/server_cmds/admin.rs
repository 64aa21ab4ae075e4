//! SHUTDOWN, TIME, LOLWUT.

use crate::manual;
use engine::blocking::BlockedOn;
use engine::host::ShutdownOptions;
use engine::spec::{Command, Flags, Group};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "time",
        arity: 1,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        group: Group::Server,
        since: "2.6.0",
        summary: "Returns the server time.",
        tips: &["nondeterministic_output"],
        ..Command::steady(time)
    },
    Command {
        name: "shutdown",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::NO_MULTI)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::SILENT)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)",
        summary: "Synchronously saves the database(s) to disk and shuts down the Redis server.",
        docs: &manual::server::SHUTDOWN,
        ..Command::growing(shutdown)
    },
    Command {
        name: "bgrewriteaof",
        arity: 1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::NO_ASYNC_LOADING),
        group: Group::Server,
        since: "1.0.0",
        complexity: "O(1)",
        summary: "Asynchronously rewrites the append-only file to disk.",
        ..Command::growing(bgrewriteaof)
    },
    Command {
        name: "lolwut",
        arity: -1,
        flags: Flags::READONLY.union(Flags::FAST),
        group: Group::Server,
        since: "5.0.0",
        complexity: "",
        summary: "Displays computer art and the Redis version",
        docs: &manual::server::LOLWUT,
        ..Command::steady(lolwut)
    },
];

fn time(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let us = cx.engine.clock.time_us();
    let reply = &mut cx.client.reply;
    reply.array(2);
    reply.bulk_int(us / 1_000_000);
    reply.bulk_int(us % 1_000_000);
    Ok(())
}

fn bgrewriteaof(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    // Inside EXEC nothing may start between two commands of the transaction.
    let scheduled = cx.client.flags.contains(ClientFlags::DENY_BLOCKING);
    let begun = cx.engine.host().rewrite_log(cx.engine, scheduled)?;
    cx.client.reply.status(begun.as_bytes());
    Ok(())
}

fn shutdown(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut options = ShutdownOptions::default();
    let (mut abort, mut failover) = (false, false);
    let mut words = args.options(1);
    while words.are_left() {
        if options.save != Some(true) && words.take("NOSAVE") {
            options.save = Some(false);
        } else if options.save != Some(false) && words.take("SAVE") {
            options.save = Some(true);
        } else if words.take("NOW") {
            options.now = true;
        } else if words.take("FORCE") {
            options.force = true;
        } else if words.take("SAFE") {
            // In Valkey, it protects the voters of a cluster.
        } else if words.take("FAILOVER") {
            failover = true;
        } else if args.len() == 2 && words.take("ABORT") {
            abort = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if failover {
        return Err(CommandError::fixed(
            &"ERR SHUTDOWN FAILOVER is only supported in cluster mode.",
        ));
    }
    if abort {
        cx.engine.host().abort_shutdown(cx.engine)?;
        cx.client.reply.ok();
        return Ok(());
    }
    if options.save != Some(false)
        && let Some(busy) = cx.engine.busy_error()
    {
        return Err(busy);
    }
    if !options.now && cx.client.flags.contains(ClientFlags::DENY_BLOCKING) {
        return Err(CommandError::fixed(
            &"ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client",
        ));
    }
    cx.engine.host().shutdown(cx.engine, options)?;
    // The shutdown waits for replicas; then the process ends, or the client gets an error.
    cx.wait(args, BlockedOn::Shutdown, None);
    Ok(())
}

fn lolwut(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() >= 3 && args.is(1, "VERSION") {
        args.int(2)?;
    }
    // Water that runs into the bay in front of a lock, and out of it at a steady level.
    const WIDTH: u64 = 64;
    let mut picture = String::new();
    for row in 0..8u64 {
        let shore = 10 + row * 3 + cx.engine.rng.below(4);
        for column in 0..WIDTH {
            picture.push(match (column < shore, column + 12 < WIDTH) {
                (true, _) if cx.engine.rng.below(3) == 0 => '/',
                (true, _) => ' ',
                (false, true) => ['~', '-', '~', '='][cx.engine.rng.below(4) as usize],
                (false, false) if column + 12 == WIDTH => '#',
                (false, false) => '_',
            });
        }
        picture.push('\n');
    }
    picture.push_str(&format!(
        "Redis ver. {} (Forebay {})\n",
        base::REDIS_VERSION,
        base::VERSION
    ));
    cx.client.reply.verbatim("txt", picture.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::check;

    #[test]
    fn shutdown_knows_which_words_exclude_each_other() {
        check(&[
            ("SHUTDOWN SAVE NOSAVE", "-ERR syntax error"),
            ("SHUTDOWN FOO", "-ERR syntax error"),
            ("SHUTDOWN SAFE ABORT", "-ERR syntax error"),
            (
                "SHUTDOWN NOW SAFE FAILOVER",
                "-ERR SHUTDOWN FAILOVER is only supported in cluster mode.",
            ),
            ("SHUTDOWN ABORT", "-ERR No shutdown in progress."),
            ("TIME", "[\"1000\", \"0\"]"),
        ]);
    }
}
