//! What a primary of ours writes goes on to replicas of ours that are older: where they do not know a word, its effect
//! takes its place.

use crate::newer::wait_caught_up;
use crate::pair::{builder, wait_link};
use crate::support::server::Server;

/// Words of the newest servers whose effects older ones can be told in as many bytes.
const REDIS: [&str; 15] = [
    "SET s 5 IFEQ 1",
    "SET s 6 IFEQ 1",
    "SET s 7 IFNE 1 PX 10000000",
    "SET s 8 IFEQ 7 KEEPTTL",
    "SELECT 3",
    "SET s 1",
    "SET s 9 IFEQ 1 GET",
    "DELEX s",
    "SET s 1",
    "DELEX s IFEQ 1",
    "SELECT 0",
    "MSETEX 2 a 1 b 2",
    "MSETEX 1 a 1 EX 10000",
    "BITOP ANDOR d a b",
    "SET last 1",
];

const VALKEY: [&str; 5] = [
    "SET s 5 IFEQ 1",
    "DELIFEQ s 5",
    "GEOADD z 13 38 in",
    "GEOSEARCHSTORE d z BYPOLYGON 3 12 37 14 37 13 39",
    "SET last 1",
];

/// A primary, what is written there, and who stands behind us.
const LEAVES: [(&str, &[&str], &[&str]); 2] = [
    (
        "redis-8.10",
        &REDIS,
        &[
            "redis-6.2",
            "redis-7.4",
            "redis-8.2",
            "redis-8.6",
            "redis-8.10",
            "valkey-9.1",
        ],
    ),
    (
        "valkey-9.1",
        &VALKEY,
        &[
            "redis-6.2",
            "redis-7.2",
            "redis-8.2",
            "redis-8.10",
            "valkey-8.1",
            "valkey-9.1",
        ],
    ),
];

#[test]
fn words_that_older_replicas_do_not_know_are_settled_on_their_way() {
    for (name, writes, leaves) in LEAVES {
        let Some(top) = builder(name) else { continue };
        let top = top.config("repl-diskless-sync-delay 0").start();
        let mut theirs = top.client();
        theirs.ok("SET s 1");
        let middle = builder("forebay").expect("it is built");
        let middle = middle.config("appendonly yes").replica_of(&top).start();
        wait_link(&middle);
        let leaves: Vec<Server> = leaves
            .iter()
            .filter_map(|name| builder(name))
            .map(|leaf| leaf.replica_of(&middle).start())
            .collect();
        leaves.iter().for_each(wait_link);
        let mut ours = middle.client();
        let syncs = ours.info_field("stats", "sync_full");
        for line in writes {
            let reply = theirs.run(line);
            assert!(!reply.is_error(), "{line}: {reply:?}");
            wait_caught_up(&mut ours, &mut theirs);
            for leaf in &leaves {
                wait_caught_up(&mut leaf.client(), &mut theirs);
            }
            assert_eq!(ours.info_field("stats", "sync_full"), syncs, "{line}");
        }
        theirs.ok("MULTI");
        theirs.ok("SET last 2 IFEQ 1");
        theirs.ok("SELECT 5");
        theirs.ok("SET last 2");
        theirs.ok("EXEC");
        wait_caught_up(&mut ours, &mut theirs);
        let want = theirs.text("DEBUG DIGEST");
        for leaf in &leaves {
            wait_link(leaf);
            let mut leaf_client = leaf.client();
            wait_caught_up(&mut leaf_client, &mut theirs);
            assert_eq!(leaf_client.text("DEBUG DIGEST"), want, "{}", leaf.name());
            let errors = leaf.log().matches("sending an error to its master").count();
            assert_eq!(errors, 0, "{}", leaf.name());
        }
        // Whoever was away goes on in the same bytes after a restart, from the append-only file, too.
        drop(ours);
        let middle = middle.restart();
        wait_link(&middle);
        theirs.ok("SELECT 0");
        theirs.ok("SET last 3");
        for leaf in &leaves {
            wait_link(leaf);
            wait_caught_up(&mut leaf.client(), &mut theirs);
        }
        assert_eq!(middle.client().info_field("stats", "sync_full"), "0");
    }
}
