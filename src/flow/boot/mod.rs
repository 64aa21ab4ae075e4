//! The start of a server, once its configuration has been read: the append-only file or the dump is loaded, and the
//! server takes up its role in replication.
//!
//! ```text
//! first --Log: there is one, the caller loads it--> begin
//!   '-- Dump, or there is no log --> Boot::look -->  begin
//!
//! Boot::look --no dump--> the dataset is empty and complete -------------\
//!      \-- Dump: the caller loads it --> Boot::loaded --> it is in memory --> take_part
//! ```
//!
//!  * If a dump cannot be loaded, the start fails, and the file stays as it is.
//!  * A dump and an append-only file may record the history and the position at which they end. The server continues
//!    from there: as a replica, it asks for what is missing; as a primary, it serves replicas that were at that
//!    position.

#[cfg(test)]
mod tests;

use crate::append::find::Place;
use crate::append::{AppendOnly, Appenders, LoadedLog, Reading, Told, log};
use crate::load::{LoadError, LoadOptions, LoadProgress, Loaded, announce, options};
use crate::save::{FileOf, Saves, Writers};
use base::LogLevel;
use disk::{Disk, DiskFile, if_there, strerror};
use engine::{Engine, Loading};
use replication::{Past, ReplMeta};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is looked for first.
#[derive(Clone, Debug)]
pub enum First {
    /// An append-only file; the dump if there is none.
    Log(Place),
    /// The dump, and nothing else.
    Dump,
}

/// What a server loads at its start.
pub fn first(disk: &impl Disk, engine: &Engine) -> First {
    if engine.config.appendonly {
        return First::Log(Place::configured(engine));
    }
    let name = &engine.config.appenddirname;
    let text = match if_there(disk.list(&log::directory(disk, engine))) {
        Ok(None) => return First::Dump,
        Ok(Some(_)) => format!("appendonly is no: the append-only file in {name} is not loaded"),
        Err(e) => format!(
            "appendonly is no, and whether there is an append-only file in {name} cannot be seen: {}",
            strerror(&e)
        ),
    };
    (engine.log)(LogLevel::Warning, &text);
    First::Dump
}

/// The files of a log have been loaded, or could not be, and the load ends. Returns the log and what it says about
/// replication.
///
/// # Errors
/// The text with which the server ends.
pub fn log_loaded<W: Writers>(
    saves: &Saves<W>,
    engine: &mut Engine,
    result: Result<(Reading, LoadedLog), String>,
) -> Result<(LoadedLog, Option<Restored>), String> {
    saves.end_loading(engine);
    let (mut reading, log) = result?;
    engine.dirty = 0;
    // The files hold a complete dataset, and it is in memory now.
    saves.start_empty();
    let archive = reading.take_archive();
    let told = reading.told();
    let place = told.as_ref().ok().and_then(Option::as_ref);
    let log = LoadedLog {
        archive,
        told: place.map(|told| (told.meta.at.id, told.meta.at.offset)),
        ..log
    };
    let restored = restored(engine, told);
    Ok((log, restored))
}

/// What a loaded log says about replication, which is also written to the log of the server.
fn restored(engine: &Engine, told: Result<Option<Told>, String>) -> Option<Restored> {
    let log = |level, text: &str| (engine.log)(level, text);
    if let Ok(None) = told
        && engine.config.replicaof.is_some()
    {
        log(
            LogLevel::Notice,
            "The append-only file tells no place in a replication history: this replica needs a full resync",
        );
    }
    let told = told.unwrap_or_else(|why| {
        let text = format!(
            "The replication history does not go on from the append-only file: {why}. Replicas need a full resync"
        );
        log(LogLevel::Warning, &text);
        None
    });
    let Told { meta, past } = told?;
    let ReplMeta { at, .. } = meta;
    let bytes: usize = past.bytes.iter().map(Vec::len).sum();
    let text = format!(
        "The append-only file ends at {}:{}, and holds the last {bytes} bytes of the replication stream",
        at.id, at.offset
    );
    log(LogLevel::Notice, &text);
    Some(Restored {
        meta,
        expired: Some(Vec::new()),
        past: Some(past),
    })
}

/// The append-only file that a server finds at its start.
#[derive(Debug)]
pub enum FoundLog {
    /// It was loaded.
    Loaded(Box<LoadedLog>),
    /// There is none.
    Missing,
    /// `appendonly` was `no`, so nobody has looked for one.
    Unwanted,
}

/// What there is has been loaded: the server takes up its role in replication, and writes an append-only file if it is to
/// have one by now (clients may set `appendonly` during the load): that which was loaded, or a new one with the dataset
/// as its base.
///
/// # Errors
/// The text with which the server ends: the disk refuses the log.
pub fn begin<A: Appenders>(
    engine: &mut Engine,
    append: &AppendOnly<A>,
    restored: Option<Restored>,
    log: FoundLog,
) -> Result<(), String> {
    take_part(engine, restored);
    append.starts();
    match (engine.config.appendonly, log) {
        (false, _) => Ok(()),
        (true, FoundLog::Loaded(log)) => append.start(engine, Some(*log)),
        (true, FoundLog::Missing) => append.start(engine, None),
        (true, FoundLog::Unwanted) => append.enable(engine),
    }
}

/// What a dump or an append-only file says about replication.
#[derive(Debug)]
pub struct Restored {
    /// The place of its end in a replication history.
    pub meta: ReplMeta,
    /// Keys of it that had expired and were dropped; `None` if their names take more than a backlog.
    pub expired: Option<Vec<(u32, Vec<u8>)>>,
    /// What else an append-only file says.
    pub past: Option<Past>,
}

/// A dump that was found, and everything that is needed to load it.
pub struct Dump<F> {
    /// The open file.
    pub file: F,
    /// How it is loaded. It runs on one thread unless the caller has more.
    pub options: LoadOptions,
    /// How far it is loaded.
    pub progress: Arc<LoadProgress>,
}

/// The load of the dump at the start.
pub struct Boot<W: Writers> {
    saves: Saves<W>,
    path: PathBuf,
    /// `rdb-load-salvage`: the sound parts of a damaged dump are better than nothing.
    salvages: bool,
}

/// A load that begins, and what it loads.
pub type Found<W> = (Boot<W>, Dump<FileOf<W>>);

impl<W: Writers> Boot<W> {
    /// Looks for the dump. Without one the dataset is empty and complete; with one the server loads from now on, and
    /// [`Boot::loaded`] must follow.
    ///
    /// # Errors
    /// The text with which the server ends: the dump cannot be opened.
    pub fn look(saves: &Saves<W>, engine: &mut Engine) -> Result<Option<Found<W>>, String> {
        let path = PathBuf::from(&engine.config.dbfilename);
        let file = match saves.writers().disk().open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                saves.start_empty();
                return Ok(None);
            }
            Err(e) => {
                return Err(format!(
                    "Fatal error loading the DB, check server logs. Exiting: {e}"
                ));
            }
        };
        let total = file.size().unwrap_or(0);
        let progress = Arc::<LoadProgress>::default();
        let options = LoadOptions {
            total_bytes: Some(total),
            expired_bytes_max: engine.repl.history().backlog_bytes_max(),
            ..options(engine)
        };
        saves.begin_loading(engine, Loading::Blocking, total, progress.clone());
        let boot = Boot {
            saves: saves.clone(),
            path,
            salvages: engine.config.rdb_load_salvage,
        };
        let dump = Dump {
            file,
            options,
            progress,
        };
        Ok(Some((boot, dump)))
    }

    /// The dump.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sound parts of a damaged dump are loaded.
    pub fn salvages(&self) -> bool {
        self.salvages
    }

    /// The dump was loaded, or could not be. Returns what it says about replication.
    ///
    /// # Errors
    /// The message with which the server exits. Nothing of the dump is in memory.
    pub fn loaded(
        self,
        engine: &mut Engine,
        result: Result<Loaded, LoadError>,
    ) -> Result<Option<Restored>, String> {
        let Boot {
            saves,
            path,
            salvages,
        } = self;
        saves.end_loading(engine);
        let fatal = |e: LoadError| {
            format!(
                "Fatal error loading the DB {}: {e}. The file was left as it is. Exiting.",
                path.display()
            )
        };
        let mut loaded = result.map_err(fatal)?;
        if salvages {
            let (sound, faults) = engine.sound_functions(std::mem::take(&mut loaded.functions));
            loaded.functions = sound;
            for fault in faults {
                let text = format!("Left out: a function library: {fault}");
                (engine.log)(LogLevel::Warning, &text);
            }
        }
        announce(engine, &loaded);
        let restored = ReplMeta::from_aux(|name| loaded.aux(name)).map(|meta| Restored {
            meta,
            expired: loaded.expired.take(),
            past: None,
        });
        saves.install(engine, loaded).map_err(fatal)?;
        Ok(restored)
    }
}

/// Takes the part in replication that the configuration and what was loaded say.
pub fn take_part(engine: &mut Engine, restored: Option<Restored>) {
    engine.sync_repl_clock();
    let past = match (engine.config.replicaof.clone(), restored) {
        (Some(primary), restored) => {
            let cached = restored.as_ref().map(|r| (r.meta.at, r.meta.stream_db));
            engine
                .repl
                .start_as_replica(&primary.host, primary.port, cached);
            restored.and_then(|r| r.past)
        }
        (
            None,
            Some(Restored {
                meta,
                expired,
                past,
            }),
        ) => {
            let lazy = engine.config.lazyfree_lazy_expire;
            engine
                .repl
                .restore_as_primary(meta, expired.as_deref(), lazy);
            past
        }
        (None, None) => None,
    };
    if let Some(past) = past {
        engine.repl.recall(&past);
    }
}
