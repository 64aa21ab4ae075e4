//! Real servers of different ages follow one Forebay: what newer commands do is done on all of them.

use crate::pair::{builder, readers_of, wait_link};
use crate::support::client::Client;
use crate::support::resp::Value;
use crate::support::server::{Builder, Server};
use crate::support::wait::wait_until;

/// The eldest that is served, one without and one with expiring hash fields in its streams, and the latest of each
/// family.
const READERS: [&str; 6] = [
    "redis-6.2",
    "redis-7.0",
    "redis-7.4",
    "redis-8.2",
    "redis-8.10",
    "valkey-9.1",
];

/// Newer than Redis 6.2, or with options or outcomes that are; each is run on its own ground.
const SCRIPTS: [&[&str]; 30] = [
    &["LMPOP 1 list LEFT COUNT 2"],
    &["ZMPOP 1 zset MAX COUNT 2"],
    &["MSETEX 2 str x new y EX 100"],
    &["MSETEX 1 dying x KEEPTTL"],
    &["DELIFEQ str abc"],
    &["SET str xyz IFEQ abc"],
    &["EXPIRE dying 50000 XX"],
    &["PEXPIREAT dying 4000000000000 GT"],
    &["BITOP DIFF new str other"],
    &["BITOP ONE str none nothing"],
    &["HSETEX hash FIELDS 2 c 1 a 9"],
    &["HGETDEL hash FIELDS 2 a nope"],
    &["XADD stream KEEPREF MAXLEN 2 4-1 f v"],
    &["XADD stream DELREF MAXLEN 2 4-1 f v"],
    &["XADD stream MINID ~ 2 LIMIT 1 4-1 f v"],
    &["XADD stream 4-* f v"],
    &["XTRIM stream MAXLEN 0 DELREF"],
    &["XACK stream group 2-1", "XTRIM stream MAXLEN 0 ACKED"],
    &["XDELEX stream DELREF IDS 2 1-1 3-1"],
    &["XDELEX stream IDS 1 1-1", "XDELEX stream DELREF IDS 1 1-1"],
    &["XACKDEL stream group IDS 2 1-1 9-9"],
    &["XGROUP CREATE stream second 1-1 ENTRIESREAD 1"],
    &["XGROUP SETID stream group 3-1 ENTRIESREAD 3"],
    &["XSETID stream 9-1 ENTRIESADDED 20 MAXDELETEDID 1-1"],
    &["XREADGROUP GROUP group bob NOACK STREAMS stream >"],
    &["XREADGROUP GROUP group bob STREAMS stream >"],
    &["XREADGROUP GROUP group bob STREAMS stream 0"],
    &["XDEL stream 1-1", "XAUTOCLAIM stream group bob 0 0"],
    &["XCLAIM stream group bob 100000 1-1 LASTID 7-7"],
    &["XAUTOCLAIM stream group bob 100000 0"],
];

/// What is asked to see that two servers hold the same; in words that all of them know.
const QUESTIONS: [&str; 8] = [
    "GET str",
    "GET dying",
    "GET new",
    "LRANGE list 0 -1",
    "ZRANGE zset 0 -1 WITHSCORES",
    "XRANGE stream - +",
    "XPENDING stream group",
    "XINFO GROUPS stream",
];

fn lay_ground(client: &mut Client) {
    for line in [
        "FLUSHALL",
        "SET str abc",
        "SET other abd",
        "SET dying abc PX 1000000",
        "RPUSH list a b c d",
        "ZADD zset 1 a 2 b 3 c",
        "HSET hash a 1 b 2",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f v",
        "XADD stream 3-1 f v",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group alice COUNT 2 STREAMS stream >",
    ] {
        client.ok(line);
    }
}

/// Answers in an order of their own, and without what only later servers count.
fn answers(client: &mut Client) -> Vec<String> {
    let mut out: Vec<String> = QUESTIONS
        .iter()
        .map(|question| match *question {
            "XINFO GROUPS stream" => groups(&client.run(question)),
            _ => format!("{:?}", client.run(question)),
        })
        .collect();
    let mut fields = format!("{:?}", client.run("HGETALL hash"));
    if let Some(items) = client.run("HGETALL hash").items() {
        let mut pairs: Vec<String> = items.chunks(2).map(|p| format!("{p:?}")).collect();
        pairs.sort();
        fields = pairs.concat();
    }
    out.push(fields);
    out.push((client.int("PTTL dying") > 2_000_000).to_string());
    out.push(client.int("TTL str").signum().to_string());
    out
}

/// Name, number of consumers and of pending entries, last id.
fn groups(reply: &Value) -> String {
    let groups = reply.items().unwrap_or_default().iter();
    let kept = groups.map(|g| format!("{:?}", &g.items().unwrap_or_default()[..8]));
    kept.collect::<Vec<_>>().concat()
}

#[test]
fn servers_of_every_age_do_what_newer_commands_did() {
    let primary = builder("forebay").expect("it is built").start();
    let readers = readers_of(&primary, &READERS);
    let mut client = primary.client();
    let mut theirs: Vec<Client> = readers.iter().map(Server::client).collect();
    for script in SCRIPTS {
        lay_ground(&mut client);
        for line in script {
            let reply = client.run(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
        let want = answers(&mut client);
        for (reader, their) in readers.iter().zip(&mut theirs) {
            let what = format!("{} holds what {script:?} made", reader.name());
            wait_until(&what, || {
                let offset = |c: &mut Client| c.info_field("replication", "master_repl_offset");
                offset(&mut client) == offset(their)
            });
            assert_eq!(answers(their), want, "{what}");
        }
    }
}

#[test]
fn a_replica_holds_how_long_hash_fields_live() {
    for name in [
        "redis-7.4",
        "redis-8.2",
        "redis-8.10",
        "valkey-9.1",
        "forebay",
    ] {
        let primary = builder("forebay").expect("it is built").start();
        let mut client = primary.client();
        client.ok("HSET hash a 1 b 2");
        client.ok("HPEXPIREAT hash 4000000000000 FIELDS 1 a");
        let Some(replica) = builder(name).map(|b| b.replica_of(&primary).start()) else {
            continue;
        };
        wait_link(&replica);
        let mut theirs = replica.client();
        let ask = "HPEXPIRETIME hash FIELDS 2 a b";
        let want = format!("{:?}", client.run(ask));
        assert_eq!(format!("{:?}", theirs.run(ask)), want, "{name}, full sync");
        client.ok("HSETEX hash PXAT 4000000001000 FIELDS 2 b 3 c 4");
        client.ok("HSETEX hash KEEPTTL FIELDS 2 a 5 b 6");
        let ask = "HPEXPIRETIME hash FIELDS 3 a b c";
        wait_until(&format!("{name} has the new fields"), || {
            format!("{:?}", theirs.run(ask)) == format!("{:?}", client.run(ask))
                && theirs.text("HGET hash b") == "6"
        });
    }
}

/// There is no form of what is there that they read: each attempt costs a snapshot, and they come back at once, the one
/// that tells its version and the one that has to be tried out.
#[test]
fn replicas_that_cannot_hold_what_is_there_do_not_keep_us_busy() {
    for name in ["valkey-8.1", "redis-7.2"] {
        let Some(peer) = builder(name) else { continue };
        refuses_what_it_cannot_hold(peer);
    }
}

fn refuses_what_it_cannot_hold(peer: Builder) {
    let primary = builder("forebay").expect("it is built");
    let primary = primary.config("repl-diskless-sync-delay 0").start();
    let mut client = primary.client();
    client.ok("HSET hash a 1 b 2");
    client.ok("HPEXPIREAT hash 4000000000000 FIELDS 1 a");
    let replica = peer.replica_of(&primary).start();
    let name = replica.name();
    wait_until("three payloads have failed", || {
        let info = client.info("replication");
        let failed = info.get("full_sync_payloads_failed");
        failed.is_some_and(|n| n.parse::<u64>().is_ok_and(|n| n >= 3))
    });
    let info = client.info("replication");
    assert!(
        info["full_sync_last_failure"].contains("expiries of hash fields"),
        "{info:?}"
    );
    assert!(info["full_sync_next_in_seconds"].parse::<u64>().is_ok());
    assert!(primary.log().contains("failed 2 times in a row"), "{name}");
    // At most two attempts for each that failed: it was tried in the newer form as well.
    let asked = client.info_field("stats", "sync_full");
    assert!(
        asked.parse::<u64>().is_ok_and(|n| n <= 10),
        "{name}: {asked}"
    );
    let lines = primary.log().lines().count();
    assert!(lines < 120, "{name}: {lines} lines");
    // Once it can be made, it is, and the replica follows.
    client.ok("HPERSIST hash FIELDS 1 a");
    wait_link(&replica);
    wait_until("the failure is over", || {
        let why = client.info_field("replication", "full_sync_last_failure");
        why.is_empty()
    });
}
