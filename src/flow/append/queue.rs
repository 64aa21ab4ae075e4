//! The messages between the executor and the writer of the log.

use super::{Batch, Fsync, Mark};
use aof::names::BaseForm;
use engine::CommitPosition;
use std::collections::VecDeque;
use std::time::Duration;

/// What the writer is to do, in order.
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

/// What the writer has come to.
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
    /// The last rewrite whose base the manifest names. What it replaces may still be there.
    pub installed: Option<u64>,
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
/// A batch of more bytes than this is not copied to the end of another one: that costs more than a batch of its own.
const COPIED: usize = 4 << 10;

/// Samples for the latency monitor that may wait to be taken.
const SLOW_MAX: usize = 64;

/// What lies between the executor and the writer. They share it by an [`Exchange`].
#[derive(Default)]
pub struct Queue {
    orders: VecDeque<Order>,
    /// Bytes of the batches among them.
    bytes: usize,
    /// The writer waits for an order. Else it looks for some by itself, and to wake it would cost a system call.
    idle: bool,
    /// It waits until so many commits after this one are there.
    gathers: Option<(CommitPosition, u64)>,
    /// Writers are held until the log has taken more.
    held: bool,
    /// Replicas are sent what has been written.
    followed: bool,
    report: Report,
    /// What took long, and how many ms, for the latency monitor.
    slow: Vec<(&'static str, i64)>,
    calls: Calls,
}

/// Whom to wake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// The writer: there is an order.
    pub writer: bool,
    /// The executor: there is news.
    pub executor: bool,
}

/// How both ends reach the queue. Clones are the same.
pub trait Exchange: Clone + Send + 'static {
    /// Gives `f` the queue, and then wakes whom it has to wake.
    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T;
}

impl Queue {
    /// Adds an order.
    pub fn order(&mut self, order: Order) {
        match &order {
            Order::Batch(batch) => self.bytes += batch.bytes.len(),
            _ => self.gathers = None,
        }
        self.orders.push_back(order);
        self.wake();
    }

    /// Adds a batch, or makes it the end of the one that waits. Returns memory for as many bytes again.
    pub fn batch(&mut self, mut batch: Batch) -> Vec<u8> {
        let len = batch.bytes.len();
        self.bytes += len;
        let spare = match self.orders.back_mut() {
            Some(Order::Batch(last)) if len <= COPIED && last.bytes.len() + len <= UNITED => {
                last.bytes.append(&mut batch.bytes);
                last.end = batch.end;
                last.joins &= batch.joins;
                batch.bytes
            }
            _ => {
                // It is counted by its length.
                if batch.bytes.capacity() > 2 * len {
                    batch.bytes.shrink_to(len);
                }
                self.orders.push_back(Order::Batch(batch));
                Vec::with_capacity((len + len / 4).min(UNITED))
            }
        };
        self.wake();
        spare
    }

    fn wake(&mut self) {
        // Who gathers fifty commits need not be woken fifty times.
        if let Some((durable, wanted)) = self.gathers
            && self.commits_after(durable) < wanted
        {
            return;
        }
        self.calls.writer |= std::mem::take(&mut self.idle);
    }

    /// Whom to wake since this was asked for.
    pub fn take_calls(&mut self) -> Calls {
        std::mem::take(&mut self.calls)
    }

    /// Takes note of whether the writer has to wait for an order.
    pub fn waits(&mut self) -> bool {
        self.idle = self.orders.is_empty();
        self.idle
    }

    /// Commits after `durable` that wait.
    pub fn commits_after(&self, durable: CommitPosition) -> u64 {
        let mut batches = self.orders.iter().rev();
        let last = batches.find_map(|order| match order {
            Order::Batch(batch) => Some(batch.end.at),
            _ => None,
        });
        last.map_or(0, |last| last.since(durable))
    }

    /// Takes note of whether the writer has to wait until so many commits after `durable` are there, or something else
    /// is ordered.
    pub fn gathers(&mut self, durable: CommitPosition, wanted: u64) -> bool {
        let batches_only = |order: &Order| matches!(order, Order::Batch(_));
        self.idle =
            self.commits_after(durable) < wanted && self.orders.back().is_none_or(batches_only);
        self.gathers = self.idle.then_some((durable, wanted));
        self.idle
    }

    /// The writer does not wait any more. Gives how many commits after `durable` are there.
    pub fn gathered(&mut self, durable: CommitPosition) -> u64 {
        (self.idle, self.gathers) = (false, None);
        self.commits_after(durable)
    }

    /// There are orders that the writer has not taken.
    pub fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Takes all orders.
    pub fn take(&mut self) -> VecDeque<Order> {
        (self.idle, self.gathers) = (false, None);
        self.report.kept += std::mem::take(&mut self.bytes);
        std::mem::take(&mut self.orders)
    }

    /// Writers are held until there is less in memory, or not.
    pub fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Replicas wait for what is written, or there are none.
    pub fn set_followed(&mut self, followed: bool) {
        self.followed = followed;
    }

    /// Changes the report and notifies the executor.
    pub fn report(&mut self, change: impl FnOnce(&mut Report)) {
        change(&mut self.report);
        self.calls.executor = true;
    }

    /// As [`Queue::report`], but the executor is notified only if it has to act.
    pub fn note(&mut self, change: impl FnOnce(&mut Report)) {
        let (durable, sendable) = (self.report.durable_end, self.report.sendable);
        let failure = self.report.failure.clone();
        change(&mut self.report);
        let report = &self.report;
        self.calls.executor |= self.held
            || report.durable_end != durable
            || report.failure != failure
            || (self.followed && report.sendable != sendable);
    }

    /// Something took so many ms.
    pub fn took(&mut self, what: &'static str, ms: i64) {
        if ms > 0 && self.slow.len() < SLOW_MAX {
            self.slow.push((what, ms));
        }
    }

    /// Takes what took long.
    pub fn take_slow(&mut self) -> Vec<(&'static str, i64)> {
        std::mem::take(&mut self.slow)
    }

    /// What the writer has come to.
    pub fn read(&self) -> Report {
        self.report.clone()
    }

    /// Bytes that wait in memory.
    pub fn waiting(&self) -> usize {
        self.bytes + self.report.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(last: u64) -> Batch {
        let at = CommitPosition::nth(last);
        Batch {
            bytes: b"x".to_vec(),
            db: None,
            end: Mark {
                at,
                id: [b'0'; 40],
                offset: 0,
                ms: 0,
                holds: None,
            },
            joins: true,
        }
    }

    #[test]
    fn who_gathers_is_woken_by_the_last_commit_or_by_another_order() {
        let durable = CommitPosition::nth(10);
        let mut queue = Queue::default();
        assert!(queue.gathers(durable, 3));
        for (last, wakes) in [(11, false), (12, false), (13, true)] {
            queue.batch(batch(last));
            assert_eq!(queue.take_calls().writer, wakes, "{last}");
        }
        assert!(!queue.gathers(durable, 3));
        assert_eq!(queue.gathered(durable), 3);
        assert!(queue.gathers(durable, 9));
        queue.order(Order::Stop);
        assert!(queue.take_calls().writer);
        assert!(!queue.gathers(durable, 9), "it has something else to do");
        // Who waits for any order is woken by the first one.
        queue.take();
        assert!(queue.waits());
        queue.batch(batch(14));
        assert!(queue.take_calls().writer);
    }
}
