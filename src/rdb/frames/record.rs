//! The frames that a file is made of.

use crate::tags::rdb_type::RdbType;
use std::borrow::Cow;

use crate::tags::module::ModuleId;
use crate::tags::version::RdbVersion;

/// One unit of a file, as [`crate::frames::scan::Scanner`] yields them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame<'a> {
    /// The magic with its version: always the first frame.
    Header(RdbVersion),
    /// An auxiliary field. Names are compared without case; unknown ones are ignored.
    Aux {
        /// Its name.
        name: Cow<'a, [u8]>,
        /// Its value; numbers as decimal text.
        value: Cow<'a, [u8]>,
    },
    /// The keys that follow belong to this database.
    SelectDb(u32),
    /// How many keys, and keys with an expiry, the database will have: a hint from outside, to be clamped.
    ResizeDb {
        /// Keys.
        keys: u64,
        /// Keys with an expiry.
        expires: u64,
    },
    /// The same for a cluster slot: a hint.
    SlotInfo {
        /// The slot, unchecked.
        slot: u64,
        /// Keys.
        keys: u64,
        /// Keys with an expiry.
        expires: u64,
    },
    /// The source of a function library.
    Function {
        /// Starts with `#!<engine> name=<library>`; see [`crate::frames::function::check_library`].
        code: Cow<'a, [u8]>,
    },
    /// A function library in the form of the release candidates of 7.0.
    FunctionPreGa {
        /// Library name.
        name: Cow<'a, [u8]>,
        /// Engine, as `LUA`.
        engine: Cow<'a, [u8]>,
        /// Description.
        description: Option<Cow<'a, [u8]>>,
        /// Source, without a first line that names it.
        code: Cow<'a, [u8]>,
    },
    /// Data that a module keeps beside its keys: refuse, skip or keep it.
    ModuleAux {
        /// The module.
        id: ModuleId,
        /// 1 before the keys, 2 after them.
        when: u64,
        /// Only zeros are stored, as by a module that has nothing to say.
        is_empty: bool,
        /// The whole record, opcode included.
        raw: &'a [u8],
    },
    /// Metadata that modules attached to the next key: refuse or skip it.
    KeyMeta {
        /// Number of classes.
        classes: u64,
        /// The whole record, opcode included.
        raw: &'a [u8],
    },
    /// A slot import that was under way in a Valkey cluster node.
    SlotImport {
        /// Job name, 40 bytes.
        job: Cow<'a, [u8]>,
        /// First and last slot of each range.
        ranges: Vec<(u64, u64)>,
    },
    /// Field names that later hashes refer to; the scanner remembers them.
    HashTemplate {
        /// Its id.
        id: u64,
    },
    /// A key with its value.
    Key(Record<'a>),
    /// The end of the file. Bytes that follow do not belong to it.
    Eof {
        /// The stored checksum; 0 means "not checked". `None` in versions that have none.
        checksum: Option<u64>,
        /// Offset after the EOF opcode: the checksum covers everything before it.
        covered: u64,
    },
}

/// A key with its value and what the file says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset of the type byte in the file.
    pub offset: u64,
    /// When the key expires, in unix milliseconds; may be in the past, or negative.
    pub expire_ms: Option<i64>,
    /// Seconds since the last use (files saved under an LRU policy).
    pub idle_s: Option<u64>,
    /// Access frequency (files saved under an LFU policy).
    pub freq: Option<u8>,
    /// The type byte; its meaning depends on the file's dialect.
    pub rdb_type: RdbType,
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// Type byte, key and value, exactly as in the file.
    pub body: &'a [u8],
    /// The value, exactly as in the file: the end of `body`.
    pub value: &'a [u8],
}

impl Record<'_> {
    /// Offset of the value in the file.
    pub fn value_offset(&self) -> u64 {
        self.offset + (self.body.len() - self.value.len()) as u64
    }
}
