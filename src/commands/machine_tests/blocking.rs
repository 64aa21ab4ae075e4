//! Clients that wait for lists, on a bench.

use crate::testing::Bench;
use engine::blocking::Unblock;
use engine::{Action, ClientId};

/// A bench with two more clients than the first.
fn bench() -> (Bench, ClientId, ClientId) {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect(), bench.connect());
    (bench, a, b)
}

#[test]
fn a_push_serves_the_client_that_came_first() {
    let (mut bench, a, b) = bench();
    assert_eq!(bench.run_as(a, "BLPOP k 0"), "");
    assert_eq!(bench.run_as(b, "BLPOP k 0"), "");
    assert_eq!(bench.engine.blocking.clients(), 2);
    bench.check(&[("RPUSH k 1", ":1"), ("EXISTS k", ":0")]);
    assert_eq!(bench.output(a), "[\"k\", \"1\"]");
    assert_eq!(bench.output(b), "");
    assert_eq!(bench.engine.actions, [Action::Resume(a)]);
    bench.run("RPUSH k 2 3");
    assert_eq!(bench.output(b), "[\"k\", \"2\"]");
    bench.check(&[("LLEN k", ":1")]);
    assert_eq!(bench.engine.blocking.clients(), 0);
    assert_eq!(bench.engine.blocking.keys(), 0);
}

#[test]
fn effects_of_the_served_follow_those_of_the_server() {
    let (mut bench, a, b) = bench();
    bench.run_as(a, "BLPOP x k 0");
    bench.run_as(b, "BLMOVE k other LEFT LEFT 0");
    bench.effects();
    bench.run("RPUSH k 1 2 3");
    assert_eq!(
        bench.effects(),
        "RPUSH k 1 2 3|LPOP k|LMOVE k other LEFT LEFT"
    );
}

#[test]
fn one_served_client_may_serve_the_next() {
    let (mut bench, a, b) = bench();
    bench.run_as(a, "BLPOP second 0");
    bench.run_as(b, "BRPOPLPUSH first second 0");
    bench.run("LPUSH first x");
    assert_eq!(bench.output(b), "\"x\"");
    assert_eq!(bench.output(a), "[\"second\", \"x\"]");
}

#[test]
fn other_types_do_not_concern_those_who_wait_for_lists() {
    let (mut bench, a, _) = bench();
    bench.run_as(a, "BLPOP k 0");
    bench.check(&[("SET k v", "+OK"), ("DEL k", ":1")]);
    assert_eq!(bench.output(a), "");
    bench.run("RPUSH k 1");
    assert_eq!(bench.output(a), "[\"k\", \"1\"]");
}

#[test]
fn a_target_of_another_type_is_an_error_when_the_source_comes() {
    let (mut bench, a, _) = bench();
    bench.run("SET target v");
    bench.run_as(a, "BRPOPLPUSH k target 0");
    bench.run("LPUSH k 1");
    assert_eq!(
        bench.output(a),
        "-WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    bench.check(&[("LRANGE k 0 -1", "[\"1\"]")]);
}

#[test]
fn a_renamed_list_serves_who_waits_for_its_new_name() {
    let (mut bench, a, _) = bench();
    bench.run("RPUSH old 1");
    bench.run_as(a, "BLPOP new 0");
    bench.run("RENAME old new");
    assert_eq!(bench.output(a), "[\"new\", \"1\"]");
}

#[test]
fn the_time_of_a_wait_is_kept_when_it_goes_on() {
    let (mut bench, a, b) = bench();
    bench.run_as(a, "BLPOP k 0.5");
    bench.run_as(b, "BLMPOP 1.5 1 k LEFT");
    let now = bench.engine.clock.steady_ms;
    assert_eq!(bench.engine.blocking.next_deadline(), Some(now + 500));
    bench.engine.expire_blocked(now + 499);
    assert_eq!(bench.output(a), "");
    bench.engine.expire_blocked(now + 500);
    assert_eq!(bench.output(a), "nil[]");
    assert_eq!(bench.engine.blocking.next_deadline(), Some(now + 1500));
    bench.engine.expire_blocked(now + 1500);
    assert_eq!(bench.output(b), "nil[]");
    assert_eq!(bench.engine.blocking.next_deadline(), None);
}

#[test]
fn a_wait_is_ended_by_client_unblock_once() {
    let (mut bench, a, b) = bench();
    bench.run_as(a, "BLPOP k 0");
    bench.run_as(b, "BLMOVE k k LEFT LEFT 0");
    assert!(bench.engine.unblock(a, Unblock::Error));
    assert!(!bench.engine.unblock(a, Unblock::Error));
    assert!(bench.engine.unblock(b, Unblock::Timeout));
    assert_eq!(
        bench.output(a),
        "-UNBLOCKED client unblocked via CLIENT UNBLOCK"
    );
    assert_eq!(bench.output(b), "nil[]");
}

#[test]
fn a_client_that_left_is_passed_over() {
    let (mut bench, a, b) = bench();
    bench.run_as(a, "BLPOP k 0");
    bench.run_as(b, "BLPOP k 0");
    bench.engine.disconnect(a);
    bench.run("RPUSH k 1");
    assert_eq!(bench.output(b), "[\"k\", \"1\"]");
    assert_eq!(bench.engine.blocking.clients(), 0);
}

#[test]
fn becoming_a_replica_ends_all_waits() {
    let (mut bench, a, _) = bench();
    bench.run_as(a, "BLPOP k 0");
    bench.engine.unblock_for_role_change();
    assert!(bench.output(a).starts_with("-UNBLOCKED force unblock"));
}

#[test]
fn a_transaction_never_blocks_and_serves_when_it_is_over() {
    let (mut bench, a, _) = bench();
    bench.check(&[
        ("MULTI", "+OK"),
        ("BLPOP k 0", "+QUEUED"),
        ("BLMOVE k k LEFT LEFT 0", "+QUEUED"),
        ("EXEC", "[nil[], nil]"),
    ]);
    bench.run_as(a, "BLPOP k 0");
    bench.effects();
    bench.check(&[
        ("MULTI", "+OK"),
        ("RPUSH k 1", "+QUEUED"),
        ("DEL k", "+QUEUED"),
        ("RPUSH k 2", "+QUEUED"),
        ("EXEC", "[:1, :1, :1]"),
    ]);
    assert_eq!(bench.output(a), "[\"k\", \"2\"]");
    assert_eq!(
        bench.effects(),
        "MULTI|RPUSH k 1|DEL k|RPUSH k 2|EXEC|LPOP k"
    );
}

#[test]
fn timeouts_are_checked_before_keys() {
    let (mut bench, _, _) = bench();
    bench.check(&[
        ("SET s v", "+OK"),
        ("BLPOP s x", "-ERR timeout is not a float or out of range"),
        ("BLPOP s nan", "-ERR timeout is not a float or out of range"),
        ("BLPOP s -1", "-ERR timeout is negative"),
        ("BLPOP s inf", "-ERR timeout is out of range"),
        ("BLPOP s 9223372036854775", "-ERR timeout is out of range"),
        ("BLMPOP x x s LEFT", "-ERR numkeys should be greater than 0"),
        ("BLMOVE s s LEFT UP x", "-ERR syntax error"),
    ]);
}

#[test]
fn a_waiting_client_is_served_at_the_time_at_which_a_long_transaction_ends() {
    use std::cell::Cell;
    thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
    let mut bench = Bench::new();
    bench.engine.timer = || NOW.get();
    let waiter = bench.connect();
    bench.run_as(waiter, "BZPOPMIN z 1");
    for line in ["MULTI", "ZADD z 1 one", "PEXPIRE z 100"] {
        bench.run(line);
    }
    // Each reading of the clock from here on comes 200 ms after the one before.
    bench.engine.timer = || NOW.replace(NOW.get() + 200_000_000);
    bench.run("EXEC");
    assert_eq!(
        bench.output(waiter),
        "",
        "what it waits for has expired already"
    );
    assert_eq!(bench.run("EXISTS z"), ":0");
}

#[test]
fn waits_and_pauses_end_in_time_whatever_is_done_to_the_wall_clock() {
    for jump in [-3_600_000, 3_600_000] {
        let mut bench = Bench::new();
        let (waiter, held) = (bench.connect(), bench.connect());
        bench.run_as(waiter, "BLPOP list 1");
        bench.run("CLIENT PAUSE 1000 WRITE");
        bench.run_as(held, "SET k v");
        bench.engine.clock.unix_ms += jump;
        bench.engine.clock.unix_us += jump * 1000;
        let turn = |bench: &mut Bench| {
            let now = bench.engine.clock.steady_ms;
            bench.engine.expire_blocked(now);
            bench.engine.on_tick();
            bench.engine.settle();
        };
        bench.advance(999);
        turn(&mut bench);
        assert_eq!(
            (bench.output(waiter), bench.output(held)),
            ("".into(), "".into())
        );
        bench.advance(1);
        turn(&mut bench);
        assert_eq!(
            (bench.output(waiter), bench.output(held)),
            ("nil[]".into(), "+OK".into())
        );
    }
}

#[test]
fn a_call_that_waits_is_counted_when_its_wait_is_over() {
    let (mut bench, a, _) = bench();
    let stats = |bench: &mut Bench| {
        let info = bench.run("INFO commandstats");
        let line = info
            .split("\\r\\n")
            .find(|l| l.starts_with("cmdstat_blpop"));
        line.map(|l| {
            let field = |name: &str| {
                let at = l.find(name).expect("a field") + name.len();
                l[at..].split(',').next().expect("a value").to_owned()
            };
            (field("calls="), field("failed_calls="))
        })
    };
    let counted = |calls: &str, failed: &str| Some((calls.to_owned(), failed.to_owned()));
    bench.run_as(a, "BLPOP k 0");
    assert_eq!(stats(&mut bench), None);
    bench.run("RPUSH k 1");
    assert_eq!(stats(&mut bench), counted("1", "0"));
    bench.output(a);
    bench.run_as(a, "BLPOP k 0");
    bench.engine.unblock(a, Unblock::Timeout);
    assert_eq!(stats(&mut bench), counted("2", "0"));
    bench.output(a);
    bench.run_as(a, "BLPOP k 0");
    bench.engine.unblock(a, Unblock::Error);
    assert_eq!(stats(&mut bench), counted("3", "1"));
}

#[test]
fn who_wants_no_reply_gets_none_to_a_request_that_waited_but_pushes() {
    let (mut bench, a, _) = bench();
    bench.run_as(a, "CLIENT REPLY OFF");
    bench.run_as(a, "BLPOP k 0");
    bench.run("RPUSH k 1");
    assert_eq!(bench.output(a), "");
    assert_eq!(bench.run_as(a, "CLIENT REPLY ON"), "+OK");
    bench.run_as(a, "CLIENT REPLY SKIP");
    bench.run_as(a, "BLPOP k 0");
    bench.run("RPUSH k 1");
    assert_eq!(bench.output(a), "");
    assert_eq!(bench.run_as(a, "PING"), "+PONG");
    // Confirmations and messages are pushes, also those that its own request causes.
    bench.run_as(a, "HELLO 3");
    bench.run_as(a, "CLIENT REPLY OFF");
    assert_eq!(
        bench.run_as(a, "SUBSCRIBE ch"),
        ">[\"subscribe\", \"ch\", :1]"
    );
    assert_eq!(
        bench.run_as(a, "PUBLISH ch own"),
        ">[\"message\", \"ch\", \"own\"]"
    );
    assert_eq!(bench.run_as(a, "PING"), "");
}
