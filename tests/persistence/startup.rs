//! What is loaded, what is refused, and how.

use crate::by_hand::ByHand;
use crate::support::server::{Builder, free_port};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn sample(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("rdb-samples")
        .join(name)
}

#[test]
fn a_dump_is_served_as_it_was_saved() {
    let server = Builder::forebay()
        .dump(sample("redis-7.0-shop.rdb"))
        .start();
    let mut client = server.client();
    assert!(client.int("DBSIZE") > 1000);
    assert!(server.log().contains("Loading RDB produced by version 7.0"));
    assert_eq!(client.info_field("persistence", "loading"), "0");
}

#[test]
fn a_library_of_a_release_candidate_is_left_out_and_the_log_says_so() {
    let old =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rdb/good/redis-7.0-rc1-functions.rdb");
    let server = Builder::forebay().dump(old).start();
    server.wait_log("function libraries of a release candidate of Redis 7.0 left out: ");
    let libraries = server.client().run("FUNCTION LIST");
    assert_eq!(libraries.items().map(<[_]>::len), Some(0));
}

#[test]
fn a_cut_dump_stops_the_start_and_is_left_as_it_was() {
    let whole = fs::read(sample("redis-7.0-shop.rdb")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for length in [0, 5, 9, 100, whole.len() / 2, whole.len() - 1] {
        let cut = dir.path().join("cut.rdb");
        fs::write(&cut, &whole[..length]).unwrap();
        let builder = Builder::forebay().dump(&cut);
        let mut server = builder.spawn();
        let status = server.wait_exit();
        assert_eq!(status.code(), Some(1), "{length} bytes");
        let log = server.log();
        assert!(log.contains("Fatal error loading the DB"), "{log}");
        assert!(log.contains("at byte "), "{log}");
        assert_eq!(fs::read(server.dump_path()).unwrap(), whole[..length]);
    }
}

/// They were only counted, so that nobody knew which keys a damaged dump had lost.
#[test]
fn the_first_empty_keys_that_are_left_out_are_named() {
    let mut bytes = b"REDIS0009\xfe\x00".to_vec();
    for i in 0..20u8 {
        // Sets without members; a control character in a name does not begin a line.
        bytes.extend([2, 7, b'e', b'm', b'p', b't', b'y', b'\n', b'a' + i, 0]);
    }
    bytes.extend(b"\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.rdb");
    fs::write(&path, &bytes).unwrap();
    let server = Builder::forebay().dump(&path).start();
    assert_eq!(server.client().int("DBSIZE"), 1);
    let log = server.log();
    let named = log.matches("rdbLoadObject skipping empty key: empty\\n");
    assert_eq!(named.count(), 10, "{log}");
    assert!(log.contains("empty keys skipped: 20."), "{log}");
}

#[test]
fn a_flipped_byte_is_found() {
    let mut bytes = fs::read(sample("redis-7.0-shop.rdb")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    let dir = tempfile::tempdir().unwrap();
    let bad = dir.path().join("bad.rdb");
    fs::write(&bad, &bytes).unwrap();
    let (status, log) = Builder::forebay().dump(&bad).start_failing();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("Fatal error loading the DB"), "{log}");
}

#[test]
fn a_dump_of_the_future_is_refused_by_its_header() {
    let dir = tempfile::tempdir().unwrap();
    let future = dir.path().join("future.rdb");
    fs::write(&future, b"REDIS0999\xfa\x05hello").unwrap();
    let (status, log) = Builder::forebay().dump(&future).start_failing();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("999"), "{log}");
}

/// A server that came out later wrote what is known here: with `rdb-version-check relaxed` it is loaded, and what is not
/// known is refused by its place and key, in a dump and in a full sync.
#[test]
fn a_dump_of_the_next_version_is_read_as_far_as_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, body: &[u8]| {
        let path = dir.path().join(name);
        // Zeros for the checksum say that there is none.
        let bytes = [
            b"REDIS0016\xfe\x00\x00\x01k\x01v",
            body,
            b"\xff\0\0\0\0\0\0\0\0",
        ];
        fs::write(&path, bytes.concat()).unwrap();
        path
    };
    let known = file("known.rdb", b"\x02\x03set\x01\x01m");
    let new_type = file("type.rdb", b"\x2a\x06bitmap\x01\x01");
    let new_opcode = file("opcode.rdb", b"\xee\x01\x00\x01l\x01v");
    let start = |path: &Path, check: &str| {
        let line = format!("rdb-version-check {check}");
        Builder::forebay().dump(path).config(line)
    };
    for path in [&known, &new_type, &new_opcode] {
        let (status, log) = start(path, "strict").start_failing();
        assert!(!status.success() && log.contains("REDIS0016"), "{log}");
    }
    let server = start(&known, "relaxed").start();
    assert_eq!(server.client().text("GET k"), "v");
    assert_eq!(server.client().int("SCARD set"), 1);
    for (path, what) in [
        (
            &new_type,
            "at byte 16, reading value type of key \"bitmap\": unknown value type 42 (0x2a)",
        ),
        (
            &new_opcode,
            "at byte 16, reading value type of key \"\\x00\": unknown value type 238 (0xee)",
        ),
    ] {
        let (status, log) = start(path, "relaxed").start_failing();
        assert!(!status.success() && log.contains(what), "{log}");
        assert!(fs::read(path).unwrap().starts_with(b"REDIS0016"));
    }
}

#[test]
fn values_that_are_not_served_are_kept_refused_by_key_or_left_out_never_changed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let good = |name: &str| root.join("testdata/rdb/good").join(name);
    for (name, what) in [
        ("redis-7.2-module-datatype.rdb", "the module type"),
        ("redis-4.0-module-hellotype.rdb", "the module type"),
    ] {
        let server = Builder::forebay().dump(good(name)).start();
        let digest = server.client().text("DEBUG DIGEST");
        server.client().ok("SAVE");
        let saved = fs::read(server.dump_path()).unwrap();
        let server = server.restart();
        assert_eq!(server.client().text("DEBUG DIGEST"), digest, "{name}");
        server.client().ok("SAVE");
        let again = fs::read(server.dump_path()).unwrap();
        assert_eq!(again.len(), saved.len(), "{name}");
        let (status, log) = Builder::forebay()
            .dump(good(name))
            .config("rdb-unknown-values refuse")
            .start_failing();
        assert!(!status.success(), "{name} was loaded");
        assert!(log.contains("of key \"") && log.contains(what), "{log}");
        let server = Builder::forebay()
            .dump(good(name))
            .config("rdb-unknown-values skip")
            .start();
        let mut client = server.client();
        let keys = client.run("KEYS *");
        for key in keys.items().expect("keys").iter().map(|key| key.bytes()) {
            let key = key.expect("a key");
            let kind = client.cmd(&[b"TYPE".as_slice(), key]);
            assert_eq!(kind.text(), Some("string"), "{name}: {key:?}");
        }
    }
}

#[test]
fn arrays_are_served_whatever_is_said_of_unknown_values() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rdb/good/redis-dev-rdb14-arrays.rdb");
    let mut digests = Vec::new();
    for policy in ["keep", "refuse", "skip"] {
        let builder = Builder::forebay().dump(&file);
        let server = builder
            .config(format!("rdb-unknown-values {policy}"))
            .start();
        let mut client = server.client();
        let keys = client.run("SCAN 0 COUNT 1000 TYPE array");
        let keys = keys
            .items()
            .and_then(|reply| reply[1].items().map(<[_]>::to_vec));
        for key in keys.as_deref().expect("keys") {
            let key = key.bytes().expect("a key");
            let count = client.cmd(&[b"ARCOUNT".as_slice(), key]);
            assert!(count.int() > Some(0), "{key:?}: {count:?}");
        }
        client.ok("SAVE");
        digests.push(client.text("DEBUG DIGEST"));
        digests.push(server.restart().client().text("DEBUG DIGEST"));
    }
    assert!(
        digests.windows(2).all(|pair| pair[0] == pair[1]),
        "{digests:?}"
    );
}

#[test]
fn directives_that_would_lose_data_or_open_access_are_refused_by_name() {
    for line in [
        "loadmodule /x.so",
        "rdma-port 6380",
        "preload-file commands.txt",
        "tls-cluster yes",
        "cluster-enabled yes",
    ] {
        let (status, log) = Builder::forebay().config(line).start_failing();
        assert_eq!(status.code(), Some(1), "{line}");
        let name = line.split(' ').next().unwrap();
        assert!(log.contains(&format!("'{name}'")), "{line}: {log}");
    }
}

#[test]
fn an_append_only_log_that_is_not_asked_for_is_not_loaded_and_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("appendonlydir");
    fs::create_dir(&log).unwrap();
    fs::write(log.join("appendonly.aof.manifest"), "file x seq 1 type b\n").unwrap();
    let server = Builder::forebay()
        .config(format!("dir {}", dir.path().display()))
        .start();
    server.wait_log("appendonly is no: the append-only file in appendonlydir is not loaded");
    assert_eq!(server.client().int("DBSIZE"), 0);
}

#[test]
fn the_configuration_comes_from_standard_input_files_they_include_and_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let included = dir.path().join("more.conf");
    fs::write(
        &included,
        "maxmemory-samples 7\nhash-max-listpack-entries 9\n",
    )
    .unwrap();
    let socket = dir.path().join("socket");
    let mut child = Command::new(env!("CARGO_BIN_EXE_forebay-server"))
        .args(["-", "--port", "0", "--hash-max-listpack-entries", "11"])
        .args(["--unixsocket".as_ref(), socket.as_os_str()])
        .args(["--dir".as_ref(), dir.path().as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "include {}", included.display()).unwrap();
    drop(stdin);
    let cli = crate::support::peers::tool("redis-cli");
    let Some(cli) = cli else {
        child.kill().unwrap();
        child.wait().unwrap();
        return crate::support::peers::skipped("redis-cli is not on PATH");
    };
    crate::support::wait::wait_until("the socket is there", || socket.exists());
    let ask = |words: &[&str]| {
        let mut command = Command::new(&cli);
        command.arg("-s").arg(&socket).args(words);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    crate::support::wait::wait_until("it answers", || ask(&["PING"]) == "PONG\n");
    assert!(ask(&["CONFIG", "GET", "maxmemory-samples"]).contains("\n7"));
    assert!(ask(&["CONFIG", "GET", "hash-max-listpack-entries"]).contains("\n11"));
    ask(&["SHUTDOWN", "NOSAVE"]);
    assert!(child.wait().unwrap().success());
    assert!(!socket.exists(), "the socket file is removed");
}

#[test]
fn a_relative_configuration_is_rewritten_in_its_place_and_found_from_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::create_dir_all(dir.path().join("var/data")).unwrap();
    let port = free_port();
    let conf = dir.path().join("etc/server.conf");
    let text = format!("# ours\nport {port}\ndir var\ndir data\nlogfile log\nhz 11\n");
    fs::write(&conf, text).unwrap();

    let (server, mut client) = ByHand::start(dir.path(), &["etc/server.conf"], port);
    let data = fs::canonicalize(dir.path().join("var/data")).unwrap();
    let data = data.to_str().unwrap();
    assert_eq!(client.config("dir").as_deref(), Some(data));
    client.ok("SET kept yes");
    client.ok("SAVE");
    client.ok("CONFIG SET hz 22");
    client.ok("CONFIG REWRITE");
    assert!(server.shut_down(&mut client).success());
    let log = fs::read_to_string(dir.path().join("var/data/log")).unwrap();
    assert!(
        log.contains("CONFIG REWRITE executed with success."),
        "{log}"
    );
    let text = fs::read_to_string(&conf).unwrap();
    assert!(text.starts_with("# ours\n"), "{text}");
    assert!(text.contains("hz 22\n"), "{text}");

    let (server, mut client) = ByHand::start(Path::new("/"), &[conf.to_str().unwrap()], port);
    assert_eq!(client.config("dir").as_deref(), Some(data));
    assert_eq!(client.config("hz").as_deref(), Some("22"));
    assert_eq!(client.text("GET kept"), "yes");
    assert!(server.shut_down(&mut client).success());
}
