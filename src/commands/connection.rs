//! PING, ECHO, SELECT: the connection family.

use super::spec::{Command, Flags, Group};
use super::{Args, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "ping",
        arity: -1,
        flags: Flags::FAST,
        group: Group::Connection,
        summary: "Returns the server's liveliness response.",
        run: ping,
        ..Command::DEFAULT
    },
    Command {
        name: "select",
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        group: Group::Connection,
        summary: "Changes the selected database.",
        run: select,
        ..Command::DEFAULT
    },
];

fn ping(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    match args.len() {
        1 => cx.client.reply.simple("PONG"),
        2 => cx.client.reply.bulk(&args[1]),
        _ => return Err(CommandError::arity("ping")),
    }
    Ok(())
}

fn select(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let db = args.int(1)?;
    if db < 0 || db as usize >= cx.engine.keyspace.count() {
        return Err(CommandError::fixed("ERR DB index is out of range"));
    }
    cx.client.db = db as usize;
    cx.client.reply.ok();
    Ok(())
}
