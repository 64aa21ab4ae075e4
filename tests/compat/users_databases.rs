//! Random rules about databases for a user, and random calls of it, to Forebay and to valkey-server 9.1, the only
//! reference that has them: the same answer to ACL SETUSER, and the same verdict on each call, by ACL DRYRUN and by
//! making it, in transactions and scripts too.
//!
//! `FOREBAY_ACL_CASES` and `FOREBAY_ACL_SEED` are those of `users.rs`.

use crate::generate::Random;
use crate::support::peers;
use crate::support::resp::Value;
use crate::support::server::Builder;
use crate::users::{Side, Words, number, words};

const REFERENCE: &str = "valkey-9.1";
/// Rule sets and calls of a round: one ACL SETUSER, the dry runs and the calls.
const DRY_RUNS: usize = 6;
const CALLS: usize = 8;

#[test]
fn users_of_valkey_9_1_may_do_the_same_in_the_same_databases() {
    if peers::require(REFERENCE).is_none() {
        return;
    }
    let mut theirs = Side::start(Builder::peer(REFERENCE).expect("it was just found"));
    let mut ours = Side::start(Builder::forebay());
    let seed = number("FOREBAY_ACL_SEED", 20_261_201);
    let cases = number("FOREBAY_ACL_CASES", 3000) as usize;
    let mut random = Random::new(seed);
    for round in 0..cases.div_ceil(1 + DRY_RUNS + CALLS) {
        let (admin, calls) = (administration(&mut random), calls(&mut random));
        for (requests, right, told) in [
            (
                &admin,
                theirs.admin.pipeline(&admin),
                ours.admin.pipeline(&admin),
            ),
            (
                &calls,
                theirs.user.pipeline(&calls),
                ours.user.pipeline(&calls),
            ),
        ] {
            let line = |words: &Words| String::from_utf8_lossy(&words.join(&b' ')).into_owned();
            let mut said = format!("seed {seed}, round {round}:\n  {}", line(&admin[0]));
            for ((request, right), told) in requests.iter().zip(&right).zip(&told) {
                said += &format!("\n  {} -> {}", line(request), verdict(right));
                assert_eq!(verdict(told), verdict(right), "{said}");
            }
        }
    }
}

/// What is compared: errors, less where in a script they were raised, and of anything else that it is none.
fn verdict(reply: &Value) -> String {
    match reply {
        Value::Error(text) => text
            .split(" script: ")
            .next()
            .unwrap_or_default()
            .to_owned(),
        Value::Array(parts) => parts.iter().map(|part| verdict(part) + " ").collect(),
        // A dry run says in a text why a call is refused.
        other => match other.text() {
            Some(text) if text.contains("no permission") => text.to_owned(),
            _ => "done".to_owned(),
        },
    }
}

fn administration(random: &mut Random) -> Vec<Words> {
    let mut set = words(&["ACL", "SETUSER", "u", "reset", "on", "nopass"]);
    for _ in 0..=random.below(5) {
        let rule = match random.below(6) {
            0 => {
                let inner: Vec<String> = (0..random.below(4)).map(|_| rule(random)).collect();
                format!("({})", inner.join(" "))
            }
            _ => rule(random),
        };
        set.extend(words(&[&rule]));
    }
    let mut admin = vec![set, words(&["SELECT", random.one_of(&["0", "1", "2"])])];
    for _ in 0..DRY_RUNS {
        let mut dry = words(&["ACL", "DRYRUN", "u"]);
        dry.extend(call(random));
        admin.push(dry);
    }
    admin
}

/// A rule that is not in parentheses.
fn rule(random: &mut Random) -> String {
    match random.below(12) {
        0..=2 => "+@all".to_owned(),
        3 => format!(
            "+{}",
            random.one_of(&["get", "set", "select", "copy", "flushall"])
        ),
        4 => format!("-{}", random.one_of(&["get", "set", "select", "copy"])),
        5 | 6 => format!("~{}", random.one_of(&["*", "a", "b"])),
        7 => random.one_of(&["alldbs", "resetdbs", "ALLDBS"]).to_owned(),
        8 => format!(
            "db={}",
            random.one_of(&["", "-1", "a", "1,", "99", "2147483648", "01"])
        ),
        _ => {
            let numbers: Vec<&str> = (0..=random.below(2))
                .map(|_| random.one_of(&["0", "1", "2", "3"]))
                .collect();
            format!("{}{}", random.one_of(&["db=", "DB="]), numbers.join(","))
        }
    }
}

/// Calls of the user, in whatever database it is in by then.
fn calls(random: &mut Random) -> Vec<Words> {
    let mut calls = vec![words(&["AUTH", "u", "x"])];
    let in_transaction = random.below(3) == 0;
    if in_transaction {
        calls.push(words(&["MULTI"]));
    }
    calls.extend((0..CALLS).map(|_| call(random)));
    if in_transaction {
        calls.push(words(&["EXEC"]));
    }
    calls.push(words(&["RESET"]));
    calls
}

const CALL_LINES: [&str; 26] = [
    "get a",
    "set a 1",
    "set b 1",
    "mget a b",
    "exists a",
    "select 0",
    "select 1",
    "select 2",
    "select 16",
    "select x",
    "move a 1",
    "move a 99",
    "copy a b",
    "copy a b db 1",
    "copy a b replace db 2",
    "copy a b db 1 db 2 replace",
    "copy a b db x",
    "swapdb 0 1",
    "swapdb 2 2",
    "flushdb",
    "flushall",
    "dbsize",
    "randomkey",
    "publish c m",
    "ping",
    "script load return",
];

fn call(random: &mut Random) -> Words {
    let scripts = [
        "return redis.call('get', 'a')",
        "return redis.call('select', 1)",
        "redis.call('select', 2) return redis.call('set', 'b', 1)",
        "return tostring(redis.acl_check_cmd('select', 1))",
    ];
    match random.below(8) {
        0 => words(&["EVAL", random.one_of(&scripts), "0"]),
        _ => words(&random.one_of(&CALL_LINES).split(' ').collect::<Vec<_>>()),
    }
}
