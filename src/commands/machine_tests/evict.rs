//! `engine::evict` with the commands of all families.

use crate::testing::Bench;
use config::choices::MaxmemoryPolicy;
use engine::pause::{Held, Reason};
use std::cell::Cell;

/// A server over its limit as long as it holds more than ten keys.
fn full(policy: MaxmemoryPolicy) -> Bench {
    let mut bench = Bench::new();
    bench.engine.used_memory = |e| e.keyspace.len() * 10;
    bench.engine.config.maxmemory = 100;
    bench.engine.config.maxmemory_policy = policy;
    bench
}

#[test]
fn the_least_recently_used_keys_go_first() {
    let mut bench = full(MaxmemoryPolicy::AllkeysLru);
    for i in 0..10 {
        bench.run(&format!("SET k{i} v"));
        bench.advance(10_000);
    }
    bench.run("GET k0");
    bench.engine.config.maxmemory_samples = 64;
    bench.run("SET extra v");
    bench.run("SET extra2 v");
    assert_eq!(bench.run("EXISTS k0"), ":1");
    assert_eq!(bench.run("EXISTS k1"), ":0");
    assert!(bench.engine.stats.evicted_keys >= 1);
}

#[test]
fn memory_that_is_about_to_be_freed_elsewhere_costs_no_key() {
    let mut bench = full(MaxmemoryPolicy::AllkeysRandom);
    bench.engine.used_memory = |e| e.keyspace.len() * 10 + 1000;
    bench.engine.lent_memory = || 1000;
    for i in 0..10 {
        assert_eq!(bench.run(&format!("SET k{i} v")), "+OK");
    }
    assert_eq!(bench.engine.stats.evicted_keys, 0);
    bench.engine.lent_memory = || 0;
    assert!(bench.run("SET k10 v").starts_with("-OOM"));
}

#[test]
fn a_write_that_is_held_is_not_refused_for_memory_and_evicts_afterwards() {
    let mut bench = full(MaxmemoryPolicy::AllkeysRandom);
    bench.engine.config.maxmemory = 110;
    for i in 0..11 {
        bench.run(&format!("SET k{i} v"));
    }
    bench.engine.config.maxmemory = 100;
    let until = bench.engine.clock.steady_ms + 1000;
    bench.engine.pause(Reason::Snapshot, Held::Writes, until);
    assert_eq!(bench.run("SET extra v"), "");
    assert_eq!(bench.engine.keyspace.len(), 11);
    bench.engine.unpause(Reason::Snapshot);
    bench.engine.settle();
    assert_eq!(bench.output(bench.id), "+OK");
    assert!(bench.engine.stats.evicted_keys > 0);
}

#[test]
fn memory_is_counted_anew_before_keys_go() {
    thread_local! {
        static STALE: Cell<usize> = const { Cell::new(1000) };
    }
    let mut bench = full(MaxmemoryPolicy::AllkeysRandom);
    bench.engine.used_memory = |e| e.keyspace.len() * 10 + STALE.get();
    bench.engine.recount_memory = || STALE.set(0);
    bench.engine.clock.mono_us = 1_000_000;
    for i in 0..10 {
        assert_eq!(bench.run(&format!("SET k{i} v")), "+OK");
    }
    assert_eq!(bench.engine.stats.evicted_keys, 0);
}

/// Records are in extents that grow in steps, so a small limit may be exceeded by much more than what was written.
#[test]
fn what_a_request_has_written_is_not_above_the_limit_when_it_ends() {
    let mut bench = Bench::new();
    bench.engine.config.maxmemory_policy = MaxmemoryPolicy::AllkeysLru;
    let text = "v".repeat(500);
    for n in 0..300 {
        bench.run(&format!("SET key:{n} {text}"));
    }
    let limit = (bench.engine.used_memory)(&bench.engine);
    bench.engine.config.maxmemory = limit as i64;
    for n in 0..3000 {
        for command in ["SET", "RPUSH"] {
            let reply = bench.run(&format!("{command} {command}:{n} {text}"));
            assert!(!reply.starts_with('-'), "{reply}");
            assert!((bench.engine.used_memory)(&bench.engine) <= limit);
        }
    }
    assert!(bench.engine.stats.evicted_keys > 3000);
}

#[test]
fn volatile_policies_leave_keys_without_expiry() {
    let mut bench = full(MaxmemoryPolicy::VolatileTtl);
    for i in 0..11 {
        bench.run(&format!("SET k{i} v"));
    }
    assert!(bench.run("SET extra v").starts_with("-OOM"));
    bench.run("EXPIRE k3 1000");
    assert_eq!(bench.run("SET extra v"), "+OK");
    assert_eq!(bench.run("EXISTS k3"), ":0");
}
