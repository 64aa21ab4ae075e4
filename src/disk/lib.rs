//! The disk: the operations on it, and how a file on it is replaced.
//!
//! * [`Disk`] and [`DiskFile`] name every operation that changes files which must survive a crash.
//! * [`aside`] replaces a file: write a new one beside it, sync that, rename it, sync the directory.
//! * [`cut`] cuts the end off a file and sets it aside.
//! * [`leftovers`] removes the temporary files of processes that are gone.
//! * [`scratch`]: files without a name, for what does not fit into memory.
//! * [`machine`] is the real disk; `fake` is one for tests, which can show what a crash may leave.

pub mod aside;
pub mod cut;
#[cfg(any(test, feature = "testing"))]
pub mod fake;
pub mod leftovers;
pub mod machine;
pub mod scratch;
pub mod unfinished;

pub use aside::{Aside, Placed, Synced};
pub use cut::{cut_off, drop_end};
pub use leftovers::remove_leftovers;
pub use machine::Machine;
pub use scratch::{Scratch, ScratchFile};

use std::ffi::OsString;
use std::fmt::Debug;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The operations on files that a replacement is made of.
pub trait Disk: Clone + Debug + Send + 'static {
    /// An open file.
    type File: DiskFile;

    /// Creates a file that can be written and read, and locks it for as long as it is open. Fails if the name is
    /// taken, also by somebody who has removed the new file before it was locked.
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path, mode: u32) -> io::Result<Self::File>;

    /// Opens a file to read it from its start.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file that is there to read and write it, and locks it as [`Disk::create`] does.
    ///
    /// # Errors
    /// The system's; `WouldBlock` if another process has it open that writes it.
    fn open_to_write(&self, path: &Path) -> io::Result<Self::File> {
        self.open(path)
    }

    /// Gives a file another name on the same file system. A file that has that name is replaced.
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file another name in the same directory. Fails if that name is taken.
    ///
    /// # Errors
    /// The system's.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes the names of a directory durable: what was created, renamed and removed in it before.
    ///
    /// # Errors
    /// The system's.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a file unless a process has it open that has created it ([`Disk::create`]). True if it was removed.
    ///
    /// # Errors
    /// The system's, or it cannot tell.
    fn remove_unlocked(&self, path: &Path) -> io::Result<bool> {
        self.remove(path).map(|()| true)
    }

    /// A path that means the same file whatever the working directory becomes.
    ///
    /// # Errors
    /// There is no working directory.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    /// True if the file of this name is the open `file`.
    fn is_named(&self, path: &Path, file: &Self::File) -> bool;

    /// True if there is a regular file of this name, false if there is none.
    ///
    /// # Errors
    /// The system does not tell: the file may be there.
    fn is_file(&self, path: &Path) -> io::Result<bool>;

    /// Makes a directory whose parent is there, durably, unless it is there already.
    ///
    /// # Errors
    /// The system's.
    fn create_directory(&self, directory: &Path) -> io::Result<()>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Read + Write + Seek + Send + Sized + 'static {
    /// Makes the bytes of the file durable. A failure is final: the kernel may have dropped the pages, and a second
    /// try would report success.
    ///
    /// # Errors
    /// The system's.
    fn sync(&self) -> io::Result<()>;

    /// As [`DiskFile::sync`], without what only tells when the file was changed. Enough for bytes that were appended.
    ///
    /// # Errors
    /// The system's.
    fn sync_bytes(&self) -> io::Result<()> {
        self.sync()
    }

    /// Truncates the file to its first `len` bytes. Where it is written next does not change.
    ///
    /// # Errors
    /// The system's.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// The same open file at its start, whatever has its name by now.
    ///
    /// # Errors
    /// The system's.
    fn again(&self) -> io::Result<Self>;

    /// The permission bits.
    ///
    /// # Errors
    /// The system's.
    fn mode(&self) -> io::Result<u32>;

    /// Sets the permission bits.
    ///
    /// # Errors
    /// The system's.
    fn set_mode(&self, mode: u32) -> io::Result<()>;

    /// Its length.
    ///
    /// # Errors
    /// The system's.
    fn size(&self) -> io::Result<u64>;

    /// Reads at this offset, without regard to where others read the same file. 0: there is its end.
    ///
    /// # Errors
    /// The system's.
    fn read_some_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize>;

    /// Asks the system to begin writing a range to the disk. Only a hint: errors show up when the file is synced.
    fn start_write_back(&self, _offset: u64, _len: u64) {}
}

/// All bytes of a file.
///
/// # Errors
/// The system's.
pub fn read_all(disk: &impl Disk, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    disk.open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An answer about a path, where `None` says that nothing is there. Any other error does not say that: the file may be
/// there and unreadable, and must not be taken for one that is missing.
///
/// # Errors
/// The system's, unless it is that nothing is there.
pub fn if_there<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The system's words for an error, without Rust's suffix.
pub fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The directory of a file.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// A name in `directory` that no other call in this process gets.
pub fn unused_name(directory: &Path, prefix: &str, suffix: &str) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    directory.join(format!("{prefix}{}-{number}{suffix}", owner()))
}

/// The number in the names of temporary files that tells whose they are: that of this process.
pub fn owner() -> u32 {
    std::process::id()
}
