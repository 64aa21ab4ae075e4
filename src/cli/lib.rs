//! The `forebay` command line.
//!
//! Exit codes: 0 all is well; 1 the dump has defects, the dumps differ, or data would be lost; 2 the command line is
//! wrong, or something could not be read or written. If the reader of the output closes it (`| head`), a tool ends
//! quietly.

#![forbid(unsafe_code)]

mod aof;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use keyspace::digest::Manner;
use rdb::target::{OnLoss, Target};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use sync_bench::args::SyncBenchArgs;
use sync_bench::process::Stop;
use sync_bench::sync_log;
use tools::connect::TlsArgs;
use tools::diff::{self, Failed, Side};
use tools::duplicates::HELD_MAX;
use tools::export::{self, Incomplete};
use tools::output::Output;
use tools::salvage::{self, Hopeless};
use tools::source::{Source, Trouble};
use tools::{check, convert, digest, stat};

/// Tools for dumps and append-only files of Redis, Valkey and Forebay.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    topic: Topic,
}

#[derive(Debug, Subcommand)]
enum Topic {
    /// Inspect, repair, compare and convert RDB files
    #[command(subcommand)]
    Rdb(Box<Rdb>),
    /// Inspect and repair append-only files, and restore earlier states
    #[command(subcommand)]
    Aof(Box<aof::Aof>),
    /// Merge the logs of a master and its replica, and show the phases of their full syncs
    SyncLog(SyncLogArgs),
    /// Measure full syncs between servers that are started for it, and say which way is fastest and why
    SyncBench(Box<SyncBenchArgs>),
}

#[derive(Debug, Subcommand)]
enum Rdb {
    /// Check structure, values, duplicate keys and checksum
    Check(CheckArgs),
    /// Show types, encodings, expiries, sizes, prefixes and the largest keys
    Stat(StatArgs),
    /// Write keys and values as JSON, one line for each key
    Json(JsonArgs),
    /// Print what DEBUG DIGEST returns on a server that has loaded the dump
    Digest(DigestArgs),
    /// Write a dump that another server can load
    Convert(ConvertArgs),
    /// Save the sound parts of a damaged dump as a dump that servers can load
    Salvage(SalvageArgs),
    /// Compare two dumps, or a dump and a live server, key by key
    Diff(Box<DiffArgs>),
}

/// The arguments of all tools that read a dump.
#[derive(Debug, Clone, Copy, Args)]
pub struct Common {
    /// Threads [default: one per processor, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    threads: Option<u16>,
    /// Show no progress bar
    #[arg(long, short)]
    quiet: bool,
}

impl Common {
    fn threads(self) -> usize {
        let there = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
        self.threads.map_or(there, usize::from)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Dumps; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// How many databases the server would have; keys in other databases are defects
    #[arg(long, value_name = "N", default_value_t = 1 << 31)]
    databases: u32,
    /// Do not count a wrong checksum as a defect
    #[arg(long)]
    no_checksum: bool,
    /// How many defects to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    defects_max: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatForm {
    Text,
    Json,
    Html,
}

#[derive(Debug, Args)]
struct StatArgs {
    /// The dump; `-` is standard input
    file: PathBuf,
    /// Output format; html is a self-contained page
    #[arg(long, value_enum, default_value = "text")]
    format: StatForm,
    /// The byte that separates the parts of a key
    #[arg(long, value_name = "CHAR", default_value = ":")]
    separator: String,
    /// How many of the largest keys to list
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct JsonArgs {
    /// The dump; `-` is standard input
    file: PathBuf,
    /// Read only this database (may be given several times)
    #[arg(long, value_name = "N")]
    db: Vec<u32>,
    /// Read only keys that match this glob-style pattern, as in KEYS (may be given several times)
    #[arg(long, value_name = "GLOB")]
    key: Vec<String>,
    /// Read only this type, as TYPE names it (may be given several times)
    #[arg(long = "type", value_name = "TYPE",
          value_parser = ["string", "list", "set", "zset", "hash", "stream", "array", "module"])]
    types: Vec<String>,
    /// Leave the values out
    #[arg(long)]
    no_values: bool,
    /// Also write auxiliary fields, functions and the like
    #[arg(long)]
    meta: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LikeArg {
    /// Redis up to 7.0: scores with 17 digits
    #[value(name = "redis-7.0")]
    Redis70,
    /// Redis 7.2 and later: scores as ZSCORE shows them
    #[value(name = "redis-7.2")]
    Redis72,
    /// Valkey: as Redis 7.2, without expiries of hash fields
    Valkey,
}

#[derive(Debug, Args)]
struct DigestArgs {
    /// Dumps; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server whose DEBUG DIGEST is computed
    #[arg(long, value_enum, default_value = "redis-7.0")]
    like: LikeArg,
    /// Include expired keys, which a server drops when it loads the dump
    #[arg(long)]
    keep_expired: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LossArg {
    /// Write nothing if anything would be lost
    Refuse,
    /// Write what the target can hold, and list the rest
    Report,
}

#[derive(Debug, Args)]
struct ConvertArgs {
    /// The server that is to read it: auto (the lowest version that can hold the data), redis-6.2, redis-7.0,
    /// redis-7.2, redis-7.4, redis-8, redis-8.6, redis-8.8, valkey-8, valkey-9
    #[arg(long, value_name = "TARGET", value_parser = parse_target)]
    target: Target,
    /// What to do if the target cannot hold something
    #[arg(long, value_enum, default_value = "refuse")]
    on_loss: LossArg,
    /// Do not compress strings that compression makes smaller
    #[arg(long)]
    no_compression: bool,
    /// How many losses to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    losses_max: usize,
    /// Replace OUT if it exists
    #[arg(long)]
    force: bool,
    /// The dump
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct SalvageArgs {
    /// Treat frames that claim to be larger than this as damaged
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 30)]
    frame_max: u64,
    /// Replace OUT if it exists
    #[arg(long)]
    force: bool,
    /// The dump
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Show no progress bar
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Args)]
struct DiffArgs {
    #[arg(value_name = "A", help = "A dump, or redis://[user[:password]@]host[:port] (rediss:// for TLS)", value_parser = Side::parse)]
    a: Side,
    /// The other dump or server, in the same form
    #[arg(value_name = "B", value_parser = Side::parse)]
    b: Side,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// Do not compare expiries of keys
    #[arg(long)]
    ignore_expiry: bool,
    /// Read a server's data with a full sync: it shows a single moment, but the server has to take a snapshot
    #[arg(long)]
    sync: bool,
    /// How many parts of each value to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    parts_max: usize,
    /// Print the counts only
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    tls: TlsArgs,
}

#[derive(Debug, Args)]
struct SyncLogArgs {
    /// The master's log
    #[arg(value_name = "MASTER.log")]
    master: PathBuf,
    /// The replica's log
    #[arg(value_name = "REPLICA.log")]
    replica: PathBuf,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Also show the lines outside of full syncs
    #[arg(long)]
    all: bool,
    /// The replica as the master's log names it, if the logs alone do not identify it
    #[arg(long = "replica", value_name = "HOST:PORT")]
    label: Option<String>,
    /// Width of the output in characters [default: that of the terminal, or 160]
    #[arg(long, value_name = "N")]
    width: Option<usize>,
}

fn parse_target(name: &str) -> Result<Target, String> {
    Target::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Target::ALL.iter().map(|(n, _)| *n).collect();
        format!("the targets are {}", names.join(", "))
    })
}

/// How a tool that did not succeed has ended.
#[derive(Debug)]
pub enum Failure {
    /// Something is wrong with the data and has been reported. Exit code 1.
    Defects,
    /// The command line is wrong, or something could not be read or written. Exit code 2.
    Trouble(Trouble),
    /// The reader of the output has closed it.
    Closed,
    /// A signal ended it. The exit code is 128 plus its number, as in shells.
    Signal(i32),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Failure::Trouble(trouble)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Trouble(trouble) => Failure::Trouble(trouble),
            Stop::Signal(signal) => Failure::Signal(signal),
        }
    }
}

/// Errors of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Trouble(Trouble(format!("cannot write the output: {error}"))),
        }
    }
}

/// The command line as it is declared, for who describes it: completions of shells and pages of the manual.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let result = match Cli::parse().topic {
        Topic::Rdb(tool) => match *tool {
            Rdb::Check(args) => run_check(&args),
            Rdb::Stat(args) => run_stat(&args),
            Rdb::Json(args) => run_json(&args),
            Rdb::Digest(args) => run_digest(&args),
            Rdb::Convert(args) => run_convert(&args),
            Rdb::Salvage(args) => run_salvage(&args),
            Rdb::Diff(args) => run_diff(&args),
        },
        Topic::Aof(tool) => aof::run(&tool),
        Topic::SyncLog(args) => run_sync_log(&args),
        Topic::SyncBench(args) => run_sync_bench(*args),
    };
    match result {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Defects) => ExitCode::from(1),
        Err(Failure::Signal(signal)) => {
            tell(&"interrupted");
            ExitCode::from(128_u8.saturating_add(signal as u8))
        }
        Err(Failure::Trouble(trouble)) => {
            tell(&trouble);
            ExitCode::from(2)
        }
    }
}

/// A message for the user, on stderr.
fn tell(what: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "forebay: {what}");
}

fn run_check(args: &CheckArgs) -> Result<(), Failure> {
    let options = check::Options {
        databases: args.databases,
        checksum: !args.no_checksum,
        defects_max: args.defects_max,
        threads: args.common.threads(),
        keys_max: HELD_MAX,
        progress: !args.common.quiet,
    };
    // A file that cannot be read does not keep the others from being checked.
    let (mut defects, mut unread, mut closed) = (false, false, false);
    for path in &args.files {
        let report = Source::open(path).and_then(|source| check::check(&source, &options));
        let report = match report {
            Ok(report) => report,
            Err(trouble) => {
                tell(&trouble);
                unread = true;
                continue;
            }
        };
        defects |= !report.is_sound();
        let mut out = io::stdout().lock();
        let printed = match args.format {
            Form::Text => check::print_text(&report, &mut out),
            Form::Json => check::print_json(&report, &mut out),
        };
        match printed.and_then(|()| out.flush()).map_err(Failure::from) {
            // The exit code still shows the result.
            Err(Failure::Closed) => closed = true,
            other => other?,
        }
    }
    match (unread, defects) {
        (true, _) => Err(Failure::Trouble(Trouble(
            "not all files could be read".into(),
        ))),
        (false, true) => Err(Failure::Defects),
        (false, false) if closed => Err(Failure::Closed),
        (false, false) => Ok(()),
    }
}

fn run_stat(args: &StatArgs) -> Result<(), Failure> {
    let &[separator] = args.separator.as_bytes() else {
        return Err(Trouble("--separator takes one byte".into()).into());
    };
    let options = stat::Options {
        separator,
        largest: args.top,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    let report = stat::stat(&Source::open(&args.file)?, &options)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.format {
        StatForm::Text => stat::text::print(&report, &mut out)?,
        StatForm::Json => stat::json::print(&report, &mut out)?,
        StatForm::Html => stat::html::print(&report, &mut out)?,
    }
    out.flush()?;
    match &report.defect {
        None => Ok(()),
        Some(defect) => {
            tell(&format!("{}: {defect}", report.name));
            Err(Failure::Defects)
        }
    }
}

fn run_json(args: &JsonArgs) -> Result<(), Failure> {
    let options = export::Options {
        dbs: args.db.clone(),
        keys: args.key.iter().map(|k| k.clone().into_bytes()).collect(),
        types: args.types.clone(),
        no_values: args.no_values,
        meta: args.meta,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    let source = Source::open(&args.file)?;
    match export::export(&source, &options, &mut io::stdout())? {
        Ok(()) => Ok(()),
        Err(Incomplete::Output(e)) => Err(e.into()),
        Err(Incomplete::Defect(why, skipped)) => {
            tell(&format!("{}: {why}", source.name()));
            if skipped > 0 {
                tell(&format!(
                    "values left out because they are not sound: {skipped}"
                ));
            }
            Err(Failure::Defects)
        }
    }
}

fn run_digest(args: &DigestArgs) -> Result<(), Failure> {
    let options = digest::Options {
        manner: match args.like {
            LikeArg::Redis70 => Manner::REDIS_7_0,
            LikeArg::Redis72 => Manner::REDIS_7_2,
            LikeArg::Valkey => Manner::VALKEY,
        },
        keep_expired: args.keep_expired,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    let mut defects = false;
    for path in &args.files {
        let source = Source::open(path)?;
        match digest::digest(&source, &options)? {
            Ok(hex) => writeln!(io::stdout(), "{hex}  {}", source.name())?,
            Err(why) => {
                tell(&format!("{}: {why}", source.name()));
                defects = true;
            }
        }
    }
    match defects {
        true => Err(Failure::Defects),
        false => Ok(()),
    }
}

fn run_convert(args: &ConvertArgs) -> Result<(), Failure> {
    let options = convert::Options {
        target: args.target,
        on_loss: match args.on_loss {
            LossArg::Refuse => OnLoss::Refuse,
            LossArg::Report => OnLoss::Report,
        },
        compress: !args.no_compression,
        force: args.force,
        losses_max: args.losses_max,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    let source = Source::open(&args.input)?;
    match convert::convert(&source, &args.output, &options)? {
        Ok(report) => {
            let mut out = io::stdout().lock();
            let printed = convert::print(&report, (&source, &args.output), &options, &mut out);
            // The exit code is about the dump, whether or not the output was read.
            match (report.written, printed) {
                (false, _) => Err(Failure::Defects),
                (true, printed) => Ok(printed?),
            }
        }
        Err(why) => {
            tell(&format!(
                "{}: {why} (nothing written; `forebay rdb salvage` keeps what is sound)",
                source.name()
            ));
            Err(Failure::Defects)
        }
    }
}

fn run_salvage(args: &SalvageArgs) -> Result<(), Failure> {
    let options = salvage::Options {
        frame_max: args.frame_max,
        progress: !args.quiet,
    };
    let source = Source::open(&args.input)?;
    source.require_file("salvage")?;
    let output = Output::create(&args.output, args.force, &source)?;
    let plan = match salvage::plan(&source, &options) {
        Ok(plan) => plan,
        Err(Hopeless::Trouble(trouble)) => return Err(trouble.into()),
        Err(Hopeless::Header(e)) => {
            tell(&format!("{}: {e} (nothing written)", source.name()));
            return Err(Failure::Defects);
        }
    };
    let (written, wrong) = salvage::write(&source, &plan, output)?;
    if wrong {
        let what =
            "the checksum was wrong though every value makes sense: some value may be damaged";
        tell(&format!("{}: {what}", source.name()));
    }
    let mut out = io::stdout().lock();
    let printed = salvage::print(&plan, (&source, &args.output, written), &mut out);
    match (plan.is_whole() && !wrong, printed) {
        (false, _) => Err(Failure::Defects),
        (true, printed) => Ok(printed?),
    }
}

fn run_diff(args: &DiffArgs) -> Result<(), Failure> {
    let options = diff::Options {
        tls: args.tls.clone(),
        ignore_expiry: args.ignore_expiry,
        sync: args.sync,
        form: match args.format {
            Form::Text => diff::Form::Text,
            Form::Json => diff::Form::Json,
        },
        parts_max: args.parts_max,
        summary: args.summary,
        threads: args.common.threads(),
        progress: !args.common.quiet,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match diff::diff(&args.a, &args.b, &options, &mut out) {
        Ok(counts) if counts.is_equal() => Ok(()),
        Ok(_) => Err(Failure::Defects),
        Err(Failed::Output(e)) => Err(e.into()),
        // As diff(1): 1 is "they differ", everything else is trouble.
        Err(Failed::Defect(why)) => Err(Trouble(format!("cannot compare: {why}")).into()),
        Err(Failed::Trouble(trouble)) => Err(trouble.into()),
    }
}

fn run_sync_log(args: &SyncLogArgs) -> Result<(), Failure> {
    let (master, replica) = (
        sync_log::Log::read(&args.master)?,
        sync_log::Log::read(&args.replica)?,
    );
    let merged = sync_log::merge(master, replica, args.label.as_deref())?;
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let shape = sync_log::show::Shape {
        width: args.width.or_else(columns).unwrap_or(160),
        all: args.all,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.json {
        true => sync_log::show::json(&merged, shape, &mut out)?,
        false => sync_log::show::text(&merged, shape, &mut out)?,
    }
    Ok(out.flush()?)
}

fn run_sync_bench(args: SyncBenchArgs) -> Result<(), Failure> {
    let options = args.options()?;
    let report = sync_bench::run(&options)?;
    if let Some(path) = &options.json {
        sync_bench::write_file(path, &sync_bench::json::document(&report))?;
    }
    if let Some(path) = &options.csv {
        sync_bench::write_file(path, sync_bench::csv::document(&report).as_bytes())?;
    }
    if let Some(path) = &options.html {
        let mut page = Vec::new();
        sync_bench::html::print(&report, tools::text::now_ms() / 1000, &mut page)?;
        sync_bench::write_file(path, &page)?;
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    sync_bench::text::print(&report, &mut out)?;
    Ok(out.flush()?)
}
