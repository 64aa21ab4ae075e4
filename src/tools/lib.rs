//! The `forebay` command: looks into dumps, repairs, compares and converts them; shows how full syncs went.
//!
//! ```text
//! file or stdin -> pipeline: windows of whole frames -> workers, one per thread -> merged, or written in order
//! ```
//!
//! Nothing here needs memory in proportion to a dump: the largest single value, a few windows, and (where keys must
//! be compared with each other) some bytes for each key, which are written to temporary files if there are many.
//!
//! | module | what it answers |
//! |---|---|
//! | [`source`] | what is read: a file, or stdin as `-` |
//! | [`pipeline`] | how frames reach the threads that look at them, and results come back in order |
//! | [`check`] | `forebay rdb check` |
//! | [`stat`] | `forebay rdb stat` |
//! | [`export`] | `forebay rdb json` |
//! | [`digest`] | `forebay rdb digest` |
//! | [`convert`] | `forebay rdb convert` |
//! | [`salvage`] | `forebay rdb salvage` |
//! | [`diff`] | `forebay rdb diff` |
//! | [`aof`] | `forebay aof check`, `stat`, `json`, `fix`, `restore` |
//! | [`view`] | a file seen through a buffer that can be put anywhere |
//! | [`output`] | how a dump is written: aside, synced, renamed |
//! | [`duplicates`] | which keys occur twice, in bounded memory |
//! | [`canonical`] | a value, checked and in the form that the rest of the program knows |
//! | [`value_json`] | a value as JSON |
//! | [`encoding`] | what types and encodings are called |
//! | [`verdict`] | whether a dump was whole |
//! | [`progress`] | the bar on a terminal |
//! | [`page`] | what HTML pages share |
//! | [`text`], [`json_text`] | numbers, times and keys for eyes; JSON |

#![forbid(unsafe_code)]

pub mod aof;
pub mod canonical;
pub mod check;
pub mod connect;
pub mod convert;
pub mod diff;
pub mod digest;
pub mod duplicates;
pub mod encoding;
pub mod export;
pub mod json_text;
pub mod output;
pub mod page;
pub mod pipeline;
pub mod progress;
pub mod salvage;
pub mod source;
pub mod stat;
pub mod text;
pub mod value_json;
pub mod verdict;
pub mod view;
