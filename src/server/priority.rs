//! Tells the kernel's scheduler which thread clients wait for, and which threads must not delay it.
//!
//! If the system refuses a request or does not know it, the scheduling stays as it is. The same applies if system calls
//! are filtered: many units forbid these calls (`SystemCallFilter=~@resources`), most filters kill the process that
//! makes a forbidden call, and there is no way to find out in advance which calls a filter forbids.

use std::sync::LazyLock;

/// True if a filter of system calls (seccomp) was there when it was looked for first.
static FILTERED: LazyLock<bool> = LazyLock::new(|| {
    // Without /proc this is not known. The usual filter keeps it.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    has_filter(&status)
});

/// Whether system calls of this process are filtered, so that one that is not needed may end it.
pub fn calls_are_filtered() -> bool {
    *FILTERED
}

/// The mode in `/proc/self/status`: 0 means no filter, 1 the strict mode, 2 a filter.
fn has_filter(status: &str) -> bool {
    let mode = status
        .lines()
        .find_map(|line| line.strip_prefix("Seccomp:"));
    mode.is_some_and(|mode| mode.trim() != "0")
}

/// Called by the thread that serves clients. It requests short time slices, so that on waking up it does not wait for
/// the end of another thread's slice, usually 3 ms. Its share of the processor does not change.
pub fn serving() {
    // Child processes are not servers.
    short_turns(libc::SCHED_FLAG_RESET_ON_FORK as u64);
}

/// The calling thread works in the background: at a lower priority, and in short turns, so that a thread
/// that wakes up to serve a client runs at once.
pub fn background() {
    const NICE: i32 = 10;
    if calls_are_filtered() {
        return;
    }
    // SAFETY: takes and gives integers only; 0 means the calling thread (on Linux threads have
    // priorities of their own).
    unsafe {
        if libc::getpriority(libc::PRIO_PROCESS, 0) < NICE {
            libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
        }
    }
    short_turns(0);
}

/// Asks for turns of a tenth of a millisecond, the shortest possible, for the calling thread. Linux supports that
/// since 6.12; earlier versions ignore it.
fn short_turns(flags: u64) {
    const TURN_NS: u64 = 100_000;
    const SIZE: u32 = size_of::<libc::sched_attr>() as u32;
    if calls_are_filtered() {
        return;
    }
    let mut attributes = std::mem::MaybeUninit::<libc::sched_attr>::zeroed();
    // SAFETY: the kernel writes at most `SIZE` bytes to `attributes`, which has as many and may be all zero; then
    // it reads them. 0 means the calling thread.
    unsafe {
        let known = libc::syscall(libc::SYS_sched_getattr, 0, attributes.as_mut_ptr(), SIZE, 0);
        let mut attributes = attributes.assume_init();
        if known == 0 && attributes.sched_policy == libc::SCHED_OTHER as u32 {
            attributes.sched_flags |= flags;
            attributes.sched_runtime = TURN_NS;
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the one who has threads"
    )]
    fn a_background_thread_is_nicer_than_its_parent_and_the_serving_one_is_not() {
        // SAFETY: takes and gives integers only.
        let nice = || unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let parent = nice();
        let of_thread = |f: fn()| std::thread::spawn(move || (f(), nice()).1).join().unwrap();
        assert_eq!(of_thread(serving), parent);
        let nicer = match calls_are_filtered() {
            true => parent,
            false => parent.max(10),
        };
        assert_eq!(of_thread(background), nicer);
    }

    #[test]
    fn a_filter_is_seen_in_the_status() {
        assert!(has_filter("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"));
        assert!(!has_filter("Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n"));
        assert!(!has_filter(""));
    }
}
