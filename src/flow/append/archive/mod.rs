//! Which bytes of the replication stream the increments hold, and where.
//!
//! ```text
//! stream    first                                                          end
//!             |------------|-----------|--------------|------|-------------|
//! points      0:i1@0       0:i1@66k    0:i1@200k      i2@0   i2@70k        end of the last sealed batch
//! ```
//!
//!  * A point is the end of a sealed batch, or the start of a file. From one point to the next (or to the end) whole,
//!    sealed batches lie together in one file.
//!  * What lies between the first point and the end is one history without a gap. If the log does not tell some part of
//!    the stream, or the stream jumps, everything before that is forgotten.
//!  * There are at most two points for each [`Archive::step`] bytes of file, so that memory is bounded by the limit.
//!  * Only what was written is here. If it is cut off again ([`Archive::cut`]), that is counted before the file changes,
//!    so that a reader can know that what it has read was there before.

mod read;
#[cfg(test)]
mod tests;

pub use read::{ArchiveReader, NotThere};

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of file between two points, at least.
const STEP: u64 = 64 << 10;
/// The most points that are needed for the limit, where steps are larger than that.
const POINTS: u64 = 1 << 16;
/// Bytes of file that are read together, if there are as many.
const PIECE: u64 = 1 << 20;

/// A place in the stream and in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    /// Its name in the directory.
    file: Arc<Path>,
    /// Bytes of the file before it.
    at: u64,
    /// Bytes of the stream before it.
    offset: u64,
}

/// What is known of the increments. Offsets count the bytes of the stream before a place.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    points: VecDeque<Point>,
    /// The end of the last sealed batch, and the name of the history there.
    end: Option<(Point, [u8; 40])>,
    /// Where the files are.
    directory: PathBuf,
    /// The file that is being written.
    file: Option<Arc<Path>>,
    /// Bytes of the stream that are asked for; 0 if none are.
    limit: u64,
    cuts: u64,
}

/// Whole batches that lie together in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The name of the file.
    pub file: Arc<Path>,
    /// The offset in the file at which they begin.
    pub at: u64,
    /// The offset in the file at which they end.
    pub end: u64,
    /// Bytes of the stream before it.
    pub offset: u64,
    /// [`Archive::cuts`] at the time when it was there.
    pub cuts: u64,
}

impl Archive {
    /// An archive of at least this many bytes, if there are as many; none if it is 0.
    pub fn new(limit: u64) -> Archive {
        Archive {
            limit,
            ..Archive::default()
        }
    }

    /// How many bytes it holds, at least, if there are as many.
    pub fn set_limit(&mut self, limit: u64) {
        if self.limit != limit {
            self.limit = limit;
            self.trim();
        }
    }

    /// Where the files are.
    pub fn set_directory(&mut self, directory: PathBuf) {
        self.directory = directory;
    }

    /// Where a file of this name is.
    pub fn path(&self, file: &Path) -> PathBuf {
        self.directory.join(file)
    }

    /// Bytes of file between two points.
    fn step(&self) -> u64 {
        STEP.max(self.limit / POINTS)
    }

    /// A new file of this name begins at this offset; what follows is written to it.
    pub fn begin(&mut self, file: &Path, offset: u64, id: [u8; 40]) {
        let file: Arc<Path> = file.into();
        match &self.end {
            // The end of the file before it is where its last piece ends.
            Some((end, _)) if end.offset == offset => self.note_end(),
            _ => self.points.clear(),
        }
        let point = Point {
            file: file.clone(),
            at: 0,
            offset,
        };
        self.points.push_back(point.clone());
        self.end = Some((point, id));
        self.file = Some(file);
        self.trim();
    }

    /// As [`Archive::begin`], but nothing is known of the stream there.
    pub fn begin_untold(&mut self, file: &Path) {
        self.clear();
        self.file = Some(file.into());
    }

    /// Sealed batches were written: the file has `len` bytes now, and the stream is at `offset` in the history `id`.
    /// They `join` what was written before if they tell all of the stream from there on.
    pub fn wrote(&mut self, len: u64, offset: u64, id: [u8; 40], join: bool) {
        let Some(file) = self.file.clone() else {
            return;
        };
        let here = Point {
            file,
            at: len,
            offset,
        };
        let end = self.end.as_ref().filter(|_| join).map(|(end, _)| end);
        match (end, self.points.back()) {
            (Some(end), Some(last)) => {
                let step = self.step();
                if end.at - last.at >= step || len - end.at >= step {
                    self.note_end();
                }
            }
            _ => {
                self.points.clear();
                self.points.push_back(here.clone());
            }
        }
        self.end = Some((here, id));
        self.trim();
    }

    /// Makes the end a point.
    fn note_end(&mut self) {
        if let Some((end, _)) = &self.end
            && self.points.back().is_some_and(|last| last != end)
        {
            self.points.push_back(end.clone());
        }
    }

    /// The file will be cut off after `len` bytes, where the stream is at `offset`.
    pub fn cut(&mut self, len: u64, offset: u64) {
        self.cuts += 1;
        let (Some(file), Some((end, _))) = (&self.file, &mut self.end) else {
            return;
        };
        while self
            .points
            .back()
            .is_some_and(|last| last.file == *file && last.at > len)
        {
            self.points.pop_back();
        }
        (end.at, end.offset) = (len, offset);
        if self.points.is_empty() {
            self.points.push_back(end.clone());
        }
    }

    /// The file of this name is no longer there, and neither are those before it.
    pub fn forget(&mut self, file: &Path) {
        self.forget_up_to(|point| &*point.file == file);
    }

    /// This piece cannot be read: what follows it is all that can be served.
    pub fn spoil(&mut self, piece: &Piece) {
        self.forget_up_to(|point| point.file == piece.file && point.at <= piece.at);
    }

    /// Forgets the last point for which this holds, and those before it.
    fn forget_up_to(&mut self, is_gone: impl Fn(&Point) -> bool) {
        let last = self.points.iter().rposition(is_gone);
        self.points.drain(..last.map_or(0, |last| last + 1));
        if self.points.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.points.clear();
        self.end = None;
    }

    fn trim(&mut self) {
        if self.limit == 0 {
            return self.clear();
        }
        let end = self.end.as_ref().map_or(0, |(end, _)| end.offset);
        let needless = |next: &Point| end - next.offset.min(end) >= self.limit;
        while self.points.get(1).is_some_and(needless) {
            self.points.pop_front();
        }
    }

    /// The bytes of the stream that are here, counted from 1, and the name of the history that they belong to.
    pub fn held(&self) -> Option<(RangeInclusive<u64>, [u8; 40])> {
        let (first, (end, id)) = (self.points.front()?, self.end.as_ref()?);
        (first.offset < end.offset).then_some((first.offset + 1..=end.offset, *id))
    }

    /// How often written batches were cut off.
    pub fn cuts(&self) -> u64 {
        self.cuts
    }

    /// Where the byte `from` of the stream is, counted from 1.
    pub fn find(&self, from: u64) -> Option<Piece> {
        let (held, _) = self.held()?;
        if !held.contains(&from) {
            return None;
        }
        let next = self.points.partition_point(|point| point.offset < from);
        let begin = &self.points[next - 1];
        let mut piece = Piece {
            file: begin.file.clone(),
            at: begin.at,
            end: begin.at,
            offset: begin.offset,
            cuts: self.cuts,
        };
        let ends = self.points.range(next..);
        for end in ends.chain(self.end.as_ref().map(|(end, _)| end)) {
            let more = end.at.saturating_sub(begin.at);
            if end.file != begin.file || (piece.end > piece.at && more > PIECE) {
                break;
            }
            piece.end = end.at;
        }
        Some(piece)
    }
}

/// An archive that its writer and its readers share; a handle that can be cloned.
#[derive(Clone, Debug, Default)]
pub struct SharedArchive(Arc<Mutex<Archive>>);

impl SharedArchive {
    /// Gives `f` the archive.
    pub fn with<T>(&self, f: impl FnOnce(&mut Archive) -> T) -> T {
        f(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Archive> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
