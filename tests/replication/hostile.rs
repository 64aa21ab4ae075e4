//! A primary that says any number, step by step: the replica lives on, and nothing lands where it does not belong.

use crate::pair::{builder, number};
use crate::support::fake_master::{FakeMaster, Link};
use crate::support::fake_replica::FakeReplica;
use crate::support::server::Server;
use crate::support::wait::wait_until;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";
/// What no server has, and the ends of the ranges that numbers are read into.
const NUMBERS: [&str; 11] = [
    "-9223372036854775808",
    "-2",
    "-1",
    "16",
    "20",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999",
];

/// An empty dump with these AUX fields.
fn dump(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |s: &str| [&[s.len() as u8], s.as_bytes()].concat();
    let mut out = b"REDIS0009".to_vec();
    for (name, value) in fields {
        out.push(0xfa);
        out.extend(text(name));
        out.extend(text(value));
    }
    out.push(0xff);
    out.extend([0; 8]);
    out
}

fn follow(replica: &Server, master: &FakeMaster) {
    let command = format!("REPLICAOF 127.0.0.1 {}", master.port());
    replica.client().ok(&command);
}

/// A primary of our making, a replica that follows it, and their link behind the handshake.
fn introduced() -> (FakeMaster, Server, Link) {
    let master = FakeMaster::new();
    let replica = builder("forebay").expect("it is built").start();
    follow(&replica, &master);
    let mut link = master.accept();
    link.handshake().expect("the replica introduces itself");
    (master, replica, link)
}

/// What the stream writes next, in a database that is not here, is refused aloud; the next SELECT leads back.
fn refuses_until_the_next_select(link: &mut Link, replica: &Server, at: &mut u64) {
    let before = number(replica, "stats", "unexpected_error_replies");
    let mut send = |words: &[&str]| *at += link.propagate(words).expect("the replica reads");
    send(&["SET", "far", "1"]);
    send(&["FLUSHDB"]);
    send(&["PUBLISH", "news", "x"]);
    send(&["SELECT", "3"]);
    send(&["SET", "near", "1"]);
    send(&["DEL", "near"]);
    let processed = i64::try_from(*at).expect("an offset");
    wait_until("the stream is processed", || {
        number(replica, "replication", "slave_repl_offset") == processed
    });
    let after = number(replica, "stats", "unexpected_error_replies");
    assert_eq!(after - before, 2, "both writes are told");
    assert_eq!(replica.client().text("INFO keyspace").trim(), "# Keyspace");
}

#[test]
fn a_stream_that_selected_a_database_that_is_not_here_writes_into_no_other() {
    for db in ["16", "2147483648", "9223372036854775807"] {
        let (master, replica, mut link) = introduced();
        let fields = [
            ("repl-stream-db", db),
            ("repl-id", ID),
            ("repl-offset", "500"),
        ];
        link.full_resync(ID, 500, &dump(&fields))
            .expect("the payload is sent");
        link.wait_ack(500).expect("it is loaded");
        let mut at = 500;
        refuses_until_the_next_select(&mut link, &replica, &mut at);
        // By SELECT, and kept over a partial resync.
        let select = link.propagate(&["SELECT", db]).expect("the replica reads");
        at += select;
        link.wait_ack(at).expect("it is processed");
        drop(link);
        let mut link = master.accept();
        let again = link.handshake().expect("the replica comes back");
        assert_eq!(u64::try_from(again.offset), Ok(at + 1));
        link.send(b"+CONTINUE\r\n").expect("the replica reads");
        refuses_until_the_next_select(&mut link, &replica, &mut at);
        assert!(replica.log().contains("which is not here"), "{db}");
        let reason = replica
            .client()
            .info_field("replication", "replica_diverged_reason");
        assert!(reason.contains("which is not here"), "{db}: {reason}");
    }
}

/// A primary that came out later: what is not known of its data ends the sync with the place, and what was here stays.
#[test]
fn a_payload_of_the_next_version_is_refused_or_read_as_far_as_it_is_known() {
    let payload = |body: &[u8]| {
        let parts: [&[u8]; 3] = [b"REDIS0016\xfe\x00", body, b"\xff\0\0\0\0\0\0\0\0"];
        parts.concat()
    };
    let known = payload(b"\x00\x01k\x01v");
    let unknown = payload(b"\x2a\x06bitmap\x01\x01");
    let (master, replica, mut link) = introduced();
    link.full_resync(ID, 500, &known)
        .expect("the payload is sent");
    replica.wait_log("REDIS0016");
    replica.client().ok("CONFIG SET rdb-version-check relaxed");
    let mut link = master.accept();
    link.handshake().expect("the replica comes back");
    link.full_resync(ID, 500, &known)
        .expect("the payload is sent");
    link.wait_ack(500).expect("it is loaded");
    assert_eq!(replica.client().text("GET k"), "v");
    drop(link);
    let mut link = master.accept();
    link.handshake().expect("the replica comes back");
    link.full_resync(ID, 700, &unknown)
        .expect("the payload is sent");
    replica
        .wait_log("at byte 11, reading value type of key \"bitmap\": unknown value type 42 (0x2a)");
    assert_eq!(replica.client().text("GET k"), "v");
}

#[test]
fn any_number_for_database_offset_or_id_leaves_a_replica_that_follows_and_serves() {
    let ids = [
        "",
        "0",
        &ID[1..],
        "0123456789abcdef0123456789abcdef0123456\u{7f}",
        ID,
    ];
    for (number, id) in NUMBERS.into_iter().zip(ids.into_iter().cycle()) {
        let (_master, replica, mut link) = introduced();
        // The link goes on after each write that cannot be run.
        replica
            .client()
            .ok("CONFIG SET propagation-error-behavior ignore");
        let fields = [
            ("repl-stream-db", number),
            ("repl-id", id),
            ("repl-offset", number),
        ];
        let payload = dump(&fields);
        let head = format!("+FULLRESYNC {id} {number}\r\n${}\r\n", payload.len());
        link.send(head.as_bytes()).expect("the replica reads");
        link.send(&payload).expect("the replica reads");
        let mut client = replica.client();
        wait_until("the payload is loaded", || {
            client.info_field("replication", "master_link_status") == "up"
        });
        for words in [
            &["SELECT", number][..],
            &["SET", "a", "b"],
            &["SELECT", "0"],
            &["SET", "a", "b"],
            &["REPLCONF", "ACK", number],
            &["REPLCONF", "GETACK", number],
            &["REPLCONF", "GETACK", "*"],
            &["SWAPDB", "0", number],
            &["MOVE", "a", number],
            &["COPY", "a", "b", "DB", number],
            &["PSYNC", "?", number],
            &["SYNC"],
            &["WAIT", number, number],
            &["SET", "c", "d"],
        ] {
            link.propagate(words).expect("the replica reads");
        }
        wait_until("the stream is applied", || client.text("GET c") == "d");
        assert_eq!(client.text("GET a"), "b");
        client.ok("REPLICAOF NO ONE");
        client.ok("SET still here");
    }
}

#[test]
fn a_dump_with_any_place_serves_replicas_and_writes() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    for number in NUMBERS {
        let file = dir.path().join("given.rdb");
        let fields = [
            ("repl-stream-db", "0"),
            ("repl-id", ID),
            ("repl-offset", number),
        ];
        std::fs::write(&file, dump(&fields)).expect("the file can be written");
        let server = builder("forebay").expect("it is built").dump(&file).start();
        let mut replica = FakeReplica::attach(&server.address());
        let mut client = server.client();
        for _ in 0..3 {
            client.cmd(&["SET", "x", &"y".repeat(50)]);
        }
        // What a replica says of itself may be any number, too.
        for said in NUMBERS {
            replica
                .send(&["REPLCONF", "ACK", said])
                .expect("the link is open");
            let mut asker = server.client();
            asker.send(&["PSYNC", ID, said]).expect("it is taken");
        }
        client.ok("PUBLISH mark here");
        let seen = replica.take_until("here");
        let writes = seen.iter().filter(|words| words[0] == b"SET");
        assert_eq!(writes.count(), 3, "{number}");
    }
}
