//! Loads a log while nothing else is done: for DEBUG LOADAOF in a transaction or on a replica, and for the simulator,
//! whose disk is its own.

use super::replay::Run;
use super::{NO_LOG, bad_dump, begins_with_dump, judge, tell_loaded};
use crate::load::{self, LoadOptions, LoadProgress};
use crate::log;
use aof::Sealer;
use disk::{Disk, DiskFile};
use engine::{Engine, Loading};
use flow::append::find::{Found, Part, Place, find};
use flow::append::tails::{Judged, Tails};
use flow::append::{LoadedLog, Reading};
use flow::load::LoadError;
use flow::save::{Saves, Writers};
use std::time::Instant;

/// How a dump is loaded.
type Options = fn(&mut Engine) -> LoadOptions;

/// Loads the log in place of the dataset. Nobody may be writing the log.
///
/// # Errors
/// Why it cannot be loaded; a part of it may have been.
pub fn load_again<W: Writers>(
    saves: &Saves<W>,
    engine: &mut Engine,
    options: Options,
) -> Result<LoadedLog, String> {
    let disk = saves.writers().disk();
    let found = find(disk, &Place::configured(engine), log::write)?.ok_or(NO_LOG)?;
    engine.empty_all(false);
    // What has expired stays until the log deletes it.
    let before = std::mem::replace(&mut engine.loading, Loading::Blocking);
    let loaded = load_now(saves, engine, &found, options, None);
    engine.loading = before;
    let (_, end) = loaded?;
    engine.dirty = 0;
    saves.start_empty();
    Ok(found.loaded(end))
}

/// What was read of the replication stream, and how the last file ends, if it can go on there.
pub type Ended = (Option<Box<Reading>>, Option<(u64, Sealer)>);

/// Loads these files. What they say about the replication stream is added to `reading`.
///
/// # Errors
/// Why they cannot be loaded; a part may have been.
pub fn load_now<W: Writers>(
    saves: &Saves<W>,
    engine: &mut Engine,
    found: &Found,
    options: Options,
    reading: Option<Reading>,
) -> Result<Ended, String> {
    let mut ended = (reading.map(Box::new), None);
    for (i, part) in found.parts.iter().enumerate() {
        if let Some(reading) = &mut ended.0 {
            reading.begin_file(&part.name);
        }
        let place = (i == 0, i + 1 == found.parts.len());
        ended = load_part(saves, engine, part, place, options, ended.0)?;
    }
    Ok(ended)
}

fn load_part<W: Writers>(
    saves: &Saves<W>,
    engine: &mut Engine,
    part: &Part,
    (first, last): (bool, bool),
    options: Options,
    reading: Option<Box<Reading>>,
) -> Result<Ended, String> {
    let (disk, begun) = (saves.writers().disk(), Instant::now());
    let start = match begins_with_dump(part, first)? {
        false => 0,
        true => load_dump(saves, engine, part, options)?,
    };
    let mut run = Run::new(engine, part.path.clone(), part.name.clone());
    let seen = run.judge_now(disk, engine, start, reading)?;
    let tails = Tails::configured(engine, last);
    let Judged { end, cut, sealer } = judge(disk, &part.path, seen.walked, tails)?;
    let mut reading = seen.reading;
    if let Some(reading) = &mut reading {
        reading.end_file(cut);
    }
    run.finish_now(disk, engine, end)?;
    tell_loaded(part, begun);
    Ok((reading, sealer.map(|sealer| (end, sealer))))
}

fn load_dump<W: Writers>(
    saves: &Saves<W>,
    engine: &mut Engine,
    part: &Part,
    options: Options,
) -> Result<u64, String> {
    let path = &part.path;
    let fatal = |e: LoadError| bad_dump(path, &e);
    let file = saves.writers().disk().open(path);
    let file = file.map_err(|e| fatal(LoadError::reading(0, e)))?;
    let options = LoadOptions {
        keep_expired: true,
        total_bytes: file.size().ok(),
        ..options(engine)
    };
    let loaded = load::load(file, &options, &LoadProgress::default());
    let (loaded, ..) = loaded.map_err(fatal)?;
    let bytes = loaded.bytes;
    saves.install(engine, loaded).map_err(fatal)?;
    Ok(bytes)
}
