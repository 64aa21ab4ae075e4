//! Reads one file of a log ahead of the executor: a thread splits it into requests and judges it, once.
//!
//!  * A request that has run cannot be undone, so only requests that will be kept are released: each request in a file
//!    without seals, and requests up to the last seal in a file with seals. Later requests wait in memory for the next
//!    seal.
//!  * Memory is bounded: if too many requests would have to wait, the file is read to its end without them, and then
//!    read again from there, when it is known where the sound part ends.
//!  * Nothing on disk is changed here. What happens about a defect is decided when the whole file has been read.

use aof::Judge;
use aof::reader::Item;
use flow::append::Reading;
use pipes::window::Window;
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use tools::aof::Failed;
use tools::aof::walk::{self, Passed, Visitor, Walked};
use tools::source::Source;

/// Pieces that may wait to be taken.
const AHEAD: usize = 4;
/// Windows whose requests may wait for their release.
const HELD: usize = 64;
/// Bytes of requests that may wait for their release.
const HELD_BYTES: u64 = (HELD as u64) << 20;

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

/// The requests of a window.
pub struct Batch {
    window: Window,
    /// Places of the arguments in the window.
    spans: Vec<(usize, usize)>,
    requests: Vec<Ends>,
    /// All requests that end at this byte of the file or before, those of batches that were given earlier included,
    /// may run.
    pub released: u64,
}

/// Where a request ends.
#[derive(Clone, Copy)]
struct Ends {
    /// The number of spans up to its end.
    spans: usize,
    /// Offset in the file.
    file: u64,
}

impl Batch {
    /// The number of requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// The arguments of a request.
    #[inline]
    pub fn request(&self, i: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let first = i
            .checked_sub(1)
            .map_or(0, |before| self.requests[before].spans);
        let bytes = self.window.bytes();
        let spans = &self.spans[first..self.requests[i].spans];
        spans.iter().map(move |&(at, len)| &bytes[at..at + len])
    }

    /// Where a request ends in the file.
    #[inline]
    pub fn end(&self, i: usize) -> u64 {
        self.requests[i].file
    }
}

/// How to read.
pub enum Mode {
    /// The judgement; what the file says about the replication stream is added to it.
    Judge(Option<Box<Reading>>),
    /// It has been judged, and all of it may run.
    Known,
}

/// Reads a range of a file. `give` gets the requests, and is false when nobody takes more.
///
/// # Errors
/// The file cannot be read, or nobody takes more.
pub fn read(
    path: &Path,
    range: Range<u64>,
    mode: Mode,
    give: impl FnMut(Batch) -> bool,
) -> Result<Seen, Failed> {
    let (known, reading) = match mode {
        Mode::Judge(reading) => (false, reading),
        Mode::Known => (true, None),
    };
    let mut ahead = Ahead {
        give,
        known,
        reading,
        start: range.start,
        spans: Vec::new(),
        requests: Vec::new(),
        held: VecDeque::new(),
        left_from: None,
    };
    let source = Source::open(path)?;
    // One for each piece that waits in the channel, two that are being run or freed, two of the walk.
    let buffers = HELD + AHEAD + 4;
    let range = range.start..range.end.min(source.size().unwrap_or_default());
    let walked = walk::visit(&source, range, buffers, false, &mut ahead)?;
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
) -> (impl FnOnce() + Send + 'static, mpsc::Receiver<Piece>) {
    let (give, take) = mpsc::channel(AHEAD);
    let read = move || {
        let seen = read(&path, range, mode, |batch| {
            give.blocking_send(Piece::Requests(batch)).is_ok()
        });
        let _ = give.blocking_send(Piece::End(Box::new(seen)));
    };
    (read, take)
}

/// The reader's side.
struct Ahead<G> {
    give: G,
    known: bool,
    reading: Option<Box<Reading>>,
    /// Offset in the file of the first window.
    start: u64,
    spans: Vec<(usize, usize)>,
    requests: Vec<Ends>,
    /// The ends of the windows that wait for their release.
    held: VecDeque<u64>,
    /// Too much waits: the rest is only judged.
    left_from: Option<u64>,
}

impl<G: FnMut(Batch) -> bool> Visitor for Ahead<G> {
    fn item(&mut self, passed: &Passed<'_>) -> Result<(), Failed> {
        if let Some(reading) = &mut self.reading {
            reading.item(passed.bytes, &passed.item, &passed.event);
        }
        let Item::Request(request) = passed.item else {
            return Ok(());
        };
        if self.left_from.is_some() {
            return Ok(());
        }
        let at = passed.in_window;
        self.spans.extend(
            request
                .spans()
                .iter()
                .map(|&(place, len)| (at + place, len)),
        );
        self.requests.push(Ends {
            spans: self.spans.len(),
            file: passed.offset + passed.bytes.len() as u64,
        });
        Ok(())
    }

    fn window(&mut self, window: Window, judge: &Judge) -> Result<(), Failed> {
        if self.left_from.is_some() {
            return Ok(());
        }
        let end = self.start + window.offset + window.bytes().len() as u64;
        let released = match judge.last_seal() {
            Some(_) if !self.known => judge.proven(),
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
        let (spans, requests) = (self.spans.len(), self.requests.len());
        let batch = Batch {
            window,
            // The next window is likely to have as many.
            spans: std::mem::replace(&mut self.spans, Vec::with_capacity(spans)),
            requests: std::mem::replace(&mut self.requests, Vec::with_capacity(requests)),
            released,
        };
        match (self.give)(batch) {
            true => Ok(()),
            false => Err(Failed::Defect("nobody takes what is read".to_owned())),
        }
    }
}
