//! `forebay rdb salvage`: what is sound in a damaged dump, as a dump that servers load.
//!
//! [`mod@plan`] reads the input and decides which byte ranges stay out; what remains is copied as it stands, and gets an end
//! and a checksum. So nothing that is kept is touched, and memory is the largest value and the list of damages.
//!
//! Left out: values that are not sound, keys that stand twice (the first one stays), libraries that cannot be loaded,
//! and what stands between a place where frames end to make sense and the next one where they make sense again.

mod plan;

pub use plan::{Cut, Hopeless, Options, Plan, plan};

use super::output::Output;
use super::source::{Source, Trouble};
use super::text::{bytes, count, plural, printable};
use crate::rdb::crc64::Crc64;
use crate::rdb::opcode;
use crate::rdb::writer::Sink;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Writes what `plan` keeps; returns the length of the output, and whether a dump without damages had a wrong checksum.
///
/// # Errors
/// When something cannot be read or written; the input has changed meanwhile.
pub fn write(source: &Source, plan: &Plan, mut output: Output) -> Result<(u64, bool), Trouble> {
    let file = source.require_file("salvage")?;
    let (mut crc, mut written) = (Crc64::new(), 0);
    let mut put = |bytes: &[u8], output: &mut Output| {
        crc.update(bytes);
        written += bytes.len() as u64;
        output.put(bytes)
    };
    let mut at = 0;
    for (from, to) in plan
        .cuts
        .iter()
        .map(|c| (c.from, c.to))
        .chain([(plan.end, plan.end)])
    {
        copy(file, at, from.max(at), source, |bytes| {
            put(bytes, &mut output)
        })?;
        at = to.max(at);
    }
    put(&[opcode::EOF], &mut output)?;
    let checksum = crc.value();
    let wrong = plan.cuts.is_empty() && plan.stored.is_some_and(|stored| stored != checksum);
    if plan.version.has_checksum() {
        output.put(&checksum.to_le_bytes())?;
        written += 8;
    }
    if let Some(change) = source.change() {
        return Err(Trouble(format!(
            "cannot salvage {}: {change}",
            source.name()
        )));
    }
    output.commit()?;
    Ok((written, wrong))
}

/// Shows the bytes of a range.
fn copy(
    file: &File,
    mut at: u64,
    to: u64,
    source: &Source,
    mut put: impl FnMut(&[u8]) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut buf = vec![0; 1 << 20];
    while at < to {
        let want = buf.len().min((to - at) as usize);
        let read = file.read_at(&mut buf[..want], at);
        let n = read.map_err(|e| Trouble(format!("cannot read {}: {e}", source.name())))?;
        if n == 0 {
            return Err(Trouble(format!("{} has become shorter", source.name())));
        }
        put(&buf[..n])?;
        at += n as u64;
    }
    Ok(())
}

/// What a person wants to see.
///
/// # Errors
/// Those of `out`.
pub fn print(
    plan: &Plan,
    (source, path, written): (&Source, &Path, u64),
    out: &mut dyn Write,
) -> io::Result<()> {
    const LISTED: usize = 100;
    for cut in plan.cuts.iter().take(LISTED) {
        write!(out, "left out: bytes {} to {}", cut.from, cut.to)?;
        if let Some(key) = &cut.key {
            write!(out, " (key \"{}\")", printable(key, 128))?;
        }
        writeln!(out, ": {}", cut.why)?;
    }
    if plan.cuts.len() > LISTED {
        writeln!(
            out,
            "left out: ... and {} more ranges",
            count((plan.cuts.len() - LISTED) as u64)
        )?;
    }
    for note in &plan.notes {
        writeln!(out, "note: {note}")?;
    }
    writeln!(
        out,
        "{} -> {}: {} kept, {} in {} left out, {}",
        source.name(),
        path.display(),
        plural(plan.keys, "key"),
        bytes(plan.cuts.iter().map(|c| c.to - c.from).sum()),
        plural(plan.cuts.len() as u64, "range"),
        bytes(written)
    )
}
