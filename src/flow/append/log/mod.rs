//! The append-only file of the running server.
//!
//! ```text
//! executor: commit -> Tap --end of a batch--> Queue --> thread: Writer -> files
//!              ^                                 |
//!              '---- durable, failed, rewritten -'
//! ```
//!
//!  * The executor never writes and never syncs; the thread never sees the keyspace.
//!  * [`rewrite`] replaces what was written by a base.
//!  * When the whole dataset is replaced (by a full sync or DEBUG RELOAD NOSAVE), later commits go to an increment that the
//!    manifest does not name until the new dataset is its base, so that a crash leaves the old dataset or the new one.

mod base;
mod ends;
mod handle;
mod info;
mod off;
mod rewrite;
mod single;
mod switch;
mod tap;
mod tell;
#[cfg(test)]
mod tests;

pub use base::copy;
pub use handle::AppendOnly;
pub use tell::archived;

use super::appenders::{Appenders, DiskOf};
use super::on_disk;
use super::queue::{Exchange, Order, Queue, Report, Syncs};
use super::{Archive, Fsync, Mark, Policy, SharedArchive, Task, Writer};
use crate::Saves;
use crate::save::Writers;
use ::base::LogLevel;
use aof::Manifest;
use disk::{Disk, strerror};
use engine::{CommandError, Engine};
use handle::{Base, Mode, Running, State};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tap::Tap;
use tell::tell_replication;

/// When to sync, as is configured.
fn syncs(engine: &Engine, rewriting: bool, sleep: Duration) -> Syncs {
    let limit = usize::try_from(engine.config.aof_buffer_limit).unwrap_or(usize::MAX);
    Syncs {
        fsync: Fsync::configured(engine),
        leave_disk_alone: rewriting && engine.config.no_appendfsync_on_rewrite,
        // As much may come while it is synced, and once more, before writers wait.
        from: limit / 4,
        keeps_history: engine.config.aof_disable_auto_gc,
        annotations: engine.config.aof_annotations,
        sleep,
        beside: rewriting,
    }
}

impl<A: Appenders> AppendOnly<A> {
    /// The configuration has changed.
    pub fn set_how(&self, engine: &Engine) {
        if self.is_on() {
            self.state.borrow_mut().set_how(engine);
        }
    }

    /// DEBUG AOF-FLUSH-SLEEP.
    pub fn sleep_before_writes(&self, micros: u64) {
        let mut state = self.state.borrow_mut();
        state.sleep = Duration::from_micros(micros);
        if let Some(syncs) = state.syncs.filter(|_| state.mode != Mode::Off) {
            let sleep = state.sleep;
            state.set_syncs(Syncs { sleep, ..syncs });
        }
    }

    /// The log of a server that starts; it is off.
    pub fn new(appenders: A, saves: Saves<A::Writers>) -> AppendOnly<A> {
        AppendOnly {
            state: Rc::new(RefCell::new(State {
                appenders: appenders.clone(),
                mode: Mode::Off,
                tap: Tap::default(),
                writes: None,
                directory: PathBuf::new(),
                filename: String::new(),
                base_seq: 0,
                begun: 0,
                starting: true,
                has_begun: false,
                running: None,
                scheduled: false,
                base_bytes: 0,
                rewritten_bytes: 0,
                last_seconds: None,
                last_failed: false,
                rewrites: 0,
                failures: 0,
                not_before: 0,
                syncs: None,
                failure: None,
                no_base: None,
                sleep: Duration::ZERO,
                off: None,
            })),
            saves,
            appenders,
            archive: SharedArchive::default(),
        }
    }

    /// Those who write it.
    pub fn appenders(&self) -> &A {
        &self.appenders
    }

    fn with_queue<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        self.appenders.exchange().with(f)
    }

    /// Bytes of it that are in memory.
    pub fn buffered(&self) -> usize {
        let state = self.state.borrow();
        match state.mode {
            Mode::Off => 0,
            Mode::Begins | Mode::Waiting | Mode::On => self.with_queue(|queue| queue.waiting()),
        }
    }

    /// Effects go to a log.
    pub fn is_on(&self) -> bool {
        self.state.borrow().mode != Mode::Off
    }

    /// Effects go to a log that the manifest names: what is durable in it is there after a crash.
    pub fn is_named(&self) -> bool {
        self.state.borrow().mode == Mode::On
    }

    /// Rewrites begun.
    pub fn rewrites(&self) -> u64 {
        self.state.borrow().rewrites
    }

    /// The process ends: waits until what was committed is durable, or the disk refuses it.
    pub fn finish(&self, engine: &mut Engine) {
        self.hand_over(engine);
        let somebody = self.state.borrow_mut().writes.take();
        if let Some(somebody) = somebody {
            self.with_queue(|queue| queue.order(Order::Stop));
            if !self.appenders.join(somebody) {
                let text = "The thread of the append-only file has panicked";
                (engine.log)(LogLevel::Warning, text);
            }
            if let Some(failure) = self.with_queue(|queue| queue.read()).failure {
                let text = format!("Writes that were not durable are lost: {failure}");
                (engine.log)(LogLevel::Warning, &text);
            }
        }
    }

    fn open(&self, engine: &Engine, manifest: Manifest) -> Result<Writer<DiskOf<A>>, String> {
        let disk = self.saves.writers().disk();
        let directory = directory(disk, engine);
        disk.create_directory(&directory).map_err(|e| {
            let reason = strerror(&e);
            format!(
                "Can't open or create append-only dir {}: {reason}",
                engine.config.appenddirname
            )
        })?;
        let filename = engine.config.appendfilename.clone();
        let mut state = self.state.borrow_mut();
        state.base_seq = manifest.base.as_ref().map_or(0, |base| base.seq);
        (state.directory, state.filename) = (directory.clone(), filename.clone());
        state.tap.tell_stream(engine.config.aof_annotations);
        let last = Mark {
            at: engine.commits.position(),
            ..state.tap.mark(engine)
        };
        let mut writer = Writer::new(disk.clone(), directory.clone(), filename, manifest, last);
        writer.set_seals(engine.config.aof_annotations);
        self.archive.with(|archive| {
            *archive = Archive::new(archived(engine));
            archive.set_directory(directory);
        });
        writer.note_in(self.archive.clone());
        Ok(writer)
    }

    /// Hands over what was committed. Called at the end of each batch of requests.
    pub fn hand_over(&self, engine: &mut Engine) {
        let state = self.state.borrow();
        if state.mode != Mode::Off && state.tap.hand_over(engine, self.appenders.exchange()) {
            drop(state);
            self.hold_writers(engine);
        }
    }

    /// Takes note of what the thread has come to.
    pub fn take_news(&self, engine: &mut Engine) {
        let mut state = self.state.borrow_mut();
        if state.mode == Mode::Off {
            return;
        }
        let report = self.with_queue(|queue| queue.read());
        state.end_rewrite(engine, &report);
        // What no manifest names is lost when the process ends.
        let settled = match state.mode {
            Mode::On => state.tap.settled(engine, report.durable),
            Mode::Off | Mode::Begins | Mode::Waiting => None,
        };
        if state.mode == Mode::On {
            engine.on_durable(settled.map_or(report.durable, |mark| mark.at.max(report.durable)));
        }
        let failure = report.failure.clone().or_else(|| state.no_base.clone());
        if state.failure != failure {
            match &failure {
                Some(why) => (engine.log)(
                    LogLevel::Warning,
                    &format!(
                        "The append-only file: {why}. Writes are refused until it can be written"
                    ),
                ),
                None => (engine.log)(
                    LogLevel::Warning,
                    "AOF write error looks solved. The server can write again.",
                ),
            }
            let refusal = |why: &String| {
                let why = system_words(why);
                CommandError::new(format!("MISCONF Errors writing to the AOF file: {why}"))
            };
            engine.append_failed = failure.as_ref().map(refusal);
            state.failure = failure;
        }
        let (threshold, now) = (
            engine.config.latency_monitor_threshold,
            engine.clock.unix_ms / 1000,
        );
        for (what, ms) in self.with_queue(Queue::take_slow) {
            engine.latency.note(what, ms, threshold, now);
        }
        tell_replication(engine, state.mode, &report, settled);
        drop(state);
        self.tell_archive(engine);
        self.hold_writers(engine);
    }

    /// Writers wait while so much is in memory that the disk has not taken.
    fn hold_writers(&self, engine: &mut Engine) {
        let state = self.state.borrow();
        if state.mode == Mode::Off {
            return;
        }
        let limit = usize::try_from(engine.config.aof_buffer_limit).unwrap_or(usize::MAX);
        let most = match engine.holds_writes_for_log() {
            true => limit / 4 * 3,
            false => limit,
        };
        let holds = self.with_queue(|queue| queue.waiting()) > most;
        drop(state);
        if holds != engine.holds_writes_for_log() {
            self.with_queue(|queue| queue.set_held(holds));
        }
        if holds || engine.holds_writes_for_log() {
            engine.hold_writes_for_log(holds);
            if !holds {
                self.appenders.look_at_link();
            }
        }
    }

    /// Called at each turn of the periodic work.
    pub fn cron(&self, engine: &mut Engine) {
        if !self.is_on() {
            return self.begin_what_is_scheduled(engine);
        }
        self.hand_over(engine);
        self.take_news(engine);
        {
            let mut state = self.state.borrow_mut();
            let followed = engine.repl.listening();
            self.with_queue(|queue| queue.set_followed(followed));
            state.set_how(engine);
            let limit = archived(engine);
            self.archive.with(|archive| archive.set_limit(limit));
            if state.running.is_none() && !state.scheduled && state.rewrite_is_due(engine) {
                state.scheduled = true;
            }
        }
        self.begin_what_is_scheduled(engine);
    }

    /// What the manifest of the log says; nothing if there is none.
    fn manifest_on_disk(&self, engine: &Engine) -> Result<Manifest, String> {
        let disk = self.saves.writers().disk();
        let directory = directory(disk, engine);
        let found = on_disk::manifest(disk, &directory, &engine.config.appendfilename)?;
        Ok(found.unwrap_or_default())
    }
}

/// The directory of the log. The working directory is `dir`.
pub fn directory(disk: &impl Disk, engine: &Engine) -> PathBuf {
    let name = PathBuf::from(&engine.config.appenddirname);
    disk.absolute(&name).unwrap_or(name)
}

impl<A: Appenders> State<A> {
    fn with_queue<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        self.appenders.exchange().with(f)
    }

    /// From now on effects are written.
    fn begin(
        &mut self,
        engine: &mut Engine,
        mut writer: Writer<DiskOf<A>>,
        mode: Mode,
    ) -> Result<(), String> {
        self.tap.reset();
        engine.repl.follow_by_log(true);
        if let Some(batch) = self.tap.batch(engine) {
            // This position in the history is in the log before anybody can see it.
            writer.push(batch);
            writer.write().map_err(|e| e.to_string())?;
        }
        let policy = Policy::new(Fsync::configured(engine));
        self.with_queue(|queue| queue.report(|report| *report = Report::default()));
        let before = self.rewritten_bytes.saturating_sub(self.base_bytes);
        let old_bytes = match mode {
            Mode::On => before.saturating_sub(writer.increment_bytes()),
            Mode::Off | Mode::Begins | Mode::Waiting => 0,
        };
        let task = Task::new(writer, policy, old_bytes, engine.log);
        let begun = self.appenders.begin(task);
        let somebody =
            begun.map_err(|e| format!("Can't start a thread for the append-only file: {e}"))?;
        self.writes = Some(somebody);
        self.mode = mode;
        self.set_syncs(syncs(engine, false, self.sleep));
        engine.commits.add_log(Box::new(self.tap.clone()));
        Ok(())
    }

    /// The log is written as is configured.
    fn set_how(&mut self, engine: &Engine) {
        let syncs = syncs(engine, self.running.is_some(), self.sleep);
        if self.syncs != Some(syncs) {
            self.set_syncs(syncs);
        }
    }

    fn set_syncs(&mut self, syncs: Syncs) {
        self.syncs = Some(syncs);
        self.tap.tell_stream(syncs.annotations);
        self.set_waits(syncs);
        self.with_queue(|queue| queue.order(Order::Policy(syncs)));
    }

    /// Whether replies to writers wait for the disk.
    fn set_waits(&self, syncs: Syncs) {
        let promised = self.mode != Mode::Begins;
        self.tap.set_waits(promised && syncs.fsync == Fsync::Always);
    }

    fn bytes(&self) -> u64 {
        self.base_bytes + self.with_queue(|queue| queue.read()).bytes
    }
}

/// The system's words, if `why` ends with them: clients are told these alone, as real servers do. The log says what
/// was tried.
fn system_words(why: &str) -> &str {
    let system = why.rsplit_once(" (os error ").map(|(text, _)| text);
    system.map_or(why, |text| {
        text.rsplit_once(": ").map_or(text, |(_, words)| words)
    })
}
