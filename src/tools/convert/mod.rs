//! `forebay rdb convert`: writes a dump in the form that another server reads.
//!
//! There are two passes. The first ([`survey`]) checks everything and counts keys, so that nothing is written for a
//! dump that is not sound, and `auto` can choose a version. The second ([`rewrite`]) writes. Data that the target
//! cannot hold is listed key by key; with `refuse`, there is then no output.

mod rewrite;
mod survey;

use super::output::Output;
use super::pipeline;
use super::progress::Progress;
use super::source::{Source, Trouble};
use super::text::{self, bytes, count, plural, printable};
use super::verdict::{Verdict, verdict};
use rdb::RdbVersion;
use rdb::target::{self, Loss, OnLoss, Target};
use rdb::writer::{Checksum, Writer};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// How to convert.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The server for which the dump is written.
    pub target: Target,
    /// What to do when the target cannot hold something.
    pub on_loss: OnLoss,
    /// Whether strings are packed where that gains.
    pub compress: bool,
    /// Whether the output may replace a file.
    pub force: bool,
    /// How many losses are listed.
    pub losses_max: usize,
    /// Threads, at least one.
    pub threads: usize,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// Something that the target cannot hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// Its offset in the input.
    pub offset: u64,
    /// Its database and key; `None` for what belongs to no key.
    pub key: Option<(u32, Vec<u8>)>,
    /// The kind of loss.
    pub loss: Loss,
}

/// What became of a conversion.
#[derive(Debug)]
pub struct Report {
    /// Version of the input.
    pub from: Option<RdbVersion>,
    /// Version of the output.
    pub to: RdbVersion,
    /// Keys written.
    pub keys: u64,
    /// Bytes read and written.
    pub bytes: (u64, u64),
    /// The first losses.
    pub losses: Vec<Lost>,
    /// All losses, by kind.
    pub counts: BTreeMap<String, (u64, bool)>,
    /// Whether there is an output.
    pub written: bool,
}

/// Converts `source` into `path`. `Ok(Err(..))`: the input is not sound, and why.
///
/// # Errors
/// When something cannot be read or written.
pub fn convert(
    source: &Source,
    path: &Path,
    options: &Options,
) -> Result<Result<Report, String>, Trouble> {
    source.require_file("convert")?;
    let output = Output::create(path, options.force, source)?;
    let bar = || Progress::new(source.name(), source.size(), options.progress);
    let key = text::hash_key();
    let workers = (0..options.threads)
        .map(|_| survey::Surveyor::new(key))
        .collect();
    let (scan, workers) = pipeline::run(source, workers, &mut bar(), |()| false);
    let survey = match survey::Survey::of(workers) {
        Ok(survey) => survey,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if let Verdict::Defect(why) = verdict(&scan, source)? {
        return Ok(Err(why));
    }
    let (version, form) = match options.target.version() {
        Some(version) => (version, options.target),
        None => target::auto(survey.types, survey.functions > 0),
    };
    source.rewind()?;
    let workers = (0..options.threads)
        .map(|_| rewrite::Rewriter::new(&survey, form, options.compress, key))
        .collect();
    let mut report = Report {
        from: scan.version,
        to: version,
        keys: 0,
        bytes: (scan.bytes, 0),
        losses: Vec::new(),
        counts: BTreeMap::new(),
        written: false,
    };
    let mut writer = Writer::new(output, version, Checksum::Computed)?;
    let (mut failed, mut unsound, mut lossy) = (None, None, false);
    let (again, _) = pipeline::run(source, workers, &mut bar(), |done: rewrite::Done| {
        report.keys += done.keys;
        unsound = unsound.take().or(done.unsound);
        for lost in done.losses {
            lossy |= lost.loss.is_data();
            let counted = report
                .counts
                .entry(lost.loss.to_string())
                .or_insert((0, lost.loss.is_data()));
            counted.0 += 1;
            if report.losses.len() < options.losses_max && lost.loss.is_data() {
                report.losses.push(lost);
            }
        }
        // Once the output is given up, only the losses count.
        if !(lossy && options.on_loss == OnLoss::Refuse) {
            failed = writer.raw(&done.bytes).err();
        }
        failed.is_some() || unsound.is_some()
    });
    if let Some(trouble) = failed {
        return Err(trouble);
    }
    let changed = source
        .change()
        .or((again.bytes != scan.bytes).then(|| "it changed".into()));
    if let Some(why) = unsound.or(changed) {
        return Err(Trouble(format!("cannot convert {}: {why}", source.name())));
    }
    if lossy && options.on_loss == OnLoss::Refuse {
        return Ok(Ok(report));
    }
    let (output, _) = writer.finish()?;
    output.commit()?;
    report.bytes.1 = std::fs::metadata(path).map_or(0, |m| m.len());
    report.written = true;
    Ok(Ok(report))
}

/// What a person wants to see.
///
/// # Errors
/// Those of `out`.
pub fn print(
    report: &Report,
    (source, path): (&Source, &Path),
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    for lost in &report.losses {
        match &lost.key {
            Some((db, key)) => writeln!(
                out,
                "lost: {} (db {db}, key \"{}\", at byte {})",
                lost.loss,
                printable(key, 128),
                lost.offset
            )?,
            None => writeln!(out, "lost: {} (at byte {})", lost.loss, lost.offset)?,
        }
    }
    let data: u64 = report.counts.values().filter(|c| c.1).map(|c| c.0).sum();
    if data > report.losses.len() as u64 {
        writeln!(
            out,
            "lost: ... and {} more",
            count(data - report.losses.len() as u64)
        )?;
    }
    for (what, (n, is_data)) in &report.counts {
        let kind = if *is_data { "lost" } else { "simplified" };
        writeln!(out, "{kind}: {what}, {}", plural(*n, "time"))?;
    }
    let from = report.from.map_or_else(String::new, |v| v.to_string());
    let target = options.target;
    if !report.written {
        return writeln!(
            out,
            "{}: not converted, {target} cannot hold everything (--on-loss report leaves the rest out)",
            source.name()
        );
    }
    writeln!(
        out,
        "{} ({from}, {}) -> {} ({}, for {target}, {}): {}",
        source.name(),
        bytes(report.bytes.0),
        path.display(),
        report.to,
        bytes(report.bytes.1),
        plural(report.keys, "key")
    )
}
