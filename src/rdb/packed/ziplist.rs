//! Ziplists: the packed form of small collections up to Redis 6.2. Read, checked, never written.
//!
//! ```text
//! total bytes u32le | offset of the last entry u32le | entries u16le (65535 = count them) | entry ... | ff
//! entry = size of the previous entry (u8, or fe u32le), encoding, data
//! ```
//!
//! | encoding byte | meaning |
//! |---|---|
//! | `00pppppp` `01pppppp qq` `80` u32be | string of 6, 14 or 32-bit length, big-endian |
//! | `c0` `d0` `e0` `f0` `fe` | integer of 16, 32, 64, 24, 8 bits, little-endian |
//! | `f1`..`fd` | the integers 0..12 |

use crate::packed::listpack::{Defect, Item};

const HEADER_LEN: usize = 10;
const END: u8 = 0xff;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Checks every byte of a ziplist and shows each entry; returns how many there are.
///
/// # Errors
/// The first defect, or what `each` returns.
pub fn check_each<'a, E: From<Defect>>(
    zl: &'a [u8],
    mut each: impl FnMut(usize, Item<'a>) -> Result<(), E>,
) -> Result<usize, E> {
    let fail = |at, what| Err(E::from(Defect { at, what }));
    if zl.len() <= HEADER_LEN {
        return fail(0, "the ziplist is shorter than an empty one");
    }
    let field =
        |at: usize| u32::from_le_bytes([zl[at], zl[at + 1], zl[at + 2], zl[at + 3]]) as usize;
    if field(0) != zl.len() {
        return fail(0, "the ziplist's size and the size in its header differ");
    }
    let end = zl.len() - 1;
    if zl[end] != END {
        return fail(end, "the ziplist does not end in its end mark");
    }
    let body = &zl[..end];
    let (mut at, mut last, mut previous, mut count) = (HEADER_LEN, HEADER_LEN, 0usize, 0usize);
    while at < end {
        let Some((said, item, size)) = decode(body, at) else {
            return fail(
                at,
                "a ziplist entry is malformed or ends outside the ziplist",
            );
        };
        if said != previous {
            return fail(at, "a ziplist entry's size of the previous one is wrong");
        }
        each(at, item)?;
        (last, previous, count) = (at, size, count + 1);
        at += size;
    }
    if count > 0 && field(4) != last {
        return fail(4, "the ziplist's offset of the last entry is wrong");
    }
    let declared = u16::from_le_bytes([zl[8], zl[9]]);
    if declared != COUNT_UNKNOWN && declared as usize != count {
        return fail(8, "the ziplist's count and its entries differ");
    }
    Ok(count)
}

/// The entry at `at`: the previous entry's size as said, the element, the entry's own size.
fn decode(zl: &[u8], at: usize) -> Option<(usize, Item<'_>, usize)> {
    let rest = zl.get(at..)?;
    let (said, head) = match *rest.first()? {
        END => return None,
        0xfe => (
            u32::from_le_bytes(*rest.get(1..)?.first_chunk()?) as usize,
            5,
        ),
        n => (n as usize, 1),
    };
    let (item, size) = decode_element(rest.get(head..)?)?;
    Some((said, item, head + size))
}

fn decode_element(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let (&first, data) = bytes.split_first()?;
    let text =
        |skip: usize, n: usize| Some((Item::Bytes(data.get(skip..)?.get(..n)?), 1 + skip + n));
    let int = |n: i64, size: usize| Some((Item::Int(n), 1 + size));
    match first {
        0x00..=0x3f => text(0, first as usize),
        0x40..=0x7f => text(
            1,
            usize::from(first & 0x3f) << 8 | usize::from(*data.first()?),
        ),
        0x80 => text(4, u32::from_be_bytes(*data.first_chunk()?) as usize),
        0xc0 => int(i64::from(i16::from_le_bytes(*data.first_chunk()?)), 2),
        0xd0 => int(i64::from(i32::from_le_bytes(*data.first_chunk()?)), 4),
        0xe0 => int(i64::from_le_bytes(*data.first_chunk()?), 8),
        0xf0 => {
            let [a, b, c] = *data.first_chunk()?;
            int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 3)
        }
        0xfe => int(i64::from(data.first()?.cast_signed()), 1),
        0xf1..=0xfd => int(i64::from(first & 0x0f) - 1, 0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    fn read(zl: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
        let mut out = Vec::new();
        let each = |_, item: Item<'_>| {
            out.push(item.to_vec());
            Ok::<(), Defect>(())
        };
        check_each(zl, each).map_err(|d| d.what)?;
        Ok(out)
    }

    #[test]
    fn the_ziplists_of_real_dumps_are_read() {
        assert_eq!(
            read(b"\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff").unwrap(),
            [b"2", b"5"]
        );
        let list = b"\x17\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf6\x02\xfe\xff\x03\xc0\x2c\x01\xff";
        assert_eq!(read(list).unwrap(), [&b"a"[..], b"5", b"-1", b"300"]);
        assert!(read(b"\x0b\0\0\0\x0a\0\0\0\0\0\xff").unwrap().is_empty());
    }

    fn build(entries: &[(&[u8], bool)]) -> Vec<u8> {
        let mut body = Vec::new();
        let (mut previous, mut last) = (0, 0);
        for &(entry, wide) in entries {
            last = body.len();
            if wide || previous >= 254 {
                body.push(0xfe);
                body.extend_from_slice(&(previous as u32).to_le_bytes());
            } else {
                body.push(previous as u8);
            }
            body.extend_from_slice(entry);
            previous = body.len() - last;
        }
        let mut zl = ((body.len() + 11) as u32).to_le_bytes().to_vec();
        zl.extend_from_slice(&((last + 10) as u32).to_le_bytes());
        zl.extend_from_slice(&(entries.len() as u16).to_le_bytes());
        zl.extend_from_slice(&body);
        zl.push(0xff);
        zl
    }

    #[test]
    fn every_encoding_is_read_also_behind_wide_previous_sizes() {
        let long = [&[0x40, 252][..], &[b'x'; 252]].concat();
        let huge = [&[0x80, 0, 0, 1, 0][..], &[b'y'; 256]].concat();
        let zl = build(&[
            (b"\xc0\xfe\xff", true),
            (&long, false),
            (b"\xd0\x00\x00\x01\x00", true),
            (&huge, false),
            (b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80", false),
            (b"\xf0\xff\xff\xff", false),
            (b"\xfe\x80", false),
            (b"\xf1", false),
            (b"\xfd", true),
        ]);
        let got: Vec<String> = read(&zl)
            .unwrap()
            .into_iter()
            .map(|b| String::from_utf8(b).unwrap())
            .collect();
        let (x, y) = ("x".repeat(252), "y".repeat(256));
        assert_eq!(
            got,
            [
                "-2",
                &x,
                "65536",
                &y,
                "-9223372036854775808",
                "-1",
                "-128",
                "0",
                "12"
            ]
        );
    }

    #[test]
    fn each_broken_rule_is_found() {
        let good = b"\x17\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf6\x02\xfe\xff\x03\xc0\x2c\x01\xff";
        let broken = |at: usize, byte: u8| {
            let mut zl = good.to_vec();
            zl[at] = byte;
            read(&zl).unwrap_err()
        };
        assert!(broken(0, 0x18).contains("header"));
        assert!(broken(4, 0x11).contains("last entry"));
        assert!(broken(8, 3).contains("count"));
        assert!(broken(11, 0x3f).contains("outside"));
        assert!(broken(13, 4).contains("previous"));
        assert!(broken(14, 0xff).contains("malformed"));
        assert!(broken(14, 0x81).contains("malformed"));
        assert!(broken(22, 0).contains("end mark"));
        for cut in 0..good.len() {
            assert!(read(&good[..cut]).is_err());
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut rng = Rng::new(4);
        for _ in 0..20_000 {
            let len = rng.below(40);
            let mut zl = rng.bytes(len);
            if len > 11 {
                zl[..4].copy_from_slice(&(len as u32).to_le_bytes());
                zl[10] = 0;
                zl[len - 1] = 0xff;
            }
            let _ = read(&zl);
        }
    }
}
