//! The real servers that this machine has: Forebay is measured and tested against them.
//!
//! Looked for, in this order: the folder that `FOREBAY_PEERS_DIR` names, `target/peers/bin` (where
//! `scripts/peers` puts them), and PATH under the names below; `redis-server` and `valkey-server`
//! on PATH count as the peer whose version they print.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The peers that most tests draw from, oldest first.
pub const ALL: [&str; 5] = [
    "redis-6.2",
    "redis-7.0",
    "redis-8.2",
    "valkey-8.1",
    "valkey-9.1",
];

/// Every server that Forebay follows and is followed by (`tests/matrix`), by family and age.
pub const EVERY: [&str; 13] = [
    "redis-6.2",
    "redis-7.0",
    "redis-7.2",
    "redis-stack-7.2",
    "redis-7.4",
    "redis-stack-7.4",
    "redis-8.0",
    "redis-8.2",
    "redis-8.6",
    "redis-8.10",
    "valkey-8.1",
    "valkey-9.0",
    "valkey-9.1",
];

/// The server that the command scripts are compared with.
pub const REFERENCE: &str = "redis-7.0";

/// The binary of a peer, `None` where this machine has none.
pub fn find(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("FOREBAY_PEERS_DIR").map(PathBuf::from);
    let folders = named.into_iter().chain([root.join("target/peers/bin")]);
    if let Some(found) = folders
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
    {
        return Some(found);
    }
    let path = std::env::var_os("PATH")?;
    let (family, version) = name.split_once('-')?;
    for dir in std::env::split_paths(&path) {
        let exact = dir.join(name);
        if exact.is_file() {
            return Some(exact);
        }
        let plain = dir.join(format!("{family}-server"));
        if plain.is_file() && printed_version(&plain)?.starts_with(&format!("{version}.")) {
            return Some(plain);
        }
    }
    None
}

/// A companion program (`redis-cli`, `redis-benchmark`, `redis-sentinel`) on PATH.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

fn printed_version(binary: &Path) -> Option<String> {
    let output = Command::new(binary).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split("v=").nth(1)?.split_whitespace().next()?;
    Some(version.to_owned())
}

/// The binary of a peer; where there is none the test says so loudly, and fails under `CI=true`.
///
/// Call it as `let Some(binary) = peers::require("redis-7.0") else { return };`.
pub fn require(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skipped(&format!(
            "there is no {name} on this machine (run scripts/peers)"
        ));
    }
    found
}

/// A test that cannot run here: loud, and a failure under `CI=true`.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{test} may not be skipped in CI: {why}"
    );
    // Past the capture of the test harness: nobody reads the output of a test that passes.
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED {test}: {why}");
}
