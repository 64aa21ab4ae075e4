//! The allocator, jemalloc, and what it says about itself.

use std::ffi::{CStr, c_char};
use std::mem::{MaybeUninit, size_of};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Settings that jemalloc reads before the first allocation.
///
///  * `cache_oblivious`: would add a page to each allocation above 16 KB: a value of 20 KB took 24.
///  * `dirty_decay_ms`, `muzzy_decay_ms`: unused pages are given back within two seconds, by the threads that
///    [`give_back_in_background`] starts; by default it would take ten seconds, twice.
///  * `narenas`: what one thread loads or copies, another one changes and a third frees; if each had an arena, it
///    would leave holes that only its own allocations could fill.
///  * `slab_sizes`: an allocation with a page of its own costs 136 bytes of bookkeeping; now four pages share it.
#[cfg(not(miri))]
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: Settings = Settings(
    c"narenas:1,cache_oblivious:false,dirty_decay_ms:2000,muzzy_decay_ms:0,slab_sizes:4096-4096:4"
        .as_ptr(),
);

/// A pointer to text that is there as long as the program.
#[repr(transparent)]
struct Settings(*const c_char);

// SAFETY: it points to constant bytes that never change.
unsafe impl Sync for Settings {}

/// Starts the threads of jemalloc that return unused pages even while this program allocates nothing. Threads do not
/// survive a fork, so this must be called after the server has gone into the background.
pub fn give_back_in_background() {
    let mut on = true;
    // SAFETY: this control takes a bool; `on` is valid for it.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            c"background_thread".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            (&raw mut on).cast(),
            size_of::<bool>(),
        );
    }
}

/// The allocator's name and version, as INFO shows it.
pub const NAME: &str = "jemalloc-5.3.0";

/// Updates the counters that [`read`] returns, which takes some microseconds.
pub fn refresh() {
    let mut epoch: u64 = 1;
    let mut len = size_of::<u64>();
    // SAFETY: `epoch` is read and written as a u64, which is what `mallctl("epoch")` takes and gives.
    unsafe {
        let at = (&raw mut epoch).cast();
        tikv_jemalloc_sys::mallctl(c"epoch".as_ptr(), at, &mut len, at, len);
    }
}

/// A counter of bytes (`stats.allocated`, `stats.active`, `stats.resident` ...); 0 if there is no such
/// counter.
pub fn read(name: &'static Counter) -> usize {
    let mut value: usize = 0;
    let mut len = size_of::<usize>();
    // SAFETY: every `Counter` names a value of type size_t; `value` is valid for it.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            name.0.as_ptr(),
            (&raw mut value).cast(),
            &mut len,
            std::ptr::null_mut(),
            0,
        );
    }
    value
}

/// The name of a counter whose type is known to be size_t.
pub struct Counter(&'static CStr);

/// Handed out to the program.
pub static ALLOCATED: Counter = Counter(c"stats.allocated");
/// Bytes of the pages that hold allocations.
pub static ACTIVE: Counter = Counter(c"stats.active");
/// Bytes of the allocator's own data.
pub static METADATA: Counter = Counter(c"stats.metadata");
/// Bytes of the pages that are resident.
pub static RESIDENT: Counter = Counter(c"stats.resident");
/// Given back to the system but kept mapped.
pub static RETAINED: Counter = Counter(c"stats.retained");

/// What threads keep to allocate from without locks: counted as handed out, but in nobody's use. (4096 stands for all
/// arenas.)
static CACHED: Counter = Counter(c"stats.arenas.4096.tcache_bytes");

/// Free bytes in pages that hold allocations: holes between allocations of the same size. As of the last [`refresh`].
pub fn holes() -> usize {
    read(&ACTIVE).saturating_sub(read(&ALLOCATED))
}

/// Bytes in pages that are resident, but hold no allocation. As of the last [`refresh`].
pub fn unused() -> usize {
    read(&RESIDENT).saturating_sub(read(&ACTIVE) + read(&METADATA))
}

/// What `experimental.utilization.query` returns for an address.
#[repr(C)]
struct Usage {
    /// The run of pages from which the next allocation of this size would be.
    next_run: *const u8,
    /// Free places in the run of pages that holds the address.
    free: usize,
    /// All places in that run.
    places: usize,
    /// Bytes of the run.
    bytes: usize,
    /// The same for all runs of this size.
    free_of_size: usize,
    places_of_size: usize,
}

/// True if the allocation at this address should be moved to another place: at least one in `one_in` of the places
/// for its size is free, at least an eighth of the places in its own run of pages is free, that run is not much
/// fuller than others, and a new allocation would come from another run.
pub fn is_sparse(address: *const u8, one_in: usize) -> bool {
    static QUERY: OnceLock<Option<[usize; 3]>> = OnceLock::new();
    let query = QUERY.get_or_init(|| {
        let (mut mib, mut len) = ([0; 3], 3);
        let name = c"experimental.utilization.query".as_ptr();
        // SAFETY: `mib` has room for the three parts of this name.
        let failed =
            unsafe { tikv_jemalloc_sys::mallctlnametomib(name, mib.as_mut_ptr(), &mut len) };
        (failed == 0).then_some(mib)
    });
    let Some(mib) = query else {
        return false;
    };
    let mut usage = MaybeUninit::<Usage>::zeroed();
    let (mut len, mut asked) = (size_of::<Usage>(), address);
    // SAFETY: this control accepts any address and returns a `Usage`; the sizes of both are passed along.
    let failed = unsafe {
        tikv_jemalloc_sys::mallctlbymib(
            mib.as_ptr(),
            mib.len(),
            usage.as_mut_ptr().cast(),
            &mut len,
            (&raw mut asked).cast(),
            size_of::<*const u8>(),
        )
    };
    // SAFETY: a pointer and numbers, all of which may be zero.
    let usage = unsafe { usage.assume_init() };
    let taken = usage.places - usage.free;
    let taken_of_size = usage.places_of_size - usage.free_of_size;
    let next = usage.next_run.addr()..usage.next_run.addr() + usage.bytes;
    failed == 0
        && usage.free > 0
        && usage.free * 8 >= usage.places
        && !next.contains(&address.addr())
        && usage.free_of_size * one_in >= usage.places_of_size
        && taken * usage.places_of_size * 8 <= taken_of_size * usage.places * 9
}

/// Returns the free memory that this thread has cached for its next allocations to the runs of pages from which it
/// comes.
pub fn flush_thread_cache() {
    // SAFETY: this control takes and gives nothing.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            c"thread.tcache.flush".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        );
    }
}

/// Returns unused pages to the system (MEMORY PURGE).
pub fn purge() {
    // SAFETY: this control takes and gives nothing; 4096 is jemalloc's number for all arenas.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arena.4096.purge".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        );
    }
}

/// Returns unused pages to the system when it is dropped. That happens on the thread that frees large values, not on
/// the one that serves clients.
pub struct PurgeWhenDropped;

impl Drop for PurgeWhenDropped {
    fn drop(&mut self) {
        purge();
    }
}

/// Bytes that this thread has allocated, less those that it has freed, as of now. This costs two loads. An allocation
/// counts for the thread that made it, and a release for the thread that did it.
pub fn thread_balance() -> i64 {
    thread_local! {
        static COUNTERS: (*const u64, *const u64) = (
            thread_counter(c"thread.allocatedp"),
            thread_counter(c"thread.deallocatedp"),
        );
    }
    COUNTERS.with(|(allocated, freed)| {
        if allocated.is_null() || freed.is_null() {
            return 0;
        }
        // SAFETY: jemalloc keeps both counters for as long as the thread lives, and only this thread
        // writes them.
        unsafe { (**allocated as i64).wrapping_sub(**freed as i64) }
    })
}

/// What [`used`] adds to this thread's balance.
static OTHERS: AtomicI64 = AtomicI64::new(0);

/// Bytes that this thread has allocated and others will free; see [`Lent`].
static LENT: AtomicI64 = AtomicI64::new(0);

/// Memory on its way to another thread, which drops this when it has freed it: until then it is counted
/// as lent, from then on not at all.
pub struct Lent(i64);

impl Lent {
    /// Lends memory of about `bytes`; from the serving thread.
    pub fn new(bytes: usize) -> Lent {
        let bytes = bytes as i64;
        OTHERS.fetch_sub(bytes, Ordering::Relaxed);
        LENT.fetch_add(bytes, Ordering::Relaxed);
        Lent(bytes)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        LENT.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Bytes that are lent.
pub fn lent() -> usize {
    LENT.load(Ordering::Relaxed).max(0) as usize
}

/// Bytes allocated by the whole program, as of now. The number is exact at each [`recount`]; until the next one it
/// follows what this thread, which serves clients, allocates, frees and lends. Cheap enough for every command.
pub fn used() -> usize {
    let others = OTHERS.load(Ordering::Relaxed) + LENT.load(Ordering::Relaxed);
    (others + thread_balance()).max(0) as usize
}

/// Counts what other threads have allocated and freed. The serving thread calls this several times a second.
pub fn recount() {
    refresh();
    OTHERS.store(
        read(&ALLOCATED) as i64
            - read(&CACHED) as i64
            - thread_balance()
            - LENT.load(Ordering::Relaxed),
        Ordering::Relaxed,
    );
}

fn thread_counter(name: &'static CStr) -> *const u64 {
    let mut pointer: *const u64 = std::ptr::null();
    let mut len = size_of::<*const u64>();
    // SAFETY: both names give a pointer to a u64; `pointer` is valid for it.
    unsafe {
        tikv_jemalloc_sys::mallctl(
            name.as_ptr(),
            (&raw mut pointer).cast(),
            &mut len,
            std::ptr::null_mut(),
            0,
        );
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn what_is_lent_is_gone_once_the_other_thread_has_dropped_it() {
        const SIZE: usize = 64 << 20;
        let block = vec![1u8; SIZE];
        // Other tests lend less than that.
        let lent = Lent::new(SIZE);
        assert!(super::lent() >= SIZE);
        let other = std::thread::spawn(move || drop((block, lent)));
        other.join().expect("it only drops");
        assert!(super::lent() < SIZE);
    }

    #[test]
    fn the_settings_are_those_that_jemalloc_took() {
        let (mut decay, mut oblivious) = (0isize, true);
        // SAFETY: these controls give a ssize_t and a bool.
        unsafe {
            let none = std::ptr::null_mut();
            let (at, mut len) = ((&raw mut decay).cast(), size_of::<isize>());
            tikv_jemalloc_sys::mallctl(c"opt.dirty_decay_ms".as_ptr(), at, &mut len, none, 0);
            let (at, mut len) = ((&raw mut oblivious).cast(), size_of::<bool>());
            tikv_jemalloc_sys::mallctl(c"opt.cache_oblivious".as_ptr(), at, &mut len, none, 0);
        }
        assert_eq!((decay, oblivious), (2000, false));
        let figure = |class: usize, what: &str| {
            let name = CString::new(format!("arenas.bin.{class}.{what}")).expect("without a zero");
            let (mut value, mut len) = (0usize, size_of::<usize>());
            // SAFETY: these controls give a size_t.
            unsafe {
                let (none, at) = (std::ptr::null_mut(), (&raw mut value).cast());
                tikv_jemalloc_sys::mallctl(name.as_ptr(), at, &mut len, none, 0);
            }
            value
        };
        let class = (0..64).find(|&class| figure(class, "size") == 4096);
        let class = class.expect("there is a class of 4 KB");
        assert_eq!(figure(class, "slab_size"), 16384);
    }

    #[test]
    fn what_stands_nearly_alone_in_its_pages_is_sparse_and_nothing_else_is() {
        // No class of its own elsewhere in the tests: 1,792 bytes, 16 to a run.
        let mut held: Vec<Vec<u8>> = (0..1600).map(|_| Vec::with_capacity(1792)).collect();
        let sparse = |held: &[Vec<u8>]| held.iter().filter(|v| is_sparse(v.as_ptr(), 8)).count();
        let before = sparse(&held);
        let mut n = 0;
        held.retain(|_| {
            n += 1;
            n % 8 == 0
        });
        flush_thread_cache();
        let after = sparse(&held);
        assert!(before < 100 && after > 100, "{before} and {after} of 200");
        let large = vec![1u8; 1 << 20];
        assert!(!is_sparse(large.as_ptr(), 8));
        let here = 1u8;
        assert!(
            !is_sparse(&here, 8),
            "the allocator does not know the stack"
        );
    }

    #[test]
    fn a_large_allocation_shows_in_both_counts() {
        let thread = thread_balance();
        let block = vec![1u8; 32 << 20];
        assert!(thread_balance() - thread >= 32 << 20);
        refresh();
        // Other tests allocate and free meanwhile, so no difference is exact; but what is held is counted.
        assert!(read(&ALLOCATED) >= block.len());
        assert!(read(&RESIDENT) >= block.len());
    }
}
