//! `rdb-key-save-delay` and `key-load-delay`, with which tests slow down saving and loading for each key, and for each
//! request of an append-only file.
//!
//! A delay is given in microseconds per key; a negative value is the number of keys per microsecond.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// How often a sleeping thread wakes up, to see whether its work is still wanted.
const NAP: Duration = Duration::from_millis(10);

/// `key-load-delay`. It counts from the moment when it is set, also for loads that run already.
static WHILE_LOADING: AtomicI64 = AtomicI64::new(0);

/// There is a `rdb-key-save-delay`. Saves sleep as long as it said at their cut, but not once there is none any more.
static DELAYS_SAVING: AtomicBool = AtomicBool::new(false);

/// Sets `key-load-delay`.
pub fn set_while_loading(delay: i64) {
    WHILE_LOADING.store(delay, Ordering::Relaxed);
}

/// Sets `rdb-key-save-delay`.
pub fn set_while_saving(delay: i64) {
    DELAYS_SAVING.store(delay != 0, Ordering::Relaxed);
}

/// Sleeps for one loaded key, but no longer than there is a delay; gives false as soon as `wanted` does. The nth key is
/// `key`.
#[inline]
pub fn while_loading(key: u64, mut wanted: impl FnMut() -> bool) -> bool {
    // Without a delay this costs one relaxed load per key.
    let delay = WHILE_LOADING.load(Ordering::Relaxed);
    if delay == 0 {
        return true;
    }
    let mut goes_on = true;
    sleep_for_key(delay, key, || {
        goes_on = wanted();
        goes_on && WHILE_LOADING.load(Ordering::Relaxed) != 0
    });
    goes_on
}

/// As [`while_loading`], for one key of a save whose delay is `delay`.
pub fn while_saving(delay: i64, key: u64, mut wanted: impl FnMut() -> bool) -> bool {
    let mut goes_on = true;
    sleep_for_key(delay, key, || {
        goes_on = wanted();
        goes_on && DELAYS_SAVING.load(Ordering::Relaxed)
    });
    goes_on
}

/// How long to sleep for the nth request of an append-only file; `None` without a delay.
pub fn while_running(request: u64) -> Option<Duration> {
    let delay = WHILE_LOADING.load(Ordering::Relaxed);
    (delay != 0).then(|| for_key(delay, request))
}

/// Waits so long, but no longer than there is a delay.
pub async fn wait(mut left: Duration) {
    while !left.is_zero() && WHILE_LOADING.load(Ordering::Relaxed) != 0 {
        let nap = left.min(NAP);
        tokio::time::sleep(nap).await;
        left -= nap;
    }
}

/// How long to sleep for the nth key.
fn for_key(delay: i64, key: u64) -> Duration {
    match u64::try_from(delay) {
        Ok(micros) => Duration::from_micros(micros),
        Err(_) if key.is_multiple_of(delay.unsigned_abs()) => Duration::from_micros(1),
        Err(_) => Duration::ZERO,
    }
}

/// Sleeps for the nth key under `delay`; gives false as soon as `wanted` does.
fn sleep_for_key(delay: i64, key: u64, mut wanted: impl FnMut() -> bool) -> bool {
    let mut left = for_key(delay, key);
    while !left.is_zero() {
        if !wanted() {
            return false;
        }
        let nap = left.min(NAP);
        std::thread::sleep(nap);
        left -= nap;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_long_delay_ends_when_it_is_no_longer_wanted() {
        let mut looks = 0;
        let more = |looks: &mut i32| {
            *looks += 1;
            *looks < 3
        };
        assert!(!sleep_for_key(3_600_000_000, 1, || more(&mut looks)));
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_negative_delay_sleeps_once_in_so_many_keys() {
        let slept = (1..=100).filter(|key| {
            let mut slept = false;
            sleep_for_key(-25, *key, || {
                slept = true;
                true
            });
            slept
        });
        assert_eq!(slept.count(), 4);
    }

    #[test]
    fn a_positive_delay_takes_its_time_for_each_key() {
        let began = Instant::now();
        assert!((1..=20).all(|key| sleep_for_key(1000, key, || true)));
        assert!(began.elapsed() >= Duration::from_millis(20));
    }
}
