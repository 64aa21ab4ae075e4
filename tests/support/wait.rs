//! Conditions instead of sleeps: a test names what it waits for and how long that may take.

use std::time::{Duration, Instant};

/// Between two looks at a condition.
const POLL: Duration = Duration::from_millis(3);

/// Longer than the slowest condition of these tests takes on a busy two-core machine: a disk that is still writing
/// what a build left in memory may take a minute for an fsync.
pub const LONG: Duration = Duration::from_secs(180);

/// Looks at `condition` until it gives a value; `None` when `limit` has passed.
pub fn poll_for<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let value = condition();
        if value.is_some() || start.elapsed() >= limit {
            return value;
        }
        std::thread::sleep(POLL);
    }
}

/// Waits until `condition` gives a value; `what` is a clause: "the replica is online".
///
/// # Panics
/// When `limit` has passed, naming `what`.
pub fn wait_for<T>(what: &str, limit: Duration, condition: impl FnMut() -> Option<T>) -> T {
    poll_for(limit, condition)
        .unwrap_or_else(|| panic!("waited {:.1} s in vain until {what}", limit.as_secs_f64()))
}

/// Waits until `condition` holds, at most [`LONG`].
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, LONG, || condition().then_some(()));
}
