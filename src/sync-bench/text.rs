//! The report for a terminal.

use super::Report;
use super::figures::{Spread, Summary};
use super::verdict::conditions;
use crate::sync_log::moments::{Kind, Phase, Side};
use std::io::{self, Write};
use tools::text::bytes;

/// A median, with its spread where there is one.
pub fn spread(s: Spread, show: impl Fn(f64) -> String) -> String {
    match s.min == s.max {
        true => show(s.median),
        false => format!("{} ({}..{})", show(s.median), show(s.min), show(s.max)),
    }
}

/// Milliseconds with as many digits as they deserve.
pub fn ms(x: f64) -> String {
    match x {
        _ if x < 9.95 => format!("{x:.2}"),
        _ if x < 99.5 => format!("{x:.1}"),
        _ => format!("{x:.0}"),
    }
}

/// Microseconds as milliseconds.
pub fn us(x: u64) -> String {
    ms(x as f64 / 1000.0)
}

/// A number of things a second: `12k`.
pub fn rate(x: f64) -> String {
    match x {
        _ if x < 1e3 => format!("{x:.0}"),
        _ if x < 1e6 => format!("{:.0}k", x / 1e3),
        _ => format!("{:.2}M", x / 1e6),
    }
}

/// One row of the table.
type Column = (&'static str, fn(&Summary) -> String);

/// Columns of the table, the same in text and HTML.
pub const COLUMNS: &[Column] = &[
    ("usable after, ms", |s| spread(s.total_ms, ms)),
    ("link up, ms", |s| ms(s.up_ms.median)),
    ("caught up, ms", |s| {
        s.caught_up_ms.map_or("-".into(), |c| ms(c.median))
    }),
    ("payload", |s| {
        s.bytes.map_or("-".into(), |b| bytes(b.median as u64))
    }),
    ("/s", |s| {
        s.bytes_per_s.map_or("-".into(), |b| bytes(b.median as u64))
    }),
    ("keys/s", |s| rate(s.keys_per_s.median)),
    ("master peak", |s| {
        s.master
            .map_or("-".into(), |m| bytes(m.memory_peak.median as u64))
    }),
    ("extra", |s| {
        s.master
            .map_or("-".into(), |m| bytes(m.memory_extra.median as u64))
    }),
    ("CPU s", |s| {
        s.master
            .map_or("-".into(), |m| format!("{:.2}", m.cpu_s.median))
    }),
    ("replica peak", |s| {
        s.replica
            .map_or("-".into(), |m| bytes(m.memory_peak.median as u64))
    }),
    ("CPU s", |s| {
        s.replica
            .map_or("-".into(), |m| format!("{:.2}", m.cpu_s.median))
    }),
    ("p99.9 ms", |s| {
        s.latency.map_or("-".into(), |l| us(l.p999_us))
    }),
    ("worst ms", |s| {
        s.latency.map_or("-".into(), |l| us(l.worst_us))
    }),
    ("writes/s", |s| {
        s.writes_per_s.map_or("-".into(), |w| rate(w.median))
    }),
];

/// Prints it.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let runs = report.summaries.iter().map(|s| s.runs).max().unwrap_or(0);
    writeln!(
        out,
        "full syncs: {}, {runs} repetitions, interleaved",
        report.data
    )?;
    writeln!(out, "machine: {}", report.machine)?;
    for servers in &report.servers {
        let (master, replica) = (servers.master.title(), servers.replica.title());
        writeln!(out, "{}: master {master}, replica {replica}", servers.name)?;
    }
    writeln!(out)?;
    table(report, out)?;
    writeln!(
        out,
        "\nPhases, ms (median; min..max). Of the repetition nearest to the median, from REPLICAOF until all is done:"
    )?;
    writeln!(out, "  {LEGEND}")?;
    for (summary, runs) in report.summaries.iter().zip(&report.runs) {
        let name = &report.servers[summary.cell.servers].name;
        let mode = summary.cell.conditions.mode;
        writeln!(out, "  {name} {mode}{}", conditions(summary))?;
        for side in [Side::Replica, Side::Master] {
            let phases = summary.phases.iter().filter(|(s, _, _)| *s == side);
            let phases = phases.filter(|(_, _, length)| length.max >= 0.05);
            let words: Vec<String> = phases
                .map(|(_, kind, length)| format!("{} {}", kind.name(), spread(*length, ms)))
                .collect();
            if words.is_empty() {
                continue;
            }
            if let Some(run) = summary.typical(runs) {
                let lane = lane(&run.moments.phases(), side, run.began_us);
                writeln!(out, "    {:8}[{lane}]", side.name())?;
            }
            writeln!(out, "            {}", words.join(" | "))?;
        }
    }
    writeln!(out, "\nVerdict:")?;
    for line in &report.verdicts {
        writeln!(out, "  - {line}")?;
    }
    for note in &report.notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

/// One side of a sync in letters: each shows what took most of its part of the time.
fn lane(phases: &[Phase], side: Side, began_us: i64) -> String {
    const LETTERS: i64 = 100;
    let end_us = phases.iter().map(|p| p.end_us).max().unwrap_or(began_us);
    let whole = (end_us - began_us).max(1);
    let letter_at = |i: i64| {
        let at = |i: i64| began_us + whole * i / LETTERS;
        let (from, to) = (at(i), at(i + 1));
        let inside = |p: &&Phase| p.end_us.min(to) - p.start_us.max(from);
        let ours = phases.iter().filter(|p| p.side == side && inside(p) > 0);
        ours.max_by_key(inside).map_or(' ', |p| letter(p.kind))
    };
    (0..LETTERS).map(letter_at).collect()
}

/// What the letters mean.
const LEGEND: &str = ". waits, D delay, f fork or cut, s saves, > sends, r receives, y syncs and checks, l loads its file, \
                      L receives and loads, w swaps, c catches up";

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Handshake
        | Kind::AwaitSnapshot
        | Kind::AwaitPayload
        | Kind::AwaitAck
        | Kind::Queue => '.',
        Kind::Delay => 'D',
        Kind::Fork => 'f',
        Kind::Save => 's',
        Kind::Send | Kind::SnapshotSend => '>',
        Kind::Receive => 'r',
        Kind::Flush => 'y',
        Kind::Load => 'l',
        Kind::ReceiveLoad => 'L',
        Kind::Swap | Kind::Finish => 'w',
        Kind::CatchUp => 'c',
    }
}

fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let heads = ["server", "mode"]
        .into_iter()
        .chain(COLUMNS.iter().map(|c| c.0));
    rows.push(heads.map(str::to_owned).collect());
    for summary in &report.summaries {
        let mut row = vec![
            report.servers[summary.cell.servers].name.clone(),
            format!("{}{}", summary.cell.conditions.mode, conditions(summary)),
        ];
        row.extend(COLUMNS.iter().map(|(_, show)| show(summary)));
        rows.push(row);
    }
    // Columns that say nothing in any row are left out.
    let columns = rows[0].len();
    let useful: Vec<usize> = (0..columns)
        .filter(|&c| rows[1..].iter().any(|row| row[c] != "-"))
        .collect();
    for row in &rows {
        let mut line = String::new();
        for &c in &useful {
            let width = rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
            match c {
                0 | 1 => line.push_str(&format!("{:width$}  ", row[c])),
                _ => line.push_str(&format!("{:>width$}  ", row[c])),
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_has_a_letter_for_each_part_of_the_time() {
        let phase = |kind, side, start_us, end_us| Phase {
            kind,
            side,
            start_us,
            end_us,
        };
        let phases = [
            phase(Kind::Handshake, Side::Replica, 1000, 1100),
            phase(Kind::ReceiveLoad, Side::Replica, 1100, 1800),
            phase(Kind::CatchUp, Side::Master, 1900, 2000),
        ];
        let replica = lane(&phases, Side::Replica, 1000);
        assert_eq!(
            replica,
            format!("{}{}{}", ".".repeat(10), "L".repeat(70), " ".repeat(20))
        );
        assert_eq!(lane(&phases, Side::Master, 1000).trim(), "c".repeat(10));
        assert_eq!(lane(&[], Side::Master, 1000).trim(), "");
    }
}
