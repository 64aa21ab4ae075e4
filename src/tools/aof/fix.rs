//! `forebay aof fix`: cuts the last file of a log after its last whole item, and saves the rest to another file.
//!
//! Only the last file may be cut, because the files after any other would lack the writes that preceded them. The rest
//! is on disk as a file of its own before the log is cut, so a crash loses nothing.

use super::Failed;
use super::check::{self, End, Options};
use super::log::Log;
use crate::source::Trouble;
use disk::{Machine, directory_of};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A cut that would mend a log.
#[derive(Debug)]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// What is kept.
    pub keep: u64,
    /// What is wrong with it.
    pub why: String,
    /// The offset of a sound batch that would be cut off too.
    pub sound_after: Option<u64>,
}

/// What is to be cut; `None` if nothing is wrong.
///
/// # Errors
/// Something is wrong that no cut mends.
pub fn plan(log: &Log, options: &Options) -> Result<Option<Cut>, Failed> {
    let report = check::check(log, options)?;
    let mut cut = None;
    for (file, part) in report.files.iter().zip(&log.parts) {
        let path = part.path.display();
        match &file.end {
            End::Whole => {}
            End::Missing(why) => return Err(Failed::Defect(why.clone())),
            End::BadDump => {
                let why = "its dump is damaged (`forebay rdb salvage` keeps what is sound in it)";
                return Err(Failed::Defect(format!("{path}: {why}")));
            }
            End::Defect { defect, .. } if !file.last => {
                let why = "it is not the last file: a cut would tear what follows it";
                return Err(Failed::Defect(format!("{path}: {defect}; {why}")));
            }
            End::Defect {
                defect,
                keep,
                sound_after,
            } => {
                cut = Some(Cut {
                    path: part.path.clone(),
                    size: file.size.unwrap_or_default(),
                    keep: *keep,
                    why: defect.to_string(),
                    sound_after: *sound_after,
                });
            }
        }
    }
    Ok(cut)
}

/// Makes the cut. Returns the file with what was cut off.
///
/// # Errors
/// Those of the system; the log is unchanged until what is cut off is on disk.
pub fn cut(cut: &Cut) -> Result<PathBuf, Trouble> {
    let aside = disk::cut_off(&Machine, &cut.path, cut.size, cut.keep);
    aside.map_err(|e| Trouble(e.to_string()))
}

/// Makes the names beside a file durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}
