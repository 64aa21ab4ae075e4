//! The full syncs in one server's log.

use super::line::Line;
use super::moments::{Moment, Moments, Side};
use super::table::{self, Mark, find, label, number, plain};

/// One attempt at a full sync as one side logged it.
#[derive(Clone, Debug, Default)]
pub struct Sync {
    /// When its moments were, by the clock of this log.
    pub moments: Moments,
    /// Of a master's log: the replica, as the log names it.
    pub replica: String,
    /// Indexes of the first and the last line that belong to it.
    pub lines: (usize, usize),
    /// `disk` or `sockets`, as the master said.
    pub target: Option<&'static str>,
    /// `disk`, `memory` or `swapdb`, as the replica did.
    pub load: Option<&'static str>,
    /// Bytes announced.
    pub bytes: Option<u64>,
    /// Keys loaded.
    pub keys: Option<u64>,
    /// Peak of what the snapshot's child copied, in bytes.
    pub cow_bytes: Option<u64>,
    /// The payload came on a connection of its own.
    pub two_connections: bool,
    /// What was logged when it failed.
    pub failure: Option<String>,
}

impl Sync {
    /// The replica follows.
    pub fn is_complete(&self) -> bool {
        self.failure.is_none()
            && (self.moments.get(Moment::Up).is_some()
                || self.moments.get(Moment::Online).is_some())
    }

    fn fail(&mut self, text: &str) {
        if !self.is_complete() {
            self.failure.get_or_insert_with(|| text.to_owned());
        }
    }

    fn apply(&mut self, mark: Mark, line: &Line, text: &str) {
        let at = line.unix_us;
        let m = &mut self.moments;
        match mark {
            Mark::Begins(moment) | Mark::At(moment) => m.set_first(moment, at),
            Mark::Both(a, b) => {
                m.set_first(a, at);
                m.set_first(b, at);
            }
            Mark::FileComplete => {
                if self.load == Some("disk") && m.get(Moment::Receive).is_some() {
                    m.set_first(Moment::Received, at);
                }
            }
            Mark::TwoConnections => {
                self.two_connections = true;
                if line.role != 'M' {
                    m.set_first(Moment::Answer, at);
                }
            }
            Mark::Partial => {}
            Mark::Fails => self.fail(text),
        }
    }
}

/// The full syncs of a log, in their order; attempts that never got an answer count as failed ones.
pub fn of(side: Side, lines: &[Line]) -> Vec<Sync> {
    let mut found = match side {
        Side::Replica => of_replica(lines),
        Side::Master => of_master(lines),
    };
    for sync in &mut found {
        finish(sync);
    }
    found
}

fn of_replica(lines: &[Line]) -> Vec<Sync> {
    let mut found: Vec<Sync> = Vec::new();
    let mut current: Option<Sync> = None;
    for (i, line) in lines.iter().enumerate() {
        let text = plain(&line.text);
        let Some(mark) = find(table::REPLICA, &text) else {
            continue;
        };
        if let Mark::Begins(_) = mark {
            // An attempt that got no answer was none.
            found.extend(current.take().filter(answered));
            current = Some(Sync {
                lines: (i, i),
                ..Sync::default()
            });
        }
        let Some(sync) = &mut current else { continue };
        if mark == Mark::Partial {
            current = None;
            continue;
        }
        sync.lines.1 = i;
        if mark == Mark::At(Moment::Receive) {
            let to_disk = text.contains(" to disk");
            sync.load = Some(if to_disk { "disk" } else { "memory" });
            sync.bytes = number(&text, "receiving ");
        }
        if text.contains("Swapping active DB") {
            sync.load = Some("swapdb");
        }
        if mark == Mark::At(Moment::Loaded) {
            sync.keys = sync.keys.or(number(&text, "keys loaded: "));
        }
        sync.apply(mark, line, &line.text);
        let ended = sync.is_complete() || sync.failure.is_some();
        if ended {
            found.extend(current.take().filter(answered));
        }
    }
    found.extend(current.filter(answered));
    found
}

fn answered(sync: &Sync) -> bool {
    sync.moments.get(Moment::Answer).is_some()
}

fn of_master(lines: &[Line]) -> Vec<Sync> {
    let mut found: Vec<Sync> = Vec::new();
    let open = |s: &Sync| s.failure.is_none() && s.moments.get(Moment::Online).is_none();
    for (i, line) in lines.iter().enumerate() {
        let text = plain(&line.text);
        if let Some(mark) = find(table::MASTER_OF_ONE, &text) {
            let Some(who) = label(&text) else { continue };
            let known = found.iter().rposition(|s| s.replica == who && open(s));
            match (mark, known) {
                // The second connection of the same replica asks too.
                (Mark::Begins(_), Some(at)) if found[at].two_connections => {}
                (Mark::Begins(moment), known) => {
                    // It came again: what there was is over.
                    if let Some(at) = known {
                        found[at].fail("the replica asked again");
                    }
                    let mut sync = Sync {
                        replica: who.to_owned(),
                        lines: (i, i),
                        ..Sync::default()
                    };
                    sync.moments.set(moment, line.unix_us);
                    found.push(sync);
                }
                (Mark::Partial, Some(at)) if !found[at].two_connections => {
                    found.remove(at);
                }
                (mark, Some(at)) => {
                    found[at].lines.1 = i;
                    found[at].apply(mark, line, &line.text);
                }
                (_, None) => {}
            }
            continue;
        }
        if let Some(mark) = find(table::MASTER_OF_ALL, &text) {
            for sync in found.iter_mut().filter(|s| open(s) || i < s.lines.1 + 50) {
                of_snapshot(sync, mark, line, i, &text);
            }
        }
        let cow = number(&text, "Fork CoW for RDB: current ")
            .and(number(&text, " MB, peak "))
            .or(number(&text, "RDB: ").filter(|_| text.contains("used by copy-on-write")));
        let cow = cow.map(|mb| mb << 20);
        if let (Some(bytes), Some(sync)) = (cow, found.last_mut()) {
            sync.cow_bytes = sync.cow_bytes.max(Some(bytes));
        }
    }
    found
}

/// What concerns all that wait for the snapshot: each takes a moment only behind those that come before it.
fn of_snapshot(sync: &mut Sync, mark: Mark, line: &Line, i: usize, text: &str) {
    let has = |moment| sync.moments.get(moment).is_some();
    let applies = match mark {
        Mark::At(Moment::Order) => true,
        Mark::At(Moment::Cut) | Mark::Both(Moment::Cut, _) => has(Moment::Order),
        _ => has(Moment::Cut),
    };
    if !applies || (mark == Mark::Fails && has(Moment::Online)) {
        return;
    }
    if mark == Mark::At(Moment::Order) && !has(Moment::Order) {
        let sockets = text.contains("sockets");
        sync.target = Some(if sockets { "sockets" } else { "disk" });
    }
    // Of a disk snapshot only the end of the file lets the sending begin.
    let mark = match (mark, sync.target) {
        (Mark::Both(Moment::Walked, Moment::Send), Some("sockets")) => Mark::At(Moment::Walked),
        (mark, _) => mark,
    };
    sync.lines.1 = i;
    sync.apply(mark, line, &line.text);
}

/// What follows from other moments.
fn finish(sync: &mut Sync) {
    use Moment::*;
    let m = &mut sync.moments;
    m.from_file = sync.target == Some("disk");
    m.to_file = sync.load == Some("disk");
    let up = m.get(Up);
    if let Some(at) = up {
        // Old servers do not log the end of a load from a socket.
        if m.get(Load).is_some() {
            m.set_first(Loaded, at);
        }
    }
    match (sync.load, m.get(Load), m.get(Loaded)) {
        (Some("disk"), Some(load), _) => m.set_first(Received, load),
        // Read while it comes: it ends with the load.
        (Some(_), _, Some(loaded)) => m.set_first(Received, loaded),
        _ => {}
    }
    if let (Some(_), Some(at)) = (sync.load, m.get(Loaded).filter(|_| up.is_some()))
        && sync.load != Some("swapdb")
    {
        m.set_first(Swapped, at);
    }
    // A child's exit is reaped later than its payload was sent.
    if let (Some(walked), Some(sent)) = (m.get(Walked), m.get(Sent))
        && sync.target == Some("sockets")
        && walked > sent
    {
        m.set(Walked, sent);
    }
}
