//! The report as one HTML page that needs no other files.

use super::Report;
use super::figures::Summary;
use super::picture::{Curve, LEGEND, Timeline, Total, latency, timelines, totals};
use super::text::{COLUMNS, ms, us};
use super::verdict::conditions;
use std::io::{self, Write};
use tools::page::{self, escaped};
use tools::text::bytes;

/// Prints the page.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, now_s: i64, out: &mut dyn Write) -> io::Result<()> {
    page::open(
        out,
        "Full syncs, disk against diskless",
        &subtitle(report),
        STYLE,
    )?;
    page::cards(out, &cards(report))?;
    verdict(report, out)?;
    write!(
        out,
        "<section class=\"panel wide\"><h2>Until the replica can be used</h2>\
         <p>From REPLICAOF until the link is up and both sides have as many keys: median, least and most.</p>{}</section>",
        totals(&total_rows(report))
    )?;
    timeline_panel(report, out)?;
    latency_panel(report, out)?;
    table(report, out)?;
    phases(report, out)?;
    about(report, out)?;
    page::close(out, now_s)
}

fn subtitle(report: &Report) -> String {
    format!("{} · {}", report.data, report.machine)
}

fn name(report: &Report, summary: &Summary) -> String {
    let mode = summary.cell.conditions.mode;
    let under = conditions(summary);
    match report.servers.len() {
        1 => format!("{mode}{under}"),
        _ => format!(
            "{} {mode}{under}",
            report.servers[summary.cell.servers].name
        ),
    }
}

/// The same without conditions, mode first.
fn lines(report: &Report, summary: &Summary) -> Vec<String> {
    let mut lines = vec![summary.cell.conditions.mode.to_string()];
    if report.servers.len() > 1 {
        lines.push(report.servers[summary.cell.servers].name.clone());
    }
    lines
}

fn cards(report: &Report) -> Vec<(String, String)> {
    let best = report
        .summaries
        .iter()
        .min_by(|a, b| a.total_ms.median.total_cmp(&b.total_ms.median));
    let Some(best) = best else { return Vec::new() };
    let mut cards = vec![(
        format!("{} ms", ms(best.total_ms.median)),
        format!("fastest: {}", name(report, best)),
    )];
    if let Some(rate) = best.bytes_per_s {
        let what = "payload, in that sync".to_owned();
        cards.push((format!("{}/s", bytes(rate.median as u64)), what));
    }
    cards.push((
        super::text::rate(best.keys_per_s.median),
        "keys a second, in that sync".to_owned(),
    ));
    let extra = |s: &Summary| s.master.map(|m| m.memory_extra.median);
    let least = report
        .summaries
        .iter()
        .filter_map(|s| Some((extra(s)?, s)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((extra, summary)) = least {
        let what = format!(
            "least extra memory of the master: {}",
            name(report, summary)
        );
        cards.push((bytes(extra as u64), what));
    }
    let worst = report
        .summaries
        .iter()
        .filter_map(|s| Some((s.latency?.worst_us, s)))
        .max_by_key(|(worst, _)| *worst);
    if let Some((worst, summary)) = worst {
        let what = format!("slowest answer of a master: {}", name(report, summary));
        cards.push((format!("{} ms", us(worst)), what));
    }
    cards
}

fn verdict(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section class=\"panel wide\"><h2>Verdict</h2><ul class=\"verdict\">"
    )?;
    for line in &report.verdicts {
        write!(out, "<li>{}</li>", escaped(line))?;
    }
    write!(out, "</ul></section>")
}

fn total_rows(report: &Report) -> Vec<Total> {
    let row = |s: &Summary| Total {
        label: name(report, s),
        total: s.total_ms,
        colour: s.cell.servers,
    };
    report.summaries.iter().map(row).collect()
}

/// What rows of one picture have in common: delay, write load, link rate.
type Shared = (u32, u32, Option<u64>);

fn timeline_panel(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section class=\"panel wide\"><h2>What both sides do</h2>\
         <p>The repetition nearest to the median, from REPLICAOF on; the line is where the replica can be used.</p>\
         <div class=\"legend\">"
    )?;
    for (class, words) in LEGEND {
        write!(
            out,
            "<span><svg viewBox=\"0 0 12 12\"><rect class=\"{class}\" width=\"12\" height=\"12\" rx=\"2\"/></svg>{words}</span>"
        )?;
    }
    write!(out, "</div>")?;
    // A scale for what runs under the same conditions: a delay would make all others dots.
    let mut groups: Vec<(Shared, Vec<Timeline>)> = Vec::new();
    for (summary, runs) in report.summaries.iter().zip(&report.runs) {
        let Some(run) = summary.typical(runs) else {
            continue;
        };
        let c = summary.cell.conditions;
        let key = (c.delay_s, c.write_load, c.link_rate);
        let row = Timeline {
            label: lines(report, summary),
            began_us: run.began_us,
            total_us: run.total_us,
            phases: run.moments.phases(),
        };
        match groups.iter_mut().find(|(k, _)| *k == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    for (key, rows) in &groups {
        let of_group = |s: &&Summary| {
            let c = s.cell.conditions;
            (c.delay_s, c.write_load, c.link_rate) == *key
        };
        let under = report.summaries.iter().find(of_group).map(conditions);
        let under = under.unwrap_or_default();
        if groups.len() > 1 || !under.is_empty() {
            let words = under.trim_matches([' ', '(', ')']);
            let words = if words.is_empty() {
                "no delay, no load"
            } else {
                words
            };
            write!(out, "<h3>{}</h3>", escaped(words))?;
        }
        write!(out, "{}", timelines(rows))?;
    }
    write!(out, "</section>")
}

fn latency_panel(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let with = report.summaries.iter().filter_map(|s| s.latency);
    let Some(max_us) = with.map(|l| l.worst_us).max() else {
        return Ok(());
    };
    write!(
        out,
        "<section class=\"panel wide\"><h2>Latency of the master's clients during the sync</h2>\
         <p>A client reads {} times a second at fixed times (open loop): the slowest answer of each moment, logarithmic. \
         \"Before\" is the p99.9 without a sync.</p><div class=\"curves\">",
        report.probe_rate
    )?;
    for (summary, runs) in report.summaries.iter().zip(&report.runs) {
        let (Some(run), Some(l)) = (summary.typical(runs), summary.latency) else {
            continue;
        };
        let before = summary
            .latency_before
            .map_or("-".to_owned(), |l| us(l.p999_us));
        write!(
            out,
            "<figure><figcaption><b>{}</b> p99.9 {} ms, worst {} ms <span>before: {before} ms</span></figcaption>{}</figure>",
            escaped(&name(report, summary)),
            us(l.p999_us),
            us(l.worst_us),
            latency(&Curve {
                samples: &run.latencies,
                total_us: run.total_us,
                max_us,
            })
        )?;
    }
    write!(out, "</div></section>")
}

fn table(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let useful: Vec<_> = COLUMNS
        .iter()
        .filter(|(_, show)| report.summaries.iter().any(|s| show(s) != "-"))
        .collect();
    write!(
        out,
        "<section class=\"panel wide\"><h2>Figures</h2><p>Medians; the first with its least and most. Memory: peak of the \
         process and what its children hold alone, extra = more than before.</p><div class=\"scroll\"><table><thead><tr><th></th>"
    )?;
    for (head, _) in &useful {
        write!(out, "<th class=\"n\">{head}</th>")?;
    }
    write!(out, "</tr></thead><tbody>")?;
    for summary in &report.summaries {
        write!(out, "<tr><th>{}</th>", escaped(&name(report, summary)))?;
        for (_, show) in &useful {
            write!(out, "<td class=\"n\">{}</td>", escaped(&show(summary)))?;
        }
        write!(out, "</tr>")?;
    }
    write!(out, "</tbody></table></div></section>")
}

fn phases(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section class=\"panel wide\"><h2>Phases</h2><p>Milliseconds: median, least and most over the repetitions.</p>\
         <div class=\"scroll\"><table><thead><tr><th></th><th>side</th><th>phase</th><th class=\"n\">median</th>\
         <th class=\"n\">least</th><th class=\"n\">most</th></tr></thead><tbody>"
    )?;
    for summary in &report.summaries {
        let mut title = escaped(&name(report, summary));
        for (side, kind, length) in &summary.phases {
            write!(
                out,
                "<tr><th>{title}</th><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                side.name(),
                kind.name(),
                ms(length.median),
                ms(length.min),
                ms(length.max)
            )?;
            title.clear();
        }
    }
    write!(out, "</tbody></table></div></section>")
}

fn about(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<section class=\"panel wide\"><h2>About this run</h2><table class=\"facts\">"
    )?;
    let runs = report.summaries.iter().map(|s| s.runs).max().unwrap_or(0);
    let mut facts = vec![
        ("data".to_owned(), report.data.clone()),
        ("machine".to_owned(), report.machine.clone()),
        (
            "repetitions".to_owned(),
            format!("{runs}, interleaved: all once, then all again"),
        ),
    ];
    for servers in &report.servers {
        let (master, replica) = (servers.master.title(), servers.replica.title());
        facts.push((
            servers.name.clone(),
            format!("master {master}, replica {replica}"),
        ));
    }
    facts.extend(report.notes.iter().map(|n| ("note".to_owned(), n.clone())));
    for (name, value) in facts {
        write!(
            out,
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(&name),
            escaped(&value)
        )?;
    }
    write!(out, "</table></section>")
}

const STYLE: &str = "\
h3{font-size:13px;margin:16px 0 6px;color:var(--soft);font-weight:600}\
.verdict{margin:0;padding-left:20px}.verdict li{margin:4px 0}\
.grid{stroke:var(--line);stroke-width:1}svg .grid{display:inline}line.grid{fill:none;margin:0}\
.wait{fill:var(--track)}.delay{fill:#d9b64c}@media(prefers-color-scheme:dark){.delay{fill:#b8973a}.wait{fill:#2f3b4a}}\
@media(prefers-color-scheme:light){.wait{fill:#dde3ea}}\
.whisker{stroke:var(--ink);stroke-width:1.2;fill:none;stroke-opacity:.75}\
path.mark{stroke:var(--ink);stroke-width:1.6;fill:none}text.mark{fill:var(--ink);font-weight:600}\
svg text.on{fill:#fff;font-size:11px}svg text.on.grey{fill:var(--soft)}\
.time g:hover rect,.totals g:hover rect{filter:brightness(1.1)}\
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin:0 0 12px;font-size:13px;color:var(--soft)}\
.legend span{display:inline-flex;align-items:center;gap:7px}.legend svg{width:12px;height:12px}\
.curves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:18px}\
figure{margin:0}figcaption{font-size:13px;color:var(--soft);margin-bottom:4px}figcaption b{color:var(--ink);margin-right:6px}\
figcaption span{margin-left:6px}.scroll{overflow-x:auto}.scroll table{min-width:900px}tbody th{color:var(--ink);white-space:nowrap}\
.facts th{vertical-align:top;white-space:nowrap;padding-right:18px}";
