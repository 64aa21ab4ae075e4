//! What commands count: changes since the last save, and hits and misses of keys.

use crate::testing::Bench;

/// The numbers are those of redis-server 7.4.1 and 8.2.3 after each request, one after another.
#[test]
fn changes_hits_and_misses_are_counted_as_in_the_reference() {
    let mut bench = Bench::new();
    for setup in [
        "XADD x 1-1 a b",
        "XADD x 2-1 a b",
        "XGROUP CREATE x g 0",
        "SADD s a b c",
        "GEOADD geo 1 1 p 2 2 q",
    ] {
        bench.run(setup);
    }
    for (request, changes, hits, misses) in [
        ("XREADGROUP GROUP g c COUNT 1 STREAMS x >", 2, 2, 0),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS x 0", 0, 2, 0),
        ("XREADGROUP GROUP g c2 COUNT 1 STREAMS x 0", 1, 2, 0),
        ("XREADGROUP GROUP g c2 COUNT 1 STREAMS x 0", 0, 2, 0),
        ("XREADGROUP GROUP g c NOACK COUNT 1 STREAMS x >", 1, 2, 0),
        ("XREADGROUP GROUP g c COUNT 1 STREAMS x >", 0, 2, 0),
        ("XREAD STREAMS x 0", 0, 2, 0),
        ("XREAD STREAMS nokey 0", 0, 0, 2),
        ("XACK x g 1-1", 1, 1, 0),
        ("XACK nokey g 1-1", 0, 0, 1),
        ("XCLAIM x g c 0 1-1", 0, 1, 0),
        ("XCLAIM nokey g c 0 1-1", 0, 0, 1),
        ("XAUTOCLAIM x g c 0 0", 0, 1, 0),
        ("SPOP s 1", 1, 0, 0),
        ("SPOP s 5", 2, 1, 0),
        ("SPOP nokey 5", 0, 0, 0),
        (
            "GEOSEARCHSTORE d geo FROMLONLAT 1 1 BYRADIUS 1000 km",
            2,
            1,
            0,
        ),
        ("GEORADIUS geo 1 1 1000 km STORE d", 2, 1, 0),
        (
            "GEOSEARCHSTORE d geo FROMLONLAT 90 1 BYRADIUS 1 km",
            1,
            1,
            0,
        ),
    ] {
        let stats = &bench.engine.stats;
        let before = (bench.engine.dirty, stats.hits, stats.misses);
        bench.run(request);
        let stats = &bench.engine.stats;
        let counted = (
            bench.engine.dirty - before.0,
            stats.hits - before.1,
            stats.misses - before.2,
        );
        assert_eq!(counted, (changes, hits, misses), "{request}");
    }
}

/// XGROUP CREATE created a key without marking the clients that watched it.
#[test]
fn a_stream_that_is_made_for_its_group_is_seen_by_who_watches_it() {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.run("WATCH x");
    bench.run_as(other, "XGROUP CREATE x g 0 MKSTREAM");
    bench.run("MULTI");
    bench.run("PING");
    assert_eq!(bench.run("EXEC"), "nil[]");
    bench.run("WATCH x");
    bench.run_as(other, "XGROUP CREATE x g2 0");
    bench.run("MULTI");
    bench.run("PING");
    assert_eq!(
        bench.run("EXEC"),
        "[+PONG]",
        "a group is no change of the stream"
    );
}
