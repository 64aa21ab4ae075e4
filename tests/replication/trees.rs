//! Chains, promotion, replicas that move.

use crate::pair::{PEER, Writers, assert_in_step, builder, number, seed_data, wait_link};
use crate::support::dataset;
use crate::support::server::Server;
use crate::support::wait::wait_until;

fn offset(server: &Server) -> i64 {
    number(server, "replication", "master_repl_offset")
}

#[test]
fn a_chain_of_both_kinds_has_one_offset() {
    let Some(peer) = builder(PEER) else { return };
    let ours = || builder("forebay").expect("it is built");
    for names in [
        ["peer", "forebay", "peer"],
        ["forebay", "peer", "forebay"],
        ["forebay"; 3],
    ] {
        let make = |name: &str| if name == "peer" { peer.clone() } else { ours() };
        let top = make(names[0]).config("repl-ping-replica-period 1").start();
        seed_data(&top);
        let middle = make(names[1]).replica_of(&top).start();
        wait_link(&middle);
        let bottom = make(names[2]).replica_of(&middle).start();
        wait_link(&bottom);
        let writers = Writers::start(&top, 2);
        writers.wait_more(500);
        writers.stop();
        let mut clients = (top.client(), middle.client(), bottom.client());
        dataset::wait_caught_up(&mut clients.0, &mut clients.1);
        dataset::wait_caught_up(&mut clients.1, &mut clients.2);
        dataset::wait_same(&mut clients.0, &mut clients.2);
        wait_until("pings reach the bottom at the same offset", || {
            offset(&top) == offset(&middle) && offset(&middle) == offset(&bottom)
        });
        let id = |s: &Server| s.client().info_field("replication", "master_replid");
        assert_eq!(id(&top), id(&bottom));
    }
}

#[test]
fn the_replicas_of_a_promoted_server_continue_its_history() {
    let Some(peer) = builder(PEER) else { return };
    for sibling in [peer, builder("forebay").expect("it is built")] {
        let old = builder("forebay").expect("it is built").start();
        seed_data(&old);
        let new = builder("forebay")
            .expect("it is built")
            .replica_of(&old)
            .start();
        let sibling = sibling.replica_of(&old).start();
        wait_link(&new);
        wait_link(&sibling);
        assert_in_step(&old, &new);
        new.client().ok("REPLICAOF NO ONE");
        new.client().ok("SET written after-promotion");
        for server in [&sibling, &old] {
            let line = format!("REPLICAOF 127.0.0.1 {}", new.port());
            server.client().ok(&line);
            wait_link(server);
        }
        assert_in_step(&new, &sibling);
        assert_in_step(&new, &old);
        assert_eq!(number(&new, "stats", "sync_full"), 0, "{}", new.log());
        assert_eq!(number(&new, "stats", "sync_partial_ok"), 2);
        let second = new.client().info_field("replication", "master_replid2");
        assert_ne!(second, "0".repeat(40));
    }
}

#[test]
fn wait_returns_when_replicas_have_it() {
    let Some(peer) = builder(PEER) else { return };
    let primary = builder("forebay").expect("it is built").start();
    let replicas = [
        peer.replica_of(&primary).start(),
        builder("forebay")
            .expect("it is built")
            .replica_of(&primary)
            .start(),
    ];
    replicas.iter().for_each(wait_link);
    let mut client = primary.client();
    client.ok("SET a 1");
    assert_eq!(client.int("WAIT 2 10000"), 2);
    assert_eq!(client.int("WAIT 3 10"), 2);
    let role = primary.client().run("ROLE");
    assert_eq!(
        role.items().expect("an array")[2].items().map(<[_]>::len),
        Some(2)
    );
}

#[test]
fn a_replica_refuses_writes_and_serves_reads() {
    let primary = builder("forebay").expect("it is built").start();
    seed_data(&primary);
    let replica = builder("forebay")
        .expect("it is built")
        .replica_of(&primary)
        .start();
    wait_link(&replica);
    let mut client = replica.client();
    assert_eq!(
        client.error("SET a 1"),
        "READONLY You can't write against a read only replica."
    );
    assert_eq!(client.text("GET plain"), "value");
}

/// Writes on a primary, whose words pass this server unchanged on their way to a leaf; how many full syncs the leaf then
/// needed beyond its first.
fn extra_syncs(primary: &str, leaf: &str, lines: &[&str]) -> Option<i64> {
    let (primary, leaf) = (builder(primary)?, builder(leaf)?);
    let primary = primary.config("repl-diskless-sync-delay 0").start();
    let middle = builder("forebay").expect("it is built");
    let middle = middle.config("repl-diskless-sync-delay 0");
    let middle = middle.replica_of(&primary).start();
    wait_link(&middle);
    let leaf = leaf.replica_of(&middle).start();
    wait_link(&leaf);
    let (mut top, mut below) = (primary.client(), leaf.client());
    let before = number(&middle, "stats", "sync_full");
    for round in 0..3 {
        for line in lines {
            top.ok(line);
            wait_until(&format!("{line} is on the leaf, round {round}"), || {
                let offset = top.info_field("replication", "master_repl_offset");
                let info = below.info("replication");
                info["master_link_status"] == "up" && info["slave_repl_offset"] == offset
            });
        }
    }
    assert_eq!(below.text("DEBUG DIGEST"), top.text("DEBUG DIGEST"));
    Some(number(&middle, "stats", "sync_full") - before)
}

#[test]
fn a_valkey_behind_us_is_told_the_words_of_its_version() {
    let lines = ["SET k v", "SET k v IFEQ v"];
    for leaf in ["valkey-8.1", "valkey-9.0", "valkey-9.1"] {
        if let Some(extra) = extra_syncs("valkey-9.1", leaf, &lines) {
            assert_eq!(extra, 0, "{leaf}");
        }
    }
}

#[test]
fn a_redis_8_behind_us_shows_once_that_it_knows_the_words_of_its_version() {
    let lines = [
        "MSETEX 2 k v l w EX 100000",
        "SET k v IFEQ v",
        "SET k v IFNE w",
        "DELEX l IFEQ w",
    ];
    for leaf in ["redis-8.6", "redis-8.10"] {
        if let Some(extra) = extra_syncs("redis-8.10", leaf, &lines) {
            assert_eq!(extra, 1, "{leaf}");
        }
    }
}
