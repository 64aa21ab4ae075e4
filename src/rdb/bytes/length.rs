//! The variable-length numbers of the format.
//!
//! | first byte | meaning | bytes |
//! |---|---|---|
//! | `00xxxxxx` | 6-bit value | 1 |
//! | `01xxxxxx` | 14-bit value, big-endian | 2 |
//! | `0x80` | 32-bit value, big-endian | 5 |
//! | `0x81` | 64-bit value, big-endian | 9 |
//! | `11tttttt` | a specially encoded string follows, of kind `t` | |
//!
//! Writers choose the shortest form; readers take longer ones too. Anything else is corrupt.

use crate::bytes::cursor::{Cursor, Read};
use crate::error::ErrorKind;

/// A length, or the mark of a specially encoded string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Plain(u64),
    Special(u8),
}

/// Bytes of the longest form.
pub const LENGTH_MAX: usize = 9;

impl Cursor<'_> {
    /// Either form.
    #[inline]
    pub(crate) fn length(&mut self, context: &'static str) -> Read<Length> {
        let first = self.u8(context)?;
        match first >> 6 {
            0 => Ok(Length::Plain(u64::from(first))),
            1 => {
                let [low] = self.array(context)?;
                Ok(Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(low)))
            }
            3 => Ok(Length::Special(first & 0x3f)),
            _ => self.long_length(first, context),
        }
    }

    fn long_length(&mut self, first: u8, context: &'static str) -> Read<Length> {
        match first {
            0x80 => Ok(Length::Plain(u64::from(u32::from_be_bytes(
                self.array(context)?,
            )))),
            0x81 => Ok(Length::Plain(u64::from_be_bytes(self.array(context)?))),
            _ => Cursor::starting_at(self.bytes(), self.at() - 1)
                .fault(ErrorKind::BadLength(first), context),
        }
    }

    /// A plain number. The special forms are an error, where real servers silently take their low six bits.
    #[inline]
    pub(crate) fn number(&mut self, context: &'static str) -> Read<u64> {
        let at = self.at();
        match self.length(context)? {
            Length::Plain(n) => Ok(n),
            Length::Special(kind) => Cursor::starting_at(self.bytes(), at)
                .fault(ErrorKind::BadLength(0xc0 | kind), context),
        }
    }

    /// A number of things that take at least `min_size` bytes each, all within this window.
    ///
    /// More than the bytes left can hold is `Truncated`: the window may still grow.
    #[inline]
    pub(crate) fn count(&mut self, min_size: u64, context: &'static str) -> Read<u64> {
        let n = self.number(context)?;
        match n.checked_mul(min_size) {
            Some(bytes) if bytes <= self.left() as u64 => Ok(n),
            Some(bytes) => Err(crate::bytes::cursor::Fault::short(
                self.at(),
                (self.at() as u64).saturating_add(bytes),
                context,
            )),
            None => self.fault(ErrorKind::BadCount(n), context),
        }
    }
}

/// Appends `n` in its shortest form.
#[inline]
pub fn encode_length(n: u64, out: &mut Vec<u8>) {
    if n < 64 {
        out.push(n as u8);
    } else if n < 16_384 {
        out.extend_from_slice(&[0x40 | (n >> 8) as u8, n as u8]);
    } else if let Ok(n) = u32::try_from(n) {
        out.push(0x80);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&n.to_be_bytes());
    }
}

/// Bytes of the shortest form of `n`.
#[inline]
pub fn length_size(n: u64) -> usize {
    match n {
        0..64 => 1,
        64..16_384 => 2,
        16_384..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Reads a length at the start of `bytes`: its value and its size in bytes. `None` if it is not a plain length
/// or does not end here.
#[inline]
pub fn decode_length(bytes: &[u8]) -> Option<(u64, usize)> {
    if let [n @ 0..0x40, ..] = *bytes {
        return Some((u64::from(n), 1));
    }
    let mut cursor = Cursor::new(bytes);
    cursor.number("length").ok().map(|n| (n, cursor.at()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form_and_are_read_back() {
        let cases: [(u64, &[u8]); 10] = [
            (0, b"\x00"),
            (10, b"\x0a"),
            (63, b"\x3f"),
            (64, b"\x40\x40"),
            (700, b"\x42\xbc"),
            (16_383, b"\x7f\xff"),
            (16_384, b"\x80\0\0\x40\0"),
            (0xffff_ffff, b"\x80\xff\xff\xff\xff"),
            (1 << 32, b"\x81\0\0\0\x01\0\0\0\0"),
            (u64::MAX, b"\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
        ];
        for (n, bytes) in cases {
            let mut out = Vec::new();
            encode_length(n, &mut out);
            assert_eq!(out, bytes, "{n}");
            assert_eq!(length_size(n), bytes.len());
            assert_eq!(decode_length(bytes), Some((n, bytes.len())));
            for cut in 0..bytes.len() {
                let fault = Cursor::new(&bytes[..cut]).number("n").unwrap_err();
                assert_eq!(fault.kind, ErrorKind::Truncated);
                assert!(fault.need > cut as u64);
            }
        }
    }

    #[test]
    fn longer_forms_than_needed_are_read() {
        assert_eq!(decode_length(b"\x40\x01"), Some((1, 2)));
        assert_eq!(decode_length(b"\x80\0\0\0\x01"), Some((1, 5)));
        assert_eq!(decode_length(b"\x81\0\0\0\0\0\0\0\x01"), Some((1, 9)));
    }

    #[test]
    fn reserved_and_special_forms_are_no_numbers() {
        for first in (0x82..=0xff).chain([0xc0, 0xc3]) {
            let bytes = [first, 0, 0, 0, 0, 0, 0, 0, 0];
            let fault = Cursor::new(&bytes).number("n").unwrap_err();
            assert_eq!((fault.kind, fault.at), (ErrorKind::BadLength(first), 0));
        }
    }

    #[test]
    fn a_count_beyond_the_window_asks_for_more_and_an_absurd_one_is_refused() {
        assert_eq!(Cursor::new(b"\x02abcd").count(2, "n"), Ok(2));
        assert_eq!(Cursor::new(b"\x03abcd").count(2, "n").unwrap_err().need, 7);
        let absurd = b"\x81\xff\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(
            Cursor::new(absurd).count(2, "n").unwrap_err().kind,
            ErrorKind::BadCount(u64::MAX)
        );
    }
}
