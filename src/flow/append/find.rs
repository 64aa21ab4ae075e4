//! Which files the log is made of.

use super::on_disk::{cannot_open, is_there, manifest};
use super::{Archive, LoadedLog, copied};
use aof::manifest::File;
use aof::names::begins_with_dump;
use aof::{Manifest, Sealer};
use base::LogLevel;
use disk::{Disk, DiskFile, strerror};
use engine::Engine;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where a log may be.
#[derive(Clone, Debug)]
pub struct Place {
    /// `dir`
    pub dir: PathBuf,
    /// `appenddirname` in it.
    pub directory: PathBuf,
    /// `appendfilename`
    pub filename: String,
}

impl Place {
    /// As is configured.
    pub fn configured(engine: &Engine) -> Place {
        let config = &engine.config;
        let dir = PathBuf::from(&config.dir);
        Place {
            directory: dir.join(&config.appenddirname),
            dir,
            filename: config.appendfilename.clone(),
        }
    }
}

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
    /// It is the base, and not an increment.
    pub is_base: bool,
}

impl Found {
    /// What a writer has to know of it when it has been loaded; `end`: how its last file ends, if it can go on there.
    pub fn loaded(self, end: Option<(u64, Sealer)>) -> LoadedLog {
        LoadedLog {
            directory: self.directory,
            manifest: self.manifest,
            single: self.single,
            copied: self.copied,
            end,
            archive: Archive::default(),
            told: None,
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}

/// Looks for a manifest in the directory, else for a single file in `dir`.
///
/// # Errors
/// A manifest with which no server would start, a file that is missing or cannot be read.
pub fn find(
    disk: &impl Disk,
    place: &Place,
    log: fn(LogLevel, &str),
) -> Result<Option<Found>, String> {
    let Place {
        dir,
        directory,
        filename,
    } = place;
    if let Some(manifest) = manifest(disk, directory, filename)? {
        return with_manifest(disk, place, manifest, log).map(Some);
    }
    let single = dir.join(filename);
    if !is_there(disk, &single)? {
        return Ok(None);
    }
    Ok(Some(Found {
        directory: directory.clone(),
        manifest: Manifest::of_single(filename),
        parts: vec![part(disk, single.clone(), true)?],
        single: Some(single),
        copied: false,
    }))
}

fn with_manifest(
    disk: &impl Disk,
    place: &Place,
    manifest: Manifest,
    log: fn(LogLevel, &str),
) -> Result<Found, String> {
    let Place {
        dir,
        directory,
        filename,
    } = place;
    let at = |file: &File| directory.join(OsStr::from_bytes(&file.name));
    // A process may have ended after it had written the manifest and before it moved the file.
    let single = dir.join(filename);
    let moved = manifest != Manifest::of_single(filename)
        || is_there(disk, &directory.join(filename))?
        || !is_there(disk, &single)?;
    let whole = match moved {
        true => copied::whole(disk, directory, &manifest, log)?,
        false => None,
    };
    let copied = whole.is_some();
    let manifest = whole.unwrap_or(manifest);
    let parts = match moved {
        true => {
            let base = manifest.base.as_ref();
            let is_base = |file: &File| base.is_some_and(|base| base.name == file.name);
            let files = manifest.files();
            files
                .map(|file| part(disk, at(file), is_base(file)))
                .collect()
        }
        false => part(disk, single.clone(), true).map(|part| vec![part]),
    };
    Ok(Found {
        directory: directory.clone(),
        parts: parts?,
        manifest,
        single: (!moved).then_some(single),
        copied,
    })
}

fn part(disk: &impl Disk, path: PathBuf, is_base: bool) -> Result<Part, String> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy().into_owned();
    let look = || -> io::Result<(u64, bool)> {
        let mut file = disk.open(&path)?;
        let mut first = Vec::new();
        (&mut file).take(9).read_to_end(&mut first)?;
        Ok((file.size()?, begins_with_dump(&first)))
    };
    let (bytes, has_dump) = look().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            let why = strerror(&e);
            format!("Unable to obtain the AOF file {name} length. stat: {why}")
        }
        _ => cannot_open(&path, &e),
    })?;
    Ok(Part {
        path,
        name,
        bytes,
        has_dump,
        is_base,
    })
}
