//! How an entry is held in a segment: as the RDB record that a dump would hold.
//!
//! ```text
//! [FC expire-ms:8 LE] type:1 klen:1|2|5 key value
//! ```
//!
//! `key` is always written raw (never as an integer, never compressed), `klen` in its shortest form.
//! `value` is the canonical RDB value of `type`.
//!
//! RDB types are small numbers. The keyspace uses the upper bits of the type byte for itself, and they never leave it
//! (see [`TypeByte`]). One says that the value is elsewhere, and an 8-byte handle takes its place; the other says that
//! the key is with the value, and `klen` is 0; the third that the fields of a hash have their names in a template
//! (see [`templates`](super::templates)). Without these bits, the record is what a dump would hold.

use super::UnixMillis;
use super::type_byte::TypeByte;
use rdb::Opcode;
use rdb::RdbType;

/// Longer keys are outside the record, with their value.
pub const KEY_MAX: usize = 256;
/// Longer values are outside the record. The limit is a text of 1024 bytes with its length: records are copied when a
/// segment moves, so they should not be large.
pub const VALUE_MAX: usize = 2 + 1024;
/// The longest record: what makes room for one can rely on it.
pub const RECORD_MAX: usize = 9 + 1 + 2 + KEY_MAX + VALUE_MAX;

/// Opcode EXPIRETIME_MS.
pub const EXPIRE_MS: u8 = Opcode::ExpireTimeMs.number();
/// Bytes of a handle.
pub const HANDLE: usize = 8;

/// A record taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The expiry.
    pub expire: Option<UnixMillis>,
    /// The type of the value, and where it is.
    pub type_byte: TypeByte,
    /// The key.
    pub key: &'a [u8],
    /// What follows the key, to the end of the bytes given.
    pub rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// The value, or the handle that takes its place, without the bytes after it.
    #[inline]
    pub fn value(&self) -> &'a [u8] {
        &self.rest[..value_len(self.type_byte, self.rest)]
    }

    /// Parses the head of a record.
    ///
    /// # Panics
    /// When `bytes` does not begin with a record: records are checked before they come here.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let (expire, at) = match bytes[0] {
            EXPIRE_MS => {
                let ms = i64::from_le_bytes(bytes[1..9].try_into().expect("8 bytes"));
                (Some(ms), 9)
            }
            _ => (None, 0),
        };
        let (len, width) = read_len(&bytes[at + 1..]);
        let key = at + 1 + width;
        Record {
            expire,
            type_byte: TypeByte::read(bytes[at]),
            key: &bytes[key..key + len],
            rest: &bytes[key + len..],
        }
    }
}

/// Length of the whole record that `bytes` begin with.
///
/// # Panics
/// When the bytes are not such a record.
#[inline]
pub fn record_len(bytes: &[u8]) -> usize {
    let value = head_len(bytes);
    value + value_len(type_byte(bytes), &bytes[value..])
}

/// Length of the record's head: everything but the value.
#[inline]
pub fn head_len(bytes: &[u8]) -> usize {
    let at = type_at(bytes);
    let (len, width) = read_len(&bytes[at + 1..]);
    at + 1 + width + len
}

/// True for a record of which a segment counts nothing but that it is there: it has no expiry either.
#[inline]
pub fn is_plain(expires: bool, type_byte: TypeByte) -> bool {
    !expires && type_byte.is_plain()
}

/// When the first field of a hash expires, of a record of type 25 that holds its value: its first 8 bytes, which
/// loading has checked; 0 without any.
#[inline]
pub fn first_field_expiry(bytes: &[u8]) -> Option<UnixMillis> {
    let at = head_len(bytes);
    let ms = i64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    (ms != 0).then_some(ms)
}

/// The number of the template of a value, of which `value` are the first bytes.
#[inline]
pub fn template_of(type_byte: TypeByte, value: &[u8]) -> Option<usize> {
    (type_byte == TypeByte::HASH_TEMPLATE).then(|| read_len(value).0)
}

/// The position of the type byte.
#[inline(always)]
pub fn type_at(bytes: &[u8]) -> usize {
    if bytes[0] == EXPIRE_MS { 9 } else { 0 }
}

/// The type byte of the record that `bytes` begin with.
#[inline]
pub fn type_byte(bytes: &[u8]) -> TypeByte {
    TypeByte::read(bytes[type_at(bytes)])
}

/// The expiry of the record that `bytes` begin with.
#[inline]
pub fn expire_of(bytes: &[u8]) -> Option<UnixMillis> {
    let ms = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    (bytes[0] == EXPIRE_MS).then(|| ms(&bytes[1..9]))
}

/// Length of a canonical value of a type that is held in records.
///
/// # Panics
/// For other types, and when the bytes are not such a value.
#[inline]
pub fn value_len(type_byte: TypeByte, bytes: &[u8]) -> usize {
    match type_byte {
        // string, intset, hash, zset and set listpacks: one RDB string
        TypeByte::STRING
        | TypeByte::SET_INTSET
        | TypeByte::HASH_LISTPACK
        | TypeByte::ZSET_LISTPACK
        | TypeByte::SET_LISTPACK => string_len(bytes),
        // list: count, then (container, string) for each node
        TypeByte::QUICKLIST_2 => {
            let (nodes, mut at) = read_len(bytes);
            for _ in 0..nodes {
                at += read_len(&bytes[at..]).1;
                at += string_len(&bytes[at..]);
            }
            at
        }
        // hash with field expiry: earliest expiry, listpack
        TypeByte::HASH_LISTPACK_TTL => 8 + string_len(&bytes[8..]),
        // hash with a template: its number, listpack of the values
        TypeByte::HASH_TEMPLATE => {
            let (_, width) = read_len(bytes);
            width + string_len(&bytes[width..])
        }
        _ if type_byte.is_outside() => HANDLE,
        _ => panic!(
            "values of type {} are not held in records",
            type_byte.byte()
        ),
    }
}

/// Length of an RDB string with its prefix.
#[inline]
fn string_len(bytes: &[u8]) -> usize {
    match bytes[0] {
        0xC0 => 2,
        0xC1 => 3,
        0xC2 => 5,
        0xC3 => {
            let (packed, a) = read_len(&bytes[1..]);
            let (_, b) = read_len(&bytes[1 + a..]);
            1 + a + b + packed
        }
        _ => {
            let (len, width) = read_len(bytes);
            width + len
        }
    }
}

/// Bytes that [`put_len`] takes for `n`.
#[inline]
pub fn len_width(n: usize) -> usize {
    match n {
        0..64 => 1,
        64..16384 => 2,
        16384..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// Appends an RDB length in its shortest form.
#[inline]
pub fn put_len(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&Small::of_len(n));
}

/// Reads a length written by [`put_len`]: (length, width).
///
/// # Panics
/// When the bytes end inside the length or are not a plain length.
#[inline]
pub fn read_len(bytes: &[u8]) -> (usize, usize) {
    let first = bytes[0];
    match first >> 6 {
        0 => (first as usize, 1),
        1 => ((first as usize & 0x3f) << 8 | bytes[1] as usize, 2),
        2 if first == 0x80 => {
            let n = u32::from_be_bytes(bytes[1..5].try_into().expect("4 bytes"));
            (n as usize, 5)
        }
        2 if first == 0x81 => {
            let n = u64::from_be_bytes(bytes[1..9].try_into().expect("8 bytes"));
            (n as usize, 9)
        }
        _ => panic!("a record holds plain lengths only, not {first:#04x}"),
    }
}

/// Up to nine bytes: a length, an integer string or a handle, without allocating.
#[derive(Clone, Copy, Debug, Default)]
pub struct Small {
    bytes: [u8; 9],
    len: u8,
}

impl Small {
    /// A length in its shortest form.
    #[inline]
    pub fn of_len(n: usize) -> Small {
        let mut small = Small::default();
        match len_width(n) {
            1 => {
                small.bytes[0] = n as u8;
                small.len = 1;
            }
            2 => small.put(&(0x4000 | n as u16).to_be_bytes()),
            5 => {
                small.put(&[0x80]);
                small.put(&(n as u32).to_be_bytes());
            }
            _ => {
                small.put(&[0x81]);
                small.put(&(n as u64).to_be_bytes());
            }
        }
        small
    }

    /// An integer string in the smallest of its three forms.
    #[inline]
    pub fn of_int(n: i32) -> Small {
        let mut small = Small::default();
        if let Ok(n) = i8::try_from(n) {
            small.put(&[0xC0, n as u8]);
        } else if let Ok(n) = i16::try_from(n) {
            small.put(&[0xC1]);
            small.put(&n.to_le_bytes());
        } else {
            small.put(&[0xC2]);
            small.put(&n.to_le_bytes());
        }
        small
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let at = self.len as usize;
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }
}

impl std::ops::Deref for Small {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

/// Appends expiry, type and key: everything but the value.
#[inline]
pub fn put_head(out: &mut Vec<u8>, expire: Option<UnixMillis>, rdb_type: RdbType, key: &[u8]) {
    if let Some(ms) = expire {
        out.push(EXPIRE_MS);
        out.extend_from_slice(&ms.to_le_bytes());
    }
    out.push(rdb_type.number());
    put_len(out, key.len());
    out.extend_from_slice(key);
}

/// Appends a string as RDB writes it: canonical decimals that fit in 32 bits as an integer of 1, 2
/// or 4 bytes, everything else raw.
#[inline]
pub fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    match small_int(bytes) {
        Some(n) => out.extend_from_slice(&Small::of_int(n)),
        None => {
            put_len(out, bytes.len());
            out.extend_from_slice(bytes);
        }
    }
}

/// The integer, if `bytes` is the decimal text that an i32 renders to.
#[inline]
pub fn small_int(bytes: &[u8]) -> Option<i32> {
    let (negative, digits) = match bytes.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    if digits[0] == b'0' && (negative || digits.len() > 1) {
        return None;
    }
    let mut n = 0i64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        n = n * 10 + (digit - b'0') as i64;
    }
    i32::try_from(if negative { -n } else { n }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_round_trip_in_their_shortest_form() {
        for n in [0, 1, 63, 64, 300, 16383, 16384, 70000, 1 << 31, 1 << 33] {
            let mut out = Vec::new();
            put_len(&mut out, n);
            assert_eq!(out.len(), len_width(n));
            assert_eq!(read_len(&out), (n, out.len()));
        }
    }

    #[test]
    fn only_canonical_decimals_of_32_bits_become_integers() {
        for n in [0, 1, -1, 127, 128, -128, -129, 32768, i32::MAX, i32::MIN] {
            assert_eq!(small_int(n.to_string().as_bytes()), Some(n));
        }
        for text in [
            "",
            "-",
            "-0",
            "007",
            "+1",
            "1 ",
            "2147483648",
            "-2147483649",
        ] {
            assert_eq!(small_int(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_string_takes_the_form_a_dump_would_have() {
        let form = |text: &str| {
            let mut out = Vec::new();
            put_string(&mut out, text.as_bytes());
            out
        };
        assert_eq!(form("123"), [0xC0, 123]);
        assert_eq!(form("-129"), [0xC1, 0x7f, 0xff]);
        assert_eq!(form("70000"), [0xC2, 0x70, 0x11, 0x01, 0x00]);
        assert_eq!(form("007"), *b"\x03007");
        assert_eq!(form(""), [0]);
    }

    #[test]
    fn a_record_is_taken_apart_as_it_was_put_together() {
        for expire in [None, Some(-5), Some(i64::MAX)] {
            for len in [0, 1, 63, 64, 20000] {
                let key = vec![b'k'; len];
                let mut out = Vec::new();
                put_head(&mut out, expire, RdbType::String, &key);
                out.extend_from_slice(b"rest");
                let record = Record::parse(&out);
                assert_eq!(
                    (record.expire, record.type_byte, record.key, record.rest),
                    (expire, TypeByte::STRING, &key[..], &b"rest"[..])
                );
            }
        }
    }
}
