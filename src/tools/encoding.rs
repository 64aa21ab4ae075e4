//! The names of types and encodings that are shown to people.

use rdb::RdbType;
use rdb::check::Kind;

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
    /// Its bytes; also for everything that is not a string.
    Raw,
    /// A number of 8, 16 or 32 bits.
    Int,
    /// LZF.
    Packed,
}

impl Form {
    /// Of a value by its first byte.
    pub fn of(rdb_type: RdbType, value: &[u8]) -> Form {
        match value.first() {
            Some(0xc3) if rdb_type == RdbType::String => Form::Packed,
            Some(0xc0..=0xc2) if rdb_type == RdbType::String => Form::Int,
            _ => Form::Raw,
        }
    }
}

/// The encoding of a value in a file: its type, and for strings the form.
pub fn encoding_name(rdb_type: RdbType, form: Form) -> &'static str {
    match rdb_type {
        RdbType::String => match form {
            Form::Raw => "raw",
            Form::Int => "int",
            Form::Packed => "lzf",
        },
        RdbType::List => "plain",
        RdbType::ListZiplist | RdbType::ZsetZiplist | RdbType::HashZiplist => "ziplist",
        RdbType::Quicklist => "quicklist of ziplists",
        RdbType::Quicklist2 => "quicklist",
        RdbType::Set | RdbType::Hash => "table",
        RdbType::SetIntset => "intset",
        RdbType::SetListpack | RdbType::ZsetListpack | RdbType::HashListpack => "listpack",
        RdbType::Zset => "table, scores as text",
        RdbType::Zset2 => "table",
        RdbType::HashZipmap => "zipmap",
        RdbType::Hash2 | RdbType::HashTtlRc | RdbType::HashTtl => "table with field expiries",
        RdbType::HashListpackTtlRc | RdbType::HashListpackTtl => "listpack with field expiries",
        RdbType::Stream => "stream of 5.0",
        RdbType::Stream2 => "stream of 7.0",
        RdbType::Stream3 => "stream of 7.2",
        RdbType::Stream4 => "stream of 8.6",
        RdbType::Stream5 => "stream of 8.8",
        RdbType::Array => "array",
        RdbType::Module | RdbType::Module2 => "module",
        RdbType::HashTemplateListpackDump
        | RdbType::HashTemplateListpack
        | RdbType::HashTemplateDump
        | RdbType::HashTemplatePlain => "template",
    }
}
