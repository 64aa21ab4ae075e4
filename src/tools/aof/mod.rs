//! `forebay aof`: inspects append-only files of Redis, Valkey and Forebay, repairs their ends, and restores earlier
//! states.
//!
//! | module | contents |
//! |---|---|
//! | [`log`] | which files make up a log: a directory, a manifest, or one file |
//! | [`walk`] | what is in a file, item by item, in a few windows of memory |
//! | [`check`] | `forebay aof check` |
//! | [`stat`] | `forebay aof stat` |
//! | [`export`] | `forebay aof json` |
//! | [`fix`] | `forebay aof fix` |
//! | [`restore`] | `forebay aof restore` |
//! | [`until`] | a moment in the past, as an offset or a time |

pub mod check;
pub mod export;
pub mod fix;
pub mod log;
mod report;
pub mod restore;
pub mod stat;
mod stat_print;
pub mod until;
pub mod walk;

use crate::source::Trouble;
use std::fmt;
use std::io;

/// Why a tool could not do its work.
#[derive(Debug)]
pub enum Failed {
    /// The data is not sound: exit code 1.
    Defect(String),
    /// Something could not be read or written: exit code 2.
    Trouble(Trouble),
    /// The output failed.
    Output(io::Error),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failed::Defect(why) => f.write_str(why),
            Failed::Trouble(trouble) => trouble.fmt(f),
            Failed::Output(error) => error.fmt(f),
        }
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Failed {
        Failed::Trouble(trouble)
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Output(error)
    }
}
