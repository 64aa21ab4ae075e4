//! When the clock is read to see what a call took.
//!
//! The time of a call is the difference between two readings, and a reading costs as much as a third of a short request.
//! So requests of a batch that name the same command one after another are timed together while that command takes little
//! time as a rule: each is counted with an equal part of what they took. Only a reading can tell that one of them took
//! long, so a clock that costs next to nothing and goes in steps of a few milliseconds is looked at after each, and the
//! exact one is read when it has gone on. Whoever asks for shorter times has each call timed by itself.

use super::table::Entry;
use super::{Engine, Session};

/// Calls are timed by themselves where times below this matter: the longest step of the coarse clock.
const STEP_NS: u64 = 10_000_000;

/// Calls of a command that takes longer than this on average are timed by themselves: a reading is little beside them.
const SHORT_NS: u64 = 5_000;

/// After calls that take longer than this, the clock is advanced for the rest of the batch.
const MOMENT_NS: u64 = 1_000_000;

impl Engine {
    /// Says whether the request that is about to run is followed by one that names the same command.
    #[inline]
    pub fn expect_same(&mut self, more: bool) {
        self.untimed.more = more;
    }

    /// A call of this command begins: those of another are timed before it. Gives the time at which it begins.
    #[inline]
    pub(super) fn call_begins(&mut self, command: usize) -> u64 {
        if self.untimed.calls > 0 && self.untimed.command != command {
            self.time_calls();
        }
        self.tick
    }

    /// True if the call that has ended is timed with the next one.
    #[inline]
    pub(super) fn is_timed_later(&mut self, client: &Session, command: &Entry) -> bool {
        if !self.untimed.more || self.depth > 0 {
            return false;
        }
        let stats = &self.stats.per_command[command.index];
        if stats.nanos > stats.calls * SHORT_NS {
            return false;
        }
        if self.watch_from_ns < STEP_NS || self.hotkeys.is_some() || client.blocked.is_some() {
            return false;
        }
        let now = (self.coarse_timer)();
        if self.untimed.seen != now {
            self.untimed.seen = now;
            return false;
        }
        self.untimed.calls += 1;
        self.untimed.command = command.index;
        true
    }

    /// Reads the clock after a call of this command that began at `began`, and times those before it. Gives what it
    /// took, ns. What follows a long one outside of EXEC and scripts, which are of one moment, sees that time has
    /// passed.
    #[inline]
    pub(super) fn time_call(&mut self, command: usize, began: u64, from_script: bool) -> u64 {
        self.tick = (self.timer)();
        let mut nanos = self.tick - began;
        if nanos > MOMENT_NS && self.depth == 0 && !from_script {
            let tick = self.tick;
            self.clock.advance_to(tick);
        }
        if self.untimed.calls > 0 {
            let before = std::mem::take(&mut self.untimed.calls);
            let stats = &self.stats.per_command[command];
            let mut each = nanos / u64::from(before + 1);
            if nanos > MOMENT_NS {
                // It was this one, which the coarse clock has told: the others are taken to be as all are.
                each = each.min(stats.nanos / stats.calls.max(1));
            }
            self.record_times(command, each, before);
            nanos -= each * u64::from(before);
        }
        nanos
    }

    /// Times the calls that are not timed yet.
    #[cold]
    fn time_calls(&mut self) {
        let command = self.untimed.command;
        let calls = std::mem::take(&mut self.untimed.calls);
        let tick = (self.timer)();
        let nanos = tick - std::mem::replace(&mut self.tick, tick);
        if nanos > MOMENT_NS {
            self.clock.advance_to(tick);
        }
        self.record_times(command, nanos / u64::from(calls), calls);
    }

    /// A batch is over: no call of it stays untimed.
    #[inline]
    pub fn end_timing(&mut self) {
        self.untimed.more = false;
        if self.untimed.calls > 0 {
            self.time_calls();
        }
    }

    fn record_times(&mut self, command: usize, each: u64, calls: u32) {
        let stats = &mut self.stats.per_command[command];
        stats.nanos += each * u64::from(calls);
        if self.config.latency_tracking {
            stats.times.record_many(each, calls);
        }
    }
}
