//! Users: rules and their description, the verdict on calls, and the sessions that act as users.

use crate::testing::Bench;
use engine::acl::{Defaults, Denied, Place, User, check, file};
use engine::{Args, table};

const PLACE: Place = Place {
    db: 0,
    databases: 16,
};

fn defaults() -> Defaults {
    table::install(crate::FAMILIES);
    Defaults {
        commands: table::count(),
        ..Defaults::default()
    }
}

fn user(rules: &str) -> User {
    let defaults = defaults();
    let mut user = User::new(b"u", defaults);
    for rule in rules.split(' ') {
        let applied = user.apply(rule.as_bytes(), defaults);
        applied.unwrap_or_else(|error| panic!("{rule}: {error}"));
    }
    user
}

fn verdict(user: &User, call: &str) -> Result<(), Denied> {
    let argv: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
    let args = Args(&argv);
    check(user, table::find(args).expect("a command"), args, PLACE)
}

fn described(rules: &str) -> String {
    String::from_utf8(user(rules).rules()).expect("ASCII")
}

#[test]
fn rules_are_described_as_they_were_given_less_what_later_ones_replace() {
    for (rules, text) in [
        ("on", "on sanitize-payload resetchannels -@all"),
        (
            "+@all -@dangerous +keys -@READ +@read -config",
            "off sanitize-payload resetchannels +@all -@dangerous +keys +@read -config",
        ),
        (
            "+config -config|get +config|get",
            "off sanitize-payload resetchannels -@all +config +config|get",
        ),
        (
            "+client|id -client",
            "off sanitize-payload resetchannels -@all -client",
        ),
        (
            "-set +set|X +set|y",
            "off sanitize-payload resetchannels -@all -set +set|x +set|y",
        ),
        (
            "+set|x +set",
            "off sanitize-payload resetchannels -@all +set",
        ),
        (
            "%R~a %W~a %rw~b ~c %R~d",
            "off sanitize-payload ~a ~b ~c %R~d resetchannels -@all",
        ),
        (
            "+@hash allcommands allkeys allchannels",
            "off sanitize-payload ~* &* +@all",
        ),
        (
            "&a &b &a skip-sanitize-payload nopass",
            "off nopass skip-sanitize-payload resetchannels &a &b -@all",
        ),
    ] {
        assert_eq!(described(rules), text, "{rules}");
    }
}

#[test]
fn a_description_makes_the_same_user_again() {
    let original = user("on >one >two ~a* %R~b &c +@read -get +select|0 -@hash +config|get");
    let mut with_selector = original.clone();
    let selector = b"(%W~x +set &y)".as_slice();
    let applied = with_selector.apply(selector, defaults());
    applied.expect("a selector");
    for user in [original, with_selector] {
        let text = [user.line(), b"\n".to_vec()].concat();
        let users = file::parse("f", &text, defaults()).expect("well formed");
        let read = users.get(b"u").expect("it is there");
        assert_eq!(read.line(), user.line());
        for call in [
            "get a1",
            "strlen a1",
            "hget a1 f",
            "set x v",
            "select 0",
            "config get hz",
        ] {
            assert_eq!(verdict(read, call), verdict(&user, call), "{call}");
        }
    }
}

#[test]
fn wrong_rules_are_refused_and_change_nothing() {
    let mut bench = Bench::new();
    bench.run("ACL SETUSER u +get ~a");
    let before = bench.run("ACL GETUSER u");
    for (rules, reason) in [
        ("+nope", "Unknown command or category name in ACL"),
        ("-get|x", "Unknown command or category name in ACL"),
        ("+@nope", "Unknown command or category name in ACL"),
        (
            "+config|get|x",
            "Allowing first-arg of a subcommand is not supported",
        ),
        ("+get|", "Syntax error"),
        ("foo", "Syntax error"),
        ("%~x", "Syntax error"),
        ("%RR~x", "Syntax error"),
        (
            "#abc",
            "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters",
        ),
        (
            "<x",
            "The password you are trying to remove from the user does not exist",
        ),
    ] {
        let expected = format!("-ERR Error in ACL SETUSER modifier '{rules}': {reason}");
        assert_eq!(
            bench.run(&format!("ACL SETUSER u on +set {rules}")),
            expected
        );
    }
    assert_eq!(
        bench.run("ACL SETUSER u (+get ~b"),
        "-ERR Unmatched parenthesis in acl selector starting at '(+get'."
    );
    assert_eq!(bench.run("ACL GETUSER u"), before);
}

#[test]
fn a_call_needs_its_command_its_keys_and_its_channels_of_one_selector() {
    let plain =
        user("+@all -config +config|get +select|0 -select %R~r* %W~w* ~b* &c* resetchannels &c*");
    for (call, expected) in [
        ("get r1", Ok(())),
        ("get w1", Err(Denied::Key(1))),
        ("set w1 x", Ok(())),
        ("set w1 x get", Err(Denied::Key(1))),
        ("set b1 x get", Ok(())),
        ("copy r1 w1", Ok(())),
        ("copy w1 r1", Err(Denied::Key(1))),
        ("mget r1 b1 w1", Err(Denied::Key(3))),
        ("exists w1", Ok(())),
        ("exists z", Err(Denied::Key(1))),
        ("eval x 1 b1", Ok(())),
        ("eval x 1 r1", Err(Denied::Key(3))),
        ("sort r1 store w1", Ok(())),
        ("sort r1 store r2", Err(Denied::Key(3))),
        ("config get hz", Ok(())),
        ("config set hz 1", Err(Denied::Command)),
        ("publish c1 m", Ok(())),
        ("publish d m", Err(Denied::Channel(1))),
        ("subscribe c1 d", Err(Denied::Channel(2))),
        ("psubscribe c*", Ok(())),
        ("psubscribe c1*", Err(Denied::Channel(1))),
        ("unsubscribe d", Ok(())),
        ("ssubscribe d", Err(Denied::Channel(1))),
        ("ping", Ok(())),
    ] {
        assert_eq!(verdict(&plain, call), expected, "{call}");
    }
    let mut two = user("+get ~a");
    let applied = two.apply(b"(+set ~b)", defaults());
    applied.expect("a selector");
    for (call, expected) in [
        ("get a", Ok(())),
        ("set b x", Ok(())),
        ("set a x", Err(Denied::Key(1))),
        ("get b", Err(Denied::Key(1))),
        ("del a", Err(Denied::Command)),
        ("auth x", Ok(())),
    ] {
        assert_eq!(verdict(&two, call), expected, "{call}");
    }
    let first = user("+select|0 +set|k ~*");
    assert_eq!(verdict(&first, "select 0"), Ok(()));
    assert_eq!(verdict(&first, "select 1"), Err(Denied::Command));
    assert_eq!(verdict(&first, "SET K v"), Ok(()));
}

#[test]
fn a_user_is_asked_at_each_call_when_queueing_and_when_exec_runs() {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.run("ACL SETUSER u on >p ~a* +get +multi +exec +eval");
    assert!(bench.run_as(other, "AUTH u x").starts_with("-WRONGPASS"));
    assert_eq!(bench.run_as(other, "AUTH u p"), "+OK");
    let no_key = "-NOPERM No permissions to access a key";
    assert_eq!(bench.run_as(other, "GET b"), no_key);
    assert_eq!(
        bench.run_as(other, "SET a 1"),
        "-NOPERM User u has no permissions to run the 'set' command"
    );
    for (line, reply) in [
        ("MULTI", "+OK"),
        ("GET b", no_key),
        (
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.",
        ),
        ("MULTI", "+OK"),
        ("GET a", "+QUEUED"),
    ] {
        assert_eq!(bench.run_as(other, line), reply, "{line}");
    }
    bench.run("ACL SETUSER u resetkeys ~z");
    assert_eq!(
        bench.run_as(other, "EXEC"),
        "[-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to touch the specified keys]"
    );
    bench.run("ACL SETUSER u +publish &*");
    for (line, reply) in [("MULTI", "+OK"), ("PUBLISH c x", "+QUEUED")] {
        assert_eq!(bench.run_as(other, line), reply, "{line}");
    }
    bench.run("ACL SETUSER u resetchannels");
    assert_eq!(
        bench.run_as(other, "EXEC"),
        "[-NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: no permission to access one of the channels used as arguments]"
    );
    let reply = bench.run_as(other, "EVAL \"return redis.pcall('get', 'b').err\" 0");
    assert_eq!(
        reply,
        "\"ERR ACL failure in script: No permissions to access a key\""
    );
    let stats = &bench.engine.stats;
    assert_eq!(
        (stats.denied_auth, stats.denied_commands, stats.denied_keys),
        (1, 1, 4)
    );
    let log = bench.run("ACL LOG");
    for part in ["\"lua\"", "\"multi\"", "\"toplevel\"", "\"auth\"", "user=u"] {
        assert!(log.contains(part), "{part} in {log}");
    }
}

#[test]
fn a_waiting_client_whose_user_lost_the_right_takes_nothing() {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.run("ACL SETUSER u on nopass ~* +blpop");
    bench.run_as(other, "AUTH u p");
    assert_eq!(bench.run_as(other, "BLPOP l 0"), "");
    bench.run("ACL SETUSER u -blpop");
    bench.run("RPUSH l x");
    assert_eq!(
        bench.output(other),
        "-NOPERM User u has no permissions to run the 'blpop' command"
    );
    assert_eq!(bench.run("LLEN l"), ":1");
}

#[test]
fn patterns_of_sort_need_the_right_to_read_all_keys() {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.run("RPUSH a 2 1");
    bench.run("ACL SETUSER u on nopass ~a* +sort");
    bench.run_as(other, "AUTH u p");
    for option in ["BY", "GET"] {
        assert_eq!(
            bench.run_as(other, &format!("SORT a {option} w_*")),
            format!("-ERR {option} option of SORT denied due to insufficient ACL permissions.")
        );
    }
    assert_eq!(bench.run_as(other, "SORT a BY nosort"), "[\"2\", \"1\"]");
    bench.run("ACL SETUSER u (%R~* +sort)");
    assert_eq!(bench.run_as(other, "SORT a GET #"), "[\"1\", \"2\"]");
}

#[test]
fn clients_are_closed_that_listen_without_right_or_whose_user_is_gone() {
    use engine::Action;
    let mut bench = Bench::new();
    let (listener, idle) = (bench.connect(), bench.connect());
    bench.run("ACL SETUSER u on nopass &c* +subscribe +psubscribe +get ~*");
    for id in [listener, idle] {
        bench.run_as(id, "AUTH u p");
    }
    bench.run_as(listener, "SUBSCRIBE c1");
    bench.run_as(listener, "PSUBSCRIBE c*");
    bench.engine.actions.clear();
    bench.run("ACL SETUSER u resetchannels &c* &e");
    assert_eq!(bench.engine.actions, []);
    bench.run("ACL SETUSER u resetchannels &c1");
    assert_eq!(bench.engine.actions, [Action::Close(listener)]);
    bench.engine.actions.clear();
    assert_eq!(bench.run_as(idle, "GET a"), "nil");
    assert_eq!(bench.run("ACL DELUSER u nobody"), ":1");
    assert!(bench.engine.actions.contains(&Action::Close(idle)));
    assert!(bench.run_as(idle, "GET a").starts_with("-NOAUTH"));
}

#[test]
fn a_transaction_that_deletes_its_own_user_does_no_more() {
    let mut bench = Bench::new();
    let other = bench.connect();
    bench.run("ACL SETUSER u on nopass +@all ~*");
    for line in ["AUTH u p", "MULTI", "ACL DELUSER u", "SET k v"] {
        bench.run_as(other, line);
    }
    let reply = bench.run_as(other, "EXEC");
    assert_eq!(reply, "[:1, -NOAUTH Authentication required.]");
    assert_eq!(bench.run("EXISTS k"), ":0");
}

#[test]
fn the_default_user_decides_who_has_to_log_in() {
    let mut bench = Bench::new();
    let before = bench.connect();
    bench.run("ACL SETUSER default resetpass >p");
    let after = bench.connect();
    assert_eq!(bench.run_as(before, "PING"), "+PONG");
    assert!(bench.run_as(after, "PING").starts_with("-NOAUTH"));
    assert_eq!(bench.run_as(after, "AUTH p"), "+OK");
    assert_eq!(bench.run_as(after, "PING"), "+PONG");
    assert_eq!(bench.run_as(after, "RESET"), "+RESET");
    assert!(bench.run_as(after, "PING").starts_with("-NOAUTH"));
    bench.run("ACL SETUSER default nopass");
    assert_eq!(bench.run_as(after, "PING"), "+PONG");
    bench.run("ACL SETUSER default -ping");
    assert!(bench.run_as(after, "PING").starts_with("-NOPERM"));
}

#[test]
fn what_our_primary_sends_is_not_asked_for() {
    let mut bench = Bench::new();
    bench.run("ACL SETUSER default -@all +ping resetkeys");
    let primary = bench.connect();
    bench.engine.with_client(primary, |_, session| {
        session.follow(replication::StreamDb::ours(0), 16);
    });
    bench.run_as(primary, "SET a 1");
    assert_eq!(bench.engine.keyspace.db(0).len(), 1);
}

#[test]
fn faults_of_a_file_are_told_together_and_nothing_is_changed() {
    let text = b"user a on +nope\nfoo\nuser\nuser x foo bar\nuser y (on\nuser a on\n";
    let faults = file::parse("f", text, defaults())
        .err()
        .expect("it is faulty");
    assert_eq!(
        faults,
        "f:1: Error in applying operation '+nope': Unknown command or category name in ACL. \
         f:2 should start with user keyword followed by the username. \
         f:3 should start with user keyword followed by the username. \
         f:4: Syntax error. \
         f:5: Unmatched parenthesis in selector definition.\
         WARNING: Duplicate user 'a' found on line 6. \
         WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
    );
}

#[test]
fn the_one_key_of_a_command_is_the_key_that_its_specifications_find() {
    use engine::request_keys::keys_of;
    table::install(crate::FAMILIES);
    let all = table::declared().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let mut compared = 0;
    for entry in all {
        let Some(one) = entry.one_key else {
            continue;
        };
        for last in [b"1".as_slice(), b"get", b"set", b"store"] {
            let mut argv: Vec<&[u8]> = vec![b"1"; entry.arity.unsigned_abs().max(3) as usize];
            argv.push(last);
            argv[0] = entry.name.as_bytes();
            let args = Args(&argv);
            let expected = vec![(one.at, one.access(&args))];
            assert_eq!(keys_of(entry, &args), Some(expected), "{}", entry.name);
            compared += 1;
        }
    }
    assert!(compared > 400, "{compared}");
}

/// The checks looked at the first STORE and at the first STREAMS from argument 4 on, while the commands used the last
/// STORE, and any word as the name of a group: a user got at keys that were forbidden.
#[test]
fn words_that_come_twice_do_not_hide_a_key() {
    let user = user("+@all ~mine* ~STREAMS");
    for (call, denied_at) in [
        ("georadius mine 1 1 1 m store mine2", None),
        ("georadius mine 1 1 1 m store mine2 store theirs", Some(9)),
        ("georadius mine 1 1 1 m store theirs store mine2", None),
        (
            "georadius mine 1 1 1 m store mine2 storedist theirs",
            Some(9),
        ),
        ("georadius mine 1 1 1 m store store asc", Some(7)),
        (
            "georadiusbymember mine a 1 m store mine2 store theirs",
            Some(8),
        ),
        ("xreadgroup group g c streams mine >", None),
        (
            "xreadgroup count 1 group STREAMS mine STREAMS theirs >",
            Some(7),
        ),
        ("xreadgroup count 1 group STREAMS c STREAMS mine >", None),
    ] {
        let expected = denied_at.map_or(Ok(()), |i| Err(Denied::Key(i)));
        assert_eq!(verdict(&user, call), expected, "{call}");
    }
}

#[test]
fn the_keys_of_a_command_that_are_its_arguments_are_those_that_its_specifications_find() {
    use engine::request_keys::keys_of;
    table::install(crate::FAMILIES);
    let all = table::declared().flat_map(|e| std::iter::once(e).chain(&e.subcommands));
    let mut compared = Vec::new();
    for entry in all {
        let Some(rest) = entry.rest_keys else {
            continue;
        };
        compared.push(entry.name);
        for more in 0..4 {
            let mut argv: Vec<&[u8]> = vec![b"1"; entry.arity.unsigned_abs() as usize + more];
            argv[0] = entry.name.as_bytes();
            let args = Args(&argv);
            let places: Vec<_> = rest
                .places(args.len())
                .map(|at| (at, rest.access))
                .collect();
            assert_eq!(keys_of(entry, &args), Some(places), "{}", entry.name);
        }
    }
    for name in ["mget", "mset", "del", "exists", "sinter", "pfcount"] {
        assert!(compared.contains(&name), "{name} is not among {compared:?}");
    }
}

#[test]
fn what_is_allowed_at_once_is_allowed_by_all_that_is_asked() {
    use engine::acl::{check, may_surely};
    table::install(crate::FAMILIES);
    let users = [
        "~ab* +@all",
        "%R~a* %W~b* +@all -@dangerous",
        "~a? ~?b~ +@read +set +mset resetchannels",
        "~* &news +@all",
        "~longer:than:eight:* allchannels +@all",
    ];
    let mut users: Vec<_> = users.iter().map(|rules| user(rules)).collect();
    let mut with_selector = user("%R~* +@all");
    with_selector
        .apply(b"(~b* +set)", defaults())
        .expect("a selector");
    users.push(with_selector);
    let keys = [
        "a",
        "ab",
        "abc",
        "b",
        "bb",
        "",
        "longer:than:eight:x",
        "abcdefghijk",
        "news",
    ];
    let (mut at_once, mut refused) = (0, 0);
    let all: Vec<_> = table::declared()
        .flat_map(|e| std::iter::once(e).chain(&e.subcommands))
        .collect();
    for (n, entry) in all.iter().enumerate() {
        for (i, user) in users.iter().enumerate() {
            for (k, key) in keys.iter().enumerate() {
                let len = entry.arity.unsigned_abs() as usize + (n + k) % 3;
                let other = keys[(i + k + n) % keys.len()].as_bytes();
                let argv: Vec<&[u8]> = (0..len.max(1))
                    .map(|at| match at {
                        0 => entry.name.as_bytes(),
                        _ if at % 2 == 1 => key.as_bytes(),
                        _ => other,
                    })
                    .collect();
                let args = Args(&argv);
                let full = check(user, entry, args, PLACE);
                if may_surely(user, entry, args) {
                    assert_eq!(full, Ok(()), "{} {argv:?} {i}", entry.name);
                    at_once += 1;
                }
                refused += usize::from(full.is_err());
            }
        }
    }
    assert!(at_once > 1000 && refused > 1000, "{at_once} {refused}");
}

#[test]
fn a_star_does_not_match_the_empty_key() {
    let user = user("+get %R~*");
    assert_eq!(verdict(&user, "get a"), Ok(()));
    assert_eq!(verdict(&user, "get "), Err(Denied::Key(1)));
}

#[test]
fn a_prefix_matches_what_the_same_glob_matches() {
    let user = user("+get ~ab* ~* +set");
    assert_eq!(verdict(&user, "get anything"), Ok(()));
    let user = self::user("+get ~ab* ~x\\* ~[yz]* ~q?*");
    for (key, allowed) in [
        ("ab", true),
        ("abc", true),
        ("a", false),
        ("ba", false),
        ("x*", true),
        ("xy", false),
        ("y1", true),
        ("q", false),
        ("q1", true),
    ] {
        assert_eq!(
            verdict(&user, &format!("get {key}")).is_ok(),
            allowed,
            "{key}"
        );
    }
}

#[test]
fn kill_by_user_takes_also_those_who_have_yet_to_log_in() {
    let mut bench = Bench::with(config::Config {
        requirepass: "p".into(),
        ..Default::default()
    });
    let (waiting, other) = (bench.connect(), bench.connect());
    bench.run("AUTH p");
    bench.run("ACL SETUSER u on nopass");
    bench.run_as(other, "AUTH u x");
    assert_eq!(bench.run("CLIENT KILL USER default"), ":1");
    assert_eq!(bench.run("CLIENT KILL USER u"), ":1");
    assert_eq!(
        bench.run("CLIENT KILL USER nobody"),
        "-ERR No such user 'nobody'"
    );
    assert_eq!(bench.run(&format!("CLIENT KILL ID {}", waiting.0)), ":1");
}
