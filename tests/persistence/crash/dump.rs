//! Reads a dump of strings, and shares nothing with the product's reader but the checksum: it judges the product.

use super::ledger::Dataset;
use forebay::rdb::crc64::Crc64;
use std::io;
use std::path::Path;

/// The dataset in a dump file. Where there is no file a server starts empty.
///
/// # Errors
/// What makes the file no whole dump.
pub fn read(path: &Path) -> Result<Dataset, String> {
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Dataset::new()),
        Err(e) => Err(format!("the dump cannot be read: {e}")),
    }
}

fn parse(bytes: &[u8]) -> Result<Dataset, String> {
    let mut rest = bytes;
    let header = take(&mut rest, 9)?;
    if !header.starts_with(b"REDIS0") && !header.starts_with(b"VALKEY") {
        return Err("the dump does not begin as one".to_owned());
    }
    let (mut data, mut db) = (Dataset::new(), 0);
    loop {
        let at = bytes.len() - rest.len();
        match take(&mut rest, 1)?[0] {
            0xfa => {
                string(&mut rest)?;
                string(&mut rest)?;
            }
            0xfe => db = length(&mut rest)?,
            0xfb => {
                length(&mut rest)?;
                length(&mut rest)?;
            }
            0xf8 => drop(length(&mut rest)?),
            0xf9 => drop(take(&mut rest, 1)?),
            0 => {
                let (key, value) = (string(&mut rest)?, string(&mut rest)?);
                if data.insert((db as u32, key.clone()), value).is_some() {
                    return Err(format!("the dump has {key} of database {db} twice"));
                }
            }
            0xff => break,
            other => return Err(format!("the dump has tag {other} at byte {at}")),
        }
    }
    let mut crc = Crc64::new();
    crc.update(&bytes[..bytes.len() - rest.len()]);
    let sum = take(&mut rest, 8)?;
    let sum = u64::from_le_bytes(sum.try_into().expect("eight bytes"));
    // A payload that was received may carry no checksum.
    if sum != 0 && sum != crc.value() {
        return Err("the checksum of the dump is wrong".to_owned());
    }
    match rest.len() {
        0 => Ok(data),
        n => Err(format!("{n} bytes follow the end of the dump")),
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest
        .split_at_checked(n)
        .ok_or_else(|| "the dump is cut off".to_owned())?;
    *rest = left;
    Ok(taken)
}

fn length(rest: &mut &[u8]) -> Result<usize, String> {
    let first = take(rest, 1)?[0];
    Ok(match (first >> 6, first) {
        (0, _) => usize::from(first),
        (1, _) => usize::from(first & 0x3f) << 8 | usize::from(take(rest, 1)?[0]),
        (_, 0x80) => {
            let bytes = take(rest, 4)?.try_into().expect("four bytes");
            u32::from_be_bytes(bytes) as usize
        }
        _ => return Err(format!("the dump has a length of kind {first:#x}")),
    })
}

fn string(rest: &mut &[u8]) -> Result<String, String> {
    let integer = match rest.first() {
        Some(0xc0) => Some(1),
        Some(0xc1) => Some(2),
        Some(0xc2) => Some(4),
        _ => None,
    };
    if let Some(size) = integer {
        let bytes = &take(rest, 1 + size)?[1..];
        let mut wide = [if bytes[size - 1] < 0x80 { 0 } else { 0xff }; 8];
        wide[..size].copy_from_slice(bytes);
        return Ok(i64::from_le_bytes(wide).to_string());
    }
    let n = length(rest)?;
    Ok(String::from_utf8_lossy(take(rest, n)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two databases with a key each, without a checksum.
    fn sample() -> Vec<u8> {
        let body =
            b"\xfa\x01a\xc0\x07\xfe\x00\xfb\x01\x00\x00\x01k\x02va\xfe\x09\x00\x01k\x02vb\xff";
        [b"REDIS0011".as_slice(), body, &[0; 8]].concat()
    }

    #[test]
    fn keys_of_every_database_are_read() {
        let data = parse(&sample()).unwrap();
        let expected = [((0, "k"), "va"), ((9, "k"), "vb")];
        let expected = expected.map(|((db, k), v)| ((db, k.to_owned()), v.to_owned()));
        assert_eq!(data, Dataset::from(expected));
    }

    #[test]
    fn a_dump_that_ends_anywhere_else_is_none() {
        let whole = sample();
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length} bytes");
        }
        assert!(parse(&[whole.as_slice(), b"x"].concat()).is_err());
    }
}
