//! A dump that a tool writes: to a temporary file beside its place, which it takes when it is whole and on disk.
//!
//!  * Nothing is overwritten without `--force`, not even what appears meanwhile; the input never.
//!  * After any failure what stood there before stands there still, and the temporary file is gone.

use super::source::{Source, Trouble};
use crate::rdb::writer::Sink;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes that are written at once.
const BUFFER: usize = 1 << 20;

/// A file in the making.
#[derive(Debug)]
pub struct Output {
    temp: BufWriter<NamedTempFile>,
    path: PathBuf,
    force: bool,
}

impl Output {
    /// Prepares to write `path`.
    ///
    /// # Errors
    /// `path` is the input, a directory, or there already and not to be overwritten; its directory takes no file.
    pub fn create(path: &Path, force: bool, input: &Source) -> Result<Output, Trouble> {
        if let Ok(there) = fs::metadata(path) {
            let of_input = input.file().and_then(|f| f.metadata().ok());
            if of_input.is_some_and(|i| (i.dev(), i.ino()) == (there.dev(), there.ino())) {
                return Err(Trouble(format!(
                    "{} is the input: write to another file",
                    path.display()
                )));
            }
            if there.is_dir() {
                return Err(Trouble(format!(
                    "cannot write {}: it is a directory",
                    path.display()
                )));
            }
        }
        if !force && fs::symlink_metadata(path).is_ok() {
            return Err(Trouble(format!(
                "{} is there already (--force overwrites it)",
                path.display()
            )));
        }
        let temp = tempfile::Builder::new()
            .prefix(".forebay-")
            .suffix(".rdb")
            .permissions(fs::Permissions::from_mode(0o644))
            .tempfile_in(directory_of(path))
            .map_err(|e| Trouble::io("write into", directory_of(path), &e))?;
        Ok(Output {
            temp: BufWriter::with_capacity(BUFFER, temp),
            path: path.to_owned(),
            force,
        })
    }

    /// Makes the file durable and puts it in its place.
    ///
    /// # Errors
    /// The disk's; something has appeared in that place.
    pub fn commit(self) -> Result<(), Trouble> {
        let fail = |e: &io::Error| Trouble::io("write", &self.path, e);
        let temp = self.temp.into_inner().map_err(|e| fail(e.error()))?;
        temp.as_file().sync_all().map_err(|e| fail(&e))?;
        let done = match self.force {
            true => temp.persist(&self.path),
            false => temp.persist_noclobber(&self.path),
        };
        done.map_err(|e| fail(&e.error))?;
        let directory = directory_of(&self.path);
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(|e| Trouble::io("sync", directory, &e))
    }
}

impl Sink for Output {
    type Error = Trouble;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let result = self.temp.write_all(bytes);
        result.map_err(|e| Trouble::io("write", &self.path, &e))
    }
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}
