//! Replies of RESP2 and RESP3 as values, to the byte: two replies are equal when their bytes are.
//!
//! Doubles and big numbers keep their text, the three kinds of null are told apart.

use std::fmt;
use std::io::{self, Read};

use super::words::quoted;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `+text`
    Simple(String),
    /// `-text`
    Error(String),
    /// `:n`
    Int(i64),
    /// `$len`
    Bulk(Vec<u8>),
    /// `$-1`: RESP2's absent string.
    NullBulk,
    /// `*-1`: RESP2's absent array.
    NullArray,
    /// `_`: RESP3's absent value.
    Null,
    /// `*n`
    Array(Vec<Value>),
    /// `%n`: n pairs, in the order they came.
    Map(Vec<(Value, Value)>),
    /// `~n`
    Set(Vec<Value>),
    /// `>n`
    Push(Vec<Value>),
    /// `,text`
    Double(String),
    /// `#t`, `#f`
    Bool(bool),
    /// `(digits`
    BigNumber(String),
    /// `=len`: three letters of format, then the text.
    Verbatim(String, Vec<u8>),
    /// `!len`
    BulkError(Vec<u8>),
}

impl Value {
    /// The integer of `:n`, or of a string that is one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            Value::Bulk(_) | Value::Simple(_) => self.text()?.parse().ok(),
            _ => None,
        }
    }

    /// The bytes of any kind of string.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bulk(b) | Value::Verbatim(_, b) | Value::BulkError(b) => Some(b),
            Value::Simple(s) | Value::Error(s) | Value::Double(s) | Value::BigNumber(s) => {
                Some(s.as_bytes())
            }
            _ => None,
        }
    }

    /// The text of any kind of string, where it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The elements of an array, set or push.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::Array(v) | Value::Set(v) | Value::Push(v) => Some(v),
            _ => None,
        }
    }

    /// Whether this is an error reply.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_) | Value::BulkError(_))
    }

    /// Whether this is a null of any kind.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::NullBulk | Value::NullArray)
    }

    /// One letter for the kind, as on the wire.
    pub fn kind(&self) -> char {
        match self {
            Value::Simple(_) => '+',
            Value::Error(_) => '-',
            Value::Int(_) => ':',
            Value::Bulk(_) | Value::NullBulk => '$',
            Value::Array(_) | Value::NullArray => '*',
            Value::Null => '_',
            Value::Map(_) => '%',
            Value::Set(_) => '~',
            Value::Push(_) => '>',
            Value::Double(_) => ',',
            Value::Bool(_) => '#',
            Value::BigNumber(_) => '(',
            Value::Verbatim(..) => '=',
            Value::BulkError(_) => '!',
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value]) -> fmt::Result {
            write!(f, "{open}")?;
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
            }
            write!(f, "]")
        }
        match self {
            Value::Simple(s) => write!(f, "+{s}"),
            Value::Error(s) => write!(f, "-{s}"),
            Value::Int(n) => write!(f, ":{n}"),
            Value::Bulk(b) if b.len() > 600 => {
                write!(f, "{}... ({} bytes)", quoted(&b[..600]), b.len())
            }
            Value::Bulk(b) => write!(f, "{}", quoted(b)),
            Value::NullBulk => write!(f, "(nil $-1)"),
            Value::NullArray => write!(f, "(nil *-1)"),
            Value::Null => write!(f, "(nil _)"),
            Value::Array(v) => list(f, "[", v),
            Value::Set(v) => list(f, "~[", v),
            Value::Push(v) => list(f, ">[", v),
            Value::Map(v) => {
                write!(f, "%[")?;
                for (i, (k, v)) in v.iter().enumerate() {
                    write!(f, "{}{k} => {v}", if i == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
            Value::Double(s) => write!(f, ",{s}"),
            Value::Bool(b) => write!(f, "#{b}"),
            Value::BigNumber(s) => write!(f, "({s}"),
            Value::Verbatim(kind, b) => write!(f, "={kind}:{}", quoted(b)),
            Value::BulkError(b) => write!(f, "!{}", quoted(b)),
        }
    }
}

/// Reads replies (or requests: they are arrays of bulk strings) from a stream.
///
/// A read that times out leaves the bytes of an unfinished reply where they are, so that it can be
/// tried again.
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes handed out as values or lines since the start.
    consumed: u64,
}

impl<R: Read> Reader<R> {
    /// A reader at the start of `source`.
    pub fn new(source: R) -> Self {
        Reader {
            source,
            buffer: Vec::new(),
            at: 0,
            consumed: 0,
        }
    }

    /// The stream behind.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The same, to write to.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Bytes that values and lines have taken so far.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The next value.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends, `InvalidData` for what is not RESP, and whatever
    /// reading gives.
    pub fn value(&mut self) -> io::Result<Value> {
        loop {
            let mut cursor = Cursor {
                bytes: &self.buffer[self.at..],
                at: 0,
            };
            match cursor.value()? {
                Some(value) => {
                    let used = cursor.at;
                    self.take(used);
                    return Ok(value);
                }
                None => self.fill()?,
            }
        }
    }

    /// The next line without its line end.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn line(&mut self) -> io::Result<String> {
        loop {
            let pending = &self.buffer[self.at..];
            if let Some(end) = pending.iter().position(|&b| b == b'\n') {
                let line = String::from_utf8_lossy(&pending[..end])
                    .trim_end_matches('\r')
                    .to_owned();
                self.take(end + 1);
                return Ok(line);
            }
            self.fill()?;
        }
    }

    /// Exactly `len` bytes.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn exact(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.at < len {
            self.fill()?;
        }
        let out = self.buffer[self.at..self.at + len].to_vec();
        self.take(len);
        Ok(out)
    }

    /// Everything up to and without `mark`, which is taken too.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            let pending = &self.buffer[self.at..];
            let from = searched - searched.min(mark.len());
            if let Some(found) = pending[from..].windows(mark.len()).position(|w| w == mark) {
                let out = pending[..from + found].to_vec();
                self.take(from + found + mark.len());
                return Ok(out);
            }
            searched = pending.len();
            self.fill()?;
        }
    }

    /// Whatever is there: at least one byte.
    ///
    /// # Errors
    /// As [`Reader::value`].
    pub fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.at == self.buffer.len() {
            self.fill()?;
        }
        let out = self.buffer[self.at..].to_vec();
        self.take(out.len());
        Ok(out)
    }

    fn take(&mut self, len: usize) {
        self.at += len;
        self.consumed += len as u64;
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        } else if self.at > 1 << 20 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 64 << 10];
        let n = loop {
            match self.source.read(&mut piece) {
                // A machine that was stopped for a moment interrupts reads that have a time-out.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the peer closed",
            ));
        }
        self.buffer.extend_from_slice(&piece[..n]);
        Ok(())
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// `None`: more bytes are needed.
    fn value(&mut self) -> io::Result<Option<Value>> {
        let Some(line) = self.line() else {
            return Ok(None);
        };
        let Some((&kind, rest)) = line.split_first() else {
            return Err(bad("an empty line"));
        };
        let text = String::from_utf8_lossy(rest).into_owned();
        let value = match kind {
            b'+' => Value::Simple(text),
            b'-' => Value::Error(text),
            b':' => Value::Int(number(&text)?),
            b',' => Value::Double(text),
            b'(' => Value::BigNumber(text),
            b'_' => Value::Null,
            b'#' => Value::Bool(text == "t"),
            b'$' | b'=' | b'!' => {
                let len = number(&text)?;
                if len < 0 {
                    return Ok(Some(Value::NullBulk));
                }
                let Some(bytes) = self.body(usize::try_from(len).unwrap_or(usize::MAX)) else {
                    return Ok(None);
                };
                match kind {
                    b'$' => Value::Bulk(bytes),
                    b'!' => Value::BulkError(bytes),
                    _ => Value::Verbatim(
                        String::from_utf8_lossy(&bytes[..3]).into_owned(),
                        bytes[4..].to_vec(),
                    ),
                }
            }
            b'*' | b'~' | b'>' | b'%' | b'|' => {
                let count = number(&text)?;
                if count < 0 {
                    return Ok(Some(Value::NullArray));
                }
                let pairs = matches!(kind, b'%' | b'|');
                let Some(items) = self.items(if pairs { count * 2 } else { count })? else {
                    return Ok(None);
                };
                match kind {
                    b'*' => Value::Array(items),
                    b'~' => Value::Set(items),
                    b'>' => Value::Push(items),
                    b'%' => Value::Map(paired(items)),
                    // An attribute precedes the value it belongs to; nobody here asks for it.
                    _ => return self.value(),
                }
            }
            other => {
                return Err(bad(&format!(
                    "a reply that begins with {:?}",
                    char::from(other)
                )));
            }
        };
        Ok(Some(value))
    }

    fn items(&mut self, count: i64) -> io::Result<Option<Vec<Value>>> {
        let mut items = Vec::new();
        for _ in 0..count {
            match self.value()? {
                Some(value) => items.push(value),
                None => return Ok(None),
            }
        }
        Ok(Some(items))
    }

    fn line(&mut self) -> Option<&[u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        self.at += end + 2;
        Some(&rest[..end])
    }

    fn body(&mut self, len: usize) -> Option<Vec<u8>> {
        let rest = &self.bytes[self.at..];
        if rest.len() < len.checked_add(2)? {
            return None;
        }
        self.at += len + 2;
        Some(rest[..len].to_vec())
    }
}

fn paired(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        pairs.push((key, value));
    }
    pairs
}

fn number(text: &str) -> io::Result<i64> {
    text.parse()
        .map_err(|_| bad(&format!("{text:?} in the place of a number")))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not RESP: {what}"))
}

/// A request as an array of bulk strings.
pub fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}
