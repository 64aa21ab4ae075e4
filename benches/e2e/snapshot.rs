//! BGSAVE under a write load: what an open-loop probe at 20,000 requests a second sees with and without a
//! snapshot, how long it takes, how much memory it costs, and whether the dump is the data of the cut.
//!
//! Snapshots are taken in turn with equally long stretches without one, within one server: what the
//! machine does meanwhile hits both, and the differences of neighbours are what counts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::board::{Better, Boards};
use crate::contest::{Contestant, START_LIMIT};
use crate::data::{Data, Kind};
use crate::latency::{Latencies, Probe, Target, Writer};
use crate::options::Options;
use crate::support::client::Client;
use crate::support::peers;
use crate::support::server::{Builder, Server};
use crate::usage::{forget_peak, peak_rss_bytes, rss_bytes, stolen_seconds};

/// Requests a second of the probe.
const PROBE_RATE: u64 = 20_000;

/// Percentiles shown.
const SHARES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// Before and after a snapshot the probe sees so much of its neighbourhood.
const MARGIN: Duration = Duration::from_millis(200);

/// Until the memory of the snapshot before has gone back to the system.
const SETTLE: Duration = Duration::from_secs(4);

/// Runs the job on those data sets asked for whose keys or fields are overwritten one by one.
pub fn run(options: &Options) {
    let mut sets: Vec<_> = options.data.iter().map(String::as_str).collect();
    sets.retain(|name| ["d1", "hash1m"].contains(name));
    for name in sets {
        let data = Data::named(name, options);
        for &rate in &options.writes {
            measure(&data, rate, options);
        }
        check_cuts(&data, options);
    }
}

/// One server at work.
struct Scene<'a> {
    name: &'a str,
    server: &'a Server,
    client: Client,
    target: Target,
    writer: Writer,
    boards: &'a mut Boards,
}

fn measure(data: &Data, rate: Option<u64>, options: &Options) {
    let rate_name = rate.map_or("as many as it takes".to_owned(), |n| format!("{n}/s"));
    let what = match data.kind {
        Kind::OneHash => "fields of one hash",
        _ => "keys",
    };
    println!(
        "\n--- {} ({} {what}), probe {PROBE_RATE}/s, overwrites {rate_name}{}",
        data.name,
        data.keys,
        options.disk_name()
    );
    let mut boards = Boards::default();
    for _ in 0..options.rounds {
        for server in &options.servers {
            let running = options
                .builder(server)
                .link_dump(&data.dump)
                .start_within(START_LIMIT);
            let target = Target::new(running.port(), data);
            let mut scene = Scene {
                name: &server.name,
                server: &running,
                client: running.client(),
                target,
                writer: Writer::start(target, rate),
                boards: &mut boards,
            };
            for _ in 0..options.pairs {
                std::thread::sleep(SETTLE);
                scene.pair(options.probe);
            }
            scene.writer.finish();
        }
    }
    boards.print();
}

impl Scene<'_> {
    /// A snapshot, and as long without one.
    fn pair(&mut self, at_least: Duration) {
        let stolen = stolen_seconds();
        let (with, window) = self.snapshot();
        let (written, start) = (self.writer.written(), Instant::now());
        let probe = Probe::start(self.target, PROBE_RATE);
        std::thread::sleep(window.max(at_least));
        let without = probe.finish();
        let stolen = stolen_seconds() - stolen;
        self.add(
            "time that the host took",
            "ms",
            Better::Neither,
            stolen * 1e3,
        );
        self.add_rate("overwrites without a snapshot", written, start);
        for (name, share) in SHARES {
            let (with, without) = (with.percentile_ms(share), without.percentile_ms(share));
            self.add_ms(&format!("latency {name} without a snapshot"), without);
            self.add_ms(&format!("latency {name} during BGSAVE"), with);
            if share > 0.99 {
                let title = format!("latency {name}: what BGSAVE adds");
                self.add(&title, "ms", Better::Neither, with - without);
                if stolen == 0.0 {
                    let title = format!("{title}, where the host took nothing");
                    self.add(&title, "ms", Better::Neither, with - without);
                }
            }
        }
        for (title, seen) in [("without a snapshot", without), ("during BGSAVE", with)] {
            let title = format!("the probe itself was late, at most, {title}");
            self.add(&title, "ms", Better::Neither, seen.late_ms());
        }
    }

    /// A snapshot; what the probe saw, and for how long it looked.
    fn snapshot(&mut self) -> (Latencies, Duration) {
        let pid = self.server.pid();
        let begun = Instant::now();
        let probe = Probe::start(self.target, PROBE_RATE);
        std::thread::sleep(MARGIN);
        let before = rss_bytes(pid);
        forget_peak(pid);
        let (written, start) = (self.writer.written(), Instant::now());
        self.client.ok("BGSAVE");
        wait_saved(&mut self.client);
        let seconds = start.elapsed().as_secs_f64();
        self.add_rate("overwrites during BGSAVE", written, start);
        let peak = peak_rss_bytes(pid);
        std::thread::sleep(MARGIN);
        let seen = probe.finish();
        let window = begun.elapsed();
        assert!(seen.count() > 0, "the probe saw replies");

        self.add("BGSAVE", "s", Better::Lower, seconds);
        // A forked child's copies are not in the parent's resident memory.
        let copied = self.client.info_field("persistence", "rdb_last_cow_size");
        let copied = copied.parse().unwrap_or(0);
        let extra = peak.saturating_sub(before).max(copied) as f64;
        let (title, percent) = ("extra memory during BGSAVE", extra * 100.0 / before as f64);
        self.add(title, "MB", Better::Lower, extra / 1e6);
        let title = format!("{title}, of the resident memory before");
        self.add(&title, "%", Better::Lower, percent);
        self.add_stalls();
        (seen, window)
    }

    /// What the server itself says of how long it kept its clients waiting.
    fn add_stalls(&mut self) {
        let persistence = self.client.info("persistence");
        let stats = self.client.info("stats");
        for (title, field) in [
            ("worst slice, as INFO has it", "snapshot_worst_slice_usec"),
            (
                "worst slice, processor time of its thread, as INFO has it",
                "snapshot_worst_slice_cpu_usec",
            ),
            (
                "longest write command meanwhile, as INFO has it",
                "snapshot_worst_write_usec",
            ),
            ("fork, as INFO has it", "latest_fork_usec"),
        ] {
            let value = persistence.get(field).or(stats.get(field));
            let micros = value.and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
            if micros > 0.0 {
                self.add(title, "us", Better::Neither, micros);
            }
        }
        self.add_kinds(&persistence);
    }

    /// The slices of each kind, of which Forebay's INFO tells.
    fn add_kinds(&mut self, persistence: &BTreeMap<String, String>) {
        for (field, line) in persistence {
            let Some(kind) = field.strip_prefix("snapshot_slices_") else {
                continue;
            };
            let worst = line.rsplit('=').next().and_then(|n| n.parse::<f64>().ok());
            let title = format!("worst slice of the kind {kind}, processor time, as INFO has it");
            self.add(&title, "us", Better::Neither, worst.unwrap_or(0.0));
        }
    }

    fn add_ms(&mut self, title: &str, value: f64) {
        self.add(title, "ms", Better::Lower, value);
    }

    fn add_rate(&mut self, title: &str, before: u64, start: Instant) {
        let written = (self.writer.written() - before) as f64;
        let rate = written / start.elapsed().as_secs_f64();
        self.add(title, "a second", Better::Higher, rate);
    }

    fn add(&mut self, title: &str, unit: &'static str, better: Better, value: f64) {
        self.boards.add(title, unit, better, self.name, value);
    }
}

/// Forebay's dump, written while everything is overwritten, has in a real server the digest of the cut.
fn check_cuts(data: &Data, options: &Options) {
    let (Some(forebay), Some(judge)) = (
        options.servers.iter().find(|s| s.name == "forebay"),
        peers::find("redis-7.0"),
    ) else {
        return;
    };
    let saved = overwritten_while_saved(forebay, data, options);
    let judge = Builder::of("redis-7.0", judge)
        .link_dump(saved.0.dump_path())
        .start_within(START_LIMIT);
    assert_eq!(digest(&mut judge.client()), saved.1, "the data of the cut");
    println!(
        "\ndata of the cut: redis-server 7.0 finds it in the dump, digest {}",
        saved.1
    );
}

/// A server that has saved, and the digest at the cut.
fn overwritten_while_saved(
    server: &Contestant,
    data: &Data,
    options: &Options,
) -> (Server, String) {
    let running = options
        .builder(server)
        .link_dump(&data.dump)
        .start_within(START_LIMIT);
    let target = Target::new(running.port(), data);
    let mut client = running.client();
    // Some history before, so that not all is as it was loaded.
    let writer = Writer::start(target, None);
    std::thread::sleep(MARGIN);
    writer.finish();
    let at_cut = digest(&mut client);
    client.ok("BGSAVE");
    let writer = Writer::start(target, None);
    wait_saved(&mut client);
    writer.finish();
    assert_ne!(digest(&mut client), at_cut, "something was overwritten");
    (running, at_cut)
}

fn digest(client: &mut Client) -> String {
    client.set_reply_limit(None);
    client.text("DEBUG DIGEST")
}

/// Waits until the snapshot is over, which must have succeeded.
pub fn wait_saved(client: &mut Client) {
    while client.info_field("persistence", "rdb_bgsave_in_progress") == "1" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let status = client.info_field("persistence", "rdb_last_bgsave_status");
    assert_eq!(status, "ok", "the save succeeded");
}
