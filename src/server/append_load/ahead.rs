//! Reads one file of a log ahead of the executor: a thread splits it into requests and judges it, once.
//!
//!  * A request that has run cannot be undone, so only requests that will be kept are released: each request in a file
//!    without seals, and requests up to the last seal in a file with seals. Later requests wait in memory for the next
//!    seal.
//!  * Memory is bounded: if too many requests would have to wait, the file is read to its end without them, and then
//!    read again from there, when it is known where the sound part ends.
//!  * Whatever can be determined about a request on any thread is determined here: its command, the hash of its key, and
//!    the order in which the requests of a window may run ([`Order`]).
//!  * Nothing on disk is changed here. What happens about a defect is decided when the whole file has been read.

use aof::Judge;
use aof::reader::Item;
use disk::{Disk, DiskFile, Machine};
use engine::replay::{Known, Order};
use flow::append::Reading;
use keyspace::Hasher;
use pipes::window::Window;
use smallvec::SmallVec;
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
const WINDOW: usize = 4 << 20;
/// Pieces that may wait to be taken.
const AHEAD: usize = 2;
/// Windows whose requests may wait for their release.
const HELD: usize = 16;
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

/// The requests of a window, in the order in which they are to run. What the executor reads of them lies in that order,
/// too, except their bytes. Those that were released when the batch was given come first, the others follow as they
/// stand in the file.
pub struct Batch {
    window: Window,
    /// Places of the arguments in the window.
    spans: Vec<(usize, usize)>,
    requests: Vec<Laid>,
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

/// A request of a batch, and what is known of it.
struct Laid {
    ends: Ends,
    known: Known,
}

/// A request of a batch.
#[derive(Clone, Copy)]
pub struct Request<'b> {
    batch: &'b Batch,
    place: usize,
}

impl Batch {
    /// The number of requests that are to run.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// The one that is to run at this place. Those at later places are not released before it.
    #[inline]
    pub fn at(&self, place: usize) -> Request<'_> {
        Request { batch: self, place }
    }
}

impl<'b> Request<'b> {
    /// Its arguments.
    #[inline]
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'b [u8]> {
        let bytes = self.batch.window.bytes();
        self.spans()
            .iter()
            .map(move |&(at, len)| &bytes[at..at + len])
    }

    /// Its arguments and what is between them.
    #[inline]
    pub fn bytes(&self) -> &'b [u8] {
        let spans = self.spans();
        match (spans.first(), spans.last()) {
            (Some((from, _)), Some((at, len))) => &self.batch.window.bytes()[*from..at + len],
            _ => &[],
        }
    }

    /// Places of its arguments in the window.
    #[inline]
    fn spans(&self) -> &'b [(usize, usize)] {
        let requests = &self.batch.requests;
        let first = spans_before(self.place, |before| requests[before].ends);
        &self.batch.spans[first..requests[self.place].ends.spans]
    }

    /// Where it ends in the file.
    #[inline]
    pub fn end(&self) -> u64 {
        self.batch.requests[self.place].ends.file
    }

    /// What is known of it.
    #[inline]
    pub fn known(&self) -> &'b Known {
        &self.batch.requests[self.place].known
    }
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
        spans: Vec::new(),
        requests: Vec::new(),
        known: Vec::new(),
        order: Order::default(),
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
    spans: Vec<(usize, usize)>,
    requests: Vec<Ends>,
    known: Vec<Known>,
    order: Order,
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
        let first: SmallVec<[&[u8]; 3]> = request.args().take(3).collect();
        let count = request.spans().len();
        self.known.push(Known::of(&first, count, &self.hasher));
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
        let due = self.requests.partition_point(|ends| ends.file <= released);
        let (spans, requests) = self.laid_out(due);
        let batch = Batch {
            window,
            spans,
            requests,
            released,
        };
        match (self.give)(batch) {
            true => Ok(()),
            false => Err(Failed::Defect("nobody takes what is read".to_owned())),
        }
    }
}

impl<G> Ahead<G> {
    /// The requests since the last window in the order in which they are to run, of which the first `due` are released,
    /// and the places of their arguments.
    fn laid_out(&mut self, due: usize) -> (Vec<(usize, usize)>, Vec<Laid>) {
        let order = self.order.of(&self.known, due);
        let mut spans = Vec::with_capacity(self.spans.len());
        let mut requests = Vec::with_capacity(order.len());
        for number in order {
            let number = number as usize;
            let Ends { spans: end, file } = self.requests[number];
            let first = spans_before(number, |before| self.requests[before]);
            spans.extend_from_slice(&self.spans[first..end]);
            let ends = Ends {
                spans: spans.len(),
                file,
            };
            let known = self.known[number];
            requests.push(Laid { ends, known });
        }
        self.spans.clear();
        self.requests.clear();
        self.known.clear();
        (spans, requests)
    }
}

/// The number of spans before those of a request.
#[inline]
fn spans_before(number: usize, ends: impl Fn(usize) -> Ends) -> usize {
    number.checked_sub(1).map_or(0, |before| ends(before).spans)
}
