//! Resident memory a key at many value sizes, with and without an expiry: fresh, after two rounds of
//! random overwrites of other sizes, and what comes back after half of the keys are deleted.

use std::time::Duration;

use crate::contest::Contestant;
use crate::options::Options;
use crate::pipe::{Pipe, Random};
use crate::support::server::Server;
use crate::support::wait::wait_for;
use crate::usage::rss_bytes;

/// Value sizes in bytes: where layouts change hands.
const SIZES: [usize; 9] = [8, 64, 200, 420, 510, 600, 1_000, 4_000, 20_000];

/// Bytes of values at full scale; never more keys than this.
const BYTES: usize = 400_000_000;
const KEYS_MAX: usize = 2_000_000;

/// How long memory must stay the same before it is believed.
const QUIET: Duration = Duration::from_secs(1);

/// What one server showed at one size.
struct Row {
    server: String,
    fresh: f64,
    churned: f64,
    /// Share of the resident memory that went back, in percent.
    returned: f64,
}

/// Runs the job.
pub fn run(options: &Options) {
    println!(
        "\nresident memory a key [B]: fresh, after two rounds of random overwrites at 0.5 to 1.5 x the size;"
    );
    println!(
        "given back after half of the keys were deleted at random [%]; ratios to the best peer, below 1 is less"
    );
    for expiry in [false, true] {
        for size in SIZES {
            let keys = options.scaled((BYTES / size).min(KEYS_MAX)).max(1_000);
            println!(
                "  {size} B {} expiry, {keys} keys",
                if expiry { "with" } else { "without" }
            );
            let rows: Vec<_> = options
                .servers
                .iter()
                .map(|s| measure(s, size, expiry, keys))
                .collect();
            rows.iter().for_each(|row| print(row, &rows));
        }
    }
}

fn print(row: &Row, all: &[Row]) {
    let mut line = format!(
        "    {:12} {:>9.1} {:>9.1} {:>7.1} %",
        row.server, row.fresh, row.churned, row.returned
    );
    let peers: Vec<_> = all.iter().filter(|r| r.server != "forebay").collect();
    if row.server == "forebay" && !peers.is_empty() {
        let best = |of: fn(&Row) -> f64| peers.iter().map(|r| of(r)).fold(f64::INFINITY, f64::min);
        let (fresh, churned) = (
            row.fresh / best(|r| r.fresh),
            row.churned / best(|r| r.churned),
        );
        line += &format!("   {fresh:.2} fresh, {churned:.2} after overwrites");
    }
    println!("{line}");
}

fn measure(server: &Contestant, size: usize, expiry: bool, keys: usize) -> Row {
    let running = server.builder().start();
    let empty = rss_bytes(running.pid());
    let used = || settled(&running).saturating_sub(empty) as f64;
    let mut random = Random(size as u64);
    let mut pipe = Pipe::to(running.port());
    for i in 0..keys {
        set(&mut pipe, i, size, expiry, &mut random);
    }
    pipe.flush();
    let fresh = used();
    for _ in 0..2 * keys {
        let i = random.below(keys);
        let other = size / 2 + random.below(size + 1);
        set(&mut pipe, i, other, expiry, &mut random);
    }
    pipe.flush();
    let churned = used();
    for i in 0..keys {
        if random.next().is_multiple_of(2) {
            pipe.push(&[b"DEL", key(i).as_bytes()]);
        }
    }
    pipe.flush();
    Row {
        server: server.name.clone(),
        fresh: fresh / keys as f64,
        churned: churned / keys as f64,
        returned: 100.0 * (1.0 - used() / churned),
    }
}

fn key(i: usize) -> String {
    format!("key:{i:010}")
}

/// Random bytes: nothing to compress.
fn set(pipe: &mut Pipe, i: usize, size: usize, expiry: bool, random: &mut Random) {
    let mut value = Vec::with_capacity(size + 8);
    while value.len() < size {
        value.extend_from_slice(&random.next().to_le_bytes());
    }
    value.truncate(size);
    let key = key(i);
    if expiry {
        pipe.push(&[b"SET", key.as_bytes(), &value, b"PXAT", b"4000000000000"]);
    } else {
        pipe.push(&[b"SET", key.as_bytes(), &value]);
    }
}

/// Resident bytes once they have stopped changing: allocators and compaction return memory later.
fn settled(server: &Server) -> u64 {
    let mut last = (rss_bytes(server.pid()), std::time::Instant::now());
    wait_for("memory has settled", Duration::from_secs(60), || {
        let now = rss_bytes(server.pid());
        if now.abs_diff(last.0) > (1 << 20) {
            last = (now, std::time::Instant::now());
        }
        (last.1.elapsed() >= QUIET).then_some(now)
    })
}
