//! The log while the server runs: switched on and off, and when the dataset is replaced.

use crate::support::server::Builder;
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, log_directory, wait_written, write};
use base::testing::Rng;

#[test]
fn it_can_be_switched_on_and_off() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let mut rng = Rng::new(5);
    write(&mut client, &mut rng, 30);
    for _ in 0..2 {
        client.ok("CONFIG SET appendonly yes");
        write(&mut client, &mut rng, 30);
        wait_written(&server);
        write(&mut client, &mut rng, 30);
        let expected = digest(&mut client);
        client.ok("CONFIG SET appendonly no");
        assert_eq!(client.info_field("persistence", "aof_enabled"), "0");
        client.ok("SET behind it");
        let copy = copy_log(&server);
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        assert_eq!(loaded_by(reader, copy.path()), expected);
        assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
    }
}

#[test]
fn a_dump_becomes_the_base_where_there_is_no_log() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    write(&mut client, &mut Rng::new(6), 50);
    client.ok("SAVE");
    let expected = digest(&mut client);
    let mut server = server.restart_with(|builder| builder.config("appendonly yes"));
    assert_eq!(digest(&mut server.client()), expected);
    server.kill();
    std::fs::remove_file(server.dump_path()).expect("there is a dump");
    let server = server.restart();
    assert_eq!(digest(&mut server.client()), expected);
}

#[test]
fn a_full_sync_gives_the_log_another_base() {
    for load in ["disabled", "swapdb"] {
        let primary = Builder::forebay().start();
        write(&mut primary.client(), &mut Rng::new(8), 50);
        let replica = forebay("everysec")
            .config(format!("repl-diskless-load {load}"))
            .start();
        let mut client = replica.client();
        client.ok("SET old value");
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        wait_until("the link is up", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        write(&mut primary.client(), &mut Rng::new(9), 50);
        let expected = digest(&mut primary.client());
        wait_until("it has all", || digest(&mut client) == expected);
        wait_written(&replica);
        let copy = copy_log(&replica);
        let Some(reader) = Builder::peer("redis-8.2") else {
            continue;
        };
        assert_eq!(loaded_by(reader, copy.path()), expected, "{load}");
    }
}

/// SHUTDOWN gave the rewrite up and the process ended, although neither the log nor a dump had the data.
#[test]
fn a_shutdown_is_refused_until_the_log_has_its_base_unless_it_is_forced() {
    let slow = || {
        let server = Builder::forebay().start();
        let mut client = server.client();
        client.ok("MSET a 1 b 2");
        client.ok("CONFIG SET rdb-key-save-delay 600000000");
        client.ok("CONFIG SET appendonly yes");
        client.ok("CONFIG SET shutdown-timeout 1");
        for line in ["SHUTDOWN", "SHUTDOWN NOSAVE NOW", "SHUTDOWN SAVE NOW"] {
            let error = client.error(line);
            assert_eq!(
                error, "ERR Errors trying to SHUTDOWN. Check logs.",
                "{line}"
            );
        }
        client.ok("CONFIG SET shutdown-timeout 0");
        (server, client)
    };
    let (mut server, mut client) = slow();
    server.signal(libc::SIGTERM);
    server.wait_log("Received SIGTERM scheduling shutdown");
    assert_eq!(client.text("GET a"), "1");
    assert!(server.log().contains("Writing initial AOF, can't exit."));
    assert!(client.try_cmd(&["SHUTDOWN", "FORCE"]).is_err());
    assert_eq!(server.wait_exit().code(), Some(0));
    assert!(server.log().contains("Writing initial AOF. Exit anyway."));
    // It ends when the log has begun.
    let (mut server, mut client) = slow();
    client.ok("CONFIG SET shutdown-timeout 1000");
    server.signal(libc::SIGTERM);
    server.wait_log("Waiting for the base of the append-only file before shutting down.");
    client.ok("CONFIG SET rdb-key-save-delay 0");
    assert_eq!(server.wait_exit().code(), Some(0));
    let server = server.restart_with(|builder| builder.config("appendonly yes"));
    assert_eq!(server.client().text("GET b"), "2");
    // Without a log there is nothing to wait for.
    let (mut server, mut client) = slow();
    client.ok("CONFIG SET appendonly no");
    assert!(client.try_cmd(&["SHUTDOWN"]).is_err());
    assert_eq!(server.wait_exit().code(), Some(0));
}

#[test]
fn debug_loadaof_gives_what_was_written_and_the_log_goes_on() {
    for fsync in ["always", "everysec", "no"] {
        let mut server = forebay(fsync).start();
        let mut client = server.client();
        let mut rng = Rng::new(11);
        for round in 0..4 {
            write(&mut client, &mut rng, 30);
            if round == 2 {
                client.ok("BGREWRITEAOF");
            }
            let before = digest(&mut client);
            client.ok("DEBUG LOADAOF");
            assert_eq!(digest(&mut client), before, "{fsync}, round {round}");
        }
        client.ok("SET last 1");
        let expected = digest(&mut client);
        server.signal(libc::SIGTERM);
        server.wait_exit();
        let copy = copy_log(&server);
        assert_eq!(loaded_by(Builder::forebay(), copy.path()), expected);
    }
}

#[test]
fn a_rewrite_without_a_log_writes_one_that_can_be_loaded() {
    for name in ["forebay", "redis-7.2"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.config("aof-use-rdb-preamble no").start();
        let mut client = server.client();
        for (seq, value) in [(1, "one"), (2, "two")] {
            client.ok(&format!("SET k {value}"));
            client.ok("BGREWRITEAOF");
            let base = format!("file appendonly.aof.{seq}.base.aof seq {seq} type b\n");
            let manifest = log_directory(&server).join("appendonly.aof.manifest");
            wait_until("the manifest names the base", || {
                std::fs::read_to_string(&manifest).is_ok_and(|text| text == base)
            });
            wait_until("the rewrite has ended", || {
                client.info_field("persistence", "aof_rewrite_in_progress") == "0"
            });
            client.ok("SET k other");
            client.ok("DEBUG LOADAOF");
            assert_eq!(client.text("GET k"), value, "{name}");
        }
    }
}

/// It ended the rewrite, as if that were a save.
#[test]
fn bgsave_cancel_leaves_a_rewrite_alone() {
    for name in ["forebay", "valkey-8.1"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.start();
        let mut client = server.client();
        client.ok("MSET a 1 b 2");
        client.ok("CONFIG SET rdb-key-save-delay 600000000");
        client.run("BGREWRITEAOF");
        client.run("BGSAVE SCHEDULE");
        let cancelled = client.run("BGSAVE CANCEL");
        let text = Some("Scheduled background saving cancelled");
        assert_eq!(cancelled.text(), text, "{name}");
        let error = "ERR Background saving is currently not in progress or scheduled";
        assert_eq!(client.error("BGSAVE CANCEL"), error, "{name}");
        assert_eq!(client.info("persistence")["aof_rewrite_in_progress"], "1");
    }
}

#[test]
fn rewrites_and_saves_wait_for_each_other_with_the_same_words() {
    for name in ["forebay", "redis-7.2"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.config("appendonly yes").start();
        let mut client = server.client();
        for i in 0..20 {
            client.ok(&format!("SET k{i} v"));
        }
        client.ok("CONFIG SET rdb-key-save-delay 200000");
        let scheduled = "Background append only file rewriting scheduled";
        assert_eq!(client.text("BGSAVE"), "Background saving started");
        assert_eq!(client.text("BGREWRITEAOF"), scheduled, "{name}");
        assert_eq!(
            client.info_field("persistence", "aof_rewrite_scheduled"),
            "1"
        );
        client.ok("CONFIG SET appendonly no");
        client.ok("CONFIG SET appendonly yes");
        server.wait_log("AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.");
        client.ok("CONFIG SET rdb-key-save-delay 0");
        wait_until("the rewrite has ended", || {
            let info = client.info("persistence");
            info["rdb_bgsave_in_progress"] == "0"
                && info["aof_rewrite_in_progress"] == "0"
                && info["aof_rewrite_scheduled"] == "0"
        });
        client.ok("CONFIG SET rdb-key-save-delay 200000");
        for line in ["MULTI", "BGREWRITEAOF", "SET k v"] {
            client.ok(line);
        }
        assert!(client.ok("EXEC").to_string().contains(scheduled), "{name}");
        wait_until("the rewrite has begun", || {
            client.info_field("persistence", "aof_rewrite_in_progress") == "1"
        });
        assert!(client.error("BGREWRITEAOF").contains("already in progress"));
        assert!(
            client
                .error("BGSAVE")
                .contains("Another child process is active (AOF?)")
        );
        assert_eq!(
            client.text("BGSAVE SCHEDULE"),
            "Background saving scheduled"
        );
        client.ok("CONFIG SET appendonly no");
        server.wait_log("Killing running AOF rewrite child: ");
        wait_until("it has ended", || {
            client.info_field("persistence", "aof_rewrite_in_progress") == "0"
        });
    }
}

#[test]
fn history_is_kept_while_it_is_not_to_be_removed() {
    for name in ["forebay", "redis-7.2"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder.config("appendonly yes").start();
        let mut client = server.client();
        client.ok("CONFIG SET aof-disable-auto-gc yes");
        let manifest = log_directory(&server).join("appendonly.aof.manifest");
        let is = |text: &str| std::fs::read_to_string(&manifest).is_ok_and(|is| is == text);
        let now = |seq: usize, kind: &str| {
            let base = format!("file appendonly.aof.{seq}.base.rdb seq {seq} type ");
            let incr = format!("file appendonly.aof.{seq}.incr.aof seq {seq} type ");
            match kind {
                "h" => (format!("{base}h\n"), format!("{incr}h\n")),
                _ => (format!("{base}b\n"), format!("{incr}i\n")),
            }
        };
        let mut before = String::new();
        for seq in 2..4 {
            client.ok("BGREWRITEAOF");
            let (base, incr) = now(seq - 1, "h");
            before = format!("{incr}{base}{before}");
            let (base, incr) = now(seq, "");
            let text = format!("{base}{before}{incr}");
            wait_until("the manifest names the history", || is(&text));
            wait_until("the rewrite has ended", || {
                client.info_field("persistence", "aof_rewrite_in_progress") == "0"
            });
        }
        let files = || {
            std::fs::read_dir(log_directory(&server))
                .expect("a log")
                .count()
        };
        assert_eq!(files(), 7, "{name}");
        client.ok("CONFIG SET aof-disable-auto-gc no");
        let (base, incr) = now(3, "");
        wait_until("the manifest names no history", || {
            is(&format!("{base}{incr}"))
        });
        wait_until("the history is gone", || files() == 3);
    }
}

#[test]
fn who_waits_for_the_log_is_told_when_it_is_switched_off() {
    for name in ["forebay", "redis-7.2", "redis-8.2"] {
        let Some(builder) = Builder::named(name) else {
            continue;
        };
        let server = builder
            .config("appendonly yes")
            .config("appendfsync no")
            .start();
        let (mut client, mut other) = (server.client(), server.client());
        other.ok("INCR n");
        other.send(&["WAITAOF", "1", "0", "0"]).expect("it is sent");
        wait_until("it waits", || {
            client.info_field("clients", "blocked_clients") == "1"
        });
        client.ok("CONFIG SET appendonly no");
        let reply = other.read().expect("a reply").to_string();
        let off = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
        assert!(reply.contains(off), "{name}: {reply}");
        client.ok("CONFIG SET appendonly yes");
        client.ok("CONFIG SET appendfsync always");
        client.ok("CONFIG SET latency-monitor-threshold 1");
        client.ok("DEBUG AOF-FLUSH-SLEEP 20000");
        client.ok("INCR n");
        assert_eq!(client.ok("WAITAOF 1 0 0").to_string(), "[:1, :0]", "{name}");
        // Real servers do not count this sleep as the time of the write.
        if name == "forebay" {
            wait_until("the monitor has seen the slow write", || {
                let events = client.ok("LATENCY LATEST").to_string();
                events.contains("aof-write,") && events.contains("aof-write-a")
            });
        }
        client.ok("DEBUG AOF-FLUSH-SLEEP 0");
    }
}

/// What DEBUG RELOAD saved and loaded is what the log holds: it goes on, and nothing has to wait for another base.
#[test]
fn the_log_goes_on_after_debug_reload_and_gets_a_base_where_another_dump_was_loaded() {
    let server = forebay("always").start();
    let mut client = server.client();
    write(&mut client, &mut Rng::new(12), 20);
    let rewrites = client.info_field("persistence", "aof_rewrites");
    client.ok("DEBUG RELOAD");
    client.ok("DEBUG LOADAOF");
    client.ok("SET behind it");
    let expected = digest(&mut client);
    client.ok("DEBUG LOADAOF");
    assert_eq!(digest(&mut client), expected);
    assert_eq!(client.info_field("persistence", "aof_rewrites"), rewrites);
    // The dump does not have the last write.
    client.ok("DEBUG RELOAD NOSAVE");
    assert_eq!(client.int("EXISTS behind"), 0);
    let expected = digest(&mut client);
    let mut server = server;
    client.send(&["SHUTDOWN", "NOSAVE"]).expect("it reads");
    assert_eq!(server.wait_exit().code(), Some(0));
    let server = server.restart();
    assert_eq!(digest(&mut server.client()), expected);
}
