//! Whether a file of the log is whole, and what is done with a torn end.

use aof::{Defect, Seal, Sealer, Wrong};
use std::path::Path;
use tools::aof::fix::{self, Cut};
use tools::aof::walk::Walked;

/// What may be done about a torn end.
#[derive(Clone, Copy, Debug)]
pub struct Tails {
    /// `aof-load-truncated`
    pub truncated: bool,
    /// `aof-load-corrupt-tail`
    pub corrupt: bool,
    /// `aof-load-corrupt-tail-max-size`
    pub corrupt_max: u64,
    /// It is the last file: nothing was written after it.
    pub last: bool,
}

/// A file that may be run.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The end of its last whole item.
    pub end: u64,
    /// It is cut off after the last seal, or before it.
    pub cut: bool,
    /// What no seal covers yet, if nothing was cut off.
    pub sealer: Option<Sealer>,
}

/// Judges a file that has been seen to its end. A torn end that may be cut off is set aside and cut off.
///
/// # Errors
/// The text with which the server ends.
pub fn judge(path: &Path, walked: &Walked, tails: Tails) -> Result<Judged, String> {
    let seal = walked.judge.last_seal().copied();
    let Some(defect) = &walked.defect else {
        return Ok(Judged {
            end: walked.judge.whole(),
            cut: false,
            sealer: Some(walked.judge.clone().into_sealer()),
        });
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .display()
        .to_string();
    let by = may_cut(&name, walked, defect, tails)?;
    let cut = Cut {
        path: path.to_owned(),
        size: walked.size,
        keep: walked.keep(),
        why: defect.to_string(),
        sound_after: None,
    };
    let aside = fix::cut(&cut).map_err(|e| e.to_string())?;
    let is_open = matches!(defect.wrong, Wrong::OpenTransaction { .. });
    tell((&name, by), is_open, &cut, &aside, seal.as_ref());
    Ok(Judged {
        end: cut.keep,
        cut: cut.keep <= walked.judge.proven(),
        sealer: None,
    })
}

/// A torn end may be cut off the last file: bytes that are missing; wrong ones that seals prove to be the end; and few
/// wrong ones, if the configuration says so. Returns the directive that allows it.
fn may_cut(
    name: &str,
    walked: &Walked,
    defect: &Defect,
    tails: Tails,
) -> Result<&'static str, String> {
    let bad = format!("Bad file format reading the append only file {name}: {defect}");
    let tool = "Make a backup of your AOF file, then use `forebay aof fix`";
    if !tails.last {
        if defect.is_cut_off() && tails.truncated {
            tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
            tracing::warn!("{bad}");
            return Err("Fatal error: the truncated file is not the last file".into());
        }
        return Err(format!(
            "{bad}. It is not the last file, so it cannot be cut off there"
        ));
    }
    if defect.is_cut_off() && walked.sound_after.is_none() {
        return match tails.truncated {
            true => Ok("aof-load-truncated"),
            false => Err(format!(
                "Unexpected end of file reading the append only file {name}: {defect}. You can: 1) Make a backup of \
                 your AOF file, then use `forebay aof fix`. 2) Alternatively you can set the 'aof-load-truncated' \
                 configuration option to yes and restart the server."
            )),
        };
    }
    let keep = walked.keep();
    let size = walked.size - keep;
    // Where a seal is wrong that no other one precedes, nobody knows what is sound, and requests have run.
    let known = keep == walked.judge.whole() || walked.judge.last_seal().is_some();
    if known && size <= tails.corrupt_max {
        return Ok("aof-load-corrupt-tail-max-size");
    }
    let or = match known {
        true => format!(
            ". Alternatively you can set the 'aof-load-corrupt-tail-max-size' configuration option to {size} and \
             restart the server"
        ),
        false => String::new(),
    };
    if let Some(at) = walked.sound_after {
        return Err(format!(
            "{bad}, but a batch at byte {at} is sound: this is no torn end. `forebay aof check` tells more, `forebay \
             aof fix --force` cuts it off{or}"
        ));
    }
    match walked.judge.last_seal() {
        Some(_) if tails.corrupt => Ok("aof-load-corrupt-tail"),
        Some(_) => Err(format!(
            "{bad}. {tool}, or set the 'aof-load-corrupt-tail' configuration option to yes and restart the server"
        )),
        None => Err(format!("{bad}. {tool}{or}")),
    }
}

fn tell((name, by): (&str, &str), is_open: bool, cut: &Cut, aside: &Path, seal: Option<&Seal>) {
    if is_open {
        tracing::warn!("Revert incomplete MULTI/EXEC transaction in AOF file {name}");
    }
    let what = match by {
        "aof-load-truncated" => "short read while loading the AOF file",
        _ => "corrupt tail of the AOF file",
    };
    tracing::warn!("!!! Warning: {what} {name}!!!");
    let (keep, lost) = (cut.keep, cut.size - cut.keep);
    tracing::warn!(
        "{}. The {lost} bytes after offset {keep} are set aside in {}",
        cut.why,
        aside.display()
    );
    tracing::warn!("!!! Truncating the AOF {name} at offset {keep} !!!");
    tracing::warn!("AOF {name} loaded anyway because {by} is enabled");
    if let Some(seal) = seal {
        tracing::warn!(
            "The last whole batch of {name} ends at replication offset {}, and was written at {} (unix ms)",
            seal.offset,
            seal.ms
        );
    }
}
