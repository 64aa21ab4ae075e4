//! Housekeeping: gives memory back that overwrites and deletions have left in holes.
//!
//! The emptiest region is drained, a few extents at a time: they move into holes elsewhere, and the
//! region goes back to the system as a whole. What is free in the others is given back by pages.

use super::Db;
use super::heap::{Kind, REGION};

/// Bytes moved in a slice; some 50 µs.
const SLICE: usize = 128 << 10;
/// Regions whose free pages are given back in a slice.
const PURGE_REGIONS: usize = 4;

/// A region that is being drained.
#[derive(Clone, Copy)]
pub(super) struct Drain {
    region: u32,
    unit: usize,
}

impl Db {
    /// One slice; true if there is more to do at once.
    pub(super) fn tidy(&mut self) -> bool {
        let heap = self.dir.heap();
        let (used, resident) = (heap.used_bytes(), heap.resident_bytes());
        if let Some(drain) = self.drain.take() {
            self.drain = self.drain_on(drain);
            return true;
        }
        let holes = resident.saturating_sub(used);
        if holes < 2 * REGION + used / 16 {
            return false;
        }
        if holes > 2 * REGION + used / 8 {
            // Moving half a region to win a region is worth it when an eighth of all is holes.
            self.drain = self
                .dir
                .drain_emptiest(REGION / 4 * 3)
                .map(|region| Drain { region, unit: 0 });
            if self.drain.is_some() {
                return true;
            }
        }
        self.dir.purge(PURGE_REGIONS) > 0
    }

    fn drain_on(&mut self, mut drain: Drain) -> Option<Drain> {
        let mut left = SLICE;
        while left > 0 {
            let (kind, hash, address, next) = self.dir.extent_in(drain.region, drain.unit)?;
            drain.unit = next;
            let moved = match kind {
                Kind::Segment => self.dir.relocate(hash, address),
                Kind::Value => 0,
            };
            if moved == 0 {
                // Nowhere to go: the region stays.
                self.dir.keep(drain.region);
                return None;
            }
            left = left.saturating_sub(moved);
        }
        Some(drain)
    }
}
