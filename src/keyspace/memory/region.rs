//! One region of a [heap](super::heap): which of its units are in use, and which of its pages hold memory.
//!
//! Invariants:
//!  * It is cut into runs of whole units; `start` has a bit at the first unit of each run, and `free` has it
//!    too when the run is free. Two free runs never touch. The first unit is a run in use, the heap's own.
//!  * Pages with a bit in `released` hold no memory: they were never touched, or were given back to the system. The
//!    first touch of a huge page makes the whole page resident.

use super::heap::{Kind, REGION, UNIT};
use super::region_pool;
use std::ptr::NonNull;

/// Units in a region.
pub(super) const UNITS: usize = REGION / UNIT;
/// Bytes of a page.
pub(super) const PAGE: usize = 4096;
/// Pages in a region.
pub(super) const PAGES: usize = REGION / PAGE;

const WORDS: usize = UNITS / 64;
const PAGE_UNITS: usize = PAGE / UNIT;
/// A huge page is split up if this many of its pages are free.
const HUGE_PAGE_WORTH: usize = PAGES / 8;

/// Which units of a region are in use, and where runs begin.
pub(super) struct Region {
    pub base: NonNull<u8>,
    start: [u64; WORDS],
    free: [u64; WORDS],
    /// With a bit in `start` and none in `free`: the run holds a value, not a segment.
    value: [u64; WORDS],
    released: [u64; PAGES / 64],
    /// Units in extents.
    pub used_units: usize,
    /// Bits in `released`.
    pub released_pages: usize,
    /// The region is being evacuated, so no new extents are placed in it.
    pub draining: bool,
    huge: bool,
}

impl Region {
    /// A region that was never touched; all of it is free except the first unit.
    pub fn new(base: NonNull<u8>, huge: bool) -> Box<Region> {
        let mut region = Box::new(Region {
            base,
            start: [0; WORDS],
            free: [0; WORDS],
            value: [0; WORDS],
            released: [u64::MAX; PAGES / 64],
            used_units: 0,
            released_pages: PAGES,
            draining: false,
            huge,
        });
        region.reset();
        region.touch(0, 1);
        region
    }

    /// Whether the system was asked for a huge page, and was not told otherwise since.
    pub fn huge(&self) -> bool {
        self.huge
    }

    /// A region of one run in use (the first unit) and one free run.
    pub fn reset(&mut self) {
        self.start.fill(0);
        self.free.fill(0);
        set(&mut self.start, 0);
        set(&mut self.start, 1);
        set(&mut self.free, 1);
        self.used_units = 0;
        self.draining = false;
    }

    /// True where a free run begins.
    pub fn is_free_run(&self, unit: usize) -> bool {
        get(&self.start, unit) && get(&self.free, unit)
    }

    /// True where an extent begins.
    pub fn is_extent(&self, unit: usize) -> bool {
        get(&self.start, unit) && !get(&self.free, unit)
    }

    /// What the run that begins here holds.
    pub fn kind(&self, unit: usize) -> Kind {
        match get(&self.value, unit) {
            true => Kind::Value,
            false => Kind::Segment,
        }
    }

    /// Units from the start of a run to the next run.
    pub fn run_len(&self, unit: usize) -> usize {
        let from = unit + 1;
        let mut word = from / 64;
        if word == WORDS {
            return UNITS - unit;
        }
        let mut bits = self.start[word] & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            if word == WORDS {
                return UNITS - unit;
            }
            bits = self.start[word];
        }
        word * 64 + bits.trailing_zeros() as usize - unit
    }

    /// The start of the run before the one at `unit` (> 0; unit 0 is always a run in use).
    pub fn run_before(&self, unit: usize) -> usize {
        let mut word = unit / 64;
        let mut bits = self.start[word] & !(u64::MAX << (unit % 64));
        while bits == 0 {
            word -= 1;
            bits = self.start[word];
        }
        word * 64 + 63 - bits.leading_zeros() as usize
    }

    /// Takes the first `units` of a free run of `len`.
    pub fn take(&mut self, unit: usize, units: usize, len: usize, kind: Kind) {
        clear(&mut self.free, unit);
        match kind {
            Kind::Value => set(&mut self.value, unit),
            Kind::Segment => clear(&mut self.value, unit),
        }
        if len > units {
            set(&mut self.start, unit + units);
            set(&mut self.free, unit + units);
        }
        self.used_units += units;
    }

    /// Joins the run that begins at `unit` with the previous one.
    pub fn uncut(&mut self, unit: usize) {
        clear(&mut self.start, unit);
        clear(&mut self.free, unit);
    }

    /// Marks the run that begins at `unit` as free.
    pub fn set_free(&mut self, unit: usize) {
        set(&mut self.free, unit);
    }

    /// Notes that these units are about to be written. Returns the number of pages that become resident.
    pub fn touch(&mut self, unit: usize, units: usize) -> usize {
        let before = self.released_pages;
        if self.huge && before == PAGES {
            self.released.fill(0);
            self.released_pages = 0;
            return before;
        }
        for page in unit / PAGE_UNITS..=(unit + units - 1) / PAGE_UNITS {
            if get(&self.released, page) {
                clear(&mut self.released, page);
                self.released_pages -= 1;
            }
        }
        before - self.released_pages
    }

    /// The free runs: first unit and length.
    pub fn free_runs(&self) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut unit = 0;
        while unit < UNITS {
            let len = self.run_len(unit);
            if self.is_free_run(unit) {
                runs.push((unit, len));
            }
            unit += len;
        }
        runs
    }

    /// Bytes in pages that hold memory, but in no extent.
    pub fn holes(&self) -> usize {
        let resident = (PAGES - self.released_pages) * PAGE;
        resident.saturating_sub((self.used_units + 1) * UNIT)
    }

    /// Returns whole pages of free runs to the system. Each system call reduces `calls`, and none is made at zero.
    pub fn release_free_pages(&mut self, calls: &mut usize) {
        let runs = self.free_runs();
        let pages_of =
            |(unit, len): (usize, usize)| unit.div_ceil(PAGE_UNITS)..(unit + len) / PAGE_UNITS;
        let pages: usize = runs.iter().map(|&run| pages_of(run).len()).sum();
        if self.huge && pages < HUGE_PAGE_WORTH {
            return;
        }
        for run in runs {
            let pages = pages_of(run);
            if pages.clone().all(|page| get(&self.released, page)) {
                continue;
            }
            if *calls == 0 {
                return;
            }
            *calls -= 1;
            if std::mem::take(&mut self.huge) {
                // Else the system would fill the hole again when it next makes a huge page.
                region_pool::no_huge_pages(self.base);
            }
            // SAFETY: these pages belong to a free run of this region, so nothing refers to them, and the next owner
            // of an extent expects arbitrary bytes.
            unsafe { region_pool::release(self.base, pages.start * PAGE, pages.len() * PAGE) };
            for page in pages {
                if !get(&self.released, page) {
                    set(&mut self.released, page);
                    self.released_pages += 1;
                }
            }
        }
    }
}

fn get(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 != 0
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

fn clear(bits: &mut [u64], at: usize) {
    bits[at / 64] &= !(1 << (at % 64));
}
