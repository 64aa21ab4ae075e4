//! `engine::replay` with the commands of all families.

use crate::testing::Bench;
use engine::KeyHint;
use engine::replay::{NotHere, Replay};

/// Runs requests as those of one file.
fn replay(bench: &mut Bench, requests: &[&str]) -> (Replay, Result<(), NotHere>) {
    let mut replay = Replay::new(&bench.engine);
    let result = requests.iter().try_for_each(|line| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        replay.run(&mut bench.engine, &words, KeyHint::default())
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
