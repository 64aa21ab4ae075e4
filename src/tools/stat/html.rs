//! The report as one HTML page: no scripts, nothing from outside, light or dark as the reader prefers.

use super::Report;
use super::svg::{Bar, bars, treemap};
use super::tally::{EXPIRY_CLASSES, IDLE_CLASSES, Large, Tally};
use super::text::{facts, size_classes};
use crate::encoding::kind_name;
use crate::page::{self, escaped};
use crate::text::{bytes, count, percent, plural, printable};
use std::io::{self, Write};

/// Prints the page.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let t = &report.tallies;
    let total = t.total();
    let title = std::path::Path::new(&report.name)
        .file_name()
        .map_or_else(|| report.name.clone(), |n| n.to_string_lossy().into_owned());
    page::open(out, &title, &headline(report), "")?;
    if let Some(defect) = &report.defect {
        write!(
            out,
            "<p class=\"warn\"><b>Incomplete.</b> {}</p>",
            escaped(defect)
        )?;
    }
    page::cards(out, &cards(report))?;
    if total.bytes > 0 {
        write!(
            out,
            "<section class=\"panel wide\"><h2>Where the bytes are</h2>\
             <p>Keys by the pattern of their names, <code>#</code> for numbers; areas are bytes in the file.</p>{}</section>",
            treemap(&report.prefixes)
        )?;
    }
    write!(out, "<div class=\"grid\">")?;
    let share = |t: &Tally| {
        format!(
            "{} ({}), {}",
            bytes(t.bytes),
            percent(t.bytes, total.bytes),
            keys(t.keys)
        )
    };
    let rows = t
        .by_type()
        .into_iter()
        .enumerate()
        .map(|(i, (name, tally))| Bar {
            label: name.to_owned(),
            value: tally.bytes,
            note: share(&tally),
            colour: i,
        });
    panel(out, "Types by bytes", &rows.collect::<Vec<_>>(), 80)?;
    let types = t.by_type();
    let rows = t
        .by_encoding()
        .into_iter()
        .map(|(kind, name, _, tally)| Bar {
            label: format!("{kind}, {name}"),
            value: tally.bytes,
            note: share(&tally),
            colour: types.iter().position(|(k, _)| *k == kind).unwrap_or(0),
        });
    panel(out, "Encodings by bytes", &rows.collect::<Vec<_>>(), 210)?;
    let sizes = size_classes(report);
    let rows = sizes.iter().map(|(name, keys, size)| Bar {
        label: name.clone(),
        value: *keys,
        note: format!("{}, {}", self::keys(*keys), bytes(*size)),
        colour: 1,
    });
    panel(
        out,
        "Keys by size in the file",
        &rows.collect::<Vec<_>>(),
        110,
    )?;
    let mut rows = vec![Bar {
        label: "never".into(),
        value: total.keys - total.expires,
        note: plural(total.keys - total.expires, "key"),
        colour: 7,
    }];
    rows.extend(classes(&EXPIRY_CLASSES.map(|c| c.0), &t.expiry, 2));
    panel(out, "When keys expire", &rows, 130)?;
    let rows = classes(&IDLE_CLASSES.map(|c| c.0), &t.idle, 3);
    panel(out, "Since the last use", &rows, 130)?;
    let names: Vec<String> = (0..8)
        .map(|i| format!("{} to {}", i * 32, i * 32 + 31))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    panel(out, "Access frequency", &classes(&names, &t.freq, 4), 130)?;
    let dbs = t.by_db();
    if dbs.len() > 1 {
        let rows = dbs.iter().map(|(db, tally)| Bar {
            label: format!("db{db}"),
            value: tally.bytes,
            note: share(tally),
            colour: 5,
        });
        panel(out, "Databases by bytes", &rows.collect::<Vec<_>>(), 80)?;
    }
    write!(out, "</div>")?;
    largest(out, "Largest keys", &t.largest_bytes)?;
    largest(out, "Most elements", &t.largest_elements)?;
    write!(
        out,
        "<section class=\"panel wide\"><h2>About the file</h2><table class=\"facts\">"
    )?;
    for (name, value) in facts(report) {
        write!(
            out,
            "<tr><th>{}</th><td>{}</td></tr>",
            escaped(name),
            escaped(&value)
        )?;
    }
    write!(out, "</table></section>")?;
    page::close(out, report.now_ms / 1000)
}

fn headline(report: &Report) -> String {
    let wanted = ["version", "written by", "saved"];
    let facts = facts(report).into_iter();
    let found: Vec<String> = facts
        .filter(|(name, _)| wanted.contains(name))
        .map(|(name, value)| {
            if name == "saved" {
                format!("saved {value}")
            } else {
                value
            }
        })
        .collect();
    found.join(" · ")
}

fn cards(report: &Report) -> Vec<(String, String)> {
    let t = &report.tallies;
    let total = t.total();
    let mean = total.bytes.checked_div(total.keys).unwrap_or(0);
    let mut cards = vec![
        (count(total.keys), "keys".to_owned()),
        (bytes(report.bytes), "in the file".to_owned()),
        (bytes(mean), "a key, on average".to_owned()),
        (
            percent(total.expires, total.keys),
            "of the keys expire".to_owned(),
        ),
    ];
    if t.packed.0 > 0 {
        let ratio = t.packed.1 as f64 / t.packed.0 as f64;
        cards.push((
            format!("{ratio:.1}x"),
            "compression of packed strings".to_owned(),
        ));
    }
    if t.field_expiries.1 > 0 {
        cards.push((
            count(t.field_expiries.1),
            "hash fields with an expiry".to_owned(),
        ));
    }
    cards
}

/// A number of keys in few characters.
fn keys(n: u64) -> String {
    let short = match n {
        0..10_000 => return plural(n, "key"),
        10_000..10_000_000 => format!("{:.0}k", n as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.0}M", n as f64 / 1e6),
        _ => format!("{:.0}G", n as f64 / 1e9),
    };
    format!("{short} keys")
}

/// Rows for classes; none if all are empty.
fn classes(names: &[&str], counts: &[u64], colour: usize) -> Vec<Bar> {
    if counts.iter().all(|n| *n == 0) {
        return Vec::new();
    }
    let rows = names.iter().zip(counts).map(|(name, n)| Bar {
        label: (*name).to_owned(),
        value: *n,
        note: plural(*n, "key"),
        colour,
    });
    rows.collect()
}

fn panel(out: &mut dyn Write, title: &str, rows: &[Bar], label_width: u32) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    write!(
        out,
        "<section class=\"panel\"><h2>{title}</h2>{}</section>",
        bars(rows, label_width)
    )
}

fn largest(out: &mut dyn Write, title: &str, keys: &[Large]) -> io::Result<()> {
    let Some(first) = keys.first() else {
        return Ok(());
    };
    let by_bytes = title == "Largest keys";
    let measure = |l: &Large| if by_bytes { l.bytes } else { l.elements };
    let most = measure(first).max(1);
    write!(
        out,
        "<section class=\"panel wide\"><h2>{title}</h2><table><thead><tr><th>key</th><th>db</th><th>type</th>\
         <th class=\"n\">elements</th><th class=\"n\">bytes</th><th></th></tr></thead><tbody>"
    )?;
    for large in keys {
        write!(
            out,
            "<tr><td class=\"key\">{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
             <td class=\"meter\"><i style=\"width:{:.1}%\"></i></td></tr>",
            escaped(&printable(&large.key, 120)),
            large.db,
            kind_name(large.kind),
            count(large.elements),
            bytes(large.bytes),
            measure(large) as f64 * 100.0 / most as f64
        )?;
    }
    write!(out, "</tbody></table></section>")
}
