//! Links that are cut, killed processes, restarts.

use crate::pair::{PEER, Writers, assert_in_step, builder, number, seed_data, wait_link};
use crate::support::client::Client;
use crate::support::proxy::{Direction, FaultProxy, Faults};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

fn follow(replica: &Server, port: u16) {
    replica.client().ok(&format!("REPLICAOF 127.0.0.1 {port}"));
}

/// REPLICAOF is refused while a payload is loaded: a retry may have just begun one.
fn unfollow(replica: &Server) {
    wait_until("the replica may leave its primary", || {
        let reply = replica.client().run("REPLICAOF NO ONE");
        let text = reply.to_string();
        assert!(!reply.is_error() || text.contains("LOADING"), "{text}");
        !reply.is_error()
    });
}

fn wait_partial(primary: &Server, count: i64) {
    wait_until("the replica is back by partial resync", || {
        number(primary, "stats", "sync_partial_ok") >= count
    });
}

/// What a client waits for on a replica may be written there after its promotion.
#[test]
fn clients_that_wait_on_a_replica_go_on_waiting_when_it_is_promoted() {
    let primary = Builder::forebay().start();
    for name in ["forebay", PEER, "redis-8.2", "valkey-9.1"] {
        let Some(replica) = builder(name) else {
            continue;
        };
        let replica = replica.start();
        follow(&replica, primary.port());
        wait_link(&replica);
        let mut waits = replica.client();
        waits
            .send(&["XREAD", "BLOCK", "0", "STREAMS", "s", "$"])
            .expect("it is sent");
        wait_until("the client waits", || {
            number(&replica, "clients", "blocked_clients") == 1
        });
        unfollow(&replica);
        replica.client().text("XADD s 1-1 field value");
        let reply = waits.read().expect("a reply").to_string();
        assert!(reply.contains("1-1"), "{name}: {reply}");
    }
}

/// The directive had no effect: connections came from any address.
#[test]
fn a_replica_connects_from_the_address_that_it_is_told() {
    let primary = Builder::forebay().start();
    for name in ["forebay", PEER] {
        let Some(replica) = builder(name) else {
            continue;
        };
        let replica = replica.config("bind-source-addr 127.0.0.2").start();
        let from = |ip: &str| {
            let line = format!("slave0:ip={ip},");
            wait_until("the replica comes from that address", || {
                let text = primary.client().text("INFO replication");
                text.contains(&line) && text.contains("state=online")
            });
        };
        follow(&replica, primary.port());
        from("127.0.0.2");
        // Another address is for later connections. One that the machine does not have is not used.
        for (address, ip) in [("127.0.0.3", "127.0.0.3"), ("192.0.2.1", "127.0.0.1")] {
            let set = format!("CONFIG SET bind-source-addr {address}");
            replica.client().ok(&set);
            unfollow(&replica);
            follow(&replica, primary.port());
            from(ip);
        }
        unfollow(&replica);
        wait_until("it is gone", || {
            number(&primary, "replication", "connected_slaves") == 0
        });
    }
}

fn cut_and_continue(primary: &str, replica: &str) {
    let (Some(primary), Some(replica)) = (builder(primary), builder(replica)) else {
        return;
    };
    let (primary, replica) = (
        primary.config("repl-backlog-size 64mb").start(),
        replica.start(),
    );
    seed_data(&primary);
    let proxy = FaultProxy::to(&primary.address());
    follow(&replica, proxy.port());
    wait_link(&replica);
    let writers = Writers::start(&primary, 2);
    for round in 1..=3 {
        writers.wait_more(300);
        proxy.cut();
        writers.wait_more(300);
        wait_partial(&primary, round);
    }
    writers.stop();
    assert_in_step(&primary, &replica);
    assert_eq!(
        number(&primary, "stats", "sync_full"),
        1,
        "{}",
        replica.log()
    );
}

#[test]
fn a_real_replica_whose_link_was_cut_goes_on_where_it_was() {
    cut_and_continue("forebay", PEER);
}

#[test]
fn we_go_on_where_we_were_after_the_link_to_a_real_primary_was_cut() {
    cut_and_continue(PEER, "forebay");
}

#[test]
fn forebay_goes_on_with_forebay_after_a_cut() {
    cut_and_continue("forebay", "forebay");
}

#[test]
fn a_full_sync_that_breaks_anywhere_leaves_the_old_data_and_is_tried_again() {
    let Some(peer) = builder(PEER) else { return };
    let primary = peer.config("repl-diskless-sync yes").start();
    seed_data(&primary);
    for load in ["disabled", "swapdb"] {
        let replica = builder("forebay")
            .expect("it is built")
            .config(format!("repl-diskless-load {load}"))
            .start();
        replica.client().ok("SET old data");
        let proxy = FaultProxy::to(&primary.address());
        // The payload is about 130 KB.
        for cut_at in [300, 20_000, 100_000] {
            let faults = Faults {
                cut_at: Some(cut_at),
                ..Faults::default()
            };
            proxy.set(Direction::FromTarget, faults);
            let before = proxy.accepted();
            follow(&replica, proxy.port());
            wait_until("the sync was tried and broke", || {
                proxy.accepted() >= before + 2
            });
            let old = replica.client().run("GET old");
            assert!(
                old.text() == Some("data") || old.is_error(),
                "{load}, cut at {cut_at}: {old:?}"
            );
            unfollow(&replica);
            let old = replica.client().run("GET old");
            assert_eq!(old.text(), Some("data"), "{load}, cut at {cut_at}");
        }
        proxy.heal();
        follow(&replica, proxy.port());
        assert_in_step(&primary, &replica);
    }
}

#[test]
fn a_corrupt_payload_is_refused_and_the_old_data_kept() {
    for (name, diskless) in [(PEER, "no"), (PEER, "yes"), ("forebay", "yes")] {
        let Some(primary) = builder(name) else { return };
        let diskless = format!("repl-diskless-sync {diskless}");
        let primary = primary.config(diskless).start();
        seed_data(&primary);
        for load in ["disabled", "swapdb"] {
            refuses_a_corrupt_payload(&primary, load);
        }
    }
}

fn refuses_a_corrupt_payload(primary: &Server, load: &str) {
    let mut replica = builder("forebay")
        .expect("it is built")
        .config(format!("repl-diskless-load {load}"))
        .start();
    replica.client().ok("SET old data");
    let proxy = FaultProxy::to(&primary.address());
    let faults = Faults {
        corrupt_at: Some(50_000),
        ..Faults::default()
    };
    proxy.set(Direction::FromTarget, faults);
    follow(&replica, proxy.port());
    replica.wait_log("Failed trying to load the MASTER synchronization DB");
    assert!(replica.is_running());
    let error = |r: &Server| {
        r.client()
            .info_field("replication", "last_full_sync_in_error")
    };
    assert!(!error(&replica).is_empty(), "INFO says why");
    unfollow(&replica);
    assert_eq!(replica.client().text("GET old"), "data", "{load}");
    proxy.heal();
    follow(&replica, proxy.port());
    assert_in_step(primary, &replica);
    assert_eq!(error(&replica), "");
}

#[test]
fn a_killed_primary_is_followed_again_when_it_is_back() {
    for name in ["forebay", PEER] {
        let Some(replica) = builder(name) else { return };
        let primary = builder("forebay").expect("it is built").start();
        seed_data(&primary);
        primary.client().ok("SAVE");
        let replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        primary.client().ok("SET lost write");
        let primary = primary.restart();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        assert_eq!(replica.client().run("GET lost").text(), None, "{name}");
    }
}

#[test]
fn a_killed_replica_follows_again_when_it_is_back() {
    for name in ["forebay", PEER] {
        let Some(replica) = builder(name) else { return };
        let primary = builder("forebay").expect("it is built").start();
        seed_data(&primary);
        let replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        let writers = Writers::start(&primary, 2);
        writers.wait_more(100);
        let replica = replica.restart();
        writers.wait_more(100);
        writers.stop();
        assert_in_step(&primary, &replica);
    }
}

#[test]
fn a_replica_restarted_from_its_dump_goes_on_by_partial_resync() {
    let Some(peer) = builder(PEER) else { return };
    for (primary, replica) in [
        (
            builder("forebay").expect("it is built"),
            builder("forebay").expect("it is built"),
        ),
        (peer.clone(), builder("forebay").expect("it is built")),
        (builder("forebay").expect("it is built"), peer),
    ] {
        let primary = primary.start();
        seed_data(&primary);
        let mut replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        primary.client().ok("SELECT 3");
        let mut client = primary.client();
        client.ok("SELECT 3");
        client.ok("SET in three");
        assert_in_step(&primary, &replica);
        let full = number(&primary, "stats", "sync_full");
        // The link closes without an answer when it goes well.
        let _ = replica.client().try_cmd(&["SHUTDOWN", "SAVE"]);
        replica.wait_exit();
        client.ok("SET also there");
        let replica = replica.restart();
        assert_in_step(&primary, &replica);
        assert_eq!(
            number(&primary, "stats", "sync_full"),
            full,
            "{}",
            replica.log()
        );
        let mut client = replica.client();
        client.ok("SELECT 3");
        assert_eq!(client.text("GET also"), "there");
    }
}

#[test]
fn a_primary_restarted_from_its_dump_is_continued_by_its_replicas() {
    for name in ["forebay", PEER] {
        let Some(replica) = builder(name) else { return };
        let mut primary = builder("forebay").expect("it is built").start();
        seed_data(&primary);
        let replica = replica.replica_of(&primary).start();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        let _ = primary.client().try_cmd(&["SHUTDOWN", "SAVE"]);
        primary.wait_exit();
        let primary = primary.restart();
        primary.client().ok("SET after restart");
        assert_in_step(&primary, &replica);
        assert_eq!(
            number(&primary, "stats", "sync_full"),
            0,
            "{}",
            primary.log()
        );
    }
}

#[test]
fn a_slow_replica_delays_neither_others_nor_saving_nor_writers() {
    let primary = builder("forebay")
        .expect("it is built")
        .config("rdbcompression no")
        .start();
    let mut client = primary.client();
    for i in 0..200 {
        client.cmd(&["SET", &format!("big:{i}"), &"x".repeat(100_000)]);
    }
    let proxy = FaultProxy::to(&primary.address());
    let faults = Faults {
        bytes_per_second: Some(100_000),
        ..Faults::default()
    };
    proxy.set(Direction::FromTarget, faults);
    let slow = builder("forebay").expect("it is built").start();
    follow(&slow, proxy.port());
    wait_until("the slow one receives", || {
        proxy.passed(Direction::FromTarget) > 10_000
    });
    let fast = builder("forebay")
        .expect("it is built")
        .replica_of(&primary)
        .start();
    wait_link(&fast);
    let writers = Writers::start(&primary, 2);
    writers.wait_more(500);
    client.ok("SAVE");
    writers.stop();
    assert_in_step(&primary, &fast);
    let state = slow
        .client()
        .info_field("replication", "master_link_status");
    assert_eq!(state, "down", "it cannot be done yet: 20 MB at 100 KB/s");
    proxy.heal();
    assert_in_step(&primary, &slow);
}

/// A primary with a replica that reads slowly, while more is written than memory may keep for it.
fn overfill(disk: &str, replica: &str) -> Option<(Server, Server, FaultProxy)> {
    let replica = builder(replica)?;
    let primary = builder("forebay")
        .expect("it is built")
        .config("client-output-buffer-limit replica 40mb 0 0")
        .config(format!("repl-backlog-disk-size {disk}"))
        .start();
    seed_data(&primary);
    let proxy = FaultProxy::to(&primary.address());
    let faults = Faults {
        bytes_per_second: Some(100_000),
        ..Faults::default()
    };
    proxy.set(Direction::FromTarget, faults);
    let replica = replica.start();
    follow(&replica, proxy.port());
    wait_until("the replica receives", || {
        proxy.passed(Direction::FromTarget) > 1000
    });
    let mut client = primary.client();
    let value = "x".repeat(1 << 20);
    for _ in 0..80 {
        client.cmd(&["SET", "overwritten", &value]);
    }
    Some((primary, replica, proxy))
}

#[test]
fn what_a_slow_replica_has_still_to_get_goes_to_disk_instead_of_ending_its_sync() {
    for replica in ["forebay", PEER] {
        let Some((primary, replica, proxy)) = overfill("1gb", replica) else {
            return;
        };
        wait_until("much of the stream is on disk", || {
            number(&primary, "replication", "repl_backlog_disk_bytes") > 30 << 20
        });
        proxy.heal();
        assert_in_step(&primary, &replica);
        assert_eq!(number(&primary, "stats", "sync_full"), 1);
        wait_until("the disk is given back", || {
            number(&primary, "replication", "repl_backlog_disk_bytes") == 0
        });
    }
}

#[test]
fn without_the_disk_a_slow_replica_is_closed_at_its_limit() {
    let Some((primary, _replica, _proxy)) = overfill("0", "forebay") else {
        return;
    };
    primary.wait_log("scheduled to be closed ASAP for overcoming of output buffer limits");
}

#[test]
fn a_payload_that_does_not_fit_beside_the_old_data_goes_to_disk_first() {
    let primary = builder("forebay").expect("it is built").start();
    seed_data(&primary);
    let replica = builder("forebay")
        .expect("it is built")
        .config("repl-diskless-load swapdb")
        .config("repl-swapdb-memory-limit 1mb")
        .start();
    let old = "x".repeat(2 << 20);
    replica.client().cmd(&["SET", "old", &old]);
    follow(&replica, primary.port());
    assert_in_step(&primary, &replica);
    assert!(
        replica.log().contains("the payload goes to disk first"),
        "{}",
        replica.log()
    );
}

#[test]
fn twenty_replicas_that_come_at_once_are_served_a_few_at_a_time() {
    let primary = builder("forebay")
        .expect("it is built")
        .config("repl-max-concurrent-full-syncs 4")
        .start();
    seed_data(&primary);
    let replicas: Vec<Server> = (0..20)
        .map(|_| {
            let replica = builder("forebay").expect("it is built");
            replica.replica_of(&primary).spawn()
        })
        .collect();
    let writers = Writers::start(&primary, 1);
    for replica in &replicas {
        wait_until("the replica answers and follows", || {
            let client = Client::connect(replica.address());
            client.is_ok_and(|mut c| {
                let link = c.info("replication").get("master_link_status").cloned();
                link.as_deref() == Some("up")
            })
        });
    }
    writers.stop();
    for replica in &replicas {
        assert_in_step(&primary, replica);
    }
    assert_eq!(number(&primary, "stats", "sync_full"), 20);
}

/// Real replicas read on while they are paused, and apply nothing. Forebay leaves it to the primary, so that it does not
/// have to keep the stream of a long pause in memory.
#[test]
fn a_paused_replica_applies_nothing_until_the_pause_ends() {
    let primary = Builder::forebay().start();
    let replica = Builder::forebay().start();
    replica
        .client()
        .ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_link(&replica);
    primary.client().ok("SET before 1");
    assert_in_step(&primary, &replica);
    let reached = || number(&replica, "replication", "slave_repl_offset");
    let mut pauses = replica.client();
    pauses.ok("CLIENT PAUSE 60000 WRITE");
    let before = reached();
    let mut writer = primary.client();
    writer.ok("SET behind 1");
    assert_eq!(writer.int("WAIT 1 300"), 0);
    assert_eq!(reached(), before);
    pauses.ok("CLIENT UNPAUSE");
    assert_eq!(writer.int("WAIT 1 10000"), 1);
    assert_in_step(&primary, &replica);
}

/// They were disconnected when the replica was asked, whatever it answered.
#[test]
fn a_replica_that_refuses_a_failover_changes_nothing_for_blocked_clients() {
    for name in ["forebay", "valkey-9.1"] {
        let Some(primary) = Builder::named(name) else {
            continue;
        };
        let primary = primary.start();
        let replica = Builder::forebay().replica_of(&primary).start();
        wait_link(&replica);
        let mut client = primary.client();
        let online = |client: &mut Client| {
            wait_until("the replica is online", || {
                client.text("INFO replication").contains("state=online")
            });
        };
        online(&mut client);
        let mut waits = primary.client();
        let blocked = |client: &mut Client, count| {
            wait_until("so many are blocked", || {
                client.info_field("clients", "blocked_clients") == count
            });
        };
        waits.send(&["BLPOP", "list", "0"]).expect("it is sent");
        blocked(&mut client, "1");
        replica.client().ok("ACL SETUSER default -psync");
        client.ok("FAILOVER");
        primary.wait_log("Failover target rejected psync request");
        client.ok("RPUSH list element");
        let popped = waits.read().expect("it is answered").to_string();
        assert!(popped.contains("element"), "{name}: {popped}");
        // One that does take over ends their wait.
        waits.send(&["BLPOP", "list", "0"]).expect("it is sent");
        blocked(&mut client, "1");
        replica.client().ok("ACL SETUSER default +psync");
        wait_link(&replica);
        online(&mut client);
        client.ok("FAILOVER");
        let ended = waits.read().expect("it is answered").to_string();
        assert!(ended.contains("UNBLOCKED"), "{name}: {ended}");
    }
}
