//! What the end of the reading means for tools that need a whole dump.

use super::pipeline::{End, Scan};
use super::source::{Source, Trouble};
use rdb::{ErrorKind, RdbError};

/// Whether the dump was whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// To the end, with the right checksum if there is one.
    Whole,
    /// Not: why.
    Defect(String),
}

/// Says how the reading ended.
///
/// # Errors
/// When the source failed.
pub fn verdict(scan: &Scan, source: &Source) -> Result<Verdict, Trouble> {
    let why = match &scan.end {
        End::Io(e) => {
            return Err(Trouble(format!(
                "cannot read {}: {e} (at byte {})",
                source.name(),
                scan.bytes
            )));
        }
        End::Stopped => return Ok(Verdict::Whole),
        End::Eof {
            stored,
            computed,
            covered,
            ..
        } => match *stored {
            Some(stored) if stored != 0 && stored != *computed => {
                let kind = ErrorKind::Checksum {
                    stored,
                    computed: *computed,
                };
                RdbError::new(kind, *covered, "the checksum").to_string()
            }
            _ => return Ok(Verdict::Whole),
        },
        End::Defect(error) => error.to_string(),
    };
    Ok(Verdict::Defect(match source.change() {
        Some(change) => format!("{why} ({change})"),
        None => why,
    }))
}
