//! What the `forebay` command does: looks into dumps, repairs, compares and converts them.
//!
//! ```text
//! file or stdin -> pipeline: windows of whole frames -> workers, one per thread -> merged, or written in order
//! ```
//!
//! Nothing here needs memory in proportion to a dump: the largest single value, a few windows, and (where keys must be
//! compared with each other) some bytes a key that go to temporary files when there are many.
//!
//! | module | what it answers |
//! |---|---|
//! | [`cli`] | which subcommands and options there are; exit codes |
//! | [`source`] | what is read: a file, or stdin as `-` |
//! | [`pipeline`] | how frames reach the threads that look at them, and results come back in order |
//! | [`check`] | `forebay rdb check` |
//! | [`duplicates`] | which keys stand twice, in bounded memory |
//! | [`progress`] | the bar on a terminal |
//! | [`text`], [`json_text`] | numbers, times and keys for eyes; JSON |

pub mod check;
pub mod cli;
pub mod duplicates;
pub mod json_text;
pub mod pipeline;
pub mod progress;
pub mod source;
pub mod text;
