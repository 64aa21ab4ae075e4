//! INFO: which sections, in which order.

use super::info_sections as sections;
use crate::manual;
use engine::host::Facts;
use engine::spec::{Command, Flags, Group};
use engine::{Args, CmdResult, Cx, Engine};

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "info",
    arity: -1,
    flags: Flags::LOADING.union(Flags::STALE),
    group: Group::Server,
    summary: "Returns information and statistics about the server.",
    docs: &manual::server::INFO,
    categories: Some(&["dangerous"]),
    tips: &[
        "nondeterministic_output",
        "request_policy:all_shards",
        "response_policy:special",
    ],
    ..Command::growing(info)
}];

/// Writes the lines of a section.
type Section = fn(&Engine, &Facts, &mut String);

/// (name, heading, in the default answer, lines)
const SECTIONS: &[(&str, &str, bool, Section)] = &[
    ("server", "Server", true, sections::server),
    ("clients", "Clients", true, |_, _, _| {}),
    ("memory", "Memory", true, |_, _, _| {}),
    ("persistence", "Persistence", true, |_, _, _| {}),
    ("threads", "Threads", true, |_, _, _| {}),
    ("stats", "Stats", true, sections::stats),
    ("replication", "Replication", true, |e, _, out| {
        e.repl.info(out)
    }),
    ("cpu", "CPU", true, |_, _, _| {}),
    ("modules", "Modules", true, |_, _, _| {}),
    (
        "commandstats",
        "Commandstats",
        false,
        sections::command_stats,
    ),
    ("errorstats", "Errorstats", true, sections::error_stats),
    (
        "latencystats",
        "Latencystats",
        false,
        sections::latency_stats,
    ),
    ("cluster", "Cluster", true, |_, _, out| {
        out.push_str("cluster_enabled:0\r\n")
    }),
    ("keyspace", "Keyspace", true, sections::keyspace),
    (HIDDEN, "Debug", false, sections::debug),
];

/// A section that is not among all: it has to be named.
const HIDDEN: &str = "debug";

/// Sections whose lines the server provides.
const OF_THE_SHELL: &[&str] = &["persistence", "threads", "cpu"];

fn info(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = args.from(1);
    let named = |names: &[&str]| {
        wanted
            .iter()
            .any(|w| names.iter().any(|n| w.eq_ignore_ascii_case(n.as_bytes())))
    };
    let all = named(&["all", "everything"]);
    let default = wanted.is_empty() || named(&["default"]);
    let engine = &*cx.engine;
    let host = engine.host();
    let facts = host.facts(engine);
    let mut text = String::with_capacity(8192);
    for (name, heading, in_default, lines) in SECTIONS {
        if !((all && *name != HIDDEN) || (default && *in_default) || named(&[name])) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str("# ");
        text.push_str(heading);
        text.push_str("\r\n");
        if OF_THE_SHELL.contains(name) {
            host.info(engine, name, &mut text);
        }
        if *name == "clients" {
            sections::clients(engine, cx.client, &mut text);
        }
        if *name == "memory" {
            sections::memory(engine, &facts, cx.client, &mut text);
        }
        lines(engine, &facts, &mut text);
    }
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    fn headings(reply: &str) -> Vec<String> {
        let lines = reply.split("\\r\\n");
        let heads = lines.filter(|l| l.trim_start_matches('"').starts_with("# "));
        heads
            .map(|l| l.trim_start_matches('"').to_owned())
            .collect()
    }

    #[test]
    fn the_client_that_asks_counts_as_the_others_do() {
        let mut bench = Bench::new();
        let other = bench.connect();
        for client in [bench.id, other] {
            bench.run_as(client, "HELLO 3");
            bench.run_as(client, "SUBSCRIBE c");
            bench.run_as(client, "WATCH k");
        }
        let reply = bench.run("INFO clients");
        for line in [
            "connected_clients:2",
            "pubsub_clients:2",
            "watching_clients:2",
        ] {
            assert!(reply.contains(line), "{line}: {reply}");
        }
    }

    #[test]
    fn sections_come_by_name_by_default_or_all() {
        let mut bench = Bench::new();
        assert_eq!(
            headings(&bench.run("INFO server CPU")),
            ["# Server", "# CPU"]
        );
        let default = headings(&bench.run("INFO"));
        assert!(!default.contains(&"# Commandstats".to_owned()));
        assert_eq!(headings(&bench.run("INFO default")), default);
        let all = headings(&bench.run("INFO everything"));
        assert_eq!(all.len(), super::SECTIONS.len() - 1);
        assert_eq!(headings(&bench.run("INFO debug")), ["# Debug"]);
        assert_eq!(headings(&bench.run("INFO nope")), Vec::<String>::new());
    }

    #[test]
    fn the_mean_of_the_latest_times_there_are_is_one_of_them() {
        let mut bench = Bench::new();
        let latest = i64::MAX;
        for key in ["a", "b", "c"] {
            bench.run(&format!("SET {key} value"));
            assert_eq!(bench.run(&format!("PEXPIREAT {key} {latest}")), ":1");
        }
        let left = latest - bench.engine.clock.unix_ms;
        let info = bench.run("INFO keyspace");
        assert!(info.contains(&format!("avg_ttl={left}")), "{info}");
    }

    #[test]
    fn what_commands_did_is_counted() {
        let mut bench = Bench::new();
        bench.run("SET a b");
        bench.run("LPUSH a b");
        bench.run("GET");
        bench.run("CONFIG GET port");
        let info = bench.run("INFO commandstats errorstats keyspace");
        for line in [
            "cmdstat_set:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0",
            "cmdstat_get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
            "cmdstat_config|get:calls=1,",
            "errorstat_WRONGTYPE:count=1",
            "errorstat_ERR:count=1",
            "db0:keys=1,expires=0,avg_ttl=0",
        ] {
            assert!(info.contains(line), "{line} in {info}");
        }
        bench.run("CONFIG RESETSTAT");
        assert!(!bench.run("INFO commandstats").contains("cmdstat_set"));
    }
}
