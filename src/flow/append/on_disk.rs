//! What the disk says about the files of a log: what is not there is told from what cannot be looked at.

use aof::{Manifest, names};
use disk::{Disk, if_there, read_all, strerror};
use std::io;
use std::path::Path;

/// The manifest in the directory of a log; `None` only if there is none. Whoever took a manifest that cannot be read for
/// a missing one would begin a new log in the place of the one that it describes.
///
/// # Errors
/// It cannot be read, or no server would start with it.
pub fn manifest(
    disk: &impl Disk,
    directory: &Path,
    filename: &str,
) -> Result<Option<Manifest>, String> {
    let path = directory.join(names::manifest(filename));
    let read = if_there(read_all(disk, &path)).map_err(|e| {
        let why = strerror(&e);
        match e.kind() {
            io::ErrorKind::NotADirectory => {
                let name = directory.file_name().unwrap_or_default().display();
                format!("Can't open or create append-only dir {name}: {why}")
            }
            _ => format!(
                "Fatal error: can't open the AOF manifest file {} for reading: {why}",
                path.display()
            ),
        }
    })?;
    let parsed = read.map(|bytes| Manifest::parse(&bytes)).transpose();
    parsed.map_err(|e| format!("*** FATAL AOF MANIFEST FILE ERROR *** {e}"))
}

/// Whether a file of a log is there.
///
/// # Errors
/// The disk does not tell.
pub fn is_there(disk: &impl Disk, path: &Path) -> Result<bool, String> {
    disk.is_file(path).map_err(|e| {
        let name = path.file_name().unwrap_or(path.as_os_str()).display();
        let why = strerror(&e);
        format!("Fatal error: can't tell whether the append log file {name} is there: {why}")
    })
}

/// The text for a file of a log that is there and cannot be read.
pub fn cannot_open(path: &Path, error: &io::Error) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    let why = strerror(error);
    format!("Fatal error: can't open the append log file {name} for reading: {why}")
}
