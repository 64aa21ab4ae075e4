//! `aof-annotations no`: a log without lines of our own.

use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;
use crate::{copy_log, digest, forebay, loaded_by, log_directory};

const LINES: [&str; 8] = [
    "SET key value",
    "SELECT 3",
    "RPUSH list a b c",
    "LPOP list",
    "SET due x PXAT 4000000000000",
    "SADD set m",
    "FLUSHDB",
    "HSET hash f v",
];

fn increment(server: &Server) -> String {
    let path = log_directory(server).join("appendonly.aof.1.incr.aof");
    let bytes = std::fs::read(path).expect("it is there");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn it_is_byte_for_byte_what_a_real_server_writes() {
    let Some(peer) = Builder::peer("redis-7.2") else {
        return;
    };
    let logs = [forebay("always").config("aof-annotations no"), peer].map(|builder| {
        let server = builder
            .config("appendonly yes")
            .config("appendfsync always")
            .start();
        let mut client = server.client();
        for line in LINES {
            client.ok(line);
        }
        increment(&server)
    });
    assert_eq!(logs[0], logs[1]);
}

#[test]
fn it_is_loaded_and_replicas_get_what_is_written_also_while_the_directive_changes() {
    let server = forebay("everysec").config("aof-annotations no").start();
    let replica = Builder::forebay().replica_of(&server).start();
    let mut client = server.client();
    let mut follower = replica.client();
    // While it loads, it refuses to read.
    wait_until("the replica is in step", || {
        follower.info_field("replication", "master_link_status") == "up"
    });
    for (round, annotations) in ["no", "yes", "no", "yes"].into_iter().enumerate() {
        client.ok(&format!("CONFIG SET aof-annotations {annotations}"));
        for n in 0..50 {
            client.ok(&format!("SET key:{round}:{n} {n}"));
        }
        // The reply is an error while the replica loads its full sync.
        wait_until("the replica has it", || {
            follower.run(&format!("EXISTS key:{round}:49")).int() == Some(1)
        });
        client.ok("WAITAOF 1 0 0");
    }
    let expected = digest(&mut client);
    let server = server.restart();
    assert_eq!(digest(&mut server.client()), expected);
    for name in ["redis-7.0", "redis-8.10", "valkey-9.1"] {
        if let Some(reader) = Builder::peer(name) {
            let copy = copy_log(&server);
            assert_eq!(loaded_by(reader, copy.path()), expected, "{name}");
        }
    }
}
