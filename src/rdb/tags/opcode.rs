//! The one-byte tags of a file: opcodes, and what a byte means to a version.

use crate::error::ErrorKind;
use crate::tags::rdb_type::RdbType;
use crate::tags::version::{Dialect, RdbVersion};

/// The lowest byte that any version uses as an opcode. Below it are the types of values.
const FIRST: u8 = 242;

/// The first byte of a frame that is not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// End of file; the checksum follows.
    Eof = 255,
    /// `len` database number.
    SelectDb = 254,
    /// `i32le` unix seconds, for the next key.
    ExpireTime = 253,
    /// `i64le` unix milliseconds, for the next key.
    ExpireTimeMs = 252,
    /// `len` keys, `len` keys with an expiry: a hint.
    ResizeDb = 251,
    /// `str` name, `str` value.
    Aux = 250,
    /// `u8` access frequency of the next key.
    Freq = 249,
    /// `len` idle seconds of the next key.
    Idle = 248,
    /// Auxiliary data of a module.
    ModuleAux = 247,
    /// A function library in the form of the release candidates of 7.0.
    FunctionPreGa = 246,
    /// `str` source of a function library.
    Function2 = 245,
    /// `len` slot, `len` keys, `len` keys with an expiry: a hint.
    SlotInfo = 244,
    /// Redis: metadata that modules attached to the next key.
    KeyMeta = 243,
    /// Redis: field names shared by several hashes.
    HashTemplate = 242,
    /// Valkey: a slot import under way. Its byte is that of [`Opcode::KeyMeta`].
    SlotImport = 0,
}

impl Opcode {
    /// The byte in a file.
    pub const fn number(self) -> u8 {
        match self {
            Opcode::SlotImport => Opcode::KeyMeta as u8,
            other => other as u8,
        }
    }

    /// What `byte` means in a file of `version`; `None` if that version has no such opcode. Valkey's 242, a command to
    /// replay while loading, is in no file that a server writes, and is none here.
    #[inline]
    pub fn read(version: RdbVersion, byte: u8) -> Option<Self> {
        let redis_since = |number| version.dialect == Dialect::Redis && version.number >= number;
        Some(match byte {
            255 => Opcode::Eof,
            254 => Opcode::SelectDb,
            253 => Opcode::ExpireTime,
            252 => Opcode::ExpireTimeMs,
            251 => Opcode::ResizeDb,
            250 => Opcode::Aux,
            249 => Opcode::Freq,
            248 => Opcode::Idle,
            247 => Opcode::ModuleAux,
            246 => Opcode::FunctionPreGa,
            245 => Opcode::Function2,
            244 => Opcode::SlotInfo,
            243 if version.dialect == Dialect::Valkey => Opcode::SlotImport,
            243 if redis_since(13) => Opcode::KeyMeta,
            242 if redis_since(15) => Opcode::HashTemplate,
            0..=243 => return None,
        })
    }
}

/// The first byte of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// A key with a value of this type.
    Value(RdbType),
    /// Anything else.
    Opcode(Opcode),
}

impl Tag {
    /// What `byte` means in a file of `version`.
    ///
    /// # Errors
    /// `UnknownOpcode` or `UnknownType`: that version does not define it.
    #[inline]
    pub fn read(version: RdbVersion, byte: u8) -> Result<Self, ErrorKind> {
        match byte {
            FIRST.. => Opcode::read(version, byte)
                .map(Tag::Opcode)
                .ok_or(ErrorKind::UnknownOpcode(byte)),
            _ => RdbType::read(version, byte)
                .map(Tag::Value)
                .ok_or(ErrorKind::UnknownType(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_type_or_an_opcode_or_an_error_that_names_it() {
        let newest = [Dialect::Redis, Dialect::Valkey].map(RdbVersion::newest);
        for (version, byte) in newest.iter().flat_map(|v| (0..=255).map(move |b| (*v, b))) {
            match Tag::read(version, byte) {
                Ok(Tag::Value(rdb_type)) => assert_eq!(rdb_type.number(), byte),
                Ok(Tag::Opcode(opcode)) => assert_eq!(opcode.number(), byte),
                Err(kind) if byte < FIRST => assert_eq!(kind, ErrorKind::UnknownType(byte)),
                Err(kind) => assert_eq!(kind, ErrorKind::UnknownOpcode(byte)),
            }
        }
    }

    #[test]
    fn opcodes_with_two_meanings_belong_to_one_dialect_only() {
        let versions = [
            RdbVersion::redis(12),
            RdbVersion::redis(13),
            RdbVersion::redis(15),
            RdbVersion::VALKEY_80,
        ];
        let read = |byte| versions.map(|version| Opcode::read(version, byte));
        let (meta, import) = (Some(Opcode::KeyMeta), Some(Opcode::SlotImport));
        assert_eq!(read(243), [None, meta, meta, import]);
        let template = Some(Opcode::HashTemplate);
        assert_eq!(read(242), [None, None, template, None]);
    }
}
