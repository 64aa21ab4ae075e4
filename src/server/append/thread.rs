//! The thread that writes the log, so that only clients that asked for durability wait for the disk.

use super::gather::Gather;
use super::queue::{Order, Queue, Syncs};
use aof::names::BaseForm;
use disk::Disk;
use flow::append::{AppendError, Fsync, Policy, Writer};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long batches are collected where no reply waits for them.
const COLLECT: Duration = Duration::from_millis(1);

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

/// Runs until it is asked to stop.
pub fn run<D: Disk>(mut writer: Writer<D>, queue: &Queue, policy: Policy, old_bytes: u64) {
    let mut thread = Thread {
        began: Instant::now(),
        policy,
        cut: None,
        old_bytes,
        keeps_history: false,
        sleep: Duration::ZERO,
        beside: false,
        delayed: 0,
        waiting: VecDeque::new(),
        waiting_bytes: 0,
        retires: None,
        writers: Gather::default(),
    };
    let _tells = TellsOfPanic(queue);
    let mut stop = false;
    while !stop {
        let unsynced = thread.policy.keeps() && writer.has_unsynced();
        let busy = writer.has_unwritten() || unsynced || !thread.waiting.is_empty();
        let wait = busy.then(|| Duration::from_millis(thread.policy.wait_ms(thread.now())));
        let retires = thread
            .retires
            .map(|(_, at)| at.saturating_duration_since(Instant::now()));
        let wait = wait.into_iter().chain(retires).min();
        thread.gather(&writer, queue);
        let mut batches = false;
        for order in queue.take(wait) {
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
                    (thread.sleep, thread.beside) = (sleep, beside);
                    if thread.keeps_history && !keeps_history {
                        forget_history(&mut writer);
                    }
                    thread.keeps_history = keeps_history;
                    writer.set_seals(annotations);
                    thread.policy.fsync = fsync;
                    thread.policy.leave_disk_alone = leave_disk_alone;
                    thread.policy.sync_from = from;
                }
                Order::Stop => stop = true,
                order => {
                    if let Order::Batch(batch) = &order {
                        thread.waiting_bytes += batch.bytes.len();
                        batches = true;
                    }
                    thread.waiting.push_back(order);
                }
            }
        }
        thread.write(&mut writer, queue);
        thread.retire(&mut writer, queue, stop);
        if batches && !stop && thread.policy.fsync != Fsync::Always {
            // Nobody waits for this: what arrives in the meantime is written at once.
            std::thread::sleep(COLLECT);
        }
    }
    let ended = thread.go_on(&mut writer, queue);
    let ended = ended.and_then(|()| writer.write());
    let ended = ended.and_then(|()| writer.sync());
    thread.tell(&writer, queue, ended);
}

fn forget_history<D: Disk>(writer: &mut Writer<D>) {
    match writer.remove_history() {
        Ok(removed) => {
            for name in removed {
                tracing::info!("Removing the history file {name} in the background");
            }
        }
        Err(error) => tracing::warn!(
            "The history files of the append-only file could not be removed: {error}"
        ),
    }
}

/// The executor learns of it when the thread panics: nothing is written any more.
struct TellsOfPanic<'a>(&'a Queue);

impl Drop for TellsOfPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let failure = "the thread that writes it has ended; restart the server".to_owned();
            self.0.report(|report| report.failure = Some(failure));
        }
    }
}

struct Thread {
    began: Instant,
    policy: Policy,
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
    retires: Option<(u64, Instant)>,
    /// Those whose replies wait for syncs.
    writers: Gather,
}

impl Thread {
    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Does what was ordered, up to the cut of another dataset that fails.
    fn go_on<D: Disk>(&mut self, writer: &mut Writer<D>, queue: &Queue) -> Result<(), AppendError> {
        while let Some(order) = self.waiting.pop_front() {
            match order {
                Order::Batch(batch) => {
                    self.waiting_bytes -= batch.bytes.len();
                    writer.push(batch);
                }
                Order::Cut { listed, rewrite } => {
                    let replaces = !listed && writer.is_listed();
                    let result = self.cut(writer, queue, listed, rewrite);
                    if replaces && result.is_err() {
                        self.waiting.push_front(order);
                        return result;
                    }
                }
                Order::Base { seq, form, rewrite } => {
                    self.base(writer, queue, (seq, form), rewrite);
                }
                // They do not wait.
                Order::Policy(_) | Order::Stop => {}
            }
        }
        Ok(())
    }

    /// Waits for those who are likely to write before the next sync, where replies wait for it.
    fn gather<D: Disk>(&mut self, writer: &Writer<D>, queue: &Queue) {
        if self.policy.fsync != Fsync::Always {
            return;
        }
        if let Some((wanted, within)) = self.writers.wanted() {
            let there = queue.gather(writer.durable(), wanted, within);
            self.writers.waited(wanted, there);
        }
    }

    fn kept_bytes<D: Disk>(&self, writer: &Writer<D>) -> usize {
        writer.kept_bytes() + self.waiting_bytes
    }

    /// Writes what has come, and syncs it if that is due.
    fn write<D: Disk>(&mut self, writer: &mut Writer<D>, queue: &Queue) {
        if !self.policy.may_try(self.now()) {
            return queue.note(|report| report.kept = self.kept_bytes(writer));
        }
        let mut result = self.go_on(writer, queue);
        let (begun, writes) = (Instant::now(), writer.has_unwritten());
        if writes {
            std::thread::sleep(self.sleep);
        }
        result = result.and_then(|()| writer.write());
        if writes {
            let ms = begun.elapsed().as_millis() as i64;
            queue.took("aof-write", ms);
            let alone = match self.beside {
                true => "aof-write-active-child",
                false => "aof-write-alone",
            };
            queue.took(alone, ms);
        }
        if result.is_ok() && !self.policy.keeps() {
            writer.settle_written();
        }
        let unsynced = writer.kept_bytes();
        if result.is_ok() && writer.has_unsynced() && self.policy.sync_is_due(self.now(), unsynced)
        {
            queue.note(|report| report.syncing = 1);
            let (begun, before) = (Instant::now(), writer.durable());
            result = writer.sync();
            let took = begun.elapsed();
            match self.policy.fsync {
                Fsync::Always => {
                    queue.took("aof-fsync-always", took.as_millis() as i64);
                    let durable = writer.durable();
                    let waiting = queue.commits_after(durable);
                    self.writers.synced(took, durable.since(before), waiting);
                }
                _ => self.delayed += u64::from(took >= DELAYED),
            }
            let now = self.now();
            self.policy.synced(now);
        }
        let now = self.now();
        self.policy.tried(now, result.is_ok());
        self.tell(writer, queue, result);
    }

    fn tell<D: Disk>(&self, writer: &Writer<D>, queue: &Queue, result: Result<(), AppendError>) {
        let failure = result.err().map(|error| error.to_string());
        queue.note(|report| {
            report.durable = writer.durable();
            report.durable_end = Some(writer.durable_end());
            report.sendable = Some(match self.policy.fsync {
                Fsync::Always => writer.durable_end(),
                Fsync::EverySecond | Fsync::No => writer.written_end(),
            });
            report.failure = failure;
            report.bytes = self.old_bytes + writer.increment_bytes();
            report.kept = self.kept_bytes(writer);
            report.syncing = 0;
            report.delayed = self.delayed;
        });
    }

    fn cut<D: Disk>(
        &mut self,
        writer: &mut Writer<D>,
        queue: &Queue,
        listed: bool,
        rewrite: u64,
    ) -> Result<(), AppendError> {
        let old_bytes = self.old_bytes + writer.increment_bytes();
        let begun = writer.begin_increment(listed);
        let told = match &begun {
            Ok(()) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if told.is_ok() {
            self.old_bytes = old_bytes;
            let name = writer.increment_name();
            tracing::info!("Creating AOF incr file {name} on background rewrite");
        } else if let Err(why) = &told {
            let failed = Err(why.clone());
            queue.report(|report| report.rewrite = Some((rewrite, failed)));
        }
        self.cut = Some((rewrite, told));
        begun
    }

    fn base<D: Disk>(
        &mut self,
        writer: &mut Writer<D>,
        queue: &Queue,
        (seq, form): (i64, BaseForm),
        rewrite: u64,
    ) {
        let result = match &self.cut {
            Some((of, Ok(()))) if *of == rewrite => {
                writer.install_base(seq, form).map_err(|e| e.to_string())
            }
            Some((of, Err(why))) if *of == rewrite => Err(why.clone()),
            _ => Err("another rewrite has begun".to_owned()),
        };
        let result = match result {
            Ok(bytes) => {
                self.old_bytes = 0;
                let since = writer.increment_bytes();
                queue.report(|report| report.bytes_at_base = since);
                if writer.has_history() && !self.keeps_history {
                    self.retires = Some((rewrite, Instant::now() + stays(bytes)));
                    return;
                }
                Ok(Vec::new())
            }
            Err(why) => Err(why),
        };
        queue.report(|report| report.rewrite = Some((rewrite, result)));
    }

    /// Removes what the last rewrite has replaced, if it has been there for long enough, or `now`. Then the rewrite has
    /// ended.
    fn retire<D: Disk>(&mut self, writer: &mut Writer<D>, queue: &Queue, now: bool) {
        let due = |(_, at): &mut (u64, Instant)| now || Instant::now() >= *at;
        if let Some((rewrite, _)) = self.retires.take_if(due) {
            // It may have been switched on since.
            let result = match self.keeps_history {
                true => Ok(Vec::new()),
                false => writer.remove_history().map_err(|e| e.to_string()),
            };
            queue.report(|report| report.rewrite = Some((rewrite, result)));
        }
    }
}
