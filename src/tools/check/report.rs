//! The outcome of a check, as text and as JSON.

use super::Report;
use crate::json_text::Json;
use crate::text::{self, count, plural};
use std::io::{self, Write};

/// What a person wants to see.
///
/// # Errors
/// Those of `out`.
pub fn print_text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let name = &report.name;
    if report.is_sound() {
        writeln!(out, "{name}: ok")?;
    } else {
        writeln!(out, "{name}: {}", plural(report.defects_total, "defect"))?;
    }
    for defect in &report.defects {
        write!(out, "  {}", defect.error)?;
        match defect.first {
            Some(first) => writeln!(out, " (first at byte {first})")?,
            None => writeln!(out)?,
        }
    }
    let untold = report.defects_total - report.defects.len() as u64;
    if untold > 0 {
        writeln!(out, "  ... and {} more", count(untold))?;
    }
    if let Some(version) = report.version {
        write!(out, "  version   {version}")?;
        let saved = report.created_s.map(|s| format!("saved {}", text::time(s)));
        let facts: Vec<String> = report.written_by.iter().cloned().chain(saved).collect();
        match facts.is_empty() {
            true => writeln!(out)?,
            false => writeln!(out, " ({})", facts.join(", "))?,
        }
    }
    match report.size {
        Some(size) if size != report.bytes => {
            writeln!(
                out,
                "  read      {} of {} bytes",
                count(report.bytes),
                count(size)
            )?;
        }
        _ => writeln!(out, "  read      {}", plural(report.bytes, "byte"))?,
    }
    write!(
        out,
        "  keys      {} sound",
        count(report.keys.values().sum())
    )?;
    if report.expires > 0 {
        write!(
            out,
            ", {} with an expiry ({} in the past)",
            count(report.expires),
            count(report.expired)
        )?;
    }
    if report.keys.len() > 1 {
        let dbs = report.keys.iter();
        let dbs: Vec<String> = dbs.map(|(db, n)| format!("db{db} {}", count(*n))).collect();
        write!(out, "; {}", dbs.join(", "))?;
    }
    writeln!(out)?;
    if report.libraries > 0 {
        writeln!(out, "  functions {}", count(report.libraries))?;
    }
    if report.checksum_verified {
        writeln!(out, "  checksum  right")?;
    }
    for note in &report.notes {
        writeln!(out, "  note      {note}")?;
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
        j.name("file").text(&report.name);
        j.name("ok").bool(report.is_sound());
        match report.version {
            Some(version) => j.name("version").text(&version.to_string()),
            None => j.name("version").null(),
        }
        if let Some(by) = &report.written_by {
            j.name("written_by").text(by);
        }
        if let Some(created) = report.created_s {
            j.name("created_s").int(created);
        }
        j.name("bytes_read").int(report.bytes);
        if let Some(size) = report.size {
            j.name("size").int(size);
        }
        j.name("keys").int(report.keys.values().sum::<u64>());
        j.name("expires").int(report.expires);
        j.name("expired").int(report.expired);
        j.name("databases").object(|j| {
            for (db, n) in &report.keys {
                j.name(&db.to_string()).int(*n);
            }
        });
        j.name("function_libraries").int(report.libraries);
        j.name("checksum_verified").bool(report.checksum_verified);
        j.name("defects_total").int(report.defects_total);
        j.name("defects").array(|j| {
            for defect in &report.defects {
                j.object(|j| {
                    let error = &defect.error;
                    j.name("offset").int(error.offset);
                    if let Some(inside) = error.inside {
                        j.name("offset_in_unpacked_value").int(inside);
                    }
                    if let Some(key) = &error.key {
                        j.name("key").bytes(key);
                    }
                    j.name("reading").text(error.context);
                    j.name("what").text(&error.kind.to_string());
                    if let Some(first) = defect.first {
                        j.name("first_at").int(first);
                    }
                });
            }
        });
        j.name("notes")
            .array(|j| report.notes.iter().for_each(|n| j.text(n)));
    });
    json.end_line();
    out.write_all(json.as_bytes())
}
