//! Loads an append-only file at the start: its base, then what was written since.
//!
//! ```text
//! find --parts--> for each: judge (a thread) -> dump: load and install | requests: windows (a thread) -> replay
//! ```
//!
//!  * Each file is judged to its end before anything of it is run. What a crash has torn off the last one is set aside
//!    as a file and said in the log; any other damage ends the start, and all files stay as they are.
//!  * Requests run in slices, between which clients are told that the server loads.
//!  * Expired keys are kept until the log is at its end, because it tells when they were deleted.

mod find;
mod judge;
mod replay;

#[cfg(test)]
mod tests;

use crate::Server;
use crate::load::{self, LoadOptions, LoadProgress};
use crate::persist::{Restored, in_background, load_options};
use aof::Manifest;
use engine::Loading;
use find::{Found, Part};
use flow::append::{Reading, Told};
use judge::{Judged, Tails};
use replication::ReplMeta;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What was loaded.
#[derive(Debug)]
pub struct LoadedLog {
    /// The directory of the files.
    pub directory: PathBuf,
    /// The files; a single file of an older server is in none yet.
    pub manifest: Option<Manifest>,
}

/// Loads the append-only file that the configuration names, if it is there.
///
/// # Errors
/// The text with which the server ends. Files are as they were.
pub async fn load_at_start(server: &Rc<Server>) -> Result<Option<LoadedLog>, String> {
    let (dir, directory, filename) = server.with_engine(|engine| {
        let config = &engine.config;
        let dir = PathBuf::from(&config.dir);
        (
            dir.clone(),
            dir.join(&config.appenddirname),
            config.appendfilename.clone(),
        )
    });
    // Clients are told that the server loads while it looks for the files, too.
    server.with_engine(|engine| engine.loading = Loading::Blocking);
    let found = in_background(move || find::find(&dir, &directory, &filename)).await;
    server.with_engine(|engine| engine.loading = Loading::No);
    let Some(found) = found? else {
        return Ok(None);
    };
    let begun = Instant::now();
    let progress = Arc::new(LoadProgress::default());
    server.with_engine(|engine| {
        let kind = Loading::Blocking;
        let persistence = &server.persistence;
        persistence.begin_loading(engine, kind, found.bytes(), progress.clone());
    });
    let result = load_parts(server, &found, &progress).await;
    server.with_engine(|engine| server.persistence.end_loading(engine));
    let told = result?;
    server.with_engine(|engine| {
        engine.dirty = 0;
        // The files hold a complete dataset, and it is in memory now.
        server.persistence.start_empty();
    });
    if let Ok(None) = told
        && server.engine.borrow().config.replicaof.is_some()
    {
        tracing::info!(
            "The append-only file tells no place in a replication history: this replica needs a full resync"
        );
    }
    let told = told.unwrap_or_else(|why| {
        tracing::warn!(
            "The replication history does not go on from the append-only file: {why}. Replicas need a full resync"
        );
        None
    });
    if let Some(Told { meta, past }) = told {
        let ReplMeta { at, .. } = meta;
        let bytes: usize = past.bytes.iter().map(Vec::len).sum();
        tracing::info!(
            "The append-only file ends at {}:{}, and holds the last {bytes} bytes of the replication stream",
            at.id,
            at.offset
        );
        server.persistence.writers().restore(Restored {
            meta,
            expired: Some(Vec::new()),
            past: Some(past),
        });
    }
    let seconds = begun.elapsed().as_secs_f64();
    tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
    let Found {
        directory,
        manifest,
        ..
    } = found;
    Ok(Some(LoadedLog {
        directory,
        manifest,
    }))
}

/// Loads the files. Returns what they say of the replication stream.
async fn load_parts(
    server: &Rc<Server>,
    found: &Found,
    progress: &Arc<LoadProgress>,
) -> Result<Result<Option<Told>, String>, String> {
    let kept = server.with_engine(|engine| engine.repl.history().backlog_bytes_max());
    let mut reading = Reading::new(kept);
    let mut before = 0;
    for (number, part) in found.parts.iter().enumerate() {
        let last = number + 1 == found.parts.len();
        let place = (number == 0, last);
        reading = load_part(server, part, place, reading, progress, before).await?;
        before += part.bytes;
        progress.bytes.store(before, Ordering::Relaxed);
    }
    Ok(reading.told())
}

async fn load_part(
    server: &Rc<Server>,
    part: &Part,
    (first, last): (bool, bool),
    mut reading: Reading,
    progress: &Arc<LoadProgress>,
    before: u64,
) -> Result<Reading, String> {
    let begun = Instant::now();
    let name = part.name.clone();
    let start = match (part.has_dump, first) {
        (false, _) => 0,
        (true, true) => load_dump(server, &part.path, progress).await?,
        (true, false) => {
            return Err(format!(
                "{name}: a dump after the first file of a log, which is not supported"
            ));
        }
    };
    let tails = server.with_engine(|engine| Tails {
        truncated: engine.config.aof_load_truncated,
        last,
    });
    let path = part.path.clone();
    let work = move || {
        let judged = judge::judge(&path, start, tails, &mut reading);
        judged.map(|judged| (judged, reading))
    };
    let (Judged { end, .. }, reading) = in_background(work).await?;
    replay::replay(server, &part.path, &name, start..end, (progress, before)).await?;
    let what = if first { "base" } else { "incr" };
    tracing::info!(
        "DB loaded from {what} file {name}: {:.3} seconds",
        begun.elapsed().as_secs_f64()
    );
    Ok(reading)
}

/// Loads the dump at the start of a file. Returns its length.
async fn load_dump(
    server: &Rc<Server>,
    path: &Path,
    progress: &Arc<LoadProgress>,
) -> Result<u64, String> {
    let fatal = |why: String| {
        format!(
            "Error reading the RDB preamble of {}: {why}",
            path.display()
        )
    };
    let file = File::open(path).map_err(|e| fatal(crate::strerror(&e)))?;
    let total = file.metadata().map(|m| m.len()).ok();
    let options = server.with_engine(|engine| LoadOptions {
        keep_expired: true,
        total_bytes: total,
        ..load_options(engine)
    });
    let progress = progress.clone();
    let loaded = in_background(move || load::load(file, &options, &progress)).await;
    let (loaded, ..) = loaded.map_err(|e| fatal(e.to_string()))?;
    let bytes = loaded.bytes;
    let installed = server.with_engine(|engine| {
        let installed = server.persistence.install(engine, loaded);
        // What was written since the base is not there yet.
        server.persistence.goes_on_loading();
        installed
    });
    installed.map_err(|e| fatal(e.to_string()))?;
    Ok(bytes)
}
