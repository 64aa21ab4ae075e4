//! Files and manifests of every kind of damage, beside real checkers.

use super::{Checker, Said, aof};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CHECKERS: [&str; 3] = ["redis-7.0", "redis-8.2", "valkey-9.1"];

fn log() -> Vec<u8> {
    b"#TS:1795945707\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$1\r\nz\r\n$2\r\n12\r\n\
      *1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nz\r\n*1\r\n$4\r\nEXEC\r\n# of nobody\r\n*1\r\n$4\r\nPING\r\n"
        .to_vec()
}

/// Whether a file is sound, and up to which byte.
fn ours(path: &Path) -> (bool, u64, String) {
    let ran = aof(["check".as_ref(), "--format=json".as_ref(), path.as_os_str()]);
    let report = ran.json();
    let file = &report["files"][0];
    let ok = report["ok"] == true;
    assert_eq!(ran.code, i32::from(!ok), "{report}");
    let size = file["size"].as_u64().expect("a size");
    let whole = file["whole_up_to"].as_u64().unwrap_or(size);
    (ok, whole, report.to_string())
}

fn compare(said: &Said, path: &Path, what: &str) {
    let (ok, whole, report) = ours(path);
    assert_eq!(
        (ok, whole),
        (said.valid, said.whole()),
        "{what}: {report}\n{said:?}"
    );
}

#[test]
fn a_file_cut_at_any_byte_is_judged_as_real_checkers_judge_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.aof");
    for peer in CHECKERS {
        let Some(checker) = Checker::of(peer) else {
            continue;
        };
        let whole = log();
        // A checker that sees nothing at all refuses to look; after every second byte is enough for the later ones.
        for cut in (1..=whole.len()).filter(|cut| peer == "redis-7.0" || cut % 5 == 0) {
            let torn = &whole[..cut];
            fs::write(&path, torn).expect("written");
            let line = torn
                .iter()
                .rposition(|&b| b == b'\n')
                .map_or(0, |at| at + 1);
            if torn.get(line) == Some(&b'#') {
                // Real servers take it for whole, append to it, and cannot read the file afterwards.
                let (ok, kept, report) = ours(&path);
                assert_eq!((ok, kept), (false, line as u64), "{cut}: {report}");
                continue;
            }
            let said = checker.check(&path);
            compare(&said, &path, &format!("{peer}, cut at {cut}"));
        }
    }
}

#[test]
fn a_file_with_a_wrong_byte_is_judged_as_real_checkers_judge_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.aof");
    let Some(checker) = Checker::of("redis-7.0") else {
        return;
    };
    let whole = log();
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 0x10;
        fs::write(&path, &bad).expect("written");
        let said = checker.check(&path);
        // Where a file begins, these are told from dumps and manifests by their first bytes.
        if !said.text.contains("ok_up_to=") {
            continue;
        }
        let (ok, kept, report) = ours(&path);
        // What the C library takes for a number may have blanks and signs before it; no server writes such.
        let lenient = matches!(bad[at], b' ' | b'+' | b'-' | 0x1a | 0x1d) && said.valid;
        assert!(
            lenient || (ok, kept) == (said.valid, said.whole()),
            "{at}: {report}\n{said:?}"
        );
    }
}

#[test]
fn manifests_are_refused_with_the_words_of_real_servers() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.manifest");
    fs::write(dir.path().join("a b"), "*1\r\n$4\r\nPING\r\n").expect("written");
    fs::write(dir.path().join("c"), "*1\r\n$4\r\nPING\r\n").expect("written");
    let long = format!("file c seq 1 type i{}\n", " ".repeat(1100));
    let texts = [
        "file 'a b' seq 1 type b\nfile c seq 1 type i\n",
        "file \"a b\" seq 3 type i startoffset 3 colour red\n# a word\nFILE c SEQ 7 Type incr\n",
        "file c seq 1 type i",
        "file c seq 1 type i\n\n",
        "file c seq 0 type i\n",
        "file c seq 1x type i\n",
        "file c seq 1\n",
        "file c seq 1 type\n",
        "file 'c seq 1 type i\n",
        "file /tmp/c seq 1 type i\n",
        "file c seq 1 type b\nfile c seq 2 type b\n",
        "file c seq 2 type i\nfile c seq 2 type i\n",
        "file c seq -2 type i\n",
        "file c seq 1 type x\n",
        "file c seq 1 type ''\n",
        "file missing seq 1 type i\n",
        &long,
    ];
    for (peer, text) in CHECKERS
        .iter()
        .flat_map(|peer| texts.map(|text| (peer, text)))
    {
        let Some(checker) = Checker::of(peer) else {
            continue;
        };
        fs::write(&path, text).expect("written");
        let said = checker.check(&path);
        let ran = aof(["check".as_ref(), path.as_os_str()]);
        assert_eq!(
            ran.code == 0,
            said.valid,
            "{peer}, {text}: {ran:?}\n{said:?}"
        );
        let reason = ran.err.lines().next().unwrap_or_default();
        let reason = reason.split(": ").nth(2).unwrap_or_default();
        let reason = reason.split(" (line").next().unwrap_or_default();
        assert!(
            said.text.contains(reason),
            "{peer}, {text}: {reason}\n{said:?}"
        );
        assert!(
            said.valid || text.contains("missing") || !reason.is_empty(),
            "{ran:?}"
        );
    }
    let valid = |text: &str| -> Value {
        fs::write(&path, text).expect("written");
        aof(["check".as_ref(), "--format=json".as_ref(), path.as_os_str()]).json()
    };
    let report = valid(texts[1]);
    assert_eq!(report["files"][0]["file"], "a b");
    assert_eq!(report["files"][1]["file"], "c");
}
