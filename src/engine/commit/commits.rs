//! Positions of commits, the logs that get them, and the replies that wait for them.

use crate::ClientId;
use crate::settled::Settled;
use replication::{Effects, StreamPlace};
use std::collections::BTreeSet;

/// A place in the order of all commits of this process. A later commit has a greater position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitPosition(pub(super) u64);

impl CommitPosition {
    /// The position of the `n`th commit of a process.
    pub fn nth(n: u64) -> CommitPosition {
        CommitPosition(n)
    }

    /// The number of commits after `earlier` up to this one.
    pub fn since(self, earlier: CommitPosition) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When the replies that are written after a commit may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// At once.
    AtOnce,
    /// When the log has made the commit durable and [`Engine::on_durable`](crate::Engine::on_durable) knows of it.
    WhenDurable,
}

/// What the effects of a commit have to do with the replication stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// As a primary, they become part of it; as a replica, they are this server's own.
    #[default]
    Here,
    /// A request of our primary has caused them.
    Primary,
}

/// A commit, as a log sees it.
#[derive(Clone, Copy)]
pub struct Commit<'a> {
    /// The effects. They belong together: a reader of the log must see all of them or none.
    pub effects: &'a Effects,
    /// Its place in the order of commits.
    pub at: CommitPosition,
    /// What caused it.
    pub origin: Origin,
    /// What was appended to the stream since the last commit, other than effects.
    pub beside: &'a [u8],
    /// Where the stream is before it; `None` if nothing is counted.
    pub stream: Option<StreamPlace<'a>>,
}

/// A log that receives all effects, in addition to the replication log.
pub trait EffectLog {
    /// Appends the effects of one commit.
    fn append(&mut self, commit: Commit<'_>) -> Replies;

    /// A request or transaction of our primary has run, and these parts are its bytes in the stream, which are not
    /// counted yet. It went `well` if none of its commands failed.
    fn processed(&mut self, _parts: &[&[u8]], _well: bool, _stream: Option<StreamPlace<'_>>) {}
}

/// What is to be committed next, the logs that it goes to, and what waits for them.
#[derive(Default)]
pub struct Commits {
    /// Effects of the running top-level request.
    pub(super) pending: Effects,
    pub(super) logs: Vec<Box<dyn EffectLog>>,
    /// Effects are not collected.
    pub(super) muted: bool,
    /// What causes the effects that are collected.
    pub(super) origin: Origin,
    /// Where the effects of our primary's request are noted.
    pub(crate) settled: Option<Settled>,
    /// The last commit.
    pub(super) last: CommitPosition,
    /// The last commit that has to be durable before replies leave.
    pub(super) seal: CommitPosition,
    /// All commits up to this one are durable, or need not be.
    pub(super) durable: CommitPosition,
    /// Clients with sealed replies, by the position that the next of these wait for.
    pub(super) waiting: BTreeSet<(CommitPosition, ClientId)>,
}

impl Commits {
    /// Effects go to this log, too, from the next commit on.
    pub fn add_log(&mut self, log: Box<dyn EffectLog>) {
        self.logs.push(log);
    }

    /// Effects go to no further log from now on, and all replies may leave.
    pub fn remove_logs(&mut self) {
        self.logs.clear();
        self.durable = self.durable.max(self.seal);
    }

    /// From now on effects are collected, or not: those of requests that come from a log are in it already.
    pub(crate) fn collect(&mut self, collect: bool) {
        self.muted = !collect;
    }

    /// The running requests come from a log.
    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    /// The position of the last commit.
    pub fn position(&self) -> CommitPosition {
        self.last
    }

    /// The position of the last commit, or of the one that is being collected.
    pub fn position_of_pending(&self) -> CommitPosition {
        CommitPosition(self.last.0 + u64::from(!self.pending.is_empty()))
    }

    /// Effects are made durable here, too.
    pub fn has_log(&self) -> bool {
        !self.logs.is_empty()
    }

    /// The position that must be durable before what is written now may leave.
    #[inline]
    pub fn seal(&self) -> CommitPosition {
        self.seal
    }

    /// What is sealed with a position up to this one may leave.
    #[inline]
    pub fn durable(&self) -> CommitPosition {
        self.durable
    }

    /// `client` is woken ([`Action::Wake`](crate::Action::Wake)) when `at`, the seal of replies that it has pending, is
    /// durable.
    pub fn wake_when_durable(&mut self, client: ClientId, at: CommitPosition) {
        self.waiting.insert((at, client));
    }
}
