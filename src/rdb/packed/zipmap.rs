//! Zipmaps: the packed form of small hashes in Redis 2.0 to 2.4 files. Read, checked, never written.
//!
//! ```text
//! pairs u8 (254 and more = count them) | pair ... | ff
//! pair = field length, field, value length, unused u8, value, `unused` bytes
//! length = u8 up to 253, or fe u32le
//! ```

use crate::packed::listpack::Defect;

const END: u8 = 0xff;
const COUNT_UNKNOWN: u8 = 254;

/// Checks every byte of a zipmap and shows each field with its value; returns how many there are.
///
/// # Errors
/// The first defect, or what `each` returns. An empty zipmap is a defect, as in every real server.
pub fn check_each<'a, E: From<Defect>>(
    zm: &'a [u8],
    mut each: impl FnMut(usize, &'a [u8], &'a [u8]) -> Result<(), E>,
) -> Result<usize, E> {
    let fail = |at, what| Err(E::from(Defect { at, what }));
    if zm.len() < 2 {
        return fail(0, "the zipmap is shorter than an empty one");
    }
    let end = zm.len() - 1;
    if zm[end] != END {
        return fail(end, "the zipmap does not end in its end mark");
    }
    let body = &zm[..end];
    let (mut at, mut count) = (1, 0usize);
    while at < end {
        let Some((field, value, next)) = decode(body, at) else {
            return fail(at, "a zipmap pair is malformed or ends outside the zipmap");
        };
        each(at, field, value)?;
        at = next;
        count += 1;
    }
    if count == 0 {
        return fail(0, "the zipmap is empty");
    }
    if zm[0] < COUNT_UNKNOWN && usize::from(zm[0]) != count {
        return fail(0, "the zipmap's count and its pairs differ");
    }
    Ok(count)
}

/// The pair at `at`, and where the next one starts.
fn decode(zm: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    let (field_len, at) = length(zm, at)?;
    let field = zm.get(at..)?.get(..field_len)?;
    let (value_len, at) = length(zm, at + field_len)?;
    let unused = usize::from(*zm.get(at)?);
    let value = zm.get(at + 1..)?.get(..value_len)?;
    let next = at + 1 + value_len + unused;
    (next <= zm.len()).then_some((field, value, next))
}

fn length(zm: &[u8], at: usize) -> Option<(usize, usize)> {
    match *zm.get(at)? {
        END => None,
        // A length that fits into a byte is written as one.
        0xfe => match u32::from_le_bytes(*zm.get(at + 1..)?.first_chunk()?) as usize {
            0..0xfe => None,
            len => Some((len, at + 5)),
        },
        n => Some((n as usize, at + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::testing::Rng;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn read(zm: &[u8]) -> Result<Pairs, &'static str> {
        let mut out = Vec::new();
        let each = |_, field: &[u8], value: &[u8]| {
            out.push((field.to_vec(), value.to_vec()));
            Ok::<(), Defect>(())
        };
        check_each(zm, each).map_err(|d| d.what)?;
        Ok(out)
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(Vec<u8>, Vec<u8>)> {
        list.iter()
            .map(|(f, v)| (f.as_bytes().to_vec(), v.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let zm = b"\x02\x03foo\x03\x00bar\x05hello\x05\x00world\xff";
        assert_eq!(
            read(zm).unwrap(),
            pairs(&[("foo", "bar"), ("hello", "world")])
        );
    }

    #[test]
    fn unused_bytes_long_lengths_and_uncounted_pairs_are_read() {
        let long = "a".repeat(254);
        let zm = [
            b"\xfe\xfe\xfe\0\0\0",
            long.as_bytes(),
            b"\x01\x02b__\x00\x00\x00\xff",
        ]
        .concat();
        assert_eq!(read(&zm).unwrap(), pairs(&[(&long, "b"), ("", "")]));
    }

    #[test]
    fn each_broken_rule_is_found() {
        assert!(read(b"\xff").unwrap_err().contains("shorter"));
        assert!(read(b"\x00\xff").unwrap_err().contains("empty"));
        assert!(
            read(b"\x02\x01a\x01\x00b\xff")
                .unwrap_err()
                .contains("count")
        );
        assert!(
            read(b"\x01\x01a\x01\x00b")
                .unwrap_err()
                .contains("end mark")
        );
        assert!(
            read(b"\x01\x01a\x01\x05b\xff")
                .unwrap_err()
                .contains("outside")
        );
        // Servers that trust such a length read behind it (CVE-2026-25243); redis-server 8.10 refuses it.
        assert!(
            read(b"\x01\xfe\x01\0\0\0a\x01\x00b\xff")
                .unwrap_err()
                .contains("malformed")
        );
        assert!(
            read(b"\x01\xfe\xff\xff\xff\xffa\xff")
                .unwrap_err()
                .contains("outside")
        );
        assert!(
            read(b"\x01\x01a\xff\xff")
                .unwrap_err()
                .contains("malformed")
        );
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut rng = Rng::new(6);
        for _ in 0..20_000 {
            let len = rng.below(24);
            let zm = [rng.bytes(len), vec![0xff]].concat();
            let _ = read(&zm);
        }
    }
}
