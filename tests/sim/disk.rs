//! A disk that may be full, slow, or lose what it said it had.
//!
//! It outlives the processes that use it. What a process that was killed was writing is left behind under the names
//! that it had.

use super::dumps::Content;
use forebay::base::Rng;
use forebay::disk::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Where the dump is.
pub const DUMP: &str = "/data/dump.rdb";

/// What a file holds.
#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// What the dataset was at the cut of this dump, and the number of the cut.
    cut: Option<(Content, u64)>,
    /// It ends too early: the disk lost power and had lied.
    torn: bool,
}

type Shared<T> = Arc<Mutex<T>>;

fn lock<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nothing panics with this lock")
}

#[derive(Clone, Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, Shared<Held>>,
    /// The file that was created last.
    newest: Option<Shared<Held>>,
    cuts: u64,
    /// A dump was replaced by one of an earlier cut.
    went_back: bool,
    full: bool,
    delay_ms: u64,
    /// Payloads that memory had no room for.
    payload_files: u64,
}

/// One server's disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Shared<State>);

/// An open file.
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    held: Shared<Held>,
    at: usize,
}

impl SimDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }

    fn dump(&self) -> Option<Shared<Held>> {
        self.state().names.get(Path::new(DUMP)).cloned()
    }

    /// What the process leaves when it is killed now: whatever it does from here on is done to another disk.
    pub fn survive(&mut self) -> SimDisk {
        let left = self.state().clone();
        SimDisk(Arc::new(Mutex::new(left)))
    }

    /// Nothing more fits, or it does again.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// True while nothing more fits.
    pub fn is_full(&self) -> bool {
        self.state().full
    }

    /// Every file, or block of the stream, takes this many virtual ms until it is durable.
    pub fn set_delay_ms(&self, delay_ms: u64) {
        self.state().delay_ms = delay_ms;
    }

    /// See [`SimDisk::set_delay_ms`].
    pub fn delay_ms(&self) -> u64 {
        self.state().delay_ms
    }

    /// A payload goes to a file because memory has no room for it.
    pub fn note_payload_file(&self) {
        self.state().payload_files += 1;
    }

    /// How many did since this was asked for.
    pub fn take_payload_files(&self) -> u64 {
        std::mem::take(&mut self.state().payload_files)
    }

    /// See [`SimDisk::note_cut`].
    pub fn forget_newest(&self) {
        self.state().newest = None;
    }

    /// The file that was created since [`SimDisk::forget_newest`], if there is one, is a dump of this content, cut
    /// now.
    pub fn note_cut(&self, content: Content) {
        let mut state = self.state();
        state.cuts += 1;
        let number = state.cuts;
        if let Some(newest) = state.newest.take() {
            lock(&newest).cut = Some((content, number));
        }
    }

    /// The open file is a dump of this content, and newer than all others.
    pub fn note_received(&self, file: &SimFile, content: Content) {
        let mut state = self.state();
        state.cuts += 1;
        lock(&file.held).cut = Some((content, state.cuts));
    }

    /// What the dump held at its cut; `None` where there is none.
    pub fn content(&self) -> Option<Content> {
        let dump = self.dump()?;
        let cut = lock(&dump).cut.clone();
        Some(cut.expect("a file that is no dump took its place").0)
    }

    /// A process that begins finds nothing but the dump.
    pub fn check_no_leftovers(&self) -> Result<(), String> {
        let state = self.state();
        match state.names.keys().find(|name| *name != Path::new(DUMP)) {
            Some(name) => Err(format!("{} was left behind", name.display())),
            None => Ok(()),
        }
    }

    /// Whether a dump was ever replaced by one of an earlier cut.
    pub fn went_back(&self) -> bool {
        self.state().went_back
    }

    /// The dump ends too early.
    pub fn is_torn(&self) -> bool {
        self.dump().is_some_and(|dump| lock(&dump).torn)
    }

    /// The machine loses power, and its disk had not written what it said: any part is missing.
    pub fn tear(&self, rng: &mut Rng) {
        if let Some(dump) = self.dump() {
            let mut dump = lock(&dump);
            let left = rng.below(dump.bytes.len() as u64) as usize;
            dump.bytes.truncate(left);
            dump.torn = true;
        }
    }

    fn opened(&self, held: Shared<Held>) -> SimFile {
        SimFile {
            disk: self.clone(),
            held,
            at: 0,
        }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn create(&self, path: &Path, _: u32) -> io::Result<SimFile> {
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let held = Shared::<Held>::default();
        state.names.insert(path.to_owned(), held.clone());
        state.newest = Some(held.clone());
        drop(state);
        Ok(self.opened(held))
    }

    fn open(&self, path: &Path) -> io::Result<SimFile> {
        let held = self.state().names.get(path).cloned();
        Ok(self.opened(held.ok_or(io::ErrorKind::NotFound)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let held = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        let number = lock(&held).cut.as_ref().map(|(_, number)| *number);
        let replaced = state.names.insert(to.to_owned(), held);
        let replaced = replaced.and_then(|old| lock(&old).cut.as_ref().map(|(_, n)| *n));
        state.went_back |= number < replaced;
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.state().names.contains_key(to) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => self.rename(from, to),
        }
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.state().names.remove(path);
        removed.map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn is_named(&self, path: &Path, file: &SimFile) -> bool {
        let state = self.state();
        let there = state.names.get(path);
        there.is_some_and(|there| Arc::ptr_eq(there, &file.held))
    }

    fn is_file(&self, path: &Path) -> io::Result<bool> {
        Ok(self.state().names.contains_key(path))
    }

    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let state = self.state();
        let inside = state.names.keys().filter(|p| p.parent() == Some(directory));
        Ok(inside
            .filter_map(|p| p.file_name().map(OsString::from))
            .collect())
    }
}

impl SimFile {
    /// Its bytes from `at` on, `most` at most.
    fn bytes_at(&self, at: usize, most: usize) -> Vec<u8> {
        let held = lock(&self.held);
        let rest = &held.bytes[at.min(held.bytes.len())..];
        rest[..most.min(rest.len())].to_vec()
    }
}

impl DiskFile for SimFile {
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn again(&self) -> io::Result<SimFile> {
        Ok(self.disk.opened(self.held.clone()))
    }

    fn mode(&self) -> io::Result<u32> {
        Ok(0o644)
    }

    fn set_mode(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        lock(&self.held).bytes.truncate(len as usize);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(lock(&self.held).bytes.len() as u64)
    }

    fn read_some_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let bytes = self.bytes_at(at as usize, buf.len());
        buf[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl Read for SimFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes_at(self.at, buf.len());
        buf[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len();
        Ok(bytes.len())
    }
}

impl Write for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.disk.is_full() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Files are written from their start to their end.
        lock(&self.held).bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SimFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(at) => self.at = at as usize,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(self.at as u64)
    }
}
