//! LATENCY: slow events, and the distribution of execution times of commands.

use crate::manual;
use engine::latency::{Event, LatencyMonitor};
use engine::spec::{Command, Flags, Group, Handler};
use engine::table;
use engine::{Args, CmdResult, CommandError, Cx};
use std::collections::VecDeque;
use std::fmt::Write;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "latency",
    arity: -2,
    group: Group::Server,
    since: "2.8.13",
    complexity: "Depends on subcommand.",
    summary: "A container for latency diagnostics commands.",
    subcommands: &[
        Command {
            name: "latency|doctor",
            arity: 2,
            since: "2.8.13",
            summary: "Returns a human-readable latency analysis report.",
            tips: &[
                "nondeterministic_output",
                "request_policy:all_nodes",
                "response_policy:special",
            ],
            ..subcommand(doctor)
        },
        Command {
            name: "latency|graph",
            arity: 3,
            since: "2.8.13",
            summary: "Returns a latency graph for an event.",
            docs: &manual::server::LATENCY_GRAPH,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_nodes",
                "response_policy:special",
            ],
            ..subcommand(graph)
        },
        Command {
            name: "latency|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            since: "2.8.13",
            summary: "Returns helpful text about the different subcommands.",
            ..subcommand(help)
        },
        Command {
            name: "latency|histogram",
            arity: -2,
            since: "7.0.0",
            summary: "Returns the cumulative distribution of latencies of a subset or all commands.",
            docs: &manual::server::LATENCY_HISTOGRAM,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_nodes",
                "response_policy:special",
            ],
            ..subcommand(histogram)
        },
        Command {
            name: "latency|history",
            arity: 3,
            since: "2.8.13",
            summary: "Returns timestamp-latency samples for an event.",
            docs: &manual::server::LATENCY_HISTORY,
            tips: &[
                "nondeterministic_output",
                "request_policy:all_nodes",
                "response_policy:special",
            ],
            ..subcommand(history)
        },
        Command {
            name: "latency|latest",
            arity: 2,
            since: "2.8.13",
            summary: "Returns the latest latency samples for all events.",
            tips: &[
                "nondeterministic_output",
                "request_policy:all_nodes",
                "response_policy:special",
            ],
            ..subcommand(latest)
        },
        Command {
            name: "latency|reset",
            arity: -2,
            since: "2.8.13",
            summary: "Resets the latency data for one or more events.",
            docs: &manual::server::LATENCY_RESET,
            tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
            ..subcommand(reset)
        },
    ],
    ..Command::CONTAINER
}];

const fn subcommand(run: Handler) -> Command {
    Command {
        flags: Flags::ADMIN
            .union(Flags::NOSCRIPT)
            .union(Flags::LOADING)
            .union(Flags::STALE),
        group: Group::Server,
        ..Command::growing(run)
    }
}

fn latest(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let events = &cx.engine.latency.0;
    let reply = &mut cx.client.reply;
    reply.array(events.len());
    for (name, event) in events {
        let last = event.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk_str(name);
        reply.int(last.0);
        reply.int(last.1);
        reply.int(event.max);
    }
    Ok(())
}

fn history(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let samples = find(&cx.engine.latency, &args[2]).map(|e| &e.samples);
    let reply = &mut cx.client.reply;
    reply.array(samples.map_or(0, VecDeque::len));
    for (second, ms) in samples.into_iter().flatten() {
        reply.array(2);
        reply.int(*second);
        reply.int(*ms);
    }
    Ok(())
}

fn find<'a>(monitor: &'a LatencyMonitor, name: &[u8]) -> Option<&'a Event> {
    let found = monitor.0.iter().find(|(n, _)| n.as_bytes() == name);
    found.map(|(_, e)| e)
}

fn reset(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let events = &mut cx.engine.latency.0;
    let before = events.len();
    match args.from(2) {
        [] => events.clear(),
        names => events.retain(|name, _| !names.contains(&name.as_bytes())),
    }
    let gone = before - events.len();
    cx.client.reply.int(gone as i64);
    Ok(())
}

fn histogram(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut wanted = Vec::new();
    match args.from(2) {
        [] => {
            for entry in table::all() {
                wanted.push(entry);
                wanted.extend(&entry.subcommands);
            }
        }
        names => {
            for name in names {
                let parts = name.splitn(2, |b| *b == b'|').collect::<Vec<_>>();
                let Some(entry) = table::by_name(parts[0]) else {
                    continue;
                };
                match parts.get(1) {
                    Some(sub) => wanted.extend(entry.subcommand(sub)),
                    None => {
                        wanted.push(entry);
                        wanted.extend(&entry.subcommands);
                    }
                }
            }
        }
    }
    let stats = &cx.engine.stats.per_command;
    wanted.retain(|entry| stats[entry.index].times.total() > 0);
    let reply = &mut cx.client.reply;
    reply.map(wanted.len());
    for entry in wanted {
        let times = &stats[entry.index].times;
        reply.bulk_str(entry.name);
        reply.map(2);
        reply.bulk_str("calls");
        reply.int(times.total() as i64);
        reply.bulk_str("histogram_usec");
        let boundaries = times.boundaries();
        reply.map(boundaries.len());
        for (micros, count) in boundaries {
            reply.int(micros as i64);
            reply.int(count as i64);
        }
    }
    Ok(())
}

/// Rows of LATENCY GRAPH.
const ROWS: usize = 4;

fn graph(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let now = cx.now() / 1000;
    let Some(event) = find(&cx.engine.latency, &args[2]) else {
        return Err(CommandError::quoting(
            "ERR No samples available for event '{}'",
            &[&args[2]],
        ));
    };
    let samples = &event.samples;
    let high = samples.iter().map(|s| s.1).max().unwrap_or(0);
    let low = samples.iter().map(|s| s.1).min().unwrap_or(0);
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        String::from_utf8_lossy(&args[2]),
        event.max,
        "-".repeat(80)
    );
    // Each character shows one of three heights within its row.
    let steps = ROWS * 3;
    let span = (high - low).max(1) as usize;
    let height = |ms: i64| (ms - low) as usize * (steps - 1) / span;
    for row in (0..ROWS).rev() {
        text.extend(samples.iter().map(|s| match height(s.1) {
            h if h / 3 == row => ['_', 'o', '#'][h % 3],
            h if h / 3 > row => '|',
            _ => ' ',
        }));
        text.push('\n');
    }
    text.push('\n');
    let ages: Vec<String> = samples.iter().map(|s| age(now - s.0)).collect();
    for i in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        let letters = ages
            .iter()
            .map(|a| a.as_bytes().get(i).map_or(' ', |b| char::from(*b)));
        text.extend(letters);
        text.push('\n');
    }
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn age(seconds: i64) -> String {
    match seconds {
        s if s < 60 => format!("{s}s"),
        s if s < 3600 => format!("{}m", s / 60),
        s if s < 86400 => format!("{}h", s / 3600),
        s => format!("{}d", s / 86400),
    }
}

/// Tools know both texts by heart, so they are those of the reference.
const DISABLED: &str = "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/latency-monitor.\n";
const NO_SPIKES: &str = "Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n";

fn doctor(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let events = &cx.engine.latency.0;
    let mut text = String::new();
    if cx.engine.config.latency_monitor_threshold == 0 && events.is_empty() {
        text.push_str(DISABLED);
    } else if events.is_empty() {
        text.push_str(NO_SPIKES);
    }
    for (i, (name, event)) in events.iter().enumerate() {
        let n = event.samples.len() as i64;
        let mean = event.samples.iter().map(|s| s.1).sum::<i64>() / n.max(1);
        let off = event
            .samples
            .iter()
            .map(|s| (s.1 - mean).abs())
            .sum::<i64>()
            / n.max(1);
        let first = event.samples.front().map_or(0, |s| s.0);
        let period = (cx.now() / 1000 - first) as f64 / n.max(1) as f64;
        let _ = writeln!(
            text,
            "{}. {name}: {n} latency spikes (average {mean}ms, mean deviation {off}ms, period {period:.2} sec). Worst all time event {}ms.",
            i + 1,
            event.max
        );
    }
    if events.keys().any(|name| name.ends_with("command")) {
        text.push_str("\nSLOWLOG GET shows which commands took long.\n");
    }
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "LATENCY",
        &[
            "DOCTOR",
            "    Return a human readable latency analysis report.",
            "GRAPH <event>",
            "    Return an ASCII latency graph for the <event> class.",
            "HISTORY <event>",
            "    Return time-latency samples for the <event> class.",
            "LATEST",
            "    Return the latest latency samples for all events.",
            "RESET [<event> ...]",
            "    Reset latency data of one or more <event> classes.",
            "    (default: reset all data for all event classes)",
            "HISTOGRAM [COMMAND ...]",
            "    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
            "    If no commands are specified then all histograms are replied.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn the_worst_of_each_second_is_kept() {
        let mut bench = Bench::new();
        let monitor = &mut bench.engine.latency;
        for (ms, second) in [(5, 10), (9, 10), (3, 10), (7, 11), (1, 12)] {
            monitor.note("command", ms, 2, second);
        }
        assert_eq!(
            bench.run("LATENCY HISTORY command"),
            "[[:10, :9], [:11, :7]]"
        );
        assert_eq!(bench.run("LATENCY LATEST"), "[[\"command\", :11, :7, :9]]");
        assert_eq!(bench.run("LATENCY RESET command"), ":1");
        assert_eq!(bench.run("LATENCY LATEST"), "[]");
    }
}
