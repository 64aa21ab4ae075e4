//! The RDB layer on files of real servers (testdata/rdb, see its MANIFEST.md): good ones against what they hold,
//! corrupt ones against what real servers do, and what we write against the real servers themselves.

mod corrupt;
mod dataset;
#[path = "../support/described.rs"]
mod described;
mod expect;
mod good;
#[path = "../support/peers.rs"]
#[expect(dead_code, reason = "other suites use the rest")]
mod peers;
mod servers;

use std::path::PathBuf;

/// Directory of the files: that of the repository, or another corpus of the same form.
fn corpus() -> PathBuf {
    match std::env::var_os("FOREBAY_RDB_CORPUS") {
        Some(dir) => dir.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/rdb"),
    }
}

/// The `.rdb` files of a directory of the corpus, by name.
fn files(dir: &str) -> Vec<PathBuf> {
    let dir = corpus().join(dir);
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("directory entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "rdb"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds no files", dir.display());
    files
}
