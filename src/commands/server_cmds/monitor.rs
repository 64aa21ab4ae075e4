//! MONITOR: shows every command as it arrives.

use engine::spec::{Command, Flags, Group};
use engine::{Args, ClientFlags, CmdResult, CommandError, Cx};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "monitor",
    arity: 1,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::ON_REPLICA_LINK)
        .union(Flags::NOT_FROM_PRIMARY),
    group: Group::Server,
    since: "1.0.0",
    complexity: "",
    summary: "Listens for all requests received by the server in real-time.",
    ..Command::steady(monitor)
}];

fn monitor(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    if cx.client.flags.contains(ClientFlags::REPLICA) {
        return Ok(()); // as the reference: no answer, since it would stand in the stream
    }
    if cx.client.flags.contains(ClientFlags::DENY_BLOCKING) {
        return Err(CommandError::fixed(
            &"ERR MONITOR isn't allowed for DENY BLOCKING client",
        ));
    }
    if !cx.client.flags.contains(ClientFlags::MONITOR) {
        cx.client.flags.insert(ClientFlags::MONITOR);
        cx.engine.monitors.push(cx.client.id);
    }
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_monitor_sees_its_own_requests_behind_their_replies() {
        let mut bench = Bench::new();
        bench.check(&[
            ("MONITOR", "+OK"),
            ("PING", "+PONG +1000.000000 [0 127.0.0.1:1] \"PING\""),
        ]);
    }

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
