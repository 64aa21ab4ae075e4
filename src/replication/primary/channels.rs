//! Full syncs over two connections, on the primary: the second one carries the payload, and the first one the stream
//! from the cut on.
//!
//! ```text
//! Redis 8   first: PSYNC, +RDBCHANNELSYNC <its number> -> WaitSecond --cut of the second--> Aside --ACK--> Online
//!           second: REPLCONF main-ch-client-id <that number>, PSYNC -> WaitStart -> WaitEnd -> Transmitted
//! Valkey 8  first: PSYNC, +DUALCHANNELSYNC; no replica yet
//!           second: SYNC -> WaitStart --cut: $ENDOFF with its number, pins the log--> WaitEnd -> Transmitted
//!           first: REPLCONF set-rdb-client-id <that number>, PSYNC <cut>, +CONTINUE -> Aside --ACK--> Online
//! ```
//!
//!  * The log is pinned from the cut on: by the first connection, or by the second until the first one has been made,
//!    even if the second has ended by then ([`LATE_MS`]).
//!  * If the first connection ends, the second is useless and is closed. If this server ends the second, because the
//!    payload cannot be completed, the first is closed too. If the replica ends the second, the first stays: the
//!    replica may have all that it needs.

use super::{Env, Primary, Replica, State};
use crate::action::Action;
use crate::replconf::{Capa, Filter};
use base::{ClientId, LogLevel};

/// How long the stream is kept for the first connection of a replica whose second one has ended.
pub(super) const LATE_MS: u64 = 60_000;
/// For how many such replicas the stream is kept.
const LATE_MAX: usize = 32;
/// The oldest server that uses Valkey's protocol.
const VALKEY_8: (u32, u32, u32) = (8, 0, 0);

/// The protocol of a full sync over two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Redis 8.
    RdbChannel,
    /// Valkey 8.
    DualChannel,
}

/// The part of a connection in a full sync over two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// It is the only connection.
    Single,
    /// It carries the stream.
    First(Way, Option<ClientId>),
    /// It carries the payload.
    Second(Way, Option<ClientId>),
}

impl Channel {
    /// True for a second connection, which belongs to a replica and does not count as one.
    pub fn is_second(self) -> bool {
        matches!(self, Channel::Second(..))
    }

    /// `type=` in INFO; Redis shows none.
    pub fn info(self) -> Option<&'static str> {
        match self {
            Channel::First(Way::DualChannel, _) => Some("main-channel"),
            Channel::Second(Way::DualChannel, _) => Some("rdb-channel"),
            _ => None,
        }
    }

    /// True if INFO does not show it: in Redis's protocol, only the first connection counts.
    pub fn is_hidden(self) -> bool {
        matches!(self, Channel::Second(Way::RdbChannel, _))
    }
}

/// A replica that was told to use two connections, by Valkey's protocol.
pub(super) struct Invited {
    label: String,
    /// What it has announced about itself.
    version: Option<(u32, u32, u32)>,
}

impl Primary {
    /// The protocol that is offered to a replica that needs a full sync.
    pub(super) fn offers(&self, replica: &Replica, env: &Env<'_>) -> Option<Way> {
        let (s, conf) = (env.settings, &replica.conf);
        let may = s.diskless_sync
            && !conf.rdb_only
            && conf.filter == Filter::All
            && conf.capa.contains(Capa::EOF | Capa::PSYNC2);
        if !may {
            return None;
        }
        // Redis's protocol saves a round trip, and the log is never pinned for a connection that has not been made yet.
        if s.rdb_channel && conf.capa.contains(Capa::REDIS_8) {
            return Some(Way::RdbChannel);
        }
        (s.dual_channel && conf.capa.contains(Capa::DUAL_CHANNEL)).then_some(Way::DualChannel)
    }

    /// True if a second connection may name this one as its first.
    pub fn awaits_second(&self, first: ClientId) -> bool {
        let replica = self.replicas.get(&first);
        replica.is_some_and(|r| {
            r.state == State::WaitSecond && matches!(r.channel, Channel::First(_, None))
        })
    }

    /// True if a first connection may name this one as its second.
    pub fn awaits_first(&self, second: ClientId) -> bool {
        let replica = self.replicas.get(&second);
        let open = Channel::Second(Way::DualChannel, None);
        self.late.contains_key(&second) || replica.is_some_and(|r| r.channel == open)
    }

    /// `replicas_waiting_psync`
    pub fn waiting_first(&self) -> usize {
        let open = Channel::Second(Way::DualChannel, None);
        let here = |r: &&Replica| r.channel == open && matches!(r.state, State::WaitEnd { .. });
        self.late.len() + self.replicas.values().filter(here).count()
    }

    /// The part of a connection that requests a sync.
    pub(super) fn channel(&self, replica: &Replica) -> Channel {
        let conf = &replica.conf;
        if !conf.rdb_channel {
            return Channel::Single;
        }
        match conf.main_channel {
            Some(first) if self.awaits_second(first) => {
                Channel::Second(Way::RdbChannel, Some(first))
            }
            _ if replica.psync => Channel::Second(Way::RdbChannel, None),
            _ => Channel::Second(Way::DualChannel, None),
        }
    }

    /// Copies what the first connection has announced, and the second has not, to the second.
    pub(super) fn learn_of_first(&self, second: &mut Replica) {
        let Channel::Second(way, first) = second.channel else {
            return;
        };
        second.conf.rdb_only = true;
        match way {
            // Only Redis 8 uses this protocol, or a server that announces more.
            Way::RdbChannel => {
                second.conf.capa |= Capa::REDIS_8;
                if let Some(first) = first.and_then(|first| self.replicas.get(&first)) {
                    second.conf.capa |= first.conf.capa - Capa::PSYNC2;
                    second.conf.version = second.conf.version.or(first.conf.version);
                }
            }
            Way::DualChannel => {
                let label = second.label();
                let invited = self.invited.iter().find(|i| i.label == label);
                let said = invited.and_then(|invited| invited.version);
                second.conf.version = second.conf.version.or(said).or(Some(VALKEY_8));
            }
        }
    }

    /// Remembers a first connection that was told to return, because Valkey before 9.1 announces its version over this
    /// one only.
    pub(super) fn invite(&mut self, label: String, version: Option<(u32, u32, u32)>) {
        self.invited.retain(|i| i.label != label);
        if self.invited.len() == LATE_MAX {
            self.invited.remove(0);
        }
        self.invited.push(Invited { label, version });
    }

    /// Links the first connection to its second one, which has just requested the payload.
    pub(super) fn pair(&mut self, second: ClientId) {
        let Some(Channel::Second(way, Some(first))) = self.replicas.get(&second).map(|r| r.channel)
        else {
            return;
        };
        if let Some(replica) = self.replicas.get_mut(&first) {
            replica.channel = Channel::First(way, Some(second));
        }
    }

    /// A first connection of Valkey's protocol continues from the cut of this second one, and pins the log itself from
    /// now on.
    pub(super) fn takes_over(&mut self, first: ClientId, second: ClientId, env: &mut Env<'_>) {
        self.late.remove(&second);
        if let Some(log) = env.history.backlog_mut() {
            log.unpin(second.0);
        }
        if let Some(replica) = self.replicas.get_mut(&second) {
            replica.channel = Channel::Second(Way::DualChannel, Some(first));
        }
    }

    /// The cut for the payload of a second connection has been taken. Returns the connection that pins the log from
    /// there, if any, and the line that announces the position.
    pub(super) fn cut_for(&mut self, id: ClientId, env: &mut Env<'_>) -> Option<ClientId> {
        let Channel::Second(way, first) = self.replicas.get(&id)?.channel else {
            return Some(id);
        };
        match (way, first) {
            (Way::DualChannel, _) => Some(id),
            (Way::RdbChannel, None) => None,
            (Way::RdbChannel, Some(first)) => {
                let replica = self.replicas.get_mut(&first)?;
                replica.state = State::Aside;
                replica.ack_at_ms = env.now_ms;
                let label = replica.label();
                env.log(
                    LogLevel::Notice,
                    format!("Starting to deliver RDB and replication stream to replica: {label}"),
                );
                Some(first)
            }
        }
    }

    /// One of two connections has ended. `peer` is true if the other end has closed it.
    pub(super) fn after_end(
        &mut self,
        id: ClientId,
        gone: &Replica,
        peer: bool,
        env: &mut Env<'_>,
    ) {
        match gone.channel {
            Channel::Single | Channel::Second(Way::RdbChannel, None) => {}
            Channel::First(_, second) => {
                let other = second.filter(|second| {
                    let state = self.replicas.get(second).map(|r| r.state);
                    state.is_some_and(|state| state != State::Transmitted)
                });
                if let Some(second) = other {
                    env.out.push(Action::Close(second));
                    self.on_disconnect(second, env);
                }
            }
            Channel::Second(Way::DualChannel, None) => {
                let cut = matches!(gone.state, State::WaitEnd { .. } | State::Transmitted);
                if cut && (peer || gone.state == State::Transmitted) && self.late.len() < LATE_MAX {
                    self.late.insert(id, env.now_ms + LATE_MS);
                } else if let Some(log) = env.history.backlog_mut() {
                    log.unpin(id.0);
                }
            }
            Channel::Second(_, Some(first)) => {
                let failed = gone.state != State::Transmitted && !peer;
                if let Some(replica) = self.replicas.get_mut(&first) {
                    replica.ack_at_ms = env.now_ms;
                    if failed || replica.state == State::WaitSecond {
                        env.out.push(Action::Close(first));
                        self.on_disconnect(first, env);
                    }
                }
            }
        }
    }

    /// Stops keeping the stream for first connections that have not been made in time, or for which too much of it is
    /// kept.
    pub(super) fn forget_late(&mut self, env: &mut Env<'_>) {
        let (now_ms, hard) = (env.now_ms, env.settings.output_hard);
        let most = hard.max(env.history.backlog_bytes_max());
        let Some(log) = env.history.backlog_mut() else {
            self.late.clear();
            return;
        };
        self.late.retain(|id, until_ms| {
            let kept = now_ms < *until_ms && (hard == 0 || log.share(id.0) < most);
            if !kept {
                log.unpin(id.0);
            }
            kept
        });
    }

    /// The connection under which the report of a sync is kept.
    pub(super) fn reported(&self, id: ClientId) -> ClientId {
        match self.replicas.get(&id).map(|r| r.channel) {
            Some(Channel::First(_, Some(second))) => second,
            _ => id,
        }
    }
}
