//! DUMP payloads, as RESTORE accepts them.
//!
//! ```text
//! type u8 | value as in a file | version u16le | CRC-64 of all before, u64le
//! ```
//!
//! The payload has no key, expiry, idle time or frequency: those are arguments of the commands.

use crate::bytes::crc64::crc64;
use crate::error::{ErrorKind, RdbError};
use crate::tags::opcode::{Opcode, Tag};
use crate::tags::rdb_type::RdbType;
use crate::tags::template::Context;
use crate::tags::version::RdbVersion;
use crate::values::check::{Scratch, ValueInfo, check_value};
use crate::write::target::lowest_version;

/// Version and checksum.
pub const FOOTER_LEN: usize = 10;

/// Appends the payload of a value, under the lowest version that defines its type, so that every server that knows the
/// type accepts it.
pub fn encode(rdb_type: RdbType, value: &[u8], out: &mut Vec<u8>) {
    encode_as(lowest_version(rdb_type), rdb_type, value, out);
}

/// [`encode`] under a version of the caller's choice.
pub fn encode_as(version: RdbVersion, rdb_type: RdbType, value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.push(rdb_type.number());
    out.extend_from_slice(value);
    end(version, start, out);
}

/// Completes a payload: `out` holds the value after one byte, which is replaced. Nothing is copied.
pub fn seal(rdb_type: RdbType, out: &mut Vec<u8>) {
    out[0] = rdb_type.number();
    seal_as(lowest_version(rdb_type), out);
}

/// Completes a payload of `version`: `out` holds the type byte and the value.
pub fn seal_as(version: RdbVersion, out: &mut Vec<u8>) {
    end(version, 0, out);
}

fn end(version: RdbVersion, start: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&version.number.to_le_bytes());
    let crc = crc64(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// A payload whose footer is right and whose value is sound.
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    /// How the bytes of the value are to be read.
    pub context: Context,
    /// The type byte.
    pub rdb_type: RdbType,
    /// The value, exactly as in the payload.
    pub value: &'a [u8],
    /// The result of the check; never `empty`.
    pub info: ValueInfo,
}

/// Which checksums of a payload are right.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Checksums {
    /// That of its bytes. 0 is wrong too, as for most real servers.
    Computed,
    /// 0 as well: Redis 8.10 sends what HIMPORT has made without one.
    ComputedOrNone,
    /// Any: tests want to see what becomes of the value behind a wrong one.
    Any,
}

/// Verifies the footer and checks the value.
///
/// # Errors
/// `DumpFooter` if the payload is shorter than a footer, its version unknown or its checksum wrong: RESTORE answers
/// `ERR DUMP payload version or checksum are wrong`. Every other kind is `ERR Bad data format`; so are bytes between the
/// value and the footer, which real servers ignore.
pub fn decode<'a>(
    payload: &'a [u8],
    right: Checksums,
    scratch: &mut Scratch,
) -> Result<Payload<'a>, RdbError> {
    let version = verify(payload, right)?;
    let body = &payload[..payload.len() - FOOTER_LEN];
    let Some((&byte, value)) = body.split_first() else {
        return Err(RdbError::new(ErrorKind::Truncated, 0, "value type"));
    };
    let unknown = || RdbError::new(ErrorKind::UnknownType(byte), 0, "value type");
    let rdb_type = match Tag::read(version, byte) {
        Ok(Tag::Opcode(Opcode::KeyMeta)) => {
            let kind = ErrorKind::Structure("metadata of modules, which is not supported");
            return Err(RdbError::new(kind, 0, "key metadata"));
        }
        // Their field names are only in the file from which they come.
        Ok(Tag::Value(RdbType::HashTemplateListpack | RdbType::HashTemplatePlain)) => {
            return Err(unknown());
        }
        Ok(Tag::Value(rdb_type)) => rdb_type,
        Ok(Tag::Opcode(_)) | Err(_) => return Err(unknown()),
    };
    let context = Context::new(version);
    let info = check_value(&context, rdb_type, value, scratch).map_err(|e| e.shifted(1))?;
    if info.empty {
        return Err(RdbError::new(ErrorKind::EmptyValue, 1, "value"));
    }
    Ok(Payload {
        context,
        rdb_type,
        value,
        info,
    })
}

/// Verifies length, version and checksum.
///
/// # Errors
/// `DumpFooter`.
pub fn verify(payload: &[u8], right: Checksums) -> Result<RdbVersion, RdbError> {
    let (version, stored) = footer(payload)?;
    let unsummed = match right {
        Checksums::Computed => false,
        Checksums::ComputedOrNone => stored == 0,
        Checksums::Any => true,
    };
    let covered = &payload[..payload.len() - 8];
    // Version 0 is lower than that of any writer, but Redis accepts it.
    let is_read = version.is_known() || version.number == 0;
    match is_read && (unsummed || crc64(covered) == stored) {
        true => Ok(version),
        false => Err(wrong(payload)),
    }
}

/// The version and the checksum, not looked at.
fn footer(payload: &[u8]) -> Result<(RdbVersion, u64), RdbError> {
    let (covered, crc) = payload
        .split_last_chunk::<8>()
        .ok_or_else(|| wrong(payload))?;
    let (_, version) = covered
        .split_last_chunk::<2>()
        .ok_or_else(|| wrong(payload))?;
    let version = RdbVersion::from_number(u16::from_le_bytes(*version));
    Ok((version, u64::from_le_bytes(*crc)))
}

fn wrong(payload: &[u8]) -> RdbError {
    let at = payload.len().saturating_sub(FOOTER_LEN) as u64;
    RdbError::new(ErrorKind::DumpFooter, at, "DUMP footer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &[u8]) -> Result<(RdbType, Vec<u8>), ErrorKind> {
        let mut scratch = Scratch::new(base::secret::HashKey::fixed([1, 0]));
        decode(payload, Checksums::Computed, &mut scratch)
            .map(|p| (p.rdb_type, p.value.to_vec()))
            .map_err(|e| e.kind)
    }

    #[test]
    fn the_payloads_of_six_real_servers_are_taken() {
        let footers: [&[u8]; 6] = [
            b"\x09\x00\x41\xfa\x9f\x7e\x4d\xbe\xe9\x7f",
            b"\x0a\x00\x91\x08\xce\xb2\x19\x38\x8a\xce",
            b"\x0c\x00\x5a\x7e\xfa\x72\xe3\x12\x14\x87",
            b"\x0d\x00\x33\xa1\x47\x01\x1e\x8d\xfd\x0e",
            b"\x0b\x00\xf8\xd7\x73\xc1\xe4\xa7\x63\x47",
            b"\x50\x00\x5e\x22\x07\x23\x87\x6a\xed\x3a",
        ];
        for footer in footers {
            let payload = [b"\x00\x01v", footer].concat();
            assert_eq!(check(&payload), Ok((RdbType::String, b"\x01v".to_vec())));
            for at in 0..payload.len() {
                let mut broken = payload.clone();
                broken[at] ^= 1;
                assert_eq!(check(&broken), Err(ErrorKind::DumpFooter), "byte {at}");
            }
        }
    }

    #[test]
    fn our_payload_of_a_string_is_that_of_redis_6_2() {
        let mut out = Vec::new();
        encode(RdbType::String, b"\x01v", &mut out);
        assert_eq!(out, b"\x00\x01v\x09\x00\x41\xfa\x9f\x7e\x4d\xbe\xe9\x7f");
    }

    #[test]
    fn short_payloads_zero_sums_and_new_versions_have_a_wrong_footer() {
        assert_eq!(check(b""), Err(ErrorKind::DumpFooter));
        assert_eq!(check(b"\x00\x01v"), Err(ErrorKind::DumpFooter));
        assert_eq!(
            check(b"\x00\x01v\x09\x00\0\0\0\0\0\0\0\0"),
            Err(ErrorKind::DumpFooter)
        );
        let mut scratch = Scratch::new(base::secret::HashKey::fixed([1, 0]));
        let mut is_read = |payload, right| {
            decode(payload, right, &mut scratch)
                .map(|_| ())
                .map_err(|e| e.kind)
        };
        let footer = Err(ErrorKind::DumpFooter);
        for (payload, if_none, if_any) in [
            (&b"\x00\x01v\x09\x00\0\0\0\0\0\0\0\0"[..], Ok(()), Ok(())),
            (b"\x00\x01v\x09\x00\0\0\0\0\0\0\0\x01", footer, Ok(())),
            (b"\x00\x01v\x10\x00\0\0\0\0\0\0\0\0", footer, footer),
            (b"\x00\x01v\x09\x00", footer, footer),
            (b"", footer, footer),
        ] {
            assert_eq!(is_read(payload, Checksums::ComputedOrNone), if_none);
            assert_eq!(is_read(payload, Checksums::Any), if_any);
        }
        for (version, taken) in [
            (15, true),
            (16, false),
            (79, false),
            (80, true),
            (81, true),
            (82, false),
            (0, true),
        ] {
            let mut out = Vec::new();
            encode_as(
                RdbVersion::from_number(version),
                RdbType::String,
                b"\x01v",
                &mut out,
            );
            assert_eq!(check(&out).is_ok(), taken, "version {version}");
        }
    }

    #[test]
    fn empty_values_left_over_bytes_and_foreign_types_are_bad_data() {
        let payload = |version: u16, rdb_type: RdbType, value: &[u8]| {
            let mut out = Vec::new();
            encode_as(RdbVersion::from_number(version), rdb_type, value, &mut out);
            check(&out)
        };
        assert_eq!(
            payload(11, RdbType::Set, b"\x00"),
            Err(ErrorKind::EmptyValue)
        );
        assert_eq!(
            payload(11, RdbType::String, b"\x01vx"),
            Err(ErrorKind::TrailingBytes(1))
        );
        assert_eq!(
            payload(11, RdbType::HashTtl, b"\0\0\0\0\0\0\0\0\x01\x00\x01f\x01v"),
            Err(ErrorKind::UnknownType(24))
        );
        assert!(payload(12, RdbType::HashTtl, b"\0\0\0\0\0\0\0\0\x01\x00\x01f\x01v").is_ok());
        assert!(
            payload(
                80,
                RdbType::Hash2,
                b"\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff"
            )
            .is_ok()
        );
        assert_eq!(
            payload(15, RdbType::HashTemplatePlain, b"\x01\x01f"),
            Err(ErrorKind::UnknownType(32))
        );
        assert!(payload(15, RdbType::HashTemplateDump, b"\x01\x01\x01f\x01v").is_ok());
    }
}
