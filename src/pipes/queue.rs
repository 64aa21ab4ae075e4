//! Work that several threads take from one queue, the one that fills it among them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// A queue that is filled, worked off, and closed.
pub struct WorkQueue<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
}

struct State<T> {
    waiting: VecDeque<T>,
    closed: bool,
}

impl<T> Default for WorkQueue<T> {
    fn default() -> Self {
        WorkQueue {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl<T> WorkQueue<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no panic while the lock is held")
    }

    /// Adds a piece of work.
    pub fn push(&self, work: T) {
        self.lock().waiting.push_back(work);
        self.filled.notify_one();
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// The next piece; waits for one. `None` when there will be none.
    pub fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.closed {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .expect("no panic while the lock is held");
        }
    }

    /// The next piece, if more than `waiting` are there.
    pub fn next_above(&self, waiting: usize) -> Option<T> {
        let mut state = self.lock();
        match state.waiting.len() > waiting {
            true => state.waiting.pop_front(),
            false => None,
        }
    }
}
