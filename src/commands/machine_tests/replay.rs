//! `engine::replay` with the commands of all families.

use crate::testing::Bench;
use base::Rng;
use engine::replay::{Known, NotHere, Order, Replay};

/// Runs requests as those of one file.
fn replay(bench: &mut Bench, requests: &[&str]) -> (Replay, Result<(), NotHere>) {
    let mut replay = Replay::new(&bench.engine);
    let result = requests.iter().try_for_each(|line| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let hasher = bench.engine.keyspace.hasher();
        let known = Known::of(&words, words.len(), &hasher);
        replay.run(&mut bench.engine, &words, &known)
    });
    (replay, result)
}

#[test]
fn requests_run_again_in_their_databases_and_are_committed_nowhere() {
    let mut bench = Bench::new();
    let file = [
        "SET a 1",
        "INCR a",
        "SELECT 3",
        "RPUSH list x y",
        "BLPOP none 0",
    ];
    let (ran, result) = replay(&mut bench, &file);
    assert_eq!((result, ran.failures().0), (Ok(()), 0));
    assert_eq!(bench.effects(), "");
    bench.check(&[("GET a", "\"2\""), ("SELECT 3", "+OK"), ("LLEN list", ":2")]);
    // The next file begins in database 0 again.
    let (_, result) = replay(&mut bench, &["SET b 1"]);
    assert_eq!(result, Ok(()));
    bench.check(&[("EXISTS b", ":0"), ("SELECT 0", "+OK"), ("EXISTS b", ":1")]);
    bench.run("SET c 1");
    assert_eq!(bench.effects(), "SET c 1", "nothing was left over");
}

#[test]
fn a_transaction_runs_at_its_end_or_not_at_all() {
    let mut bench = Bench::new();
    let file = [
        "SET a 1", "MULTI", "INCR a", "INCR a", "EXEC", "MULTI", "INCR a",
    ];
    let (_, result) = replay(&mut bench, &file);
    assert_eq!(result, Ok(()));
    bench.check(&[("GET a", "\"3\"")]);
    assert_eq!(bench.effects(), "");
}

#[test]
fn what_has_expired_is_alive_until_the_log_deletes_it() {
    let mut bench = Bench::new();
    let file = [
        "SET a 1 PXAT 5",
        "APPEND a 2",
        "SET b 1 PXAT 5",
        "PERSIST b",
    ];
    let (_, result) = replay(&mut bench, &file);
    assert_eq!(result, Ok(()));
    bench.check(&[
        ("GET b", "\"1\""),
        ("DBSIZE", ":2"),
        ("GET a", "nil"),
        ("DBSIZE", ":1"),
    ]);
}

#[test]
fn what_cannot_be_run_here_ends_the_load_and_what_fails_is_counted() {
    let mut bench = Bench::new();
    let (_, result) = replay(&mut bench, &["SET a 1", "NO.SUCH a", "SET b 1"]);
    assert_eq!(result, Err(NotHere::Command("NO.SUCH".into())));
    bench.check(&[("DBSIZE", ":1")]);
    let (_, result) = replay(&mut bench, &["SELECT 99", "SET b 1"]);
    assert_eq!(result, Err(NotHere::Database));
    let (ran, result) = replay(&mut bench, &["LPUSH a x", "INCR a"]);
    assert_eq!(result, Ok(()));
    let (failed, first) = ran.failures();
    assert_eq!(failed, 1);
    assert!(
        first.is_some_and(|text| text.starts_with("WRONGTYPE")),
        "{first:?}"
    );
    bench.check(&[("GET a", "\"2\"")]);
}

/// A request that a log could hold: mostly for one key, which is one of a few.
fn drawn(rng: &mut Rng) -> String {
    let mut below = |n| rng.below(n);
    let (a, b, n) = (below(40), below(40), below(1000));
    match below(26) {
        0..4 => format!("SET s{a} {n}"),
        4 => format!("APPEND s{a} {n}"),
        5..8 => format!("RPUSH l{a} {n}"),
        8 => format!("LPOP l{a}"),
        9..11 => format!("HSET h{a} f{b} {n}"),
        11 => format!("HDEL h{a} f{b}"),
        12..14 => format!("ZADD z{a} {n} m{b}"),
        14 => format!("XADD x{a} {n}-{b} f v"),
        15 => format!("XGROUP CREATE x{a} g{n} 0 MKSTREAM"),
        16 => format!("PEXPIREAT s{a} {}", 4_000_000_000_000_u64 + n),
        17 => format!("DEL l{a}"),
        18 => format!("DEL s{a} h{b}"),
        19 => format!("INCR l{a}"),
        20 => format!("RENAME s{a} l{b}"),
        21 => format!("SUNIONSTORE u{a} u{b} v{b}"),
        22 => format!("SADD u{a} {n} {b}"),
        23 => format!("MOVE s{a} {}", b % 3),
        24 => format!("SELECT {}", b % 3),
        _ => "MULTI".to_owned(),
    }
}

/// A log: transactions that begin end, but the last one may not.
fn drawn_log(rng: &mut Rng, len: usize) -> Vec<String> {
    let mut log = Vec::new();
    while log.len() < len {
        match drawn(rng) {
            request if request == "MULTI" => {
                log.push(request);
                for _ in 0..rng.below(5) {
                    let inner = drawn(rng);
                    log.extend((inner != "MULTI").then_some(inner));
                }
                log.push("EXEC".to_owned());
            }
            request => log.push(request),
        }
    }
    log
}

#[test]
fn requests_that_were_sorted_make_the_same_dataset() {
    let mut sorted_any = false;
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut log = drawn_log(&mut rng, 4000);
        // Nothing is moved across a request for several keys. With all of them there is little to sort, so some logs
        // have few of them, and some none.
        let several = ["RENAME", "SUNIONSTORE", "SELECT", "DEL s"];
        let one_of = [1, 1_000_000, 30, 1_000_000][seed as usize % 4];
        log.retain(|line| {
            let is_one = several.iter().any(|name| line.starts_with(name));
            !is_one || rng.below(one_of) == 0
        });
        let lines: Vec<&str> = log.iter().map(String::as_str).collect();
        let mut plain = debuggable();
        let (ran, result) = replay(&mut plain, &lines);
        assert_eq!(result, Ok(()));

        let mut bench = debuggable();
        let hasher = bench.engine.keyspace.hasher();
        let (mut replay, mut order) = (Replay::new(&bench.engine), Order::default());
        let mut rest = &lines[..];
        while !rest.is_empty() {
            let (window, after) = rest.split_at((rng.below(2000) as usize + 1).min(rest.len()));
            rest = after;
            let words: Vec<Vec<&[u8]>> = window
                .iter()
                .map(|line| line.split(' ').map(str::as_bytes).collect())
                .collect();
            let known: Vec<Known> = words
                .iter()
                .map(|words| Known::of(words, words.len(), &hasher))
                .collect();
            let movable = match rng.below(3) {
                0 => rng.below(window.len() as u64 + 1) as usize,
                _ => window.len(),
            };
            let places = order.of(&known, movable);
            sorted_any |= !places.is_sorted();
            for &place in places {
                let place = place as usize;
                let ran = replay.run(&mut bench.engine, &words[place], &known[place]);
                assert_eq!(ran, Ok(()));
            }
        }
        // What fails within a transaction is counted only where its requests run by themselves.
        assert!(replay.failures().0 >= ran.failures().0, "seed {seed}");
        let digest = plain.run("DEBUG DIGEST");
        assert!(digest.starts_with('+'), "{digest}");
        assert_eq!(bench.run("DEBUG DIGEST"), digest, "seed {seed}");
    }
    assert!(sorted_any);
}

fn debuggable() -> Bench {
    Bench::with(config::Config {
        enable_debug_command: config::choices::Protection::Yes,
        ..config::Config::default()
    })
}
