//! Shows two logs side by side, the replica on the left and the master on the right, and the phases of each sync; or all of it
//! as JSON.

use super::line::Line;
use super::moments::{Moment, Moments, Phase, Side};
use super::{Merged, Pair};
use std::io::{self, Write};
use tools::json_text::Json;
use tools::text::{bytes, plural};

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Characters in a line.
    pub width: usize,
    /// Lines outside of full syncs too.
    pub all: bool,
}

/// A line's place: by the master's clock.
struct Placed<'a> {
    at_us: i64,
    side: Side,
    line: &'a Line,
}

/// Lines of both logs by time. Of two at the same time the master's comes first when it asks, else the replica's; the
/// order within a log stays.
fn placed(merged: &Merged) -> Vec<Placed<'_>> {
    let shift_us = merged.offset.estimate_us();
    let of = |side, lines: &'_ [Line], shift_us: i64| -> Vec<(i64, Side, usize)> {
        let numbered = lines.iter().enumerate();
        numbered
            .map(|(i, l)| (l.unix_us - shift_us, side, i))
            .collect()
    };
    let mut all = of(Side::Replica, &merged.replica.lines, shift_us);
    all.extend(of(Side::Master, &merged.master.lines, 0));
    // Stable: lines of one log keep their order within the same instant.
    all.sort_by_key(|&(at, _, _)| at);
    let placed = all.into_iter().map(|(at_us, side, i)| Placed {
        at_us,
        side,
        line: match side {
            Side::Master => &merged.master.lines[i],
            Side::Replica => &merged.replica.lines[i],
        },
    });
    placed.collect()
}

/// What is known of the clocks, in words.
pub fn clocks(merged: &Merged) -> String {
    let offset = merged.offset;
    let ahead = offset.estimate_us();
    match (offset.error_us(), ahead) {
        (None, _) => {
            "clocks: nothing in the logs bounds how far they are apart; taken as they are".into()
        }
        (Some(error), 0) => format!(
            "clocks: no difference within ±{} ms; times are taken as they are",
            ms(error)
        ),
        (Some(error), _) => format!(
            "clocks: the replica's is {} ms {} the master's (±{} ms, from events that cause each other{}); its times \
             are shown by the master's clock",
            ms(ahead.abs()),
            if ahead > 0 { "ahead of" } else { "behind" },
            ms(error),
            zone(ahead, error),
        ),
    }
}

/// A difference of whole quarters of an hour is a time zone.
fn zone(ahead: i64, error: i64) -> &'static str {
    const QUARTER: i64 = 900_000_000;
    let rest = (ahead + QUARTER / 2).rem_euclid(QUARTER) - QUARTER / 2;
    let is_zone = ahead.abs() >= QUARTER && rest.abs() <= error + 2_000_000;
    if is_zone {
        "; it looks like another time zone"
    } else {
        ""
    }
}

fn ms(us: i64) -> String {
    format!("{:.3}", us as f64 / 1000.0)
}

/// `HH:MM:SS.µs` of a time.
fn clock(unix_us: i64) -> String {
    let us = unix_us.rem_euclid(86_400_000_000);
    let (s, us) = (us / 1_000_000, us % 1_000_000);
    format!("{:02}:{:02}:{:02}.{us:06}", s / 3600, s / 60 % 60, s % 60)
}

/// Prints both logs and the phases.
///
/// # Errors
/// Those of `out`.
pub fn text(merged: &Merged, shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let all = placed(merged);
    writeln!(out, "{}", clocks(merged))?;
    for (log, name) in [(&merged.master, "master"), (&merged.replica, "replica")] {
        if log.dropped > 0 {
            let dropped = plural(log.dropped, "line");
            writeln!(out, "{name}: the first {dropped} were left out")?;
        }
    }
    if merged.others > 0 {
        let others = plural(merged.others as u64, "full sync");
        writeln!(out, "{others} of other replicas or times left out")?;
    }
    let spans: Vec<(i64, i64)> = merged.pairs.iter().map(|p| span(&p.moments)).collect();
    let (mut shown, mut next) = (0, 0);
    for (i, pair) in merged.pairs.iter().enumerate() {
        let (from, to) = spans[i];
        writeln!(out)?;
        let title = format!("full sync {} of {}", i + 1, spans.len());
        writeln!(out, "== {title}: {} ==", headline(pair))?;
        let width = (shape.width.max(60) - 34) / 2;
        let rule = "-".repeat(width);
        writeln!(
            out,
            "{:15} {:>12}  {:width$} | MASTER",
            "TIME", "+MS", "REPLICA"
        )?;
        writeln!(out, "{:15} {:>12}  {rule}-+-{rule}", "", "")?;
        while let Some(place) = all.get(next) {
            let inside = (from..=to).contains(&place.at_us);
            if place.at_us > to && !(shape.all && i + 1 == spans.len()) {
                break;
            }
            next += 1;
            if inside || shape.all {
                row(place, from, width, out)?;
                shown += 1;
            }
        }
        writeln!(out)?;
        phases(&pair.moments, out)?;
    }
    debug_assert!(shown <= all.len());
    Ok(())
}

/// A sync from its first to its last moment, with what is logged at the same instant.
fn span(moments: &Moments) -> (i64, i64) {
    let first = moments.first().unwrap_or_default();
    (first, moments.last().unwrap_or(first) + 999)
}

fn row(place: &Placed<'_>, from: i64, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let plus = ms(place.at_us - from);
    let mut head = format!("{} {plus:>12}", clock(place.at_us));
    for piece in wrapped(&place.line.text, width) {
        match place.side {
            Side::Replica => {
                let line = format!("{head:28}  {piece:width$} |");
                writeln!(out, "{}", line.trim_end())?;
            }
            Side::Master => writeln!(out, "{head:28}  {:width$} | {piece}", "")?,
        }
        head.clear();
    }
    Ok(())
}

/// A text in pieces of at most `width` characters, broken between words where possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for word in text.split(' ') {
        let clean: String = word.chars().filter(|c| !c.is_control()).collect();
        let mut rest = clean.as_str();
        let used = piece.chars().count();
        if used > 0 && used + 1 + rest.chars().count() > width {
            pieces.push(std::mem::take(&mut piece));
        }
        if !piece.is_empty() {
            piece.push(' ');
        }
        while rest.chars().count() > width {
            let at = rest
                .char_indices()
                .nth(width)
                .map_or(rest.len(), |(i, _)| i);
            let (head, tail) = rest.split_at(at);
            pieces.push(head.to_owned());
            rest = tail;
        }
        piece.push_str(rest);
    }
    pieces.push(piece);
    pieces
}

/// Ways and results of a sync in a few words.
pub fn headline(pair: &Pair) -> String {
    let from = match pair.master.target {
        Some("sockets") => "memory",
        Some(_) => "disk",
        None => "?",
    };
    let to = pair.replica.load.unwrap_or("?");
    let mut text = format!("{from} -> {to}");
    if pair.master.two_connections || pair.replica.two_connections {
        text.push_str(", two connections");
    }
    if let Some(n) = pair.replica.bytes {
        text.push_str(&format!(", {}", bytes(n)));
    }
    if let Some(n) = pair.replica.keys {
        text.push_str(&format!(", {}", plural(n, "key")));
    }
    if let Some(n) = pair.master.cow_bytes {
        text.push_str(&format!(", {} copied on write", bytes(n)));
    }
    let why = pair
        .replica
        .failure
        .as_ref()
        .or(pair.master.failure.as_ref());
    match why {
        Some(why) => text.push_str(&format!(", FAILED: {why}")),
        None => {
            let total = total_us(&pair.moments);
            text.push_str(&format!(", {} ms", total.map_or("?".into(), ms)));
        }
    }
    text
}

/// From the beginning of the connection (or the request) until the link is up.
pub fn total_us(moments: &Moments) -> Option<i64> {
    let begin = moments
        .get(Moment::Connect)
        .or(moments.get(Moment::Ask))
        .or(moments.get(Moment::Request))?;
    let end = moments.get(Moment::Up).or(moments.get(Moment::Online))?;
    Some(end - begin)
}

/// The phases as a table with bars.
pub fn phases(moments: &Moments, out: &mut dyn Write) -> io::Result<()> {
    const BAR: i64 = 40;
    let phases = moments.phases();
    let (from, to) = (
        moments.first().unwrap_or_default(),
        moments.last().unwrap_or_default(),
    );
    let whole = (to - from).max(1);
    for side in [Side::Replica, Side::Master] {
        for phase in phases.iter().filter(|p| p.side == side) {
            let at = (phase.start_us - from) * BAR / whole;
            let len = (phase.length_us() * BAR + whole / 2) / whole;
            let len = len.clamp(i64::from(phase.length_us() > 0), BAR - at.min(BAR - 1));
            let bar = format!("{}{}", " ".repeat(at as usize), "#".repeat(len as usize));
            writeln!(
                out,
                "  {:8} {:18} {:>12} ms  |{bar:width$}|",
                side.name(),
                phase.kind.name(),
                ms(phase.length_us()),
                width = BAR as usize,
            )?;
        }
    }
    Ok(())
}

/// Prints all that as one JSON document.
///
/// # Errors
/// Those of `out`.
pub fn json(merged: &Merged, shape: Shape, out: &mut dyn Write) -> io::Result<()> {
    let mut json = Json::new();
    let all = placed(merged);
    json.object(|j| {
        j.name("clock").object(|j| {
            j.name("replica_ahead_us").int(merged.offset.estimate_us());
            match merged.offset.error_us() {
                Some(error) => j.name("error_us").int(error),
                None => j.name("error_us").null(),
            }
            j.name("text").text(&clocks(merged));
        });
        j.name("other_syncs").int(merged.others as u64);
        j.name("syncs").array(|j| {
            for pair in &merged.pairs {
                let (from, to) = span(&pair.moments);
                j.object(|j| {
                    sync(pair, j);
                    j.name("lines").array(|j| {
                        let inside = |p: &&Placed<'_>| shape.all || (from..=to).contains(&p.at_us);
                        for place in all.iter().filter(inside) {
                            line(place, j);
                        }
                    });
                });
            }
        });
    });
    json.end_line();
    out.write_all(json.as_bytes())
}

fn line(place: &Placed<'_>, json: &mut Json) {
    json.object(|j| {
        j.name("unix_us").int(place.at_us);
        j.name("side").text(place.side.name());
        j.name("pid").int(place.line.pid);
        j.name("text").text(&place.line.text);
    });
}

fn sync(pair: &Pair, json: &mut Json) {
    json.name("replica").text(&pair.master.replica);
    json.name("target")
        .text(pair.master.target.unwrap_or("unknown"));
    json.name("load")
        .text(pair.replica.load.unwrap_or("unknown"));
    let two = pair.master.two_connections || pair.replica.two_connections;
    json.name("two_connections").bool(two);
    let complete = pair.master.is_complete() && pair.replica.is_complete();
    json.name("complete").bool(complete);
    if let Some(why) = pair
        .replica
        .failure
        .as_ref()
        .or(pair.master.failure.as_ref())
    {
        json.name("failure").text(why);
    }
    for (name, value) in [
        ("bytes", pair.replica.bytes),
        ("keys", pair.replica.keys),
        ("cow_bytes", pair.master.cow_bytes),
    ] {
        if let Some(n) = value {
            json.name(name).int(n);
        }
    }
    if let Some(total) = total_us(&pair.moments) {
        json.name("total_us").int(total);
    }
    moments_json(&pair.moments, json);
}

/// `"moments":{...},"phases":[...]`
pub fn moments_json(moments: &Moments, json: &mut Json) {
    json.name("moments").object(|j| {
        for moment in Moment::ALL {
            if let Some(at) = moments.get(*moment) {
                j.name(moment.name()).int(at);
            }
        }
    });
    json.name("phases").array(|j| {
        for phase in moments.phases() {
            phase_json(&phase, j);
        }
    });
}

fn phase_json(phase: &Phase, json: &mut Json) {
    json.object(|j| {
        j.name("side").text(phase.side.name());
        j.name("phase").text(phase.kind.name());
        j.name("start_us").int(phase.start_us);
        j.name("length_us").int(phase.length_us());
    });
}
