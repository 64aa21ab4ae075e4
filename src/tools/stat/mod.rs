//! `forebay rdb stat`: what a dump contains.
//!
//! One pass; every thread counts for itself ([`tally`], [`prefix`]), then the counts are added up into a [`Report`],
//! which [`text`], [`json`] and [`html`] print. Sizes are bytes in the file, expiry and key included: what a key takes
//! in a server's memory depends on the server.

pub mod html;
pub mod json;
pub mod prefix;
mod svg;
pub mod tally;
pub mod text;
pub mod treemap;

use super::pipeline::{self, Batch, Place, Worker};
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::text as show;
use super::verdict::{Verdict, verdict};
use prefix::{Node, Patterns};
use rdb::check::{Scratch, check_value};
use rdb::{Frame, RdbError, RdbVersion, Record};
use tally::{Large, Tallies};

/// What to count.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// What separates the parts of a key.
    pub separator: u8,
    /// How many of the largest keys are listed.
    pub largest: usize,
    /// Threads, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// What a dump is made of.
#[derive(Debug)]
pub struct Report {
    /// As the user named it.
    pub name: String,
    /// Version in the header.
    pub version: Option<RdbVersion>,
    /// Bytes read.
    pub bytes: u64,
    /// Why the counts are not those of a whole dump.
    pub defect: Option<String>,
    /// Values that are not sound; they still count as keys.
    pub unsound: u64,
    /// Unix milliseconds: "now" of the expiry classes.
    pub now_ms: i64,
    /// Everything that is counted by key.
    pub tallies: Tallies,
    /// Keys by the pattern of their names.
    pub prefixes: Node,
    /// What separates the parts of a key.
    pub separator: char,
}

/// Counts one input.
///
/// # Errors
/// When it cannot be read.
pub fn stat(source: &Source, options: &Options) -> Result<Report, Trouble> {
    let now_ms = show::now_ms();
    let key = show::hash_key();
    let workers = (0..options.threads)
        .map(|_| Counter {
            scratch: Scratch::new(key),
            tallies: Tallies::new(now_ms, options.largest),
            patterns: Patterns::new(options.separator),
            defect: None,
            unsound: 0,
        })
        .collect();
    let mut bar = Progress::new(source.name(), source.size(), options.progress);
    let (scan, workers) = pipeline::run(source, workers, &mut bar, |()| false);
    drop(bar);
    let mut workers = workers.into_iter();
    let mut all = workers.next().expect("there is at least one worker");
    for other in workers {
        all.tallies.merge(other.tallies);
        all.patterns.merge(other.patterns);
        all.unsound += other.unsound;
        if let Some(error) = other.defect {
            all.note(error);
        }
    }
    let end = match verdict(&scan, source)? {
        Verdict::Whole => None,
        Verdict::Defect(why) => Some(why),
    };
    all.tallies.finish();
    Ok(Report {
        name: source.name(),
        version: scan.version,
        bytes: scan.bytes,
        defect: all.defect.map(|e| e.to_string()).or(end),
        unsound: all.unsound,
        now_ms,
        prefixes: all.patterns.tree(),
        tallies: all.tallies,
        separator: char::from(options.separator),
    })
}

struct Counter {
    scratch: Scratch,
    tallies: Tallies,
    patterns: Patterns,
    /// The first by offset.
    defect: Option<RdbError>,
    unsound: u64,
}

impl Counter {
    fn note(&mut self, error: RdbError) {
        if self.defect.as_ref().is_none_or(|d| error.offset < d.offset) {
            self.defect = Some(error);
        }
    }

    #[inline]
    fn key(&mut self, place: &Place<'_>, record: &Record<'_>) {
        let info = check_value(
            place.context,
            record.rdb_type,
            record.value,
            &mut self.scratch,
        );
        let info = match info {
            Ok(info) => info,
            Err(e) => {
                self.unsound += 1;
                self.note(e.shifted(record.value_offset()).with_key(&record.key));
                return;
            }
        };
        let bytes = place.bytes.len() as u64;
        self.tallies.key(place, record, &info);
        self.patterns
            .key(&record.key, bytes, record.expire_ms.is_some());
        if self.tallies.is_large(place.db, &record.key, bytes, &info) {
            self.tallies.large(Large {
                db: place.db,
                key: record.key.to_vec(),
                kind: info.kind,
                rdb_type: record.rdb_type,
                elements: info.elements,
                bytes,
                expire_ms: record.expire_ms,
            });
        }
    }
}

impl Worker for Counter {
    type Out = ();

    fn batch(&mut self, batch: &Batch) {
        let all = batch.frames(|place, frame| {
            match frame {
                Frame::Key(record) => self.key(place, &record),
                Frame::Aux { name, value } => self.tallies.aux(&name, &value),
                Frame::Function { code } => self.tallies.library(code.len() as u64),
                Frame::ModuleAux { .. } => self.tallies.module_aux += 1,
                _ => {}
            }
            Ok::<(), std::convert::Infallible>(())
        });
        match all {
            Ok(()) => self.scratch.shrink(),
            Err(never) => match never {},
        }
    }
}
