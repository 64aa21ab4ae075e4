//! The fake replica against a real primary, the fake master against a real replica.

use crate::support::fake_master::FakeMaster;
use crate::support::fake_replica::{Answer, FakeReplica, Framing, Introduction};
use crate::support::peers;
use crate::support::server::Builder;
use crate::support::wait::wait_until;

const REPLID: &str = "0123456789abcdef0123456789abcdef01234567";

fn words(commands: &[Vec<Vec<u8>>]) -> Vec<String> {
    let word = |w: &Vec<u8>| String::from_utf8_lossy(w).into_owned();
    commands
        .iter()
        .map(|c| c.iter().map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn the_fake_replica_receives_payload_and_stream_in_both_framings() {
    for (diskless, framing) in [("no", Framing::Length), ("yes", Framing::EofMark)] {
        let Some(builder) = Builder::peer(peers::REFERENCE) else {
            return;
        };
        let server = builder
            .config(format!("repl-diskless-sync {diskless}"))
            .start();
        let mut client = server.client();
        client.ok("SET before 1");
        let mut replica = FakeReplica::attach(&server.address());
        let Answer::Full {
            replid,
            framing: got,
            payload,
            ..
        } = replica.answer.clone()
        else {
            panic!("{:?}", replica.answer)
        };
        assert_eq!((replid.len(), got), (40, framing));
        assert!(payload.starts_with(b"REDIS0010"), "{framing:?}");
        client.ok("SET after 2 EX 1000");
        client.ok("SELECT 5");
        client.ok("INCRBYFLOAT f 1.5");
        client.ok("PUBLISH mark here");
        let seen = words(&replica.take_until("here"));
        let seen: Vec<_> = seen.iter().filter(|c| *c != "PING").collect();
        assert!(
            seen.iter().any(|c| c.starts_with("SET after 2 PXAT ")),
            "{seen:?}"
        );
        assert!(seen.iter().any(|c| *c == "SET f 1.5 KEEPTTL"), "{seen:?}");
        // Cut and come back: the stream goes on where it was left.
        let offset: i64 = client
            .info_field("replication", "master_repl_offset")
            .parse()
            .expect("a number");
        drop(replica);
        client.ok("SET later 3");
        let who = Introduction {
            wanted: Some((replid.clone(), offset + 1)),
            ..Default::default()
        };
        let mut again =
            FakeReplica::attach_as(&server.address(), &who).expect("the primary answers");
        assert!(matches!(&again.answer, Answer::Continue { replid: Some(id) } if *id == replid));
        client.ok("PUBLISH mark there");
        assert!(words(&again.take_until("there")).contains(&"SET later 3".to_owned()));
    }
}

#[test]
fn the_fake_master_feeds_a_real_replica() {
    let Some(builder) = Builder::peer(peers::REFERENCE) else {
        return;
    };
    let source = builder.clone().start();
    source.client().ok("SET seed 1");
    source.client().ok("SAVE");
    let payload = std::fs::read(source.dump_path()).expect("the dump is there");

    let master = FakeMaster::new();
    let replica = builder.start();
    let mut client = replica.client();
    client.ok(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    let mut link = master.accept();
    let hello = link.handshake().expect("the replica introduces itself");
    assert_eq!(hello.commands[0], ["PING"]);
    assert!(
        hello
            .commands
            .iter()
            .any(|c| c.contains(&"psync2".to_owned())),
        "{hello:?}"
    );
    link.full_resync_diskless(REPLID, 100, &payload)
        .expect("the payload is sent");
    // A replica looks for the mark at the end of what it has read: the stream has to wait.
    link.wait_ack(100)
        .expect("the replica acknowledges the payload");
    link.propagate(&["SELECT", "0"])
        .expect("the stream is sent");
    let sent = link
        .propagate(&["SET", "streamed", "2"])
        .expect("the stream is sent")
        + 23;
    wait_until("the replica has the streamed key", || {
        client.run("DBSIZE").int() == Some(2)
    });
    assert!(link.wait_ack(100 + sent).expect("the replica acknowledges") >= 100 + sent);
    assert_eq!(client.text("GET seed"), "1");
    // The link breaks: the replica asks for what is missing.
    drop(link);
    let mut link = master.accept();
    let again = link.handshake().expect("the replica comes back");
    assert_eq!(
        (again.replid.as_str(), again.offset),
        (REPLID, 100 + sent as i64 + 1)
    );
}
