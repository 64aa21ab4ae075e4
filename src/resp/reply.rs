//! The reply encoder: commands write into it, it knows which protocol the client speaks.
//!
//! One method per kind of reply. Where RESP2 has no such kind, the method writes what Redis writes
//! for a RESP2 client (a map becomes a flat array, a double a bulk string, a null `$-1`).

use super::{Output, Shared};
use crate::keyspace::Item;
use smallvec::SmallVec;

/// The most that the frame of a bulk string takes beside its bytes.
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

    /// What has been written: the shell sends from it, and says how much it may hold.
    pub fn output_mut(&mut self) -> &mut Output {
        &mut self.out
    }

    /// Number of bytes not yet sent; also a mark for [`Reply::array_at`] and [`Reply::truncate`].
    #[inline]
    pub fn len(&self) -> usize {
        self.out.len()
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
            _ => self.long_header(kind, n),
        }
    }

    fn long_header(&mut self, kind: u8, n: i64) {
        let mut digits = itoa::Buffer::new();
        if self.out.room(BULK_MORE) {
            self.out.put(&[kind]);
            self.out.put(digits.format(n).as_bytes());
            self.out.put(b"\r\n");
        }
    }

    /// `+OK`
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
    pub fn error(&mut self, text: &str) {
        self.error_bytes(text.as_bytes());
    }

    /// As [`Reply::error`], of any bytes.
    pub fn error_bytes(&mut self, text: &[u8]) {
        self.line(b'-', text);
    }

    /// A big number by its digits: `(digits` or a bulk string.
    pub fn big_number(&mut self, digits: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits),
            Proto::Resp3 => self.line(b'(', digits),
        }
    }

    /// A line of its own.
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

    /// A bulk string of bytes that nobody else needs.
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
        let text = format_double(x);
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
