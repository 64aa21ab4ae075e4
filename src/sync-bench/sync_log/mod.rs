//! `forebay sync-log MASTER.log REPLICA.log`: two logs of a full sync merged by time, with its phases.
//!
//! ```text
//! file -> line: parsed lines -> syncs: full syncs of one log -> clock: which belong together, and how far the clocks
//!      are apart -> moments: phases of both sides -> show | json
//! ```
//!
//! | module | what it answers |
//! |---|---|
//! | [`mod@line`] | what a line of a log says: when, who, what; all forms of Redis, Valkey and Forebay |
//! | [`table`] | what each text means for a full sync: one table |
//! | [`syncs`] | which full syncs a log tells of |
//! | [`clock`] | which syncs of two logs are the same, and how far the clocks are apart |
//! | [`moments`] | the moments of a sync and the phases between them |
//! | [`show`] | the two columns and the phases as text; JSON |

pub mod clock;
pub mod line;
pub mod moments;
pub mod show;
pub mod syncs;
pub mod table;

use clock::Offset;
use line::Line;
use moments::{Moments, Side};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use syncs::Sync;
use tools::source::Trouble;

/// Lines that are kept of one log, the last ones: a few hundred MB of text.
const LINES_MAX: usize = 2_000_000;
/// Bytes of one line that are looked at.
const LINE_BYTES_MAX: u64 = 16 << 10;

/// One server's log.
#[derive(Debug, Default)]
pub struct Log {
    /// Its lines, in the order of the file.
    pub lines: Vec<Line>,
    /// Lines that were not understood: banners, other programs.
    pub skipped: u64,
    /// Lines from the beginning that were not kept.
    pub dropped: u64,
}

impl Log {
    /// Reads a log.
    ///
    /// # Errors
    /// It cannot be read, or no line of it is one.
    pub fn read(path: &Path) -> Result<Log, Trouble> {
        let file = File::open(path).map_err(|e| Trouble::io("open", path, &e))?;
        let log = Log::from_reader(file).map_err(|e| Trouble::io("read", path, &e))?;
        if log.lines.is_empty() {
            return Err(Trouble(format!(
                "{}: no line is one of a Redis, Valkey or Forebay log",
                path.display()
            )));
        }
        Ok(log)
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn from_reader(reader: impl Read) -> std::io::Result<Log> {
        let mut reader = BufReader::with_capacity(1 << 20, reader);
        let (mut lines, mut log) = (VecDeque::new(), Log::default());
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if (&mut reader)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut bytes)?
                == 0
            {
                break;
            }
            let text = String::from_utf8_lossy(&bytes);
            match line::parse(text.trim_end_matches(['\n', '\r'])) {
                Some(line) => lines.push_back(line),
                None => log.skipped += 1,
            }
            if lines.len() > LINES_MAX {
                lines.pop_front();
                log.dropped += 1;
            }
        }
        log.lines = lines.into();
        Ok(log)
    }

    /// The coarsest time that a line has.
    pub fn grain_us(&self) -> i64 {
        self.lines.iter().map(|l| l.grain_us).max().unwrap_or(1)
    }

    /// The port that the server said it listens to.
    fn port(&self) -> Option<u64> {
        let mut lines = self.lines.iter().rev();
        lines.find_map(|l| {
            let said = l.text.starts_with("Running mode=");
            said.then(|| table::number(&l.text, "port=")).flatten()
        })
    }
}

/// A full sync that both logs tell of.
#[derive(Debug)]
pub struct Pair {
    /// As the master logged it.
    pub master: Sync,
    /// As the replica did, by its own clock.
    pub replica: Sync,
    /// All moments by the master's clock.
    pub moments: Moments,
}

/// What two logs tell together.
#[derive(Debug)]
pub struct Merged {
    /// The master's.
    pub master: Log,
    /// The replica's.
    pub replica: Log,
    /// The full syncs that both tell of, oldest first.
    pub pairs: Vec<Pair>,
    /// How far the replica's clock is ahead.
    pub offset: Offset,
    /// Full syncs of other replicas, or that the other log does not hold.
    pub others: usize,
}

/// Merges two logs. `wanted` is the replica's label in the master's log; without it, the one that fits.
///
/// # Errors
/// Neither log describes a full sync that the other describes as well.
pub fn merge(master: Log, replica: Log, wanted: Option<&str>) -> Result<Merged, Trouble> {
    let masters = syncs::of(Side::Master, &master.lines);
    let replicas = syncs::of(Side::Replica, &replica.lines);
    for (found, who) in [
        (&masters, "first log, as a master"),
        (&replicas, "second log, as a replica"),
    ] {
        if found.is_empty() {
            let swapped = !syncs::of(Side::Replica, &master.lines).is_empty();
            let hint = if swapped {
                " (the master's log comes first: are they the other way round?)"
            } else {
                ""
            };
            return Err(Trouble(format!("the {who}, tells of no full sync{hint}")));
        }
    }
    let grain_us = master.grain_us().max(replica.grain_us());
    let mut labels: Vec<&str> = masters.iter().map(|s| s.replica.as_str()).collect();
    labels.sort_unstable();
    labels.dedup();
    if let Some(wanted) = wanted {
        labels.retain(|l| *l == wanted);
        if labels.is_empty() {
            return Err(Trouble(format!(
                "the master's log names no replica {wanted}"
            )));
        }
    } else if let Some(port) = replica.port() {
        let suffix = format!(":{port}");
        if labels.iter().any(|l| l.ends_with(&suffix)) {
            labels.retain(|l| l.ends_with(&suffix));
        }
    }
    let joined = labels.iter().map(|label| {
        let of_label: Vec<Sync> = masters
            .iter()
            .filter(|s| s.replica == *label)
            .cloned()
            .collect();
        let (pairs, offset) = clock::pair(&of_label, &replicas, grain_us);
        (of_label, pairs, offset)
    });
    let size = |o: &Offset| o.estimate_us().abs();
    let best = joined.max_by(|a, b| {
        let fewer = a.1.len().cmp(&b.1.len());
        fewer.then(size(&b.2).cmp(&size(&a.2)))
    });
    let (of_label, pairs, offset) = best.expect("there is a label for every sync");
    if pairs.is_empty() {
        let text = "no full sync of the one log fits one of the other: are they of the same servers and time?";
        return Err(Trouble(text.into()));
    }
    let shift_us = offset.estimate_us();
    let pair = |&(m, r): &(usize, usize)| {
        let mut moments = Moments::default();
        moments.take_side(&of_label[m].moments, Side::Master, 0);
        moments.take_side(&replicas[r].moments, Side::Replica, -shift_us);
        Pair {
            master: of_label[m].clone(),
            replica: replicas[r].clone(),
            moments,
        }
    };
    let pairs: Vec<Pair> = pairs.iter().map(pair).collect();
    Ok(Merged {
        others: masters.len() + replicas.len() - 2 * pairs.len(),
        master,
        replica,
        pairs,
        offset,
    })
}

#[cfg(test)]
mod tests;
