//! A disk that may be full, slow, or lose what it said it had.
//!
//! It outlives the processes that use it. What a process that was killed was writing is left behind under the names
//! that it had.

use super::dumps::Content;
use super::power::{Files, Held, Naming, Shared, lock};
use forebay::base::Rng;
use forebay::disk::{Disk, DiskFile};
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Where the dump is.
pub const DUMP: &str = "/data/dump.rdb";
/// Where the append-only file is.
pub const LOG: &str = "/data/log";

/// What a disk does that has faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Write,
    Sync,
    Name,
    SyncDirectory,
    Open,
}

#[derive(Clone, Debug, Default)]
struct State {
    files: Files,
    /// The file that was created last.
    newest: Option<Shared<Held>>,
    cuts: u64,
    /// A dump was replaced by one of an earlier cut.
    went_back: bool,
    full: bool,
    delay_ms: u64,
    /// Payloads that memory had no room for.
    payload_files: u64,
    /// Which operations fail, one in three; `Some(None)`: all kinds.
    faulty: Option<Option<Operation>>,
    /// How many have failed.
    faults: u64,
    /// The process ends before the operation after so many more.
    fuse: Option<u64>,
    /// What it has left, if it has ended like that.
    left: Option<Files>,
    rng: Option<Rng>,
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
        self.state().files.names.get(Path::new(DUMP)).cloned()
    }

    /// A disk whose faults come from this number.
    pub fn new(seed: u64) -> SimDisk {
        let disk = SimDisk::default();
        disk.state().rng = Some(Rng::new(seed));
        disk
    }

    /// What the process leaves when it is killed now, or has left when it was: whatever it does from here on is done to
    /// another disk.
    pub fn survive(&mut self) -> SimDisk {
        let mut left = self.state().clone();
        if let Some(files) = left.left.take() {
            left.files = files;
        }
        left.fuse = None;
        left.files.process_ends();
        SimDisk(Arc::new(Mutex::new(left)))
    }

    /// The process ends in the midst of what it does, before the operation after `after` more.
    pub fn light_fuse(&self, after: u64) {
        self.state().fuse = Some(after);
    }

    /// It does not.
    pub fn put_out_fuse(&self) {
        self.state().fuse = None;
    }

    /// It has ended like that.
    pub fn has_ended(&self) -> bool {
        self.state().left.is_some()
    }

    /// The machine loses power: what was not synced is lost, or a part of it.
    pub fn lose_power(&self) {
        let state = &mut *self.state();
        let mut rng = state.rng.take().unwrap_or_else(|| Rng::new(0));
        state.files.lose_power(&mut rng);
        state.rng = Some(rng);
    }

    /// From now on some of these operations fail; `None`: none does.
    pub fn set_faulty(&self, faulty: Option<Option<Operation>>) {
        self.state().faulty = faulty;
    }

    /// It takes everything, at once.
    pub fn is_good(&self) -> bool {
        let state = self.state();
        !state.full && state.delay_ms == 0 && state.faulty.is_none()
    }

    /// How many operations have failed.
    pub fn faults(&self) -> u64 {
        self.state().faults
    }

    /// Counts an operation, which may be the last of the process, and may fail.
    fn operate(&self, what: Operation) -> io::Result<()> {
        let state = &mut *self.state();
        match &mut state.fuse {
            Some(0) => {
                state.left = Some(state.files.image());
                state.fuse = None;
            }
            Some(more) if what != Operation::Open => *more -= 1,
            _ => {}
        }
        let hits = state
            .faulty
            .is_some_and(|kind| kind.is_none_or(|kind| kind == what));
        if hits && state.rng.as_mut().is_some_and(|rng| rng.below(3) == 0) {
            state.faults += 1;
            const EIO: i32 = 5;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(())
    }

    fn has(&self, path: &Path) -> bool {
        self.state().files.names.contains_key(path)
    }

    fn below(&self, n: u64) -> u64 {
        self.state().rng.as_mut().map_or(0, |rng| rng.below(n))
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
        let others =
            |name: &&PathBuf| *name != Path::new(DUMP) && name.parent() != Some(Path::new(LOG));
        match state.files.names.keys().find(others) {
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
            dump.tear(left);
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
        if self.has(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.operate(Operation::Name)?;
        let mut state = self.state();
        let held = Shared::<Held>::default();
        let made = Naming::Made(path.to_owned(), held.clone());
        state.files.change(made);
        state.newest = Some(held.clone());
        drop(state);
        Ok(self.opened(held))
    }

    fn open(&self, path: &Path) -> io::Result<SimFile> {
        let held = self.state().files.names.get(path).cloned();
        if held.is_some() {
            self.operate(Operation::Open)?;
        }
        Ok(self.opened(held.ok_or(io::ErrorKind::NotFound)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let held = self.state().files.names.get(from).cloned();
        let held = held.ok_or(io::ErrorKind::NotFound)?;
        self.operate(Operation::Name)?;
        let mut state = self.state();
        let number = lock(&held).cut.as_ref().map(|(_, number)| *number);
        let moved = Naming::Moved(from.to_owned(), to.to_owned(), held);
        let replaced = state.files.change(moved);
        let replaced = replaced.and_then(|old| lock(&old).cut.as_ref().map(|(_, n)| *n));
        state.went_back |= number < replaced;
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.has(to) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => self.rename(from, to),
        }
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.operate(Operation::SyncDirectory)?;
        self.state().files.sync_directory(directory);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if !self.has(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.operate(Operation::Name)?;
        self.state().files.change(Naming::Removed(path.to_owned()));
        Ok(())
    }

    fn is_named(&self, path: &Path, file: &SimFile) -> bool {
        let state = self.state();
        let there = state.files.names.get(path);
        there.is_some_and(|there| Arc::ptr_eq(there, &file.held))
    }

    fn is_file(&self, path: &Path) -> io::Result<bool> {
        Ok(self.has(path))
    }

    fn create_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let state = self.state();
        let names = state.files.names.keys();
        let inside = names.filter(|p| p.parent() == Some(directory));
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
        let synced = self.disk.operate(Operation::Sync);
        match synced {
            Ok(()) => lock(&self.held).sync(),
            Err(_) => lock(&self.held).fail_sync(),
        }
        synced
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
        self.disk.operate(Operation::Write)?;
        lock(&self.held).truncate(len as usize);
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
    /// A write that fails may have written a part.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.disk.is_full() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = match self.disk.operate(Operation::Write) {
            Ok(()) => bytes.len(),
            Err(error) => match self.disk.below(bytes.len() as u64) as usize {
                0 => return Err(error),
                part => part,
            },
        };
        let mut held = lock(&self.held);
        let there = held.bytes.len();
        assert!(
            self.at >= there,
            "files are written from their start to their end"
        );
        // Zeros where nothing was written.
        held.bytes.resize(self.at, 0);
        held.bytes.extend_from_slice(&bytes[..written]);
        self.at += written;
        Ok(written)
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
