//! The handle with which other code reaches the task of the link to the primary.

use flow::spill::Spilled;
use std::cell::{Cell, RefCell};
use tokio::sync::Notify;

/// How others reach the link's task.
#[derive(Default)]
pub struct LinkHandle {
    pub(super) stopped: Cell<bool>,
    pub(super) out: RefCell<Vec<u8>>,
    /// Blocks of what is collected that were written to disk, or were not.
    pub(super) spilled: RefCell<Vec<Spilled>>,
    pub(super) news: Notify,
}

impl LinkHandle {
    /// Ends the task: nothing it receives matters any more.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.news.notify_one();
    }

    /// What became of a block.
    pub fn spilled(&self, spilled: Spilled) {
        self.spilled.borrow_mut().push(spilled);
        self.news.notify_one();
    }

    /// Bytes for the primary.
    pub fn send(&self, bytes: &[u8]) {
        self.out.borrow_mut().extend_from_slice(bytes);
        self.news.notify_one();
    }
}
