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
//! | folder | module | question it answers |
//! |---|---|---|
//! | `bytes/` | [`length`], [`string`], [`lzf`], [`crc64`] | the primitives |
//! | `tags/` | [`version`], [`opcode`], [`rdb_type`], [`template`], [`module`] | magic, tags, shared field names, module ids |
//! | `packed/` | [`listpack`], [`intset`], [`ziplist`], [`zipmap`] | the packed encodings, read, checked and (the first two) edited |
//! | `frames/` | [`scan`], [`record`] | where one frame of a file ends and the next begins; by lengths only |
//! | | [`function`] | whether a function library can be one |
//! | `values/` | [`check`] | whether a value is sound, how many elements it has, and as which type it is held |
//! | | [`normalize`] | how an old or foreign encoding is converted to a canonical one |
//! | | [`walk`], [`stream`] | which elements a value has |
//! | | [`mod@array`] | which text an element of an array is, and how it is written |
//! | `write/` | [`writer`] | how frames become bytes |
//! | | [`target`] | which server reads which types, and in which form a value is written for it, if it can be |
//! | | [`dump`] | DUMP payloads and their footer |
//! | `error.rs` | [`error`] | what was wrong, at which byte, in which key |
//!
//! # Canonical types
//!
//! The types in which values are held in memory, and the only ones that [`walk`], [`target`] and the keyspace need to
//! know: 0 string; 18 list; 11, 20, 2 set; 17, 5 sorted set; 16, 4 hash; 25, 24 hash with field TTLs (Redis dialect),
//! 21 stream, 26 and 27 if they hold more; 28 array; 7 a module value, which is kept as it is, and not served
//! ([`check::ValueInfo::unserved`]). Canonical bytes are sound and regular: types 17 and 25 are in order, lists have no
//! empty nodes, listpacks outside streams have no element with two back-length forms, those in streams have the old form.
//!
//! # Invariants
//!
//!  * No input makes any of this panic, overflow or allocate out of proportion to the bytes really there. No unsafe.
//!  * Every defect is an [`RdbError`] with its byte offset.
//!  * Checks are always deep. A value that every real server of that version refuses is refused here; one that they
//!    all load is loaded here, as they load it.
//!  * Pure: no files, clocks or randomness. Hash seeds are arguments.

#![forbid(unsafe_code)]

mod bytes;
pub mod error;
mod frames;
mod packed;
mod tags;
mod values;
mod write;

pub use bytes::{crc64, length, lzf, string};
pub use frames::{function, held, record, scan};
pub use packed::{intset, listpack, ziplist, zipmap};
pub use tags::{module, opcode, rdb_type, template, version};
pub use values::{array, check, normalize, stream, stream_node, walk};
pub use write::{compress, dump, target, writer};

pub use error::{ErrorKind, RdbError};
pub use frames::record::{Frame, Record};
pub use frames::scan::{PlainString, Scanner, Step};
pub use tags::opcode::{Opcode, Tag};
pub use tags::rdb_type::RdbType;
pub use tags::template::Context;
pub use tags::version::{Dialect, RdbVersion};
