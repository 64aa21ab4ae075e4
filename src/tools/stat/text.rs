//! The report as text for a terminal.

use super::Report;
use super::prefix::Node;
use super::tally::{EXPIRY_CLASSES, IDLE_CLASSES, Large};
use crate::encoding::kind_name;
use crate::text::{bytes, count, percent, plural, printable, time};
use std::io::{self, Write};

/// Prints the report.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let t = &report.tallies;
    let total = t.total();
    writeln!(out, "{}", report.name)?;
    if let Some(defect) = &report.defect {
        writeln!(out, "  INCOMPLETE: {defect}")?;
    }
    for (name, value) in facts(report) {
        writeln!(out, "  {name:<12} {value}")?;
    }
    let bar = |part: u64, whole: u64| -> String {
        let full = (part * 20).checked_div(whole).unwrap_or(0) as usize;
        format!("{:<20}", "#".repeat(full.max(usize::from(part > 0))))
    };
    writeln!(
        out,
        "\nTypes {:>24} {:>14} {:>8}",
        "keys", "elements", "bytes"
    )?;
    for (name, tally) in t.by_type() {
        writeln!(
            out,
            "  {name:<14} {:>13} {:>14} {:>8}  {} {:>6}",
            count(tally.keys),
            count(tally.elements),
            bytes(tally.bytes),
            bar(tally.bytes, total.bytes),
            percent(tally.bytes, total.bytes)
        )?;
    }
    writeln!(out, "\nEncodings")?;
    for (kind, name, rdb_type, tally) in t.by_encoding() {
        writeln!(
            out,
            "  {:<36} {:>3} {:>13} {:>8}  {} {:>6}",
            format!("{kind}, {name}"),
            rdb_type,
            count(tally.keys),
            bytes(tally.bytes),
            bar(tally.bytes, total.bytes),
            percent(tally.bytes, total.bytes)
        )?;
    }
    if t.by_db().len() > 1 {
        writeln!(out, "\nDatabases")?;
        for (db, tally) in t.by_db() {
            writeln!(
                out,
                "  {:<14} {:>13} {:>8}  {}",
                db,
                count(tally.keys),
                bytes(tally.bytes),
                bar(tally.bytes, total.bytes)
            )?;
        }
    }
    let mut classes = |title: &str, rows: &mut dyn Iterator<Item = (String, u64)>| {
        let rows: Vec<_> = rows.collect();
        let most = rows.iter().map(|r| r.1).max().unwrap_or(0);
        if most == 0 {
            return Ok(());
        }
        writeln!(out, "\n{title}")?;
        for (name, n) in rows.into_iter().filter(|r| r.1 > 0) {
            writeln!(out, "  {name:<18} {:>13}  {}", count(n), bar(n, most))?;
        }
        Ok::<(), io::Error>(())
    };
    let named = |names: &[&str], counts: &[u64]| -> Vec<(String, u64)> {
        let names = names.iter().map(|n| (*n).to_owned());
        names.zip(counts.iter().copied()).collect()
    };
    classes(
        "Expiry",
        &mut named(&EXPIRY_CLASSES.map(|c| c.0), &t.expiry).into_iter(),
    )?;
    classes(
        "Idle time",
        &mut named(&IDLE_CLASSES.map(|c| c.0), &t.idle).into_iter(),
    )?;
    classes(
        "Access frequency",
        &mut (0..8).map(|i| (format!("{} to {}", i * 32, i * 32 + 31), t.freq[i])),
    )?;
    classes(
        "Keys by size",
        &mut size_classes(report)
            .into_iter()
            .map(|(name, keys, _)| (name, keys)),
    )?;
    largest("Largest keys", &t.largest_bytes, out)?;
    largest("Most elements", &t.largest_elements, out)?;
    if !report.prefixes.children.is_empty() {
        writeln!(out, "\nPrefixes {:>42} {:>8}", "keys", "bytes")?;
        for child in &report.prefixes.children {
            prefix(child, 0, total.bytes, out)?;
        }
    }
    Ok(())
}

/// The facts above the tables.
pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let t = &report.tallies;
    let total = t.total();
    let mut facts = Vec::new();
    if let Some(version) = report.version {
        facts.push(("version", version.to_string()));
    }
    let server = t.aux_text("valkey-ver").map(|v| format!("Valkey {v}"));
    if let Some(server) = server.or_else(|| t.aux_text("redis-ver").map(|v| format!("Redis {v}"))) {
        facts.push(("written by", server));
    }
    if let Some(s) = t.aux_text("ctime").and_then(|t| t.parse().ok()) {
        facts.push(("saved", time(s)));
    }
    facts.push((
        "size",
        format!("{} ({} bytes)", bytes(report.bytes), count(report.bytes)),
    ));
    if let Some(n) = t.aux_text("used-mem").and_then(|n| n.parse().ok()) {
        facts.push((
            "in memory",
            format!("{} on the server that wrote it", bytes(n)),
        ));
    }
    let dbs = plural(t.by_db().len() as u64, "database");
    facts.push(("keys", format!("{} in {dbs}", count(total.keys))));
    facts.push(("key names", bytes(t.key_bytes)));
    facts.push((
        "expiring",
        format!(
            "{} ({})",
            count(total.expires),
            percent(total.expires, total.keys)
        ),
    ));
    if t.field_expiries.0 > 0 {
        let (hashes, fields) = t.field_expiries;
        let hashes = match hashes {
            1 => "1 hash".to_owned(),
            n => format!("{} hashes", count(n)),
        };
        facts.push(("", format!("{} in {hashes}", plural(fields, "field"))));
    }
    if t.packed.0 > 0 {
        let (packed, unpacked) = t.packed;
        let text = format!("strings of {} in {}", bytes(unpacked), bytes(packed));
        facts.push(("compressed", text));
    }
    if t.empty > 0 {
        facts.push((
            "empty",
            format!("{} without elements", plural(t.empty, "key")),
        ));
    }
    if t.libraries.0 > 0 {
        let text = format!(
            "libraries: {}, {}",
            count(t.libraries.0),
            bytes(t.libraries.1)
        );
        facts.push(("functions", text));
    }
    for (name, n) in &t.modules {
        facts.push(("module", format!("{name}: {}", plural(*n, "value"))));
    }
    if t.module_aux > 0 {
        facts.push(("module aux", plural(t.module_aux, "record")));
    }
    if report.unsound > 0 {
        facts.push(("not sound", plural(report.unsound, "value")));
    }
    facts
}

/// Keys by the power of two that their size in the file is below: name, keys, bytes.
pub(super) fn size_classes(report: &Report) -> Vec<(String, u64, u64)> {
    let sizes = &report.tallies.sizes;
    let Some(first) = sizes.iter().position(|s| s.0 > 0) else {
        return Vec::new();
    };
    let last = sizes.iter().rposition(|s| s.0 > 0).unwrap_or(first);
    let unit = |exponent: usize| match exponent / 10 {
        0 => format!("{} B", 1u64 << exponent),
        tens => format!(
            "{} {}iB",
            1u64 << (exponent % 10),
            ["K", "M", "G", "T", "P", "E"][tens - 1]
        ),
    };
    (first..=last)
        .map(|i| (format!("under {}", unit(i + 1)), sizes[i].0, sizes[i].1))
        .collect()
}

fn largest(title: &str, keys: &[Large], out: &mut dyn Write) -> io::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for large in keys {
        writeln!(
            out,
            "  {:>8} {:>13} {:<7} db{} {}",
            bytes(large.bytes),
            count(large.elements),
            kind_name(large.kind),
            large.db,
            printable(&large.key, 100)
        )?;
    }
    Ok(())
}

fn prefix(node: &Node, depth: usize, whole: u64, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{}{}", "  ".repeat(depth), node.name);
    writeln!(
        out,
        "  {name:<34} {:>13} {:>8} {:>6}",
        count(node.tally.keys),
        bytes(node.tally.bytes),
        percent(node.tally.bytes, whole)
    )?;
    for child in &node.children {
        prefix(child, depth + 1, whole, out)?;
    }
    Ok(())
}
