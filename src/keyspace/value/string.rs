//! Strings.
//!
//! A string is held as an integer if its text is that of one, as bytes, as the LZF bytes in which it was loaded (until
//! a write needs the text), or, beyond 64 KB, as a rope, so that a write during a snapshot copies only one piece.
//!
//! `OBJECT ENCODING` follows from the text, except where history matters: a string that APPEND, SETRANGE or SETBIT has
//! changed is `raw`, however short, and the result of INCRBYFLOAT is text, even if it reads as an integer. [`History`]
//! records this; as in Redis, it does not survive a save and reload.

use super::plain::Out;
use crate::Item;
use crate::tree::note_work;
use crate::tree::rope::Rope;
use ::rdb::length::encode_length;
use ::rdb::{lzf, string as rdb};
use base::number::{INT_TEXT_MAX, canonical_i64, int_text_len};
use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::AtomicU64;

/// Bytes up to which a text is held in one piece.
pub(crate) const TEXT_MAX: usize = 64 << 10;
/// The size in bytes up to which a text that was changed in place is still held in its key's record.
const RAW_PACKED_MAX: usize = 256;
/// The longest text that Redis embeds beside its object header.
const EMBSTR_MAX: usize = 44;

/// A string, owned.
#[derive(Clone, Debug)]
pub struct Str {
    form: Form,
    history: History,
}

/// A string as a reader sees it.
#[derive(Debug, Clone, Copy)]
pub struct StrRef<'a> {
    form: FormRef<'a>,
    history: History,
}

#[derive(Clone, Debug)]
enum Form {
    /// Text that is a canonical integer and has no other history.
    Int(i64),
    Text(Vec<u8>),
    Lzf {
        packed: Box<[u8]>,
        len: usize,
    },
    /// Text longer than [`TEXT_MAX`].
    Rope(Rope),
}

#[derive(Debug, Clone, Copy)]
enum FormRef<'a> {
    Int(i64),
    Text(&'a [u8]),
    Lzf { packed: &'a [u8], len: usize },
    Rope(&'a Rope),
}

/// Bytes of a long string as they were at one moment: its pieces are shared until the string changes.
#[derive(Clone, Debug)]
pub struct SharedText {
    rope: Rope,
    range: Range<usize>,
}

impl SharedText {
    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// The contiguous bytes at `offset`; none at the end.
    pub fn from(&self, offset: usize) -> &[u8] {
        let rest = self.range.start + offset..self.range.end;
        self.rope.pieces(rest).next().unwrap_or_default()
    }
}

/// What the bytes do not determine about the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// Nothing: the encoding follows from the bytes.
    None,
    /// Changed in place: `raw`.
    Raw,
    /// Written as text: never `int`.
    Text,
}

impl Str {
    /// From bytes as a client sends them.
    pub fn new(bytes: &[u8]) -> Self {
        let form = match canonical_i64(bytes) {
            Some(n) => Form::Int(n),
            None => Form::text(bytes),
        };
        Str {
            form,
            history: History::None,
        }
    }

    /// From bytes that stay text even when they read as an integer (INCRBYFLOAT's result).
    pub fn new_text(bytes: &[u8]) -> Self {
        let history = match canonical_i64(bytes) {
            Some(_) => History::Text,
            None => History::None,
        };
        Str {
            form: Form::text(bytes),
            history,
        }
    }

    /// From bytes that someone has changed in place (a result of SETRANGE, SETBIT, BITOP): `raw`.
    pub fn new_raw(bytes: Vec<u8>) -> Self {
        let form = if bytes.len() > TEXT_MAX {
            Form::text(&bytes)
        } else {
            Form::Text(bytes)
        };
        Str {
            form,
            history: History::Raw,
        }
    }

    /// As [`Str::new_raw`], of `len` bytes, which `fill` gives part by part: it replaces what the buffer holds by the
    /// bytes of a range, so that a long result is in memory only once.
    pub fn raw_of_parts(len: usize, mut fill: impl FnMut(Range<usize>, &mut Vec<u8>)) -> Self {
        if len <= TEXT_MAX {
            let mut text = Vec::new();
            fill(0..len, &mut text);
            return Str::new_raw(text);
        }
        Str {
            form: Form::Rope(Rope::of_parts(len, fill)),
            history: History::Raw,
        }
    }

    /// The decimal text of `n`.
    pub fn from_int(n: i64) -> Self {
        Str {
            form: Form::Int(n),
            history: History::None,
        }
    }

    /// As a reader sees it.
    pub fn as_ref(&self) -> StrRef<'_> {
        let form = match &self.form {
            Form::Int(n) => FormRef::Int(*n),
            Form::Text(bytes) => FormRef::Text(bytes),
            Form::Rope(rope) => FormRef::Rope(rope),
            Form::Lzf { packed, len } => FormRef::Lzf { packed, len: *len },
        };
        StrRef {
            form,
            history: self.history,
        }
    }

    /// Adds bytes at the end (the encoding becomes `raw`, as in Redis). Returns the new length.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        match self.raw(bytes.len()) {
            Form::Rope(rope) => {
                rope.append(bytes);
                rope.len()
            }
            Form::Text(text) => {
                super::packed::reserve(text, bytes.len());
                text.extend_from_slice(bytes);
                text.len()
            }
            _ => unreachable!("raw strings are text"),
        }
    }

    /// Overwrites from `offset` on, padding with zero bytes. Returns the new length.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> usize {
        let end = offset + bytes.len();
        let more = end.saturating_sub(self.as_ref().len());
        match self.raw(more) {
            Form::Rope(rope) => {
                rope.write_at(offset, bytes);
                rope.len()
            }
            Form::Text(text) => {
                if text.len() < end {
                    super::packed::reserve(text, more);
                    text.resize(end, 0);
                }
                text[offset..end].copy_from_slice(bytes);
                text.len()
            }
            _ => unreachable!("raw strings are text"),
        }
    }

    /// The text, to be changed in place and to grow by `more` bytes.
    fn raw(&mut self, more: usize) -> &mut Form {
        self.history = History::Raw;
        if self.as_ref().len() + more > TEXT_MAX {
            if !matches!(self.form, Form::Rope(_)) {
                self.form = Form::Rope(self.as_ref().with(Rope::new));
            }
        } else if !matches!(self.form, Form::Text(_)) {
            let text = self.as_ref().bytes().into_owned();
            note_work(text.len());
            self.form = Form::Text(text);
        }
        &mut self.form
    }

    /// Writes the string, and releases each part after it was written.
    pub(super) fn leave(
        self,
        packer: Option<&mut lzf::Packer>,
        out: &mut Out<'_>,
        freed: &AtomicU64,
    ) {
        let Form::Rope(rope) = self.form else {
            return self.as_ref().write(packer, out);
        };
        if packer.is_none() {
            encode_length(rope.len() as u64, out.buf());
            return rope.drain(freed, |piece| {
                out.buf().extend_from_slice(piece);
                out.spill();
            });
        }
        // Packed as a whole.
        let mut whole = Vec::with_capacity(rope.len());
        rope.drain(freed, |piece| whole.extend_from_slice(piece));
        rdb::encode_blob(&whole, packer, out.buf());
    }

    /// As [`Value::packed_len`](super::Value::packed_len).
    pub(super) fn packed_len(&self) -> Option<usize> {
        let len = match &self.form {
            Form::Int(_) => 0,
            // What was changed in place is likely to be so again: in a record, each change would copy it.
            Form::Text(text) if self.history == History::Raw && text.len() > RAW_PACKED_MAX => {
                return None;
            }
            Form::Text(text) => text.len(),
            Form::Lzf { packed, .. } => packed.len(),
            Form::Rope(_) => return None,
        };
        self.as_ref().is_plain().then_some(len)
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.form, Form::Rope(_))
    }

    /// From a checked RDB string; a text is copied into `buffer`.
    pub(super) fn from_record(bytes: &[u8], buffer: Vec<u8>) -> Self {
        match FormRef::of_record(bytes) {
            FormRef::Int(n) => Str::from_int(n),
            FormRef::Lzf { packed, len } => Str {
                form: Form::Lzf {
                    packed: packed.into(),
                    len,
                },
                history: History::None,
            },
            FormRef::Text(text) if text.len() > INT_TEXT_MAX && text.len() <= TEXT_MAX => Str {
                form: Form::Text(super::packed::owned(Cow::Borrowed(text), buffer)),
                history: History::None,
            },
            FormRef::Text(text) => Str::new(text),
            FormRef::Rope(_) => unreachable!("records hold strings in one piece"),
        }
    }

    /// The bytes of a text in one piece.
    pub(super) fn buffer_mut(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.form {
            Form::Text(text) => Some(text),
            Form::Int(_) | Form::Lzf { .. } | Form::Rope(_) => None,
        }
    }

    /// As [`Value::move_buffer`](super::Value::move_buffer).
    pub(super) fn move_buffer(
        &mut self,
        is_sparse: &mut dyn FnMut(*const u8) -> bool,
    ) -> Option<Vec<u8>> {
        match &mut self.form {
            Form::Text(text) => super::packed::move_buffer(text, is_sparse),
            Form::Lzf { packed, .. } if is_sparse(packed.as_ptr()) => {
                let copy = packed.clone();
                Some(std::mem::replace(packed, copy).into_vec())
            }
            _ => None,
        }
    }

    /// Heap bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Int(_) => 0,
            Form::Text(text) => text.capacity(),
            Form::Rope(rope) => rope.heap(),
            Form::Lzf { packed, .. } => packed.len(),
        }
    }
}

impl<'a> StrRef<'a> {
    /// A checked RDB string.
    pub(super) fn from_record(bytes: &'a [u8]) -> Self {
        StrRef {
            form: FormRef::of_record(bytes),
            history: History::None,
        }
    }

    /// Length in bytes, without decoding.
    pub fn len(&self) -> usize {
        match self.form {
            FormRef::Int(n) => int_text_len(n),
            FormRef::Text(text) => text.len(),
            FormRef::Lzf { len, .. } => len,
            FormRef::Rope(rope) => rope.len(),
        }
    }

    /// True for the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes; decompressed or rendered where needed.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        match self.form {
            FormRef::Int(n) => Item::Int(n).to_cow(),
            FormRef::Text(text) => Cow::Borrowed(text),
            FormRef::Lzf { packed, len } => Cow::Owned(unpack(packed, len)),
            FormRef::Rope(rope) => Cow::Owned(gather(rope, 0..rope.len())),
        }
    }

    /// Calls `f` with the bytes; allocates only for a compressed string.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self.form {
            FormRef::Int(n) => Item::Int(n).with(f),
            FormRef::Text(text) => f(text),
            FormRef::Lzf { packed, len } => f(&unpack(packed, len)),
            FormRef::Rope(rope) => f(&gather(rope, 0..rope.len())),
        }
    }

    /// The bytes `start..end` (clamped).
    pub fn slice(&self, start: usize, end: usize) -> Cow<'a, [u8]> {
        let end = end.min(self.len());
        let start = start.min(end);
        if let FormRef::Rope(rope) = self.form {
            return Cow::Owned(gather(rope, start..end));
        }
        match self.bytes() {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..end]),
            Cow::Owned(bytes) => Cow::Owned(bytes[start..end].to_vec()),
        }
    }

    /// The bytes `start..end` (clamped) without copying them; `None` for a string that is not held in pieces.
    pub fn share(&self, start: usize, end: usize) -> Option<SharedText> {
        let FormRef::Rope(rope) = self.form else {
            return None;
        };
        let end = end.min(rope.len());
        Some(SharedText {
            rope: rope.clone(),
            range: start.min(end)..end,
        })
    }

    /// Calls `f` with the bytes `start..end` (clamped), piece by piece; allocates only for a
    /// compressed string.
    pub fn pieces(&self, start: usize, end: usize, mut f: impl FnMut(&[u8])) {
        self.pieces_until(start, end, |bytes| {
            f(bytes);
            ControlFlow::Continue(())
        });
    }

    /// True if these are the bytes.
    pub fn equals(&self, bytes: &[u8]) -> bool {
        let (mut rest, mut same) = (bytes, self.len() == bytes.len());
        if same {
            self.pieces_until(0, bytes.len(), |piece| {
                let (ahead, behind) = rest.split_at(piece.len());
                rest = behind;
                same = ahead == piece;
                match same {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                }
            });
        }
        same
    }

    /// As [`pieces`](Self::pieces), until `f` breaks off.
    pub fn pieces_until(
        &self,
        start: usize,
        end: usize,
        mut f: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) {
        let end = end.min(self.len());
        let start = start.min(end);
        // Broken off or not, there is nothing more to do.
        let _ = match self.form {
            FormRef::Rope(rope) => rope.pieces(start..end).try_for_each(f),
            _ => self.with(|bytes| f(&bytes[start..end])),
        };
    }

    /// The bytes, if they are held unchanged and in one piece.
    #[inline]
    pub fn text(&self) -> Option<&'a [u8]> {
        match self.form {
            FormRef::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if the text is a canonical decimal i64.
    pub fn int(&self) -> Option<i64> {
        match self.form {
            FormRef::Int(n) => Some(n),
            FormRef::Text(text) => canonical_i64(text),
            FormRef::Lzf { packed, len } if len <= INT_TEXT_MAX => {
                canonical_i64(&unpack(packed, len))
            }
            FormRef::Lzf { .. } | FormRef::Rope(_) => None,
        }
    }

    /// `int`, `embstr` or `raw`.
    pub fn encoding(&self) -> &'static str {
        match self.history {
            History::Raw => "raw",
            History::None if self.int().is_some() => "int",
            _ if self.len() <= EMBSTR_MAX => "embstr",
            _ => "raw",
        }
    }

    /// Whether the bytes alone give the same encoding again, in one piece.
    pub(super) fn is_plain(&self) -> bool {
        let plain = StrRef {
            history: History::None,
            ..*self
        };
        !matches!(self.form, FormRef::Rope(_)) && self.encoding() == plain.encoding()
    }

    /// Writes the RDB string, compressed if a packer is given and it gains.
    pub(super) fn write(&self, packer: Option<&mut lzf::Packer>, out: &mut Out<'_>) {
        match self.form {
            FormRef::Int(n) => rdb::encode_int_string(n, out.buf()),
            FormRef::Text(text) => rdb::encode_string(text, packer, out.buf()),
            FormRef::Lzf { packed, len } => super::packed::write_lzf(packed, len, out.buf()),
            FormRef::Rope(rope) if packer.is_some() => {
                rdb::encode_blob(&gather(rope, 0..rope.len()), packer, out.buf());
            }
            FormRef::Rope(rope) => {
                encode_length(rope.len() as u64, out.buf());
                for piece in rope.pieces(0..rope.len()) {
                    out.buf().extend_from_slice(piece);
                    out.spill();
                }
            }
        }
    }
}

impl<'a> FormRef<'a> {
    #[inline]
    fn of_record(bytes: &'a [u8]) -> Self {
        // Nearly all are short.
        if let Some((&n @ 0..64, behind)) = bytes.split_first()
            && let Some(text) = behind.get(..n as usize)
        {
            return FormRef::Text(text);
        }
        match rdb::StrRef::decode(bytes) {
            Some((rdb::StrRef::Int(n), _)) => FormRef::Int(n),
            Some((rdb::StrRef::Raw(text), _)) => FormRef::Text(text),
            Some((rdb::StrRef::Lzf { packed, len }, _)) => FormRef::Lzf { packed, len },
            None => FormRef::Text(&[]),
        }
    }
}

impl Form {
    fn text(bytes: &[u8]) -> Self {
        if bytes.len() > TEXT_MAX {
            Form::Rope(Rope::new(bytes))
        } else {
            Form::Text(bytes.to_vec())
        }
    }
}

fn gather(rope: &Rope, range: Range<usize>) -> Vec<u8> {
    let mut out = Vec::with_capacity(range.len());
    rope.pieces(range)
        .for_each(|piece| out.extend_from_slice(piece));
    out
}

fn unpack(packed: &[u8], len: usize) -> Vec<u8> {
    super::packed::unpack(packed, len)
}
