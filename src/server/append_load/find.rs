//! Which files the log is made of.

use super::copy;
use aof::names::{self, begins_with_dump};
use aof::{Manifest, manifest};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A log that is there.
#[derive(Debug)]
pub struct Found {
    /// Where its files are.
    pub directory: PathBuf,
    /// What its manifest says, or will say about a single file of an older server.
    pub manifest: Manifest,
    /// That single file.
    pub single: Option<PathBuf>,
    /// It is a copy that was made while the log was rewritten, and some of its files are not there.
    pub copied: bool,
    /// The files in the order in which they are loaded.
    pub parts: Vec<Part>,
}

/// One file.
#[derive(Debug)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// Its name, for the log.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// It begins with a dump.
    pub has_dump: bool,
}

impl Found {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

/// Looks for a manifest in `directory`, else for a single file in `dir`.
///
/// # Errors
/// A manifest with which no server would start, a file that is missing or cannot be read.
pub fn find(dir: &Path, directory: &Path, filename: &str) -> Result<Option<Found>, String> {
    let path = directory.join(names::manifest(filename));
    match fs::read(&path) {
        Ok(bytes) => {
            let manifest = Manifest::parse(&bytes)
                .map_err(|e| format!("*** FATAL AOF MANIFEST FILE ERROR *** {e}"))?;
            return with_manifest(dir, directory, filename, manifest).map(Some);
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            let (name, why) = (
                directory.file_name().unwrap_or_default(),
                crate::strerror(&e),
            );
            let name = name.display();
            return Err(format!(
                "Can't open or create append-only dir {name}: {why}"
            ));
        }
        Err(e) => {
            let why = crate::strerror(&e);
            return Err(format!(
                "Fatal error: can't open the AOF manifest file {} for reading: {why}",
                path.display()
            ));
        }
    }
    let single = dir.join(filename);
    if !single.is_file() {
        return Ok(None);
    }
    Ok(Some(Found {
        directory: directory.to_owned(),
        manifest: Manifest::of_single(filename),
        parts: vec![part(single.clone())?],
        single: Some(single),
        copied: false,
    }))
}

fn with_manifest(
    dir: &Path,
    directory: &Path,
    filename: &str,
    manifest: Manifest,
) -> Result<Found, String> {
    let place = |file: &manifest::File| directory.join(OsStr::from_bytes(&file.name));
    // A process may have ended after it had written the manifest and before it moved the file.
    let single = dir.join(filename);
    let moved = manifest != Manifest::of_single(filename)
        || directory.join(filename).exists()
        || !single.is_file();
    let whole = copy::whole(directory, &manifest);
    let copied = moved && whole.is_some();
    let manifest = whole.filter(|_| moved).unwrap_or(manifest);
    let parts = match moved {
        true => manifest.files().map(|file| part(place(file))).collect(),
        false => part(single.clone()).map(|part| vec![part]),
    };
    Ok(Found {
        directory: directory.to_owned(),
        parts: parts?,
        manifest,
        single: (!moved).then_some(single),
        copied,
    })
}

fn part(path: PathBuf) -> Result<Part, String> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let look = || -> io::Result<(u64, bool)> {
        let mut file = File::open(&path)?;
        let mut first = Vec::new();
        (&mut file).take(9).read_to_end(&mut first)?;
        Ok((file.metadata()?.len(), begins_with_dump(&first)))
    };
    let looked = look().map_err(|e| {
        let why = crate::strerror(&e);
        match e.kind() {
            io::ErrorKind::NotFound => {
                format!("Unable to obtain the AOF file {name} length. stat: {why}")
            }
            _ => format!("Fatal error: can't open the append log file {name} for reading: {why}"),
        }
    });
    let (bytes, has_dump) = looked?;
    Ok(Part {
        path,
        name,
        bytes,
        has_dump,
    })
}
