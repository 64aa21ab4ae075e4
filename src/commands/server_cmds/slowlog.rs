//! SLOWLOG: the last commands that took long.

use crate::manual;
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "slowlog",
    arity: -2,
    group: Group::Server,
    since: "2.2.12",
    complexity: "Depends on subcommand.",
    summary: "A container for slow log commands.",
    subcommands: &[
        Command {
            name: "slowlog|get",
            arity: -2,
            flags: FLAGS,
            group: Group::Server,
            since: "2.2.12",
            complexity: "O(N) where N is the number of entries returned",
            summary: "Returns the slow log's entries.",
            docs: &manual::server::SLOWLOG_GET,
            tips: &["request_policy:all_nodes", "nondeterministic_output"],
            ..Command::runs(get)
        },
        Command {
            name: "slowlog|len",
            arity: 2,
            flags: FLAGS,
            group: Group::Server,
            since: "2.2.12",
            summary: "Returns the number of entries in the slow log.",
            tips: &[
                "request_policy:all_nodes",
                "response_policy:agg_sum",
                "nondeterministic_output",
            ],
            ..Command::runs(|cx, _| {
                let len = cx.engine.slowlog.entries.len();
                cx.client.reply.int(len as i64);
                Ok(())
            })
        },
        Command {
            name: "slowlog|reset",
            arity: 2,
            flags: FLAGS,
            group: Group::Server,
            since: "2.2.12",
            complexity: "O(N) where N is the number of entries in the slowlog",
            summary: "Clears all entries from the slow log.",
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::runs(|cx, _| {
                cx.engine.slowlog.entries.clear();
                cx.client.reply.ok();
                Ok(())
            })
        },
        Command {
            name: "slowlog|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "6.2.0",
            summary: "Show helpful text about the different subcommands",
            ..Command::runs(|cx, _| {
                cx.help(
                    "SLOWLOG",
                    &[
                        "GET [<count>]",
                        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
                        "    Entries are made of:",
                        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
                        "    client name",
                        "LEN",
                        "    Return the length of the slowlog.",
                        "RESET",
                        "    Reset the slowlog.",
                    ],
                );
                Ok(())
            })
        },
    ],
    ..Command::CONTAINER
}];

const FLAGS: Flags = Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE);
/// Entries that GET returns without a count.
const DEFAULT_COUNT: usize = 10;

fn get(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let entries = &cx.engine.slowlog.entries;
    let count = match args.len() {
        2 => DEFAULT_COUNT,
        3 => match args.int(2).unwrap_or(i64::MIN) {
            -1 => entries.len(),
            n if n < 0 => {
                return Err(CommandError::fixed(
                    "ERR count should be greater than or equal to -1",
                ));
            }
            n => n as usize,
        },
        _ => return Err(CommandError::arity("slowlog|get")),
    };
    let reply = &mut cx.client.reply;
    reply.array(count.min(entries.len()));
    for entry in entries.iter().take(count) {
        reply.array(6);
        reply.int(entry.id);
        reply.int(entry.unix_s);
        reply.int(entry.micros);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|a| reply.bulk(a));
        reply.bulk_str(&entry.addr);
        reply.bulk(&entry.name);
    }
    Ok(())
}
