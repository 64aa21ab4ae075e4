//! The resources that the process uses: CPU time and memory.

use super::allocator;
use engine::host::Memory;
use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::time::Duration;

/// Reads the counters (some microseconds; not for every command).
pub fn memory() -> Memory {
    allocator::refresh();
    let page = page_size();
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let rss_pages: usize = statm
        .split(' ')
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    Memory {
        allocated: allocator::read(&allocator::ALLOCATED),
        active: allocator::read(&allocator::ACTIVE),
        resident: allocator::read(&allocator::RESIDENT),
        retained: allocator::read(&allocator::RETAINED),
        rss: rss_pages * page,
        total: total_memory(page),
    }
}

fn page_size() -> usize {
    // SAFETY: sysconf only reads.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE).max(1) as usize }
}

fn total_memory(page: usize) -> usize {
    // SAFETY: sysconf only reads.
    let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) };
    pages.max(0) as usize * page
}

/// User and system time of `who` (`RUSAGE_SELF`, `RUSAGE_THREAD`, `RUSAGE_CHILDREN`).
pub fn cpu(who: i32) -> (Duration, Duration) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is valid for the call; all-zero is a valid `rusage`, should it fail.
    let usage = unsafe {
        libc::getrusage(who, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    (time(usage.ru_utime), time(usage.ru_stime))
}

/// INFO cpu. The serving thread has been busy for so long: without what it has waited for.
pub fn info(out: &mut String, busy: Duration) {
    let show = |d: Duration| format!("{}.{:06}", d.as_secs(), d.subsec_micros());
    for (who, name) in [
        (libc::RUSAGE_SELF, ""),
        (libc::RUSAGE_CHILDREN, "_children"),
        (libc::RUSAGE_THREAD, "_main_thread"),
    ] {
        let (user, system) = cpu(who);
        let _ = write!(
            out,
            "used_cpu_sys{name}:{}\r\nused_cpu_user{name}:{}\r\n",
            show(system),
            show(user)
        );
    }
    let _ = write!(out, "used_active_time_main_thread:{}\r\n", show(busy));
}

/// System, release and machine, as `uname` reports them.
pub fn system_name() -> String {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: `name` is valid for the call; all-zero is a valid `utsname`, should it fail.
    let name = unsafe {
        libc::uname(name.as_mut_ptr());
        name.assume_init()
    };
    let text = |field: &[libc::c_char]| {
        let bytes = field.iter().take_while(|c| **c != 0);
        bytes.map(|c| char::from(*c as u8)).collect::<String>()
    };
    format!(
        "{} {} {}",
        text(&name.sysname),
        text(&name.release),
        text(&name.machine)
    )
}
