//! `forebay aof fix`: cuts the last file of a log after its last whole item, and saves the rest to another file.
//!
//! Only the last file may be cut, because the files after any other would lack the writes that preceded them. The rest
//! is on disk as a file of its own before the log is cut, so a crash loses nothing.

use super::Failed;
use super::check::{self, End, Options};
use super::log::Log;
use crate::source::Trouble;
use disk::directory_of;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
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
    let fail = |e: io::Error| Trouble::io("cut", &cut.path, &e);
    let mut log = OpenOptions::new().read(true).write(true).open(&cut.path);
    let log = log
        .as_mut()
        .map_err(|e| Trouble::io("open", &cut.path, e))?;
    let size = log.metadata().map_err(fail)?.len();
    if size != cut.size {
        let why = "it was written to meanwhile: is its server running?";
        return Err(Trouble(format!("cannot cut {}: {why}", cut.path.display())));
    }
    let (aside, mut rest) = create_aside(cut)?;
    let wrote = |e: io::Error| Trouble::io("write", &aside, &e);
    log.seek(SeekFrom::Start(cut.keep)).map_err(fail)?;
    io::copy(log, &mut rest).map_err(wrote)?;
    rest.sync_all().map_err(wrote)?;
    sync_directory(&cut.path).map_err(wrote)?;
    log.set_len(cut.keep).map_err(fail)?;
    log.sync_all().map_err(fail)?;
    Ok(aside)
}

fn create_aside(cut: &Cut) -> Result<(PathBuf, File), Trouble> {
    let mut number = 0;
    loop {
        let mut name = cut.path.clone().into_os_string();
        name.push(format!(".cut-at-{}", cut.keep));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        let path = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(Trouble::io("create", &path, &e)),
        }
    }
}

/// Makes the names beside a file durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory_of(path))?.sync_all()
}
