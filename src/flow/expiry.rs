//! A cycle of active expiry: slices between the clients' batches, which take a share of each round of the periodic
//! work.

use engine::Engine;
use engine::expire_cycle::ExpireSlice;

/// Longest time that clients wait for one slice, in microseconds.
const SLICE_US: u64 = 200;

/// Runs one cycle.
#[derive(Clone, Copy, Debug)]
pub struct Cycle {
    budget_us: u64,
}

impl Cycle {
    /// The cycle of a turn: a quarter of the turn's time at most, more with `active-expire-effort`.
    pub fn of_turn(effort: i64, hz: i64) -> Cycle {
        let share = 25 + 2 * (effort.clamp(1, 10) as u64 - 1);
        let budget_us = 1_000_000 * share / 100 / hz.clamp(1, 500) as u64;
        Cycle { budget_us }
    }

    /// Runs one slice; `spent_us` gives the time that the slices of this cycle have taken, with this one. True when
    /// the cycle is over.
    pub fn slice(self, engine: &mut Engine, spent_us: impl FnOnce() -> u64) -> bool {
        if !engine.may_expire() {
            return true;
        }
        let over = engine.expire_slice(SLICE_US) == ExpireSlice::Done;
        let cut = !over && spent_us() >= self.budget_us;
        if over || cut {
            engine.note_expire_cycle(cut);
        }
        over || cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_takes_a_quarter_of_a_turn_or_more_with_effort() {
        for (effort, hz, us) in [
            (1, 10, 25_000),
            (2, 10, 27_000),
            (10, 10, 43_000),
            (99, 10, 43_000),
            (0, 10, 25_000),
            (1, 100, 2_500),
            (1, 0, 250_000),
            (1, 1000, 500),
        ] {
            assert_eq!(Cycle::of_turn(effort, hz).budget_us, us, "{effort}, {hz}");
        }
    }
}
