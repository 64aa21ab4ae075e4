//! Which command began last. A signal handler reads this to report a crash, without locks or memory allocation.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of the command and one more; 0 if none has begun.
static COMMAND: AtomicUsize = AtomicUsize::new(0);
static CLIENT: AtomicU64 = AtomicU64::new(0);

/// Notes that the command with this number begins, for this client.
#[inline]
pub fn begins(command: usize, client: u64) {
    COMMAND.store(command + 1, Ordering::Relaxed);
    CLIENT.store(client, Ordering::Relaxed);
}

/// The numbers of the last command that began in this process, and of its client.
pub fn last() -> Option<(usize, u64)> {
    let command = COMMAND.load(Ordering::Relaxed).checked_sub(1)?;
    Some((command, CLIENT.load(Ordering::Relaxed)))
}
