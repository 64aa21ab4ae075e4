//! Set commands on a bench.

use crate::testing::{Bench, check, check_effects};

const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const POSITIVE: &str = "-ERR value is out of range, must be positive";
const SYNTAX: &str = "-ERR syntax error";

#[test]
fn members_are_added_removed_and_asked_for() {
    check(&[
        ("SADD s a b a 1", ":3"),
        ("SADD s a", ":0"),
        ("SCARD s", ":3"),
        ("SCARD nope", ":0"),
        ("SISMEMBER s 1", ":1"),
        ("SISMEMBER s x", ":0"),
        ("SISMEMBER nope x", ":0"),
        ("SMISMEMBER s a x b", "[:1, :0, :1]"),
        ("SMISMEMBER nope a x", "[:0, :0]"),
        ("SREM s a x", ":1"),
        ("SREM s x", ":0"),
        ("SREM nope x", ":0"),
        ("SREM s b 1", ":2"),
        ("EXISTS s", ":0"),
        ("SMEMBERS s", "[]"),
        ("SADD s m", ":1"),
        ("SMEMBERS s", "[\"m\"]"),
        ("SSCAN s 0", "[\"0\", [\"m\"]]"),
        ("SSCAN s 0 MATCH x*", "[\"0\", []]"),
        ("SSCAN s x", "-ERR invalid cursor"),
        (
            "SSCAN s 0 NOVALUES",
            "-ERR NOVALUES option can only be used in HSCAN",
        ),
        ("SSCAN nope 0", "[\"0\", []]"),
    ]);
    let mut bench = Bench::new();
    bench.resp3();
    bench.check(&[
        ("SADD s a", ":1"),
        ("SMEMBERS s", "~[\"a\"]"),
        ("SUNION s nope", "~[\"a\"]"),
        ("SDIFF s", "~[\"a\"]"),
        ("SRANDMEMBER s 1", "[\"a\"]"),
        ("SISMEMBER s a", ":1"),
        ("SPOP s 1", "~[\"a\"]"),
        ("SPOP s", "nil"),
    ]);
}

#[test]
fn random_members_are_taken_or_shown() {
    check(&[
        ("SADD s a b c d e", ":5"),
        ("SPOP s 0", "[]"),
        ("SPOP s -1", POSITIVE),
        ("SPOP nope x", POSITIVE),
        ("SPOP s 1 2", SYNTAX),
        ("SPOP nope", "nil"),
        ("SPOP nope 3", "[]"),
        ("SRANDMEMBER nope", "nil"),
        ("SRANDMEMBER nope -3", "[]"),
        ("SRANDMEMBER s 0", "[]"),
        ("SRANDMEMBER s 1 x", SYNTAX),
        (
            "SRANDMEMBER s x",
            "-ERR value is not an integer or out of range",
        ),
    ]);
    let mut bench = Bench::new();
    bench.run("SADD s a b c d e");
    for (command, count) in [
        ("SRANDMEMBER s 3", 3),
        ("SRANDMEMBER s 9", 5),
        ("SRANDMEMBER s -9", 9),
        ("SPOP s 2", 2),
        ("SPOP s 9", 3),
    ] {
        let reply = bench.run(command);
        assert_eq!(reply.matches('"').count(), 2 * count, "{command}: {reply}");
    }
    bench.check(&[("EXISTS s", ":0")]);
}

#[test]
fn members_move_from_set_to_set() {
    check(&[
        ("SADD a x y", ":2"),
        ("SMOVE a b x", ":1"),
        ("SMOVE a b x", ":0"),
        ("SMOVE nope b x", ":0"),
        ("SMOVE a a y", ":1"),
        ("SMOVE a a x", ":0"),
        ("SADD b y", ":1"),
        ("SMOVE a b y", ":1"),
        ("EXISTS a", ":0"),
        ("SCARD b", ":2"),
        ("SET s v", "+OK"),
        ("SMOVE nope s x", ":0"),
        ("SMOVE b s nope", WRONG),
        ("SMOVE s b x", WRONG),
    ]);
}

#[test]
fn sets_are_intersected_united_and_subtracted() {
    check(&[
        ("SADD a 1 2 3", ":3"),
        ("SADD b 2 3 4", ":3"),
        ("SADD c 3", ":1"),
        ("SET s v", "+OK"),
        ("SINTER a b c", "[\"3\"]"),
        ("SINTER a nope", "[]"),
        ("SINTER nope s", WRONG),
        ("SUNION a b nope", "[\"1\", \"2\", \"3\", \"4\"]"),
        ("SUNION a s", WRONG),
        ("SDIFF a b", "[\"1\"]"),
        ("SDIFF nope a", "[]"),
        ("SDIFF a nope c", "[\"1\", \"2\"]"),
        ("SINTERSTORE d a b", ":2"),
        ("SMEMBERS d", "[\"2\", \"3\"]"),
        ("SUNIONSTORE a a b", ":4"),
        ("SDIFFSTORE s a b", ":1"),
        ("TYPE s", "+set"),
        ("SINTERSTORE d a nope", ":0"),
        ("EXISTS d", ":0"),
        ("SINTERCARD 2 a b", ":3"),
        ("SINTERCARD 2 a b LIMIT 2", ":2"),
        ("SINTERCARD 2 a b LIMIT 0", ":3"),
        ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
        ("SINTERCARD 1 a b", SYNTAX),
        ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
        (
            "SINTERCARD 3 a b",
            "-ERR Number of keys can't be greater than number of args",
        ),
    ]);
}

#[test]
fn other_types_are_refused() {
    check(&[
        ("SET s x", "+OK"),
        ("SADD s a", WRONG),
        ("SREM s a", WRONG),
        ("SCARD s", WRONG),
        ("SMEMBERS s", WRONG),
        ("SPOP s", WRONG),
        ("SPOP s 1", WRONG),
        ("SRANDMEMBER s", WRONG),
        ("SISMEMBER s a", WRONG),
        ("SSCAN s 0", WRONG),
        ("SINTERCARD 1 s", WRONG),
    ]);
}

#[test]
fn effects_name_what_chance_chose() {
    check_effects(&[
        ("SADD s a", "SADD s a"),
        ("SADD s a", ""),
        ("SPOP s", "SREM s a"),
        ("SADD s a b", "SADD s a b"),
        ("SPOP s 5", "DEL s"),
        ("SPOP s 5", ""),
        ("SREM s x", ""),
        ("SINTERSTORE d s", ""),
        ("SADD s a", "SADD s a"),
        ("SUNIONSTORE d s", "SUNIONSTORE d s"),
        ("SINTERSTORE d s nope", "SINTERSTORE d s nope"),
        ("SMOVE s t a", "SMOVE s t a"),
        ("SMOVE t t a", ""),
    ]);
    let mut bench = Bench::new();
    let members: Vec<String> = (0..3000).map(|i| i.to_string()).collect();
    bench.run(&format!("SADD s {}", members.join(" ")));
    bench.effects();
    bench.run("SPOP s 1500");
    let effects = bench.effects();
    let sizes: Vec<_> = effects
        .split('|')
        .map(|effect| effect.split(' ').count())
        .collect();
    assert_eq!(sizes, [1, 1026, 478, 1], "MULTI, two SREM, EXEC");
    bench.check(&[("SCARD s", ":1500")]);
}

#[test]
fn sizes_of_differences_and_unions_are_counted_up_to_a_limit() {
    check(&[
        ("SADD a 1 2 3", ":3"),
        ("SADD b 2 3 4", ":3"),
        ("SET s x", "+OK"),
        ("SDIFFCARD 2 a b", ":1"),
        ("SDIFFCARD 1 a", ":3"),
        ("SDIFFCARD 1 a LIMIT 2", ":2"),
        ("SDIFFCARD 2 a b LIMIT 0", ":1"),
        ("SDIFFCARD 2 nokey a", ":0"),
        (
            "SDIFFCARD 2 nokey s",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("SDIFFCARD 0 a", "-ERR numkeys should be greater than 0"),
        (
            "SDIFFCARD 3 a b",
            "-ERR Number of keys can't be greater than number of args",
        ),
        ("SDIFFCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative"),
        ("SDIFFCARD 2 a b LIMIT", "-ERR syntax error"),
        ("SDIFFCARD 2 a b APPROX", "-ERR syntax error"),
        ("SUNIONCARD 2 a b", ":4"),
        ("SUNIONCARD 2 a b APPROX", ":4"),
        ("SUNIONCARD 2 a b LIMIT 2", ":2"),
        ("SUNIONCARD 2 a b APPROX LIMIT 3", ":3"),
        ("SUNIONCARD 2 a b LIMIT 2 LIMIT 0", ":4"),
        ("SUNIONCARD 1 a LIMIT 2", ":2"),
        ("SUNIONCARD 1 nokey", ":0"),
        (
            "SUNIONCARD 2 a s",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("SUNIONCARD 2 a b LIMIT x", "-ERR LIMIT can't be negative"),
        ("SUNIONCARD 2 a b foo", "-ERR syntax error"),
    ]);
}

/// Sets of integers are merged in order, of every width and of sizes that differ little and much.
#[test]
fn integers_are_combined_as_any_members_are() {
    use std::collections::BTreeSet;
    let mut rng = base::testing::Rng::new(3);
    for round in 0..60 {
        let mut bench = Bench::new();
        let limit = [512, 20, 0][round % 3];
        bench.run(&format!("CONFIG SET set-max-intset-entries {limit}"));
        let shift = [60, 40, 10][rng.below(3)];
        let mut sets: Vec<BTreeSet<i64>> = Vec::new();
        for key in ["a", "b", "c"] {
            let few = [1, 5, 60][rng.below(3)];
            let members: BTreeSet<i64> = (0..few)
                .map(|_| match rng.below(2) {
                    0 => rng.below(60) as i64,
                    _ => rng.next() as i64 >> shift,
                })
                .collect();
            for member in &members {
                bench.run(&format!("SADD {key} {member}"));
            }
            sets.push(members);
        }
        let [a, b, c] = &sets[..] else {
            unreachable!("three keys")
        };
        let results: [(&str, BTreeSet<i64>); 3] = [
            ("SINTER", &(a & b) & c),
            ("SUNION", &(a | b) | c),
            ("SDIFF", &(a - b) - c),
        ];
        for (name, expected) in results {
            let stored = bench.run(&format!("{name}STORE d a b c"));
            assert_eq!(stored, format!(":{}", expected.len()), "{name}");
            assert_eq!(bench.run("SCARD d"), stored);
            for member in &expected {
                assert_eq!(bench.run(&format!("SISMEMBER d {member}")), ":1");
                // The same members, added one by one, have the same form.
                bench.run(&format!("SADD e {member}"));
            }
            assert_eq!(
                bench.run("OBJECT ENCODING d"),
                bench.run("OBJECT ENCODING e"),
                "{name} of {} with {limit}",
                expected.len()
            );
            let shown: BTreeSet<String> = bench
                .run(&format!("{name} a b c"))
                .trim_matches(['[', ']'])
                .split(", ")
                .filter(|member| !member.is_empty())
                .map(|member| member.trim_matches('"').to_owned())
                .collect();
            let expected: BTreeSet<String> = expected.iter().map(i64::to_string).collect();
            assert_eq!(shown, expected, "{name}");
            bench.run("DEL d");
            bench.run("DEL e");
        }
        assert_eq!(
            bench.run("SINTERCARD 3 a b c"),
            format!(":{}", (&(a & b) & c).len())
        );
    }
}
