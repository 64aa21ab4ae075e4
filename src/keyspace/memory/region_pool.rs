//! Address space for heaps: regions of 2 MB, aligned to their size, mapped and unmapped one by one.
//!
//! Addresses are reserved without access in chunks of many regions (which no overcommit mode
//! counts) and kept until something else needs them; memory is requested region by region, so that overcommit mode 2
//! counts what is in use, not what is reserved.
//!
//! A few regions that were freed stay mapped, without memory: a dataset that is emptied and filled again needs no change
//! of the address space, which costs more than the first keys.
//!
//! Some regions are mapped in advance, for the moment when the system refuses one. A write that has begun can then
//! finish, and from there on the process [is short](reserve::is_short) of memory.

use super::heap::REGION;
use base::reserve;
use std::io;
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard};

/// Regions reserved at once: 256 MB of addresses.
const CHUNK: usize = 128;
/// If the system has not that many addresses, fewer are reserved.
const CHUNKS: [usize; 3] = [CHUNK, CHUNK / 8, 1];
/// Regions that are mapped in advance, in a server: 32 MB.
const READY: usize = 16;

/// Freed regions that stay mapped.
const IDLE_MOST: usize = 4;

/// Below this many the process is short of memory.
const READY_LEAST: usize = READY / 4;

static POOL: Mutex<Pool> = Mutex::new(Pool::new());

struct Pool {
    /// Addresses of reserved regions that are not mapped.
    reserved: Vec<usize>,
    /// Addresses of regions that are mapped, hold no memory and use small pages.
    idle: Vec<usize>,
    /// Addresses of regions that are mapped and were never touched.
    ready: Vec<usize>,
}

const NO_ACCESS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// Maps a region: zeroed, readable and writable. `huge` asks for a huge page.
///
/// If the system refuses, the region is taken from the reserve. Once that is used up, the process ends, as with the
/// general allocator.
pub(super) fn map(huge: bool) -> NonNull<u8> {
    let mut pool = lock();
    if !huge && let Some(base) = pool.take_idle() {
        return base;
    }
    let address = match pool.map() {
        Ok(address) => address,
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or_default();
            reserve::refused("a region of the keyspace", REGION, errno);
            pool.take_ready()
        }
    };
    drop(pool);
    ready_for_use(address, huge)
}

/// The same for who can do without it.
pub(super) fn try_map(huge: bool) -> Option<NonNull<u8>> {
    let mut pool = lock();
    if !huge && let Some(base) = pool.take_idle() {
        return Some(base);
    }
    let address = pool.map();
    drop(pool);
    Some(ready_for_use(address.ok()?, huge))
}

fn ready_for_use(address: usize, huge: bool) -> NonNull<u8> {
    let base: *mut u8 = std::ptr::with_exposed_provenance_mut(address);
    let advice = if huge {
        libc::MADV_HUGEPAGE
    } else {
        libc::MADV_NOHUGEPAGE
    };
    // SAFETY: advice on a range of our own; a kernel without huge pages refuses it, which is fine.
    unsafe { libc::madvise(base.cast(), REGION, advice) };
    NonNull::new(base).expect("mapped memory is not at 0")
}

/// Fills the reserve of regions, as far as the system permits. Returns false if it is still short.
pub(crate) fn fill_ready() -> bool {
    let mut pool = lock();
    while pool.ready.len() < READY {
        match pool.map() {
            Ok(address) => pool.ready.push(address),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or_default();
                // All that the system lacks may be with the allocator, which has a use for it, too.
                if pool.ready.len() < READY_LEAST {
                    reserve::refused("the reserve of regions", REGION, errno);
                    return false;
                }
                break;
            }
        }
    }
    true
}

/// Releases the addresses of all regions that nobody uses, apart from the reserve, so that other code can use them.
/// Returns false if there were none. Never waits, because it is called when an allocation is refused, in any state of
/// the program.
pub(crate) fn give_addresses_back() -> bool {
    let Ok(mut pool) = POOL.try_lock() else {
        return false;
    };
    let some = !pool.reserved.is_empty() || !pool.idle.is_empty();
    let Pool { reserved, idle, .. } = &mut *pool;
    for address in reserved.drain(..).chain(idle.drain(..)) {
        // SAFETY: the region is not in use, so nothing refers to it, and its address is forgotten.
        unsafe { give_up(address, REGION) };
    }
    some
}

fn lock() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(|e| e.into_inner())
}

impl Pool {
    const fn new() -> Pool {
        Pool {
            reserved: Vec::new(),
            idle: Vec::new(),
            ready: Vec::new(),
        }
    }

    /// A region that was freed and is still mapped.
    fn take_idle(&mut self) -> Option<NonNull<u8>> {
        let address = self.idle.pop()?;
        NonNull::new(std::ptr::with_exposed_provenance_mut(address))
    }

    fn has_room(&self) -> bool {
        self.idle.len() < IDLE_MOST
    }

    /// Keeps a region that holds no memory, for the next who needs one.
    fn keep(&mut self, base: NonNull<u8>) -> bool {
        let room = self.has_room();
        if room {
            self.idle.push(base.as_ptr().expose_provenance());
        }
        room
    }

    fn map(&mut self) -> io::Result<usize> {
        if self.reserved.is_empty() {
            self.reserve()?;
        }
        let &address = self.reserved.last().expect("just reserved");
        let base: *mut u8 = std::ptr::with_exposed_provenance_mut(address);
        // SAFETY: the range was reserved here and is mapped without access, so nothing uses it.
        match unsafe { libc::mprotect(base.cast(), REGION, libc::PROT_READ | libc::PROT_WRITE) } {
            0 => self.reserved.pop(),
            _ => return Err(io::Error::last_os_error()),
        };
        Ok(address)
    }

    fn take_ready(&mut self) -> usize {
        loop {
            if let Some(address) = self.idle.pop().or_else(|| self.ready.pop()) {
                return address;
            }
            // The general reserve is the last resort.
            if !reserve::give_back() {
                out_of_memory();
            }
            if let Ok(address) = self.map() {
                return address;
            }
        }
    }

    fn reserve(&mut self) -> io::Result<()> {
        let mut tried = CHUNKS
            .into_iter()
            .map(|regions| Some((regions, addresses(regions)?)));
        let Some((regions, start)) = tried.find_map(|tried| tried) else {
            return Err(io::Error::last_os_error());
        };
        let first = start.next_multiple_of(REGION);
        let (end, whole) = (first + regions * REGION, start + (regions + 1) * REGION);
        // SAFETY: both lie in the fresh mapping, outside of the regions.
        unsafe {
            give_up(start, first - start);
            give_up(end, whole - end);
        }
        // The lowest address is used first.
        self.reserved
            .extend((0..regions).rev().map(|i| first + i * REGION));
        Ok(())
    }
}

/// New addresses without access, for this many regions and one more, because the start has to be aligned.
fn addresses(regions: usize) -> Option<usize> {
    let len = (regions + 1) * REGION;
    // SAFETY: a fresh mapping at an address of the system's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, NO_ACCESS, -1, 0) };
    (start != libc::MAP_FAILED).then(|| start.expose_provenance())
}

/// Returns addresses to the system.
///
/// # Safety
/// They are mapped, and nothing refers to them.
unsafe fn give_up(address: usize, len: usize) {
    if len > 0 {
        // SAFETY: the caller promises a mapped range that nothing refers to. A refusal leaves it without access, which
        // harms nothing.
        unsafe { libc::munmap(std::ptr::with_exposed_provenance_mut(address), len) };
    }
}

/// Frees a region: its memory is returned to the system, its addresses to the pool. `huge` says whether it asks for a
/// huge page by now.
///
/// # Safety
/// `base` comes from [`map`], and nothing refers to the region any longer.
pub(super) unsafe fn free(base: NonNull<u8>, huge: bool) {
    if !huge {
        let room = lock().has_room();
        // The pool is not locked while the system frees memory, so another thread may take the place meanwhile.
        let emptied = room && empty(base);
        if emptied && lock().keep(base) {
            return;
        }
    }
    // SAFETY: the caller gives the region up. Mapping it again without access frees the memory and what was counted
    // for it.
    let mapped = unsafe {
        libc::mmap(
            base.as_ptr().cast(),
            REGION,
            libc::PROT_NONE,
            NO_ACCESS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    if mapped != libc::MAP_FAILED {
        let mut pool = lock();
        pool.reserved.push(base.as_ptr().expose_provenance());
    }
}

/// Returns all memory of a region that nobody refers to. It reads as zeroes afterwards, as a fresh one does.
fn empty(base: NonNull<u8>) -> bool {
    // SAFETY: the range is a region that its caller gives up.
    unsafe { libc::madvise(base.as_ptr().cast(), REGION, libc::MADV_DONTNEED) == 0 }
}

/// Returns the memory of some pages of a region to the system. They read as zeroes afterwards.
///
/// # Safety
/// Nothing refers to these bytes.
pub(super) unsafe fn release(base: NonNull<u8>, offset: usize, len: usize) {
    assert!(offset + len <= REGION);
    // SAFETY: the range lies in the region, and the caller gives its content up.
    unsafe { libc::madvise(base.as_ptr().add(offset).cast(), len, libc::MADV_DONTNEED) };
}

/// Makes the system use small pages for a region.
pub(super) fn no_huge_pages(base: NonNull<u8>) {
    // SAFETY: advice on a mapped region; it changes no content.
    unsafe { libc::madvise(base.as_ptr().cast(), REGION, libc::MADV_NOHUGEPAGE) };
}

fn out_of_memory() -> ! {
    std::alloc::handle_alloc_error(
        std::alloc::Layout::from_size_align(REGION, REGION).expect("a valid layout"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_was_kept_is_used_again_and_reads_as_zeroes() {
        let mut pool = Pool::new();
        assert_eq!(pool.take_idle(), None);
        let mut regions = Vec::new();
        for _ in 0..=IDLE_MOST {
            let address = pool.map().expect("there is memory");
            regions.push(ready_for_use(address, false));
        }
        for (i, &base) in regions.iter().enumerate() {
            // SAFETY: the region was mapped here, and nothing refers to it.
            unsafe { base.write(1) };
            assert!(empty(base));
            assert_eq!(pool.keep(base), i < IDLE_MOST);
        }
        for _ in 0..IDLE_MOST {
            let base = pool.take_idle().expect("it was kept");
            assert!(regions.contains(&base));
            // SAFETY: the region was kept mapped, and nothing refers to it.
            unsafe {
                assert_eq!(base.read(), 0);
                base.add(REGION - 1).write(1);
            }
        }
        assert_eq!(pool.take_idle(), None);
    }

    #[test]
    fn addresses_that_were_given_back_are_reserved_again() {
        assert!(fill_ready());
        for huge in [false, true] {
            let first = map(huge);
            // SAFETY: the region was just mapped, and nothing refers to it.
            unsafe { free(first, huge) };
            give_addresses_back();
            let again = map(true);
            assert_eq!(again.as_ptr().addr() % REGION, 0);
            // SAFETY: the region is mapped and nobody else's.
            unsafe {
                again.add(REGION - 1).write(1);
                free(again, true);
            }
        }
        let ready = POOL.lock().expect("no panic").ready.len();
        assert_eq!(ready, READY, "what is kept is kept");
    }
}
