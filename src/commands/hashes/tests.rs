//! Hash commands on a bench.

use crate::testing::{Bench, check, check_effects};

const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn fields_are_set_and_read() {
    check(&[
        ("HSET h a 1 b 2", ":2"),
        ("HSET h a 3 c 4", ":1"),
        ("HMSET h d 5", "+OK"),
        ("HSETNX h a 9", ":0"),
        ("HSETNX h e 9", ":1"),
        ("HGET h a", "\"3\""),
        ("HGET h nope", "nil"),
        ("HGET nope a", "nil"),
        ("HMGET h a nope b", "[\"3\", nil, \"2\"]"),
        ("HMGET nope a b", "[nil, nil]"),
        ("HLEN h", ":5"),
        ("HLEN nope", ":0"),
        ("HEXISTS h a", ":1"),
        ("HEXISTS h nope", ":0"),
        ("HSTRLEN h a", ":1"),
        ("HSTRLEN h nope", ":0"),
        ("HDEL h a b nope", ":2"),
        ("HDEL h nope", ":0"),
        ("HDEL h c d e", ":3"),
        ("EXISTS h", ":0"),
    ]);
}

#[test]
fn a_hash_is_shown_whole_as_an_array_or_a_map() {
    check(&[
        ("HSET h a 1 b 2", ":2"),
        ("HGETALL h", "[\"a\", \"1\", \"b\", \"2\"]"),
        ("HKEYS h", "[\"a\", \"b\"]"),
        ("HVALS h", "[\"1\", \"2\"]"),
        ("HGETALL nope", "[]"),
        ("HKEYS nope", "[]"),
        ("HSCAN h 0", "[\"0\", [\"a\", \"1\", \"b\", \"2\"]]"),
        ("HSCAN h 0 NOVALUES", "[\"0\", [\"a\", \"b\"]]"),
        ("HSCAN h 0 MATCH a* COUNT 5", "[\"0\", [\"a\", \"1\"]]"),
        ("HSCAN nope 0", "[\"0\", []]"),
        ("HSCAN nope x", "-ERR invalid cursor"),
        ("HSCAN h 0 COUNT 0", "-ERR syntax error"),
        ("HSCAN h 0 TYPE x", "-ERR syntax error"),
    ]);
    let mut bench = Bench::new();
    bench.resp3();
    bench.check(&[
        ("HSET h a 1", ":1"),
        ("HGETALL h", "{\"a\", \"1\"}"),
        ("HGETALL nope", "{}"),
        ("HRANDFIELD h 1 WITHVALUES", "[[\"a\", \"1\"]]"),
    ]);
}

#[test]
fn fields_are_counted_up() {
    check(&[
        ("HINCRBY h n 5", ":5"),
        ("HINCRBY h n -7", ":-2"),
        (
            "HSET h max 9223372036854775807 text abc spaced \" 1\"",
            ":3",
        ),
        (
            "HINCRBY h max 1",
            "-ERR increment or decrement would overflow",
        ),
        ("HINCRBY h text 1", "-ERR hash value is not an integer"),
        ("HINCRBY h spaced 1", "-ERR hash value is not an integer"),
        (
            "HINCRBY h n x",
            "-ERR value is not an integer or out of range",
        ),
        ("HINCRBYFLOAT h n 0.5", "\"-1.5\""),
        ("HINCRBYFLOAT h f 0.1", "\"0.1\""),
        ("HINCRBYFLOAT h f 0.2", "\"0.3\""),
        ("HINCRBYFLOAT h text 1", "-ERR hash value is not a float"),
        ("HINCRBYFLOAT h f x", "-ERR value is not a valid float"),
        ("HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity"),
    ]);
}

#[test]
fn random_fields_come_as_asked_for() {
    check(&[
        ("HSET h a 1", ":1"),
        ("HRANDFIELD h", "\"a\""),
        ("HRANDFIELD h 5", "[\"a\"]"),
        ("HRANDFIELD h -3", "[\"a\", \"a\", \"a\"]"),
        ("HRANDFIELD h -2 WITHVALUES", "[\"a\", \"1\", \"a\", \"1\"]"),
        ("HRANDFIELD h 0", "[]"),
        ("HRANDFIELD nope", "nil"),
        ("HRANDFIELD nope 3", "[]"),
        (
            "HRANDFIELD h x",
            "-ERR value is not an integer or out of range",
        ),
        ("HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error"),
        ("HRANDFIELD h 1 VALUES", "-ERR syntax error"),
        (
            "HRANDFIELD h -9223372036854775808",
            "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ),
        (
            "HRANDFIELD h -9223372036854775807 WITHVALUES",
            "-ERR value is out of range",
        ),
    ]);
}

#[test]
fn other_types_and_wrong_counts_are_refused() {
    check(&[
        ("SET s x", "+OK"),
        ("HSET s a 1", WRONG),
        ("HGET s a", WRONG),
        ("HMGET s a b", WRONG),
        ("HDEL s a", WRONG),
        ("HGETALL s", WRONG),
        ("HSCAN s 0", WRONG),
        ("HRANDFIELD s", WRONG),
        ("HINCRBY s a 1", WRONG),
        (
            "HSET h a",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        (
            "HSET h a 1 b",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        (
            "HMSET h a 1 b",
            "-ERR wrong number of arguments for 'hmset' command",
        ),
    ]);
}

#[test]
fn fields_expire_on_conditions() {
    let mut bench = Bench::new();
    bench.check(&[
        ("HSET h a 1 b 2 c 3", ":3"),
        ("HEXPIRE h 10 FIELDS 2 a nope", "[:1, :-2]"),
        ("HEXPIRE h 10 NX FIELDS 2 a b", "[:0, :1]"),
        ("HPEXPIRE h 5000 GT FIELDS 2 a c", "[:0, :0]"),
        ("HPEXPIRE h 20000 LT FIELDS 2 a c", "[:0, :1]"),
        ("HPEXPIRE h 30500 XX FIELDS 1 a", "[:1]"),
        ("HTTL h FIELDS 4 a b c nope", "[:31, :10, :20, :-2]"),
        ("HPTTL h FIELDS 1 a", "[:30500]"),
        ("HEXPIRETIME h FIELDS 1 a", "[:1031]"),
        ("HPEXPIRETIME h FIELDS 1 a", "[:1030500]"),
        ("HPERSIST h FIELDS 3 a a nope", "[:1, :-1, :-2]"),
        ("HTTL h FIELDS 1 a", "[:-1]"),
        ("HEXPIREAT h 1 FIELDS 2 a nope", "[:2, :-2]"),
        ("HLEN h", ":2"),
        ("HPEXPIREAT h 0 FIELDS 2 b c", "[:2, :2]"),
        ("EXISTS h", ":0"),
        ("HEXPIRE h 1 FIELDS 1 a", "[:-2]"),
        ("HTTL h FIELDS 1 a", "[:-2]"),
        ("HPERSIST h FIELDS 1 a", "[:-2]"),
    ]);
}

#[test]
fn an_expired_field_is_gone_for_readers_and_deleted_when_named() {
    let mut bench = Bench::new();
    bench.check(&[
        ("HSET h a 1 b 2 c 3 d 4", ":4"),
        ("HPEXPIRE h 5 FIELDS 3 a b c", "[:1, :1, :1]"),
    ]);
    bench.advance(6);
    bench.effects();
    bench.check(&[
        ("HLEN h", ":4"),
        ("HGETALL h", "[\"d\", \"4\"]"),
        ("HKEYS h", "[\"d\"]"),
        ("HSCAN h 0", "[\"0\", [\"d\", \"4\"]]"),
        ("HTTL h FIELDS 1 a", "[:-2]"),
        ("HLEN h", ":4"),
        ("HGET h a", "nil"),
        ("HLEN h", ":3"),
        ("HINCRBY h b 5", ":5"),
        ("HTTL h FIELDS 1 b", "[:-1]"),
        ("HRANDFIELD h 5", "[\"d\", \"b\"]"),
        ("HLEN h", ":2"),
    ]);
    assert_eq!(
        bench.effects(),
        "HDEL h a|MULTI|HDEL h b|HINCRBY h b 5|EXEC|HDEL h c"
    );
    assert_eq!(bench.engine.stats.expired_subkeys, 3);
}

#[test]
fn a_hash_goes_with_its_last_field() {
    let mut bench = Bench::new();
    bench.check(&[
        ("HSET h a 1 b 2", ":2"),
        ("HPEXPIRE h 5 FIELDS 2 a b", "[:1, :1]"),
    ]);
    bench.advance(6);
    bench.effects();
    bench.check(&[("HMGET h a b a", "[nil, nil, nil]"), ("EXISTS h", ":0")]);
    assert_eq!(bench.effects(), "MULTI|HDEL h a|HDEL h b|EXEC");
}

#[test]
fn fields_are_read_and_written_together_with_their_expiry() {
    check(&[
        ("HSETEX h EX 10 FIELDS 2 a 1 b 2", ":1"),
        ("HTTL h FIELDS 2 a b", "[:10, :10]"),
        ("HSETEX h FXX KEEPTTL FIELDS 1 a 3", ":1"),
        ("HTTL h FIELDS 1 a", "[:10]"),
        ("HSETEX h FXX FIELDS 2 a 4 c 4", ":0"),
        ("HSETEX h FNX FIELDS 2 a 4 c 4", ":0"),
        ("HSETEX h FNX FIELDS 1 c 4", ":1"),
        ("HSETEX nope FXX FIELDS 1 a 1", ":0"),
        ("HSETEX nope XX FIELDS 1 a 1", ":0"),
        ("HSETEX h NX FIELDS 1 new 1", ":0"),
        ("HSETEX h FNX NX FIELDS 1 new 1", ":0"),
        ("HSETEX h XX NX FIELDS 1 a 1", "-ERR syntax error"),
        ("HSETEX h XX FXX KEEPTTL FIELDS 1 a 3", ":1"),
        ("HGETEX h FIELDS 2 a nope", "[\"3\", nil]"),
        ("HGETEX h PERSIST FIELDS 2 a nope", "[\"3\", nil]"),
        ("HGETEX h PX 5000 FIELDS 1 c", "[\"4\"]"),
        ("HTTL h FIELDS 3 a b c", "[:-1, :10, :5]"),
        ("HGETEX h EXAT 1 FIELDS 2 c nope", "[\"4\", nil]"),
        ("HEXISTS h c", ":0"),
        ("HGETDEL h FIELDS 3 a a nope", "[\"3\", nil, nil]"),
        ("HSETEX h EX 0 FIELDS 1 b 9", ":1"),
        ("EXISTS h", ":0"),
        ("HGETEX h FIELDS 2 a b", "[nil, nil]"),
        ("HGETDEL h FIELDS 1 a", "[nil]"),
    ]);
}

#[test]
fn bad_expiry_requests_are_refused() {
    const FIELDS: &str = "-ERR Mandatory argument FIELDS is missing or not at the right position";
    const MATCH: &str = "-ERR The `numfields` parameter must match the number of arguments";
    const COUNT: &str = "-ERR Number of fields must be a positive integer";
    const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
    check(&[
        ("SET s x", "+OK"),
        ("HSET h a 1", ":1"),
        ("HEXPIRE s x FIELDS 1 a", WRONG),
        ("HEXPIRE h x FIELDS 1 a", NOT_AN_INTEGER),
        (
            "HEXPIRE h -1 FIELDS 1 a",
            "-ERR invalid expire time, must be >= 0",
        ),
        (
            "HEXPIRE h 99999999999999 FIELDS 1 a",
            "-ERR invalid expire time in 'hexpire' command",
        ),
        (
            "HPEXPIREAT h 70368744177664 FIELDS 1 a",
            "-ERR invalid expire time in 'hpexpireat' command",
        ),
        ("HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:1]"),
        ("HEXPIRE h 1 FOO 1 a x", FIELDS),
        ("HEXPIRE h 1 NX XX FIELDS 1 a", FIELDS),
        (
            "HEXPIRE h 1 FIELDS 0 a",
            "-ERR Parameter `numFields` should be greater than 0",
        ),
        ("HEXPIRE h 1 FIELDS 2 a", MATCH),
        ("HTTL h FOO 1 a", FIELDS),
        ("HTTL h FIELDS x a", COUNT),
        ("HPERSIST h FIELDS 2 a", MATCH),
        ("HGETDEL s FOO 1 a", WRONG),
        ("HGETDEL h FIELDS 0 a", COUNT),
        ("HGETEX h EX x FOO 1 a", NOT_AN_INTEGER),
        ("HGETEX h EX 1 PX 1 FIELDS 1 a", FIELDS),
        (
            "HGETEX h EX 10 FIELDS",
            "-ERR wrong number of arguments for 'hgetex' command",
        ),
        ("HGETEX h PERSIST 1 a", FIELDS),
        ("HGETEX h EX 1 a 1", FIELDS),
        ("HGETEX h PERSIST FIELDS 1", MATCH),
        ("HGETEX h EX 1 FIELDS x", COUNT),
        (
            "HSETEX h EX 1 FNX FIELDS",
            "-ERR wrong number of arguments for 'hsetex' command",
        ),
        (
            "HSETEX h FNX FXX FIELDS 1 a 1",
            "-ERR Only one of FXX or FNX arguments can be specified",
        ),
        (
            "HSETEX h EX 1 KEEPTTL FIELDS 1 a 1",
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX h GX FIELDS 1 a 1", "-ERR unknown argument: GX"),
        ("HSETEX h FIELDS 0 a 1", "-ERR invalid number of fields"),
        (
            "HSETEX s FIELDS 2 a 1",
            "-ERR wrong number of arguments for 'hsetex' command",
        ),
        ("HSETEX s FIELDS 1 a 1", WRONG),
    ]);
}

#[test]
fn effects_of_field_expiry_are_absolute() {
    check_effects(&[
        ("HSET h a 1 b 2 c 3", "HSET h a 1 b 2 c 3"),
        (
            "HEXPIRE h 10 NX FIELDS 2 a nope",
            "HPEXPIREAT h 1010000 NX FIELDS 1 a",
        ),
        (
            "hpexpireat h 1020000 FIELDS 1 b",
            "hpexpireat h 1020000 FIELDS 1 b",
        ),
        ("HEXPIRE h 1 GT FIELDS 1 a", ""),
        ("HPERSIST h FIELDS 2 b c", "HPERSIST h FIELDS 2 b c"),
        ("HPERSIST h FIELDS 1 b", ""),
        (
            "HINCRBYFLOAT h a 1.5",
            "MULTI|HSET h a 2.5|HPEXPIREAT h 1010000 FIELDS 1 a|EXEC",
        ),
        ("HPEXPIRE h 0 FIELDS 2 a b", "MULTI|HDEL h a|HDEL h b|EXEC"),
        (
            "HSETEX h ex 5 FNX FIELDS 1 x 1",
            "MULTI|HSET h x 1|HPEXPIREAT h 1005000 FIELDS 1 x|EXEC",
        ),
        (
            "HSETEX h KEEPTTL FIELDS 1 x 1",
            "MULTI|HSET h x 1|HPEXPIREAT h 1005000 FIELDS 1 x|EXEC",
        ),
        ("HSETEX h EXAT 5 FIELDS 1 x 1", "HDEL h x"),
        (
            "HGETEX h PX 7 FIELDS 2 c nope",
            "HPEXPIREAT h 1000007 FIELDS 2 c nope",
        ),
        ("HGETEX h PERSIST FIELDS 1 c", "HPERSIST h FIELDS 1 c"),
        ("HGETEX h PERSIST FIELDS 1 c", ""),
        ("HGETEX h FIELDS 1 c", ""),
        ("HGETDEL h FIELDS 2 c nope", "HDEL h c nope"),
    ]);
}

#[test]
fn changes_are_propagated_and_no_ops_are_not() {
    check_effects(&[
        ("hSet h a 1 b 2", "hSet h a 1 b 2"),
        ("HSET h a 1", "HSET h a 1"),
        ("HSETNX h a 2", ""),
        ("HDEL h nope", ""),
        ("HDEL h a nope", "HDEL h a nope"),
        ("HINCRBY h n 0", "HINCRBY h n 0"),
        ("HINCRBYFLOAT h n 1.50", "HSET h n 1.5"),
        ("HGETALL h", ""),
    ]);
}

/// The hash was deleted with its expired field, so that it lost its own expiry, which Redis 8.2 keeps.
#[test]
fn hsetex_over_an_expired_field_leaves_the_hash_its_expiry() {
    for (options, ttl) in [("FNX PX 500", "[:500]"), ("FNX KEEPTTL", "[:-1]")] {
        let mut bench = Bench::new();
        bench.run("CONFIG SET notify-keyspace-events KEA");
        bench.check(&[
            ("HSET h a 1", ":1"),
            ("PEXPIRE h 9000", ":1"),
            ("HPEXPIRE h 5 FIELDS 1 a", "[:1]"),
        ]);
        bench.advance(6);
        bench.effects();
        let listener = bench.connect();
        bench.run_as(listener, "PSUBSCRIBE __keyevent@0__:*");
        bench.check(&[
            (&format!("HSETEX h {options} FIELDS 1 a 2"), ":1"),
            ("HGET h a", "\"2\""),
            ("PTTL h", ":8994"),
            ("HPTTL h FIELDS 1 a", ttl),
        ]);
        let effects = bench.effects();
        assert!(!effects.contains("HDEL"), "{options}: {effects}");
        let heard = bench.output(listener);
        assert!(heard.contains(":hexpired\""), "{options}: {heard}");
        assert!(!heard.contains(":del\""), "{options}: {heard}");
        assert_eq!(bench.engine.stats.expired_subkeys, 1);
    }
}
