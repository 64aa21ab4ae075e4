//! `forebay sync-bench`: how long full syncs take, in which phases, and what they cost; for Forebay and for real
//! servers.
//!
//! ```text
//! args -> plan: cells x repetitions, interleaved -> started: a master per pair, a fresh replica per sync | attach
//!      -> sync: one measurement (throttle: the link; load: clients; usage: /proc; sources: INFO reports and logs)
//!      -> figures -> verdict -> text | json | csv | html
//! ```
//!
//!  * No process and no directory outlives a run, however it ends ([`process`], [`interrupt`]).
//!  * A server that was not started here is left running, and is only told to replicate ([`server`]).
//!  * The total time of a sync is measured from outside, in the same way for every server; phases are what the servers
//!    report themselves.

pub mod args;
pub mod attach;
pub mod client;
pub mod csv;
pub mod figures;
pub mod fill;
pub mod html;
pub mod interrupt;
pub mod json;
pub mod load;
pub mod machine;
pub mod picture;
pub mod plan;
pub mod process;
pub mod server;
pub mod sources;
pub mod started;
pub mod status;
pub mod sync;
pub mod sync_log;
pub mod text;
pub mod throttle;
pub mod usage;
pub mod verdict;

use args::{Options, What};
use figures::Summary;
use plan::{Cell, Servers};
use process::Stop;
use std::path::Path;
use sync::Measured;
use tools::source::Trouble;

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// The servers that took part.
    pub servers: Vec<Servers>,
    /// What was measured.
    pub cells: Vec<Cell>,
    /// The measurements of each cell, in their order.
    pub runs: Vec<Vec<Measured>>,
    /// The figures of each cell.
    pub summaries: Vec<Summary>,
    /// In words.
    pub verdicts: Vec<String>,
    /// The data, in words.
    pub data: String,
    /// What the reader must know.
    pub notes: Vec<String>,
    /// The machine, in words.
    pub machine: String,
    /// Reads a second of the client whose latency was measured.
    pub probe_rate: u32,
}

/// Measures what the options say.
///
/// # Errors
/// What went wrong, or the signal that ended it. Everything that was started has been removed then.
pub fn run(options: &Options) -> Result<Report, Stop> {
    interrupt::catch_signals();
    match &options.what {
        What::Started(servers) => started::run(options, servers),
        What::Attached(master, replica) => attach::run(options, master, replica),
    }
}

fn report(
    servers: Vec<Servers>,
    cells: Vec<Cell>,
    runs: Vec<Vec<Measured>>,
    data: String,
    notes: Vec<String>,
    options: &Options,
) -> Report {
    let summaries: Vec<Summary> = cells
        .iter()
        .zip(&runs)
        .filter_map(|(cell, runs)| Summary::of(*cell, runs))
        .collect();
    Report {
        verdicts: verdict::verdicts(&summaries, &servers),
        servers,
        cells,
        runs,
        summaries,
        data,
        notes,
        machine: machine::words(),
        probe_rate: options.probe_rate,
    }
}

/// Writes a report's file.
///
/// # Errors
/// It cannot be written.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    std::fs::write(path, bytes).map_err(|e| Trouble::io("write", path, &e))
}
