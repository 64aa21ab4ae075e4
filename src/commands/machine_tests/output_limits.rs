//! `engine::output_limits` with the commands of all families.

use crate::testing::Bench;
use engine::acl::Access;
use engine::output_limits::*;
use engine::{Action, ClientFlags, ClientId, Session};

fn limits(bench: &mut Bench, line: &str) {
    let reply = bench.run(&format!("CONFIG SET client-output-buffer-limit \"{line}\""));
    assert_eq!(reply, "+OK");
}

fn is_closed(bench: &Bench, id: ClientId) -> bool {
    let client = &bench.engine.clients[&id];
    let closed = client.flags.contains(ClientFlags::CLOSE_ASAP);
    assert_eq!(closed, bench.engine.actions.contains(&Action::Close(id)));
    closed
}

#[test]
fn the_hard_limit_closes_at_once_and_the_soft_one_after_its_time() {
    let mut bench = Bench::new();
    limits(&mut bench, "normal 1000 100 5");
    let session = |unsent| {
        let mut client = Session::new(ClientId(9), "a:1".into(), "b:2".into(), 0);
        client.access = Access::All;
        client.unsent.set_here(unsent);
        client
    };
    let mut client = session(200);
    for (at, closed) in [(0, false), (4_000, false), (6_000, true)] {
        bench.engine.clock.steady_ms = at;
        bench.engine.check_output(&mut client);
        assert_eq!(client.flags.contains(ClientFlags::CLOSE_ASAP), closed);
    }
    let mut other = session(1000);
    bench.engine.check_output(&mut other);
    assert!(other.flags.contains(ClientFlags::CLOSE_ASAP));
    assert_eq!(bench.engine.stats.output_limit_disconnections, 2);
}

#[test]
fn what_others_send_closes_its_reader_while_their_command_runs() {
    let mut bench = Bench::new();
    limits(&mut bench, "pubsub 10000 0 0 normal 10000 0 0");
    let [subscriber, pattern, watcher] = [(); 3].map(|()| bench.connect());
    bench.run_as(subscriber, "SUBSCRIBE c");
    bench.run_as(pattern, "PSUBSCRIBE c*");
    bench.run_as(watcher, "MONITOR");
    let script = "for i=1,100 do redis.call('PUBLISH','c',string.rep('x',500)) end return 1";
    assert_eq!(bench.run(&format!("EVAL \"{script}\" 0")), ":1");
    for id in [subscriber, pattern, watcher] {
        assert!(is_closed(&bench, id));
        assert!(bench.engine.clients[&id].reply.memory() < 1000);
    }
}

#[test]
fn messages_to_the_client_whose_script_runs_are_held_to_its_limit_too() {
    let mut bench = Bench::new();
    limits(&mut bench, "pubsub 10000 0 0");
    bench.run("HELLO 3");
    bench.run("SUBSCRIBE c");
    let script = "for i=1,100 do redis.call('PUBLISH','c',string.rep('x',500)) end return 1";
    bench.run(&format!("EVAL \"{script}\" 0"));
    assert!(bench.engine.clients.mail_bytes() == 0);
    assert!(bench.engine.clients.values().any(|c| c.reply.is_overrun()));
}

#[test]
fn before_authentication_little_may_be_pending() {
    let mut bench = Bench::new();
    let mut client = Session::new(ClientId(9), "a:1".into(), "b:2".into(), 0);
    client.unsent.set_here(UNAUTHENTICATED_MAX);
    client.access = Access::All;
    bench.engine.check_output(&mut client);
    assert!(!client.flags.contains(ClientFlags::CLOSE_ASAP));
    client.access = Access::LoginFirst;
    bench.engine.check_output(&mut client);
    assert!(client.flags.contains(ClientFlags::CLOSE_ASAP));
}
