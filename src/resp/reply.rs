//! The reply encoder. Commands write into it, and it knows which protocol the client speaks.
//!
//! One method per kind of reply. Where RESP2 has no such kind, the method writes what Redis writes
//! for a RESP2 client (a map becomes a flat array, a double a bulk string, a null `$-1`).

use super::{Output, Shared};
use base::Item;
use base::double::DoubleText;
use smallvec::SmallVec;

/// The maximum size of the frame of a bulk string, without its bytes.
const BULK_MORE: usize = 26;

/// The protocol version a client speaks; chosen by HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Proto {
    /// The default.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// Without the line ends at both ends: no error shows them.
pub fn trim_newlines(mut text: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

/// A client's pending output.
#[derive(Default, Debug)]
pub struct Reply {
    out: Output,
    /// What the client speaks.
    pub proto: Proto,
}

impl Reply {
    /// An empty buffer for a client that speaks `proto`.
    pub fn new(proto: Proto) -> Self {
        Reply {
            out: Output::default(),
            proto,
        }
    }

    /// Bytes not yet sent, of an output that is not divided.
    pub fn bytes(&self) -> &[u8] {
        self.out.bytes()
    }

    /// As [`Reply::bytes`], leaving nothing.
    pub fn take(&mut self) -> Vec<u8> {
        self.out.take()
    }

    /// What has been written.
    pub fn output(&self) -> &Output {
        &self.out
    }

    /// What has been written. The server sends from it, and sets how much it may hold.
    pub fn output_mut(&mut self) -> &mut Output {
        &mut self.out
    }

    /// Number of bytes not yet sent; also a mark for [`Reply::array_at`] and [`Reply::truncate`].
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Those of them that were written here, not referred to.
    #[inline]
    pub fn own_len(&self) -> usize {
        self.out.own_len()
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.out.memory()
    }

    /// True when nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// True once something was dropped because the client may not have more pending: whatever follows is
    /// dropped too.
    pub fn is_overrun(&self) -> bool {
        self.out.is_overrun()
    }

    /// Forgets what was written after `mark` (a failed command inside a script, CLIENT REPLY OFF).
    pub fn truncate(&mut self, mark: usize) {
        self.out.truncate(mark);
    }

    /// Forgets all.
    #[inline]
    pub fn clear(&mut self) {
        self.out.clear();
    }

    #[inline]
    fn header(&mut self, kind: u8, n: i64) {
        match n {
            // What most commands count, and the length of most that is short.
            0..=9 => {
                let line = [kind, b'0' + n as u8, b'\r', b'\n'];
                self.out.put(&line);
            }
            10..=99 => {
                let n = n as u8;
                let line = [kind, b'0' + n / 10, b'0' + n % 10, b'\r', b'\n'];
                self.out.put(&line);
            }
            _ => self.long_header(kind, n),
        }
    }

    fn long_header(&mut self, kind: u8, n: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        // One write: each asks for room.
        let mut line = [0; 24];
        let end = 1 + digits.len();
        line[0] = kind;
        line[1..end].copy_from_slice(digits);
        line[end..end + 2].copy_from_slice(b"\r\n");
        self.out.put(&line[..end + 2]);
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.out.put(b"+OK\r\n");
    }

    /// `+text`; line breaks become spaces.
    pub fn simple(&mut self, text: &str) {
        self.status(text.as_bytes());
    }

    /// As [`Reply::simple`], of any bytes.
    pub fn status(&mut self, text: &[u8]) {
        self.line(b'+', text);
    }

    /// `-text`; `text` begins with its code (`ERR ...`). Line breaks become spaces.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.error_bytes(text.as_ref());
    }

    /// As [`Reply::error`], of any bytes.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', trim_newlines(text));
    }

    /// A big number by its digits: `(digits` or a bulk string.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits),
            Proto::Resp3 => self.line(b'(', digits),
        }
    }

    /// Writes one line.
    fn line(&mut self, kind: u8, text: &[u8]) {
        if self.out.room(text.len() + 3) {
            self.out.put(&[kind]);
            self.out.put_each(text.iter().map(|&b| match b {
                b'\r' | b'\n' => b' ',
                b => b,
            }));
            self.out.put(b"\r\n");
        }
    }

    /// `:n`
    #[inline]
    pub fn int(&mut self, n: i64) {
        self.header(b':', n);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        if self.out.room(bytes.len() + BULK_MORE) {
            self.header(b'$', bytes.len() as i64);
            self.out.put(bytes);
            self.out.put(b"\r\n");
        }
    }

    /// A bulk string that is a value's own bytes, which are not copied. For an output that is
    /// [divided](Output::is_divided).
    pub fn bulk_shared(&mut self, bytes: Box<dyn Shared>) {
        self.header(b'$', bytes.len() as i64);
        self.out.put_shared(bytes);
        self.out.put(b"\r\n");
    }

    /// A bulk string of bytes that the reply takes over.
    pub fn bulk_own(&mut self, bytes: Vec<u8>) {
        self.header(b'$', bytes.len() as i64);
        self.out.put_own(bytes);
        self.out.put(b"\r\n");
    }

    /// A bulk string of text.
    pub fn bulk_str(&mut self, text: &str) {
        self.bulk(text.as_bytes());
    }

    /// A bulk string holding the decimal text of `n`.
    pub fn bulk_int(&mut self, n: i64) {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(n);
        self.bulk(text.as_bytes());
    }

    /// A bulk string holding an element of a collection.
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Bytes(b) => self.bulk(b),
            Item::Int(n) => self.bulk_int(n),
        }
    }

    /// Null: `$-1` or `_`.
    #[inline]
    pub fn null(&mut self) {
        self.out.put(match self.proto {
            Proto::Resp2 => b"$-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// Null where RESP2 has an array: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.out.put(match self.proto {
            Proto::Resp2 => b"*-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// The header of an array of `n` replies that follow.
    pub fn array(&mut self, n: usize) {
        self.header(b'*', n as i64);
    }

    /// The header of a map of `n` pairs that follow.
    pub fn map(&mut self, n: usize) {
        match self.proto {
            Proto::Resp2 => self.header(b'*', 2 * n as i64),
            Proto::Resp3 => self.header(b'%', n as i64),
        }
    }

    /// The header of a set of `n` replies that follow.
    pub fn set(&mut self, n: usize) {
        self.header(
            if self.proto == Proto::Resp3 {
                b'~'
            } else {
                b'*'
            },
            n as i64,
        );
    }

    /// The header of an out-of-band message of `n` replies that follow.
    pub fn push(&mut self, n: usize) {
        self.header(
            if self.proto == Proto::Resp3 {
                b'>'
            } else {
                b'*'
            },
            n as i64,
        );
    }

    /// Puts an array header for `n` elements before what was written since `mark` ([`Reply::len`]).
    pub fn array_at(&mut self, mark: usize, n: usize) {
        self.header_at(mark, b'*', n);
    }

    /// As [`Reply::array_at`], for a map of `n` pairs.
    pub fn map_at(&mut self, mark: usize, n: usize) {
        match self.proto {
            Proto::Resp2 => self.header_at(mark, b'*', 2 * n),
            Proto::Resp3 => self.header_at(mark, b'%', n),
        }
    }

    /// As [`Reply::array_at`], for a set.
    pub fn set_at(&mut self, mark: usize, n: usize) {
        self.header_at(
            mark,
            if self.proto == Proto::Resp3 {
                b'~'
            } else {
                b'*'
            },
            n,
        );
    }

    fn header_at(&mut self, mark: usize, kind: u8, n: usize) {
        self.out.insert(mark, &header_line(kind, n as i64));
    }

    /// Puts what `write` writes before what was written since `mark`.
    pub fn insert_at(&mut self, mark: usize, write: impl FnOnce(&mut Reply)) {
        let mut head = Reply::new(self.proto);
        write(&mut head);
        self.out.insert(mark, head.bytes());
    }

    /// A double: `,text` or a bulk string; `inf`, `-inf`, `nan` as Redis spells them.
    pub fn double(&mut self, x: f64) {
        let text = DoubleText::of(x);
        match self.proto {
            Proto::Resp2 => self.bulk(text.as_bytes()),
            Proto::Resp3 => {
                self.line(b',', text.as_bytes());
            }
        }
    }

    /// `#t` / `#f`, or `:1` / `:0`.
    pub fn bool(&mut self, yes: bool) {
        match self.proto {
            Proto::Resp2 => self.int(yes as i64),
            Proto::Resp3 => self.out.put(if yes { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A verbatim string of format `txt` or `mkd`; a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                let n = format.len() + 1 + text.len();
                if self.out.room(n + BULK_MORE) {
                    self.header(b'=', n as i64);
                    self.out.put(format.as_bytes());
                    self.out.put(b":");
                    self.out.put(text);
                    self.out.put(b"\r\n");
                }
            }
        }
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.put(bytes);
    }
}

/// `<kind><n>\r\n`
fn header_line(kind: u8, n: i64) -> SmallVec<[u8; 24]> {
    let mut digits = itoa::Buffer::new();
    let mut line = SmallVec::new();
    line.push(kind);
    line.extend_from_slice(digits.format(n).as_bytes());
    line.extend_from_slice(b"\r\n");
    line
}
