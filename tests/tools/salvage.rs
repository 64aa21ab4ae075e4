//! `forebay rdb salvage`: what it writes is sound, and as much as there is.

use crate::run::{corpus, name, rdb, sample};
use crate::support::Builder;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

fn salvage(input: &Path, output: &Path) -> crate::run::Ran {
    rdb([OsString::from("salvage"), input.into(), output.into()])
}

fn check(file: &Path) -> serde_json::Value {
    let ran = rdb([OsString::from("check"), "--format=json".into(), file.into()]);
    assert!(ran.code <= 1, "{}", ran.err);
    ran.json()
}

/// A damaged copy of a sample, and what became of it.
fn damaged(
    sample_name: &str,
    damage: impl FnOnce(&mut Vec<u8>),
) -> (tempfile::TempDir, PathBuf, crate::run::Ran) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bytes = std::fs::read(sample(sample_name)).expect("there");
    damage(&mut bytes);
    let (input, output) = (dir.path().join("in.rdb"), dir.path().join("out.rdb"));
    std::fs::write(&input, bytes).expect("written");
    let ran = salvage(&input, &output);
    (dir, output, ran)
}

#[test]
fn a_sound_dump_comes_out_as_it_went_in() {
    let dir = tempfile::tempdir().expect("a folder");
    for file in [
        "redis-7.0-shop.rdb",
        "redis-2.4-small.rdb",
        "valkey-9.1-field-ttls.rdb",
        "redis-4.0-module-hellotype.rdb",
    ] {
        let output = dir.path().join(file);
        let ran = salvage(&sample(file), &output);
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        let same =
            std::fs::read(&output).expect("written") == std::fs::read(sample(file)).expect("there");
        assert!(same, "{file}");
    }
}

#[test]
fn whatever_the_damage_what_is_written_is_sound() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut written, mut outputs) = (0, Vec::new());
    for input in corpus("corrupt") {
        let output = dir.path().join(name(&input));
        let ran = salvage(&input, &output);
        assert!(
            ran.code <= 1 && !ran.err.contains("panicked"),
            "{}: {ran:?}",
            name(&input)
        );
        if output.exists() {
            written += 1;
            outputs.push(OsString::from(output));
        } else {
            assert_eq!(ran.code, 1, "{}", name(&input));
        }
    }
    let ran = rdb([OsString::from("check")].into_iter().chain(outputs));
    assert_eq!(ran.code, 0, "{}", ran.text());
    assert!(written > 400, "{written}");
}

#[test]
fn all_whole_keys_of_a_truncated_dump_are_kept() {
    let (_dir, output, ran) = damaged("redis-7.0-shop.rdb", |b| b.truncate(200_000));
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("the data ends here"), "{}", ran.text());
    let report = check(&output);
    assert_eq!(
        (&report["ok"], &report["checksum_verified"]),
        (&true.into(), &true.into())
    );
    assert!(report["keys"].as_u64().is_some_and(|n| n > 500), "{report}");
}

#[test]
fn bytes_destroyed_in_the_middle_cost_only_the_keys_that_stood_there() {
    for at in [60_000, 120_000, 180_000, 250_000] {
        for len in [1, 16, 700] {
            let (_dir, output, ran) = damaged("redis-7.0-shop.rdb", |b| b[at..at + len].fill(0xee));
            assert_eq!(ran.code, 1, "{ran:?}");
            let report = check(&output);
            let keys = report["keys"].as_u64().expect("a number");
            // One key may be large; beside it a few are lost.
            assert!(
                report["ok"] == true && keys > 2_562 - 40,
                "{at} {len}: {keys} {}",
                ran.text()
            );
        }
    }
}

#[test]
fn a_length_that_swallowed_what_follows_costs_one_key() {
    // Ten keys; the third one's value claims to be 20 bytes long instead of 1: it ends within the fifth.
    let mut dump = b"REDIS0009\xfe\x00".to_vec();
    for i in 0..20u8 {
        let len = if i == 3 { 20 } else { 1 };
        dump.extend_from_slice(&[0, 2, b'k', b'a' + i, len, b'v']);
    }
    dump.extend_from_slice(b"\xff\0\0\0\0\0\0\0\0");
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::write(&input, &dump).expect("written");
    let ran = salvage(&input, &output);
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = rdb([OsString::from("json"), "--no-values".into(), output.into()]);
    let keys: Vec<String> = ran
        .lines()
        .iter()
        .map(|l| l["key"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(keys.len(), 19, "{keys:?}");
    assert!(!keys.contains(&"kd".to_owned()), "{keys:?}");
}

#[test]
fn of_a_key_that_stands_twice_the_first_stays() {
    let dump = b"REDIS0009\xfe\x00\x00\x01a\x011\x00\x01b\x012\x00\x01a\x013\xff\0\0\0\0\0\0\0\0";
    let dir = tempfile::tempdir().expect("a folder");
    let (input, output) = (dir.path().join("in"), dir.path().join("out"));
    std::fs::write(&input, dump).expect("written");
    let ran = salvage(&input, &output);
    assert_eq!(ran.code, 1);
    assert!(
        ran.text()
            .contains("(key \"a\"): stands twice (first at byte 11)"),
        "{}",
        ran.text()
    );
    let lines = rdb([OsString::from("json"), output.into()]).lines();
    let values: Vec<_> = lines.iter().map(|l| l["value"].clone()).collect();
    assert_eq!(values, ["1", "2"]);
}

#[test]
fn a_wrong_checksum_alone_is_told() {
    let (_dir, output, ran) = damaged("redis-7.0-shop.rdb", |b| {
        let last = b.len() - 1;
        b[last] ^= 1;
    });
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the checksum was wrong"), "{}", ran.err);
    assert_eq!(check(&output)["ok"], true);
}

#[test]
fn what_is_no_dump_gives_no_output() {
    let dir = tempfile::tempdir().expect("a folder");
    for (bytes, says) in [
        (&b"save 60 1\n"[..], "not an RDB file"),
        (b"", "the data ends here"),
    ] {
        let (input, output) = (dir.path().join("in"), dir.path().join("out"));
        std::fs::write(&input, bytes).expect("written");
        let ran = salvage(&input, &output);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(says), "{}", ran.err);
        assert_eq!(std::fs::read_dir(dir.path()).expect("there").count(), 1);
    }
    let input = sample("redis-7.0-shop.rdb");
    assert_eq!(salvage(&input, &input).code, 2);
}

#[test]
fn a_server_loads_what_is_sound_when_it_is_told_to_and_leaves_the_file() {
    let (dir, output, ran) = damaged("redis-7.0-shop.rdb", |b| {
        b[70_000..70_002].fill(0xee);
        b.truncate(250_000);
    });
    assert_eq!(ran.code, 1);
    let input = dir.path().join("in.rdb");
    let (status, log) = Builder::forebay().dump(&input).start_failing();
    assert!(!status.success(), "{log}");
    let server = Builder::forebay()
        .config("rdb-load-salvage yes")
        .dump(&input)
        .start();
    let keys = check(&output)["keys"].as_i64().expect("a number");
    let mut client = server.client();
    let mut loaded = client.int("DBSIZE");
    client.ok("SELECT 1");
    loaded += client.int("DBSIZE");
    assert_eq!(loaded, keys);
    let log = server.log();
    assert!(
        log.contains("Left out: bytes 65096 to 85640 (key \"log\"): at byte "),
        "{log}"
    );
    assert!(log.contains("the data ends here"), "{log}");
    let (a, b) = (std::fs::read(&input), std::fs::read(server.dump_path()));
    assert!(
        a.expect("there") == b.expect("there"),
        "the file is left as it was"
    );
}
