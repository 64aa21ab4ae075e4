//! Copies of the directory that are made while the server writes and rewrites.

use crate::support::server::Builder;
use crate::{forebay, log_directory};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// All files that the manifest of this directory names are there.
fn is_consistent(directory: &Path) -> bool {
    let text = fs::read_to_string(directory.join("appendonly.aof.manifest")).unwrap_or_default();
    let named = text.lines().filter(|line| !line.contains(" type h"));
    let names = named.filter_map(|line| line.split(' ').nth(1));
    names.into_iter().all(|name| directory.join(name).is_file())
}

#[test]
fn a_copy_of_the_running_log_is_some_moment_of_the_copying_also_while_it_is_rewritten() {
    let server = forebay("always")
        .config("appendfilename appendonly.aof")
        .start();
    let mut client = server.client();
    for i in 0..2000 {
        client.ok(&format!("SET key{i} {i}"));
    }
    let stop = AtomicBool::new(false);
    let mut copies = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut writer, mut i) = (server.client(), 0);
            while !stop.load(Ordering::Relaxed) {
                i += 1;
                writer.ok("INCR n");
                // It is refused while one is running.
                if i % 20 == 0 {
                    writer.run("BGREWRITEAOF");
                }
            }
        });
        for _ in 0..60 {
            let copy = tempfile::tempdir().expect("a directory");
            let least = client.int("INCR n");
            // What vanishes while it is copied makes it fail, and leaves the rest.
            let copied = Command::new("cp")
                .arg("-r")
                .arg(log_directory(&server))
                .arg(copy.path())
                .output();
            copied.expect("it can be copied");
            let most = client.int("INCR n");
            copies.push((copy, least, most));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let of = |builder: Builder, dir: &Path| {
        let reader = builder
            .config("appendonly yes")
            .config(format!("dir {}", dir.display()))
            .start();
        let mut client = reader.client();
        assert_eq!(client.text("GET key1999"), "1999");
        let n = client.text("GET n");
        n.parse::<i64>().expect("a number")
    };
    for (number, (copy, least, most)) in copies.iter().enumerate() {
        let directory = copy.path().join("appendonlydir");
        if number % 10 == 0 && is_consistent(&directory) {
            let other = tempfile::tempdir().expect("a directory");
            let copied = Command::new("cp")
                .arg("-r")
                .arg(&directory)
                .arg(other.path())
                .status();
            assert!(copied.expect("it can be copied").success());
            if let Some(reader) = Builder::peer("redis-7.2") {
                let n = of(reader, other.path());
                assert!((*least..=*most).contains(&n), "{least} {n} {most}");
            }
        }
        let n = of(Builder::forebay(), copy.path());
        assert!((*least..=*most).contains(&n), "{least} {n} {most}");
    }
}

#[test]
fn a_copy_without_what_a_rewrite_has_made_is_loaded_from_what_it_has_replaced() {
    let server = forebay("always").start();
    let mut client = server.client();
    client.ok("CONFIG SET aof-disable-auto-gc yes");
    client.ok("SET a 1");
    client.ok("BGREWRITEAOF");
    server.wait_log("Background AOF rewrite finished successfully");
    client.ok("SET b 1");
    for (missing, keys) in [
        (&["appendonly.aof.2.base.rdb"][..], 2),
        (
            &["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"],
            1,
        ),
        (
            &["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"],
            2,
        ),
    ] {
        let copy = crate::copy_log(&server);
        for name in missing {
            fs::remove_file(copy.path().join("appendonlydir").join(name)).expect("it is there");
        }
        for _ in 0..2 {
            let reader = forebay("always")
                .config(format!("dir {}", copy.path().display()))
                .start();
            assert_eq!(reader.client().int("DBSIZE"), keys, "{missing:?}");
        }
    }
    // Nothing tells what was in the file that is not there.
    let copy = crate::copy_log(&server);
    for name in ["appendonly.aof.2.base.rdb", "appendonly.aof.1.base.rdb"] {
        fs::remove_file(copy.path().join("appendonlydir").join(name)).expect("it is there");
    }
    let (status, log) = forebay("always")
        .config(format!("dir {}", copy.path().display()))
        .start_failing();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(
        log.contains("Unable to obtain the AOF file appendonly.aof.2.base.rdb"),
        "{log}"
    );
}
