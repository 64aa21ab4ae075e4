//! Rewrites: when one begins, how it ends, and the base of a dataset that has replaced another.
//!
//! A rewrite is a cut: a snapshot and a new increment begin at the same place in the order of commits. When the
//! snapshot is in its place as the base, the manifest names both instead of what came before.

use super::handle::{AppendOnly, Base, Mode, Running, State};
use crate::Whole;
use crate::append::appenders::{Appenders, LogFileOf};
use crate::append::queue::{Order, Report};
use crate::dump_file::DumpFile;
use crate::save::{SnapshotRequest, Target, Writers};
use ::base::LogLevel;
use aof::names::{self, BaseForm};
use disk::{Disk, DiskFile};
use engine::{CommandError, Engine};
use std::path::PathBuf;

/// After so many failures of a rewrite the next one waits.
const FAILURES_AT_ONCE: u32 = 3;
/// The longest such wait, minutes.
const WAIT_MAX_MIN: i64 = 60;

/// `aof-use-rdb-preamble`
pub(super) fn form(engine: &Engine) -> BaseForm {
    // What modules store beside their keys is in dumps only.
    match engine.config.aof_use_rdb_preamble || !engine.module_aux.is_empty() {
        true => BaseForm::Dump,
        false => BaseForm::Requests,
    }
}

impl<A: Appenders> AppendOnly<A> {
    pub(super) fn request(&self, whole: &Whole, base: Base) -> SnapshotRequest<LogFileOf<A>> {
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
    pub(super) fn begin_what_is_scheduled(&self, engine: &mut Engine) {
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
    pub(super) fn base_ended(&self, engine: &mut Engine, number: u64, result: Result<(), String>) {
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
}

/// A rewrite ended well. These files are not needed any more.
pub(super) fn tell_end(engine: &Engine, removed: &[String]) {
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

impl<A: Appenders> State<A> {
    pub(super) fn next_base(&mut self, engine: &Engine) -> Base {
        self.base_seq += 1;
        Base {
            seq: self.base_seq,
            form: form(engine),
        }
    }

    pub(super) fn base_path(&self, base: Base) -> PathBuf {
        let name = names::base(&self.filename, base.seq, base.form);
        self.directory.join(name)
    }

    /// The manifest names what is written.
    pub(super) fn base_is_named(&mut self) {
        self.mode = Mode::On;
        self.no_base = None;
        if let Some(syncs) = self.syncs {
            self.set_waits(syncs);
        }
    }

    pub(super) fn rewrite_is_due(&self, engine: &Engine) -> bool {
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

    pub(super) fn end_rewrite(&mut self, engine: &mut Engine, report: &Report) {
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

    pub(super) fn count_end(&mut self, engine: &Engine, began_ms: i64) {
        self.last_seconds = Some((engine.clock.steady_ms - began_ms) / 1000);
        (self.last_failed, self.failures) = (false, 0);
    }

    pub(super) fn rewrite_failed(&mut self, engine: &mut Engine, why: &str) {
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
