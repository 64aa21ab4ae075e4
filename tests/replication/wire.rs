//! What is said on the wire, with a fake at the other end.

use crate::pair::{assert_in_step, builder, number, seed_data, wait_link};
use crate::support::fake_master::FakeMaster;
use crate::support::fake_replica::{Answer, FakeReplica, Framing, Introduction};
use crate::support::server::Server;
use crate::support::wait::wait_until;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn attach(address: &str, who: &Introduction) -> FakeReplica {
    FakeReplica::attach_as(address, who).expect("the primary answers")
}

#[test]
fn a_replica_is_its_connection_whatever_it_says_of_itself() {
    let primary = builder("forebay").expect("it is built").start();
    seed_data(&primary);
    let bare = Introduction {
        listening_port: None,
        capabilities: Vec::new(),
        ..Introduction::default()
    };
    let old = Introduction {
        old_sync: true,
        ..bare.clone()
    };
    let twins = [
        bare.clone(),
        Introduction::default(),
        Introduction::default(),
        old,
    ];
    let mut replicas: Vec<FakeReplica> = twins
        .iter()
        .map(|who| attach(&primary.address(), who))
        .collect();
    assert_eq!(number(&primary, "replication", "connected_slaves"), 4);
    primary.client().ok("SET to all");
    primary.client().ok("PUBLISH mark here");
    for replica in &mut replicas {
        let seen = replica.take_until("here");
        assert!(seen.iter().any(|c| c.concat() == b"SETtoall"), "{seen:?}");
    }
}

#[test]
fn the_framing_follows_the_capability() {
    for (diskless, capabilities, framing) in [
        ("yes", vec!["eof", "psync2"], Framing::EofMark),
        ("yes", vec!["psync2"], Framing::Length),
        ("no", vec!["eof", "psync2"], Framing::Length),
    ] {
        let primary = builder("forebay")
            .expect("it is built")
            .config(format!("repl-diskless-sync {diskless}"))
            .start();
        seed_data(&primary);
        let who = Introduction {
            capabilities,
            ..Introduction::default()
        };
        let Answer::Full {
            framing: got,
            payload,
            ..
        } = attach(&primary.address(), &who).answer.clone()
        else {
            panic!("a new replica needs a full sync");
        };
        assert_eq!(got, framing);
        assert!(
            payload.starts_with(b"REDIS0010"),
            "who says nothing gets an old version"
        );
    }
}

#[test]
fn the_backlog_is_served_to_the_byte() {
    let primary = builder("forebay").expect("it is built").start();
    let mut first = attach(&primary.address(), &Introduction::default());
    let Answer::Full { replid, offset, .. } = first.answer.clone() else {
        panic!("{:?}", first.answer);
    };
    assert_eq!(offset, 0);
    primary.client().ok("SET a 1");
    primary.client().ok("PUBLISH mark here");
    first.take_until("here");
    let end = number(&primary, "replication", "master_repl_offset");
    let ask = |from: i64| {
        let who = Introduction {
            wanted: Some((replid.to_uppercase(), from)),
            ..Introduction::default()
        };
        attach(&primary.address(), &who)
    };
    let all = ask(1);
    let continued = Answer::Continue {
        replid: Some(replid.clone()),
    };
    assert_eq!(format!("{:?}", all.answer), format!("{continued:?}"));
    wait_until("the whole stream comes", || {
        all.stream().len() as i64 >= end
    });
    assert!(
        all.stream()
            .starts_with(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n")
    );
    assert!(matches!(ask(end + 1).answer, Answer::Continue { .. }));
    assert!(matches!(ask(end + 1000).answer, Answer::Full { .. }));
    assert!(matches!(ask(0).answer, Answer::Full { .. }));
}

#[test]
fn stream_bytes_glued_behind_the_mark_are_not_lost() {
    let source = builder("forebay").expect("it is built").start();
    seed_data(&source);
    source.client().ok("SAVE");
    let payload = std::fs::read(source.dump_path()).expect("the dump is there");
    for load in ["disabled", "on-empty-db", "swapdb"] {
        let master = FakeMaster::new();
        let replica = builder("forebay")
            .expect("it is built")
            .config(format!("repl-diskless-load {load}"))
            .start();
        let line = format!("REPLICAOF 127.0.0.1 {}", master.port());
        replica.client().ok(&line);
        let mut link = master.accept();
        let hello = link.handshake().expect("the replica introduces itself");
        assert_eq!(hello.commands[0], ["PING"]);
        let mark = "e".repeat(40);
        let stream =
            b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$5\r\nglued\r\n$1\r\n1\r\n";
        let head = format!("+FULLRESYNC {ID} 1000\r\n\n\n$EOF:{mark}\r\n");
        let wire = [head.as_bytes(), &payload, mark.as_bytes(), stream].concat();
        link.send(&wire).expect("the replica reads");
        link.wait_ack(1000 + stream.len() as u64)
            .expect("the stream counts");
        assert_eq!(replica.client().text("GET glued"), "1", "{load}");
        assert_eq!(replica.client().text("GET plain"), "value", "{load}");
        drop(link);
        let again = master.accept().handshake().expect("the replica comes back");
        let wanted = 1000 + stream.len() as i64 + 1;
        assert_eq!(
            (again.replid.as_str(), again.offset),
            (ID, wanted),
            "{load}"
        );
    }
}

#[test]
fn half_a_transaction_is_asked_for_again() {
    let master = FakeMaster::new();
    let source = builder("forebay").expect("it is built").start();
    source.client().ok("SET seed 1");
    source.client().ok("SAVE");
    let payload = std::fs::read(source.dump_path()).expect("the dump is there");
    let replica = builder("forebay").expect("it is built").start();
    replica
        .client()
        .ok(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    let mut link = master.accept();
    link.handshake().expect("the replica introduces itself");
    link.full_resync(ID, 500, &payload)
        .expect("the payload is sent");
    link.wait_ack(500).expect("it is loaded");
    let multi = b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*2\r\n$4\r\nINC";
    link.send(multi).expect("the replica reads");
    wait_until("it is read", || {
        number(&replica, "replication", "slave_read_repl_offset") == 500 + multi.len() as i64
    });
    assert_eq!(number(&replica, "replication", "slave_repl_offset"), 500);
    drop(link);
    let mut link = master.accept();
    let again = link.handshake().expect("the replica comes back");
    assert_eq!(again.offset, 501);
    link.send(format!("+CONTINUE {ID}\r\n").as_bytes())
        .expect("the replica reads");
    let whole = b"*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n*1\r\n$4\r\nEXEC\r\n";
    link.send(whole).expect("the replica reads");
    link.wait_ack(500 + whole.len() as u64)
        .expect("it is processed");
    assert_eq!(replica.client().text("GET n"), "2");
}

/// It was closed with the next thing it said, and one that says nothing was never closed.
#[test]
fn client_kill_closes_a_replica_that_says_nothing() {
    let primary = builder("forebay").expect("it is built").start();
    let replica = FakeReplica::attach(&primary.address());
    let mut client = primary.client();
    wait_until("the replica is attached", || {
        number(&primary, "replication", "connected_slaves") == 1
    });
    assert_eq!(client.int("CLIENT KILL TYPE replica"), 1);
    wait_until("its connection is closed", || replica.is_closed());
    assert_eq!(number(&primary, "replication", "connected_slaves"), 0);
}

#[test]
fn wait_asks_replicas_for_nothing_while_clients_are_paused() {
    let primary = builder("forebay").expect("it is built").start();
    let replica = FakeReplica::attach(&primary.address());
    let getacks = || {
        replica
            .stream()
            .windows(6)
            .filter(|w| w == b"GETACK")
            .count()
    };
    let mut client = primary.client();
    // As one, so that the pause begins before the replica can have the write.
    client.pipeline(&[
        vec!["MULTI"],
        vec!["SET", "a", "1"],
        vec!["CLIENT", "PAUSE", "100000", "WRITE"],
        vec!["EXEC"],
    ]);
    assert_eq!(client.int("WAIT 1 50"), 0);
    assert_eq!(getacks(), 0);
    // A writer that waits for the end of the pause is a blocked client.
    let mut writer = primary.client();
    writer.send(&["SET", "a", "2"]).expect("it is taken");
    wait_until("the writer waits", || {
        number(&primary, "clients", "blocked_clients") == 1
    });
    client.ok("CLIENT UNPAUSE");
    wait_until("it is asked now", || getacks() == 1);
}

#[test]
fn the_bytes_of_a_link_are_counted_at_both_ends() {
    let primary = builder("forebay").expect("it is built").start();
    let replica = builder("forebay").expect("it is built").start();
    let follow = format!("REPLICAOF 127.0.0.1 {}", primary.port());
    replica.client().ok(&follow);
    wait_link(&replica);
    let value = "x".repeat(1000);
    let mut client = primary.client();
    for i in 0..200 {
        client.cmd(&["SET", &format!("key:{i}"), &value]);
    }
    assert_in_step(&primary, &replica);
    let sent = number(&primary, "stats", "total_net_repl_output_bytes");
    let read = number(&replica, "stats", "total_net_repl_input_bytes");
    assert!(sent > 200_000 && read > 200_000, "{sent} {read}");
    assert!(number(&primary, "stats", "total_net_output_bytes") >= sent);
    assert!(number(&replica, "stats", "total_net_input_bytes") >= read);
    wait_until("the rates are seen", || {
        let rate = |server: &Server, field: &str| {
            let text = server.client().info_field("stats", field);
            text.parse::<f64>().expect("a rate is a number")
        };
        client.cmd(&["SET", "more", &value]);
        rate(&primary, "instantaneous_output_repl_kbps") > 0.0
            && rate(&replica, "instantaneous_input_repl_kbps") > 0.0
    });
}

#[test]
fn a_replica_that_resets_its_connection_is_told_no_and_closed() {
    let primary = builder("forebay").expect("it is built").start();
    let mut replica = attach(&primary.address(), &Introduction::default());
    primary.client().ok("PUBLISH mark here");
    replica.take_until("here");
    replica.send(&["RESET"]).expect("the link is open");
    wait_until("the link is closed", || replica.is_closed());
    let stream = String::from_utf8_lossy(&replica.stream()).into_owned();
    assert!(
        stream.ends_with("-ERR can only reset normal client connections\r\n"),
        "{stream}"
    );
    wait_until("it is a replica no more", || {
        number(&primary, "replication", "connected_slaves") == 0
    });
}

#[test]
fn writes_that_a_failover_held_run_when_it_is_aborted_and_nothing_else_is_sent() {
    let primary = builder("forebay").expect("it is built").start();
    let silent = Introduction {
        silent: true,
        // Its stream does not wait for an ACK.
        capabilities: vec!["psync2"],
        ..Introduction::default()
    };
    let replica = FakeReplica::attach_as(&primary.address(), &silent).expect("it is served");
    let mut client = primary.client();
    client.ok("SET before 1");
    client.ok("FAILOVER");
    let mut writer = primary.client();
    writer.send(&["SET", "held", "1"]).expect("it is taken");
    wait_until("the writer waits", || {
        number(&primary, "clients", "blocked_clients") == 1
    });
    client.ok("FAILOVER ABORT");
    assert_eq!(writer.read().expect("it runs").text(), Some("OK"));
    client.ok("SET mark 1");
    wait_until("the mark is sent", || {
        replica.stream().windows(4).any(|w| w == b"mark")
    });
    let commands = replica.commands();
    let keys = commands.iter().filter(|c| c.len() > 2).map(|c| &c[1][..]);
    let keys: Vec<_> = keys.filter(|k| *k != b"GETACK").collect();
    assert_eq!(keys, [&b"before"[..], b"held", b"mark"]);
    let failover = |c: &Vec<Vec<u8>>| c[0].eq_ignore_ascii_case(b"FAILOVER");
    assert!(!commands.iter().any(failover));
}
