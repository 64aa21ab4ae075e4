//! What the writer of the log does, one turn after the other, so that only clients that asked for durability wait for
//! the disk.
//!
//! ```text
//! orders --take--> waiting --turn--> files --> Queue::report
//! ```

use super::gather::Gather;
use super::queue::{Exchange, Order, Queue, Syncs};
use super::{AppendError, Fsync, Policy, Writer};
use aof::names::BaseForm;
use base::LogLevel;
use disk::Disk;
use engine::CommitPosition;
use std::collections::VecDeque;
use std::time::Duration;

/// Real servers write while a sync runs when it has run for so long.
const DELAYED: Duration = Duration::from_secs(2);

/// How long files stay that a rewrite has replaced, so that who copies the directory just then finds them: a second,
/// and the time in which they are read.
fn stays(bytes: u64) -> Duration {
    const A_SECOND: u64 = 100 << 20;
    Duration::from_millis(1000 + bytes.saturating_mul(1000) / A_SECOND).min(LONGEST)
}

/// The longest of these times: they take room on the disk.
const LONGEST: Duration = Duration::from_secs(60);

/// The time, for the writer of the log.
pub trait Timer {
    /// Since some moment.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The writer's side of the log.
pub struct Task<D: Disk> {
    writer: Writer<D>,
    policy: Policy,
    log: fn(LogLevel, &str),
    /// The rewrite whose cut came last, and whether it went well.
    cut: Option<(u64, Result<(), String>)>,
    /// Bytes of the increments before the current one.
    old_bytes: u64,
    keeps_history: bool,
    /// Before each write.
    sleep: Duration,
    /// A snapshot is being written too.
    beside: bool,
    /// Syncs that delayed what arrived in the meantime for long.
    delayed: u64,
    /// What was ordered and not done. Where the disk refuses the increment that begins after a dataset was replaced,
    /// all that follows waits here: it must never be behind the old dataset.
    waiting: VecDeque<Order>,
    /// Bytes of the batches among them.
    waiting_bytes: usize,
    /// The rewrite whose base was installed, and when what it replaces is removed.
    retires: Option<(u64, Duration)>,
    /// A base of another dataset was installed: the place of that dataset in the history is made durable whatever the
    /// policy, because WAITAOF may wait for it, and with `appendfsync no` nothing else would ever tell it.
    joins: bool,
    /// Those whose replies wait for syncs.
    writers: Gather,
    /// It was told to end.
    stops: bool,
}

impl<D: Disk> Task<D> {
    /// The work of a log that has `old_bytes` in the increments before that of `writer`.
    pub fn new(
        writer: Writer<D>,
        policy: Policy,
        old_bytes: u64,
        log: fn(LogLevel, &str),
    ) -> Task<D> {
        Task {
            writer,
            policy,
            log,
            cut: None,
            old_bytes,
            keeps_history: false,
            sleep: Duration::ZERO,
            beside: false,
            delayed: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            retires: None,
            joins: false,
            writers: Gather::default(),
            stops: false,
        }
    }

    /// It was told to end: [`Task::end`] comes next.
    pub fn stops(&self) -> bool {
        self.stops
    }

    /// How many commits are to be waited for before the next turn, and how long: those who are likely to write before
    /// the next sync, where replies wait for it. [`Task::gathered`] tells how many came.
    pub fn gathers(&mut self) -> Option<(u64, Duration)> {
        match self.policy.fsync {
            Fsync::Always => self.writers.wanted(),
            Fsync::EverySecond | Fsync::No => None,
        }
    }

    /// That wait began with the first commit and ends now, and so many commits are there.
    pub fn gathered(&mut self, begun: Duration, there: u64, timer: &impl Timer) {
        self.writers.waited(begun, timer.now(), there);
    }

    /// All commits up to this one are durable.
    pub fn durable(&self) -> CommitPosition {
        self.writer.durable()
    }

    /// How long it may wait for orders; `None`: until there are some.
    pub fn wait(&self, timer: &impl Timer) -> Option<Duration> {
        let writer = &self.writer;
        let unsynced = self.policy.keeps() && writer.has_unsynced();
        let busy = writer.has_unwritten() || unsynced || !self.waiting.is_empty();
        let now = timer.now();
        let wait = busy.then(|| Duration::from_millis(self.policy.wait_ms(ms(now))));
        let retires = self.retires.map(|(_, at)| at.saturating_sub(now));
        wait.into_iter().chain(retires).min()
    }

    /// Takes orders, and does what is due. True if it may as well collect some more before its next turn.
    pub fn turn(
        &mut self,
        orders: VecDeque<Order>,
        timer: &impl Timer,
        exchange: &impl Exchange,
    ) -> bool {
        let mut batches = false;
        for order in orders {
            match order {
                Order::Policy(Syncs {
                    fsync,
                    leave_disk_alone,
                    from,
                    keeps_history,
                    annotations,
                    sleep,
                    beside,
                }) => {
                    (self.sleep, self.beside) = (sleep, beside);
                    self.writer.set_seals(annotations);
                    if self.keeps_history && !keeps_history {
                        self.forget_history();
                    }
                    self.keeps_history = keeps_history;
                    self.policy.fsync = fsync;
                    self.policy.leave_disk_alone = leave_disk_alone;
                    self.policy.sync_from = from;
                }
                Order::Stop => self.stops = true,
                order => {
                    if let Order::Batch(batch) = &order {
                        self.waiting_bytes += batch.bytes.len();
                        batches = true;
                    }
                    self.waiting.push_back(order);
                }
            }
        }
        self.write(timer, exchange);
        self.retire(timer, exchange);
        // Nobody waits for this then: what arrives in the meantime is written at once.
        batches && !self.stops && self.policy.fsync != Fsync::Always
    }

    /// Makes all durable, or tells why it cannot be.
    pub fn end(mut self, timer: &impl Timer, exchange: &impl Exchange) {
        let ended = self.go_on(timer, exchange);
        let ended = ended.and_then(|()| self.writer.write());
        let ended = ended.and_then(|()| self.writer.sync());
        self.tell(exchange, ended);
    }

    fn forget_history(&mut self) {
        match self.writer.remove_history() {
            Ok(removed) => {
                for name in removed {
                    let text = format!("Removing the history file {name} in the background");
                    (self.log)(LogLevel::Notice, &text);
                }
            }
            Err(error) => {
                let text = format!(
                    "The history files of the append-only file could not be removed: {error}"
                );
                (self.log)(LogLevel::Warning, &text);
            }
        }
    }

    /// Does what was ordered, up to the cut of another dataset that fails.
    fn go_on(&mut self, timer: &impl Timer, exchange: &impl Exchange) -> Result<(), AppendError> {
        while let Some(order) = self.waiting.pop_front() {
            match order {
                Order::Batch(batch) => {
                    self.waiting_bytes -= batch.bytes.len();
                    self.writer.push(batch);
                }
                Order::Cut { listed, rewrite } => {
                    let replaces = !listed && self.writer.is_listed();
                    let result = self.cut(exchange, listed, rewrite);
                    if replaces && result.is_err() {
                        self.waiting.push_front(order);
                        return result;
                    }
                }
                Order::Base { seq, form, rewrite } => {
                    self.base((timer, exchange), (seq, form), rewrite);
                }
                // They do not wait.
                Order::Policy(_) | Order::Stop => {}
            }
        }
        Ok(())
    }

    fn kept_bytes(&self) -> usize {
        self.writer.kept_bytes() + self.waiting_bytes
    }

    /// Writes what has come, and syncs it if that is due.
    fn write(&mut self, timer: &impl Timer, exchange: &impl Exchange) {
        if !self.policy.may_try(ms(timer.now())) {
            let kept = self.kept_bytes();
            return exchange.with(|queue| queue.note(|report| report.kept = kept));
        }
        let mut result = self.go_on(timer, exchange);
        let (begun, writes) = (timer.now(), self.writer.has_unwritten());
        if writes {
            timer.sleep(self.sleep);
        }
        result = result.and_then(|()| self.writer.write());
        if writes {
            let took = ms(timer.now() - begun) as i64;
            let alone = match self.beside {
                true => "aof-write-active-child",
                false => "aof-write-alone",
            };
            exchange.with(|queue| {
                queue.took("aof-write", took);
                queue.took(alone, took);
            });
        }
        if result.is_ok() && !self.policy.keeps() {
            self.writer.settle_written();
        }
        if self.policy.keeps() && self.policy.fsync != Fsync::Always {
            self.writer.start_write_back();
        }
        let unsynced = self.writer.kept_bytes();
        let due = |task: &Self| task.joins || task.policy.sync_is_due(ms(timer.now()), unsynced);
        if result.is_ok() && self.writer.has_unsynced() && due(self) {
            exchange.with(|queue| queue.note(|report| report.syncing = 1));
            let (begun, before) = (timer.now(), self.writer.durable());
            result = self.writer.sync();
            self.joins &= result.is_err();
            let took = timer.now() - begun;
            match self.policy.fsync {
                Fsync::Always => {
                    let durable = self.writer.durable();
                    let waiting = exchange.with(|queue| {
                        queue.took("aof-fsync-always", ms(took) as i64);
                        queue.commits_after(durable)
                    });
                    let made_durable = durable.since(before);
                    let now = begun + took;
                    self.writers.synced(now, took, made_durable, waiting);
                }
                _ => self.delayed += u64::from(took >= DELAYED),
            }
            self.policy.synced(ms(timer.now()));
        }
        self.policy.tried(ms(timer.now()), result.is_ok());
        self.tell(exchange, result);
    }

    fn tell(&self, exchange: &impl Exchange, result: Result<(), AppendError>) {
        let failure = result.err().map(|error| error.to_string());
        let writer = &self.writer;
        exchange.with(|queue| {
            queue.note(|report| {
                report.durable = writer.durable();
                report.durable_end = Some(writer.durable_end());
                report.sendable = Some(match self.policy.fsync {
                    Fsync::Always => writer.durable_end(),
                    Fsync::EverySecond | Fsync::No => writer.written_end(),
                });
                report.failure = failure;
                report.bytes = self.old_bytes + writer.increment_bytes();
                report.kept = self.kept_bytes();
                report.syncing = 0;
                report.delayed = self.delayed;
            });
        });
    }

    fn cut(
        &mut self,
        exchange: &impl Exchange,
        listed: bool,
        rewrite: u64,
    ) -> Result<(), AppendError> {
        let old_bytes = self.old_bytes + self.writer.increment_bytes();
        let begun = self.writer.begin_increment(listed);
        let told = match &begun {
            Ok(()) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if told.is_ok() {
            self.old_bytes = old_bytes;
            let name = self.writer.increment_name();
            let text = format!("Creating AOF incr file {name} on background rewrite");
            (self.log)(LogLevel::Notice, &text);
        } else if let Err(why) = &told {
            tell_rewrite(exchange, rewrite, Err(why.clone()));
        }
        self.cut = Some((rewrite, told));
        begun
    }

    fn base(
        &mut self,
        (timer, exchange): (&impl Timer, &impl Exchange),
        (seq, form): (i64, BaseForm),
        rewrite: u64,
    ) {
        let replaces = !self.writer.is_listed();
        let result = match &self.cut {
            Some((of, Ok(()))) if *of == rewrite => self
                .writer
                .install_base(seq, form)
                .map_err(|e| e.to_string()),
            Some((of, Err(why))) if *of == rewrite => Err(why.clone()),
            _ => Err("another rewrite has begun".to_owned()),
        };
        let result = match result {
            Ok(bytes) => {
                self.joins |= replaces;
                self.old_bytes = 0;
                let since = self.writer.increment_bytes();
                exchange.with(|queue| {
                    queue.report(|report| {
                        report.bytes_at_base = since;
                        report.installed = Some(rewrite);
                    });
                });
                if self.writer.has_history() && !self.keeps_history {
                    self.retires = Some((rewrite, timer.now() + stays(bytes)));
                    return;
                }
                Ok(Vec::new())
            }
            Err(why) => Err(why),
        };
        tell_rewrite(exchange, rewrite, result);
    }

    /// Removes what the last rewrite has replaced, if it has been there for long enough, or the log ends. Then the
    /// rewrite has ended.
    fn retire(&mut self, timer: &impl Timer, exchange: &impl Exchange) {
        let (stops, now) = (self.stops, timer.now());
        let due = |(_, at): &mut (u64, Duration)| stops || now >= *at;
        if let Some((rewrite, _)) = self.retires.take_if(due) {
            // It may have been switched on since.
            let result = match self.keeps_history {
                true => Ok(Vec::new()),
                false => self.writer.remove_history().map_err(|e| e.to_string()),
            };
            tell_rewrite(exchange, rewrite, result);
        }
    }
}

fn tell_rewrite(exchange: &impl Exchange, rewrite: u64, result: Result<Vec<String>, String>) {
    exchange.with(|queue: &mut Queue| {
        queue.report(|report| report.rewrite = Some((rewrite, result)));
    });
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}
