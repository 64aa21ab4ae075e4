//! The only place that reads clocks.

use crate::commands::engine::Clock;
use std::cell::Cell;
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

/// For how long the wall clock is taken to go as the monotonic one does, ns.
const TRUSTED_NS: u64 = 1_000_000;

/// All readings that a batch of commands sees, and the monotonic time in ns. The wall clock is read once a
/// millisecond: each reading is a good part of what a short request costs.
pub fn read() -> (Clock, u64) {
    thread_local! {
        /// Monotonic ns and Unix µs of the last reading of both.
        static BOTH: Cell<(u64, i64)> = const { Cell::new((0, 0)) };
    }
    let now = monotonic_ns();
    let (then, unix) = BOTH.get();
    let since = now.saturating_sub(then);
    let unix_us = if unix != 0 && since < TRUSTED_NS {
        unix + (since / 1000) as i64
    } else {
        let unix = unix_us();
        BOTH.set((now, unix));
        unix
    };
    let clock = Clock {
        unix_ms: unix_us / 1000,
        unix_us,
        mono_us: now / 1000,
    };
    (clock, now)
}
