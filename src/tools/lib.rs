//! The `forebay` command: inspects, repairs, compares and converts dumps and append-only files.
//!
//! ```text
//! file or stdin -> pipeline: windows of whole frames -> workers, one per thread -> merged, or written in order
//! ```
//!
//! Nothing here needs memory in proportion to a dump, but only for the largest single value, a few windows, and, if
//! keys have to be compared with each other, a few bytes for each key, which are written to temporary files if there
//! are many.
//!
//! | module | contents |
//! |---|---|
//! | [`connect`] | how a live server is reached, in plain text or over TLS |
//! | [`source`] | the input: a file, or `-` for standard input |
//! | [`pipeline`] | how frames reach the threads that process them, and how results are returned in order |
//! | [`check`] | `forebay rdb check` |
//! | [`stat`] | `forebay rdb stat` |
//! | [`export`] | `forebay rdb json` |
//! | [`digest`] | `forebay rdb digest` |
//! | [`convert`] | `forebay rdb convert` |
//! | [`salvage`] | `forebay rdb salvage` |
//! | [`diff`] | `forebay rdb diff` |
//! | [`aof`] | `forebay aof check`, `stat`, `json`, `fix`, `restore` |
//! | [`view`] | a file seen through a buffer that can be put anywhere |
//! | [`output`] | how a dump is written: to a temporary file that is synced and renamed |
//! | [`duplicates`] | which keys occur twice, in bounded memory |
//! | [`canonical`] | a value, checked and in its canonical form |
//! | [`value_json`] | a value as JSON |
//! | [`encoding`] | the names of types and encodings |
//! | [`verdict`] | whether a dump was whole |
//! | [`progress`] | the bar on a terminal |
//! | [`page`] | what HTML pages share |
//! | [`text`], [`json_text`] | numbers, times and keys for people; JSON |

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
