//! Streams on a bench.

use crate::commands::testing::{Bench, check};

#[test]
fn entries_are_added_read_and_deleted_in_order_of_their_ids() {
    check(&[
        ("XADD s 1-1 f v", "\"1-1\""),
        ("XADD s 1-* f v g w", "\"1-2\""),
        ("XADD s * f v", "\"1000000-0\""),
        ("XADD s * f v", "\"1000000-1\""),
        (
            "XADD s 5 f v",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        (
            "XADD s 0-0 f v",
            "-ERR The ID specified in XADD must be greater than 0-0",
        ),
        (
            "XADD s 2000000-0 f",
            "-ERR wrong number of arguments for 'xadd' command",
        ),
        ("XADD none NOMKSTREAM * f v", "nil"),
        ("XLEN s", ":4"),
        ("XRANGE s - + COUNT 1", "[[\"1-1\", [\"f\", \"v\"]]]"),
        (
            "XRANGE s (1-1 1",
            "[[\"1-2\", [\"f\", \"v\", \"g\", \"w\"]]]",
        ),
        (
            "XREVRANGE s + - COUNT 1",
            "[[\"1000000-1\", [\"f\", \"v\"]]]",
        ),
        ("XDEL s 1-1 7-7 1000000-1", ":2"),
        (
            "XRANGE s - +",
            "[[\"1-2\", [\"f\", \"v\", \"g\", \"w\"]], [\"1000000-0\", [\"f\", \"v\"]]]",
        ),
        (
            "XREAD COUNT 1 STREAMS s none 0 0",
            "[[\"s\", [[\"1-2\", [\"f\", \"v\", \"g\", \"w\"]]]]]",
        ),
        ("XREAD STREAMS s $", "nil[]"),
        (
            "XREAD STREAMS s +",
            "[[\"s\", [[\"1000000-0\", [\"f\", \"v\"]]]]]",
        ),
        ("TYPE s", "+stream"),
        ("OBJECT ENCODING s", "\"stream\""),
        ("DEL s", ":1"),
    ]);
}

#[test]
fn replicas_get_settled_ids_and_the_outcome_of_approximate_trims() {
    let mut bench = Bench::new();
    for (command, effect) in [
        ("XADD s * f v", "XADD s 1000000-0 f v"),
        ("XADD s 1000000-* f v", "XADD s 1000000-1 f v"),
        (
            "XADD s NOMKSTREAM MAXLEN ~ 1 LIMIT 5 * f v",
            "XADD s NOMKSTREAM MAXLEN = 3 LIMIT 5 1000000-2 f v",
        ),
        (
            "XADD s MINID ~ 5 9999999-9 f v",
            "XADD s MINID = 1000000-0 9999999-9 f v",
        ),
        ("XTRIM s MAXLEN ~ 1", ""),
        ("XTRIM s MAXLEN 3", "XTRIM s MAXLEN 3"),
        ("XTRIM s MINID = 1000000-2", "XTRIM s MINID = 1000000-2"),
        ("XDEL s 1-1", ""),
        ("XDEL s 1000000-2 1-1", "XDEL s 1000000-2 1-1"),
        (
            "XSETID s 10000000 ENTRIESADDED 9 MAXDELETEDID 1-1",
            "XSETID s 10000000 ENTRIESADDED 9 MAXDELETEDID 1-1",
        ),
    ] {
        bench.effects();
        bench.run(command);
        assert_eq!(bench.effects(), effect, "{command}");
    }
}

#[test]
fn readers_wait_for_what_comes_after_the_end_as_it_was() {
    let mut bench = Bench::new();
    bench.run("XADD s 1-1 f v");
    let (reader, other) = (bench.connect(), bench.connect());
    assert_eq!(bench.run_as(reader, "XREAD BLOCK 0 STREAMS none s $ $"), "");
    assert_eq!(
        bench.run_as(other, "XREAD BLOCK 0 STREAMS s 1"),
        "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]"
    );
    assert_eq!(bench.run_as(other, "XREAD BLOCK 100 STREAMS s 2"), "");
    bench.run("SET none x");
    bench.run("DEL none");
    bench.run("MULTI");
    bench.run("XADD s 1-2 f v");
    bench.run("XADD s 1-3 f v");
    bench.run("EXEC");
    assert_eq!(
        bench.output(reader),
        "[[\"s\", [[\"1-2\", [\"f\", \"v\"]], [\"1-3\", [\"f\", \"v\"]]]]]"
    );
    assert_eq!(bench.output(other), "");
    bench.engine.expire_blocked(1_000_100);
    assert_eq!(bench.output(other), "nil[]");
}
