//! The byte of a record that says what its value is, and whether the value is in the record.

use rdb::RdbType;

/// The bits that are the RDB type: small numbers, so that the upper bits are the keyspace's own.
const TYPE: u8 = 0x1f;
/// A handle takes the place of the value.
const OUTSIDE: u8 = 0x80;
/// With [`OUTSIDE`]: the handle leads to the key as well.
const LONG_KEY: u8 = 0x40;
/// The names of the fields are elsewhere.
const TEMPLATE: u8 = 0x20;

/// The RDB type of a value that is held, with what only the keyspace needs to know. The byte of a value in its record
/// is the RDB type's own, so that the record is what a dump would hold; [`TypeByte::HASH_TEMPLATE`] is the exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeByte(u8);

impl TypeByte {
    /// A string.
    pub const STRING: TypeByte = TypeByte::of(RdbType::String);
    /// A set of integers.
    pub const SET_INTSET: TypeByte = TypeByte::of(RdbType::SetIntset);
    /// A small set.
    pub const SET_LISTPACK: TypeByte = TypeByte::of(RdbType::SetListpack);
    /// A small sorted set.
    pub const ZSET_LISTPACK: TypeByte = TypeByte::of(RdbType::ZsetListpack);
    /// A small hash.
    pub const HASH_LISTPACK: TypeByte = TypeByte::of(RdbType::HashListpack);
    /// A small hash whose fields may expire.
    pub const HASH_LISTPACK_TTL: TypeByte = TypeByte::of(RdbType::HashListpackTtl);
    /// A small hash whose record holds the number of a template in place of the names of its fields.
    pub const HASH_TEMPLATE: TypeByte = TypeByte(RdbType::HashListpack.number() | TEMPLATE);
    /// A small list.
    pub const QUICKLIST_2: TypeByte = TypeByte::of(RdbType::Quicklist2);

    /// That of a value in its record.
    #[inline]
    pub const fn of(rdb_type: RdbType) -> Self {
        TypeByte(rdb_type.number() & TYPE)
    }

    /// That of a value outside, perhaps with the key.
    #[inline]
    pub const fn outside(rdb_type: RdbType, with_key: bool) -> Self {
        let long = if with_key { LONG_KEY } else { 0 };
        TypeByte(Self::of(rdb_type).0 | OUTSIDE | long)
    }

    /// As it is in a record.
    #[inline]
    pub const fn read(byte: u8) -> Self {
        TypeByte(byte)
    }

    /// The byte in the record.
    #[inline]
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The RDB type.
    ///
    /// # Panics
    /// For a byte that no record has: the bytes after it cannot be known.
    #[inline]
    pub fn rdb_type(self) -> RdbType {
        RdbType::held(self.0 & TYPE).unwrap_or_else(|| unheld(self.0))
    }

    /// The number of the RDB type, as an index.
    #[inline]
    pub const fn index(self) -> usize {
        (self.0 & TYPE) as usize
    }

    /// True if a handle takes the place of the value.
    #[inline]
    pub const fn is_outside(self) -> bool {
        self.0 & OUTSIDE != 0
    }

    /// True if the key is outside, with the value.
    #[inline]
    pub const fn has_long_key(self) -> bool {
        self.0 & LONG_KEY != 0
    }

    /// True if the value is in the record, and nothing of it elsewhere.
    #[inline]
    pub const fn is_whole(self) -> bool {
        self.0 & !TYPE == 0
    }

    /// Another type for a value that is where it was.
    #[inline]
    pub const fn retyped(self, rdb_type: RdbType) -> Self {
        TypeByte(Self::of(rdb_type).0 | self.0 & !TYPE)
    }

    /// True for the types of hashes whose fields may have an expiry of their own.
    #[inline]
    pub const fn has_field_expiry(self) -> bool {
        const TABLE: u8 = TypeByte::of(RdbType::HashTtl).0;
        const LISTPACK: u8 = TypeByte::HASH_LISTPACK_TTL.0;
        matches!(self.0 & TYPE, TABLE | LISTPACK)
    }

    /// True if a segment only counts that the record exists: none of its fields expires, and nothing of it is outside.
    /// Most records are like that.
    #[inline]
    pub const fn is_plain(self) -> bool {
        // Of the types that are held in records, the highest alone may have fields with an expiry; bits of our own make
        // the byte higher.
        self.0 < TypeByte::HASH_LISTPACK_TTL.0
    }
}

#[cold]
fn unheld(byte: u8) -> ! {
    panic!("no record has the type byte {byte}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_keeps_the_type_and_says_where_value_and_key_are() {
        for rdb_type in [RdbType::String, RdbType::Hash, RdbType::Stream5] {
            let (whole, short) = (TypeByte::of(rdb_type), TypeByte::outside(rdb_type, false));
            let long = TypeByte::outside(rdb_type, true);
            for byte in [whole, short, long] {
                assert_eq!(byte.rdb_type(), rdb_type);
                assert_eq!(byte.is_whole(), byte == whole);
                assert_eq!(byte.is_outside(), byte != whole);
                assert_eq!(byte.has_long_key(), byte == long);
                assert_eq!(TypeByte::read(byte.byte()), byte);
                assert_eq!(byte.retyped(RdbType::Set).retyped(rdb_type), byte);
            }
            assert_eq!(whole.byte(), rdb_type.number());
        }
    }

    #[test]
    fn what_a_segment_counts_is_not_plain() {
        let counted = [
            TypeByte::HASH_LISTPACK_TTL,
            TypeByte::outside(RdbType::HashTtl, false),
            TypeByte::outside(RdbType::String, true),
        ];
        assert!(!counted.iter().any(|byte| byte.is_plain()));
        assert_eq!(counted.map(TypeByte::has_field_expiry), [true, true, false]);
        assert!(TypeByte::STRING.is_plain() && TypeByte::QUICKLIST_2.is_plain());
    }

    #[test]
    fn a_hash_with_a_template_is_a_small_hash_of_which_a_segment_knows() {
        let byte = TypeByte::HASH_TEMPLATE;
        assert_eq!(byte.rdb_type(), RdbType::HashListpack);
        assert_eq!(TypeByte::read(byte.byte()), byte);
        let is = [byte.is_outside(), byte.is_whole(), byte.is_plain()];
        assert_eq!(is, [false; 3]);
        assert!(!byte.has_field_expiry() && !byte.has_long_key());
    }
}
