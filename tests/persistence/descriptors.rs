//! A server to which the system gives no more descriptors: what needs one fails and says so, all else goes on, and
//! everything works again once there are some.

use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use std::fs;
use std::path::Path;

/// The lowest descriptor that is not open.
fn first_free(server: &Server) -> usize {
    let open = |n: &usize| Path::new(&format!("/proc/{}/fd/{n}", server.pid())).exists();
    (0..).find(|n| !open(n)).expect("not all are open")
}

/// It gets `more` descriptors beyond those it has.
fn limit(server: &Server, more: usize) {
    server.limit_descriptors(Some(first_free(server) + more));
}

fn link_is_up(server: &Server) -> bool {
    let status = server
        .client()
        .info_field("replication", "master_link_status");
    status == "up"
}

#[test]
fn without_descriptors_saves_fail_and_new_clients_wait() {
    let server = Builder::forebay().config("save 3600 1000").start();
    let mut client = server.client();
    client.ok("SET key value");
    limit(&server, 0);
    let mut newcomer = server.client();
    newcomer
        .send(&["ECHO", "hello"])
        .expect("the system has taken it");
    server.wait_log("Accepting client connection: accept: ");
    client.ok("BGSAVE");
    wait_until("the save has failed", || {
        client.info_field("persistence", "rdb_last_bgsave_status") == "err"
    });
    assert!(client.error("SAVE").starts_with("ERR"));
    assert!(client.error("SET key other").starts_with("MISCONF"));
    assert_eq!(client.text("GET key"), "value");
    let lines = |log: &str| log.matches("Accepting client connection").count();
    let before = lines(&server.log());
    for _ in 0..1000 {
        client.text("GET key");
    }
    assert!(lines(&server.log()) <= before + 5, "the log is not flooded");
    server.limit_descriptors(None);
    let answer = newcomer.read().expect("it is let in");
    assert_eq!(answer.bytes(), Some(&b"hello"[..]));
    client.ok("BGSAVE");
    wait_until("a save succeeds again", || {
        client.info_field("persistence", "rdb_last_bgsave_status") == "ok"
    });
    client.ok("SET key other");
}

#[test]
fn without_descriptors_the_configuration_stays_as_it_was() {
    let server = Builder::forebay().start();
    let mut client = server.client();
    let file = server.dir().join("server.conf");
    let before = fs::read(&file).expect("the configuration");
    client.ok("CONFIG SET hz 33");
    limit(&server, 0);
    let error = client.error("CONFIG REWRITE");
    assert!(error.contains("Too many open files"), "{error}");
    assert!(fs::read(&file).expect("it is there") == before);
    server.limit_descriptors(None);
    client.ok("CONFIG REWRITE");
    let after = fs::read_to_string(&file).expect("it is there");
    assert!(after.contains("hz 33"), "{after}");
}

#[test]
fn without_descriptors_a_migrated_key_stays() {
    let server = Builder::forebay().start();
    let other = Builder::forebay().start();
    let mut client = server.client();
    client.ok("SET key value");
    let migrate = format!("MIGRATE 127.0.0.1 {} key 0 5000", other.port());
    limit(&server, 0);
    assert!(client.error(&migrate).starts_with("IOERR"));
    assert_eq!(client.text("GET key"), "value");
    server.limit_descriptors(None);
    client.ok(&migrate);
    assert_eq!(client.int("EXISTS key"), 0);
    assert_eq!(other.client().text("GET key"), "value");
}

#[test]
fn a_primary_without_descriptors_fails_the_sync_and_gives_another() {
    for diskless in ["no", "yes"] {
        let primary = Builder::forebay()
            .config(format!("repl-diskless-sync {diskless}"))
            .start();
        let mut client = primary.client();
        client.ok("SET key value");
        let replica = Builder::forebay().start();
        // One for the replica's connection; a dump on disk needs more, a payload without one may not.
        limit(&primary, 1);
        replica
            .client()
            .ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        if diskless == "no" {
            primary.wait_log("Too many open files");
            assert!(!link_is_up(&replica));
        }
        assert_eq!(client.text("GET key"), "value");
        primary.limit_descriptors(None);
        wait_until("the link is up", || link_is_up(&replica));
        assert_eq!(replica.client().text("GET key"), "value");
    }
}

#[test]
fn a_replica_without_descriptors_keeps_its_data_and_syncs_later() {
    let primary = Builder::forebay().start();
    primary.client().ok("SET key new");
    // None for the link, then one for it and none for the payload's file.
    for more in [0, 1] {
        let replica = Builder::forebay()
            .config("repl-diskless-load disabled")
            .start();
        let mut client = replica.client();
        client.ok("SET key old");
        limit(&replica, more);
        client.ok(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        replica.wait_log("Too many open files");
        assert_eq!(client.text("GET key"), "old");
        assert_eq!(
            client.info_field("replication", "master_link_status"),
            "down"
        );
        replica.limit_descriptors(None);
        wait_until("the link is up", || link_is_up(&replica));
        assert_eq!(client.text("GET key"), "new");
    }
}
