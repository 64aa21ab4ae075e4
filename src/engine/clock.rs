//! Time, as the engine sees it.

use keyspace::UnixMillis;

/// Time, as the server read it before this batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Unix time, ms.
    pub unix_ms: UnixMillis,
    /// Unix time, µs.
    pub unix_us: i64,
    /// How far TIME is ahead of `unix_us`, µs: more than zero once a script has taken long. Keys do not expire while a
    /// script runs, however long that is; but a script that waits by TIME must come to an end.
    pub script_us: i64,
    /// Unix time when the server started and what the monotonic clock has counted since, ms. Whatever is done to the
    /// wall clock, a difference of two readings is the time that has passed, so time-outs, pauses, ages and heat use
    /// it. Expiries use `unix_ms`.
    pub steady_ms: i64,
    /// Monotonic, µs since start.
    pub mono_us: u64,
}

impl Clock {
    /// What TIME says, Unix µs.
    pub fn time_us(&self) -> i64 {
        self.unix_us + self.script_us
    }

    /// Advances the time to a reading of the monotonic clock, ns since start.
    #[cold]
    pub fn advance_to(&mut self, mono_ns: u64) {
        let us = (mono_ns / 1000).saturating_sub(self.mono_us);
        self.mono_us += us;
        self.unix_us += us as i64;
        self.script_us = 0;
        self.unix_ms = self.unix_us / 1000;
        self.steady_ms += (us / 1000) as i64;
    }
}
