//! Every way of a full sync, with writers at work.

use crate::pair::{PEER, Writers, assert_in_step, builder, number, seed_data};
use crate::support::wait::wait_until;

/// Primary, replica, `repl-diskless-sync`, `repl-diskless-load`.
fn check(primary: &str, replica: &str, diskless: &str, load: &str) {
    let (Some(primary), Some(replica)) = (builder(primary), builder(replica)) else {
        return;
    };
    let primary = primary
        .config(format!("repl-diskless-sync {diskless}"))
        .start();
    seed_data(&primary);
    let writers = Writers::start(&primary, 2);
    let replica = replica.config(format!("repl-diskless-load {load}")).start();
    replica.client().ok("SET stale data");
    let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    replica.client().ok(&line);
    crate::pair::wait_link(&replica);
    writers.wait_more(500);
    writers.stop();
    assert_in_step(&primary, &replica);
    assert_eq!(
        replica.client().run("GET stale").text(),
        None,
        "{diskless} {load}"
    );
    assert_eq!(
        number(&primary, "stats", "sync_full"),
        1,
        "{}",
        primary.log()
    );
}

macro_rules! modes {
    ($($name:ident: $primary:expr, $replica:expr, $diskless:literal, $load:literal;)*) => {
        $(#[test]
        fn $name() {
            check($primary, $replica, $diskless, $load);
        })*
    };
}

modes! {
    a_real_replica_loads_our_file_from_its_file: "forebay", PEER, "no", "disabled";
    a_real_replica_loads_our_file_into_memory: "forebay", PEER, "no", "on-empty-db";
    a_real_replica_swaps_our_file_in: "forebay", PEER, "no", "swapdb";
    a_real_replica_loads_our_stream_from_its_file: "forebay", PEER, "yes", "disabled";
    a_real_replica_loads_our_stream_into_memory: "forebay", PEER, "yes", "on-empty-db";
    a_real_replica_swaps_our_stream_in: "forebay", PEER, "yes", "swapdb";
    we_load_a_real_primarys_file_from_our_file: PEER, "forebay", "no", "disabled";
    we_load_a_real_primarys_file_into_memory: PEER, "forebay", "no", "on-empty-db";
    we_swap_a_real_primarys_file_in: PEER, "forebay", "no", "swapdb";
    we_load_a_real_primarys_stream_from_our_file: PEER, "forebay", "yes", "disabled";
    we_load_a_real_primarys_stream_into_memory: PEER, "forebay", "yes", "on-empty-db";
    we_swap_a_real_primarys_stream_in: PEER, "forebay", "yes", "swapdb";
    forebay_follows_forebay_by_file: "forebay", "forebay", "no", "disabled";
    forebay_follows_forebay_by_memory: "forebay", "forebay", "yes", "on-empty-db";
    forebay_follows_forebay_by_swap: "forebay", "forebay", "yes", "swapdb";
}

#[test]
fn replicas_that_come_together_share_one_snapshot() {
    let Some(peer) = builder(PEER) else { return };
    let primary = builder("forebay")
        .expect("it is built")
        .config("repl-diskless-sync-delay 2")
        .start();
    seed_data(&primary);
    let replicas: Vec<_> = (0..3)
        .map(|_| peer.clone().replica_of(&primary).start())
        .collect();
    for replica in &replicas {
        assert_in_step(&primary, replica);
    }
    let started = primary.log().matches("Starting BGSAVE for SYNC").count();
    assert!(started <= 2, "{started} snapshots for three replicas");
}

/// A replica sees the primary's data, whatever the primary's dump file is called by then.
#[test]
fn a_sync_by_file_sends_the_file_that_was_written_for_it() {
    let other = tempfile::tempdir().expect("a directory can be made");
    for change in [
        "CONFIG SET dbfilename other.rdb".to_owned(),
        format!("CONFIG SET dir {}", other.path().display()),
    ] {
        let primary = builder("forebay").expect("it is built");
        let primary = primary
            .config("repl-diskless-sync no")
            .config("enable-protected-configs yes")
            .start();
        let mut client = primary.client();
        client.ok("SET stale data");
        client.ok("SAVE");
        std::fs::copy(primary.dump_path(), primary.dir().join("other.rdb")).expect("copied");
        std::fs::copy(primary.dump_path(), other.path().join("dump.rdb")).expect("copied");
        client.ok("DEL stale");
        client.ok("DEBUG POPULATE 30");
        client.ok("CONFIG SET rdb-key-save-delay 20000");
        let replica = builder("forebay").expect("it is built");
        let replica = replica.replica_of(&primary).start();
        wait_until("the dump is being written", || {
            number(&primary, "persistence", "rdb_bgsave_in_progress") == 1
        });
        client.ok(&change);
        crate::pair::wait_link(&replica);
        assert_in_step(&primary, &replica);
    }
}

#[test]
fn a_primary_that_saves_nothing_removes_the_dump_that_served_a_sync_and_no_other() {
    for (remove, save_points, stays) in [
        ("yes", "\"\"", false),
        ("no", "\"\"", true),
        ("yes", "1000 1000", true),
    ] {
        let primary = builder("forebay").expect("it is built");
        let primary = primary
            .config("repl-diskless-sync no")
            .config(format!("rdb-del-sync-files {remove}"))
            .config(format!("save {save_points}"))
            .start();
        primary.client().ok("SET key value");
        let replica = builder("forebay").expect("it is built");
        let replica = replica
            .config("repl-diskless-load disabled")
            .config(format!("rdb-del-sync-files {remove}"))
            .replica_of(&primary)
            .start();
        crate::pair::wait_link(&replica);
        assert_in_step(&primary, &replica);
        // Nothing else is saved on the replica.
        assert_eq!(replica.dump_path().exists(), remove == "no");
        if stays {
            primary.client().ok("SET mark 1");
            assert_in_step(&primary, &replica);
            assert!(primary.dump_path().exists(), "{remove} {save_points}");
        } else {
            wait_until("the dump is removed", || !primary.dump_path().exists());
            // What is saved on purpose stays.
            primary.client().ok("SAVE");
            assert_in_step(&primary, &replica);
            assert!(primary.dump_path().exists());
        }
    }
}

/// A transaction that was to run on what it had read does not run on other data.
#[test]
fn a_watched_key_that_a_load_replaces_has_changed() {
    let primary = builder("forebay").expect("it is built").start();
    primary.client().ok("SET theirs 1");
    for load in ["disabled", "flush-before-load", "swapdb"] {
        let replica = builder("forebay").expect("it is built");
        let replica = replica
            .config(format!("repl-diskless-load {load}"))
            .config("replica-read-only no")
            .start();
        replica.client().ok("SET ours 1");
        let mut clients = ["ours", "theirs", "neither"].map(|key| {
            let mut client = replica.client();
            client.ok(&format!("WATCH {key}"));
            client
        });
        let line = format!("REPLICAOF 127.0.0.1 {}", primary.port());
        replica.client().ok(&line);
        crate::pair::wait_link(&replica);
        let ran = clients.each_mut().map(|client| {
            client.ok("MULTI");
            client.run("PING");
            !client.run("EXEC").is_null()
        });
        assert_eq!(ran, [false, false, true], "{load}");
    }
    let mut watcher = primary.client();
    for (key, runs) in [("theirs", false), ("neither", true)] {
        watcher.ok(&format!("WATCH {key}"));
        watcher.ok("DEBUG RELOAD");
        watcher.ok("MULTI");
        watcher.run("PING");
        assert_eq!(!watcher.run("EXEC").is_null(), runs, "{key}");
    }
}
