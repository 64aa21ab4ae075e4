//! The files of the log.
//!
//! Invariants:
//!  * What the manifest on disk names makes up, in order, all batches that were durable, each once.
//!  * A batch is kept in memory until it is durable (or written, if no more is required). After a failure, the
//!    increment is truncated to what is settled, and the kept batches are written again: to the same file if a write
//!    has failed, and to a new one if a sync has, because the system may have dropped the pages of the old one.
//!  * A new increment begins only when everything before it is durable.

use super::archive::SharedArchive;
use super::batch::{Batch, Mark, select};
use super::strays;
use aof::manifest::{File as Entry, Kind};
use aof::names::{self, BaseForm};
use aof::{Manifest, Sealer};
use disk::{Aside, Disk, DiskFile};
use engine::CommitPosition;
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What an operation on the log's files may fail with.
#[derive(Debug)]
pub struct AppendError {
    /// What was tried: a verb and its object.
    pub what: &'static str,
    /// Why it failed.
    pub source: io::Error,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.what, self.source)
    }
}

impl std::error::Error for AppendError {}

/// The id of a batch that has no place in a history.
const NOWHERE: [u8; 40] = [b'0'; 40];

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> AppendError {
    move |source| AppendError { what, source }
}

/// Writes the log of one directory.
pub struct Writer<D: Disk> {
    disk: D,
    directory: PathBuf,
    filename: String,
    /// What the manifest on disk says.
    manifest: Manifest,
    /// Increments before the current one that no manifest has named. They are removed when another base is installed.
    passed: Vec<String>,
    current: Option<Increment<D>>,
    /// The increments since the last cut, the current one included. A base that is installed goes before these.
    since_cut: Vec<Entry>,
    /// Batches that are not settled, oldest first.
    kept: VecDeque<Batch>,
    /// How many of them the current increment has.
    written: usize,
    /// The current increment has to be mended before more is written.
    broken: Option<Broken>,
    /// Bytes of `kept`.
    kept_bytes: usize,
    durable: Mark,
    /// Where what is settled ends.
    last: Mark,
    /// The numbers of the last base and the last increment that were tried. None is used twice: a manifest whose
    /// directory could not be synced may or may not be there after a crash, so what it names stays as it is.
    base_seq: i64,
    increment_seq: i64,
    /// Batches are sealed.
    seals: bool,
    /// Which bytes of the stream were written where.
    archive: SharedArchive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Write,
    Sync,
    /// There is no increment yet.
    Begin,
}

/// The file that is being written.
struct Increment<D: Disk> {
    file: D::File,
    name: String,
    seq: i64,
    /// The manifest names it.
    listed: bool,
    /// Bytes in it.
    len: u64,
    /// Those of them that belong to no kept batch.
    settled: u64,
    sealer: Sealer,
    /// What no seal covers of the bytes that are settled.
    settled_sealer: Sealer,
    /// A reader has a database selected at its end.
    selected: bool,
    /// Up to where [`Writer::start_write_back`] has come.
    written_back: u64,
}

/// Fewer bytes than this wait for more, or for the sync.
const WRITE_BACK_FROM: u64 = 512 << 10;

impl<D: Disk> Writer<D> {
    /// A writer for the log that `manifest`, read from this directory, describes, and that ends at `last`. It writes
    /// nothing before [`Writer::begin_increment`].
    pub fn new(
        disk: D,
        directory: PathBuf,
        filename: String,
        manifest: Manifest,
        last: Mark,
    ) -> Writer<D> {
        let base_seq = manifest.base.as_ref().map_or(0, |base| base.seq);
        let increment_seq = manifest.increments.last().map_or(0, |file| file.seq);
        Writer {
            base_seq,
            increment_seq,
            disk,
            directory,
            filename,
            manifest,
            passed: Vec::new(),
            current: None,
            since_cut: Vec::new(),
            kept: VecDeque::new(),
            written: 0,
            broken: None,
            kept_bytes: 0,
            durable: last,
            last,
            seals: true,
            archive: SharedArchive::default(),
        }
    }

    /// What is written and removed is noted in this archive from now on.
    pub fn note_in(&mut self, archive: SharedArchive) {
        self.archive = archive;
    }

    /// Whether batches are sealed from now on. A seal covers all batches before it that have none.
    pub fn set_seals(&mut self, seals: bool) {
        self.seals = seals;
    }

    /// Takes a batch. It is not written yet.
    pub fn push(&mut self, batch: Batch) {
        self.kept_bytes += batch.bytes.len();
        self.kept.push_back(batch);
    }

    /// Bytes of batches that are kept in memory.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Batches wait to be written, or the increment for them has to be begun.
    pub fn has_unwritten(&self) -> bool {
        self.written < self.kept.len() || self.broken == Some(Broken::Begin)
    }

    /// The increment that the manifest is to name could not be begun: [`Writer::write`] tries again.
    pub fn begin_later(&mut self) {
        self.broken = Some(Broken::Begin);
    }

    /// Bytes were written that are not known to be durable, though they may count as settled.
    pub fn has_unsynced(&self) -> bool {
        self.written > 0 || self.durable != self.last
    }

    /// All commits up to this one are durable.
    pub fn durable(&self) -> CommitPosition {
        self.durable.at
    }

    /// Where what is durable ends.
    pub fn durable_end(&self) -> Mark {
        self.durable
    }

    /// Where what has been written ends, durable or not.
    pub fn written_end(&self) -> Mark {
        let last = self.written.checked_sub(1);
        last.map_or(self.last, |last| self.kept[last].end)
    }

    /// Where the log ends that has been handed over.
    pub fn last(&self) -> Mark {
        self.kept.back().map_or(self.last, |batch| batch.end)
    }

    /// The manifest names what is being written.
    pub fn is_listed(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.listed)
    }

    /// Bytes of the current increment.
    pub fn increment_bytes(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.len)
    }

    /// The number for a new base.
    pub fn next_base(&mut self) -> i64 {
        self.base_seq += 1;
        self.base_seq
    }

    /// What the manifest on disk says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes all batches that are not written yet, and their seal.
    ///
    /// # Errors
    /// The disk's. The batches are kept; [`Writer::mend`] comes next.
    pub fn write(&mut self) -> Result<(), AppendError> {
        if self.broken.is_some() {
            return self.mend();
        }
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let Some(last) = self.kept.back() else {
            return Ok(());
        };
        if self.written == self.kept.len() {
            return Ok(());
        }
        let mut before = Vec::new();
        let unwritten = self.kept.range(self.written..);
        if let (false, Some(db)) = (
            current.selected,
            unwritten.clone().next().and_then(|b| b.db),
        ) {
            before = select(db);
        }
        // What follows the first batch continues in the database that the previous batch has selected.
        current.selected = true;
        let mut seal = Vec::new();
        let join = unwritten.clone().all(|batch| batch.joins);
        let bytes = unwritten.map(|batch| &batch.bytes[..]);
        let mut parts: Vec<&[u8]> = std::iter::once(&before[..]).chain(bytes).collect();
        parts.iter().for_each(|part| current.sealer.update(part));
        let Mark { id, offset, ms, .. } = last.end;
        if self.seals {
            current.sealer.seal(&id, offset, ms, &mut seal);
            parts.push(&seal);
        }
        current.len += parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let result = write_all_at_once(&mut current.file, &mut slices);
        match result {
            Ok(()) => {
                self.written = self.kept.len();
                let (len, tells) = (current.len, self.seals && id != NOWHERE);
                self.archive.with(|archive| match tells {
                    true => archive.wrote(len, offset, id, join),
                    false => archive.clear(),
                });
                Ok(())
            }
            Err(error) => {
                self.broken = Some(Broken::Write);
                Err(failed("write the append-only file")(error))
            }
        }
    }

    /// Asks the system to begin writing to the disk what was written, once that is enough to be worth it. If all of it
    /// waited for the sync, the processor and the disk would be busy with it for a while then.
    pub fn start_write_back(&mut self) {
        if let Some(current) = self.current.as_mut().filter(|_| self.broken.is_none()) {
            let more = current.len.saturating_sub(current.written_back);
            if more >= WRITE_BACK_FROM {
                current.file.start_write_back(current.written_back, more);
                current.written_back = current.len;
            }
        }
    }

    /// What was written counts as settled, though it may not be durable.
    pub fn settle_written(&mut self) {
        if let Some(current) = self.current.as_mut().filter(|_| self.broken.is_none()) {
            current.settled = current.len;
            current.settled_sealer = current.sealer.clone();
            for batch in self.kept.drain(..self.written) {
                self.kept_bytes -= batch.bytes.len();
                self.last = batch.end;
            }
            self.written = 0;
        }
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// The disk's. The batches are kept; [`Writer::mend`] comes next.
    pub fn sync(&mut self) -> Result<(), AppendError> {
        if self.broken.is_some() {
            self.mend()?;
        }
        let Some(current) = &self.current else {
            return Ok(());
        };
        if let Err(error) = current.file.sync_bytes() {
            self.broken = Some(Broken::Sync);
            return Err(failed("sync the append-only file")(error));
        }
        self.settle_written();
        self.durable = self.last;
        Ok(())
    }

    /// After a failure: truncates the increment to what is settled, and writes all kept batches again.
    ///
    /// # Errors
    /// The disk's; it may be tried again.
    pub fn mend(&mut self) -> Result<(), AppendError> {
        if self.broken == Some(Broken::Begin) {
            self.open_increment(true)?;
            self.broken = None;
            return self.write();
        }
        let (Some(broken), Some(current)) = (self.broken, &mut self.current) else {
            return Ok(());
        };
        // Readers must be able to see that before the file changes.
        let (settled, offset) = (current.settled, self.last.offset);
        self.archive.with(|archive| archive.cut(settled, offset));
        let cut = current.file.truncate(current.settled);
        cut.map_err(failed("cut off the append-only file"))?;
        let synced = current.file.sync();
        synced.map_err(failed("sync the append-only file that was cut off"))?;
        let sought = current.file.seek(SeekFrom::Start(current.settled));
        sought.map_err(failed("go on in the append-only file"))?;
        current.len = current.settled;
        current.written_back = current.written_back.min(current.settled);
        current.sealer = current.settled_sealer.clone();
        // What is kept says which database it needs only at its own start.
        current.selected = false;
        self.written = 0;
        if broken == Broken::Sync {
            let listed = current.listed;
            self.open_increment(listed)?;
        }
        self.broken = None;
        self.write()
    }

    /// Goes on in the last increment that the manifest names, which is durable and ends after `len` bytes; `sealer` has
    /// taken in what no seal of it covers. False if there is none, or not this one.
    ///
    /// # Errors
    /// The disk's. Nothing has been written.
    pub fn resume(&mut self, len: u64, sealer: Sealer) -> Result<bool, AppendError> {
        let what = "go on in the append-only file";
        let last = self.manifest.increments.last();
        let Some(last) = last.filter(|last| last.end.is_none()).cloned() else {
            return Ok(false);
        };
        let Ok(name) = String::from_utf8(last.name.clone()) else {
            return Ok(false);
        };
        let opened = self.disk.open_to_write(&self.path(&name));
        let mut file = opened.map_err(failed(what))?;
        if file.size().map_err(failed(what))? != len {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(len)).map_err(failed(what))?;
        self.current = Some(Increment {
            file,
            name,
            seq: last.seq,
            listed: true,
            len,
            settled: len,
            settled_sealer: sealer.clone(),
            sealer,
            selected: false,
            written_back: len,
        });
        self.since_cut = vec![last];
        Ok(true)
    }

    /// The name of the current increment.
    pub fn increment_name(&self) -> &str {
        self.current.as_ref().map_or("", |current| &current.name)
    }

    /// Begins a new increment, for what is pushed from now on. If it is `listed` the manifest names it at once; if it
    /// is not, it counts from the next [`Writer::install_base`] on.
    ///
    /// # Errors
    /// An error of the disk. The log continues in the existing increment.
    pub fn begin_increment(&mut self, listed: bool) -> Result<(), AppendError> {
        self.write()?;
        self.sync()?;
        let before = std::mem::take(&mut self.since_cut);
        self.open_increment(listed)
            .inspect_err(|_| self.since_cut = before)
    }

    fn open_increment(&mut self, listed: bool) -> Result<(), AppendError> {
        let what = "create a file of the append-only log";
        let (seq, name, file) = loop {
            self.increment_seq += 1;
            let name = names::increment(&self.filename, self.increment_seq);
            match self.disk.create(&self.path(&name), 0o644) {
                // It is left from a process that ended before a manifest named it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => break (self.increment_seq, name, file.map_err(failed(what))?),
            }
        };
        let mut seal = Vec::new();
        let Mark { id, offset, ms, .. } = self.last;
        if self.seals {
            Sealer::new().seal(&id, offset, ms, &mut seal);
        }
        let mut next: Increment<D> = Increment {
            file,
            name,
            seq,
            listed,
            len: seal.len() as u64,
            settled: seal.len() as u64,
            sealer: Sealer::new(),
            settled_sealer: Sealer::new(),
            selected: false,
            written_back: 0,
        };
        let mut begun = next.file.write_all(&seal).map_err(failed(what));
        if begun.is_ok() {
            // What a power cut leaves behind this seal is known to be a torn end. Without it zeros would be damage.
            let synced = next.file.sync();
            begun = synced.map_err(failed("sync a new file of the append-only log"));
        }
        if begun.is_ok() {
            // A manifest must not be there after a crash without the file that it names.
            let synced = self.disk.sync_directory(&self.directory);
            begun = synced.map_err(failed("sync the directory of the append-only log"));
        }
        if let Err(error) = begun {
            // No manifest can name it, and each further attempt would leave another one.
            let _ = self.disk.remove(&self.path(&next.name));
            return Err(error);
        }
        if listed {
            let mut manifest = self.manifest.clone();
            manifest.increments.push(entry(&next));
            self.write_manifest(manifest)?;
        }
        let (name, tells) = (Path::new(&next.name), self.seals && id != NOWHERE);
        self.archive.with(|archive| match tells {
            true => archive.begin(name, offset, id),
            false => archive.begin_untold(name),
        });
        self.since_cut.push(entry(&next));
        let before = self.current.replace(next);
        self.passed.extend(
            before
                .filter(|before| !before.listed)
                .map(|before| before.name),
        );
        Ok(())
    }

    /// The base of this number and form is in its place, durable, and holds everything before the current increment.
    /// The files that were in the log before stay, as history, until [`Writer::remove_history`]. Returns their bytes.
    ///
    /// # Errors
    /// The disk's. The log is what it was, without the base.
    pub fn install_base(&mut self, seq: i64, form: BaseForm) -> Result<u64, AppendError> {
        let old = &self.manifest;
        let passed = old.increments.iter();
        let passed = passed.filter(|file| !self.since_cut.contains(file));
        // The newest first, as real servers have them.
        let passed = passed.rev().chain(&old.base).cloned();
        let history = passed.map(|file| Entry {
            kind: Kind::History,
            ..file
        });
        let manifest = Manifest {
            base: Some(Entry {
                name: names::base(&self.filename, seq, form).into_bytes(),
                seq,
                kind: Kind::Base,
                start: None,
                end: None,
            }),
            history: history.chain(old.history.iter().cloned()).collect(),
            increments: self.since_cut.clone(),
        };
        self.write_manifest(manifest)?;
        if let Some(current) = &mut self.current {
            current.listed = true;
        }
        let since_cut = &self.since_cut;
        self.passed
            .retain(|name| !since_cut.iter().any(|file| file.name == name.as_bytes()));
        for name in std::mem::take(&mut self.passed) {
            self.remove(&name);
        }
        let sizes = self.manifest.history.iter().map(|file| {
            let path = self.path(&String::from_utf8_lossy(&file.name));
            self.disk.open(&path).and_then(|file| file.size())
        });
        Ok(sizes.map(|size| size.unwrap_or(0)).sum())
    }

    /// True if files stay that are not needed any more.
    pub fn has_history(&self) -> bool {
        !self.manifest.history.is_empty()
    }

    /// Removes the files that were in the log and are not needed any more. Returns their names.
    ///
    /// # Errors
    /// An error of the disk. The files are gone, but the manifest still names them.
    pub fn remove_history(&mut self) -> Result<Vec<String>, AppendError> {
        if self.manifest.history.is_empty() {
            return Ok(Vec::new());
        }
        let mut manifest = self.manifest.clone();
        // Whatever is left of these is removed at the next start, or after the next rewrite.
        let history = std::mem::take(&mut manifest.history).into_iter();
        let history = history.map(|file| String::from_utf8_lossy(&file.name).into_owned());
        let history: Vec<String> = history.collect();
        for name in &history {
            self.remove(name);
        }
        self.write_manifest(manifest)?;
        Ok(history)
    }

    /// Removes a file that is not needed any more. Whatever is left is removed at the next start.
    fn remove(&self, name: &str) {
        self.archive.with(|archive| archive.forget(Path::new(name)));
        let _ = self.disk.remove(&self.path(name));
    }

    /// Removes history unless it is kept, and gives other names to files of this log that the manifest does not name,
    /// unless there is nothing in them: those that a process left which ended in the midst of a rewrite, or whatever
    /// else they are. Returns their former and their new names. Nobody else may be writing the log.
    ///
    /// # Errors
    /// The disk's; nothing that is needed is gone.
    pub fn clear_away(
        &mut self,
        keeps_history: bool,
    ) -> Result<Vec<(String, String)>, AppendError> {
        let what = "clear up the directory of the append-only log";
        // The manifest that was read may not be durable, and the one before it may need other files.
        let synced = self.disk.sync_directory(&self.directory);
        synced.map_err(failed(what))?;
        let names = self.disk.list(&self.directory).map_err(failed(what))?;
        let mut moved = Vec::new();
        for name in names.iter().filter_map(|name| name.to_str()) {
            let named = |file: &Entry| file.name == name.as_bytes();
            let history = self.manifest.history.iter().any(named);
            let needed = (history && keeps_history) || self.manifest.files().any(named);
            if needed || !names::is_of_log(&self.filename, name) {
                continue;
            }
            let path = self.path(name);
            let stray = names::is_log_file(&self.filename, name) && !history;
            if stray && !strays::holds_nothing(&self.disk, &path).map_err(failed(what))? {
                let other = strays::rename(&self.disk, &path, name).map_err(failed(what))?;
                moved.push((name.to_owned(), other));
            } else {
                let removed = self.disk.remove_unlocked(&path);
                removed.map_err(failed(what))?;
            }
        }
        if !moved.is_empty() {
            let synced = self.disk.sync_directory(&self.directory);
            synced.map_err(failed(what))?;
        }
        let base = disk::remove_leftovers(&self.disk, &self.directory, ("temp-", ".rdb"));
        base.map_err(failed(what))?;
        if !self.manifest.history.is_empty() && !keeps_history {
            let mut manifest = self.manifest.clone();
            manifest.history.clear();
            self.write_manifest(manifest)?;
        }
        Ok(moved)
    }

    /// Makes durable what another process has written: it may have been killed before it came to that.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync_files(&self) -> Result<(), AppendError> {
        for file in &self.manifest.increments {
            let path = self.path(&String::from_utf8_lossy(&file.name));
            let synced = self.disk.open(&path).and_then(|file| file.sync_bytes());
            synced.map_err(failed("sync the append-only file that was loaded"))?;
        }
        Ok(())
    }

    /// Writes the manifest with which the writer began.
    ///
    /// # Errors
    /// The disk's.
    pub fn write_manifest_again(&mut self) -> Result<(), AppendError> {
        self.write_manifest(self.manifest.clone())
    }

    fn write_manifest(&mut self, manifest: Manifest) -> Result<(), AppendError> {
        let name = names::manifest(&self.filename);
        let write = || -> io::Result<()> {
            let prefix = format!("temp-{name}-");
            let mut aside =
                Aside::create_in(&self.disk, &self.directory, (prefix.as_str(), ""), 0o644)?;
            let bytes = manifest
                .print()
                .map_err(|e| io::Error::other(e.to_string()))?;
            aside.write_all(&bytes)?;
            aside.sync()?.place(&self.path(&name))?.sync_directory()?;
            Ok(())
        };
        write().map_err(failed("write the manifest of the append-only log"))?;
        self.manifest = manifest;
        Ok(())
    }

    /// The directory of the log.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Writes all slices with as few calls as the system allows.
fn write_all_at_once(file: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    // Drops what is empty, which could not be told from a file that takes nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn entry<D: Disk>(increment: &Increment<D>) -> Entry {
    Entry {
        name: increment.name.clone().into_bytes(),
        seq: increment.seq,
        kind: Kind::Increment,
        start: None,
        end: None,
    }
}
