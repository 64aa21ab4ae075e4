//! Loads: what they need and return, and what happens to the previous dataset.
//!
//! A load reads a dump into new databases. The dataset in memory is either dropped before that, or replaced when the
//! new one is complete; in between, [`crate::whole`] says that there is no complete dataset.

mod error;
mod progress;

pub use error::LoadError;
pub use progress::LoadProgress;
pub(crate) use progress::Loading;

use crate::save::{HeatAs, Saves, Settings, Writers};
use base::LogLevel;
use base::secret::HashKey;
use config::Config;
use config::choices::{UnknownValues, VersionCheck};
use engine::heat::lru_clock;
use engine::watch::touch_watched_by_load;
use engine::{Engine, Loading as Kind};
use keyspace::{Db, Hasher, Limits, UnixMillis};
use rdb::check::ValueInfo;
use rdb::module::ModuleAux;
use rdb::{ErrorKind, RdbVersion};
use std::sync::Arc;

/// What the loader must know.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The keyspace's hash function.
    pub hasher: Hasher,
    /// The key of the hashes by which duplicates inside a value are found.
    pub key: HashKey,
    /// Unix time, ms: what has expired before it is dropped, unless `keep_expired`.
    pub now_ms: UnixMillis,
    /// A replica keeps expired keys: its primary deletes them.
    pub keep_expired: bool,
    /// Bytes that the names of dropped keys may take in [`Loaded::expired`].
    pub expired_bytes_max: usize,
    /// Databases with this number or a higher one are an error.
    pub databases: u32,
    /// `rdbchecksum`: verify the footer (one that is 0 is never verified).
    pub verify_checksum: bool,
    /// Bytes of the whole dump, where known: bounds what hints may reserve.
    pub total_bytes: Option<u64>,
    /// How IDLE and FREQ are used.
    pub heat: HeatPolicy,
    /// `rdb-unknown-values`, `rdb-version-check`
    pub unknown: Unknown,
    /// Up to which sizes collections are packed.
    pub limits: Limits,
    /// Threads that insert, the calling one included; 0 means as many as there are processors.
    pub threads: usize,
}

/// What a dump must be that is only checked.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Databases with this number or a higher one are an error.
    pub databases: u32,
    /// `rdbchecksum`
    pub verify_checksum: bool,
    /// `rdb-unknown-values`, `rdb-version-check`
    pub unknown: Unknown,
    /// The key of the hashes by which duplicates inside a value are found.
    pub key: HashKey,
}

impl From<&LoadOptions> for CheckOptions {
    fn from(options: &LoadOptions) -> CheckOptions {
        CheckOptions {
            databases: options.databases,
            verify_checksum: options.verify_checksum,
            unknown: options.unknown,
            key: options.key,
        }
    }
}

impl LoadOptions {
    /// True for the expiry of a key that is left out.
    pub fn drops(&self, expire_ms: Option<UnixMillis>) -> bool {
        !self.keep_expired && expire_ms.is_some_and(|at| at < self.now_ms)
    }
}

/// What is done with a sound value.
///
/// # Errors
/// Why the dump that holds it is refused.
pub fn judge(info: &ValueInfo, unknown: Unknown) -> Result<Verdict, ErrorKind> {
    match info.unserved() {
        None => Ok(Verdict::Take),
        Some(_) if unknown.keeps => Ok(Verdict::TakeUnserved),
        Some(_) if unknown.skips => Ok(Verdict::LeaveOut),
        Some(kind) => Err(kind),
    }
}

/// What is done with values that no command can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Those that can be kept are kept.
    pub keeps: bool,
    /// The others are left out; otherwise the dump is refused.
    pub skips: bool,
    /// A dump of a later version is read, up to the first type or opcode that is not known; otherwise it is refused.
    pub reads_later: bool,
}

impl Unknown {
    /// As `rdb-unknown-values` and `rdb-version-check` say.
    pub fn of(config: &Config) -> Self {
        Unknown {
            keeps: config.rdb_unknown_values == UnknownValues::Keep,
            skips: config.rdb_unknown_values == UnknownValues::Skip,
            reads_later: config.rdb_version_check == VersionCheck::Relaxed,
        }
    }
}

/// What [`judge`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is loaded.
    Take,
    /// It is kept as its bytes.
    TakeUnserved,
    /// It is left out, and counted.
    LeaveOut,
}

/// What the heat of an entry means under the maxmemory policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeatPolicy {
    /// The LRU clock, seconds in 24 bits; the value is now.
    Lru(u32),
    /// LFU: minutes in 16 bits, counter in 8; the value is the current minute.
    Lfu(u16),
}

/// A complete dataset.
pub struct Loaded {
    /// The databases that have keys, by number.
    pub dbs: Vec<(u32, Db)>,
    /// Function libraries, as their source.
    pub functions: Vec<Vec<u8>>,
    /// AUX fields in order: name, value.
    pub aux: Vec<(Vec<u8>, Vec<u8>)>,
    /// What wrote it.
    pub version: RdbVersion,
    /// Keys inserted.
    pub keys_loaded: u64,
    /// Keys dropped because they had expired.
    pub keys_expired: u64,
    /// Databases and names of these, ordered; `None` if the names take more than `expired_bytes_max`.
    pub expired: Option<Vec<(u32, Vec<u8>)>>,
    /// Collections without elements, left out.
    pub empty_skipped: u64,
    /// What modules store beside their keys, kept.
    pub module_aux: Vec<ModuleAux>,
    /// Values of types that are not served, kept.
    pub unserved: u64,
    /// Those left out, and what modules store beside their keys (`rdb-unknown-values skip`).
    pub unknown_skipped: u64,
    /// Function libraries in the form of the release candidates of Redis 7.0, left out.
    pub libraries_skipped: u64,
    /// Length of the dump.
    pub bytes: u64,
}

impl Loaded {
    /// An AUX field by name, in any case; if there are several, the last one.
    pub fn aux(&self, name: &str) -> Option<&[u8]> {
        aux_field(&self.aux, name)
    }
}

/// An AUX field by name, in any case; if there are several, the last one.
pub fn aux_field<'a>(aux: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let named = |f: &&(Vec<u8>, Vec<u8>)| f.0.eq_ignore_ascii_case(name.as_bytes());
    aux.iter().rev().find(named).map(|f| f.1.as_slice())
}

impl<W: Writers> Saves<W> {
    /// A load that others drive begins: INFO shows it, commands are refused as `kind` says.
    pub fn begin_loading(
        &self,
        engine: &mut Engine,
        kind: Kind,
        total: u64,
        progress: Arc<LoadProgress>,
    ) {
        engine.loading = kind;
        self.state.borrow_mut().loading = Some(Loading {
            started_unix: engine.clock.unix_ms / 1000,
            started_ms: self.writers().clock().steady_ms,
            total,
            progress,
        });
    }

    /// It has ended; unless its dataset is installed next, it has failed.
    pub fn end_loading(&self, engine: &mut Engine) {
        self.dataset.load_ended();
        engine.loading = Kind::No;
        self.dataset.set_emptied_for_load(false);
        self.state.borrow_mut().loading = None;
    }

    /// As [`Saves::end_loading`], and what was loaded is installed before anything else happens.
    pub fn end_loading_to_install(&self, engine: &mut Engine) {
        let emptied = self.dataset.is_emptied_for_load();
        self.end_loading(engine);
        self.dataset.set_emptied_for_load(emptied);
    }

    /// What was installed is a part of the dataset, and the rest is being loaded: nothing is saved until it is there.
    pub fn goes_on_loading(&self) {
        self.dataset.given_up(false);
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
        self.writers().another_dataset(engine);
        engine.tracking.invalidate_everything();
        self.dataset.set_emptied_for_load(true);
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
        self.put_in_place(engine, loaded)?;
        self.writers().another_dataset(engine);
        Ok(())
    }

    /// The same for the dataset that is in memory, as a dump that was just saved has it: the append-only file goes on.
    ///
    /// # Errors
    /// As for [`Saves::install`].
    pub fn install_again(&self, engine: &mut Engine, loaded: Loaded) -> Result<(), LoadError> {
        match loaded.unknown_skipped {
            0 => self.put_in_place(engine, loaded),
            _ => self.install(engine, loaded),
        }
    }

    fn put_in_place(&self, engine: &mut Engine, loaded: Loaded) -> Result<(), LoadError> {
        // Clients with tracking are told once: between emptying and installing nobody reads anything.
        let told = self.dataset.is_emptied_for_load();
        self.dataset.set_emptied_for_load(false);
        engine
            .install_functions(&loaded.functions)
            .map_err(|e| LoadError::Library(e.to_string()))?;
        engine.module_aux = loaded.module_aux;
        self.dataset.completed();
        self.state.borrow_mut().last_load = (loaded.keys_loaded, loaded.keys_expired);
        if !told {
            engine.tracking.invalidate_everything();
        }
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
        self.writers().memory_freed(engine);
        Ok(())
    }
}

/// DEBUG RELOAD NOFLUSH / MERGE: into the dataset that is there.
///
/// # Errors
/// A library or a key is there already.
pub fn merge(engine: &mut Engine, loaded: Loaded, overwrite: bool) -> Result<(), LoadError> {
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
pub fn options(engine: &mut Engine) -> LoadOptions {
    let settings = Settings::read(&engine.config, engine.clock.steady_ms);
    let heat = match settings.heat {
        HeatAs::Freq => HeatPolicy::Lfu((engine.clock.steady_ms / 60_000) as u16),
        _ => HeatPolicy::Lru(lru_clock(engine.clock.steady_ms)),
    };
    LoadOptions {
        hasher: engine.keyspace.hasher(),
        key: engine.secrets.hash_key(),
        now_ms: engine.clock.unix_ms,
        expired_bytes_max: 0,
        keep_expired: engine.repl.is_replica() || engine.config.replicaof.is_some(),
        databases: engine.keyspace.count() as u32,
        verify_checksum: settings.checksum && !engine.skips_checksums,
        total_bytes: None,
        heat,
        limits: engine.limits,
        unknown: Unknown::of(&engine.config),
        threads: engine.config.threads as usize,
    }
}

/// The log lines about what was loaded.
pub fn announce(engine: &Engine, loaded: &Loaded) {
    let say = |text: String| (engine.log)(LogLevel::Notice, &text);
    let text = |name: &str| {
        loaded
            .aux(name)
            .map(|v| String::from_utf8_lossy(v).into_owned())
    };
    let number = |name: &str| text(name).and_then(|v| v.parse::<i64>().ok());
    if let Some(version) = text("redis-ver").or_else(|| text("valkey-ver")) {
        say(format!("Loading RDB produced by version {version}"));
    }
    let unix = engine.clock.unix_ms / 1000;
    if let Some(created) = number("ctime") {
        say(format!("RDB age {} seconds", (unix - created).max(0)));
    }
    if let Some(used) = number("used-mem") {
        say(format!(
            "RDB memory usage when created {:.2} Mb",
            used as f64 / (1 << 20) as f64
        ));
    }
    let mut done = format!(
        "Done loading RDB, keys loaded: {}, keys expired: {}",
        loaded.keys_loaded, loaded.keys_expired
    );
    if loaded.empty_skipped > 0 {
        done += &format!(", empty keys skipped: {}", loaded.empty_skipped);
    }
    if loaded.unserved > 0 {
        done += &format!(
            ", keys of types that are not served kept: {}",
            loaded.unserved
        );
    }
    if loaded.unknown_skipped > 0 {
        done += &format!(", unknown values left out: {}", loaded.unknown_skipped);
    }
    if loaded.libraries_skipped > 0 {
        done += &format!(
            ", function libraries of a release candidate of Redis 7.0 left out: {}",
            loaded.libraries_skipped
        );
    }
    say(format!("{done}."));
    for aux in &loaded.module_aux {
        (engine.log)(
            LogLevel::Warning,
            &format!(
                "Kept {} bytes that the module type '{}' stores beside its keys. Dumps contain them, so only a \
                 server with that module can load these dumps.",
                aux.raw.len(),
                aux.id.name()
            ),
        );
    }
}
