//! Splits a file into frames, window by window.
//!
//! The caller holds the bytes that have arrived and have not been consumed; [`Scanner::next`] looks at them and
//! yields the next [`Frame`], or says how many bytes it needs at least. Nothing is buffered here, so the only memory is
//! the caller's window, which never has to grow beyond the bytes that are really there.
//!
//! ```text
//! loop {
//!     match scanner.next(&window[start..])? {
//!         Step::Frame { frame, consumed } => { use(frame); start += consumed }
//!         Step::NeedMore { at_least } => read more (double the window); at the end of input:
//!                                        return Err(scanner.truncated())
//!     }
//! }
//! ```
//!
//! Invariants:
//!  * Opcodes may be anywhere; what they say about the next key (expiry, idle time, frequency) is kept for it.
//!  * A value's end is found by lengths only. What it holds is checked by [`crate::values::check`], on any thread.
//!  * `consumed` of a frame plus what was consumed before it is always the frame's end in the file.

use std::borrow::Cow;
use std::sync::Arc;

use crate::bytes::cursor::{Cursor, Fault, Read};
use crate::bytes::length::Length;
use crate::bytes::string::StrRef;
use crate::error::{ErrorKind, RdbError};
use crate::frames::record::{Frame, Record};
use crate::frames::skip::{module_id, skip_module_items, skip_value};
use crate::tags::opcode::{Opcode, Tag};
use crate::tags::rdb_type::RdbType;
use crate::tags::template::{Context, in_order};
use crate::tags::version::{Dialect, HEADER_LEN, RdbVersion};

/// What [`Scanner::next`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// The next frame.
    Frame {
        /// The frame; borrows from the window.
        frame: Frame<'a>,
        /// Bytes of the window that it took.
        consumed: usize,
    },
    /// The window ends inside a frame.
    NeedMore {
        /// The window length that gets further, as far as known. Declared by the input, so possibly absurd:
        /// compare it with the bytes that can still come, and grow the window step by step.
        at_least: u64,
    },
}

/// The state between frames.
#[derive(Debug, Clone)]
pub struct Scanner {
    context: Context,
    /// The header has been read.
    started: bool,
    /// The file may have a later version than those that are known.
    reads_later: bool,
    /// Absolute offset of the window's first byte.
    offset: u64,
    pending: Pending,
    /// Where the last window ended too early, for [`Scanner::truncated`].
    short: Option<RdbError>,
}

/// A string of raw bytes under a key of raw bytes: where its parts lie in the window.
#[derive(Debug, Clone, Copy)]
pub struct PlainString {
    /// The expiry, which is right before the type byte.
    pub expire_ms: Option<i64>,
    /// The type byte, followed by one byte of key length and the key.
    pub type_at: usize,
    /// The value.
    pub value_at: usize,
    /// The next record.
    pub end: usize,
}

/// What opcodes said about the next key.
#[derive(Debug, Clone, Copy, Default)]
struct Pending {
    expire_ms: Option<i64>,
    idle_s: Option<u64>,
    freq: Option<u8>,
}

impl Pending {
    #[inline]
    fn any(&self) -> bool {
        self.expire_ms.is_some() || self.idle_s.is_some() || self.freq.is_some()
    }
}

impl Scanner {
    /// A scanner at the beginning of a file.
    pub fn new() -> Self {
        Scanner {
            context: Context::new(RdbVersion::newest(Dialect::Redis)),
            started: false,
            reads_later: false,
            offset: 0,
            pending: Pending::default(),
            short: None,
        }
    }

    /// The same; with `true`, a file of a later version is read as one of the newest that is known. What it has of other
    /// types and opcodes is an error with its place: their lengths are not known.
    pub fn reading_later(reads_later: bool) -> Self {
        Scanner {
            reads_later,
            ..Scanner::new()
        }
    }

    /// A scanner between two frames at `offset` of a file whose header said `context`: for finding sound frames after
    /// a damage. The database selected there is not known.
    pub fn resume(context: Context, offset: u64) -> Self {
        Scanner {
            context,
            started: true,
            reads_later: false,
            offset,
            pending: Pending::default(),
            short: None,
        }
    }

    /// Absolute offset of the window that `next` expects.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What values mean here: version and templates. Right once the header has been read.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Looks for the next frame at the start of `window`.
    ///
    /// # Errors
    /// The first defect, with its absolute offset and, inside a record, its key.
    #[inline]
    pub fn next<'a>(&mut self, window: &'a [u8]) -> Result<Step<'a>, RdbError> {
        let offset = self.offset;
        let Some(plain) = self.plain_string(window) else {
            return self.next_any(window);
        };
        let record = Record {
            offset: offset + plain.type_at as u64,
            expire_ms: plain.expire_ms,
            idle_s: None,
            freq: None,
            rdb_type: RdbType::String,
            key: Cow::Borrowed(&window[plain.type_at + 2..plain.value_at]),
            body: &window[plain.type_at..plain.end],
            value: &window[plain.value_at..plain.end],
        };
        Ok(Step::Frame {
            frame: Frame::Key(record),
            consumed: plain.end,
        })
    }

    /// The error for input that ends before the EOF opcode, after `next` asked for more than there is.
    pub fn truncated(&self) -> RdbError {
        self.short
            .clone()
            .unwrap_or_else(|| RdbError::new(ErrorKind::Truncated, self.offset, "the next opcode"))
    }

    /// The fast path: takes a string of raw bytes under a key of up to 63 raw bytes, perhaps with an
    /// expiry in milliseconds, if it comes next and lies whole in the window. There is nothing to check
    /// about it. `None`: ask [`Scanner::next`].
    #[inline]
    pub fn plain_string(&mut self, window: &[u8]) -> Option<PlainString> {
        const STRING: u8 = RdbType::String.number();
        const EXPIRE_TIME_MS: u8 = Opcode::ExpireTimeMs.number();
        let (expire_ms, type_at) = match *window.first()? {
            STRING => (None, 0),
            EXPIRE_TIME_MS if window.get(9) == Some(&STRING) => (
                Some(i64::from_le_bytes(*window.get(1..)?.first_chunk()?)),
                9,
            ),
            _ => return None,
        };
        let key_len = *window.get(type_at + 1)? as usize;
        let value_at = type_at + 2 + key_len;
        let (value_head, value_len) = match *window.get(value_at)? {
            n @ 0..64 => (1, n as usize),
            n @ 64..128 => (
                2,
                usize::from(n & 0x3f) << 8 | usize::from(*window.get(value_at + 1)?),
            ),
            _ => return None,
        };
        let end = value_at + value_head + value_len;
        let plain = key_len < 64 && end <= window.len() && expire_ms != Some(NO_EXPIRY);
        if !plain || !self.started || self.pending.any() {
            return None;
        }
        self.offset += end as u64;
        Some(PlainString {
            expire_ms,
            type_at,
            value_at,
            end,
        })
    }

    fn next_any<'a>(&mut self, window: &'a [u8]) -> Result<Step<'a>, RdbError> {
        let mut cur = Cursor::new(window);
        let mut pending = self.pending;
        let mut key = None;
        match self.frame(&mut cur, &mut pending, &mut key) {
            Ok(frame) => {
                let consumed = cur.at();
                self.offset += consumed as u64;
                self.pending = pending;
                self.started = true;
                Ok(Step::Frame { frame, consumed })
            }
            Err(fault) => {
                let mut error = RdbError::from(fault).shifted(self.offset);
                error.key = key.map(Cow::into_owned);
                if fault.kind == ErrorKind::Truncated {
                    self.short = Some(error);
                    return Ok(Step::NeedMore {
                        at_least: fault.need,
                    });
                }
                Err(error)
            }
        }
    }

    fn frame<'a>(
        &mut self,
        cur: &mut Cursor<'a>,
        pending: &mut Pending,
        key: &mut Option<Cow<'a, [u8]>>,
    ) -> Read<Frame<'a>> {
        if !self.started {
            let header = cur.array::<HEADER_LEN>("the file's magic")?;
            let version = match RdbVersion::parse(&header) {
                Ok(version) => version,
                Err(RdbError {
                    kind: ErrorKind::UnsupportedVersion(later),
                    ..
                }) if self.reads_later && later.is_later() => later,
                Err(e) => return Err(Fault::new(e.kind, 0, e.context)),
            };
            self.context = Context::new(version);
            return Ok(Frame::Header(version));
        }
        let version = self.context.version;
        loop {
            let at = cur.at();
            let byte = cur.u8("the next opcode")?;
            let opcode = match Tag::read(version, byte) {
                Ok(Tag::Value(rdb_type)) => return self.key(cur, at, rdb_type, pending, key),
                Ok(Tag::Opcode(opcode)) => opcode,
                Err(kind @ ErrorKind::UnknownType(_)) => {
                    // The key helps to find the place; take it if it is there.
                    *key = text(cur, "key").ok();
                    return Cursor::starting_at(cur.bytes(), at).fault(kind, "value type");
                }
                Err(kind) => {
                    return Cursor::starting_at(cur.bytes(), at).fault(kind, "the next opcode");
                }
            };
            match opcode {
                Opcode::ExpireTimeMs => pending.expire_ms = Some(cur.i64le("expiry")?),
                Opcode::ExpireTime => {
                    pending.expire_ms =
                        Some(i64::from(i32::from_le_bytes(cur.array("expiry")?)) * 1000);
                }
                Opcode::Idle => pending.idle_s = Some(hint(cur, "idle time")?),
                Opcode::Freq => pending.freq = Some(cur.u8("access frequency")?),
                Opcode::Eof => return eof(cur, version, self.offset),
                Opcode::SelectDb => return select_db(cur),
                Opcode::ResizeDb => {
                    return Ok(Frame::ResizeDb {
                        keys: hint(cur, "number of keys")?,
                        expires: hint(cur, "number of keys with an expiry")?,
                    });
                }
                Opcode::Aux => {
                    return Ok(Frame::Aux {
                        name: text(cur, "AUX name")?,
                        value: text(cur, "AUX value")?,
                    });
                }
                Opcode::SlotInfo => {
                    return Ok(Frame::SlotInfo {
                        slot: hint(cur, "slot")?,
                        keys: hint(cur, "keys in a slot")?,
                        expires: hint(cur, "keys with an expiry in a slot")?,
                    });
                }
                Opcode::Function2 => {
                    return Ok(Frame::Function {
                        code: text(cur, "function library")?,
                    });
                }
                Opcode::FunctionPreGa => return function_pre_ga(cur),
                Opcode::ModuleAux => return module_aux(cur, at),
                Opcode::SlotImport => return slot_import(cur),
                Opcode::KeyMeta => return key_meta(cur, at),
                Opcode::HashTemplate => return self.hash_template(cur),
            }
        }
    }

    fn key<'a>(
        &self,
        cur: &mut Cursor<'a>,
        at: usize,
        rdb_type: RdbType,
        pending: &mut Pending,
        known_key: &mut Option<Cow<'a, [u8]>>,
    ) -> Read<Frame<'a>> {
        let key = text(cur, "key")?;
        let value_at = cur.at();
        if let Err(fault) = skip_value(cur, &self.context.templates, rdb_type) {
            *known_key = Some(key);
            return Err(fault);
        }
        let (bytes, end) = (cur.bytes(), cur.at());
        let Pending {
            expire_ms,
            idle_s,
            freq,
        } = std::mem::take(pending);
        Ok(Frame::Key(Record {
            offset: self.offset + at as u64,
            expire_ms: expire_ms.filter(|&t| t != NO_EXPIRY),
            idle_s,
            freq,
            rdb_type,
            key,
            body: &bytes[at..end],
            value: &bytes[value_at..end],
        }))
    }

    fn hash_template<'a>(&mut self, cur: &mut Cursor<'a>) -> Read<Frame<'a>> {
        let id = cur.number("template id")?;
        let n = cur.count(1, "number of template fields")?;
        let mut names = Vec::new();
        for _ in 0..n {
            names.push(text(cur, "template field")?.into_owned());
        }
        if names.is_empty() || !in_order(&names) {
            return cur.fault(
                ErrorKind::Structure("the template's fields are none or out of order"),
                "hash template",
            );
        }
        if !Arc::make_mut(&mut self.context.templates).insert(id, names) {
            return cur.fault(ErrorKind::Duplicate, "template id");
        }
        Ok(Frame::HashTemplate { id })
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner::new()
    }
}

/// An expiry of -1 means that there is none.
const NO_EXPIRY: i64 = -1;

/// A string that must be seen now, unpacked if need be.
fn text<'a>(cur: &mut Cursor<'a>, context: &'static str) -> Read<Cow<'a, [u8]>> {
    let at = cur.at();
    match cur.string(context)? {
        StrRef::Raw(bytes) => Ok(Cow::Borrowed(bytes)),
        other => {
            let mut out = Vec::new();
            match other.append_to(&mut out) {
                Some(()) => Ok(Cow::Owned(out)),
                None => Cursor::starting_at(cur.bytes(), at).fault(ErrorKind::BadLzf, context),
            }
        }
    }
}

/// A number that only advises. Real servers take the low bits of special forms; what all of them load, so do we.
fn hint(cur: &mut Cursor<'_>, context: &'static str) -> Read<u64> {
    let at = cur.at();
    match cur.length(context)? {
        Length::Special(low) => Ok(u64::from(low)),
        // The value with which real readers mark an error.
        Length::Plain(u64::MAX) => {
            Cursor::starting_at(cur.bytes(), at).fault(ErrorKind::BadCount(u64::MAX), context)
        }
        Length::Plain(n) => Ok(n),
    }
}

fn eof<'a>(cur: &mut Cursor<'a>, version: RdbVersion, offset: u64) -> Read<Frame<'a>> {
    let covered = offset + cur.at() as u64;
    let checksum = match version.has_checksum() {
        true => Some(u64::from_le_bytes(cur.array("checksum")?)),
        false => None,
    };
    Ok(Frame::Eof { checksum, covered })
}

fn select_db<'a>(cur: &mut Cursor<'a>) -> Read<Frame<'a>> {
    let at = cur.at();
    let n = cur.number("database number")?;
    match u32::try_from(n) {
        Ok(db) if db <= i32::MAX as u32 => Ok(Frame::SelectDb(db)),
        _ => Cursor::starting_at(cur.bytes(), at).fault(ErrorKind::BadCount(n), "database number"),
    }
}

fn function_pre_ga<'a>(cur: &mut Cursor<'a>) -> Read<Frame<'a>> {
    let name = text(cur, "function library name")?;
    let engine = text(cur, "function engine")?;
    let description = match cur.number("function description mark")? {
        0 => None,
        _ => Some(text(cur, "function description")?),
    };
    Ok(Frame::FunctionPreGa {
        name,
        engine,
        description,
        code: text(cur, "function library")?,
    })
}

fn module_aux<'a>(cur: &mut Cursor<'a>, start: usize) -> Read<Frame<'a>> {
    const WHEN_IS_UNSIGNED: u64 = 2;
    let id = module_id(cur)?;
    if cur.number("module 'when' mark")? != WHEN_IS_UNSIGNED {
        return cur.fault(
            ErrorKind::Structure("the module's 'when' is no number"),
            "module auxiliary data",
        );
    }
    let when = cur.number("module 'when'")?;
    let is_empty = skip_module_items(cur)?;
    Ok(Frame::ModuleAux {
        id,
        when,
        is_empty,
        raw: &cur.bytes()[start..cur.at()],
    })
}

fn key_meta<'a>(cur: &mut Cursor<'a>, start: usize) -> Read<Frame<'a>> {
    let classes = cur.count(5, "number of key metadata classes")?;
    for _ in 0..classes {
        cur.take(4, "key metadata class")?;
        skip_module_items(cur)?;
    }
    Ok(Frame::KeyMeta {
        classes,
        raw: &cur.bytes()[start..cur.at()],
    })
}

fn slot_import<'a>(cur: &mut Cursor<'a>) -> Read<Frame<'a>> {
    const JOB_NAME_LEN: usize = 40;
    let at = cur.at();
    let job = text(cur, "slot import job")?;
    if job.len() != JOB_NAME_LEN {
        return Cursor::starting_at(cur.bytes(), at).fault(
            ErrorKind::Structure("the job name is not 40 bytes long"),
            "slot import job",
        );
    }
    let mut ranges = Vec::new();
    for _ in 0..cur.count(2, "number of slot ranges")? {
        ranges.push((cur.number("first slot")?, cur.number("last slot")?));
    }
    Ok(Frame::SlotImport { job, ranges })
}

#[cfg(test)]
mod tests;
