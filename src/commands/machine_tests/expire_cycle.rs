//! `engine::expire_cycle` with the commands of all families.

use crate::testing::Bench;
use engine::expire_cycle::*;
use engine::pause::{Held, Reason};
use std::cell::Cell;

/// Two hashes, of which one loses some fields and the other all, and a key.
fn overdue() -> Bench {
    let mut bench = Bench::new();
    for line in [
        "HSET part a 1 b 2",
        "HPEXPIRE part 50 FIELDS 1 a",
        "HSET all a 1 b 2",
        "HPEXPIRE all 60 FIELDS 2 a b",
        "SET key v PX 70",
    ] {
        bench.run(line);
    }
    bench.effects();
    bench.advance(100);
    bench
}

#[test]
fn keys_and_fields_go_by_themselves_each_with_an_effect_of_its_own() {
    let mut bench = overdue();
    assert!(bench.engine.may_expire());
    assert_eq!(bench.engine.expire_slice(200), ExpireSlice::Done);
    let sent = bench.effects();
    let mut sent: Vec<_> = sent.split('|').collect();
    sent.sort_unstable();
    assert_eq!(sent, ["DEL key", "HDEL all a", "HDEL all b", "HDEL part a"]);
    bench.check(&[("DBSIZE", ":1"), ("HLEN part", ":1"), ("EXISTS all", ":0")]);
    let stats = &bench.engine.stats;
    assert_eq!((stats.expired_keys, stats.expired_subkeys), (1, 3));
}

#[test]
fn the_events_say_what_went() {
    let mut bench = overdue();
    bench.run("CONFIG SET notify-keyspace-events KEA");
    let listener = bench.connect();
    bench.run_as(listener, "PSUBSCRIBE __keyevent@0__:*");
    bench.engine.expire_slice(200);
    let heard = bench.output(listener);
    let count = |event: &str| heard.matches(&format!("__keyevent@0__:{event}\"")).count();
    assert_eq!(
        (count("hexpired"), count("del"), count("expired")),
        (2, 1, 1)
    );
}

#[test]
fn while_writes_are_held_what_has_expired_is_hidden_but_stays() {
    for reason in [Reason::Client, Reason::Shutdown, Reason::Failover] {
        let mut bench = overdue();
        bench.engine.pause(reason, Held::Writes, i64::MAX);
        assert!(!bench.engine.may_expire());
        bench.check(&[
            ("GET key", "nil"),
            ("EXISTS key", ":0"),
            ("TTL key", ":-2"),
            ("HGET all a", "nil"),
            ("HMGET part a b", "[nil, \"2\"]"),
            ("HRANDFIELD part", "\"b\""),
            ("HLEN part", ":2"),
            ("DBSIZE", ":3"),
        ]);
        assert_eq!(bench.effects(), "");
        bench.engine.unpause(reason);
        bench.check(&[("GET key", "nil"), ("DBSIZE", ":2")]);
        assert_eq!(bench.effects(), "DEL key");
    }
}

#[test]
fn a_random_key_is_found_even_where_all_have_expired_and_must_stay() {
    let mut bench = Bench::new();
    bench.run("SET key v PX 10");
    bench.advance(100);
    bench.engine.pause(Reason::Client, Held::Writes, i64::MAX);
    assert_eq!(bench.run("RANDOMKEY"), "\"key\"");
    bench.engine.unpause(Reason::Client);
    assert_eq!(bench.run("RANDOMKEY"), "nil");
}

#[test]
fn a_write_of_a_transaction_that_holds_writes_itself_still_deletes_what_it_replaces() {
    let mut bench = overdue();
    bench.run("SET list v PX 10");
    bench.advance(100);
    for line in ["MULTI", "CLIENT PAUSE 1000 WRITE", "RPUSH list x"] {
        bench.run(line);
    }
    bench.effects();
    bench.run("EXEC");
    assert_eq!(bench.effects(), "MULTI|DEL list|RPUSH list x|EXEC");
}

#[test]
fn a_replica_hides_fields_and_waits_for_its_primary_to_delete_them() {
    let mut bench = overdue();
    bench.run("REPLICAOF 127.0.0.1 1");
    assert_eq!(bench.engine.expire_slice(200), ExpireSlice::Done);
    bench.check(&[("HGET all a", "nil"), ("HLEN all", ":2"), ("DBSIZE", ":3")]);
}

#[test]
fn a_slice_ends_in_the_midst_of_a_large_hash_and_cycles_count_their_time() {
    thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
    // Each reading of the clock takes a microsecond.
    let timer = || NOW.replace(NOW.get() + 1000);
    let mut bench = Bench::new();
    for n in 0..500 {
        let fields: Vec<String> = (0..20).map(|i| format!("{n}:{i}")).collect();
        let values: Vec<String> = fields.iter().map(|f| format!("{f} v")).collect();
        bench.run(&format!("HSET h {}", values.join(" ")));
        bench.run(&format!("HPEXPIRE h 1 FIELDS 20 {}", fields.join(" ")));
    }
    bench.advance(100);
    bench.engine.timer = timer;
    assert_eq!(bench.engine.expire_slice(50), ExpireSlice::More);
    let gone = bench.engine.stats.expired_subkeys;
    assert!((500..2000).contains(&gone), "{gone} fields in a slice");
    let mut slices = 1;
    while bench.engine.expire_slice(50) == ExpireSlice::More {
        slices += 1;
    }
    assert!(slices >= 5);
    assert_eq!(bench.run("EXISTS h"), ":0");
    assert!(bench.engine.stats.expire_cycle_ns >= slices * 50_000);
}

#[test]
fn a_cycle_that_was_cut_says_how_much_has_expired() {
    let mut bench = Bench::new();
    for n in 0..100 {
        bench.run(&format!(
            "SET {n} v PX {}",
            if n % 2 == 0 { 10 } else { 10_000 }
        ));
    }
    bench.advance(100);
    for _ in 0..100 {
        bench.engine.note_expire_cycle(true);
    }
    let stale = bench.engine.stats.stale_share;
    assert!((0.2..0.8).contains(&stale), "{stale} of a half");
    bench.engine.expire_slice(200);
    for _ in 0..200 {
        bench.engine.note_expire_cycle(false);
    }
    assert!(bench.engine.stats.stale_share < 0.01);
    assert_eq!(bench.engine.stats.expire_cycles_cut, 100);
}
