//! The nine bytes at the beginning of a file, which give the version and whose numbering it follows.

use std::fmt;

use crate::error::{ErrorKind, RdbError};

/// Whose meaning the numbers have that the two projects assigned differently (types 22 and 23,
/// opcodes 242 and 243).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// `REDIS` magic; DUMP payloads with a version below 80.
    Redis,
    /// `VALKEY` magic; DUMP payloads with a version of 80 and up.
    Valkey,
}

/// A version of the format within its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RdbVersion {
    /// Whose numbering.
    pub dialect: Dialect,
    /// 1..=79 for Redis, 80.. for Valkey.
    pub number: u16,
}

/// Bytes of the magic with its version.
pub const HEADER_LEN: usize = 9;

/// Versions below this have no checksum after the EOF opcode.
const FIRST_WITH_CHECKSUM: u16 = 5;

impl RdbVersion {
    /// Redis 7.0.
    pub const REDIS_10: RdbVersion = RdbVersion {
        dialect: Dialect::Redis,
        number: 10,
    };
    /// Redis 7.2, Valkey 7.2 to 8.1.
    pub const REDIS_11: RdbVersion = RdbVersion {
        dialect: Dialect::Redis,
        number: 11,
    };
    /// Valkey 9.0 and 9.1.
    pub const VALKEY_80: RdbVersion = RdbVersion {
        dialect: Dialect::Valkey,
        number: 80,
    };

    /// `REDISnnnn`.
    pub const fn redis(number: u16) -> Self {
        RdbVersion {
            dialect: Dialect::Redis,
            number,
        }
    }

    /// `VALKEYnnn`.
    pub const fn valkey(number: u16) -> Self {
        RdbVersion {
            dialect: Dialect::Valkey,
            number,
        }
    }

    /// The newest version of a dialect that this reader knows.
    pub const fn newest(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Redis => RdbVersion::redis(15),
            Dialect::Valkey => RdbVersion::valkey(81),
        }
    }

    /// From the version in a DUMP footer, which has no magic: 80 and up is Valkey.
    pub const fn from_number(number: u16) -> Self {
        if number >= 80 {
            RdbVersion::valkey(number)
        } else {
            RdbVersion::redis(number)
        }
    }

    /// Whether this reader knows the version.
    pub fn is_known(self) -> bool {
        match self.dialect {
            Dialect::Redis => (1..=15).contains(&self.number),
            Dialect::Valkey => (80..=81).contains(&self.number),
        }
    }

    /// Whether it is later than all versions of its dialect that this reader knows.
    pub fn is_later(self) -> bool {
        let is_of_dialect = match self.dialect {
            Dialect::Redis => self.number < 80,
            Dialect::Valkey => true,
        };
        is_of_dialect && self.number > RdbVersion::newest(self.dialect).number
    }

    /// Whether eight checksum bytes follow the EOF opcode.
    pub fn has_checksum(self) -> bool {
        self.number >= FIRST_WITH_CHECKSUM
    }

    /// The nine bytes that open a file of this version.
    pub fn header(self) -> [u8; HEADER_LEN] {
        let text = self.to_string();
        let mut out = [0; HEADER_LEN];
        out.copy_from_slice(&text.as_bytes()[..HEADER_LEN]);
        out
    }

    /// Reads the nine bytes at the head of a file.
    ///
    /// # Errors
    /// `NotRdb` for other bytes, `CompressedEnvelope` for Valkey 9.2's wrapper, `UnsupportedVersion` for a
    /// well-formed magic of an unknown version. Real readers parse the digits laxly; this one does not.
    pub fn parse(header: &[u8; HEADER_LEN]) -> Result<Self, RdbError> {
        let not_rdb = || RdbError::new(ErrorKind::NotRdb, 0, "the file's magic");
        if header.starts_with(b"VKCS") {
            return Err(RdbError::new(
                ErrorKind::CompressedEnvelope,
                0,
                "the file's magic",
            ));
        }
        let (dialect, digits) = if let Some(digits) = header.strip_prefix(b"REDIS") {
            (Dialect::Redis, digits)
        } else if let Some(digits) = header.strip_prefix(b"VALKEY") {
            (Dialect::Valkey, digits)
        } else {
            return Err(not_rdb());
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(not_rdb());
        }
        let number = digits
            .iter()
            .fold(0u16, |n, d| n * 10 + u16::from(d - b'0'));
        let version = RdbVersion { dialect, number };
        if version.is_known() {
            Ok(version)
        } else {
            Err(RdbError::new(
                ErrorKind::UnsupportedVersion(version),
                0,
                "the file's magic",
            ))
        }
    }
}

impl fmt::Display for RdbVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dialect {
            Dialect::Redis => write!(f, "REDIS{:04}", self.number),
            Dialect::Valkey => write!(f, "VALKEY{:03}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(magic: &[u8; 9]) -> Result<RdbVersion, ErrorKind> {
        RdbVersion::parse(magic).map_err(|e| e.kind)
    }

    #[test]
    fn known_magics_are_read_and_written_back() {
        for v in (1..=15)
            .map(RdbVersion::redis)
            .chain([RdbVersion::valkey(80), RdbVersion::valkey(81)])
        {
            assert_eq!(kind(&v.header()), Ok(v));
        }
        assert_eq!(&RdbVersion::redis(9).header(), b"REDIS0009");
        assert_eq!(&RdbVersion::VALKEY_80.header(), b"VALKEY080");
    }

    #[test]
    fn unknown_versions_and_other_bytes_are_refused() {
        for magic in [
            b"REDIS0000",
            b"REDIS0016",
            b"REDIS0080",
            b"REDIS9999",
            b"VALKEY011",
            b"VALKEY079",
            b"VALKEY082",
        ] {
            assert!(
                matches!(kind(magic), Err(ErrorKind::UnsupportedVersion(_))),
                "{magic:?}"
            );
        }
        for magic in [
            b"REDIS-001",
            b"REDIS00x1",
            b"redis0010",
            b"REDIX0010",
            b"VALKEY+80",
            b"\0\0\0\0\0\0\0\0\0",
        ] {
            assert_eq!(kind(magic), Err(ErrorKind::NotRdb), "{magic:?}");
        }
        assert_eq!(
            kind(b"VKCS\x01\x01\0\0\0"),
            Err(ErrorKind::CompressedEnvelope)
        );
    }
}
