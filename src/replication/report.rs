//! The times of the phases of the last full sync, on both sides of a link: the fields `last_full_sync_*` of INFO
//! replication (`docs/info-fields.md`).
//!
//! ```text
//! out (primary)  request  order  cut   walk ends      transfer ............. online  caught up
//! in  (replica)  connect  request  FULLRESYNC  transfer ...... load ...... swap  online
//! ```
//!
//!  * Times are wall clock, in µs since 1970, so that the reports of two servers can be compared. 0 means that the
//!    moment has not come.
//!  * A moment is recorded when it first happens; only the start of a new sync clears all of them.
//!  * Nothing here decides anything: the state machines report, and INFO shows it.

use base::{ClientId, ReplOffset};
use std::collections::VecDeque;
use std::fmt::{Display, Write};

/// Syncs of other replicas that may run at the same time as the last one.
const KEPT: usize = 16;

/// A moment of a full sync, Unix time in µs; 0 = it has not come.
pub type Moment = i64;

/// The state of a sync.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The sync is running.
    #[default]
    Running,
    /// The replica follows the stream.
    Ok,
    /// The connection ended, or the payload was refused.
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Running => "running",
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
        }
    }
}

/// A full sync as the primary sees it.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    id: Option<ClientId>,
    /// The replica's label.
    replica: String,
    sockets: bool,
    outcome: Outcome,
    request: Moment,
    order: Moment,
    cut: Moment,
    walk_end: Moment,
    transfer_start: Moment,
    transfer_end: Moment,
    online: Moment,
    caught_up: Moment,
    /// The offset at `online`. An ACK of at least this offset means that the sync is finished.
    goal: ReplOffset,
    bytes: u64,
    keys: u64,
}

/// The primary's side: the last full syncs, by connection.
#[derive(Debug, Default)]
pub struct SentSyncs {
    now_us: Moment,
    recent: VecDeque<Sent>,
}

impl SentSyncs {
    /// The wall clock, set before anything else is reported in a batch.
    pub fn set_now(&mut self, unix_us: Moment) {
        self.now_us = unix_us;
    }

    /// The last full sync that was requested.
    pub fn last(&self) -> Option<&Sent> {
        self.recent.back()
    }

    fn of(&mut self, id: ClientId) -> Option<&mut Sent> {
        self.recent.iter_mut().rev().find(|s| s.id == Some(id))
    }

    /// A replica has requested a full sync.
    pub fn requested(&mut self, id: ClientId, replica: String) {
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(Sent {
            id: Some(id),
            replica,
            request: self.now_us,
            ..Sent::default()
        });
    }

    /// The delay is over: a snapshot was ordered for these.
    pub fn ordered(&mut self, members: &[ClientId], sockets: bool) {
        let now = self.now_us;
        for id in members {
            if let Some(sync) = self.of(*id) {
                sync.sockets = sockets;
                sync.order = now;
            }
        }
    }

    /// The cut that this replica gets was taken; `keys` are in it.
    pub fn attached(&mut self, id: ClientId, sockets: bool, keys: u64) {
        let now = self.now_us;
        if let Some(sync) = self.of(id) {
            sync.sockets = sockets;
            first(&mut sync.order, now);
            first(&mut sync.cut, now);
            sync.keys = keys;
        }
    }

    /// The walk of the snapshot that these wait for is over.
    pub fn walked(&mut self, members: &[ClientId]) {
        let now = self.now_us;
        for id in members {
            if let Some(sync) = self.of(*id) {
                first(&mut sync.walk_end, now);
            }
        }
    }

    /// Payload bytes were written to the connection.
    pub fn sent(&mut self, id: ClientId, bytes: u64, unix_us: Moment) {
        if let Some(sync) = self.of(id) {
            first(&mut sync.transfer_start, unix_us);
            sync.bytes += bytes;
        }
    }

    /// The last byte of the payload was written. The walk is over by then, even if its end is reported later, which
    /// happens if the payload goes straight to a connection that takes it at once.
    pub fn transferred(&mut self, id: ClientId) {
        let now = self.now_us;
        if let Some(sync) = self.of(id) {
            first(&mut sync.walk_end, now);
            first(&mut sync.transfer_end, now);
        }
    }

    /// The stream is open for the replica; `offset` is the primary's.
    pub fn online(&mut self, id: ClientId, offset: ReplOffset) {
        let now = self.now_us;
        if let Some(sync) = self.of(id)
            && sync.online == 0
        {
            sync.online = now;
            sync.goal = offset;
            sync.outcome = Outcome::Ok;
        }
    }

    /// The replica has processed the stream up to `offset`.
    pub fn acked(&mut self, id: ClientId, offset: ReplOffset) {
        let now = self.now_us;
        if let Some(sync) = self.of(id)
            && sync.online != 0
            && offset >= sync.goal
        {
            first(&mut sync.caught_up, now);
        }
    }

    /// The connection has ended, or has received everything it wanted (`complete`).
    pub fn ended(&mut self, id: ClientId, complete: bool) {
        if let Some(sync) = self.of(id) {
            if sync.outcome == Outcome::Running {
                sync.outcome = match complete {
                    true => Outcome::Ok,
                    false => Outcome::Failed,
                };
            }
            // Numbers of connections are not used again; the report stays for INFO.
            sync.id = None;
        }
    }
}

/// How a replica receives a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Into a file, which is then loaded.
    Disk,
    /// Straight into memory, where nothing was.
    Memory,
    /// Into memory, while the old dataset is kept.
    Swap,
}

impl Taken {
    fn word(self) -> &'static str {
        match self {
            Taken::Disk => "disk",
            Taken::Memory => "memory",
            Taken::Swap => "swapdb",
        }
    }
}

/// A full sync as the replica sees it.
#[derive(Clone, Debug, Default)]
struct Received {
    /// `host:port` of the primary.
    primary: String,
    taken: Option<Taken>,
    outcome: Outcome,
    connect: Moment,
    request: Moment,
    answer: Moment,
    transfer_start: Moment,
    transfer_end: Moment,
    load_start: Moment,
    load_end: Moment,
    swap: Moment,
    online: Moment,
    bytes: u64,
    keys: u64,
}

/// The replica's side: the last full sync, and the attempt that may become one.
#[derive(Debug, Default)]
pub struct ReceivedSyncs {
    now_us: Moment,
    connect: Moment,
    request: Moment,
    last: Option<Received>,
    /// Why the last payload was not taken; kept until one is.
    error: String,
    /// Full syncs in a row that failed.
    failures: u32,
}

impl ReceivedSyncs {
    /// The wall clock, set before anything else is reported in a batch.
    pub fn set_now(&mut self, unix_us: Moment) {
        self.now_us = unix_us;
    }

    /// An attempt to reach the primary begins.
    pub fn connecting(&mut self) {
        self.connect = self.now_us;
    }

    /// PSYNC was sent.
    pub fn requested(&mut self) {
        self.request = self.now_us;
    }

    /// The primary answers with a full sync.
    pub fn answered(&mut self, primary: String) {
        self.last = Some(Received {
            primary,
            connect: self.connect,
            request: self.request,
            answer: self.now_us,
            ..Received::default()
        });
    }

    /// The record of the running sync.
    fn running(&mut self) -> Option<&mut Received> {
        self.last.as_mut().filter(|s| s.outcome == Outcome::Running)
    }

    /// The payload was announced.
    pub fn transfer_begins(&mut self) {
        let now = self.now_us;
        if let Some(sync) = self.running() {
            first(&mut sync.transfer_start, now);
        }
    }

    /// Bytes of the payload were received.
    pub fn received(&mut self, bytes: u64) {
        if let Some(sync) = self.running() {
            sync.bytes += bytes;
        }
    }

    /// The payload is complete.
    pub fn transfer_ends(&mut self) {
        let now = self.now_us;
        if let Some(sync) = self.running() {
            first(&mut sync.transfer_end, now);
        }
    }

    /// How the payload is taken.
    pub fn taken(&mut self, how: Taken) {
        if let Some(sync) = self.running() {
            sync.taken = Some(how);
        }
    }

    /// Values are being built from it.
    pub fn load_begins(&mut self) {
        let now = self.now_us;
        if let Some(sync) = self.running() {
            first(&mut sync.load_start, now);
        }
    }

    /// All keys have been loaded; this is their number.
    pub fn load_ends(&mut self, keys: u64) {
        let now = self.now_us;
        if let Some(sync) = self.running() {
            first(&mut sync.load_end, now);
            sync.keys = keys;
        }
    }

    /// The new databases are served from `unix_us` on.
    pub fn swapped(&mut self, unix_us: Moment) {
        if let Some(sync) = self.running() {
            first(&mut sync.swap, unix_us);
        }
    }

    /// The stream is followed.
    pub fn online(&mut self) {
        let now = self.now_us;
        if let Some(sync) = self.running() {
            first(&mut sync.online, now);
            sync.outcome = Outcome::Ok;
            self.error.clear();
            self.failures = 0;
        }
    }

    /// The payload cannot be taken, or got lost on its way.
    pub fn refused(&mut self, why: &str) {
        self.error = why.replace(['\r', '\n'], " ");
    }

    /// The sync will not be completed.
    pub fn failed(&mut self) {
        if let Some(sync) = self.running() {
            sync.outcome = Outcome::Failed;
            self.failures += 1;
        }
    }

    /// Lines of INFO; none before the first full sync.
    pub fn info(&self, out: &mut String) {
        let Some(s) = &self.last else { return };
        let mut line = |name: &str, value: &dyn Display| field(out, "in", name, value);
        line("status", &s.outcome.word());
        line("failures", &self.failures);
        line("error", &self.error);
        line("master", &s.primary);
        line("load", &s.taken.map_or("unknown", Taken::word));
        line("bytes", &s.bytes);
        line("keys", &s.keys);
        line("connect_us", &s.connect);
        line("request_us", &s.request);
        line("fullresync_us", &s.answer);
        line("transfer_start_us", &s.transfer_start);
        line("transfer_end_us", &s.transfer_end);
        line("load_start_us", &s.load_start);
        line("load_end_us", &s.load_end);
        line("swap_us", &s.swap);
        line("online_us", &s.online);
    }
}

impl SentSyncs {
    /// Lines of INFO; none before the first full sync.
    pub fn info(&self, out: &mut String) {
        let Some(s) = self.last() else { return };
        let mut line = |name: &str, value: &dyn Display| field(out, "out", name, value);
        line("status", &s.outcome.word());
        line("replica", &s.replica);
        line("target", if s.sockets { &"sockets" } else { &"disk" });
        line("bytes", &s.bytes);
        line("keys", &s.keys);
        line("request_us", &s.request);
        line("delay_end_us", &s.order);
        line("snapshot_start_us", &s.cut);
        line("snapshot_end_us", &s.walk_end);
        line("transfer_start_us", &s.transfer_start);
        line("transfer_end_us", &s.transfer_end);
        line("online_us", &s.online);
        line("caught_up_us", &s.caught_up);
    }
}

fn field(out: &mut String, side: &str, name: &str, value: &dyn Display) {
    write!(out, "last_full_sync_{side}_{name}:{value}\r\n").expect("a String takes everything");
}

fn first(moment: &mut Moment, now: Moment) {
    if *moment == 0 {
        *moment = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(info: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        info(&mut out);
        out
    }

    fn value(text: &str, name: &str) -> String {
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(&format!("last_full_sync_{name}:")));
        line.unwrap_or_else(|| panic!("{name} in {text}"))
            .to_owned()
    }

    #[test]
    fn moments_are_kept_when_they_first_happen() {
        let (mut syncs, id) = (SentSyncs::default(), ClientId(7));
        assert_eq!(shown(|o| syncs.info(o)), "");
        syncs.set_now(10);
        syncs.requested(id, "10.0.0.2:6379".into());
        syncs.set_now(20);
        syncs.ordered(&[id], true);
        syncs.set_now(21);
        syncs.attached(id, true, 5);
        syncs.sent(id, 100, 22);
        syncs.sent(id, 50, 23);
        syncs.set_now(30);
        syncs.transferred(id);
        syncs.set_now(31);
        syncs.walked(&[id]); // reported late
        syncs.acked(id, ReplOffset::claimed(500)); // not yet online: this opens the stream
        syncs.online(id, ReplOffset::claimed(520));
        syncs.set_now(40);
        syncs.acked(id, ReplOffset::claimed(519));
        syncs.set_now(50);
        syncs.acked(id, ReplOffset::claimed(520));
        syncs.set_now(60);
        syncs.acked(id, ReplOffset::claimed(530));
        let text = shown(|o| syncs.info(o));
        let moments = ["request", "delay_end", "snapshot_start", "transfer_start"];
        let got = moments.map(|m| value(&text, &format!("out_{m}_us")));
        assert_eq!(got, ["10", "20", "21", "22"]);
        let ends = ["snapshot_end", "transfer_end"];
        assert_eq!(
            ends.map(|m| value(&text, &format!("out_{m}_us"))),
            ["30"; 2]
        );
        assert_eq!(value(&text, "out_caught_up_us"), "50");
        assert_eq!(value(&text, "out_bytes"), "150");
        assert_eq!(value(&text, "out_status"), "ok");
    }

    #[test]
    fn a_replica_that_goes_before_it_is_online_leaves_a_failed_report() {
        let mut syncs = SentSyncs::default();
        syncs.requested(ClientId(1), String::new());
        syncs.requested(ClientId(2), "b".into());
        syncs.ended(ClientId(2), false);
        let text = shown(|o| syncs.info(o));
        assert_eq!(value(&text, "out_replica"), "b");
        assert_eq!(value(&text, "out_status"), "failed");
    }

    #[test]
    fn a_partial_resync_afterwards_leaves_the_report_alone() {
        let mut syncs = ReceivedSyncs::default();
        syncs.set_now(5);
        syncs.connecting();
        syncs.requested();
        syncs.answered("h:1".into());
        syncs.set_now(9);
        syncs.online();
        syncs.set_now(11);
        syncs.connecting();
        syncs.requested();
        syncs.online();
        syncs.failed();
        let text = shown(|o| syncs.info(o));
        assert_eq!(value(&text, "in_online_us"), "9");
        assert_eq!(value(&text, "in_status"), "ok");
        assert_eq!(value(&text, "in_connect_us"), "5");
    }
}
