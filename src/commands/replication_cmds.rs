//! REPLICAOF, SLAVEOF, ROLE, REPLCONF, PSYNC, SYNC, WAIT: the commands about replication.
//!
//! The state machines in `replication` make the decisions; this file checks arguments and writes replies.

use crate::manual;
use base::LogLevel;
use config::special::Address;
use engine::args::{count_from_0, parse_int};
use engine::blocking::{BlockedOn, Durable, answer_wait, deadline_in};
use engine::spec::{Command, Flags, Group};
use engine::{Args, ClientFlags, ClientId, CmdResult, CommandError, Cx, Session};
use replication::primary::{Admission, Primary, Request};
use replication::replconf::{Capa, Filter, Outcome};
use replication::{Peer, Replconf};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "replicaof",
        arity: 3,
        flags: ROLE_CHANGE.union(Flags::NOT_FROM_PRIMARY),
        group: Group::Server,
        since: "5.0.0",
        summary: "Configures a server as replica of another, or promotes it to a master.",
        docs: &manual::server::REPLICAOF,
        ..Command::growing(replicaof)
    },
    Command {
        name: "slaveof",
        arity: 3,
        flags: ROLE_CHANGE.union(Flags::NOT_FROM_PRIMARY),
        group: Group::Server,
        summary: "Sets a Redis server as a replica of another, or promotes it to being a master.",
        docs: &manual::server::SLAVEOF,
        ..Command::growing(replicaof)
    },
    Command {
        name: "role",
        arity: 1,
        flags: Flags::NOSCRIPT
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::FAST),
        group: Group::Server,
        since: "2.8.12",
        summary: "Returns the replication role.",
        categories: Some(&["admin", "dangerous"]),
        ..Command::steady(role)
    },
    Command {
        name: "replconf",
        arity: -1,
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE)
            .union(Flags::ALLOW_BUSY)
            .union(Flags::ON_REPLICA_LINK)
            .union(Flags::NO_DATABASE),
        group: Group::Server,
        since: "3.0.0",
        summary: "An internal command for configuring the replication stream.",
        docs: &manual::server::REPLCONF,
        ..Command::steady(replconf)
    },
    Command {
        name: "psync",
        arity: -3,
        flags: SYNC
            .union(Flags::SILENT)
            .union(Flags::ON_REPLICA_LINK)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Server,
        since: "2.8.0",
        complexity: "",
        summary: "An internal command used in replication.",
        docs: &manual::server::PSYNC,
        ..Command::growing(psync)
    },
    Command {
        name: "sync",
        arity: 1,
        flags: SYNC
            .union(Flags::SILENT)
            .union(Flags::ON_REPLICA_LINK)
            .union(Flags::NOT_FROM_PRIMARY),
        group: Group::Server,
        complexity: "",
        summary: "An internal command used in replication.",
        ..Command::growing(sync)
    },
    Command {
        name: "wait",
        arity: 3,
        flags: Flags::BLOCKING,
        group: Group::Generic,
        since: "3.0.0",
        summary: "Blocks until the asynchronous replication of all preceding write commands sent by \
                  the connection is completed.",
        docs: &manual::keys::WAIT,
        categories: Some(&["connection"]),
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        ..Command::steady(wait)
    },
    Command {
        name: "waitaof",
        arity: 4,
        flags: Flags::BLOCKING,
        group: Group::Generic,
        since: "7.2.0",
        summary: "Blocks until all of the preceding write commands sent by the connection are written \
                  to the append-only file of the master and/or replicas.",
        docs: &manual::keys::WAITAOF,
        categories: Some(&["connection"]),
        tips: &["request_policy:all_shards", "response_policy:agg_min"],
        ..Command::steady(waitaof)
    },
];

const ROLE_CHANGE: Flags = Flags::ADMIN
    .union(Flags::NOSCRIPT)
    .union(Flags::STALE)
    .union(Flags::NO_ASYNC_LOADING);
const SYNC: Flags = Flags::ADMIN
    .union(Flags::NOSCRIPT)
    .union(Flags::NO_MULTI)
    .union(Flags::NO_ASYNC_LOADING);

fn replicaof(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.sync_repl_clock();
    if cx.engine.repl.is_failing_over() {
        return Err(CommandError::fixed(
            &"ERR REPLICAOF not allowed while failing over.",
        ));
    }
    if args.is(1, "NO") && args.is(2, "ONE") {
        if cx.engine.repl.become_primary() {
            let text = format!("MASTER MODE enabled (user request from '{}')", line(cx));
            cx.engine.repl.log(LogLevel::Notice, text);
            cx.engine.config.replicaof = None;
            cx.engine.host().role_changed(cx.engine);
        }
        cx.client.reply.ok();
        return Ok(());
    }
    if cx.client.flags.contains(ClientFlags::REPLICA) {
        return Err(CommandError::fixed(
            &"ERR Command is not valid when client is a replica.",
        ));
    }
    let port = parse_int(&args[2]).and_then(|p| u16::try_from(p).ok());
    let port = port.ok_or(CommandError::fixed(&"ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(&args[1]).into_owned();
    if !cx.engine.repl.replicate_from(&host, port) {
        let text = "REPLICAOF would result into synchronization with the master we are already \
                    connected with. No operation performed.";
        cx.engine.repl.log(LogLevel::Notice, text);
        cx.client
            .reply
            .simple("OK Already connected to specified master");
        return Ok(());
    }
    cx.engine.config.replicaof = Some(Address {
        host: host.clone(),
        port,
    });
    let text = format!(
        "REPLICAOF {host}:{port} enabled (user request from '{}')",
        line(cx)
    );
    cx.engine.repl.log(LogLevel::Notice, text);
    cx.engine.host().role_changed(cx.engine);
    cx.client.reply.ok();
    Ok(())
}

/// The client for the log.
fn line(cx: &Cx<'_>) -> String {
    engine::client_list::for_log(cx.client, cx.steady_now())
}

fn role(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    let reply = &mut cx.client.reply;
    let repl = &cx.engine.repl;
    if let Some(up) = repl.upstream() {
        let (host, port) = up.link.primary();
        reply.array(5);
        reply.bulk_str("slave");
        reply.bulk_str(host);
        reply.int(i64::from(port));
        reply.bulk_str(up.link.role_word());
        reply.int(if up.link.is_up() {
            repl.offset().get()
        } else {
            -1
        });
        return Ok(());
    }
    let online = || {
        let all = repl.primary().replicas();
        all.filter(|(_, r)| r.state.info() == Some("online"))
    };
    reply.array(3);
    reply.bulk_str("master");
    reply.int(repl.offset().get());
    reply.array(online().count());
    for (_, r) in online() {
        reply.array(3);
        reply.bulk_str(r.ip());
        reply.bulk_int(i64::from(r.conf.listening_port));
        reply.bulk_int(r.ack.get());
    }
    Ok(())
}

fn replconf(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.sync_repl_clock();
    let mut conf = cx.client.replconf.take().unwrap_or_default();
    let known = (conf.main_channel, conf.rdb_client);
    let outcome = conf.take(args.from(1));
    let partner = unknown_partner(&mut conf, known, cx.engine.repl.primary());
    cx.client.replconf = Some(conf);
    let outcome = outcome?;
    if let Some(id) = partner {
        let error = format!("ERR Unrecognized RDB client id: {}", id.0);
        return Err(CommandError::new(error));
    }
    match outcome {
        Outcome::Ok => cx.client.reply.ok(),
        Outcome::Ignored => {}
        Outcome::Ack { offset, fack } => {
            let id = cx.client.id;
            if cx.client.flags.contains(ClientFlags::REPLICA) {
                let repl = &mut cx.engine.repl;
                repl.with_primary(|primary, env| primary.on_ack(id, offset, fack, env));
                cx.engine.serve_waits();
            }
        }
        Outcome::GetAck => {
            if cx.client.flags.contains(ClientFlags::MASTER) {
                cx.engine.repl.answer_getack();
            }
        }
    }
    Ok(())
}

/// The connection that this one has just named as the other of its full sync, if it is none; then it was not named.
fn unknown_partner(
    conf: &mut Replconf,
    known: (Option<ClientId>, Option<ClientId>),
    primary: &Primary,
) -> Option<ClientId> {
    if (conf.main_channel, conf.rdb_client) == known {
        return None;
    }
    let first = conf.main_channel.take_if(|id| !primary.awaits_second(*id));
    first.or_else(|| conf.rdb_client.take_if(|id| !primary.awaits_first(*id)))
}

fn sync(cx: &mut Cx<'_>, _: Args<'_>) -> CmdResult {
    start(cx, None)
}

fn psync(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    start(cx, Some(args))
}

/// SYNC and PSYNC, after the general gates, in the reference's order.
fn start(cx: &mut Cx<'_>, psync: Option<Args<'_>>) -> CmdResult {
    cx.engine.sync_repl_clock();
    let present = ClientFlags::REPLICA | ClientFlags::MONITOR;
    if cx.client.flags.intersects(present) {
        return Ok(());
    }
    let id = psync.map(|args| args.get(1).unwrap_or(b""));
    if let Some(args) = psync.filter(|a| a.is(3, "FAILOVER")) {
        if !cx.engine.repl.is_replica() {
            return Err(CommandError::fixed(
                &"ERR PSYNC FAILOVER can't be sent to a master.",
            ));
        }
        if !cx.engine.repl.history().id().is(&args[1]) {
            return Err(CommandError::fixed(
                &"ERR PSYNC FAILOVER replid must match my replid.",
            ));
        }
        let asked = String::from_utf8_lossy(&args[1]).into_owned();
        let text = format!("Failover request received for replid {asked}.");
        cx.engine.repl.log(LogLevel::Notice, text);
        cx.engine.repl.become_primary();
        cx.engine.config.replicaof = None;
        let text = format!("MASTER MODE enabled (failover request from '{}')", line(cx));
        cx.engine.repl.log(LogLevel::Notice, text);
    }
    if cx.engine.repl.is_failing_over() {
        return Err(CommandError::fixed(
            &"NOMASTERLINK Can't SYNC while failing over",
        ));
    }
    if !cx.engine.repl.link_is_up() {
        return Err(CommandError::fixed(
            &"NOMASTERLINK Can't SYNC while not connected with my master",
        ));
    }
    if !cx.client.reply.is_empty() {
        return Err(CommandError::fixed(
            &"ERR SYNC and PSYNC are invalid with pending output",
        ));
    }
    let conf: Replconf = cx.client.replconf.as_deref().cloned().unwrap_or_default();
    if conf.filter != Filter::All && !conf.capa.contains(Capa::EOF) {
        return Err(CommandError::fixed(
            &"ERR Filtered replica requires EOF capability",
        ));
    }
    let request = match (psync, id) {
        (Some(args), Some(id)) => Request::Psync {
            id,
            from: args.int(2)?,
        },
        _ => Request::Sync,
    };
    let peer = peer(cx.client);
    let admission = cx.engine.repl.on_sync(cx.client.id, peer, &conf, request);
    let stats = &mut cx.engine.stats;
    match admission {
        Admission::Partial => stats.sync_partial_ok += 1,
        Admission::Full => stats.sync_full += 1,
        Admission::FullInstead => {
            stats.sync_partial_err += 1;
            stats.sync_full += 1;
        }
        // The full sync counts when the payload is asked for.
        Admission::OverTwo(instead) => stats.sync_partial_err += u64::from(instead),
        Admission::Invited(instead) => {
            stats.sync_partial_err += u64::from(instead);
            cx.client.reply.simple("DUALCHANNELSYNC");
            return Ok(());
        }
    }
    cx.become_replica();
    Ok(())
}

/// The peer's address without its port.
fn peer(client: &Session) -> Peer {
    let ip = client.addr.rsplit_once(':').map_or("", |(ip, _)| ip);
    Peer {
        ip: ip.trim_matches(['[', ']']).to_owned(),
    }
}

fn wait(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    if cx.engine.repl.is_replica() {
        return Err(CommandError::fixed(
            &"ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 \
             if a replica is configured to be writable (which is not the default) writes to replicas \
             are just local and are not propagated.",
        ));
    }
    let count = args.int(1)?;
    let deadline = deadline_in(cx, args.timeout_ms(2)? as f64)?;
    wait_for_replicas(cx, args, count, deadline, None)
}

fn waitaof(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let local = args.int(1)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::fixed(
            &"ERR value is out of range, value must between 0 and 1",
        ));
    }
    let count = count_from_0(&args[2])? as i64;
    let deadline = deadline_in(cx, args.timeout_ms(3)? as f64)?;
    if cx.engine.repl.is_replica() {
        return Err(CommandError::fixed(
            &"ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas \
             are just local and are not propagated.",
        ));
    }
    if local > 0 && !cx.engine.commits.has_log() {
        return Err(CommandError::new(engine::blocking::NO_LOG));
    }
    let durable = Durable {
        at: cx.client.write_commit,
        here: local > 0,
    };
    wait_for_replicas(cx, args, count, deadline, Some(durable))
}

fn wait_for_replicas(
    cx: &mut Cx<'_>,
    args: Args<'_>,
    count: i64,
    deadline: Option<i64>,
    durable: Option<Durable>,
) -> CmdResult {
    let offset = cx.client.write_offset;
    let count = usize::try_from(count).unwrap_or(if count < 0 { 0 } else { usize::MAX });
    let never = ClientFlags::DENY_BLOCKING | ClientFlags::INTERNAL;
    if cx.engine.has_come(count, offset, durable)
        || cx.engine.depth > 0
        || cx.client.flags.intersects(never)
    {
        answer_wait(cx.engine, cx.client, offset, durable);
        return Ok(());
    }
    let on = BlockedOn::Replicas {
        count,
        offset,
        durable,
    };
    cx.wait(args, on, deadline);
    cx.engine.repl.want_ack();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;
    use replication::Action;

    fn sent(bench: &mut Bench) -> Vec<String> {
        let actions = bench.engine.repl.take_actions();
        let sent = actions.into_iter().filter_map(|a| match a {
            Action::Send(_, bytes) => Some(String::from_utf8(bytes).unwrap()),
            _ => None,
        });
        sent.collect()
    }

    #[test]
    fn what_is_no_number_of_replicas_is_out_of_range() {
        let text = "-ERR value is out of range, must be positive";
        let not_local = "-ERR value is out of range, value must between 0 and 1";
        Bench::new().check(&[
            ("WAITAOF 0 x 0", text),
            ("WAITAOF 0 -1 0", text),
            ("WAITAOF 0 9223372036854775808 x", text),
            ("WAITAOF 2 x x", not_local),
            (
                "CLIENT PAUSE 1 WRITE x",
                "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.",
            ),
        ]);
    }

    #[test]
    fn a_primary_says_its_role_and_offset() {
        Bench::new().check(&[
            ("ROLE", "[\"master\", :0, []]"),
            ("REPLCONF", "+OK"),
            ("REPLCONF capa", "-ERR syntax error"),
            ("REPLCONF listening-port 7001 capa eof", "+OK"),
            ("REPLCONF ACK 1", ""),
            ("REPLICAOF localhost 65536", "-ERR Invalid master port"),
            ("REPLICAOF NO ONE", "+OK"),
            ("PSYNC ? x", "-ERR value is not an integer or out of range"),
            ("ROLE", "[\"master\", :0, []]"),
        ]);
    }

    #[test]
    fn psync_without_replconf_becomes_a_replica_and_a_second_one_is_ignored() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("PSYNC ? -1"), "");
        assert_eq!(bench.run("PSYNC ? -1"), "");
        assert_eq!(bench.engine.repl.primary().count(), 1);
        assert_eq!(bench.engine.stats.sync_full, 1);
    }

    #[test]
    fn a_replica_says_whom_it_follows() {
        let mut bench = Bench::new();
        bench.check(&[
            ("REPLICAOF localhost 6399", "+OK"),
            (
                "SLAVEOF LOCALHOST 6399",
                "+OK Already connected to specified master",
            ),
            (
                "ROLE",
                "[\"slave\", \"localhost\", :6399, \"connecting\", :-1]",
            ),
            (
                "PSYNC ? -1",
                "-NOMASTERLINK Can't SYNC while not connected with my master",
            ),
            ("REPLICAOF NO ONE", "+OK"),
            ("ROLE", "[\"master\", :0, []]"),
        ]);
    }

    #[test]
    fn wait_is_answered_by_the_ack_that_completes_it() {
        let mut bench = Bench::new();
        let replica = bench.connect();
        bench.run_as(replica, "PSYNC ? -1");
        let id = bench.engine.repl.history().id();
        let second = bench.connect();
        bench.run_as(second, &format!("PSYNC {id} 1"));
        bench.check(&[
            ("WAIT 0 0", ":1"),
            ("WAIT 1 -1", "-ERR timeout is negative"),
            ("WAIT x 0", "-ERR value is not an integer or out of range"),
            ("SET a 1", "+OK"),
            ("WAIT 1 0", ""),
        ]);
        let offset = bench.engine.repl.offset();
        bench.run_as(second, &format!("REPLCONF ACK {}", offset + -1));
        assert_eq!(bench.output(bench.id), "");
        bench.run_as(second, &format!("REPLCONF ACK {offset}"));
        assert_eq!(bench.output(bench.id), ":1");
    }

    #[test]
    fn an_up_to_date_replica_continues_without_a_snapshot() {
        let mut bench = Bench::new();
        bench.run("PSYNC ? -1");
        let id = bench.engine.repl.history().id();
        let other = bench.connect();
        bench.run_as(other, "REPLCONF capa psync2");
        assert_eq!(bench.run_as(other, &format!("PSYNC {id} 1")), "");
        assert_eq!(sent(&mut bench), [format!("+CONTINUE {id}\r\n")]);
        assert_eq!(bench.engine.stats.sync_partial_ok, 1);
    }
}
