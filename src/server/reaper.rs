//! A thread that frees what is large, so that the serving thread need not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// The thread, started at the first use.
#[derive(Default)]
pub struct Reaper {
    sender: Option<Sender<Box<dyn Send>>>,
    taken: u64,
    freed: Arc<AtomicU64>,
}

impl Reaper {
    /// Frees `what` soon.
    pub fn take(&mut self, what: Box<dyn Send>) {
        let freed = self.freed.clone();
        let sender = self.sender.get_or_insert_with(|| {
            let (sender, receiver) = channel::<Box<dyn Send>>();
            thread::spawn(move || {
                super::priority::background();
                for garbage in receiver {
                    drop(garbage);
                    freed.fetch_add(1, Ordering::Relaxed);
                }
            });
            sender
        });
        self.taken += 1;
        // If the thread is gone, what comes back is freed here.
        let _ = sender.send(what);
    }

    /// Objects that wait to be freed.
    pub fn pending(&self) -> u64 {
        self.taken - self.done().min(self.taken)
    }

    /// Objects freed since the start.
    pub fn done(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }
}
