//! What real servers write is read, and what is left of it is loaded by them.

use super::{Checker, aof, file_in};
use crate::support::{Builder, Client, Server, wait_until};
use std::fs;
use std::path::Path;

/// Those whose directories differ, or whose dumps do.
const WRITERS: [&str; 5] = [
    "redis-7.0",
    "redis-7.4",
    "redis-8.2",
    "redis-8.10",
    "valkey-9.1",
];

pub fn start(peer: &str, dir: &Path) -> Option<Server> {
    let server = Builder::peer(peer)?
        .config("appendonly yes")
        .config("aof-timestamp-enabled yes")
        .config("appendfsync no")
        .config(format!("dir {}", dir.display()))
        .start();
    Some(server)
}

fn fill(client: &mut Client) {
    client.ok("SET greeting hello");
    client.ok("SELECT 3");
    client.int("RPUSH list a b c");
    client.int("HSET hash f v g w");
    client.ok("MULTI");
    for line in ["SET inside 1", "INCR inside", "EXPIRE inside 100000"] {
        client.run(line);
    }
    client.run("EXEC");
    client.ok("SELECT 0");
}

/// Ends it as it likes to end, so that everything is in its files.
fn stop(mut server: Server) {
    let _ = server.client().try_cmd(&["SHUTDOWN", "NOSAVE"]);
    server.wait_exit();
}

#[test]
fn directories_of_real_servers_are_read_before_and_after_a_rewrite() {
    for peer in WRITERS {
        let dir = tempfile::tempdir().expect("a directory");
        let Some(server) = start(peer, dir.path()) else {
            continue;
        };
        let mut client = server.client();
        fill(&mut client);
        let log = dir.path().join("appendonlydir");
        let stat = aof(["stat".as_ref(), "--format=json".as_ref(), log.as_os_str()]).json();
        assert_eq!(stat["transactions"], 1, "{peer}: {stat}");
        assert_eq!(stat["commands"]["rpush"]["requests"], 1, "{peer}: {stat}");
        assert_eq!(stat["databases"]["3"]["requests"], 5, "{peer}: {stat}");
        assert!(stat["first_ms"].is_i64(), "{peer}: {stat}");

        client.run("BGREWRITEAOF");
        wait_until("the rewrite ends", || {
            let info = client.info("persistence");
            info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
        });
        client.ok("SET after rewrite");
        stop(server);
        let check = aof(["check".as_ref(), "--format=json".as_ref(), log.as_os_str()]);
        let report = check.json();
        assert_eq!(
            (check.code, &report["ok"]),
            (0, &true.into()),
            "{peer}: {report}"
        );
        assert_eq!(report["files"][0]["dump"]["keys"], 4, "{peer}: {report}");
        let lines = aof(["json".as_ref(), log.as_os_str()]).lines();
        let keys = lines.iter().filter_map(|line| line["key"].as_str());
        let mut keys: Vec<&str> = keys.collect();
        keys.sort_unstable();
        assert_eq!(keys, ["greeting", "hash", "inside", "list"], "{peer}");
        let last = lines.last().expect("there are lines");
        let request = last["request"].as_array().expect("a request");
        let words: Vec<&str> = request.iter().filter_map(|word| word.as_str()).collect();
        assert!(words[0].eq_ignore_ascii_case("set"), "{peer}: {last}");
        assert_eq!(words[1..], ["after", "rewrite"], "{peer}: {last}");
    }
}

#[test]
fn logs_of_one_file_are_read_with_and_without_a_dump() {
    for preamble in ["yes", "no"] {
        let Some(builder) = Builder::peer("redis-6.2") else {
            return;
        };
        let server = builder
            .config("appendonly yes")
            // A flush that is under way puts writes off.
            .config("appendfsync no")
            .config(format!("aof-use-rdb-preamble {preamble}"))
            .start();
        let mut client = server.client();
        fill(&mut client);
        client.run("BGREWRITEAOF");
        wait_until("the rewrite ends", || {
            let info = client.info("persistence");
            info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
        });
        client.ok("SET after rewrite");
        let file = server.dir().join("appendonly.aof");
        let ran = aof(["check".as_ref(), "--format=json".as_ref(), file.as_os_str()]);
        let report = ran.json();
        assert_eq!(report["ok"], true, "{preamble}: {report}");
        let keys = &report["files"][0]["dump"]["keys"];
        assert_eq!(keys.as_u64(), (preamble == "yes").then_some(4), "{report}");
        let lines = aof(["json".as_ref(), file.as_os_str()]).lines();
        let last = lines.last().expect("there are lines");
        assert_eq!(last["request"][1], "after", "{preamble}: {last}");
    }
}

#[test]
fn a_torn_end_is_cut_as_real_checkers_cut_it_and_set_aside() {
    let dir = tempfile::tempdir().expect("a directory");
    let Some(server) = start("redis-7.0", dir.path()) else {
        return;
    };
    fill(&mut server.client());
    stop(server);
    let log = dir.path().join("appendonlydir");
    let last = file_in(&log, ".incr.aof");
    let bytes = fs::read(&last).expect("a file");
    // Inside the transaction.
    let exec = bytes
        .windows(4)
        .rposition(|w| w.eq_ignore_ascii_case(b"exec"));
    let torn = &bytes[..exec.expect("a transaction") + 2];
    fs::write(&last, torn).expect("written");

    let theirs = dir.path().join("theirs.aof");
    fs::write(&theirs, torn).expect("written");
    let Some(checker) = Checker::of("redis-7.0") else {
        return;
    };
    checker.run(&["--fix".as_ref(), theirs.as_os_str()]);
    let kept = fs::read(&theirs).expect("a file");
    assert!(kept.len() < torn.len());

    let refused = aof(["fix".as_ref(), log.as_os_str()]);
    assert_eq!(
        refused.code, 2,
        "without an answer nothing is cut: {refused:?}"
    );
    assert_eq!(fs::read(&last).expect("a file"), torn);
    let fixed = aof(["fix".as_ref(), "--yes".as_ref(), log.as_os_str()]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    assert_eq!(fs::read(&last).expect("a file"), kept);
    let aside = file_in(&log, &format!(".cut-at-{}", kept.len()));
    assert_eq!(fs::read(aside).expect("a file"), torn[kept.len()..]);
    let again = aof(["fix".as_ref(), log.as_os_str()]);
    assert!(again.text().contains("nothing is wrong"), "{again:?}");
    let server = start("redis-7.0", dir.path()).expect("it was there");
    let mut client = server.client();
    assert_eq!(client.text("GET greeting"), "hello");
    client.ok("SELECT 3");
    assert_eq!(client.int("LLEN list"), 3);
    assert_eq!(client.int("EXISTS inside"), 0);
}

#[test]
fn only_the_last_file_is_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let request = "*1\r\n$4\r\nPING\r\n";
    fs::write(dir.path().join("a.1.incr.aof"), &request[..9]).expect("written");
    fs::write(dir.path().join("a.2.incr.aof"), request).expect("written");
    let manifest = "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n";
    fs::write(dir.path().join("a.manifest"), manifest).expect("written");
    let fixed = aof(["fix".as_ref(), "--yes".as_ref(), dir.path().as_os_str()]);
    assert_eq!(fixed.code, 1, "{fixed:?}");
    assert!(fixed.err.contains("it is not the last file"), "{fixed:?}");
    let first = fs::read(dir.path().join("a.1.incr.aof")).expect("a file");
    assert_eq!(first, request.as_bytes()[..9]);
}
