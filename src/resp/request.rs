//! The request parser: multi-bulk (`*2\r\n$3\r\n...`) and inline (`PING\r\n`) requests.
//!
//! Pure and incremental. [`Parser::parse`] looks at a buffer that starts with the first byte not yet
//! [consumed](Parser::consume) and collects whole requests as spans of that buffer; nothing is copied but the
//! unquoted words of an inline request. An incomplete request is remembered, so that one that arrives in a thousand
//! pieces is scanned once.
//!
//! A large argument is not collected in the buffer: [`Parser::large`] says that one has begun; the caller receives it
//! by itself ([`base::large`]) and hands it over when it is complete.
//!
//! Bounds: a header or inline line of 64 KB; a bulk of `proto-max-bulk-len`; before AUTH 10 arguments of
//! 16 KB. Spans take memory only for arguments whose header has arrived.

use base::large::{LARGE_FROM, Large};
use std::fmt;

pub use super::words::split_words;

/// Longest header line and inline request, bytes.
pub const LINE_MAX: usize = 64 * 1024;
/// Largest number of arguments (a C `int` in the reference server).
const ARGS_MAX: i64 = i32::MAX as i64;
/// Before AUTH: number of arguments.
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
/// Before AUTH: bytes of an argument.
const UNAUTHENTICATED_BULK_MAX: i64 = 16384;

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// `proto-max-bulk-len`, bytes.
    pub bulk: u64,
    /// The client has not authenticated though it must.
    pub unauthenticated: bool,
}

/// Garbage on the wire. `Display` is the reply's text after `-`; the connection is closed after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// An inline request or a header line without end.
    InlineTooLong,
    /// `*` line without end.
    CountTooLong,
    /// `$` line without end.
    BulkHeaderTooLong,
    /// `*` without a number in range.
    BadCount,
    /// `$` without a number in range.
    BadBulk,
    /// Something else where `$` belongs.
    ExpectedDollar(u8),
    /// An inline request with an open quote.
    UnbalancedQuotes,
    /// Too many arguments before AUTH.
    UnauthenticatedCount,
    /// Too large an argument before AUTH.
    UnauthenticatedBulk,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ERR Protocol error: ")?;
        match *self {
            ProtocolError::InlineTooLong => f.write_str("too big inline request"),
            ProtocolError::CountTooLong => f.write_str("too big mbulk count string"),
            ProtocolError::BulkHeaderTooLong => f.write_str("too big bulk count string"),
            ProtocolError::BadCount => f.write_str("invalid multibulk length"),
            ProtocolError::BadBulk => f.write_str("invalid bulk length"),
            ProtocolError::ExpectedDollar(got) => {
                write!(f, "expected '$', got '{}'", char::from(got))
            }
            ProtocolError::UnbalancedQuotes => f.write_str("unbalanced quotes in request"),
            ProtocolError::UnauthenticatedCount => f.write_str("unauthenticated multibulk length"),
            ProtocolError::UnauthenticatedBulk => f.write_str("unauthenticated bulk length"),
        }
    }
}

impl std::error::Error for ProtocolError {}

/// The span of large argument `i` starts at `LARGE + i`, which is in no buffer.
const LARGE: usize = 1 << 62;

/// More arguments than this leave no memory behind when their request has run.
const KEPT_SPANS: usize = 1024;

/// The place of an argument: in the caller's buffer, among the words of inline requests, or by itself.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    len: usize,
}

/// A whole request.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// End of its arguments in `spans`.
    spans: usize,
    /// End of its bytes in the buffer.
    bytes: usize,
    /// Its arguments are in `words`.
    inline: bool,
    /// Its bytes are those that an encoder would write for these arguments, all of which are short.
    plain: bool,
}

/// The parser of one connection. See the module.
#[derive(Debug, Default)]
pub struct Parser {
    /// First byte not yet looked at.
    at: usize,
    /// Arguments of the current multi-bulk request still to come.
    missing: usize,
    /// The current request is [`Request::plain`] so far.
    plain: bool,
    /// Length of the bulk whose header has been read.
    bulk: Option<usize>,
    spans: Vec<Span>,
    requests: Vec<Request>,
    words: Vec<u8>,
    /// Large arguments of the first request.
    larges: Vec<Large>,
    /// The first request had one that could not be received.
    refused: bool,
}

impl Parser {
    /// Collects requests from `buf` until it ends or `max` are there. Requests found before an error
    /// are kept.
    ///
    /// # Errors
    /// The first violation of the protocol; nothing after it can be read.
    pub fn parse(
        &mut self,
        buf: &[u8],
        limits: RequestLimits,
        max: usize,
    ) -> Result<(), ProtocolError> {
        while self.requests.len() < max && self.at < buf.len() {
            let whole = if self.missing > 0 {
                self.arguments(buf, limits)?
            } else if buf[self.at] == b'*' {
                self.count(buf, limits)?
            } else {
                self.inline(buf)?
            };
            if !whole {
                break;
            }
        }
        Ok(())
    }

    /// Number of whole requests collected.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// True without a whole request.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// The arguments of request `i`, in `buf` as given to [`Parser::parse`].
    #[inline]
    pub fn request<'a>(
        &'a self,
        i: usize,
        buf: &'a [u8],
    ) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let start = if i == 0 {
            0
        } else {
            self.requests[i - 1].spans
        };
        let request = self.requests[i];
        let from = if request.inline { &self.words } else { buf };
        self.spans[start..request.spans].iter().map(move |s| {
            match from.get(s.start..s.start + s.len) {
                Some(arg) => arg,
                None => &self.larges[s.start - LARGE][..s.len],
            }
        })
    }

    /// The bytes of request `i`, if they are exactly those that an encoder would write for its arguments. That is told
    /// only of requests of few and short arguments, which are most.
    #[inline]
    pub fn frame<'a>(&self, i: usize, buf: &'a [u8]) -> Option<&'a [u8]> {
        let request = self.requests[i];
        if !request.plain {
            return None;
        }
        let start = i.checked_sub(1).map_or(0, |i| self.requests[i].spans);
        let first = self.spans.get(start)?;
        // The line of the first argument, and before it that of their number, which has one digit.
        let lines = 4 + usize::from(first.len > 9) + 4;
        buf.get(first.start.checked_sub(lines)?..request.bytes)
    }

    /// A large argument of the buffer's first request has begun to arrive: where in the buffer its bytes start, and
    /// how many they are with their line end.
    pub fn large(&self) -> Option<(usize, usize)> {
        let len = self.bulk.filter(|len| *len >= LARGE_FROM)?;
        self.requests.is_empty().then_some((self.at, len + 2))
    }

    /// Says that the caller receives the argument of [`Parser::large`] by itself. Its bytes are not in the buffer:
    /// the bytes after it will be where it started, once [`Parser::end_large`] has been called.
    pub fn begin_large(&mut self) {
        self.bulk = None;
    }

    /// All bytes of a large argument have come, and its line end; `None` if they could not be kept.
    pub fn end_large(&mut self, body: Option<Large>) {
        let start = LARGE + self.larges.len();
        self.spans.push(match &body {
            Some(body) => Span {
                start,
                len: body.len() - 2,
            },
            None => Span { start: 0, len: 0 },
        });
        self.refused |= body.is_none();
        self.larges.extend(body);
        self.missing -= 1;
        if self.missing == 0 {
            self.finish(false);
        }
    }

    /// An argument of the first request could not be kept: it is not to run.
    #[inline]
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Large arguments of the requests that have been collected, and of the one that is half there.
    #[inline]
    pub fn larges(&self) -> &[Large] {
        &self.larges
    }

    /// Forgets the first `n` requests; returns how many bytes of the buffer they (and empty lines before them) took.
    /// The caller drops these bytes from its buffer's front. Requests after them are forgotten too, and parsed again.
    pub fn consume(&mut self, n: usize) -> usize {
        let all = n == self.requests.len();
        let (spans, bytes) = match n.checked_sub(1) {
            Some(last) => (self.requests[last].spans, self.requests[last].bytes),
            None => (0, 0),
        };
        self.requests.clear();
        if n > 0 {
            // Only the first request has any.
            self.larges.clear();
            self.refused = false;
        }
        if all {
            // The incomplete request is still remembered.
            let bytes = match self.missing {
                0 => self.at,
                _ => bytes,
            };
            self.spans.drain(..spans);
            self.give_back();
            let in_buffer = self.spans.iter_mut().filter(|s| s.start < LARGE);
            in_buffer.for_each(|s| s.start -= bytes);
            self.at -= bytes;
            self.words.clear();
            return bytes;
        }
        self.spans.clear();
        self.give_back();
        self.words.clear();
        self.at = 0;
        self.missing = 0;
        self.bulk = None;
        bytes
    }

    /// After a request of many arguments.
    #[inline]
    fn give_back(&mut self) {
        if self.spans.capacity() > KEPT_SPANS && self.spans.len() <= KEPT_SPANS {
            self.spans.shrink_to(KEPT_SPANS);
        }
    }

    /// Bytes of memory that it takes, without those of large arguments.
    pub fn memory(&self) -> usize {
        self.spans.capacity() * size_of::<Span>() + self.words.capacity()
    }

    /// True if it remembers nothing of what it has seen.
    pub fn is_idle(&self) -> bool {
        let Parser {
            at,
            missing,
            bulk,
            spans,
            requests,
            words: _,
            larges,
            refused,
            plain: _,
        } = self;
        let collected = !spans.is_empty() || !requests.is_empty() || !larges.is_empty();
        *at == 0 && *missing == 0 && bulk.is_none() && !collected && !refused
    }

    /// True when a request is half there: the next byte belongs to one of its arguments.
    pub fn in_request(&self) -> bool {
        self.missing > 0
    }

    /// How many more bytes the argument that is half there needs at least, of a buffer of `len` bytes;
    /// 0 when unknown.
    pub fn wanted(&self, len: usize) -> usize {
        self.bulk
            .map_or(0, |bulk| (self.at + bulk + 2).saturating_sub(len))
    }

    /// `*<count>\r\n`
    fn count(&mut self, buf: &[u8], limits: RequestLimits) -> Result<bool, ProtocolError> {
        if let Some((n @ 1..=9, len)) = short_line(&buf[self.at..], b'*') {
            self.at += len;
            self.missing = n;
            self.plain = true;
            return Ok(true);
        }
        self.plain = false;
        let Some((n, next)) = number_line(buf, self.at + 1) else {
            return incomplete(buf.len() - self.at, ProtocolError::CountTooLong);
        };
        let n = n
            .filter(|n| *n <= ARGS_MAX)
            .ok_or(ProtocolError::BadCount)?;
        if n > UNAUTHENTICATED_ARGS_MAX && limits.unauthenticated {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        self.at = next;
        self.missing = n.max(0) as usize;
        Ok(true)
    }

    /// `$<length>\r\n<bytes>\r\n`, as many as are missing.
    fn arguments(&mut self, buf: &[u8], limits: RequestLimits) -> Result<bool, ProtocolError> {
        while self.missing > 0 {
            if self.bulk.is_none() {
                self.short_arguments(buf, limits);
                if self.missing == 0 {
                    break;
                }
            }
            self.plain = false;
            let len = match self.bulk.take() {
                Some(len) => len,
                None => match self.bulk_header(buf, limits)? {
                    Some(len) => len,
                    None => return Ok(false),
                },
            };
            // The two bytes after the data are not looked at, as in the reference server.
            if buf.len() - self.at < len + 2 {
                self.bulk = Some(len);
                return Ok(false);
            }
            self.spans.push(Span {
                start: self.at,
                len,
            });
            self.at += len + 2;
            self.missing -= 1;
        }
        self.finish(false);
        Ok(true)
    }

    /// Takes the arguments that are complete, short and as an encoder would write them, up to the first that is not.
    #[inline]
    fn short_arguments(&mut self, buf: &[u8], limits: RequestLimits) {
        let (mut at, mut missing) = (self.at, self.missing);
        while missing > 0
            && let Some((len, line)) = short_line(&buf[at..], b'$')
            && len as u64 <= limits.bulk
            && let Some(b"\r\n") = buf.get(at + line + len..at + line + len + 2)
        {
            let start = at + line;
            self.spans.push(Span { start, len });
            at = start + len + 2;
            missing -= 1;
        }
        (self.at, self.missing) = (at, missing);
    }

    /// `$<length>\r\n`: the length, `None` while the line is not whole.
    fn bulk_header(
        &mut self,
        buf: &[u8],
        limits: RequestLimits,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(&first) = buf.get(self.at) else {
            return Ok(None);
        };
        let Some((n, next)) = number_line(buf, self.at + 1) else {
            let too_long = ProtocolError::BulkHeaderTooLong;
            return incomplete(buf.len() - self.at, too_long).map(|_| None);
        };
        if first != b'$' {
            return Err(ProtocolError::ExpectedDollar(first));
        }
        let n = n.filter(|n| *n >= 0 && *n as u64 <= limits.bulk);
        let n = n.ok_or(ProtocolError::BadBulk)?;
        if n > UNAUTHENTICATED_BULK_MAX && limits.unauthenticated {
            return Err(ProtocolError::UnauthenticatedBulk);
        }
        self.at = next;
        Ok(Some(n as usize))
    }

    /// A line of words.
    fn inline(&mut self, buf: &[u8]) -> Result<bool, ProtocolError> {
        let Some(end) = memchr::memchr(b'\n', &buf[self.at..]) else {
            return incomplete(buf.len() - self.at, ProtocolError::InlineTooLong);
        };
        let line = &buf[self.at..self.at + end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let words = split_words(line).ok_or(ProtocolError::UnbalancedQuotes)?;
        self.at += end + 1;
        if words.is_empty() {
            return Ok(true);
        }
        for word in words {
            self.spans.push(Span {
                start: self.words.len(),
                len: word.len(),
            });
            self.words.extend_from_slice(&word);
        }
        self.finish(true);
        Ok(true)
    }

    fn finish(&mut self, inline: bool) {
        self.requests.push(Request {
            spans: self.spans.len(),
            bytes: self.at,
            inline,
            plain: self.plain && !inline,
        });
    }
}

fn incomplete(seen: usize, too_long: ProtocolError) -> Result<bool, ProtocolError> {
    if seen > LINE_MAX {
        Err(too_long)
    } else {
        Ok(false)
    }
}

/// The number on a line that begins with `mark` and has one digit or two, as nearly all have, and the length
/// of the line. `None` for all others, and for what is not such a line.
#[inline(always)]
fn short_line(line: &[u8], mark: u8) -> Option<(usize, usize)> {
    let &[first, a, b, c, d] = line.first_chunk()?;
    let (a, ones) = (a.wrapping_sub(b'0'), b.wrapping_sub(b'0'));
    if first != mark || a > 9 {
        None
    } else if [b, c] == *b"\r\n" {
        Some((usize::from(a), 4))
    } else if a > 0 && ones <= 9 && [c, d] == *b"\r\n" {
        Some((usize::from(a) * 10 + usize::from(ones), 5))
    } else {
        None
    }
}

/// The number on a line that starts at `from`, and where the next line starts. `None` while the line is
/// not whole; a line that holds no canonical number gives `(None, _)`.
fn number_line(buf: &[u8], from: usize) -> Option<(Option<i64>, usize)> {
    let mut n = 0i64;
    let mut i = from;
    while let Some(&b) = buf.get(i) {
        match b {
            b'0'..=b'9' if i - from < 10 => n = n * 10 + i64::from(b - b'0'),
            b'\r' if i > from && (buf[from] != b'0' || i == from + 1) => {
                return (i + 1 < buf.len()).then_some((Some(n), i + 2));
            }
            _ => break,
        }
        i += 1;
    }
    let end = from + memchr::memchr(b'\r', buf.get(from..)?)?;
    (end + 1 < buf.len()).then(|| (base::integer::parse_int(&buf[from..end]), end + 2))
}

#[cfg(test)]
mod tests;
