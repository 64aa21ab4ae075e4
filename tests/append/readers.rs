//! Real servers load what was written.

use crate::support::Client;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, log_directory, write};
use base::testing::Rng;
use std::path::Path;
use std::process::Command;

const READERS: [&str; 6] = [
    "redis-7.0",
    "redis-7.2",
    "redis-8.2",
    "redis-8.10",
    "valkey-8.1",
    "valkey-9.1",
];

pub fn rewrite(server: &Server, client: &mut Client) {
    let before = client.info_field("persistence", "aof_rewrites");
    client.ok("BGREWRITEAOF");
    wait_until("the log is rewritten", || {
        let info = client.info("persistence");
        info["aof_rewrites"] != before && info["aof_rewrite_in_progress"] == "0"
    });
    server.wait_log("Background AOF rewrite finished successfully");
}

#[test]
fn real_servers_and_their_check_take_a_log_before_and_after_a_rewrite() {
    let mut server = forebay("everysec")
        .config("aof-timestamp-enabled yes")
        .start();
    let mut client = server.client();
    let mut rng = Rng::new(1);
    client.ok(
        "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 7 end)\"",
    );
    for round in 0..3 {
        write(&mut client, &mut rng, 100);
        if round > 0 {
            client.ok("BGREWRITEAOF");
            write(&mut client, &mut rng, 100);
            wait_until("the log is rewritten", || {
                client.info_field("persistence", "aof_rewrite_in_progress") == "0"
            });
        }
    }
    let expected = digest(&mut client);
    server.signal(libc::SIGTERM);
    server.wait_exit();
    let copy = copy_log(&server);
    assert_valid(copy.path());
    for name in READERS {
        let Some(reader) = Builder::peer(name) else {
            continue;
        };
        let copy = copy_log(&server);
        assert_eq!(loaded_by(reader, copy.path()), expected, "{name}");
    }
    assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
}

/// The check of a real server takes the log in this directory.
pub fn assert_valid(dir: &Path) {
    let checked = Command::new("redis-check-aof")
        .arg(dir.join("appendonlydir/appendonly.aof.manifest"))
        .output();
    let checked = checked.expect("redis-check-aof can be run");
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(
        told.contains("All AOF files and manifest are valid"),
        "{told}"
    );
}

#[test]
fn a_rewrite_leaves_one_base_and_one_increment_and_both_start_anew() {
    let server = forebay("everysec").start();
    let mut client = server.client();
    for i in 0..1000 {
        client.ok(&format!("SET key {i}"));
    }
    rewrite(&server, &mut client);
    client.ok("SET other 1");
    rewrite(&server, &mut client);
    let mut names: Vec<_> = std::fs::read_dir(log_directory(&server))
        .expect("there is a log")
        .map(|e| {
            e.expect("it can be read")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "appendonly.aof.3.base.rdb",
            "appendonly.aof.3.incr.aof",
            "appendonly.aof.manifest"
        ]
    );
    let size = client.info_field("persistence", "aof_current_size");
    assert!(size.parse::<u64>().expect("a number") < 1000, "{size}");
}

#[test]
fn the_log_is_rewritten_by_itself_when_it_has_grown() {
    let server = forebay("everysec")
        .config("auto-aof-rewrite-min-size 100kb")
        .start();
    let mut client = server.client();
    let value = "x".repeat(1000);
    for _ in 0..200 {
        client.ok(&format!("SET key {value}"));
    }
    wait_until("the log is rewritten", || {
        client.info_field("persistence", "aof_rewrites") == "1"
    });
}
