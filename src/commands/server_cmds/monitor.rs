//! MONITOR: every command, as it comes.

use crate::redact;
use crate::spec::{Command, Flags, Group};
use crate::table::Entry;
use crate::{Args, ClientFlags, CmdResult, CommandError, Cx, Engine, Session};
use config::kind::quote;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "monitor",
    arity: 1,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE),
    group: Group::Server,
    since: "1.0.0",
    complexity: "",
    summary: "Listens for all requests received by the server in real-time.",
    run: monitor,
    ..Command::DEFAULT
}];

fn monitor(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    if cx.client.flags.contains(ClientFlags::REPLICA) {
        return Ok(()); // as the reference: no answer, since it would stand in the stream
    }
    if cx.client.flags.contains(ClientFlags::DENY_BLOCKING) {
        return Err(CommandError::fixed(
            "ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    if !cx.client.flags.contains(ClientFlags::MONITOR) {
        cx.client.flags.insert(ClientFlags::MONITOR);
        cx.engine.monitors.push(cx.client.id);
    }
    cx.client.reply.ok();
    Ok(())
}

impl Engine {
    /// A client monitors no longer.
    pub(crate) fn end_monitor(&mut self, client: &mut Session) {
        client.flags.remove(ClientFlags::MONITOR);
        self.monitors.retain(|id| *id != client.id);
    }

    /// Shows a request to the MONITOR clients.
    #[cold]
    pub(crate) fn feed_monitors(&mut self, client: &Session, command: &Entry, args: Args<'_>) {
        // What runs scripts is shown all the same, before the commands that they call.
        let hidden = match command.flags.contains(Flags::NO_MANDATORY_KEYS) {
            true => Flags::ADMIN,
            false => Flags::SKIP_MONITOR | Flags::ADMIN,
        };
        if command.flags.intersects(hidden) || self.loading != crate::Loading::No {
            return;
        }
        let us = self.clock.unix_us;
        let from = match client.flags {
            f if f.contains(ClientFlags::INTERNAL) => "lua",
            f if f.contains(ClientFlags::UNIX_SOCKET) => &format!("unix:{}", client.addr),
            _ => &client.addr,
        };
        let mut line = format!(
            "{}.{:06} [{} {from}]",
            us / 1_000_000,
            us % 1_000_000,
            client.db
        );
        for arg in redact::shown(command, args) {
            line.push(' ');
            line.push_str(&quote(arg));
        }
        for i in 0..self.monitors.len() {
            let id = self.monitors[i];
            if let Some(monitor) = self.clients.get_mut(&id) {
                monitor.reply.simple(&line);
                self.pushed(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_monitor_sees_what_others_send_but_no_administration() {
        let mut bench = Bench::new();
        let watcher = bench.connect();
        assert_eq!(bench.run_as(watcher, "MONITOR"), "+OK");
        bench.run("SET \"a b\" \"\\x01\"");
        bench.run("CONFIG GET port");
        let monitor = &bench.engine.clients[&watcher];
        let seen = String::from_utf8_lossy(monitor.reply.bytes()).into_owned();
        assert_eq!(seen.lines().count(), 1, "{seen}");
        assert!(
            seen.ends_with("[0 127.0.0.1:1] \"SET\" \"a b\" \"\\x01\"\r\n"),
            "{seen}"
        );
    }
}
