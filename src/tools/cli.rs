//! The `forebay` command line.
//!
//! Exit codes: 0 all is well; 1 the dump has defects, the dumps differ, or data would be lost; 2 the command line is
//! wrong, or something could not be read or written. A reader that goes away (`| head`) ends a tool quietly.

use super::check;
use super::duplicates::HELD_MAX;
use super::source::{Source, Trouble};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tools for dumps of Redis, Valkey and Forebay.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    topic: Topic,
}

#[derive(Debug, Subcommand)]
enum Topic {
    /// Look into RDB files, repair, compare and convert them
    #[command(subcommand)]
    Rdb(Box<Rdb>),
}

#[derive(Debug, Subcommand)]
enum Rdb {
    /// Check structure, values, duplicate keys and checksum
    Check(CheckArgs),
}

/// What all that read a dump take.
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
    /// Dumps; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to tell
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// Databases that the server would have: keys of others are defects
    #[arg(long, value_name = "N", default_value_t = i32::MAX as u32)]
    databases: u32,
    /// Do not count a wrong checksum as a defect
    #[arg(long)]
    no_checksum: bool,
    /// Defects to list
    #[arg(long, value_name = "N", default_value_t = 100)]
    defects_max: usize,
    #[command(flatten)]
    common: Common,
}

/// How a tool ended, other than well.
#[derive(Debug)]
pub enum Failure {
    /// Something is wrong with the data; told already. Exit code 1.
    Defects,
    /// Exit code 2.
    Trouble(Trouble),
    /// Whoever read the output went away.
    Closed,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Failure::Trouble(trouble)
    }
}

/// Errors of stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed,
            _ => Failure::Trouble(Trouble(format!("cannot write the output: {error}"))),
        }
    }
}

/// Runs the command of this process.
pub fn run() -> ExitCode {
    let result = match Cli::parse().topic {
        Topic::Rdb(tool) => match *tool {
            Rdb::Check(args) => run_check(&args),
        },
    };
    match result {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Defects) => ExitCode::from(1),
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
            // The exit code still tells.
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
