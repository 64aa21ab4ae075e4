//! A persistent cache: cache-aside reads of Zipf-distributed keys over ten times what fits, BGSAVE now
//! and then, a crash, a restart from the last dump, and the same readers again.
//!
//! All servers get the same requests at the same pace, side by side. Shown is the hit ratio before the
//! crash and just after the restart. As keys cost each server a different amount of memory, they do
//! not hold the same number: beside the ratio stands the best that any policy could reach with as
//! many keys, so that the quality of the eviction can be told from the size of the keys.

use std::thread;
use std::time::{Duration, Instant};

use crate::contest::{Contestant, START_LIMIT};
use crate::options::Options;
use crate::pipe::Random;
use crate::support::Value;
use crate::support::client::Client;
use crate::support::server::Server;

const POLICIES: [&str; 2] = ["allkeys-lru", "allkeys-lfu"];

const MAXMEMORY: usize = 32 << 20;

/// Bytes of all keys and values together, in units of maxmemory.
const UNIVERSE: usize = 10;

/// Values are of 200 to 799 bytes, a length that depends on the key.
const VALUE_LENGTHS: std::ops::Range<usize> = 200..800;

/// Bytes of a key with its average value.
const ITEM: usize = 512;

/// The skew: the usual one of cache studies.
const EXPONENT: f64 = 0.99;

/// Reads a second.
const RATE: u64 = 10_000;

/// Reads sent together; the misses among them are written together.
const BATCH: usize = 50;

/// Seconds at full scale: until ratios count, from then to the crash, and from the restart on.
const WARM_UP: f64 = 60.0;
const BEFORE: f64 = 75.0;
const AFTER: f64 = 60.0;

/// The share of [`AFTER`] that is "just after the restart".
const JUST_AFTER: f64 = 1.0 / 6.0;

/// Seconds between two BGSAVEs at full scale; the crash comes half way between two.
const SAVE_EVERY: f64 = 30.0;

/// Runs the job: each policy in turn, all servers at once.
pub fn run(options: &Options) {
    let zipf = Zipf::new(UNIVERSE * MAXMEMORY / ITEM);
    for policy in POLICIES {
        println!(
            "\npersistent cache, {policy}: {} keys, maxmemory {} MB, {RATE} reads a second",
            zipf.len(),
            MAXMEMORY >> 20
        );
        let results: Vec<Outcome> = thread::scope(|scope| {
            let running: Vec<_> = options
                .servers
                .iter()
                .map(|server| scope.spawn(|| measure(server, policy, &zipf, options.scale)))
                .collect();
            let ended = running.into_iter();
            ended
                .map(|r| r.join().expect("the measurement ends"))
                .collect()
        });
        print(options, &results, &zipf);
    }
}

/// What one server did under one policy.
struct Outcome {
    before: Phase,
    just_after: Phase,
    after: Phase,
    /// Keys at the crash, and right after the load.
    keys: usize,
    keys_loaded: usize,
    saves: usize,
}

/// A stretch of requests.
#[derive(Clone, Copy, Default)]
struct Phase {
    reads: u64,
    hits: u64,
    /// Error replies.
    errors: u64,
    /// The largest `used_memory` without what eviction does not count.
    peak: u64,
}

impl Phase {
    fn percent(&self) -> f64 {
        100.0 * self.hits as f64 / self.reads.max(1) as f64
    }
}

fn measure(server: &Contestant, policy: &str, zipf: &Zipf, scale: f64) -> Outcome {
    let server = server
        .builder()
        .config(format!("maxmemory {MAXMEMORY}"))
        .config(format!("maxmemory-policy {policy}"))
        .start_within(START_LIMIT);
    let mut load = Load {
        random: Random(0xcac4e),
        zipf,
        save_every: Duration::from_secs_f64(SAVE_EVERY * scale),
        saves: 0,
    };
    load.drive(&server, WARM_UP * scale);
    let before = load.drive(&server, BEFORE * scale);
    let keys = server.client().int("DBSIZE") as usize;
    let server = server.restart();
    let keys_loaded = server.client().int("DBSIZE") as usize;
    let just_after = load.drive(&server, AFTER * JUST_AFTER * scale);
    let rest = load.drive(&server, AFTER * (1.0 - JUST_AFTER) * scale);
    Outcome {
        before,
        just_after,
        after: Phase {
            reads: just_after.reads + rest.reads,
            hits: just_after.hits + rest.hits,
            errors: just_after.errors + rest.errors,
            peak: just_after.peak.max(rest.peak),
        },
        keys,
        keys_loaded,
        saves: load.saves,
    }
}

/// The readers of one server.
struct Load<'a> {
    random: Random,
    zipf: &'a Zipf,
    save_every: Duration,
    saves: usize,
}

impl Load<'_> {
    /// Reads for `seconds`, at the pace; as many requests for every server.
    fn drive(&mut self, server: &Server, seconds: f64) -> Phase {
        let (mut client, mut watcher) = (server.client(), server.client());
        let mut seen = Phase::default();
        let start = Instant::now();
        let batches = (seconds * RATE as f64) as u64 / BATCH as u64;
        let per_second = RATE / BATCH as u64;
        let mut next_save = self.save_every;
        for i in 0..batches {
            let due = Duration::from_secs_f64(i as f64 / per_second as f64);
            thread::sleep(due.saturating_sub(start.elapsed()));
            self.batch(&mut client, &mut seen);
            if i % (per_second / 4) == 0 {
                seen.peak = seen.peak.max(counted_memory(&mut watcher));
            }
            if due >= next_save {
                next_save += self.save_every;
                // One that still runs is left alone.
                self.saves += usize::from(!watcher.run("BGSAVE").is_error());
            }
        }
        seen
    }

    fn batch(&mut self, client: &mut Client, seen: &mut Phase) {
        let keys: Vec<usize> = (0..BATCH)
            .map(|_| self.zipf.pick(&mut self.random))
            .collect();
        let name = |key: usize| format!("key:{key:07}").into_bytes();
        let reads: Vec<_> = keys
            .iter()
            .map(|k| vec![b"GET".to_vec(), name(*k)])
            .collect();
        let mut writes = Vec::new();
        for (key, reply) in keys.iter().zip(client.pipeline(&reads)) {
            seen.reads += 1;
            match reply {
                Value::Bulk(_) => seen.hits += 1,
                Value::NullBulk => writes.push(vec![b"SET".to_vec(), name(*key), value(*key)]),
                _ => seen.errors += 1,
            }
        }
        let replies = client.pipeline(&writes);
        seen.errors += replies.iter().filter(|r| r.is_error()).count() as u64;
    }
}

/// The value of a key: it does not compress, its length is the key's own.
fn value(key: usize) -> Vec<u8> {
    let mut random = Random(key as u64);
    let length = VALUE_LENGTHS.start + random.below(VALUE_LENGTHS.len());
    (0..length).map(|_| random.next() as u8).collect()
}

fn counted_memory(client: &mut Client) -> u64 {
    let info = client.info("memory");
    let field = |name: &str| info.get(name).and_then(|v| v.parse::<u64>().ok());
    let used = field("used_memory").expect("INFO has it");
    used - field("mem_not_counted_for_evict").unwrap_or(0)
}

/// Ranks from 0 on, the probability of rank r in proportion to (r + 1)^-[`EXPONENT`].
struct Zipf {
    /// The probability of this rank or a smaller one.
    sums: Vec<f64>,
}

impl Zipf {
    fn new(n: usize) -> Zipf {
        let mut sum = 0.0;
        let weights = (1..=n).map(|rank| {
            sum += (rank as f64).powf(-EXPONENT);
            sum
        });
        let mut sums: Vec<f64> = weights.collect();
        sums.iter_mut().for_each(|s| *s /= sum);
        Zipf { sums }
    }

    fn len(&self) -> usize {
        self.sums.len()
    }

    fn pick(&self, random: &mut Random) -> usize {
        let at = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
        self.sums
            .partition_point(|sum| *sum <= at)
            .min(self.len() - 1)
    }

    /// The hit ratio, in percent, of who always holds the `n` most wanted keys.
    fn best(&self, n: usize) -> f64 {
        match n {
            0 => 0.0,
            n => 100.0 * self.sums[n.min(self.len()) - 1],
        }
    }
}

fn print(options: &Options, results: &[Outcome], zipf: &Zipf) {
    println!(
        "  {:12} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6}",
        "server",
        "before",
        "just after",
        "after",
        "keys",
        "best",
        "loaded",
        "memory",
        "errors",
        "saves"
    );
    for (server, r) in options.servers.iter().zip(results) {
        let peak = r.before.peak.max(r.after.peak) as f64 / MAXMEMORY as f64;
        println!(
            "  {:12} {:>8.2}% {:>10.2}% {:>8.2}% {:>9} {:>8.2}% {:>9} {:>8.2}% {:>7} {:>6}",
            server.name,
            r.before.percent(),
            r.just_after.percent(),
            r.after.percent(),
            r.keys,
            zipf.best(r.keys),
            r.keys_loaded,
            100.0 * peak,
            r.before.errors + r.after.errors,
            r.saves
        );
    }
    let (first, others) = (&results[0], options.servers.iter().zip(results).skip(1));
    for (peer, other) in others {
        println!(
            "  {} - {}: {:+.2} before, {:+.2} just after, {:+.2} after; misses of the best {:+.2} and {:+.2}",
            options.servers[0].name,
            peer.name,
            first.before.percent() - other.before.percent(),
            first.just_after.percent() - other.just_after.percent(),
            first.after.percent() - other.after.percent(),
            first.before.percent() - zipf.best(first.keys),
            other.before.percent() - zipf.best(other.keys),
        );
    }
}
