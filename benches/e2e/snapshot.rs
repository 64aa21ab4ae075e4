//! BGSAVE under a write load: what an open-loop probe at 20,000 requests a second sees without and
//! with a snapshot, how long it takes, and how much memory it costs.

use std::time::{Duration, Instant};

use crate::board::{Better, Board};
use crate::contest::START_LIMIT;
use crate::data::{Data, Kind};
use crate::latency::{Latencies, Probe, Writer};
use crate::options::Options;
use crate::support::client::Client;
use crate::usage::rss_bytes;

/// Requests a second of the probe.
const PROBE_RATE: u64 = 20_000;

/// Overwrites a second beside it.
const WRITE_RATE: u64 = 10_000;

/// Percentiles shown.
const SHARES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// Runs the job on d1.
pub fn run(options: &Options) {
    let data = Data::named("d1", options);
    assert!(data.kind == Kind::Small);
    let title = |what: &str| {
        format!(
            "{what}: d1 ({} keys), probe {PROBE_RATE}/s, writes {WRITE_RATE}/s",
            data.keys
        )
    };
    let mut without = SHARES.map(|(name, _)| {
        Board::new(
            title(&format!("latency {name} without a snapshot")),
            "ms",
            Better::Lower,
        )
    });
    let mut with = SHARES.map(|(name, _)| {
        Board::new(
            title(&format!("latency {name} during BGSAVE")),
            "ms",
            Better::Lower,
        )
    });
    let mut seconds = Board::new(title("BGSAVE"), "s", Better::Lower);
    let mut extra = Board::new(title("extra memory during BGSAVE"), "MB", Better::Lower);
    for _ in 0..options.rounds {
        for server in &options.servers {
            let running = server
                .builder()
                .link_dump(&data.dump)
                .start_within(START_LIMIT);
            let mut client = running.client();
            let writer = Writer::start(running.port(), data.keys, WRITE_RATE);

            let probe = Probe::start(running.port(), data.keys, PROBE_RATE);
            std::thread::sleep(options.probe);
            note(&mut without, &server.name, &probe.finish());

            let probe = Probe::start(running.port(), data.keys, PROBE_RATE);
            std::thread::sleep(Duration::from_millis(200));
            let before = rss_bytes(running.pid());
            let start = Instant::now();
            client.ok("BGSAVE");
            let mut peak = before;
            while in_progress(&mut client) {
                peak = peak.max(rss_bytes(running.pid()));
                std::thread::sleep(Duration::from_millis(20));
            }
            seconds.add(&server.name, start.elapsed().as_secs_f64());
            std::thread::sleep(Duration::from_millis(200));
            note(&mut with, &server.name, &probe.finish());
            writer.finish();
            assert_eq!(
                client.info_field("persistence", "rdb_last_bgsave_status"),
                "ok"
            );
            // A forked child's copies are not in the parent's resident memory.
            let copied: u64 = client
                .info_field("persistence", "rdb_last_cow_size")
                .parse()
                .unwrap_or(0);
            extra.add(&server.name, (peak - before).max(copied) as f64 / 1e6);
        }
    }
    without
        .iter()
        .chain(&with)
        .chain([&seconds, &extra])
        .for_each(Board::print);
}

fn note(boards: &mut [Board; 4], server: &str, seen: &Latencies) {
    assert!(seen.count() > 0, "the probe saw replies");
    for (board, (_, share)) in boards.iter_mut().zip(SHARES) {
        board.add(server, seen.percentile_ms(share));
    }
}

fn in_progress(client: &mut Client) -> bool {
    client.info_field("persistence", "rdb_bgsave_in_progress") == "1"
}
