//! Reads one file of a log, item by item, and judges it. Memory is a window, and the largest single request.

use super::Failed;
use crate::progress::Progress;
use crate::source::{Source, Trouble};
use aof::judge::{Event, is_seal};
use aof::reader::{Item, Reader, Step};
use aof::search::Search;
use aof::{Defect, Judge};
use disk::DiskFile;
use pipes::window::{Window, Windows};
use std::io::{self, Read};
use std::ops::Range;

/// Bytes of a window where only items are looked at.
const WINDOW: usize = 1 << 20;

/// The buffers for windows.
#[derive(Clone, Copy, Debug)]
pub struct Buffers {
    /// Bytes of a window.
    pub bytes: usize,
    /// How many are in use at once at most, two or more, those of the windows that the visitor keeps included.
    pub count: usize,
}

/// An item and its place.
#[derive(Debug)]
pub struct Passed<'a> {
    /// Offset of its first byte.
    pub offset: u64,
    /// Where it begins in its window.
    pub in_window: usize,
    /// Its bytes in the file.
    pub bytes: &'a [u8],
    /// What it is.
    pub item: Item<'a>,
    /// What it says beyond itself.
    pub event: Event,
    /// The end of the last item outside of transactions, this one included.
    pub whole: u64,
}

/// What a file is.
#[derive(Debug)]
pub struct Walked {
    /// Where it ended when it was opened.
    pub size: u64,
    /// The state at the end, or at the defect.
    pub judge: Judge,
    /// What is wrong, if anything is.
    pub defect: Option<Defect>,
    /// After a defect: the offset of a sealed batch that is sound. The defect is not a torn tail then.
    pub sound_after: Option<u64>,
}

impl Walked {
    /// Up to which byte the file is to be kept.
    pub fn keep(&self) -> u64 {
        match &self.defect {
            None => self.judge.whole(),
            Some(defect) => self.judge.keep(defect),
        }
    }
}

/// A part of a file.
struct Part<'f, F> {
    file: &'f F,
    at: u64,
    end: u64,
}

impl<F: DiskFile> Read for Part<'_, F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = (self.end - self.at).min(buf.len() as u64) as usize;
        let read = self.file.read_some_at(&mut buf[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Who looks at a file while it is walked through.
pub trait Visitor {
    /// The next item.
    ///
    /// # Errors
    /// What ends the walk.
    fn item(&mut self, passed: &Passed<'_>) -> Result<(), Failed>;

    /// The window of the last items is done with: it holds them and nothing else. The walk goes on when it may use
    /// another buffer.
    ///
    /// # Errors
    /// What ends the walk.
    fn window(&mut self, window: Window, judge: &Judge) -> Result<(), Failed>;
}

/// One who looks at items only.
struct Items<F>(F);

impl<F: FnMut(&Passed<'_>) -> Result<(), Failed>> Visitor for Items<F> {
    fn item(&mut self, passed: &Passed<'_>) -> Result<(), Failed> {
        self.0(passed)
    }

    fn window(&mut self, _window: Window, _judge: &Judge) -> Result<(), Failed> {
        Ok(())
    }
}

/// Reads the log that begins at `start` in a regular file, up to the size that the file had when it was opened.
///
/// # Errors
/// Those of the file and of `each`.
pub fn walk(
    source: &Source,
    start: u64,
    progress: bool,
    each: impl FnMut(&Passed<'_>) -> Result<(), Failed>,
) -> Result<Walked, Failed> {
    let size = source.size().unwrap_or_default();
    let buffers = Buffers {
        bytes: WINDOW,
        count: 2,
    };
    let file = source.require_file("this tool")?;
    let bar = Progress::new(source.name(), Some(size.max(start)), progress);
    visit(file, (start..size, buffers), bar, &mut Items(each))
}

/// Reads the log in this range of a regular file, as if the file ended there. `bar` has its name.
///
/// # Errors
/// Those of the file and of the visitor.
pub fn visit(
    file: &impl DiskFile,
    (range, buffers): (Range<u64>, Buffers),
    mut bar: Progress,
    visitor: &mut impl Visitor,
) -> Result<Walked, Failed> {
    let start = range.start;
    let size = range.end.max(start);
    let name = bar.name().to_owned();
    let fail = |e: io::Error| Trouble(format!("cannot read {name}: {e}"));
    let part = Part {
        file,
        at: start,
        end: size,
    };
    let mut windows = Windows::with_buffers(part, buffers.bytes, buffers.count);
    let (mut reader, mut judge) = (Reader::at(start), Judge::at(start));
    let defect = loop {
        let (mut at, mut at_least, mut defect) = (0, 1, None);
        // Where those bytes begin that have passed the judge and are not summed: many at once take less time.
        let mut passed = 0;
        let bytes = windows.bytes();
        while at < bytes.len() && defect.is_none() {
            let offset = reader.offset();
            match reader.next(&bytes[at..]) {
                Err(e) => defect = Some(e),
                Ok(Step::NeedMore { at_least: wanted }) => {
                    // What the rest of the file cannot hold need not be read.
                    if wanted > size - offset {
                        let begun = offset;
                        defect = Some(Defect::new(size, aof::Wrong::CutOff { begun }));
                    }
                    at_least = wanted as usize;
                    break;
                }
                Ok(Step::Item { item, consumed }) => {
                    let end = at + consumed;
                    if is_seal(&item) {
                        judge.sum(&bytes[passed..at]);
                        passed = end;
                    }
                    match judge.pass(offset, consumed, &item) {
                        Err(e) => defect = Some(e),
                        Ok(event) => visitor.item(&Passed {
                            offset,
                            in_window: at,
                            bytes: &bytes[at..end],
                            item,
                            event,
                            whole: judge.whole(),
                        })?,
                    }
                    at = end;
                }
            }
        }
        judge.sum(&bytes[passed..at]);
        bar.tick(start + windows.offset());
        if at > 0 {
            visitor.window(windows.hand_out(at).map_err(fail)?, &judge)?;
        }
        if defect.is_some() {
            break defect;
        }
        if windows.fill(at_least).map_err(fail)? == 0 {
            break match windows.bytes() {
                [] => judge.end(reader.offset()).err(),
                rest => Some(reader.cut_off(rest)),
            };
        }
    };
    let sound_after = match &defect {
        None => None,
        Some(_) => search(file, judge.proven(), size).map_err(fail)?,
    };
    Ok(Walked {
        size,
        judge,
        defect,
        sound_after,
    })
}

/// Looks for a sound batch from `at` on.
fn search(file: &impl DiskFile, at: u64, end: u64) -> io::Result<Option<u64>> {
    let mut windows = Windows::with_buffers(Part { file, at, end }, WINDOW, 2);
    let mut search = Search::at(at);
    loop {
        let last = windows.fill(1)? == 0;
        let (done, found) = search.next(windows.bytes(), last);
        if found.is_some() || last {
            return Ok(found);
        }
        drop(windows.hand_out(done)?);
    }
}
