//! MODULE: there are no modules, and none can be loaded.

use crate::manual;
use base::LogLevel;
use engine::gates::permits;
use engine::spec::{Command, Flags, Group, Handler};
use engine::{Args, CmdResult, CommandError, Cx};

const fn subcommand(run: Handler) -> Command {
    Command {
        group: Group::Server,
        since: "4.0.0",
        complexity: "O(1)",
        flags: Flags::ADMIN.union(Flags::NOSCRIPT),
        ..Command::growing(run)
    }
}
const CHANGE: Flags = Flags::ADMIN
    .union(Flags::NOSCRIPT)
    .union(Flags::NO_ASYNC_LOADING);

const NOT_ALLOWED: CommandError = CommandError::fixed(
    &"ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "module",
    arity: -2,
    group: Group::Server,
    since: "4.0.0",
    complexity: "Depends on subcommand.",
    summary: "A container for module commands.",
    subcommands: &[
        Command {
            name: "module|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            since: "5.0.0",
            summary: "Returns helpful text about the different subcommands.",
            ..subcommand(module_help)
        },
        Command {
            name: "module|list",
            arity: 2,
            summary: "Returns all loaded modules.",
            tips: &["nondeterministic_output_order"],
            ..subcommand(module_list)
        },
        Command {
            name: "module|load",
            arity: -3,
            flags: CHANGE,
            summary: "Loads a module, which is not supported.",
            docs: &manual::server::MODULE_LOAD,
            ..subcommand(module_load)
        },
        Command {
            name: "module|loadex",
            arity: -3,
            flags: CHANGE,
            since: "7.0.0",
            summary: "Loads a module using extended parameters, which is not supported.",
            docs: &manual::server::MODULE_LOADEX,
            ..subcommand(module_load)
        },
        Command {
            name: "module|unload",
            arity: 3,
            flags: CHANGE,
            summary: "Unloads a module.",
            docs: &manual::server::MODULE_UNLOAD,
            ..subcommand(module_unload)
        },
    ],
    ..Command::CONTAINER
}];

fn module_list(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.client.reply.array(0);
    Ok(())
}

fn module_load(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    check_allowed(cx)?;
    let path = String::from_utf8_lossy(&args[2]).into_owned();
    let text = format!("Module {path} failed to load: this server has no modules");
    (cx.engine.log)(LogLevel::Warning, &text);
    Err(CommandError::fixed(
        &"ERR Error loading the extension. Please check the server logs.",
    ))
}

/// `enable-module-command`
fn check_allowed(cx: &Cx<'_>) -> CmdResult {
    match permits(cx.engine.config.enable_module_command, cx.client) {
        true => Ok(()),
        false => Err(NOT_ALLOWED),
    }
}

fn module_unload(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    check_allowed(cx)?;
    Err(CommandError::fixed(
        &"ERR Error unloading module: no such module with that name",
    ))
}

fn module_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help("MODULE", &["LIST", "    Return a list of loaded modules."]);
    Ok(())
}
