//! Reads one file of a log ahead of the executor: a thread splits it into requests and judges it, once.
//!
//!  * A request that has run cannot be undone, so only requests that will be kept are released: each request in a file
//!    without seals, and requests up to the last seal in a file with seals. Later requests wait in memory for the next
//!    seal.
//!  * Memory is bounded: if too many requests would have to wait, the file is read to its end without them, and then
//!    read again from there, when it is known where the sound part ends.
//!  * Whatever can be determined about a request on any thread is determined here: its command, the hash of its key, and
//!    the order in which the requests of a window may run ([`engine::replay::Order`]).
//!  * Nothing on disk is changed here. What happens about a defect is decided when the whole file has been read.

use super::batch::{Batch, Layout};
use aof::Judge;
use aof::reader::Item;
use disk::{Disk, DiskFile, Machine};
use engine::replay::Known;
use flow::append::Reading;
use keyspace::Hasher;
use pipes::window::Window;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tools::aof::Failed;
use tools::aof::walk::{self, Buffers, Passed, Visitor, Walked};
use tools::progress::Progress;
use tools::source::Trouble;

/// Bytes of a window. In one of this size there are some requests for each part of a keyspace of a million keys.
const WINDOW: usize = 8 << 20;
/// Pieces that may wait to be taken.
const AHEAD: usize = 2;
/// Windows whose requests may wait for their release.
const HELD: usize = 8;
/// Bytes of requests that may wait for their release.
const HELD_BYTES: u64 = (HELD * WINDOW) as u64;

/// What the thread has come to.
pub enum Piece {
    /// Some requests.
    Requests(Batch),
    /// The end of the file, or what ended the reading.
    End(Box<Result<Seen, Failed>>),
}

/// What was read.
pub struct Seen {
    /// The file.
    pub walked: Walked,
    /// What it says about the replication stream is added, if this was requested.
    pub reading: Option<Box<Reading>>,
    /// Too many requests waited for their release: those from here on have not been given, or are to be forgotten.
    pub left_from: Option<u64>,
}

/// How to read.
pub enum Mode {
    /// The judgement; what the file says about the replication stream is added to it.
    Judge(Option<Box<Reading>>),
    /// It has been judged, and all of it may run.
    Known,
}

/// Reads a range of a file. `give` gets the requests, and is false when nobody takes more. Keys are hashed as the keyspace
/// does.
///
/// # Errors
/// The file cannot be read, or nobody takes more.
pub fn read(
    disk: &impl Disk,
    path: &Path,
    range: Range<u64>,
    mode: Mode,
    hasher: Hasher,
    give: impl FnMut(Batch) -> bool,
) -> Result<Seen, Failed> {
    let (judged, reading) = match mode {
        Mode::Judge(reading) => (false, reading),
        Mode::Known => (true, None),
    };
    let mut ahead = Ahead {
        give,
        judged,
        reading,
        hasher,
        start: range.start,
        layout: Layout::default(),
        held: VecDeque::new(),
        left_from: None,
    };
    let fail = |e: io::Error| Trouble::io("read", path, &e);
    let file = disk.open(path).map_err(fail)?;
    let size = file.size().map_err(fail)?;
    // One for each piece that waits in the channel, two that are being run or freed, two of the walk.
    let buffers = Buffers {
        bytes: WINDOW,
        count: HELD + AHEAD + 4,
    };
    let range = range.start..range.end.min(size);
    let bar = Progress::new(path.display().to_string(), None, false);
    let walked = walk::visit(&file, (range, buffers), bar, &mut ahead)?;
    Ok(Seen {
        walked,
        reading: ahead.reading,
        left_from: ahead.left_from,
    })
}

/// What a thread has to do that reads, and where to take what it gives.
pub fn on_thread(
    path: PathBuf,
    range: Range<u64>,
    mode: Mode,
    hasher: Hasher,
) -> (impl FnOnce() + Send + 'static, mpsc::Receiver<Piece>) {
    let (give, take) = mpsc::channel(AHEAD);
    let read = move || {
        let seen = read(&Machine, &path, range, mode, hasher, |batch| {
            give.blocking_send(Piece::Requests(batch)).is_ok()
        });
        let _ = give.blocking_send(Piece::End(Box::new(seen)));
    };
    (read, take)
}

/// The reader's side.
struct Ahead<G> {
    give: G,
    /// It has been judged before, and all of it may run.
    judged: bool,
    reading: Option<Box<Reading>>,
    hasher: Hasher,
    /// Offset in the file of the first window.
    start: u64,
    /// The requests since the last window.
    layout: Layout,
    /// The ends of the windows that wait for their release.
    held: VecDeque<u64>,
    /// Too much waits: the rest is only judged.
    left_from: Option<u64>,
}

impl<G: FnMut(Batch) -> bool> Visitor for Ahead<G> {
    fn item(&mut self, passed: &Passed<'_>) -> Result<(), Failed> {
        if let Some(reading) = &mut self.reading {
            let end = passed.offset + passed.bytes.len() as u64;
            reading.item(passed.bytes, end, &passed.item, &passed.event);
        }
        let Item::Request(request) = passed.item else {
            return Ok(());
        };
        if self.left_from.is_some() {
            return Ok(());
        }
        let spans = request.spans();
        let mut args = request.args();
        let first = [(); 3].map(|()| args.next().unwrap_or_default());
        let known = Known::of(&first[..spans.len().min(3)], spans.len(), &self.hasher);
        let end = passed.offset + passed.bytes.len() as u64;
        self.layout.push(known, end, passed.in_window, spans);
        Ok(())
    }

    fn window(&mut self, window: Window, judge: &Judge) -> Result<(), Failed> {
        if self.left_from.is_some() {
            return Ok(());
        }
        let end = self.start + window.offset + window.bytes().len() as u64;
        let released = match judge.last_seal() {
            Some(_) if !self.judged => judge.proven(),
            // A transaction that is open at the end does not run, so it may be released.
            _ => end,
        };
        self.held.push_back(end);
        while self.held.front().is_some_and(|&end| end <= released) {
            self.held.pop_front();
        }
        if self.held.len() > HELD || end - released > HELD_BYTES {
            self.left_from = Some(released);
            return Ok(());
        }
        let batch = self.layout.hand_out(window, released);
        match (self.give)(batch) {
            true => Ok(()),
            false => Err(Failed::Defect("nobody takes what is read".to_owned())),
        }
    }
}
