//! Saves: SAVE, BGSAVE, save points, snapshots for replicas.
//!
//! ```text
//! executor:  cut -> walk in slices -> blocks --bounded queue--> writer: encode -> sinks
//!                        ^ waits only while the queue is full             file | replicas
//! ```
//!
//!  * One snapshot at a time, as in Redis: BGSAVE and a full sync take turns.
//!  * Clients come first: a slice of the walk is bounded in time, and between two slices every ready
//!    connection is served.
//!  * The old dump stays in its place until the new one is complete and durable.
//!  * Only a complete dataset is saved or sent ([`crate::whole`]), to a place that is fixed when the save begins
//!    ([`crate::dump_file`]), and never over a newer dump ([`crate::fate`]).
//!
//! [`Writers`] decides who writes: a thread in the server, virtual time in the simulator.

pub mod encoder;
pub mod error;
pub mod file_sink;
mod give_up;
mod info;
pub mod plan;
pub mod records;
pub mod settings;
pub mod sink;
mod walk;
pub mod writer;

pub use encoder::Encoder;
pub use error::SaveError;
pub use file_sink::FileSink;
pub use plan::{AsRequests, HeatAs, Plan};
pub use records::{Prepared, Records};
pub use settings::Settings;
pub use sink::{Outputs, Sink};
pub use walk::Advance;
pub use writer::{Awaited, FileOf, OpenSinks, Outcome, Pace, Progress, Writer, Writers};

use crate::dump_file::{DumpFile, Replacement};
use crate::load::Loading;
use crate::saves::History;
use crate::{Dataset, Fate, NOT_WHOLE, Which, Whole, WholeInUse};
use aof::names::BaseForm;
use base::LogLevel;
use engine::host::SaveOptions;
use engine::{CommandError, Engine};
use keyspace::Keyspace;
use keyspace::snapshot::{Cut, SnapshotOptions};
use rdb::RdbType;
use rdb::module::ModuleAux;
use rdb::target::{self, TypeSet};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// The most bytes of blocks that may wait to be written (one block may exceed this). It is a fraction of the data, so
/// that a small dataset is not in memory twice, but enough for the writer never to wait.
pub fn queue_bytes(data: usize) -> usize {
    (data / 32).clamp(1 << 20, 16 << 20)
}

/// What is done when a snapshot has ended, whether or not it succeeded. The argument is the dump, if it was written to
/// disk.
pub type OnEnd<F> = Box<dyn FnOnce(&mut Engine, Result<Option<F>, &SaveError>)>;

/// The saves of one server; a handle that can be cloned.
pub struct Saves<W: Writers> {
    pub(crate) state: Rc<RefCell<State<W>>>,
    /// Whether there is anything whole to save.
    pub(crate) dataset: Rc<Dataset>,
    writers: W,
}

impl<W: Writers> Clone for Saves<W> {
    fn clone(&self) -> Saves<W> {
        Saves {
            state: self.state.clone(),
            dataset: self.dataset.clone(),
            writers: self.writers.clone(),
        }
    }
}

/// Where a snapshot goes.
pub enum Target<F> {
    /// Into this file, as the dump of the server.
    Disk(Replacement),
    /// Into this file, as the base of the append-only file, in this form. It does not count as a save.
    Base(Replacement, BaseForm),
    /// To replicas.
    Sinks(Vec<Box<dyn Sink<F>>>),
}

/// How to take a snapshot.
pub struct SnapshotRequest<F> {
    /// Where it goes.
    pub target: Target<F>,
    /// The target for which it is written; `None` means that of `rdb-save-target`.
    pub form: Option<target::Target>,
    /// Functions without keys (`rdb-filter-only functions`).
    pub only_functions: bool,
    /// Called on the executor when it has ended.
    pub on_end: Option<OnEnd<F>>,
}

pub(crate) struct State<W: Writers> {
    running: Option<Running<W>>,
    /// Snapshots begun so far.
    begun: u64,
    /// Saves that were cancelled and whose writers may not have noticed yet.
    given_up: Vec<Arc<Fate>>,
    /// The temporary file of the last payload that was received to disk. It may have been removed.
    received: Option<PathBuf>,
    /// A BGSAVE that begins at the next turn.
    scheduled: Option<SaveOptions>,
    /// The load that is running.
    pub(crate) loading: Option<Loading>,
    /// Unix seconds of the last successful save to disk, or of the start.
    last_save: i64,
    /// The same by the steady clock: save points count from there.
    saved_at: i64,
    /// When a save to disk was last tried, seconds of the steady clock.
    last_try: i64,
    last_failed: Option<String>,
    last_seconds: Option<i64>,
    saves: u64,
    /// Length of the last dump written.
    last_bytes: u64,
    last_preserved_peak: usize,
    /// Keys that the last load has brought, and keys of it that had expired.
    pub(crate) last_load: (u64, u64),
}

impl<W: Writers> Default for State<W> {
    fn default() -> State<W> {
        State {
            running: None,
            begun: 0,
            given_up: Vec::new(),
            received: None,
            scheduled: None,
            loading: None,
            last_save: 0,
            saved_at: 0,
            last_try: 0,
            last_failed: None,
            last_seconds: None,
            saves: 0,
            last_bytes: 0,
            last_preserved_peak: 0,
            last_load: (0, 0),
        }
    }
}

struct Running<W: Writers> {
    writer: W::Writer,
    /// It becomes the server's dump.
    disk: bool,
    /// It becomes the base of the append-only file.
    base: bool,
    /// Beside the clients.
    background: bool,
    cut: Cut,
    dirty_at_cut: i64,
    /// When it began, by the steady clock.
    started_ms: i64,
    walking: bool,
    preserved_peak: usize,
    /// Memory in use at the cut.
    data_bytes: usize,
    /// [`Keyspace::left_bytes`] at the cut.
    left_at_cut: u64,
    /// Writers wait, because the snapshot holds as much as it may.
    holds_writers: bool,
    /// How many bytes the sinks have taken, and when they last took some, by the steady clock.
    progress: (u64, i64),
    on_end: Option<OnEnd<FileOf<W>>>,
}

impl<W: Writers> Saves<W> {
    /// The saves of a server that starts.
    pub fn new(writers: W) -> Saves<W> {
        let now = writers.clock();
        Saves {
            state: Rc::new(RefCell::new(State {
                last_save: now.unix_ms / 1000,
                saved_at: now.steady_ms / 1000,
                ..State::default()
            })),
            dataset: Rc::default(),
            writers,
        }
    }

    /// The writers.
    pub fn writers(&self) -> &W {
        &self.writers
    }

    /// Calls `f` with the writer of the running snapshot.
    pub fn with_writer<R>(&self, f: impl FnOnce(&W::Writer) -> R) -> Option<R> {
        let state = self.state.borrow();
        state.running.as_ref().map(|running| f(&running.writer))
    }

    /// The current path of the dump.
    pub fn place(&self, engine: &Engine) -> DumpFile {
        DumpFile::configured(self.writers.disk(), &engine.config)
    }

    /// Takes the cut now. The rest runs while clients are served.
    ///
    /// # Errors
    /// A snapshot is running already, or no thread can be started. Later failures are reported when it ends.
    pub fn start(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        request: SnapshotRequest<FileOf<W>>,
    ) -> Result<(), SaveError> {
        let cut = || self.begin(engine, whole, request, Awaited::No);
        self.writers.cut(cut)?;
        engine.watch_writes(true);
        let number = self.state.borrow().begun;
        self.writers.walk(self, number);
        Ok(())
    }

    /// Takes a snapshot and waits for its end, without serving clients.
    pub fn run_to_end(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        request: SnapshotRequest<FileOf<W>>,
    ) -> Result<(), SaveError> {
        self.begin(engine, whole, request, Awaited::ByExecutor)?;
        self.finish(engine)
    }

    /// Waits for the end of the running snapshot, doing nothing else.
    pub fn finish(&self, engine: &mut Engine) -> Result<(), SaveError> {
        loop {
            match self.step(engine) {
                Advance::Again => {}
                Advance::Wait => {
                    let state = self.state.borrow();
                    let running = state.running.as_ref().expect("it has not ended");
                    match running.walking {
                        true => running.writer.wait_for_room(),
                        false => running.writer.wait_end(),
                    }
                }
                Advance::Ended(result) => return result,
            }
        }
    }

    /// Takes the cut; [`Saves::step`] does the rest.
    ///
    /// # Errors
    /// As [`Saves::start`].
    pub fn begin(
        &self,
        engine: &mut Engine,
        _: &Whole,
        request: SnapshotRequest<FileOf<W>>,
        awaited: Awaited,
    ) -> Result<(), SaveError> {
        let background = awaited == Awaited::No;
        let mut state = self.state.borrow_mut();
        if state.running.is_some() {
            return Err(SaveError::Cancelled(
                "Background save already in progress".into(),
            ));
        }
        let settings = Settings::read(&engine.config, engine.clock.steady_ms);
        let disk = matches!(request.target, Target::Disk(_));
        let base = match request.target {
            Target::Base(_, form) => Some(form),
            Target::Disk(_) | Target::Sinks(_) => None,
        };
        if disk {
            state.last_try = engine.clock.steady_ms / 1000;
        }
        let heats = settings.heat != HeatAs::Nothing;
        let cut = match request.only_functions {
            true => Cut::default(),
            false => engine
                .keyspace
                .begin_snapshot(SnapshotOptions { heats })
                .map_err(|e| SaveError::Cancelled(e.to_string()))?,
        };
        let mut plan = plan(engine, &settings, request.form, cut.clone());
        match base {
            Some(BaseForm::Dump) => plan.set_base(),
            Some(BaseForm::Requests) => plan.set_requests(AsRequests {
                ms: engine.clock.unix_ms as u64,
                timestamp: engine.config.aof_timestamp_enabled,
            }),
            None => {}
        }
        let data_bytes = (engine.used_memory)(engine);
        let open = self.open_later(request.target, settings.incremental_fsync);
        let most = queue_bytes(data_bytes);
        let writer = match self.writers.begin(engine, plan, open, most, awaited) {
            Ok(writer) => writer,
            Err(error) => {
                if !request.only_functions {
                    engine.keyspace.cancel_snapshot();
                }
                let error = SaveError::Thread(error);
                if disk && background {
                    state.last_failed = Some(error.to_string());
                    engine.save_failed = true;
                }
                return Err(error);
            }
        };
        if request.only_functions {
            writer.finish();
        }
        state.begun += 1;
        let now_ms = self.writers.clock().steady_ms;
        state.running = Some(Running {
            writer,
            disk,
            base: base.is_some(),
            background,
            cut,
            dirty_at_cut: engine.dirty,
            started_ms: now_ms,
            walking: !request.only_functions,
            preserved_peak: 0,
            data_bytes,
            left_at_cut: Keyspace::left_bytes(),
            holds_writers: false,
            progress: (0, now_ms),
            on_end: request.on_end,
        });
        Ok(())
    }

    /// The witness that the dataset is complete, if it is, and no script is in the middle of its writes.
    pub fn whole(&self, engine: &Engine) -> Option<WholeInUse<'_>> {
        self.dataset.whole(engine.at_rest()?)
    }

    /// SAVE.
    pub fn save(&self, engine: &mut Engine, options: &SaveOptions) -> Result<(), String> {
        let Some(whole) = self.whole(engine) else {
            (engine.log)(LogLevel::Warning, NOT_WHOLE);
            return Err(NOT_WHOLE.to_owned());
        };
        self.save_whole(engine, &whole, options)
    }

    /// As [`Saves::save`], with the witness.
    pub fn save_whole(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        options: &SaveOptions,
    ) -> Result<(), String> {
        let request = self.request_to_disk(engine, whole, options);
        self.run_to_end(engine, whole, request).map_err(|e| {
            let text = e.to_string();
            (engine.log)(LogLevel::Warning, &text);
            text
        })?;
        (engine.log)(LogLevel::Notice, "DB saved on disk");
        Ok(())
    }

    /// BGSAVE.
    pub fn bgsave(
        &self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        let rewrites = self.state.borrow().running.as_ref().is_some_and(|r| r.base);
        let waits = options.schedule || (rewrites && options.after_rewrite);
        if rewrites && !waits {
            return Err(CommandError::fixed(
                &"ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        if self.running() && !rewrites {
            return Err(CommandError::fixed(
                &"ERR Background save already in progress",
            ));
        }
        if waits {
            self.state.borrow_mut().scheduled = Some(options.clone());
            return Ok("Background saving scheduled");
        }
        let Some(whole) = self.whole(engine) else {
            return Err(CommandError::new(format!("ERR {NOT_WHOLE}")));
        };
        self.bgsave_whole(engine, &whole, options)
    }

    fn bgsave_whole(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        let request = self.request_to_disk(engine, whole, options);
        match self.start(engine, whole, request) {
            Ok(()) => {
                let text = format!("Background saving started by pid {}", disk::owner());
                (engine.log)(LogLevel::Notice, &text);
                Ok("Background saving started")
            }
            Err(e) => {
                (engine.log)(LogLevel::Warning, &format!("Can't save in background: {e}"));
                Err(CommandError::fixed(&"ERR"))
            }
        }
    }

    /// BGSAVE CANCEL: ends a save and a full sync, as in Valkey, but no rewrite of the append-only file.
    pub fn cancel_bgsave(&self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        let rewrites = self.state.borrow().running.as_ref().is_some_and(|r| r.base);
        if !rewrites && self.give_up(engine, Which::Any) {
            return Ok("Background saving cancelled");
        }
        match self.state.borrow_mut().scheduled.take() {
            Some(_) => Ok("Scheduled background saving cancelled"),
            None => Err(CommandError::fixed(
                &"ERR Background saving is currently not in progress or scheduled",
            )),
        }
    }

    /// True if a snapshot is running, to disk or to replicas.
    pub fn running(&self) -> bool {
        self.state.borrow().running.is_some()
    }

    /// A save to disk is running.
    pub fn bgsave_running(&self) -> bool {
        self.state.borrow().running.as_ref().is_some_and(|r| r.disk)
    }

    /// Unix seconds of the last successful save.
    pub fn last_save(&self) -> i64 {
        self.state.borrow().last_save
    }

    /// Why the last save to disk failed; `None` when it went well.
    pub fn last_failure(&self) -> Option<String> {
        self.state.borrow().last_failed.clone()
    }

    /// Called at each turn of the periodic work: save points, scheduled saves.
    pub fn cron(&self, engine: &mut Engine) {
        if self.running() {
            return;
        }
        let Some(whole) = self.whole(engine) else {
            return; // what is due is done when the load, or the script, has ended
        };
        let now = engine.clock.steady_ms / 1000;
        let settings = Settings::read(&engine.config, engine.clock.steady_ms);
        let due = {
            let state = self.state.borrow();
            let history = History {
                saved_at_s: state.saved_at,
                last_try_s: state.last_try,
                failed: state.last_failed.is_some(),
            };
            let scheduled = state.scheduled.is_some();
            history.due(now, engine.dirty, &settings.save_points, scheduled)
        };
        if let Some((seconds, changes)) = due.point {
            let text = format!("{changes} changes in {seconds} seconds. Saving...");
            (engine.log)(LogLevel::Notice, &text);
        }
        if due.any() {
            let options = self.state.borrow_mut().scheduled.take();
            let _ = self.bgsave_whole(engine, &whole, &options.unwrap_or_default());
        }
    }

    /// A save to where dumps go now.
    pub fn request_to_disk(
        &self,
        engine: &Engine,
        whole: &Whole,
        options: &SaveOptions,
    ) -> SnapshotRequest<FileOf<W>> {
        let form = options
            .target
            .as_deref()
            .and_then(target::Target::from_name);
        SnapshotRequest {
            target: Target::Disk(self.place(engine).to_replace(whole)),
            form,
            only_functions: false,
            on_end: None,
        }
    }

    fn open_later(
        &self,
        target: Target<FileOf<W>>,
        incremental_fsync: bool,
    ) -> OpenSinks<FileOf<W>> {
        let disk = self.writers.disk().clone();
        match target {
            Target::Disk(place) | Target::Base(place, _) => Box::new(move |fate| {
                let sink = FileSink::create(&disk, place, incremental_fsync, fate)?;
                Ok(Outputs::One(Box::new(sink)))
            }),
            Target::Sinks(sinks) => Box::new(|_| Ok(Outputs::Several(sinks))),
        }
    }

    /// A dump of this many bytes has replaced the previous one.
    fn saved(&self, state: &mut State<W>, bytes: u64) {
        let now = self.writers.clock();
        state.last_save = now.unix_ms / 1000;
        state.saved_at = now.steady_ms / 1000;
        state.saves += 1;
        state.last_bytes = bytes;
        state.last_failed = None;
    }
}

fn plan(engine: &mut Engine, settings: &Settings, form: Option<target::Target>, cut: Cut) -> Plan {
    let form = form.unwrap_or(settings.target);
    let module_aux = module_aux(engine, form, &cut);
    let (version, form) = match form.version() {
        Some(version) => (version, form),
        None => target::auto(held_types(&cut), !engine.scripting.libraries.is_empty()),
    };
    Plan {
        version,
        target: form,
        on_loss: settings.on_loss,
        aux: aux_fields(engine),
        module_aux,
        functions: engine.scripting.libraries.sources(),
        cut,
        compress: settings.compress,
        checksum: settings.checksum,
        heat: settings.heat,
        key: engine.secrets.hash_key(),
        key_delay: engine.config.rdb_key_save_delay,
        requests: None,
    }
}

/// What modules store in addition to their keys, for a dump in this form. A server without the module cannot load such
/// data, and which modules a server has is unknown. The data is therefore written to dumps of this server, and for
/// servers that have to load values of modules in any case.
fn module_aux(engine: &Engine, form: target::Target, cut: &Cut) -> Vec<ModuleAux> {
    let holds_values = held_types(cut).contains(RdbType::Module2);
    if form == target::Target::Auto || holds_values {
        return engine.module_aux.clone();
    }
    for aux in &engine.module_aux {
        let text = format!(
            "What the module type '{}' stores beside its keys is left out for {form}: the dataset holds no values of \
             modules, and a server without that module would not load it.",
            aux.id.name()
        );
        (engine.log)(LogLevel::Warning, &text);
    }
    Vec::new()
}

fn held_types(cut: &Cut) -> TypeSet {
    cut.dbs.iter().flat_map(|db| db.types.held()).collect()
}

fn aux_fields(engine: &Engine) -> Vec<(&'static str, Vec<u8>)> {
    let number = |n: i64| n.to_string().into_bytes();
    let mut aux = vec![
        ("redis-ver", base::REDIS_VERSION.as_bytes().to_vec()),
        ("redis-bits", number(64)),
        ("ctime", number(engine.clock.unix_ms / 1000)),
        ("used-mem", number((engine.used_memory)(engine) as i64)),
    ];
    if let Some(meta) = engine.repl.meta() {
        aux.extend(meta.aux().map(|(name, value)| (name, value.into_bytes())));
    }
    aux.push(("aof-base", number(0)));
    aux
}
