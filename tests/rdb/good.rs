//! Every good file gives what its JSON says.

use serde_json::Value as Json;

use forebay::rdb::crc64::crc64;
use forebay::rdb::{ErrorKind, Frame, Scanner, Step};

use crate::dataset::{Content, Dataset, Options, load, load_with};
use crate::{expect, files};

const ALL: Options = Options {
    databases: 16,
    take_modules: true,
};

fn manifest(path: &std::path::Path) -> Json {
    let json = std::fs::read(path.with_extension("json")).expect("a JSON file stands beside");
    serde_json::from_slice(&json).expect("JSON")
}

fn differences(json: &Json, data: &Dataset) -> Vec<String> {
    let mut out = Vec::new();
    let dbs = json["dbs"].as_object().expect("databases");
    let keys: usize = data.dbs.values().map(|db| db.len()).sum();
    let wanted: usize = dbs
        .values()
        .map(|db| db.as_array().expect("keys").len())
        .sum();
    if keys != wanted {
        out.push(format!("{keys} keys instead of {wanted}"));
    }
    for (db, wanted) in dbs {
        let got = &data.dbs[&db.parse().expect("a number")];
        for json in wanted.as_array().expect("keys") {
            let key = crate::described::bytes(&json["key"]);
            let name = String::from_utf8_lossy(&key).into_owned();
            match got.get(&key) {
                None => out.push(format!("key {name:?} is missing")),
                Some(value) => out.extend(
                    expect::compare(json, value)
                        .err()
                        .map(|e| format!("key {name:?}: {e}")),
                ),
            }
        }
    }
    let aux: Vec<(Vec<u8>, Vec<u8>)> = json["aux"]
        .as_array()
        .map(|aux| {
            aux.iter()
                .map(|a| {
                    (
                        crate::described::bytes(&a[0]),
                        crate::described::bytes(&a[1]),
                    )
                })
                .collect()
        })
        .unwrap_or_default();
    if aux != data.aux {
        out.push("auxiliary fields differ".into());
    }
    let sorted = |mut codes: Vec<Vec<u8>>| {
        codes.sort();
        codes
    };
    if let Some(functions) = json["functions"].as_array() {
        let codes = functions
            .iter()
            .map(|f| crate::described::bytes(&f["code"]))
            .collect();
        if json.get("functions_rc").is_none() && sorted(codes) != sorted(data.functions.clone()) {
            out.push("functions differ".into());
        }
    }
    let count = |field: &str| json.get(field).and_then(Json::as_array).map_or(0, Vec::len);
    if (
        count("functions_rc"),
        count("slot_info"),
        count("slot_imports"),
        count("module_aux"),
    ) != (
        data.pre_ga_functions,
        data.slot_info.len(),
        data.slot_imports.len(),
        data.modules_aux,
    ) {
        out.push("functions of release candidates, slots or module data differ".into());
    }
    out
}

#[test]
fn every_good_file_holds_what_its_description_says() {
    let mut failed = Vec::new();
    let mut compared = 0;
    for path in files("good") {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        match load_with(&bytes, ALL) {
            // The release candidates of 4.0 wrote module values that cannot be skipped.
            Err(e) if name == "redis-4.0-rc1-module-hellotype.rdb" => {
                assert_eq!(
                    (e.kind, e.key.as_deref()),
                    (ErrorKind::UnreadableType(6), Some(&b"hello"[..]))
                );
                compared += 1;
            }
            Err(e) => failed.push(format!("{name}: {e}")),
            Ok(data) => {
                let json = manifest(&path);
                assert_eq!(json["magic"], data.version.expect("a header").to_string());
                assert_eq!(data.left_over, 0, "{name}");
                failed.extend(
                    differences(&json, &data)
                        .into_iter()
                        .map(|d| format!("{name}: {d}")),
                );
                compared += 1;
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} differences:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(compared > 200, "only {compared} files compared");
}

#[test]
fn module_values_are_refused_by_name_unless_they_are_taken() {
    for path in files("good")
        .into_iter()
        .filter(|p| p.to_string_lossy().contains("vectors"))
    {
        let error = load(&std::fs::read(&path).expect("readable")).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Module(id) if id.name().as_str() == "vectorset"),
            "{error}"
        );
        assert!(error.key.is_some() && error.to_string().contains("'vectorset'"));
    }
}

#[test]
fn every_prefix_of_the_small_files_is_refused() {
    for path in files("good")
        .into_iter()
        .filter(|p| p.to_string_lossy().contains("small"))
    {
        let bytes = std::fs::read(&path).expect("readable");
        for cut in 0..bytes.len() {
            let error = load_with(&bytes[..cut], ALL).expect_err("a prefix is no file");
            assert_eq!(
                error.kind,
                ErrorKind::Truncated,
                "{} cut at {cut}: {error}",
                path.display()
            );
            assert!(error.offset <= cut as u64);
        }
    }
}

#[test]
fn a_window_that_grows_byte_by_byte_gives_the_same_frames() {
    for path in files("good")
        .into_iter()
        .filter(|p| p.to_string_lossy().contains("-small.rdb"))
    {
        let bytes = std::fs::read(&path).expect("readable");
        let (mut whole, mut slow) = (Scanner::new(), Scanner::new());
        let (mut at, mut end) = (0, 0);
        loop {
            let Step::Frame { frame, consumed } = whole.next(&bytes[at..]).expect("sound") else {
                panic!("whole")
            };
            let again = loop {
                match slow.next(&bytes[at..end]).expect("sound") {
                    Step::Frame {
                        frame,
                        consumed: also,
                    } => {
                        assert_eq!(also, consumed);
                        break frame;
                    }
                    Step::NeedMore { at_least } => {
                        assert!(
                            at_least > (end - at) as u64 && at_least <= consumed as u64,
                            "{}",
                            path.display()
                        );
                        end += 1;
                    }
                }
            };
            assert_eq!(again, frame);
            at += consumed;
            if let Frame::Eof { checksum, covered } = frame {
                assert!(checksum.is_none_or(|c| c == 0 || c == crc64(&bytes[..covered as usize])));
                break;
            }
        }
    }
}

#[test]
fn flipped_bits_and_random_bytes_in_small_files_never_panic() {
    let mut state = 0x1234_5678_9abc_def0u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for path in files("good")
        .into_iter()
        .filter(|p| p.to_string_lossy().contains("-small"))
    {
        let bytes = std::fs::read(&path).expect("readable");
        for _ in 0..150 {
            let mut broken = bytes.clone();
            for _ in 0..1 + random() % 3 {
                let at = 9 + (random() as usize) % (broken.len() - 9);
                broken[at] = if random() % 2 == 0 {
                    broken[at] ^ 1 << (random() % 8)
                } else {
                    random() as u8
                };
            }
            let _ = load_with(&broken, ALL);
        }
    }
}

/// The samples that come with the project.
fn sample(name: &str) -> Dataset {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("rdb-samples")
        .join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    load_with(&bytes, ALL).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_sample_loads() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rdb-samples");
    let names = std::fs::read_dir(&dir)
        .expect("readable")
        .map(|e| e.expect("entry").file_name());
    let mut samples = 0;
    for name in names
        .filter_map(|n| n.into_string().ok())
        .filter(|n| n.ends_with(".rdb"))
    {
        assert!(!sample(&name).dbs.is_empty(), "{name}");
        samples += 1;
    }
    assert!(samples >= 15, "{samples}");
}

#[test]
fn the_same_commands_give_the_same_dataset_from_both_families() {
    let (redis, valkey) = (sample("demo-redis-8.2.rdb"), sample("demo-valkey-9.1.rdb"));
    assert_eq!(redis.functions, valkey.functions);
    assert!(
        redis.dbs.keys().eq(&[0, 1, 7])
            && redis.dbs.values().map(|db| db.len()).sum::<usize>() > 7_000
    );
    for (db, keys) in &redis.dbs {
        assert!(keys.keys().eq(valkey.dbs[db].keys()));
        for (key, value) in keys {
            let other = &valkey.dbs[db][key];
            // Consumers and pending entries carry the time of the run.
            let same = match (&value.content, &other.content) {
                (Content::Stream(a), Content::Stream(b)) => {
                    a.entries == b.entries && a.last_id == b.last_id
                }
                (a, b) => a == b,
            };
            assert!(
                same && value.expire_ms == other.expire_ms,
                "{}",
                String::from_utf8_lossy(key)
            );
        }
    }
}
