//! The outcome of a check, as text and as JSON.

use super::check::{End, FileReport, Report};
use crate::json_text::Json;
use crate::text::{count, plural};
use aof::manifest::Kind;
use std::io::{self, Write};

/// What a file of this kind is called.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Base => "base",
        Kind::History => "history",
        Kind::Increment => "increment",
    }
}

/// What a person wants to see.
///
/// # Errors
/// Those of `out`.
pub fn print_text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let name = &report.name;
    let bad = report.files.iter().filter(|file| !file.is_sound()).count();
    match bad {
        0 => writeln!(out, "{name}: ok")?,
        _ => writeln!(out, "{name}: {} with defects", plural(bad as u64, "file"))?,
    }
    for file in &report.files {
        print_file(file, out)?;
    }
    if report.files.is_empty() {
        writeln!(out, "  note: it names no file that holds data")?;
    }
    if report.history > 0 {
        let files = plural(report.history as u64, "file");
        writeln!(out, "  note: {files} of its history wait to be removed")?;
    }
    Ok(())
}

fn print_file(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let kind = kind_name(file.kind);
    let Some(size) = file.size else {
        return match &file.end {
            End::Missing(why) => writeln!(out, "  {kind}: {why}"),
            _ => Ok(()),
        };
    };
    write!(out, "  {kind} {}: {}", file.name, plural(size, "byte"))?;
    if let Some(dump) = &file.dump {
        if let Some(version) = dump.version {
            write!(out, ", {version}")?;
        }
        write!(out, " with {}", plural(dump.keys.values().sum(), "key"))?;
    }
    if file.requests > 0 || file.dump.is_none() {
        write!(out, ", {}", plural(file.requests, "request"))?;
    }
    if file.transactions > 0 {
        let transactions = plural(file.transactions, "transaction");
        write!(out, " ({transactions})")?;
    }
    if file.seals > 0 {
        write!(out, ", {}", plural(file.seals, "seal"))?;
    }
    writeln!(out)?;
    for defect in file.dump.iter().flat_map(|dump| &dump.defects) {
        writeln!(out, "    {}", defect.error)?;
    }
    for note in file.dump.iter().flat_map(|dump| &dump.notes) {
        writeln!(out, "    note: {note}")?;
    }
    match &file.end {
        End::Whole | End::Missing(_) => Ok(()),
        End::BadDump => writeln!(
            out,
            "    the dump is damaged (`forebay rdb salvage` keeps what is sound in it)"
        ),
        End::Defect {
            defect,
            keep,
            sound_after,
        } => {
            let rest = plural(size - keep.min(&size), "byte");
            writeln!(out, "    {defect}")?;
            writeln!(
                out,
                "    whole up to byte {}; {rest} after it",
                count(*keep)
            )?;
            writeln!(out, "    {}", remedy(file.last, *sound_after))
        }
    }
}

/// What to do about a defect.
fn remedy(last: bool, sound_after: Option<u64>) -> String {
    match (sound_after, last) {
        (Some(at), _) => format!(
            "this is not a torn end: the batch at byte {} is sound, and more may follow",
            count(at)
        ),
        (None, true) => "`forebay aof fix` cuts the file there and sets the rest aside".into(),
        (None, false) => "files after this one hold later writes: it cannot be cut".into(),
    }
}

/// One line for programs.
///
/// # Errors
/// Those of `out`.
pub fn print_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut json = Json::new();
    json.object(|j| {
        j.name("log").text(&report.name);
        j.name("ok").bool(report.is_sound());
        j.name("history_files").int(report.history);
        j.name("files").array(|j| {
            for file in &report.files {
                j.object(|j| json_file(file, j));
            }
        });
    });
    json.end_line();
    out.write_all(json.as_bytes())
}

fn json_file(file: &FileReport, j: &mut Json) {
    j.name("file").text(&file.name);
    j.name("kind").text(kind_name(file.kind));
    j.name("ok").bool(file.is_sound());
    if let Some(size) = file.size {
        j.name("size").int(size);
    }
    if let Some(dump) = &file.dump {
        j.name("dump").object(|j| {
            if let Some(version) = dump.version {
                j.name("version").text(&version.to_string());
            }
            j.name("bytes").int(dump.bytes);
            j.name("keys").int(dump.keys.values().sum::<u64>());
            j.name("defects").array(|j| {
                for defect in &dump.defects {
                    j.text(&defect.error.to_string());
                }
            });
        });
    }
    j.name("requests").int(file.requests);
    j.name("transactions").int(file.transactions);
    j.name("seals").int(file.seals);
    match &file.end {
        End::Whole => {}
        End::Missing(why) => j.name("what").text(why),
        End::BadDump => j.name("what").text("the dump is damaged"),
        End::Defect {
            defect,
            keep,
            sound_after,
        } => {
            j.name("what").text(&defect.wrong.to_string());
            j.name("offset").int(defect.offset);
            j.name("whole_up_to").int(*keep);
            j.name("cut_off").bool(defect.is_cut_off());
            if let Some(at) = sound_after {
                j.name("sound_after").int(*at);
            }
        }
    }
}
