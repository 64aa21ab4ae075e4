//! The real disk.

use super::{Disk, DiskFile, if_there};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempPath;

/// The disk of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Disk for Machine {
    type File = File;

    fn create(&self, path: &Path, mode: u32) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        let file = options.open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::AlreadyExists.into()),
            Ok(()) if !self.is_named(path, &file) => Err(io::ErrorKind::AlreadyExists.into()),
            // On a file system without locks, what is left behind stays there.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        // Whether that is one call or two depends on the file system.
        let moved = TempPath::try_from_path(from)?.persist_noclobber(to);
        moved.map_err(|e| e.error)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_unlocked(&self, path: &Path) -> io::Result<bool> {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(false);
        }
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) if self.is_named(path, &file) => fs::remove_file(path).map(|()| true),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        std::path::absolute(path)
    }

    fn is_named(&self, path: &Path, file: &File) -> bool {
        match (fs::symlink_metadata(path), file.metadata()) {
            (Ok(there), Ok(ours)) => (there.dev(), there.ino()) == (ours.dev(), ours.ino()),
            _ => false,
        }
    }

    fn is_file(&self, path: &Path) -> io::Result<bool> {
        match if_there(fs::metadata(path)) {
            // What should be the directory is a file.
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
            there => there.map(|there| there.is_some_and(|there| there.is_file())),
        }
    }

    fn create_directory(&self, directory: &Path) -> io::Result<()> {
        match directory.is_dir() {
            true => Ok(()),
            false => fs::create_dir(directory)
                .and_then(|()| self.sync_directory(super::directory_of(directory))),
        }
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let entries = fs::read_dir(directory)?;
        entries.map(|entry| Ok(entry?.file_name())).collect()
    }
}

impl DiskFile for File {
    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn sync_bytes(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn again(&self) -> io::Result<File> {
        let mut file = self.try_clone()?;
        file.rewind()?;
        Ok(file)
    }

    fn mode(&self) -> io::Result<u32> {
        Ok(self.metadata()?.permissions().mode() & 0o7777)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.set_permissions(Permissions::from_mode(mode))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_some_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, at)
    }

    fn start_write_back(&self, offset: u64, len: u64) {
        // SAFETY: a plain system call on a descriptor that `self` keeps open; no memory is handed over.
        unsafe {
            libc::sync_file_range(
                self.as_raw_fd(),
                offset as libc::off64_t,
                len as libc::off64_t,
                libc::SYNC_FILE_RANGE_WRITE,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_a_missing_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), b"x").expect("written");
        // Nobody can follow it, root neither.
        std::os::unix::fs::symlink(path("loop"), path("loop")).expect("made");
        assert!(Machine.is_file(&path("file")).expect("it is there"));
        for missing in ["none", "none/file", "file/below", "."] {
            let found = Machine.is_file(&path(missing));
            assert!(!found.expect("it is not there"), "{missing}");
        }
        let unknown = Machine.is_file(&path("loop"));
        let why = unknown.expect_err("what it leads to is not known");
        assert_ne!(why.kind(), io::ErrorKind::NotFound);
    }
}
