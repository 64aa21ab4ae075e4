//! SCRIPT: the cache of scripts.

use crate::manual;
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};
use lua::{Kind, Sha};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "script",
    arity: -2,
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "Depends on subcommand.",
    summary: "A container for Lua scripts management commands.",
    subcommands: SUBCOMMANDS,
    ..Command::CONTAINER
}];

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "script|debug",
        arity: 3,
        flags: Flags::NOSCRIPT.union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "3.2.0",
        summary: "Sets the debug mode of server-side Lua scripts.",
        docs: &manual::scripting::SCRIPT_DEBUG,
        ..Command::growing(debug)
    },
    Command {
        name: "script|exists",
        arity: -3,
        flags: Flags::NOSCRIPT.union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).",
        summary: "Determines whether server-side Lua scripts exist in the script cache.",
        docs: &manual::scripting::SCRIPT_EXISTS,
        tips: &[
            "request_policy:all_shards",
            "response_policy:agg_logical_and",
        ],
        ..Command::growing(exists)
    },
    Command {
        name: "script|flush",
        arity: -2,
        flags: Flags::NOSCRIPT.union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "O(N) with N being the number of scripts in cache",
        summary: "Removes all server-side Lua scripts from the script cache.",
        docs: &manual::scripting::SCRIPT_FLUSH,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Command::growing(flush)
    },
    Command {
        name: "script|kill",
        arity: 2,
        flags: Flags::NOSCRIPT
            .union(Flags::ALLOW_BUSY)
            .union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "2.6.0",
        summary: "Terminates a server-side Lua script during execution.",
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        ..Command::growing(kill)
    },
    Command {
        name: "script|help",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "5.0.0",
        summary: "Returns helpful text about the different subcommands.",
        ..Command::steady(show_help)
    },
    Command {
        name: "script|load",
        arity: 3,
        flags: Flags::NOSCRIPT
            .union(Flags::STALE)
            .union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "2.6.0",
        complexity: "O(N) with N being the length in bytes of the script body.",
        summary: "Loads a server-side Lua script to the script cache.",
        docs: &manual::scripting::SCRIPT_LOAD,
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        ..Command::growing(load)
    },
    Command {
        name: "script|show",
        arity: 3,
        flags: Flags::NOSCRIPT
            .union(Flags::STALE)
            .union(Flags::NO_DATABASE),
        group: Group::Scripting,
        since: "8.0.0",
        complexity: "O(1).",
        summary: "Show server-side Lua script in the script cache.",
        docs: &manual::scripting::SCRIPT_SHOW,
        ..Command::growing(show)
    },
];

fn show(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let script = cx.engine.cached(&args[2]);
    let script = script.ok_or(CommandError::fixed(&"NOSCRIPT No matching script."))?;
    cx.client.reply.bulk(&script.source);
    Ok(())
}

fn load(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let sha = Sha::of(&args[2]);
    match cx.engine.scripting.cache.get(&sha) {
        Some(_) => cx.engine.scripting.cache.keep(&sha),
        None => cx.engine.add_script(&sha, &args[2], false)?,
    }
    cx.client.reply.bulk_str(sha.as_str());
    Ok(())
}

fn exists(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.client.reply.array(args.len() - 2);
    for &sha in args.from(2) {
        let known = cx.engine.cached(sha).is_some();
        cx.client.reply.int(known.into());
    }
    Ok(())
}

fn flush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 3 || (args.len() == 3 && !args.is(2, "SYNC") && !args.is(2, "ASYNC")) {
        return Err(CommandError::fixed(
            &"ERR SCRIPT FLUSH only support SYNC|ASYNC option",
        ));
    }
    cx.engine.scripting.flush_scripts();
    cx.client.reply.ok();
    Ok(())
}

fn kill(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.engine.kill_script(Kind::Eval)?;
    cx.client.reply.ok();
    Ok(())
}

fn debug(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.is(2, "NO") {
        cx.client.reply.ok();
        return Ok(());
    }
    Err(CommandError::fixed(
        match args.is(2, "YES") || args.is(2, "SYNC") {
            true => &"ERR The Lua debugger is not available",
            false => &"ERR Use SCRIPT DEBUG YES/SYNC/NO",
        },
    ))
}

fn show_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "SCRIPT",
        &[
            "DEBUG (YES|SYNC|NO)",
            "    Set the debug mode for subsequent scripts executed.",
            "EXISTS <sha1> [<sha1> ...]",
            "    Return information about the existence of the scripts in the script cache.",
            "FLUSH [ASYNC|SYNC]",
            "    Flush the Lua scripts cache. Very dangerous on replicas.",
            "    When called without the optional mode argument, the behavior is determined by the",
            "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
            "    * ASYNC: Asynchronously flush the scripts cache.",
            "    * SYNC: Synchronously flush the scripts cache.",
            "KILL",
            "    Kill the currently executing Lua script.",
            "LOAD <script>",
            "    Load a script into the scripts cache without executing it.",
        ],
    );
    Ok(())
}
