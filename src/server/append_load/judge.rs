//! Whether a file of the log is whole, and what becomes of a torn end.

use aof::{Defect, Seal};
use flow::append::Reading;
use std::path::Path;
use tools::aof::fix::{self, Cut};
use tools::aof::walk::{self, Walked};
use tools::source::Source;

/// What may be done about a torn end.
#[derive(Clone, Copy, Debug)]
pub struct Tails {
    /// `aof-load-truncated`
    pub truncated: bool,
    /// It is the last file: nothing was written after it.
    pub last: bool,
}

/// A file that may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The end of its last whole item.
    pub end: u64,
    /// Its last seal.
    pub seal: Option<Seal>,
}

/// Judges the log that begins at `start` in a file. A torn end that may be cut off is set aside and cut off. What it says
/// of the replication stream is added to `reading`.
///
/// # Errors
/// The text with which the server ends.
pub fn judge(
    path: &Path,
    start: u64,
    tails: Tails,
    reading: &mut Reading,
) -> Result<Judged, String> {
    let source = Source::open(path).map_err(|e| e.to_string())?;
    let walked = walk::walk(&source, start, false, |passed| {
        reading.item(passed.bytes, &passed.item, &passed.event);
        Ok(())
    });
    let walked =
        walked.map_err(|e| format!("Unrecoverable error reading the append only file: {e:?}"))?;
    let seal = walked.judge.last_seal().copied();
    let Some(defect) = &walked.defect else {
        let end = walked.judge.whole();
        reading.end_file(false);
        return Ok(Judged { end, seal });
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .display()
        .to_string();
    may_cut(&name, &walked, defect, tails)?;
    let cut = Cut {
        path: path.to_owned(),
        size: source.size().unwrap_or_default(),
        keep: walked.keep(),
        why: defect.to_string(),
        sound_after: None,
    };
    let aside = fix::cut(&cut).map_err(|e| e.to_string())?;
    tell(&name, &cut, &aside, seal.as_ref());
    reading.end_file(cut.keep <= walked.judge.proven());
    Ok(Judged {
        end: cut.keep,
        seal,
    })
}

/// A torn end may be cut off the last file: bytes that are missing, or wrong ones that seals prove to be the end.
fn may_cut(name: &str, walked: &Walked, defect: &Defect, tails: Tails) -> Result<(), String> {
    if let Some(at) = walked.sound_after {
        return Err(format!(
            "Bad file format reading the append only file {name}: {defect}, but a batch at byte {at} is sound: this \
             is no torn end. `forebay aof check` tells more, `forebay aof fix --force` cuts it off"
        ));
    }
    if !tails.last {
        return Err(format!(
            "Bad file format reading the append only file {name}: {defect}. It is not the last file, so it cannot be \
             cut off there"
        ));
    }
    let proven = walked.judge.last_seal().is_some();
    match (defect.is_cut_off() || proven, tails.truncated) {
        (true, true) => Ok(()),
        (true, false) => Err(format!(
            "Unexpected end of file reading the append only file {name}: {defect}. You can: 1) Make a backup of your \
             AOF file, then use `forebay aof fix`. 2) Alternatively you can set the 'aof-load-truncated' configuration \
             option to yes and restart the server."
        )),
        (false, _) => Err(format!(
            "Bad file format reading the append only file {name}: {defect}. Make a backup of your AOF file, then use \
             `forebay aof fix`"
        )),
    }
}

fn tell(name: &str, cut: &Cut, aside: &Path, seal: Option<&Seal>) {
    tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
    tracing::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
    let (keep, lost) = (cut.keep, cut.size - cut.keep);
    tracing::warn!(
        "Truncating the AOF {name} at offset {keep}: {}. The {lost} bytes after it are in {}",
        cut.why,
        aside.display()
    );
    if let Some(seal) = seal {
        tracing::warn!(
            "The last whole batch of {name} ends at replication offset {}, and was written at {} (unix ms)",
            seal.offset,
            seal.ms
        );
    }
}
