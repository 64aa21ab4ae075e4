//! RDB strings as parts of entries.
//!
//! Entries hold their strings in the canonical form of a dump: integers of up to 32 bits as integers, and everything
//! else raw with the shortest length. Therefore saving a table copies bytes, integers take only a few bytes, and two
//! strings are equal exactly if their encodings are.

use crate::Item;
use base::number::canonical_i64;
use rdb::string::StrRef;

/// A string in its encoding: `head` is the length, or all of an integer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Enc<'a> {
    head: [u8; 9],
    head_len: u8,
    tail: &'a [u8],
}

impl<'a> Enc<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut head = [0; 9];
        if bytes.len() <= 11
            && let Some(n) = canonical_i64(bytes)
            && let Some(head_len) = put_int(n, &mut head)
        {
            return Enc {
                head,
                head_len,
                tail: &[],
            };
        }
        let n = bytes.len();
        let head_len = match n {
            0..64 => {
                head[0] = n as u8;
                1
            }
            64..16_384 => {
                head[..2].copy_from_slice(&(0x4000 | n as u16).to_be_bytes());
                2
            }
            16_384..=0xffff_ffff => {
                head[0] = 0x80;
                head[1..5].copy_from_slice(&(n as u32).to_be_bytes());
                5
            }
            _ => {
                head[0] = 0x81;
                head[1..].copy_from_slice(&(n as u64).to_be_bytes());
                9
            }
        };
        Enc {
            head,
            head_len,
            tail: bytes,
        }
    }

    /// Bytes of the encoding.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.head_len as usize + self.tail.len()
    }

    /// Writes the encoding to the start of `out`.
    #[inline]
    pub(crate) fn put(&self, out: &mut [u8]) {
        // Most strings are shorter than 64 bytes.
        if self.head_len == 1 {
            out[0] = self.head[0];
            out[1..1 + self.tail.len()].copy_from_slice(self.tail);
            return;
        }
        let head = self.head_len as usize;
        out[..head].copy_from_slice(&self.head[..head]);
        out[head..head + self.tail.len()].copy_from_slice(self.tail);
    }

    /// Whether `entry` starts with this string.
    #[inline]
    pub(crate) fn starts(&self, entry: &[u8]) -> bool {
        if self.head_len == 1 {
            return entry.first() == Some(&self.head[0]) && entry[1..].starts_with(self.tail);
        }
        let head = self.head_len as usize;
        entry.len() >= self.len()
            && entry[..head] == self.head[..head]
            && entry[head..head + self.tail.len()] == *self.tail
    }
}

/// Writes the integer form of `n`, if it has one; returns its size.
fn put_int(n: i64, out: &mut [u8; 9]) -> Option<u8> {
    if let Ok(n) = i8::try_from(n) {
        out[..2].copy_from_slice(&[0xc0, n as u8]);
        Some(2)
    } else if let Ok(n) = i16::try_from(n) {
        out[0] = 0xc1;
        out[1..3].copy_from_slice(&n.to_le_bytes());
        Some(3)
    } else if let Ok(n) = i32::try_from(n) {
        out[0] = 0xc2;
        out[1..5].copy_from_slice(&n.to_le_bytes());
        Some(5)
    } else {
        None
    }
}

/// The string at the start of `entry`, and its size there.
#[inline]
pub(crate) fn read(entry: &[u8]) -> (Item<'_>, usize) {
    match entry.first() {
        Some(&n) if n < 64 => (Item::Bytes(&entry[1..1 + n as usize]), 1 + n as usize),
        Some(0xc0) => (Item::Int((entry[1] as i8).into()), 2),
        Some(0xc1) => {
            let n = i16::from_le_bytes([entry[1], entry[2]]);
            (Item::Int(n.into()), 3)
        }
        Some(0xc2) => {
            let n = i32::from_le_bytes([entry[1], entry[2], entry[3], entry[4]]);
            (Item::Int(n.into()), 5)
        }
        _ => read_long(entry),
    }
}

fn read_long(entry: &[u8]) -> (Item<'_>, usize) {
    match StrRef::decode(entry) {
        Some((StrRef::Raw(bytes), size)) => (Item::Bytes(bytes), size),
        Some((StrRef::Int(n), size)) => (Item::Int(n), size),
        _ => unreachable!("entries hold raw strings and integers"),
    }
}

/// Bytes of the string at the start of `entry`.
#[inline]
pub(crate) fn size(entry: &[u8]) -> usize {
    match entry.first() {
        Some(&n) if n < 64 => 1 + n as usize,
        Some(0xc0) => 2,
        Some(0xc1) => 3,
        Some(0xc2) => 5,
        _ => read_long(entry).1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_a_dump_writes_them_and_read_back() {
        let long = vec![b'x'; 70_000];
        let texts: [&[u8]; 12] = [
            b"",
            b"a",
            b"0",
            b"-1",
            b"127",
            b"-129",
            b"70000",
            b"2147483648",
            b"007",
            &long[..63],
            &long[..64],
            &long,
        ];
        for text in texts {
            let enc = Enc::new(text);
            let mut out = vec![0; enc.len() + 3];
            enc.put(&mut out);
            let mut wanted = Vec::new();
            rdb::string::encode_string(text, None, &mut wanted);
            assert_eq!(out[..enc.len()], wanted[..]);
            assert!(enc.starts(&out));
            assert!(!Enc::new(b"other").starts(&out));
            let (item, read_size) = read(&out);
            assert!(item.is(text));
            assert_eq!((read_size, size(&out)), (enc.len(), enc.len()));
        }
    }
}
