//! The latency monitor.

use std::collections::{BTreeMap, VecDeque};

/// The number of samples that are kept of each event.
const SAMPLES: usize = 160;

/// Events that took longer than `latency-monitor-threshold`.
#[derive(Default)]
pub struct LatencyMonitor(pub BTreeMap<&'static str, Event>);

/// The samples of one event.
#[derive(Default)]
pub struct Event {
    /// The longest time of each second as (Unix second, ms), oldest first.
    pub samples: VecDeque<(i64, i64)>,
    /// The longest of all times, ms.
    pub max: i64,
}

impl LatencyMonitor {
    /// Keeps a sample of an event that took `ms`, if that reaches the threshold (0 means that none is kept).
    pub fn note(&mut self, event: &'static str, ms: i64, threshold: i64, now_s: i64) {
        if threshold == 0 || ms < threshold {
            return;
        }
        let event = self.0.entry(event).or_default();
        event.max = event.max.max(ms);
        match event.samples.back_mut() {
            Some(last) if last.0 == now_s => last.1 = last.1.max(ms),
            _ => event.samples.push_back((now_s, ms)),
        }
        if event.samples.len() > SAMPLES {
            event.samples.pop_front();
        }
    }
}
