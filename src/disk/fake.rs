//! A disk for tests. It keeps its files in memory, records every operation, and shows what a crash may leave.
//!
//! It guarantees what POSIX guarantees, and no more. Bytes written after the last sync of a file may be lost, in whole
//! or in part, even where the file has grown. Names that were created, renamed or removed after the last sync of their
//! directory may be as before or as after, each on its own; a rename happens or does not.

use super::{Disk, DiskFile, directory_of};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// The files that a crash has left, by path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct After(pub BTreeMap<PathBuf, Vec<u8>>);

/// One recorded change. A file is named by its number.
#[derive(Clone, Debug)]
enum Operation {
    Name(Naming),
    Write {
        file: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate(usize, usize),
    Sync(usize),
    SyncDirectory(PathBuf),
}

/// A change of the names in a directory.
#[derive(Clone, Debug)]
enum Naming {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf, usize),
    Remove(PathBuf),
}

impl Naming {
    fn directory(&self) -> &Path {
        match self {
            Naming::Create(path, _) | Naming::Rename(_, path, _) | Naming::Remove(path) => {
                directory_of(path)
            }
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Naming::Create(path, file) => {
                names.insert(path.clone(), *file);
            }
            Naming::Rename(from, to, file) => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Naming::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Contents {
    bytes: Vec<u8>,
    mode: u32,
}

#[derive(Debug, Default)]
struct State {
    /// What was durable at the beginning: the bytes of the first files, and their names.
    first: Vec<Vec<u8>>,
    first_names: BTreeMap<PathBuf, usize>,
    names: BTreeMap<PathBuf, usize>,
    files: Vec<Contents>,
    done: Vec<Operation>,
    /// The ranges that the system was asked to begin writing.
    written_back: Vec<(u64, u64)>,
    /// The number of the operation that fails.
    fails_at: Option<usize>,
    /// No byte can be written any more.
    full: bool,
    /// What cannot be looked at, and the system's number for why.
    unreadable: BTreeMap<PathBuf, (Refuses, i32)>,
}

/// What the disk refuses to do with an unreadable file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refuses {
    /// To read its bytes, as a bad block does.
    Bytes,
    /// To open it or to say what it is, as missing permissions do.
    Everything,
}

impl State {
    /// Records an operation, unless it is the one that fails.
    fn record(&mut self, operation: Operation) -> io::Result<()> {
        if self.fails_at == Some(self.done.len()) {
            self.fails_at = None;
            return Err(io::Error::other("the fake disk fails as asked"));
        }
        if self.full && matches!(operation, Operation::Write { .. }) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match &operation {
            Operation::Name(naming) => naming.apply(&mut self.names),
            Operation::Write { file, at, bytes } => {
                write_at(&mut self.files[*file].bytes, *at, bytes)
            }
            Operation::Truncate(file, len) => self.files[*file].bytes.truncate(*len),
            Operation::Sync(_) | Operation::SyncDirectory(_) => {}
        }
        self.done.push(operation);
        Ok(())
    }

    /// Fails where this much of the file of that name is refused.
    fn answers(&self, path: &Path, asked: Refuses) -> io::Result<()> {
        match self.unreadable.get(path) {
            Some((refused, errno)) if *refused == asked => {
                Err(io::Error::from_raw_os_error(*errno))
            }
            _ => Ok(()),
        }
    }

    fn find(&self, path: &Path) -> io::Result<usize> {
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn write_at(all: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if all.len() < end {
        all.resize(end, 0);
    }
    all[at..end].copy_from_slice(bytes);
}

/// A disk in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct FakeDisk(Arc<Mutex<State>>);

/// An open file of a [`FakeDisk`].
#[derive(Debug)]
pub struct FakeFile {
    disk: FakeDisk,
    file: usize,
    at: usize,
}

impl FakeDisk {
    /// A disk that holds these files, durably.
    pub fn with<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> FakeDisk {
        let mut state = State::default();
        for (path, bytes) in files {
            let path = PathBuf::from(path);
            state.names.insert(path, state.files.len());
            state.files.push(Contents {
                bytes: bytes.to_vec(),
                mode: 0o644,
            });
            state.first.push(bytes.to_vec());
        }
        state.first_names.clone_from(&state.names);
        FakeDisk(Arc::new(Mutex::new(state)))
    }

    /// How many operations there were.
    pub fn operations(&self) -> usize {
        self.lock().done.len()
    }

    /// The operation of this number, counted from 0, will fail and change nothing.
    pub fn fail_at(&self, number: usize) {
        self.lock().fails_at = Some(number);
    }

    /// From now on there is no room for any byte.
    pub fn fill(&self) {
        self.lock().full = true;
    }

    /// From now on the file of this name cannot be looked at; `errno` is the system's number for why.
    pub fn refuse(&self, path: &Path, what: Refuses, errno: i32) {
        let refused = (what, errno);
        self.lock().unreadable.insert(path.to_owned(), refused);
    }

    /// What a running process finds in a file.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.lock();
        Some(state.files[state.find(path).ok()?].bytes.clone())
    }

    /// Everything that may be found after a crash between operation `count` and the next one. All files that were not
    /// synced are lost in the same manner.
    pub fn crashes_after(&self, count: usize) -> Vec<After> {
        let state = self.lock();
        let mut names = state.first_names.clone();
        let mut files = vec![Durability::default(); state.files.len()];
        for (file, bytes) in files.iter_mut().zip(&state.first) {
            file.written.clone_from(bytes);
            file.synced.clone_from(bytes);
        }
        let mut pending: Vec<&Naming> = Vec::new();
        for operation in &state.done[..count] {
            match operation {
                Operation::Name(naming) => pending.push(naming),
                Operation::Write { file, at, bytes } => {
                    write_at(&mut files[*file].written, *at, bytes);
                }
                Operation::Truncate(file, len) => files[*file].written.truncate(*len),
                Operation::Sync(file) => {
                    let file = &mut files[*file];
                    file.synced.clone_from(&file.written);
                }
                Operation::SyncDirectory(directory) => pending.retain(|naming| {
                    let durable = naming.directory() == directory;
                    if durable {
                        naming.apply(&mut names);
                    }
                    !durable
                }),
            }
        }
        let mut found = Vec::new();
        for kept in 0..1_usize << pending.len() {
            let mut names = names.clone();
            let is_kept = |(i, _): &(usize, &&Naming)| kept >> i & 1 == 1;
            for (_, naming) in pending.iter().enumerate().filter(is_kept) {
                naming.apply(&mut names);
            }
            for loss in LOSSES {
                let left = |(path, file): (&PathBuf, &usize)| (path.clone(), loss(&files[*file]));
                found.push(After(names.iter().map(left).collect()));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    /// The ranges, each an offset and a length, that the system was asked to begin writing to the disk.
    pub fn written_back(&self) -> Vec<(u64, u64)> {
        self.lock().written_back.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics with this lock")
    }

    fn opened(&self, file: usize) -> FakeFile {
        let disk = self.clone();
        FakeFile { disk, file, at: 0 }
    }
}

/// What was written to a file, and what of it is durable.
#[derive(Clone, Debug, Default)]
struct Durability {
    written: Vec<u8>,
    synced: Vec<u8>,
}

/// What a crash may leave of the bytes after the last sync: all, none, the first half, or zeros instead of them.
const LOSSES: [fn(&Durability) -> Vec<u8>; 4] = [
    |file| file.written.clone(),
    |file| file.synced.clone(),
    |file| {
        let (old, new) = (file.synced.len(), file.written.len());
        file.written[..old.min(new) + new.saturating_sub(old) / 2].to_vec()
    },
    |file| {
        let mut left = file.synced.clone();
        left.resize(file.written.len(), 0);
        left
    },
];

impl Disk for FakeDisk {
    type File = FakeFile;

    fn create(&self, path: &Path, mode: u32) -> io::Result<FakeFile> {
        let mut state = self.lock();
        if state.find(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = state.files.len();
        let bytes = Vec::new();
        state.files.push(Contents { bytes, mode });
        state.record(Operation::Name(Naming::Create(path.to_owned(), file)))?;
        drop(state);
        Ok(self.opened(file))
    }

    fn open(&self, path: &Path) -> io::Result<FakeFile> {
        let state = self.lock();
        state.answers(path, Refuses::Everything)?;
        let file = state.find(path)?;
        drop(state);
        Ok(self.opened(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(directory_of(from), directory_of(to));
        let mut state = self.lock();
        let file = state.find(from)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        state.record(Operation::Name(Naming::Rename(from, to, file)))
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.lock().find(to).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.rename(from, to)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        let directory = directory.to_owned();
        self.lock().record(Operation::SyncDirectory(directory))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.find(path)?;
        state.record(Operation::Name(Naming::Remove(path.to_owned())))
    }

    fn is_named(&self, path: &Path, file: &FakeFile) -> bool {
        self.lock().find(path).is_ok_and(|there| there == file.file)
    }

    fn is_file(&self, path: &Path) -> io::Result<bool> {
        let state = self.lock();
        state.answers(path, Refuses::Everything)?;
        Ok(state.names.contains_key(path))
    }

    /// Directories are there from the beginning.
    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let state = self.lock();
        let inside = state.names.keys().filter(|p| directory_of(p) == directory);
        Ok(inside
            .filter_map(|path| path.file_name().map(OsString::from))
            .collect())
    }
}

impl DiskFile for FakeFile {
    fn sync(&self) -> io::Result<()> {
        self.disk.lock().record(Operation::Sync(self.file))
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.disk.lock().record(Operation::Truncate(self.file, len))
    }

    fn again(&self) -> io::Result<FakeFile> {
        Ok(self.disk.opened(self.file))
    }

    fn start_write_back(&self, offset: u64, len: u64) {
        self.disk.lock().written_back.push((offset, len));
    }

    fn mode(&self) -> io::Result<u32> {
        Ok(self.disk.lock().files[self.file].mode)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.file].bytes.len() as u64)
    }

    fn read_some_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let bytes = &state.files[self.file].bytes;
        let from = usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.disk.lock().files[self.file].mode = mode;
        Ok(())
    }
}

impl Read for FakeFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.lock();
        let named = state.names.iter().find(|(_, file)| **file == self.file);
        if let Some((path, _)) = named {
            state.answers(path, Refuses::Bytes)?;
        }
        let bytes = &state.files[self.file].bytes;
        let rest = &bytes[self.at.min(bytes.len())..];
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

impl Write for FakeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.lock().record(Operation::Write {
            file: self.file,
            at: self.at,
            bytes: bytes.to_vec(),
        })?;
        self.at += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for FakeFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let len = self.disk.lock().files[self.file].bytes.len();
        let from = |base: usize, by: i64| base.checked_add_signed(isize::try_from(by).ok()?);
        let at = match to {
            SeekFrom::Start(at) => usize::try_from(at).ok(),
            SeekFrom::End(by) => from(len, by),
            SeekFrom::Current(by) => from(self.at, by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at as u64)
    }
}
