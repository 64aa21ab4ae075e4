//! Loading the server's own dump, at startup and for DEBUG RELOAD.

use super::Persistence;
use crate::Server;
use crate::load::{self, LoadError, LoadOptions, LoadProgress, Loaded};
use crate::threads;
use engine::host::{ReloadOptions, SaveOptions};
use engine::{CommandError, Engine};
use flow::Which;
use flow::boot::{Boot, Dump, Restored};
use flow::load::merge;
pub use flow::load::options as load_options;
use std::fs::File;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

/// Loads the dump at startup, while the server replies -LOADING. Returns what the dump says about replication.
///
/// # Errors
/// What is wrong with the file, with its byte offset. The file is as it was.
pub async fn load_at_start(
    persistence: &Persistence,
    server: &Rc<Server>,
) -> Result<Option<Restored>, String> {
    let begun = Instant::now();
    let found = server.with_engine(|engine| Boot::look(persistence, engine))?;
    let Some((boot, dump)) = found else {
        return Ok(None);
    };
    let Dump {
        file,
        options,
        progress,
    } = dump;
    let salvage = boot.salvages().then(|| boot.path().to_owned());
    let result = in_background(
        move || match (load::load(file, &options, &progress), salvage) {
            (Ok((loaded, ..)), _) => Ok(loaded),
            (Err(LoadError::Cancelled), _) => Err(LoadError::Cancelled),
            (Err(error), Some(path)) => load_sound(&path, &error, &options, &progress),
            (Err(error), None) => Err(error),
        },
    )
    .await;
    let restored = server.with_engine(|engine| boot.loaded(engine, result))?;
    tracing::info!(
        "DB loaded from disk: {:.3} seconds",
        begun.elapsed().as_secs_f64()
    );
    Ok(restored)
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
            .map_err(|_| CommandError::fixed(&"ERR"))?;
    }
    load_again(persistence, engine, options).map_err(|e| {
        tracing::warn!("Error trying to load the RDB dump: {e}");
        CommandError::fixed(&"ERR Error trying to load the RDB dump, check server logs.")
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
    } else if options.nosave {
        persistence.install(engine, loaded)
    } else {
        persistence.install_again(engine, loaded)
    }
}

/// Runs `work` on a separate thread while the executor continues. If the system refuses a thread, `work` runs on this
/// one.
pub async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = tokio::sync::oneshot::channel();
    threads::spawn_or_run("forebay-load", move || {
        let _ = tell.send(work());
    });
    told.await.expect("the loading thread does not panic")
}
