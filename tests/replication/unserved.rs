//! Values that Forebay does not serve pass through it unchanged: those of modules, vector sets. Arrays do, too.

use crate::pair::{builder, wait_link};
use crate::support::server::Server;
use crate::support::wait::wait_until;

/// What Redis Stack is given: values of all types of its modules, and an index. (The DUMP of a TopK is no measure: it holds
/// addresses of the process that wrote it, so that Redis Stack itself gives another one after DEBUG RELOAD.)
const STACK: [&str; 18] = [
    "JSON.SET json $ '{\"a\":1,\"b\":[1,2,3]}'",
    "BF.RESERVE bloom 0.01 1000",
    "BF.MADD bloom a b c",
    "CF.ADD cuckoo x",
    "CMS.INITBYDIM counts 100 5",
    "CMS.INCRBY counts a 3",
    "TDIGEST.CREATE digest",
    "TDIGEST.ADD digest 1 2 3",
    "TS.CREATE series LABELS a b",
    "TS.ADD series 1000 1.5",
    "TS.ADD series 2000 2.5",
    "TOPK.RESERVE topk 3 8 7 0.9",
    "TOPK.ADD topk a b a c a b",
    "FT.SUGADD suggestions hello 1",
    "HSET h:1 name foo age 3",
    "HSET h:2 name bar age 5",
    "FT.CREATE index ON HASH PREFIX 1 h: SCHEMA name TEXT age NUMERIC",
    "PEXPIREAT json 4000000000000",
];

/// Questions whose answers tell what is in the values.
const QUESTIONS: [&str; 12] = [
    "JSON.GET json",
    "PEXPIRETIME json",
    "BF.EXISTS bloom b",
    "CF.EXISTS cuckoo x",
    "CMS.QUERY counts a",
    "TDIGEST.QUANTILE digest 0.5",
    "TS.RANGE series - +",
    "TS.QUERYINDEX a=b",
    "TOPK.LIST topk WITHCOUNT",
    "FT.SUGGET suggestions he",
    "FT.SEARCH index foo",
    "DBSIZE",
];

fn answers(server: &Server, questions: &[&str]) -> Vec<String> {
    let mut client = server.client();
    let ask = |line: &&str| format!("{:?}", client.run(line));
    questions.iter().map(ask).collect()
}

/// Search reads the keys in the background, to fill its index.
fn wait_indexed(server: &Server) {
    wait_until("Search has filled its index", || {
        let found = server.client().run("FT.SEARCH index foo NOCONTENT");
        found.items().is_some_and(|items| items.len() == 2)
    });
}

/// `primary` -> Forebay -> its dump, and a replica of its own.
fn through(primary: &Server, name: &str) -> (Server, Server) {
    let forebay = builder("forebay").expect("it is built");
    let forebay = forebay.replica_of(primary).start();
    wait_link(&forebay);
    forebay.client().ok("SAVE");
    let peer = || builder(name).expect("it was there before");
    let loaded = peer().dump(forebay.dump_path()).start();
    let replica = peer().replica_of(&forebay).start();
    wait_link(&replica);
    (loaded, replica)
}

#[test]
fn values_of_redis_stack_come_back_equal_from_a_dump_and_a_full_sync() {
    let Some(stack) = builder("redis-stack-7.4") else {
        return;
    };
    let stack = stack.start();
    for line in STACK {
        stack.client().ok(line);
    }
    wait_indexed(&stack);
    let expected = answers(&stack, &QUESTIONS);
    let (loaded, replica) = through(&stack, "redis-stack-7.4");
    for (server, way) in [(&loaded, "from a dump"), (&replica, "from a full sync")] {
        wait_indexed(server);
        assert_eq!(answers(server, &QUESTIONS), expected, "{way}");
    }
}

/// What is written while Forebay follows: each write of a module is answered by a full sync, and a Redis Stack behind
/// Forebay, or after it, has the values.
#[test]
fn values_of_redis_stack_that_are_written_later_arrive_in_both_directions() {
    let name = "redis-stack-7.4";
    let Some(stack) = builder(name) else { return };
    let stack = stack.start();
    let forebay = builder("forebay").expect("it is built");
    let forebay = forebay.replica_of(&stack).start();
    wait_link(&forebay);
    for line in STACK {
        stack.client().ok(line);
    }
    wait_indexed(&stack);
    let there = [
        ("json", "ReJSON-RL"),
        ("bloom", "MBbloom--"),
        ("cuckoo", "MBbloomCF"),
        ("counts", "CMSk-TYPE"),
        ("digest", "TDIS-TYPE"),
        ("series", "TSDB-TYPE"),
        ("topk", "TopK-TYPE"),
    ];
    wait_until("all values are here", || {
        let mut client = forebay.client();
        let held =
            |(key, kind): &(&str, &str)| client.run(&format!("TYPE {key}")).text() == Some(kind);
        there.iter().all(held) && client.info_field("replication", "master_link_status") == "up"
    });
    let offset = |server: &Server| {
        server
            .client()
            .info_field("replication", "master_repl_offset")
    };
    wait_until("Forebay has all of it", || {
        offset(&forebay) == offset(&stack)
    });
    let expected = answers(&stack, &QUESTIONS);
    // The other direction: Forebay is the primary of a Redis Stack, which then goes on by itself.
    forebay.client().ok("REPLICAOF NO ONE");
    let next = builder(name).expect("it was there before");
    let next = next.replica_of(&forebay).start();
    wait_link(&next);
    wait_indexed(&next);
    assert_eq!(answers(&next, &QUESTIONS), expected);
    forebay.client().ok("COPY json second");
    forebay.client().ok("RENAME bloom third");
    forebay.client().ok("DEL series");
    let asked = [
        "JSON.GET second",
        "BF.EXISTS third b",
        "EXISTS series bloom",
    ];
    let answered = |server: &Server| answers(server, &asked);
    wait_until("what Forebay did with the values has arrived", || {
        answered(&next)[2].contains('0')
    });
    let bulk = |text: &str| answers(&stack, &[text])[0].clone();
    assert_eq!(answered(&next)[0], bulk("JSON.GET json"));
    assert_eq!(answered(&next)[1], bulk("BF.EXISTS bloom b"));
}

#[test]
fn vector_sets_and_arrays_of_redis_8_come_back_equal() {
    let name = "redis-8.10";
    let Some(peer) = builder(name) else { return };
    let peer = peer.start();
    for line in [
        "VADD vectors VALUES 3 1 2 3 element",
        "ARSET array 0 a b c",
        "ARSET array 100000 12 1.5 sparse",
        "PEXPIREAT array 4000000000000",
    ] {
        peer.client().ok(line);
    }
    let questions = [
        "TYPE vectors",
        "TYPE array",
        "VEMB vectors element",
        "ARGETRANGE array 0 3",
        "ARGETRANGE array 99999 100003",
        "ARCOUNT array",
        "PEXPIRETIME array",
        "DEBUG DIGEST-VALUE array",
        "DBSIZE",
    ];
    let expected = answers(&peer, &questions);
    let (loaded, replica) = through(&peer, name);
    assert_eq!(answers(&loaded, &questions), expected, "from a dump");
    assert_eq!(answers(&replica, &questions), expected, "from a full sync");
}

/// A server without the module could not load it, and whoever has no value of a module has no module.
#[test]
fn what_modules_store_beside_their_keys_does_not_go_to_servers_without_them() {
    let Some(stack) = builder("redis-stack-7.4") else {
        return;
    };
    let stack = stack.start();
    stack.client().ok("HSET h:1 name foo");
    stack
        .client()
        .ok("FT.CREATE index ON HASH PREFIX 1 h: SCHEMA name TEXT");
    let forebay = builder("forebay").expect("it is built");
    let forebay = forebay.replica_of(&stack).start();
    wait_link(&forebay);
    let Some(plain) = builder("redis-7.0") else {
        return;
    };
    let plain = plain.replica_of(&forebay).start();
    wait_link(&plain);
    assert_eq!(plain.client().text("HGET h:1 name"), "foo");
    forebay.wait_log("What the module type 'ft_index0' stores beside its keys is left out");
}
