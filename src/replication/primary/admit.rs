//! SYNC and PSYNC: continue where the replica was, or join or start a snapshot.

use super::doubts::Form;
use super::{Channel, Env, Peer, Primary, Replica, State, Way};
use crate::history::{History, Refusal};
use crate::position::ReplOffset;
use crate::reads::Reads;
use crate::replconf::{Capa, Reader, Replconf};
use base::{ClientId, LogLevel};

/// What a connection asks for.
#[derive(Clone, Copy, Debug)]
pub enum Request<'a> {
    /// `SYNC`: a full sync in the old way, without a reply line.
    Sync,
    /// `PSYNC id from`
    Psync {
        /// The history the replica is in; `?` = none.
        id: &'a [u8],
        /// The first byte it lacks.
        from: i64,
    },
}

/// How a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// `+CONTINUE`
    Partial,
    /// A full sync, as asked for.
    Full,
    /// A full sync, because the asked partial one is impossible.
    FullInstead,
    /// The payload is to be asked for over a second connection. `true`: a partial sync was asked for, and is
    /// impossible.
    OverTwo(bool),
    /// As that, and this connection is no replica's before it comes back.
    Invited(bool),
}

/// The version that a replica is taken for that may be older than our usual dumps.
const OLD: (u32, u32, u32) = (6, 2, 0);
/// The version that a replica has to show.
const REDIS_7_4: (u32, u32, u32) = (7, 4, 0);
/// The version that stands for a Redis 8 that has to show that it is a Redis 8.6.
const REDIS_8_6: (u32, u32, u32) = (8, 6, 0);
/// The version that stands for a Redis 8 that has to show that it is a Redis 8.8.
const REDIS_8_8: (u32, u32, u32) = (8, 8, 0);

impl Primary {
    /// A connection asks to become a replica. The gates before this (role, pending output) are the
    /// command's.
    pub fn on_sync(
        &mut self,
        id: ClientId,
        peer: Peer,
        conf: &Replconf,
        request: Request<'_>,
        env: &mut Env<'_>,
    ) -> Admission {
        let mut replica = Replica {
            state: State::WaitStart,
            conf: conf.clone(),
            channel: Channel::Single,
            peer,
            reads: Reads::empty(),
            psync: matches!(request, Request::Psync { .. }),
            ack: ReplOffset::ZERO,
            fack: ReplOffset::ZERO,
            ack_at_ms: env.now_ms,
            answered: false,
            since_ms: env.now_ms,
            progress_at_ms: None,
            cut_short: false,
            over_soft_since_ms: None,
        };
        replica.channel = self.channel(&replica);
        self.learn_of_first(&mut replica);
        let label = replica.label();
        env.log(
            LogLevel::Notice,
            format!("Replica {label} asks for synchronization"),
        );
        let second = replica
            .conf
            .rdb_client
            .filter(|second| self.awaits_first(*second));
        let paired = replica.channel.is_second() || second.is_some();
        if !paired && self.replicas.values().any(|r| r.label() == label) {
            self.doubts.shared(label.clone(), env.now_ms);
        }
        if !paired && !names_ours(request, env.history) {
            self.doubts.arrives_anew(&label);
        }
        if replica.conf.is_of_unknown_age() {
            replica.conf.version = match self.doubts.form(&label) {
                _ if env.settings.old_readers => Some(OLD),
                Form::Old => Some(OLD),
                Form::Redis74 => Some(REDIS_7_4),
                Form::Redis86 | Form::Redis88 | Form::Usual => None,
            };
        }
        if replica.conf.reader() == Reader::Redis8 {
            replica.conf.version = match self.doubts.form(&label) {
                Form::Redis86 => Some(REDIS_8_6),
                Form::Redis88 => Some(REDIS_8_8),
                Form::Redis74 | Form::Usual | Form::Old => None,
            };
        }
        replica.reads = self.reads_still(&replica, env);
        let mut admission = Admission::Full;
        if let Request::Psync { id: asked, from } = request {
            let from = ReplOffset::claimed(from);
            match may_continue(&replica, asked, from, env.history) {
                Ok(bytes) => {
                    match second {
                        Some(second) => {
                            replica.state = State::Aside;
                            replica.channel = Channel::First(Way::DualChannel, Some(second));
                        }
                        None => {
                            replica.state = State::Online;
                            replica.answered = true;
                            self.known.online(label);
                        }
                    }
                    self.replicas.insert(id, replica);
                    self.go_on(id, from, bytes, env);
                    if let Some(second) = second {
                        self.takes_over(id, second, env);
                    }
                    return Admission::Partial;
                }
                Err(refusal) => explain(&refusal, asked, from, &label, env),
            }
            if !asked.starts_with(b"?") {
                admission = Admission::FullInstead;
            }
            if let Some(way) = self.offers(&replica, env) {
                let instead = admission == Admission::FullInstead;
                return self.offer(id, replica, way, instead, env);
            }
        }
        self.known.back(&label);
        self.syncs.requested(id, label);
        self.replicas.insert(id, replica);
        self.pair(id);
        if env.history.backlog().is_none() {
            self.create_backlog(env);
        }
        self.place(id, env);
        admission
    }

    /// The full sync of this replica has two connections.
    fn offer(
        &mut self,
        id: ClientId,
        mut replica: Replica,
        way: Way,
        instead: bool,
        env: &mut Env<'_>,
    ) -> Admission {
        let label = replica.label();
        let text = match way {
            Way::RdbChannel => format!(
                "Replica {label} is capable of rdb channel synchronization, and partial sync isn't possible. Full sync \
                 will continue with dedicated rdb channel."
            ),
            Way::DualChannel => format!(
                "Dual channel replication: Replica {label} is capable of dual channel synchronization, and partial sync \
                 isn't possible. Full sync will continue with dedicated RDB channel."
            ),
        };
        env.log(LogLevel::Notice, text);
        if way == Way::DualChannel {
            self.invite(label, replica.conf.version);
            return Admission::Invited(instead);
        }
        replica.state = State::WaitSecond;
        replica.channel = Channel::First(way, None);
        self.known.back(&label);
        self.replicas.insert(id, replica);
        if env.history.backlog().is_none() {
            self.create_backlog(env);
        }
        env.send(id, format!("+RDBCHANNELSYNC {}\r\n", id.0));
        Admission::OverTwo(instead)
    }

    fn go_on(&mut self, id: ClientId, from: ReplOffset, bytes: usize, env: &mut Env<'_>) {
        let replica = &self.replicas[&id];
        let line = match replica.conf.capa.contains(Capa::PSYNC2) {
            true => format!("+CONTINUE {}\r\n", env.history.id()),
            false => "+CONTINUE\r\n".to_owned(),
        };
        let label = replica.label();
        env.send(id, line);
        let log = env.history.backlog_mut();
        let pinned = log.is_some_and(|log| log.pin(id.0, from));
        assert!(pinned, "can_continue looked at this byte");
        env.log(
            LogLevel::Notice,
            format!(
                "Partial resynchronization request from {label} accepted. Sending {bytes} bytes of \
                 backlog starting from offset {from}."
            ),
        );
        let log = env.history.backlog();
        let first = log.filter(|log| !log.covers(from)).map(|log| log.first());
        if let Some(first) = first {
            let before = first.get() - from.get();
            env.log(
                LogLevel::Notice,
                format!("The first {before} of them are read from the append-only file"),
            );
        }
        self.refresh_good(env);
    }

    /// The backlog starts with the first full sync. A server that counted nothing so far must not
    /// serve an old id: uncounted writes could hide behind it.
    fn create_backlog(&mut self, env: &mut Env<'_>) {
        if env.top_level {
            env.history.rename(env.secrets);
        }
        env.history.create_backlog();
        let none = "0".repeat(40);
        let id = env.history.id();
        env.log(
            LogLevel::Notice,
            format!("Replication backlog created, my new replication IDs are '{id}' and '{none}'"),
        );
    }
}

/// True if the replica says that it is in our history, or was.
fn names_ours(request: Request<'_>, history: &History) -> bool {
    match request {
        Request::Sync => false,
        Request::Psync { id, .. } => history.is_called(id),
    }
}

/// Decides whether the history continues there, and whether the replica understands the part that it lacks.
fn may_continue(
    replica: &Replica,
    id: &[u8],
    from: ReplOffset,
    history: &History,
) -> Result<usize, Refusal> {
    let bytes = history.can_continue(id, from)?;
    let missing = history.needs_from(from) - replica.reads;
    match missing.is_empty() {
        true => Ok(bytes),
        false => Err(Refusal::Unread(missing)),
    }
}

fn explain(why: &Refusal, asked: &[u8], from: ReplOffset, label: &str, env: &mut Env<'_>) {
    let refused = "Partial resynchronization not accepted:";
    let text = match why {
        Refusal::FullAsked => format!("Full resync requested by replica {label}"),
        Refusal::IdMismatch => format!(
            "{refused} Replication ID mismatch (Replica asked for '{}', my replication IDs are '{}' \
             and '{}')",
            String::from_utf8_lossy(asked).escape_debug(),
            env.history.id(),
            env.history
                .second()
                .map_or("0".repeat(40), |(id, _)| id.to_string()),
        ),
        Refusal::BeyondSecond(up_to) => format!(
            "{refused} Requested offset for second ID was {from}, but I can reply up to {up_to}"
        ),
        Refusal::Unread(missing) => format!(
            "{refused} the backlog contains {}, which replica {label} is not known to understand",
            missing.describe()
        ),
        Refusal::NotInBacklog | Refusal::AheadOfUs => format!(
            "Unable to partial resync with replica {label} for lack of backlog (Replica request was: \
             {from})."
        ),
    };
    env.log(LogLevel::Notice, text);
    if *why == Refusal::AheadOfUs {
        env.log(
            LogLevel::Warning,
            format!(
                "Warning: replica {label} tried to PSYNC with an offset that is greater than the \
                 master replication offset."
            ),
        );
    }
}
