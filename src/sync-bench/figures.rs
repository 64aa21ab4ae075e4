//! Turns measured syncs into figures: medians and spreads over the repetitions of a cell.

use super::load::Sample;
use super::plan::Cell;
use super::sync::Measured;
use super::usage::Usage;
use crate::sync_log::moments::{Kind, Side};

/// Median, least and most of some values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The middle one; of an even number the mean of the two middle ones.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of all values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut all: Vec<f64> = values.into_iter().collect();
        all.sort_by(f64::total_cmp);
        let (min, max) = (*all.first()?, *all.last()?);
        let middle = all.len() / 2;
        let median = match all.len() % 2 {
            0 => (all[middle - 1] + all[middle]) / 2.0,
            _ => all[middle],
        };
        Some(Spread { median, min, max })
    }
}

/// The value below which `part` of all lie: the smallest with at least that many not above it (nearest rank). `None` if
/// there are none.
pub fn percentile(values: &mut [u64], part: f64) -> Option<u64> {
    values.sort_unstable();
    let rank = (part * values.len() as f64).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// Latencies in µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half were faster.
    pub p50_us: u64,
    /// All but one of a thousand were faster.
    pub p999_us: u64,
    /// The slowest.
    pub worst_us: u64,
    /// How many there are.
    pub count: u64,
}

impl Latency {
    /// Of all repetitions together.
    pub fn of(mut all: Vec<u64>) -> Option<Latency> {
        Some(Latency {
            p50_us: percentile(&mut all, 0.5)?,
            p999_us: percentile(&mut all, 0.999)?,
            worst_us: *all.last()?,
            count: all.len() as u64,
        })
    }
}

/// What one side used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SideFigures {
    /// Bytes at the most.
    pub memory_peak: Spread,
    /// Bytes at the most, more than before.
    pub memory_extra: Spread,
    /// Seconds.
    pub cpu_s: Spread,
    /// CPU time in parts of the time that the sync took: 1 = one processor was busy.
    pub cpu_share: Spread,
}

/// A cell's figures.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What was measured.
    pub cell: Cell,
    /// How often.
    pub runs: usize,
    /// The way that was really taken.
    pub way: String,
    /// REPLICAOF until the replica can be used, ms.
    pub total_ms: Spread,
    /// REPLICAOF until the link is up, ms.
    pub up_ms: Spread,
    /// REPLICAOF until everything written is acknowledged, ms.
    pub caught_up_ms: Option<Spread>,
    /// Each phase, in the order of time, ms.
    pub phases: Vec<(Side, Kind, Spread)>,
    /// Payload on the wire.
    pub bytes: Option<Spread>,
    /// Payload by total time, bytes a second.
    pub bytes_per_s: Option<Spread>,
    /// Keys by total time.
    pub keys_per_s: Spread,
    /// Keys of the replica.
    pub keys: u64,
    /// The master's use.
    pub master: Option<SideFigures>,
    /// The replica's.
    pub replica: Option<SideFigures>,
    /// Latency of a reading client of the master during the sync.
    pub latency: Option<Latency>,
    /// The same before.
    pub latency_before: Option<Latency>,
    /// Writes a second that were answered.
    pub writes_per_s: Option<Spread>,
    /// Errors among them.
    pub write_errors: u64,
}

impl Summary {
    /// Of a cell's runs; `None` if there are none.
    pub fn of(cell: Cell, runs: &[Measured]) -> Option<Summary> {
        let spread = |f: &dyn Fn(&Measured) -> Option<f64>| Spread::of(runs.iter().filter_map(f));
        let ms = |us: i64| us as f64 / 1000.0;
        let seconds = |r: &Measured| (r.total_us.max(1)) as f64 / 1e6;
        let all = |f: &dyn Fn(&Measured) -> Vec<u64>| runs.iter().flat_map(f).collect::<Vec<_>>();
        Some(Summary {
            cell,
            runs: runs.len(),
            way: runs.first()?.way.clone(),
            total_ms: spread(&|r| Some(ms(r.total_us)))?,
            up_ms: spread(&|r| Some(ms(r.up_us)))?,
            caught_up_ms: spread(&|r| r.caught_up_us.map(ms)),
            phases: phases(runs),
            bytes: spread(&|r| r.bytes.map(|b| b as f64)),
            bytes_per_s: spread(&|r| r.bytes.map(|b| b as f64 / seconds(r))),
            keys_per_s: spread(&|r| Some(r.keys as f64 / seconds(r)))?,
            keys: runs.last()?.keys,
            master: side(runs, &|r| r.master),
            replica: side(runs, &|r| r.replica),
            latency: Latency::of(all(&|r| r.latencies.iter().map(|s| s.latency_us).collect())),
            latency_before: Latency::of(all(&|r| r.latencies_before.clone())),
            writes_per_s: spread(&|r| r.writes_per_s),
            write_errors: runs.iter().map(|r| r.write_errors).sum(),
        })
    }

    /// The typical run: the one whose total is nearest to the median.
    pub fn typical<'a>(&self, runs: &'a [Measured]) -> Option<&'a Measured> {
        let distance = |r: &&Measured| (r.total_us as f64 / 1000.0 - self.total_ms.median).abs();
        runs.iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    /// A phase's median in ms; 0 where there is none.
    pub fn phase_ms(&self, wanted: &[Kind]) -> f64 {
        let fits = self
            .phases
            .iter()
            .filter(|(_, kind, _)| wanted.contains(kind));
        fits.map(|(_, _, spread)| spread.median).sum()
    }
}

fn phases(runs: &[Measured]) -> Vec<(Side, Kind, Spread)> {
    let mut found = Vec::new();
    for side in [Side::Replica, Side::Master] {
        for kind in Kind::ALL {
            let lengths = runs.iter().filter_map(|run| {
                let all = run.moments.phases();
                let mut ours = all.iter().filter(|p| p.kind == *kind && p.side == side);
                let first = ours.next()?.length_us();
                Some((first + ours.map(|p| p.length_us()).sum::<i64>()) as f64 / 1000.0)
            });
            if let Some(spread) = Spread::of(lengths) {
                found.push((side, *kind, spread));
            }
        }
    }
    found
}

fn side(runs: &[Measured], of: &dyn Fn(&Measured) -> Option<Usage>) -> Option<SideFigures> {
    let spread = |f: &dyn Fn(&Usage, &Measured) -> f64| {
        Spread::of(runs.iter().filter_map(|r| Some(f(&of(r)?, r))))
    };
    Some(SideFigures {
        memory_peak: spread(&|u, _| u.memory_peak as f64)?,
        memory_extra: spread(&|u, _| u.memory_peak.saturating_sub(u.memory_before) as f64)?,
        cpu_s: spread(&|u, _| u.cpu_s)?,
        cpu_share: spread(&|u, r| u.cpu_s * 1e6 / r.total_us.max(1) as f64)?,
    })
}

/// The slowest of each of `slots` equal parts of a time; 0 where nothing was asked.
pub fn slowest_over_time(samples: &[Sample], total_us: i64, slots: usize) -> Vec<u64> {
    let mut worst = vec![0; slots.max(1)];
    let total = total_us.max(1) as f64;
    for sample in samples {
        let at = (sample.at_us as f64 / total * worst.len() as f64) as usize;
        let last = worst.len() - 1;
        let slot = &mut worst[at.min(last)];
        *slot = sample.latency_us.max(*slot);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_of_an_even_number_lies_between_the_middle_ones() {
        let spread = |v: &[f64]| Spread::of(v.iter().copied());
        assert_eq!(spread(&[]), None);
        let one = spread(&[3.0]).unwrap();
        assert_eq!((one.min, one.median, one.max), (3.0, 3.0, 3.0));
        let even = spread(&[9.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!((even.min, even.median, even.max), (1.0, 3.0, 9.0));
    }

    #[test]
    fn the_slowest_answer_of_each_moment_is_kept() {
        let sample = |at_us, latency_us| Sample { at_us, latency_us };
        let all = [sample(0, 5), sample(10, 9), sample(99, 3), sample(100, 4)];
        assert_eq!(slowest_over_time(&all, 100, 4), [9, 0, 0, 4]);
        assert_eq!(slowest_over_time(&[], 0, 2), [0, 0]);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        let mut all: Vec<u64> = (1..=1000).rev().collect();
        assert_eq!(percentile(&mut all, 0.5), Some(500));
        assert_eq!(percentile(&mut all, 0.999), Some(999));
        assert_eq!(percentile(&mut [7], 0.999), Some(7));
        assert_eq!(percentile(&mut [], 0.5), None);
    }
}
