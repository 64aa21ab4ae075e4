//! The payload that FUNCTION DUMP returns and FUNCTION RESTORE accepts.
//!
//! ```text
//! per library: opcode 245 u8 | source as a string of a dump | then version u16le | CRC-64 of all before, u64le
//! ```

use crate::CommandError;
use rdb::Opcode;
use rdb::crc64::crc64;
use rdb::dump::Checksums;
use rdb::string::{StrRef, encode_string};
use rdb::{dump, lzf};

/// The version under which libraries are dumped: the first that has them, so that every server takes them.
const VERSION: u16 = 10;
/// Version and checksum.
const FOOTER_LEN: usize = 10;

/// The payload that holds these libraries.
pub fn encode<'a>(sources: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut packer = compress.then(lzf::Packer::new);
    let mut out = Vec::new();
    for source in sources {
        out.push(Opcode::Function2.number());
        encode_string(source, packer.as_mut(), &mut out);
    }
    out.extend_from_slice(&VERSION.to_le_bytes());
    let crc = crc64(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// The sources in a payload.
///
/// # Errors
/// As the reference words them.
pub fn decode(payload: &[u8], right: Checksums) -> Result<Vec<Vec<u8>>, CommandError> {
    const BAD: CommandError =
        CommandError::fixed(&"ERR DUMP payload version or checksum are wrong");
    dump::verify(payload, right).map_err(|_| BAD)?;
    let mut rest = &payload[..payload.len() - FOOTER_LEN];
    let mut sources = Vec::new();
    while let Some((&kind, behind)) = rest.split_first() {
        if kind == Opcode::FunctionPreGa.number() {
            return Err(CommandError::fixed(
                &"ERR Pre-GA function format not supported",
            ));
        }
        if kind != Opcode::Function2.number() {
            return Err(CommandError::fixed(&"ERR given type is not a function"));
        }
        let (text, length) = StrRef::decode(behind).ok_or(FAILED)?;
        let mut source = Vec::new();
        text.append_to(&mut source).ok_or(FAILED)?;
        sources.push(source);
        rest = &behind[length..];
    }
    Ok(sources)
}

const FAILED: CommandError = CommandError::fixed(&"ERR failed loading functions from payload");
