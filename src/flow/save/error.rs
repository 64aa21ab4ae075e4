//! Why a snapshot was not saved or sent.

use crate::GivenUp;
use base::UserData;
use disk::strerror;
use std::io;
use std::path::PathBuf;

/// What saving to a file may fail with. The old dump is untouched in every case but `SyncDirectory`, where the new
/// one is in its place and only its durability is in doubt.
#[derive(Debug)]
#[non_exhaustive]
pub enum SaveError {
    /// The temp file could not be created.
    Create(PathBuf, io::Error),
    /// A write failed (disk full, I/O error).
    Write(PathBuf, io::Error),
    /// fsync of the temp file failed.
    Sync(PathBuf, io::Error),
    /// The rename failed.
    Rename(PathBuf, io::Error),
    /// fsync of the directory failed.
    SyncDirectory(PathBuf, io::Error),
    /// The target cannot hold a value, and `rdb-save-loss` says refuse.
    Loss {
        /// The server for which the dump was written.
        target: &'static str,
        /// The first key that does not fit.
        key: Vec<u8>,
        /// What would be lost.
        loss: String,
    },
    /// There is no thread that could write.
    Thread(io::Error),
    /// The snapshot was cancelled.
    Cancelled(String),
}

impl std::fmt::Display for SaveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SaveError::Create(p, e) => {
                let (file, e) = (temp_name(), strerror(e));
                let place = p.display();
                write!(
                    f,
                    "Failed opening the temp RDB file {file} (in server root dir {place}) for saving: {e}"
                )
            }
            SaveError::Write(_, e) => {
                write!(
                    f,
                    "Write error saving DB on disk(rdbSaveRio): {}",
                    strerror(e)
                )
            }
            SaveError::Sync(_, e) => {
                write!(f, "Write error saving DB on disk(fsync): {}", strerror(e))
            }
            SaveError::Rename(p, e) => {
                let to = p.file_name().unwrap_or(p.as_os_str()).display();
                let (from, e) = (temp_name(), strerror(e));
                write!(
                    f,
                    "Error moving temp DB file {from} on the final destination {to}: {e}"
                )
            }
            SaveError::SyncDirectory(p, e) => {
                let (place, e) = (p.display(), strerror(e));
                write!(f, "Failed to fsync directory {place} while saving DB: {e}")
            }
            SaveError::Loss { target, key, loss } => {
                write!(
                    f,
                    "a dump for {target} cannot hold {loss}: key '{}'",
                    UserData(key.escape_ascii())
                )
            }
            SaveError::Thread(e) => write!(f, "Can't start the thread that saves: {}", strerror(e)),
            SaveError::Cancelled(why) => write!(f, "{why}"),
        }
    }
}

impl SaveError {
    /// Somebody gave the save up.
    pub fn cancelled() -> SaveError {
        SaveError::Cancelled("the save was cancelled".into())
    }
}

impl From<GivenUp> for SaveError {
    fn from(_: GivenUp) -> SaveError {
        SaveError::cancelled()
    }
}

impl std::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SaveError::Create(_, e)
            | SaveError::Write(_, e)
            | SaveError::Sync(_, e)
            | SaveError::Rename(_, e)
            | SaveError::SyncDirectory(_, e)
            | SaveError::Thread(e) => Some(e),
            SaveError::Loss { .. } | SaveError::Cancelled(_) => None,
        }
    }
}

/// The name of a temp file as it appears in the log. The real name is longer, so that there can be several.
fn temp_name() -> String {
    format!("temp-{}.rdb", disk::owner())
}
