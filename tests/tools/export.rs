//! `forebay rdb json`: what the good dumps hold, as their descriptions say it; filters; odd bytes; broken input.

use crate::described::{bytes, same};
use crate::run::{command, corpus, name, rdb, rdb_with, sample};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::process::Stdio;

/// A value of the tool in the order of the descriptions, flattened to rows of bytes.
fn rows(line: &Json) -> Vec<Vec<Vec<u8>>> {
    let items = line["value"].as_array().expect("elements");
    let mut rows: Vec<Vec<Vec<u8>>> = match line["type"].as_str().expect("a type") {
        "list" | "set" => items.iter().map(|i| vec![bytes(i)]).collect(),
        "hash" => items
            .iter()
            .map(|i| vec![bytes(&i[0]), bytes(&i[1])])
            .collect(),
        other => panic!("{other}"),
    };
    if line["type"] != "list" {
        rows.sort();
    }
    rows
}

fn differs(wanted: &Json, line: &Json) -> Option<String> {
    for field in ["type", "expire_ms", "idle_s", "freq"] {
        let (a, b) = (&wanted[field], &line[field]);
        let module = field == "type" && line["type"] == "module";
        if a != b && !module {
            return Some(format!("{field} is {b} instead of {a}"));
        }
    }
    let value = &wanted["value"];
    let fine = match line["type"].as_str().expect("a type") {
        "string" => same(value, &bytes(&line["value"])),
        "list" | "set" | "hash" => {
            let rows = rows(line);
            match value.as_array() {
                None => value["count"] == rows.len(),
                Some(items) => {
                    items.len() == rows.len()
                        && items.iter().zip(&rows).all(|(item, row)| match row.len() {
                            1 => same(item, &row[0]),
                            _ => same(&item[0], &row[0]) && same(&item[1], &row[1]),
                        })
                }
            }
        }
        "zset" => {
            let number = |j: &Json| match j {
                Json::String(text) => text.parse::<f64>().expect("a score"),
                other => other.as_f64().expect("a score"),
            };
            let mut got: Vec<(f64, Vec<u8>)> = line["value"]
                .as_array()
                .expect("members")
                .iter()
                .map(|m| (number(&m[1]), bytes(&m[0])))
                .collect();
            got.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
            match value.as_array() {
                None => value["count"] == got.len(),
                Some(items) => {
                    items.len() == got.len()
                        && items.iter().zip(&got).all(|(item, (score, member))| {
                            same(&item[0], member) && number(&item[1]).to_bits() == score.to_bits()
                        })
                }
            }
        }
        "stream" => {
            let got = line["value"]["entries"].as_array().expect("entries");
            let groups = line["value"]["groups"].as_array().expect("groups");
            let entries = match value.as_array() {
                None => value["count"] == got.len(),
                Some(items) => {
                    items.len() == got.len()
                        && items.iter().zip(got).all(|(item, entry)| {
                            let fields = entry[1].as_array().expect("fields");
                            let flat: Vec<&Json> =
                                fields.iter().flat_map(|f| [&f[0], &f[1]]).collect();
                            let wanted = item[1].as_array().expect("fields");
                            item[0] == entry[0]
                                && wanted.len() == flat.len()
                                && wanted.iter().zip(flat).all(|(w, f)| same(w, &bytes(f)))
                        })
                }
            };
            let wanted = wanted["groups"].as_array().map_or(0, Vec::len);
            entries && groups.len() == wanted
        }
        _ => true,
    };
    (!fine).then(|| format!("value is {} instead of {value}", line["value"]))
}

#[test]
fn every_good_dump_gives_what_its_description_says() {
    let (mut keys, mut wrong) = (0, Vec::new());
    for path in corpus("good") {
        let file = name(&path);
        if file.contains("4.0-rc1-module") {
            continue;
        }
        let ran = rdb([std::ffi::OsStr::new("json"), path.as_os_str()]);
        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        let text = std::fs::read(path.with_extension("json")).expect("there");
        let wanted: Json = serde_json::from_slice(&text).expect("JSON");
        let mut lines: BTreeMap<(u64, Vec<u8>), Json> = BTreeMap::new();
        for line in ran.lines() {
            let db = line["db"].as_u64().expect("a database");
            assert!(lines.insert((db, bytes(&line["key"])), line).is_none());
        }
        for (db, described) in wanted["dbs"].as_object().expect("databases") {
            for key in described.as_array().expect("keys") {
                let db: u64 = db.parse().expect("a number");
                let Some(line) = lines.remove(&(db, bytes(&key["key"]))) else {
                    wrong.push(format!("{file}: {} is missing", key["key"]));
                    continue;
                };
                keys += 1;
                wrong.extend(differs(key, &line).map(|d| format!("{file}: {}: {d}", key["key"])));
            }
        }
        assert!(lines.is_empty(), "{file}: {:?}", lines.keys());
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
    assert!(keys > 3000, "{keys}");
}

#[test]
fn filters_leave_only_what_is_asked_for() {
    let file = sample("demo-redis-8.2.rdb");
    let file = file.to_str().expect("text");
    let lines = |options: &[&str]| {
        let ran = rdb(["json", file].iter().chain(options));
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.lines()
    };
    let all = lines(&["--no-values"]);
    assert_eq!(all.len(), 7932);
    assert!(all.iter().all(|l| l.get("value").is_none()));
    let users = lines(&["--key", "user:1?:name", "--db", "0"]);
    assert_eq!(users.len(), 10);
    assert!(users.iter().all(|l| l["type"] == "string"));
    let zsets = lines(&["--type", "zset", "--type", "stream"]);
    assert_eq!(zsets.len(), 4);
    assert_eq!(lines(&["--db", "7"]).len(), 2);
    let meta = lines(&["--meta", "--db", "99"]);
    assert!(
        meta.iter()
            .any(|l| l["aux"] == "redis-ver" && l["value"] == "8.2.3"),
        "{meta:?}"
    );
    assert!(meta.iter().any(|l| {
        l["function"]
            .as_str()
            .is_some_and(|f| f.starts_with("#!lua"))
    }));
    assert_eq!(rdb(["json", file, "--type", "tree"]).code, 2);
}

#[test]
fn threads_do_not_change_the_order() {
    let file = sample("redis-7.0-shop.rdb");
    let file = file.to_str().expect("text");
    let one = rdb(["json", file, "--threads", "1"]).out;
    assert_eq!(one, rdb(["json", file, "--threads", "5"]).out);
}

#[test]
fn bytes_that_are_no_text_come_as_base64() {
    let dump = b"REDIS0009\xfe\x00\x00\x02\xff\x00\x03a\n\"\xff\0\0\0\0\0\0\0\0";
    let ran = rdb_with(["json", "-"], dump);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let line = &ran.lines()[0];
    assert_eq!(line["key"]["b64"], "/wA=");
    assert_eq!(line["value"], "a\n\"");
}

#[test]
fn what_stands_before_and_behind_a_defect_is_exported_and_the_exit_code_tells() {
    let dump =
        b"REDIS0009\xfe\x00\x00\x01a\x01x\x02\x01s\x02\x01m\x01m\x00\x01b\x01x\xff\0\0\0\0\0\0\0\0";
    let ran = rdb_with(["json", "-"], dump);
    assert_eq!(ran.code, 1);
    let keys: Vec<_> = ran.lines().iter().map(|l| l["key"].clone()).collect();
    assert_eq!(keys, ["a", "b"]);
    assert!(ran.err.contains("key \"s\""), "{}", ran.err);
    let ran = rdb_with(["json", "-"], &dump[..22]);
    assert_eq!((ran.code, ran.lines().len()), (1, 1));
    assert!(ran.err.contains("the data ends here"), "{}", ran.err);
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let file = sample("demo-redis-8.2.rdb");
    let mut child = command([std::ffi::OsStr::new("json"), file.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
