//! DEBUG LOADAOF: the executor loads the existing log again, and does nothing else in the meantime.

use super::replay::Run;
use super::{bad_dump, begins_with_dump, judge, tell_loaded};
use crate::load::{self, LoadOptions, LoadProgress};
use crate::log;
use crate::persist::{Persistence, load_options};
use aof::Sealer;
use disk::Machine;
use engine::{Engine, Loading};
use flow::append::LoadedLog;
use flow::append::find::{Part, Place, find};
use flow::append::tails::{Judged, Tails};
use flow::load::LoadError;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

/// Loads the log in place of the dataset. Nobody may be writing the log.
///
/// # Errors
/// Why it cannot be loaded; a part of it may have been.
pub fn load_again(persistence: &Persistence, engine: &mut Engine) -> Result<LoadedLog, String> {
    let found = find(&Machine, &Place::configured(engine), log::write)?;
    engine.empty_all(false);
    let found = found.ok_or("there is no append-only file")?;
    let mut end = None;
    // What has expired stays until the log deletes it.
    let before = std::mem::replace(&mut engine.loading, Loading::Blocking);
    let result: Result<(), String> = found.parts.iter().enumerate().try_for_each(|(i, part)| {
        let place = (i == 0, i + 1 == found.parts.len());
        end = load_part(persistence, engine, part, place)?;
        Ok(())
    });
    engine.loading = before;
    result?;
    engine.dirty = 0;
    persistence.start_empty();
    Ok(found.loaded(end))
}

fn load_part(
    persistence: &Persistence,
    engine: &mut Engine,
    part: &Part,
    (first, last): (bool, bool),
) -> Result<Option<(u64, Sealer)>, String> {
    let begun = Instant::now();
    let start = match begins_with_dump(part, first)? {
        false => 0,
        true => load_dump(persistence, engine, &part.path)?,
    };
    let mut run = Run::new(engine, part.path.clone(), part.name.clone());
    let walked = run.judge_now(engine, start)?;
    let Judged { end, sealer, .. } = judge(&part.path, walked, Tails::configured(engine, last))?;
    run.finish_now(engine, end)?;
    tell_loaded(part, first, begun);
    Ok(sealer.map(|sealer| (end, sealer)))
}

fn load_dump(persistence: &Persistence, engine: &mut Engine, path: &Path) -> Result<u64, String> {
    let fatal = |e: LoadError| bad_dump(path, &e);
    let file = File::open(path).map_err(|e| fatal(LoadError::reading(0, e)))?;
    let options = LoadOptions {
        keep_expired: true,
        total_bytes: file.metadata().map(|m| m.len()).ok(),
        ..load_options(engine)
    };
    let loaded = load::load(file, &options, &LoadProgress::default());
    let (loaded, ..) = loaded.map_err(fatal)?;
    let bytes = loaded.bytes;
    persistence.install(engine, loaded).map_err(fatal)?;
    Ok(bytes)
}
