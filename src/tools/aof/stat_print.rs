//! What a log consists of, as text and as JSON.

use super::stat::{Count, Report};
use crate::json_text::Json;
use crate::text::{self, count, percent, plural};
use std::io::{self, Write};

/// Commands that are listed in the text.
const LISTED: usize = 20;

/// The commands, the one with the most bytes first.
fn by_size(report: &Report) -> Vec<(&str, Count)> {
    let commands = report.commands.iter();
    let mut all: Vec<(&str, Count)> = commands.map(|(name, n)| (&name[..], *n)).collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(n.bytes));
    all
}

/// What a person wants to see.
///
/// # Errors
/// Those of `out`.
pub fn print_text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let total = report.total;
    writeln!(out, "{}", report.name)?;
    let files = plural(report.files as u64, "file");
    let (all, dumps) = (text::bytes(report.bytes), text::bytes(report.dump_bytes));
    writeln!(out, "  size          {all} in {files}, {dumps} of it dumps")?;
    let bytes = text::bytes(total.bytes);
    writeln!(out, "  requests      {}, {bytes}", count(total.requests))?;
    writeln!(out, "  transactions  {}", count(report.transactions))?;
    writeln!(out, "  largest       {}", text::bytes(report.largest))?;
    if let Some((first, last)) = report.times {
        let [first, last] = [first, last].map(|ms| text::time(ms.div_euclid(1000)));
        writeln!(out, "  time          {first} to {last}")?;
    }
    if let Some((first, last)) = report.seals.offsets {
        let seals = report.seals;
        let (number, bytes) = (plural(seals.count, "seal"), text::bytes(seals.bytes));
        let largest = text::bytes(seals.largest);
        writeln!(
            out,
            "  sealed        {bytes} by {number}, the largest batch {largest}"
        )?;
        writeln!(out, "  offsets       {first} to {last}")?;
    }
    let commands = by_size(report);
    if !commands.is_empty() {
        writeln!(out, "{:<24} {:>14} {:>10}", "Commands", "requests", "bytes")?;
    }
    for (name, n) in commands.iter().take(LISTED) {
        let (bytes, share) = (text::bytes(n.bytes), percent(n.bytes, total.bytes));
        writeln!(
            out,
            "  {name:<22} {:>14} {bytes:>10} {share:>7}",
            count(n.requests)
        )?;
    }
    if commands.len() > LISTED {
        let more = plural((commands.len() - LISTED) as u64, "command");
        writeln!(out, "  and {more} more")?;
    }
    if report.databases.len() > 1 {
        writeln!(out, "Databases")?;
        for (db, n) in &report.databases {
            let name = format!("db{db}");
            let bytes = text::bytes(n.bytes);
            writeln!(out, "  {name:<22} {:>14} {bytes:>10}", count(n.requests))?;
        }
    }
    Ok(())
}

/// One line for programs.
///
/// # Errors
/// Those of `out`.
pub fn print_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut json = Json::new();
    json.object(|j| {
        j.name("log").text(&report.name);
        j.name("files").int(report.files);
        j.name("bytes").int(report.bytes);
        j.name("dump_bytes").int(report.dump_bytes);
        j.name("requests").int(report.total.requests);
        j.name("request_bytes").int(report.total.bytes);
        j.name("transactions").int(report.transactions);
        j.name("largest_request").int(report.largest);
        if let Some((first, last)) = report.times {
            j.name("first_ms").int(first);
            j.name("last_ms").int(last);
        }
        j.name("seals").object(|j| {
            j.name("count").int(report.seals.count);
            j.name("bytes").int(report.seals.bytes);
            j.name("largest_batch").int(report.seals.largest);
            if let Some((first, last)) = report.seals.offsets {
                j.name("first_offset").int(first);
                j.name("last_offset").int(last);
            }
        });
        j.name("commands").object(|j| {
            for (name, n) in &report.commands {
                j.name(name).object(|j| counted(*n, j));
            }
        });
        j.name("databases").object(|j| {
            for (db, n) in &report.databases {
                j.name(&db.to_string()).object(|j| counted(*n, j));
            }
        });
        if let Some(defect) = &report.defect {
            j.name("defect").text(defect);
        }
    });
    json.end_line();
    out.write_all(json.as_bytes())
}

fn counted(n: Count, j: &mut Json) {
    j.name("requests").int(n.requests);
    j.name("bytes").int(n.bytes);
}
