//! Values that Forebay does not serve pass through it unchanged: those of modules, vector sets. Arrays do, too.

use crate::pair::{builder, wait_link};
use crate::support::server::Server;
use crate::support::wait::wait_until;

/// What Redis Stack is given: a value of each of its modules, and an index.
const STACK: [&str; 16] = [
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
    "FT.SUGADD suggestions hello 1",
    "HSET h:1 name foo age 3",
    "HSET h:2 name bar age 5",
    "FT.CREATE index ON HASH PREFIX 1 h: SCHEMA name TEXT age NUMERIC",
    "PEXPIREAT json 4000000000000",
];

/// Questions whose answers tell what is in the values.
const QUESTIONS: [&str; 11] = [
    "JSON.GET json",
    "PEXPIRETIME json",
    "BF.EXISTS bloom b",
    "CF.EXISTS cuckoo x",
    "CMS.QUERY counts a",
    "TDIGEST.QUANTILE digest 0.5",
    "TS.RANGE series - +",
    "TS.QUERYINDEX a=b",
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
