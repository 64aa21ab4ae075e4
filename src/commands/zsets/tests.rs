//! Sorted set commands on a bench.

use crate::testing::{Bench, check, check_effects};

const WRONG: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_A_FLOAT: &str = "-ERR value is not a valid float";
const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range";
const POSITIVE: &str = "-ERR value is out of range, must be positive";
const SYNTAX: &str = "-ERR syntax error";
const BAD_SCORE: &str = "-ERR min or max is not a float";
const BAD_LEX: &str = "-ERR min or max not valid string range item";

#[test]
fn members_are_added_by_the_rules_given() {
    check(&[
        ("ZADD z 1 a 2 b", ":2"),
        ("ZADD z 1 a 3 b 4 c", ":1"),
        ("ZADD z CH 1 a 5 b 6 d", ":2"),
        ("ZADD z NX 9 a 9 e", ":1"),
        ("ZADD z XX 9 a 9 f", ":0"),
        ("ZSCORE z a", "\"9\""),
        ("ZSCORE z f", "nil"),
        ("ZADD z GT CH 8 a", ":0"),
        ("ZADD z GT CH 10 a 1 g", ":2"),
        ("ZADD z LT XX CH 2 a", ":1"),
        ("ZADD z INCR 0.5 a", "\"2.5\""),
        ("ZADD z NX INCR 1 a", "nil"),
        ("ZADD z XX INCR 1 nope", "nil"),
        ("ZADD z GT INCR -1 a", "nil"),
        ("ZADD nope XX 1 a", ":0"),
        ("EXISTS nope", ":0"),
        ("ZINCRBY z 1.5 a", "\"4\""),
        ("ZINCRBY new 3 a", "\"3\""),
        ("ZADD z inf i -inf j", ":2"),
        (
            "ZINCRBY z -inf i",
            "-ERR resulting score is not a number (NaN)",
        ),
        ("ZCARD z", ":8"),
    ]);
}

#[test]
fn bad_additions_are_refused_before_anything_is_looked_at() {
    check(&[
        ("SET s v", "+OK"),
        ("ZADD s 1 a 2", SYNTAX),
        ("ZADD s NX CH", SYNTAX),
        ("ZADD s x a", NOT_A_FLOAT),
        ("ZADD s 1 a nan b", NOT_A_FLOAT),
        (
            "ZADD s NX XX 1 a",
            "-ERR XX and NX options at the same time are not compatible",
        ),
        (
            "ZADD s GT LT 1 a",
            "-ERR GT, LT, and/or NX options at the same time are not compatible",
        ),
        (
            "ZADD s NX GT 1 a",
            "-ERR GT, LT, and/or NX options at the same time are not compatible",
        ),
        (
            "ZADD s INCR 1 a 2 b",
            "-ERR INCR option supports a single increment-element pair",
        ),
        ("ZINCRBY s x a", NOT_A_FLOAT),
        ("ZADD s 1 a", WRONG),
        ("ZINCRBY s 1 a", WRONG),
        (
            "ZADD z NX",
            "-ERR wrong number of arguments for 'zadd' command",
        ),
    ]);
}

#[test]
fn scores_ranks_and_counts_are_told() {
    check(&[
        ("ZADD z 1 a 2 b 2.5 c 2.5 d", ":4"),
        ("ZMSCORE z a nope c", "[\"1\", nil, \"2.5\"]"),
        ("ZMSCORE nope a", "[nil]"),
        ("ZRANK z c", ":2"),
        ("ZREVRANK z c", ":1"),
        ("ZRANK z nope", "nil"),
        ("ZRANK z c WITHSCORE", "[:2, \"2.5\"]"),
        ("ZREVRANK z d WITHSCORE", "[:0, \"2.5\"]"),
        ("ZRANK z nope WITHSCORE", "nil[]"),
        ("ZRANK z a FOO", SYNTAX),
        (
            "ZRANK z a WITHSCORE x",
            "-ERR wrong number of arguments for 'zrank' command",
        ),
        ("ZCOUNT z -inf +inf", ":4"),
        ("ZCOUNT z (1 2.5", ":3"),
        ("ZCOUNT z (1 (2.5", ":1"),
        ("ZCOUNT z 3 1", ":0"),
        ("ZCOUNT nope x 1", BAD_SCORE),
        ("ZCOUNT z nan 1", BAD_SCORE),
        ("ZLEXCOUNT z - +", ":4"),
        ("ZLEXCOUNT nope x y", BAD_LEX),
    ]);
}

#[test]
fn ranges_are_shown_by_rank_score_and_name() {
    check(&[
        ("ZADD z 1 a 2 b 3 c", ":3"),
        ("ZRANGE z 0 -1", "[\"a\", \"b\", \"c\"]"),
        ("ZRANGE z 0 1 WITHSCORES", "[\"a\", \"1\", \"b\", \"2\"]"),
        ("ZRANGE z 0 0 REV", "[\"c\"]"),
        ("ZREVRANGE z 1 -1", "[\"b\", \"a\"]"),
        ("ZRANGE z (1 +inf BYSCORE", "[\"b\", \"c\"]"),
        ("ZRANGE z +inf (1 BYSCORE REV", "[\"c\", \"b\"]"),
        ("ZRANGEBYSCORE z 1 3 LIMIT 1 1", "[\"b\"]"),
        ("ZRANGEBYSCORE z 1 3 LIMIT 1 -1", "[\"b\", \"c\"]"),
        ("ZRANGEBYSCORE z 1 3 LIMIT -1 5", "[]"),
        ("ZRANGEBYSCORE z 1 3 LIMIT 9 5", "[]"),
        ("ZREVRANGEBYSCORE z 3 1 LIMIT 1 1", "[\"b\"]"),
        (
            "ZREVRANGEBYSCORE z 3 1 WITHSCORES LIMIT 0 1",
            "[\"c\", \"3\"]",
        ),
        ("ZRANGE nope 0 -1", "[]"),
        ("ZADD l 0 a 0 b 0 c", ":3"),
        ("ZRANGEBYLEX l [b +", "[\"b\", \"c\"]"),
        ("ZRANGEBYLEX l - (b", "[\"a\"]"),
        ("ZREVRANGEBYLEX l + [b", "[\"c\", \"b\"]"),
        ("ZRANGE l + - BYLEX REV LIMIT 1 1", "[\"b\"]"),
        ("ZLEXCOUNT l [a (c", ":2"),
        ("ZRANGE z x 1", NOT_AN_INTEGER),
        ("ZRANGE z x 1 BYSCORE", BAD_SCORE),
        ("ZRANGE z x 1 BYLEX", BAD_LEX),
        ("ZRANGE z 0 1 BYSCORE BYLEX", SYNTAX),
        ("ZRANGE z 0 1 REV REV", SYNTAX),
        ("ZRANGE z 0 1 BYSCORE LIMIT 0", SYNTAX),
        ("ZREVRANGE z 0 1 BYSCORE", SYNTAX),
        (
            "ZRANGE z 0 1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGEBYLEX z - + WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGESTORE d z 1 -1", ":2"),
        ("ZRANGE d 0 -1 WITHSCORES", "[\"b\", \"2\", \"c\", \"3\"]"),
        ("ZRANGESTORE d z 5 9", ":0"),
        ("EXISTS d", ":0"),
        ("ZRANGESTORE d z 0 1 WITHSCORES", SYNTAX),
    ]);
}

#[test]
fn members_are_removed_by_name_and_range() {
    check(&[
        ("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5"),
        ("ZREM z a nope", ":1"),
        ("ZREM z nope", ":0"),
        ("ZREMRANGEBYRANK z 0 0", ":1"),
        ("ZREMRANGEBYRANK z 7 9", ":0"),
        ("ZREMRANGEBYSCORE z (3 4", ":1"),
        ("ZRANGE z 0 -1", "[\"c\", \"e\"]"),
        ("ZREMRANGEBYLEX z - (d", ":1"),
        ("ZREMRANGEBYSCORE z -inf inf", ":1"),
        ("EXISTS z", ":0"),
        ("ZREMRANGEBYRANK nope x 1", NOT_AN_INTEGER),
        ("ZREMRANGEBYSCORE nope x 1", BAD_SCORE),
        ("ZREMRANGEBYLEX nope x 1", BAD_LEX),
    ]);
}

#[test]
fn ends_are_popped() {
    check(&[
        ("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f", ":6"),
        ("ZPOPMIN z", "[\"a\", \"1\"]"),
        ("ZPOPMAX z 2", "[\"f\", \"6\", \"e\", \"5\"]"),
        ("ZPOPMIN z 0", "[]"),
        ("ZPOPMIN z -1", POSITIVE),
        ("ZPOPMIN nope x", POSITIVE),
        ("ZPOPMIN z 1 2", SYNTAX),
        ("ZPOPMIN nope", "[]"),
        ("ZMPOP 2 nope z MAX", "[\"z\", [[\"d\", \"4\"]]]"),
        (
            "ZMPOP 1 z MIN COUNT 5",
            "[\"z\", [[\"b\", \"2\"], [\"c\", \"3\"]]]",
        ),
        ("ZMPOP 1 z MIN", "nil[]"),
        ("ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0"),
        ("ZMPOP 2 z MIN", SYNTAX),
        (
            "ZMPOP 1 z MIN COUNT 0",
            "-ERR count should be greater than 0",
        ),
        ("ZADD z 1 a 2 b 3 c", ":3"),
        ("BZPOPMIN nope z 0", "[\"z\", \"a\", \"1\"]"),
        ("BZPOPMAX z 0", "[\"z\", \"c\", \"3\"]"),
        ("BZMPOP 0 1 z MIN", "[\"z\", [[\"b\", \"2\"]]]"),
        (
            "BZPOPMIN z x",
            "-ERR timeout is not a float or out of range",
        ),
        ("SET s v", "+OK"),
        ("ZPOPMIN s 0", WRONG),
        ("ZPOPMIN s x", POSITIVE),
    ]);
}

#[test]
fn waiting_clients_are_served() {
    let mut bench = Bench::new();
    let (a, b) = (bench.connect(), bench.connect());
    bench.run_as(a, "BZPOPMAX k 0");
    bench.run_as(b, "BZMPOP 0 2 other k MIN COUNT 2");
    bench.effects();
    bench.check(&[("ZADD k 1 x 2 y 3 z 4 t", ":4"), ("ZCARD k", ":1")]);
    assert_eq!(bench.output(a), "[\"k\", \"t\", \"4\"]");
    assert_eq!(bench.output(b), "[\"k\", [[\"x\", \"1\"], [\"y\", \"2\"]]]");
    assert_eq!(
        bench.effects(),
        "ZADD k 1 x 2 y 3 z 4 t|ZPOPMAX k|ZPOPMIN k 2"
    );
}

#[test]
fn sorted_sets_are_united_intersected_and_subtracted() {
    check(&[
        ("ZADD a 1 x 2 y", ":2"),
        ("ZADD b 10 y 20 z", ":2"),
        ("SADD s y", ":1"),
        ("SET str v", "+OK"),
        (
            "ZUNION 2 a b WITHSCORES",
            "[\"x\", \"1\", \"y\", \"12\", \"z\", \"20\"]",
        ),
        (
            "ZUNION 2 a b WEIGHTS 2 3 WITHSCORES",
            "[\"x\", \"2\", \"y\", \"34\", \"z\", \"60\"]",
        ),
        ("ZINTER 2 a b AGGREGATE MAX WITHSCORES", "[\"y\", \"10\"]"),
        ("ZINTER 2 a b AGGREGATE MIN WITHSCORES", "[\"y\", \"2\"]"),
        ("ZINTER 2 a s WITHSCORES", "[\"y\", \"3\"]"),
        ("ZINTER 2 a nope", "[]"),
        ("ZDIFF 2 a b WITHSCORES", "[\"x\", \"1\"]"),
        ("ZDIFF 2 nope a", "[]"),
        ("ZUNION 1 nope", "[]"),
        ("ZUNION 2 a str", WRONG),
        ("ZUNION 2 a str FOO", WRONG),
        ("ZUNION 2 a b WEIGHTS 1", SYNTAX),
        (
            "ZUNION 2 a b WEIGHTS 1 x",
            "-ERR weight value is not a float",
        ),
        ("ZUNION 2 a b AGGREGATE AVG", SYNTAX),
        ("ZDIFF 2 a b WEIGHTS 1 2", SYNTAX),
        ("ZUNION 3 a b", SYNTAX),
        ("ZUNION x a", NOT_AN_INTEGER),
        (
            "ZUNION 0 a",
            "-ERR at least 1 input key is needed for 'zunion' command",
        ),
        ("ZUNIONSTORE d 2 a b", ":3"),
        (
            "ZRANGE d 0 -1 WITHSCORES",
            "[\"x\", \"1\", \"y\", \"12\", \"z\", \"20\"]",
        ),
        ("ZUNIONSTORE d 2 a b WITHSCORES", SYNTAX),
        ("ZINTERSTORE d 2 a b WEIGHTS 0 0", ":1"),
        ("ZDIFFSTORE d 2 a a", ":0"),
        ("EXISTS d", ":0"),
        ("ZINTERCARD 2 a b", ":1"),
        ("ZINTERCARD 2 a a LIMIT 1", ":1"),
        ("ZINTERCARD 1 a LIMIT x", "-ERR LIMIT can't be negative"),
        (
            "ZINTERCARD 0 a",
            "-ERR at least 1 input key is needed for 'zintercard' command",
        ),
        ("ZADD i inf x", ":1"),
        ("ZADD j -inf x", ":1"),
        ("ZUNION 2 i j WITHSCORES", "[\"x\", \"0\"]"),
        ("ZUNION 1 i WEIGHTS 0 WITHSCORES", "[\"x\", \"0\"]"),
    ]);
}

#[test]
fn scores_are_doubles_in_resp3_and_members_with_scores_pairs() {
    let mut bench = Bench::new();
    bench.resp3();
    bench.check(&[
        ("ZADD z 1.5 a 2 b", ":2"),
        ("ZSCORE z a", ",1.5"),
        ("ZADD z INCR 1 a", ",2.5"),
        ("ZRANGE z 0 -1 WITHSCORES", "[[\"b\", ,2], [\"a\", ,2.5]]"),
        ("ZRANK z a WITHSCORE", "[:1, ,2.5]"),
        ("ZRANK z nope WITHSCORE", "nil"),
        ("ZADD single 2.5 a", ":1"),
        ("ZRANDMEMBER single -1 WITHSCORES", "[[\"a\", ,2.5]]"),
        ("ZUNION 1 z WITHSCORES", "[[\"b\", ,2], [\"a\", ,2.5]]"),
        ("ZSCAN z 0", "[\"0\", [\"b\", \"2\", \"a\", \"2.5\"]]"),
        ("ZSCAN z 0 NOSCORES", "[\"0\", [\"b\", \"a\"]]"),
        (
            "ZSCAN z 0 NOVALUES",
            "-ERR NOVALUES option can only be used in HSCAN",
        ),
        ("ZPOPMIN z", "[\"b\", ,2]"),
        ("ZPOPMIN z 1", "[[\"a\", ,2.5]]"),
        ("ZADD z 1 a 2 b", ":2"),
        ("ZMPOP 1 z MIN", "[\"z\", [[\"a\", ,1]]]"),
        ("BZPOPMIN z 0", "[\"z\", \"b\", ,2]"),
    ]);
}

#[test]
fn random_members_come_as_asked_for() {
    check(&[
        ("ZADD z 1 a", ":1"),
        ("ZRANDMEMBER z", "\"a\""),
        ("ZRANDMEMBER z 3", "[\"a\"]"),
        (
            "ZRANDMEMBER z -2 WITHSCORES",
            "[\"a\", \"1\", \"a\", \"1\"]",
        ),
        ("ZRANDMEMBER nope", "nil"),
        ("ZRANDMEMBER nope 1", "[]"),
        ("ZRANDMEMBER z 1 FOO", SYNTAX),
        ("ZRANDMEMBER z x", NOT_AN_INTEGER),
    ]);
}

#[test]
fn effects_are_settled_and_no_ops_have_none() {
    check_effects(&[
        ("ZADD z 1 a 2 b 3 c", "ZADD z 1 a 2 b 3 c"),
        ("ZADD z 1 a", ""),
        ("ZADD z NX 5 a", ""),
        ("ZADD z INCR 0 a", ""),
        ("ZADD z INCR 1 a", "ZADD z INCR 1 a"),
        ("ZINCRBY z 1 a", "ZINCRBY z 1 a"),
        ("ZREM z nope", ""),
        ("ZPOPMIN z", "ZPOPMIN z"),
        ("ZMPOP 1 z MAX", "ZPOPMAX z 1"),
        ("BZPOPMAX z 0", "ZPOPMAX z"),
        ("ZUNIONSTORE d 1 z", ""),
        ("ZREMRANGEBYRANK z 0 -1", ""),
    ]);
}

#[test]
fn members_may_be_counted_by_their_weights() {
    check(&[
        ("ZADD a 1 x 2 y", ":2"),
        ("ZADD b 5 x 7 z", ":2"),
        ("SADD s x y", ":2"),
        (
            "ZUNION 2 a b WEIGHTS 2 3 AGGREGATE COUNT WITHSCORES",
            "[\"y\", \"2\", \"z\", \"3\", \"x\", \"5\"]",
        ),
        (
            "ZINTER 3 a b s WEIGHTS 2 3 1.5 AGGREGATE count WITHSCORES",
            "[\"x\", \"6.5\"]",
        ),
        ("ZDIFF 2 a b AGGREGATE COUNT", "-ERR syntax error"),
    ]);
    check_effects(&[
        ("ZADD a 1 x 2 y", "ZADD a 1 x 2 y"),
        ("ZUNIONSTORE d 2 a a AGGREGATE COUNT", "ZADD d 2 x 2 y"),
        (
            "ZINTERSTORE d 1 a AGGREGATE COUNT",
            "MULTI|DEL d|ZADD d 1 x 1 y|EXEC",
        ),
        ("ZUNIONSTORE d 1 none AGGREGATE COUNT", "DEL d"),
        ("ZUNIONSTORE d 1 none AGGREGATE COUNT", ""),
    ]);
}
