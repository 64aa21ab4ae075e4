//! Strings: raw bytes, a small integer, or LZF-packed.
//!
//! | first byte | form |
//! |---|---|
//! | a length n | n raw bytes follow |
//! | `c0` `c1` `c2` | an i8, i16le, i32le: the string is its decimal text |
//! | `c3` | `len` packed size, `len` original size, the packed bytes |
//!
//! Every string of a file has this form: keys, members, blobs, names. A reader borrows ([`StrRef`]); only a
//! packed string must be unpacked to be seen.

use crate::bytes::cursor::{Cursor, Read};
use crate::bytes::length::{Length, encode_length};
use crate::bytes::lzf;
use crate::error::ErrorKind;
use crate::packed::listpack::Item;
use base::number::{INT_TEXT_MAX, IntText, canonical_i64, int_text_len};

/// Packed strings need more than this many bytes to be worth trying.
const COMPRESS_ABOVE: usize = 20;

/// One string as it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrRef<'a> {
    /// The bytes themselves.
    Raw(&'a [u8]),
    /// The decimal text of an integer.
    Int(i64),
    /// LZF: the packed bytes, and how long the string is.
    Lzf {
        /// The packed bytes.
        packed: &'a [u8],
        /// Declared size of the string in bytes; real only once the string is unpacked or checked.
        len: usize,
    },
}

impl<'a> StrRef<'a> {
    /// Reads the string at the start of `bytes`, and how many bytes it takes there.
    ///
    /// # Errors
    /// `None` if `bytes` does not start with a whole, well-formed string (a packed one is not unpacked here).
    #[inline]
    pub fn decode(bytes: &'a [u8]) -> Option<(Self, usize)> {
        // Nearly all strings are raw and shorter than 16 KB.
        let (len, width) = match *bytes {
            [len @ 0..0x40, ..] => (usize::from(len), 1),
            [high @ 0x40..0x80, low, ..] => (usize::from(high & 0x3f) << 8 | usize::from(low), 2),
            _ => return StrRef::decode_other(bytes),
        };
        let size = width + len;
        bytes.get(width..size).map(|raw| (StrRef::Raw(raw), size))
    }

    #[inline(never)]
    fn decode_other(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let mut cursor = Cursor::new(bytes);
        cursor.string("string").ok().map(|s| (s, cursor.at()))
    }

    /// Length of the string in bytes (of a packed one: as declared).
    pub fn len(&self) -> usize {
        match *self {
            StrRef::Raw(bytes) => bytes.len(),
            StrRef::Int(n) => int_text_len(n),
            StrRef::Lzf { len, .. } => len,
        }
    }

    /// Whether the string has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the packed form unpacks to its declared size; the others are always right.
    pub fn is_sound(&self) -> bool {
        match *self {
            // Real servers take any packed bytes for an empty string.
            StrRef::Lzf { packed, len } => len == 0 || lzf::unpacks_to(packed, len),
            _ => true,
        }
    }

    /// The string, unpacked into `buf` where it must be; `None` if it does not unpack.
    #[inline]
    pub fn get<'b>(self, buf: &'b mut StrBuf) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        match self {
            StrRef::Raw(bytes) => Some(bytes),
            StrRef::Int(n) => {
                buf.int = IntText::new(n);
                Some(buf.int.as_bytes())
            }
            StrRef::Lzf { len: 0, .. } => Some(&[]),
            StrRef::Lzf { packed, len } => buf.unpacker.unpack(packed, len),
        }
    }

    /// The string as an element of a collection: integers stay integers.
    #[inline]
    pub fn item<'b>(self, buf: &'b mut StrBuf) -> Option<Item<'b>>
    where
        'a: 'b,
    {
        match self {
            StrRef::Int(n) => Some(Item::Int(n)),
            other => other.get(buf).map(Item::Bytes),
        }
    }

    /// Appends the string's bytes; `None`, and `out` as before, if it does not unpack.
    pub fn append_to(self, out: &mut Vec<u8>) -> Option<()> {
        match self {
            StrRef::Raw(bytes) => out.extend_from_slice(bytes),
            StrRef::Int(n) => out.extend_from_slice(IntText::new(n).as_bytes()),
            StrRef::Lzf { len: 0, .. } => {}
            StrRef::Lzf { packed, len } => lzf::unpack_append(packed, len, out)?,
        }
        Some(())
    }
}

/// Room for strings that must be decoded.
#[derive(Debug, Clone)]
pub struct StrBuf {
    unpacker: lzf::Unpacker,
    int: IntText,
}

impl StrBuf {
    /// An empty buffer, which allocates nothing.
    pub fn new() -> Self {
        StrBuf {
            unpacker: lzf::Unpacker::new(),
            int: IntText::new(0),
        }
    }

    /// Frees memory beyond `keep` bytes.
    pub fn shrink(&mut self, keep: usize) {
        self.unpacker.shrink(keep);
    }
}

impl Default for StrBuf {
    fn default() -> Self {
        StrBuf::new()
    }
}

impl<'a> Cursor<'a> {
    /// One string. A packed one is bounded, not unpacked.
    #[inline]
    pub(crate) fn string(&mut self, context: &'static str) -> Read<StrRef<'a>> {
        match self.length(context)? {
            Length::Plain(n) => self.take(n, context).map(StrRef::Raw),
            Length::Special(kind) => self.special_string(kind, context),
        }
    }

    fn special_string(&mut self, kind: u8, context: &'static str) -> Read<StrRef<'a>> {
        match kind {
            0 => Ok(StrRef::Int(i64::from(i8::from_le_bytes(
                self.array(context)?,
            )))),
            1 => Ok(StrRef::Int(i64::from(i16::from_le_bytes(
                self.array(context)?,
            )))),
            2 => Ok(StrRef::Int(i64::from(i32::from_le_bytes(
                self.array(context)?,
            )))),
            3 => {
                let packed_len = self.number(context)?;
                let len = self.number(context)?;
                let at = self.at();
                let packed = self.take(packed_len, context)?;
                match usize::try_from(len) {
                    Ok(len) if lzf::can_unpack_to(packed.len(), len) => {
                        Ok(StrRef::Lzf { packed, len })
                    }
                    _ => Cursor::starting_at(self.bytes(), at).fault(ErrorKind::BadLzf, context),
                }
            }
            _ => Cursor::starting_at(self.bytes(), self.at() - 1)
                .fault(ErrorKind::BadString(kind), context),
        }
    }

    /// Passes over one string.
    #[inline]
    pub(crate) fn skip_string(&mut self, context: &'static str) -> Read<()> {
        self.string(context).map(|_| ())
    }
}

/// Appends `bytes` as a string: as an integer if they are the text of an i32, compressed if that is wanted and saves
/// bytes, and raw otherwise. All servers make the same choice in the same order.
pub fn encode_string(bytes: &[u8], compress: Option<&mut lzf::Packer>, out: &mut Vec<u8>) {
    if bytes.len() < INT_TEXT_MAX
        && bytes.len() <= 11
        && let Some(n) = canonical_i64(bytes)
        && encode_small_int(n, out)
    {
        return;
    }
    encode_blob(bytes, compress, out);
}

/// Appends `bytes` packed or raw, never as an integer: for blobs and for strings that are known not to be numbers.
pub fn encode_blob(bytes: &[u8], compress: Option<&mut lzf::Packer>, out: &mut Vec<u8>) {
    if let Some(packer) = compress
        && bytes.len() > COMPRESS_ABOVE
        && encode_packed(bytes, packer, out)
    {
        return;
    }
    encode_raw(bytes, out);
}

/// Appends `bytes` raw.
#[inline]
pub fn encode_raw(bytes: &[u8], out: &mut Vec<u8>) {
    encode_length(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends the decimal text of `n` as a string.
pub fn encode_int_string(n: i64, out: &mut Vec<u8>) {
    if !encode_small_int(n, out) {
        encode_raw(IntText::new(n).as_bytes(), out);
    }
}

/// Appends one element of a collection as a string.
pub fn encode_item(item: Item<'_>, compress: Option<&mut lzf::Packer>, out: &mut Vec<u8>) {
    match item {
        Item::Int(n) => encode_int_string(n, out),
        Item::Bytes(bytes) => encode_string(bytes, compress, out),
    }
}

/// The integer forms reach to 32 bits; `false` beyond.
fn encode_small_int(n: i64, out: &mut Vec<u8>) -> bool {
    if let Ok(n) = i8::try_from(n) {
        out.extend_from_slice(&[0xc0, n as u8]);
    } else if let Ok(n) = i16::try_from(n) {
        out.push(0xc1);
        out.extend_from_slice(&n.to_le_bytes());
    } else if let Ok(n) = i32::try_from(n) {
        out.push(0xc2);
        out.extend_from_slice(&n.to_le_bytes());
    } else {
        return false;
    }
    true
}

/// Packs into `out` after room for the two sizes, then closes the gap.
fn encode_packed(bytes: &[u8], packer: &mut lzf::Packer, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut head = [0u8; 1 + 2 * crate::bytes::length::LENGTH_MAX];
    // The packed size is unknown yet, but both sizes of a string below 16 KiB usually take two bytes.
    let room = 1 + 2 * crate::bytes::length::length_size(bytes.len() as u64);
    out.extend_from_slice(&head[..room]);
    if !packer.pack(bytes, out) {
        out.truncate(start);
        return false;
    }
    let packed_len = out.len() - start - room;
    let mut sizes = Vec::with_capacity(head.len());
    sizes.push(0xc3);
    encode_length(packed_len as u64, &mut sizes);
    encode_length(bytes.len() as u64, &mut sizes);
    head[..sizes.len()].copy_from_slice(&sizes);
    if sizes.len() < room {
        out.drain(start + sizes.len()..start + room);
    }
    out[start..start + sizes.len()].copy_from_slice(&sizes);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_string(text, Some(&mut lzf::Packer::new()), &mut out);
        out
    }

    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let (s, used) = StrRef::decode(bytes).expect("a string");
        assert_eq!(used, bytes.len());
        assert!(s.is_sound());
        let mut out = Vec::new();
        s.append_to(&mut out).expect("sound");
        assert_eq!(s.len(), out.len());
        assert_eq!(s.get(&mut StrBuf::new()), Some(&out[..]));
        out
    }

    #[test]
    fn strings_take_the_forms_that_real_writers_choose() {
        let cases: [(&[u8], &[u8]); 14] = [
            (b"", b"\x00"),
            (b"0", b"\xc0\x00"),
            (b"123", b"\xc0\x7b"),
            (b"-128", b"\xc0\x80"),
            (b"128", b"\xc1\x80\x00"),
            (b"32767", b"\xc1\xff\x7f"),
            (b"-32769", b"\xc2\xff\x7f\xff\xff"),
            (b"2147483647", b"\xc2\xff\xff\xff\x7f"),
            (b"-2147483648", b"\xc2\x00\x00\x00\x80"),
            (b"2147483648", b"\x0a2147483648"),
            (b"007", b"\x03007"),
            (b"+1", b"\x02+1"),
            (b"-0", b"\x02-0"),
            (&[b'a'; 20], b"\x14aaaaaaaaaaaaaaaaaaaa"),
        ];
        for (text, bytes) in cases {
            assert_eq!(encoded(text), bytes, "{text:?}");
            assert_eq!(decoded(bytes), text);
        }
    }

    #[test]
    fn more_than_twenty_equal_bytes_are_packed() {
        for n in [21, 22, 300, 16_384, 70_000] {
            let text = vec![b'a'; n];
            let bytes = encoded(&text);
            assert_eq!(bytes[0], 0xc3);
            assert!(bytes.len() < n / 2);
            assert_eq!(decoded(&bytes), text);
        }
        assert_eq!(decoded(b"\xc3\x06\x15\x01aa\xe0\x0a\x00"), vec![b'a'; 21]);
    }

    #[test]
    fn unknown_forms_and_impossible_sizes_are_refused() {
        let kind = |bytes: &[u8]| Cursor::new(bytes).string("s").unwrap_err().kind;
        assert_eq!(kind(b"\xc4abc"), ErrorKind::BadString(4));
        assert_eq!(
            kind(b"\xc3\x06\x80\xff\xff\xff\xff\x01aa\xe0\x0a\x00"),
            ErrorKind::BadLzf
        );
        assert_eq!(kind(b"\xc3\x06\x15\x01aa"), ErrorKind::Truncated);
        let (wrong, _) =
            StrRef::decode(b"\xc3\x06\x16\x01aa\xe0\x0a\x00").expect("bounds are right");
        assert!(!wrong.is_sound());
        assert_eq!(wrong.get(&mut StrBuf::new()), None);
    }

    #[test]
    fn any_bytes_come_back_from_either_form() {
        let mut rng = Rng::new(3);
        let mut packer = lzf::Packer::new();
        for _ in 0..2_000 {
            let len = rng.below(300);
            let letters = 1 + rng.below(256);
            let text: Vec<u8> = (0..len).map(|_| rng.below(letters) as u8).collect();
            for packer in [None, Some(&mut packer)] {
                let mut out = Vec::new();
                encode_string(&text, packer, &mut out);
                assert_eq!(decoded(&out), text);
            }
        }
    }

    /// Short strings are read without the cursor that reads all others.
    #[test]
    fn both_ways_to_read_a_string_agree() {
        for first in 0..=255 {
            for len in (0..90).chain([300, 600]) {
                let mut bytes = vec![1; len];
                if let Some(start) = bytes.first_mut() {
                    *start = first;
                }
                let read = StrRef::decode(&bytes);
                assert_eq!(read, StrRef::decode_other(&bytes), "{first:#x} {len}");
            }
        }
    }
}
