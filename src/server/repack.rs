//! Decides when values outside the records are moved, to free the pages in which deletions and overwrites have left
//! holes.
//!
//! The allocator says how many bytes of its pages are holes. If there are many, a round over the keyspace moves
//! values out of the emptiest pages ([`Keyspace::repack`](keyspace::Keyspace::repack)). While there are
//! writes, holes will soon be filled, so more of them are tolerated.

use super::allocator::{self, PurgeWhenDropped};
use engine::Engine;
use keyspace::Round;

/// Fewer bytes of holes are not worth a round.
const HOLES_MIN: usize = 1 << 20;
/// Fewer bytes of unused pages may wait for the allocator's own time.
const UNUSED_MIN: usize = 2 << 20;
/// Turns of the periodic work without a change, after which the server counts as resting.
const PAUSE_TURNS: u64 = 3;

/// Which holes are worth a round.
#[derive(Clone, Copy)]
struct Demand {
    /// A round begins if at least one in this many bytes of all pages in use is a hole.
    of_active: usize,
    /// A value is moved if at least one in this many places for values of its size is free.
    of_size: usize,
}

/// Under writes.
const BUSY: Demand = Demand {
    of_active: 4,
    of_size: 8,
};
/// The same during a pause, when nothing else will fill the free places.
const QUIET: Demand = Demand {
    of_active: 64,
    of_size: 64,
};

/// A round that is under way.
struct Running {
    round: Round,
    demand: Demand,
    /// Holes when it began.
    before: usize,
}

/// The rounds, one after the other.
#[derive(Default)]
pub struct Repacker {
    running: Option<Running>,
    /// Holes that the last round could not close.
    accepted: usize,
    /// The count of changes of the dataset at the last look.
    dirty: i64,
    /// How often that count has been the same since.
    quiet_turns: u64,
}

impl Repacker {
    /// Runs one slice. Returns true if there is more to do at once.
    pub fn slice(&mut self, engine: &mut Engine) -> bool {
        // A snapshot shares the values that it has walked over, so that they could not be freed; besides, its slices
        // come first.
        if engine.keyspace.snapshot_running() {
            return false;
        }
        let Some(mut running) = self.running.take() else {
            return self.begin(engine);
        };
        let one_in = running.demand.of_size;
        // The free memory that this thread has cached is in the very pages that are to be emptied, before the slice and
        // after it.
        allocator::flush_thread_cache();
        let mut left = Vec::new();
        let mut is_sparse = |address| allocator::is_sparse(address, one_in);
        let round = &mut running.round;
        let done = engine.keyspace.repack(round, &mut is_sparse, &mut left);
        drop(left);
        allocator::flush_thread_cache();
        if !done {
            self.running = Some(running);
            return true;
        }
        allocator::refresh();
        let (before, after) = (running.before, allocator::holes());
        // Holes between other allocations than values cannot be closed, so a round that won little is not repeated
        // for them.
        self.accepted = if after > before / 8 * 7 { after } else { 0 };
        engine.drop_later(Box::new(PurgeWhenDropped));
        false
    }

    /// Begins a round if there are enough holes. During a pause, unused pages are returned to the system at once.
    fn begin(&mut self, engine: &mut Engine) -> bool {
        let holes = allocator::holes();
        let quiet = std::mem::replace(&mut self.dirty, engine.dirty) == engine.dirty;
        self.quiet_turns = if quiet { self.quiet_turns + 1 } else { 0 };
        if self.quiet_turns == PAUSE_TURNS && allocator::unused() > UNUSED_MIN {
            engine.drop_later(Box::new(PurgeWhenDropped));
        }
        let paused = self.quiet_turns >= PAUSE_TURNS;
        let demand = if paused { QUIET } else { BUSY };
        if holes < self.accepted / 2 {
            self.accepted = 0;
        }
        let least = HOLES_MIN + allocator::read(&allocator::ACTIVE) / demand.of_active;
        if holes < least.max(self.accepted / 4 * 5) {
            return false;
        }
        self.running = Some(Running {
            round: Round::default(),
            demand,
            before: holes,
        });
        true
    }
}
