//! Reading configuration text, line by line.

use super::*;
use crate::foreign::FOREIGN;
use crate::special::SavePoint;
use std::collections::BTreeMap;

#[derive(Default)]
struct Fake(BTreeMap<String, String>);

impl Files for Fake {
    fn read(&mut self, path: &str) -> Result<String, String> {
        let found = self.0.get(path).cloned();
        found.ok_or_else(|| "No such file or directory".into())
    }
    fn glob(&mut self, pattern: &str) -> Vec<String> {
        let prefix = pattern.trim_end_matches('*');
        let paths = self.0.keys().filter(|k| k.starts_with(prefix));
        paths.cloned().collect()
    }
    fn enter(&mut self, dir: &str) -> Result<String, String> {
        Ok(format!("/there/{dir}"))
    }
}

fn reason(text: &str) -> String {
    match load(text, &mut Fake::default()) {
        Err(ConfigError::Line { reason, .. }) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_last_value_wins_and_save_lines_add_up() {
    let loaded = load(
        "# comment\n  port 1\nsave 10 1\nsave 20 2\nPORT 2\nrequirepass \"a b\\x41\"\n",
        &mut Fake::default(),
    )
    .expect("well formed");
    assert_eq!(loaded.config.port, 2);
    assert_eq!(loaded.config.requirepass, "a bA");
    let point = |seconds, changes| SavePoint { seconds, changes };
    assert_eq!(loaded.config.save, [point(10, 1), point(20, 2)]);
}

#[test]
fn a_list_may_be_given_without_any_word() {
    let text = "save\nbind\nlatency-tracking-info-percentiles\nclient-output-buffer-limit\nmaxmemory \"\"\n";
    let config = load(text, &mut Fake::default())
        .expect("well formed")
        .config;
    assert_eq!(config.save, []);
    assert!(config.bind.is_empty() && config.latency_tracking_info_percentiles.is_empty());
    assert_eq!(config.maxmemory, 0);
    let loaded = load("save 10 1\nsave\nsave 20 2\n", &mut Fake::default());
    let point = |seconds, changes| SavePoint { seconds, changes };
    assert_eq!(loaded.expect("well formed").config.save, [point(20, 2)]);
}

#[test]
fn included_files_are_read_in_their_place() {
    let mut files = Fake::default();
    files.0.insert("/a/1.conf".into(), "port 1\nhz 20".into());
    files.0.insert("/a/2.conf".into(), "port 3".into());
    let loaded = load("include /a/*\nhz 30\n", &mut files).expect("well formed");
    assert_eq!((loaded.config.port, loaded.config.hz), (3, 30));
    let error = load("include /nope", &mut files).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file '/nope': No such file or directory"
    );
    files.0.insert("/loop".into(), "include /loop".into());
    assert!(load("include /loop", &mut files).is_err());
}

#[test]
fn a_relative_directory_is_made_absolute_when_it_is_entered() {
    let loaded = load("dir data\n", &mut Fake::default()).expect("well formed");
    assert_eq!(loaded.config.dir, "/there/data");
}

#[test]
fn wrong_lines_are_answered_as_the_reference_server_answers_them() {
    for (text, expected) in [
        ("foo bar", "Bad directive or wrong number of arguments"),
        ("port", "wrong number of arguments"),
        ("replicaof", "wrong number of arguments"),
        ("oom-score-adj-values", "wrong number of arguments"),
        (
            "shutdown-on-sigterm",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        ("appendfilename \"\"", "appendfilename can't be empty"),
        ("port 1 2", "wrong number of arguments"),
        ("port abc", "argument couldn't be parsed into an integer"),
        ("maxmemory 10zz", "argument must be a memory value"),
        ("save 10", "Invalid save parameters"),
        (
            "bind \"unbalanced",
            "Unbalanced quotes in configuration line",
        ),
        (
            "databases 0",
            "argument must be between 1 and 2147483647 inclusive",
        ),
        (
            "rename-command foo",
            "Bad directive or wrong number of arguments",
        ),
        ("user", "Bad directive or wrong number of arguments"),
        (
            "unixsocketperm 999",
            "argument couldn't be parsed as an octal number",
        ),
        ("replicaof a", "wrong number of arguments"),
        ("replicaof a b", "Invalid master port"),
        (
            "dbfilename a/b",
            "dbfilename can't be a path, just a filename",
        ),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
}

#[test]
fn what_would_lose_data_or_open_access_is_refused_by_name() {
    for text in ["loadmodule /a", "tls-cluster yes", "cluster-enabled yes"] {
        let name = text.split(' ').next().expect("a name");
        assert!(
            reason(text).starts_with(&format!("'{name}' is not supported")),
            "{text}"
        );
    }
    load(
        "appendonly no\ntls-cluster no\ncluster-enabled no",
        &mut Fake::default(),
    )
    .expect("defaults");
    // What it asks for is so: MIGRATE uses TLS.
    let text = "tls-cluster yes\ntls-replication yes";
    let both = load(text, &mut Fake::default()).expect("together");
    assert!(both.config.tls_cluster);
    let (verdicts, loaded) = check(&[("f", "hz 10\ntls-cluster yes")], &mut Fake::default());
    assert!(matches!(&verdicts[1].outcome, Outcome::Refused(why) if why.contains("tls-cluster")));
    assert!(verdicts[0].outcome.is_accepted() && !loaded.config.tls_cluster);
}

/// Directives of the newest servers were unknown, and kept the server from starting.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test may read what real servers said"
)]
fn every_directive_of_the_newest_servers_is_known() {
    for server in ["redis-8.10", "valkey-9.1"] {
        let path = format!(
            "{}/../../testdata/config/{server}.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let list = std::fs::read_to_string(path).expect("the list");
        assert!(list.lines().count() > 200);
        for line in list.lines() {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            let many = directive(name).is_some_and(|d| (d.many)());
            let text = match value {
                // No primary is no line.
                "" if ["replicaof", "slaveof"].contains(&name) => continue,
                "" => format!("{name} \"\""),
                _ if many => line.to_owned(),
                _ => format!("{name} {}", quote(value)),
            };
            let (verdicts, _) = check(&[(server, &text)], &mut Fake::default());
            assert!(verdicts[0].outcome.is_accepted(), "{verdicts:?}");
        }
    }
}

#[test]
fn directives_of_other_servers_are_passed_over_with_a_warning_or_refused() {
    let load = |text| load(text, &mut Fake::default());
    let warnings = |text| load(text).expect("known").warnings;
    assert!(warnings("lookahead 16\nMPTCP no\navailability-zone \"\"").is_empty());
    assert_eq!(
        warnings("repl-mptcp yes"),
        [
            "The directive 'repl-mptcp' is accepted but has no effect in Forebay: connections use plain TCP."
        ]
    );
    assert_eq!(
        reason("rdma-port 6380"),
        "'rdma-port' is not supported by Forebay: RDMA is not built in"
    );
    assert_eq!(reason("lookahead"), WRONG_NUMBER);
    let names: Vec<&str> = FOREIGN.iter().map(|f| f.name).collect();
    assert!(names.is_sorted());
    assert!(names.iter().all(|name| directive(name).is_none()));
}

#[test]
fn a_check_judges_every_line_of_every_text() {
    let mut files = Fake::default();
    files.0.insert("/more.conf".into(), "hz x\nhz 20".into());
    let file = "\nport 7000\ninclude /more.conf\nrequirepass \"secret\nactivedefrag yes\n";
    let line = "loadmodule /x.so\nfoo 1\ncluster-enabled yes\ninclude /nope\nsave\nuser a on";
    let (verdicts, loaded) = check(&[("a.conf", file), ("command line", line)], &mut files);
    assert_eq!((loaded.users.len(), loaded.renames.len()), (1, 0));
    let shown: Vec<String> = verdicts
        .iter()
        .map(|v| {
            let outcome = match &v.outcome {
                Outcome::Works => "works",
                Outcome::NoEffect => "no effect",
                Outcome::Unknown => "unknown",
                Outcome::Refused(_) => "refused",
                Outcome::Wrong(_) => "wrong",
            };
            format!("{}:{} {} {outcome}", v.source, v.number, v.directive)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "a.conf:2 port works",
            "/more.conf:1 hz wrong",
            "/more.conf:2 hz works",
            "a.conf:3 include works",
            "a.conf:4 requirepass wrong",
            "a.conf:5 activedefrag no effect",
            "command line:1 loadmodule refused",
            "command line:2 foo unknown",
            "command line:3 cluster-enabled refused",
            "command line:4 include wrong",
            "command line:5 save works",
            "command line:6 user works",
        ]
    );
}

#[test]
fn a_refusal_says_what_helps() {
    for (line, help) in [
        ("loadmodule /x.so", "rdb-unknown-values"),
        ("cluster-enabled yes", "Sentinel"),
        ("sentinel monitor a 127.0.0.1 1 1", "redis-sentinel"),
    ] {
        assert!(reason(line).contains(help), "{line}");
    }
}

#[test]
fn idle_directives_are_accepted_with_a_warning() {
    let loaded = load("activedefrag yes\nio-threads 1", &mut Fake::default()).expect("known");
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].contains("activedefrag"));
}

#[test]
fn the_error_shows_line_number_and_line() {
    let error = load("\nhz 10\nfoo \"bar\"", &mut Fake::default()).expect_err("foo");
    let expected = format!(
        "\n*** FATAL CONFIG FILE ERROR (Redis {}) ***\nReading the configuration file, at line 3\n>>> 'foo \"bar\"'\nBad directive or wrong number of arguments",
        base::REDIS_VERSION
    );
    assert_eq!(error.to_string(), expected);
}

/// Compose files and Kubernetes arguments quote what no shell unquotes.
#[test]
fn a_single_value_may_hold_a_quoted_list() {
    let shown = |args: &[&str]| {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        let loaded = load(&command_line(&args), &mut Fake::default()).expect("accepted");
        directive("save").map(|save| (save.get)(&loaded.config))
    };
    for nothing in ["\"\"", "''", "\"\" ", " \"\"", "", " "] {
        assert_eq!(
            shown(&["--save", nothing]),
            Some(String::new()),
            "{nothing}"
        );
    }
    for points in ["60 1", "\"60\" \"1\"", "60\t1"] {
        assert_eq!(shown(&["--save", points]), Some("60 1".into()), "{points}");
    }
    assert_eq!(
        shown(&["--save", "60", "1", "--save", "\"\""]),
        Some(String::new())
    );
    assert_eq!(
        shown(&["--save", "\"\"", "--save", "60 1"]),
        Some("60 1".into())
    );
    for wrong in [
        &["\"60 1\""][..],
        &["\"60\"", "1"],
        &["\"\"", "60 1"],
        &["\""],
    ] {
        let args = ["--save"].iter().chain(wrong).map(|a| (*a).to_owned());
        let line = command_line(&args.collect::<Vec<_>>());
        assert!(load(&line, &mut Fake::default()).is_err(), "{wrong:?}");
    }
}

#[test]
fn the_command_line_becomes_lines() {
    for (args, text) in [
        (
            &["--port", "1", "--save", "60", "1"][..],
            "port \"1\" \nsave \"60\" \"1\" ",
        ),
        (&["--save", "--hz", "20"], "save \"\"\nhz \"20\" "),
        (&["--save"], "save \"\""),
        (&["--requirepass", "--secret"], "requirepass \"--secret\" "),
        (&["--port 7", "--hz", "1"], "port 7 \nhz \"1\" "),
    ] {
        let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        assert_eq!(command_line(&args), text);
    }
}
