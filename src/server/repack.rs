//! When values that stand outside the records are moved, to free the pages that deletions left nearly empty.
//!
//! The allocator says how many bytes of its pages are holes. Where they are many, a round through the
//! keyspace moves values out of the emptiest pages ([`Keyspace::repack`](crate::keyspace::Keyspace::repack)).
//! Under writes, holes are about to be filled, so more of them are left.

use super::allocator::{self, PurgeWhenDropped};
use crate::commands::Engine;
use crate::keyspace::Round;

/// Fewer bytes of holes are not worth a round.
const HOLES_MIN: usize = 1 << 20;
/// Fewer bytes of unused pages may wait for the allocator's own time.
const UNUSED_MIN: usize = 2 << 20;
/// Turns of the clockwork without a change: a pause.
const PAUSE_TURNS: u64 = 3;

/// The rounds, one after the other.
#[derive(Default)]
pub struct Repacker {
    /// The one that is under way, and the holes before it.
    round: Option<(Round, usize)>,
    /// Holes that the last round could not close.
    accepted: usize,
    /// The count of changes of the dataset when it was last looked at,
    dirty: i64,
    /// and how often it has been the same since.
    quiet_turns: u64,
}

impl Repacker {
    /// One slice; true if there is more to do at once.
    pub fn slice(&mut self, engine: &mut Engine) -> bool {
        // A snapshot shares the values that it has walked over, so they would stay; and its slices come first.
        if engine.keyspace.snapshot_running() {
            return false;
        }
        let Some((mut round, before)) = self.round.take() else {
            return self.begin(engine);
        };
        // What this thread keeps at hand comes from just those pages, before the slice and after it.
        allocator::flush_thread_cache();
        let mut left = Vec::new();
        let done = engine
            .keyspace
            .repack(&mut round, &mut allocator::is_sparse, &mut left);
        drop(left);
        allocator::flush_thread_cache();
        if !done {
            self.round = Some((round, before));
            return true;
        }
        allocator::refresh();
        let after = allocator::holes();
        // Holes among other things than values stay; a round that won little is not repeated for them.
        self.accepted = if after > before / 8 * 7 { after } else { 0 };
        engine.drop_later(Box::new(PurgeWhenDropped));
        false
    }

    /// Begins a round if there are holes enough. In a pause, pages that are not used at all go back at once.
    fn begin(&mut self, engine: &mut Engine) -> bool {
        let holes = allocator::holes();
        let quiet = std::mem::replace(&mut self.dirty, engine.dirty) == engine.dirty;
        self.quiet_turns = if quiet { self.quiet_turns + 1 } else { 0 };
        if self.quiet_turns == PAUSE_TURNS && allocator::unused() > UNUSED_MIN {
            engine.drop_later(Box::new(PurgeWhenDropped));
        }
        let share = if quiet { 10 } else { 4 };
        if holes < self.accepted / 2 {
            self.accepted = 0;
        }
        let least = HOLES_MIN + allocator::read(&allocator::ACTIVE) / share;
        if holes < least.max(self.accepted / 4 * 5) {
            return false;
        }
        self.round = Some((Round::default(), holes));
        true
    }
}
