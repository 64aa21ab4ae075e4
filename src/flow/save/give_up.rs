//! Cancels the running snapshot for an operation that cannot wait for it, or whose result it must not replace.

use super::{Awaited, SaveError, Saves, Settings, Target, Writer, Writers, plan, queue_bytes};
use crate::dump_file::TEMPORARY;
use crate::{Which, Whole, WholeInUse};
use base::LogLevel;
use disk::{Disk, remove_leftovers};
use engine::Engine;
use keyspace::snapshot::Cut;
use std::path::PathBuf;

impl<W: Writers> Saves<W> {
    /// Gives the running snapshot up, if it is of the kind `which`: the old dump stays, and replicas that were
    /// waiting for the snapshot lose their connections. A snapshot whose dump is in its place already is finished
    /// instead. True if a snapshot was cancelled.
    pub fn give_up(&self, engine: &mut Engine, which: Which) -> bool {
        let given_up = {
            let state = self.state.borrow();
            match &state.running {
                Some(running) if which.means(running.disk, running.base) => {
                    running.writer.give_up()
                }
                _ => return false,
            }
        };
        if !given_up {
            // The clients that waited for its end have been notified.
            let _ = self.finish(engine);
            return false;
        }
        let mut state = self.state.borrow_mut();
        let mut running = state.running.take().expect("it was just looked at");
        state
            .given_up
            .retain(|fate| std::sync::Arc::strong_count(fate) > 1);
        state.given_up.push(running.writer.fate());
        drop(state);
        engine.keyspace.cancel_snapshot();
        if let Some(on_end) = running.on_end.take() {
            on_end(engine, Err(&SaveError::cancelled()));
        }
        true
    }

    /// True if a payload is being received into this file.
    pub fn receives(&self, temp: PathBuf) {
        self.state.borrow_mut().received = Some(temp);
    }

    /// The process is about to end: files of saves that were cancelled, and that of a payload that is not complete,
    /// are removed, since their threads will not come to it.
    pub fn clear_away(&self) {
        let state = self.state.borrow();
        let disk = self.writers.disk();
        state.given_up.iter().for_each(|fate| fate.clear_away(disk));
        if let Some(temp) = &state.received {
            // The file exists only while a payload is being received.
            let _ = disk.remove(temp);
        }
    }

    /// True if another snapshot has begun since the one of this number.
    pub fn began_after(&self, number: u64) -> bool {
        self.state.borrow().begun > number
    }

    /// The process begins: temporary files beside the dump that were left behind by killed processes are
    /// removed. Nobody else does, and each may be as large as the dataset.
    pub fn clear_leftovers(&self, engine: &Engine) {
        let place = self.place(engine);
        let (disk, directory) = (self.writers.disk(), place.directory());
        // If a directory cannot be read, the operation that needs it reports that.
        let removed = remove_leftovers(disk, directory, TEMPORARY).unwrap_or(0);
        if removed > 0 {
            let text = format!(
                "Removed {removed} temporary files that killed processes had left behind in {}",
                directory.display()
            );
            (engine.log)(LogLevel::Notice, &text);
        }
    }

    /// After FLUSHALL, which makes any dataset complete: a running save would only bring the old data back; and
    /// with save points set the empty dataset is saved before FLUSHALL answers, also while replicas are sent a
    /// snapshot.
    pub fn after_flushall(&self, engine: &mut Engine) {
        let whole = self.dataset.emptied();
        self.give_up(engine, Which::Disk);
        let settings = Settings::read(&engine.config, engine.clock.steady_ms);
        if settings.save_points.is_empty() {
            return;
        }
        match self.save_empty(engine, &settings, whole) {
            Ok(()) => (engine.log)(LogLevel::Notice, "DB saved on disk"),
            Err(error) => (engine.log)(LogLevel::Warning, &error.to_string()),
        }
    }

    /// Saves a dataset that has no keys. This needs no walk, so it can be done during one.
    fn save_empty(
        &self,
        engine: &mut Engine,
        settings: &Settings,
        whole: WholeInUse<'_>,
    ) -> Result<(), SaveError> {
        let whole: &Whole = &whole;
        let place = self.place(engine).to_replace(whole);
        let mut plan = plan(engine, settings, None, Cut::default());
        if !engine.repl.is_replica() {
            // Replicas have not received the command yet, and the stream ends before it. With this position in the
            // dump, a replica could continue from there after a crash, and keep its keys.
            plan.aux.retain(|(name, _)| !name.starts_with("repl-"));
        }
        let open = self.open_later(Target::Disk(place), settings.incremental_fsync);
        let begun = self
            .writers
            .begin(engine, plan, open, queue_bytes(0), Awaited::ByExecutor);
        let mut writer = begun.map_err(SaveError::Thread)?;
        writer.finish();
        let outcome = writer.join();
        let mut state = self.state.borrow_mut();
        state.last_try = engine.clock.steady_ms / 1000;
        outcome.result?;
        self.saved(&mut state, outcome.bytes);
        engine.dirty = 0;
        engine.save_failed = false;
        Ok(())
    }
}
