//! Arrays as clients see them. `tests/compat` compares them with real servers.

use crate::testing::{Bench, check, check_effects};

const BAD: &str = "-ERR invalid array index";
const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn elements_are_set_and_deleted_by_index() {
    check(&[
        ("ARSET a 5 x y z", ":3"),
        ("ARSET a 4 w x", ":1"),
        ("ARMSET a 0 p 5 q 0 r", ":1"),
        ("ARMGET a 0 1 4 5 7", "[\"r\", nil, \"w\", \"q\", \"z\"]"),
        ("ARLEN a", ":8"),
        ("ARCOUNT a", ":5"),
        ("TYPE a", "+array"),
        ("OBJECT ENCODING a", "\"sliced-array\""),
        ("ARGETRANGE a 3 6", "[nil, \"w\", \"q\", \"y\"]"),
        ("ARGETRANGE a 6 3", "[\"y\", \"q\", \"w\", nil]"),
        ("ARSCAN a 1 100 LIMIT 2", "[[:4, \"w\"], [:5, \"q\"]]"),
        ("ARSCAN a 5 0", "[[:5, \"q\"], [:4, \"w\"], [:0, \"r\"]]"),
        ("ARDEL a 0 1 0", ":1"),
        ("ARDELRANGE a 9 6 4 4", ":3"),
        ("ARDEL a 5", ":1"),
        ("EXISTS a", ":0"),
        ("SET s x", "+OK"),
        ("ARGET s x", WRONG),
        ("ARSET s x y", BAD),
        (
            "ARMSET a 1 x 2",
            "-ERR wrong number of arguments for 'armset' command",
        ),
    ]);
}

#[test]
fn indices_reach_to_the_end_of_64_bits() {
    check(&[
        ("ARSET a 18446744073709551614 z", ":1"),
        ("ARLEN a", "\"18446744073709551615\""),
        (
            "ARSET a 18446744073709551614 x y",
            "-ERR array index overflow",
        ),
        ("ARSET a 18446744073709551615 x", BAD),
        ("ARGET a -1", BAD),
        ("ARGET a 18446744073709551614", "\"z\""),
        (
            "ARSCAN a 0 18446744073709551614",
            "[[\"18446744073709551614\", \"z\"]]",
        ),
        ("ARINSERT a b", ":0"),
        ("ARSEEK a 18446744073709551614", ":1"),
        ("ARINSERT a x y", "-ERR insert index overflow"),
        ("ARINSERT a x", "\"18446744073709551614\""),
        ("ARNEXT a", "nil"),
        ("ARINSERT a x", "-ERR insert index overflow"),
        (
            "ARGETRANGE a 0 1000000",
            "-ERR range exceeds maximum of 1000000 items",
        ),
    ]);
}

#[test]
fn a_ring_keeps_what_was_inserted_last() {
    check(&[
        ("ARRING r 3 a b c d", ":0"),
        ("ARLASTITEMS r 5", "[\"b\", \"c\", \"d\"]"),
        ("ARRING r 5 e", ":3"),
        ("ARGETRANGE r 0 4", "[\"b\", \"c\", \"d\", \"e\", nil]"),
        ("ARRING r 2 f", ":0"),
        ("ARGETRANGE r 0 2", "[\"f\", \"e\", nil]"),
        ("ARNEXT r", ":1"),
        ("ARLASTITEMS r 2 REV", "[\"f\", \"e\"]"),
        ("ARRING r 0 x", "-ERR size must be positive"),
        ("ARRING r 1.5 x", "-ERR invalid size"),
        ("ARLASTITEMS r x", "-ERR invalid COUNT"),
        ("ARSEEK none 5", ":0"),
    ]);
}

#[test]
fn figures_and_searches() {
    check(&[
        ("ARSET a 0 1 2.5 abc -3 ABC 0x10", ":6"),
        ("AROP a 0 3 SUM", "\"0.5\""),
        ("AROP a 9 0 MIN", "\"-3\""),
        ("AROP a 0 9 MAX", "\"16\""),
        ("AROP a 0 1 OR", ":3"),
        ("AROP a 2 2 SUM", "nil"),
        ("AROP a 0 9 USED", ":6"),
        ("AROP a 0 9 MATCH abc", ":1"),
        ("AROP a 0 9 MATCH", "-ERR MATCH requires a value argument"),
        ("AROP none 0 9 USED", ":0"),
        ("ARGREP a 0 9 MATCH b", "[:2]"),
        ("ARGREP a + - MATCH b NOCASE", "[:4, :2]"),
        (
            "ARGREP a 0 9 EXACT 1 GLOB -* WITHVALUES",
            "[[:0, \"1\"], [:3, \"-3\"]]",
        ),
        ("ARGREP a 0 9 RE ^[0-9.]+$ MATCH 5 AND", "[:1]"),
        (
            "ARGREP a 0 9 RE (",
            "-ERR invalid regular expression: Missing ')'",
        ),
        ("ARGREP a 0 9 NOCASE x", "-ERR syntax error"),
    ]);
    for (numbers, sum) in [
        ("0.1 0.2", "0.3"),
        (
            "9223372036854775807 9223372036854775807",
            "1.8446744073709552e+19",
        ),
        ("-9223372036854775808", "-9.2233720368547758e+18"),
        ("1e308 1e308", "2e+308"),
        ("1e-7", "1e-07"),
        ("0.0001", "0.0001"),
        ("123456.789", "123456.789"),
        ("99999999999999999.5", "1e+17"),
        ("inf 1", "inf"),
    ] {
        let mut bench = Bench::new();
        bench.run(&format!("ARSET a 0 {numbers}"));
        assert_eq!(
            bench.run("AROP a 0 9 SUM"),
            format!("\"{sum}\""),
            "{numbers}"
        );
    }
}

#[test]
fn replicas_are_sent_the_command() {
    check_effects(&[
        ("ARSET a 5 x", "ARSET a 5 x"),
        ("ARINSERT a x", "ARINSERT a x"),
        ("ARDEL a 77", ""),
        ("ARSEEK a 3", "ARSEEK a 3"),
        ("ARSEEK none 3", ""),
        ("ARRING a 2 y", "ARRING a 2 y"),
        ("ARDELRANGE a 0 9", "ARDELRANGE a 0 9"),
        ("COPY a b", ""),
    ]);
}
