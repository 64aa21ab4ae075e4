//! `engine::notify` with the commands of all families.

use crate::testing::Bench;
use engine::notify::Classes;

#[test]
fn the_directive_has_a_normal_form() {
    for (given, shown) in [
        ("KEA", "AKE"),
        ("KEAnm", "AKEm"),
        ("g$lshzxetdmnKE", "AKEm"),
        ("g$lshzxetnKE", "g$lshzxetnKE"),
        ("dtexKE", "xetdKE"),
        ("", ""),
    ] {
        let classes = Classes::parse(given).expect("known letters");
        assert_eq!(classes.to_text(), shown, "of {given}");
    }
    assert_eq!(Classes::parse("KEq"), None);
}

/// Runs commands of one client, gives the events another one saw as `event key`.
fn events(classes: &str, script: &[&str]) -> Vec<String> {
    let mut bench = Bench::new();
    bench.engine.config.notify_keyspace_events = classes.into();
    let listener = bench.connect();
    bench.run_as(listener, "PSUBSCRIBE __keyevent@*");
    for line in script {
        bench.run(line);
        bench.advance(10);
    }
    let seen = bench.output(listener);
    let messages = seen.split("] [").map(|m| m.trim_matches(['[', ']']));
    messages
        .map(|m| {
            let words: Vec<_> = m.split(", ").map(|w| w.trim_matches('"')).collect();
            let event = words[2].rsplit(':').next().expect("__keyevent@0__:event");
            format!("{event} {}", words[3])
        })
        .collect()
}

#[test]
fn commands_tell_what_they_did() {
    let script = [
        "SET a 1 EX 100",
        "INCR a",
        "EXPIRE a 100",
        "PERSIST a",
        "APPEND a x",
        "SETRANGE a 0 y",
        "RENAME a b",
        "COPY b c",
        "DEL b c none",
        "GETEX c",
        "SET d 1 PX 5",
        "GET d",
    ];
    let expected = [
        "set a",
        "expire a",
        "incrby a",
        "expire a",
        "persist a",
        "append a",
        "setrange a",
        "rename_from a",
        "rename_to b",
        "copy_to c",
        "del b",
        "del c",
        "set d",
        "expire d",
        "expired d",
    ];
    assert_eq!(events("EA", &script), expected);
}

#[test]
fn new_and_missing_keys_are_told_when_asked_for() {
    let script = ["GET a", "SET a 1", "SET a 2", "RENAME a b", "INCR n"];
    assert_eq!(
        events("Emn", &script),
        ["keymiss a", "new a", "new b", "new n"]
    );
}

#[test]
fn keyspace_channels_name_the_key() {
    let mut bench = Bench::new();
    bench.engine.config.notify_keyspace_events = "K$".into();
    let listener = bench.connect();
    bench.run_as(listener, "SUBSCRIBE __keyspace@3__:k");
    bench.run("SELECT 3");
    bench.run("SET k v EX 5");
    assert_eq!(
        bench.output(listener),
        "[\"message\", \"__keyspace@3__:k\", \"set\"]"
    );
}
