//! Turns figures into words: which way is faster here, and what a sync waits for.
//!
//!  * A difference counts if the spreads of two cells do not overlap, or if the medians differ by a tenth; with fewer than
//!    three repetitions, they must differ by a third.
//!  * The limit of a sync is judged by what was measured: the delay, the rate of the link, the processors, or else the disk.

use super::figures::Summary;
use super::plan::{Mode, Servers};
use crate::sync_log::moments::Kind;

/// No disk is slower than this, in bytes a second: if less is written to files, the time is spent on something else.
const DISK_BYTES_PER_S: f64 = 10e6;
/// Phases on files are not judged by their rate below this: opening, syncing and renaming take their time.
const DISK_MS: f64 = 100.0;
/// A sync that is shorter has too few ticks of CPU time to be judged by.
const SHORT_MS: f64 = 60.0;
/// Part of a processor that a side which is bound by it uses.
const BUSY: f64 = 0.65;

/// What most of a sync's time went into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `repl-diskless-sync-delay`.
    Delay,
    /// The link's rate.
    Network,
    /// A processor of the master.
    MasterCpu,
    /// One of the replica.
    ReplicaCpu,
    /// Files.
    Disk,
    /// Nothing was busy: timers, or a machine that others use.
    Waits,
    /// Too short for that: CPU time is counted in hundredths of a second.
    Unknown,
}

/// Phases that work on files.
const DISK: [Kind; 3] = [Kind::Save, Kind::Receive, Kind::Flush];

/// What bounds a cell.
pub fn bound(s: &Summary) -> Bound {
    let total = s.total_ms.median.max(0.001);
    let conditions = s.cell.conditions;
    let delay = s.phase_ms(&[Kind::Delay]).min(total);
    if delay > total / 2.0 {
        return Bound::Delay;
    }
    let rest = total - delay;
    if let (Some(rate), Some(bytes)) = (conditions.link_rate, s.bytes) {
        let on_the_wire = bytes.median * 1000.0 / rate as f64;
        if on_the_wire > rest * 0.6 {
            return Bound::Network;
        }
    }
    if rest < SHORT_MS {
        return Bound::Unknown;
    }
    let busy = |side: Option<super::figures::SideFigures>| {
        side.map_or(0.0, |side| side.cpu_s.median * 1000.0 / rest)
    };
    let (master, replica) = (busy(s.master), busy(s.replica));
    let disk = s.phase_ms(&DISK);
    let rate = s
        .bytes
        .map_or(f64::MAX, |b| b.median * 1000.0 / disk.max(0.001));
    let plausible = disk < DISK_MS || rate > DISK_BYTES_PER_S;
    // Where files are between them the sides take turns: then both together keep a processor busy.
    let busiest = match conditions.mode.uses_disk() {
        true => master + replica,
        false => master.max(replica),
    };
    if busiest >= BUSY {
        return match master > replica {
            true => Bound::MasterCpu,
            false => Bound::ReplicaCpu,
        };
    }
    if conditions.mode.uses_disk() && disk > rest / 3.0 && plausible {
        return Bound::Disk;
    }
    Bound::Waits
}

/// Why, in words.
pub fn because(s: &Summary) -> String {
    let total = s.total_ms.median.max(0.001);
    let percent = |ms: f64| format!("{:.0}%", (ms / total * 100.0).min(100.0));
    let share = |side: Option<super::figures::SideFigures>| {
        side.map_or(String::new(), |side| {
            format!("{:.0}% of a processor", side.cpu_share.median * 100.0)
        })
    };
    match bound(s) {
        Bound::Delay => format!(
            "it waits in the delay ({} of the time): repl-diskless-sync-delay {} s",
            percent(s.phase_ms(&[Kind::Delay])),
            s.cell.conditions.delay_s
        ),
        Bound::Network => format!(
            "it is network-bound: the payload alone takes {:.0} ms of {total:.0} ms at this rate",
            s.bytes.map_or(0.0, |b| b.median) * 1000.0
                / s.cell.conditions.link_rate.unwrap_or(1) as f64
        ),
        Bound::MasterCpu | Bound::ReplicaCpu => {
            let turns = match s.cell.conditions.mode.uses_disk() {
                true => ", in turns",
                false => "",
            };
            format!(
                "it is CPU-bound: the master uses {}, the replica {}{turns}",
                share(s.master),
                share(s.replica)
            )
        }
        Bound::Disk => format!(
            "it is disk-bound: {} of the time goes into files while the processors wait",
            percent(s.phase_ms(&DISK))
        ),
        Bound::Unknown => "it is too short to say what binds it".into(),
        Bound::Waits => {
            // What follows when the replica is usable already was not waited for.
            let before = s.phases.iter().filter(|p| p.1 != Kind::CatchUp);
            let largest = before.max_by(|a, b| a.2.median.total_cmp(&b.2.median));
            largest.map_or("it waits while nothing is busy".into(), |(side, kind, length)| {
                format!(
                    "it waits while neither processor nor link is busy, longest in \"{}\" of the {} ({:.0} ms)",
                    kind.name(),
                    side.name(),
                    length.median
                )
            })
        }
    }
}

/// True if `a` is clearly better than `b`.
fn clearly(a: &Summary, b: &Summary) -> bool {
    let (few, a, b) = (a.runs.min(b.runs) < 3, a.total_ms, b.total_ms);
    match few {
        // One or two repetitions have no spread that means much.
        true => a.max < b.min * 0.67,
        false => a.max < b.min || a.median < b.median * 0.9,
    }
}

/// Sentences: for each servers and conditions, which mode is better and why; then which servers.
pub fn verdicts(summaries: &[Summary], servers: &[Servers]) -> Vec<String> {
    let mut out = Vec::new();
    for under in all_under(summaries) {
        let within: Vec<&Summary> = summaries.iter().filter(|s| under.holds(s)).collect();
        for (i, these) in servers.iter().enumerate() {
            let group: Vec<&Summary> = within
                .iter()
                .copied()
                .filter(|s| s.cell.servers == i)
                .collect();
            out.extend(of_modes(&group, &these.name, under));
        }
    }
    if servers.len() < 2 {
        return out;
    }
    let mut seen: Vec<(Mode, Under)> = Vec::new();
    for s in summaries {
        let mode = s.cell.conditions.mode;
        let under = Under::of(s);
        if seen.contains(&(mode, under)) {
            continue;
        }
        seen.push((mode, under));
        let same = |s: &&Summary| s.cell.conditions.mode == mode && Under::of(s) == under;
        let group: Vec<&Summary> = summaries.iter().filter(same).collect();
        out.extend(of_servers(&group, servers, under));
    }
    out
}

/// What is the same for all that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Under {
    delay_s: u32,
    write_load: u32,
    link_rate: Option<u64>,
}

impl Under {
    fn of(s: &Summary) -> Under {
        let c = s.cell.conditions;
        Under {
            delay_s: c.delay_s,
            write_load: c.write_load,
            link_rate: c.link_rate,
        }
    }

    /// A master that writes a file does not mind the delay: it is compared under each.
    fn holds(&self, s: &Summary) -> bool {
        let from_file = s.cell.conditions.mode.diskless_sync() == "no";
        let of = Under::of(s);
        let same = (of.write_load, of.link_rate) == (self.write_load, self.link_rate);
        same && (from_file || of.delay_s == self.delay_s)
    }

    fn words(&self) -> String {
        let mut words = Vec::new();
        if self.delay_s > 0 {
            words.push(format!("delay {} s", self.delay_s));
        }
        if self.write_load > 0 {
            words.push(format!("{} writes/s", self.write_load));
        }
        if let Some(rate) = self.link_rate {
            words.push(format!("link of {}/s", tools::text::bytes(rate)));
        }
        match words.is_empty() {
            true => String::new(),
            false => format!(" ({})", words.join(", ")),
        }
    }
}

/// All conditions, in the order in which they first appear; those of masters that write a file only where no other
/// mode has them.
fn all_under(summaries: &[Summary]) -> Vec<Under> {
    let mut out: Vec<Under> = Vec::new();
    let from_file = |s: &&Summary| s.cell.conditions.mode.diskless_sync() == "no";
    let (files, others): (Vec<_>, Vec<_>) = summaries.iter().partition(from_file);
    for s in others {
        let under = Under::of(s);
        if !out.contains(&under) {
            out.push(under);
        }
    }
    for s in files {
        if !out.iter().any(|under| under.holds(s)) {
            out.push(Under::of(s));
        }
    }
    out
}

fn sorted<'a>(group: &[&'a Summary]) -> Vec<&'a Summary> {
    let mut group = group.to_vec();
    group.sort_by(|a, b| a.total_ms.median.total_cmp(&b.total_ms.median));
    group
}

fn of_modes(group: &[&Summary], name: &str, under: Under) -> Vec<String> {
    let group = sorted(group);
    let Some((best, others)) = group.split_first() else {
        return Vec::new();
    };
    let under = under.words();
    let mode = best.cell.conditions.mode;
    let Some(worst) = others.last() else {
        return vec![format!(
            "{name}{under}: {mode} takes {:.0} ms; {}.",
            best.total_ms.median,
            because(best)
        )];
    };
    let equal: Vec<Mode> = others
        .iter()
        .filter(|s| !clearly(best, s))
        .map(|s| s.cell.conditions.mode)
        .collect();
    let first = match equal.as_slice() {
        [] => format!("{mode} is best ({:.0} ms)", best.total_ms.median),
        same => {
            let names: Vec<&str> = same.iter().map(|m| m.name()).collect();
            format!(
                "{mode} has the best median ({:.0} ms), but {} cannot be told apart from it with {}",
                best.total_ms.median,
                names.join(", "),
                tools::text::plural(best.runs as u64, "repetition")
            )
        }
    };
    let mut out = vec![format!("{name}{under}: {first}; {}.", because(best))];
    if clearly(best, worst) {
        out.push(format!(
            "{name}{under}: {} takes {:.1} times as long ({:.0} ms); {}.",
            worst.cell.conditions.mode,
            worst.total_ms.median / best.total_ms.median.max(0.001),
            worst.total_ms.median,
            because(worst)
        ));
    }
    out
}

fn of_servers(group: &[&Summary], servers: &[Servers], under: Under) -> Vec<String> {
    let group = sorted(group);
    let (Some(best), Some(second)) = (group.first(), group.get(1)) else {
        return Vec::new();
    };
    let name = |s: &Summary| servers[s.cell.servers].name.clone();
    let mode = best.cell.conditions.mode;
    let under = under.words();
    let (a, b) = (best.total_ms.median, second.total_ms.median);
    vec![match clearly(best, second) {
        true => format!(
            "{mode}{under}: {} is fastest ({a:.0} ms), {} is next ({b:.0} ms, {:.1} times).",
            name(best),
            name(second),
            b / a.max(0.001)
        ),
        false => format!(
            "{mode}{under}: {} ({a:.0} ms) and {} ({b:.0} ms) cannot be told apart.",
            name(best),
            name(second)
        ),
    }]
}

/// What is not as by default, in words.
pub fn conditions(s: &Summary) -> String {
    Under::of(s).words()
}

#[cfg(test)]
mod tests {
    use super::super::figures::{SideFigures, Spread};
    use super::super::plan::{Cell, Conditions};
    use super::*;
    use crate::sync_log::moments::Side;

    fn flat(x: f64) -> Spread {
        Spread {
            median: x,
            min: x * 0.97,
            max: x * 1.03,
        }
    }

    fn cpu(seconds: f64, total_ms: f64) -> Option<SideFigures> {
        Some(SideFigures {
            cpu_s: flat(seconds),
            cpu_share: flat(seconds * 1000.0 / total_ms),
            ..SideFigures::default()
        })
    }

    fn summary(mode: Mode, total_ms: f64, phases: &[(Kind, f64)]) -> Summary {
        Summary {
            cell: Cell {
                servers: 0,
                conditions: Conditions {
                    mode,
                    delay_s: 0,
                    write_load: 0,
                    link_rate: None,
                },
            },
            runs: 3,
            way: String::new(),
            total_ms: flat(total_ms),
            up_ms: flat(total_ms),
            caught_up_ms: None,
            phases: phases
                .iter()
                .map(|(k, ms)| (Side::Master, *k, flat(*ms)))
                .collect(),
            bytes: Some(flat(10e6)),
            bytes_per_s: None,
            keys_per_s: flat(1.0),
            keys: 1,
            master: cpu(0.1 * total_ms / 1000.0, total_ms),
            replica: cpu(0.1 * total_ms / 1000.0, total_ms),
            latency: None,
            latency_before: None,
            writes_per_s: None,
            write_errors: 0,
        }
    }

    #[test]
    fn what_bounds_a_sync_follows_from_what_was_busy() {
        let delayed = summary(Mode::MemoryMemory, 6000.0, &[(Kind::Delay, 5000.0)]);
        assert_eq!(bound(&delayed), Bound::Delay);
        let mut slow_link = summary(Mode::MemoryMemory, 1100.0, &[]);
        slow_link.cell.conditions.link_rate = Some(10_000_000);
        assert_eq!(bound(&slow_link), Bound::Network);
        let mut busy = summary(Mode::DiskDisk, 1000.0, &[(Kind::Save, 500.0)]);
        busy.replica = cpu(0.9, 1000.0);
        assert_eq!(bound(&busy), Bound::ReplicaCpu);
        let disk = summary(
            Mode::DiskDisk,
            1000.0,
            &[(Kind::Save, 500.0), (Kind::Flush, 200.0)],
        );
        assert_eq!(bound(&disk), Bound::Disk);
        assert_eq!(
            bound(&summary(Mode::MemoryMemory, 100.0, &[])),
            Bound::Waits
        );
        let short = summary(Mode::MemoryMemory, 30.0, &[]);
        assert_eq!(bound(&short), Bound::Unknown);
    }

    fn one() -> Vec<Servers> {
        let binary = super::super::plan::Binary::parse("x".into(), "Redis server v=7.0.1").unwrap();
        vec![Servers {
            name: "redis".into(),
            master: binary.clone(),
            replica: binary,
        }]
    }

    #[test]
    fn a_clear_winner_is_named_with_the_loser_and_both_reasons() {
        let all = [
            summary(Mode::DiskDisk, 1000.0, &[(Kind::Save, 600.0)]),
            summary(Mode::MemoryMemory, 400.0, &[(Kind::SnapshotSend, 300.0)]),
        ];
        let text = verdicts(&all, &one());
        assert!(
            text[0].contains("memory-memory is best (400 ms)"),
            "{text:?}"
        );
        assert!(text[1].contains("disk-disk takes 2.5 times"), "{text:?}");
        assert!(text[1].contains("disk-bound"), "{text:?}");
    }

    #[test]
    fn what_lies_within_the_spread_is_not_called_better() {
        let all = [
            summary(Mode::DiskDisk, 1000.0, &[]),
            summary(Mode::MemoryMemory, 980.0, &[]),
        ];
        let text = verdicts(&all, &one());
        assert_eq!(text.len(), 1, "{text:?}");
        assert!(text[0].contains("cannot be told apart"), "{text:?}");
    }

    #[test]
    fn files_are_compared_with_memory_under_every_delay() {
        let mut delayed = summary(Mode::MemoryMemory, 5400.0, &[(Kind::Delay, 5000.0)]);
        delayed.cell.conditions.delay_s = 5;
        let all = [
            summary(Mode::DiskDisk, 1000.0, &[]),
            summary(Mode::MemoryMemory, 400.0, &[]),
            delayed,
        ];
        let text = verdicts(&all, &one());
        assert!(text[0].contains("redis: memory-memory is best"), "{text:?}");
        assert!(
            text[2].contains("redis (delay 5 s): disk-disk is best"),
            "{text:?}"
        );
        assert!(text[3].contains("waits in the delay"), "{text:?}");
    }
}
