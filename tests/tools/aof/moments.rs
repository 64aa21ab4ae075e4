//! `forebay aof restore`: real servers start with the copy and have the dataset of then.

use super::sealed::{batches, write, write_as};
use super::servers::start;
use super::{aof, file_in};
use crate::support::{Client, wait_until};
use std::fs;
use std::path::Path;

const FROM_S: u64 = 1_795_945_700;

fn restore(until: &str, from: &Path, to: &Path) -> crate::run::Ran {
    let args = ["restore".as_ref(), "--until".as_ref(), until.as_ref()];
    aof(args.into_iter().chain([from.as_os_str(), to.as_os_str()]))
}

#[test]
fn a_sealed_log_goes_back_to_an_offset_or_a_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    write(&log, FROM_S, &batches());
    let time = |s: u64, part: &str| format!("@{}{part}", FROM_S + s);
    for (until, a, b) in [
        ("0".to_owned(), None, None),
        ("100".to_owned(), Some("1"), None),
        ("299".to_owned(), Some("2"), Some("x")),
        ("300".to_owned(), Some("3"), Some("xy")),
        (time(1, ".999"), Some("1"), None),
        (time(2, ""), Some("2"), Some("x")),
        (time(1000, ""), Some("3"), Some("xy")),
    ] {
        let home = tempfile::tempdir().expect("a directory");
        let ran = restore(&until, &log, &home.path().join("appendonlydir"));
        assert_eq!(ran.code, 0, "{until}: {ran:?}");
        let Some(server) = start("redis-7.0", home.path()) else {
            return;
        };
        let mut client = server.client();
        let mut get = |key: &str| client.cmd(&["GET", key]).text().map(str::to_owned);
        assert_eq!(
            (get("a").as_deref(), get("b").as_deref()),
            (a, b),
            "{until}"
        );
    }
    let out = dir.path().join("out");
    let early = restore(&time(0, ".000"), &log, &out);
    assert_eq!(early.code, 0, "the first moment of the log: {early:?}");
    let again = restore("100", &log, &out);
    assert_eq!(again.code, 2, "nothing is overwritten: {again:?}");
}

/// The seals of a server that never had a replica have no place in a history.
#[test]
fn a_log_without_offsets_goes_back_to_times_only() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, out) = (dir.path().join("log"), dir.path().join("out"));
    write_as(&log, &[b'0'; 40], 0, FROM_S, &batches());
    let offset = restore("100", &log, &out);
    assert_eq!(offset.code, 1, "{offset:?}");
    assert!(offset.err.contains("tells no offsets"), "{offset:?}");
    assert!(!out.exists());
    let time = restore(&format!("@{}", FROM_S + 1), &log, &out);
    assert_eq!(time.code, 0, "{time:?}");
}

/// The server writes in another second than the one at which it wrote before.
fn next_second(client: &mut Client) -> u64 {
    let second = |client: &mut Client| -> u64 {
        let time = client.run("TIME");
        let seconds = time.items().and_then(|items| items[0].text());
        seconds.and_then(|text| text.parse().ok()).expect("a time")
    };
    let now = second(client);
    wait_until("the next second", || second(client) > now);
    now + 1
}

#[test]
fn a_log_of_a_real_server_goes_back_to_a_second() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(server) = start("redis-7.0", dir.path()) else {
        return;
    };
    let mut client = server.client();
    let before_all = next_second(&mut client) - 10;
    client.ok("SET step one");
    let first = next_second(&mut client) - 1;
    client.ok("SET step two");
    next_second(&mut client);
    client.ok("SET step three");
    let log = dir.path().join("appendonlydir");
    for (until, step) in [(first, "one"), (first + 100, "three")] {
        let home = tempfile::tempdir().expect("a directory");
        let ran = restore(
            &format!("@{until}"),
            &log,
            &home.path().join("appendonlydir"),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let server = start("redis-7.0", home.path()).expect("it was there");
        assert_eq!(server.client().text("GET step"), step);
    }
    let home = tempfile::tempdir().expect("a directory");
    let early = restore(&format!("@{before_all}"), &log, &home.path().join("x"));
    assert_eq!(early.code, 1, "{early:?}");
    assert!(early.err.contains("reaches back to"), "{early:?}");
    assert!(!home.path().join("x").exists());
    let offset = restore("100", &log, &home.path().join("x"));
    assert!(offset.err.contains("tells no offsets"), "{offset:?}");
}

#[test]
fn a_torn_log_goes_back_to_what_is_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    write(&log, FROM_S, &batches());
    let path = file_in(&log, ".incr.aof");
    let bytes = fs::read(&path).expect("a file");
    fs::write(&path, &bytes[..bytes.len() - 3]).expect("written");
    let out = dir.path().join("out");
    let ran = restore("300", &log, &out);
    assert_eq!(ran.code, 0, "{ran:?}");
    let check = aof(["check".as_ref(), "--format=json".as_ref(), out.as_os_str()]).json();
    assert_eq!(check["ok"], true, "{check}");
    assert_eq!(check["files"][0]["seals"], 3, "{check}");
}
