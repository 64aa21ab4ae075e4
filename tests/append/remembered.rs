//! What replicas have shown to understand is in the log: after a restart nobody has to show it again.

use crate::forebay;
use crate::history::{full_syncs, wait_link};
use crate::support::dataset::wait_caught_up;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

/// A replica, and what it understands and does not tell: what is written first, and after a restart.
const SHOWN: [(&str, &str, &str); 2] = [
    (
        "redis-7.4",
        "HSETEX h EX 10000 FIELDS 1 f v",
        "HSETEX h EX 20000 FIELDS 1 g v",
    ),
    ("redis-8.10", "ARSET array 5 a 1.5", "ARSET array 7 b"),
];

/// The replica has run all that the primary wrote, and holds the same.
fn assert_follows(primary: &Server, replica: &Server) {
    wait_link(replica);
    let (mut ours, mut theirs) = (primary.client(), replica.client());
    wait_caught_up(&mut ours, &mut theirs);
    let digest = |server: &Server| match server.name() {
        "forebay" => server.client().text("DEBUG DIGEST redis-7.2"),
        _ => server.client().text("DEBUG DIGEST"),
    };
    assert_eq!(digest(primary), digest(replica), "{}", replica.name());
}

/// The log of this server has a line that says what its replica has shown, after everything that was written.
fn wait_recorded(primary: &Server, replica: &Server) {
    let files = || {
        let dir = crate::log_directory(primary);
        let files = std::fs::read_dir(dir).expect("there is a log").flatten();
        let read = |path: std::path::PathBuf| std::fs::read(path).unwrap_or_default();
        let all: Vec<Vec<u8>> = files.map(|file| read(file.path())).collect();
        String::from_utf8_lossy(&all.concat()).into_owned()
    };
    let end = format!(":{}\r\n", replica.port());
    wait_until("it is recorded what the replica has shown", || {
        let files = files();
        let mut lines = files.split_inclusive("\r\n");
        lines.any(|line| line.starts_with("#REPL:reader ") && line.ends_with(&end))
    });
    crate::wait_written(primary);
}

#[test]
fn what_a_replica_has_shown_is_known_after_a_restart() {
    for (name, first, second) in SHOWN {
        let Some(replica) = Builder::peer(name) else {
            continue;
        };
        let mut primary = forebay("everysec").start();
        let replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        primary.client().ok(first);
        wait_until("the replica has shown what it reads", || {
            full_syncs(&primary) == "2"
        });
        assert_follows(&primary, &replica);
        wait_recorded(&primary, &replica);
        for round in 0..2 {
            primary.kill();
            primary = primary.restart();
            wait_link(&replica);
            primary.client().ok(second);
            assert_follows(&primary, &replica);
            assert_eq!(full_syncs(&primary), "0", "{name}, round {round}");
            // A new increment has it, too.
            if round == 0 {
                crate::readers::rewrite(&primary, &mut primary.client());
            }
        }
    }
}

#[test]
fn in_the_middle_of_a_chain_it_is_known_as_well() {
    let (Some(top), Some(leaf)) = (Builder::peer("redis-8.10"), Builder::peer("redis-8.10")) else {
        return;
    };
    let top = top.config("repl-diskless-sync-delay 0").start();
    let mut middle = forebay("everysec").replica_of(&top).start();
    wait_link(&middle);
    let leaf = leaf.replica_of(&middle).start();
    wait_link(&leaf);
    top.client().ok("MSETEX 2 a 1 b 2 EX 10000");
    wait_until("the leaf has shown what it reads", || {
        full_syncs(&middle) == "2"
    });
    assert_follows(&middle, &leaf);
    wait_recorded(&middle, &leaf);
    middle.kill();
    let middle = middle.restart();
    wait_link(&middle);
    assert_follows(&middle, &leaf);
    top.client().ok("MSETEX 2 a 3 b 4 EX 10000");
    wait_caught_up(&mut top.client(), &mut middle.client());
    assert_follows(&middle, &leaf);
    assert_eq!(full_syncs(&middle), "0");
}

/// Whoever comes to the same address without a place in our history has to show it anew.
#[test]
fn an_older_server_in_the_place_of_a_newer_one_is_not_taken_for_it() {
    let (Some(newer), Some(older)) = (Builder::peer("redis-8.10"), Builder::peer("redis-8.2"))
    else {
        return;
    };
    for restarts in [false, true] {
        let mut primary = forebay("everysec").start();
        let mut replica = newer.clone().replica_of(&primary).start();
        wait_link(&replica);
        primary.client().ok("ARSET array 5 a");
        wait_until("the replica has shown what it reads", || {
            full_syncs(&primary) == "2"
        });
        assert_follows(&primary, &replica);
        wait_recorded(&primary, &replica);
        primary.client().ok("DEL array");
        let port = replica.port();
        replica.kill();
        drop(replica);
        if restarts {
            primary.kill();
            primary = primary.restart();
        }
        let replica = older.clone().port(port).replica_of(&primary).start();
        assert_follows(&primary, &replica);
        primary.client().ok("ARSET array 5 a");
        primary.client().ok("SET after 1");
        primary.wait_log("is not known to understand arrays");
        let told = replica.log();
        assert!(!told.contains("sending an error to its master"), "{told}");
    }
}

/// What the primary says and what is run here are not the same words: what the log only mentions counts, too.
#[test]
fn words_that_the_log_only_mentions_are_not_for_those_who_do_not_know_them() {
    let (Some(top), Some(leaf)) = (Builder::peer("redis-8.10"), Builder::peer("redis-8.2")) else {
        return;
    };
    let top = top.config("repl-diskless-sync-delay 0").start();
    let middle = forebay("everysec").replica_of(&top).start();
    wait_link(&middle);
    let leaf = leaf.replica_of(&middle).start();
    wait_link(&leaf);
    top.client().ok("SET before 1");
    assert_follows(&middle, &leaf);
    leaf.signal(libc::SIGSTOP);
    for n in 0..40 {
        let value = "x".repeat(n * 20 + 1);
        top.client()
            .ok(&format!("MSETEX 2 a {value} b {value} EX 10000"));
    }
    wait_caught_up(&mut top.client(), &mut middle.client());
    crate::wait_written(&middle);
    let middle = middle.restart();
    wait_link(&middle);
    leaf.signal(libc::SIGCONT);
    wait_until("the leaf has what it was not told", || {
        full_syncs(&middle) == "1"
    });
    assert_follows(&middle, &leaf);
    assert!(!leaf.log().contains("sending an error to its master"));
}
