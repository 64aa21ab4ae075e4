//! Dumps of real servers through Forebay and back.

use crate::support::dataset::digest;
use crate::support::server::Builder;
use std::path::Path;

/// The dump, loaded by the real server and by Forebay, saved by Forebay, loaded by the real server.
fn round_trip(peer: &str, file: &str) {
    let Some(theirs) = Builder::peer(peer) else {
        return;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let theirs = theirs.dump(&path).start();
    let expected = digest(&mut theirs.client());
    let ours = Builder::forebay().dump(&path).start();
    let form = match peer {
        "redis-6.2" | "redis-7.0" => "DEBUG DIGEST",
        "redis-8.2" => "DEBUG DIGEST redis-7.2",
        _ => "DEBUG DIGEST valkey",
    };
    assert_eq!(ours.client().text(form), expected, "{file} in Forebay");
    // `auto` writes for Redis, from 7.0 on.
    let target = match peer {
        "redis-6.2" => "redis-6.2",
        "valkey-9.1" => "valkey-9",
        _ => "auto",
    };
    ours.client()
        .ok(&format!("CONFIG SET rdb-save-target {target}"));
    ours.client().ok("SAVE");
    let again = Builder::peer(peer).expect("it was there before");
    let again = again.dump(ours.dump_path()).start();
    assert_eq!(
        digest(&mut again.client()),
        expected,
        "{file} back in {peer}"
    );
}

#[test]
fn a_shop_of_7_0_comes_back_to_7_0() {
    round_trip("redis-7.0", "rdb-samples/redis-7.0-shop.rdb");
}

#[test]
fn streams_of_6_2_come_back_to_7_0() {
    round_trip("redis-7.0", "rdb-samples/redis-6.2-streams.rdb");
}

#[test]
fn a_demo_of_8_2_comes_back_to_8_2() {
    round_trip("redis-8.2", "rdb-samples/demo-redis-8.2.rdb");
}

#[test]
fn field_ttls_of_8_2_come_back_to_8_2() {
    round_trip("redis-8.2", "rdb-samples/redis-8.2-field-ttls.rdb");
}

#[test]
fn field_ttls_of_valkey_come_back_to_valkey() {
    round_trip("valkey-9.1", "rdb-samples/valkey-9.1-field-ttls.rdb");
}

#[test]
fn a_demo_of_valkey_comes_back_to_valkey() {
    round_trip("valkey-9.1", "rdb-samples/demo-valkey-9.1.rdb");
}

#[test]
fn a_very_old_dump_comes_back_to_6_2() {
    round_trip("redis-6.2", "rdb-samples/redis-2.4-small.rdb");
}
