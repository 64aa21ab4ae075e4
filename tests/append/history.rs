//! The log is the replication history: after a restart, a replica asks for what it lacks, and a primary serves it.

use crate::readers::assert_valid;
use crate::support::dataset::wait_caught_up;
use crate::support::server::{Builder, Server};
use crate::support::wait::{LONG, wait_until};
use crate::{digest, forebay, log_directory, wait_written, write};
use base::testing::Rng;
use std::path::Path;

/// Servers that Forebay replicates from and to.
const PEERS: [&str; 5] = [
    "forebay",
    "redis-7.0",
    "redis-8.2",
    "redis-8.10",
    "valkey-9.1",
];

pub fn wait_link(replica: &Server) {
    let mut client = replica.client();
    wait_until("the link is up", || {
        client.info_field("replication", "master_link_status") == "up"
    });
}

pub fn full_syncs(primary: &Server) -> String {
    primary.client().info_field("stats", "sync_full")
}

/// Both servers are at the same offset and have the same data.
pub fn assert_same(primary: &Server, replica: &Server) {
    let (mut a, mut b) = (primary.client(), replica.client());
    wait_caught_up(&mut a, &mut b);
    assert_eq!(digest(&mut a), digest(&mut b));
}

#[test]
fn a_replica_that_restarts_goes_on_where_its_log_ends() {
    for name in PEERS {
        let Some(primary) = Builder::named(name) else {
            continue;
        };
        let primary = primary.start();
        let replica = forebay("everysec").replica_of(&primary).start();
        wait_link(&replica);
        let mut client = primary.client();
        let mut replica = replica;
        for round in 0..3 {
            write(&mut client, &mut Rng::new(round), 30);
            client.ok("PUBLISH channel message");
            client.run("WAIT 1 100");
            write(&mut client, &mut Rng::new(round + 10), 1);
            assert_same(&primary, &replica);
            wait_written(&replica);
            let before = full_syncs(&primary);
            replica.kill();
            write(&mut client, &mut Rng::new(round + 20), 20);
            replica = replica.restart();
            wait_link(&replica);
            assert_same(&primary, &replica);
            assert_eq!(full_syncs(&primary), before, "{name}, round {round}");
            wait_written(&replica);
            assert_valid(replica.dir());
        }
    }
}

#[test]
fn a_primary_that_restarts_serves_what_its_log_holds() {
    for name in PEERS {
        let Some(replica) = Builder::named(name) else {
            continue;
        };
        let mut primary = forebay("everysec").start();
        let replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        for round in 0..3 {
            let mut client = primary.client();
            write(&mut client, &mut Rng::new(round), 30);
            client.ok("PUBLISH channel message");
            client.run("WAIT 1 100");
            // Nothing is waited for: what the replica has, the log has.
            primary.kill();
            primary = primary.restart();
            wait_link(&replica);
            write(&mut primary.client(), &mut Rng::new(round + 10), 5);
            assert_same(&primary, &replica);
            assert_eq!(full_syncs(&primary), "0", "{name}, round {round}");
            wait_written(&primary);
            assert_valid(primary.dir());
        }
    }
}

/// Stops a process so that it does nothing, not even answer.
fn with_stopped<R>(server: &Server, during: impl FnOnce() -> R) -> R {
    server.signal(libc::SIGSTOP);
    let result = during();
    server.signal(libc::SIGCONT);
    result
}

#[test]
fn what_a_replica_lacks_is_served_after_several_restarts() {
    let again = forebay("everysec");
    let mut primary = again.clone().start();
    let replica = Builder::forebay().replica_of(&primary).start();
    wait_link(&replica);
    with_stopped(&replica, || {
        for round in 0..3 {
            write(&mut primary.client(), &mut Rng::new(round), 20);
            wait_written(&primary);
            primary.start_again(again.clone());
            primary.wait_ready(LONG).expect("it starts");
        }
    });
    wait_link(&replica);
    assert_same(&primary, &replica);
    assert_eq!(full_syncs(&primary), "0");
    let sent = "Sending ";
    let log = primary.log();
    let line = log
        .lines()
        .rfind(|line| line.contains(sent))
        .expect("a partial resync");
    let bytes = line.split(sent).nth(1).expect("a number").split(' ').next();
    let bytes: u64 = bytes.expect("a number").parse().expect("a number");
    assert!(bytes > 10_000, "{line}");
}

#[test]
fn a_primary_whose_log_lost_its_end_syncs_replicas_that_have_more() {
    let mut primary = forebay("everysec").start();
    let replica = Builder::forebay().replica_of(&primary).start();
    wait_link(&replica);
    write(&mut primary.client(), &mut Rng::new(1), 20);
    assert_same(&primary, &replica);
    wait_written(&primary);
    primary.kill();
    let increment = log_directory(&primary).join("appendonly.aof.1.incr.aof");
    let file = std::fs::File::options()
        .write(true)
        .open(&increment)
        .expect("an increment");
    let len = file.metadata().expect("a length").len();
    file.set_len(len - 3000).expect("it is cut");
    primary = primary.restart();
    // More than was lost: by its number alone the replica's offset would be one of this history.
    write(&mut primary.client(), &mut Rng::new(2), 20);
    wait_link(&replica);
    assert_same(&primary, &replica);
    assert_eq!(full_syncs(&primary), "1");
}

#[test]
fn former_names_of_the_history_survive_restarts() {
    let first = Builder::forebay().start();
    let mut second = forebay("everysec").replica_of(&first).start();
    let third = Builder::forebay().replica_of(&first).start();
    wait_link(&second);
    wait_link(&third);
    wait_written(&second);
    write(&mut first.client(), &mut Rng::new(1), 10);
    assert_same(&first, &second);
    assert_same(&first, &third);
    let id = first.client().info_field("replication", "master_replid");
    drop(first);
    second.client().ok("REPLICAOF NO ONE");
    let second_id = second.client().info_field("replication", "master_replid2");
    assert_eq!(second_id, id);
    write(&mut second.client(), &mut Rng::new(2), 10);
    wait_written(&second);
    second.kill();
    let second = second.restart_with(|builder| builder.config("replicaof no one"));
    assert_eq!(second.client().info_field("replication", "role"), "master");
    third
        .client()
        .ok(&format!("REPLICAOF 127.0.0.1 {}", second.port()));
    wait_link(&third);
    assert_same(&second, &third);
    assert_eq!(full_syncs(&second), "0");
}

#[test]
fn keys_that_expired_while_the_primary_was_down_are_deleted_on_its_replicas() {
    let mut primary = forebay("everysec").start();
    let replica = Builder::named("redis-7.2")
        .unwrap_or_else(Builder::forebay)
        .replica_of(&primary)
        .start();
    wait_link(&replica);
    let mut client = primary.client();
    for i in 0..50 {
        client.ok(&format!("SET key{i} v PX 300"));
        client.ok(&format!("SET stays{i} v"));
    }
    assert_same(&primary, &replica);
    wait_written(&primary);
    primary.kill();
    let mut there = replica.client();
    wait_until("the last key to expire has expired", || {
        there.int("EXISTS key49") == 0
    });
    primary = primary.restart();
    wait_link(&replica);
    wait_until("the keys are gone", || there.int("DBSIZE") == 50);
    assert_same(&primary, &replica);
    assert_eq!(full_syncs(&primary), "0");
}

#[test]
fn durable_offsets_are_told_both_ways() {
    for name in ["forebay", "redis-7.2", "redis-8.10", "valkey-9.1"] {
        let Some(other) = Builder::named(name) else {
            continue;
        };
        let other = other.config("appendonly yes");
        for ours_is_primary in [true, false] {
            let (primary, replica) = match ours_is_primary {
                true => (forebay("everysec"), other.clone()),
                false => (other.clone(), forebay("everysec")),
            };
            let primary = primary.start();
            let replica = replica.replica_of(&primary).start();
            wait_link(&replica);
            let mut client = primary.client();
            for i in 0..3 {
                client.ok(&format!("SET key {i}"));
                let reply = client.run("WAITAOF 1 1 60000").to_string();
                assert_eq!(reply, "[:1, :1]", "{name}, {ours_is_primary}");
            }
            replica.client().ok("CONFIG SET appendonly no");
            client.ok("SET key last");
            let reply = client.run("WAITAOF 0 1 300").to_string();
            assert!(reply.ends_with(", :0]"), "{name}: {reply}");
        }
    }
}

#[test]
fn the_payload_of_a_full_sync_becomes_the_base_without_a_rewrite() {
    for name in ["forebay", "redis-7.0", "redis-7.2", "valkey-8.1"] {
        let Some(primary) = Builder::named(name) else {
            continue;
        };
        let primary = primary.start();
        write(&mut primary.client(), &mut Rng::new(5), 50);
        let replica = forebay("everysec").start();
        replica.client().ok("SET old value");
        let (host, port) = ("127.0.0.1", primary.port());
        replica.client().ok(&format!("REPLICAOF {host} {port}"));
        wait_link(&replica);
        assert_same(&primary, &replica);
        wait_written(&replica);
        let log = replica.log();
        assert!(!log.contains("rewriting started"), "{name}");
        let base = log_directory(&replica).join("appendonly.aof.2.base.rdb");
        let bytes = |path: &Path| std::fs::read(path).expect("a dump");
        assert!(bytes(&base) == bytes(&replica.dump_path()), "{name}");
        let before = full_syncs(&primary);
        let mut replica = replica;
        replica.kill();
        write(&mut primary.client(), &mut Rng::new(6), 5);
        let again = format!("replicaof {host} {port}");
        let replica = replica.restart_with(|builder| builder.config(again));
        wait_link(&replica);
        assert_same(&primary, &replica);
        assert_eq!(full_syncs(&primary), before, "{name}");
    }
}

#[test]
fn replicas_of_a_replica_that_restarts_go_on_too() {
    let primary = Builder::forebay().start();
    let middle = forebay("everysec").replica_of(&primary).start();
    wait_link(&middle);
    wait_written(&middle);
    let leaf = Builder::forebay().replica_of(&middle).start();
    wait_link(&leaf);
    let mut middle = middle;
    let full = full_syncs(&primary);
    for round in 0..2 {
        chain(&primary, &middle, &leaf, round);
        middle.kill();
        write(&mut primary.client(), &mut Rng::new(round + 50), 10);
        middle = middle.restart();
        wait_link(&middle);
        assert_eq!(chain(&primary, &middle, &leaf, round + 10), "0");
    }
    assert_eq!(full_syncs(&primary), full);
}

/// Writes at one end of a chain, and waits for it at the other. Gives the full syncs in the middle.
fn chain(primary: &Server, middle: &Server, leaf: &Server, seed: u64) -> String {
    write(&mut primary.client(), &mut Rng::new(seed), 10);
    assert_same(primary, middle);
    wait_link(leaf);
    assert_same(middle, leaf);
    full_syncs(middle)
}

#[test]
fn a_primary_that_restarts_as_a_replica_of_its_successor_goes_on() {
    for name in ["forebay", "redis-7.2", "valkey-9.1"] {
        let Some(successor) = Builder::named(name) else {
            continue;
        };
        let mut first = forebay("everysec").start();
        let successor = successor.replica_of(&first).start();
        wait_link(&successor);
        write(&mut first.client(), &mut Rng::new(1), 10);
        assert_same(&first, &successor);
        first.kill();
        let mut client = successor.client();
        client.ok("REPLICAOF NO ONE");
        write(&mut client, &mut Rng::new(2), 10);
        let follows = format!("replicaof 127.0.0.1 {}", successor.port());
        let first = first.restart_with(|builder| builder.config(follows));
        wait_link(&first);
        assert_same(&successor, &first);
        assert_eq!(full_syncs(&successor), "0", "{name}");
    }
}

#[test]
fn a_log_that_tells_no_place_leads_to_a_full_sync_and_the_reason_is_said() {
    let primary = Builder::forebay().start();
    write(&mut primary.client(), &mut Rng::new(1), 10);
    // It was written while nobody followed, so nothing was counted.
    let alone = forebay("everysec").start();
    write(&mut alone.client(), &mut Rng::new(2), 10);
    wait_written(&alone);
    let follows = format!("replicaof 127.0.0.1 {}", primary.port());
    let replica = alone.restart_with(|builder| builder.config(follows));
    replica.wait_log("tells no place in a replication history: this replica needs a full resync");
    wait_link(&replica);
    assert_same(&primary, &replica);
    assert_eq!(full_syncs(&primary), "1");
    // Its backlog was freed, and what it wrote after that was not counted.
    let mut counted = forebay("everysec").config("repl-backlog-ttl 1").start();
    let follower = Builder::forebay().replica_of(&counted).start();
    wait_link(&follower);
    counted.client().ok("SET counted 1");
    assert_same(&counted, &follower);
    follower.client().ok("REPLICAOF NO ONE");
    counted.wait_log("Replication backlog freed");
    counted.client().ok("SET uncounted 1");
    wait_written(&counted);
    counted.kill();
    let counted = counted.restart();
    counted.wait_log("nothing was counted after offset");
    assert_eq!(
        counted
            .client()
            .info_field("replication", "repl_backlog_active"),
        "0"
    );
}
