//! `engine::links` with the commands of all families.

use crate::testing::Bench;
use engine::ClientFlags;

/// A bench whose client is such a link, and its replies.
fn link(flag: ClientFlags) -> Bench {
    let mut bench = Bench::new();
    let id = bench.id;
    let client = bench.engine.clients.get_mut(&id).expect("it is connected");
    client.flags.insert(flag);
    bench
}

#[test]
fn a_link_cannot_be_reset_whichever_end_of_it_we_are() {
    for flag in [ClientFlags::REPLICA, ClientFlags::MASTER] {
        let mut bench = link(flag);
        let refused = "-ERR can only reset normal client connections";
        assert_eq!(bench.run("RESET"), refused);
        let id = bench.id;
        assert!(bench.engine.clients[&id].flags.contains(flag));
    }
}

#[test]
fn a_replica_only_reports() {
    let mut bench = link(ClientFlags::REPLICA);
    for text in [
        "SUBSCRIBE a",
        "CLIENT REPLY OFF",
        "CLIENT TRACKING ON",
        "HELLO 3",
        "MULTI",
        "WAIT 1 0",
        "PING",
        "REPLICAOF NO ONE",
        "CONFIG SET maxmemory 1",
        "SHUTDOWN NOSAVE",
    ] {
        let got = bench.run(text);
        assert!(
            got.starts_with("-ERR Command is not valid when client is a replica"),
            "{text}: {got}"
        );
    }
    for text in [
        "SET a b",
        "GET a",
        "BLPOP a 0",
        "PUBLISH a b",
        "XREAD BLOCK 0 STREAMS s $",
    ] {
        assert_eq!(
            bench.run(text),
            "-ERR Replica can't interact with the keyspace",
            "{text}"
        );
    }
    for text in [
        "REPLCONF ACK 9223372036854775807",
        "REPLCONF ACK -5",
        "REPLCONF GETACK *",
        "MONITOR",
        "PSYNC ? -1",
    ] {
        assert_eq!(bench.run(text), "", "{text}");
    }
    assert!(bench.engine.monitors.is_empty());
}

#[test]
fn a_primary_sends_effects_and_nothing_that_changes_its_connection() {
    let mut bench = link(ClientFlags::MASTER);
    for text in [
        "SUBSCRIBE a",
        "PSUBSCRIBE a",
        "SSUBSCRIBE a",
        "MONITOR",
        "CLIENT REPLY OFF",
        "CLIENT TRACKING ON",
        "HELLO 3",
        "PSYNC ? -1",
        "SYNC",
        "QUIT",
        "SHUTDOWN NOSAVE",
        "REPLICAOF NO ONE",
    ] {
        let got = bench.run(text);
        assert!(
            got.starts_with("-ERR Command is not valid when client is a master"),
            "{text}: {got}"
        );
    }
    assert_eq!(bench.run("PUBLISH a b"), ":0");
    assert_eq!(bench.run("SET a b"), "+OK");
}

#[test]
fn what_is_for_a_database_that_is_not_here_lands_in_no_other() {
    let mut bench = link(ClientFlags::MASTER);
    let refused = |reply: String| {
        let out = "-ERR DB index is out of range";
        assert!(reply.starts_with(out), "{reply}");
    };
    for number in [
        "16",
        "20",
        "2147483648",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        bench.run("SELECT 3");
        let reply = bench.run(&format!("SELECT {number}"));
        assert!(reply.starts_with('-'), "{reply}");
        for text in [
            "SET k v",
            "DEL k",
            "FLUSHDB",
            "GET k",
            "EVAL \"return 1\" 0",
        ] {
            refused(bench.run(text));
        }
        assert_eq!(bench.run("PUBLISH a b"), ":0");
        assert_eq!(bench.run("PING"), "+PONG");
        assert_eq!(bench.run("SELECT 3"), "+OK");
        assert_eq!(bench.run("SET k v"), "+OK");
        bench.run("DEL k");
    }
    assert_eq!(bench.run("DBSIZE"), ":0");
}

#[test]
fn a_transaction_of_the_primary_leads_to_a_database_that_is_not_here_and_back() {
    let mut bench = link(ClientFlags::MASTER);
    for text in [
        "MULTI",
        "SET here 1",
        "SELECT 99",
        "SET far 1",
        "SELECT 2",
        "SET there 1",
        "SELECT 77",
    ] {
        bench.run(text);
    }
    let reply = bench.run("EXEC");
    assert_eq!(reply.matches("-ERR DB index").count(), 3, "{reply}");
    assert_eq!(bench.engine.stats.unexpected_errors, 3);
    // The next one begins nowhere.
    for text in ["MULTI", "SET far 1", "SELECT 2", "INCR there"] {
        bench.run(text);
    }
    let reply = bench.run("EXEC");
    assert!(reply.ends_with("+OK, :2]"), "{reply}");
    assert_eq!(bench.run("DBSIZE"), ":1");
    assert_eq!(bench.run("SELECT 0"), "+OK");
    assert_eq!(bench.run("DBSIZE"), ":1");
}

#[test]
fn a_subscriber_that_becomes_a_replica_is_no_subscriber_any_more() {
    let mut bench = Bench::new();
    let other = bench.connect();
    // In RESP3 a subscriber may run other commands.
    bench.run_as(other, "HELLO 3");
    bench.run_as(other, "SUBSCRIBE news");
    bench.run_as(other, "CLIENT REPLY OFF");
    bench.run_as(other, "PSYNC ? -1");
    assert_eq!(bench.run("PUBLISH news x"), ":0");
    assert_eq!(bench.output(other), "");
    assert!(
        !bench.engine.clients[&other]
            .flags
            .contains(ClientFlags::REPLY_OFF)
    );
}

#[test]
fn a_replica_whose_save_has_failed_takes_what_its_primary_sends() {
    let mut bench = link(ClientFlags::MASTER);
    bench.engine.save_failed = true;
    for text in ["PING", "SET k v", "DEL k"] {
        let reply = bench.run(text);
        assert!(!reply.starts_with('-'), "{text}: {reply}");
    }
    assert_eq!(bench.engine.stats.unexpected_errors, 0);
}

#[test]
fn a_condition_that_the_primary_has_tested_is_not_tested_again() {
    let mut bench = link(ClientFlags::MASTER);
    bench.run("SET k old");
    for (text, value) in [
        ("SET k new IFNE other", "new"),
        ("SET k newer IFDEQ 0123456789abcdef KEEPTTL", "newer"),
        ("SET k newest IFDNE 0123456789abcdef", "newest"),
    ] {
        assert_eq!(bench.run(text), "+OK", "{text}");
        assert_eq!(bench.run("GET k"), format!("\"{value}\""), "{text}");
    }
    let tested = Bench::new().run("SET k v IFDEQ 0123456789abcdef");
    assert_eq!(tested, "nil");
}
