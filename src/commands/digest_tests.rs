//! Digests of values that commands wrote.

use super::testing::Bench;
use keyspace::digest::{Fingerprint, Manner, entry};

/// Expected values: `DEBUG DIGEST-VALUE` of redis-server 7.0.15 and 8.2.3 after the same commands.
#[test]
fn digests_are_those_of_redis_for_the_same_data() {
    let mut bench = Bench::new();
    for command in ["SET k v", "HSET h f v g 12", "RPUSH l a 1", "SADD s a 1"] {
        bench.run(command);
    }
    let digest = |bench: &Bench, key: &[u8]| {
        let db = bench.engine.keyspace.db(0);
        let mut d = Fingerprint::default();
        entry(&mut d, db, db.find(key).unwrap(), Manner::REDIS_7_0);
        d.to_hex()
    };
    assert_eq!(
        digest(&bench, b"k"),
        "d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f"
    );
    assert_eq!(
        digest(&bench, b"h"),
        "8530acc75d5274eb0fc0da86f28ed5533274a6d4"
    );
    assert_eq!(
        digest(&bench, b"l"),
        "a4b574dfd44a241b7583aa0f4da11ef31ee0b995"
    );
    assert_eq!(
        digest(&bench, b"s"),
        "012434e5fd10923eb5614823e20e4674a940a6f5"
    );
    bench.run("PEXPIREAT k 4102444800000");
    assert_eq!(
        digest(&bench, b"k"),
        "311b17018163335616e089f6b951c82c477335ac"
    );
}
