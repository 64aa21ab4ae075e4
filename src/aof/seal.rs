//! Seals: annotation lines that reveal damage to a batch, and record its position and time.
//!
//! ```text
//! #FOREBAY:1 id=<replication id> offset=<replication offset> ms=<unix ms> bytes=<length> crc=<checksum>\r\n
//! ```
//!
//! A seal follows the batch that it seals: all bytes since the seal before it, or since the start of the log (after a
//! dump at the start of the file). `bytes` is their number; the checksum (CRC-64/Jones, 16 hexadecimal digits) is that
//! of these bytes and of the seal's own line up to the checksum. `offset` is the position in the replication stream
//! after the batch, and `ms` the time at which the batch was handed to the disk. Servers that do not know seals skip
//! them.
//!
//! A file with seals begins with a seal of no bytes. It records the position from which on the file tells the history,
//! and distinguishes a file with a damaged first batch from a file without seals.

use rdb::crc64::Crc64;
use std::io::Write;

/// How lines of this kind begin, whatever their version.
pub const MARK: &[u8] = b"#FOREBAY:";
/// How seals of the version that is written begin.
const START: &[u8] = b"#FOREBAY:1 ";
/// The last field.
const CRC: &[u8] = b" crc=";

/// What a seal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The replication id, 40 hexadecimal digits.
    pub id: [u8; 40],
    /// The position in the replication stream after the batch.
    pub offset: u64,
    /// When the batch was handed to the disk, unix milliseconds.
    pub ms: u64,
    /// Bytes of the batch.
    pub bytes: u64,
    /// The checksum of the batch and of the line before this field.
    pub crc: u64,
}

impl Seal {
    /// Reads a line without its line end. `None` for anything but the exact form.
    pub fn parse(line: &[u8]) -> Option<Seal> {
        let rest = line.strip_prefix(START)?;
        let mut fields = rest.split(|&b| b == b' ');
        let mut field = |name: &str| {
            let field = fields.next()?.strip_prefix(name.as_bytes())?;
            field.strip_prefix(b"=")
        };
        let id: [u8; 40] = field("id")?.try_into().ok()?;
        let [offset, ms, bytes] = [field("offset")?, field("ms")?, field("bytes")?].map(decimal);
        let crc = hexadecimal(field("crc")?)?;
        let whole = fields.next().is_none() && id.iter().all(u8::is_ascii_hexdigit);
        whole.then_some(Seal {
            id,
            offset: offset?,
            ms: ms?,
            bytes: bytes?,
            crc,
        })
    }

    /// The part of a seal's line that its checksum covers.
    pub fn covered(line: &[u8]) -> &[u8] {
        let end = line.len().saturating_sub(CRC.len() + 16);
        &line[..end]
    }
}

/// Digits as they are written: no sign, no zeros before them.
fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit);
    let short = digits.len() == 1 || digits.first() != Some(&b'0');
    let text = std::str::from_utf8(digits).ok()?;
    (plain && short).then(|| text.parse().ok())?
}

/// Sixteen digits in lower case.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let plain = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let text = std::str::from_utf8(digits).ok()?;
    let whole = digits.len() == 16 && digits.iter().all(plain);
    whole.then(|| u64::from_str_radix(text, 16).ok())?
}

/// Seals the batches of one file, as it is written.
#[derive(Clone, Debug, Default)]
pub struct Sealer {
    crc: Crc64,
    bytes: u64,
}

impl Sealer {
    /// A sealer for a new file, or one that has nothing but a dump at its start.
    pub fn new() -> Sealer {
        Sealer::default()
    }

    /// Takes in bytes of the file that no seal covers yet.
    pub fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// True if there is something to seal.
    pub fn is_due(&self) -> bool {
        self.bytes > 0
    }

    /// Appends the seal of everything since the seal before it.
    pub fn seal(&mut self, id: &[u8; 40], offset: u64, ms: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(START);
        out.extend_from_slice(b"id=");
        out.extend_from_slice(id);
        let fields = write!(out, " offset={offset} ms={ms} bytes={}", self.bytes);
        fields.expect("a vector takes everything");
        self.crc.update(&out[start..]);
        let crc = self.crc.value();
        out.extend_from_slice(CRC);
        write!(out, "{crc:016x}\r\n").expect("a vector takes everything");
        *self = Sealer::new();
    }

    /// Compares a seal's line with what was taken in since the one before, and begins the next batch.
    pub(crate) fn check(&mut self, line: &[u8], seal: &Seal) -> Checked {
        let Sealer { mut crc, bytes } = std::mem::take(self);
        crc.update(Seal::covered(line));
        match (bytes == seal.bytes, crc.value() == seal.crc) {
            (false, _) => Checked::Length { there: bytes },
            (true, false) => Checked::Bytes { there: crc.value() },
            (true, true) => Checked::Sound,
        }
    }
}

/// How a seal compares with its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Sound,
    Length { there: u64 },
    Bytes { there: u64 },
}

/// Appends the annotation of `aof-timestamp-enabled`.
pub fn timestamp(unix_s: i64, out: &mut Vec<u8>) {
    write!(out, "#TS:{unix_s}\r\n").expect("a vector takes everything");
}

/// The time in an annotation of `aof-timestamp-enabled`, unix seconds.
pub fn parse_timestamp(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b"#TS:")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 40] = *b"0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_seal_is_read_as_it_was_written() {
        let mut sealer = Sealer::new();
        sealer.update(b"*1\r\n$4\r\nPING\r\n");
        let mut line = Vec::new();
        sealer.seal(&ID, 1234, 1_795_945_707_123, &mut line);
        let text = String::from_utf8(line.clone()).unwrap();
        let id = "0123456789abcdef0123456789abcdef01234567";
        let start = format!("#FOREBAY:1 id={id} offset=1234 ms=1795945707123 bytes=14 crc=");
        assert!(text.starts_with(&start), "{text}");
        assert!(!sealer.is_due());
        let seal = Seal::parse(line.strip_suffix(b"\r\n").unwrap()).unwrap();
        assert_eq!((seal.id, seal.offset, seal.bytes), (ID, 1234, 14));
        let mut reader = Sealer::new();
        reader.update(b"*1\r\n$4\r\nPING\r\n");
        let checked = reader.check(line.strip_suffix(b"\r\n").unwrap(), &seal);
        assert_eq!(checked, Checked::Sound);
    }

    #[test]
    fn only_the_exact_form_is_a_seal() {
        let mut line = Vec::new();
        Sealer::new().seal(&ID, 7, 8, &mut line);
        line.truncate(line.len() - 2);
        assert!(Seal::parse(&line).is_some());
        let text = String::from_utf8(line).unwrap();
        for (from, to) in [
            ("offset=7", "offset=07"),
            ("offset=7", "offset=+7"),
            ("offset=7", "offset="),
            ("ms=8", "ms=99999999999999999999"),
            ("bytes=0", "bytes=0 "),
            ("id=01", "id=1"),
            (":1 ", ":2 "),
            (" crc=", " crc=0"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text);
            assert_eq!(Seal::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn times_are_those_of_real_servers() {
        let mut out = Vec::new();
        timestamp(1_795_945_707, &mut out);
        assert_eq!(out, b"#TS:1795945707\r\n");
        assert_eq!(parse_timestamp(b"#TS:1795945707"), Some(1_795_945_707));
        assert_eq!(parse_timestamp(b"#TS:x"), None);
    }
}
