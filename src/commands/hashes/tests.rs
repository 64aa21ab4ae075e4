//! Hash commands on a bench.

use crate::commands::testing::{Bench, check, check_effects};

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
