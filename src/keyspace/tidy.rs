//! Housekeeping: returns memory from holes that overwrites, deletions and growth leave.
//!
//! Free pages are returned to the system. If holes are smaller than pages, the extents of the worst region are moved
//! elsewhere, a few at a time, and the whole region is returned.
//!
//! While extents are allocated and freed, holes will soon be filled, and acting is only worthwhile if there are many.
//! After a pause of [`PAUSE_MS`], nearly all free memory is returned; then there is nothing to do until a good part of
//! the extents has changed.

use super::Db;
use super::heap::{Kind, REGION};

/// Bytes moved in a slice, or a segment: some 50 µs, most of it for fresh pages.
const SLICE: usize = 32 << 10;
/// Regions whose free pages are given back in a slice.
const PURGE_REGIONS: usize = 2;
/// System calls that a slice may make for that.
const PURGE_CALLS: usize = 8;
/// How long no extent must change for it to be a pause.
const PAUSE_MS: u64 = 300;

/// A region that is being drained.
#[derive(Clone, Copy)]
struct Drain {
    region: u32,
    unit: usize,
}

/// What housekeeping knows of a database.
#[derive(Default)]
pub(super) struct Tidy {
    drain: Option<Drain>,
    /// The heap's count of changes at the last look.
    seen: u64,
    /// When that count changed last.
    changed_at: u64,
    /// Changes of the heap when all was tidy.
    rested: u64,
    pause: Pause,
}

/// What is left to do in a pause.
#[derive(Clone, Copy, Default)]
enum Pause {
    /// Free pages of `regions` regions are to be given back.
    Purge { regions: usize, drains: usize },
    /// Extents between holes are to be moved, in at most `drains` regions.
    Drain { drains: usize, moved: bool },
    #[default]
    Rest,
}

impl Db {
    /// One slice; true if there is more to do at once. `now_ms` is monotonic.
    pub(super) fn tidy(&mut self, now_ms: u64) -> bool {
        let changes = self.dir.heap().changes();
        if changes != self.tidy.seen {
            self.tidy.changed_at = now_ms;
            let many = changes - self.tidy.rested > self.dir.segments() as u64 / 32;
            if many || !matches!(self.tidy.pause, Pause::Rest) {
                let regions = self.dir.heap().regions();
                self.tidy.pause = Pause::Purge {
                    regions,
                    drains: regions,
                };
            }
        }
        let more = if let Some(drain) = self.tidy.drain.take() {
            self.tidy.drain = self.drain_on(drain);
            true
        } else if now_ms.saturating_sub(self.tidy.changed_at) < PAUSE_MS {
            self.tidy_at_work()
        } else {
            self.tidy_in_pause()
        };
        self.tidy.seen = self.dir.heap().changes();
        more
    }

    fn tidy_at_work(&mut self) -> bool {
        let heap = self.dir.heap();
        let (holes, used) = (heap.holes(), heap.used_bytes());
        if holes < REGION / 2 + used / 16 {
            return false;
        }
        // Moving three quarters of a region to win a quarter is worth it when an eighth of all is holes.
        if holes > REGION / 2 + used / 8 && self.start_drain(REGION / 4) {
            return true;
        }
        self.dir.purge(PURGE_REGIONS, PURGE_CALLS).1 > 0
    }

    fn tidy_in_pause(&mut self) -> bool {
        let heap = self.dir.heap();
        let (holes, used) = (heap.holes(), heap.used_bytes());
        let pause = self.tidy.pause;
        self.tidy.pause = match pause {
            Pause::Rest => return false,
            Pause::Purge { regions: 0, drains } => Pause::Drain {
                drains,
                moved: false,
            },
            Pause::Purge { regions, drains } => Pause::Purge {
                regions: regions - self.dir.purge(PURGE_REGIONS.min(regions), PURGE_CALLS).0,
                drains,
            },
            // Each region once at most: the ones that are being filled have holes of their own.
            Pause::Drain { drains, .. }
                if drains > 0
                    && holes > REGION / 32 + used / 50
                    && self.start_drain(REGION / 32) =>
            {
                Pause::Drain {
                    drains: drains - 1,
                    moved: true,
                }
            }
            Pause::Drain { moved: true, .. } => Pause::Purge {
                regions: self.dir.heap().regions(),
                drains: 0,
            },
            Pause::Drain { moved: false, .. } => {
                self.tidy.rested = self.dir.heap().changes();
                Pause::Rest
            }
        };
        true
    }

    /// Starts to drain the region with the largest holes, if they are `least` bytes or more.
    fn start_drain(&mut self, least: usize) -> bool {
        let region = self.dir.drain_worst(least);
        self.tidy.drain = region.map(|region| Drain { region, unit: 0 });
        region.is_some()
    }

    fn drain_on(&mut self, mut drain: Drain) -> Option<Drain> {
        let mut left = SLICE;
        while left > 0 {
            let (kind, hash, address, next) = self.dir.extent_in(drain.region, drain.unit)?;
            drain.unit = next;
            let moved = match kind {
                Kind::Segment => {
                    self.sorted.get_mut().forget(hash);
                    self.dir.relocate(hash, address)
                }
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
