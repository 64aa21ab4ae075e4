//! Threads that must not delay the one that serves clients.

/// Lowers the calling thread's priority. Where that is refused it stays as it is.
pub fn background() {
    // With this the scheduler lets a thread that wakes up to serve a client run at once.
    const NICE: i32 = 10;
    // SAFETY: takes and gives integers only; 0 means the calling thread (on Linux threads have
    // priorities of their own).
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}
