//! SLOWLOG: the latest slow commands. COMMANDLOG: these, and the latest commands with large requests or replies.

use crate::manual;
use engine::slowlog::LogKind;
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[SLOWLOG, COMMANDLOG];

const SLOWLOG: Command = Command {
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
            ..Command::growing(get)
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
            ..Command::steady(|cx, _| length(cx, LogKind::Slow))
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
            ..Command::steady(|cx, _| reset(cx, LogKind::Slow))
        },
        Command {
            name: "slowlog|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "6.2.0",
            summary: "Show helpful text about the different subcommands",
            ..Command::steady(|cx, _| {
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
};

const FLAGS: Flags = Flags::ADMIN.union(Flags::LOADING).union(Flags::STALE);
/// Entries that GET returns without a count.
const DEFAULT_COUNT: usize = 10;

const COMMANDLOG: Command = Command {
    name: "commandlog",
    arity: -2,
    group: Group::Server,
    since: "8.1.0",
    complexity: "Depends on subcommand.",
    summary: "A container for command log commands.",
    subcommands: &[
        Command {
            name: "commandlog|get",
            arity: 4,
            flags: FLAGS,
            group: Group::Server,
            since: "8.1.0",
            complexity: "O(N) where N is the number of entries returned",
            summary: "Returns the specified command log's entries.",
            docs: &manual::server::COMMANDLOG_GET,
            tips: &["request_policy:all_nodes", "nondeterministic_output"],
            ..Command::growing(|cx, args| {
                let kind = kind(&args, 3)?;
                let count = count(&args)?;
                show(cx, kind, count)
            })
        },
        Command {
            name: "commandlog|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "8.1.0",
            complexity: "O(1)",
            summary: "Shows helpful text about the different subcommands.",
            ..Command::steady(|cx, _| {
                cx.help(
                    "COMMANDLOG",
                    &[
                        "GET <count> <type>",
                        "    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
                        "    Entries are made of:",
                        "    id, timestamp,",
                        "        time in microseconds for type of slow,",
                        "        or size in bytes for type of large-request,",
                        "        or size in bytes for type of large-reply",
                        "    arguments array, client IP and port,",
                        "    client name",
                        "LEN <type>",
                        "    Return the length of the specified type of commandlog.",
                        "RESET <type>",
                        "    Reset the specified type of commandlog.",
                    ],
                );
                Ok(())
            })
        },
        Command {
            name: "commandlog|len",
            arity: 3,
            flags: FLAGS,
            group: Group::Server,
            since: "8.1.0",
            complexity: "O(1)",
            summary: "Returns the number of entries in the specified type of command log.",
            docs: &manual::server::COMMANDLOG_TYPE,
            tips: &[
                "request_policy:all_nodes",
                "response_policy:agg_sum",
                "nondeterministic_output",
            ],
            ..Command::steady(|cx, args| {
                let kind = kind(&args, 2)?;
                length(cx, kind)
            })
        },
        Command {
            name: "commandlog|reset",
            arity: 3,
            flags: FLAGS,
            group: Group::Server,
            since: "8.1.0",
            complexity: "O(N) where N is the number of entries in the commandlog",
            summary: "Clears all entries from the specified type of command log.",
            docs: &manual::server::COMMANDLOG_TYPE,
            tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
            ..Command::steady(|cx, args| {
                let kind = kind(&args, 2)?;
                reset(cx, kind)
            })
        },
    ],
    ..Command::CONTAINER
};

/// Which log argument `at` names.
fn kind(args: &Args<'_>, at: usize) -> Result<LogKind, CommandError> {
    args.one_of(at, &LogKind::NAMES).ok_or(CommandError::fixed(
        &"ERR type should be one of the following: slow, large-request, large-reply",
    ))
}

fn length(cx: &mut Cx<'_>, kind: LogKind) -> CmdResult {
    let len = cx.engine.command_logs.of(kind).entries.len();
    cx.client.reply.int(len as i64);
    Ok(())
}

fn reset(cx: &mut Cx<'_>, kind: LogKind) -> CmdResult {
    cx.engine.command_logs.of_mut(kind).entries.clear();
    cx.client.reply.ok();
    Ok(())
}

/// How many entries argument 2 asks for.
fn count(args: &Args<'_>) -> Result<usize, CommandError> {
    match args.int(2).unwrap_or(i64::MIN) {
        -1 => Ok(usize::MAX),
        n => usize::try_from(n)
            .map_err(|_| CommandError::fixed(&"ERR count should be greater than or equal to -1")),
    }
}

fn get(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let count = match args.len() {
        2 => DEFAULT_COUNT,
        3 => count(&args)?,
        _ => return Err(CommandError::arity("slowlog|get")),
    };
    show(cx, LogKind::Slow, count)
}

fn show(cx: &mut Cx<'_>, kind: LogKind, count: usize) -> CmdResult {
    let entries = &cx.engine.command_logs.of(kind).entries;
    let reply = &mut cx.client.reply;
    reply.array(count.min(entries.len()));
    for entry in entries.iter().take(count) {
        reply.array(6);
        reply.int(entry.id);
        reply.int(entry.unix_s);
        reply.int(entry.value);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|a| reply.bulk(a));
        reply.bulk_str(&entry.addr);
        reply.bulk(&entry.name);
    }
    Ok(())
}
