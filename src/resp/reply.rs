//! The reply encoder: commands write into it, it knows which protocol the client speaks.
//!
//! One method per kind of reply. Where RESP2 has no such kind, the method writes what Redis writes
//! for a RESP2 client (a map becomes a flat array, a double a bulk string, a null `$-1`).

use crate::keyspace::Item;

/// The protocol version a client speaks; chosen by HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Proto {
    /// The default.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// A client's pending output.
#[derive(Default, Debug)]
pub struct Reply {
    buf: Vec<u8>,
    /// What the client speaks.
    pub proto: Proto,
}

impl Reply {
    /// An empty buffer for a client that speaks `proto`.
    pub fn new(proto: Proto) -> Self {
        Reply {
            buf: Vec::new(),
            proto,
        }
    }

    /// Bytes not yet sent.
    pub fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// The buffer itself: the shell sends from it and clears it.
    pub fn buf_mut(&mut self) -> &mut Vec<u8> {
        &mut self.buf
    }

    /// Number of bytes not yet sent; also a mark for [`Reply::array_at`] and [`Reply::truncate`].
    pub fn len(&self) -> usize {
        self.buf.len()
    }

    /// Bytes that the buffer has room for.
    pub fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// True when nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Forgets what was written after `mark` (a failed command inside a script, CLIENT REPLY OFF).
    pub fn truncate(&mut self, mark: usize) {
        self.buf.truncate(mark);
    }

    #[inline]
    fn header(&mut self, kind: u8, n: i64) {
        match n {
            // What most commands count, and the length of most that is short.
            0..=9 => {
                let line = [kind, b'0' + n as u8, b'\r', b'\n'];
                self.buf.extend_from_slice(&line);
            }
            _ => self.long_header(kind, n),
        }
    }

    fn long_header(&mut self, kind: u8, n: i64) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(n).as_bytes();
        self.buf.reserve(digits.len() + 3);
        self.buf.push(kind);
        self.buf.extend_from_slice(digits);
        self.buf.extend_from_slice(b"\r\n");
    }

    /// `+OK`
    pub fn ok(&mut self) {
        self.buf.extend_from_slice(b"+OK\r\n");
    }

    /// `+text`; `text` has no line break.
    pub fn simple(&mut self, text: &str) {
        self.buf.push(b'+');
        self.buf.extend_from_slice(text.as_bytes());
        self.buf.extend_from_slice(b"\r\n");
    }

    /// `-text`; `text` begins with its code (`ERR ...`). Line breaks become spaces.
    pub fn error(&mut self, text: &str) {
        self.buf.push(b'-');
        self.buf.extend(
            text.bytes()
                .map(|b| if b == b'\r' || b == b'\n' { b' ' } else { b }),
        );
        self.buf.extend_from_slice(b"\r\n");
    }

    /// `:n`
    pub fn int(&mut self, n: i64) {
        self.header(b':', n);
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buf.reserve(bytes.len() + 16);
        self.header(b'$', bytes.len() as i64);
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
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
    pub fn null(&mut self) {
        self.buf.extend_from_slice(match self.proto {
            Proto::Resp2 => b"$-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// Null where RESP2 has an array: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.buf.extend_from_slice(match self.proto {
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
        let end = self.buf.len();
        self.header(kind, n as i64);
        let header = self.buf.len() - end;
        self.buf[mark..].rotate_right(header);
    }

    /// A double: `,text` or a bulk string; `inf`, `-inf`, `nan` as Redis spells them.
    pub fn double(&mut self, x: f64) {
        let text = format_double(x);
        match self.proto {
            Proto::Resp2 => self.bulk(text.as_bytes()),
            Proto::Resp3 => {
                self.buf.push(b',');
                self.buf.extend_from_slice(text.as_bytes());
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// `#t` / `#f`, or `:1` / `:0`.
    pub fn bool(&mut self, yes: bool) {
        match self.proto {
            Proto::Resp2 => self.int(yes as i64),
            Proto::Resp3 => self
                .buf
                .extend_from_slice(if yes { b"#t\r\n" } else { b"#f\r\n" }),
        }
    }

    /// A verbatim string of format `txt` or `mkd`; a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                self.header(b'=', text.len() as i64 + 4);
                self.buf.extend_from_slice(format.as_bytes());
                self.buf.push(b':');
                self.buf.extend_from_slice(text);
                self.buf.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }
}

/// A double as Redis (7.2 and later) prints it in replies: integers of up to 62 bits as such,
/// else the shortest digits that read back equal, in the layout of its `fpconv_dtoa`: plain while few
/// zeros have to be added and the point stands near the front, otherwise with an exponent.
pub fn format_double(x: f64) -> String {
    const INTEGERS: f64 = (1_u64 << 62) as f64;
    if x != 0.0 && x.fract() == 0.0 && x.abs() <= INTEGERS {
        return itoa::Buffer::new().format(x as i64).to_owned();
    }
    format_shortest(x)
}

/// The shortest digits that read back equal in the layout of `fpconv_dtoa`, integers too: 10^8 is `1e+8`. So DEBUG
/// DIGEST takes scores, seen on Redis 8.2.
pub fn format_shortest(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.into();
    }
    if x == 0.0 {
        return if x.is_sign_negative() { "-0" } else { "0" }.into();
    }
    let scientific = format!("{:e}", x.abs());
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("LowerExp always has an exponent");
    let exponent: i32 = exponent.parse().expect("LowerExp's exponent is an integer");
    let digits = mantissa.replace('.', "");
    let count = digits.len() as i32;
    // The number is `digits` x 10^scale.
    let scale = exponent + 1 - count;
    let mut text = String::with_capacity(32);
    if x < 0.0 {
        text.push('-');
    }
    if scale >= 0 && exponent.abs() < count + 7 {
        text.push_str(&digits);
        text.extend(std::iter::repeat_n('0', scale as usize));
    } else if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        let point = count + scale;
        if point <= 0 {
            text.push_str("0.");
            text.extend(std::iter::repeat_n('0', -point as usize));
            text.push_str(&digits);
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            text.push_str(whole);
            text.push('.');
            text.push_str(fraction);
        }
    } else {
        text.push_str(mantissa);
        text.push_str(if exponent < 0 { "e-" } else { "e+" });
        text.push_str(itoa::Buffer::new().format(exponent.unsigned_abs()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{format_double, format_shortest};

    #[test]
    fn without_the_shortcut_for_integers_round_ones_have_an_exponent() {
        // Found by DEBUG DIGEST-VALUE of redis-server 8.2.3.
        for (x, text) in [
            (3.0, "3"),
            (123_456_789.0, "123456789"),
            (1e8, "1e+8"),
            (1e15, "1e+15"),
            (-9_007_199_254_740_992.0, "-9007199254740992"),
            (9_223_372_036_854_775_807.0, "9223372036854776000"),
            (0.1, "0.1"),
            (0.0, "0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(format_shortest(x), text);
        }
    }

    #[test]
    fn doubles_are_laid_out_as_the_reference_lays_them_out() {
        // As redis-server 8.2 shows them with ZSCORE.
        for (x, text) in [
            (3.0, "3"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (1e-7, "1e-7"),
            (1e-5, "0.00001"),
            (1.5e-10, "1.5e-10"),
            (669_461.797_129_898_6, "6.694617971298986e+5"),
            (1234.5, "1234.5"),
            (1e15, "1000000000000000"),
            (1e17, "100000000000000000"),
            (1e20, "1e+20"),
            (123_456_789_012_345_678.0, "123456789012345680"),
            (0.000_123_456_78, "1.2345678e-4"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_double(x), text);
        }
    }
}
