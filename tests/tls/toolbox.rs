//! The toolbox reaches servers by TLS, by the options of `redis-cli`.

use crate::certificates::{Authority, shown};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::process::{Command, Output};

fn forebay(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forebay"));
    // What this machine trusts is not of this test.
    command
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR");
    command.args(words).output().expect("it starts")
}

fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

fn assert_trouble(output: &Output, why: &str) {
    assert_code(output, 2);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(why), "'{why}' is not in: {told}");
}

fn start(name: &str, authority: &Authority) -> Option<(Server, u16)> {
    let (builder, port) = authority.equip(Builder::named(name)?);
    let server = builder.config("tls-replication yes").start();
    Some((server, port))
}

#[test]
fn servers_are_compared_by_tls() {
    let authority = Authority::new("ours");
    let own = authority.sign("someone");
    let ca = authority.path("ca.crt");
    let files = [
        "--cacert",
        &ca,
        "--cert",
        &own.certificate,
        "--key",
        &own.key,
    ];
    for peer in ["forebay", "redis-7.0"] {
        let (Some((first, port)), Some((second, other))) =
            (start(peer, &authority), start("forebay", &authority))
        else {
            continue;
        };
        let large = vec![b'l'; 3 << 20];
        for server in [&first, &second] {
            let mut client = server.client();
            client.cmd(&[b"SET".as_slice(), b"large", &large]);
            for i in 0..3000 {
                client.ok(&format!("SET key:{i} {i}"));
            }
        }
        let by = |scheme: &str, port| format!("{scheme}://127.0.0.1:{port}");
        let (a, b) = (by("redis", port), by("redis", other));
        for sync in [None, Some("--sync")] {
            let words = ["rdb", "diff", "--tls", &a, &b];
            let words = [&words, &files[..], sync.as_slice()].concat();
            let output = forebay(&words);
            assert_code(&output, 0);
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(told.contains("3,001 keys"), "{told}");
        }
        second.client().ok("SET key:0 other");
        // Only one of them by TLS: its address says so.
        let plain = format!("redis://{}", second.address());
        let encrypted = by("rediss", port);
        let mixed = [&["rdb", "diff", &encrypted, &plain], &files[..]].concat();
        let output = forebay(&mixed);
        assert_code(&output, 1);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("changed 1"), "{told}");
    }
}

#[test]
fn a_server_that_is_not_trusted_is_not_read_from_unless_that_is_wanted() {
    let (authority, other) = (Authority::new("ours"), Authority::new("theirs"));
    let (server, port) = start("forebay", &authority).expect("ours");
    server.client().ok("CONFIG SET tls-auth-clients no");
    server.client().ok("SET key value");
    let address = format!("rediss://127.0.0.1:{port}");
    let diff = |more: &[&str]| forebay(&[&["rdb", "diff", &address, &address], more].concat());
    let (right, wrong) = (authority.path("ca.crt"), other.path("ca.crt"));
    assert_code(&diff(&["--cacert", &right]), 0);
    assert_code(&diff(&["--insecure"]), 0);
    assert_code(
        &diff(&["--cacert", &right, "--sni", "redis.example.com"]),
        0,
    );
    let dir = std::path::Path::new(&right).parent().expect("a directory");
    assert_code(&diff(&["--cacertdir", dir.to_str().expect("text")]), 0);
    let failed = "certificate verify failed";
    assert_trouble(&diff(&["--cacert", &wrong]), failed);
    // The authorities of the system know nothing of it.
    let output = diff(&[]);
    assert_code(&output, 2);
    assert_trouble(&diff(&["--cacert", "/none/such"]), "/none/such");
    assert_trouble(&diff(&["--cert", &right]), "--key");
    let plain = format!("redis://{}", server.address());
    let needless = forebay(&["rdb", "diff", &plain, &plain, "--cacert", &right]);
    assert_trouble(
        &needless,
        "--cacert is given, but neither side is reached by TLS",
    );
    // A server that asks for a certificate, and none is shown.
    server.client().ok("CONFIG SET tls-auth-clients yes");
    assert_trouble(&diff(&["--cacert", &right]), "certificate required");
    // One that does not speak TLS at all.
    let dumb = format!("rediss://{}", server.address());
    let output = forebay(&["rdb", "diff", &dumb, &dumb, "--insecure"]);
    assert_trouble(&output, "cannot connect");
}

#[test]
fn full_syncs_are_measured_by_tls() {
    let authority = Authority::new("ours");
    let own = authority.sign("someone");
    let ca = authority.path("ca.crt");
    let files = [
        "--tls",
        "--cacert",
        &ca,
        "--cert",
        &own.certificate,
        "--key",
        &own.key,
    ];
    let bench = |words: &[&str]| forebay(&[&["sync-bench", "-q"], words, &files[..]].concat());
    let small = [
        "--keys=2000",
        "--repeat=1",
        "--mode=memory-memory,disk-disk",
        "--write-load=200",
    ];
    let mut servers = vec!["--server".to_owned(), "forebay".to_owned()];
    if let Some(redis) = crate::support::peers::require("redis-7.0") {
        servers.extend(["--server".to_owned(), format!("redis={}", redis.display())]);
    }
    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
    let output = bench(&[&small[..], &servers].concat());
    assert_code(&output, 0);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("clients and replicas reach the servers by TLS"),
        "{told}"
    );
    // Two that run.
    let (Some((master, port)), Some((replica, other))) =
        (start("forebay", &authority), start("forebay", &authority))
    else {
        return;
    };
    master.client().ok("SET key value");
    let (a, b) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{other}"));
    let output = bench(&["--repeat=1", "--attach", &a, &b]);
    assert_code(&output, 0);
    wait_until("the replica is a primary again", || {
        shown(&replica.client().run("ROLE")).contains("master")
    });
    assert_eq!(replica.client().text("GET key"), "value");
    // What is missing is told before anything is started.
    let without = forebay(&["sync-bench", "--tls", "--cacert", &ca]);
    assert_trouble(&without, "--cert");
    let needless = forebay(&["sync-bench", "--cacert", &ca]);
    assert_trouble(&needless, "--cacert is given, but not --tls");
}
