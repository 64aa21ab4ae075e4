//! `forebay aof restore`: a copy of a log that ends at a moment in the past.
//!
//! Moments are recorded by seals (the offset and time after each batch) and by the annotations of
//! `aof-timestamp-enabled` (the second in which what follows was written). A copy holds everything up to the last whole
//! batch, or the last second, that is not after the moment. A server that starts with the copy has the dataset of that
//! moment.

use super::Failed;
use super::check::{self, End, Options};
use super::fix::sync_directory;
use super::log::Log;
use super::until::Until;
use super::walk;
use crate::source::Trouble;
use aof::Manifest;
use aof::judge::Event;
use disk::if_there;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Where a log ends for a moment.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of its last file among the parts of the log.
    pub file: usize,
    /// The end in that file.
    pub end: u64,
    /// The offset after the part that is kept, if it is in a seal.
    pub offset: Option<u64>,
    /// The time of the last request that is kept, Unix milliseconds, if it is in the log.
    pub ms: Option<i64>,
    /// Whether something is left out.
    pub is_cut: bool,
}

/// Finds the end of the log for a moment.
///
/// # Errors
/// The log does not reach back so far, does not tell moments, or is damaged before it.
pub fn find(log: &Log, until: Until, options: &Options) -> Result<Place, Failed> {
    let mut seek = Seek::new(until);
    for (number, part) in log.parts.iter().enumerate() {
        let report = check::file(part, number + 1 == log.parts.len(), options)?;
        let path = part.path.display();
        let torn = match &report.end {
            End::Missing(why) => return Err(Failed::Defect(why.clone())),
            End::BadDump => return Err(Failed::Defect(format!("{path}: its dump is damaged"))),
            End::Whole => None,
            End::Defect {
                defect,
                sound_after,
                ..
            } => Some((defect, report.last && sound_after.is_none())),
        };
        let created = report.dump.as_ref().and_then(|dump| dump.created_s);
        seek.begin(number, report.start, created)?;
        let source = part.open()?;
        let walked = walk::walk(&source, report.start, options.dump.progress, |passed| {
            seek.passed(passed);
            Ok(())
        })?;
        if let Some(cut) = seek.cut() {
            return cut;
        }
        match torn {
            Some((defect, false)) => return Err(Failed::Defect(format!("{path}: {defect}"))),
            Some((_, true)) => seek.end(walked.keep(), true),
            None => seek.end(walked.judge.whole(), false),
        }
    }
    seek.all()
}

/// The search for a moment.
struct Seek {
    until: Until,
    place: Place,
    /// True if some item had a time or offset that can be compared with [`Seek::until`].
    told: bool,
    /// The end of what precedes the item at hand and is whole, and of the last seal.
    whole: u64,
    sealed: u64,
    /// The base is later than the moment.
    too_early: bool,
    found: bool,
}

impl Seek {
    fn new(until: Until) -> Seek {
        Seek {
            until,
            place: Place {
                file: 0,
                end: 0,
                offset: None,
                ms: None,
                is_cut: false,
            },
            told: false,
            whole: 0,
            sealed: 0,
            too_early: false,
            found: false,
        }
    }

    /// A file begins, whose log is at `start`; `created` is when the dump before it was made, unix seconds.
    fn begin(&mut self, file: usize, start: u64, created: Option<i64>) -> Result<(), Failed> {
        (self.place.file, self.whole, self.sealed) = (file, start, start);
        if let (Until::Time(ms), Some(created)) = (self.until, created) {
            self.told = true;
            if created.saturating_mul(1000) > ms {
                let when = crate::text::time(created);
                return Err(Failed::Defect(format!(
                    "the log reaches back to {when} only, when its base was written"
                )));
            }
        }
        Ok(())
    }

    fn passed(&mut self, passed: &walk::Passed<'_>) {
        if self.found {
            return;
        }
        match (passed.event, self.until) {
            (Event::Time(seconds), Until::Time(until)) => {
                let ms = seconds.saturating_mul(1000);
                self.told = true;
                match ms > until {
                    true => self.cut_at(self.whole),
                    false => self.place.ms = Some(ms),
                }
            }
            // A server without replicas seals without a place in a history.
            (Event::Sealed(seal), Until::Offset(_)) if seal.id == [b'0'; 40] => {
                self.sealed = passed.whole;
                self.place.ms = i64::try_from(seal.ms).ok();
            }
            (Event::Sealed(seal), until) => {
                self.told = true;
                let later = match until {
                    Until::Offset(offset) => seal.offset > offset,
                    Until::Time(ms) => i64::try_from(seal.ms).is_ok_and(|at| at > ms),
                };
                if later {
                    // A seal of nothing begins a file: the base itself is later than the offset.
                    self.too_early = self.place.offset.is_none()
                        && seal.bytes == 0
                        && matches!(until, Until::Offset(_));
                    self.cut_at(self.sealed);
                } else {
                    self.sealed = passed.whole;
                    self.place.offset = Some(seal.offset);
                    self.place.ms = i64::try_from(seal.ms).ok();
                }
            }
            _ => {}
        }
        self.whole = passed.whole;
    }

    fn cut_at(&mut self, end: u64) {
        self.found = true;
        self.place.end = end;
        self.place.is_cut = true;
    }

    fn cut(&mut self) -> Option<Result<Place, Failed>> {
        self.found.then(|| match self.too_early {
            true => {
                let why = format!("the log does not reach back to {}", self.until);
                Err(Failed::Defect(why))
            }
            false => Ok(self.take()),
        })
    }

    fn end(&mut self, end: u64, is_cut: bool) {
        self.place.end = end;
        self.place.is_cut = is_cut;
    }

    fn all(mut self) -> Result<Place, Failed> {
        match (self.told, self.until) {
            (true, _) => Ok(self.take()),
            (false, Until::Offset(_)) => Err(Failed::Defect(
                "this log tells no offsets: Forebay writes them into its seals".into(),
            )),
            (false, Until::Time(_)) => Err(Failed::Defect(
                "this log tells no times: it has no seals and was not written with \
                 aof-timestamp-enabled"
                    .into(),
            )),
        }
    }

    fn take(&mut self) -> Place {
        let nothing = Seek::new(self.until).place;
        std::mem::replace(&mut self.place, nothing)
    }
}

/// Writes the copy: a directory for a log with a manifest, a file for a single one.
///
/// # Errors
/// `out` is there already, or the system's.
pub fn write(log: &Log, place: &Place, out: &Path) -> Result<(), Trouble> {
    let there = if_there(fs::symlink_metadata(out));
    if there.map_err(|e| Trouble::io("read", out, &e))?.is_some() {
        return Err(Trouble(format!("{} is there already", out.display())));
    }
    let Some(manifest) = &log.manifest else {
        return copy(&log.parts[0].path, out, Some(place.end));
    };
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = PathBuf::from(name);
    fs::create_dir(&part).map_err(|e| Trouble::io("create", &part, &e))?;
    let written = fill(log, manifest, place, &part).and_then(|()| {
        fs::rename(&part, out)
            .and_then(|()| sync_directory(out))
            .map_err(|e| Trouble::io("create", out, &e))
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&part);
    }
    written
}

fn fill(log: &Log, manifest: &Manifest, place: &Place, into: &Path) -> Result<(), Trouble> {
    let mut copied = Manifest::default();
    for (number, part) in log.parts.iter().enumerate().take(place.file + 1) {
        let end = (number == place.file).then_some(place.end);
        let name = part.path.file_name().unwrap_or(part.path.as_os_str());
        copy(&part.path, &into.join(name), end)?;
        let mut entry = part.entry.clone();
        if let (Some(entry), true) = (&mut entry, end.is_some() && place.is_cut) {
            entry.end = None;
        }
        match manifest.base.is_some() && number == 0 {
            true => copied.base = entry,
            false => copied.increments.extend(entry),
        }
    }
    let name = log.path.file_name().unwrap_or(log.path.as_os_str());
    let path = into.join(name);
    let fail = |e: io::Error| Trouble::io("write", &path, &e);
    let copied = copied.print();
    let copied = copied.map_err(|e| Trouble(format!("cannot write {}: {e}", path.display())))?;
    let mut file = File::create_new(&path).map_err(fail)?;
    file.write_all(&copied).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    sync_directory(&path).map_err(fail)
}

/// Copies a file, or its first `end` bytes, and syncs the copy.
fn copy(from: &Path, to: &Path, end: Option<u64>) -> Result<(), Trouble> {
    let source = File::open(from).map_err(|e| Trouble::io("read", from, &e))?;
    let fail = |e: io::Error| Trouble::io("write", to, &e);
    let mut copied = File::create_new(to).map_err(fail)?;
    let mut part = source.take(end.unwrap_or(u64::MAX));
    let bytes = io::copy(&mut part, &mut copied).map_err(fail)?;
    if end.is_some_and(|end| bytes < end) {
        return Err(Trouble(format!("{} became shorter", from.display())));
    }
    copied.sync_all().map_err(fail)
}
