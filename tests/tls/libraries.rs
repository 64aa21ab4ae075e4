//! Client libraries of others, by TLS and as a user with few rights. `scripts/libraries` brings them.

use crate::certificates::Authority;
use crate::support::peers;
use crate::support::server::Builder;
use std::path::Path;
use std::process::Command;

/// Runs a program that uses a library; `brought` is what has to be there for it.
fn run(mut command: Command, brought: &str) {
    let libraries = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/libraries");
    if !libraries.join(brought).exists() {
        return peers::skipped(&format!(
            "target/libraries/{brought} is not there (run scripts/libraries)"
        ));
    }
    let authority = Authority::new("ours");
    let (builder, port) = authority.equip(Builder::forebay());
    let _server = builder
        .config("user alice on >secret ~app:* &app:* +@all -@admin")
        .start();
    let own = authority.sign("someone");
    let folder = Path::new(brought).components().next().expect("a folder");
    let output = command
        .env("LIBRARY", libraries.join(folder))
        .env("PORT", port.to_string())
        .env("CA", authority.path("ca.crt"))
        .env("CERT", &own.certificate)
        .env("KEY", &own.key)
        .output()
        .expect("the program starts");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "well",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn program(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tls/libraries")
        .join(name)
}

#[test]
fn redis_py_connects_with_a_certificate_and_a_user() {
    let mut python = Command::new("python3");
    python.arg(program("redis_py.py"));
    run(python, "python/redis");
}

#[test]
fn ioredis_connects_with_a_certificate_and_a_user() {
    let mut node = Command::new("node");
    node.arg(program("ioredis.js"));
    run(node, "node/node_modules/ioredis");
}

#[test]
fn redis_rs_connects_with_a_certificate_and_a_user() {
    let built = "rust/debug/with-redis-rs";
    let libraries = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/libraries");
    run(Command::new(libraries.join(built)), built);
}
