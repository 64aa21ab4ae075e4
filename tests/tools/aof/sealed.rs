//! Logs with seals: real servers and checkers pass over them, and damage to them is found.

use super::servers::start;
use super::{Checker, aof, copy_dir, file_in};
use crate::support::resp::request;
use ::aof::Sealer;
use std::fs;
use std::path::Path;

pub const ID: [u8; 40] = *b"c0ffee0123456789c0ffee0123456789c0ffee01";

/// A directory whose one increment is `batches`, each sealed: its offset is its number times 100, its time that many
/// seconds after `from_s`.
pub fn write(dir: &Path, from_s: u64, batches: &[Vec<Vec<&str>>]) {
    write_as(dir, &ID, 100, from_s, batches);
}

/// As [`write`], of a server with this id, whose batches have this many bytes of the stream.
pub fn write_as(dir: &Path, id: &[u8; 40], step: u64, from_s: u64, batches: &[Vec<Vec<&str>>]) {
    let (mut file, mut sealer) = (Vec::new(), Sealer::new());
    sealer.seal(id, 0, from_s * 1000, &mut file);
    for (number, batch) in (1..).zip(batches) {
        let bytes: Vec<u8> = batch.iter().flat_map(|words| request(words)).collect();
        sealer.update(&bytes);
        file.extend_from_slice(&bytes);
        sealer.seal(id, number * step, (from_s + number) * 1000, &mut file);
    }
    fs::create_dir_all(dir).expect("a directory");
    let name = "appendonly.aof.1.incr.aof";
    fs::write(dir.join(name), file).expect("written");
    let manifest = format!("file {name} seq 1 type i\n");
    fs::write(dir.join("appendonly.aof.manifest"), manifest).expect("written");
}

pub fn batches() -> Vec<Vec<Vec<&'static str>>> {
    vec![
        vec![vec!["SELECT", "0"], vec!["SET", "a", "1"]],
        vec![
            vec!["MULTI"],
            vec!["INCR", "a"],
            vec!["SET", "b", "x"],
            vec!["EXEC"],
        ],
        vec![vec!["APPEND", "b", "y"], vec!["INCR", "a"]],
    ]
}

#[test]
fn real_servers_and_checkers_pass_over_seals() {
    for peer in [
        "redis-7.0",
        "redis-7.4",
        "redis-8.2",
        "redis-8.10",
        "valkey-9.1",
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("appendonlydir");
        write(&log, 1_795_945_700, &batches());
        if ["redis-7.0", "redis-8.2", "valkey-9.1"].contains(&peer) {
            let Some(checker) = Checker::of(peer) else {
                continue;
            };
            let said = checker.check(&file_in(&log, ".manifest"));
            assert!(said.valid, "{peer}: {said:?}");
        }
        let Some(server) = start(peer, dir.path()) else {
            continue;
        };
        let mut client = server.client();
        assert_eq!(client.text("GET a"), "3", "{peer}");
        assert_eq!(client.text("GET b"), "xy", "{peer}");
        // What it appends has no seal, and is read all the same.
        client.ok("SET by another");
        let check = aof(["check".as_ref(), "--format=json".as_ref(), log.as_os_str()]).json();
        assert_eq!(check["ok"], true, "{peer}: {check}");
        assert_eq!(check["files"][0]["seals"], 4, "{peer}: {check}");
    }
}

#[test]
fn damage_in_the_middle_is_told_from_a_torn_end_and_not_cut_off() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, copy) = (dir.path().join("log"), dir.path().join("copy"));
    write(&log, 1_795_945_700, &batches());
    copy_dir(&log, &copy);
    let path = file_in(&copy, ".incr.aof");
    let mut bytes = fs::read(&path).expect("a file");
    let value = bytes.windows(9).position(|w| w == b"\r\n$1\r\n1\r\n");
    bytes[value.expect("the value of a") + 6] = b'7';
    fs::write(&path, &bytes).expect("written");
    let check = aof(["check".as_ref(), "--format=json".as_ref(), copy.as_os_str()]).json();
    let file = &check["files"][0];
    let what = file["what"].as_str().expect("a reason");
    assert!(what.contains("the batch before this seal"), "{check}");
    assert!(file["sound_after"].is_u64(), "{check}");
    let fixed = aof(["fix".as_ref(), "--yes".as_ref(), copy.as_os_str()]);
    assert_eq!(fixed.code, 1, "{fixed:?}");
    assert_eq!(fs::read(&path).expect("a file"), bytes);

    // In the last batch nothing tells it from a torn end.
    copy_dir(&log, &copy);
    let mut bytes = fs::read(&path).expect("a file");
    let value = bytes.windows(8).rposition(|w| w == b"$1\r\ny\r\n*");
    bytes[value.expect("what is appended to b") + 4] = b'z';
    fs::write(&path, &bytes).expect("written");
    let fixed = aof(["fix".as_ref(), "--yes".as_ref(), copy.as_os_str()]);
    assert_eq!(fixed.code, 0, "{fixed:?}");
    let stat = aof(["stat".as_ref(), "--format=json".as_ref(), copy.as_os_str()]).json();
    assert_eq!(stat["seals"]["last_offset"], 200, "{stat}");
    assert_eq!(
        stat["commands"]["append"],
        serde_json::Value::Null,
        "{stat}"
    );
}
