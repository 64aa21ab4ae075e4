//! `forebay aof stat`: what a log consists of.

use super::Failed;
use super::check::has_dump;
use super::export::length;
use super::log::{Log, Part};
use super::walk;
use aof::judge::Event;
use aof::reader::{Item, Request};
use std::collections::BTreeMap;

pub use super::stat_print::{print_json, print_text};

/// Names of commands that are counted by themselves: a damaged file may hold any number of them.
const NAMES_MAX: usize = 1000;
/// What the others are counted as.
const OTHERS: &str = "(others)";

/// A number of requests, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests.
    pub requests: u64,
    /// Bytes in the file.
    pub bytes: u64,
}

/// What a log is made of.
#[derive(Debug, Default)]
pub struct Report {
    /// The manifest, or the single file.
    pub name: String,
    /// Bytes of all files that hold data.
    pub bytes: u64,
    /// Bytes of dumps.
    pub dump_bytes: u64,
    /// Files that hold data.
    pub files: usize,
    /// All requests.
    pub total: Count,
    /// By command.
    pub commands: BTreeMap<String, Count>,
    /// By database, without SELECT, MULTI and EXEC.
    pub databases: BTreeMap<u32, Count>,
    /// Whole transactions.
    pub transactions: u64,
    /// The largest request.
    pub largest: u64,
    /// The first and the last time in the log, Unix milliseconds.
    pub times: Option<(i64, i64)>,
    /// Seals, the bytes that they seal, the largest batch.
    pub seals: Seals,
    /// The first defect.
    pub defect: Option<String>,
}

/// What seals tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seals {
    /// Their number.
    pub count: u64,
    /// The bytes that they seal.
    pub bytes: u64,
    /// The largest batch.
    pub largest: u64,
    /// The first and the last offset.
    pub offsets: Option<(u64, u64)>,
}

/// Counts what is in a log, up to its first defect.
///
/// # Errors
/// When a file cannot be read.
pub fn stat(log: &Log, progress: bool) -> Result<Report, Failed> {
    let mut report = Report {
        name: log.path.display().to_string(),
        ..Report::default()
    };
    for part in &log.parts {
        match one(part, progress, &mut report) {
            Ok(()) if report.defect.is_none() => {}
            Ok(()) => break,
            Err(Failed::Defect(why)) => {
                report.defect = Some(why);
                break;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(report)
}

fn one(part: &Part, progress: bool, report: &mut Report) -> Result<(), Failed> {
    let source = part.open()?;
    report.files += 1;
    report.bytes += source.size().unwrap_or_default();
    let mut start = 0;
    if has_dump(&source)? {
        start =
            length(&source)?.map_err(|why| Failed::Defect(format!("{}: {why}", source.name())))?;
        report.dump_bytes += start;
    }
    let mut db = 0;
    let walked = walk::walk(&source, start, progress, |passed| {
        match (passed.item, passed.event) {
            (Item::Request(request), _) => {
                db = request.selects().unwrap_or(db);
                report.request(request, passed.bytes.len() as u64, db);
            }
            (_, Event::Time(seconds)) => report.time(seconds.saturating_mul(1000)),
            (_, Event::Sealed(seal)) => {
                report.time(seal.ms as i64);
                report.seals.add(seal.bytes, seal.offset);
            }
            (_, Event::Nothing) => {}
        }
        Ok(())
    })?;
    report.defect = walked
        .defect
        .map(|defect| format!("{}: {defect}", source.name()));
    Ok(())
}

impl Count {
    fn add(&mut self, bytes: u64) {
        self.requests += 1;
        self.bytes += bytes;
    }
}

impl Seals {
    fn add(&mut self, bytes: u64, offset: u64) {
        self.count += 1;
        self.bytes += bytes;
        self.largest = self.largest.max(bytes);
        let first = self.offsets.map_or(offset, |(first, _)| first);
        self.offsets = Some((first, offset));
    }
}

impl Report {
    fn request(&mut self, request: Request<'_>, bytes: u64, db: u32) {
        self.total.add(bytes);
        self.largest = self.largest.max(bytes);
        let name = String::from_utf8_lossy(request.name()).to_ascii_lowercase();
        let name = crate::text::printable(name.as_bytes(), 40);
        let counted = self.commands.len() < NAMES_MAX || self.commands.contains_key(&name);
        let name = if counted { name } else { OTHERS.into() };
        match &name[..] {
            "exec" => self.transactions += 1,
            "select" | "multi" => {}
            _ => self.databases.entry(db).or_default().add(bytes),
        }
        self.commands.entry(name).or_default().add(bytes);
    }

    fn time(&mut self, ms: i64) {
        let (first, last) = self.times.unwrap_or((ms, ms));
        self.times = Some((first.min(ms), last.max(ms)));
    }
}
