//! End-to-end benchmarks: real processes, Forebay and its peers in turn, on the same data.
//!
//! `cargo bench --bench e2e -- [--only JOBS] [--data d1,d2,d4,hash1m] [--scale 0.1] [--rounds 3]
//! [--servers forebay,redis-7.0,...]`; BENCHMARKING.md says what each figure means.
//!
//! Every round measures each server once, so that a slow minute of the machine hits all of them;
//! what is printed is the median with the smallest and the largest value, and the ratio to the best
//! peer: above 1 Forebay is ahead.

#[path = "../../tests/support/mod.rs"]
mod support;

mod append;
mod board;
mod cache;
mod contest;
mod data;
mod disk;
mod failover;
mod latency;
mod load;
mod logs;
mod memory;
mod options;
mod pipe;
mod slow_reader;
mod snapshot;
mod sync;
mod throughput;
mod usage;

use options::Options;

/// A job: its name on the command line and what runs it.
type Job = (&'static str, fn(&Options));

const JOBS: [Job; 8] = [
    ("load", load::run),
    ("snapshot", snapshot::run),
    ("sync", sync::run),
    ("throughput", throughput::run),
    ("memory", memory::run),
    ("cache", cache::run),
    ("failover", failover::run),
    ("append", append::run),
];

fn main() {
    let options = Options::from_command_line(&JOBS.map(|(name, _)| name));
    println!("{}", options.describe());
    for (name, run) in JOBS {
        if options.wants(name) {
            run(&options);
        }
    }
}
