//! Full syncs over two connections: Redis 8's rdb channel and Valkey's dual channel, in both roles.

use crate::pair::{Writers, assert_in_step, builder, number, seed_data, wait_link};
use crate::support::client::Client;
use crate::support::proxy::{Direction, FaultProxy, Faults};
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

/// Servers of both families that have a second connection.
const PEERS: [&str; 5] = [
    "redis-8.2",
    "redis-8.6",
    "redis-8.10",
    "valkey-8.1",
    "valkey-9.1",
];
/// One of each.
const TWO: [&str; 2] = ["redis-8.10", "valkey-9.1"];

/// A server that uses second connections, in the way it knows; Forebay knows both.
fn with_two(name: &str) -> Option<Builder> {
    let mut server = builder(name)?.config("repl-timeout 20");
    if !name.starts_with("valkey") {
        server = server.config("repl-rdb-channel yes");
    }
    if !name.starts_with("redis") {
        server = server.config("dual-channel-replication-enabled yes");
    }
    Some(server)
}

fn follow(replica: &Server, port: u16) {
    replica.client().ok(&format!("REPLICAOF 127.0.0.1 {port}"));
}

fn field(client: &mut Client, name: &str) -> String {
    client.info_field("replication", name)
}

/// A primary and a replica that has data of its own, a proxy between them, and the data of the primary.
fn pair(primary: &str, replica: &str, load: &str) -> Option<(Server, FaultProxy, Server)> {
    let (primary, replica) = (with_two(primary)?, with_two(replica)?);
    let primary = primary.start();
    seed_data(&primary);
    let replica = replica.config(format!("repl-diskless-load {load}")).start();
    replica.client().ok("SET stale data");
    let proxy = FaultProxy::to(&primary.address());
    Some((primary, proxy, replica))
}

fn sync(primary: &str, replica: &str, load: &str) {
    let Some((primary, proxy, replica)) = pair(primary, replica, load) else {
        return;
    };
    let writers = Writers::start(&primary, 2);
    follow(&replica, proxy.port());
    wait_link(&replica);
    writers.wait_more(300);
    writers.stop();
    assert_in_step(&primary, &replica);
    assert_eq!(replica.client().run("GET stale").text(), None);
    let log = format!("{}\n{}", primary.log(), replica.log());
    assert_eq!(proxy.accepted(), 2, "{log}");
    assert_eq!(number(&primary, "stats", "sync_full"), 1, "{log}");
}

#[test]
fn we_follow_real_servers_over_two_connections_in_every_way_of_loading() {
    for peer in PEERS {
        for load in ["disabled", "swapdb", "on-empty-db", "flush-before-load"] {
            sync(peer, "forebay", load);
        }
    }
}

#[test]
fn real_servers_follow_us_over_two_connections() {
    for peer in PEERS {
        for load in ["disabled", "swapdb"] {
            sync("forebay", peer, load);
        }
    }
}

#[test]
fn forebay_follows_forebay_over_two_connections() {
    for load in ["disabled", "swapdb", "on-empty-db"] {
        sync("forebay", "forebay", load);
    }
    // Each way alone.
    for way in ["repl-rdb-channel", "dual-channel-replication-enabled"] {
        let one = || {
            builder("forebay")
                .expect("it is built")
                .config(format!("{way} yes"))
        };
        let primary = one().start();
        seed_data(&primary);
        let replica = one().start();
        let proxy = FaultProxy::to(&primary.address());
        follow(&replica, proxy.port());
        assert_in_step(&primary, &replica);
        assert_eq!(proxy.accepted(), 2, "{way}");
    }
}

/// What only one side wants is not done.
#[test]
fn one_connection_is_used_where_a_side_does_not_want_two() {
    let plain = || builder("forebay").expect("it is built");
    let two = || with_two("forebay").expect("it is built");
    for (primary, replica) in [
        (two(), plain()),
        (plain(), two()),
        (two().config("repl-diskless-sync no"), two()),
    ] {
        let (primary, replica) = (primary.start(), replica.start());
        seed_data(&primary);
        let proxy = FaultProxy::to(&primary.address());
        follow(&replica, proxy.port());
        assert_in_step(&primary, &replica);
        assert_eq!(proxy.accepted(), 1);
    }
}

/// Positions in what a connection carries: in each line of the handshake, in the payload, behind it.
const CUTS: [(u64, Direction, u64); 12] = [
    (1, Direction::FromTarget, 20),
    (1, Direction::FromTarget, 45),
    (1, Direction::FromTarget, 400),
    (1, Direction::ToTarget, 280),
    (2, Direction::ToTarget, 1),
    (2, Direction::ToTarget, 170),
    (2, Direction::FromTarget, 3),
    (2, Direction::FromTarget, 30),
    (2, Direction::FromTarget, 90),
    (2, Direction::FromTarget, 140),
    (2, Direction::FromTarget, 3_000),
    (2, Direction::FromTarget, 90_000),
];

fn cut_everywhere(primary: &str, replica: &str) {
    let (Some(primary), Some(replica)) = (with_two(primary), with_two(replica)) else {
        return;
    };
    let primary = primary.start();
    seed_data(&primary);
    let replica = replica.start();
    for (nth, direction, cut) in CUTS {
        let writers = Writers::start(&primary, 1);
        let proxy = FaultProxy::to(&primary.address());
        proxy.only(nth);
        let cut_at = Some(cut);
        proxy.set(
            direction,
            Faults {
                cut_at,
                ..Faults::default()
            },
        );
        primary.client().ok("SET round 1");
        follow(&replica, proxy.port());
        wait_link(&replica);
        proxy.heal();
        writers.wait_more(50);
        writers.stop();
        assert_in_step(&primary, &replica);
        replica.client().ok("REPLICAOF NO ONE");
        // Another history: the next sync is full again.
        replica.client().ok("SET stale data");
    }
}

#[test]
fn a_connection_that_is_cut_at_any_step_is_no_end_of_the_sync_with_redis() {
    cut_everywhere("redis-8.10", "forebay");
    cut_everywhere("forebay", "redis-8.10");
}

#[test]
fn a_connection_that_is_cut_at_any_step_is_no_end_of_the_sync_with_valkey() {
    cut_everywhere("valkey-9.1", "forebay");
    cut_everywhere("forebay", "valkey-9.1");
}

#[test]
fn a_connection_that_is_cut_at_any_step_is_no_end_of_the_sync_among_ourselves() {
    cut_everywhere("forebay", "forebay");
}

/// A firewall lets one connection through, and no second one.
#[test]
fn a_primary_that_takes_no_second_connection_is_followed_over_one() {
    for peer in ["forebay", "redis-8.10", "valkey-9.1"] {
        let Some((primary, proxy, replica)) = pair(peer, "forebay", "disabled") else {
            continue;
        };
        // Every second connection is cut at its first byte: of two attempts, the first has two.
        proxy.only(2);
        let cut_at = Some(0);
        proxy.set(
            Direction::FromTarget,
            Faults {
                cut_at,
                ..Faults::default()
            },
        );
        follow(&replica, proxy.port());
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        assert_eq!(proxy.accepted(), 3, "{}", replica.log());
    }
}

/// Lets the payload pass so slowly that much is written meanwhile.
/// Makes the payload of `primary` larger than what the sockets between it and a replica hold, so that it cannot be
/// sent as a whole before the replica has read most of it.
fn outgrow_sockets(primary: &Server) {
    let mut writer = primary.client();
    let noise: String = (0..60_000u64)
        .map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    for n in 0..16 {
        writer.cmd(&["SET", &format!("noise:{n}"), &format!("{n}{noise}")]);
    }
}

/// Slows the second connection through `proxy`; the payload must [outgrow the sockets](outgrow_sockets).
fn slow_payload(proxy: &FaultProxy) {
    proxy.only(2);
    let bytes_per_second = Some(40_000);
    proxy.set(
        Direction::FromTarget,
        Faults {
            bytes_per_second,
            ..Faults::default()
        },
    );
}

#[test]
fn what_a_replica_collects_is_bounded_and_shown() {
    for peer in TWO {
        let (Some(primary), Some(replica)) = (with_two(peer), with_two("forebay")) else {
            continue;
        };
        let primary = primary.start();
        seed_data(&primary);
        let replica = replica
            .config("replica-full-sync-buffer-limit 100kb")
            .start();
        let proxy = FaultProxy::to(&primary.address());
        outgrow_sockets(&primary);
        slow_payload(&proxy);
        follow(&replica, proxy.port());
        let mut info = replica.client();
        let mut writer = primary.client();
        let value = "v".repeat(1000);
        let mut n = 0;
        wait_until("the replica has collected what it may", || {
            n += 1;
            writer.cmd(&["SET", &format!("big:{}", n % 50), &value]);
            let size = field(&mut info, "replica_full_sync_buffer_size");
            assert_eq!(field(&mut info, "master_link_status"), "down");
            size.parse::<u64>().is_ok_and(|size| size >= 100 << 10)
        });
        for n in 0..500 {
            writer.cmd(&["SET", &format!("more:{n}"), &value]);
        }
        let peak = field(&mut info, "replica_full_sync_buffer_peak");
        let same = field(&mut info, "replicas_repl_buffer_peak");
        assert_eq!(peak, same);
        let memory = info.info_field("memory", "mem_replica_full_sync_buffer");
        assert!(
            memory.parse::<u64>().is_ok_and(|n| n >= 100 << 10),
            "{memory}"
        );
        // What one read of the socket brings may lie above the limit.
        assert!(peak.parse::<u64>().is_ok_and(|n| n < 400 << 10), "{peak}");
        proxy.heal();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        assert_eq!(field(&mut info, "replica_full_sync_buffer_size"), "0");
        let memory = info.info_field("memory", "mem_replica_full_sync_buffer");
        assert_eq!(memory, "0");
    }
}

#[test]
fn a_primary_shows_both_connections_as_each_family_does() {
    for (peer, states) in [
        ("redis-8.10", &["state=send_bulk_and_stream,"][..]),
        (
            "valkey-9.1",
            &[
                "type=rdb-channel",
                "state=bg_transfer,",
                "type=main-channel",
            ],
        ),
    ] {
        let Some((primary, proxy, replica)) = pair("forebay", peer, "disabled") else {
            continue;
        };
        outgrow_sockets(&primary);
        slow_payload(&proxy);
        follow(&replica, proxy.port());
        let mut client = primary.client();
        wait_until("both connections are there", || {
            let info = client.text("INFO replication");
            states.iter().all(|state| info.contains(state))
        });
        assert_eq!(
            field(&mut client, "connected_slaves"),
            states.len().min(2).to_string()
        );
        assert_eq!(field(&mut client, "replicas_waiting_psync"), "0");
        proxy.heal();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        let info = client.text("INFO replication");
        assert!(!info.contains("type="), "{info}");
        assert_eq!(field(&mut client, "connected_slaves"), "1");
    }
}

#[test]
fn a_primary_that_is_killed_amid_two_connections_is_followed_when_it_is_back() {
    for peer in ["forebay", "redis-8.10", "valkey-9.1"] {
        let Some((primary, proxy, replica)) = pair(peer, "forebay", "disabled") else {
            continue;
        };
        primary.client().ok("SAVE");
        outgrow_sockets(&primary);
        slow_payload(&proxy);
        follow(&replica, proxy.port());
        let mut client = replica.client();
        wait_until("the payload arrives", || {
            let read = client.info_field("replication", "master_sync_read_bytes");
            read.parse::<u64>().is_ok_and(|n| n > 0)
        });
        let primary = primary.restart();
        assert_eq!(client.run("GET stale").text(), Some("data"));
        proxy.heal();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
    }
}

/// It keeps the snapshot from nobody, and is dropped.
#[test]
fn a_replica_that_never_reads_its_payload_is_dropped() {
    let primary = with_two("forebay").expect("it is built");
    let primary = primary
        .config("rdbcompression no")
        .config("repl-timeout 1000")
        .start();
    seed_data(&primary);
    outgrow_sockets(&primary);
    let mut first = primary.client();
    first.ok("REPLCONF listening-port 1 capa eof capa psync2 capa rdb-channel-repl");
    let offer = first.text("PSYNC ? -1");
    let id = offer
        .strip_prefix("RDBCHANNELSYNC ")
        .expect("it is offered");
    let mut second = primary.client();
    second.ok(&format!(
        "REPLCONF listening-port 1 capa eof rdb-only 1 rdb-channel 1 main-ch-client-id {id}"
    ));
    assert!(second.text("PSYNC ? -1").starts_with("FULLRESYNC"));
    let replica = with_two("forebay")
        .expect("it is built")
        .replica_of(&primary)
        .start();
    wait_link(&replica);
    let mut info = primary.client();
    assert_eq!(field(&mut info, "connected_slaves"), "2");
    info.ok("CONFIG SET repl-timeout 2");
    wait_until("only the other is left", || {
        let text = info.text("INFO replication");
        text.contains("connected_slaves:1\r") && text.contains("state=online,")
    });
    info.ok("CONFIG SET repl-timeout 60");
    assert_in_step(&primary, &replica);
}

#[test]
fn a_second_connection_of_nobody_is_refused() {
    let primary = with_two("forebay").expect("it is built").start();
    let mut client = primary.client();
    for (line, said) in [
        (
            "REPLCONF main-ch-client-id 999",
            "ERR Unrecognized RDB client id: 999",
        ),
        (
            "REPLCONF set-rdb-client-id 999",
            "ERR Unrecognized RDB client id: 999",
        ),
        (
            "REPLCONF main-ch-client-id x",
            "ERR value is not an integer or out of range",
        ),
    ] {
        assert_eq!(client.run(line).text(), Some(said));
    }
}

#[test]
fn replicas_of_all_kinds_follow_one_primary_at_once() {
    let primary = with_two("forebay").expect("it is built").start();
    seed_data(&primary);
    let writers = Writers::start(&primary, 2);
    let replicas: Vec<Server> = [
        "forebay",
        "redis-8.2",
        "redis-8.10",
        "valkey-8.1",
        "valkey-9.1",
    ]
    .into_iter()
    .filter_map(with_two)
    .chain(builder("redis-7.0"))
    .map(|replica| replica.replica_of(&primary).start())
    .collect();
    replicas.iter().for_each(wait_link);
    writers.wait_more(100);
    writers.stop();
    for replica in &replicas {
        assert_in_step(&primary, replica);
    }
}

/// Much more than memory keeps is written while the payload is slow.
#[test]
fn what_was_collected_on_disk_is_applied_in_order() {
    for peer in TWO {
        let (Some(primary), Some(replica)) = (with_two(peer), with_two("forebay")) else {
            continue;
        };
        let primary = primary.start();
        seed_data(&primary);
        let replica = replica.start();
        let proxy = FaultProxy::to(&primary.address());
        proxy.only(2);
        let stall_at = Some(50_000);
        proxy.set(
            Direction::FromTarget,
            Faults {
                stall_at,
                ..Faults::default()
            },
        );
        follow(&replica, proxy.port());
        let mut info = replica.client();
        let mut writer = primary.client();
        wait_until("the payload arrives", || {
            let read = info.info_field("replication", "master_sync_read_bytes");
            read.parse::<u64>().is_ok_and(|n| n > 0)
        });
        let value = "v".repeat(50_000);
        for n in 0..500 {
            writer.cmd(&["APPEND", &format!("log:{}", n % 20), &format!("{n}{value}")]);
        }
        wait_until("all of it was collected", || {
            let size = field(&mut info, "replica_full_sync_buffer_size");
            size.parse::<u64>().is_ok_and(|size| size > 25_000_000)
        });
        proxy.heal();
        wait_link(&replica);
        assert_in_step(&primary, &replica);
        assert!(replica.temporary_files().is_empty());
    }
}

/// A replica's stream is its primary's and does not begin with SELECT: the database is told.
#[test]
fn replicas_of_a_replica_go_on_in_the_database_of_its_stream() {
    for peer in ["forebay", "redis-8.10", "valkey-8.1", "valkey-9.1"] {
        let Some(last) = with_two(peer) else { continue };
        let primary = with_two("forebay").expect("it is built").start();
        seed_data(&primary);
        let middle = with_two("forebay").expect("it is built");
        let middle = middle.replica_of(&primary).start();
        wait_link(&middle);
        let mut writer = primary.client();
        writer.ok("SELECT 9");
        writer.ok("SET before 1");
        assert_in_step(&primary, &middle);
        let proxy = FaultProxy::to(&middle.address());
        let last = last.start();
        follow(&last, proxy.port());
        wait_link(&last);
        writer.ok("SET behind 1");
        assert_in_step(&primary, &middle);
        assert_in_step(&middle, &last);
        assert_eq!(proxy.accepted(), 2, "{}", last.log());
    }
}
