//! The distribution of a command's execution times.
//!
//! A log-linear histogram of nanoseconds: exact below 256, then 128 steps per power of two (two
//! significant digits, the resolution that INFO latencystats shows). It grows with the longest time, so
//! that a fast command takes a few hundred counters.

/// Each value below this has its own counter.
const EXACT: u64 = 256;
/// Counters for each power of two above that.
const STEPS: u64 = 128;
/// Longer times are counted as one second.
const LONGEST: u64 = 1_000_000_000;
/// LATENCY HISTOGRAM starts at this boundary and doubles it.
const FIRST_BOUNDARY: u64 = 1024;

/// The distribution of one command's times.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Histogram {
    /// Counts one time, ns.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        self.record_many(nanos, 1);
    }

    /// Counts one time, ns, for this many calls.
    #[inline]
    pub fn record_many(&mut self, nanos: u64, calls: u32) {
        let index = index(nanos.min(LONGEST));
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] = self.counts[index].saturating_add(calls);
        self.total += u64::from(calls);
    }

    /// Number of times counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The time in ns below or at which `percent` of all are, rounded up to the histogram's step.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent / 100.0 * self.total as f64 + 0.5).floor().max(1.0) as u64;
        let mut seen = 0;
        for (i, &count) in self.counts.iter().enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                return highest(i);
            }
        }
        0
    }

    /// (µs, number of times up to it) at powers of two, where the number grows.
    pub fn boundaries(&self) -> Vec<(u64, u64)> {
        let mut out: Vec<(u64, u64)> = Vec::new();
        let mut boundary = FIRST_BOUNDARY;
        let mut seen = 0;
        for (i, &count) in self.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            while lowest(i) > boundary {
                boundary *= 2;
            }
            seen += u64::from(count);
            let micros = boundary / 1000;
            match out.last_mut() {
                Some(last) if last.0 == micros => last.1 = seen,
                _ => out.push((micros, seen)),
            }
        }
        out
    }
}

fn index(nanos: u64) -> usize {
    if nanos < EXACT {
        return nanos as usize;
    }
    let shift = u64::from(nanos.ilog2()) - 7;
    (EXACT + (shift - 1) * STEPS + ((nanos >> shift) - STEPS)) as usize
}

fn lowest(index: usize) -> u64 {
    let index = index as u64;
    if index < EXACT {
        return index;
    }
    let shift = (index - EXACT) / STEPS + 1;
    ((index - EXACT) % STEPS + STEPS) << shift
}

fn highest(index: usize) -> u64 {
    lowest(index + 1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_between_the_ends_of_its_counter() {
        for nanos in (0..5000).chain([7000, 103_450_000, LONGEST]) {
            let i = index(nanos);
            assert!(lowest(i) <= nanos && nanos <= highest(i), "{nanos}");
        }
        assert_eq!(highest(index(7000)), 7007); // as the reference server shows 7 µs
        assert_eq!(highest(index(13_000)), 13_055);
    }

    #[test]
    fn percentiles_and_boundaries_follow_what_was_counted() {
        let mut h = Histogram::default();
        for n in 1..=100 {
            h.record(n * 1000);
        }
        assert!((50_000..50_500).contains(&h.percentile(50.0)));
        assert!((100_000..100_500).contains(&h.percentile(100.0)));
        let ends = h.boundaries();
        assert_eq!(ends[0], (1, 1));
        assert_eq!(ends.last(), Some(&(131, 100)));
    }
}
