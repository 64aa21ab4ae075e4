//! The charts of the HTML report, as SVG inside the page: totals, timelines, and latency over time.
//!
//!  * Everything that is compared has the same scale, so that lengths can be compared: a scale belongs to a chart, never to a
//!    row.
//!  * Colours show what a side is doing: waiting is grey, files are orange, the network is blue, and loading is green.

use super::figures::{Spread, slowest_over_time};
use super::load::Sample;
use super::text::ms;
use crate::sync_log::moments::{Kind, Phase, Side};
use std::fmt::Write;
use tools::page::escaped;

/// Width of all pictures, in units of the picture.
const WIDTH: f64 = 1160.0;
/// Where rows begin, after their names.
const LEFT: f64 = 200.0;
/// The same for totals, whose names are in one line.
const TOTALS_LEFT: f64 = 300.0;
/// Room for the figure at the right.
const RIGHT: f64 = 92.0;

/// The class that colours a phase.
pub fn colour(kind: Kind) -> &'static str {
    match kind {
        Kind::Handshake
        | Kind::AwaitSnapshot
        | Kind::AwaitPayload
        | Kind::AwaitAck
        | Kind::Queue => "wait",
        Kind::Delay => "delay",
        Kind::Fork => "c3",
        Kind::Save | Kind::Receive => "c2",
        Kind::Flush => "c4",
        Kind::Send | Kind::SnapshotSend => "c0",
        Kind::ReceiveLoad => "c5",
        Kind::Load => "c1",
        Kind::Swap | Kind::Finish => "c6",
        Kind::CatchUp => "c7",
    }
}

/// What a colour means, in the order of the legend: class, words, kinds.
pub const LEGEND: &[(&str, &str)] = &[
    ("wait", "waits: handshake, snapshot, payload, ACK"),
    ("delay", "repl-diskless-sync-delay"),
    ("c3", "fork or cut"),
    ("c2", "files: save, receive"),
    ("c0", "sends"),
    ("c5", "receives and loads"),
    ("c4", "syncs, checks, flushes"),
    ("c1", "loads its file"),
    ("c6", "swaps, finishes"),
    ("c7", "catches up"),
];

/// A round step and its multiples up to `max`, about `wanted` of them.
fn ticks(max: f64, wanted: f64) -> Vec<f64> {
    if max <= 0.0 || !max.is_finite() {
        return vec![0.0];
    }
    let raw = max / wanted;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw)
        .unwrap_or(raw);
    let count = (max / step + 1e-9).floor() as usize;
    (0..=count).map(|i| i as f64 * step).collect()
}

/// Milliseconds on an axis.
fn axis_label(x: f64) -> String {
    match x {
        0.0 => "0".into(),
        _ if x >= 1000.0 => format!("{} s", x / 1000.0),
        _ if x >= 1.0 => format!("{x:.0} ms"),
        _ => format!("{x:.1} ms"),
    }
}

/// The scale of a picture: `max_ms` fills the room.
struct Scale {
    /// Where it begins.
    left: f64,
    max_ms: f64,
}

impl Scale {
    fn x(&self, at_ms: f64) -> f64 {
        let room = WIDTH - self.left - RIGHT;
        self.left + (at_ms / self.max_ms.max(1e-6)).clamp(0.0, 1.0) * room
    }

    fn grid(&self, out: &mut String, top: f64, bottom: f64) {
        for tick in ticks(self.max_ms, 8.0) {
            let x = self.x(tick);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>\
                 <text class=\"note\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                bottom + 15.0,
                axis_label(tick)
            );
        }
    }
}

/// A total with its spread.
#[derive(Debug)]
pub struct Total {
    /// At the left.
    pub label: String,
    /// ms.
    pub total: Spread,
    /// Which colour.
    pub colour: usize,
}

/// Totals as bars, each with its median and its least and most.
pub fn totals(rows: &[Total]) -> String {
    const ROW: f64 = 26.0;
    let scale = Scale {
        left: TOTALS_LEFT,
        max_ms: rows.iter().map(|r| r.total.max).fold(0.0, f64::max),
    };
    let height = ROW * rows.len() as f64 + 28.0;
    let mut out = format!(
        "<svg class=\"totals\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"Times until the replica can be used\">"
    );
    scale.grid(&mut out, 2.0, height - 24.0);
    for (i, row) in rows.iter().enumerate() {
        let y = ROW * i as f64 + 5.0;
        let (to, low, high) = (
            scale.x(row.total.median),
            scale.x(row.total.min),
            scale.x(row.total.max),
        );
        let label = escaped(&shortened(&row.label, 41));
        let figures = format!(
            "{} ms ({} to {})",
            ms(row.total.median),
            ms(row.total.min),
            ms(row.total.max)
        );
        let _ = write!(
            out,
            "<g><title>{label}: {figures}</title>\
             <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"c{}\" x=\"{TOTALS_LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"17\" rx=\"3\"/>\
             <path class=\"whisker\" d=\"M{low:.1} {mid:.1}H{high:.1}M{low:.1} {top:.1}V{bottom:.1}M{high:.1} {top:.1}V{bottom:.1}\"/>\
             <text class=\"note\" x=\"{:.1}\" y=\"{:.1}\">{} ms</text></g>",
            TOTALS_LEFT - 10.0,
            y + 13.0,
            row.colour % 8,
            (to - TOTALS_LEFT).max(1.5),
            high + 8.0,
            y + 13.0,
            ms(row.total.median),
            mid = y + 8.5,
            top = y + 4.5,
            bottom = y + 12.5,
        );
    }
    out + "</svg>"
}

/// One sync, drawn from REPLICAOF on.
#[derive(Debug)]
pub struct Timeline {
    /// At the left, in one or two lines.
    pub label: Vec<String>,
    /// REPLICAOF, Unix time in µs.
    pub began_us: i64,
    /// Until the replica could be used, in µs.
    pub total_us: i64,
    /// Of both sides.
    pub phases: Vec<Phase>,
}

/// Both sides of each sync, one below the other.
pub fn timelines(rows: &[Timeline]) -> String {
    const LANE: f64 = 19.0;
    const ROW: f64 = 2.0 * LANE + 16.0;
    let end_us = |row: &Timeline| {
        let ends = row.phases.iter().map(|p| p.end_us - row.began_us);
        ends.max().unwrap_or(0).max(row.total_us)
    };
    let max_us = rows.iter().map(end_us).max().unwrap_or(0);
    let scale = Scale {
        left: LEFT,
        max_ms: max_us as f64 / 1000.0,
    };
    let height = ROW * rows.len() as f64 + 26.0;
    let mut out = format!(
        "<svg class=\"time\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"Phases of both sides over time\">"
    );
    scale.grid(&mut out, 2.0, height - 24.0);
    for (i, row) in rows.iter().enumerate() {
        let y = ROW * i as f64 + 6.0;
        let first = y + LANE + 2.0 - (row.label.len() as f64 - 1.0) * 8.0;
        for (line, text) in row.label.iter().enumerate() {
            let _ = write!(
                out,
                "<text class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                if line == 0 { "label" } else { "note" },
                LEFT - 66.0,
                first + line as f64 * 16.0,
                escaped(&shortened(text, 20))
            );
        }
        for (lane, side) in [Side::Replica, Side::Master].into_iter().enumerate() {
            let top = y + lane as f64 * LANE;
            let _ = write!(
                out,
                "<text class=\"note\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                top + 12.0,
                side.name()
            );
            for phase in row.phases.iter().filter(|p| p.side == side) {
                self::phase(&mut out, phase, row, &scale, top);
            }
        }
        let at = scale.x(row.total_us as f64 / 1000.0);
        let _ = write!(
            out,
            "<path class=\"mark\" d=\"M{at:.1} {:.1}V{:.1}\"/>\
             <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{} ms</text>",
            y - 4.0,
            y + 2.0 * LANE + 2.0,
            WIDTH - RIGHT + 10.0,
            y + LANE + 2.0,
            ms(row.total_us as f64 / 1000.0),
        );
    }
    out + "</svg>"
}

/// A name shortened to this many letters.
fn shortened(text: &str, letters: usize) -> String {
    match text.chars().count() > letters {
        true => text.chars().take(letters - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn phase(out: &mut String, phase: &Phase, row: &Timeline, scale: &Scale, top: f64) {
    const LETTER: f64 = 6.3;
    let at = |us: i64| scale.x((us - row.began_us).max(0) as f64 / 1000.0);
    let (x, to) = (at(phase.start_us), at(phase.end_us));
    let width = to - x;
    // What cannot be seen is in the table.
    if width < 0.3 && phase.length_us() < 1000 {
        return;
    }
    let name = phase.kind.name();
    let length = ms(phase.length_us() as f64 / 1000.0);
    let _ = write!(
        out,
        "<g><title>{}, {}: {name} {length} ms, from {} ms on</title>\
         <rect class=\"{}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"16\" rx=\"2\"/>",
        escaped(&row.label.join(", ")),
        phase.side.name(),
        ms((phase.start_us - row.began_us).max(0) as f64 / 1000.0),
        colour(phase.kind),
        (width - 0.6).max(0.8),
    );
    let words = format!("{name} {length}");
    let fits = |text: &str| text.len() as f64 * LETTER + 8.0 < width;
    let text = [words.as_str(), name, length.as_str()]
        .into_iter()
        .find(|t| fits(t));
    if let Some(text) = text {
        let _ = write!(
            out,
            "<text class=\"on {}\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            if colour(phase.kind) == "wait" {
                "grey"
            } else {
                ""
            },
            x + 5.0,
            top + 12.0
        );
    }
    out.push_str("</g>");
}

/// Latency of the probe during one sync.
#[derive(Debug)]
pub struct Curve<'a> {
    /// From REPLICAOF on.
    pub samples: &'a [Sample],
    /// The sync's end, in µs.
    pub total_us: i64,
    /// The most of all curves that are compared, in µs.
    pub max_us: u64,
}

/// The slowest answer of each moment over time, on a logarithmic scale from 10 µs.
pub fn latency(curve: &Curve<'_>) -> String {
    const W: f64 = 560.0;
    const H: f64 = 150.0;
    const L: f64 = 56.0;
    const B: f64 = 22.0;
    const POINTS: usize = 250;
    let total = (curve.total_us.max(1)) as f64;
    let top = (curve.max_us.max(1000) as f64).log10();
    let x = |us: f64| L + (us / total).clamp(0.0, 1.0) * (W - L - 8.0);
    let y = |us: f64| {
        let part = ((us.max(10.0).log10() - 1.0) / (top - 1.0).max(0.1)).clamp(0.0, 1.0);
        (H - B) - part * (H - B - 10.0)
    };
    let mut out = format!(
        "<svg class=\"latency\" viewBox=\"0 0 {W} {H}\" role=\"img\" aria-label=\"Slowest answers over time\">"
    );
    for (us, name) in [
        (10.0, "10 µs"),
        (100.0, "100 µs"),
        (1e3, "1 ms"),
        (1e4, "10 ms"),
        (1e5, "100 ms"),
        (1e6, "1 s"),
    ] {
        if us > curve.max_us.max(1000) as f64 * 1.01 {
            continue;
        }
        let at = y(us);
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{L}\" x2=\"{W}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"note\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            L - 6.0,
            at + 4.0
        );
    }
    for tick in ticks(total / 1000.0, 5.0) {
        let _ = write!(
            out,
            "<text class=\"note\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(tick * 1000.0).min(W - 18.0),
            H - 5.0,
            axis_label(tick)
        );
    }
    let worst = slowest_over_time(curve.samples, curve.total_us, POINTS);
    let floor = H - B;
    let bar = (W - L - 8.0) / POINTS as f64;
    let mut path = String::new();
    for (i, us) in worst.iter().enumerate().filter(|(_, us)| **us > 0) {
        let left = L + i as f64 * bar;
        let _ = write!(
            path,
            "M{left:.1} {floor:.1}V{:.1}h{:.2}V{floor:.1}z",
            y(*us as f64),
            (bar - 0.3).max(0.6)
        );
    }
    let _ = write!(out, "<path class=\"c4\" d=\"{path}\"/>");
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_a_few_round_ticks() {
        assert_eq!(ticks(100.0, 5.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(0.9, 4.0), [0.0, 0.5]);
        for max in [0.001, 3.0, 17.0, 999.0, 123_456.0] {
            let all = ticks(max, 8.0);
            assert!((2..=9).contains(&all.len()), "{max}: {all:?}");
        }
        assert_eq!(ticks(0.0, 8.0), [0.0]);
        assert_eq!(ticks(f64::NAN, 8.0), [0.0]);
    }

    fn row(label: &str, start_us: i64, end_us: i64) -> Timeline {
        Timeline {
            label: vec![label.to_owned()],
            began_us: 1_000_000,
            total_us: 200_000,
            phases: vec![Phase {
                kind: Kind::SnapshotSend,
                side: Side::Master,
                start_us,
                end_us,
            }],
        }
    }

    #[test]
    fn a_phase_is_drawn_where_it_was_and_names_cannot_leave_their_place() {
        let svg = timelines(&[row("<b>\"x\"", 1_000_000, 1_200_000)]);
        assert!(
            svg.contains("&lt;b&gt;&quot;x&quot;") && !svg.contains("<b>"),
            "{svg}"
        );
        // From REPLICAOF to the end: the whole room.
        assert!(
            svg.contains("x=\"200.0\" y=\"25.0\" width=\"867.4\""),
            "{svg}"
        );
        assert!(svg.contains("snapshot and send 200"), "{svg}");
        let numbers_are_numbers = !svg.contains("NaN") && !svg.contains("inf");
        assert!(numbers_are_numbers, "{svg}");
    }

    #[test]
    fn what_began_before_the_clock_was_cut_begins_at_0() {
        let svg = timelines(&[row("a", 999_500, 1_100_000)]);
        assert!(svg.contains("from 0.00 ms on"), "{svg}");
    }

    #[test]
    fn pictures_of_nothing_are_empty_but_whole() {
        for svg in [
            totals(&[]),
            timelines(&[]),
            latency(&Curve {
                samples: &[],
                total_us: 0,
                max_us: 0,
            }),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
            assert!(!svg.contains("NaN"), "{svg}");
        }
    }
}
