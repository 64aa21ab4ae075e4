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

/// The increments of the log of a server.
fn increments(server: &Server) -> String {
    let files = std::fs::read_dir(log_directory(server)).expect("it is there");
    let paths = files.map(|file| file.expect("it can be read").path());
    let increments = paths.filter(|path| path.to_string_lossy().ends_with(".incr.aof"));
    let read = |path| std::fs::read(path).expect("it is there");
    let texts = increments.map(|path| String::from_utf8_lossy(&read(path)).into_owned());
    texts.collect()
}

/// Our replica never told what is durable, and with PUBLISH left out of the log it would have stopped at the first one.
#[test]
fn waitaof_counts_what_the_log_says_nothing_of_and_messages_are_not_in_it() {
    let ours = || Some(forebay("everysec").config("aof-annotations no"));
    let real = || Builder::peer("redis-7.2").map(|peer| peer.config("appendonly yes"));
    // After a message, a real server counts its own log only when it has written something else.
    for (primary, replica, (local, messages)) in [
        (ours(), ours(), (1, true)),
        (ours(), real(), (1, false)),
        (real(), ours(), (0, true)),
    ] {
        let (Some(primary), Some(replica)) = (primary, replica) else {
            continue;
        };
        let primary = primary.start();
        let replica = replica.replica_of(&primary).start();
        let mut client = primary.client();
        for lines in [
            vec!["SET key value"],
            vec!["PUBLISH channel message"],
            vec![
                "MULTI",
                "PUBLISH channel message",
                "SET other value",
                "EXEC",
            ],
            vec!["SPUBLISH channel message"],
        ] {
            lines.iter().for_each(|line| drop(client.ok(line)));
            if !messages && lines[0].contains("PUBLISH") {
                continue;
            }
            let reply = client.run(&format!("WAITAOF {local} 1 60000"));
            let Some([here, there]) = reply.items() else {
                panic!("{lines:?}: {reply}");
            };
            let counted = here.int() >= Some(local) && there.int() == Some(1);
            assert!(counted, "{lines:?}: {reply}");
        }
        assert_eq!(digest(&mut replica.client()), digest(&mut client));
        for server in [&primary, &replica] {
            let text = increments(server);
            assert!(text.contains("other"), "{text}");
            assert!(!text.contains("PUBLISH"), "{text}");
        }
    }
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
