//! Installing a payload, from its first byte to the dataset in memory.

use super::IntoFile;
use super::{Follower, Outcome, PlacedFile, Received, ReceivedFile, Receivers, Turn, Turns};
use crate::Which;
use crate::load::{CheckOptions, LoadProgress, Loaded, announce, options};
use crate::payload::{Around, Mode, removes_sync_files};
use base::LogLevel;
use disk::DiskFile;
use engine::{Engine, Loading};
use rdb::RdbVersion;
use rdb::target::Target;
use replication::report::Taken;
use replication::{LinkInput, ReplMeta, StreamDb};
use std::sync::Arc;

impl<R: Receivers> Follower<R> {
    pub(super) fn begin_payload(
        &mut self,
        length: Option<u64>,
        engine: &mut Engine,
        turns: &mut Turns<'_, R>,
    ) {
        let settings = engine.repl.settings();
        let around = Around {
            wanted: settings.diskless_load,
            empty: engine.keyspace.is_empty(),
            used: (engine.used_memory)(engine),
            limit: settings.swapdb_memory,
            length,
        };
        let (mode, why) = self.modes.choose(around);
        if let Some(why) = why {
            engine.repl.log(LogLevel::Warning, why);
        }
        let to = if mode == Mode::File { "disk" } else { "parser" };
        let text = match length {
            Some(n) => format!("receiving {n} bytes from master to {to}"),
            None => format!("receiving streamed RDB from master with EOF to {to}"),
        };
        engine
            .repl
            .log(LogLevel::Notice, format!("MASTER <-> REPLICA sync: {text}"));
        engine.repl.received().taken(match mode {
            Mode::File | Mode::LoadingFile => Taken::Disk,
            Mode::Memory => Taken::Memory,
            Mode::Swap => Taken::Swap,
        });
        let receiving = match self.start_receiving(mode, length, engine) {
            Ok(receiving) => Some(receiving),
            Err(error) => {
                turns.0.push_back(Turn::Received(Err(error)));
                None
            }
        };
        self.payload = Some((mode, receiving));
    }

    fn start_receiving(
        &self,
        mode: Mode,
        length: Option<u64>,
        engine: &mut Engine,
    ) -> Result<R::Receiving, String> {
        let options = options(engine);
        let receivers = self.saves.writers();
        let progress = Arc::<LoadProgress>::default();
        let kind = match mode {
            Mode::File | Mode::LoadingFile => {
                let place = self.saves.place(engine);
                let temp = place.temporary();
                self.saves.receives(temp.clone());
                let check = CheckOptions::from(&options);
                return receivers.take_to_file(IntoFile { place, temp, check });
            }
            Mode::Memory => Loading::Blocking,
            Mode::Swap if continues_our_history(engine) => Loading::Async,
            Mode::Swap => Loading::Blocking,
        };
        // Before any old data is dropped.
        let receiving = receivers.take_to_memory(options, progress.clone())?;
        if mode == Mode::Memory {
            self.empty_dataset(engine);
        }
        self.start_loading(engine, kind, length, &progress);
        engine.repl.log(
            LogLevel::Notice,
            "MASTER <-> REPLICA sync: Loading DB in memory",
        );
        Ok(receiving)
    }

    /// Empties the dataset: its replacement is safe, or there is no data to lose.
    fn empty_dataset(&self, engine: &mut Engine) {
        engine.repl.before_flush();
        engine.repl.log(
            LogLevel::Notice,
            "MASTER <-> REPLICA sync: Flushing old data",
        );
        self.saves.empty_for_load(engine);
    }

    fn start_loading(
        &self,
        engine: &mut Engine,
        kind: Loading,
        total: Option<u64>,
        progress: &Arc<LoadProgress>,
    ) {
        engine.repl.received().load_begins();
        let total = total.unwrap_or(0);
        self.saves
            .begin_loading(engine, kind, total, progress.clone());
    }

    pub(super) fn received<'a>(
        &mut self,
        outcome: Outcome<R>,
        engine: &mut Engine,
        turns: &mut Turns<'a, R>,
    ) {
        let Some((mode, _)) = self.payload.take() else {
            return;
        };
        let next = match outcome {
            Err(error) => Turn::Failed(mode, error),
            Ok(Received::File(file)) => {
                // A whole dump has been received and checked: it becomes the dump file, and then the dataset. A save
                // that runs would put its older data over it.
                if self.saves.bgsave_running() {
                    tell_pending_save(engine);
                }
                self.saves.give_up(engine, Which::Disk);
                Turn::Place(file)
            }
            Ok(Received::Loaded(loaded)) => {
                engine.repl.received().load_ends(loaded.keys_loaded);
                Turn::Install(mode, loaded)
            }
        };
        turns.0.push_front(next);
    }

    pub(super) fn place(&mut self, received: ReceivedFile<R::Disk>, turns: &mut Turns<'_, R>) {
        let path = received.place().path().to_owned();
        turns.0.push_front(match received.put_in_place() {
            Ok(placed) => Turn::LoadFile(placed),
            Err(e) => {
                let error = format!(
                    "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA \
                     synchronization: {e}",
                    path.file_name().unwrap_or(path.as_os_str()).display()
                );
                Turn::Failed(Mode::File, error)
            }
        });
    }

    pub(super) fn load_file(&mut self, placed: PlacedFile<R::Disk>, engine: &mut Engine) {
        self.empty_dataset(engine);
        engine.repl.log(
            LogLevel::Notice,
            "MASTER <-> REPLICA sync: Loading DB in memory",
        );
        let progress = Arc::<LoadProgress>::default();
        let total = placed.file.size().ok();
        self.start_loading(engine, Loading::Blocking, total, &progress);
        let mut options = options(engine);
        options.total_bytes = total;
        let receivers = self.saves.writers();
        let receiving = receivers.load_file(&placed.file, options, progress);
        self.payload = Some((Mode::LoadingFile, Some(receiving)));
        self.placed = Some(placed);
    }

    /// The dataset is loaded.
    pub(super) fn install<'a>(
        &mut self,
        mode: Mode,
        loaded: Loaded,
        engine: &mut Engine,
        turns: &mut Turns<'a, R>,
    ) {
        let placed = self.placed.take();
        let is_plain = is_plain(&loaded, engine);
        let installed = self.replace_dataset(mode, loaded, engine);
        self.modes.loaded();
        turns.0.push_front(match installed {
            Ok(()) => {
                if let Some(placed) = placed {
                    if is_plain {
                        let writers = self.saves.writers();
                        writers.dataset_is_in(engine, &placed.file);
                    }
                    self.remove_sync_file(&placed, engine);
                }
                let now_us = self.saves.writers().clock().unix_us;
                engine.repl.received().swapped(now_us);
                Turn::Step(LinkInput::Loaded(Ok(())))
            }
            Err(error) => Turn::Failed(mode, error),
        });
    }

    /// Installs the loaded dataset, unless it has a function library that does not load.
    fn replace_dataset(
        &self,
        mode: Mode,
        loaded: Loaded,
        engine: &mut Engine,
    ) -> Result<(), String> {
        self.saves.end_loading_to_install(engine);
        announce(engine, &loaded);
        let meta = ReplMeta::from_aux(|name| loaded.aux(name));
        let installed = self.saves.install(engine, loaded);
        installed.map_err(|e| e.to_string())?;
        if mode == Mode::Swap {
            for text in [
                "Discarding previously cached master state.",
                "MASTER <-> REPLICA sync: Swapping active DB with loaded DB",
                "MASTER <-> REPLICA sync: Discarding old DB in background",
            ] {
                engine.repl.log(LogLevel::Notice, text);
            }
        }
        engine
            .repl
            .set_stream_db(meta.map_or(StreamDb::default(), |m| m.stream_db));
        engine.own_keys.clear();
        Ok(())
    }

    /// `rdb-del-sync-files`: the dump has only served the sync, and the dataset that it held is in memory.
    fn remove_sync_file(&self, placed: &PlacedFile<R::Disk>, engine: &mut Engine) {
        let disk = self.saves.writers().disk();
        if !removes_sync_files(&engine.config) || !placed.place.is(disk, &placed.file) {
            return;
        }
        let Some(whole) = self.saves.whole(engine) else {
            return;
        };
        let text = "Removing the RDB file obtained from the master. This replica has persistence \
                    disabled";
        engine.repl.log(LogLevel::Notice, text);
        if let Err(e) = placed.place.remove(disk, &whole) {
            engine
                .repl
                .log(LogLevel::Warning, format!("Removing the RDB file: {e}"));
        }
    }

    /// Cleans up after a payload that was abandoned.
    pub(super) fn failed(&mut self, mode: Mode, error: &str, engine: &mut Engine) {
        engine.repl.received().refused(error);
        engine.repl.log(LogLevel::Warning, error.to_owned());
        let from = match mode {
            Mode::File | Mode::LoadingFile => "disk",
            Mode::Memory | Mode::Swap => "socket",
        };
        let text = format!(
            "Failed trying to load the MASTER synchronization DB from {from}, check server logs."
        );
        engine.repl.log(LogLevel::Warning, text);
        if mode == Mode::Swap {
            let text = "MASTER <-> REPLICA sync: Discarding temporary DB in background";
            engine.repl.log(LogLevel::Notice, text);
        }
        self.saves.end_loading(engine);
    }
}

/// True if the payload holds everything that is in memory, in a form for the servers for which dumps are written: those
/// of `rdb-save-target`, or Redis 7.2 and later.
fn is_plain(loaded: &Loaded, engine: &Engine) -> bool {
    let target = Target::from_name(engine.config.rdb_save_target.name());
    let most = target.and_then(Target::version);
    loaded.unknown_skipped == 0 && loaded.version <= most.unwrap_or(RdbVersion::REDIS_11)
}

/// The payload's history is the one that is served: clients may read the old data while it is loaded.
fn continues_our_history(engine: &Engine) -> bool {
    let ours = engine.repl.history().id();
    let upstream = engine.repl.upstream();
    upstream.is_some_and(|up| up.link.resume_at().is_some_and(|at| at.id == ours))
}

/// A save would put its older data in the place of what was just received.
fn tell_pending_save(engine: &mut Engine) {
    let text = format!(
        "Replica is about to load the RDB file received from the master, but there is a pending RDB child running. \
         Killing process {} and removing its temp file to avoid any race",
        disk::owner()
    );
    engine.repl.log(LogLevel::Notice, text);
}
