//! Whether a file of the log is whole, and what is done with a torn end.

use aof::{Defect, Judge, Seal, Sealer, Wrong};
use base::LogLevel;
use disk::{Disk, cut_off, drop_end};
use engine::Engine;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// A file that has been seen to its end.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its length.
    pub size: u64,
    /// The state at the end, or at the defect.
    pub judge: Judge,
    /// What is wrong, if anything is.
    pub defect: Option<Defect>,
    /// After a defect: the offset of a sealed batch that is sound.
    pub sound_after: Option<u64>,
}

impl Seen {
    /// Up to which byte it is to be kept.
    fn keep(&self) -> u64 {
        match &self.defect {
            None => self.judge.whole(),
            Some(defect) => self.judge.keep(defect),
        }
    }
}

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

impl Tails {
    /// As is configured.
    pub fn configured(engine: &Engine, last: bool) -> Tails {
        let config = &engine.config;
        Tails {
            truncated: config.aof_load_truncated,
            corrupt: config.aof_load_corrupt_tail,
            corrupt_max: u64::try_from(config.aof_load_corrupt_tail_max_size).unwrap_or(0),
            last,
        }
    }
}

/// A file that may be run.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The end of its last whole item.
    pub end: u64,
    /// It is cut off after the last seal, or before it.
    pub cut: bool,
    /// What no seal covers yet, if the file can go on at this end: it has no seals, or they reach to the end and nothing
    /// was cut off.
    pub sealer: Option<Sealer>,
}

/// Judges a file that has been seen to its end. A torn end that may be cut off is set aside and cut off.
///
/// # Errors
/// The text with which the server ends.
pub fn judge(
    disk: &impl Disk,
    path: &Path,
    seen: &Seen,
    tails: Tails,
    log: fn(LogLevel, &str),
) -> Result<Judged, String> {
    let seal = seen.judge.last_seal().copied();
    let Some(defect) = &seen.defect else {
        let sealer = seen.judge.clone().into_sealer();
        // The next seal would also cover what no seal covers at the end, and a power cut that damages what follows would
        // take that away too.
        let is_sealed = seal.is_none() || !sealer.is_due();
        return Ok(Judged {
            end: seen.judge.whole(),
            cut: false,
            sealer: is_sealed.then_some(sealer),
        });
    };
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .display()
        .to_string();
    let by = may_cut(&name, seen, defect, tails, log)?;
    let keep = seen.keep();
    let aside = match cut_off(disk, path, seen.size, keep) {
        Ok(aside) => Ok(aside.display().to_string()),
        // What is missing of a request cannot be had, and the part that is there says nothing.
        Err(e) if e.is_full() && defect.is_cut_off() && seen.sound_after.is_none() => {
            drop_end(disk, path, keep).map(|()| String::new())
        }
        Err(e) => Err(e),
    };
    let aside = aside.map_err(|e| e.to_string())?;
    let is_open = matches!(defect.wrong, Wrong::OpenTransaction { .. });
    let cut = Cut {
        name: &name,
        by,
        is_open,
        keep,
        lost: seen.size - keep,
        aside: &aside,
        why: defect,
    };
    tell(&cut, seal.as_ref(), log);
    let begin = seen.judge.proven();
    // Real servers, which write no seals, go on in a file that they have cut off. So does this one then.
    let sealer = match seal {
        None if keep - begin <= READ_AGAIN => read_again(disk, path, begin..keep).ok(),
        _ => None,
    };
    Ok(Judged {
        end: keep,
        cut: keep <= begin,
        sealer,
    })
}

/// So many bytes of a file that was cut off are read again to go on in it. After more, the log goes on in a new file.
const READ_AGAIN: u64 = 256 << 20;

/// What the first seal after these bytes covers.
fn read_again(disk: &impl Disk, path: &Path, bytes: Range<u64>) -> io::Result<Sealer> {
    let mut file = disk.open(path)?;
    file.seek(SeekFrom::Start(bytes.start))?;
    let mut left = file.take(bytes.end - bytes.start);
    let (mut sealer, mut piece) = (Sealer::new(), vec![0; 64 << 10]);
    loop {
        match left.read(&mut piece)? {
            0 if left.limit() > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            0 => return Ok(sealer),
            read => sealer.update(&piece[..read]),
        }
    }
}

/// A torn end may be cut off the last file: bytes that are missing; wrong ones that seals prove to be the end; and few
/// wrong ones, if the configuration says so. Returns the directive that allows it.
fn may_cut(
    name: &str,
    seen: &Seen,
    defect: &Defect,
    tails: Tails,
    log: fn(LogLevel, &str),
) -> Result<&'static str, String> {
    let bad = format!("Bad file format reading the append only file {name}: {defect}");
    let tool = "Make a backup of your AOF file, then use `forebay aof fix`";
    if !tails.last {
        if defect.is_cut_off() && tails.truncated {
            log(
                LogLevel::Warning,
                &format!("!!! Warning: short read while loading the AOF file {name}!!!"),
            );
            log(LogLevel::Warning, &bad);
            return Err("Fatal error: the truncated file is not the last file".into());
        }
        return Err(format!(
            "{bad}. It is not the last file, so it cannot be cut off there"
        ));
    }
    if defect.is_cut_off() && seen.sound_after.is_none() {
        return match tails.truncated {
            true => Ok("aof-load-truncated"),
            false => Err(format!(
                "Unexpected end of file reading the append only file {name}: {defect}. You can: 1) Make a backup of \
                 your AOF file, then use `forebay aof fix`. 2) Alternatively you can set the 'aof-load-truncated' \
                 configuration option to yes and restart the server."
            )),
        };
    }
    let keep = seen.keep();
    let size = seen.size - keep;
    // Where a seal is wrong that no other one precedes, nobody knows what is sound, and requests have run.
    let known = keep == seen.judge.whole() || seen.judge.last_seal().is_some();
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
    if let Some(at) = seen.sound_after {
        return Err(format!(
            "{bad}, but a batch at byte {at} is sound: this is no torn end. `forebay aof check` tells more, `forebay \
             aof fix --force` cuts it off{or}"
        ));
    }
    match seen.judge.last_seal() {
        Some(_) if tails.corrupt => Ok("aof-load-corrupt-tail"),
        Some(_) => Err(format!(
            "{bad}. {tool}, or set the 'aof-load-corrupt-tail' configuration option to yes and restart the server"
        )),
        None => Err(format!("{bad}. {tool}{or}")),
    }
}

/// A cut that was made.
struct Cut<'a> {
    name: &'a str,
    /// The directive that allows it.
    by: &'a str,
    is_open: bool,
    keep: u64,
    lost: u64,
    /// The file with what was cut off; empty where the disk had no room for it.
    aside: &'a str,
    why: &'a Defect,
}

fn tell(cut: &Cut<'_>, seal: Option<&Seal>, log: fn(LogLevel, &str)) {
    let Cut {
        name,
        by,
        is_open,
        keep,
        lost,
        aside,
        why,
    } = cut;
    let by = *by;
    if *is_open {
        log(
            LogLevel::Warning,
            &format!("Revert incomplete MULTI/EXEC transaction in AOF file {name}"),
        );
    }
    let what = match by {
        "aof-load-truncated" => "short read while loading the AOF file",
        _ => "corrupt tail of the AOF file",
    };
    log(LogLevel::Warning, &format!("!!! Warning: {what} {name}!!!"));
    let kept = match *aside {
        "" => "lost: the disk is full, so they cannot be set aside".to_owned(),
        aside => format!("set aside in {aside}"),
    };
    let text = format!("{why}. The {lost} bytes after offset {keep} are {kept}");
    log(LogLevel::Warning, &text);
    log(
        LogLevel::Warning,
        &format!("!!! Truncating the AOF {name} at offset {keep} !!!"),
    );
    log(
        LogLevel::Warning,
        &format!("AOF {name} loaded anyway because {by} is enabled"),
    );
    if let Some(seal) = seal {
        log(
            LogLevel::Warning,
            &format!(
                "The last whole batch of {name} ends at replication offset {}, and was written at {} (unix ms)",
                seal.offset, seal.ms
            ),
        );
    }
}
