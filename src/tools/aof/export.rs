//! `forebay aof json`: a line of JSON for each key of a dump, each request and each annotation, in the order of the
//! log.
//!
//! ```text
//! {"db":0,"key":"user:1","type":"hash",...}                                  as `forebay rdb json` writes it
//! {"file":"appendonly.aof.3.incr.aof","offset":17,"db":0,"request":["SET","a","1"]}
//! {"file":"appendonly.aof.3.incr.aof","offset":0,"time_s":1795945707}
//! ```

use super::Failed;
use super::check::has_dump;
use super::log::{Log, Part};
use super::walk;
use crate::export::{self, Incomplete};
use crate::json_text::Json;
use crate::source::Source;
use crate::verdict::Verdict;
use aof::Seal;
use aof::judge::Event;
use aof::reader::Item;
use std::io::Write;

/// Lines are written when this many bytes of them are there.
const BUFFER: usize = 1 << 16;

/// What to export.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Leave the keys of dumps out.
    pub requests_only: bool,
    /// Threads for dumps, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// Exports a log to `out`, up to the first defect.
///
/// # Errors
/// A defect, or what cannot be read or written.
pub fn export(log: &Log, options: &Options, out: &mut (dyn Write + Send)) -> Result<(), Failed> {
    log.parts
        .iter()
        .try_for_each(|part| one(part, options, out))?;
    Ok(out.flush()?)
}

fn one(part: &Part, options: &Options, out: &mut (dyn Write + Send)) -> Result<(), Failed> {
    let source = part.open()?;
    let start = match has_dump(&source)? {
        false => 0,
        true => dump(&source, options, out)?,
    };
    let (mut json, mut db) = (Json::new(), 0);
    let walked = walk::walk(&source, start, options.progress, |passed| {
        json.object(|j| {
            j.name("file").text(&part.name);
            j.name("offset").int(passed.offset);
            match (passed.item, passed.event) {
                (Item::Request(request), _) => {
                    db = request.selects().unwrap_or(db);
                    j.name("db").int(db);
                    j.name("request")
                        .array(|j| request.args().for_each(|arg| j.bytes(arg)));
                }
                (Item::Annotation(_), Event::Time(seconds)) => j.name("time_s").int(seconds),
                (Item::Annotation(_), Event::Sealed(seal)) => {
                    j.name("seal").object(|j| sealed(&seal, j));
                }
                (Item::Annotation(line), Event::Nothing) => j.name("annotation").bytes(line),
            }
        });
        json.end_line();
        if json.as_bytes().len() >= BUFFER {
            out.write_all(json.as_bytes())?;
            json.truncate_line(0);
        }
        Ok(())
    })?;
    out.write_all(json.as_bytes())?;
    match walked.defect {
        None => Ok(()),
        Some(defect) => Err(Failed::Defect(format!("{}: {defect}", source.name()))),
    }
}

fn sealed(seal: &Seal, j: &mut Json) {
    j.name("id").bytes(&seal.id);
    j.name("offset").int(seal.offset);
    j.name("time_ms").int(seal.ms);
    j.name("bytes").int(seal.bytes);
}

/// Exports the dump at the start of a file. Returns its length.
fn dump(source: &Source, options: &Options, out: &mut (dyn Write + Send)) -> Result<u64, Failed> {
    let dump = export::Options {
        threads: options.threads,
        progress: options.progress,
        no_values: options.requests_only,
        ..export::Options::default()
    };
    let mut nowhere = std::io::sink();
    let out: &mut (dyn Write + Send) = match options.requests_only {
        true => &mut nowhere,
        false => out,
    };
    let defect = |why: String| Failed::Defect(format!("{}: {why}", source.name()));
    match export::export(source, &dump, out)? {
        Ok(()) => {}
        Err(Incomplete::Output(e)) => return Err(e.into()),
        Err(Incomplete::Defect(why, _)) => return Err(defect(why)),
    }
    source.rewind()?;
    match length(source)? {
        Ok(length) => Ok(length),
        Err(why) => Err(defect(why)),
    }
}

/// The length of the dump at the start of a file.
///
/// # Errors
/// The file cannot be read.
pub(super) fn length(source: &Source) -> Result<Result<u64, String>, Failed> {
    use crate::pipeline::{self, Batch, Worker};
    use crate::progress::Progress;
    use crate::verdict::verdict;

    struct Nothing;
    impl Worker for Nothing {
        type Out = ();
        fn batch(&mut self, _batch: &Batch) {}
    }
    let (scan, _) = pipeline::run(source, vec![Nothing], &mut Progress::silent(), |()| false);
    Ok(match verdict(&scan, source)? {
        Verdict::Whole => Ok(scan.bytes),
        Verdict::Defect(why) => Err(why),
    })
}
