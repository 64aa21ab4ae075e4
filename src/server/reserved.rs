//! The global allocator: [jemalloc](super::allocator), and if the system refuses an allocation, the [reserve], because
//! hardly any code could continue without it.

use super::allocator::purge;
use base::reserve;
use std::alloc::{GlobalAlloc, Layout};
use std::io;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Reserved = Reserved;

/// Jemalloc with a reserve.
struct Reserved;

// SAFETY: all is done by jemalloc, with the arguments as they came. What it did not do is tried again.
unsafe impl GlobalAlloc for Reserved {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of more than zero bytes.
        let made = unsafe { Jemalloc.alloc(layout) };
        match made.is_null() {
            false => made,
            // SAFETY: the caller promises a layout of more than zero bytes.
            true => with_reserve(layout.size(), || unsafe { Jemalloc.alloc(layout) }),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a layout of more than zero bytes.
        let made = unsafe { Jemalloc.alloc_zeroed(layout) };
        match made.is_null() {
            false => made,
            // SAFETY: the caller promises a layout of more than zero bytes.
            true => with_reserve(layout.size(), || unsafe { Jemalloc.alloc_zeroed(layout) }),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises a block of ours with the layout that it was made with.
        unsafe { Jemalloc.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises a block of ours with the layout that it was made with.
        let made = unsafe { Jemalloc.realloc(block, layout, size) };
        match made.is_null() {
            false => made,
            // SAFETY: the block is still what the caller says: it stays as it is when it cannot be made larger.
            true => with_reserve(size, || unsafe { Jemalloc.realloc(block, layout, size) }),
        }
    }
}

/// Repeats an allocation that the system has refused, after releasing more and more of the reserve.
#[cold]
fn with_reserve(bytes: usize, again: impl Fn() -> *mut u8) -> *mut u8 {
    let error = io::Error::last_os_error();
    if bytes > reserve::BYTES {
        return std::ptr::null_mut();
    }
    let errno = error.raw_os_error().unwrap_or_default();
    reserve::refused("an allocation", bytes, errno);
    keyspace::reserve::give_addresses_back();
    loop {
        // Memory that was just freed is reused only for allocations of about the same size.
        purge();
        let made = again();
        if !made.is_null() || !reserve::give_back() {
            return made;
        }
    }
}
