//! SAVE, BGSAVE and save points: when, what, and what becomes of it when something breaks.

use crate::support::client::Client;
use crate::support::dataset::{differences, digest};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Something of every kind in two databases, large values among it.
fn fill(client: &mut Client) {
    for i in 0..20_000 {
        client.cmd(&["SET", &format!("key:{i}"), &format!("value:{i}")]);
    }
    for i in 0..2_000 {
        client.cmd(&["HSET", "large hash", &format!("field:{i}"), "value"]);
        client.cmd(&["ZADD", "large zset", &i.to_string(), &format!("member:{i}")]);
        client.cmd(&["RPUSH", "large list", &format!("element:{i}")]);
        client.cmd(&["SADD", "large set", &format!("member:{i}")]);
        client.cmd(&["SET", &format!("later:{i}"), "x", "EX", "100000"]);
    }
    client.ok("SELECT 1");
    for i in 0..1_000 {
        client.cmd(&["HSET", &format!("hash:{i}"), "a", "1", "b", "2"]);
    }
    client.ok("SELECT 0");
}

fn wait_saved(client: &mut Client) {
    wait_until("the save has ended", || {
        client.info_field("persistence", "rdb_bgsave_in_progress") == "0"
    });
}

/// What stands in the server's dump: in a real server where there is one.
fn judge(server: &Server) -> Server {
    let judge = Builder::peer("redis-7.0").unwrap_or_else(Builder::forebay);
    judge.dump(server.dump_path()).start()
}

#[test]
fn what_is_written_during_a_save_is_not_in_it() {
    the_cut_is_saved("snapshot-preserve-limit 0");
}

#[test]
fn writers_wait_for_a_snapshot_that_may_hold_little() {
    the_cut_is_saved("snapshot-preserve-limit 20kb");
}

fn the_cut_is_saved(config: &str) {
    let server = Builder::forebay().config(config).start();
    let mut client = server.client();
    fill(&mut client);
    for round in 0..3 {
        // A key whose time has passed is in the digest, but not in what a server loads.
        wait_until("expired keys are gone", || {
            let live = client.run("KEYS later:*").items().unwrap().len();
            let line = client.info_field("keyspace", "db0");
            line.contains(&format!("expires={live},"))
        });
        client.ok("SAVE");
        let before = judge(&server);
        assert_eq!(digest(&mut before.client()), digest(&mut client));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            client.ok("BGSAVE");
            for n in 0..2 {
                let (mut writer, stop) = (server.client(), &stop);
                scope.spawn(move || {
                    let mut i = n * 7919;
                    while !stop.load(Ordering::Relaxed) {
                        i += 1;
                        disturb(&mut writer, i);
                    }
                });
            }
            if round == 2 {
                client.ok("SWAPDB 0 1");
                client.ok("FLUSHDB");
                client.ok("SELECT 1");
                client.ok("FLUSHDB");
                client.ok("SELECT 0");
            }
            wait_saved(&mut client);
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(
            client.info_field("persistence", "rdb_last_bgsave_status"),
            "ok"
        );
        let after = judge(&server);
        let different = differences(&mut before.client(), &mut after.client(), 0);
        assert!(different.is_empty(), "round {round}: {different:#?}");
    }
}

fn disturb(writer: &mut Client, i: usize) {
    let key = |n: usize| format!("key:{}", n % 20_000);
    let n = i.wrapping_mul(2_654_435_761) >> 8;
    match i % 12 {
        0 => writer.cmd(&["DEL", &key(n)]),
        1 => writer.cmd(&["RENAME", &key(n), &key(n + 1)]),
        2 => writer.cmd(&["APPEND", &key(n), "more"]),
        3 => writer.cmd(&["HSET", "large hash", &format!("field:{}", n % 3000), "new"]),
        4 => writer.cmd(&["ZREM", "large zset", &format!("member:{}", n % 2000)]),
        5 => writer.cmd(&["LPOP", "large list"]),
        6 => writer.cmd(&["SREM", "large set", &format!("member:{}", n % 2000)]),
        7 => writer.cmd(&["PEXPIRE", &format!("later:{}", n % 2000), "1"]),
        8 => writer.cmd(&["SET", &key(n), &"x".repeat(n % 5000)]),
        9 => writer.cmd(&["MOVE", &key(n), "1"]),
        10 => writer.cmd(&["COPY", &key(n), &key(n + 5), "REPLACE"]),
        _ => writer.cmd(&["SET", &format!("new:{n}"), "value"]),
    };
}

#[test]
fn flushall_gives_a_running_save_up_and_saves_the_empty_dataset_where_there_are_save_points() {
    for (save, expected) in [("save \"\"", 1), ("save 1000 1000000", 0)] {
        let server = Builder::forebay().config(save).start();
        let mut client = server.client();
        client.ok("SET old dump");
        client.ok("SAVE");
        fill(&mut client);
        let one_write = [vec!["BGSAVE"], vec!["FLUSHALL"]];
        client.pipeline(&one_write);
        wait_saved(&mut client);
        assert_eq!(judge(&server).client().int("DBSIZE"), expected, "{save}");
    }
}

#[test]
fn a_held_flushall_gives_the_save_up_that_holds_it() {
    let server = Builder::forebay()
        .config("snapshot-preserve-limit 1")
        .start();
    let mut client = server.client();
    for _ in 0..3 {
        fill(&mut client);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (mut writer, stop) = (server.client(), &stop);
            scope.spawn(move || {
                let mut i = 0;
                while !stop.load(Ordering::Relaxed) {
                    i += 1;
                    disturb(&mut writer, i);
                }
            });
            client.ok("BGSAVE");
            client.ok("FLUSHALL");
            wait_saved(&mut client);
            stop.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_save_point_saves() {
    let server = Builder::forebay().config("save 1 2").start();
    let mut client = server.client();
    client.ok("SET a 1");
    client.ok("SET b 1");
    wait_until("the save point has fired", || {
        client.info_field("persistence", "rdb_saves") == "1"
    });
    wait_saved(&mut client);
    assert!(server.log().contains("2 changes in 1 seconds. Saving..."));
    assert_eq!(
        client.info_field("persistence", "rdb_changes_since_last_save"),
        "0"
    );
    assert_eq!(digest(&mut judge(&server).client()), digest(&mut client));
}

#[test]
fn a_killed_save_leaves_the_old_dump() {
    let mut server = Builder::forebay().config("save \"\"").start();
    let mut client = server.client();
    fill(&mut client);
    client.ok("SAVE");
    let good = fs::read(server.dump_path()).unwrap();
    let saved = digest(&mut client);
    client.ok("SET one more");
    client.ok("BGSAVE");
    server.kill();
    let now = fs::read(server.dump_path()).unwrap();
    // It may have been quick enough to end: then the new dump is whole.
    let server = server.restart();
    let digest = digest(&mut server.client());
    assert!(now != good || digest == saved);
    assert!(server.client().int("DBSIZE") >= 20_000);
}

#[test]
fn a_failing_save_is_told_and_stops_writes_until_one_succeeds() {
    let server = Builder::forebay().config("save 1000 1000").start();
    let mut client = server.client();
    client.ok("SET key value");
    client.ok("SAVE");
    let good = fs::read(server.dump_path()).unwrap();
    fs::remove_file(server.dump_path()).unwrap();
    fs::create_dir(server.dump_path()).unwrap();
    fs::write(server.dump_path().join("file"), "").unwrap();
    client.run("BGSAVE");
    wait_until("the failure is told", || {
        client.info_field("persistence", "rdb_last_bgsave_status") == "err"
    });
    assert!(client.error("SET key other").starts_with("MISCONF"));
    assert_eq!(client.text("GET key"), "value");
    fs::remove_dir_all(server.dump_path()).unwrap();
    fs::write(server.dump_path(), &good).unwrap();
    client.ok("BGSAVE");
    wait_saved(&mut client);
    client.ok("SET key other");
}

#[test]
fn no_temporary_file_is_left_behind() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    fill(&mut client);
    client.ok("BGSAVE");
    client.run("BGSAVE CANCEL");
    wait_saved(&mut client);
    client.ok("SAVE");
    let mut left: Vec<String> = fs::read_dir(server.dir())
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("temp") || name.ends_with(".tmp"))
        .collect();
    left.sort();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn lastsave_moves_with_each_save() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let first = client.int("LASTSAVE");
    wait_until("a second has passed and a save is younger", || {
        client.ok("SAVE");
        client.int("LASTSAVE") > first
    });
}

#[test]
fn a_full_cache_keeps_its_keys_through_a_save_and_a_restart() {
    let builder = Builder::forebay().config("maxmemory 24mb");
    let server = builder.config("maxmemory-policy allkeys-lru").start();
    let mut client = server.client();
    let value = "x".repeat(500);
    let mut written = 0;
    let mut write = |client: &mut Client, keys: usize| {
        for _ in 0..keys / 100 {
            let batch =
                (written..written + 100).map(|i| ["SET".into(), i.to_string(), value.clone()]);
            written += 100;
            let replies = client.pipeline(&batch.map(Vec::from).collect::<Vec<_>>());
            assert!(replies.iter().all(|r| !r.is_error()), "{replies:?}");
        }
    };
    write(&mut client, 50_000);
    let full = client.int("DBSIZE");
    assert!(full < 50_000, "keys had to go");
    client.ok("BGSAVE");
    write(&mut client, 1_000);
    wait_saved(&mut client);
    // What the snapshot holds meanwhile, and what the load has just held, is not the keys' fault.
    let after = client.int("DBSIZE");
    assert!(
        after > full / 3 * 2,
        "{full} keys before the save, {after} after"
    );
    let restarted = server.restart();
    let loaded = restarted.client().int("DBSIZE");
    assert!(
        loaded > full / 3 * 2,
        "{full} keys were saved, {loaded} are there"
    );
}

#[test]
fn a_dump_goes_where_dumps_went_when_its_save_began() {
    let other = tempfile::tempdir().unwrap();
    for change in [
        format!("CONFIG SET dir {}", other.path().display()),
        "CONFIG SET dbfilename other.rdb".to_owned(),
    ] {
        let server = Builder::forebay()
            .config("enable-protected-configs yes")
            .config("rdb-key-save-delay 20000")
            .start();
        let mut client = server.client();
        client.ok("DEBUG POPULATE 30");
        client.ok("BGSAVE");
        client.ok(&change);
        let running = client.info_field("persistence", "rdb_bgsave_in_progress");
        assert_eq!(running, "1", "the change comes while it runs");
        wait_saved(&mut client);
        assert!(server.dump_path().exists(), "{change}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
        assert!(!server.dir().join("other.rdb").exists());
    }
}

/// They slept on, so that a delay of hours set by mistake could only be ended with the save.
#[test]
fn saves_and_rewrites_that_are_delayed_go_on_at_once_when_the_delay_ends() {
    for (begin, field) in [
        ("BGSAVE", "rdb_bgsave_in_progress"),
        ("BGREWRITEAOF", "aof_rewrite_in_progress"),
    ] {
        let server = Builder::forebay()
            .config("rdb-key-save-delay 600000000")
            .start();
        let mut client = server.client();
        client.ok("MSET a 1 b 2");
        client.run(begin);
        assert_eq!(client.info_field("persistence", field), "1", "{begin}");
        client.ok("CONFIG SET rdb-key-save-delay 0");
        wait_until("it has ended", || {
            client.info_field("persistence", field) == "0"
        });
    }
}
