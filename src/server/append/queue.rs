//! The queue between the executor and the thread of the log, and how each waits for the other.

use engine::CommitPosition;
use flow::append::queue::{Exchange, Queue};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Shared by both.
#[derive(Clone, Default)]
pub struct Shared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    queue: Mutex<Queue>,
    ordered: Condvar,
    news: Notify,
}

impl Exchange for Shared {
    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        let mut queue = self.lock();
        let result = f(&mut queue);
        let calls = queue.take_calls();
        drop(queue);
        if calls.writer {
            self.0.ordered.notify_one();
        }
        if calls.executor {
            self.0.news.notify_one();
        }
        result
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is ordered, at most for `wait`. False if nothing is.
    pub fn wait(&self, wait: Option<Duration>) -> bool {
        let queue = self.lock();
        let wake = &self.0.ordered;
        let queue = match wait {
            None => wake.wait_while(queue, Queue::waits),
            Some(wait) => wake
                .wait_timeout_while(queue, wait, Queue::waits)
                .map(|(queue, _)| queue)
                .map_err(|e| PoisonError::new(e.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        queue.has_orders()
    }

    /// Waits until so many commits after `durable` wait, something else is ordered, or the time is over. Gives how many
    /// there are.
    pub fn gather(&self, durable: CommitPosition, wanted: u64, wait: Duration) -> u64 {
        let is_short = |queue: &mut Queue| queue.gathers(durable, wanted);
        let waited = self
            .0
            .ordered
            .wait_timeout_while(self.lock(), wait, is_short);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.gathered(durable)
    }

    /// Waits for another report.
    pub async fn news(&self) {
        self.0.news.notified().await;
    }
}
