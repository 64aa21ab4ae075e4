//! The only place that reads clocks.

use crate::commands::engine::Clock;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Monotonic ns since the process started.
pub fn monotonic_ns() -> u64 {
    START.elapsed().as_nanos() as u64
}

/// Unix time in µs.
pub fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_micros() as i64)
}

/// All readings that a batch of commands sees.
pub fn read() -> Clock {
    let unix_us = unix_us();
    Clock {
        unix_ms: unix_us / 1000,
        unix_us,
        mono_us: monotonic_ns() / 1000,
    }
}
