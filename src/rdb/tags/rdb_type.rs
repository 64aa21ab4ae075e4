//! The types of values: the one-byte tags below the opcodes, and the version that introduced each.

use crate::tags::version::{Dialect, RdbVersion};
use std::fmt;

/// Bit of a discriminant: the number is Valkey's, and means something else to Redis.
const VALKEY: u8 = 0x40;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $number:expr,)+) => {
        /// The form in which a value is written. Only [`RdbType::read`], which knows the version, turns a byte into a
        /// type, so a type always determines what the bytes after it mean.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum RdbType { $($(#[$doc])* $name = $number,)+ }

        impl RdbType {
            /// All types.
            pub const ALL: &'static [RdbType] = &[$(RdbType::$name),+];
        }
    };
}

types! {
    /// `str`.
    String = 0,
    /// `len` n, n x `str`, head to tail.
    List = 1,
    /// `len` n, n x `str`.
    Set = 2,
    /// `len` n, n x (`str` member, old double).
    Zset = 3,
    /// `len` n, n x (`str` field, `str` value).
    Hash = 4,
    /// `len` n, n x (`str` member, `f64le`).
    Zset2 = 5,
    /// A module value of the release candidates of 4.0; cannot be skipped.
    Module = 6,
    /// `len` module id, items, `len` 0.
    Module2 = 7,
    /// A hash in a zipmap.
    HashZipmap = 9,
    /// A list in one ziplist.
    ListZiplist = 10,
    /// A set of integers in an intset.
    SetIntset = 11,
    /// A sorted set in a ziplist.
    ZsetZiplist = 12,
    /// A hash in a ziplist.
    HashZiplist = 13,
    /// `len` n, n x `str` ziplist.
    Quicklist = 14,
    /// A stream, first form.
    Stream = 15,
    /// A hash in a listpack.
    HashListpack = 16,
    /// A sorted set in a listpack, ascending.
    ZsetListpack = 17,
    /// `len` n, n x (`len` container, `str`).
    Quicklist2 = 18,
    /// A stream with first id, largest deleted id, entries added and read.
    Stream2 = 19,
    /// A set in a listpack.
    SetListpack = 20,
    /// A stream with active times of consumers.
    Stream3 = 21,
    /// Redis: a hash with field TTLs of the release candidates of 7.4.
    HashTtlRc = 22,
    /// Redis: the packed form of it.
    HashListpackTtlRc = 23,
    /// Redis: a hash with field TTLs.
    HashTtl = 24,
    /// Redis: a packed hash with field TTLs.
    HashListpackTtl = 25,
    /// A stream with idempotent producers.
    Stream4 = 26,
    /// A stream with ids given back.
    Stream5 = 27,
    /// An array.
    Array = 28,
    /// DUMP only: a packed hash with its template's names.
    HashTemplateListpackDump = 29,
    /// A packed hash of a template.
    HashTemplateListpack = 30,
    /// DUMP only: a hash with its template's names.
    HashTemplateDump = 31,
    /// A hash of a template.
    HashTemplatePlain = 32,
    /// Valkey: a hash with field TTLs.
    Hash2 = VALKEY | 22,
}

/// One more than the highest number of a type.
const COUNT: usize = 33;

/// The types by their numbers, as Redis assigns them.
const REDIS: [Option<RdbType>; COUNT] = {
    let mut types = [None; COUNT];
    let mut i = 0;
    while i < RdbType::ALL.len() {
        let rdb_type = RdbType::ALL[i];
        if rdb_type as u8 & VALKEY == 0 {
            types[rdb_type as usize] = Some(rdb_type);
        }
        i += 1;
    }
    types
};

impl RdbType {
    /// The byte in a file. Two types may have the same one: [`RdbType::HashTtlRc`] and [`RdbType::Hash2`].
    pub const fn number(self) -> u8 {
        self as u8 & !VALKEY
    }

    /// What `byte` means in a file or a payload of `version`; `None` if that version has no such type.
    ///
    /// Real loaders take any type they know under any version they accept; so does this one, except that the
    /// types above 21, whose numbers depend on the dialect, must be of the header's own family and time.
    #[inline]
    pub fn read(version: RdbVersion, byte: u8) -> Option<Self> {
        let redis = REDIS.get(usize::from(byte)).copied().flatten();
        match (version.dialect, byte) {
            (_, 0..=21) => redis,
            (Dialect::Valkey, 22) => Some(RdbType::Hash2),
            (Dialect::Valkey, _) => None,
            (Dialect::Redis, 22..=28) => redis.filter(|_| version.number >= 12),
            (Dialect::Redis, _) => redis.filter(|_| version.number >= 15),
        }
    }

    /// The canonical type with this number: in memory 22 is Valkey's.
    #[inline]
    pub fn held(number: u8) -> Option<Self> {
        match number {
            22 => Some(RdbType::Hash2),
            _ => REDIS.get(usize::from(number)).copied().flatten(),
        }
    }
}

/// The number.
impl fmt::Display for RdbType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_two_meanings_belong_to_one_dialect_only() {
        let (v11, v12, v80) = (
            RdbVersion::REDIS_11,
            RdbVersion::redis(12),
            RdbVersion::VALKEY_80,
        );
        let read = |byte| [v11, v12, v80].map(|version| RdbType::read(version, byte));
        assert_eq!(
            read(22),
            [None, Some(RdbType::HashTtlRc), Some(RdbType::Hash2)]
        );
        assert_eq!(read(24), [None, Some(RdbType::HashTtl), None]);
        assert_eq!(read(23), [None, Some(RdbType::HashListpackTtlRc), None]);
        assert_eq!(read(26), [None, Some(RdbType::Stream4), None]);
        assert_eq!(read(8), [None; 3]);
    }

    #[test]
    fn every_type_is_read_from_its_number_and_no_other_byte_is_one() {
        let newest = [Dialect::Redis, Dialect::Valkey].map(RdbVersion::newest);
        for rdb_type in RdbType::ALL {
            let read = newest.map(|version| RdbType::read(version, rdb_type.number()));
            assert!(read.contains(&Some(*rdb_type)), "{rdb_type:?}");
        }
        let bytes =
            (0..=255).filter(|byte| newest.iter().any(|v| RdbType::read(*v, *byte).is_some()));
        assert!(bytes.eq((0..=7).chain(9..=32)));
    }
}
