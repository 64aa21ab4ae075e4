//! `forebay rdb check`: exit codes and what is told, on dumps that real servers wrote and on what is none.

use crate::run::{command, corpus, name, rdb, rdb_with, root, sample};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::Stdio;

/// One report per file, by name.
fn reports(folder: &str, options: &[&str]) -> BTreeMap<String, Json> {
    let files = corpus(folder);
    let mut args: Vec<std::ffi::OsString> = vec!["check".into(), "--format=json".into()];
    args.extend(options.iter().map(|o| o.into()));
    args.extend(files.iter().map(|f| f.as_os_str().to_owned()));
    let ran = rdb(args);
    assert!(ran.code <= 1, "{}", ran.err);
    let reports = ran.lines();
    assert_eq!(reports.len(), files.len());
    let named = files.iter().zip(reports);
    named.map(|(file, report)| (name(file), report)).collect()
}

#[test]
fn every_good_dump_is_sound_and_has_the_keys_that_its_description_says() {
    let (mut sound, mut refused) = (0, Vec::new());
    for (file, report) in reports("good", &[]) {
        let path = corpus("good")[0]
            .with_file_name(&file)
            .with_extension("json");
        let wanted: Json =
            serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON");
        // A module value without lengths: nobody without the module finds its end.
        if file.contains("4.0-rc1-module") {
            assert_eq!(report["ok"], false);
            continue;
        }
        if report["ok"] != true {
            refused.push(format!("{file}: {}", report["defects"]));
            continue;
        }
        let dbs = wanted["dbs"].as_object().expect("databases");
        let keys: usize = dbs
            .values()
            .map(|db| db.as_array().expect("keys").len())
            .sum();
        assert_eq!(report["keys"], keys, "{file}");
        assert_eq!(
            report["version"],
            wanted["magic"].as_str().unwrap_or_default(),
            "{file}"
        );
        sound += 1;
    }
    println!("{sound} sound; refused: {refused:#?}");
    assert!(sound > 200 && refused.is_empty(), "{refused:#?}");
}

#[test]
fn what_every_server_refuses_has_defects_and_what_every_server_loads_has_none() {
    let path = corpus("corrupt")[0].with_file_name("expect.json");
    let cases: Json = serde_json::from_slice(&std::fs::read(path).expect("there")).expect("JSON");
    let reports = reports("corrupt", &["--databases=16"]);
    let (mut wrong, mut refused, mut loaded) = (Vec::new(), 0, 0);
    for case in cases.as_array().expect("cases") {
        let file = case["file"].as_str().expect("a name");
        let (note, agreement) = (case["note"].as_str(), case["agreement"].as_str());
        let report = &reports[file];
        // Versions that are known here and were not to the servers that judged.
        let newer = ["the version is 13", "the magic of Valkey with version 81"];
        match (agreement.expect("text"), report["ok"] == true) {
            ("all refuse", true) if newer.contains(&note.unwrap_or_default()) => {}
            // Module data is a note: servers with the module load it.
            ("all refuse", true) if note.is_some_and(|n| n.contains("of a module")) => {
                assert!(
                    report["notes"][0]
                        .as_str()
                        .is_some_and(|n| n.contains("module"))
                );
            }
            ("all refuse", true) => wrong.push(format!("{file} ({note:?}) passes")),
            (a, false) if a.starts_with("all load") => {
                wrong.push(format!("{file} ({note:?}): {}", report["defects"]));
            }
            (_, ok) => *if ok { &mut loaded } else { &mut refused } += 1,
        }
        for defect in report["defects"].as_array().expect("defects") {
            let size = report["size"].as_u64().expect("a size");
            assert!(
                defect["offset"].as_u64().expect("an offset") <= size,
                "{file}"
            );
            assert!(!defect["what"].as_str().expect("text").is_empty());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 300 && loaded > 50, "{refused} {loaded}");
}

#[test]
fn a_defect_is_told_with_offset_key_and_what_was_read() {
    let bytes = std::fs::read(sample("redis-2.4-small.rdb")).expect("there");
    let ran = rdb_with(["check", "-"], &bytes[..400]);
    assert_eq!(ran.code, 1);
    let text = ran.text();
    assert!(text.starts_with("stdin: 1 defect\n  at byte "), "{text}");
    assert!(text.contains("reading "), "{text}");
    assert!(text.contains("the data ends here"), "{text}");
}

#[test]
fn a_key_that_stands_twice_is_told_with_both_places() {
    let twice = b"REDIS0009\xfe\x00\x00\x01a\x01x\x00\x01b\x01x\x00\x01a\x01y\xfe\x01\x00\x01a\x01z\xff\0\0\0\0\0\0\0\0";
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("twice.rdb");
    std::fs::write(&file, twice).expect("written");
    let ran = rdb(["check", file.to_str().expect("text")]);
    assert_eq!(ran.code, 1);
    let wanted = "at byte 21, reading record of key \"a\": appears twice (first at byte 11)";
    assert!(ran.text().contains(wanted), "{}", ran.text());
    // From a pipe the key cannot be read again, but it is found.
    let ran = rdb_with(["check", "-"], twice);
    assert_eq!(ran.code, 1);
    assert!(
        ran.text()
            .contains("at byte 21, reading record: appears twice"),
        "{}",
        ran.text()
    );
}

#[test]
fn all_defects_of_a_dump_are_told_not_only_the_first() {
    // Two sets with a member twice, between sound keys.
    let bytes = b"REDIS0009\xfe\x00\x00\x01a\x01x\x02\x01s\x02\x01m\x01m\x00\x01b\x01x\x02\x01t\x02\x01m\x01m\xff\0\0\0\0\0\0\0\0";
    let ran = rdb_with(["check", "--format=json", "-"], bytes);
    assert_eq!(ran.code, 1);
    let report = ran.json();
    assert_eq!(
        (&report["defects_total"], &report["keys"]),
        (&2.into(), &2.into())
    );
    assert_eq!(report["defects"][0]["key"], "s");
    assert_eq!(report["defects"][1]["key"], "t");
    let ran = rdb_with(["check", "--defects-max=1", "-"], bytes);
    assert!(ran.text().contains("... and 1 more"), "{}", ran.text());
}

#[test]
fn what_is_no_dump_is_told_as_what_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    };
    let text = at("text", b"maxmemory 100mb\nsave 60 1\n");
    let empty = at("empty", b"");
    let short = at("short", b"REDIS");
    let newer = at("newer", b"REDIS0099\xff\0\0\0\0\0\0\0\0");
    for (path, code, wanted) in [
        (text, 1, "not an RDB file"),
        (empty, 1, "the data ends here"),
        (short, 1, "the data ends here"),
        (newer, 1, "can't handle RDB format version REDIS0099"),
        (dir.path().join("none"), 2, "No such file or directory"),
        (dir.path().to_owned(), 2, "it is a directory"),
    ] {
        let ran = rdb([std::ffi::OsStr::new("check"), path.as_os_str()]);
        assert_eq!(ran.code, code, "{path:?} {ran:?}");
        assert!((ran.text() + &ran.err).contains(wanted), "{path:?} {ran:?}");
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }
    assert_eq!(rdb(["check"]).code, 2);
    assert_eq!(rdb(["no-such-tool"]).code, 2);
    let both = [dir.path().join("none"), sample("redis-7.0-shop.rdb")];
    let ran = rdb(["check".into(), both[0].clone(), both[1].clone()]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.text().contains("shop.rdb: ok"),
        "the others are checked all the same"
    );
}

#[test]
fn a_closed_pipe_is_no_error_message_and_leaves_the_exit_code() {
    let file = root().join("testdata/rdb/corrupt");
    let file = std::fs::read_dir(file)
        .expect("there")
        .next()
        .expect("one")
        .expect("one")
        .path();
    let mut child = command([std::ffi::OsStr::new("check"), file.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.code().is_some_and(|c| c <= 1), "{output:?}");
}
