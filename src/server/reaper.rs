//! A thread that frees what is large, so that the serving thread need not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// The thread, started at the first use.
#[derive(Default)]
pub struct Reaper {
    sender: Option<Sender<(Box<dyn Send>, u64)>>,
    taken: u64,
    dropped: Arc<AtomicU64>,
    /// Those that count as objects.
    objects: Arc<AtomicU64>,
}

impl Reaper {
    /// Frees `what` soon; then it counts as so many objects.
    pub fn take(&mut self, what: Box<dyn Send>, objects: u64) {
        let (dropped, freed) = (self.dropped.clone(), self.objects.clone());
        let sender = self.sender.get_or_insert_with(|| {
            let (sender, receiver) = channel::<(Box<dyn Send>, u64)>();
            thread::spawn(move || {
                super::priority::background();
                for (garbage, objects) in receiver {
                    drop(garbage);
                    freed.fetch_add(objects, Ordering::Relaxed);
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            });
            sender
        });
        self.taken += 1;
        // If the thread is gone, what comes back is freed here.
        let _ = sender.send((what, objects));
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
