//! What INFO says of the last full sync, on both sides.

use crate::pair::{builder, wait_link};
use crate::support::server::Server;
use crate::support::wait::wait_until;

/// `last_full_sync_<name>` of a server; empty where it is not shown.
fn told(server: &Server, name: &str) -> String {
    let info = server.client().run("INFO replication");
    let text = info.text().expect("INFO is a text");
    let prefix = format!("last_full_sync_{name}:");
    let line = text.lines().find_map(|l| l.strip_prefix(&prefix));
    line.unwrap_or_default().to_owned()
}

fn moment(server: &Server, name: &str) -> i64 {
    let text = told(server, &format!("{name}_us"));
    text.parse()
        .unwrap_or_else(|_| panic!("{name}_us is '{text}'"))
}

/// Moments of both sides, `out` of the primary and `in` of the replica, in the order they must have.
fn check(diskless: &str, load: &str, taken: &str, order: &[&str]) {
    let builder = || builder("forebay").expect("it is built");
    let primary = builder()
        .config(format!("repl-diskless-sync {diskless}"))
        .start();
    primary.client().ok("DEBUG POPULATE 5000 key 100");
    assert_eq!(told(&primary, "out_status"), "");
    let replica = builder().config(format!("repl-diskless-load {load}"));
    let replica = replica.replica_of(&primary).start();
    wait_link(&replica);
    wait_until("the first ACK", || moment(&primary, "out_caught_up") > 0);
    let moments: Vec<i64> = order
        .iter()
        .map(|name| match name.starts_with("out_") {
            true => moment(&primary, name),
            false => moment(&replica, name),
        })
        .collect();
    let shown = || format!("{:?}", order.iter().zip(&moments).collect::<Vec<_>>());
    assert!(
        moments[0] > 1_500_000_000_000_000,
        "µs since 1970: {}",
        shown()
    );
    assert!(moments.is_sorted(), "{diskless} {load}: {}", shown());
    // The end of the walk was missing if it was reported after the last byte had been written.
    let out = ["snapshot_start", "snapshot_end", "transfer_end"];
    let out = out.map(|name| moment(&primary, &format!("out_{name}")));
    assert!(out.is_sorted(), "{diskless} {load}: {out:?}");
    let target = if diskless == "yes" { "sockets" } else { "disk" };
    assert_eq!(told(&primary, "out_target"), target);
    assert_eq!(told(&replica, "in_load"), taken);
    for (server, side) in [(&primary, "out"), (&replica, "in")] {
        assert_eq!(told(server, &format!("{side}_status")), "ok");
        assert_eq!(told(server, &format!("{side}_keys")), "5000");
        let bytes: u64 = told(server, &format!("{side}_bytes")).parse().unwrap();
        assert!((100_000..1_000_000).contains(&bytes), "{side}: {bytes}");
    }
}

#[test]
fn a_sync_by_file_is_reported_with_its_phases_in_order() {
    let order = [
        "in_connect",
        "in_request",
        "out_request",
        "out_delay_end",
        "out_snapshot_start",
        "out_snapshot_end",
        "out_transfer_start",
        "in_transfer_end",
        "in_load_start",
        "in_load_end",
        "in_swap",
        "in_online",
        "out_caught_up",
    ];
    check("no", "disabled", "disk", &order);
}

#[test]
fn a_sync_by_memory_is_reported_with_its_phases_in_order() {
    let order = [
        "in_request",
        "out_request",
        "out_snapshot_start",
        "in_fullresync",
        "in_transfer_start",
        "in_load_start",
        "in_transfer_end",
        "in_load_end",
        "in_swap",
        "in_online",
        "out_online",
        "out_caught_up",
    ];
    check("yes", "on-empty-db", "memory", &order);
    check("yes", "swapdb", "swapdb", &order);
}

#[test]
fn log_lines_carry_the_new_part_from_the_first_one_on() {
    let primary = builder("forebay").expect("it is built").start();
    let replica = builder("forebay").expect("it is built").start();
    replica
        .client()
        .ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    wait_link(&replica);
    replica.client().ok("REPLICAOF NO ONE");
    replica.wait_log("MASTER MODE enabled");
    let log = replica.log();
    let role = |text: &str| {
        let line = log
            .lines()
            .find(|l| l.contains(text))
            .unwrap_or_else(|| panic!("{text}: {log}"));
        line.split(':').nth(1).and_then(|rest| rest.chars().next())
    };
    for text in [
        "Before turning into a replica",
        "Connecting to MASTER",
        "Full resync from master",
    ] {
        assert_eq!(role(text), Some('S'), "{text}: {log}");
    }
    assert_eq!(role("MASTER MODE enabled"), Some('M'), "{log}");
}

#[test]
fn the_log_counts_those_who_have_read_the_payload() {
    let builder = || builder("forebay").expect("it is built");
    let primary = builder().config("repl-diskless-sync yes").start();
    primary.client().ok("SET a 1");
    let first = builder().replica_of(&primary).start();
    wait_link(&first);
    let second = builder().replica_of(&primary).start();
    wait_link(&second);
    let log = primary.log();
    let counts = log.matches("done reading from pipe, 1 replicas still up");
    assert_eq!(counts.count(), 2, "{log}");
}

/// Clients that cache what they read are told once that all of it is out of date.
#[test]
fn a_full_sync_invalidates_once_what_clients_have_cached() {
    use std::io::{Read, Write};
    let Some(primary) = builder("redis-7.4") else {
        return;
    };
    let primary = primary.config("repl-diskless-sync-delay 0").start();
    primary.client().ok("SET key value");
    for name in ["redis-7.4", "forebay"] {
        for mode in ["disabled", "swapdb", "flush-before-load"] {
            if mode == "flush-before-load" && name != "forebay" {
                continue;
            }
            let replica = builder(name).expect("it is here");
            let replica = replica.config(format!("repl-diskless-load {mode}")).start();
            replica.client().ok("SET old value");
            let mut caching = std::net::TcpStream::connect(replica.address()).expect("it listens");
            let begin = b"HELLO 3\r\nCLIENT TRACKING ON\r\nGET old\r\nPING\r\n";
            caching.write_all(begin).expect("it is open");
            let mut told = String::new();
            let mut until_pong = |caching: &mut std::net::TcpStream| {
                told.clear();
                while !told.ends_with("+PONG\r\n") {
                    let mut some = [0; 4096];
                    let n = caching.read(&mut some).expect("it is open");
                    assert!(n > 0, "the connection has ended");
                    told.push_str(&String::from_utf8_lossy(&some[..n]));
                }
                told.matches("invalidate").count()
            };
            assert_eq!(until_pong(&mut caching), 0);
            replica
                .client()
                .ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
            wait_link(&replica);
            caching.write_all(b"PING\r\n").expect("it is open");
            assert_eq!(until_pong(&mut caching), 1, "{name} {mode}");
        }
    }
}
