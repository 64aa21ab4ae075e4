//! The arguments of `forebay aof`, and what its tools print.

use super::{Common, Failure, Form, tell};
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::PathBuf;
use tools::aof::log::Log;
use tools::aof::until::Until;
use tools::aof::{Failed, check, export, fix, restore, stat};
use tools::duplicates::HELD_MAX;
use tools::source::Trouble;
use tools::text;

#[derive(Debug, Subcommand)]
pub enum Aof {
    /// Check the manifest, dumps, requests, transactions and seals
    Check(CheckArgs),
    /// Show commands, databases, times and seals
    Stat(StatArgs),
    /// Write keys, requests and annotations as JSON, one line for each
    Json(JsonArgs),
    /// Cut off a torn end and save it to another file
    Fix(FixArgs),
    /// Copy a log as it was at a moment in the past
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A directory with a manifest, a manifest, or a single append-only file
    log: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct StatArgs {
    /// A directory with a manifest, a manifest, or a single append-only file
    log: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// Show no progress bar
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
pub struct JsonArgs {
    /// A directory with a manifest, a manifest, or a single append-only file
    log: PathBuf,
    /// Leave out the keys of dumps
    #[arg(long)]
    requests_only: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct FixArgs {
    /// A directory with a manifest, a manifest, or a single append-only file
    log: PathBuf,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Cut even if sound batches follow, which are then cut off as well
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The moment: a replication offset, @UNIX-SECONDS, or 'YYYY-MM-DD HH:MM:SS' in UTC
    #[arg(long, value_name = "OFFSET|TIME", value_parser = Until::parse)]
    until: Until,
    /// A directory with a manifest, a manifest, or a single append-only file
    #[arg(value_name = "DIR")]
    log: PathBuf,
    /// The copy, which must not exist yet
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    common: Common,
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Failure {
        match failed {
            Failed::Trouble(trouble) => trouble.into(),
            Failed::Output(error) => error.into(),
            Failed::Defect(why) => {
                tell(&why);
                Failure::Defects
            }
        }
    }
}

/// Runs one of the tools.
pub fn run(tool: &Aof) -> Result<(), Failure> {
    match tool {
        Aof::Check(args) => run_check(args),
        Aof::Stat(args) => run_stat(args),
        Aof::Json(args) => run_json(args),
        Aof::Fix(args) => run_fix(args),
        Aof::Restore(args) => run_restore(args),
    }
}

fn check_options(common: Common) -> check::Options {
    check::Options {
        dump: tools::check::Options {
            databases: 1 << 31,
            checksum: true,
            defects_max: 100,
            threads: common.threads(),
            keys_max: HELD_MAX,
            progress: !common.quiet,
        },
    }
}

fn run_check(args: &CheckArgs) -> Result<(), Failure> {
    let report = check::check(&Log::open(&args.log)?, &check_options(args.common))?;
    let mut out = io::stdout().lock();
    let printed = match args.format {
        Form::Text => check::print_text(&report, &mut out),
        Form::Json => check::print_json(&report, &mut out),
    };
    match (report.is_sound(), printed) {
        (false, _) => Err(Failure::Defects),
        (true, printed) => Ok(printed?),
    }
}

fn run_stat(args: &StatArgs) -> Result<(), Failure> {
    let report = stat::stat(&Log::open(&args.log)?, !args.quiet)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        Form::Text => stat::print_text(&report, &mut out)?,
        Form::Json => stat::print_json(&report, &mut out)?,
    }
    out.flush()?;
    match &report.defect {
        None => Ok(()),
        Some(defect) => Err(Failed::Defect(defect.clone()).into()),
    }
}

fn run_json(args: &JsonArgs) -> Result<(), Failure> {
    let options = export::Options {
        requests_only: args.requests_only,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    Ok(export::export(
        &Log::open(&args.log)?,
        &options,
        &mut io::stdout(),
    )?)
}

fn run_fix(args: &FixArgs) -> Result<(), Failure> {
    let log = Log::open(&args.log)?;
    let name = log.path.display();
    let Some(cut) = fix::plan(&log, &check_options(args.common))? else {
        writeln!(io::stdout(), "{name}: nothing is wrong")?;
        return Ok(());
    };
    let (file, size) = (cut.path.display(), cut.size);
    writeln!(io::stdout(), "{file}: {}", cut.why)?;
    if let (Some(at), false) = (cut.sound_after, args.force) {
        let what = "this is not a torn end";
        let why = format!(
            "{file}: {what}: the batch at byte {at} is sound (--force cuts it off as well)"
        );
        return Err(Failed::Defect(why).into());
    }
    let (keep, rest) = (cut.keep, text::plural(size - cut.keep, "byte"));
    writeln!(
        io::stdout(),
        "{rest} after byte {keep} will be cut off and set aside"
    )?;
    if !args.yes && !confirmed()? {
        return Err(Trouble("nothing was changed".into()).into());
    }
    let aside = fix::cut(&cut)?;
    writeln!(
        io::stdout(),
        "{file}: cut from {size} to {keep} bytes; the rest is {}",
        aside.display()
    )?;
    Ok(())
}

fn confirmed() -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    write!(out, "Continue? [y/N]: ")?;
    out.flush()?;
    let mut answer = String::new();
    let read = io::stdin().read_line(&mut answer);
    read.map_err(|e| Trouble(format!("cannot read the answer: {e}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}

fn run_restore(args: &RestoreArgs) -> Result<(), Failure> {
    let log = Log::open(&args.log)?;
    let place = restore::find(&log, args.until, &check_options(args.common))?;
    restore::write(&log, &place, &args.output)?;
    let (from, to) = (log.path.display(), args.output.display());
    let mut out = io::stdout().lock();
    write!(
        out,
        "{from} -> {to}: {}",
        text::plural(place.file as u64 + 1, "file")
    )?;
    if let Some(offset) = place.offset {
        write!(out, ", up to offset {offset}")?;
    }
    if let Some(ms) = place.ms {
        write!(out, ", up to {}", text::time(ms.div_euclid(1000)))?;
    }
    match place.is_cut {
        true => writeln!(out, "; what follows is left out")?,
        false => writeln!(out, "; the whole log")?,
    }
    Ok(())
}
