//! How many bytes of a client's replies were handed over and have not been taken by its socket.
//!
//! They wait on this thread, or with the thread that owns the socket, which counts what the socket has taken. So the
//! number is right whenever somebody looks, without a message for each write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that a socket has taken since its connection began; counted by the thread that owns it.
pub type Taken = Arc<AtomicU64>;

/// See the module.
#[derive(Debug, Default)]
pub struct Unsent {
    /// Bytes that wait on this thread.
    here: usize,
    /// Of a socket that another thread owns.
    away: Option<Away>,
}

#[derive(Debug)]
struct Away {
    /// Bytes that the other thread was given since the connection began.
    given: u64,
    taken: Taken,
}

impl Unsent {
    /// Of a socket that another thread owns.
    pub fn of_other_thread(taken: Taken) -> Unsent {
        Unsent {
            here: 0,
            away: Some(Away { given: 0, taken }),
        }
    }

    /// Bytes that the socket has not taken.
    #[inline]
    pub fn bytes(&self) -> usize {
        match &self.away {
            None => self.here,
            Some(away) => {
                let taken = away.taken.load(Ordering::Acquire);
                self.here + away.given.saturating_sub(taken) as usize
            }
        }
    }

    /// So many bytes wait on this thread.
    #[inline]
    pub fn set_here(&mut self, bytes: usize) {
        self.here = bytes;
    }

    /// The thread that owns the socket was given so many bytes.
    pub fn give(&mut self, bytes: usize) {
        if let Some(away) = &mut self.away {
            away.given += bytes as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_thread_has_not_written_is_unsent() {
        let taken = Taken::default();
        let mut unsent = Unsent::of_other_thread(taken.clone());
        unsent.set_here(5);
        unsent.give(100);
        assert_eq!(unsent.bytes(), 105);
        taken.fetch_add(60, Ordering::Release);
        assert_eq!(unsent.bytes(), 45);
        let mut unsent = Unsent::default();
        unsent.set_here(7);
        unsent.give(100);
        assert_eq!(unsent.bytes(), 7);
    }
}
