//! Decides which parts of a damaged dump are left out.
//!
//! Frames are read one after another. A value that is not sound is one cut. Where no frame can be read, every byte
//! after the last good frame is tried as the beginning of one: [`ANCHOR_KEYS`] sound keys in a row (or the end of the
//! file at the right place) are accepted. Because a damaged length may have swallowed the beginnings of what follows,
//! the search begins inside the frame before: if frames in there lead across its end, that frame was not real.

use crate::check::key_at;
use crate::duplicates::{self, HELD_MAX, Keys};
use crate::progress::Progress;
use crate::source::{Source, Trouble};
use crate::text;
use crate::view::View;
use base::Hasher;
use rdb::check::{Scratch, check_value};
use rdb::{Context, ErrorKind, Frame, RdbError, RdbVersion, Scanner, Step, function};
use rdb::{Opcode, Tag};
use std::collections::BTreeSet;
use std::fmt;
use std::io;

/// Sound keys in a row that are not an accident.
const ANCHOR_KEYS: u32 = 5;

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Frames that claim to be larger are taken for damaged; this is also the memory that a wrong length can take.
    pub frame_max: u64,
    /// Whether a bar may be shown.
    pub progress: bool,
}

/// Bytes that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The first byte.
    pub from: u64,
    /// Behind the last one.
    pub to: u64,
    /// The key, if it is one key.
    pub key: Option<Vec<u8>>,
    /// Why.
    pub why: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} to {}", self.from, self.to)?;
        if let Some(key) = &self.key {
            write!(f, " (key \"{}\")", text::printable(key, 128))?;
        }
        write!(f, ": {}", self.why)
    }
}

/// What stays and what does not.
#[derive(Debug)]
pub struct Plan {
    /// Version in the header.
    pub version: RdbVersion,
    /// Ascending, and apart from each other.
    pub cuts: Vec<Cut>,
    /// The offset of the EOF opcode, or of the end of the file.
    pub end: u64,
    /// The checksum after the EOF opcode; `None` if there was none, or 0.
    pub stored: Option<u64>,
    /// Keys that are kept.
    pub keys: u64,
    /// Further remarks.
    pub notes: Vec<String>,
}

impl Plan {
    /// Whether everything stays and nothing was wrong.
    pub fn is_whole(&self) -> bool {
        self.cuts.is_empty() && self.notes.is_empty()
    }
}

/// Why there is no plan.
#[derive(Debug)]
pub enum Hopeless {
    /// Not even the header can be read.
    Header(RdbError),
    /// The file or a temporary one failed.
    Trouble(Trouble),
}

impl From<io::Error> for Hopeless {
    fn from(e: io::Error) -> Self {
        Hopeless::Trouble(Trouble(format!("cannot read the input: {e}")))
    }
}

/// Looks at all of the input.
///
/// # Errors
/// See [`Hopeless`].
pub fn plan(source: &Source, options: &Options) -> Result<Plan, Hopeless> {
    let file = source.require_file("salvage").map_err(Hopeless::Trouble)?;
    let size = source.size().unwrap_or(0);
    let mut bar = Progress::new(source.name(), Some(size), options.progress);
    let mut search = Search::new(View::new(file, size), options.frame_max)?;
    search.run(&mut bar)?;
    drop(bar);
    let Search {
        keys,
        mut cuts,
        mut kept,
        notes,
        end,
        stored,
        version,
        ..
    } = search;
    let suspects = duplicates::find(&[keys], 1, usize::MAX)?;
    for (first, later) in suspects.pairs {
        // Equal hashes are not enough to drop a key.
        let (a, b) = (key_at(file, first), key_at(file, later));
        if a.is_none() || a != b {
            continue;
        }
        let mut scanner = Scanner::resume(search.context.clone(), later);
        let mut view = View::new(file, size);
        if let Found::Frame { len, .. } =
            next(&mut scanner, &mut view, options.frame_max, |_, _| ())?
        {
            kept -= 1;
            cuts.push(Cut {
                from: later,
                to: later + len,
                key: b,
                why: format!("stands twice (first at byte {first})"),
            });
        }
    }
    cuts.sort_by_key(|c| (c.from, c.to));
    Ok(Plan {
        version,
        cuts,
        end,
        stored,
        keys: kept,
        notes,
    })
}

/// What a scanner came across.
enum Found<T> {
    Frame { len: u64, seen: T },
    Defect(RdbError),
}

/// Reads one frame; `look` sees it.
fn next<T>(
    scanner: &mut Scanner,
    view: &mut View<'_>,
    frame_max: u64,
    mut look: impl FnMut(Frame<'_>, &Context) -> T,
) -> io::Result<Found<T>> {
    let at = scanner.offset();
    let mut want = 1;
    loop {
        let left = view.size().saturating_sub(at);
        let window = view.at(at, want)?;
        let there = window.len();
        match scanner.next(window) {
            Ok(Step::Frame { frame, consumed }) => {
                let seen = look(frame, scanner.context());
                let len = consumed as u64;
                return Ok(Found::Frame { len, seen });
            }
            Ok(Step::NeedMore { at_least }) => {
                if at_least > left || there as u64 >= left {
                    return Ok(Found::Defect(scanner.truncated()));
                }
                if at_least > frame_max {
                    let kind = ErrorKind::BadCount(at_least);
                    return Ok(Found::Defect(RdbError::new(kind, at, "a frame")));
                }
                // Grown as far as it makes sense, never by a claim alone.
                want = (at_least as usize)
                    .min(there.max(1 << 20) * 2)
                    .max(there + 1);
            }
            Err(e) => return Ok(Found::Defect(e)),
        }
    }
}

/// What a frame means for the plan.
enum Seen {
    Header(RdbVersion),
    Key(Option<(Vec<u8>, u64)>, Result<(), RdbError>),
    SelectDb(u32),
    Eof {
        good: bool,
        covered: u64,
        stored: Option<u64>,
    },
    BadLibrary(Option<Vec<u8>>, &'static str),
    Other,
}

struct Search<'f> {
    view: View<'f>,
    frame_max: u64,
    scratch: Scratch,
    scanner: Scanner,
    context: Context,
    version: RdbVersion,
    db: u32,
    keys: Keys,
    cuts: Vec<Cut>,
    kept: u64,
    notes: Vec<String>,
    end: u64,
    stored: Option<u64>,
    /// The last frame that was taken, as long as it may turn out to be none: its beginning, and its key for `keys`.
    last: Option<(u64, Option<Vec<u8>>, u64)>,
    /// Names of libraries and functions, each with a mark in front.
    libraries: BTreeSet<Vec<u8>>,
}

impl<'f> Search<'f> {
    fn new(mut view: View<'f>, frame_max: u64) -> Result<Self, Hopeless> {
        let mut scanner = Scanner::new();
        let version = match next(&mut scanner, &mut view, frame_max, |frame, _| {
            frame_version(&frame)
        })? {
            Found::Frame {
                seen: Some(version),
                ..
            } => version,
            Found::Frame { .. } => unreachable!("the first frame is the header"),
            Found::Defect(e) => return Err(Hopeless::Header(e)),
        };
        Ok(Search {
            end: view.size(),
            stored: None,
            view,
            frame_max,
            scratch: Scratch::new(text::hash_key()),
            context: scanner.context().clone(),
            scanner,
            version,
            db: 0,
            keys: Keys::new(Hasher::new(text::hash_key()), HELD_MAX),
            cuts: Vec::new(),
            kept: 0,
            notes: Vec::new(),
            last: None,
            libraries: BTreeSet::new(),
        })
    }

    fn run(&mut self, bar: &mut Progress) -> Result<(), Hopeless> {
        loop {
            let at = self.scanner.offset();
            bar.tick(at);
            let (scratch, libraries) = (&mut self.scratch, &mut self.libraries);
            let size = self.view.size();
            let found = next(
                &mut self.scanner,
                &mut self.view,
                self.frame_max,
                |frame, context| look(frame, context, scratch, libraries, size),
            )?;
            match found {
                Found::Defect(error) => {
                    if !self.resume_behind(at, error)? {
                        break;
                    }
                }
                Found::Frame { len, seen } => {
                    self.context = self.scanner.context().clone();
                    match seen {
                        Seen::Eof {
                            good: true,
                            covered,
                            stored,
                        } => {
                            self.end = covered - 1;
                            self.stored = stored.filter(|&c| c != 0);
                            break;
                        }
                        Seen::Eof { .. } => {
                            let kind = ErrorKind::Structure("the end in the middle of the file");
                            let error = RdbError::new(kind, at, "the next opcode");
                            if !self.resume_behind(at, error)? {
                                break;
                            }
                        }
                        seen => self.take(at, len, seen)?,
                    }
                }
            }
        }
        self.settle()?;
        Ok(())
    }

    /// A whole frame.
    fn take(&mut self, at: u64, len: u64, seen: Seen) -> io::Result<()> {
        self.settle()?;
        let cut = |key, why| Cut {
            from: at,
            to: at + len,
            key,
            why,
        };
        match seen {
            Seen::Key(key, Ok(())) => {
                self.kept += 1;
                self.last = Some(match key {
                    Some((key, offset)) => (at, Some(key), offset),
                    None => (at, None, at),
                });
            }
            Seen::Key(key, Err(e)) => {
                let key = key.map(|(key, _)| key);
                self.cuts.push(cut(key, e.to_string()));
            }
            Seen::BadLibrary(name, why) => self.cuts.push(cut(name, why.to_owned())),
            Seen::SelectDb(db) => self.db = db,
            Seen::Header(_) | Seen::Eof { .. } | Seen::Other => {}
        }
        Ok(())
    }

    /// The last frame is one for good.
    fn settle(&mut self) -> io::Result<()> {
        match self.last.take() {
            Some((_, Some(key), offset)) => self.keys.push(self.db, &key, offset),
            _ => Ok(()),
        }
    }

    /// No frame at `at`: looks for the next one. `false` if there is none.
    fn resume_behind(&mut self, at: u64, error: RdbError) -> io::Result<bool> {
        let inside = self.last.as_ref().map(|(begin, ..)| *begin);
        if let Some(begin) = inside
            && let Some(found) = self.anchor(begin + 1, at, Some(at))?
        {
            // Its length was wrong: it swallowed the frames in there.
            let key = self.last.take().and_then(|(_, key, _)| key);
            self.kept -= 1;
            self.cut(
                begin,
                found,
                key,
                format!("its end is not where its length says: {error}"),
            );
            return Ok(true);
        }
        let size = self.view.size();
        let found = self.anchor(at + 1, size, None)?;
        self.cut(at, found.unwrap_or(size), None, error.to_string());
        Ok(found.is_some())
    }

    fn cut(&mut self, from: u64, to: u64, key: Option<Vec<u8>>, why: String) {
        if to > from {
            self.cuts.push(Cut { from, to, key, why });
        } else {
            // The file ends where a frame should begin.
            self.notes.push(why);
        }
        self.scanner = Scanner::resume(self.context.clone(), to);
        let note = format!(
            "keys behind byte {to} are taken for those of database {}",
            self.db
        );
        if to < self.view.size() && self.db != 0 && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The first place in `from..to` where frames begin that make sense.
    fn anchor(&mut self, from: u64, to: u64, across: Option<u64>) -> io::Result<Option<u64>> {
        let version = self.context.version;
        let mut at = from;
        while at < to {
            // The buffer moves while a place is tried, so a few places are chosen at once.
            let window = self.view.at(at, 1)?;
            let len = window.len().min((to - at) as usize).min(1 << 16);
            if len == 0 {
                return Ok(None);
            }
            let size = self.view.size();
            let window = self.view.at(at, len)?;
            let promising: Vec<usize> = (0..len.min(window.len()))
                .filter(|&i| may_begin(version, &window[i..], size - at - i as u64))
                .collect();
            for i in promising {
                let place = at + i as u64;
                if self.holds(place, across)? {
                    return Ok(Some(place));
                }
            }
            at += len as u64;
        }
        Ok(None)
    }

    /// Whether sound frames begin at `place`; `across`: and lead beyond that place without ending there.
    fn holds(&mut self, place: u64, across: Option<u64>) -> io::Result<bool> {
        let mut scanner = Scanner::resume(self.context.clone(), place);
        let (mut keys, size) = (0, self.view.size());
        let (scratch, mut libraries) = (&mut self.scratch, self.libraries.clone());
        // A claim of a place that is merely tried may not take much.
        let frame_max = self.frame_max.min(64 << 20);
        loop {
            if across == Some(scanner.offset()) {
                return Ok(false);
            }
            let found = next(&mut scanner, &mut self.view, frame_max, |frame, context| {
                look(frame, context, scratch, &mut libraries, size)
            })?;
            let Found::Frame { seen, .. } = found else {
                return Ok(false);
            };
            match seen {
                Seen::Key(Some((key, _)), Ok(())) if !key.is_empty() => keys += 1,
                Seen::SelectDb(db) if db < 1 << 16 => {}
                Seen::Other => {}
                // At its place after at least one key, or the very end.
                Seen::Eof { good, .. } => return Ok(good && (keys > 0 || across.is_none())),
                _ => return Ok(false),
            }
            let crossed = across.is_none_or(|a| scanner.offset() > a);
            if keys >= ANCHOR_KEYS && crossed {
                return Ok(true);
            }
        }
    }
}

fn frame_version(frame: &Frame<'_>) -> Option<RdbVersion> {
    match look_at_header(frame) {
        Seen::Header(version) => Some(version),
        _ => None,
    }
}

fn look_at_header(frame: &Frame<'_>) -> Seen {
    match frame {
        Frame::Header(version) => Seen::Header(*version),
        _ => Seen::Other,
    }
}

fn look(
    frame: Frame<'_>,
    context: &Context,
    scratch: &mut Scratch,
    names_taken: &mut BTreeSet<Vec<u8>>,
    size: u64,
) -> Seen {
    match frame {
        Frame::Key(record) => {
            let checked = check_value(context, record.rdb_type, record.value, scratch);
            let key = Some((record.key.to_vec(), record.offset));
            let located = |e: RdbError| e.shifted(record.value_offset());
            Seen::Key(key, checked.map(|_| ()).map_err(located))
        }
        Frame::SelectDb(db) => Seen::SelectDb(db),
        Frame::Eof { checksum, covered } => {
            let end = covered + if checksum.is_some() { 8 } else { 0 };
            Seen::Eof {
                good: end == size,
                covered,
                stored: checksum,
            }
        }
        Frame::Function { code } => match function::check_library(&code) {
            Err(why) => Seen::BadLibrary(None, why),
            Ok(library) => {
                let marked = |mark: u8, name: &[u8]| [&[mark], name].concat();
                let functions = function::function_names(&code);
                let functions = functions.iter().map(|f| marked(b'f', f));
                let names: Vec<_> = functions.chain([marked(b'l', library.name)]).collect();
                if names.iter().any(|n| names_taken.contains(n)) {
                    let name = Some(library.name.to_vec());
                    return Seen::BadLibrary(name, "a function library or function twice");
                }
                names_taken.extend(names);
                Seen::Other
            }
        },
        other => look_at_header(&other),
    }
}

/// Whether the first bytes can be those of a frame in the middle of a file.
fn may_begin(version: RdbVersion, bytes: &[u8], left: u64) -> bool {
    match Tag::read(version, bytes[0]) {
        Ok(Tag::Value(_)) => true,
        Ok(Tag::Opcode(Opcode::Eof)) => left == if version.has_checksum() { 9 } else { 1 },
        // Times of this century; -1 is none.
        Ok(Tag::Opcode(Opcode::ExpireTimeMs)) => bytes.get(8).is_none_or(|&b| b == 0 || b == 0xff),
        Ok(Tag::Opcode(Opcode::ExpireTime | Opcode::SelectDb | Opcode::Idle | Opcode::Freq)) => {
            true
        }
        Ok(Tag::Opcode(_)) | Err(_) => false,
    }
}
