//! `engine::own_keys` with the commands of all families.

use crate::testing::Bench;
use engine::ClientFlags;

/// A writable replica and the client that is the link to its primary.
fn replica() -> (Bench, engine::ClientId) {
    let mut bench = Bench::new();
    bench.run("CONFIG SET replica-read-only no");
    bench.run("REPLICAOF 127.0.0.1 1");
    let link = bench.connect();
    let session = bench.engine.clients.get_mut(&link).expect("just connected");
    session.flags.insert(ClientFlags::MASTER);
    (bench, link)
}

#[test]
fn a_writable_replica_deletes_what_its_clients_wrote_and_nothing_else() {
    let (mut bench, link) = replica();
    bench.run("SET own v PX 10");
    bench.run("SET moved v PX 10");
    bench.run("RENAME moved renamed");
    bench.run("SET kept v PX 10");
    bench.run("PERSIST kept");
    bench.run("SET later v PX 10");
    bench.run("PEXPIRE later 1000");
    bench.run("SET taken v PX 10");
    bench.run_as(link, "SET theirs v PXAT 1000010");
    bench.run_as(link, "SET taken w PXAT 1000020");
    assert_eq!(bench.engine.own_keys.len(), 4);
    bench.advance(100);
    assert!(bench.engine.may_expire());
    bench.engine.expire_slice(200);
    bench.check(&[("DBSIZE", ":4"), ("EXISTS kept later", ":2")]);
    assert_eq!(bench.run_as(link, "EXISTS theirs taken"), ":2");
    assert_eq!(bench.engine.own_keys.len(), 1);
    bench.advance(1000);
    bench.engine.expire_slice(200);
    bench.check(&[("DBSIZE", ":3")]);
    assert!(bench.engine.own_keys.is_empty());
}

#[test]
fn a_primary_notes_nothing() {
    let (mut bench, _) = replica();
    bench.run("SET own v PX 10");
    bench.run("REPLICAOF NO ONE");
    bench.run("SET other v PX 10");
    bench.advance(100);
    bench.engine.expire_slice(200);
    bench.check(&[("DBSIZE", ":0")]);
    assert!(bench.engine.own_keys.is_empty());
}
