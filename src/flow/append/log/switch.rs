//! Switching the log on and off, and continuing it after a load.

use super::{AppendOnly, Base, Mode, archived};
use crate::NOT_WHOLE;
use crate::append::appenders::Appenders;
use crate::append::queue::{Exchange, Order};
use crate::append::{AppendError, Archive, LoadedLog, strays};
use crate::save::Writers;
use aof::{Manifest, names};
use base::LogLevel;
use disk::{Disk, DiskFile};
use engine::{Engine, Loading};
use replication::{ReplId, ReplOffset};

/// Tells the log which files got another name.
fn tell_of_strays(engine: &Engine, moved: Vec<(String, String)>) {
    for (name, other) in moved {
        let text = format!(
            "No manifest names the append-only file {name}, so it was not loaded. It is kept as {other}"
        );
        (engine.log)(LogLevel::Warning, &text);
    }
}

impl<A: Appenders> AppendOnly<A> {
    /// The server starts with a log: continues the one that was loaded, or begins one with the dataset as its base.
    ///
    /// # Errors
    /// The disk's.
    pub fn start(&self, engine: &mut Engine, loaded: Option<LoadedLog>) -> Result<(), String> {
        let text = |e: AppendError| e.to_string();
        let writer = match loaded {
            Some(log) => {
                let mut writer = self.open(engine, log.manifest)?;
                self.take_archive(engine, log.archive, log.told);
                if let Some(single) = log.single {
                    self.set_strays_aside(engine)?;
                    self.take_single(engine, &mut writer, &single)?;
                }
                self.state.borrow_mut().has_begun = true;
                let keeps = engine.config.aof_disable_auto_gc;
                if log.copied {
                    writer.write_manifest_again().map_err(text)?;
                }
                tell_of_strays(engine, writer.clear_away(keeps).map_err(text)?);
                writer.sync_files().map_err(text)?;
                let resumed = match log.end {
                    Some((len, sealer)) => writer.resume(len, sealer).unwrap_or_else(|e| {
                        (engine.log)(
                            LogLevel::Notice,
                            &format!("The append-only file continues in a new file: {e}"),
                        );
                        false
                    }),
                    None => false,
                };
                let how = if resumed { "Opening" } else { "Creating" };
                let begun = match resumed {
                    true => Ok(()),
                    false => writer.begin_increment(true),
                };
                match begun {
                    Ok(()) => {
                        let name = writer.increment_name();
                        let text = format!("{how} AOF incr file {name} on server start");
                        (engine.log)(LogLevel::Notice, &text);
                    }
                    // Who reads is served on a full disk, too.
                    Err(error) => {
                        let text = format!("The append-only file cannot be continued yet: {error}");
                        (engine.log)(LogLevel::Warning, &text);
                        writer.begin_later();
                    }
                }
                writer
            }
            None => {
                let mut writer = self.open(engine, Manifest::default())?;
                self.set_strays_aside(engine)?;
                let base = self.state.borrow_mut().next_base(engine);
                let name = names::base(&engine.config.appendfilename, base.seq, base.form);
                (engine.log)(
                    LogLevel::Notice,
                    &format!("Creating AOF base file {name} on server start"),
                );
                self.write_base(engine, base)?;
                writer.begin_increment(false).map_err(text)?;
                let name = writer.increment_name();
                (engine.log)(
                    LogLevel::Notice,
                    &format!("Creating AOF incr file {name} on server start"),
                );
                writer.install_base(base.seq, base.form).map_err(text)?;
                writer
            }
        };
        let bytes = self.bytes_on_disk(writer.manifest());
        let mut state = self.state.borrow_mut();
        (state.base_bytes, state.rewritten_bytes) = bytes;
        state.begin(engine, writer, Mode::On)?;
        drop(state);
        self.tell_archive(engine);
        Ok(())
    }

    /// What there is has been loaded: from now on, the log follows the configuration.
    pub fn starts(&self) {
        self.state.borrow_mut().starting = false;
    }

    /// What there is will be loaded again, while clients are answered that the server is loading.
    pub fn loads(&self, engine: &mut Engine) {
        engine.loading = Loading::Blocking;
        self.state.borrow_mut().starting = true;
    }

    /// The log has been loaded again, or could not be: it continues if it `was_on`, or follows what the configuration
    /// has become since.
    ///
    /// # Errors
    /// It could not be loaded, or cannot be continued.
    pub fn loaded_again(
        &self,
        engine: &mut Engine,
        was_on: bool,
        loaded: Result<LoadedLog, String>,
    ) -> Result<(), String> {
        self.starts();
        match (engine.config.appendonly, was_on) {
            (true, true) => self.resume(engine, loaded.clone().ok())?,
            (true, false) => self.enable(engine)?,
            (false, _) => {}
        }
        loaded.map(drop)
    }

    /// CONFIG SET appendonly. While the log is loaded, only the configuration changes, which [`crate::boot::begin`] or
    /// [`AppendOnly::loaded_again`] reads at the end.
    ///
    /// # Errors
    /// What the client is told.
    pub fn switch(&self, engine: &mut Engine) -> Result<(), String> {
        if self.state.borrow().starting && engine.loading != Loading::No {
            return Ok(());
        }
        if !engine.config.appendonly {
            engine.unblock_for_log_off();
            self.disable(engine);
            return Ok(());
        }
        self.enable(engine).map_err(|why| {
            let text = format!("The append-only file cannot be switched on: {why}");
            (engine.log)(LogLevel::Warning, &text);
            "Unable to turn on AOF. Check server logs.".to_owned()
        })
    }

    /// CONFIG SET appendonly yes.
    ///
    /// # Errors
    /// The disk's, or the log that is there cannot be read.
    pub fn enable(&self, engine: &mut Engine) -> Result<(), String> {
        if self.is_on() {
            return Ok(());
        }
        self.give_up_rewrite(engine);
        let manifest = self.manifest_on_disk(engine)?;
        let begins = manifest == Manifest::default();
        let writer = self.open(engine, manifest)?;
        if begins {
            self.set_strays_aside(engine)?;
        }
        let mut state = self.state.borrow_mut();
        state.begin(engine, writer, Mode::Begins)?;
        state.scheduled = true;
        drop(state);
        self.begin_what_is_scheduled(engine);
        let mut state = self.state.borrow_mut();
        if state.running.is_none() {
            (engine.log)(
                LogLevel::Notice,
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.",
            );
            // Writes until then must go somewhere.
            state.begun += 1;
            let rewrite = state.begun;
            let cut = Order::Cut {
                listed: false,
                rewrite,
            };
            self.appenders.exchange().with(|queue| queue.order(cut));
        }
        Ok(())
    }

    /// A log begins where there is no manifest. Files that one may have named are kept under other names.
    fn set_strays_aside(&self, engine: &Engine) -> Result<(), String> {
        let mut state = self.state.borrow_mut();
        // Files without a manifest that come later are written by this process, whose dataset has all that is in them.
        if std::mem::replace(&mut state.has_begun, true) {
            return Ok(());
        }
        let disk = self.saves.writers().disk();
        let moved = strays::set_aside(disk, &state.directory, &state.filename)?;
        tell_of_strays(engine, moved);
        Ok(())
    }

    /// CONFIG SET appendonly no. Waits until what was committed is durable.
    pub fn disable(&self, engine: &mut Engine) {
        if self.is_on() {
            self.give_up_rewrite(engine);
            self.finish(engine);
            engine.commits.remove_logs();
            engine.repl.follow_by_log(false);
            self.archive.with(Archive::clear);
            engine.repl.set_archived(None);
            engine.hold_writes_for_log(false);
            engine.append_failed = None;
            let mut state = self.state.borrow_mut();
            state.mode = Mode::Off;
            state.running = None;
            state.scheduled = false;
            (state.failure, state.no_base) = (None, None);
        }
    }

    /// Prepares for the log to be loaded again: writes it to its end, and logs nothing until [`AppendOnly::loaded_again`].
    /// Returns whether there was a log.
    ///
    /// # Errors
    /// It has no base yet.
    pub fn suspend(&self, engine: &mut Engine) -> Result<bool, String> {
        if self.is_on() && !self.is_named() {
            return Err("the log has no base yet".into());
        }
        self.give_up_rewrite(engine);
        engine.commit();
        let was_on = self.is_on();
        self.disable(engine);
        Ok(was_on)
    }

    /// Continues the log that was loaded; if it was not loaded, or not to its end, after what it contains.
    ///
    /// # Errors
    /// The disk's.
    pub(super) fn resume(
        &self,
        engine: &mut Engine,
        loaded: Option<LoadedLog>,
    ) -> Result<(), String> {
        let log = match loaded {
            Some(log) => log,
            None => LoadedLog::found(self.saves.writers().disk(), engine)?,
        };
        self.start(engine, Some(log))
    }

    /// The files hold these bytes of the stream.
    fn take_archive(&self, engine: &Engine, archive: Archive, told: Option<(ReplId, ReplOffset)>) {
        let state = self.state.borrow();
        let directory = state.directory.clone();
        self.archive.with(|shared| {
            *shared = archive;
            shared.set_directory(directory);
            shared.set_limit(archived(engine));
        });
        state.tap.continue_from(told);
    }

    /// Writes the dataset as a base, doing nothing else.
    fn write_base(&self, engine: &mut Engine, base: Base) -> Result<(), String> {
        let Some(whole) = self.saves.whole(engine) else {
            return Err(NOT_WHOLE.to_owned());
        };
        let request = self.request(&whole, base);
        let written = self.saves.run_to_end(engine, &whole, request);
        written.map_err(|e| e.to_string())
    }

    /// Bytes of the base, and of all files.
    fn bytes_on_disk(&self, manifest: &Manifest) -> (u64, u64) {
        let (disk, state) = (self.saves.writers().disk(), self.state.borrow());
        let bytes = |file: &aof::manifest::File| {
            let name = String::from_utf8_lossy(&file.name).into_owned();
            let file = disk.open(&state.directory.join(name));
            file.and_then(|file| file.size()).unwrap_or(0)
        };
        let base = manifest.base.as_ref().map_or(0, bytes);
        (base, manifest.files().map(bytes).sum())
    }
}
