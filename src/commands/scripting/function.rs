//! FUNCTION: the libraries.

use crate::dump::right_checksums;
use crate::manual;
use base::glob;
use engine::scripting::busy::EVAL_IS_BUSY;
use engine::scripting::load::{LOAD_MAX_NS, Policy, RELOAD_MAX_NS};
use engine::scripting::payload;
use engine::spec::{Command, Flags, Group, Handler};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};
use lua::Kind;
use replication::Reads;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "function",
    arity: -2,
    group: Group::Scripting,
    since: "7.0.0",
    complexity: "Depends on subcommand.",
    summary: "A container for function commands.",
    subcommands: SUBCOMMANDS,
    ..Command::CONTAINER
}];

const WRITES: Flags = Flags::WRITE.union(Flags::NOSCRIPT);

static SUBCOMMANDS: &[Command] = &[
    Command {
        name: "function|delete",
        arity: 3,
        flags: WRITES.union(Flags::NO_DATABASE),
        summary: "Deletes a library and its functions.",
        docs: &manual::scripting::FUNCTION_DELETE,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..subcommand(delete)
    },
    Command {
        name: "function|dump",
        arity: 2,
        flags: Flags::NOSCRIPT.union(Flags::NO_DATABASE),
        complexity: "O(N) where N is the number of functions",
        summary: "Dumps all libraries into a serialized binary payload.",
        ..subcommand(dump)
    },
    Command {
        name: "function|flush",
        arity: -2,
        flags: WRITES.union(Flags::NO_DATABASE),
        complexity: "O(N) where N is the number of functions deleted",
        summary: "Deletes all libraries and functions.",
        docs: &manual::scripting::FUNCTION_FLUSH,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..subcommand(flush)
    },
    Command {
        name: "function|kill",
        arity: 2,
        flags: Flags::NOSCRIPT
            .union(Flags::ALLOW_BUSY)
            .union(Flags::NO_DATABASE),
        summary: "Terminates a function during execution.",
        tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
        ..subcommand(kill)
    },
    Command {
        name: "function|list",
        arity: -2,
        flags: Flags::NOSCRIPT.union(Flags::NO_DATABASE),
        complexity: "O(N) where N is the number of functions",
        summary: "Returns information about all libraries.",
        docs: &manual::scripting::FUNCTION_LIST,
        tips: &["nondeterministic_output_order"],
        ..subcommand(list)
    },
    Command {
        name: "function|load",
        arity: -3,
        flags: WRITES.union(Flags::DENYOOM).union(Flags::NO_DATABASE),
        complexity: "O(1) (considering compilation time is redundant)",
        summary: "Creates a library.",
        docs: &manual::scripting::FUNCTION_LOAD,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..subcommand(load)
    },
    Command {
        name: "function|restore",
        arity: -3,
        flags: WRITES.union(Flags::DENYOOM).union(Flags::NO_DATABASE),
        complexity: "O(N) where N is the number of functions on the payload",
        summary: "Restores all libraries from a payload.",
        docs: &manual::scripting::FUNCTION_RESTORE,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        ..subcommand(restore)
    },
    Command {
        name: "function|stats",
        arity: 2,
        flags: Flags::NOSCRIPT
            .union(Flags::ALLOW_BUSY)
            .union(Flags::NO_DATABASE),
        summary: "Returns information about a function during execution.",
        tips: &[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ],
        ..subcommand(stats)
    },
    Command {
        name: "function|help",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::NO_DATABASE),
        summary: "Returns helpful text about the different subcommands.",
        ..subcommand(show_help)
    },
];

const fn subcommand(run: Handler) -> Command {
    Command {
        flags: Flags::NOSCRIPT,
        group: Group::Scripting,
        since: "7.0.0",
        ..Command::growing(run)
    }
}

fn load(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let code = args.len() - 1;
    let mut replace = false;
    for i in 2..code {
        match args.is(i, "REPLACE") {
            true => replace = true,
            false => {
                return Err(CommandError::quoting(
                    "ERR Unknown option given: {}",
                    &[&args[i]],
                ));
            }
        }
    }
    let limit_ns = match cx.client.flags.contains(ClientFlags::MASTER) {
        true => RELOAD_MAX_NS,
        false => LOAD_MAX_NS,
    };
    let name = cx.engine.load_library(&args[code], replace, limit_ns)?;
    cx.engine.dirty += 1;
    cx.client.reply.bulk(&name);
    Ok(())
}

fn delete(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.delete_library(&args[2])?;
    cx.engine.dirty += 1;
    cx.client.reply.ok();
    Ok(())
}

fn flush(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(CommandError::quoting(
            "ERR unknown subcommand or wrong number of arguments for '{128}'. Try FUNCTION HELP.",
            &[&args[1]],
        ));
    }
    if args.len() == 3 && !args.is(2, "SYNC") && !args.is(2, "ASYNC") {
        return Err(CommandError::fixed(
            &"ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
        ));
    }
    cx.engine.flush_libraries();
    cx.engine.dirty += 1;
    cx.client.reply.ok();
    Ok(())
}

fn list(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let (mut with_code, mut pattern) = (false, None);
    let mut words = args.options(2);
    while let Some(word) = words.peek() {
        if !with_code && words.take("WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && words.take("LIBRARYNAME") {
            let given = words.skip().ok_or(CommandError::fixed(
                &"ERR library name argument was not given",
            ))?;
            pattern = Some(given);
        } else {
            return Err(CommandError::quoting("ERR Unknown argument {}", &[word]));
        }
    }
    let reply = &mut cx.client.reply;
    let (mark, mut shown) = (reply.len(), 0);
    for library in cx.engine.scripting.libraries.iter() {
        if !pattern.is_none_or(|p| glob::matches_in_any_case(p, &library.name)) {
            continue;
        }
        shown += 1;
        reply.map(if with_code { 4 } else { 3 });
        reply.bulk_str("library_name");
        reply.bulk(&library.name);
        reply.bulk_str("engine");
        reply.bulk_str("LUA");
        reply.bulk_str("functions");
        reply.array(library.functions.len());
        for function in &library.functions {
            reply.map(3);
            reply.bulk_str("name");
            reply.bulk(&function.name);
            reply.bulk_str("description");
            match &function.description {
                Some(text) => reply.bulk(text),
                None => reply.null(),
            }
            reply.bulk_str("flags");
            reply.set(function.flags.names().count());
            function.flags.names().for_each(|name| reply.simple(name));
        }
        if with_code {
            reply.bulk_str("library_code");
            reply.bulk(&library.source);
        }
    }
    reply.array_at(mark, shown);
    Ok(())
}

fn stats(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let scripting = &cx.engine.scripting;
    let reply = &mut cx.client.reply;
    let now = (cx.engine.timer)();
    match &scripting.running {
        Some(running) if running.kind == Kind::Eval => return Err(EVAL_IS_BUSY),
        Some(running) => {
            reply.map(2);
            reply.bulk_str("running_script");
            reply.map(3);
            reply.bulk_str("name");
            reply.bulk_str(&running.name);
            reply.bulk_str("command");
            reply.array(running.argv.len());
            running.argv.iter().for_each(|arg| reply.bulk(arg));
            reply.bulk_str("duration_ms");
            reply.int((now.saturating_sub(running.began_ns) / 1_000_000) as i64);
        }
        None => {
            reply.map(2);
            reply.bulk_str("running_script");
            reply.null();
        }
    }
    reply.bulk_str("engines");
    reply.map(1);
    reply.bulk_str("LUA");
    reply.map(2);
    reply.bulk_str("libraries_count");
    reply.int(scripting.libraries.len() as i64);
    reply.bulk_str("functions_count");
    reply.int(scripting.libraries.functions() as i64);
    Ok(())
}

fn kill(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.engine.kill_script(Kind::Functions)?;
    cx.client.reply.ok();
    Ok(())
}

fn dump(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let sources = cx.engine.scripting.libraries.iter().map(|l| &*l.source);
    let payload = payload::encode(sources, cx.engine.config.rdbcompression);
    cx.client.reply.bulk(&payload);
    Ok(())
}

fn restore(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let policy = match args.len() {
        3 => Policy::Append,
        4 if args.is(3, "FLUSH") => Policy::Flush,
        4 if args.is(3, "APPEND") => Policy::Append,
        4 if args.is(3, "REPLACE") => Policy::Replace,
        4 => {
            return Err(CommandError::fixed(
                &"ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
        _ => {
            return Err(CommandError::fixed(
                &"ERR unknown subcommand or wrong number of arguments for 'restore'. Try FUNCTION HELP.",
            ));
        }
    };
    let sources = payload::decode(&args[2], right_checksums(cx))?;
    cx.engine.restore_libraries(&sources, policy)?;
    cx.engine.dirty += 1;
    if !cx.engine.repl.primary().all_read(Reads::needed_by(args.0)) {
        // Under the first version that has functions.
        let payload = payload::encode(sources.iter().map(Vec::as_slice), false);
        let mut effect = args.0.to_vec();
        effect[2] = &payload;
        cx.propagate_as(&effect);
    }
    cx.client.reply.ok();
    Ok(())
}

fn show_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help("FUNCTION", HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries:",
    "    * Library name",
    "    * The engine used to run the Library",
    "    * Functions list",
    "    * Library code (if WITHCODE is given)",
    "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    "STATS",
    "    Return information about the current function running:",
    "    * Function name",
    "    * Command used to run the function",
    "    * Duration in MS that the function is running",
    "    If no function is running, return nil",
    "    In addition, returns a list of available engines.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the libraries.",
    "    * SYNC: Synchronously flush the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    "    control how to handle existing libraries (default APPEND):",
    "    * FLUSH: delete all existing libraries.",
    "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    "      libraries with the new libraries (notice that even on this option there is a chance of failure",
    "      in case of functions name collision with another library).",
];
