//! Which files make up a log: a directory with a manifest, a manifest, or a single file of older servers.

use super::Failed;
use crate::source::{Source, Trouble};
use aof::manifest::{File, Kind, Manifest};
use disk::{directory_of, if_there};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A manifest larger than this is none.
const MANIFEST_MAX: u64 = 64 << 20;

/// A log whose manifest has been read.
#[derive(Debug)]
pub struct Log {
    /// The manifest, or the single file.
    pub path: PathBuf,
    /// What the manifest says; `None` for a single file.
    pub manifest: Option<Manifest>,
    /// The files that hold data, in the order in which servers read them.
    pub parts: Vec<Part>,
}

/// One file of a log.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// Its name in the manifest.
    pub name: String,
    /// What it is; a single file is an increment without a base.
    pub kind: Kind,
    /// What the manifest says about it.
    pub entry: Option<File>,
}

impl Log {
    /// Finds the log at `path`.
    ///
    /// # Errors
    /// Nothing is there, it cannot be read, or the manifest is one with which no server would start.
    pub fn open(path: &Path) -> Result<Log, Failed> {
        let metadata = fs::metadata(path).map_err(|e| Trouble::io("read", path, &e))?;
        if metadata.is_dir() {
            return Log::with_manifest(&manifest_in(path)?);
        }
        match is_manifest(path, metadata.len())? {
            true => Log::with_manifest(path),
            false => Ok(Log::single(path)),
        }
    }

    fn single(path: &Path) -> Log {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let part = Part {
            path: path.to_owned(),
            name: name.to_string_lossy().into_owned(),
            kind: Kind::Increment,
            entry: None,
        };
        Log {
            path: path.to_owned(),
            manifest: None,
            parts: vec![part],
        }
    }

    fn with_manifest(path: &Path) -> Result<Log, Failed> {
        let bytes = fs::read(path).map_err(|e| Trouble::io("read", path, &e))?;
        let manifest = Manifest::parse(&bytes)
            .map_err(|e| Failed::Defect(format!("{}: {e}", path.display())))?;
        let parts = manifest.files().map(|file| Part {
            path: directory_of(path).join(OsStr::from_bytes(&file.name)),
            name: String::from_utf8_lossy(&file.name).into_owned(),
            kind: file.kind,
            entry: Some(file.clone()),
        });
        Ok(Log {
            path: path.to_owned(),
            parts: parts.collect(),
            manifest: Some(manifest),
        })
    }
}

impl Part {
    /// Opens the file, which has to be a regular one.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn open(&self) -> Result<Source, Failed> {
        // What cannot be looked at may be there, and is no defect of the log.
        let there = if_there(fs::metadata(&self.path));
        let there = there.map_err(|e| Trouble::io("read", &self.path, &e))?;
        if there.is_none() {
            return Err(Failed::Defect(format!(
                "{} is missing",
                self.path.display()
            )));
        }
        let source = Source::open(&self.path)?;
        source.require_file("this tool")?;
        Ok(source)
    }
}

/// The manifest of a directory: in it, or in the directory of that name in a server's own one.
fn manifest_in(directory: &Path) -> Result<PathBuf, Failed> {
    for directory in [directory.to_owned(), directory.join("appendonlydir")] {
        let cannot = |e: io::Error| Trouble::io("read", &directory, &e);
        let Some(entries) = if_there(fs::read_dir(&directory)).map_err(cannot)? else {
            continue;
        };
        let entries: io::Result<Vec<_>> = entries.collect();
        let paths = entries.map_err(cannot)?.into_iter().map(|e| e.path());
        let manifest = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_bytes();
            name.ends_with(b".manifest") && !name.starts_with(b"temp-")
        };
        let mut found: Vec<PathBuf> = paths.filter(manifest).collect();
        match (found.pop(), found.is_empty()) {
            (Some(path), true) => return Ok(path),
            (Some(_), false) => {
                let why = "holds several manifests: name one of them";
                return Err(Trouble(format!("{} {why}", directory.display())).into());
            }
            (None, _) => {}
        }
    }
    let why = "holds no manifest of an append-only file";
    Err(Trouble(format!("{} {why}", directory.display())).into())
}

/// As real servers tell a manifest from a log: by the first line that is not a comment.
fn is_manifest(path: &Path, size: u64) -> Result<bool, Trouble> {
    if size > MANIFEST_MAX {
        return Ok(false);
    }
    let mut source = &Source::open(path)?;
    let mut first = Vec::new();
    let mut window = [0; 4096];
    loop {
        let read = std::io::Read::read(&mut source, &mut window);
        let read = read.map_err(|e| Trouble::io("read", path, &e))?;
        first.extend_from_slice(&window[..read]);
        let mut lines = first.split_inclusive(|&b| b == b'\n');
        if let Some(line) = lines.find(|line| line[0] != b'#')
            && (line.len() >= 4 || read == 0)
        {
            return Ok(line.starts_with(b"file"));
        }
        if read == 0 {
            return Ok(false);
        }
    }
}
