//! List commands on a bench.

use crate::testing::{check, check_effects};

const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
const SYNTAX: &str = "-ERR syntax error";

#[test]
fn elements_are_pushed_and_popped_at_both_ends() {
    check(&[
        ("RPUSH l c d", ":2"),
        ("LPUSH l b a", ":4"),
        ("LRANGE l 0 -1", "[\"a\", \"b\", \"c\", \"d\"]"),
        ("LLEN l", ":4"),
        ("LLEN nope", ":0"),
        ("LPUSHX nope x", ":0"),
        ("RPUSHX l e", ":5"),
        ("LPOP l", "\"a\""),
        ("RPOP l 2", "[\"e\", \"d\"]"),
        ("LPOP l 0", "[]"),
        ("LPOP l 9", "[\"b\", \"c\"]"),
        ("EXISTS l", ":0"),
        ("LPOP l", "nil"),
        ("LPOP l 1", "nil[]"),
        ("LPOP l 0", "nil[]"),
        ("LPOP l -1", "-ERR value is out of range, must be positive"),
        ("RPOP l x", "-ERR value is out of range, must be positive"),
        (
            "LPOP l 1 2",
            "-ERR wrong number of arguments for 'lpop' command",
        ),
    ]);
}

#[test]
fn elements_are_read_and_changed_by_index() {
    check(&[
        ("RPUSH l a b c d e", ":5"),
        ("LINDEX l 0", "\"a\""),
        ("LINDEX l -1", "\"e\""),
        ("LINDEX l 5", "nil"),
        ("LINDEX l -6", "nil"),
        ("LINDEX l -9223372036854775808", "nil"),
        ("LINDEX l x", NOT_AN_INTEGER),
        ("LINDEX nope x", "nil"),
        ("LSET l 1 B", "+OK"),
        ("LSET l -5 A", "+OK"),
        ("LSET l 5 x", "-ERR index out of range"),
        ("LSET l x x", NOT_AN_INTEGER),
        ("LSET nope x x", "-ERR no such key"),
        ("LRANGE l 1 -2", "[\"B\", \"c\", \"d\"]"),
        ("LRANGE l 3 1", "[]"),
        ("LRANGE nope 0 -1", "[]"),
        ("LRANGE l x 1", NOT_AN_INTEGER),
        ("LTRIM l 1 -2", "+OK"),
        ("LRANGE l 0 -1", "[\"B\", \"c\", \"d\"]"),
        ("LTRIM l 5 9", "+OK"),
        ("EXISTS l", ":0"),
        ("LTRIM nope 0 1", "+OK"),
    ]);
}

#[test]
fn elements_are_inserted_and_removed_by_value() {
    check(&[
        ("RPUSH l a b a c a 10", ":6"),
        ("LINSERT l BEFORE b x", ":7"),
        ("LINSERT l after 10 y", ":8"),
        ("LINSERT l AFTER nope y", ":-1"),
        ("LINSERT nope AFTER a y", ":0"),
        ("LINSERT l BETWEEN a y", SYNTAX),
        ("LREM l 1 a", ":1"),
        ("LREM l -1 a", ":1"),
        (
            "LRANGE l 0 -1",
            "[\"x\", \"b\", \"a\", \"c\", \"10\", \"y\"]",
        ),
        ("LREM l 0 10", ":1"),
        ("LREM l 0 nope", ":0"),
        ("LREM l x a", NOT_AN_INTEGER),
        ("LREM l -9223372036854775807 b", ":1"),
        ("LRANGE l 0 -1", "[\"x\", \"a\", \"c\", \"y\"]"),
    ]);
}

#[test]
fn a_count_without_a_negative_is_out_of_range_also_where_there_is_no_list() {
    let range = "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
    check(&[
        ("RPUSH l a", ":1"),
        ("SET s a", "+OK"),
        ("LREM l -9223372036854775808 a", range),
        ("LREM s -9223372036854775808 a", range),
        ("LREM none -9223372036854775808 a", range),
        ("LPOS l a RANK -9223372036854775808", range),
        ("LREM l -9223372036854775807 a", ":1"),
    ]);
}

#[test]
fn positions_are_found_from_either_end() {
    check(&[
        ("RPUSH l a b c 1 2 3 c c", ":8"),
        ("LPOS l c", ":2"),
        ("LPOS l 3", ":5"),
        ("LPOS l nope", "nil"),
        ("LPOS l nope COUNT 1", "[]"),
        ("LPOS nope c", "nil"),
        ("LPOS nope c COUNT 0", "[]"),
        ("LPOS l c RANK 2", ":6"),
        ("LPOS l c RANK -1", ":7"),
        ("LPOS l c RANK -1 COUNT 2", "[:7, :6]"),
        ("LPOS l c COUNT 0", "[:2, :6, :7]"),
        ("LPOS l c COUNT 0 MAXLEN 7", "[:2, :6]"),
        ("LPOS l c COUNT 0 RANK -2 MAXLEN 2", "[:6]"),
        (
            "LPOS l c RANK 0",
            "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        ),
        ("LPOS l c COUNT -1", "-ERR COUNT can't be negative"),
        ("LPOS l c MAXLEN x", "-ERR MAXLEN can't be negative"),
        ("LPOS l c RANK", SYNTAX),
        ("LPOS l c FOO 1", SYNTAX),
    ]);
}

#[test]
fn elements_move_from_list_to_list() {
    check(&[
        ("RPUSH a 1 2 3", ":3"),
        ("LMOVE a b LEFT RIGHT", "\"1\""),
        ("RPOPLPUSH a b", "\"3\""),
        ("LRANGE b 0 -1", "[\"3\", \"1\"]"),
        ("LMOVE b b LEFT RIGHT", "\"3\""),
        ("LRANGE b 0 -1", "[\"1\", \"3\"]"),
        ("RPOPLPUSH a a", "\"2\""),
        ("LMOVE a b LEFT LEFT", "\"2\""),
        ("EXISTS a", ":0"),
        ("LMOVE a b LEFT LEFT", "nil"),
        ("LMOVE b a UP LEFT", SYNTAX),
        ("SET s x", "+OK"),
        ("LMOVE nope s LEFT LEFT", "nil"),
        ("LMOVE s b LEFT LEFT", WRONG),
        ("RPOPLPUSH b s", WRONG),
        ("LRANGE b 0 -1", "[\"2\", \"1\", \"3\"]"),
    ]);
}

#[test]
fn many_are_popped_from_the_first_list_there_is() {
    check(&[
        ("RPUSH l a b c", ":3"),
        ("SET s x", "+OK"),
        ("LMPOP 2 nope l LEFT", "[\"l\", [\"a\"]]"),
        ("LMPOP 1 l RIGHT COUNT 5", "[\"l\", [\"c\", \"b\"]]"),
        ("LMPOP 1 l RIGHT", "nil[]"),
        ("LMPOP 1 s RIGHT", WRONG),
        ("LMPOP 0 l LEFT", "-ERR numkeys should be greater than 0"),
        ("LMPOP x l LEFT", "-ERR numkeys should be greater than 0"),
        ("LMPOP 2 l LEFT", SYNTAX),
        ("LMPOP 9223372036854775807 l LEFT", SYNTAX),
        ("LMPOP 1 l UP", SYNTAX),
        (
            "LMPOP 1 l LEFT COUNT 0",
            "-ERR count should be greater than 0",
        ),
        ("LMPOP 1 l LEFT COUNT 1 COUNT 1", SYNTAX),
    ]);
}

#[test]
fn other_types_are_refused() {
    check(&[
        ("SET s x", "+OK"),
        ("LPUSH s a", WRONG),
        ("LPOP s", WRONG),
        ("LLEN s", WRONG),
        ("LINDEX s x", WRONG),
        ("LSET s x y", WRONG),
        ("LRANGE s 0 1", WRONG),
        ("LREM s 0 a", WRONG),
        ("LINSERT s BEFORE a b", WRONG),
        ("LPOS s a", WRONG),
        ("BLPOP nope s 0", WRONG),
    ]);
}

#[test]
fn effects_are_settled_and_no_ops_have_none() {
    check_effects(&[
        ("RPUSH l a b c d e", "RPUSH l a b c d e"),
        ("LPUSHX nope a", ""),
        ("LPOP l 0", ""),
        ("LPOP l", "LPOP l"),
        ("LSET l 0 b", "LSET l 0 b"),
        ("LTRIM l 0 -1", ""),
        ("LREM l 0 nope", ""),
        ("LMOVE l l LEFT LEFT", "LMOVE l l LEFT LEFT"),
        ("LMPOP 1 l LEFT COUNT 2", "LPOP l 2"),
        ("BLMPOP 0 1 l RIGHT", "RPOP l 1"),
        ("BLPOP nope l 0", "LPOP l"),
        ("RPUSH l a b c", "RPUSH l a b c"),
        ("BRPOP l 0", "RPOP l"),
        ("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT"),
        ("BRPOPLPUSH l m 0", "RPOPLPUSH l m"),
        ("LPOP l", ""),
    ]);
}
