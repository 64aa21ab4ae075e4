//! While the dataset in memory is not complete the dump is the only copy of the data: nothing may touch it.

use crate::support::client::Client;
use crate::support::fake_master::FakeMaster;
use crate::support::fake_replica::FakeReplica;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const KEYS: usize = 2_000;

/// A server whose loads and saves take a second or two, and whose save points are due at once.
fn slow() -> Builder {
    Builder::forebay()
        .config("key-load-delay 1000")
        .config("loading-process-events-interval-bytes 1024")
        .config("save 1 1")
}

/// A server with some thousand keys, and their dump.
fn filled() -> Server {
    let server = Builder::forebay().start();
    let mut client = server.client();
    client.ok(&format!("DEBUG POPULATE {KEYS} key 100"));
    client.ok("SAVE");
    server
}

fn client_while_loading(server: &Server) -> Client {
    let mut found = None;
    wait_until("it is loading", || {
        let Ok(mut client) = Client::connect(server.address()) else {
            return false;
        };
        let loads = client.info("persistence")["loading"] == "1";
        found = Some(client);
        loads
    });
    found.expect("it was just connected")
}

/// Ends a server in the way that the line says.
fn stop(server: &mut Server, client: &mut Client, how: &str) {
    match how {
        "SIGTERM" => server.signal(SIGTERM),
        "SIGINT" => server.signal(SIGINT),
        line => {
            let words: Vec<_> = line.split(' ').collect();
            assert!(
                client.try_cmd(&words).is_err(),
                "{line} ends the connection"
            );
        }
    }
    assert_eq!(server.wait_exit().code(), Some(0), "{how}");
}

const WAYS: [&str; 7] = [
    "SIGTERM",
    "SIGINT",
    "SHUTDOWN",
    "SHUTDOWN SAVE",
    "SHUTDOWN NOW FORCE",
    "SHUTDOWN SAVE NOW",
    "SHUTDOWN NOSAVE",
];

#[test]
fn a_server_that_ends_while_it_loads_its_dump_leaves_it_as_it_is() {
    let filled = filled();
    let dump = fs::read(filled.dump_path()).unwrap();
    for how in WAYS {
        let mut server = slow().dump(filled.dump_path()).spawn();
        let mut client = client_while_loading(&server);
        for line in ["SAVE", "BGSAVE", "BGSAVE SCHEDULE", "FLUSHALL"] {
            assert!(client.error(line).starts_with("LOADING "), "{line}");
        }
        stop(&mut server, &mut client, how);
        assert!(fs::read(server.dump_path()).unwrap() == dump, "{how}");
        let left = fs::read_dir(server.dir()).unwrap().count();
        assert_eq!(left, 3, "dump, configuration and log are left");
    }
}

/// A replica that follows `primary` and has begun to load what it was sent; before, it had a key of its own and a
/// change that its save point has yet to save.
fn loading_replica(primary: &Server, load: &str) -> (Server, Client) {
    let replica = slow()
        .config(format!("repl-diskless-load {load}"))
        .config("replica-read-only no")
        .start();
    let mut client = replica.client();
    client.ok("SET own 1");
    client.ok("SAVE");
    client.ok("SET own 2");
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    let client = client_while_loading(&replica);
    (replica, client)
}

#[test]
fn a_replica_that_ends_while_it_loads_what_it_received_keeps_a_whole_dump() {
    let primary = filled();
    for (load, keys) in [("disabled", KEYS), ("flush-before-load", 1), ("swapdb", 1)] {
        for how in ["SIGTERM", "SHUTDOWN SAVE NOW"] {
            let (mut replica, mut client) = loading_replica(&primary, load);
            stop(&mut replica, &mut client, how);
            let judge = Builder::forebay().dump(replica.dump_path()).start();
            let found = judge.client().int("DBSIZE");
            assert_eq!(found, keys as i64, "{load} {how}");
        }
    }
}

#[test]
fn no_save_point_fires_while_a_replica_loads_what_it_received() {
    let primary = filled();
    let (mut replica, mut client) = loading_replica(&primary, "disabled");
    wait_until("the link is up", || {
        client.info_field("replication", "master_link_status") == "up"
    });
    replica.kill();
    let replica = replica.restart();
    assert_eq!(replica.client().int("DBSIZE"), KEYS as i64);
}

/// The stream ends before FLUSHALL when the empty dataset is saved: who goes on from there would keep its keys.
#[test]
fn what_flushall_saves_names_no_place_that_a_replica_could_go_on_from() {
    let server = Builder::forebay().config("save 3600 100000").start();
    let mut client = server.client();
    client.ok("SET key value");
    let _replica = FakeReplica::attach(&server.address());
    // The replica has the payload before the primary hears that its save has ended.
    wait_until("the full sync's save is over", || {
        client.info_field("persistence", "rdb_bgsave_in_progress") == "0"
    });
    let names_a_place = || {
        let dump = std::fs::read(server.dump_path()).expect("it was saved");
        dump.windows(7).any(|w| w == b"repl-id")
    };
    for flush in ["FLUSHALL", "EVAL \"redis.call('FLUSHALL')\" 0"] {
        client.ok("SET key value");
        client.ok("SAVE");
        assert!(names_a_place(), "{flush}");
        client.ok(flush);
        assert!(!names_a_place(), "{flush}");
    }
}

/// A payload of which the last half never comes, into a replica that has given its own data up for it.
#[test]
fn what_a_failed_sync_leaves_is_not_saved_until_the_replica_is_promoted() {
    let payload = fs::read(filled().dump_path()).unwrap();
    let mut replica = Builder::forebay()
        .config("repl-diskless-load flush-before-load")
        .config("save 1 1")
        .start();
    let mut client = replica.client();
    client.ok("SET own 1");
    client.ok("SAVE");
    let dump = fs::read(replica.dump_path()).unwrap();
    client.ok("SET own 2");
    let primary = FakeMaster::new();
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    let mut link = primary.accept();
    link.handshake().expect("the replica introduces itself");
    let half = &payload[..payload.len() / 2];
    let head = format!("+FULLRESYNC {} 0\r\n${}\r\n", "e".repeat(40), payload.len());
    link.send(head.as_bytes()).expect("the replica reads");
    link.send(half).expect("the replica reads");
    drop(client_while_loading(&replica));
    drop(link);
    wait_until("the sync has failed", || {
        client.info_field("persistence", "loading") == "0"
    });
    assert_eq!(client.int("DBSIZE"), 0);
    assert_eq!(client.error("SAVE"), "ERR");
    assert!(client.error("BGSAVE").contains("not complete"));
    assert!(fs::read(replica.dump_path()).unwrap() == dump);
    client.ok("REPLICAOF NO ONE");
    client.ok("SET fresh 1");
    stop(&mut replica, &mut client, "SIGTERM");
    let replica = replica.restart();
    assert_eq!(replica.client().text("GET fresh"), "1");
    assert_eq!(replica.client().int("DBSIZE"), 1);
}
