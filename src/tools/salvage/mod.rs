//! `forebay rdb salvage`: the sound parts of a damaged dump, as a dump that servers load.
//!
//! [`mod@plan`] reads the input and decides which byte ranges are left out; the rest is copied unchanged, and an end
//! and a checksum are added. Nothing that is kept is changed, and memory is only needed for the largest value and the
//! list of damaged ranges.
//!
//! These are left out: values that are not sound, keys that occur twice (the first one is kept), libraries that cannot
//! be loaded, and the bytes between the end of the last readable frame and the next readable one.

mod kept;
mod plan;

pub use kept::Kept;
pub use plan::{Cut, Hopeless, Options, Plan, plan};

use super::output::Output;
use super::source::{Source, Trouble};
use super::text::{bytes, count, plural};
use rdb::crc64::Crc64;
use rdb::writer::Sink;
use std::io::{self, Read, Write};
use std::path::Path;

/// Writes what `plan` keeps; returns the length of the output, and whether a dump without damages had a wrong checksum.
///
/// # Errors
/// Something cannot be read or written, or the input has changed in the meantime.
pub fn write(source: &Source, plan: &Plan, mut output: Output) -> Result<(u64, bool), Trouble> {
    let unread = |e: io::Error| Trouble(format!("cannot read {}: {e}", source.name()));
    let file = source
        .require_file("salvage")?
        .try_clone()
        .map_err(unread)?;
    let mut kept = Kept::new(file, plan);
    let (mut crc, mut written) = (Crc64::new(), 0);
    let mut buf = vec![0; 1 << 20];
    loop {
        let n = kept.read(&mut buf).map_err(unread)?;
        if n == 0 {
            break;
        }
        crc.update(&buf[..n]);
        output.put(&buf[..n])?;
        written += n as u64;
    }
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
        writeln!(out, "left out: {cut}")?;
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
