//! COMMANDLOG and HOTKEYS: what is recorded about requests, and which keys cost most.

use crate::testing::{Bench, check};

#[test]
fn a_large_request_and_a_large_reply_are_kept_in_logs_of_their_own() {
    let mut bench = Bench::new();
    let set = "CONFIG SET commandlog-request-larger-than 30 commandlog-reply-larger-than 40";
    assert_eq!(bench.run(set), "+OK");
    bench.run("COMMANDLOG RESET large-request");
    let value = "x".repeat(50);
    assert_eq!(bench.run(&format!("SET k {value}")), "+OK");
    assert_eq!(bench.run("COMMANDLOG LEN large-reply"), ":0");
    bench.run("GET k");
    // GET has 4 bytes, and this one less than 30.
    assert_eq!(bench.run("COMMANDLOG LEN LARGE-REQUEST"), ":1");
    let shown = bench.run("COMMANDLOG GET -1 large-request");
    assert!(
        shown.contains(&format!(":54, [\"SET\", \"k\", \"{value}\"]")),
        "{shown}"
    );
    let shown = bench.run("COMMANDLOG GET 1 large-reply");
    assert!(
        shown.contains("[\"COMMANDLOG\", \"GET\", \"-1\""),
        "{shown}"
    );
    bench.run("COMMANDLOG RESET large-reply");
    assert_eq!(bench.run("COMMANDLOG LEN large-request"), ":1");
    bench.run("CONFIG SET commandlog-large-request-max-len 2");
    for _ in 0..4 {
        bench.run(&format!("SET k {value}"));
    }
    assert_eq!(bench.run("COMMANDLOG LEN large-request"), ":2");
    bench.run("CONFIG SET commandlog-request-larger-than -1");
    bench.run("COMMANDLOG RESET large-request");
    bench.run(&format!("SET k {value}"));
    assert_eq!(bench.run("COMMANDLOG LEN large-request"), ":0");
}

#[test]
fn a_call_of_a_script_is_not_a_request() {
    let mut bench = Bench::new();
    bench.run("CONFIG SET commandlog-reply-larger-than 40");
    let value = "y".repeat(50);
    bench.run(&format!(
        "EVAL 'redis.call(\"SET\", KEYS[1], \"{value}\") return 1' 1 k"
    ));
    bench.run("EVAL 'redis.call(\"GET\", KEYS[1]) return 1' 1 k");
    assert_eq!(bench.run("COMMANDLOG LEN large-reply"), ":0");
}

#[test]
fn slowlog_is_the_view_of_one_of_the_logs() {
    let mut bench = Bench::new();
    bench.run("CONFIG SET slowlog-log-slower-than 0 slowlog-entry-max-argc 3 slowlog-entry-max-string-len 4");
    bench.run("COMMANDLOG RESET slow");
    bench.run("MSET first 1 second 2");
    let slow = bench.run("COMMANDLOG GET 1 slow");
    let view = bench.run("SLOWLOG GET 2");
    assert!(
        slow.contains("[\"MSET\", \"firs... (1 more bytes)\", \"... (3 more arguments)\"]"),
        "{slow}"
    );
    assert!(view.contains(slow.trim_matches(['[', ']'])), "{view}");
    check(&[
        ("CONFIG SET commandlog-execution-slower-than -1", "+OK"),
        ("SLOWLOG RESET", "+OK"),
        ("SLOWLOG LEN", ":0"),
        ("COMMANDLOG LEN slow", ":0"),
        (
            "COMMANDLOG LEN fast",
            "-ERR type should be one of the following: slow, large-request, large-reply",
        ),
        (
            "COMMANDLOG GET x slow",
            "-ERR count should be greater than or equal to -1",
        ),
        (
            "COMMANDLOG GET -2 slow",
            "-ERR count should be greater than or equal to -1",
        ),
        (
            "COMMANDLOG GET 1",
            "-ERR wrong number of arguments for 'commandlog|get' command",
        ),
    ]);
}

#[test]
fn the_keys_that_cost_most_are_shown_with_their_bytes() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("HOTKEYS GET"), "nil");
    assert_eq!(bench.run("HOTKEYS STOP"), "nil");
    assert_eq!(bench.run("HOTKEYS START METRICS 1 NET COUNT 2"), "+OK");
    for _ in 0..10 {
        bench.run("SET solo x");
    }
    bench.run("MSET k1 aaaa k2 bbbbbbbbbbbbb");
    bench.run("PING");
    let again = "-ERR hotkey tracking session already in progress";
    assert_eq!(bench.run("HOTKEYS START METRICS 1 CPU"), again);
    let busy = "-ERR hotkey tracking session in progress, stop tracking first";
    assert_eq!(bench.run("HOTKEYS RESET"), busy);
    assert_eq!(bench.run("HOTKEYS STOP"), "+OK");
    bench.run("SET solo x");
    let shown = bench.run("HOTKEYS GET");
    assert!(
        shown.starts_with(
            "[[\"tracking-active\", :0, \"sample-ratio\", :1, \"selected-slots\", [[:0, :16383]]"
        ),
        "{shown}"
    );
    // As redis-server 8.10 counts them: 35 bytes ten times, and 65 for two keys.
    assert!(
        shown.contains("\"net-bytes-all-commands-all-slots\", :415"),
        "{shown}"
    );
    assert!(shown.contains("\"total-net-bytes\", :414"), "{shown}");
    assert!(
        shown.ends_with("\"by-net-bytes\", [\"solo\", :350, \"k1\", :32]]]"),
        "{shown}"
    );
    assert_eq!(bench.run("HOTKEYS RESET"), "+OK");
    assert_eq!(bench.run("HOTKEYS GET"), "nil");
}

#[test]
fn a_session_of_hotkeys_ends_by_itself() {
    let mut bench = Bench::new();
    bench.run("HOTKEYS START METRICS 2 CPU NET DURATION 2");
    bench.run("SET a b");
    bench.advance(2500);
    bench.run("SET c d");
    let shown = bench.run("HOTKEYS GET");
    assert!(shown.contains("\"tracking-active\", :0"), "{shown}");
    assert!(
        shown.contains("\"collection-duration-ms\", :2000"),
        "{shown}"
    );
    assert!(
        shown.contains("\"a\"") && !shown.contains("\"c\""),
        "{shown}"
    );
    assert_eq!(bench.run("HOTKEYS STOP"), "nil");
}

#[test]
fn what_hotkeys_cannot_start_is_refused_as_in_redis() {
    for (request, error) in [
        ("", "ERR METRICS parameter is required"),
        ("METRICS", "ERR METRICS parameter is required"),
        ("COUNT 3 METRICS 1 CPU", "ERR METRICS parameter is required"),
        ("METRICS 0", "ERR METRICS count must be > 0 and <= 2"),
        ("METRICS x CPU", "ERR METRICS count must be > 0 and <= 2"),
        (
            "METRICS 3 CPU NET",
            "ERR METRICS count must be > 0 and <= 2",
        ),
        (
            "METRICS 1",
            "ERR METRICS count does not match number of metric types provided",
        ),
        (
            "METRICS 2 NET",
            "ERR METRICS count does not match number of metric types provided",
        ),
        (
            "METRICS 2 CPU CPU",
            "ERR METRICS CPU defined more than once!",
        ),
        (
            "METRICS 1 FOO",
            "ERR METRICS no valid metrics passed. Supported: CPU|NET",
        ),
        ("METRICS 1 CPU NET", "ERR syntax error"),
        ("METRICS 1 CPU COUNT", "ERR syntax error"),
        (
            "METRICS 1 CPU COUNT 0",
            "ERR COUNT must be between 1 and 64",
        ),
        (
            "METRICS 1 CPU COUNT 65",
            "ERR COUNT must be between 1 and 64",
        ),
        (
            "METRICS 1 CPU DURATION -1",
            "ERR DURATION must be between 1 and 1000000",
        ),
        (
            "METRICS 1 CPU SAMPLE 0",
            "ERR SAMPLE ratio must be positive",
        ),
        (
            "METRICS 1 NET SLOTS 1 5",
            "ERR SLOTS parameter cannot be used in non-cluster mode",
        ),
    ] {
        let mut bench = Bench::new();
        assert_eq!(
            bench.run(&format!("HOTKEYS START {request}")),
            format!("-{error}"),
            "{request}"
        );
    }
}

#[test]
fn who_imports_sees_expired_keys_and_nobody_deletes_them() {
    let mut bench = Bench::new();
    let other = bench.connect();
    assert_eq!(
        bench.run("CLIENT IMPORT-SOURCE ON"),
        "-ERR Server is not in import mode"
    );
    assert_eq!(bench.run("CLIENT IMPORT-SOURCE OFF"), "+OK");
    bench.run("CONFIG SET import-mode yes");
    assert_eq!(bench.run("CLIENT IMPORT-SOURCE ON"), "+OK");
    assert!(bench.run("CLIENT LIST").contains(" flags=I "));
    bench.run("SET k v PX 10");
    bench.advance(100);
    bench.engine.on_tick();
    assert_eq!(bench.run("GET k"), "\"v\"");
    assert_eq!(bench.run_as(other, "GET k"), "nil");
    assert_eq!(bench.run_as(other, "DBSIZE"), ":1");
    assert_eq!(bench.run_as(other, "INCR k"), ":1", "a write begins anew");
    bench.run("SET k v PX 10");
    bench.advance(100);
    bench.run("CONFIG SET import-mode no");
    assert_eq!(bench.run("GET k"), "nil");
    assert_eq!(bench.run("DBSIZE"), ":0");
}

#[test]
fn a_client_that_can_be_sent_on_hears_where_the_primary_is() {
    let mut bench = Bench::new();
    assert_eq!(bench.run("CLIENT CAPA something redirect"), "+OK");
    assert_eq!(bench.run("GET k"), "nil");
    let early = bench.connect();
    for request in ["CLIENT CAPA redirect", "MULTI", "SET k v"] {
        bench.run_as(early, request);
    }
    bench.run("REPLICAOF 127.0.0.1 7000");
    let sent_on = "-REDIRECT 127.0.0.1:7000";
    assert_eq!(bench.run_as(early, "EXEC"), sent_on);
    assert_eq!(bench.run_as(early, "EXEC"), "-ERR EXEC without MULTI");
    for request in [
        "GET k",
        "SET k v",
        "DBSIZE",
        "SCAN 0",
        "EVAL_RO 'return 1' 0",
    ] {
        assert_eq!(bench.run(request), sent_on, "{request}");
    }
    assert_eq!(bench.run("PING"), "+PONG");
    assert_eq!(bench.run("PUBLISH a b"), ":0");
    bench.run("MULTI");
    assert_eq!(bench.run("GET k"), sent_on);
    assert!(bench.run("EXEC").starts_with("-EXECABORT"));
    assert_eq!(bench.run("READONLY"), "+OK");
    assert_ne!(bench.run("GET k"), sent_on);
    assert_eq!(bench.run("SET k v"), sent_on);
    assert_eq!(bench.run("READWRITE"), "+OK");
    assert_eq!(bench.run("GET k"), sent_on);
}
