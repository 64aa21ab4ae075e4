//! Logs that a start finds: manifests that are right and wrong, files that are torn, files of older servers, and what
//! becomes of them. Each is given to a real server too.

use crate::support::Client;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{forebay, log_directory};
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const BASE: &str = "file appendonly.aof.1.base.aof seq 1 type b\n";
const FIRST: &str = "file appendonly.aof.1.incr.aof seq 1 type i\n";
const SECOND: &str = "file appendonly.aof.2.incr.aof seq 2 type i\n";

fn requests(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        base::request::encode_request(&mut bytes, &words);
    }
    bytes
}

const LONG: Duration = Duration::from_secs(60);

/// A directory with a log.
struct Found {
    dir: TempDir,
}

impl Found {
    fn new() -> Found {
        let dir = tempfile::tempdir().expect("a directory");
        let found = Found { dir };
        fs::create_dir(found.log("")).expect("a directory");
        found
    }

    /// A base and two increments, which set `a`, `b` and `c`.
    fn with(manifest: &str) -> Found {
        let found = Found::new();
        found.file(
            "appendonly.aof.1.base.aof",
            &requests(&["SELECT 0", "SET a 1"]),
        );
        found.file(
            "appendonly.aof.1.incr.aof",
            &requests(&["SELECT 0", "SET b 1"]),
        );
        found.file(
            "appendonly.aof.2.incr.aof",
            &requests(&["SELECT 0", "SET c 1"]),
        );
        found.file("appendonly.aof.manifest", manifest.as_bytes());
        found
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("appendonlydir").join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.log(name), bytes).expect("it can be written");
    }

    fn copy(&self) -> Found {
        let copy = Found::new();
        for (from, to) in [
            (self.log(""), copy.log("")),
            (self.dir.path().to_owned(), copy.dir.path().to_owned()),
        ] {
            for entry in fs::read_dir(from).expect("there is a directory") {
                let path = entry.expect("it can be read").path();
                if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                    fs::copy(&path, to.join(name)).expect("it can be copied");
                }
            }
        }
        copy
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.log("")).expect("there is a log");
        let mut names: Vec<String> = entries
            .map(|e| {
                e.expect("it can be read")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        names
    }

    fn manifest(&self) -> String {
        let text = fs::read_to_string(self.log("appendonly.aof.manifest"));
        text.expect("there is a manifest")
    }
}

fn in_dir(builder: Builder, dir: &Path) -> Builder {
    builder
        .config("appendonly yes")
        .config(format!("dir {}", dir.display()))
}

/// We and a real server.
fn both(of: &Found) -> Vec<(Builder, Found)> {
    let builders = [Some(Builder::forebay()), Builder::peer("redis-7.2")];
    let builders = builders.into_iter().flatten();
    builders.map(|builder| (builder, of.copy())).collect()
}

fn keys(server: &Server) -> String {
    let keys = server.client().ok("KEYS *").to_string();
    let mut words: Vec<&str> = keys.split_whitespace().collect();
    words.sort_unstable();
    words.join(" ")
}

#[test]
fn manifests_that_no_server_starts_with_are_refused_for_the_same_reason() {
    let third = |line: &str| format!("{BASE}{FIRST}{line}");
    let cases = [
        (
            third("file x seq 1 type i\n"),
            "Found a non-monotonic sequence number",
        ),
        (third(BASE), "Found duplicate base file information"),
        (third("file x seq 2 type k\n"), "Unknown AOF file type"),
        (third("\n"), "Invalid AOF manifest file format"),
        (third("file x seq 2\n"), "Invalid AOF manifest file format"),
        (
            third("file x seq 2 type\n"),
            "Invalid AOF manifest file format",
        ),
        (third("file x type i\n"), "Invalid AOF manifest file format"),
        (
            third("file \"x seq 2 type i\n"),
            "Invalid AOF manifest file format",
        ),
        (
            third("file ../x seq 2 type i\n"),
            "File can't be a path, just a filename",
        ),
        (
            third("file d/x seq 2 type i\n"),
            "File can't be a path, just a filename",
        ),
        (
            third("file x seq 2 type i"),
            "The AOF manifest file contains too long line",
        ),
        (String::new(), "Found an empty AOF manifest"),
        (
            third("file x seq 2 type i\n"),
            "Unable to obtain the AOF file x length",
        ),
        (third("file \"\" seq 2 type i\n"), "Is a directory"),
    ];
    for (manifest, why) in cases {
        let found = Found::with(&manifest);
        for (builder, found) in both(&found) {
            let before = found.names();
            let (status, log) = in_dir(builder, found.dir.path()).start_failing();
            assert_eq!(status.code(), Some(1), "{manifest}: {log}");
            assert!(log.contains(why), "{manifest}: {log}");
            assert_eq!(
                (found.names(), found.manifest()),
                (before, manifest.clone())
            );
        }
    }
}

#[test]
fn what_a_manifest_names_is_loaded_and_the_last_increment_goes_on() {
    let cases = [
        (format!("{BASE}{FIRST}{SECOND}"), "a b c"),
        (format!("{FIRST}{SECOND}"), "b c"),
        (format!("# a comment\n{BASE}{FIRST}"), "a b"),
        (
            format!("{BASE}file \"appendonly.aof.1.incr.aof\" seq 1 type i\n"),
            "a b",
        ),
        (
            format!("{BASE}FILE appendonly.aof.2.incr.aof SEQ 7 TYPE i other 3\n"),
            "a c",
        ),
        (BASE.to_owned(), "a"),
        (format!("{BASE}file x seq 9 type h\n{FIRST}"), "a b"),
    ];
    for (manifest, expected) in cases {
        let found = Found::with(&manifest);
        let mut manifests = Vec::new();
        for (builder, found) in both(&found) {
            let mut server = in_dir(builder, found.dir.path()).start();
            let first = match manifest.contains(BASE) {
                true => "DB loaded from base file appendonly.aof.1.base.aof: ",
                false => "DB loaded from incr file appendonly.aof.1.incr.aof: ",
            };
            assert!(server.log().contains(first), "{manifest}");
            let loaded = keys(&server);
            for key in expected.split(' ') {
                assert!(loaded.contains(key), "{manifest}: {loaded}");
            }
            assert_eq!(
                server.client().int("DBSIZE"),
                expected.split(' ').count() as i64
            );
            server.client().ok("SET more 1");
            server.signal(libc::SIGTERM);
            server.wait_exit();
            manifests.push(found.manifest());
            let server = in_dir(Builder::forebay(), found.dir.path()).start();
            assert_eq!(server.client().text("GET more"), "1");
        }
        assert!(
            manifests.windows(2).all(|two| two[0] == two[1]),
            "{manifests:?}"
        );
    }
}

#[test]
fn a_start_begins_at_one_and_goes_on_in_the_same_files() {
    for name in ["forebay", "redis-7.2"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let mut server = builder.config("appendonly yes").start();
        for round in 0..3 {
            let manifest = log_directory(&server).join("appendonly.aof.manifest");
            let manifest = fs::read_to_string(manifest).expect("there is a manifest");
            let base = BASE.replace("base.aof", "base.rdb");
            assert_eq!(manifest, format!("{base}{FIRST}"), "{name}, round {round}");
            server.client().ok(&format!("SET k{round} 1"));
            server.signal(libc::SIGTERM);
            server.wait_exit();
            server = server.restart();
            assert_eq!(server.client().int("DBSIZE"), round + 1);
        }
    }
}

#[test]
fn files_that_no_manifest_names_are_kept_under_other_names() {
    let single = requests(&["SELECT 0", "SET old 1"]);
    for with_single in [false, true] {
        let manifest = format!("{BASE}{FIRST}{SECOND}");
        let found = Found::with(&manifest);
        found.file("appendonly.aof.3.incr.aof", b"");
        fs::remove_file(found.log("appendonly.aof.manifest")).expect("it is removed");
        if with_single {
            fs::write(found.dir.path().join("appendonly.aof"), &single).expect("written");
        }
        let files = ["1.base.aof", "1.incr.aof", "2.incr.aof"];
        let files = files.map(|end| format!("appendonly.aof.{end}"));
        let before = files
            .clone()
            .map(|name| fs::read(found.log(&name)).expect("it is there"));
        // A base is written, and the start after it clears up.
        for start in 0..2 {
            let mut server = in_dir(Builder::forebay(), found.dir.path()).start();
            let keys = server.client().int("DBSIZE");
            assert_eq!(keys, i64::from(with_single), "the files may be anything");
            for (name, bytes) in files.iter().zip(&before) {
                let kept = format!("{name}.no-manifest-1");
                assert_eq!(&fs::read(found.log(&kept)).expect("it is kept"), bytes);
                let told = format!(
                    "No manifest names the append-only file {name}, so it was not loaded. It is kept as {kept}"
                );
                assert_eq!(server.log().contains(&told), start == 0);
            }
            server.signal(libc::SIGTERM);
            server.wait_exit();
        }
        // Under their names, with a manifest, they are a log again.
        let again = Found::new();
        for name in &files {
            let kept = found.log(&format!("{name}.no-manifest-1"));
            fs::copy(kept, again.log(name)).expect("it can be copied");
        }
        again.file("appendonly.aof.manifest", manifest.as_bytes());
        let server = in_dir(Builder::forebay(), again.dir.path()).start();
        assert_eq!(server.client().int("DBSIZE"), 3);
    }
}

#[test]
fn a_single_file_of_an_older_server_becomes_the_base_under_its_name() {
    let names = "file appendonly.aof seq 1 type b\n";
    let bytes = requests(&["SELECT 0", "SET old 1", "INCR old"]);
    // As a process leaves it that ended after it had written the manifest, and as an older server does.
    for manifest in [Some(names), None] {
        let found = Found::new();
        fs::write(found.dir.path().join("appendonly.aof"), &bytes).expect("written");
        if let Some(manifest) = manifest {
            found.file("appendonly.aof.manifest", manifest.as_bytes());
        }
        for (builder, found) in both(&found) {
            let mut server = in_dir(builder, found.dir.path()).start();
            let mut client = server.client();
            assert_eq!(client.text("GET old"), "2");
            let text = "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF directory (appendonlydir).";
            server.wait_log(text);
            let moved = fs::read(found.log("appendonly.aof")).expect("it is there");
            assert_eq!(moved, bytes);
            assert!(!found.dir.path().join("appendonly.aof").exists());
            assert_eq!(found.manifest(), format!("{names}{FIRST}"));
            client.ok("SET new 1");
            server.signal(libc::SIGTERM);
            server.wait_exit();
            let server = in_dir(forebay("everysec"), found.dir.path()).start();
            let mut client = server.client();
            assert_eq!(client.text("GET new"), "1");
            client.ok("BGREWRITEAOF");
            server.wait_log("Background AOF rewrite finished successfully");
            let base = "file appendonly.aof.2.base.rdb seq 2 type b\n";
            assert_eq!(found.manifest(), format!("{base}{SECOND}"));
            assert_eq!(
                found.names(),
                [
                    "appendonly.aof.2.base.rdb",
                    "appendonly.aof.2.incr.aof",
                    "appendonly.aof.manifest"
                ]
            );
        }
    }
}

#[test]
fn torn_files_are_told_of_in_the_same_words() {
    let torn = "!!! Warning: short read while loading the AOF file appendonly.aof.2.incr.aof!!!";
    let cut = "!!! Truncating the AOF appendonly.aof.2.incr.aof at offset ";
    let anyway =
        "AOF appendonly.aof.2.incr.aof loaded anyway because aof-load-truncated is enabled";
    let revert = "Revert incomplete MULTI/EXEC transaction in AOF file appendonly.aof.2.incr.aof";
    let last = "Fatal error: the truncated file is not the last file";
    let end = "Unexpected end of file reading the append only file appendonly.aof.2.incr.aof";
    let format = "Bad file format reading the append only file appendonly.aof.2.incr.aof: ";
    let whole = requests(&["SELECT 0", "SET c 1"]);
    let short = whole[..whole.len() - 4].to_vec();
    let open = [&whole[..], &requests(&["MULTI", "SET d 1"])].concat();
    let wrong = [&whole[..], b"!hello"].concat();
    let both_files = format!("{BASE}{FIRST}{SECOND}");
    let third = format!("{both_files}file appendonly.aof.1.incr.aof seq 3 type i\n");
    for (manifest, bytes, truncated, starts, texts) in [
        (&both_files, &short, "yes", true, vec![torn, cut, anyway]),
        (
            &both_files,
            &open,
            "yes",
            true,
            vec![revert, torn, cut, anyway],
        ),
        (&both_files, &short, "no", false, vec![end]),
        (&both_files, &open, "no", false, vec![end]),
        (&third, &short, "yes", false, vec![torn, last]),
        (&both_files, &wrong, "yes", false, vec![format]),
    ] {
        let found = Found::with(manifest);
        found.file("appendonly.aof.2.incr.aof", bytes);
        for (builder, found) in both(&found) {
            let builder = in_dir(
                builder.config(format!("aof-load-truncated {truncated}")),
                found.dir.path(),
            );
            let log = if starts {
                let mut server = builder.start();
                let mut client = server.client();
                assert_eq!(client.text("GET b"), "1");
                // It goes on in the file that was cut off.
                client.ok("SET more 1");
                server.signal(libc::SIGTERM);
                server.wait_exit();
                assert_eq!(found.manifest(), *manifest);
                let again = in_dir(forebay("everysec"), found.dir.path()).start();
                assert_eq!(again.client().text("GET more"), "1");
                server.log()
            } else {
                let (status, log) = builder.start_failing();
                assert_eq!(status.code(), Some(1), "{log}");
                log
            };
            for text in &texts {
                assert!(log.contains(text), "{text}: {log}");
            }
        }
    }
}

#[test]
fn a_base_that_is_a_torn_or_a_newer_dump_is_told_of_in_the_same_words() {
    let manifest = format!("{}{FIRST}", BASE.replace("base.aof", "base.rdb"));
    for (dump, why) in [
        (
            &b"REDIS0011\xfa\x09redis-ver"[..],
            "Short read or OOM loading DB. Unrecoverable error, aborting now.",
        ),
        (
            b"REDIS9999xxxxxxxxxxxxxxxxxxxxxxxx",
            "Error reading the RDB base file appendonly.aof.1.base.rdb, AOF loading aborted",
        ),
    ] {
        let found = Found::with(&manifest);
        found.file("appendonly.aof.1.base.rdb", dump);
        for (builder, found) in both(&found) {
            let (status, log) = in_dir(builder, found.dir.path()).start_failing();
            assert_eq!(status.code(), Some(1), "{log}");
            assert!(log.contains(why), "{log}");
        }
    }
}

#[test]
fn names_that_are_paths_are_refused_and_odd_ones_are_quoted() {
    for (line, why) in [
        (
            "appenddirname a/b",
            "appenddirname can't be a path, just a dirname",
        ),
        ("appenddirname \"\"", "appenddirname can't be empty"),
        (
            "appendfilename a/b",
            "appendfilename can't be a path, just a filename",
        ),
        ("appendfilename \"\"", "appendfilename can't be empty"),
    ] {
        for builder in [Some(Builder::forebay()), Builder::peer("redis-7.2")]
            .into_iter()
            .flatten()
        {
            let (status, log) = builder.config(line).start_failing();
            assert_eq!(status.code(), Some(1), "{log}");
            assert!(log.contains(why), "{log}");
        }
    }
    let mut manifests = Vec::new();
    for builder in [Some(Builder::forebay()), Builder::peer("redis-7.2")]
        .into_iter()
        .flatten()
    {
        let mut server = builder
            .config("appendonly yes")
            .config("appenddirname \"dir of 'logs'\"")
            .config("appendfilename \"a 'b' \\\"c\\\" d.aof\"")
            .start();
        server.client().ok("SET k v");
        let dir = server.dir().join("dir of 'logs'");
        let manifest = dir.join("a 'b' \"c\" d.aof.manifest");
        manifests.push(fs::read_to_string(manifest).expect("there is a manifest"));
        server.signal(libc::SIGTERM);
        server.wait_exit();
        let server = server.restart();
        assert_eq!(server.client().text("GET k"), "v");
    }
    assert!(
        manifests.windows(2).all(|two| two[0] == two[1]),
        "{manifests:?}"
    );
}

/// The delay was for dumps only: a log of requests loaded at full speed.
#[test]
fn the_load_delay_is_for_requests_too_and_clients_are_served_meanwhile() {
    let found = Found::with(&format!("{BASE}{FIRST}{SECOND}"));
    let (mut server, mut client) = loads_slowly(found.dir.path(), "yes");
    assert_eq!(
        client.run("GET a").text(),
        Some("LOADING Redis is loading the dataset in memory")
    );
    client.ok("CONFIG SET key-load-delay 0");
    server.wait_ready(LONG).expect("it loads");
    assert_eq!(server.client().int("DBSIZE"), 3);
}

/// A server that loads what `dir` holds, slowly, and a client of it.
fn loads_slowly(dir: &Path, appendonly: &str) -> (Server, Client) {
    let server = in_dir(Builder::forebay(), dir)
        .config(format!("appendonly {appendonly}"))
        .config("key-load-delay 600000000")
        .spawn();
    let mut client = None;
    wait_until("it is loading", || {
        client = Client::connect(server.address()).ok();
        let info = client.as_mut().map(|client| client.info("persistence"));
        info.is_some_and(|info| info["loading"] == "1")
    });
    (server, client.expect("it was just connected"))
}

/// CONFIG SET appendonly was refused with -LOADING, as by Redis 7.4; Redis 8.0 and Valkey accept it.
#[test]
fn the_log_can_be_switched_off_and_on_while_it_is_loaded() {
    let found = Found::with(&format!("{BASE}{FIRST}{SECOND}"));
    for on_again in [false, true] {
        let (mut server, mut client) = loads_slowly(found.dir.path(), "yes");
        client.ok("CONFIG SET appendonly no");
        if on_again {
            client.ok("CONFIG SET appendonly yes");
        }
        assert_eq!(client.info("persistence")["loading"], "1");
        client.ok("CONFIG SET key-load-delay 0");
        server.wait_ready(LONG).expect("it loads");
        let enabled = u8::from(on_again).to_string();
        assert_eq!(client.info("persistence")["aof_enabled"], enabled);
        assert_eq!(client.int("DBSIZE"), 3);
        client.ok("SET later 1");
        server.signal(libc::SIGTERM);
        server.wait_exit();
    }
    let reader = in_dir(Builder::forebay(), found.dir.path()).start();
    assert_eq!(reader.client().int("EXISTS a b c later"), 4);
}

#[test]
fn the_log_can_be_switched_on_while_a_dump_is_loaded() {
    // What an earlier log holds is not the dataset.
    for earlier in [false, true] {
        let found = Found::with(&format!("{BASE}{FIRST}{SECOND}"));
        if !earlier {
            fs::remove_dir_all(found.log("")).expect("it is there");
        }
        let mut writer = in_dir(Builder::forebay(), found.dir.path())
            .config("appendonly no")
            .start();
        let mut client = writer.client();
        client.ok("MSET dump 1 saved 1");
        client.ok("SAVE");
        writer.kill();
        let (mut server, mut client) = loads_slowly(found.dir.path(), "no");
        client.ok("CONFIG SET appendonly yes");
        assert_eq!(client.info("persistence")["loading"], "1");
        client.ok("CONFIG SET key-load-delay 0");
        server.wait_ready(LONG).expect("it loads");
        assert_eq!(client.info("persistence")["aof_enabled"], "1");
        client.ok("SET later 1");
        wait_until("the log has its base", || {
            let info = client.info("persistence");
            info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
        });
        client.ok("WAITAOF 1 0 0");
        server.kill();
        fs::remove_file(found.dir.path().join("dump.rdb")).expect("there is a dump");
        let reader = in_dir(Builder::forebay(), found.dir.path()).start();
        let mut client = reader.client();
        assert_eq!(client.int("EXISTS dump saved later"), 3, "{earlier}");
        assert_eq!(client.int("DBSIZE"), 3, "{earlier}");
    }
}
