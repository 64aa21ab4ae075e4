//! The cost of a small change does not depend on the size of the value. These tests count the bytes that are read and
//! copied, instead of measuring time, for a collection and for one a hundred times as large.

use super::testing::Bench;
use keyspace::tree::work;

/// A key, how it is filled with `n` elements, and changes that each touch a few of them.
struct Case {
    fill: fn(&mut Bench, &str, usize),
    changes: &'static [&'static str],
}

/// Runs a command with the arguments that `args` gives for each of `n` elements, some at a time.
fn fill(bench: &mut Bench, command: &str, n: usize, args: impl Fn(usize) -> String) {
    for at in (0..n).step_by(100) {
        let args: Vec<String> = (at..n.min(at + 100)).map(&args).collect();
        bench.run(&format!("{command} {}", args.join(" ")));
    }
}

const LIST: Case = Case {
    fill: |bench, key, n| {
        fill(bench, &format!("RPUSH {key}"), n, |i| {
            format!("element:{i:07}")
        })
    },
    changes: &[
        "LPOP KEY",
        "RPOP KEY",
        "LPUSH KEY a",
        "RPUSH KEY a",
        "LSET KEY 0 changed",
        "LSET KEY 200 changed",
        "LSET KEY -1 changed",
        "LTRIM KEY 1 -1",
        "LTRIM KEY 0 -2",
        "LMPOP 1 KEY LEFT",
        "LPUSH KEY pivot",
        "LINSERT KEY BEFORE pivot b",
        "LREM KEY 1 b",
        "RPOPLPUSH KEY KEY",
        "LMOVE KEY KEY LEFT RIGHT",
        "LRANGE KEY 0 3",
        "LINDEX KEY 200",
        "LLEN KEY",
    ],
};

const HASH: Case = Case {
    fill: |bench, key, n| {
        fill(bench, &format!("HSET {key}"), n, |i| {
            format!("field:{i} value:{i}")
        })
    },
    changes: &[
        "HSET KEY field:5 other",
        "HSET KEY new value",
        "HDEL KEY field:6",
        "HINCRBY KEY counter 1",
        "HINCRBYFLOAT KEY counter 1.5",
        "HSETNX KEY field:7 x",
        "HEXPIRE KEY 100 FIELDS 1 field:8",
        "HPERSIST KEY FIELDS 1 field:8",
        "HRANDFIELD KEY",
        "HGET KEY field:9",
        "HLEN KEY",
    ],
};

const SET: Case = Case {
    fill: |bench, key, n| fill(bench, &format!("SADD {key}"), n, |i| format!("member:{i}")),
    changes: &[
        "SADD KEY new",
        "SREM KEY member:5",
        "SPOP KEY",
        "SRANDMEMBER KEY",
        "SISMEMBER KEY member:6",
        "SMOVE KEY other member:7",
        "SCARD KEY",
    ],
};

const ZSET: Case = Case {
    fill: |bench, key, n| {
        fill(bench, &format!("ZADD {key}"), n, |i| {
            format!("{i} member:{i}")
        })
    },
    changes: &[
        "ZADD KEY 5.5 new",
        "ZADD KEY 77 member:5",
        "ZINCRBY KEY 1 member:6",
        "ZREM KEY member:7",
        "ZPOPMIN KEY",
        "ZPOPMAX KEY",
        "ZREMRANGEBYRANK KEY 0 1",
        "ZREMRANGEBYSCORE KEY 20 22",
        "ZMPOP 1 KEY MIN",
        "ZRANK KEY member:90",
        "ZCOUNT KEY 10 90",
        "ZCARD KEY",
    ],
};

const ARRAY: Case = Case {
    fill: |bench, key, n| {
        fill(bench, &format!("ARMSET {key}"), n, |i| {
            format!("{} element:{i:07}", i + i / 100 * 1000)
        });
    },
    changes: &[
        "ARSET KEY 7 a",
        "ARSET KEY 50000000 a",
        "ARDEL KEY 9",
        "ARDELRANGE KEY 20 29",
        "ARINSERT KEY a",
        "ARSEEK KEY 900",
        "ARGET KEY 1100",
        "ARLEN KEY",
        "ARCOUNT KEY",
        "ARSCAN KEY 0 100000000 LIMIT 3",
        "ARGETRANGE KEY 90 110",
        "AROP KEY 0 100000000 USED",
        "ARLASTITEMS KEY 3",
    ],
};

const STREAM: Case = Case {
    fill: |bench, key, n| {
        bench.run(&format!("XGROUP CREATE {key} g 0 MKSTREAM"));
        (1..=n).for_each(|i| _ = bench.run(&format!("XADD {key} {i}-1 field value")));
        bench.run(&format!(
            "XREADGROUP GROUP g c COUNT {} STREAMS {key} >",
            n - 20
        ));
    },
    changes: &[
        "XADD KEY * field value",
        "XDEL KEY 5-1",
        "XREADGROUP GROUP g c COUNT 1 STREAMS KEY >",
        "XACK KEY g 7-1",
        "XCLAIM KEY g d 0 8-1",
        "XAUTOCLAIM KEY g d 0 0 COUNT 2",
        "XADD KEY MAXLEN ~ 100000000 * field value",
        "XLEN KEY",
        "XSETID KEY 99999999-1",
    ],
};

fn check(case: &Case, name: &str, sizes: [usize; 2]) {
    for key in ["short", &"long".repeat(100)] {
        let costs = sizes.map(|n| {
            let mut bench = Bench::new();
            (case.fill)(&mut bench, key, n);
            let cost = |change: &&str| {
                let command = change.replace("KEY", key);
                let before = work();
                let reply = bench.run(&command);
                assert!(!reply.starts_with('-'), "{command}: {reply}");
                work() - before
            };
            case.changes.iter().map(cost).collect::<Vec<_>>()
        });
        for (i, change) in case.changes.iter().enumerate() {
            let (small, large) = (costs[0][i], costs[1][i]);
            // A tree that is one level deeper, and a chunk that is full where the other was not.
            assert!(
                large <= 3 * small + 40_000,
                "{name}: {change} of a {} key costs {small} bytes at {} and {large} at {}",
                &key[..4],
                sizes[0],
                sizes[1],
            );
        }
    }
}

#[test]
fn a_change_of_a_collection_costs_the_same_at_a_hundred_times_the_size() {
    let sizes = [300, 30_000];
    check(&LIST, "list", sizes);
    check(&HASH, "hash", sizes);
    check(&SET, "set", sizes);
    check(&ZSET, "zset", sizes);
    check(&STREAM, "stream", sizes);
    check(&ARRAY, "array", sizes);
}

#[test]
fn a_byte_of_a_string_costs_the_same_at_every_size() {
    use keyspace::sizes::STRINGS;
    for key in ["short", &"long".repeat(100)] {
        for size in STRINGS
            .into_iter()
            .filter(|size| *size > 100)
            .chain([30_000, 60_000])
        {
            let mut bench = Bench::new();
            let text = "x".repeat(size);
            bench.run(&format!("SET {key} {text}"));
            // The first change of a loaded or new text may give it another form.
            bench.run(&format!("APPEND {key} y"));
            for change in [
                "APPEND KEY y",
                "SETRANGE KEY 50 y",
                "SETBIT KEY 800 1",
                "BITFIELD KEY SET u8 64 7",
                "GETRANGE KEY 10 20",
                "STRLEN KEY",
            ] {
                let command = change.replace("KEY", key);
                let costs: Vec<u64> = (0..20)
                    .map(|_| {
                        let before = work();
                        bench.run(&command);
                        work() - before
                    })
                    .collect();
                let mean = costs.iter().sum::<u64>() / 20;
                assert!(mean < 10_000, "{change} costs {mean} bytes at {size}");
            }
        }
    }
}
