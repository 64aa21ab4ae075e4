//! Forebay follows servers that are newer than the Redis whose version it tells.

use crate::pair::{builder, wait_link};
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::wait::wait_until;

fn follower_of(primary: &Server) -> Server {
    let follower = builder("forebay").expect("it is built");
    let follower = follower.replica_of(primary).start();
    wait_link(&follower);
    follower
}

/// The follower has run everything that was written.
fn wait_caught_up(ours: &mut Client, theirs: &mut Client) {
    let offset = |c: &mut Client| c.info_field("replication", "master_repl_offset");
    wait_until("the follower has caught up", || {
        offset(ours) == offset(theirs)
    });
}

/// A module's command cannot be run here: its result comes with a payload, and the link is not up without it.
#[test]
fn what_only_the_primary_can_run_arrives_by_a_full_sync() {
    let Some(peer) = builder("redis-8.10") else {
        return;
    };
    let primary = peer.config("repl-diskless-sync-delay 0").start();
    let mut theirs = primary.client();
    theirs.ok("SET before 1");
    let follower = follower_of(&primary);
    let mut ours = follower.client();
    for (n, line) in ["VADD vectors VALUES 2 1 2 a", "VADD vectors VALUES 2 2 1 b"]
        .iter()
        .enumerate()
    {
        theirs.ok(line);
        theirs.ok("SET after 2");
        wait_until("the result is here", || {
            ours.info_field("replication", "replica_diverged_resyncs") == (n + 1).to_string()
                && ours.info_field("replication", "master_link_status") == "up"
        });
        assert_eq!(ours.text("TYPE vectors"), "vectorset");
        assert_eq!(ours.text("GET after"), "2");
    }
    let unknown = ours.info_field("replication", "replica_unknown_commands");
    assert_eq!(unknown, "2");
    let reason = ours.info_field("replication", "replica_diverged_reason");
    assert!(
        reason.starts_with("'VADD': ERR unknown command"),
        "{reason}"
    );
    let told = follower
        .log()
        .matches("sending an error to its master")
        .count();
    assert_eq!(told, 1, "a kind is told once");
    ours.ok("CONFIG SET propagation-error-behavior stop");
    theirs.ok("VREM vectors b");
    wait_until("the link is down", || {
        ours.info_field("replication", "master_link_status") == "down"
    });
    follower.wait_log("REPLICAOF begins it again");
}

/// Valkey 9.1 writes for the version that its replica tells, and for none without it.
#[test]
fn hash_fields_of_a_newer_valkey_keep_their_expiries() {
    for name in ["valkey-9.0", "valkey-9.1"] {
        let Some(peer) = builder(name) else { continue };
        let primary = peer.config("repl-diskless-sync-delay 0").start();
        let mut theirs = primary.client();
        theirs.ok("HSET hash a 1 b 2");
        theirs.ok("HPEXPIREAT hash 4000000000000 FIELDS 1 a");
        let follower = follower_of(&primary);
        let mut ours = follower.client();
        let ask = "HPEXPIRETIME hash FIELDS 5 a b c d e";
        assert_eq!(ours.run(ask), theirs.run(ask), "{name}, full sync");
        theirs.ok("HSETEX hash PXAT 4000000001000 FIELDS 2 c 3 d 4");
        theirs.ok("HSETEX hash KEEPTTL FIELDS 1 a 5");
        theirs.ok("HGETEX hash PXAT 4000000002000 FIELDS 1 b");
        theirs.ok("HPERSIST hash FIELDS 1 c");
        wait_caught_up(&mut ours, &mut theirs);
        assert_eq!(ours.run(ask), theirs.run(ask), "{name}, stream");
        assert_eq!(ours.text("HGET hash a"), "5", "{name}");
    }
}

/// Redis 8.6 and later say whose entry it is, and send one that they had already as well.
#[test]
fn entries_that_are_added_only_once_are_there_once() {
    for name in ["redis-8.6", "redis-8.10"] {
        let Some(peer) = builder(name) else { continue };
        let primary = peer.config("repl-diskless-sync-delay 0").start();
        let mut theirs = primary.client();
        theirs.ok("XADD stream 1-1 f 0");
        let follower = follower_of(&primary);
        let mut ours = follower.client();
        for line in [
            "XADD stream IDMPAUTO producer * f 1",
            "XADD stream IDMPAUTO producer * f 1",
            "XADD stream IDMP producer one * f 2",
            "XADD stream IDMP producer one * f 3",
            "XADD stream NOMKSTREAM IDMP producer two KEEPREF MAXLEN ~ 100 * f 4",
            "XADD fresh IDMPAUTO producer MAXLEN 1 * f 5",
            "XADD fresh IDMPAUTO producer MAXLEN 1 * f 6",
        ] {
            theirs.ok(line);
        }
        wait_caught_up(&mut ours, &mut theirs);
        for (key, entries) in [("stream", 4), ("fresh", 1)] {
            assert_eq!(theirs.int(&format!("XLEN {key}")), entries, "{name}");
            let ask = format!("XRANGE {key} - +");
            assert_eq!(ours.run(&ask), theirs.run(&ask), "{name}");
        }
        assert_eq!(ours.info_field("stats", "unexpected_error_replies"), "0");
    }
}
