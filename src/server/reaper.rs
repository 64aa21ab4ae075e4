//! A thread that frees large values, so that the serving thread does not have to.

use super::threads;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

/// The thread, started at the first use.
#[derive(Default)]
pub struct Reaper {
    sender: Option<Sender<(Box<dyn Send>, u64)>>,
    taken: u64,
    dropped: Arc<AtomicU64>,
    /// The number of those that count as objects.
    objects: Arc<AtomicU64>,
}

impl Reaper {
    /// Frees `what` soon; afterwards `objects` is added to the count of freed objects.
    pub fn take(&mut self, what: Box<dyn Send>, objects: u64) {
        self.taken += 1;
        if self.sender.is_none() {
            self.sender = self.start().ok();
        }
        let left = match &self.sender {
            Some(sender) => sender.send((what, objects)).is_err(),
            // The thread could not be started now. The next attempt may succeed.
            None => {
                drop(what);
                true
            }
        };
        if left {
            // It was freed here.
            self.objects.fetch_add(objects, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn start(&self) -> io::Result<Sender<(Box<dyn Send>, u64)>> {
        let (dropped, freed) = (self.dropped.clone(), self.objects.clone());
        let (sender, receiver) = channel::<(Box<dyn Send>, u64)>();
        threads::spawn("forebay-free", move || {
            super::priority::background();
            for (garbage, objects) in receiver {
                drop(garbage);
                freed.fetch_add(objects, Ordering::Relaxed);
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        Ok(sender)
    }

    /// Objects that wait to be freed.
    pub fn pending(&self) -> u64 {
        let done = self.dropped.load(Ordering::Relaxed);
        self.taken - done.min(self.taken)
    }

    /// Objects freed since the start.
    pub fn done(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Witness(Arc<AtomicU64>);

    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn without_a_thread_what_is_large_is_freed_at_once() {
        let freed = Arc::new(AtomicU64::new(0));
        let mut reaper = Reaper::default();
        let guard = threads::refuse();
        reaper.take(Box::new(Witness(freed.clone())), 3);
        assert_eq!(freed.load(Ordering::Relaxed), 1);
        assert_eq!((reaper.pending(), reaper.done()), (0, 3));
        drop(guard);
        reaper.take(Box::new(Witness(freed.clone())), 1);
        while reaper.pending() > 0 {
            std::thread::yield_now();
        }
        assert_eq!((freed.load(Ordering::Relaxed), reaper.done()), (2, 4));
    }
}
