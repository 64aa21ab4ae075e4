//! `forebay rdb stat`: counts that add up, in every form.

use crate::run::{corpus, name, rdb, rdb_with, sample};
use serde_json::Value as Json;

fn stat(file: &std::path::Path, form: &str) -> crate::run::Ran {
    let form = format!("--format={form}");
    rdb([
        std::ffi::OsStr::new("stat"),
        form.as_ref(),
        file.as_os_str(),
    ])
}

fn sum(rows: &Json, of: &str) -> u64 {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|r| r[of].as_u64().expect("a number")).sum()
}

#[test]
fn the_counts_of_every_good_dump_add_up_to_those_of_its_description() {
    for path in corpus("good") {
        let file = name(&path);
        if file.contains("4.0-rc1-module") {
            continue;
        }
        let ran = stat(&path, "json");
        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        let got = ran.json();
        let text = std::fs::read(path.with_extension("json")).expect("there");
        let wanted: Json = serde_json::from_slice(&text).expect("JSON");
        let keys: Vec<&Json> = wanted["dbs"]
            .as_object()
            .expect("databases")
            .values()
            .flat_map(|db| db.as_array().expect("keys"))
            .collect();
        let total = &got["total"];
        assert_eq!(total["keys"], keys.len(), "{file}");
        let expiring = keys.iter().filter(|k| !k["expire_ms"].is_null()).count();
        assert_eq!(total["expires"], expiring, "{file}");
        for part in ["databases", "types", "encodings", "prefixes"] {
            assert_eq!(sum(&got[part], "keys"), keys.len() as u64, "{file} {part}");
            assert_eq!(
                sum(&got[part], "bytes"),
                total["bytes"].as_u64().unwrap(),
                "{file} {part}"
            );
        }
        assert_eq!(sum(&got["sizes"], "keys"), keys.len() as u64, "{file}");
        for row in got["encodings"].as_array().expect("rows") {
            assert_ne!(row["encoding"], "other", "{file}");
        }
        for (rdb_type, n) in wanted["types"].as_object().into_iter().flatten() {
            let rows = got["encodings"].as_array().expect("rows").iter();
            let number: u64 = rdb_type.parse().expect("a number");
            let of_type = rows.filter(|r| r["rdb_type"] == number);
            let keys: u64 = of_type.map(|r| r["keys"].as_u64().expect("a number")).sum();
            assert_eq!(Some(keys), n.as_u64(), "{file}: type {rdb_type}");
        }
    }
}

#[test]
fn a_dump_of_a_shop_is_told_in_text_and_as_a_page() {
    let file = sample("demo-redis-8.2.rdb");
    let text = stat(&file, "text").text();
    for part in [
        "7,932 in 3 databases",
        "hash, listpack",
        "ranking:visits",
        "user:#:",
        "Redis 8.2.3",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = stat(&file, "html").text();
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("<svg class=\"map\"") && page.matches("<svg").count() >= 5);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    // It needs nothing from elsewhere.
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("src="));
}

#[test]
fn names_of_keys_cannot_break_the_page() {
    let key = b"<script>alert(1)</script>";
    let mut dump = b"REDIS0009\xfe\x00\x00".to_vec();
    dump.push(key.len() as u8);
    dump.extend_from_slice(key);
    dump.extend_from_slice(b"\x01v\xff\0\0\0\0\0\0\0\0");
    let ran = rdb_with(["stat", "--format=html", "-"], &dump);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.text().contains("<script"), "{}", ran.text());
}

#[test]
fn a_broken_dump_is_counted_as_far_as_it_goes_and_says_so() {
    let bytes = std::fs::read(sample("redis-7.0-shop.rdb")).expect("there");
    let ran = rdb_with(["stat", "--format=json", "-"], &bytes[..bytes.len() / 2]);
    assert_eq!(ran.code, 1);
    let got = ran.json();
    assert_eq!(got["complete"], false);
    assert!(
        got["total"]["keys"].as_u64().is_some_and(|n| n > 100),
        "{}",
        got["total"]
    );
    assert!(ran.err.contains("the data ends here"), "{}", ran.err);
    let ran = rdb_with(["stat", "-"], b"");
    assert_eq!(ran.code, 1);
    assert_eq!(rdb(["stat", "/nowhere/to/be/found"]).code, 2);
}
