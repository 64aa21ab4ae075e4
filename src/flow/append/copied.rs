//! A copy of a directory that was made while the log was rewritten.
//!
//! A program that copies a directory first reads the names, and then the files one by one. If a rewrite ends in
//! between, the manifest names a base or an increment that did not exist when the names were read. The files that the
//! rewrite replaced are listed in the manifest as history and stay for a while, so they are in the copy.
//!
//! Only files that begin with a seal, which this server wrote, are used for that; for others, it is unknown which files
//! belong together.

use aof::Manifest;
use aof::manifest::{File as Entry, Kind};
use aof::seal;
use base::LogLevel;
use disk::Disk;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What of the log is there as a whole, if not all is that the manifest names.
pub fn whole(
    disk: &impl Disk,
    directory: &Path,
    manifest: &Manifest,
    log: fn(LogLevel, &str),
) -> Option<Manifest> {
    let there = |file: &Entry| disk.is_file(&directory.join(OsStr::from_bytes(&file.name)));
    let missing = manifest.files().find(|file| !there(file))?.clone();
    let part = match &manifest.base {
        Some(base) if there(base) => up_to_gap(manifest.clone(), there),
        _ => up_to_gap(before(manifest)?, there),
    };
    let ours =
        |file: &Entry| begins_with_seal(disk, &directory.join(OsStr::from_bytes(&file.name)));
    let whole = part.base.as_ref().is_some_and(there)
        && !part.increments.is_empty()
        && part.increments.iter().all(ours);
    if whole {
        let name = |file: Option<&Entry>| {
            file.map_or(String::new(), |file| {
                String::from_utf8_lossy(&file.name).into_owned()
            })
        };
        log(
            LogLevel::Warning,
            &format!(
                "This directory is a copy that was made while the append-only file was rewritten: {} is not there. It is \
             loaded up to the end of {}",
                name(Some(&missing)),
                name(part.increments.last())
            ),
        );
    }
    whole.then_some(part)
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

fn up_to_gap(mut manifest: Manifest, there: impl Fn(&Entry) -> bool) -> Manifest {
    let gap = manifest.increments.iter().position(|file| !there(file));
    manifest.increments.truncate(gap.unwrap_or(usize::MAX));
    manifest
}

fn begins_with_seal(disk: &impl Disk, path: &Path) -> bool {
    let mut first = [0; seal::MARK.len()];
    let read = disk
        .open(path)
        .and_then(|mut file| file.read_exact(&mut first));
    read.is_ok() && first == seal::MARK
}
