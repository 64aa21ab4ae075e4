//! Loads a dump, from a file or a socket, into new databases beside those that are served, until it is complete.
//!
//! ```text
//! source -> windows -> scan, checksum, hash  --lists per hash range-->  check, convert, insert
//!            (8 MB)     (the calling thread)                            (loader threads, and it too)
//! ```
//!
//!  * Nothing that is being served is touched: the caller swaps the result in when it is complete.
//!  * Apart from the new dataset, memory is a fixed number of windows and the size of one record.
//!  * The first defect by offset is reported, whichever thread found it.

mod check;
mod insert;
mod list;
pub mod salvage;
mod scan;

pub use check::check;
pub use flow::load::{CheckOptions, HeatPolicy, LoadError, LoadOptions, LoadProgress, Loaded};

use std::io::Read;

/// Loads one dump from `source`. Returns the dataset, what was read beyond the dump's end, and the source.
///
/// # Errors
/// The first defect by offset; nothing of the dataset is kept.
pub fn load<R: Read>(
    source: R,
    options: &LoadOptions,
    progress: &LoadProgress,
) -> Result<(Loaded, Vec<u8>, R), LoadError> {
    scan::load(source, options, progress)
}
