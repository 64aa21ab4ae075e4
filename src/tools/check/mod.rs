//! `forebay rdb check`: whether every server that knows the version would load a dump.
//!
//! | what is wrong | consequence |
//! |---|---|
//! | magic, opcodes, lengths, a missing end | reading ends there, because what follows cannot be found |
//! | the inside of a value or a function library | it is reported, and the check continues |
//! | a key, a library or a function occurs twice | it is reported with both places |
//! | the checksum | it is reported at the end |
//!
//! Anything that servers load but users should know about (empty collections, module data, bytes after the end, no
//! checksum) is a note.

mod report;

pub use report::{print_json, print_text};

use super::duplicates::{self, Keys, Suspects};
use super::pipeline::{self, Batch, End, Place, Worker};
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::text;
use base::Hasher;
use base::secret::HashKey;
use rdb::check::{Kind, Scratch, check_value};
use rdb::string::{StrBuf, StrRef};
use rdb::{ErrorKind, Frame, RdbError, RdbVersion, Record, function};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How to check.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Databases with this number or a higher one are a defect.
    pub databases: u32,
    /// Whether a wrong checksum is a defect.
    pub checksum: bool,
    /// Defects that are kept; the others are counted.
    pub defects_max: usize,
    /// Threads, at least one.
    pub threads: usize,
    /// Keys held in memory for the search for duplicates.
    pub keys_max: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// One defect.
#[derive(Debug, Clone)]
pub struct Defect {
    /// What, where, in which key.
    pub error: RdbError,
    /// For something that occurs twice: the offset of the first.
    pub first: Option<u64>,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// As the user named it.
    pub name: String,
    /// Version in the header.
    pub version: Option<RdbVersion>,
    /// Bytes up to the end, or up to what could not be read.
    pub bytes: u64,
    /// Bytes of the file.
    pub size: Option<u64>,
    /// Sound keys per database.
    pub keys: BTreeMap<u32, u64>,
    /// Keys with an expiry.
    pub expires: u64,
    /// Keys whose time has come.
    pub expired: u64,
    /// Function libraries.
    pub libraries: u64,
    /// Defects by offset, the first `defects_max`.
    pub defects: Vec<Defect>,
    /// All of them.
    pub defects_total: u64,
    /// Remarks that are not defects.
    pub notes: Vec<String>,
    /// Whether a checksum was there and right.
    pub checksum_verified: bool,
    /// `redis-ver` or `valkey-ver`, and `ctime`.
    pub written_by: Option<String>,
    /// Unix seconds.
    pub created_s: Option<i64>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.defects_total == 0
    }
}

/// Checks one input.
///
/// # Errors
/// When it cannot be read to its end, or temporary files fail.
pub fn check(source: &Source, options: &Options) -> Result<Report, Trouble> {
    let key = text::hash_key();
    let hasher = Hasher::new(text::hash_key());
    let held_max = options.keys_max / options.threads;
    let workers = (0..options.threads)
        .map(|_| Checker::new(options, hasher, held_max, key))
        .collect();
    let mut bar = Progress::new(source.name(), source.size(), options.progress);
    let (scan, workers) = pipeline::run(source, workers, &mut bar, |()| false);
    drop(bar);
    let mut report = Report {
        name: source.name(),
        version: scan.version,
        bytes: scan.bytes,
        size: source.size(),
        ..Report::default()
    };
    let (mut found, mut keys) = (Found::default(), Vec::new());
    for worker in workers {
        if let Some(e) = worker.failed {
            return Err(Trouble(format!("a temporary file failed: {e}")));
        }
        keys.push(worker.keys);
        found.merge(worker.found);
    }
    let suspects = duplicates::find(&keys, options.threads, duplicates::TOLD_MAX)
        .map_err(|e| Trouble(format!("a temporary file failed: {e}")))?;
    drop(keys);
    add_duplicates(source.file(), suspects, &mut found);
    check_libraries(&mut found);
    end(scan.end, source, options, &mut found, &mut report)?;
    found.into_report(options, &mut report);
    if let Some(change) = source.change() {
        report.notes.insert(0, change);
    }
    Ok(report)
}

/// What the end of the reading says.
fn end(
    end: End,
    source: &Source,
    options: &Options,
    found: &mut Found,
    report: &mut Report,
) -> Result<(), Trouble> {
    match end {
        End::Io(e) => Err(Trouble(format!(
            "cannot read {}: {e} (at byte {})",
            report.name, report.bytes
        ))),
        End::Defect(error) => {
            found.defect(error);
            Ok(())
        }
        End::Stopped => Ok(()),
        End::Eof {
            stored,
            computed,
            covered,
            trailing,
        } => {
            let kind = |stored| ErrorKind::Checksum { stored, computed };
            match stored {
                None => report.notes.push("this version has no checksum".into()),
                Some(0) => report
                    .notes
                    .push("the checksum is 0: it was switched off".into()),
                Some(stored) if stored == computed => report.checksum_verified = true,
                Some(stored) if options.checksum => {
                    found.defect(RdbError::new(kind(stored), covered, "the checksum"));
                }
                Some(stored) => report
                    .notes
                    .push(format!("{} (not counted as a defect)", kind(stored))),
            }
            let behind = source
                .size()
                .map_or(trailing, |n| n.max(report.bytes) - report.bytes);
            if behind > 0 {
                report.notes.push(format!(
                    "{} behind the end of the dump",
                    text::plural(behind, "byte")
                ));
            }
            Ok(())
        }
    }
}

/// What one thread found.
#[derive(Debug, Default)]
struct Found {
    keys: BTreeMap<u32, u64>,
    expires: u64,
    expired: u64,
    empty: u64,
    modules: BTreeMap<String, u64>,
    metadata: u64,
    pre_ga_functions: u64,
    libraries: Vec<(u64, Vec<u8>, Vec<Vec<u8>>)>,
    aux: Vec<(Vec<u8>, Vec<u8>)>,
    defects: Vec<Defect>,
    defects_total: u64,
}

impl Found {
    fn defect(&mut self, error: RdbError) {
        self.defects_total += 1;
        self.defects.push(Defect { error, first: None });
    }

    fn merge(&mut self, other: Found) {
        for (db, n) in other.keys {
            *self.keys.entry(db).or_default() += n;
        }
        for (name, n) in other.modules {
            *self.modules.entry(name).or_default() += n;
        }
        self.expires += other.expires;
        self.expired += other.expired;
        self.empty += other.empty;
        self.metadata += other.metadata;
        self.pre_ga_functions += other.pre_ga_functions;
        self.libraries.extend(other.libraries);
        self.aux.extend(other.aux);
        self.defects.extend(other.defects);
        self.defects_total += other.defects_total;
    }

    fn into_report(mut self, options: &Options, report: &mut Report) {
        self.defects.sort_by_key(|d| d.error.offset);
        self.defects.truncate(options.defects_max);
        report.keys = self.keys;
        report.expires = self.expires;
        report.expired = self.expired;
        report.libraries = self.libraries.len() as u64;
        report.defects = self.defects;
        report.defects_total = self.defects_total;
        let aux = |name: &str| {
            let named = self
                .aux
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
            named.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        report.written_by = match (aux("valkey-ver"), aux("redis-ver")) {
            (Some(version), _) => Some(format!("Valkey {version}")),
            (None, Some(version)) => Some(format!("Redis {version}")),
            (None, None) => None,
        };
        report.created_s = aux("ctime").and_then(|t| t.parse().ok());
        let mut note = |n: u64, noun: &str, what: &str| {
            if n > 0 {
                report
                    .notes
                    .push(format!("{} {what}", text::plural(n, noun)));
            }
        };
        note(
            self.empty,
            "key",
            "without elements, which servers leave out",
        );
        note(
            self.pre_ga_functions,
            "function library",
            "of a release candidate of 7.0, which later servers refuse",
        );
        note(
            self.metadata,
            "record",
            "of key metadata, which only servers with the module read",
        );
        for (name, n) in &self.modules {
            note(
                *n,
                "record",
                &format!("of the module type '{name}', which only servers with the module read"),
            );
        }
    }
}

/// One thread's work.
struct Checker {
    options: Options,
    now_ms: i64,
    scratch: Scratch,
    keys: Keys,
    found: Found,
    /// Keys of the database at hand that `found` does not have yet.
    counted: (u32, u64),
    failed: Option<io::Error>,
}

impl Checker {
    fn new(options: &Options, hasher: Hasher, held_max: usize, key: HashKey) -> Checker {
        Checker {
            options: *options,
            now_ms: text::now_ms(),
            scratch: Scratch::new(key),
            keys: Keys::new(hasher, held_max),
            found: Found::default(),
            counted: (0, 0),
            failed: None,
        }
    }

    #[inline]
    fn key(&mut self, place: &Place<'_>, record: &Record<'_>) -> io::Result<()> {
        let value = check_value(
            place.context,
            record.rdb_type,
            record.value,
            &mut self.scratch,
        );
        let info = match value {
            Ok(info) => info,
            Err(e) => {
                let error = e.shifted(record.value_offset()).with_key(&record.key);
                self.found.defect(error);
                return Ok(());
            }
        };
        if info.empty {
            self.found.empty += 1;
            return Ok(());
        }
        if let Kind::Module(id) = info.kind {
            *self.found.modules.entry(id.name().to_string()).or_default() += 1;
        }
        if let Some(time) = record.expire_ms {
            self.found.expires += 1;
            self.found.expired += u64::from(time <= self.now_ms);
        }
        if self.counted.0 != place.db {
            self.flush_count();
            self.counted.0 = place.db;
        }
        self.counted.1 += 1;
        self.keys.push(place.db, &record.key, record.offset)
    }

    fn flush_count(&mut self) {
        let (db, n) = std::mem::take(&mut self.counted);
        if n > 0 {
            *self.found.keys.entry(db).or_default() += n;
        }
    }

    fn other(&mut self, place: &Place<'_>, frame: Frame<'_>) {
        let defect = |kind, context| RdbError::new(kind, place.offset, context);
        match frame {
            Frame::SelectDb(n) if n >= self.options.databases => {
                let kind = ErrorKind::BadCount(u64::from(n));
                self.found.defect(defect(kind, "database number"));
            }
            Frame::Function { code } => match function::check_library(&code) {
                Ok(library) => self.found.libraries.push((
                    place.offset,
                    library.name.to_vec(),
                    function::function_names(&code),
                )),
                Err(what) => {
                    let kind = ErrorKind::BadFunction(what);
                    self.found.defect(defect(kind, "function library"));
                }
            },
            Frame::FunctionPreGa { .. } => self.found.pre_ga_functions += 1,
            Frame::ModuleAux { id, .. } => {
                *self.found.modules.entry(id.name().to_string()).or_default() += 1;
            }
            Frame::KeyMeta { .. } => self.found.metadata += 1,
            Frame::Aux { name, value } => {
                const KEPT: [&[u8]; 3] = [b"redis-ver", b"valkey-ver", b"ctime"];
                if KEPT.iter().any(|k| name.eq_ignore_ascii_case(k)) {
                    let pair = (name.into_owned(), value.into_owned());
                    self.found.aux.push(pair);
                }
            }
            _ => {}
        }
    }
}

impl Worker for Checker {
    type Out = ();

    fn batch(&mut self, batch: &Batch) {
        let result = batch.frames(|place, frame| match frame {
            Frame::Key(record) => self.key(place, &record),
            other => {
                self.other(place, other);
                Ok(())
            }
        });
        self.flush_count();
        self.scratch.shrink();
        // Defects of millions of keys are one damage: the first ones tell.
        self.found.defects.sort_by_key(|d| d.error.offset);
        self.found.defects.truncate(self.options.defects_max);
        if let Err(e) = result {
            self.failed.get_or_insert(e);
        }
    }
}

/// Libraries and functions must differ in name across the whole dump.
fn check_libraries(found: &mut Found) {
    let mut libraries = std::mem::take(&mut found.libraries);
    libraries.sort();
    let mut seen: BTreeMap<(bool, &[u8]), u64> = BTreeMap::new();
    for (offset, library, functions) in &libraries {
        let functions = functions.iter().map(|f| (true, &f[..], "function"));
        let names = std::iter::once((false, &library[..], "function library")).chain(functions);
        for (is_function, name, context) in names {
            if let Some(first) = seen.get(&(is_function, name)) {
                let error = RdbError::new(ErrorKind::Duplicate, *offset, context).with_key(name);
                found.defects_total += 1;
                found.defects.push(Defect {
                    error,
                    first: Some(*first),
                });
            } else {
                seen.insert((is_function, name), *offset);
            }
        }
    }
    found.libraries = libraries;
}

/// Makes suspicions defects: where the input can be read again, the keys are compared.
fn add_duplicates(file: Option<&File>, suspects: Suspects, found: &mut Found) {
    let mut untold = suspects.total - suspects.pairs.len() as u64;
    for (first, later) in suspects.pairs {
        let mut error = RdbError::new(ErrorKind::Duplicate, later, "record");
        if let Some(file) = file {
            match (key_at(file, first), key_at(file, later)) {
                (Some(a), Some(b)) if a != b => continue,
                (_, key) => error.key = key,
            }
        }
        found.defects_total += 1;
        found.defects.push(Defect {
            error,
            first: Some(first),
        });
    }
    // Duplicates beyond those that are kept are counted by their hashes.
    found.defects_total += std::mem::take(&mut untold);
}

/// The key of the record whose type byte is at `offset`.
pub(crate) fn key_at(file: &File, offset: u64) -> Option<Vec<u8>> {
    let mut buf = vec![0; 256];
    loop {
        let mut filled = 0;
        while filled < buf.len() {
            match file.read_at(&mut buf[filled..], offset + 1 + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        if let Some((key, _)) = StrRef::decode(&buf[..filled]) {
            return Some(key.get(&mut StrBuf::new())?.to_vec());
        }
        if filled < buf.len() {
            return None;
        }
        buf.resize(buf.len() * 8, 0);
    }
}
