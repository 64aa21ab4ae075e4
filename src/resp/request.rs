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
mod tests {
    use super::*;

    const LIMITS: RequestLimits = RequestLimits {
        bulk: 512 << 20,
        unauthenticated: false,
    };

    /// Feeds `bytes` in pieces of `piece`; returns the requests and the error.
    fn feed(
        bytes: &[u8],
        piece: usize,
        limits: RequestLimits,
    ) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
        let (mut parser, mut buf, mut seen) = (Parser::default(), Vec::new(), Vec::new());
        for part in bytes.chunks(piece) {
            buf.extend_from_slice(part);
            let result = parser.parse(&buf, limits, usize::MAX);
            for i in 0..parser.len() {
                seen.push(parser.request(i, &buf).map(<[u8]>::to_vec).collect());
            }
            buf.drain(..parser.consume(parser.len()));
            if let Err(e) = result {
                return (seen, Some(e));
            }
        }
        (seen, None)
    }

    #[test]
    fn a_frame_is_what_an_encoder_would_write() {
        let short: &[&[u8]] = &[b"SET", b"k", b""];
        let tens: &[&[u8]] = &[b"SET", b"ten bytes.", &[b'v'; 99]];
        let long: &[&[u8]] = &[b"SET", b"k", &[b'v'; 100]];
        let many: &[&[u8]] = &[&b"DEL"[..]; 10];
        let mut requests = Vec::new();
        for (argv, has_frame) in [(short, true), (tens, true), (long, false), (many, false)] {
            let mut bytes = Vec::new();
            base::request::encode_request(&mut bytes, argv);
            requests.push((bytes, has_frame));
        }
        // None of these is what an encoder would write.
        let others: [&[u8]; 8] = [
            b"*1\r\n$4\r\nPINGxx",
            b"*1\rx$4\r\nPING\r\n",
            b"*1\r\n$4\rxPING\r\n",
            b"*1\r\n$10\rxPINGPINGPI\r\n",
            b"*+1\r\n$4\r\nPING\r\n",
            b"*1\r\n$+4\r\nPING\r\n",
            b"*01\r\n$4\r\nPING\r\n",
            b"PING\r\n",
        ];
        requests.extend(others.map(|bytes| (bytes.to_vec(), false)));
        let mut frames = 0;
        for (before, _) in &requests {
            for (bytes, has_frame) in &requests {
                for cut in 0..=bytes.len() {
                    let mut parser = Parser::default();
                    let mut buf = [&before[..], b"\r\n", &bytes[..cut]].concat();
                    // What is no request at all ends the connection.
                    let first = parser.parse(&buf, LIMITS, usize::MAX);
                    buf.extend_from_slice(&bytes[cut..]);
                    let second = first.and_then(|()| parser.parse(&buf, LIMITS, usize::MAX));
                    if second.is_err() || parser.len() != 2 {
                        continue;
                    }
                    if let Some(frame) = parser.frame(1, &buf) {
                        assert!(has_frame, "{:?}", bytes.escape_ascii().to_string());
                        assert_eq!(frame, bytes, "cut at {cut}");
                        frames += 1;
                    } else if cut == 0 {
                        assert!(!has_frame, "{:?}", bytes.escape_ascii().to_string());
                    }
                }
            }
        }
        assert!(frames > 50, "{frames} frames were compared");
    }

    fn words(text: &str) -> Vec<Vec<u8>> {
        text.split(' ').map(|w| w.as_bytes().to_vec()).collect()
    }

    #[test]
    fn requests_are_the_same_however_they_are_cut() {
        let bytes = b"*2\r\n$3\r\nGET\r\n$5\r\nk\r\n\r\n\r\nx\r\nPING\r\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\nset a 'b c'\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n";
        let whole = feed(bytes, bytes.len(), LIMITS);
        assert_eq!(whole.1, None);
        assert_eq!(
            whole.0,
            [
                vec![b"GET".to_vec(), b"k\r\n\r\n".to_vec()],
                words("x"),
                words("PING"),
                words("PING"),
                vec![b"set".to_vec(), b"a".to_vec(), b"b c".to_vec()],
                vec![b"SET".to_vec(), b"k".to_vec(), Vec::new()],
            ]
        );
        for piece in 1..bytes.len() {
            assert_eq!(feed(bytes, piece, LIMITS), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn violations_are_named_as_the_reference_server_names_them() {
        let long = vec![b'1'; LINE_MAX + 2];
        let with = |prefix: &str| [prefix.as_bytes(), &long].concat();
        let cases: &[(Vec<u8>, &str)] = &[
            (b"*3000000000\r\n".to_vec(), "invalid multibulk length"),
            (b"*x\r\n".to_vec(), "invalid multibulk length"),
            (b"*01\r\n".to_vec(), "invalid multibulk length"),
            (b"*1\r\nfoo\r\n".to_vec(), "expected '$', got 'f'"),
            (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
            (b"*1\r\n$blabla\r\n".to_vec(), "invalid bulk length"),
            (with(""), "too big inline request"),
            (with("*"), "too big mbulk count string"),
            (with("*1\r\n$"), "too big bulk count string"),
            (b"set \"a\r\n".to_vec(), "unbalanced quotes in request"),
            (b"set \"a\"b\r\n".to_vec(), "unbalanced quotes in request"),
        ];
        for (bytes, text) in cases {
            let (_, error) = feed(bytes, bytes.len(), LIMITS);
            let error = error.expect(text).to_string();
            assert_eq!(error, format!("ERR Protocol error: {text}"));
        }
    }

    #[test]
    fn strangers_may_send_ten_arguments_of_16_kb() {
        let limits = RequestLimits {
            unauthenticated: true,
            ..LIMITS
        };
        let (_, error) = feed(b"*11\r\n", 5, limits);
        assert_eq!(error, Some(ProtocolError::UnauthenticatedCount));
        let (_, error) = feed(b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", 100, limits);
        assert_eq!(error, Some(ProtocolError::UnauthenticatedBulk));
        let (_, error) = feed(b"*10\r\n$16384\r\n", 100, limits);
        assert_eq!(error, None);
    }

    #[test]
    fn requests_before_a_violation_are_kept() {
        let (seen, error) = feed(b"PING\r\n*1\r\n!\r\n", 100, LIMITS);
        assert_eq!(seen, [words("PING")]);
        assert_eq!(error, Some(ProtocolError::ExpectedDollar(b'!')));
    }

    #[test]
    fn unconsumed_requests_are_parsed_again() {
        let mut buf = b"PING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*2\r\n$3\r\nGE".to_vec();
        let mut parser = Parser::default();
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!(parser.len(), 2);
        buf.drain(..parser.consume(1));
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!(parser.len(), 1);
        let request: Vec<_> = parser.request(0, &buf).collect();
        assert_eq!(request, [b"ECHO".as_slice(), b"a"]);
        buf.drain(..parser.consume(1));
        buf.extend_from_slice(b"T\r\n$1\r\nk\r\n");
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        let request: Vec<_> = parser.request(0, &buf).collect();
        assert_eq!(request, [b"GET".as_slice(), b"k"]);
    }

    #[test]
    fn a_request_of_many_arguments_leaves_little_memory_behind() {
        let many = 100 * KEPT_SPANS;
        let mut buf = format!("*{many}\r\n").into_bytes();
        buf.extend(b"$1\r\na\r\n".repeat(many));
        let mut parser = Parser::default();
        let half = buf.len() / 2;
        parser.parse(&buf[..half], LIMITS, 10).expect("well formed");
        assert!(parser.memory() >= many / 2 * size_of::<Span>());
        assert_eq!(parser.consume(0), 0);
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!(parser.request(0, &buf).len(), many);
        assert_eq!(parser.consume(1), buf.len());
        assert!(parser.memory() <= KEPT_SPANS * size_of::<Span>());
    }

    #[test]
    fn a_large_argument_comes_beside_the_buffer() {
        let body = vec![b'x'; LARGE_FROM];
        let head = format!("*4\r\n$3\r\nSET\r\n${LARGE_FROM}\r\n").into_bytes();
        let tail = b"$1\r\nv\r\n$2\r\nEX\r\nPING\r\n*1\r\n";
        let mut parser = Parser::default();
        let mut buf = [&head[..], &body[..9]].concat();
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!(parser.large(), Some((head.len(), body.len() + 2)));
        buf.truncate(head.len());
        parser.begin_large();
        assert_eq!((parser.large(), parser.in_request()), (None, true));
        let whole = [&body[..], b"\r\n"].concat();
        parser.end_large(Some(Large::copy_of(&whole).expect("memory")));
        assert_eq!(parser.consume(0), 0);
        buf.extend_from_slice(tail);
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!((parser.len(), parser.larges().len()), (2, 1));
        let request: Vec<&[u8]> = parser.request(0, &buf).collect();
        assert!(request == [b"SET".as_slice(), &body, b"v", b"EX"]);
        let mut rest = buf.split_off(parser.consume(1));
        parser.parse(&rest, LIMITS, 10).expect("well formed");
        assert_eq!(parser.request(0, &rest).next(), Some(&b"PING"[..]));
        rest.drain(..parser.consume(1));
        assert_eq!(
            (rest.as_slice(), parser.larges().len()),
            (&b"*1\r\n"[..], 0)
        );
    }

    #[test]
    fn a_large_argument_behind_other_requests_waits_for_them() {
        let buf = format!("PING\r\n*2\r\n$4\r\nECHO\r\n${LARGE_FROM}\r\nxx").into_bytes();
        let mut parser = Parser::default();
        parser.parse(&buf, LIMITS, 10).expect("well formed");
        assert_eq!(parser.large(), None);
        assert_eq!(parser.consume(1), 6);
        assert_eq!(parser.large(), Some((buf.len() - 2 - 6, LARGE_FROM + 2)));
    }
}
