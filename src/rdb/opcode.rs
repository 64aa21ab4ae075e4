//! The one-byte tags of a file: opcodes and value types, and since which version each exists.

use super::version::{Dialect, RdbVersion};

/// End of file; the checksum follows.
pub const EOF: u8 = 255;
/// `len` database number.
pub const SELECTDB: u8 = 254;
/// `i32le` unix seconds, for the next key.
pub const EXPIRETIME: u8 = 253;
/// `i64le` unix milliseconds, for the next key.
pub const EXPIRETIME_MS: u8 = 252;
/// `len` keys, `len` keys with an expiry: a hint.
pub const RESIZEDB: u8 = 251;
/// `str` name, `str` value.
pub const AUX: u8 = 250;
/// `u8` access frequency of the next key.
pub const FREQ: u8 = 249;
/// `len` idle seconds of the next key.
pub const IDLE: u8 = 248;
/// Auxiliary data of a module.
pub const MODULE_AUX: u8 = 247;
/// A function library in the form of the release candidates of 7.0.
pub const FUNCTION_PRE_GA: u8 = 246;
/// `str` source of a function library.
pub const FUNCTION2: u8 = 245;
/// `len` slot, `len` keys, `len` keys with an expiry: a hint.
pub const SLOT_INFO: u8 = 244;
/// Redis dialect: metadata that modules attached to the next key.
pub const KEY_META: u8 = 243;
/// Valkey dialect: a slot import under way.
pub const SLOT_IMPORT: u8 = 243;
/// Redis dialect: field names shared by several hashes.
pub const HASH_TEMPLATE: u8 = 242;
/// Valkey dialect: a command to replay while loading.
pub const UPDATE: u8 = 242;

/// `str`.
pub const STRING: u8 = 0;
/// `len` n, n x `str`, head to tail.
pub const LIST: u8 = 1;
/// `len` n, n x `str`.
pub const SET: u8 = 2;
/// `len` n, n x (`str` member, old double).
pub const ZSET: u8 = 3;
/// `len` n, n x (`str` field, `str` value).
pub const HASH: u8 = 4;
/// `len` n, n x (`str` member, `f64le`).
pub const ZSET_2: u8 = 5;
/// A module value of the release candidates of 4.0; cannot be skipped.
pub const MODULE: u8 = 6;
/// `len` module id, items, `len` 0.
pub const MODULE_2: u8 = 7;
/// A hash in a zipmap.
pub const HASH_ZIPMAP: u8 = 9;
/// A list in one ziplist.
pub const LIST_ZIPLIST: u8 = 10;
/// A set of integers in an intset.
pub const SET_INTSET: u8 = 11;
/// A sorted set in a ziplist.
pub const ZSET_ZIPLIST: u8 = 12;
/// A hash in a ziplist.
pub const HASH_ZIPLIST: u8 = 13;
/// `len` n, n x `str` ziplist.
pub const QUICKLIST: u8 = 14;
/// A stream, first form.
pub const STREAM: u8 = 15;
/// A hash in a listpack.
pub const HASH_LISTPACK: u8 = 16;
/// A sorted set in a listpack, ascending.
pub const ZSET_LISTPACK: u8 = 17;
/// `len` n, n x (`len` container, `str`).
pub const QUICKLIST_2: u8 = 18;
/// A stream with first id, largest deleted id, entries added and read.
pub const STREAM_2: u8 = 19;
/// A set in a listpack.
pub const SET_LISTPACK: u8 = 20;
/// A stream with active times of consumers.
pub const STREAM_3: u8 = 21;
/// Redis dialect: a hash with field TTLs of the release candidates of 7.4.
pub const HASH_TTL_RC: u8 = 22;
/// Redis dialect: the packed form of it.
pub const HASH_LISTPACK_TTL_RC: u8 = 23;
/// Valkey dialect: a hash with field TTLs.
pub const HASH_2: u8 = 22;
/// Redis dialect: a hash with field TTLs.
pub const HASH_TTL: u8 = 24;
/// Redis dialect: a packed hash with field TTLs.
pub const HASH_LISTPACK_TTL: u8 = 25;
/// A stream with idempotent producers.
pub const STREAM_4: u8 = 26;
/// A stream with ids given back.
pub const STREAM_5: u8 = 27;
/// An array.
pub const ARRAY: u8 = 28;
/// DUMP only: a packed hash with its template's names.
pub const HASH_TEMPLATE_LISTPACK_DUMP: u8 = 29;
/// A packed hash of a template.
pub const HASH_TEMPLATE_LISTPACK: u8 = 30;
/// DUMP only: a hash with its template's names.
pub const HASH_TEMPLATE_DUMP: u8 = 31;
/// A hash of a template.
pub const HASH_TEMPLATE_PLAIN: u8 = 32;

/// The lowest tag that any version uses as an opcode. Below it are value types.
pub const FIRST_OPCODE: u8 = 242;

/// Whether `version` defines value type `rdb_type`.
///
/// Real loaders take any type they know under any version they accept; so does this one, except that the
/// types above 21, whose numbers depend on the dialect, must be of the header's own family and time.
pub fn type_is_known(version: RdbVersion, rdb_type: u8) -> bool {
    match rdb_type {
        0..=5 | 7 | 9..=21 => true,
        MODULE => true,
        22..=25 => match version.dialect {
            Dialect::Redis => version.number >= 12,
            Dialect::Valkey => rdb_type == HASH_2,
        },
        26..=28 => version.dialect == Dialect::Redis && version.number >= 12,
        29..=32 => version.dialect == Dialect::Redis && version.number >= 15,
        _ => false,
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
        assert!(
            !type_is_known(v11, HASH_TTL_RC)
                && type_is_known(v12, HASH_TTL_RC)
                && type_is_known(v80, HASH_2)
        );
        assert!(
            !type_is_known(v11, HASH_TTL)
                && type_is_known(v12, HASH_TTL)
                && !type_is_known(v80, HASH_TTL)
        );
        assert!(!type_is_known(v80, 23) && !type_is_known(v80, STREAM_4) && !type_is_known(v12, 8));
    }
}
