//! Replicas that lack more than the backlog in memory has are served from the increments.

use crate::history::{assert_same, full_syncs, wait_link};
use crate::support::dataset::wait_caught_up;
use crate::support::fake_replica::{Answer, FakeReplica, Introduction};
use crate::support::proxy::FaultProxy;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{forebay, log_directory, wait_written, write};
use base::testing::Rng;

const PEERS: [&str; 4] = ["forebay", "redis-7.0", "redis-8.10", "valkey-9.1"];

/// A primary with a log and as little in memory as there can be.
fn small() -> Builder {
    forebay("everysec").config("repl-backlog-size 16kb")
}

fn number(server: &Server, section: &str, field: &str) -> i64 {
    let text = server.client().info_field(section, field);
    text.parse().unwrap_or_else(|_| panic!("{field} is {text}"))
}

fn partial_syncs(server: &Server) -> i64 {
    number(server, "stats", "sync_partial_ok")
}

/// A replica whose link can be cut, in step with its primary.
fn behind_proxy(replica: Builder, primary: &Server) -> (Server, FaultProxy) {
    let proxy = FaultProxy::to(&primary.address());
    let replica = replica.start();
    let client = &mut replica.client();
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", proxy.port()));
    wait_link(&replica);
    assert_same(primary, &replica);
    (replica, proxy)
}

fn cut(proxy: &FaultProxy, primary: &Server) {
    proxy.refuse();
    proxy.cut();
    wait_until("the link is down", || {
        number(primary, "replication", "connected_slaves") == 0
    });
}

/// Writes until the first byte after `from` is no longer in memory, and many times as much as that.
fn write_past_memory(primary: &Server, from: i64, seed: u64) {
    let mut client = primary.client();
    let mut rounds = 0;
    while number(primary, "replication", "repl_backlog_first_byte_offset") <= from + 100_000 {
        write(&mut client, &mut Rng::new(seed + rounds), 50);
        client.ok("PUBLISH channel message");
        client.run("WAIT 1 1");
        rounds += 1;
    }
}

fn offset(server: &Server) -> i64 {
    number(server, "replication", "master_repl_offset")
}

#[test]
fn what_memory_does_not_have_any_more_is_served_from_the_file() {
    for name in PEERS {
        let Some(replica) = Builder::named(name) else {
            continue;
        };
        let primary = small().start();
        let (replica, proxy) = behind_proxy(replica, &primary);
        for round in 0..2 {
            let (full, partial) = (full_syncs(&primary), partial_syncs(&primary));
            cut(&proxy, &primary);
            let from = offset(&primary);
            write_past_memory(&primary, from, round * 100);
            let first = number(
                &primary,
                "replication",
                "repl_backlog_disk_first_byte_offset",
            );
            let held = number(&primary, "replication", "repl_backlog_disk_histlen");
            assert!(first <= from + 1 && held > 100_000, "{first} {held}");
            proxy.heal();
            wait_link(&replica);
            assert_same(&primary, &replica);
            assert_eq!(full_syncs(&primary), full, "{name}, round {round}");
            assert_eq!(partial_syncs(&primary), partial + 1, "{name}");
        }
        primary.wait_log("of them are read from the append-only file");
    }
}

#[test]
fn what_is_served_is_byte_for_byte_what_a_connected_replica_was_sent() {
    let primary = small().start();
    write(&mut primary.client(), &mut Rng::new(1), 10);
    let live = FakeReplica::attach(&primary.address());
    let Answer::Full {
        replid,
        offset: begun,
        ..
    } = &live.answer
    else {
        panic!("{:?}", live.answer)
    };
    let mut client = primary.client();
    write_past_memory(&primary, *begun, 1);
    // The whole log is written anew meanwhile.
    client.ok("BGREWRITEAOF");
    write_past_memory(&primary, offset(&primary), 500);
    client.cmd(&["SET", "large", &"x".repeat(6 << 20)]);
    write_past_memory(&primary, offset(&primary), 1000);
    let end = offset(&primary);
    let there = |replica: &FakeReplica, from: i64| {
        wait_until("the stream has come", || {
            from + replica.stream().len() as i64 >= end
        });
        replica.stream()[..(end - from) as usize].to_vec()
    };
    let whole = there(&live, *begun);
    wait_written(&primary);
    let first = number(
        &primary,
        "replication",
        "repl_backlog_disk_first_byte_offset",
    );
    assert!(first <= end - (6 << 20), "{first} of {end}");
    for from in [
        first,
        first + 1,
        first + 70_000,
        end - (3 << 20),
        end - 100_000,
    ] {
        let who = Introduction {
            wanted: Some((replid.clone(), from)),
            ..Introduction::default()
        };
        let late = FakeReplica::attach_as(&primary.address(), &who).expect("it is answered");
        assert!(
            matches!(late.answer, Answer::Continue { .. }),
            "{:?}",
            late.answer
        );
        let got = there(&late, from - 1);
        assert!(whole[(from - 1 - begun) as usize..] == got, "from {from}");
    }
}

#[test]
fn it_is_served_after_a_restart_too() {
    for name in PEERS {
        let Some(replica) = Builder::named(name) else {
            continue;
        };
        let mut primary = small().start();
        let (replica, proxy) = behind_proxy(replica, &primary);
        for round in 0..2 {
            cut(&proxy, &primary);
            let from = offset(&primary);
            write_past_memory(&primary, from, round * 100);
            wait_written(&primary);
            primary.kill();
            primary = primary.restart();
            let first = number(&primary, "replication", "repl_backlog_first_byte_offset");
            assert!(first > from + 50_000, "memory has less: {first}, {from}");
            write(&mut primary.client(), &mut Rng::new(round), 5);
            proxy.retarget(&primary.address());
            proxy.heal();
            wait_link(&replica);
            assert_same(&primary, &replica);
            assert_eq!(full_syncs(&primary), "0", "{name}, round {round}");
            assert_eq!(partial_syncs(&primary), 1, "{name}, round {round}");
        }
    }
}

#[test]
fn a_replica_serves_its_own_replicas_from_its_file_before_and_after_a_promotion() {
    let primary = Builder::forebay().start();
    let middle = small().replica_of(&primary).start();
    wait_link(&middle);
    wait_written(&middle);
    let (leaf, proxy) = behind_proxy(Builder::forebay(), &middle);
    for round in 0..2 {
        let full = full_syncs(&middle);
        cut(&proxy, &middle);
        let from = offset(&middle);
        let mut client = primary.client();
        for i in 0..4 {
            write(&mut client, &mut Rng::new(round * 10 + i), 100);
            client.ok("PUBLISH channel message");
            client.run("WAIT 1 1");
            wait_caught_up(&mut client, &mut middle.client());
        }
        wait_written(&middle);
        let first = number(&middle, "replication", "repl_backlog_first_byte_offset");
        assert!(first > from + 50_000, "{first}, {from}");
        if round == 1 {
            middle.client().ok("REPLICAOF NO ONE");
            write(&mut middle.client(), &mut Rng::new(99), 3);
        }
        proxy.heal();
        wait_link(&leaf);
        assert_same(&middle, &leaf);
        assert_eq!(full_syncs(&middle), full, "round {round}");
    }
}

#[test]
fn without_a_size_or_what_it_asks_for_there_is_a_full_sync() {
    for size in ["0", "20kb"] {
        let primary = small()
            .config(format!("repl-backlog-disk-size {size}"))
            .start();
        let (replica, proxy) = behind_proxy(Builder::forebay(), &primary);
        cut(&proxy, &primary);
        write_past_memory(&primary, offset(&primary), 1);
        if size == "0" {
            assert_eq!(
                number(&primary, "replication", "repl_backlog_disk_histlen"),
                0
            );
        }
        proxy.heal();
        wait_link(&replica);
        assert_same(&primary, &replica);
        assert_eq!(full_syncs(&primary), "2", "{size}");
        primary.wait_log("for lack of backlog");
    }
}

#[test]
fn a_file_that_is_damaged_or_gone_ends_in_a_full_sync_and_never_in_wrong_data() {
    for gone in [false, true] {
        let primary = small().start();
        let (replica, proxy) = behind_proxy(Builder::forebay(), &primary);
        cut(&proxy, &primary);
        let from = offset(&primary);
        write_past_memory(&primary, from, 1);
        wait_written(&primary);
        let increment = log_directory(&primary).join("appendonly.aof.1.incr.aof");
        match gone {
            true => std::fs::remove_file(&increment).expect("it was there"),
            false => {
                let mut bytes = std::fs::read(&increment).expect("it is there");
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                std::fs::write(&increment, bytes).expect("it is written");
            }
        }
        proxy.heal();
        wait_link(&replica);
        primary.wait_log("The stream for a replica cannot be read back from disk");
        wait_until("a full sync has come", || full_syncs(&primary) == "2");
        wait_link(&replica);
        assert_same(&primary, &replica);
    }
}
