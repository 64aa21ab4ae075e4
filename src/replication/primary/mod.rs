//! The primary's side of all its replicas, without a socket.
//!
//! ```text
//!             PSYNC, can continue: +CONTINUE
//!   connection ------------------------------------------------------------> Online
//!        | SYNC, or PSYNC that cannot continue                                  ^
//!        v                                                                      |
//!   WaitStart --cut taken: +FULLRESYNC--> WaitEnd --file is there-> SendBulk ---+  (disk)
//!        ^                                  ^  |                                |
//!        | snapshot busy, delay             |  +--payload written--> Held -ACK--+  (sockets)
//!        +-- wishes differ                  +-- joins a running disk snapshot
//!   rdb-only connections end in Transmitted instead of Online.
//!   A sync over two connections has two more states: [`channels`].
//! ```
//!
//!  * A replica is identified by its connection ([`ClientId`]); address and port are labels for people.
//!  * From the cut onwards, a replica pins the log at the first byte after the cut: what is written while it receives
//!    its payload waits there, once for all replicas.
//!  * `+FULLRESYNC` carries the offset of the cut, so it is sent when the cut is taken, not before.
//!  * After a payload that ends with a mark, nothing is sent until the replica's first ACK, because replicas look for
//!    the mark only at the end of what they have read.
//!  * A newline is sent only to connections that wait for a payload; inside the stream it would count.

mod admit;
#[cfg(test)]
mod channel_tests;
mod channels;
mod cron;
mod doubts;
mod holds;
mod known;
mod needs;
mod snapshot;
mod stream;
#[cfg(test)]
mod tests;

pub use admit::{Admission, Request};
pub use channels::{Channel, Way};
pub use doubts::Shown;

use super::action::Action;
use super::history::History;
use super::position::{ReplOffset, StreamDb};
use super::reads::Reads;
use super::replconf::{Reader, Replconf};
use super::report::SentSyncs;
use super::settings::Settings;
use base::secret::Secrets;
use base::{ClientId, LogLevel};
use rdb::target::Target;
use std::collections::BTreeMap;

/// What the state machine uses in addition to its own state.
pub struct Env<'a> {
    /// Ids, offset, backlog.
    pub history: &'a mut History,
    /// Directives.
    pub settings: &'a Settings,
    /// For marks and ids.
    pub secrets: &'a mut Secrets,
    /// Monotonic ms.
    pub now_ms: u64,
    /// This server follows no primary, so the stream is its own.
    pub top_level: bool,
    /// A failover waits for its target: nothing may be written into the stream but GETACK.
    pub quiet: bool,
    /// CLIENT PAUSE: replicas are not asked for acknowledgements.
    pub paused: bool,
    /// What the server must do.
    pub out: &'a mut Vec<Action>,
}

impl Env<'_> {
    fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.out.push(Action::Log(level, text.into()));
    }

    fn send(&mut self, to: ClientId, bytes: impl Into<Vec<u8>>) {
        self.out.push(Action::Send(to, bytes.into()));
    }
}

/// Who is at the other end: for people only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The address that `accept` saw, without the port.
    pub ip: String,
}

/// Where one replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Waits for a suitable snapshot to start.
    WaitStart,
    /// The cut is taken; the file is being written, or the payload sent.
    WaitEnd {
        /// Offset of the cut.
        initial: ReplOffset,
        /// The payload goes straight to the connection.
        sockets: bool,
    },
    /// The file is being sent.
    SendBulk,
    /// The payload is sent; the stream waits for the first ACK.
    Held,
    /// Gets the stream.
    Online,
    /// An `rdb-only` connection that has its payload.
    Transmitted,
    /// Waits for the payload to be asked for over a second connection.
    WaitSecond,
    /// Gets the stream, while the payload goes over the second connection, or is being loaded.
    Aside,
}

impl State {
    /// `state=` in INFO; `None` = not shown.
    pub fn info(&self) -> Option<&'static str> {
        match self {
            State::WaitStart | State::WaitEnd { .. } | State::WaitSecond => Some("wait_bgsave"),
            State::Aside => Some("send_bulk_and_stream"),
            State::SendBulk => Some("send_bulk"),
            State::Held | State::Online => Some("online"),
            State::Transmitted => None,
        }
    }

    /// A payload is on its way, or was not yet `answered` by an ACK.
    fn takes_payload(&self, answered: bool) -> bool {
        match self {
            State::WaitEnd { sockets, .. } => *sockets,
            State::SendBulk | State::Held => true,
            State::Online => !answered,
            State::WaitStart | State::Transmitted | State::WaitSecond | State::Aside => false,
        }
    }

    fn online(&self) -> bool {
        matches!(self, State::Held | State::Online)
    }
}

/// One replica.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Where it is.
    pub state: State,
    /// What it said about itself.
    pub conf: Replconf,
    /// Its part in a sync over two connections.
    pub channel: Channel,
    peer: Peer,
    /// What it can be told.
    reads: Reads,
    /// It used PSYNC; old SYNC replicas never ACK.
    psync: bool,
    /// Highest offset acknowledged.
    pub ack: ReplOffset,
    /// Highest durable offset acknowledged.
    pub fack: ReplOffset,
    ack_at_ms: u64,
    /// It has acknowledged something: what it was sent before is taken.
    answered: bool,
    since_ms: u64,
    /// Last time payload bytes went out; `None` before the first.
    progress_at_ms: Option<u64>,
    /// Its payload ended early at our end.
    cut_short: bool,
    /// Since when the soft output limit is exceeded.
    over_soft_since_ms: Option<u64>,
}

impl Replica {
    /// `state=` in INFO; `None` = not shown.
    pub fn info(&self) -> Option<&'static str> {
        match (self.state, self.channel) {
            (_, channel) if channel.is_hidden() => None,
            (State::Aside, Channel::First(Way::DualChannel, _)) => Some("bg_transfer"),
            (state, _) => state.info(),
        }
    }

    /// `ip:port` for people.
    pub fn label(&self) -> String {
        match self.conf.listening_port {
            0 => format!("{}:<unknown-replica-port>", self.ip()),
            port => format!("{}:{port}", self.ip()),
        }
    }

    /// The announced address, else the one seen.
    pub fn ip(&self) -> &str {
        match self.conf.ip_address.as_str() {
            "" => &self.peer.ip,
            announced => announced,
        }
    }

    /// Seconds since the last ACK; 0 unless online.
    pub fn lag_s(&self, now_ms: u64) -> u64 {
        match self.state.online() {
            true => now_ms.saturating_sub(self.ack_at_ms) / 1000,
            false => 0,
        }
    }
}

/// The running snapshot for replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Job {
    sockets: bool,
    started: bool,
}

/// All replicas of this server.
#[derive(Default)]
pub struct Primary {
    replicas: BTreeMap<ClientId, Replica>,
    job: Option<Job>,
    /// A save of another kind is running; ours must wait for its end.
    other_save: bool,
    next_cron_ms: u64,
    alone_since_ms: u64,
    /// Offset and time of the last change of the stream, for `ping`.
    last_offset: ReplOffset,
    last_write_ms: u64,
    ack_wanted: bool,
    /// Where the stream ended after the two GETACK of a failover.
    pub(super) asked_last: Option<ReplOffset>,
    good: usize,
    known: known::Known,
    pub(super) doubts: doubts::Doubts,
    /// Payloads that failed at our end.
    pub(super) holds: holds::Holds,
    /// What the members of the running snapshot want.
    job_wishes: Replconf,
    blocks_seen: u64,
    /// Some of the stream is on disk, or on its way there.
    spilling: bool,
    /// When the phases of the last full syncs were.
    pub(super) syncs: SentSyncs,
    /// Second connections that have ended before the first one came, for which the stream is kept; until when.
    late: BTreeMap<ClientId, u64>,
    /// Replicas that were told to ask over two connections in Valkey's way.
    invited: Vec<channels::Invited>,
    /// Keys in the last cut.
    cut_keys: u64,
    /// The database that the stream has selected there, if the stream is another server's.
    cut_db: StreamDb,
    /// The form in which the payload of that cut is written.
    cut_form: Target,
}

impl Primary {
    /// All replicas, in the order of their connections.
    pub fn replicas(&self) -> impl Iterator<Item = (ClientId, &Replica)> {
        self.replicas.iter().map(|(id, r)| (*id, r))
    }

    /// True if no reader of the stream knows the commands of Redis 7.0: every replica was found to be older.
    pub fn readers_are_old(&self) -> bool {
        let mut readers = self.replicas.values().map(|r| r.conf.reader());
        !self.replicas.is_empty() && readers.all(|reader| reader == Reader::Old)
    }

    /// One replica.
    pub fn replica(&self, id: ClientId) -> Option<&Replica> {
        self.replicas.get(&id)
    }

    /// True while a replica waits for a payload, or for the rest of one.
    pub fn feeds(&self) -> bool {
        let waits = |r: &Replica| {
            matches!(
                r.state,
                State::WaitStart | State::WaitEnd { .. } | State::SendBulk
            )
        };
        self.replicas.values().any(waits)
    }

    /// What replicas have shown that do not tell their versions, whether they are here or not.
    pub fn shown(&self) -> impl Iterator<Item = Shown> {
        self.doubts.told()
    }

    /// How often [`Primary::shown`] has changed.
    pub fn shown_changes(&self) -> u64 {
        self.doubts.changes()
    }

    /// How many replicas there are; the second connection of one does not count.
    pub fn count(&self) -> usize {
        let firsts = self.replicas.values().filter(|r| !r.channel.is_second());
        firsts.count()
    }

    /// `connected_slaves`: Valkey counts second connections, and Redis does not.
    pub fn connected(&self) -> usize {
        let shown = self.replicas.values().filter(|r| !r.channel.is_hidden());
        shown.count()
    }

    /// Nobody is connected, and nobody is expected.
    pub fn is_idle(&self) -> bool {
        self.replicas.is_empty()
    }

    /// True if the stream may go to this connection now.
    pub fn streams_to(&self, id: ClientId) -> bool {
        let state = self.replicas.get(&id).map(|r| r.state);
        matches!(state, Some(State::Online | State::Aside))
    }

    /// The other end closed the connection, or it broke.
    pub fn on_peer_closed(&mut self, id: ClientId, env: &mut Env<'_>) {
        if let Some(replica) = self.replicas.get(&id)
            && replica.state.takes_payload(replica.answered)
            && replica.conf.listening_port != 0
        {
            let label = replica.label();
            self.doubts.closed(label.clone(), env.now_ms);
            let newer = replica.reads - self.reads_still(replica, env);
            if replica.conf.is_redis_8() && !newer.is_empty() {
                let wait_s = self
                    .doubts
                    .too_new(label.clone(), env.now_ms)
                    .div_ceil(1000);
                let why = format!(
                    "replica {label} closed the connection during a full sync that needs {}; it may be too old for that",
                    newer.describe()
                );
                env.log(
                    LogLevel::Warning,
                    format!(
                        "Full sync failed: {why}. The next one begins in {wait_s} s at the earliest"
                    ),
                );
                self.holds.failed += 1;
                self.holds.why = why;
            }
            if self.doubts.form(&label) == doubts::Form::Old && replica.conf.is_of_unknown_age() {
                env.log(
                    LogLevel::Notice,
                    format!("Replica {label} closed the connection during a full sync. The next one will have the format of Redis 6.2"),
                );
            }
        }
        self.remove(id, true, env);
    }

    /// A connection is gone (closed by us, or by an operator).
    pub fn on_disconnect(&mut self, id: ClientId, env: &mut Env<'_>) {
        self.remove(id, false, env);
    }

    fn remove(&mut self, id: ClientId, peer: bool, env: &mut Env<'_>) {
        let reported = self.reported(id);
        let Some(replica) = self.replicas.remove(&id) else {
            return;
        };
        let complete = replica.state == State::Transmitted;
        if replica.answered && replica.shows_more() {
            let (label, is_redis_8) = (replica.label(), replica.conf.is_redis_8());
            self.doubts
                .shown(label, replica.reads, is_redis_8, env.now_ms);
        }
        // The report of two connections goes on until the replica is online, or is gone.
        if !replica.channel.is_second() || !complete {
            self.syncs.ended(reported, complete);
        }
        let what = match replica.channel.is_second() {
            true => "replica (rdbchannel)",
            false => "replica",
        };
        env.log(
            LogLevel::Notice,
            format!("Connection with {what} {} lost.", replica.label()),
        );
        let unbound = Channel::Second(Way::DualChannel, None);
        if let Some(log) = env
            .history
            .backlog_mut()
            .filter(|_| replica.channel != unbound)
        {
            log.unpin(id.0);
        }
        if !replica.channel.is_second() {
            self.known.lost(&replica.label(), env.now_ms);
        }
        self.after_end(id, &replica, peer, env);
        if self.replicas.is_empty() {
            self.alone_since_ms = env.now_ms;
        }
        self.refresh_good(env);
        self.cancel_unwanted_snapshot(env);
        if env.settings.full_syncs_max > 0 {
            self.start_if_due(env);
        }
    }

    /// Closes every replica: our history got another name or place, they must ask again.
    pub fn disconnect_all(&mut self, env: &mut Env<'_>) {
        let ids: Vec<ClientId> = self.replicas.keys().copied().collect();
        for id in ids {
            self.drop_replica(id, env);
        }
    }

    /// Promotion: the clock of `repl-backlog-ttl` starts again.
    pub fn restart_ttl(&mut self, now_ms: u64) {
        self.alone_since_ms = now_ms;
    }

    fn drop_replica(&mut self, id: ClientId, env: &mut Env<'_>) {
        env.out.push(Action::Close(id));
        self.on_disconnect(id, env);
    }
}
