//! Every write that there is, in the words that replicas of every age know; and what has no such words.
//!
//! A replica that does not know a command answers with an error that nobody reads, and goes on. So two things are
//! looked at: what all can be told is on all of them, with the links as they were; and a replica that cannot be told
//! loses its link, with the reason in the log, and never holds other data while its link is up.

use crate::pair::{builder, readers_of, wait_link};
use crate::support::client::Client;
use crate::support::fake_replica::{FakeReplica, Introduction};
use crate::support::proxy::FaultProxy;
use crate::support::resp::Value;
use crate::support::server::Server;
use crate::support::wait::wait_until;
use forebay::rdb::target::Target;
use forebay::replication::Reads;
use std::collections::BTreeSet;

const READERS: [&str; 9] = [
    "redis-6.2",
    "redis-7.0",
    "redis-7.2",
    "redis-7.4",
    "redis-8.2",
    "redis-8.10",
    "valkey-8.1",
    "valkey-9.1",
    "forebay",
];

/// Keys of every type, small and large enough for another form; streams with groups.
const GROUND: &[&str] = &[
    "FLUSHALL",
    "SET str abc",
    "SET num 10",
    "SET other abd",
    "SET dying abc PX 10000000",
    "RPUSH list a b c d b",
    "SADD set a b c",
    "SADD ints 1 2 3",
    "ZADD zset 1 a 2 b 3.5 c",
    "HSET hash a 1 b 2 n 3",
    "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "PFADD hll a b c",
    "XADD stream 1-1 f v",
    "XADD stream 2-1 f v",
    "XADD stream 3-1 f v",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group alice COUNT 2 STREAMS stream >",
];

/// Every command that writes, in forms that all servers can be told of; several belong together.
const WRITES: &[&[&str]] = &[
    &["APPEND str xyz", "APPEND fresh xyz"],
    &[
        "BITFIELD str SET u8 0 255 INCRBY u4 100 3",
        "BITFIELD str OVERFLOW FAIL SET u4 90 1",
    ],
    &[
        "BITOP AND str str other",
        "BITOP DIFF fresh str other",
        "BITOP ONE str none nothing",
    ],
    &[
        "BLMOVE list fresh LEFT RIGHT 1",
        "BLMPOP 1 1 list LEFT COUNT 2",
    ],
    &["BLPOP list 1", "BRPOP list 1", "BRPOPLPUSH list fresh 1"],
    &["BZMPOP 1 1 zset MIN", "BZPOPMAX zset 1", "BZPOPMIN zset 1"],
    &[
        "COPY str fresh",
        "COPY stream copied",
        "COPY hash str REPLACE",
    ],
    &[
        "DECR num",
        "DECRBY num 7",
        "INCR num",
        "INCRBY num 5",
        "INCRBYFLOAT num 1.25",
    ],
    &["DEL str list nothing", "UNLINK set nothing"],
    &["DELIFEQ str abc", "DELIFEQ other nope"],
    &[
        "INCREX num BYINT 5 EX 10000 UBOUND 12",
        "INCREX num BYINT 5 UBOUND 12 SATURATE",
        "INCREX fresh BYFLOAT 1.5 PERSIST LBOUND 0",
        "SET str new IFNE other KEEPTTL",
        "SET other new IFDNE 0000000000000000 PX 1000000",
    ],
    &["DELEX str IFEQ abc", "DELEX other IFEQ nope", "DELEX list"],
    &[
        "PEXPIRE list 10000000",
        "LMOVEM list fresh LEFT LEFT COUNT 2 OBO",
        "LMOVEM list fresh RIGHT LEFT COUNT 1 BULK",
        "LMOVEM list list LEFT LEFT COUNT 9 OBO",
        "BLMOVEM fresh list RIGHT RIGHT 1 EXACTLY 2 BULK",
    ],
    &[
        "EXPIRE str 1000 NX",
        "EXPIREAT num 4000000000",
        "PEXPIRE other 100000 LT",
    ],
    &[
        "PEXPIREAT dying 4000000000000 GT",
        "EXPIRE list 0",
        "PERSIST dying",
    ],
    &["FLUSHDB", "SET after flush"],
    &[
        "GEOADD geo NX CH 2.35 48.85 Paris",
        "GEOSEARCHSTORE near geo FROMMEMBER Palermo BYRADIUS 500 km",
    ],
    &[
        "GEORADIUS geo 15 37 200 km STORE near",
        "GEORADIUSBYMEMBER geo Palermo 200 km STOREDIST dist",
    ],
    &[
        "GETDEL str",
        "GETEX num EX 1000",
        "GETEX dying PERSIST",
        "GETSET other new",
    ],
    &[
        "HDEL hash a",
        "HGETDEL hash FIELDS 2 b nope",
        "HINCRBY hash n 5",
        "HINCRBYFLOAT hash n 1.5",
    ],
    &[
        "HMSET hash x 1 y 2",
        "HSET hash a 9 new 1",
        "HSETNX hash a 1",
        "HSETNX hash q 1",
    ],
    &[
        "HSETEX hash FIELDS 2 c 1 a 9",
        "HSETEX fresh FNX FIELDS 1 c 1",
    ],
    // A field that expires at once is deleted, which all can be told.
    &[
        "HEXPIRE hash 0 FIELDS 1 a",
        "HPEXPIREAT hash 1 FIELDS 1 b",
        "HSETEX hash PXAT 1 FIELDS 1 n 1",
    ],
    &[
        "HEXPIREAT hash 1 FIELDS 1 a",
        "HPEXPIRE hash 0 FIELDS 1 b",
        "HGETEX hash PXAT 1 FIELDS 1 n",
    ],
    &["HPERSIST hash FIELDS 1 a"],
    &[
        "LINSERT list BEFORE b x",
        "LMOVE list fresh RIGHT LEFT",
        "LMPOP 1 list RIGHT COUNT 2",
    ],
    &[
        "LPOP list 2",
        "LPUSH list x y",
        "LPUSHX list z",
        "LPUSHX none z",
        "RPUSHX list z",
        "RPOP list",
    ],
    &[
        "LREM list 1 b",
        "LSET list 0 q",
        "LTRIM list 0 1",
        "RPOPLPUSH list fresh",
        "RPUSH list a b",
    ],
    &[
        "MOVE str 1",
        "SELECT 1",
        "SWAPDB 0 1",
        "SELECT 0",
        "RENAME str num",
        "SET a b",
    ],
    &[
        "MSET a 1 b 2",
        "MSETNX c 1 d 2",
        "MSETNX c 1 e 2",
        "MSETEX 2 str x new y EX 1000",
        "MSETEX 1 dying x KEEPTTL",
    ],
    &[
        "PFADD hll d e",
        "PFMERGE merged hll hll",
        "PFCOUNT hll",
        "PFDEBUG TODENSE hll",
    ],
    &[
        "PSETEX str 1000000 v",
        "SETEX num 1000 v",
        "SETNX fresh v",
        "SETNX str v",
        "RENAMENX num moved",
    ],
    &[
        "SADD set d e",
        "SADD ints x",
        "SMOVE set ints a",
        "SPOP set",
        "SPOP ints 2",
        "SREM set b nope",
    ],
    &[
        "SDIFFSTORE out set ints",
        "SINTERSTORE out2 set set",
        "SUNIONSTORE out3 set ints",
        "SINTERSTORE set none none",
    ],
    &[
        "SET str v GET",
        "SET str v2 KEEPTTL",
        "SET str v3 XX EX 1000",
        "SET str v4 IFEQ v3",
        "SET new v NX GET",
    ],
    &[
        "SETBIT str 100 1",
        "SETRANGE str 5 hello",
        "SORT list ALPHA STORE sorted",
        "SORT none STORE list",
    ],
    &[
        "XACK stream group 1-1",
        "XACKDEL stream group DELREF IDS 2 2-1 9-9",
        "XDEL stream 3-1",
    ],
    &[
        "XADD stream 4-* f v",
        "XADD stream NOMKSTREAM MAXLEN ~ 2 * f v",
        "XADD stream KEEPREF MAXLEN 2 * f v",
    ],
    &[
        "XADD stream DELREF MAXLEN 1 9-1 f v",
        "XTRIM stream MAXLEN 0 ACKED",
        "XTRIM stream MINID = 5",
    ],
    &[
        "XAUTOCLAIM stream group bob 0 0",
        "XCLAIM stream group carol 0 1-1",
        "XCLAIM stream group x 0 2-1 JUSTID LASTID 3-1",
    ],
    &[
        "XDELEX stream DELREF IDS 2 1-1 3-1",
        "XDELEX stream ACKED IDS 1 2-1",
    ],
    &[
        "XGROUP CREATE stream second 1-1 ENTRIESREAD 1",
        "XGROUP CREATECONSUMER stream second zoe",
        "XGROUP DELCONSUMER stream group alice",
    ],
    &[
        "XGROUP SETID stream group 3-1 ENTRIESREAD 3",
        "XGROUP DESTROY stream group",
        "XGROUP CREATE brand group $ MKSTREAM",
    ],
    &[
        "XREADGROUP GROUP group bob NOACK STREAMS stream >",
        "XREADGROUP GROUP group bob STREAMS stream 0",
    ],
    &["XSETID stream 9-1 ENTRIESADDED 20 MAXDELETEDID 1-1"],
    &[
        "ZADD zset GT CH 5 a 0 b 7 z",
        "ZADD zset INCR 2 a",
        "ZINCRBY zset 1.25 c",
        "ZADD zset NX 0 zero",
    ],
    &[
        "ZDIFFSTORE out 2 zset zset",
        "ZINTERSTORE o2 2 zset zset WEIGHTS 2 3",
        "ZUNIONSTORE o3 2 zset set AGGREGATE MAX",
    ],
    &["ZMPOP 1 zset MAX", "ZPOPMAX zset", "ZPOPMIN zset 5"],
    &[
        "ZRANGESTORE out zset 0 1",
        "ZREM zset a nope",
        "ZREMRANGEBYRANK zset 0 0",
        "ZREMRANGEBYSCORE zset 3 9",
    ],
    &["ZADD lex 0 a 0 b 0 c", "ZREMRANGEBYLEX lex [a (c"],
    &["EVAL \"redis.call('set',KEYS[1],1) redis.call('incr',KEYS[1]) return 1\" 1 scripted"],
    &[
        "MULTI",
        "SET m 1",
        "LPUSH list m",
        "SELECT 2",
        "SET m 2",
        "EXEC",
        "SELECT 0",
    ],
    &[
        "PUBLISH channel message",
        "SPUBLISH channel message",
        "SET published 1",
    ],
    &["FLUSHALL", "SET all gone"],
];

/// Commands that write and are not among [`WRITES`]: tested below or in [`crate::newer`], or they need another server.
const ELSEWHERE: [&str; 18] = [
    "ardel",
    "ardelrange",
    "arinsert",
    "armset",
    "arring",
    "arseek",
    "arset",
    "function|delete",
    "function|flush",
    "function|load",
    "function|restore",
    "himport|set",
    "migrate",
    "restore",
    "restore-asking",
    "xcfgset",
    "xidmprecord",
    "xnack",
];

fn lay_ground(client: &mut Client) {
    client.ok("SELECT 0");
    for line in GROUND {
        client.ok(line);
    }
}

/// How the primary is asked for the digest that this server computes.
fn digest_as(name: &str) -> &'static str {
    match name {
        "redis-6.2" | "redis-7.0" | "forebay" => "DEBUG DIGEST",
        name if name.starts_with("valkey") => "DEBUG DIGEST valkey",
        _ => "DEBUG DIGEST redis-7.2",
    }
}

/// Waits until the replica has everything, then compares; false if its link is down.
fn holds_the_same(client: &mut Client, reader: &Server, their: &mut Client, after: &str) -> bool {
    let what = format!("{} has what {after} made", reader.name());
    let mut up = true;
    wait_until(&what, || {
        let info = their.info("replication");
        up = info["master_link_status"] == "up";
        let ours = client.info_field("replication", "master_repl_offset");
        !up || info["slave_repl_offset"] == ours
    });
    if up {
        let want = client.text(digest_as(reader.name()));
        assert_eq!(their.text("DEBUG DIGEST"), want, "{what}");
    }
    up
}

#[test]
fn every_command_that_writes_is_among_the_examples() {
    let primary = builder("forebay").expect("it is built").start();
    let mut names = BTreeSet::new();
    let reply = primary.client().run("COMMAND");
    for entry in reply.items().expect("a list") {
        collect_writes(entry, &mut names);
    }
    assert!(names.len() > 100, "{names:?}");
    for line in WRITES.iter().flat_map(|lines| lines.iter()) {
        let words: Vec<String> = line.split(' ').map(str::to_lowercase).collect();
        names.remove(&words[0]);
        if let Some(second) = words.get(1) {
            names.remove(&format!("{}|{second}", words[0]));
        }
    }
    let elsewhere = ELSEWHERE.iter().map(|name| (*name).to_owned());
    let of_scripts = ["eval", "evalsha", "fcall"].map(str::to_owned);
    let left: BTreeSet<String> = elsewhere.collect();
    names.retain(|name| !of_scripts.contains(name));
    assert_eq!(names, left);
}

fn collect_writes(entry: &Value, names: &mut BTreeSet<String>) {
    let items = entry.items().expect("a description");
    let flags = items[2].items().unwrap_or_default();
    let writes = |flag: &Value| flag.text() == Some("write");
    let subcommands = items[9].items().unwrap_or_default();
    if flags.iter().any(writes) && subcommands.is_empty() {
        names.insert(items[0].text().expect("a name").to_owned());
    }
    for sub in subcommands {
        collect_writes(sub, names);
    }
}

#[test]
fn what_all_can_be_told_is_on_all_of_them() {
    let primary = builder("forebay").expect("it is built").start();
    let readers = readers_of(&primary, &READERS);
    let mut client = primary.client();
    let mut theirs: Vec<Client> = readers.iter().map(Server::client).collect();
    let syncs = client.info_field("stats", "sync_full");
    for lines in WRITES {
        lay_ground(&mut client);
        for line in *lines {
            let reply = client.run(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
        for (reader, their) in readers.iter().zip(&mut theirs) {
            let up = holds_the_same(&mut client, reader, their, &format!("{lines:?}"));
            assert!(up, "{} follows {lines:?}", reader.name());
        }
    }
    assert_eq!(client.info_field("stats", "sync_full"), syncs);
}

/// What is in the stream, beside what real servers say of the commands that they know.
#[test]
fn a_command_of_the_stream_is_known_to_everybody_who_is_said_to_read_it() {
    let primary = builder("forebay").expect("it is built").start();
    // Who tells no port shows the stream to somebody, and is told everything.
    let tool = Introduction {
        listening_port: None,
        ..Introduction::default()
    };
    let mut tool = FakeReplica::attach_as(&primary.address(), &tool).expect("it is served");
    let mut client = primary.client();
    let unsaid = UNSAID.iter().map(|u| [u.write, &[u.undo]].concat());
    for lines in WRITES.iter().map(|lines| lines.to_vec()).chain(unsaid) {
        lay_ground(&mut client);
        for line in lines {
            let reply = client.run(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
        }
    }
    client.ok("SET the end");
    let mut said = tool.take_until("end");
    // One of each kind is enough.
    said.sort();
    said.dedup_by_key(|argv| (argv[0].to_ascii_lowercase(), Reads::needed_by(argv)));
    assert!(said.len() > 30, "{}", said.len());
    for reader in READERS.into_iter().filter_map(builder) {
        let reader = reader.start();
        let (product, version) = reader.name().split_once('-').unwrap_or(("redis", "7.4"));
        let mut numbers = version.split('.').map(|n| n.parse().expect("a number"));
        let (major, minor) = (numbers.next().unwrap_or(7), numbers.next().unwrap_or(4));
        let reads = Reads::of_target(Target::of_server(product == "valkey", major, minor));
        let mut their = reader.client();
        for argv in &said {
            let name = String::from_utf8_lossy(&argv[0]).to_lowercase();
            let info = their.run(&format!("COMMAND INFO {name}"));
            let known = info.items().is_some_and(|items| !items[0].is_null());
            // A message of a shard is lost on nobody where there are none.
            let may_lack = !reads.contains(Reads::needed_by(argv)) || name == "spublish";
            assert!(known || may_lack, "{} does not know {name}", reader.name());
        }
    }
}

/// What one of [`UNSAID`] does to the links.
struct Unsaid {
    /// What is written.
    write: &'static [&'static str],
    /// What makes it unwritten, so that all can follow.
    undo: &'static str,
    /// Who cannot be told, and cannot hold it.
    not_for: &'static [&'static str],
}

const LIBRARY: &str =
    "FUNCTION LOAD \"#!lua name=lib\\nredis.register_function('f', function() return 1 end)\"";

const UNSAID: &[Unsaid] = &[
    Unsaid {
        write: &[
            "ARSET array 5 a 1.5 12",
            "ARMSET array 100000 x 7 y",
            "ARINSERT array b c",
            "ARSEEK array 50",
            "ARRING ring 3 a b c d",
            "ARDEL array 6 9",
            "ARDELRANGE ring 0 0",
        ],
        undo: "DEL array ring",
        not_for: &[
            "redis-6.2",
            "redis-7.0",
            "redis-7.2",
            "redis-7.4",
            "redis-8.2",
            "valkey-8.1",
            "valkey-9.1",
        ],
    },
    Unsaid {
        write: &[LIBRARY],
        undo: "FUNCTION FLUSH",
        not_for: &["redis-6.2"],
    },
    Unsaid {
        write: &["HSET h a 1 b 2", "HEXPIRE h 10000 FIELDS 1 a"],
        undo: "HPERSIST h FIELDS 1 a",
        not_for: &["redis-6.2", "redis-7.0", "redis-7.2", "valkey-8.1"],
    },
    Unsaid {
        write: &[
            "HSETEX h2 EX 10000 FIELDS 1 f v",
            "HSETEX h2 KEEPTTL FIELDS 1 f w",
        ],
        undo: "DEL h2",
        not_for: &["redis-6.2", "redis-7.0", "redis-7.2", "valkey-8.1"],
    },
];

#[test]
fn who_cannot_be_told_loses_its_link_and_never_holds_other_data_while_it_is_up() {
    for name in READERS {
        let Some(reader) = builder(name) else {
            continue;
        };
        let primary = builder("forebay").expect("it is built").start();
        let mut client = primary.client();
        client.ok("SET plain value");
        let reader = reader.replica_of(&primary).start();
        wait_link(&reader);
        let mut their = reader.client();
        for unsaid in UNSAID {
            let syncs = client.info_field("stats", "sync_full");
            for line in unsaid.write {
                client.ok(line);
            }
            let what = format!("{:?}", unsaid.write);
            if unsaid.not_for.contains(&name) {
                primary.wait_log("is not known to understand");
                client.ok("SET more data");
                wait_until(&format!("{name} has lost its link after {what}"), || {
                    let down = their.info_field("replication", "master_link_status") == "down";
                    // It may be back within milliseconds, with a payload in a form that leaves libraries out.
                    down || client.info_field("stats", "sync_full") != syncs
                });
            } else {
                // A Redis 7.4 may have to show first that it is one.
                wait_until(&format!("{name} has {what}"), || {
                    let up = their.info_field("replication", "master_link_status") == "up";
                    up && holds_the_same(&mut client, &reader, &mut their, &what)
                });
            }
            client.ok(unsaid.undo);
            // What undoes it may be unknown to the replica too, and end the link once more.
            wait_until(&format!("{name} follows again"), || {
                let up = their.info_field("replication", "master_link_status") == "up";
                up && holds_the_same(&mut client, &reader, &mut their, unsaid.undo)
            });
        }
    }
}

/// Values that a new server dumps are restored here, with replicas of every age: those that hold the value have it.
#[test]
fn what_is_restored_from_newer_payloads_is_on_older_replicas() {
    for source in ["redis-8.10", "redis-7.4", "valkey-9.1", "redis-6.2"] {
        let Some(source) = builder(source) else {
            continue;
        };
        let source = source.start();
        let mut from = source.client();
        lay_ground(&mut from);
        let primary = builder("forebay").expect("it is built").start();
        let mut client = primary.client();
        let readers = readers_of(&primary, &READERS);
        let syncs = client.info_field("stats", "sync_full");
        let keys: Vec<&str> = "str num list set ints zset hash geo hll stream"
            .split(' ')
            .collect();
        for key in &keys {
            let payload = from.cmd(&["DUMP", key]);
            let payload = payload.bytes().expect("a payload");
            let command: [&[u8]; 5] = [b"RESTORE", key.as_bytes(), b"100000", payload, b"REPLACE"];
            let reply = client.cmd(&command);
            assert!(!reply.is_error(), "{key}: {reply:?}");
        }
        let moved = [
            "MIGRATE",
            "127.0.0.1",
            &primary.port().to_string(),
            "dying",
            "0",
            "5000",
        ];
        assert!(!from.cmd(&moved).is_error());
        for reader in &readers {
            let what = format!("what {} dumped", source.name());
            assert!(holds_the_same(
                &mut client,
                reader,
                &mut reader.client(),
                &what
            ));
        }
        assert_eq!(client.info_field("stats", "sync_full"), syncs);
    }
}

#[test]
fn libraries_are_restored_on_replicas_that_are_older_than_their_payload() {
    let (Some(source), Some(reader)) = (builder("redis-8.10"), builder("redis-7.0")) else {
        return;
    };
    let (source, primary) = (
        source.start(),
        builder("forebay").expect("it is built").start(),
    );
    source.client().ok(LIBRARY);
    let payload = source.client().run("FUNCTION DUMP");
    let reader = reader.replica_of(&primary).start();
    wait_link(&reader);
    let mut client = primary.client();
    let command: [&[u8]; 3] = [b"FUNCTION", b"RESTORE", payload.bytes().expect("a payload")];
    assert!(!client.cmd(&command).is_error());
    let mut their = reader.client();
    assert!(holds_the_same(
        &mut client,
        &reader,
        &mut their,
        "FUNCTION RESTORE"
    ));
    let ask = "FUNCTION LIST WITHCODE";
    assert_eq!(
        format!("{:?}", their.run(ask)),
        format!("{:?}", client.run(ask))
    );
}

/// A replica that was away while it was told of what it does not know does not go on where it was.
#[test]
fn the_backlog_is_not_for_those_who_do_not_read_it() {
    let Some(reader) = builder("redis-7.2") else {
        return;
    };
    let primary = builder("forebay").expect("it is built").start();
    let proxy = FaultProxy::to(&primary.address());
    let reader = reader.start();
    let (mut client, mut their) = (primary.client(), reader.client());
    their.ok(&format!("REPLICAOF 127.0.0.1 {}", proxy.port()));
    wait_link(&reader);
    for (written, full_syncs) in [("SET a 1", "1"), ("HSETEX h EX 10000 FIELDS 1 f v", "2")] {
        proxy.refuse();
        proxy.cut();
        wait_until("the primary has lost its replica", || {
            client.info_field("replication", "connected_slaves") == "0"
        });
        client.ok(written);
        client.ok("DEL h");
        proxy.heal();
        wait_until("it follows again", || {
            their.info_field("replication", "master_link_status") == "up"
        });
        assert!(holds_the_same(&mut client, &reader, &mut their, written));
        assert_eq!(client.info_field("stats", "sync_full"), full_syncs);
    }
    let log = reader.log();
    assert!(!log.contains("sending an error to its master"), "{log}");
}

/// What a primary of ours writes goes on to our own replicas as it came.
#[test]
fn a_replica_of_a_replica_is_not_told_either_what_it_does_not_know() {
    let (Some(top), Some(reader)) = (builder("redis-7.4"), builder("redis-7.2")) else {
        return;
    };
    let top = top.start();
    let middle = builder("forebay")
        .expect("it is built")
        .replica_of(&top)
        .start();
    wait_link(&middle);
    let reader = reader.replica_of(&middle).start();
    wait_link(&reader);
    let (mut client, mut ours, mut their) = (top.client(), middle.client(), reader.client());
    client.ok("HSET h f v");
    assert!(holds_the_same(&mut ours, &reader, &mut their, "HSET"));
    for lines in [
        &["HEXPIRE h 10000 FIELDS 1 f"][..],
        &["MULTI", "HEXPIRE h 10000 FIELDS 1 f", "EXEC"],
    ] {
        for line in lines {
            client.ok(line);
        }
        wait_until("the last in the chain has lost its link", || {
            their.info_field("replication", "master_link_status") == "down"
        });
        client.ok("HPERSIST h FIELDS 1 f");
        wait_until("it follows again", || {
            their.info_field("replication", "master_link_status") == "up"
        });
        assert!(holds_the_same(&mut ours, &reader, &mut their, "HPERSIST"));
    }
    assert!(!reader.log().contains("sending an error to its master"));
}
