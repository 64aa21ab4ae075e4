//! Loading the server's own dump: at start, and for DEBUG RELOAD.

use super::{Persistence, Restored};
use crate::Server;
use crate::load::{self, LoadError, LoadOptions, LoadProgress, Loaded};
use crate::threads;
use engine::host::{ReloadOptions, SaveOptions};
use engine::{CommandError, Engine, Loading};
use flow::Which;
use flow::load::{announce, merge, options};
use replication::ReplMeta;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Loads the dump at start, while the server answers -LOADING.
///
/// # Errors
/// What is wrong with the file, with its byte offset. The file is as it was.
pub async fn load_at_start(persistence: &Persistence, server: &Rc<Server>) -> Result<(), String> {
    let (path, options) = server.with_engine(|engine| {
        let path = PathBuf::from(&engine.config.dbfilename);
        (path, load_options(engine))
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
        persistence.begin_loading(engine, Loading::Blocking, total, progress.clone());
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
        persistence.end_loading(engine);
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
        announce(engine, &loaded);
        if let Some(meta) = ReplMeta::from_aux(|name| loaded.aux(name)) {
            let restored = Restored {
                meta,
                expired: loaded.expired.take(),
                past: None,
            };
            persistence.writers().restore(restored);
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
            "Left out: {} values that cannot be held",
            salvaged.loaded.unknown_skipped
        );
    }
    tracing::warn!(
        "The next save replaces the damaged file {}: copy it if it is still needed",
        path.display()
    );
    Ok(salvaged.loaded)
}

/// DEBUG RELOAD.
///
/// # Errors
/// The save or the load has failed.
pub fn reload(
    persistence: &Persistence,
    engine: &mut Engine,
    options: ReloadOptions,
) -> Result<(), CommandError> {
    if !options.nosave {
        persistence.give_up(engine, Which::Any);
        persistence
            .save(engine, &SaveOptions::default())
            .map_err(|_| CommandError::fixed("ERR"))?;
    }
    load_again(persistence, engine, options).map_err(|e| {
        tracing::warn!("Error trying to load the RDB dump: {e}");
        CommandError::fixed("ERR Error trying to load the RDB dump, check server logs.")
    })
}

fn load_again(
    persistence: &Persistence,
    engine: &mut Engine,
    options: ReloadOptions,
) -> Result<(), LoadError> {
    let file = File::open(&engine.config.dbfilename)
        .map_err(|source| LoadError::Io { offset: 0, source })?;
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

/// Runs `work` on a thread of its own; the executor continues meanwhile, unless the system refuses a thread.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    threads::spawn_or_run("forebay-load", move || {
        let _ = tell.send(work());
    });
    told.await.expect("the loading thread does not panic")
}

/// What any load of this server needs.
pub fn load_options(engine: &mut Engine) -> LoadOptions {
    load::by_processors(options(engine))
}
