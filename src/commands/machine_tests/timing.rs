//! Calls of a batch that are timed together.

use crate::testing::Bench;
use std::cell::Cell;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static STEP: Cell<u64> = const { Cell::new(0) };
}

/// Time passes only when the test says so, and the fine clock is read as often as it says.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.engine.timer = || NOW.replace(NOW.get() + 1) + 1;
    bench.engine.coarse_timer = || STEP.get();
    bench.engine.config.slowlog_log_slower_than = 10_000;
    bench.engine.watch_slow_commands();
    bench
}

fn readings(f: impl FnOnce()) -> u64 {
    let before = NOW.get();
    f();
    NOW.get() - before
}

/// The number of calls, of times, and all ns of a command.
fn counted(bench: &Bench, command: &str) -> (u64, u64, u64) {
    let index = engine::table::find(engine::Args(&[command.as_bytes()]))
        .expect("it is there")
        .index;
    let stats = &bench.engine.stats.per_command[index];
    (stats.calls, stats.times.total(), stats.nanos)
}

#[test]
fn equal_requests_in_a_row_are_timed_together_and_each_is_counted() {
    let mut bench = bench();
    let read = readings(|| {
        for n in 0..10 {
            bench.engine.expect_same(n < 9);
            bench.run("INCR n");
        }
        bench.engine.end_timing();
    });
    assert_eq!(read, 1);
    assert_eq!(counted(&bench, "incr").0, 10);
    assert_eq!(counted(&bench, "incr").1, 10);
    // A batch that ends in the middle, and another command where the same was expected.
    for end in [true, false] {
        bench.engine.expect_same(true);
        bench.run("SET a 1");
        bench.run("SET a 2");
        NOW.set(NOW.get() + 100);
        match end {
            true => bench.engine.end_timing(),
            false => _ = bench.run("GET a"),
        }
        bench.engine.end_timing();
    }
    assert_eq!(counted(&bench, "set").1, 4);
    assert!((200..210).contains(&counted(&bench, "set").2));
    assert!(counted(&bench, "get").2 < 10);
}

#[test]
fn a_call_that_takes_long_is_told_from_those_around_it() {
    let mut bench = bench();
    bench.engine.expect_same(true);
    for _ in 0..5 {
        bench.run("SET a short");
    }
    NOW.set(NOW.get() + 20_000_000);
    STEP.set(STEP.get() + 4_000_000);
    bench.run("SET a long");
    bench.engine.expect_same(false);
    bench.run("SET a after");
    bench.engine.end_timing();
    let log = bench.run("SLOWLOG GET");
    assert!(log.contains("\"long\"") && log.contains(":20000"), "{log}");
    assert!(!log.contains("short") && !log.contains("after"), "{log}");
    assert_eq!(counted(&bench, "set").1, 7);
}

#[test]
fn where_short_times_matter_and_for_long_work_each_call_is_timed() {
    let mut bench = bench();
    let read = |bench: &mut Bench, command: &str| {
        readings(|| {
            bench.engine.expect_same(true);
            (0..5).for_each(|_| _ = bench.run(command));
            bench.engine.end_timing();
        })
    };
    assert_eq!(read(&mut bench, "GET a"), 1);
    bench.run("KEYS *");
    let keys = engine::table::find(engine::Args(&[b"KEYS"])).expect("it is there");
    bench.engine.stats.per_command[keys.index].nanos += 1_000_000;
    assert_eq!(read(&mut bench, "KEYS *"), 5);
    bench.run("CONFIG SET slowlog-log-slower-than 100");
    assert_eq!(read(&mut bench, "GET a"), 5);
    bench.run("CONFIG SET slowlog-log-slower-than 10000");
    assert_eq!(read(&mut bench, "GET a"), 1);
    bench.run("CONFIG SET latency-monitor-threshold 1");
    assert_eq!(read(&mut bench, "GET a"), 5);
}
