//! The thread that writes the log, so that no client ever waits for the disk but those that asked for it.

use super::queue::{Order, Queue, Syncs};
use aof::names::BaseForm;
use disk::Disk;
use flow::append::{AppendError, Fsync, Policy, Writer};
use std::time::{Duration, Instant};

/// How long batches are collected where no reply waits for them.
const COLLECT: Duration = Duration::from_millis(1);

/// Real servers write while a sync runs when it has run for so long.
const DELAYED: Duration = Duration::from_secs(2);

/// Works until it is told to stop.
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
    };
    let _tells = TellsOfPanic(queue);
    let mut stop = false;
    while !stop {
        let busy = writer.has_unwritten() || (thread.policy.keeps() && writer.has_unsynced());
        let wait = busy.then(|| Duration::from_millis(thread.policy.wait_ms(thread.now())));
        let mut batches = false;
        for order in queue.take(wait) {
            match order {
                Order::Batch(batch) => {
                    writer.push(batch);
                    batches = true;
                }
                Order::Policy(Syncs {
                    fsync,
                    leave_disk_alone,
                    from,
                    keeps_history,
                    sleep,
                    beside,
                }) => {
                    (thread.sleep, thread.beside) = (sleep, beside);
                    if thread.keeps_history && !keeps_history {
                        forget_history(&mut writer);
                    }
                    thread.keeps_history = keeps_history;
                    thread.policy.fsync = fsync;
                    thread.policy.leave_disk_alone = leave_disk_alone;
                    thread.policy.sync_from = from;
                }
                Order::Cut { listed, rewrite } => thread.cut(&mut writer, queue, listed, rewrite),
                Order::Base { seq, form, rewrite } => {
                    thread.base(&mut writer, queue, (seq, form), rewrite);
                }
                Order::Stop => stop = true,
            }
        }
        thread.write(&mut writer, queue);
        if batches && !stop && thread.policy.fsync != Fsync::Always {
            // Nobody waits for this: what comes meanwhile is written at once.
            std::thread::sleep(COLLECT);
        }
    }
    let ended = writer.write().and_then(|()| writer.sync());
    thread.tell(&writer, queue, ended);
}

fn forget_history<D: Disk>(writer: &mut Writer<D>) {
    match writer.remove_history() {
        Ok(removed) => {
            for name in removed {
                tracing::info!("Removing the history file {name} in the background");
            }
        }
        Err(error) => tracing::warn!("The history of the append-only file stays: {error}"),
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
    /// Syncs for which what came meanwhile had to wait for long.
    delayed: u64,
}

impl Thread {
    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Writes what has come, and syncs it if that is due.
    fn write<D: Disk>(&mut self, writer: &mut Writer<D>, queue: &Queue) {
        if !self.policy.may_try(self.now()) {
            return queue.note(|report| report.kept = writer.kept_bytes());
        }
        let (begun, writes) = (Instant::now(), writer.has_unwritten());
        if writes {
            std::thread::sleep(self.sleep);
        }
        let mut result = writer.write();
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
            let begun = Instant::now();
            result = writer.sync();
            let took = begun.elapsed();
            match self.policy.fsync {
                Fsync::Always => queue.took("aof-fsync-always", took.as_millis() as i64),
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
            report.kept = writer.kept_bytes();
            report.syncing = 0;
            report.delayed = self.delayed;
        });
    }

    fn cut<D: Disk>(&mut self, writer: &mut Writer<D>, queue: &Queue, listed: bool, rewrite: u64) {
        let old_bytes = self.old_bytes + writer.increment_bytes();
        let result = writer.begin_increment(listed).map_err(|e| e.to_string());
        if result.is_ok() {
            self.old_bytes = old_bytes;
            let name = writer.increment_name();
            tracing::info!("Creating AOF incr file {name} on background rewrite");
        } else if let Err(why) = &result {
            let failed = Err(why.clone());
            queue.report(|report| report.rewrite = Some((rewrite, failed)));
        }
        self.cut = Some((rewrite, result));
    }

    fn base<D: Disk>(
        &mut self,
        writer: &mut Writer<D>,
        queue: &Queue,
        (seq, form): (i64, BaseForm),
        rewrite: u64,
    ) {
        let result = match &self.cut {
            Some((of, Ok(()))) if *of == rewrite => writer
                .install_base(seq, form, self.keeps_history)
                .map_err(|e| e.to_string()),
            Some((of, Err(why))) if *of == rewrite => Err(why.clone()),
            _ => Err("another rewrite has begun".to_owned()),
        };
        if result.is_ok() {
            self.old_bytes = 0;
        }
        queue.report(|report| {
            report.rewrite = Some((rewrite, result));
        });
    }
}
