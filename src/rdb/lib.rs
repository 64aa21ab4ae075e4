//! RDB bytes <-> values: one reader, one set of checks, one writer, for file, socket and DUMP/RESTORE.
//!
//! ```text
//! bytes -> scan::Scanner -> Frame ... Frame::Key(Record) -> check::check_value -> ValueInfo
//!                                                             | info.as_is: hold record.value as it is
//!                                                             | else normalize::normalize -> canonical bytes
//! canonical bytes -> walk::* -> elements          (digest, JSON, trees)
//! canonical bytes -> target::transcode_value -> the bytes that a chosen server reads
//! records -> writer::Writer -> Sink               (file, socket, buffer)
//! value <-> dump::encode / dump::decode           (DUMP, RESTORE)
//! ```
//!
//! | module | what it answers |
//! |---|---|
//! | [`scan`], [`record`] | where one frame of a file ends and the next begins; by lengths only |
//! | [`check`] | whether a value is sound, how many elements it has, as what it is held |
//! | [`normalize`] | what an old or foreign encoding is in the canonical ones |
//! | [`walk`] | which elements a value has |
//! | [`writer`] | how frames become bytes |
//! | [`target`] | which server reads which types; how a value looks for it, or why it cannot |
//! | [`dump`] | DUMP payloads and their footer |
//! | [`function`] | whether a function library can be one |
//! | [`version`], [`opcode`], [`rdb_type`], [`template`], [`module`] | magic, tags, shared field names, module ids |
//! | [`length`], [`string`], [`lzf`], [`crc64`] | the primitives |
//! | [`listpack`], [`intset`], [`ziplist`], [`zipmap`] | the packed encodings, read, checked and (the first two) edited |
//! | [`error`] | what was wrong, at which byte, in which key |
//!
//! # Canonical types
//!
//! The types in which values are held in memory, and the only ones that [`walk`], [`target`] and the keyspace need to
//! know: 0 string; 18 list; 11, 20, 2 set; 17, 5 sorted set; 16, 4 hash; 25, 24 hash with field TTLs (Redis dialect),
//! 22 (Valkey's meaning) for a hash with a field TTL beyond what the Redis dialect can say; 21 stream, 26 and 27
//! where they carry more; 28 array; 7 a module value, opaque. The keyspace holds no 22, 28 and 7:
//! [`check::ValueInfo::unheld`] says so. Canonical bytes are sound and regular: types 17 and 25 are in order, lists
//! have no empty nodes, listpacks outside streams have no element with two back-length forms, those in streams have
//! the old form.
//!
//! # Invariants
//!
//!  * No input makes any of this panic, overflow or allocate out of proportion to the bytes really there. No unsafe.
//!  * Every defect is an [`RdbError`] with its byte offset.
//!  * Checks are always deep. A value that every real server of that version refuses is refused here; one that they
//!    all load is loaded here, as they load it.
//!  * Pure: no files, clocks or randomness. Hash seeds are arguments.

pub mod check;
pub mod compress;
pub mod crc64;
mod cursor;
pub mod dump;
pub mod error;
pub mod function;
pub mod held;
pub mod intset;
pub mod length;
pub mod listpack;
pub mod lzf;
pub mod module;
pub mod normalize;
pub mod opcode;
pub mod rdb_type;
pub mod record;
pub mod scan;
mod seen;
mod skip;
pub mod stream;
pub mod stream_node;
pub mod string;
pub mod target;
pub mod template;
mod template_hash;
mod transcode;
pub mod version;
pub mod walk;
pub mod writer;
pub mod ziplist;
pub mod zipmap;

pub use error::{ErrorKind, RdbError};
pub use opcode::{Opcode, Tag};
pub use rdb_type::RdbType;
pub use record::{Frame, Record};
pub use scan::{PlainString, Scanner, Step};
pub use template::Context;
pub use version::{Dialect, RdbVersion};
