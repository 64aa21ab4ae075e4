//! `forebay aof check`: the manifest, each dump, each request, transactions and seals.

use super::Failed;
use super::log::{Log, Part};
use super::walk::{self, Walked};
use crate::check as dump_check;
use crate::source::Source;
use aof::Defect;
use aof::judge::Event;
use aof::manifest::Kind;
use aof::names::begins_with_dump;
use aof::reader::Item;
use std::os::unix::fs::FileExt;

pub use super::report::{print_json, print_text};

/// How to check.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How dumps are checked.
    pub dump: dump_check::Options,
}

/// What a check found.
#[derive(Debug)]
pub struct Report {
    /// The manifest, or the single file, as the user named it.
    pub name: String,
    /// The files, in the order in which servers read them.
    pub files: Vec<FileReport>,
    /// Files that the manifest keeps only to remove them.
    pub history: usize,
}

/// What a file is.
#[derive(Debug)]
pub struct FileReport {
    /// Its name in the manifest.
    pub name: String,
    /// What the manifest says that it is.
    pub kind: Kind,
    /// Whether it is the last one, the only one whose end a crash may tear.
    pub last: bool,
    /// Its size in bytes, if it is there.
    pub size: Option<u64>,
    /// The dump at its start.
    pub dump: Option<dump_check::Report>,
    /// Where the log begins: after the dump.
    pub start: u64,
    /// Whole requests.
    pub requests: u64,
    /// Whole transactions.
    pub transactions: u64,
    /// Seals that fit.
    pub seals: u64,
    /// The end of the file.
    pub end: End,
}

/// How a file ends.
#[derive(Debug)]
pub enum End {
    /// Nothing is wrong.
    Whole,
    /// It cannot be opened.
    Missing(String),
    /// Its dump is damaged; nothing after it can be found.
    BadDump,
    /// The log has a defect.
    Defect {
        /// What is wrong.
        defect: Defect,
        /// Up to which byte the file is to be kept.
        keep: u64,
        /// The offset of a sound batch after the defect.
        sound_after: Option<u64>,
    },
}

impl FileReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        matches!(self.end, End::Whole)
    }
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.files.iter().all(FileReport::is_sound)
    }
}

/// Checks a log.
///
/// # Errors
/// When a file cannot be read to its end.
pub fn check(log: &Log, options: &Options) -> Result<Report, Failed> {
    let last = log.parts.len().wrapping_sub(1);
    let files = log.parts.iter().enumerate();
    let files = files.map(|(i, part)| file(part, i == last, options));
    Ok(Report {
        name: log.path.display().to_string(),
        files: files.collect::<Result<_, _>>()?,
        history: log.manifest.as_ref().map_or(0, |m| m.history.len()),
    })
}

/// Checks one file.
///
/// # Errors
/// When it cannot be read to its end.
pub fn file(part: &Part, last: bool, options: &Options) -> Result<FileReport, Failed> {
    let mut report = FileReport {
        name: part.name.clone(),
        kind: part.kind,
        last,
        size: None,
        dump: None,
        start: 0,
        requests: 0,
        transactions: 0,
        seals: 0,
        end: End::Whole,
    };
    let source = match part.open() {
        Ok(source) => source,
        Err(Failed::Defect(why)) => {
            report.end = End::Missing(why);
            return Ok(report);
        }
        Err(other) => return Err(other),
    };
    report.size = source.size();
    if has_dump(&source)? {
        let mut dump = dump_check::check(&source, &options.dump)?;
        // The log after it is not a remark.
        dump.notes
            .retain(|note| !note.ends_with("behind the end of the dump"));
        let sound = dump.is_sound();
        report.start = dump.bytes;
        report.dump = Some(dump);
        if !sound {
            report.end = End::BadDump;
            return Ok(report);
        }
    }
    let walked = walk::walk(&source, report.start, options.dump.progress, |passed| {
        match passed.item {
            Item::Request(request) => {
                report.requests += 1;
                report.transactions += u64::from(request.is("exec"));
            }
            Item::Annotation(_) => {
                report.seals += u64::from(matches!(passed.event, Event::Sealed(_)));
            }
        }
        Ok(())
    })?;
    report.end = end(walked);
    Ok(report)
}

fn end(walked: Walked) -> End {
    let keep = walked.keep();
    match walked.defect {
        None => End::Whole,
        Some(defect) => End::Defect {
            defect,
            keep,
            sound_after: walked.sound_after,
        },
    }
}

/// Whether a file begins with a dump.
///
/// # Errors
/// Those of the file.
pub fn has_dump(source: &Source) -> Result<bool, Failed> {
    let mut first = [0; 9];
    let file = source.require_file("this tool")?;
    let read = file.read_at(&mut first, 0);
    let read = read.map_err(|e| {
        let why = format!("cannot read {}: {e}", source.name());
        Failed::Trouble(crate::source::Trouble(why))
    })?;
    Ok(begins_with_dump(&first[..read]))
}
