//! Forebay follows servers that are newer than the Redis whose version it tells.

use crate::pair::{builder, wait_link};
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::wait::wait_until;

pub fn follower_of(primary: &Server) -> Server {
    let follower = builder("forebay").expect("it is built");
    let follower = follower.replica_of(primary).start();
    wait_link(&follower);
    follower
}

/// The follower has run everything that was written.
pub fn wait_caught_up(ours: &mut Client, theirs: &mut Client) {
    let offset = |c: &mut Client| c.info_field("replication", "master_repl_offset");
    wait_until("the follower has caught up", || {
        offset(ours) == offset(theirs)
    });
}

/// The new commands of Redis 8.4 to 8.10 that are here: the same answers as there, and the same data by the stream.
#[test]
fn new_commands_answer_as_there_and_arrive_by_the_stream() {
    let Some(peer) = builder("redis-8.10") else {
        return;
    };
    let primary = peer.config("repl-diskless-sync-delay 0").start();
    let mut theirs = primary.client();
    theirs.ok("SET before 1");
    let follower = follower_of(&primary);
    let alone = builder("forebay").expect("it is built").start();
    let (mut ours, mut same) = (follower.client(), alone.client());
    for line in [
        "RPUSH l a b c d e f g h i j k l m",
        "LMOVEM l m LEFT RIGHT",
        "LMOVEM l m LEFT LEFT COUNT 2 OBO",
        "LMOVEM l m LEFT LEFT COUNT 2 BULK",
        "LMOVEM l m RIGHT RIGHT COUNT 2 OBO",
        "LMOVEM l m RIGHT LEFT EXACTLY 2 BULK",
        "LMOVEM l m RIGHT LEFT EXACTLY 20 BULK",
        "LMOVEM l l RIGHT RIGHT COUNT 2 OBO",
        "LMOVEM l l LEFT RIGHT COUNT 99 OBO",
        "LMOVEM none m LEFT RIGHT",
        "LMOVEM none m LEFT RIGHT COUNT 0 OBO",
        "LMOVEM l m LEFT RIGHT COUNT 2",
        "LMOVEM l m LEFT UP",
        "BLMOVEM l m LEFT RIGHT 0.1 COUNT 2 OBO",
        "BLMOVEM none m LEFT RIGHT 0.01 EXACTLY 2 OBO",
        "BLMOVEM none m LEFT RIGHT -1 EXACTLY 2 OBO",
        "BLMOVEM l m LEFT RIGHT COUNT 2 0.1",
        "BLMOVEM l m x RIGHT COUNT 2 0.1",
        "LRANGE l 0 -1",
        "LRANGE m 0 -1",
        "SET s abc",
        "DELEX s IFNE abc",
        "DELEX s IFEQ",
        "DELEX l IFEQ abc",
        "DELEX s IFEQ abc",
        "DELEX m",
        "DELEX m",
        "SET s hello",
        "DIGEST s",
        "DIGEST none",
        "DIGEST l",
        "SET s abc IFDEQ 9555E8555C62DCFD GET",
        "SET s abd IFDEQ 9555e8555c62dcfd",
        "SET s abd IFDEQ short",
        "SET s abd IFDNE xxxxxxxxxxxxxxxx EX 100",
        "SET s abe IFNE abd",
        "SET s abe IFNE abc KEEPTTL",
        "SET none abe IFDEQ short",
        "SET none abe IFNE a",
        "SET l abe IFNE a",
        "SET s abe IFNE abc IFEQ x",
        "DELEX s IFDNE short",
        "DELEX s IFSAME abe",
        "DELEX s IFDEQ 0000000000000000",
        "DELEX s IFDNE 0000000000000000",
        "INCREX n",
        "INCREX n BYINT 5 EX 10000 UBOUND 6",
        "INCREX n BYINT 5 UBOUND 6",
        "INCREX n BYINT 5 UBOUND 10 SATURATE EX 20000 ENX",
        "INCREX n BYFLOAT 0.1 PERSIST",
        "INCREX n",
        "INCREX n BYFLOAT 1e4000",
        "INCREX n BYFLOAT -1.1e4932 LBOUND -5 SATURATE",
        "INCREX n BYFLOAT 1 LBOUND 2 UBOUND 1",
        "INCREX n BYFLOAT 1 ENX",
        "INCREX n BYFLOAT inf",
        "INCREX n BYINT 1.5",
        "INCREX n BYINT 1 PX 0",
        "INCREX n BYINT 1 PERSIST ENX",
        "INCREX l",
        "INCREX big BYINT 9223372036854775807",
        "INCREX big",
        "INCREX big SATURATE",
        "INCREX big LBOUND -9223372036854775808 BYINT -9223372036854775808",
        "INCREX gone EXAT 1",
        "ARSET a 0 x 1.5 12 \"long enough to be no short one\"",
        "ARMSET a 100000 far 7 near",
        "ARINSERT a i j k",
        "ARSEEK a 50",
        "ARINSERT a at50",
        "ARRING r 3 a b c d",
        "ARRING r 5 e f",
        "ARDEL a 1 99",
        "ARDELRANGE a 5 9",
        "ARSET gone2 5 x",
        "ARDEL gone2 5",
        "COPY a acopy",
        "ZADD za 1 x 2 y",
        "ZADD zb 5 x 7 z",
        "ZUNIONSTORE zd 2 za zb WEIGHTS 2 3 AGGREGATE COUNT",
        "ZINTERSTORE ze 2 za zb AGGREGATE COUNT",
        "ZUNION 2 za zb AGGREGATE COUNT WITHSCORES",
        "MSETEX 2 me 1 mf 2 EX 1000",
        "MSETEX 2 me 1 mg 2 NX",
        "MSETEX 2 me 1 mf 2 XX KEEPTTL",
        "XADD x 1-1 f v",
        "XADD x 2-1 f v",
        "XADD x 3-1 f v",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g c COUNT 2 STREAMS x >",
        "XNACK x g SILENT IDS 1 1-1",
        "XNACK x g FAIL IDS 2 2-1 9-9",
        "XNACK x g FATAL IDS 1 3-1 FORCE",
        "XNACK x g FATAL IDS 1 2-1 RETRYCOUNT 7",
        "XNACK x g FATAL IDS 1 9-1 FORCE",
        "XNACK x nope FATAL IDS 1 9-1",
        "XNACK nope g WRONG IDS 1 9-1",
        "XNACK x g WRONG IDS 1 9-1",
        "XNACK x g FAIL IDS 2 9-1",
        "XNACK x g FAIL IDS 0 9-1",
        "XNACK x g FAIL IDS 1 9-1 MORE",
        "XNACK x g FAIL IDS 1 9-1 RETRYCOUNT -1",
        "XNACK x g FAIL IDS 1",
        "XPENDING x g - + 10",
        "XPENDING x g",
        "XCLAIM x g d 0 1-1 JUSTID",
        "XAUTOCLAIM x g e 100000 0 COUNT 1 JUSTID",
        "XACK x g 2-1",
    ] {
        assert_eq!(same.run(line), theirs.run(line), "{line}");
    }
    theirs.ok("HIMPORT PREPARE names a b c");
    theirs.ok("HIMPORT SET hash names 1 2 3");
    wait_caught_up(&mut ours, &mut theirs);
    for ask in [
        "LRANGE l 0 -1",
        "EXISTS s m gone",
        "MGET n big none me mf",
        "DEBUG DIGEST-VALUE a acopy r zd ze",
        "ARNEXT a",
        "ARLASTITEMS r 5",
        "EXISTS gone2",
        "EXPIRETIME n",
        "EXPIRETIME me",
        "XPENDING x g",
        "XINFO GROUPS x",
        "HGETALL hash",
        "DBSIZE",
    ] {
        let sorted = |c: &mut Client| format!("{:?}", c.run(ask));
        assert_eq!(sorted(&mut ours), sorted(&mut theirs), "{ask}");
    }
    assert_eq!(theirs.info_field("stats", "sync_full"), "1");
    assert_eq!(ours.info_field("stats", "unexpected_error_replies"), "0");
    // Entries without an owner travel on: a replica of ours that is as new has them from a full sync and the stream.
    let last = builder("redis-8.10").expect("it was there before");
    let last = last.replica_of(&alone).start();
    wait_link(&last);
    same.ok("XNACK x g FAIL IDS 1 1-1");
    let mut there = last.client();
    wait_caught_up(&mut there, &mut same);
    let ask = "XPENDING x g";
    assert_eq!(there.run(ask), same.run(ask));
    assert_eq!(same.info_field("stats", "sync_full"), "1");
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

/// Valkey's fields may expire later than a dump of Redis can say: they are held with the last moment that it can, which a
/// save and a start keep.
#[test]
fn fields_that_expire_after_all_that_a_dump_can_say_are_kept() {
    let Some(peer) = builder("valkey-9.1") else {
        return;
    };
    let primary = peer.config("repl-diskless-sync-delay 0").start();
    let mut theirs = primary.client();
    theirs.ok("HSET before a 1 b 2");
    theirs.ok("HPEXPIREAT before 9223372036854775807 FIELDS 1 a");
    let follower = follower_of(&primary);
    let mut ours = follower.client();
    theirs.ok("HSETEX after PXAT 9223372036854775806 FIELDS 1 a 1");
    theirs.ok("HPEXPIREAT before 281474976710656 FIELDS 1 b");
    wait_caught_up(&mut ours, &mut theirs);
    ours.ok("SAVE");
    let loaded = builder("forebay").expect("it is built");
    let loaded = loaded.dump(follower.dump_path()).start();
    let latest = (1_i64 << 48) - 1;
    for server in [&follower, &loaded] {
        for (key, field) in [("before", "a"), ("before", "b"), ("after", "a")] {
            let reply = server
                .client()
                .run(&format!("HPEXPIRETIME {key} FIELDS 1 {field}"));
            let time = reply.items().and_then(|items| items[0].int());
            assert_eq!(time, Some(latest), "{key} {field}");
        }
    }
    assert_eq!(
        follower
            .client()
            .info_field("replication", "master_link_status"),
        "up"
    );
}

/// A stream is passed on as it came. A replica behind us that does not know the words of our primary loses its link before
/// it gets them, and is never up with other data.
#[test]
fn replicas_behind_a_replica_get_no_words_that_they_do_not_know() {
    let redis = [
        "SET s 5 IFEQ 1",
        "MSETEX 2 s 1 t 2 EX 100000",
        "HSETEX h EX 100000 FIELDS 1 b 5",
        "BITOP DIFF d s t",
        "DELEX t",
        "XADD x DELREF MAXLEN 1 9-1 f v",
        "XDELEX x IDS 1 9-1",
        "LMOVEM l m LEFT RIGHT COUNT 2 BULK",
        "ZUNIONSTORE zz 2 z z AGGREGATE COUNT",
    ];
    let valkey = [
        "DELIFEQ s 1",
        "HSETEX h EX 100000 FIELDS 1 b 5",
        "GEOSEARCHSTORE d z BYPOLYGON 3 12 37 14 37 13 39",
        "HPEXPIREAT h 9223372036854775807 FIELDS 1 a",
        "MSETEX 2 s 1 t 2 EX 100000",
    ];
    for (primary, writes) in [("redis-8.10", &redis[..]), ("valkey-9.1", &valkey[..])] {
        let Some(primary) = builder(primary) else {
            return;
        };
        let primary = primary.config("repl-diskless-sync-delay 0").start();
        let mut theirs = primary.client();
        for line in [
            "SET s 1",
            "SET t 2",
            "HSET h a 1",
            "RPUSH l a b c",
            "ZADD z 1 a 2 b",
            "XADD x 1-1 f v",
        ] {
            theirs.ok(line);
        }
        let middle = follower_of(&primary);
        let names = [
            "redis-7.0",
            "redis-7.4",
            "redis-8.2",
            "valkey-8.1",
            "valkey-9.1",
            "redis-8.10",
        ];
        let leaves: Vec<Server> = names
            .iter()
            .filter_map(|name| builder(name))
            .map(|leaf| leaf.replica_of(&middle).start())
            .collect();
        leaves.iter().for_each(wait_link);
        for line in writes {
            theirs.ok(line);
            wait_caught_up(&mut middle.client(), &mut theirs);
            for leaf in &leaves {
                let mut client = leaf.client();
                // Either it has all of it, or its link is not up: it changes from one to the other by a full sync.
                wait_until("the leaf follows, or does not", || {
                    let info = client.info("replication");
                    info["master_link_status"] != "up"
                        || info["slave_repl_offset"]
                            == theirs.info("replication")["master_repl_offset"]
                });
                let errors = leaf.log().matches("sending an error to its master").count();
                assert_eq!(errors, 0, "{} got {line}:\n{}", leaf.name(), leaf.log());
            }
        }
        let is_up = |leaf: &Server| {
            leaf.client()
                .info_field("replication", "master_link_status")
                == "up"
        };
        let same = leaves.iter().filter(|leaf| leaf.name() == primary.name());
        for leaf in same {
            // It shows once what it reads.
            wait_link(leaf);
            wait_caught_up(&mut leaf.client(), &mut theirs);
            assert_eq!(
                leaf.client().text("DEBUG DIGEST"),
                theirs.text("DEBUG DIGEST")
            );
        }
        let cut = leaves.iter().filter(|leaf| !is_up(leaf)).count();
        println!(
            "{}: {cut} of {} links are down",
            primary.name(),
            leaves.len()
        );
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
        for key in ["stream", "fresh"] {
            assert_eq!(memory(&mut ours, key), memory(&mut theirs, key), "{name}");
        }
        for (key, entries) in [("stream", 4), ("fresh", 1)] {
            assert_eq!(theirs.int(&format!("XLEN {key}")), entries, "{name}");
            let ask = format!("XRANGE {key} - +");
            assert_eq!(ours.run(&ask), theirs.run(&ask), "{name}");
        }
        assert_eq!(ours.info_field("stats", "unexpected_error_replies"), "0");
    }
}

/// The figures of what a stream remembers.
fn memory(client: &mut Client, key: &str) -> Vec<String> {
    let reply = client.run(&format!("XINFO STREAM {key}"));
    let items = reply.items().expect("a map").to_vec();
    let pairs = items.chunks_exact(2).map(|pair| format!("{pair:?}"));
    let kept = ["idmp-", "pids-", "iids-"];
    pairs
        .filter(|pair| kept.iter().any(|word| pair.contains(word)))
        .collect()
}

/// A replica that takes over knows what its primary has added, in both directions.
#[test]
fn what_was_added_once_is_known_after_a_failover() {
    for [first, second] in [["forebay", "redis-8.10"], ["redis-8.10", "forebay"]] {
        let (Some(first), Some(second)) = (builder(first), builder(second)) else {
            return;
        };
        let first = first.config("repl-diskless-sync-delay 0").start();
        let mut old = first.client();
        old.ok("XADD s IDMP p before * f v");
        old.ok("XCFGSET s IDMP-DURATION 5000 IDMP-MAXSIZE 3");
        let before = old.text("XADD s IDMP p before * f v");
        let second = second.replica_of(&first).start();
        wait_link(&second);
        let mut new = second.client();
        let mut added = vec![("before", before)];
        for name in ["one", "two"] {
            let id = old.text(&format!("XADD s IDMP p {name} MAXLEN 100 * f {name}"));
            added.push((name, id));
        }
        assert_eq!(old.text("XADD s IDMP p two * f again"), added[2].1);
        wait_caught_up(&mut new, &mut old);
        assert_eq!(old.info_field("stats", "sync_full"), "1");
        new.ok("REPLICAOF NO ONE");
        for (name, id) in &added {
            let again = format!("XADD s IDMP p {name} * f again");
            assert_eq!(&new.text(&again), id, "{name} on {}", second.name());
        }
        assert_eq!(new.int("XLEN s"), old.int("XLEN s"));
        // What is known by its content has the same name on both.
        let by_content = "XADD s IDMPAUTO p * field value other 1";
        let id = old.text(by_content);
        let third = builder(second.name()).expect("it was there before");
        let third = third.replica_of(&first).start();
        wait_link(&third);
        let mut third = third.client();
        third.ok("REPLICAOF NO ONE");
        assert_eq!(third.text("XADD s IDMPAUTO p * other 1 field value"), id);
        assert_ne!(new.text("XADD s IDMP p three * f v"), added[0].1);
    }
}

/// A Redis 8.2 deletes its data before it looks at the version of a payload, and says nothing of its own version. It is
/// not sent one again and again, and the primary says why.
#[test]
fn a_redis_8_that_is_too_old_for_the_data_is_named_and_waits() {
    let primary = builder("forebay").expect("it is built");
    let primary = primary.config("repl-diskless-sync-delay 0").start();
    let Some(replica) = builder("redis-8.2") else {
        return;
    };
    let replica = replica.replica_of(&primary).start();
    wait_link(&replica);
    let mut client = primary.client();
    client.ok("ARSET array 0 x");
    let mut failure = String::new();
    wait_until("the third attempt has failed", || {
        let info = client.info("replication");
        failure = info
            .get("full_sync_last_failure")
            .cloned()
            .unwrap_or_default();
        info.get("full_sync_payloads_failed")
            .is_some_and(|n| n == "3")
    });
    assert!(failure.contains("closed the connection"), "{failure}");
    assert!(failure.contains("from Redis 8.8 on"), "{failure}");
    let wait = client.info_field("replication", "full_sync_next_in_seconds");
    assert!((1..=4).contains(&wait.parse().expect("seconds")), "{wait}");
    // Without the array, the replica reads everything.
    client.ok("DEL array");
    wait_link(&replica);
    assert_eq!(replica.client().int("DBSIZE"), 0);
}
