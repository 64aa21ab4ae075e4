//! The messages between the executor and the thread of the log.

use aof::names::BaseForm;
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
        /// How it is written.
        form: BaseForm,
        /// The rewrite.
        rewrite: u64,
    },
    /// Sync so from now on.
    Policy(Syncs),
    /// Make all durable and end.
    Stop,
}

/// When to sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syncs {
    /// `appendfsync`
    pub fsync: Fsync,
    /// `no-appendfsync-on-rewrite`, while the log is rewritten.
    pub leave_disk_alone: bool,
    /// Bytes from which on `everysec` syncs early.
    pub from: usize,
    /// `aof-disable-auto-gc`
    pub keeps_history: bool,
    /// `aof-annotations`
    pub annotations: bool,
    /// DEBUG AOF-FLUSH-SLEEP.
    pub sleep: Duration,
    /// A snapshot is being written too.
    pub beside: bool,
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
    /// The last rewrite whose base was installed, and the files that were removed then; or that failed, and why.
    pub rewrite: Option<(u64, Result<Vec<String>, String>)>,
    /// Bytes of the increments that the manifest names.
    pub bytes: u64,
    /// The same when the last base was installed.
    pub bytes_at_base: u64,
    /// Bytes that are in memory because they are not durable.
    pub kept: usize,
    /// Syncs that are under way (0 or 1).
    pub syncing: u64,
    /// Syncs of `everysec` that delayed what arrived in the meantime for long.
    pub delayed: u64,
}

/// Waiting batches are joined up to this many bytes.
const UNITED: usize = 256 << 10;

#[derive(Default)]
struct State {
    orders: VecDeque<Order>,
    /// Bytes of the batches among them.
    bytes: usize,
    /// The thread waits for an order. Else it looks for some by itself, and to wake it would cost a system call.
    idle: bool,
    /// Writers are held until the log has taken more.
    held: bool,
    /// Replicas are sent what has been written.
    followed: bool,
    report: Report,
    /// What took long, and how many ms, for the latency monitor.
    slow: Vec<(&'static str, i64)>,
}

/// Samples for the latency monitor that may wait to be taken.
const SLOW_MAX: usize = 64;

impl State {
    /// Takes note of whether the thread has to wait.
    fn waits(&mut self) -> bool {
        self.idle = self.orders.is_empty();
        self.idle
    }

    fn commits_after(&self, durable: CommitPosition) -> u64 {
        let mut batches = self.orders.iter().rev();
        let last = batches.find_map(|order| match order {
            Order::Batch(batch) => Some(batch.end.at),
            _ => None,
        });
        last.map_or(0, |last| last.since(durable))
    }

    fn take(&mut self) -> VecDeque<Order> {
        self.idle = false;
        self.report.kept += std::mem::take(&mut self.bytes);
        std::mem::take(&mut self.orders)
    }
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
        self.wake(state);
    }

    /// Adds a batch, or makes it the end of the one that waits. Returns memory for as many bytes again.
    pub fn batch(&self, mut batch: Batch) -> Vec<u8> {
        let mut state = self.lock();
        let len = batch.bytes.len();
        state.bytes += len;
        let spare = match state.orders.back_mut() {
            Some(Order::Batch(last)) if last.bytes.len() + len <= UNITED => {
                last.bytes.append(&mut batch.bytes);
                last.end = batch.end;
                batch.bytes
            }
            _ => {
                state.orders.push_back(Order::Batch(batch));
                Vec::with_capacity(len.min(UNITED))
            }
        };
        self.wake(state);
        spare
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let wakes = std::mem::take(&mut state.idle);
        drop(state);
        if wakes {
            self.0.ordered.notify_one();
        }
    }

    /// Takes all orders, or waits for some, at most for `wait`.
    pub fn take(&self, wait: Option<Duration>) -> VecDeque<Order> {
        let state = self.lock();
        let wake = &self.0.ordered;
        let mut state = match wait {
            None => wake.wait_while(state, State::waits),
            Some(wait) => wake
                .wait_timeout_while(state, wait, State::waits)
                .map(|(state, _)| state)
                .map_err(|e| PoisonError::new(e.into_inner().0)),
        }
        .unwrap_or_else(PoisonError::into_inner);
        state.take()
    }

    /// Commits after `durable` that wait.
    pub fn commits_after(&self, durable: CommitPosition) -> u64 {
        self.lock().commits_after(durable)
    }

    /// Waits until so many commits after `durable` wait, something else is ordered, or the time is over. Gives how many
    /// there are.
    pub fn gather(&self, durable: CommitPosition, wanted: u64, wait: Duration) -> u64 {
        let is_short = |state: &mut State| {
            let batches_only = |order: &Order| matches!(order, Order::Batch(_));
            state.idle = state.commits_after(durable) < wanted
                && state.orders.back().is_none_or(batches_only);
            state.idle
        };
        let state = self.lock();
        let waited = self.0.ordered.wait_timeout_while(state, wait, is_short);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle = false;
        state.commits_after(durable)
    }

    /// Writers are held until there is less in memory, or not.
    pub fn set_held(&self, held: bool) {
        self.lock().held = held;
    }

    /// Replicas wait for what is written, or there are none.
    pub fn set_followed(&self, followed: bool) {
        self.lock().followed = followed;
    }

    /// Changes the report and notifies the executor.
    pub fn report(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.lock().report);
        self.0.news.notify_one();
    }

    /// As [`Queue::report`], but the executor is notified only if it has to act.
    pub fn note(&self, change: impl FnOnce(&mut Report)) {
        let mut state = self.lock();
        let (durable, sendable) = (state.report.durable_end, state.report.sendable);
        let failure = state.report.failure.clone();
        change(&mut state.report);
        let report = &state.report;
        let news = state.held
            || report.durable_end != durable
            || report.failure != failure
            || (state.followed && report.sendable != sendable);
        drop(state);
        if news {
            self.0.news.notify_one();
        }
    }

    /// Something took so many ms.
    pub fn took(&self, what: &'static str, ms: i64) {
        let mut state = self.lock();
        if ms > 0 && state.slow.len() < SLOW_MAX {
            state.slow.push((what, ms));
        }
    }

    /// Takes what took long.
    pub fn take_slow(&self) -> Vec<(&'static str, i64)> {
        std::mem::take(&mut self.lock().slow)
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
