//! What the executor and the thread of the log say to each other.

use engine::CommitPosition;
use flow::append::{Batch, Fsync, Mark};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What the thread is to do, in order.
pub enum Order {
    /// Write this.
    Batch(Batch),
    /// What follows goes to a new increment. It is the cut of the rewrite with this number.
    Cut {
        /// The manifest names it at once.
        listed: bool,
        /// The rewrite.
        rewrite: u64,
    },
    /// The base of this number is in its place. It was taken at the cut of the rewrite with this number.
    Base {
        /// The number in its name.
        seq: i64,
        /// The rewrite.
        rewrite: u64,
    },
    /// `appendfsync` and `no-appendfsync-on-rewrite`, as they have effect.
    Policy(Fsync, bool),
    /// Make all durable and end.
    Stop,
}

/// What the thread has come to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All commits up to this one are durable.
    pub durable: CommitPosition,
    /// Where what is durable ends; `None` before the first report.
    pub durable_end: Option<Mark>,
    /// Where what replicas may be sent ends; `None` before the first report.
    pub sendable: Option<Mark>,
    /// Why the last attempt to write or to sync failed.
    pub failure: Option<String>,
    /// The last rewrite whose base was installed, or that failed, and why.
    pub rewrite: Option<(u64, Result<(), String>)>,
    /// Bytes of the increments that the manifest names.
    pub bytes: u64,
    /// Bytes that are in memory because they are not durable.
    pub kept: usize,
    /// Syncs that are under way (0 or 1).
    pub syncing: u64,
}

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    /// Bytes of the batches among them.
    bytes: usize,
    /// The thread waits for an order. Else it looks for some by itself, and to wake it would cost a system call.
    idle: bool,
    report: Report,
}

/// Shared by both.
#[derive(Clone, Default)]
pub struct Queue(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    ordered: Condvar,
    news: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an order.
    pub fn order(&self, order: Order) {
        let mut state = self.lock();
        if let Order::Batch(batch) = &order {
            state.bytes += batch.bytes.len();
        }
        state.orders.push_back(order);
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        if idle {
            self.0.ordered.notify_one();
        }
    }

    /// Takes all orders, or waits for some, at most for `wait`.
    pub fn take(&self, wait: Option<Duration>) -> VecDeque<Order> {
        let mut state = self.lock();
        let idle = |state: &mut State| {
            state.idle = state.orders.is_empty();
            state.idle
        };
        let wake = &self.0.ordered;
        state = match wait {
            None => wake.wait_while(state, idle),
            Some(wait) => wake
                .wait_timeout_while(state, wait, idle)
                .map(|(state, _)| state)
                .map_err(|e| PoisonError::new(e.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        state.idle = false;
        state.report.kept += std::mem::take(&mut state.bytes);
        std::mem::take(&mut state.orders)
    }

    /// Changes the report; the executor is told of it.
    pub fn report(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock().report);
        self.0.news.notify_one();
    }

    /// What the thread has come to.
    pub fn read(&self) -> Report {
        self.lock().report.clone()
    }

    /// Bytes that wait in memory.
    pub fn waiting(&self) -> usize {
        let state = self.lock();
        state.bytes + state.report.kept
    }

    /// Waits for another report.
    pub async fn news(&self) {
        self.0.news.notified().await;
    }
}
