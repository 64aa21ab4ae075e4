//! Reads the stream back from the increments, for a replica that lacks more than the backlog in memory has.
//!
//!  * Nothing is given that its seal has not proven. What is at most [`WHOLE`] bytes long is retold into memory and
//!    given when it is proven. A larger batch is read twice: once to prove it, and once to give it part by part.
//!  * If the writer has cut off what was written, the place is looked for again.

use super::{Piece, SharedArchive};
use aof::{Retelling, Untold};
use disk::{Disk, DiskFile};
use std::path::Path;
use std::sync::Arc;
use std::{fmt, io};

/// Bytes of a window.
const WINDOW: usize = 256 << 10;
/// Bytes of a piece that is kept in memory as a whole.
const WHOLE: u64 = 4 << 20;
/// Bytes of the stream that are given at once, or a few more.
const GIVEN: usize = 1 << 20;

/// Why bytes of the stream could not be read.
#[derive(Debug)]
pub enum NotThere {
    /// The increments that had them are gone, or do not tell them.
    Gone,
    /// The disk does not give them.
    Unreadable(io::Error),
    /// The file does not tell what it told when it was written.
    Untold(Untold),
    /// The file ends too early.
    Short,
    /// The writer has cut the file off meanwhile.
    Cut,
}

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotThere::Gone => f.write_str("the increments that had it are gone"),
            NotThere::Unreadable(e) => write!(f, "{e}"),
            NotThere::Untold(e) => write!(f, "{e}"),
            NotThere::Short => f.write_str("the file ends too early"),
            NotThere::Cut => f.write_str("the file is being written again"),
        }
    }
}

impl std::error::Error for NotThere {}

/// Reads the stream for one replica.
pub struct ArchiveReader<D: Disk> {
    disk: D,
    archive: SharedArchive,
    file: Option<(Arc<Path>, D::File)>,
    /// A large piece that has been proven, and is being given.
    rest: Option<Rest>,
    /// What was looked for last.
    piece: Option<Piece>,
}

struct Rest {
    piece: Piece,
    /// Bytes of the file before what has not been read.
    at: u64,
    retelling: Retelling,
}

impl<D: Disk> ArchiveReader<D> {
    /// Reads what this archive says.
    pub fn new(disk: D, archive: SharedArchive) -> ArchiveReader<D> {
        ArchiveReader {
            disk,
            archive,
            file: None,
            rest: None,
            piece: None,
        }
    }

    /// Some bytes of the stream, from the byte `from` on (counted from 1), at most `most`; at least one.
    ///
    /// # Errors
    /// They cannot be had. The archive forgets what could not be read, so that nobody is promised it again.
    pub fn read(&mut self, from: u64, most: usize) -> Result<Vec<u8>, NotThere> {
        let mut tries = 2;
        loop {
            tries -= 1;
            let read = self.read_once(from);
            match read {
                Ok(mut bytes) => {
                    if bytes.len() > most {
                        bytes.truncate(most);
                        self.rest = None;
                    }
                    return Ok(bytes);
                }
                // It may have been cut off meanwhile, and written again.
                Err(why) => {
                    (self.rest, self.file) = (None, None);
                    if tries == 0 || matches!(why, NotThere::Gone) {
                        if let Some(piece) = self.piece.take() {
                            self.archive.with(|archive| archive.spoil(&piece));
                        }
                        return Err(why);
                    }
                }
            }
        }
    }

    fn read_once(&mut self, from: u64) -> Result<Vec<u8>, NotThere> {
        let goes_on = |rest: &mut Rest| rest.retelling.offset() + 1 == from;
        if let Some(rest) = self.rest.take_if(goes_on) {
            return self.give(rest, from);
        }
        (self.rest, self.piece) = (None, None);
        let piece = self.archive.with(|archive| archive.find(from));
        let piece = piece.ok_or(NotThere::Gone)?;
        self.piece = Some(piece.clone());
        self.open(&piece.file)?;
        let mut retelling = Retelling::at(piece.offset);
        let mut out = Vec::new();
        if piece.end - piece.at <= WHOLE {
            self.retell(&piece, piece.at..piece.end, &mut retelling, &mut out)?;
            if !retelling.is_proven() {
                return Err(NotThere::Short);
            }
            out.drain(..(from - 1 - piece.offset).min(out.len() as u64) as usize);
            return match out.is_empty() {
                true => Err(NotThere::Short),
                false => Ok(out),
            };
        }
        let mut at = piece.at;
        while at < piece.end {
            let end = piece.end.min(at + WINDOW as u64);
            self.retell(&piece, at..end, &mut retelling, &mut out)?;
            out.clear();
            at = end;
        }
        if !retelling.is_proven() {
            return Err(NotThere::Short);
        }
        let rest = Rest {
            at: piece.at,
            retelling: Retelling::at(piece.offset),
            piece,
        };
        self.give(rest, from)
    }

    /// The next bytes of a large piece.
    fn give(&mut self, mut rest: Rest, from: u64) -> Result<Vec<u8>, NotThere> {
        let mut out = Vec::new();
        while out.len() < GIVEN && rest.at < rest.piece.end {
            let end = rest.piece.end.min(rest.at + WINDOW as u64);
            let begun = rest.retelling.offset() - out.len() as u64;
            self.retell(&rest.piece, rest.at..end, &mut rest.retelling, &mut out)?;
            rest.at = end;
            // What comes before the byte that was asked for is not given.
            let before = (from - 1).saturating_sub(begun).min(out.len() as u64);
            out.drain(..before as usize);
        }
        let given = !out.is_empty();
        self.rest = (rest.at < rest.piece.end).then_some(rest);
        match given {
            true => Ok(out),
            false => Err(NotThere::Short),
        }
    }

    fn open(&mut self, name: &Arc<Path>) -> Result<(), NotThere> {
        if self.file.as_ref().is_none_or(|(open, _)| open != name) {
            let path = self.archive.with(|archive| archive.path(name));
            let file = self.disk.open(&path).map_err(NotThere::Unreadable)?;
            self.file = Some((name.clone(), file));
        }
        Ok(())
    }

    /// Retells this part of the file.
    fn retell(
        &self,
        piece: &Piece,
        part: std::ops::Range<u64>,
        retelling: &mut Retelling,
        out: &mut Vec<u8>,
    ) -> Result<(), NotThere> {
        let (_, file) = self.file.as_ref().ok_or(NotThere::Gone)?;
        let mut window = vec![0; (part.end - part.start) as usize];
        let mut filled = 0;
        while filled < window.len() {
            let at = part.start + filled as u64;
            match file.read_some_at(&mut window[filled..], at) {
                Ok(0) => return Err(NotThere::Short),
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(NotThere::Unreadable(e)),
            }
        }
        // What was read before this is what was there when the piece was found.
        if self.archive.with(|archive| archive.cuts()) != piece.cuts {
            return Err(NotThere::Cut);
        }
        retelling.take(&window, out).map_err(NotThere::Untold)
    }
}
