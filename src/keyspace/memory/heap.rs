//! Memory for segments and packed values: extents of up to 64 KB, in regions of 2 MB.
//!
//! The general allocator cannot do what a cache with many changes needs: return whole regions after most of their keys
//! were deleted, by moving the remaining ones elsewhere. Here every extent can be found from its region
//! ([`Heap::extent_in`]), and its first bytes identify its owner.
//!
//! Invariants:
//!  * The bookkeeping of a region is outside of it ([`super::region`]), so free memory is never touched, except for
//!    the first unit: it holds the region's number.
//!  * `bins[n]` names every free run of n units (the last bin: of that many or more). It may also name runs that no
//!    longer exist, so an entry is used only if the region agrees.
//!  * An [`Extent`] is the only handle of its bytes. A heap that is dropped with extents in use keeps
//!    their regions mapped: forgetting an extent leaks memory, but never leaves a dangling reference.

use super::region::{PAGE, Region, UNITS};
use super::region_pool;
use std::ptr::NonNull;

/// Extents are multiples of this.
pub const UNIT: usize = 256;
/// The largest extent.
pub const EXTENT_MAX: usize = 64 << 10;
/// The unit in which memory is taken from the system and given back.
pub const REGION: usize = 2 << 20;

const UNITS_MAX: usize = EXTENT_MAX / UNIT;
/// Runs of 1..=256 units, exactly; and longer ones.
const BINS: usize = UNITS_MAX + 2;
/// A huge page is resident as a whole when its first byte is: that should be little against the rest (1/64).
const HUGE_PAGES_FROM: usize = 64;

/// Regions among which the worst is looked for: 2 GB, some 100 µs.
const DRAIN_LOOK: usize = 1024;

/// A range of bytes in a heap, owned.
#[derive(Debug, PartialEq, Eq)]
pub struct Extent {
    start: NonNull<u8>,
    units: u16,
}

// SAFETY: an extent owns its bytes, as a box does.
unsafe impl Send for Extent {}

/// What an extent holds, which decides how it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A segment of a directory.
    Segment,
    /// One packed value.
    Value,
}

/// A set of regions from which extents are taken.
pub struct Heap {
    regions: Vec<Option<Box<Region>>>,
    vacant: Vec<u32>,
    bins: Vec<Vec<u64>>,
    /// Free runs in each bin, without the stale entries.
    runs: Vec<u32>,
    filled: [u64; BINS.div_ceil(64)],
    used_units: usize,
    released_pages: usize,
    live_regions: usize,
    purge_at: usize,
    drain_from: usize,
    changes: u64,
}

// SAFETY: a heap owns its regions; nothing else refers to them but extents, which own their parts.
unsafe impl Send for Heap {}

impl Extent {
    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: (1) the extent owns units * UNIT bytes from `start` on, mapped as long as it is in
        // use; (2) they are initialised: the system maps zeroes.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len()) }
    }

    /// Its bytes, to be changed.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len()) }
    }

    /// Its length in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.units as usize * UNIT
    }

    /// The handle as a number: address | (units - 1) << 48.
    #[inline]
    pub(super) fn into_raw(self) -> u64 {
        self.start.as_ptr().expose_provenance() as u64 | (self.units as u64 - 1) << 48
    }

    /// Restores the handle from its number, whose upper 8 bits are ignored.
    ///
    /// # Safety
    /// `raw` comes from [`Extent::into_raw`], and no other handle of it is in use.
    #[inline]
    pub(super) unsafe fn from_raw(raw: u64) -> Extent {
        let address = (raw & ((1 << 48) - 1)) as usize;
        let start = std::ptr::with_exposed_provenance_mut(address);
        Extent {
            start: NonNull::new(start).expect("a handle is never null"),
            units: (raw >> 48) as u8 as u16 + 1,
        }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl Heap {
    /// A heap without regions.
    pub fn new() -> Self {
        Heap {
            regions: Vec::new(),
            vacant: Vec::new(),
            bins: Vec::new(),
            runs: Vec::new(),
            filled: [0; BINS.div_ceil(64)],
            used_units: 0,
            released_pages: 0,
            live_regions: 0,
            purge_at: 0,
            drain_from: 0,
            changes: 0,
        }
    }

    /// Bytes in extents.
    pub fn used_bytes(&self) -> usize {
        self.used_units * UNIT
    }

    /// Bytes in regions.
    pub fn mapped_bytes(&self) -> usize {
        self.live_regions * REGION
    }

    /// Bytes in pages that may hold memory (they are resident unless the system swaps them out).
    pub fn resident_bytes(&self) -> usize {
        self.mapped_bytes() - self.released_pages * PAGE
    }

    /// Bytes in pages that hold memory, but in no extent.
    pub fn holes(&self) -> usize {
        self.resident_bytes().saturating_sub(self.used_bytes())
    }

    /// The number of regions, including those that were given back.
    pub fn regions(&self) -> usize {
        self.regions.len()
    }

    /// How often extents were made, freed or changed in length. While it does not change, no memory is needed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// An extent of at least `bytes` bytes, whose content is arbitrary.
    ///
    /// # Panics
    /// When `bytes` is 0 or above [`EXTENT_MAX`].
    pub(super) fn alloc(&mut self, bytes: usize, kind: Kind) -> Extent {
        match self.alloc_within(bytes, kind) {
            Some(extent) => extent,
            None => {
                self.add_region();
                self.alloc_within(bytes, kind)
                    .expect("a fresh region holds any extent")
            }
        }
    }

    /// Reserves room for extents of this many bytes in total. Returns false if the system refuses the memory.
    pub fn prepare(&mut self, bytes: usize) -> bool {
        // The end of a region may be too short for the next extent.
        let regions = bytes.div_ceil(REGION - UNIT - EXTENT_MAX);
        while self.live_regions < regions {
            let huge = self.live_regions >= HUGE_PAGES_FROM;
            match region_pool::try_map(huge) {
                Some(base) => self.take_region(base, huge),
                None => return false,
            }
        }
        true
    }

    /// Frees all regions that are empty.
    pub fn give_empty_back(&mut self) {
        for number in 0..self.regions.len() {
            let region = self.regions[number].as_deref();
            if region.is_some_and(|region| region.used_units == 0) {
                self.runs[bin_of(UNITS - 1)] -= 1;
                self.remove_region(number);
            }
        }
    }

    /// As [`Heap::alloc`], from the regions there are.
    pub(super) fn alloc_within(&mut self, bytes: usize, kind: Kind) -> Option<Extent> {
        assert!(
            bytes > 0 && bytes <= EXTENT_MAX,
            "no extent of {bytes} bytes"
        );
        let units = bytes.div_ceil(UNIT);
        let mut bin = units;
        loop {
            bin = self.next_filled(bin)?;
            let entry = self.bins[bin].pop().expect("a filled bin has an entry");
            if self.bins[bin].is_empty() {
                self.filled[bin / 64] &= !(1 << (bin % 64));
            }
            let (number, unit) = unpack(entry);
            let Some(region) = self.regions[number].as_deref_mut() else {
                continue;
            };
            if region.draining || !region.is_free_run(unit) {
                continue;
            }
            let len = region.run_len(unit);
            if bin_of(len) != bin {
                continue;
            }
            self.runs[bin] -= 1;
            region.take(unit, units, len, kind);
            self.changes += 1;
            self.used_units += units;
            self.released_pages -= region.touch(unit, units);
            // SAFETY: the run lies in the region, so the offset does.
            let start = unsafe { region.base.add(unit * UNIT) };
            if len > units {
                self.bin(number, unit + units, len - units);
            }
            return Some(Extent {
                start,
                units: units as u16,
            });
        }
    }

    /// Frees an extent of this heap.
    pub(super) fn free(&mut self, extent: Extent) {
        let (number, unit) = self.place(&extent);
        let units = extent.units as usize;
        let region = self.region(number);
        debug_assert_eq!(region.run_len(unit), units);
        region.used_units -= units;
        self.changes += 1;
        self.used_units -= units;
        self.join(number, unit, units);
    }

    /// Extends an extent in place. Returns false if the bytes after it are in use.
    pub(super) fn grow(&mut self, extent: &mut Extent, bytes: usize) -> bool {
        let want = bytes.div_ceil(UNIT);
        let (number, unit) = self.place(extent);
        let have = extent.units as usize;
        let region = self.region(number);
        let next = unit + have;
        if want <= have || want > UNITS_MAX || next == UNITS || region.draining {
            return want <= have;
        }
        if !region.is_free_run(next) {
            return false;
        }
        let len = region.run_len(next);
        let more = want - have;
        if len < more {
            return false;
        }
        let kind = region.kind(unit);
        region.take(next, more, len, kind);
        region.uncut(next);
        let touched = region.touch(next, more);
        self.changes += 1;
        self.released_pages -= touched;
        self.used_units += more;
        self.runs[bin_of(len)] -= 1;
        if len > more {
            self.bin(number, next + more, len - more);
        }
        extent.units = want as u16;
        true
    }

    /// Takes over the regions of another heap.
    pub(super) fn absorb(&mut self, mut other: Heap) {
        for region in std::mem::take(&mut other.regions).into_iter().flatten() {
            let number = self.vacant_number();
            let (base, released) = (region.base, region.released_pages);
            // SAFETY: the first unit of a region belongs to the heap; it is aligned to the region.
            unsafe { base.cast::<u32>().write(number as u32) };
            self.live_regions += 1;
            self.used_units += region.used_units;
            self.released_pages += released;
            let runs = region.free_runs();
            self.regions[number] = Some(region);
            for (unit, len) in runs {
                self.bin(number, unit, len);
            }
        }
        self.changes += other.changes;
        other.used_units = 0;
    }

    /// Returns free pages of the next `regions` regions to the system, with at most `calls` system calls. Returns the
    /// number of regions done and of bytes returned.
    pub fn purge(&mut self, regions: usize, mut calls: usize) -> (usize, usize) {
        let before = self.released_pages;
        let mut done = 0;
        while done < regions.min(self.regions.len()) {
            self.purge_at %= self.regions.len();
            if let Some(region) = self.regions[self.purge_at].as_deref_mut() {
                let before = region.released_pages;
                region.release_free_pages(&mut calls);
                self.released_pages += region.released_pages - before;
            }
            if calls == 0 {
                break;
            }
            self.purge_at += 1;
            done += 1;
        }
        (done, (self.released_pages - before) * PAGE)
    }

    /// The region with the most bytes in holes, if there are `least` or more: nothing is allocated there any longer,
    /// until it is empty and given back, or [`Heap::keep`] takes it back. If there are very many regions, only some
    /// of them are looked at, and others the next time.
    pub fn drain_worst(&mut self, least: usize) -> Option<u32> {
        let (count, from) = (self.regions.len(), self.drain_from);
        let look = (from..from + count.min(DRAIN_LOOK)).map(|at| at % count);
        let open = look.filter_map(|at| {
            let region = self.regions[at].as_deref();
            Some((at, region.filter(|region| !region.draining)?.holes()))
        });
        let worst = open.max_by_key(|&(_, holes)| holes);
        let Some((number, _)) = worst.filter(|&(_, holes)| holes >= least) else {
            self.drain_from = (from + DRAIN_LOOK) % count.max(1);
            return None;
        };
        self.region(number).draining = true;
        Some(number as u32)
    }

    /// Ends a drain before the region is empty.
    pub fn keep(&mut self, number: u32) {
        let Some(region) = self.regions[number as usize].as_deref_mut() else {
            return;
        };
        region.draining = false;
        // Its free runs were dropped from the bins as they were found there, so they are added again.
        for (unit, len) in region.free_runs() {
            self.runs[bin_of(len)] -= 1;
            self.bin(number as usize, unit, len);
        }
    }

    /// The first extent at or after `unit` in a region: its kind, its first bytes (the owner's), its address and the
    /// unit to continue from. `None` if the rest of the region is free, or the region was given back.
    pub(super) fn extent_in(&self, number: u32, unit: usize) -> Option<(Kind, &[u8], u64, usize)> {
        let region = self.regions.get(number as usize)?.as_deref()?;
        let mut unit = unit.max(1);
        while unit < UNITS {
            let len = region.run_len(unit);
            if region.is_extent(unit) {
                // SAFETY: the run lies in the region; it is in use, and `&self` keeps it from being freed.
                // Its owner changes it only through `&mut` of what holds this heap too.
                let first = unsafe {
                    std::slice::from_raw_parts(region.base.add(unit * UNIT).as_ptr(), UNIT)
                };
                let address = first.as_ptr() as u64;
                return Some((region.kind(unit), first, address, unit + len));
            }
            unit += len;
        }
        None
    }

    /// Frees all extents at once: the heap is as empty as a new one, but keeps its regions.
    ///
    /// # Safety
    /// No extent of this heap will be used again.
    pub(super) unsafe fn free_all(&mut self) {
        self.used_units = 0;
        self.bins.iter_mut().for_each(Vec::clear);
        self.runs.fill(0);
        self.filled.fill(0);
        for number in 0..self.regions.len() {
            if let Some(region) = self.regions[number].as_deref_mut() {
                region.reset();
                self.bin(number, 1, UNITS - 1);
            }
        }
    }

    fn region(&mut self, number: usize) -> &mut Region {
        self.regions[number]
            .as_deref_mut()
            .expect("a region with extents exists")
    }

    /// Region and first unit of an extent.
    fn place(&self, extent: &Extent) -> (usize, usize) {
        let offset = extent.start.as_ptr().addr() & (REGION - 1);
        // SAFETY: regions are aligned to their size, and their first unit holds their number, written
        // when they came to this heap; the extent keeps the region mapped.
        let number = unsafe { extent.start.as_ptr().sub(offset).cast::<u32>().read() } as usize;
        let region = self.regions.get(number).and_then(|r| r.as_deref());
        let base = region.map(|r| r.base.as_ptr().addr());
        assert_eq!(
            base,
            Some(extent.start.as_ptr().addr() - offset),
            "an extent of another heap"
        );
        (number, offset / UNIT)
    }

    fn next_filled(&self, bin: usize) -> Option<usize> {
        let mut word = bin / 64;
        let mut bits = self.filled[word] & (u64::MAX << (bin % 64));
        while bits == 0 {
            word += 1;
            bits = *self.filled.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }

    /// Notes a free run whose bits have been set.
    fn bin(&mut self, number: usize, unit: usize, len: usize) {
        let bin = bin_of(len);
        self.runs[bin] += 1;
        if self.bins[bin].len() > 2 * self.runs[bin] as usize + 64 {
            let regions = &self.regions;
            self.bins[bin].retain(|&entry| {
                let (number, unit) = unpack(entry);
                regions[number].as_deref().is_some_and(|r| {
                    !r.draining && r.is_free_run(unit) && bin_of(r.run_len(unit)) == bin
                })
            });
            self.bins[bin].sort_unstable_by(|a, b| b.cmp(a));
            self.bins[bin].dedup();
        }
        self.bins[bin].push(pack(number, unit));
        self.filled[bin / 64] |= 1 << (bin % 64);
    }

    /// Turns units into a free run, together with its free neighbours.
    fn join(&mut self, number: usize, mut unit: usize, mut len: usize) {
        let region = self.region(number);
        let next = unit + len;
        let mut gone = [0; 2];
        if next < UNITS && region.is_free_run(next) {
            let more = region.run_len(next);
            region.uncut(next);
            len += more;
            gone[0] = more;
        }
        let before = region.run_before(unit);
        if region.is_free_run(before) {
            region.uncut(unit);
            gone[1] = unit - before;
            len += unit - before;
            unit = before;
        }
        region.set_free(unit);
        let empty = region.used_units == 0;
        for len in gone.into_iter().filter(|&len| len > 0) {
            self.runs[bin_of(len)] -= 1;
        }
        // One empty region is kept, so that a single extent that is allocated and freed repeatedly does not map and
        // unmap it each time.
        if empty && (self.region(number).draining || self.spare_units() > UNITS) {
            self.remove_region(number);
        } else {
            self.bin(number, unit, len);
        }
    }

    fn spare_units(&self) -> usize {
        self.live_regions * (UNITS - 1) - self.used_units
    }

    fn vacant_number(&mut self) -> usize {
        if self.bins.is_empty() {
            // Not before the first region: there may be thousands of empty databases.
            self.bins.resize_with(BINS, Vec::new);
            self.runs.resize(BINS, 0);
        }
        match self.vacant.pop() {
            Some(number) => number as usize,
            None => {
                self.regions.push(None);
                self.regions.len() - 1
            }
        }
    }

    fn add_region(&mut self) {
        let huge = self.live_regions >= HUGE_PAGES_FROM;
        self.take_region(region_pool::map(huge), huge);
    }

    /// Adds a region that was just mapped.
    fn take_region(&mut self, base: NonNull<u8>, huge: bool) {
        let number = self.vacant_number();
        // SAFETY: the region is mapped and aligned, and nothing else refers to it yet.
        unsafe { base.cast::<u32>().write(number as u32) };
        let region = Region::new(base, huge);
        self.released_pages += region.released_pages;
        self.regions[number] = Some(region);
        self.live_regions += 1;
        self.bin(number, 1, UNITS - 1);
    }

    fn remove_region(&mut self, number: usize) {
        let region = self.regions[number].take().expect("the region exists");
        debug_assert_eq!(region.used_units, 0);
        self.released_pages -= region.released_pages;
        self.live_regions -= 1;
        self.vacant.push(number as u32);
        // SAFETY: the region is unused and its number is given up, so nothing refers to it.
        unsafe { region_pool::free(region.base, region.huge()) };
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for region in std::mem::take(&mut self.regions).into_iter().flatten() {
            if region.used_units == 0 {
                // SAFETY: without extents in use nothing refers to the region.
                unsafe { region_pool::free(region.base, region.huge()) };
            }
        }
    }
}

fn bin_of(len: usize) -> usize {
    len.min(BINS - 1)
}

fn pack(number: usize, unit: usize) -> u64 {
    (number as u64) << 16 | unit as u64
}

fn unpack(entry: u64) -> (usize, usize) {
    ((entry >> 16) as usize, entry as u16 as usize)
}
