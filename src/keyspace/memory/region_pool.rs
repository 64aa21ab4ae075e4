//! Address space for heaps: regions of 2 MB, aligned to their size, mapped and unmapped one by one.
//!
//! Addresses are reserved without access in chunks of many regions (which no overcommit mode
//! counts) and kept for good; memory is asked for region by region, so that overcommit mode 2 counts
//! what is in use, not what is reserved.

use super::heap::REGION;
use std::ptr::NonNull;
use std::sync::Mutex;

/// Regions reserved at once: 256 MB of addresses.
const CHUNK: usize = 128;

/// Addresses of reserved regions that are not mapped.
static RESERVED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

const NO_ACCESS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

/// Maps a region: zeroed, readable and writable. `huge` asks for a huge page.
///
/// Out of memory ends the process, as it does for the general allocator.
pub(super) fn map(huge: bool) -> NonNull<u8> {
    let mut reserved = RESERVED.lock().unwrap_or_else(|e| e.into_inner());
    if reserved.is_empty() {
        reserve(&mut reserved);
    }
    let address = reserved.pop().expect("just reserved");
    drop(reserved);
    let base: *mut u8 = std::ptr::with_exposed_provenance_mut(address);
    // SAFETY: the range was reserved here and is mapped without access, so nothing uses it.
    let ok = unsafe { libc::mprotect(base.cast(), REGION, libc::PROT_READ | libc::PROT_WRITE) };
    if ok != 0 {
        out_of_memory();
    }
    let advice = if huge {
        libc::MADV_HUGEPAGE
    } else {
        libc::MADV_NOHUGEPAGE
    };
    // SAFETY: advice on a range of our own; a kernel without huge pages refuses it, which is fine.
    unsafe { libc::madvise(base.cast(), REGION, advice) };
    NonNull::new(base).expect("mapped memory is not at 0")
}

/// Gives a region back: the memory to the system, the addresses to the pool.
///
/// # Safety
/// `base` comes from [`map`], and nothing refers to the region any longer.
pub(super) unsafe fn unmap(base: NonNull<u8>) {
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
        let mut reserved = RESERVED.lock().unwrap_or_else(|e| e.into_inner());
        reserved.push(base.as_ptr().expose_provenance());
    }
}

/// Gives the memory of some pages of a region back; they read as zeroes afterwards.
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

fn reserve(reserved: &mut Vec<usize>) {
    // One region more than needed: the start has to be aligned.
    let len = (CHUNK + 1) * REGION;
    // SAFETY: a fresh mapping at an address of the system's choice.
    let start = unsafe { libc::mmap(std::ptr::null_mut(), len, libc::PROT_NONE, NO_ACCESS, -1, 0) };
    if start == libc::MAP_FAILED {
        out_of_memory();
    }
    let first = start.expose_provenance().next_multiple_of(REGION);
    // The lowest address is used first.
    reserved.extend((0..CHUNK).rev().map(|i| first + i * REGION));
}

fn out_of_memory() -> ! {
    std::alloc::handle_alloc_error(
        std::alloc::Layout::from_size_align(REGION, REGION).expect("a valid layout"),
    )
}
