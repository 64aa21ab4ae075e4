//! FAILOVER: the command. `replication::failover` performs the handover.

use crate::manual;
use engine::args::int_of;
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, CommandError, Cx};
use replication::failover::Handover;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "failover",
    arity: -1,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::STALE)
        .union(Flags::NOT_FROM_PRIMARY),
    group: Group::Server,
    since: "6.2.0",
    summary: "Starts a coordinated failover from a server to one of its replicas.",
    docs: &manual::server::FAILOVER,
    ..Command::growing(failover)
}];

fn failover(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    cx.engine.sync_repl_clock();
    let mut how = Handover::default();
    let mut abort = false;
    let mut words = args.options(1);
    while words.are_left() {
        if how.timeout_ms.is_none()
            && let Some(ms) = words.take_value("TIMEOUT")
        {
            let ms = int_of(ms)?;
            if ms <= 0 {
                return Err(CommandError::fixed(
                    &"ERR FAILOVER timeout must be greater than 0",
                ));
            }
            how.timeout_ms = Some(ms as u64);
        } else if args.len() == 2 && words.take("ABORT") {
            abort = true;
        } else if how.to.is_none()
            && let Some([host, port]) = words.take_with("TO")
        {
            let port = int_of(port)?;
            let host = String::from_utf8_lossy(host).into_owned();
            // A port that no replica can have finds none.
            how.to = Some((host, u16::try_from(port).unwrap_or(0)));
        } else if !how.force && words.take("FORCE") {
            how.force = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if abort {
        cx.engine.repl.abort_failover("Failover manually aborted")?;
    } else {
        cx.engine.repl.start_failover(how)?;
    }
    cx.client.reply.ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    /// A primary with a replica that announces port 7001 and has acknowledged `behind` bytes less than
    /// there are.
    fn bench(behind: i64) -> Bench {
        let mut bench = Bench::new();
        let first = bench.connect();
        bench.run_as(first, "PSYNC ? -1");
        let id = bench.engine.repl.history().id();
        let replica = bench.connect();
        bench.run_as(replica, "REPLCONF listening-port 7001 capa psync2");
        bench.run_as(replica, &format!("PSYNC {id} 1"));
        bench.run("SET a 1");
        let ack = bench.engine.repl.offset() + -behind;
        bench.run_as(replica, &format!("REPLCONF ACK {ack}"));
        bench
    }

    fn state(bench: &Bench) -> &'static str {
        bench.engine.repl.failover_state()
    }

    fn tick(bench: &mut Bench, ms: i64) {
        bench.advance(ms);
        bench.engine.sync_repl_clock();
        bench.engine.repl.on_tick();
    }

    #[test]
    fn errors_have_the_reference_texts() {
        Bench::new().check(&[
            ("FAILOVER", "-ERR FAILOVER requires connected replicas."),
            ("FAILOVER ABORT", "-ERR No failover in progress."),
            ("FAILOVER TO a", "-ERR syntax error"),
            ("FAILOVER ABORT FORCE", "-ERR syntax error"),
            (
                "FAILOVER TIMEOUT 0",
                "-ERR FAILOVER timeout must be greater than 0",
            ),
        ]);
        bench(0).check(&[
            (
                "FAILOVER FORCE",
                "-ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
            ),
            (
                "FAILOVER TO 127.0.0.1 7002",
                "-ERR FAILOVER target HOST and PORT is not a replica.",
            ),
            (
                "FAILOVER TO 127.0.0.1 0",
                "-ERR FAILOVER target replica is not online.",
            ),
            ("FAILOVER TO 127.0.0.1 7001", "+OK"),
            ("FAILOVER", "-ERR FAILOVER already in progress."),
            (
                "REPLICAOF localhost 1",
                "-ERR REPLICAOF not allowed while failing over.",
            ),
            ("FAILOVER ABORT", "+OK"),
        ]);
    }

    #[test]
    fn the_part_is_handed_over_when_the_replica_has_everything() {
        let mut bench = bench(5);
        bench.run("FAILOVER");
        tick(&mut bench, 100);
        assert_eq!(state(&bench), "waiting-for-sync");
        let offset = bench.engine.repl.offset();
        let replicas = bench.engine.repl.primary().replicas();
        let id = replicas.last().expect("two replicas").0;
        bench.run_as(id, &format!("REPLCONF ACK {offset}"));
        tick(&mut bench, 100);
        assert_eq!(state(&bench), "failover-in-progress");
        assert_eq!(
            bench.run("ROLE"),
            "[\"slave\", \"127.0.0.1\", :7001, \"connecting\", :-1]"
        );
        bench.run("FAILOVER ABORT");
        assert_eq!(state(&bench), "no-failover");
        assert!(bench.run("ROLE").starts_with("[\"master\""));
    }

    #[test]
    fn the_answer_to_the_second_request_for_an_acknowledgement_is_enough() {
        let mut bench = bench(5);
        let replica = bench.engine.repl.primary().replicas().last();
        let id = replica.expect("two replicas").0;
        bench.run("FAILOVER");
        bench.engine.repl.before_idle();
        let end = bench.engine.repl.offset();
        // What a replica says to the first request.
        bench.run_as(id, &format!("REPLCONF ACK {}", end + -74));
        bench.engine.repl.before_idle();
        assert_eq!(state(&bench), "waiting-for-sync");
        bench.run_as(id, &format!("REPLCONF ACK {}", end + -37));
        bench.engine.repl.before_idle();
        assert_eq!(state(&bench), "failover-in-progress");
    }

    #[test]
    fn an_acknowledgement_of_less_than_all_is_not_enough_without_a_request() {
        let mut bench = bench(5);
        bench.run("FAILOVER");
        bench.engine.repl.before_idle();
        bench.run("FAILOVER ABORT");
        bench.run("SET b 1");
        bench.run("FAILOVER");
        let end = bench.engine.repl.offset();
        let replica = bench.engine.repl.primary().replicas().last();
        let id = replica.expect("two replicas").0;
        bench.run_as(id, &format!("REPLCONF ACK {}", end + -1));
        tick(&mut bench, 100);
        assert_eq!(state(&bench), "waiting-for-sync");
    }

    #[test]
    fn a_target_that_never_catches_up_ends_the_handover_unless_forced() {
        let mut b = bench(5);
        b.run("FAILOVER TIMEOUT 1000");
        tick(&mut b, 900);
        assert_eq!(state(&b), "waiting-for-sync");
        tick(&mut b, 200);
        assert_eq!(state(&b), "no-failover");
        let mut b = bench(5);
        b.run("FAILOVER TO 127.0.0.1 7001 FORCE TIMEOUT 1000");
        tick(&mut b, 1100);
        assert_eq!(state(&b), "failover-in-progress");
    }
}
