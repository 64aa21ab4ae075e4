//! Dumps: SAVE, BGSAVE, save points, snapshots for replicas; loading at start and DEBUG RELOAD.
//!
//! ```text
//! executor:  cut -> walk in slices -> blocks --bounded queue--> persistence thread: encode -> sinks
//!                        ^ waits only while the queue is full                           file | replicas
//! ```
//!
//!  * One snapshot at a time, as in Redis: BGSAVE and a full sync take turns.
//!  * Clients come first: a slice of the walk is bounded in time, and between two slices every ready
//!    connection is served.
//!  * The old dump stays in its place until the new one is complete and durable.
//!  * Only a complete dataset is saved or sent ([`flow::whole`]), to a place that is fixed when the save begins
//!    ([`dump_file`]), and never over a newer dump ([`flow::fate`]).

mod boot;
mod dump_file;
mod encoder;
mod file_sink;
mod give_up;
mod info;
mod settings;
mod sink;
mod thread;
mod walk;

#[cfg(test)]
mod tests;

pub use boot::{announce, load_options};
pub use dump_file::{DumpFile, Replacement};
pub use encoder::{HeatAs, Plan};
pub use file_sink::{FileSink, SaveError};
pub use flow::{Fate, Which, Whole, WholeInUse};
pub use sink::Sink;

use super::Server;
use super::load::LoadProgress;
use super::slices::{Begun, Slice, Slices};
use disk::Machine;
use engine::host::{ReloadOptions, SaveOptions};
use engine::{CommandError, Engine};
use flow::saves::History;
use flow::{Dataset, NOT_WHOLE};
use keyspace::Keyspace;
use keyspace::snapshot::{Cut, SnapshotOptions};
use rdb::target::{self, TypeSet};
use replication::ReplMeta;
use settings::Settings;
use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Instant;
use thread::{OpenSinks, SaveThread, queue_bytes};

/// What is done when a snapshot has ended, well or not.
/// Given the dump, if it went to disk.
pub type OnEnd = Box<dyn FnOnce(&mut Engine, Result<Option<File>, &SaveError>)>;

/// The persistence of one server; a handle that can be cloned.
#[derive(Clone, Default)]
pub struct Persistence {
    state: Rc<RefCell<State>>,
    /// Whether there is anything whole to save.
    pub(super) dataset: Rc<Dataset>,
    /// How long the running snapshot, or the last one, kept clients waiting.
    pub slices: Rc<Slices>,
}

/// Where a snapshot goes.
pub enum Target {
    /// To this file.
    Disk(Replacement),
    /// To replicas.
    Sinks(Vec<Box<dyn Sink>>),
}

/// How to take a snapshot.
pub struct SnapshotRequest {
    /// Where it goes.
    pub target: Target,
    /// For whom it is written; `None` = as `rdb-save-target` says.
    pub form: Option<target::Target>,
    /// Functions without keys (`rdb-filter-only functions`).
    pub only_functions: bool,
    /// Called on the executor when it has ended.
    pub on_end: Option<OnEnd>,
}

/// What the dump of the start said.
pub struct Restored {
    /// The place of its cut in a replication history.
    pub meta: ReplMeta,
    /// Keys of it that had expired and were dropped; `None` if their names take more than a backlog.
    pub expired: Option<Vec<(u32, Vec<u8>)>>,
}

#[derive(Default)]
struct State {
    server: Weak<Server>,
    running: Option<Running>,
    /// Snapshots begun so far.
    begun: u64,
    /// Saves that were given up and whose threads may not have noticed yet.
    given_up: Vec<Arc<Fate>>,
    /// The temporary file of the last payload that was received to disk; it may be gone.
    received: Option<PathBuf>,
    /// A BGSAVE that begins at the next turn.
    scheduled: Option<SaveOptions>,
    loading: Option<LoadingState>,
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
    last_load: (u64, u64),
    /// What the start-up dump said of replication.
    restored: Option<Restored>,
}

struct Running {
    thread: SaveThread,
    disk: bool,
    /// Beside the clients.
    background: bool,
    cut: Cut,
    dirty_at_cut: i64,
    started: Instant,
    walking: bool,
    preserved_peak: usize,
    /// Memory in use at the cut.
    data_bytes: usize,
    /// [`Keyspace::left_bytes`] at the cut.
    left_at_cut: u64,
    /// Writers wait: the snapshot holds as much as it may.
    holds_writers: bool,
    /// Bytes that the sinks had taken when they last took some, and when that was.
    progress: (u64, Instant),
    on_end: Option<OnEnd>,
}

struct LoadingState {
    started_unix: i64,
    started: Instant,
    total: u64,
    progress: Arc<LoadProgress>,
}

impl Persistence {
    /// Lets the snapshot's task reach the server. Once, at start.
    pub fn attach(&self, server: &Rc<Server>) {
        let mut state = self.state.borrow_mut();
        state.server = Rc::downgrade(server);
        state.last_save = super::clock::unix_us() / 1_000_000;
        state.saved_at = super::clock::read().0.steady_ms / 1000;
    }

    /// Takes the cut now and lets the rest run beside the clients.
    ///
    /// # Errors
    /// A snapshot is running already, or there is no thread for it. What else may fail shows when it ends.
    pub fn start(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        request: SnapshotRequest,
    ) -> Result<(), SaveError> {
        let begun = Begun::now();
        self.begin(engine, whole, request, true)?;
        self.slices.watch();
        self.slices.note(Slice::Cut, &begun);
        engine.watch_writes(true);
        let state = self.state.borrow();
        let (server, number) = (state.server.clone(), state.begun);
        tokio::task::spawn_local(walk::run(server, self.clone(), number));
        Ok(())
    }

    /// Takes a snapshot and waits for its end, doing nothing else.
    pub fn run_to_end(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        request: SnapshotRequest,
    ) -> Result<(), SaveError> {
        self.begin(engine, whole, request, false)?;
        self.finish(engine)
    }

    /// Waits for the end of the running snapshot, doing nothing else.
    fn finish(&self, engine: &mut Engine) -> Result<(), SaveError> {
        loop {
            match self.step(engine) {
                walk::Advance::Again => {}
                walk::Advance::Wait(_) => {
                    let state = self.state.borrow();
                    let running = state.running.as_ref().expect("it has not ended");
                    if running.walking {
                        running.thread.wait_for_room()
                    } else {
                        running.thread.wait_end()
                    }
                }
                walk::Advance::Ended(result) => return result,
            }
        }
    }

    fn begin(
        &self,
        engine: &mut Engine,
        _: &Whole,
        request: SnapshotRequest,
        background: bool,
    ) -> Result<(), SaveError> {
        let mut state = self.state.borrow_mut();
        if state.running.is_some() {
            return Err(SaveError::Cancelled(
                "Background save already in progress".into(),
            ));
        }
        let settings = Settings::read(&engine.config, engine.clock.steady_ms);
        let disk = matches!(request.target, Target::Disk(_));
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
        let plan = plan(engine, &settings, request.form, cut.clone());
        let data_bytes = (engine.used_memory)(engine);
        let open = open_later(request.target, settings.incremental_fsync);
        let most = queue_bytes(data_bytes);
        let started = match background {
            true => SaveThread::start(plan, open, most),
            false => Ok(SaveThread::start_awaited(plan, open, most)),
        };
        let thread = match started {
            Ok(thread) => thread,
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
            thread.finish();
        }
        state.begun += 1;
        state.running = Some(Running {
            thread,
            disk,
            background,
            cut,
            dirty_at_cut: engine.dirty,
            started: Instant::now(),
            walking: !request.only_functions,
            preserved_peak: 0,
            data_bytes,
            left_at_cut: Keyspace::left_bytes(),
            holds_writers: false,
            progress: (0, Instant::now()),
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
            tracing::warn!("{NOT_WHOLE}");
            return Err(NOT_WHOLE.to_owned());
        };
        self.save_whole(engine, &whole, options)
    }

    /// As [`Persistence::save`], with the witness.
    pub fn save_whole(
        &self,
        engine: &mut Engine,
        whole: &Whole,
        options: &SaveOptions,
    ) -> Result<(), String> {
        let request = SnapshotRequest::to_disk(engine, whole, options);
        self.run_to_end(engine, whole, request).map_err(|e| {
            tracing::warn!("{e}");
            e.to_string()
        })?;
        tracing::info!("DB saved on disk");
        Ok(())
    }

    /// BGSAVE.
    pub fn bgsave(
        &self,
        engine: &mut Engine,
        options: &SaveOptions,
    ) -> Result<&'static str, CommandError> {
        if self.running() {
            return Err(CommandError::fixed(
                "ERR Background save already in progress",
            ));
        }
        if options.schedule {
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
        let request = SnapshotRequest::to_disk(engine, whole, options);
        match self.start(engine, whole, request) {
            Ok(()) => {
                tracing::info!("Background saving started by pid {}", std::process::id());
                Ok("Background saving started")
            }
            Err(e) => {
                tracing::warn!("Can't save in background: {e}");
                Err(CommandError::fixed("ERR"))
            }
        }
    }

    /// BGSAVE CANCEL.
    pub fn cancel_bgsave(&self, engine: &mut Engine) -> Result<&'static str, CommandError> {
        if self.give_up(engine, Which::Any) {
            return Ok("Background saving cancelled");
        }
        match self.state.borrow_mut().scheduled.take() {
            Some(_) => Ok("Scheduled background saving cancelled"),
            None => Err(CommandError::fixed(
                "ERR Background saving is currently not in progress or scheduled",
            )),
        }
    }

    /// A snapshot is running, to disk or to replicas.
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

    /// DEBUG RELOAD.
    pub fn reload(&self, engine: &mut Engine, options: ReloadOptions) -> Result<(), CommandError> {
        if !options.nosave {
            self.give_up(engine, Which::Any);
            self.save(engine, &SaveOptions::default())
                .map_err(|_| CommandError::fixed("ERR"))?;
        }
        boot::reload(self, engine, options).map_err(|e| {
            tracing::warn!("Error trying to load the RDB dump: {e}");
            CommandError::fixed("ERR Error trying to load the RDB dump, check server logs.")
        })
    }

    /// Loads the dump at start, while the server answers -LOADING.
    ///
    /// # Errors
    /// What is wrong with the file, with its byte offset. The file is as it was.
    pub async fn load_at_start(&self, server: &Rc<Server>) -> Result<(), String> {
        boot::load_at_start(self, server).await
    }

    /// What the start-up dump said of replication: once, after [`Persistence::load_at_start`].
    pub fn take_restored(&self) -> Option<Restored> {
        self.state.borrow_mut().restored.take()
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
            tracing::info!("{changes} changes in {seconds} seconds. Saving...");
        }
        if due.any() {
            let options = self.state.borrow_mut().scheduled.take();
            let _ = self.bgsave_whole(engine, &whole, &options.unwrap_or_default());
        }
    }
}

impl State {
    /// A dump of this many bytes has been put in its place.
    fn saved(&mut self, bytes: u64) {
        self.last_save = super::clock::unix_us() / 1_000_000;
        self.saved_at = super::clock::read().0.steady_ms / 1000;
        self.saves += 1;
        self.last_bytes = bytes;
        self.last_failed = None;
    }
}

impl SnapshotRequest {
    /// A save to where dumps go now.
    pub fn to_disk(engine: &Engine, whole: &Whole, options: &SaveOptions) -> SnapshotRequest {
        let form = options
            .target
            .as_deref()
            .and_then(target::Target::from_name);
        SnapshotRequest {
            target: Target::Disk(DumpFile::configured(&engine.config).to_replace(whole)),
            form,
            only_functions: false,
            on_end: None,
        }
    }
}

fn plan(engine: &mut Engine, settings: &Settings, form: Option<target::Target>, cut: Cut) -> Plan {
    let form = form.unwrap_or(settings.target);
    let (version, form) = match form.version() {
        Some(version) => (version, form),
        None => target::auto(held_types(&cut), !engine.functions.is_empty()),
    };
    Plan {
        version,
        target: form,
        on_loss: settings.on_loss,
        aux: aux_fields(engine),
        functions: engine.functions.clone(),
        cut,
        compress: settings.compress,
        checksum: settings.checksum,
        heat: settings.heat,
        key: engine.secrets.hash_key(),
        key_delay: engine.config.rdb_key_save_delay,
    }
}

/// Creating a file takes the disk's time, which is not the clients': the thread that writes does it.
fn open_later(target: Target, incremental_fsync: bool) -> OpenSinks {
    match target {
        Target::Disk(place) => Box::new(move |fate| {
            let sink = FileSink::create(&Machine, place, incremental_fsync, fate)?;
            Ok(vec![Box::new(sink)])
        }),
        Target::Sinks(sinks) => Box::new(|_| Ok(sinks)),
    }
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
