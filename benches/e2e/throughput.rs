//! redis-benchmark against each server: requests a second, and the server's processor seconds for a
//! million of them.

use std::process::Command;

use crate::board::{Better, Board};
use crate::options::Options;
use crate::support::peers;
use crate::support::server::Server;
use crate::usage::cpu_seconds;

/// Tests of redis-benchmark.
const TESTS: [&str; 7] = ["set", "get", "incr", "lpush", "hset", "sadd", "zadd"];

/// Requests a test at full scale, pipelined and not.
const PIPELINED_REQUESTS: usize = 3_000_000;
const SINGLE_REQUESTS: usize = 300_000;

/// Keys that requests choose from.
const KEYS: usize = 1_000_000;

/// Commands in flight on one connection.
const PIPELINE: usize = 16;

/// Runs the job.
pub fn run(options: &Options) {
    let Some(tool) = peers::tool("redis-benchmark") else {
        eprintln!("redis-benchmark is not on PATH: no throughput");
        return;
    };
    for (how, pipeline, requests) in [
        ("pipelines of 16", PIPELINE, PIPELINED_REQUESTS),
        ("no pipeline", 1, SINGLE_REQUESTS),
    ] {
        let requests = options.scaled(requests);
        for test in TESTS {
            if pipeline == 1 && !["set", "get"].contains(&test) {
                continue;
            }
            let mut rate = Board::new(format!("{test}, {how}"), "requests/s", Better::Higher);
            let mut cost = Board::new(
                format!("{test}, {how}: processor time of the server"),
                "s per million",
                Better::Lower,
            );
            for _ in 0..options.rounds {
                for server in &options.servers {
                    let running = server.builder().start();
                    if test == "get" {
                        measure(&tool, &running, "set", PIPELINE, requests.min(KEYS));
                    }
                    let before = cpu_seconds(running.pid());
                    let per_second = measure(&tool, &running, test, pipeline, requests);
                    let used = cpu_seconds(running.pid()) - before;
                    rate.add(&server.name, per_second);
                    cost.add(&server.name, used * 1e6 / requests as f64);
                }
            }
            rate.print();
            cost.print();
        }
    }
}

fn measure(
    tool: &std::path::Path,
    server: &Server,
    test: &str,
    pipeline: usize,
    requests: usize,
) -> f64 {
    let output = Command::new(tool)
        .args([
            "-p",
            &server.port().to_string(),
            "-t",
            test,
            "-c",
            "50",
            "--csv",
        ])
        .args([
            "-P",
            &pipeline.to_string(),
            "-n",
            &requests.to_string(),
            "-r",
            &KEYS.to_string(),
        ])
        .output()
        .expect("redis-benchmark can be run");
    // "test","rps",... then "SET","512820.50",...
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().last().unwrap_or_default();
    let rate = line
        .split(',')
        .nth(1)
        .and_then(|f| f.trim_matches('"').parse().ok());
    rate.unwrap_or_else(|| {
        panic!(
            "redis-benchmark said: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}
