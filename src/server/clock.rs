//! The only place that reads clocks.

use engine::clock::Clock;
use std::cell::Cell;
use std::sync::{LazyLock, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

static START: LazyLock<u64> = LazyLock::new(since_boot_ns);

/// Monotonic ns since the process started.
pub fn monotonic_ns() -> u64 {
    // At the first reading the clock is read twice. This one must be the later, so the start is initialized first.
    let start = *START;
    since_boot_ns() - start
}

/// The clock of [`std::time::Instant`] as a number. Every command reads it, and the arithmetic of `Instant` costs as
/// much as the reading.
fn since_boot_ns() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC)
}

/// The same clock as of the last interrupt of the timer, a few milliseconds ago at most: that costs a tenth.
pub fn coarse_ns() -> u64 {
    read_clock(libc::CLOCK_MONOTONIC_COARSE)
}

#[inline]
fn read_clock(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a timespec of ours, which the call fills. These clocks exist everywhere: it cannot fail.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
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
    /// Unix µs at monotonic 0, as the wall clock said it first.
    static BEGAN_US: OnceLock<i64> = OnceLock::new();
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
    let began_us = *BEGAN_US.get_or_init(|| unix_us - (now / 1000) as i64);
    let clock = Clock {
        unix_ms: unix_us / 1000,
        unix_us,
        script_us: 0,
        steady_ms: (began_us + (now / 1000) as i64) / 1000,
        mono_us: now / 1000,
    };
    (clock, now)
}
