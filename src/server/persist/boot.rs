//! Loading the server's own dump: at start, and for DEBUG RELOAD.

use super::settings::Settings;
use super::{LoadingState, Persistence, Restored};
use crate::Server;
use crate::allocator::PurgeWhenDropped;
use crate::load::{self, HeatPolicy, LoadError, LoadOptions, LoadProgress, Loaded};
use crate::threads;
use engine::heat::lru_clock;
use engine::host::ReloadOptions;
use engine::watch::touch_watched_by_load;
use engine::{Engine, Loading};
use keyspace::Db;
use replication::ReplMeta;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// See [`Persistence::load_at_start`].
pub async fn load_at_start(persistence: &Persistence, server: &Rc<Server>) -> Result<(), String> {
    let (path, options) = server.with_engine(|engine| {
        let settings = Settings::read(&engine.config, engine.clock.steady_ms);
        (settings.path, load_options(engine))
    });
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            persistence.start_empty();
            return Ok(());
        }
        Err(e) => {
            return Err(format!(
                "Fatal error loading the DB, check server logs. Exiting: {e}"
            ));
        }
    };
    let begun = Instant::now();
    let progress = Arc::new(LoadProgress::default());
    let total = file.metadata().map(|m| m.len()).unwrap_or(0);
    let backlog = server.with_engine(|engine| engine.repl.history().backlog_bytes_max());
    let options = LoadOptions {
        total_bytes: Some(total),
        expired_bytes_max: backlog,
        ..options
    };
    server.with_engine(|engine| {
        engine.loading = Loading::Blocking;
        persistence.state.borrow_mut().loading = Some(LoadingState {
            started_unix: engine.clock.unix_ms / 1000,
            started: begun,
            total,
            progress: progress.clone(),
        });
    });
    let salvage = server.with_engine(|engine| engine.config.rdb_load_salvage);
    let place = path.clone();
    let result = in_background(move || match load::load(file, &options, &progress) {
        Ok((loaded, ..)) => Ok(loaded),
        Err(LoadError::Cancelled) => Err(LoadError::Cancelled),
        Err(error) if salvage => load_sound(&place, &error, &options, &progress),
        Err(error) => Err(error),
    })
    .await;
    server.with_engine(|engine| {
        engine.loading = Loading::No;
        persistence.state.borrow_mut().loading = None;
        let fatal = |e: LoadError| {
            format!(
                "Fatal error loading the DB {}: {e}. The file was left as it is. Exiting.",
                path.display()
            )
        };
        let mut loaded = result.map_err(fatal)?;
        if salvage {
            let (sound, faults) = engine.sound_functions(std::mem::take(&mut loaded.functions));
            loaded.functions = sound;
            for fault in faults {
                tracing::warn!("Left out: a function library: {fault}");
            }
        }
        announce(&loaded, engine.clock.unix_ms / 1000);
        if let Some(meta) = ReplMeta::from_aux(|name| loaded.aux(name)) {
            let restored = Restored {
                meta,
                expired: loaded.expired.take(),
            };
            persistence.state.borrow_mut().restored = Some(restored);
        }
        persistence.install(engine, loaded).map_err(fatal)?;
        tracing::info!(
            "DB loaded from disk: {:.3} seconds",
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}

/// Loads the sound parts of a damaged dump, and logs what is left out.
fn load_sound(
    path: &Path,
    error: &LoadError,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<Loaded, LoadError> {
    const LOGGED: usize = 1000;
    tracing::warn!("The dump is damaged: {error}. rdb-load-salvage is on: loading its sound parts");
    let salvaged = load::salvage::load_sound(path, options, progress)?;
    for cut in salvaged.cuts.iter().take(LOGGED) {
        tracing::warn!("Left out: {cut}");
    }
    if salvaged.cuts.len() > LOGGED {
        tracing::warn!(
            "Left out: {} more ranges, which are not listed",
            salvaged.cuts.len() - LOGGED
        );
    }
    for note in &salvaged.notes {
        tracing::warn!("{note}");
    }
    if salvaged.loaded.unknown_skipped > 0 {
        tracing::warn!(
            "Left out: {} values of modules or arrays",
            salvaged.loaded.unknown_skipped
        );
    }
    tracing::warn!(
        "The next save replaces the damaged file {}: copy it if it is still needed",
        path.display()
    );
    Ok(salvaged.loaded)
}

/// See [`Persistence::reload`].
pub fn reload(
    persistence: &Persistence,
    engine: &mut Engine,
    options: ReloadOptions,
) -> Result<(), LoadError> {
    let settings = Settings::read(&engine.config, engine.clock.steady_ms);
    let file = File::open(&settings.path).map_err(|source| LoadError::Io { offset: 0, source })?;
    let total = file.metadata().map(|m| m.len()).ok();
    let load_options = LoadOptions {
        total_bytes: total,
        ..load_options(engine)
    };
    let (loaded, ..) = load::load(file, &load_options, &LoadProgress::default())?;
    if options.noflush || options.merge {
        merge(engine, loaded, options.merge)
    } else {
        persistence.install(engine, loaded)
    }
}

impl Persistence {
    /// A load that others drive begins: INFO shows it, commands are refused as `kind` says.
    pub fn begin_loading(
        &self,
        engine: &mut Engine,
        kind: Loading,
        total: u64,
        progress: Arc<LoadProgress>,
    ) {
        engine.loading = kind;
        self.state.borrow_mut().loading = Some(LoadingState {
            started_unix: engine.clock.unix_ms / 1000,
            started: Instant::now(),
            total,
            progress,
        });
    }

    /// It has ended; unless its dataset is installed next, it has failed.
    pub fn end_loading(&self, engine: &mut Engine) {
        self.dataset.load_ended();
        engine.loading = Loading::No;
        self.state.borrow_mut().loading = None;
    }

    /// There is no dump: the dataset is empty and complete.
    pub fn start_empty(&self) {
        self.dataset.completed();
    }

    /// The server has become a primary: from now on it keeps the data that is in memory.
    pub fn promoted(&self) {
        self.dataset.promoted();
    }

    /// Empties the databases for a dataset that is about to be loaded. Until that is installed nothing is saved.
    pub fn empty_for_load(&self, engine: &mut Engine) {
        self.dataset.given_up(engine.keyspace.is_empty());
        engine.tracking.invalidate_everything();
        for number in 0..engine.keyspace.count() {
            touch_watched_by_load(engine, number, None);
            let old = engine.keyspace.db_mut(number).clear();
            if !old.is_empty() {
                engine.drop_later(Box::new(old));
            }
        }
    }

    /// Replaces the present dataset by a loaded one. The old one is dropped in the background.
    ///
    /// # Errors
    /// A function library does not load. The present libraries and keys are unchanged then.
    pub fn install(&self, engine: &mut Engine, loaded: Loaded) -> Result<(), LoadError> {
        engine
            .install_functions(&loaded.functions)
            .map_err(|e| LoadError::Library(e.to_string()))?;
        self.dataset.completed();
        self.state.borrow_mut().last_load = (loaded.keys_loaded, loaded.keys_expired);
        engine.tracking.invalidate_everything();
        let mut fresh: Vec<Option<Db>> = (0..engine.keyspace.count()).map(|_| None).collect();
        for (number, db) in loaded.dbs {
            fresh[number as usize] = Some(db);
        }
        for (number, db) in fresh.into_iter().enumerate() {
            touch_watched_by_load(engine, number, db.as_ref());
            let old = match db {
                Some(db) => engine.keyspace.replace(number, db),
                None => engine.keyspace.db_mut(number).clear(),
            };
            if !old.is_empty() {
                engine.drop_later(Box::new(old));
            }
        }
        // What loading needed for itself.
        engine.drop_later(Box::new(PurgeWhenDropped));
        Ok(())
    }
}

/// DEBUG RELOAD NOFLUSH / MERGE: into the dataset that is there.
fn merge(engine: &mut Engine, loaded: Loaded, overwrite: bool) -> Result<(), LoadError> {
    engine
        .merge_functions(&loaded.functions, overwrite)
        .map_err(|e| LoadError::Library(e.to_string()))?;
    for (number, from) in loaded.dbs {
        let to = engine.keyspace.db_mut(number as usize);
        let mut duplicate = None;
        from.scan(0, usize::MAX, |loc| {
            let key = from.key(loc);
            if to.find(key).is_some() && !overwrite {
                duplicate.get_or_insert_with(|| key.to_vec());
                return;
            }
            to.insert(key, from.clone_value(loc), from.expire(loc));
        });
        if let Some(key) = duplicate {
            return Err(LoadError::Duplicate {
                db: number,
                key,
                offset: 0,
            });
        }
    }
    Ok(())
}

/// What any load of this server needs.
pub fn load_options(engine: &mut Engine) -> LoadOptions {
    let settings = Settings::read(&engine.config, engine.clock.steady_ms);
    let heat = match settings.heat {
        super::HeatAs::Freq => HeatPolicy::Lfu((engine.clock.steady_ms / 60_000) as u16),
        _ => HeatPolicy::Lru(lru_clock(engine.clock.steady_ms)),
    };
    LoadOptions {
        hasher: engine.keyspace.hasher(),
        key: engine.secrets.hash_key(),
        now_ms: engine.clock.unix_ms,
        expired_bytes_max: 0,
        keep_expired: engine.repl.is_replica() || engine.config.replicaof.is_some(),
        databases: engine.keyspace.count() as u32,
        verify_checksum: settings.checksum,
        total_bytes: None,
        heat,
        limits: engine.limits,
        skip_unknown: settings.skip_unknown,
        threads: std::thread::available_parallelism().map_or(1, |n| n.get().min(8)),
    }
}

/// The log lines that tell what was loaded.
pub fn announce(loaded: &Loaded, unix: i64) {
    let text = |name: &str| {
        loaded
            .aux(name)
            .map(|v| String::from_utf8_lossy(v).into_owned())
    };
    let number = |name: &str| text(name).and_then(|v| v.parse::<i64>().ok());
    if let Some(version) = text("redis-ver").or_else(|| text("valkey-ver")) {
        tracing::info!("Loading RDB produced by version {version}");
    }
    if let Some(created) = number("ctime") {
        tracing::info!("RDB age {} seconds", (unix - created).max(0));
    }
    if let Some(used) = number("used-mem") {
        tracing::info!(
            "RDB memory usage when created {:.2} Mb",
            used as f64 / (1 << 20) as f64
        );
    }
    let mut done = format!(
        "Done loading RDB, keys loaded: {}, keys expired: {}",
        loaded.keys_loaded, loaded.keys_expired
    );
    if loaded.empty_skipped > 0 {
        done += &format!(", empty keys skipped: {}", loaded.empty_skipped);
    }
    tracing::info!("{done}.");
}

/// Runs `work` on a thread of its own; the executor continues meanwhile, unless the system refuses a thread.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    threads::spawn_or_run("forebay-load", move || {
        let _ = tell.send(work());
    });
    told.await.expect("the loading thread does not panic")
}
