//! A copy of a directory that was made while the log was rewritten.
//!
//! A program that copies a directory first reads the names, and then the files one by one. If a rewrite ends in
//! between, the manifest names a base or an increment that did not exist when the names were read. The files that the
//! rewrite replaced are listed in the manifest as history and stay for a while, so they are in the copy.
//!
//! What was made after the names were read is missing in a copy, and nothing else. So an increment that is missing before
//! one that is there was not missed by a copy: somebody has removed it.
//!
//! Only files that begin with a seal, which this server wrote, are used for that; for others, it is unknown which files
//! belong together.

use super::on_disk::{cannot_open, is_there};
use aof::Manifest;
use aof::manifest::{File as Entry, Kind};
use aof::seal;
use base::LogLevel;
use disk::Disk;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What of the log is there as a whole, if not all is that the manifest names.
///
/// # Errors
/// The disk does not tell whether a file is there, or how it begins. It must not pass for one that is missing: what is
/// older would be loaded instead.
pub fn whole(
    disk: &impl Disk,
    directory: &Path,
    manifest: &Manifest,
    log: fn(LogLevel, &str),
) -> Result<Option<Manifest>, String> {
    let path = |file: &Entry| directory.join(OsStr::from_bytes(&file.name));
    let mut absent = Vec::new();
    for file in manifest.files() {
        if !is_there(disk, &path(file))? {
            absent.push(file.name.clone());
        }
    }
    let Some(missing) = absent.first().cloned() else {
        return Ok(None);
    };
    for file in &manifest.history {
        if !is_there(disk, &path(file))? {
            absent.push(file.name.clone());
        }
    }
    let there = |file: &Entry| !absent.contains(&file.name);
    let part = match &manifest.base {
        Some(base) if there(base) => Some(manifest.clone()),
        _ => before(manifest),
    };
    let Some(part) = part.and_then(|part| up_to_gap(part, there)) else {
        return Ok(None);
    };
    let mut whole = part.base.as_ref().is_some_and(there) && !part.increments.is_empty();
    for file in &part.increments {
        whole = whole && begins_with_seal(disk, &path(file))?;
    }
    if whole {
        let last = part.increments.last().map_or(&[][..], |file| &file.name);
        log(
            LogLevel::Warning,
            &format!(
                "This directory is a copy that was made while the append-only file was rewritten: {} is not there. It is \
             loaded up to the end of {}",
                String::from_utf8_lossy(&missing),
                String::from_utf8_lossy(last)
            ),
        );
    }
    Ok(whole.then_some(part))
}

/// The log before the last rewrite, with what came after it.
fn before(manifest: &Manifest) -> Option<Manifest> {
    let is_base = |file: &Entry| file.name.windows(6).any(|part| part == b".base.");
    let end = manifest.history.iter().position(is_base)?;
    let (passed, base) = (&manifest.history[..end], &manifest.history[end]);
    // They are named from the newest on.
    let passed = passed.iter().rev().map(|file| Entry {
        kind: Kind::Increment,
        ..file.clone()
    });
    Some(Manifest {
        base: Some(Entry {
            kind: Kind::Base,
            ..base.clone()
        }),
        history: Vec::new(),
        increments: passed.chain(manifest.increments.iter().cloned()).collect(),
    })
}

/// The increments before the first that is missing; `None` if one after it is there.
fn up_to_gap(mut manifest: Manifest, there: impl Fn(&Entry) -> bool) -> Option<Manifest> {
    let increments = &mut manifest.increments;
    if let Some(gap) = increments.iter().position(|file| !there(file)) {
        let after = increments.split_off(gap);
        if after.iter().any(there) {
            return None;
        }
    }
    Some(manifest)
}

fn begins_with_seal(disk: &impl Disk, path: &Path) -> Result<bool, String> {
    let mut first = [0; seal::MARK.len()];
    let read = disk
        .open(path)
        .and_then(|mut file| file.read_exact(&mut first));
    match read {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read
            .map(|()| first == seal::MARK)
            .map_err(|e| cannot_open(path, &e)),
    }
}
