//! MEMORY: how much memory keys and parts of the server take.

use super::info_sections::Overhead;
use crate::manual;
use engine::args::int_of;
use engine::spec::{Access, Command, Flags, Group, KeyUse, Keys};
use engine::{Args, CmdResult, CommandError, Cx};
use resp::reply::Reply;

/// This family's declarations.
pub static COMMANDS: &[Command] = &[Command {
    name: "memory",
    arity: -2,
    group: Group::Server,
    since: "4.0.0",
    complexity: "Depends on subcommand.",
    summary: "A container for memory diagnostics commands.",
    subcommands: &[
        Command {
            name: "memory|doctor",
            arity: 2,
            group: Group::Server,
            since: "4.0.0",
            summary: "Outputs a memory problems report.",
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            ..Command::growing(memory_doctor)
        },
        Command {
            name: "memory|help",
            arity: 2,
            flags: Flags::LOADING.union(Flags::STALE),
            group: Group::Server,
            since: "4.0.0",
            summary: "Returns helpful text about the different subcommands.",
            ..Command::steady(memory_help)
        },
        Command {
            name: "memory|malloc-stats",
            arity: 2,
            group: Group::Server,
            since: "4.0.0",
            complexity: "Depends on how much memory is allocated, could be slow",
            summary: "Returns the allocator statistics.",
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            ..Command::growing(memory_malloc_stats)
        },
        Command {
            name: "memory|purge",
            arity: 2,
            group: Group::Server,
            since: "4.0.0",
            complexity: "Depends on how much memory is allocated, could be slow",
            summary: "Asks the allocator to release memory.",
            tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
            ..Command::growing(memory_purge)
        },
        Command {
            name: "memory|stats",
            arity: 2,
            group: Group::Server,
            since: "4.0.0",
            summary: "Returns details about memory usage.",
            tips: &[
                "nondeterministic_output",
                "request_policy:all_shards",
                "response_policy:special",
            ],
            ..Command::growing(memory_stats)
        },
        Command {
            name: "memory|usage",
            arity: -3,
            flags: Flags::READONLY,
            keys: Keys::Range {
                first: 2,
                last: 2,
                step: 1,
            },
            uses: KeyUse::Each(Access::INSPECT),
            group: Group::Server,
            since: "4.0.0",
            complexity: "O(N) where N is the number of samples.",
            summary: "Estimates the memory usage of a key.",
            docs: &manual::server::MEMORY_USAGE,
            ..Command::steady(memory_usage)
        },
    ],
    ..Command::CONTAINER
}];

fn memory_usage(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let mut words = args.options(3);
    while words.are_left() {
        let samples = words.take_value("SAMPLES").ok_or(CommandError::SYNTAX)?;
        // Sizes are known without sampling.
        if int_of(samples)? < 0 {
            return Err(CommandError::SYNTAX);
        }
    }
    match cx.lookup_quietly(&args[2]) {
        None => cx.client.reply.null(),
        Some(loc) => {
            let bytes = cx.db().entry_bytes(loc);
            cx.client.reply.int(bytes as i64);
        }
    }
    Ok(())
}

fn memory_stats(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let facts = cx.engine.host().facts(cx.engine);
    let engine = &*cx.engine;
    let m = facts.memory;
    let used = (engine.used_memory)(engine);
    let peak = engine.stats.peak_memory.max(used);
    let overhead = Overhead::of(engine, cx.client);
    let startup = engine.startup_memory;
    let total_overhead = overhead.total(startup);
    let dataset = used.saturating_sub(total_overhead);
    let keys = engine.keyspace.len();
    let above = used.saturating_sub(startup);
    let reply = &mut cx.client.reply;
    let mut fields = 0;
    let mark = reply.len();
    let put = |reply: &mut Reply, name: &str, n: i64| {
        reply.bulk_str(name);
        reply.int(n);
    };
    let mut int = |name: &str, n: i64| {
        put(reply, name, n);
        fields += 1;
    };
    int("peak.allocated", peak as i64);
    int("total.allocated", used as i64);
    int("startup.allocated", startup as i64);
    int("replication.backlog", overhead.backlog as i64);
    int("clients.slaves", overhead.replicas as i64);
    int("clients.normal", overhead.clients as i64);
    int("cluster.links", 0);
    int("aof.buffer", 0);
    int("lua.caches", engine.scripting.cache.bytes() as i64);
    int(
        "functions.caches",
        engine.scripting.libraries.bytes() as i64,
    );
    for number in 0..engine.keyspace.count() {
        let db = engine.keyspace.db(number);
        if db.is_empty() {
            continue;
        }
        reply.bulk_str(&format!("db.{number}"));
        let mark = reply.len();
        put(reply, "overhead.hashtable.main", db.index_bytes() as i64);
        put(
            reply,
            "overhead.hashtable.expires",
            db.expiry_bytes() as i64,
        );
        reply.map_at(mark, 2);
        fields += 1;
    }
    let mut int = |name: &str, n: i64| {
        put(reply, name, n);
        fields += 1;
    };
    int("overhead.db.hashtable.lut", overhead.index as i64);
    // No table is resized as a whole.
    int("overhead.db.hashtable.rehashing", 0);
    int("overhead.total", total_overhead as i64);
    int("db.dict.rehashing.count", 0);
    int("keys.count", keys as i64);
    int(
        "keys.bytes-per-key",
        above.checked_div(keys).unwrap_or(0) as i64,
    );
    int("dataset.bytes", dataset as i64);
    let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
    let mut double = |name: &str, x: f64| {
        reply.bulk_str(name);
        reply.double(x);
        fields += 1;
    };
    double("dataset.percentage", ratio(dataset, above) * 100.0);
    double("peak.percentage", ratio(used, peak) * 100.0);
    for (name, n) in [
        ("allocator.allocated", m.allocated),
        ("allocator.active", m.active),
        ("allocator.resident", m.resident),
        // The allocator gives unused pages back without holding them in this state.
        ("allocator.muzzy", 0),
    ] {
        reply.bulk_str(name);
        reply.int(n as i64);
        fields += 1;
    }
    for (name, a, b) in [
        ("allocator-fragmentation", m.active, m.allocated),
        ("allocator-rss", m.resident, m.active),
        ("rss-overhead", m.rss, m.resident),
        ("fragmentation", m.rss, used),
    ] {
        let name_of = |suffix: &str| match (name, suffix) {
            ("fragmentation", "ratio") => name.to_owned(),
            _ => format!("{name}.{suffix}"),
        };
        reply.bulk_str(&name_of("ratio"));
        reply.double(ratio(a, b));
        reply.bulk_str(&name_of("bytes"));
        reply.int(a as i64 - b as i64);
        fields += 2;
    }
    reply.map_at(mark, fields);
    Ok(())
}

/// Below this much memory in use, nothing can be said, bytes.
const NEARLY_EMPTY: usize = 5 << 20;
/// Tools know this text by heart, so it is that of the reference.
const EMPTY: &str = "Hi Sam, this instance is empty or is using very little memory, my issues detector can't be used in these conditions. Please, leave for your mission on Earth and fill it with some data. The new Sam and I will be back to our programming as soon as I finished rebooting.\n";

fn memory_doctor(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let facts = cx.engine.host().facts(cx.engine);
    let used = (cx.engine.used_memory)(cx.engine);
    let (peak, m) = (cx.engine.stats.peak_memory, facts.memory);
    if used < NEARLY_EMPTY {
        cx.client.reply.verbatim("txt", EMPTY.as_bytes());
        return Ok(());
    }
    let mut findings: Vec<String> = Vec::new();
    if peak > used + used / 2 {
        findings.push(format!(
            "Peak memory: {peak} bytes were in use once, {used} are now; resident memory may be high until the allocator has given pages back."
        ));
    }
    if m.rss > used + used * 2 / 5 && m.rss > used + (10 << 20) {
        findings.push(format!(
            "Fragmentation: the process holds {} bytes for {used} in use.",
            m.rss
        ));
    }
    let overhead = Overhead::of(cx.engine, cx.client);
    let clients = cx.engine.clients.len().max(1);
    if overhead.clients / clients > 200 * 1024 {
        findings.push("Big client buffers: clients hold more than 200 KB each.".into());
    }
    let text = match findings.is_empty() {
        true => "No memory issue was found.\n".to_owned(),
        false => findings.join("\n") + "\n",
    };
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn memory_malloc_stats(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    let facts = cx.engine.host().facts(cx.engine);
    let m = facts.memory;
    let text = format!(
        "{}\nAllocated: {}, active: {}, resident: {}, retained: {}\n",
        facts.allocator, m.allocated, m.active, m.resident, m.retained
    );
    cx.client.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn memory_purge(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.engine.host().purge_memory();
    cx.client.reply.ok();
    Ok(())
}

fn memory_help(cx: &mut Cx<'_>, _args: Args<'_>) -> CmdResult {
    cx.help(
        "MEMORY",
        &[
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    #[test]
    fn a_larger_value_takes_more_memory() {
        let mut bench = Bench::new();
        assert_eq!(bench.run("MEMORY USAGE a"), "nil");
        let mut usage = |value: &str| {
            bench.run(&format!("SET a {value}"));
            let reply = bench.run("MEMORY USAGE a SAMPLES 5");
            reply[1..].parse::<i64>().expect("a number")
        };
        let (small, large) = (usage("x"), usage(&"x".repeat(5000)));
        assert!(small > 0 && large >= small + 4900, "{small} {large}");
    }

    #[test]
    fn the_overhead_of_databases_is_that_of_those_with_keys() {
        let mut bench = Bench::new();
        let stats = |bench: &mut Bench| bench.run("MEMORY STATS");
        assert!(!stats(&mut bench).contains("db.0"));
        bench.run("SET a 1 EX 1000");
        let reply = stats(&mut bench);
        assert!(reply.contains("db.0") && !reply.contains("db.1"), "{reply}");
        for field in ["overhead.hashtable.main", "overhead.db.hashtable.lut"] {
            assert!(reply.contains(field), "{reply}");
        }
    }

    #[test]
    fn a_longer_key_takes_more_memory() {
        let mut bench = Bench::new();
        let mut usage = |len: usize| {
            let key = "k".repeat(len);
            bench.run(&format!("SET {key} v"));
            let reply = bench.run(&format!("MEMORY USAGE {key}"));
            reply[1..].parse::<usize>().expect("a number")
        };
        let short = usage(1);
        for len in [100, 255, 256, 300, 500, 600, 1000, 5000, 100_000] {
            let bytes = usage(len);
            assert!(bytes >= short + len - 1, "{len}: {bytes}");
        }
    }
}
