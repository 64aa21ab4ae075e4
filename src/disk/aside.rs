//! A file that is written under a temporary name and then takes the place of another.
//!
//! ```text
//! Aside --sync--> Synced --place--> Placed --sync_directory--> durable
//!   \               \
//!    dropped         dropped: the temporary file is removed, and the place keeps what it had
//! ```
//!
//! The types keep the order: only a synced file can be renamed, so a crash leaves the old file or the new one whole.
//! After [`Placed::sync_directory`] it leaves the new one.

use super::{Disk, DiskFile, directory_of, unfinished, unused_name};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many names are tried. Files that a crash has left behind may have the first of them.
const NAMES: usize = 10_000;

/// The name of a temporary file; the file is removed when this is dropped.
#[derive(Debug)]
struct Temp<D: Disk> {
    disk: D,
    path: PathBuf,
    renamed: bool,
}

impl<D: Disk> Drop for Temp<D> {
    fn drop(&mut self) {
        if !self.renamed {
            // Somebody else may have removed it already.
            let _ = self.disk.remove(&self.path);
        }
        unfinished::forget(&self.path);
    }
}

/// A file in the making.
#[derive(Debug)]
pub struct Aside<D: Disk> {
    temp: Temp<D>,
    file: D::File,
}

/// A file whose bytes are durable, still under its temporary name.
#[derive(Debug)]
pub struct Synced<D: Disk>(Aside<D>);

/// A file that has taken its place; a crash may still bring the old one back.
#[must_use = "a crash may undo the rename until the directory is synced"]
#[derive(Debug)]
pub struct Placed<D: Disk> {
    disk: D,
    directory: PathBuf,
    file: D::File,
}

impl<D: Disk> Aside<D> {
    /// Creates the temporary file `path`, which must not exist. It has to be in the directory of its later place.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(disk: &D, path: PathBuf, mode: u32) -> io::Result<Aside<D>> {
        let file = unfinished::make(&path, || disk.create(&path, mode))?;
        let temp = Temp {
            disk: disk.clone(),
            path,
            renamed: false,
        };
        Ok(Aside { temp, file })
    }

    /// Creates a temporary file with a name of its own.
    ///
    /// # Errors
    /// The disk's.
    pub fn create_in(
        disk: &D,
        directory: &Path,
        (prefix, suffix): (&str, &str),
        mode: u32,
    ) -> io::Result<Aside<D>> {
        let mut tried = 0;
        loop {
            tried += 1;
            let path = unused_name(directory, prefix, suffix);
            match Aside::create(disk, path, mode) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && tried < NAMES => {}
                other => return other,
            }
        }
    }

    /// The path of the temporary file.
    pub fn path(&self) -> &Path {
        &self.temp.path
    }

    /// The open file.
    pub fn file(&self) -> &D::File {
        &self.file
    }

    /// The open file.
    pub fn file_mut(&mut self) -> &mut D::File {
        &mut self.file
    }

    /// Makes the bytes durable.
    ///
    /// # Errors
    /// The disk's. The temporary file is removed then: a failed sync is final for its file.
    pub fn sync(self) -> io::Result<Synced<D>> {
        self.file.sync()?;
        Ok(Synced(self))
    }
}

impl<D: Disk> AsRef<Path> for Aside<D> {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl<D: Disk> Write for Aside<D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<D: Disk> Synced<D> {
    /// The open file.
    pub fn file(&self) -> &D::File {
        &self.0.file
    }

    /// Takes the place `to`, in the directory of the temporary file, whatever is there.
    ///
    /// # Errors
    /// The disk's. The temporary file is removed, and `to` is what it was.
    pub fn place(self, to: &Path) -> io::Result<Placed<D>> {
        self.move_by(to, D::rename)
    }

    /// Takes the place `to`, in the directory of the temporary file, if nothing is there.
    ///
    /// # Errors
    /// The disk's. The temporary file is removed, and `to` is what it was.
    pub fn place_new(self, to: &Path) -> io::Result<Placed<D>> {
        self.move_by(to, D::rename_new)
    }

    fn move_by(
        self,
        to: &Path,
        rename: impl FnOnce(&D, &Path, &Path) -> io::Result<()>,
    ) -> io::Result<Placed<D>> {
        let Aside { mut temp, file } = self.0;
        rename(&temp.disk, &temp.path, to)?;
        temp.renamed = true;
        Ok(Placed {
            disk: temp.disk.clone(),
            directory: directory_of(to).to_owned(),
            file,
        })
    }
}

impl<D: Disk> Placed<D> {
    /// Makes the new name durable and gives the open file.
    ///
    /// # Errors
    /// The disk's. The new file is in its place then, but a crash may bring the old one back.
    pub fn sync_directory(self) -> io::Result<D::File> {
        self.disk.sync_directory(&self.directory)?;
        Ok(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Machine;
    use crate::fake::{After, FakeDisk};

    const TO: &str = "/data/file";

    fn replace<D: Disk>(disk: &D, to: &Path, bytes: &[u8]) -> io::Result<D::File> {
        let mut aside = Aside::create_in(disk, directory_of(to), ("temp-", ".x"), 0o644)?;
        aside.write_all(bytes)?;
        aside.sync()?.place(to)?.sync_directory()
    }

    #[test]
    fn a_crash_leaves_the_old_file_or_the_new_one_whole() {
        let disk = FakeDisk::with([(TO, b"old".as_slice())]);
        replace(&disk, Path::new(TO), b"new").expect("nothing fails");
        let count = disk.operations();
        let mut seen = [false; 2];
        for k in 0..=count {
            for After(files) in disk.crashes_after(k) {
                let found = files.get(Path::new(TO)).map(Vec::as_slice);
                assert!(matches!(found, Some(b"old" | b"new")), "{k}: {found:?}");
                let new = found == Some(b"new");
                seen[usize::from(new)] = true;
                assert!(new || k < count, "it was said to be durable");
            }
        }
        assert_eq!(seen, [true; 2]);
    }

    #[test]
    fn the_fake_disk_shows_what_each_step_is_for() {
        let (from, to) = (Path::new("/data/temp"), Path::new(TO));
        let outcomes = |disk: &FakeDisk| -> Vec<Option<Vec<u8>>> {
            let images = disk.crashes_after(disk.operations());
            images
                .into_iter()
                .map(|After(f)| f.get(to).cloned())
                .collect()
        };
        // Renamed without a sync of the file: half of it, zeros, or nothing.
        let disk = FakeDisk::with([(TO, b"old!".as_slice())]);
        let mut file = disk.create(from, 0o644).expect("created");
        file.write_all(b"new!").expect("written");
        disk.rename(from, to).expect("renamed");
        disk.sync_directory(Path::new("/data")).expect("synced");
        for bad in [b"ne".as_slice(), b"", b"\0\0\0\0"] {
            assert!(outcomes(&disk).contains(&Some(bad.to_vec())));
        }
        // Renamed without a sync of the directory: the old file may come back.
        let disk = FakeDisk::with([(TO, b"old!".as_slice())]);
        let mut file = disk.create(from, 0o644).expect("created");
        file.write_all(b"new!").expect("written");
        file.sync().expect("synced");
        disk.rename(from, to).expect("renamed");
        let found = outcomes(&disk);
        assert!(found.contains(&Some(b"old!".to_vec())));
        assert!(found.contains(&Some(b"new!".to_vec())));
        // Removed before the rename: there may be no file.
        let disk = FakeDisk::with([(TO, b"old!".as_slice())]);
        disk.remove(to).expect("removed");
        assert!(outcomes(&disk).contains(&None));
    }

    #[test]
    fn whichever_operation_fails_the_place_has_a_whole_file_and_no_other_is_left() {
        let whole = FakeDisk::with([(TO, b"old".as_slice())]);
        replace(&whole, Path::new(TO), b"new").expect("nothing fails");
        for k in 0..whole.operations() {
            let disk = FakeDisk::with([(TO, b"old".as_slice())]);
            disk.fail_at(k);
            replace(&disk, Path::new(TO), b"new").expect_err("one operation fails");
            let names = disk.list(Path::new("/data")).expect("listed");
            assert_eq!(names, ["file"], "{k}");
            let last = k + 1 == whole.operations();
            let expected: &[u8] = if last { b"new" } else { b"old" };
            assert_eq!(disk.read(Path::new(TO)).as_deref(), Some(expected), "{k}");
        }
    }

    #[test]
    fn on_the_machine_a_taken_name_is_passed_over_and_a_new_place_must_be_free() {
        let dir = tempfile::tempdir().expect("a directory");
        let to = dir.path().join("file");
        let begin = || {
            let mut aside = Aside::create_in(&Machine, dir.path(), ("t", ".x"), 0o600)?;
            aside.write_all(b"bytes")?;
            aside.sync()
        };
        let placed = begin().expect("synced").place_new(&to).expect("it is free");
        placed.sync_directory().expect("synced");
        let refused = begin().expect("synced").place_new(&to).expect_err("taken");
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        let path = dir.path().join("one");
        std::fs::write(&path, b"").expect("written");
        assert!(Aside::create(&Machine, path.clone(), 0o600).is_err());
        assert!(path.exists(), "a file of somebody else is not removed");
        std::fs::remove_file(path).expect("removed");
        assert_eq!(Machine.list(dir.path()).expect("listed"), ["file"]);
        let file = Machine.open(&to).expect("opened");
        assert_eq!(file.mode().expect("known"), 0o600);
    }
}
