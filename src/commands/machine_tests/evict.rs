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
    for i in 0..11 {
        bench.run(&format!("SET k{i} v"));
    }
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
