//! Random rules for a user and random calls of it, to Forebay and to a real server: the same answer to ACL SETUSER, the
//! same description, and the same verdict on each call, by ACL DRYRUN and by making it.
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `FOREBAY_ACL_CASES` | rule sets and calls for each reference | 3000 |
//! | `FOREBAY_ACL_SEED` | the seed | fixed |
//!
//! Redis 7.0 describes users and refuses calls in other words: of it, what it accepts and what it refuses counts. It also
//! takes what follows a parenthesis that is not closed as something else, so it is given none of these.

use crate::generate::Random;
use crate::support::client::Client;
use crate::support::resp::Value;
use crate::support::server::Builder;
use forebay::engine::categories;

/// Rule sets and calls of a round: one ACL SETUSER, the dry runs and the calls.
const DRY_RUNS: usize = 6;
const CALLS: usize = 3;
const ROUND: usize = 1 + DRY_RUNS + CALLS;

#[test]
fn users_of_redis_7_0_may_do_the_same() {
    compare("redis-7.0", false);
}

#[test]
fn users_of_redis_7_4_may_do_the_same_and_are_described_alike() {
    compare("redis-7.4", true);
}

#[test]
fn users_of_redis_8_2_may_do_the_same_and_are_described_alike() {
    compare("redis-8.2", true);
}

pub fn number(name: &str, or: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(or, |v| {
        v.parse()
            .unwrap_or_else(|_| panic!("{name}={v} is no number"))
    })
}

pub type Words = Vec<Vec<u8>>;

pub fn words(line: &[&str]) -> Words {
    line.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// A server with an administrator and a client that acts as the user.
pub struct Side {
    pub admin: Client,
    pub user: Client,
    _server: crate::support::server::Server,
}

impl Side {
    pub fn start(builder: Builder) -> Side {
        let server = builder.start();
        Side {
            admin: server.client(),
            user: server.client(),
            _server: server,
        }
    }

    fn round(&mut self, round: &Round) -> (Vec<Value>, Vec<Value>) {
        let told = self.admin.pipeline(&round.admin);
        (told, self.user.pipeline(&round.calls))
    }
}

struct Round {
    /// ACL SETUSER, ACL GETUSER, ACL LIST, and dry runs.
    admin: Vec<Words>,
    /// AUTH, and calls.
    calls: Vec<Words>,
}

fn compare(reference: &str, texts: bool) {
    let Some(_) = crate::support::peers::require(reference) else {
        return;
    };
    let mut theirs = Side::start(Builder::peer(reference).expect("it was just found"));
    let mut ours = Side::start(Builder::forebay());
    let seed = number("FOREBAY_ACL_SEED", 20_240_729);
    let cases = number("FOREBAY_ACL_CASES", 3000) as usize;
    let mut random = Random::new(seed);
    for i in 0..cases.div_ceil(ROUND) {
        let round = draw(&mut random, texts);
        let (right, right_calls) = theirs.round(&round);
        let (told, calls) = ours.round(&round);
        let shown = |requests: &[Words], at: usize| {
            let line = |words: &Words| String::from_utf8_lossy(&words.join(&b' ')).into_owned();
            format!(
                "{reference}, seed {seed}, round {i}:\n  {}\n  {}",
                line(&round.admin[0]),
                line(&requests[at])
            )
        };
        for (at, (right, told)) in right.iter().zip(&told).enumerate() {
            if texts || at == 0 {
                assert_eq!(told, right, "{}", shown(&round.admin, at));
            } else if at > 2 {
                assert_eq!(kind(told), kind(right), "{}", shown(&round.admin, at));
            }
        }
        for (at, (right, told)) in right_calls.iter().zip(&calls).enumerate() {
            let refused = [right, told]
                .into_iter()
                .any(|reply| code(reply) == "NOPERM");
            if refused && texts {
                assert_eq!(told, right, "{}", shown(&round.calls, at));
            } else if refused {
                assert_eq!(code(told), code(right), "{}", shown(&round.calls, at));
            }
        }
    }
}

/// The first word of an error.
fn code(reply: &Value) -> &str {
    match reply {
        Value::Error(text) => text.split(' ').next().unwrap_or_default(),
        _ => "",
    }
}

/// What a dry run says, less the name of the user.
fn kind(reply: &Value) -> String {
    let text = reply
        .text()
        .map(|text| text.split_once(" has no permissions to "));
    match text.flatten() {
        Some((_, what)) => what.to_owned(),
        None => reply.to_string(),
    }
}

/// `unclosed`: now and then a parenthesis is not closed.
fn draw(random: &mut Random, unclosed: bool) -> Round {
    let mut set = words(&["ACL", "SETUSER", "u"]);
    if random.below(4) > 0 {
        set.extend(words(&["reset"]));
    }
    if random.below(8) > 0 {
        set.extend(words(&["on", "nopass"]));
    }
    // Rights that many calls need, so that the rest of the rules decides.
    let broad = random.below(4);
    if broad == 0 {
        set.extend(words(&["+@all"]));
    }
    for _ in 0..=random.below(7) {
        set.extend(match random.below(8) {
            0 => selector(random, unclosed),
            _ => rule(random),
        });
    }
    let mut admin = vec![
        set,
        words(&["ACL", "GETUSER", "u"]),
        words(&["ACL", "LIST"]),
    ];
    for _ in 0..DRY_RUNS {
        let mut dry = words(&["ACL", "DRYRUN", "u"]);
        dry.extend(call(random));
        admin.push(dry);
    }
    let mut calls = vec![words(&["AUTH", "u", "x"])];
    let in_transaction = random.below(4) == 0;
    if in_transaction {
        calls.push(words(&["MULTI"]));
    }
    let mut made = 0;
    while made < CALLS {
        let call = call(random);
        // What waits, subscribes or talks to others is for dry runs.
        let name = String::from_utf8_lossy(&call[0]).to_ascii_lowercase();
        if SAFE.contains(&name.as_str()) {
            calls.push(call);
            made += 1;
        }
    }
    if in_transaction {
        // EXEC may be forbidden: the transaction must not outlive the round.
        calls.extend([words(&["EXEC"]), words(&["RESET"])]);
    }
    Round { admin, calls }
}

const SAFE: [&str; 24] = [
    "get",
    "set",
    "del",
    "mget",
    "mset",
    "hset",
    "hget",
    "exists",
    "type",
    "copy",
    "rename",
    "sort",
    "strlen",
    "incr",
    "getdel",
    "publish",
    "select",
    "ping",
    "eval",
    "zunionstore",
    "bitfield",
    "object",
    "client",
    "config",
];

const NAMES: [&str; 52] = [
    "get",
    "set",
    "del",
    "mget",
    "mset",
    "hset",
    "hget",
    "exists",
    "type",
    "copy",
    "rename",
    "sort",
    "strlen",
    "incr",
    "getdel",
    "publish",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "select",
    "ping",
    "eval",
    "zunionstore",
    "bitfield",
    "object",
    "object|freq",
    "object|encoding",
    "client",
    "client|id",
    "client|setname",
    "config",
    "config|get",
    "config|set",
    "acl",
    "acl|list",
    "xread",
    "xreadgroup",
    "blpop",
    "lmpop",
    "migrate",
    "georadius",
    "keys",
    "flushall",
    "info",
    "debug",
    "auth",
    "hello",
    "multi",
    "exec",
    "watch",
    "script|load",
    "script",
];

/// A category that all references have, or `all`.
fn category(random: &mut Random) -> &'static str {
    const LATER: &str = "array";
    let mut all = [&["all"], categories::ALL].concat();
    all.retain(|name| *name != LATER);
    random.one_of(&all)
}

const PATTERNS: [&str; 10] = ["a", "a*", "b*", "?1", "[ab]*", "c", "*1", "", "a\\*", "*"];

/// A rule that is not in parentheses.
fn rule(random: &mut Random) -> Words {
    let pattern = random.one_of(&PATTERNS).to_owned();
    let text = match random.below(26) {
        0..=5 => format!("+{}", random.one_of(&NAMES)),
        6..=8 => format!("-{}", random.one_of(&NAMES)),
        9 | 10 => format!("+@{}", category(random)),
        11 => format!("-@{}", category(random)),
        12 => format!(
            "+{}|{}",
            random.one_of(&[
                "get", "set", "select", "config", "object", "debug", "sort", "nope"
            ]),
            random.one_of(&["a", "A1", "0", "get", "FREQ", "sleep", "", "x|y"])
        ),
        13..=15 => format!("~{pattern}"),
        16 => format!("%R~{pattern}"),
        17 => format!("%W~{pattern}"),
        18 => format!(
            "%{}~{pattern}",
            random.one_of(&["RW", "wr", "r", "RR", "X", ""])
        ),
        19 => format!("&{pattern}"),
        20 => random
            .one_of(&[
                "allkeys",
                "resetkeys",
                "allchannels",
                "resetchannels",
                "resetkeys",
            ])
            .to_owned(),
        21 => random
            .one_of(&["allcommands", "nocommands", "foo", "+", "-", "%R", "+@"])
            .to_owned(),
        22 => random
            .one_of(&["on", "off", "ON", "reset", "clearselectors"])
            .to_owned(),
        23 => random
            .one_of(&[
                "sanitize-payload",
                "skip-sanitize-payload",
                "nopass",
                "resetpass",
            ])
            .to_owned(),
        24 => format!(
            "{}{}",
            random.one_of(&[">", "<", "#", "!"]),
            random.one_of(&["p", "q"])
        ),
        _ => {
            let digest = "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
            format!("{}{digest}", random.one_of(&["#", "!"]))
        }
    };
    let upper = random.below(12) == 0 && text.starts_with(['+', '-']);
    words(&[&if upper {
        text.to_ascii_uppercase()
    } else {
        text
    }])
}

/// Rules in parentheses, as one word or as several, and now and then not closed.
fn selector(random: &mut Random, unclosed: bool) -> Words {
    let mut inner: Vec<Words> = Vec::new();
    for _ in 0..random.below(4) {
        inner.push(rule(random));
    }
    let mut text = inner.concat().join(&b' ');
    text.insert(0, b'(');
    if random.below(12) > 0 || !unclosed {
        text.push(b')');
    }
    match random.below(2) {
        0 => vec![text],
        _ => text.split(|b| *b == b' ').map(<[u8]>::to_vec).collect(),
    }
}

const CALL_LINES: [&str; 64] = [
    "get $k",
    "set $k v",
    "set $k v get",
    "del $k $k",
    "mget $k $k $k",
    "mset $k 1 $k 2",
    "hset $k f v",
    "hget $k f",
    "exists $k $k",
    "type $k",
    "copy $k $k",
    "rename $k $k",
    "sort $k",
    "sort $k store $k",
    "sort $k by w_* get #",
    "strlen $k",
    "incr $k",
    "getdel $k",
    "publish $c m",
    "spublish $c m",
    "subscribe $c $c",
    "psubscribe $c",
    "ssubscribe $c",
    "unsubscribe $c",
    "select 0",
    "select 1",
    "ping",
    "eval x 0",
    "eval x 1 $k",
    "eval x 2 $k $k",
    "eval_ro x 1 $k",
    "fcall f 1 $k",
    "zunionstore $k 2 $k $k",
    "zunion 1 $k",
    "bitfield $k get u8 0",
    "bitfield $k set u8 0 1",
    "object freq $k",
    "object encoding $k",
    "client id",
    "client setname x",
    "config get hz",
    "config set hz 10",
    "acl list",
    "acl whoami",
    "xread streams $k 0",
    "xread count 1 streams $k $k 0 0",
    "xreadgroup group g c streams $k 0",
    "blpop $k $k 0",
    "lmpop 2 $k $k left",
    "migrate h 1 $k 0 1",
    "migrate h 1 \"\" 0 1 keys $k $k",
    "georadius $k 1 1 1 m",
    "georadius $k 1 1 1 m store $k",
    "keys *",
    "flushall",
    "info",
    "debug sleep 0",
    "auth x",
    "multi",
    "exec",
    "watch $k",
    "script load x",
    "nope",
    "config nope",
];

fn call(random: &mut Random) -> Words {
    let line = random.one_of(&CALL_LINES);
    let word = |word: &str, random: &mut Random| match word {
        "$k" => random
            .one_of(&["a", "a1", "A1", "b", "b1", "c", "zz", ""])
            .to_owned(),
        "$c" => random.one_of(&["a", "a1", "b*", "c", "*", "zz"]).to_owned(),
        "\"\"" => String::new(),
        other if random.below(20) == 0 => other.to_ascii_uppercase(),
        other => other.to_owned(),
    };
    line.split(' ')
        .map(|w| word(w, random).into_bytes())
        .collect()
}
