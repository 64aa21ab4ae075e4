//! Loads an append-only file at the start: its base, then what was written since.
//!
//! ```text
//! find --parts--> for each: dump: load and install | requests: split and judge (a thread) -> run -> the verdict
//! ```
//!
//!  * A file is run while it is judged, but nothing on disk is changed before it has been judged to its end. The torn
//!    end of the last file is moved to a separate file and logged; after any other damage, the start fails, and all
//!    files stay as they are.
//!  * Requests run in slices, between which clients are told that the server is loading.
//!  * Expired keys are kept until the end of the log, because the log says when they were deleted.

mod ahead;
mod batch;
mod now;
mod replay;

#[cfg(test)]
mod tests;

pub use now::{load_again, load_now};

use crate::delay;
use crate::load::{self, LoadOptions, LoadProgress};
use crate::persist::{in_background, load_options};
use crate::{Server, threads};
use ahead::{Mode, Piece, Seen};
use aof::Sealer;
use disk::{Disk, Machine};
use engine::Loading;
use flow::append::find::{Found, Part, Place, find};
use flow::append::tails::{self, Judged, Seen as SeenToEnd, Tails};
use flow::append::{LoadedLog, Reading, log};
use flow::boot::{Restored, log_loaded};
use flow::load::LoadError;
use rdb::{ErrorKind, RdbError};
use replay::{Run, unreadable};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tools::aof::walk::Walked;

/// Why DEBUG LOADAOF loads nothing.
const NO_LOG: &str = "there is no append-only file";

/// How long clients wait for an answer while requests run.
const SLICE: Duration = Duration::from_millis(2);

/// Loads the append-only file at this place, if it exists. Also returns what it says about replication.
///
/// # Errors
/// The text with which the server ends. Files are as they were.
pub async fn load_at_start(
    server: &Rc<Server>,
    place: Place,
) -> Result<Option<(LoadedLog, Option<Restored>)>, String> {
    let Some(found) = look_for(server, place).await? else {
        return Ok(None);
    };
    let begun = Instant::now();
    let result = load_found(server, &found).await;
    let loaded = server.with_engine(|engine| {
        let result = result.map(|(reading, end)| (reading, found.loaded(end)));
        log_loaded(&server.persistence, engine, result)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    tracing::info!("DB loaded from append only file: {seconds:.3} seconds");
    Ok(Some(loaded))
}

/// DEBUG LOADAOF beside clients: loads the log in place of the dataset. Nobody may be writing the log.
///
/// # Errors
/// Why it cannot be loaded; a part of it may have been.
pub async fn load_beside_clients(server: &Rc<Server>) -> Result<LoadedLog, String> {
    let place = server.with_engine(|engine| Place::configured(engine));
    let found = look_for(server, place).await?.ok_or(NO_LOG)?;
    server.with_engine(|engine| server.persistence.empty_for_load(engine));
    let result = load_found(server, &found).await;
    server.with_engine(|engine| {
        server.persistence.end_loading(engine);
        let (_, end) = result?;
        engine.dirty = 0;
        server.persistence.start_empty();
        Ok(found.loaded(end))
    })
}

/// Clients are told that the server is loading, even while it is only looking for the files.
async fn look_for(server: &Rc<Server>, place: Place) -> Result<Option<Found>, String> {
    server.with_engine(|engine| engine.loading = Loading::Blocking);
    let found = in_background(move || find(&Machine, &place, crate::log::write)).await;
    server.with_engine(|engine| engine.loading = Loading::No);
    found
}

/// Loads the files. Returns what was read of the replication stream, and how the last file ends, if it can go on.
async fn load_found(
    server: &Rc<Server>,
    found: &Found,
) -> Result<(Reading, Option<(u64, Sealer)>), String> {
    let progress = &Arc::new(LoadProgress::default());
    server.with_engine(|engine| {
        let kind = Loading::Blocking;
        let persistence = &server.persistence;
        persistence.begin_loading(engine, kind, found.bytes(), progress.clone());
    });
    let (kept, archived) = server.with_engine(|engine| {
        let kept = engine.repl.history().backlog_bytes_max();
        (kept, log::archived(engine))
    });
    let mut reading = Reading::new(kept, archived);
    let (mut before, mut end) = (0, None);
    for (number, part) in found.parts.iter().enumerate() {
        let last = number + 1 == found.parts.len();
        let place = (number == 0, last);
        reading.begin_file(&part.name);
        (reading, end) = load_part(server, part, place, reading, progress, before).await?;
        before += part.bytes;
        progress.bytes.store(before, Ordering::Relaxed);
    }
    Ok((reading, end))
}

async fn load_part(
    server: &Rc<Server>,
    part: &Part,
    (first, last): (bool, bool),
    reading: Reading,
    progress: &Arc<LoadProgress>,
    before: u64,
) -> Result<(Reading, Option<(u64, Sealer)>), String> {
    let begun = Instant::now();
    let start = match begins_with_dump(part, first)? {
        false => 0,
        true => load_dump(server, &part.path, progress).await?,
    };
    let tails = server.with_engine(|engine| Tails::configured(engine, last));
    let path = part.path.clone();
    let mut run = server.with_engine(|engine| Run::new(engine, path.clone(), part.name.clone()));
    let gauge = Gauge { progress, before };
    let mode = Mode::Judge(Some(Box::new(reading)));
    let seen = read(
        server,
        &mut run,
        (&part.path, start..u64::MAX),
        mode,
        &gauge,
    )
    .await?;
    run.leave(seen.left_from);
    let (walked, mut reading) = (seen.walked, *seen.reading.unwrap_or_default());
    let judged = in_background(move || judge(&Machine, &path, walked, tails)).await;
    let Judged { end, cut, sealer } = judged?;
    reading.end_file(cut);
    if let Some(from) = run.forget() {
        let range = from..end;
        let seen = read(server, &mut run, (&part.path, range), Mode::Known, &gauge).await?;
        run.is_as_before(&seen)?;
    }
    run.release(end);
    run_released(server, &mut run).await?;
    run.tell_failures();
    tell_loaded(part, begun);
    Ok((reading, sealer.map(|sealer| (end, sealer))))
}

/// Where the progress of a load is recorded.
struct Gauge<'a> {
    /// All files.
    progress: &'a LoadProgress,
    /// Bytes of the files before this one.
    before: u64,
}

/// Reads a range of a file on a thread, and runs what is released.
async fn read(
    server: &Server,
    run: &mut Run,
    (path, range): (&Path, Range<u64>),
    mode: Mode,
    gauge: &Gauge<'_>,
) -> Result<Seen, String> {
    run.release(range.start);
    let hasher = server.with_engine(|engine| engine.keyspace.hasher());
    let (work, mut pieces) = ahead::on_thread(path.to_owned(), range, mode, hasher);
    threads::spawn("forebay-load", work)
        .map_err(|e| format!("Can't start a thread to read the append only file: {e}"))?;
    loop {
        match pieces.recv().await {
            Some(Piece::Requests(batch)) => {
                run.take(batch);
                run_released(server, run).await?;
                let reached = gauge.before + run.released();
                gauge.progress.bytes.store(reached, Ordering::Relaxed);
            }
            Some(Piece::End(seen)) => return (*seen).map_err(|failed| unreadable(&failed)),
            None => return Err("The thread that reads the append only file has ended".into()),
        }
    }
}

/// Runs what is released, and lets clients be served between slices.
async fn run_released(server: &Server, run: &mut Run) -> Result<(), String> {
    while server.with_engine(|engine| run.step(engine, Some(SLICE)))? {
        delay::wait(run.take_owed()).await;
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Whether a dump is to be loaded from this file.
fn begins_with_dump(part: &Part, first: bool) -> Result<bool, String> {
    match (part.has_dump, first) {
        (true, false) => Err(format!(
            "{}: a dump after the first file of a log, which is not supported",
            part.name
        )),
        (has_dump, _) => Ok(has_dump),
    }
}

/// Judges a file that has been read to its end; what is torn off it is set aside.
fn judge(disk: &impl Disk, path: &Path, walked: Walked, tails: Tails) -> Result<Judged, String> {
    let Walked {
        size,
        judge,
        defect,
        sound_after,
    } = walked;
    let seen = SeenToEnd {
        size,
        judge,
        defect,
        sound_after,
    };
    tails::judge(disk, path, &seen, tails, crate::log::write)
}

fn tell_loaded(part: &Part, begun: Instant) {
    let what = if part.is_base { "base" } else { "incr" };
    tracing::info!(
        "DB loaded from {what} file {}: {:.3} seconds",
        part.name,
        begun.elapsed().as_secs_f64()
    );
}

/// Loads the dump at the start of a file. Returns its length.
async fn load_dump(
    server: &Rc<Server>,
    path: &Path,
    progress: &Arc<LoadProgress>,
) -> Result<u64, String> {
    let fatal = |e: LoadError| bad_dump(path, &e);
    tracing::info!("Reading RDB base file on AOF loading...");
    let file = File::open(path).map_err(|e| fatal(LoadError::reading(0, e)))?;
    let total = file.metadata().map(|m| m.len()).ok();
    let options = server.with_engine(|engine| LoadOptions {
        keep_expired: true,
        total_bytes: total,
        ..load_options(engine)
    });
    let progress = progress.clone();
    let loaded = in_background(move || load::load(file, &options, &progress)).await;
    let (loaded, ..) = loaded.map_err(fatal)?;
    let bytes = loaded.bytes;
    let installed = server.with_engine(|engine| {
        let installed = server.persistence.install(engine, loaded);
        // What was written since the base is not there yet.
        server.persistence.goes_on_loading();
        installed
    });
    installed.map_err(fatal)?;
    Ok(bytes)
}

/// The text for the log of the server, in which the details are then.
fn bad_dump(path: &Path, error: &LoadError) -> String {
    tracing::warn!("{}: {error}", path.display());
    if let LoadError::Rdb(RdbError {
        kind: ErrorKind::Truncated,
        ..
    }) = error
    {
        tracing::warn!("Short read or OOM loading DB. Unrecoverable error, aborting now.");
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    match path.extension().is_some_and(|ending| ending == "rdb") {
        true => format!("Error reading the RDB base file {name}, AOF loading aborted"),
        false => {
            format!("Error reading the RDB preamble of the AOF file {name}, AOF loading aborted")
        }
    }
}
