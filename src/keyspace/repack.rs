//! Moves the buffers of packed values to places that the general allocator would choose now.
//!
//! A value outside the records is wherever the allocator had room for it, among other values of its size. When most of
//! those have been freed, it keeps their pages in use. The allocator cannot move it, but the keyspace can, because it
//! has the only reference. A value to which a snapshot or a command has another reference stays where it is.
//!
//! The caller receives the old buffers and drops them after the slice; otherwise the allocator would reuse a freed
//! buffer for the next move.

use super::{Keyspace, directory};

/// Bytes moved in a slice, which takes some 50 µs including allocating and freeing.
const SLICE: usize = 24 << 10;
/// Looking at a segment or at a value counts as this many bytes.
const LOOK: usize = 512;

/// How far a round through the keyspace has got.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    db: usize,
    hash: u64,
    link: usize,
    slot: usize,
}

impl Keyspace {
    /// One slice of a round: moves the buffers at the addresses for which `is_sparse` is true. The old buffers are
    /// added to `left`. Returns true when the round has ended.
    pub fn repack(
        &mut self,
        round: &mut Round,
        is_sparse: &mut dyn FnMut(*const u8) -> bool,
        left: &mut Vec<Vec<u8>>,
    ) -> bool {
        let mut budget = SLICE;
        while let Some(db) = self.dbs.get_mut(round.db) {
            budget = budget.saturating_sub(LOOK);
            let Some(mut segment) = db.dir.link_mut(round.hash, round.link) else {
                // Behind the end of a chain; or the database is empty.
                let first = db.dir.segment(round.hash);
                let next = first.and_then(|s| directory::after(s.prefix(), s.depth()));
                *round = Round {
                    db: round.db + next.is_none() as usize,
                    hash: next.unwrap_or(0),
                    ..Round::default()
                };
                continue;
            };
            let slots = segment.as_ref().slots().groups() * super::slots::SLOTS;
            while segment.foreign() > 0 && round.slot < slots {
                if budget == 0 {
                    return false;
                }
                if let Some(value) = segment.outside_mut(round.slot) {
                    let old = value.move_buffer(is_sparse);
                    budget = budget.saturating_sub(LOOK + old.as_ref().map_or(0, Vec::len));
                    left.extend(old);
                }
                round.slot += 1;
            }
            round.link += 1;
            round.slot = 0;
            if budget == 0 {
                return false;
            }
        }
        true
    }
}
