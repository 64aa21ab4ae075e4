//! The work of the calling thread: it finds the records, computes the checksum, hashes the keys, and passes lists of
//! records of one hash range to the next free thread.

use super::check::refused;
use super::insert::{Inserter, Task, Tasks};
use super::list::{Detail, Heat, List, Plain};
use super::{LoadError, LoadOptions, LoadProgress, Loaded};
use crate::{delay, threads};
use flow::load::{Unknown, aux_field};
use keyspace::load::{Partition, SizeHint};
use keyspace::{Db, Hasher};
use pipes::window::Windows;
use rdb::Opcode;
use rdb::crc64::Crc64;
use rdb::module::ModuleAux;
use rdb::{Context, Frame, RdbError, RdbVersion, Record, Scanner, Step};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

/// Hash ranges per database, as a power of two, for a database of many keys: a list of a window's records
/// of one range then touches a cache-sized part of the keyspace.
const RANGE_BITS: u32 = 8;
/// Below this many keys one range is as good.
const FEW_KEYS: u64 = 50_000;

/// A database that is being built.
pub struct Building {
    /// Its number.
    pub db: u32,
    /// Ranges of hashes; each locked while a list is inserted.
    pub partitions: Vec<Mutex<Partition>>,
    bits: u32,
}

impl Building {
    fn new(db: u32, hasher: Hasher, hint: SizeHint) -> Arc<Building> {
        let bits = if hint.keys < FEW_KEYS { 0 } else { RANGE_BITS };
        let partitions = Partition::split(hasher, bits, hint)
            .into_iter()
            .map(Mutex::new)
            .collect();
        Arc::new(Building {
            db,
            partitions,
            bits,
        })
    }

    fn range_of(&self, hash: u64) -> usize {
        if self.bits == 0 {
            0
        } else {
            (hash >> (64 - self.bits)) as usize
        }
    }

    fn assemble(self: Arc<Self>) -> (u32, Db) {
        let building = Arc::into_inner(self).expect("all tasks are done");
        let parts = building.partitions.into_iter();
        let unlock = |p: Mutex<Partition>| p.into_inner().expect("no panic while the lock is held");
        (building.db, Db::assemble(parts.map(unlock).collect()))
    }
}

/// See [`super::load`].
pub fn load<R: Read>(
    source: R,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<(Loaded, Vec<u8>, R), LoadError> {
    let tasks = Tasks::new();
    let helpers = threads::for_datasets(options.threads) - 1;
    let result = std::thread::scope(|scope| {
        for n in 0..helpers {
            let work = || Inserter::new(options, &tasks).work();
            if let Err(e) = threads::spawn_in(scope, &format!("forebay-load-{n}"), work) {
                // The calling thread does the work of those that are missing.
                tracing::warn!(
                    "Can't start more than {n} of {helpers} threads that help to load: {e}"
                );
                break;
            }
        }
        let mut loader = Loader::new(source, options, progress, &tasks);
        let result = loader.run();
        // The calling thread works the queue off with the others, then lets them go.
        loader.inserter.help_until(0);
        tasks.queue.close();
        result.map(|end| (end, loader))
    });
    // A worker's defect may lie before the scanner's: the first by offset is the one to tell.
    let scanned = match (result, tasks.take_error()) {
        (Err(a), Some(b)) => return Err(if b.offset() < a.offset() { b } else { a }),
        (Err(e), None) | (Ok(_), Some(e)) => return Err(e),
        (Ok(scanned), None) => scanned,
    };
    let (end, loader) = scanned;
    let expired = tasks.take_expired(options.expired_bytes_max);
    let (keys_loaded, keys_expired, empty_skipped, unknown_skipped) = tasks.counts();
    let Loader {
        windows,
        dbs,
        functions,
        aux,
        module_aux,
        libraries_skipped,
        version,
        current,
        ..
    } = loader;
    drop(current);
    let dbs = dbs
        .into_values()
        .map(Building::assemble)
        .filter(|(_, db)| !db.is_empty())
        .collect();
    let (rest, source) = windows.into_rest();
    let loaded = Loaded {
        dbs,
        functions,
        aux,
        version,
        module_aux,
        unserved: tasks.unserved(),
        keys_loaded,
        keys_expired,
        expired,
        empty_skipped,
        unknown_skipped,
        libraries_skipped,
        bytes: end,
    };
    Ok((loaded, rest, source))
}

struct Loader<'a, R> {
    windows: Windows<R>,
    scanner: Scanner,
    options: &'a LoadOptions,
    progress: &'a LoadProgress,
    tasks: &'a Tasks,
    inserter: Inserter<'a>,
    crc: Crc64,
    /// Bytes of the current window that the checksum has seen.
    summed: usize,
    dbs: BTreeMap<u32, Arc<Building>>,
    current: Option<Arc<Building>>,
    selected: u32,
    context: Arc<Context>,
    lists: Vec<List>,
    functions: Vec<Vec<u8>>,
    aux: Vec<(Vec<u8>, Vec<u8>)>,
    module_aux: Vec<ModuleAux>,
    libraries_skipped: u64,
    version: RdbVersion,
    keys: u64,
}

/// What the end of a window, or of the dump, asks for.
enum Next {
    More(usize),
    End(usize),
    /// Records of another database follow: those so far must go out first.
    OtherDb(usize),
}

impl<'a, R: Read> Loader<'a, R> {
    fn new(
        source: R,
        options: &'a LoadOptions,
        progress: &'a LoadProgress,
        tasks: &'a Tasks,
    ) -> Self {
        let scanner = Scanner::reading_later(options.unknown.reads_later);
        Loader {
            windows: Windows::new(source),
            context: Arc::new(scanner.context().clone()),
            version: scanner.context().version,
            scanner,
            options,
            progress,
            tasks,
            inserter: Inserter::new(options, tasks),
            crc: Crc64::new(),
            summed: 0,
            dbs: BTreeMap::new(),
            current: None,
            selected: 0,
            lists: Vec::new(),
            functions: Vec::new(),
            aux: Vec::new(),
            module_aux: Vec::new(),
            libraries_skipped: 0,
            keys: 0,
        }
    }

    /// Reads the dump to its end; returns its length.
    fn run(&mut self) -> Result<u64, LoadError> {
        let mut at_least = 0;
        loop {
            if self.progress.cancel.load(Ordering::Relaxed) {
                return Err(LoadError::Cancelled);
            }
            self.tasks.check_failed()?;
            let offset = self.windows.offset() + self.windows.bytes().len() as u64;
            let new = self
                .windows
                .fill(at_least)
                .map_err(|source| LoadError::reading(offset, source))?;
            if new == 0 {
                return Err(self.scanner.truncated().into());
            }
            at_least = loop {
                match self.scan_window()? {
                    Next::More(at_least) => break at_least,
                    Next::OtherDb(used) => {
                        self.hand_out(used)?;
                        self.current = None;
                    }
                    Next::End(used) => {
                        self.hand_out(used)?;
                        return Ok(self.windows.offset());
                    }
                }
            };
        }
    }

    /// Scans what the window holds. The frames that borrow from the window are used up before it is released.
    fn scan_window(&mut self) -> Result<Next, LoadError> {
        let mut at = 0;
        loop {
            // Borrows of the window end with each turn, as far as the compiler can see.
            let bytes = &self.windows.bytes()[at..];
            if let Some(plain) = self.scanner.plain_string(bytes) {
                let key = &bytes[plain.type_at + 2..plain.value_at];
                let hash = self.options.hasher.hash(key);
                if self.options.drops(plain.expire_ms) {
                    let max = self.options.expired_bytes_max;
                    self.tasks.expired(self.selected, key, max);
                } else {
                    self.list_of(hash).push_string(hash, at, &plain);
                }
                self.keys += 1;
                at += plain.end;
                self.keep_slow(at)?;
                continue;
            }
            let start = self.windows.offset() + at as u64;
            match self.scanner.next(bytes)? {
                Step::NeedMore { at_least } => {
                    let at_least = usize::try_from(at_least).unwrap_or(usize::MAX);
                    self.hand_out(at)?;
                    return Ok(Next::More(at_least));
                }
                Step::Frame {
                    frame: Frame::Key(record),
                    consumed,
                } => {
                    let hash = self.options.hasher.hash(&record.key);
                    let detail = detail(&record, self.windows.offset(), bytes, at);
                    self.list_of(hash).push(hash, detail);
                    self.keys += 1;
                    at += consumed;
                    self.keep_slow(at)?;
                }
                Step::Frame { frame, consumed } => {
                    let frame = Meta::take(frame, start, self.options.unknown);
                    at += consumed;
                    match frame {
                        Meta::Eof { checksum, covered } => {
                            let covered_to = (covered - self.windows.offset()) as usize;
                            self.sum_to(covered_to);
                            self.verify(checksum, covered)?;
                            return Ok(Next::End(at));
                        }
                        Meta::SelectDb(db) => {
                            self.select(db, start)?;
                            return Ok(Next::OtherDb(at));
                        }
                        other => self.meta(other)?,
                    }
                }
            }
        }
    }

    /// The list for a key's range.
    #[inline]
    fn list_of(&mut self, hash: u64) -> &mut List {
        if self.current.is_none() {
            self.begin_db(SizeHint::default());
        }
        let building = self.current.as_ref().expect("just begun");
        &mut self.lists[building.range_of(hash)]
    }

    /// `key-load-delay`, after the key that ends at `at` in the window.
    #[inline]
    fn keep_slow(&self, at: usize) -> Result<(), LoadError> {
        let wanted = || {
            let bytes = self.windows.offset() + at as u64;
            self.progress.bytes.store(bytes, Ordering::Relaxed);
            self.progress.keys.store(self.keys, Ordering::Relaxed);
            !self.progress.cancel.load(Ordering::Relaxed)
        };
        match delay::while_loading(self.keys, wanted) {
            true => Ok(()),
            false => Err(LoadError::Cancelled),
        }
    }

    fn begin_db(&mut self, hint: SizeHint) {
        let hasher = self.options.hasher;
        let selected = self.selected;
        let building = self
            .dbs
            .entry(selected)
            .or_insert_with(|| Building::new(selected, hasher, hint))
            .clone();
        self.lists
            .resize_with(building.partitions.len(), List::default);
        self.current = Some(building);
    }

    /// Sums the checksum over the window's bytes up to `to`.
    fn sum_to(&mut self, to: usize) {
        if to > self.summed {
            self.crc.update(&self.windows.bytes()[self.summed..to]);
            self.summed = to;
        }
    }

    /// Gives the window's records out.
    fn hand_out(&mut self, used: usize) -> Result<(), LoadError> {
        self.sum_to(used);
        self.summed = 0;
        // Helps the other threads to keep up, because the number of windows in use bounds the memory.
        self.inserter.help_until(self.lists.len());
        let offset = self.windows.offset();
        let window = self.windows.hand_out(used);
        let window = Arc::new(window.map_err(|source| LoadError::reading(offset, source))?);
        self.progress
            .bytes
            .store(self.windows.offset(), Ordering::Relaxed);
        self.progress.keys.store(self.keys, Ordering::Relaxed);
        if let Some(building) = &self.current {
            for (range, list) in self
                .lists
                .iter_mut()
                .enumerate()
                .filter(|(_, l)| !l.is_empty())
            {
                self.tasks.queue.push(Task {
                    window: window.clone(),
                    building: building.clone(),
                    context: self.context.clone(),
                    range,
                    list: {
                        // The next window will hold about as many.
                        let fresh = list.fresh();
                        std::mem::replace(list, fresh)
                    },
                });
            }
        }
        Ok(())
    }

    fn select(&mut self, db: u32, offset: u64) -> Result<(), LoadError> {
        if db >= self.options.databases {
            return Err(LoadError::Database {
                db,
                databases: self.options.databases,
                offset,
            });
        }
        self.selected = db;
        Ok(())
    }

    fn verify(&mut self, stored: Option<u64>, offset: u64) -> Result<(), LoadError> {
        let computed = self.crc.value();
        match stored {
            Some(stored) if self.options.verify_checksum && stored != 0 && stored != computed => {
                Err(LoadError::Checksum {
                    stored,
                    computed,
                    offset,
                })
            }
            _ => Ok(()),
        }
    }

    fn meta(&mut self, frame: Meta) -> Result<(), LoadError> {
        match frame {
            Meta::Header(version) => {
                self.version = version;
                self.context = Arc::new(self.scanner.context().clone());
            }
            Meta::Template => self.context = Arc::new(self.scanner.context().clone()),
            Meta::Aux(name, value) => {
                self.aux.push((name, value));
                if let Some(used) = used_memory(&self.aux) {
                    self.progress.used_memory.store(used, Ordering::Relaxed);
                }
            }
            Meta::Function(code) => self.functions.push(code),
            Meta::Resize(keys) => {
                let left = self.bytes_left(keys);
                self.begin_db(SizeHint {
                    keys: keys.min(left / 3),
                    bytes: left,
                });
            }
            Meta::Refused(error) => return Err(error.into()),
            Meta::LeftOut => self.tasks.skipped_unknown(),
            Meta::OldFunction => self.libraries_skipped += 1,
            Meta::ModuleAux(aux) => self.module_aux.push(aux),
            Meta::Ignored | Meta::Eof { .. } | Meta::SelectDb(_) => {}
        }
        Ok(())
    }

    /// Bytes of records to come, for `keys` keys: of a file, what is left of it; of a stream, whose length is not
    /// known, what the writer's use of memory makes likely. A guess that is too high scatters the records over more
    /// memory than they need, one that is too low makes segments grow.
    fn bytes_left(&self, keys: u64) -> u64 {
        /// Roughly what real servers hold for a key in addition to its bytes.
        const BESIDE: u64 = 56;
        /// Never believed: more than this much memory for nothing.
        const MOST: u64 = 1 << 30;
        if let Some(total) = self.options.total_bytes {
            return total - total.min(self.windows.offset());
        }
        let used = used_memory(&self.aux).unwrap_or(MOST);
        let without_overhead = used.saturating_sub(keys.saturating_mul(BESIDE));
        without_overhead.max(used / 2).min(MOST)
    }
}

/// What the dump says about its writer's memory.
fn used_memory(aux: &[(Vec<u8>, Vec<u8>)]) -> Option<u64> {
    let value = aux_field(aux, "used-mem")?;
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A frame other than a key, owned.
enum Meta {
    Header(RdbVersion),
    Template,
    Aux(Vec<u8>, Vec<u8>),
    Function(Vec<u8>),
    Resize(u64),
    SelectDb(u32),
    Eof {
        checksum: Option<u64>,
        covered: u64,
    },
    Refused(RdbError),
    LeftOut,
    /// A function library in the form of a release candidate: what it registers is not known to be the same now.
    OldFunction,
    ModuleAux(ModuleAux),
    Ignored,
}

impl Meta {
    fn take(frame: Frame<'_>, offset: u64, unknown: Unknown) -> Meta {
        if let Some((kind, what)) = refused(&frame, unknown) {
            return Meta::Refused(RdbError::new(kind, offset, what));
        }
        match frame {
            Frame::Header(version) => Meta::Header(version),
            Frame::HashTemplate { .. } => Meta::Template,
            Frame::Aux { name, value } => Meta::Aux(name.into_owned(), value.into_owned()),
            Frame::Function { code } => Meta::Function(code.into_owned()),
            Frame::ResizeDb { keys, .. } => Meta::Resize(keys),
            Frame::SelectDb(db) => Meta::SelectDb(db),
            Frame::Eof { checksum, covered } => Meta::Eof { checksum, covered },
            Frame::ModuleAux { is_empty: true, .. } => Meta::Ignored,
            Frame::ModuleAux { id, when, raw, .. } if unknown.keeps => Meta::ModuleAux(ModuleAux {
                id,
                after_keys: when > 1,
                raw: raw.to_vec(),
            }),
            Frame::ModuleAux { .. } | Frame::KeyMeta { .. } => Meta::LeftOut,
            Frame::FunctionPreGa { .. } => Meta::OldFunction,
            _ => Meta::Ignored,
        }
    }
}

/// A record's place in its window.
fn detail(record: &Record<'_>, window_offset: u64, bytes: &[u8], at: usize) -> Detail {
    let body = (record.offset - window_offset) as usize;
    // With FC and the expiry right before the type byte, the record is as the keyspace keeps it.
    let whole = match record.expire_ms {
        None => true,
        Some(ms) => {
            let head = body.checked_sub(at + 9).map(|h| &bytes[h..h + 9]);
            head.is_some_and(|h| {
                h[0] == Opcode::ExpireTimeMs.number() && h[1..] == ms.to_le_bytes()
            })
        }
    };
    Detail {
        rdb_type: record.rdb_type,
        body,
        len: record.body.len(),
        value: record.body.len() - record.value.len(),
        plain: match whole && matches!(record.key, Cow::Borrowed(_)) {
            true => Plain::Unchecked,
            false => Plain::No,
        },
        expire_ms: record.expire_ms,
        heat: match (record.idle_s, record.freq) {
            (Some(idle), _) => Heat::Idle(idle),
            (_, Some(freq)) => Heat::Freq(freq),
            _ => Heat::None,
        },
    }
}
