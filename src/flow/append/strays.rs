//! Files of a log that no manifest describes, or that the manifest does not name.
//!
//! A server that begins a log in a directory without a manifest would write its first base over a base of the same
//! number, and its next start would remove what the new manifest does not name. But these files may be all that is left
//! of a dataset whose manifest was deleted, or was not copied with them. So they get other names, under which nothing
//! touches them.
//!
//! Files beside a manifest that does not name them are mostly left from a process that was killed in the midst of a
//! rewrite, but the manifest may also be an older one, or have been changed by hand. They get other names, too.

use aof::{names, seal};
use disk::{Disk, DiskFile, strerror};
use std::io::{self, Read};
use std::path::Path;

/// Renames all files in the directory that have names of this log, except empty ones. Returns the former and the new
/// names. There must be no manifest.
///
/// # Errors
/// The disk's, as a text for the log of the server.
pub fn set_aside(
    disk: &impl Disk,
    directory: &Path,
    filename: &str,
) -> Result<Vec<(String, String)>, String> {
    let failed = |e: io::Error| {
        let (directory, why) = (directory.display(), strerror(&e));
        format!("Files in {directory} that no manifest names could not be set aside: {why}")
    };
    let names = disk.list(directory).map_err(failed)?;
    let mut names: Vec<String> = names
        .into_iter()
        .filter_map(|n| n.into_string().ok())
        .collect();
    names.retain(|name| names::is_log_file(filename, name));
    names.sort();
    let mut moved = Vec::new();
    for name in names {
        let path = directory.join(&name);
        let size = disk.open(&path).and_then(|file| file.size());
        if size.map_err(failed)? == 0 {
            continue;
        }
        let other = rename(disk, &path, &name).map_err(failed)?;
        moved.push((name, other));
    }
    if !moved.is_empty() {
        disk.sync_directory(directory).map_err(failed)?;
    }
    Ok(moved)
}

/// True for a file without a request or a dataset: it is empty, or has no more than the seal of its beginning.
///
/// # Errors
/// The disk's.
pub(super) fn holds_nothing(disk: &impl Disk, path: &Path) -> io::Result<bool> {
    const SEAL_MAX: u64 = 512;
    let mut file = disk.open(path)?;
    if file.size()? > SEAL_MAX {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Ok(bytes.is_empty() || (line.starts_with(seal::MARK) && !line.contains(&b'\n')))
}

/// Gives the file a name that no other file has.
///
/// # Errors
/// The disk's.
pub(super) fn rename(disk: &impl Disk, path: &Path, name: &str) -> io::Result<String> {
    let mut number = 1u32;
    loop {
        let other = format!("{name}.no-manifest-{number}");
        match disk.rename_new(path, &path.with_file_name(&other)) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            renamed => return renamed.map(|()| other),
        }
    }
}
