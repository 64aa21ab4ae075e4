//! A dump that a tool writes: to a temporary file beside its place, which is renamed when it is complete and on disk.
//!
//!  * Nothing is overwritten without `--force`, not even a file that appears in the meantime; the input never is.
//!  * After any failure the previous file is still there, and the temporary file is removed.
//!  * Only a regular file is replaced. A symbolic link stays, and the file that it points to is replaced. A pipe or a
//!    device stays, and the bytes are written into it when they are complete. Directories and sockets are refused.

use super::source::{Source, Trouble};
use disk::{Aside, Machine, directory_of};
use rdb::writer::Sink;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 20;

/// A file in the making.
#[derive(Debug)]
pub struct Output {
    temp: BufWriter<Aside<Machine>>,
    path: PathBuf,
    place: Place,
}

/// What is done with the complete bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Their file takes the name, which is free.
    Free,
    /// Their file takes the place of another.
    Taken,
    /// They are written into the existing pipe or device.
    Stream,
}

/// Which kind of output `path` would be, and the path of the file that it would replace.
fn place_of(path: &Path, force: bool, input: &Source) -> Result<(Place, PathBuf), Trouble> {
    let cannot = |why: &str| Trouble(format!("cannot write {}: {why}", path.display()));
    let there = match fs::metadata(path) {
        Ok(there) => there,
        Err(_) if fs::symlink_metadata(path).is_ok() => {
            return Err(cannot("it is a symbolic link to what is not there"));
        }
        Err(_) => return Ok((Place::Free, path.to_owned())),
    };
    let of_input = input.file().and_then(|f| f.metadata().ok());
    if of_input.is_some_and(|i| (i.dev(), i.ino()) == (there.dev(), there.ino())) {
        return Err(Trouble(format!(
            "{} is the input: write to another file",
            path.display()
        )));
    }
    let kind = there.file_type();
    if kind.is_dir() {
        return Err(cannot("it is a directory"));
    }
    if kind.is_socket() {
        return Err(cannot("it is a socket"));
    }
    // Output to a pipe or a terminal overwrites nothing.
    if kind.is_fifo() || kind.is_char_device() {
        return Ok((Place::Stream, path.to_owned()));
    }
    if !force {
        return Err(Trouble(format!(
            "{} is there already (--force overwrites it)",
            path.display()
        )));
    }
    if kind.is_block_device() {
        return Ok((Place::Stream, path.to_owned()));
    }
    let named = fs::canonicalize(path).map_err(|e| Trouble::io("write", path, &e))?;
    Ok((Place::Taken, named))
}

impl Output {
    /// Prepares to write `path`.
    ///
    /// # Errors
    /// `path` is the input, what cannot be written, or there already and not to be overwritten; its directory takes
    /// no file.
    pub fn create(path: &Path, force: bool, input: &Source) -> Result<Output, Trouble> {
        let (place, path) = place_of(path, force, input)?;
        let spool = std::env::temp_dir();
        let directory = match place {
            Place::Stream => &spool,
            Place::Free | Place::Taken => directory_of(&path),
        };
        let temp = Aside::create_in(&Machine, directory, (".forebay-", ".rdb"), 0o644)
            .map_err(|e| Trouble::io("write into", directory, &e))?;
        Ok(Output {
            temp: BufWriter::with_capacity(BUFFER, temp),
            path,
            place,
        })
    }

    /// Makes the file durable and puts it in its place.
    ///
    /// # Errors
    /// The disk's; something has appeared in that place.
    pub fn commit(self) -> Result<(), Trouble> {
        let fail = |e: &io::Error| Trouble::io("write", &self.path, e);
        let mut temp = self.temp.into_inner().map_err(|e| fail(e.error()))?;
        if self.place == Place::Stream {
            return pour(temp.file_mut(), &self.path).map_err(|e| fail(&e));
        }
        let synced = temp.sync().map_err(|e| fail(&e))?;
        let placed = match self.place {
            Place::Taken => synced.place(&self.path),
            Place::Free | Place::Stream => synced.place_new(&self.path),
        };
        let durable = placed.map_err(|e| fail(&e))?.sync_directory();
        durable.map_err(|e| Trouble::io("sync", directory_of(&self.path), &e))?;
        Ok(())
    }
}

impl Sink for Output {
    type Error = Trouble;

    fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let result = self.temp.write_all(bytes);
        result.map_err(|e| Trouble::io("write", &self.path, &e))
    }
}

/// Writes a complete file into the pipe or device at `path`. A pipe waits for its reader.
fn pour(from: &mut File, path: &Path) -> io::Result<()> {
    from.seek(SeekFrom::Start(0))?;
    let mut to = File::options().write(true).open(path)?;
    io::copy(from, &mut to)?;
    to.flush()
}
