//! What types and encodings are called, for people.

use rdb::check::Kind;
use rdb::opcode;
use rdb::version::Dialect;

/// The name as TYPE gives it; `array` and `module` for those that not every server has as types.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::List => "list",
        Kind::Set => "set",
        Kind::Zset => "zset",
        Kind::Hash => "hash",
        Kind::Stream => "stream",
        Kind::Array => "array",
        Kind::Module(_) => "module",
    }
}

/// The form of a string in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// Its bytes; also for everything that is no string.
    Raw,
    /// A number of 8, 16 or 32 bits.
    Int,
    /// LZF.
    Packed,
}

impl Form {
    /// Of a value by its first byte.
    pub fn of(rdb_type: u8, value: &[u8]) -> Form {
        match value.first() {
            Some(0xc3) if rdb_type == opcode::STRING => Form::Packed,
            Some(0xc0..=0xc2) if rdb_type == opcode::STRING => Form::Int,
            _ => Form::Raw,
        }
    }
}

/// The encoding of a value in a file: a type byte in a dialect, and for strings the form.
pub fn encoding_name(dialect: Dialect, rdb_type: u8, form: Form) -> &'static str {
    match rdb_type {
        opcode::STRING => match form {
            Form::Raw => "raw",
            Form::Int => "int",
            Form::Packed => "lzf",
        },
        opcode::LIST => "plain",
        opcode::LIST_ZIPLIST | opcode::ZSET_ZIPLIST | opcode::HASH_ZIPLIST => "ziplist",
        opcode::QUICKLIST => "quicklist of ziplists",
        opcode::QUICKLIST_2 => "quicklist",
        opcode::SET | opcode::HASH => "table",
        opcode::SET_INTSET => "intset",
        opcode::SET_LISTPACK | opcode::ZSET_LISTPACK | opcode::HASH_LISTPACK => "listpack",
        opcode::ZSET => "table, scores as text",
        opcode::ZSET_2 => "table",
        opcode::HASH_ZIPMAP => "zipmap",
        opcode::HASH_2 if dialect == Dialect::Valkey => "table with field expiries",
        opcode::HASH_TTL_RC | opcode::HASH_TTL => "table with field expiries",
        opcode::HASH_LISTPACK_TTL_RC | opcode::HASH_LISTPACK_TTL => "listpack with field expiries",
        opcode::STREAM => "stream of 5.0",
        opcode::STREAM_2 => "stream of 7.0",
        opcode::STREAM_3 => "stream of 7.2",
        opcode::STREAM_4 => "stream of 8.6",
        opcode::STREAM_5 => "stream of 8.8",
        opcode::ARRAY => "array",
        opcode::MODULE | opcode::MODULE_2 => "module",
        opcode::HASH_TEMPLATE_LISTPACK_DUMP..=opcode::HASH_TEMPLATE_PLAIN => "template",
        _ => "other",
    }
}
