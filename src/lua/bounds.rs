//! Limits on what scripts build. Every interpreter of the process has the same limits.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One bound, in bytes.
pub struct Bound(AtomicUsize);

impl Bound {
    const fn new(bytes: usize) -> Self {
        Bound(AtomicUsize::new(bytes))
    }

    /// The bound.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Another bound from now on: tests that go to a bound use little ones.
    pub fn set(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// The longest string that a library function makes: the longest that a client may send or a key may hold by default.
pub static STRING_MAX: Bound = Bound::new(if cfg!(test) { 1 << 20 } else { 512 << 20 });
/// The longest reply: tables that contain each other many times describe more bytes than any machine has.
pub static REPLY_MAX: Bound = Bound::new(if cfg!(test) { 1 << 20 } else { 1 << 30 });
/// The bytes of all arguments of a command: as many as a client may have in its query buffer.
pub static ARGUMENTS_MAX: Bound = Bound::new(if cfg!(test) { 1 << 20 } else { 1 << 30 });
/// The least memory that an interpreter may hold: one value of the greatest length, and what a script makes of it.
pub static MEMORY_MIN: Bound = Bound::new(if cfg!(test) { 64 << 20 } else { 1 << 30 });
