//! The handle with which other code reaches the task of the link to the primary.

use std::cell::{Cell, RefCell};
use tokio::sync::Notify;

/// How others reach the link's task.
#[derive(Default)]
pub struct LinkHandle {
    pub(super) stopped: Cell<bool>,
    pub(super) out: RefCell<Vec<u8>>,
    pub(super) news: Notify,
}

impl LinkHandle {
    /// Ends the task: nothing it receives matters any more.
    pub fn stop(&self) {
        self.stopped.set(true);
        self.news.notify_one();
    }

    /// Bytes for the primary.
    pub fn send(&self, bytes: &[u8]) {
        self.out.borrow_mut().extend_from_slice(bytes);
        self.news.notify_one();
    }
}
