//! The defects of RDB bytes, and their places.
//!
//! Every defect is an [`RdbError`]: what is wrong ([`ErrorKind`]), the byte offset, the key that it belongs to, if any,
//! and what was being read. Offsets are absolute once the caller knows where its bytes come from
//! ([`RdbError::shifted`]). For a defect inside an LZF-packed blob, the offset is that of the blob's string, and the
//! note `inside` gives the place in the unpacked bytes.

use base::UserData;
use std::fmt;

use crate::tags::module::ModuleId;
use crate::tags::version::{Dialect, RdbVersion};

/// One defect in RDB input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RdbError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset of the defect, counted from the first byte of the input (the magic's `R` or `V`;
    /// for DUMP payloads the type byte).
    pub offset: u64,
    /// Offset in the unpacked bytes, for defects inside an LZF-packed blob.
    pub inside: Option<u64>,
    /// The key whose record holds the defect.
    pub key: Option<Vec<u8>>,
    /// What was being read: "listpack element", "string length", ...
    pub context: &'static str,
}

/// What is wrong; the operator's text is [`RdbError`]'s `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input ends inside what was being read.
    Truncated,
    /// The first bytes are not the RDB magic.
    NotRdb,
    /// A well-formed magic with a version this reader does not know.
    UnsupportedVersion(RdbVersion),
    /// The compressed envelope of Valkey 9.2 (`VKCS`), which is not supported.
    CompressedEnvelope,
    /// A length byte of a reserved form, or a special encoding where a plain length belongs.
    BadLength(u8),
    /// A string of an unknown special encoding.
    BadString(u8),
    /// A compressed string that does not unpack to its declared size.
    BadLzf,
    /// A tag byte that this version does not define as an opcode.
    UnknownOpcode(u8),
    /// A value type that this version does not define.
    UnknownType(u8),
    /// A value type of a release candidate that can neither be read nor skipped.
    UnreadableType(u8),
    /// A declared number is greater than the bytes can hold, or out of range.
    BadCount(u64),
    /// A packed encoding or a stream part breaks a rule of its format.
    Structure(&'static str),
    /// The same member, field, id or name twice.
    Duplicate,
    /// A score that is not a number.
    ScoreNotANumber,
    /// A hash-field expiry out of range.
    BadExpiry(i64),
    /// A value or auxiliary data of a module; refused if the caller asks for that.
    Module(ModuleId),
    /// A sound value that Forebay has no form for; refused unless the caller skips it.
    Unheld(&'static str),
    /// A function library that cannot be one.
    BadFunction(&'static str),
    /// The checksum at the end differs from that of the bytes.
    Checksum {
        /// As stored after the EOF opcode.
        stored: u64,
        /// The checksum of the actual bytes.
        computed: u64,
    },
    /// Bytes left over after a complete value.
    TrailingBytes(u64),
    /// A collection without elements, where one is not allowed (RESTORE).
    EmptyValue,
    /// A DUMP payload too short for its footer, of an unknown version, or with a wrong checksum.
    DumpFooter,
}

impl RdbError {
    /// A defect at `offset` while reading `context`; no key yet.
    pub fn new(kind: ErrorKind, offset: u64, context: &'static str) -> Self {
        RdbError {
            kind,
            offset,
            inside: None,
            key: None,
            context,
        }
    }

    /// The same defect, counted from `base` bytes further ahead.
    #[must_use]
    pub fn shifted(mut self, base: u64) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }

    /// The same defect with the key to which it belongs. A key that is set already is kept.
    #[must_use]
    pub fn with_key(mut self, key: &[u8]) -> Self {
        self.key.get_or_insert_with(|| key.to_vec());
        self
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.offset)?;
        if let Some(inside) = self.inside {
            write!(f, " (byte {inside} of the unpacked value)")?;
        }
        write!(f, ", reading {}", self.context)?;
        if let Some(key) = &self.key {
            write!(f, " of key \"{}\"", UserData(Printable(key)))?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ErrorKind::Truncated => f.write_str("the data ends here (truncated file or short read)"),
            ErrorKind::NotRdb => f.write_str("wrong signature: not an RDB file"),
            ErrorKind::UnsupportedVersion(v) => {
                let newest = RdbVersion::newest(v.dialect);
                write!(f, "can't handle RDB format version {v} (the newest known of this family is {newest})")
            }
            ErrorKind::CompressedEnvelope => {
                f.write_str("a compressed envelope (VKCS, Valkey 9.2), which is not supported: save with compression of the whole file off")
            }
            ErrorKind::BadLength(b) => write!(f, "byte 0x{b:02x} is no length"),
            ErrorKind::BadString(k) => write!(f, "unknown string encoding {k}"),
            ErrorKind::BadLzf => f.write_str("invalid LZF compressed string"),
            ErrorKind::UnknownOpcode(b) => write!(f, "unknown opcode {b} (0x{b:02x})"),
            ErrorKind::UnknownType(b) => write!(f, "unknown value type {b} (0x{b:02x})"),
            ErrorKind::UnreadableType(b) => {
                write!(f, "value type {b} of a release candidate, which can be neither read nor skipped")
            }
            ErrorKind::BadCount(n) => write!(f, "{n} is out of range or more than the data can hold"),
            ErrorKind::Structure(what) => f.write_str(what),
            ErrorKind::Duplicate => f.write_str("appears twice"),
            ErrorKind::ScoreNotANumber => f.write_str("the score is not a number"),
            ErrorKind::BadExpiry(t) => write!(f, "field expiry {t} is out of range"),
            ErrorKind::Module(id) => {
                write!(f, "data of the module type '{}' (encoding version {})", id.name(), id.encver())
            }
            ErrorKind::Unheld(what) => write!(f, "{what}, which Forebay cannot hold yet"),
            ErrorKind::BadFunction(what) => write!(f, "bad function library: {what}"),
            ErrorKind::Checksum { stored, computed } => {
                write!(f, "wrong RDB checksum: stored {stored:016x}, computed {computed:016x}")
            }
            ErrorKind::TrailingBytes(n) => write!(f, "{n} bytes are left over"),
            ErrorKind::EmptyValue => f.write_str("the value has no elements"),
            ErrorKind::DumpFooter => f.write_str("DUMP payload version or checksum are wrong"),
        }
    }
}

impl std::error::Error for RdbError {}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Redis => "Redis",
            Dialect::Valkey => "Valkey",
        })
    }
}

/// Bytes for an operator's eyes: printable ASCII as is, the rest as `\xNN`, at most 128 bytes.
struct Printable<'a>(&'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 128;
        for &b in self.0.iter().take(SHOWN_MAX) {
            match b {
                b'"' | b'\\' => write!(f, "\\{}", b as char)?,
                0x20..=0x7e => write!(f, "{}", b as char)?,
                _ => write!(f, "\\x{b:02x}")?,
            }
        }
        if self.0.len() > SHOWN_MAX {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_the_offset_the_key_and_what_was_read() {
        let e = RdbError::new(ErrorKind::BadLength(0x82), 17, "string length")
            .shifted(1000)
            .with_key(b"a\"\x00b");
        assert_eq!(
            e.to_string(),
            "at byte 1017, reading string length of key \"a\\\"\\x00b\": byte 0x82 is no length"
        );
    }

    #[test]
    fn the_key_that_is_known_first_is_kept() {
        let e = RdbError::new(ErrorKind::Duplicate, 0, "member")
            .with_key(b"a")
            .with_key(b"b");
        assert_eq!(e.key.as_deref(), Some(&b"a"[..]));
    }
}
