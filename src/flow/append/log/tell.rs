//! What replication is told of the log: what replicas may be sent, what is durable, and what the files hold for those who
//! lack more than memory has.

use super::handle::{AppendOnly, Mode};
use crate::append::appenders::{Appenders, DiskOf};
use crate::append::queue::Report;
use crate::append::{ArchiveReader, Mark};
use crate::save::Writers;
use engine::Engine;
use replication::{Position, ReplId, ReplOffset};

/// How many bytes of the stream are looked for in the files, as is configured.
pub fn archived(engine: &Engine) -> u64 {
    u64::try_from(engine.config.repl_backlog_disk_size).unwrap_or(0)
}

impl<A: Appenders> AppendOnly<A> {
    /// A reader of the part of the replication stream that the files hold.
    pub fn archive_reader(&self) -> ArchiveReader<DiskOf<A>> {
        ArchiveReader::new(self.saves.writers().disk().clone(), self.archive.clone())
    }

    /// Replicas may be served what the files hold of the stream.
    pub(super) fn tell_archive(&self, engine: &mut Engine) {
        let held = self.archive.with(|archive| archive.held());
        let held = held.and_then(|(bytes, id)| {
            let offset = |at: u64| i64::try_from(at).ok().map(ReplOffset::claimed);
            let (first, end) = (offset(*bytes.start())?, offset(*bytes.end())?);
            Some((ReplId::parse(&id)?, first, end))
        });
        engine.repl.set_archived(held);
    }
}

/// Replicas may be sent what is in the log, so that none is ahead of what a restarted server knows; and our primary is
/// told what is durable here.
pub(super) fn tell_replication(
    engine: &mut Engine,
    mode: Mode,
    report: &Report,
    settled: Option<Mark>,
) {
    let offset = |place: Option<Position>| {
        let Position { id, offset } = place?;
        let history = engine.repl.history();
        history.went_through(id, offset).then_some(offset)
    };
    let named = report.sendable.and_then(|end| {
        Some(Position {
            id: ReplId::parse(&end.id)?,
            offset: ReplOffset::claimed(end.offset as i64),
        })
    });
    let held = settled.or(report.durable_end).and_then(|end| end.holds);
    let (sendable, durable) = (offset(named), offset(held));
    if report.failure.is_some() || !engine.config.aof_annotations {
        // The disk may refuse for a long time, and replicas have the data in the meantime; or the log does not say
        // which part of the stream it has.
        engine.repl.release(None);
    } else if let Some(sendable) = sendable {
        engine.repl.release(Some(sendable));
    }
    // What no manifest names is lost when the process ends.
    if let Some(durable) = durable.filter(|_| mode == Mode::On) {
        engine.repl.durable_here(durable);
    }
}
