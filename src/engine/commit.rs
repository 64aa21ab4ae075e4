//! The commit point: the one place where effects leave the engine.
//!
//! ```text
//! request, timer -> effects -> commit -> replication log
//!                                |---> further logs (EffectLog)
//!                                '---> CommitPosition, which seals the replies that follow
//! ```
//!
//!  * A commit takes the effects of one top-level request (a whole EXEC or script counts as one), or of one piece of
//!    the server's own work such as the deletion of an expired key. Every log gets the same effects in the same order.
//!  * A log may say that the effects have to be durable before anybody is told of them. Then all replies that are
//!    written from this commit on are sealed with its position, whichever client they are for, because any of them may
//!    show the effect. They leave once [`Engine::on_durable`] has been told of that position.
//!  * A log is told where the replication stream is before the effects become part of it, and what the stream has beside
//!    effects, so that it can tell the history again. As a replica the stream is what our primary sent; what its requests
//!    caused and these bytes are told one after the other ([`EffectLog::processed`]).
//!  * Positions are counted from the start of the process. They are no offsets of the replication stream: that one is
//!    set by a full sync, and counts nothing while there is no backlog.

use crate::{Action, ClientId, Engine, Session};
use replication::{Effects, StreamPlace};
use std::collections::BTreeSet;

/// A place in the order of all commits of this process. A later commit has a greater position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitPosition(u64);

impl CommitPosition {
    /// The position of the `n`th commit of a process.
    pub fn nth(n: u64) -> CommitPosition {
        CommitPosition(n)
    }
}

/// When the replies that are written after a commit may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// At once.
    AtOnce,
    /// When the log has made the commit durable and [`Engine::on_durable`] knows of it.
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
    /// What was appended to the stream since the last commit, beside effects.
    pub beside: &'a [u8],
    /// Where the stream is before it; `None` if nothing is counted.
    pub stream: Option<StreamPlace<'a>>,
}

/// A log that gets all effects, beside the replication log.
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
    pending: Effects,
    logs: Vec<Box<dyn EffectLog>>,
    /// Effects are not collected.
    muted: bool,
    /// What causes the effects that are collected.
    origin: Origin,
    /// The last commit.
    last: CommitPosition,
    /// The last commit that has to be durable before replies leave.
    seal: CommitPosition,
    /// All commits up to this one are durable, or need not be.
    durable: CommitPosition,
    /// Clients with sealed replies, by the position that the next of these wait for.
    waiting: BTreeSet<(CommitPosition, ClientId)>,
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

    /// `client` is woken ([`Action::Wake`]) when `at`, the seal of replies that it has pending, is durable.
    pub fn wake_when_durable(&mut self, client: ClientId, at: CommitPosition) {
        self.waiting.insert((at, client));
    }
}

impl Engine {
    /// Adds an effect, if any log is there to take it.
    #[inline]
    pub fn propagate<T: AsRef<[u8]>>(&mut self, db: usize, argv: &[T]) {
        if (self.repl.listening() || !self.commits.logs.is_empty()) && !self.commits.muted {
            self.commits.pending.push(db, argv);
        }
    }

    /// Appends the collected effects to all logs, unless a transaction or script is still running. Returns the position
    /// of the last commit.
    #[inline]
    pub fn commit(&mut self) -> CommitPosition {
        if self.depth == 0 && !self.commits.pending.is_empty() {
            self.append_to_logs();
        }
        self.commits.last
    }

    #[inline(never)]
    fn append_to_logs(&mut self) {
        let Commits {
            pending,
            logs,
            last,
            seal,
            origin,
            ..
        } = &mut self.commits;
        last.0 += 1;
        if !logs.is_empty() {
            let beside = self.repl.take_beside();
            let commit = Commit {
                effects: pending,
                at: *last,
                origin: *origin,
                beside: &beside,
                stream: self.repl.place(),
            };
            for log in logs {
                if log.append(commit) == Replies::WhenDurable {
                    *seal = *last;
                }
            }
        }
        self.repl.feed(pending);
        pending.clear();
    }

    /// A request of our primary runs next: what is committed up to [`Engine::end_of_primary`] is caused by it.
    pub(crate) fn begin_of_primary(&mut self, session: &Session) {
        if self.commits.logs.is_empty() {
            return;
        }
        self.commit();
        self.repl.set_stream_db(session.stream_db());
        self.commits.origin = Origin::Primary;
    }

    /// It has run.
    pub(crate) fn end_of_primary(&mut self) {
        if self.commits.origin == Origin::Primary {
            self.commit();
            self.commits.origin = Origin::Here;
        }
    }

    /// A request or transaction of our primary has run: these parts of the stream are about to be counted.
    pub(crate) fn tell_logs_of_primary(&mut self, parts: &[&[u8]], well: bool) {
        let stream = self.repl.place();
        for log in &mut self.commits.logs {
            log.processed(parts, well, stream);
        }
    }

    /// All commits up to `at` are durable: clients whose replies waited for that are woken.
    pub fn on_durable(&mut self, at: CommitPosition) {
        let commits = &mut self.commits;
        if at <= commits.durable {
            return;
        }
        commits.durable = at;
        while let Some(&first) = commits.waiting.first()
            && first.0 <= commits.durable
        {
            commits.waiting.remove(&first);
            self.actions.push(Action::Wake(first.1));
        }
        self.serve_waits();
    }
}
