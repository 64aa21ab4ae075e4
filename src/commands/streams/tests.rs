//! Streams on a bench.

use crate::testing::{Bench, check};
use engine::ClientFlags;

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
            "MULTI|XSETID s 10000000|XSETID s 10000000 ENTRIESADDED 9 MAXDELETEDID 1-1|EXEC",
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

#[test]
fn a_group_hands_out_takes_back_and_passes_on_entries() {
    let mut bench = Bench::new();
    for (command, reply, effect) in [
        ("XADD s 1-1 f v", "\"1-1\"", "XADD s 1-1 f v"),
        ("XADD s 1-2 f v", "\"1-2\"", "XADD s 1-2 f v"),
        ("XGROUP CREATE s g 0", "+OK", "XGROUP CREATE s g 0"),
        (
            "XREADGROUP GROUP g alice COUNT 1 STREAMS s >",
            "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]",
            "MULTI|XCLAIM s g alice 0 1-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1|XGROUP SETID s g 1-1 ENTRIESREAD 1|EXEC",
        ),
        (
            "XREADGROUP GROUP g bob NOACK STREAMS s >",
            "[[\"s\", [[\"1-2\", [\"f\", \"v\"]]]]]",
            "MULTI|XGROUP CREATECONSUMER s g bob|XGROUP SETID s g 1-2|XGROUP SETID s g 1-2 ENTRIESREAD 2|EXEC",
        ),
        (
            "XREADGROUP GROUP g alice STREAMS s 0",
            "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]",
            "",
        ),
        (
            "XPENDING s g",
            "[:1, \"1-1\", \"1-1\", [[\"alice\", \"1\"]]]",
            "",
        ),
        (
            "XCLAIM s g carol 0 1-1 JUSTID",
            "[\"1-1\"]",
            "XCLAIM s g carol 0 1-1 TIME 1000000 RETRYCOUNT 2 FORCE JUSTID LASTID 1-2",
        ),
        ("XCLAIM s g carol 1 1-1", "[]", ""),
        ("XDEL s 1-1", ":1", "XDEL s 1-1"),
        (
            "XREADGROUP GROUP g carol STREAMS s 0",
            "[[\"s\", [[\"1-1\", nil[]]]]]",
            "",
        ),
        (
            "XAUTOCLAIM s g dave 0 0",
            "[\"0-0\", [], [\"1-1\"]]",
            "MULTI|XACK s g 1-1|XGROUP CREATECONSUMER s g dave|EXEC",
        ),
        ("XPENDING s g", "[:0, nil, nil, nil[]]", ""),
        ("XACK s g 1-1", ":0", ""),
        (
            "XINFO CONSUMERS s g",
            "[[\"name\", \"alice\", \"pending\", :0, \"idle\", :0, \"inactive\", :0], \
             [\"name\", \"bob\", \"pending\", :0, \"idle\", :0, \"inactive\", :-1], \
             [\"name\", \"carol\", \"pending\", :0, \"idle\", :0, \"inactive\", :0], \
             [\"name\", \"dave\", \"pending\", :0, \"idle\", :0, \"inactive\", :-1]]",
            "",
        ),
        (
            "XGROUP DELCONSUMER s g dave",
            ":0",
            "XGROUP DELCONSUMER s g dave",
        ),
        ("XGROUP DESTROY s g", ":1", "XGROUP DESTROY s g"),
    ] {
        bench.effects();
        assert_eq!(bench.run(command), reply, "{command}");
        assert_eq!(bench.effects(), effect, "{command}");
    }
}

#[test]
fn readers_of_a_group_are_served_in_order_and_told_when_it_is_gone() {
    let mut bench = Bench::new();
    let readers = [bench.connect(), bench.connect(), bench.connect()];
    bench.run("XGROUP CREATE s g $ MKSTREAM");
    let wait = "XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS s >";
    for reader in readers {
        assert_eq!(bench.run_as(reader, wait), "");
    }
    bench.run("MULTI");
    bench.run("XADD s 1-1 f v");
    bench.run("XADD s 1-2 f v");
    bench.run("EXEC");
    let got = readers.map(|reader| bench.output(reader));
    assert_eq!(got[0], "[[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]]");
    assert_eq!(got[1], "[[\"s\", [[\"1-2\", [\"f\", \"v\"]]]]]");
    assert_eq!(got[2], "");
    bench.run("XGROUP DESTROY s g");
    assert_eq!(
        bench.output(readers[2]),
        "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
    );
    bench.run("XGROUP CREATE s g $");
    assert_eq!(bench.run_as(readers[0], wait), "");
    bench.run("DEL s");
    assert_eq!(
        bench.output(readers[0]),
        "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
    );
}

#[test]
fn a_waiting_group_read_learns_what_became_of_its_key() {
    let no_group = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    for (change, reply) in [
        ("DEL s", no_group),
        ("RENAME s t", no_group),
        ("MOVE s 1", no_group),
        ("SWAPDB 0 1", no_group),
        ("FLUSHDB", no_group),
        ("FLUSHALL", no_group),
        ("XGROUP DESTROY s g", no_group),
        (
            "SET s v",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ] {
        let mut bench = Bench::new();
        let reader = bench.connect();
        bench.run("XADD s 1-1 f v");
        bench.run("XGROUP CREATE s g $");
        let wait = "XREADGROUP GROUP g A BLOCK 0 STREAMS s >";
        assert_eq!(bench.run_as(reader, wait), "");
        bench.run(change);
        assert_eq!(bench.output(reader), reply, "{change}");
    }
}

#[test]
fn deletion_may_mind_what_groups_still_hold() {
    check(&[
        ("XADD s 1-1 f v", "\"1-1\""),
        ("XADD s 1-2 f v", "\"1-2\""),
        ("XADD s 1-3 f v", "\"1-3\""),
        ("XGROUP CREATE s g 0", "+OK"),
        (
            "XREADGROUP GROUP g c COUNT 2 STREAMS s >",
            "[[\"s\", [[\"1-1\", [\"f\", \"v\"]], [\"1-2\", [\"f\", \"v\"]]]]]",
        ),
        ("XDELEX s ACKED IDS 3 1-1 1-3 1-9", "[:2, :2, :2]"),
        ("XTRIM s MAXLEN 0 ACKED", ":0"),
        ("XACKDEL s g ACKED IDS 2 1-1 1-1", "[:1, :-1]"),
        ("XTRIM s MAXLEN ~ 0 DELREF", ":0"),
        ("XDELEX s DELREF IDS 1 1-2", "[:1]"),
        ("XPENDING s g", "[:0, nil, nil, nil[]]"),
        ("XTRIM s MAXLEN 0 DELREF", ":1"),
        (
            "XDELEX s IDS 2 1-1",
            "-ERR The `numids` parameter must match the number of arguments",
        ),
    ]);
}

/// Redis 8.2 keeps this from its replicas: their pending lists then differ.
#[test]
fn replicas_learn_that_ids_of_entries_long_gone_are_no_longer_pending() {
    let mut bench = Bench::new();
    for command in [
        "XADD s 1-1 f v",
        "XGROUP CREATE s g 0",
        "XREADGROUP GROUP g c STREAMS s >",
        "XDEL s 1-1",
    ] {
        bench.run(command);
    }
    bench.effects();
    assert_eq!(bench.run("XDELEX s DELREF IDS 1 1-1"), "[:-1]");
    assert_eq!(bench.effects(), "XACK s g 1-1");
    assert_eq!(bench.run("XPENDING s g"), "[:0, nil, nil, nil[]]");
    assert_eq!(bench.run("XDELEX s DELREF IDS 1 1-1"), "[:-1]");
    assert_eq!(bench.effects(), "");
}

#[test]
fn an_entry_that_the_primary_adds_only_once_is_added_by_its_id_alone() {
    let mut bench = Bench::new();
    let id = bench.id;
    let client = bench.engine.clients.get_mut(&id).expect("it is connected");
    client.flags.insert(ClientFlags::MASTER);
    for (text, reply) in [
        ("XADD s IDMPAUTO p 1-1 f v", "\"1-1\""),
        ("XADD s IDMPAUTO p * f v", "nil"),
        ("XADD s IDMP p one NOMKSTREAM MAXLEN = 9 2-1 f v", "\"2-1\""),
        ("XADD s MAXLEN = 9 IDMP p one * f v", "nil"),
        ("XADD none IDMPAUTO p * f v", "nil"),
        ("XADD s 3-1 IDMP p", "\"3-1\""),
        (
            "XADD s IDMP p one",
            "-ERR wrong number of arguments for 'xadd' command",
        ),
        ("XLEN s", ":3"),
        ("EXISTS none", ":0"),
    ] {
        assert_eq!(bench.run(text), reply, "{text}");
    }
}

#[test]
fn an_entry_of_a_producer_is_added_once() {
    let auto = "-ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs";
    check(&[
        ("XADD s IDMP p one * f v", "\"1000000-0\""),
        ("XADD s IDMP p one * f other", "\"1000000-0\""),
        ("XADD s IDMP q one * f v", "\"1000000-1\""),
        ("XADD s IDMPAUTO p * a 1 b 2", "\"1000000-2\""),
        ("XADD s IDMPAUTO p * b 2 a 1", "\"1000000-2\""),
        ("XADD s MAXLEN 3 IDMPAUTO p * b 1 a 2", "\"1000000-3\""),
        ("XLEN s", ":3"),
        ("XADD s IDMP p two 5-5 f v", auto),
        (
            "XADD s IDMP p two IDMPAUTO p * f v",
            "-ERR syntax error, IDMP/IDMPAUTO specified multiple times",
        ),
        ("XCFGSET s IDMP-MAXSIZE 1", "+OK"),
        ("XADD s IDMP p one * f v", "\"1000000-4\""),
        ("XADD s IDMP p two * f v", "\"1000000-5\""),
        ("XADD s IDMP p one * f v", "\"1000000-6\""),
        ("XADD none NOMKSTREAM IDMP p one * f v", "nil"),
        ("XCFGSET none IDMP-MAXSIZE 1", "-ERR no such key"),
        (
            "XCFGSET s IDMP-MAXSIZE 0",
            "-ERR IDMP-MAXSIZE must be between 1 and 10000 entries",
        ),
        ("XCFGSET s", "-ERR At least one parameter must be specified"),
        ("XIDMPRECORD s p one 7-7", "-ERR No such message in stream"),
        ("XIDMPRECORD s r one 1000000-6", "+OK"),
        (
            "XIDMPRECORD s r one 1000000-5",
            "-ERR IID already exists for this producer with a different stream ID",
        ),
        ("XADD s IDMP r one * f v", "\"1000000-6\""),
        ("COPY s copy", ":1"),
        ("XADD copy IDMP r one * f v", "\"1000000-6\""),
    ]);
    let mut bench = Bench::new();
    bench.run("XADD s 1-1 f v");
    bench.run("XCFGSET s IDMP-DURATION 1");
    bench.run("XADD s IDMP p one * f v");
    bench.advance(1000);
    bench.check(&[("XADD s IDMP p one * f v", "\"1000000-0\"")]);
    bench.advance(1);
    bench.check(&[("XADD s IDMP p one * f v", "\"1001001-0\"")]);
    bench.effects();
    bench.check_effects(&[
        (
            "XADD s NOMKSTREAM IDMP p two * f v",
            "MULTI|XADD s NOMKSTREAM 1001001-1 f v|XIDMPRECORD s p two 1001001-1|EXEC",
        ),
        ("XADD s IDMP p two * f v", ""),
        ("XCFGSET s IDMP-DURATION 5", "XCFGSET s IDMP-DURATION 5"),
        ("XIDMPRECORD s p x 1001001-1", "XIDMPRECORD s p x 1001001-1"),
    ]);
}

#[test]
fn a_key_of_another_type_is_told_before_what_is_wrong_with_the_words() {
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    check(&[
        ("SET str x", "+OK"),
        ("XDELEX str IDS 0 1-1", wrong),
        ("XDELEX str IDS 2 1-1", wrong),
        ("XACKDEL str g IDS 0 1-1", wrong),
        ("XACKDEL str g FOO IDS 1 1-1", wrong),
        (
            "XDELEX none IDS 0 1-1",
            "-ERR Number of IDs must be a positive integer",
        ),
        (
            "XACKDEL none g IDS 0 1-1",
            "-ERR Number of IDs must be a positive integer",
        ),
    ]);
}
