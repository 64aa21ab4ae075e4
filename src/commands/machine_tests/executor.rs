//! `engine::executor` with the commands of all families.

use crate::testing::Bench;

/// Writes are paused, and the second client waits with its request.
fn held(request: &str) -> (Bench, engine::ClientId) {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.check(&[("SET a 1", "+OK"), ("CLIENT PAUSE 60000 WRITE", "+OK")]);
    assert_eq!(bench.run_as(other, request), "");
    bench.effects();
    (bench, other)
}

#[test]
fn what_a_pause_held_runs_behind_the_command_that_ends_it_and_alone_is_replicated() {
    let (mut bench, other) = held("SET a 2");
    bench.check(&[("CLIENT UNPAUSE", "+OK")]);
    assert_eq!(bench.output(other), "+OK");
    assert_eq!(bench.effects(), "SET a 2");
}

#[test]
fn a_transaction_that_ends_a_pause_sees_nothing_of_what_it_held() {
    let (mut bench, other) = held("SET a 2");
    bench.check(&[
        ("MULTI", "+OK"),
        ("CLIENT UNPAUSE", "+QUEUED"),
        ("GET a", "+QUEUED"),
        ("EXEC", "[+OK, \"1\"]"),
        ("GET a", "\"2\""),
    ]);
    assert_eq!(bench.output(other), "+OK");
}

#[test]
fn a_held_script_that_takes_long_holds_up_what_was_held_behind_it() {
    let (mut bench, first) = held("EVAL \"for i = 1, 1000000 do end redis.call('SET','a','2')\" 0");
    let second = bench.connect();
    assert_eq!(bench.run_as(second, "APPEND a 3"), "");
    bench.engine.config.busy_reply_threshold = 1;
    bench.engine.timer = {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NOW: AtomicU64 = AtomicU64::new(0);
        || NOW.fetch_add(1_000_000, Ordering::Relaxed)
    };
    bench.check(&[("CLIENT UNPAUSE", "+OK")]);
    assert!(bench.engine.script_is_parked());
    assert_eq!(bench.output(second), "");
    while bench.engine.continue_script(1) {}
    assert_eq!(bench.output(first), "nil");
    assert_eq!(bench.output(second), ":2");
    bench.check(&[("GET a", "\"23\"")]);
}

#[test]
fn a_client_that_was_killed_runs_nothing_and_takes_nothing_any_more() {
    let (mut bench, other) = held("SET a 2");
    bench.run(&format!("CLIENT KILL ID {}", other.0));
    bench.check(&[("CLIENT UNPAUSE", "+OK"), ("GET a", "\"1\"")]);
    let waiter = bench.connect();
    bench.run_as(waiter, "BLPOP list 0");
    bench.run("MULTI");
    bench.run(&format!("CLIENT KILL ID {}", waiter.0));
    bench.run("RPUSH list x");
    bench.check(&[("EXEC", "[:1, :1]"), ("LLEN list", ":1")]);
}
