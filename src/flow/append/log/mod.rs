//! The append-only file of the running server.
//!
//! ```text
//! executor: commit -> Tap --end of a batch--> Queue --> thread: Writer -> files
//!              ^                                 |
//!              '---- durable, failed, rewritten -'
//! ```
//!
//!  * The executor never writes and never syncs; the thread never sees the keyspace.
//!  * A rewrite is a cut: a snapshot and a new increment begin at the same place in the order of commits. When the
//!    snapshot is in its place as the base, the manifest names both instead of what came before.
//!  * When the whole dataset is replaced (by a full sync or DEBUG RELOAD), later commits go to an increment that the
//!    manifest does not name until the new dataset is its base, so that a crash leaves the old dataset or the new one.

mod base;
mod ends;
mod handle;
mod info;
mod off;
mod single;
mod switch;
mod tap;
mod tell;
#[cfg(test)]
mod tests;

pub use base::copy;
pub use handle::AppendOnly;
pub use tell::archived;

use super::appenders::{Appenders, DiskOf, LogFileOf};
use super::on_disk;
use super::queue::{Exchange, Order, Queue, Report, Syncs};
use super::{Archive, Fsync, Mark, Policy, SharedArchive, Task, Writer};
use crate::dump_file::DumpFile;
use crate::save::{SnapshotRequest, Target, Writers};
use crate::{Saves, Whole};
use ::base::LogLevel;
use aof::Manifest;
use aof::names::{self, BaseForm};
use disk::{Disk, DiskFile, strerror};
use engine::{CommandError, Engine};
use handle::{Base, Mode, Off, Running, State};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tap::Tap;
use tell::tell_replication;

/// After so many failures of a rewrite the next one waits.
const FAILURES_AT_ONCE: u32 = 3;
/// The longest such wait, minutes.
const WAIT_MAX_MIN: i64 = 60;

/// `aof-use-rdb-preamble`
fn form(engine: &Engine) -> BaseForm {
    // What modules store beside their keys is in dumps only.
    match engine.config.aof_use_rdb_preamble || !engine.module_aux.is_empty() {
        true => BaseForm::Dump,
        false => BaseForm::Requests,
    }
}

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

    fn request(&self, whole: &Whole, base: Base) -> SnapshotRequest<LogFileOf<A>> {
        let state = self.state.borrow();
        let path = state.base_path(base);
        SnapshotRequest {
            target: Target::Base(DumpFile::at(path).to_replace(whole), base.form),
            form: None,
            only_functions: false,
            on_end: None,
        }
    }

    /// BGREWRITEAOF. It is only `scheduled` where nothing may begin now. Without a log it writes one all the same,
    /// which holds the dataset of this moment.
    ///
    /// # Errors
    /// A rewrite is running.
    pub fn rewrite(
        &self,
        engine: &mut Engine,
        scheduled: bool,
    ) -> Result<&'static str, CommandError> {
        if self.state.borrow().running.is_some() {
            return Err(CommandError::fixed(
                &"ERR Background append only file rewriting already in progress",
            ));
        }
        {
            let mut state = self.state.borrow_mut();
            state.scheduled = true;
            (state.failures, state.not_before) = (0, 0);
        }
        if scheduled {
            return Ok("Background append only file rewriting scheduled");
        }
        self.begin_what_is_scheduled(engine);
        match self.state.borrow().running.is_some() {
            true => Ok("Background append only file rewriting started"),
            false => Ok("Background append only file rewriting scheduled"),
        }
    }

    /// The whole dataset was replaced: the log continues with the new one as its base.
    pub fn dataset_replaced(&self, engine: &mut Engine) {
        if !self.is_on() {
            return;
        }
        self.hand_over(engine);
        let mut state = self.state.borrow_mut();
        if state.mode == Mode::On {
            state.mode = Mode::Waiting;
        }
        state.begun += 1;
        let rewrite = state.begun;
        state.running = None;
        state.scheduled = true;
        state.tap.reset();
        if engine
            .repl
            .upstream()
            .is_some_and(|up| up.link.is_syncing())
        {
            // Its place in the history comes after it.
            state.tap.leave_out(engine);
        }
        drop(state);
        let cut = Order::Cut {
            listed: false,
            rewrite,
        };
        self.with_queue(|queue| queue.order(cut));
    }

    /// Begins a rewrite that is scheduled, if no snapshot is running.
    fn begin_what_is_scheduled(&self, engine: &mut Engine) {
        {
            let state = self.state.borrow();
            if !state.scheduled || self.saves.running() || state.running.is_some() {
                return;
            }
        }
        let Some(whole) = self.saves.whole(engine) else {
            return;
        };
        engine.commit();
        self.hand_over(engine);
        let mode = self.state.borrow().mode;
        let off = match mode {
            Mode::Off => self.open_while_off(engine),
            Mode::Begins | Mode::Waiting | Mode::On => Ok(None),
        };
        let off = match off {
            Ok(off) => off,
            Err(error) => {
                let mut state = self.state.borrow_mut();
                state.scheduled = false;
                return state.rewrite_failed(engine, &error);
            }
        };
        let (number, base, listed) = {
            let mut state = self.state.borrow_mut();
            state.scheduled = false;
            state.begun += 1;
            let listed = state.mode == Mode::On;
            (state.begun, state.next_base(engine), listed)
        };
        let mut request = self.request(&whole, base);
        let this = self.clone();
        request.on_end = Some(Box::new(move |engine, result| {
            let result = result.map(drop).map_err(|e| e.to_string());
            this.base_ended(engine, number, result);
        }));
        match self.saves.start(engine, &whole, request) {
            Ok(()) => {
                (engine.log)(
                    LogLevel::Notice,
                    &format!(
                        "Background append only file rewriting started by pid {}",
                        disk::owner()
                    ),
                );
                let mut state = self.state.borrow_mut();
                state.running = Some(Running {
                    number,
                    base,
                    began_ms: engine.clock.steady_ms,
                    walks: true,
                    placed: false,
                });
                state.rewrites += 1;
                if off.is_some() {
                    state.off = off;
                    return;
                }
                state.tap.reset();
                let cut = Order::Cut {
                    listed,
                    rewrite: number,
                };
                self.with_queue(|queue| queue.order(cut));
                // It begins with its place in the history.
                state.tap.hand_over(engine, self.appenders.exchange());
            }
            Err(error) => self
                .state
                .borrow_mut()
                .rewrite_failed(engine, &error.to_string()),
        }
    }

    /// The base of the rewrite of this number is in its place, or cannot be.
    fn base_ended(&self, engine: &mut Engine, number: u64, result: Result<(), String>) {
        let mut state = self.state.borrow_mut();
        let Some(running) = state.running.as_mut().filter(|r| r.number == number) else {
            return;
        };
        let base = running.base;
        match result {
            Ok(()) => {
                running.placed = true;
                let file = self.saves.writers().disk().open(&state.base_path(base));
                state.base_bytes = file.and_then(|file| file.size()).unwrap_or(0);
                if state.mode == Mode::Off {
                    drop(state);
                    let keeps = engine.config.aof_disable_auto_gc;
                    return self.install_while_off(engine, (base, keeps), number);
                }
                let Base { seq, form } = base;
                let order = Order::Base {
                    seq,
                    form,
                    rewrite: number,
                };
                self.with_queue(|queue| queue.order(order));
            }
            Err(error) => state.rewrite_failed(engine, &error),
        }
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

/// A rewrite ended well. These files are not needed any more.
fn tell_end(engine: &Engine, removed: &[String]) {
    (engine.log)(
        LogLevel::Notice,
        "Background AOF rewrite terminated with success",
    );
    for name in removed {
        (engine.log)(
            LogLevel::Notice,
            &format!("Removing the history file {name} in the background"),
        );
    }
    (engine.log)(
        LogLevel::Notice,
        "Background AOF rewrite finished successfully",
    );
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

    fn next_base(&mut self, engine: &Engine) -> Base {
        self.base_seq += 1;
        Base {
            seq: self.base_seq,
            form: form(engine),
        }
    }

    fn base_path(&self, base: Base) -> PathBuf {
        let name = names::base(&self.filename, base.seq, base.form);
        self.directory.join(name)
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

    /// The manifest names what is written.
    fn base_is_named(&mut self) {
        self.mode = Mode::On;
        self.no_base = None;
        if let Some(syncs) = self.syncs {
            self.set_waits(syncs);
        }
    }

    fn bytes(&self) -> u64 {
        self.base_bytes + self.with_queue(|queue| queue.read()).bytes
    }

    fn rewrite_is_due(&self, engine: &Engine) -> bool {
        let now = engine.clock.steady_ms / 1000;
        if matches!(self.mode, Mode::Begins | Mode::Waiting) {
            return now >= self.not_before;
        }
        let config = &engine.config;
        let percent = u64::try_from(config.auto_aof_rewrite_percentage).unwrap_or(0);
        let least = u64::try_from(config.auto_aof_rewrite_min_size).unwrap_or(0);
        let (bytes, base) = (self.bytes(), self.rewritten_bytes.max(1));
        let grown = u128::from(bytes) * 100 / u128::from(base);
        percent > 0 && bytes > least && grown >= 100 + u128::from(percent) && now >= self.not_before
    }

    fn end_rewrite(&mut self, engine: &mut Engine, report: &Report) {
        let running = self.running.as_ref();
        let Some((number, began_ms)) = running.map(|r| (r.number, r.began_ms)) else {
            return;
        };
        if report.installed == Some(number) && self.mode != Mode::On {
            self.base_is_named();
        }
        let Some((of, result)) = &report.rewrite else {
            return;
        };
        if *of != number {
            return;
        }
        match result {
            Ok(removed) => {
                let removed = removed.clone();
                self.count_end(engine, began_ms);
                self.rewritten_bytes = self.base_bytes + report.bytes_at_base;
                self.running = None;
                tell_end(engine, &removed);
            }
            Err(why) => {
                let why = why.clone();
                self.rewrite_failed(engine, &why);
            }
        }
    }

    fn count_end(&mut self, engine: &Engine, began_ms: i64) {
        self.last_seconds = Some((engine.clock.steady_ms - began_ms) / 1000);
        (self.last_failed, self.failures) = (false, 0);
    }

    fn rewrite_failed(&mut self, engine: &mut Engine, why: &str) {
        self.off = None;
        (engine.log)(
            LogLevel::Warning,
            &format!("Background AOF rewrite terminated with error: {why}"),
        );
        if let Some(running) = self.running.take()
            && running.placed
        {
            // The manifest may still name it, if its directory could not be synced, so it stays.
            let path = self.base_path(running.base);
            (engine.log)(
                LogLevel::Notice,
                &format!(
                    "{} is not removed, because the manifest may name it",
                    path.display()
                ),
            );
        }
        if self.mode == Mode::Waiting {
            self.no_base = Some(format!("the base of another dataset: {why}"));
        }
        self.last_failed = true;
        self.failures += 1;
        let over = self.failures.saturating_sub(FAILURES_AT_ONCE);
        let minutes = match over {
            0 => 0,
            n => (1_i64 << n.min(6)).min(WAIT_MAX_MIN),
        };
        self.not_before = engine.clock.steady_ms / 1000 + minutes * 60;
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
