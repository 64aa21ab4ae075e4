//! Sampled figures: `instantaneous_*` in INFO.

use std::collections::VecDeque;

/// The number of samples over which an `instantaneous_*` figure is averaged.
const SAMPLES: usize = 16;

/// One `instantaneous_*` figure: the mean rate over the last samples.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: VecDeque<u64>,
    pub(super) last: u64,
}

impl Rate {
    /// Adds a reading of the counter, `us` after the previous one.
    pub(super) fn sample(&mut self, counter: u64, us: u64) {
        let grown = counter.saturating_sub(self.last);
        self.last = counter;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(grown * 1_000_000 / us.max(1));
    }

    /// Adds a reading of two counters, for the mean increase of the first per increase of the second.
    pub(super) fn sample_mean(&mut self, counter: u64, count: u64) {
        let grown = counter.saturating_sub(self.last);
        self.last = counter;
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(grown / count.max(1));
    }

    /// The mean of the samples taken so far.
    pub fn mean(&self) -> u64 {
        self.samples.iter().sum::<u64>() / self.samples.len().max(1) as u64
    }

    /// Per second.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }
}

/// The figures that are sampled.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub commands: Rate,
    /// Bytes from clients.
    pub input: Rate,
    /// Bytes to clients.
    pub output: Rate,
    /// Bytes from our primary.
    pub repl_input: Rate,
    /// Bytes to replicas.
    pub repl_output: Rate,
    /// Turns of the event loop.
    pub turns: Rate,
    /// Time that a turn takes, ns.
    pub turn_ns: Rate,
    pub(super) last_us: u64,
}
