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
//!  * Positions are counted from the start of the process. They are no offsets of the replication stream: that one is
//!    set by a full sync, and counts nothing while there is no backlog.

use crate::{Action, ClientId, Engine};
use replication::Effects;
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

/// A log that gets all effects, beside the replication log.
pub trait EffectLog {
    /// Appends the effects of one commit. They belong together: a reader of the log must see all of them or none.
    fn append(&mut self, effects: &Effects, at: CommitPosition) -> Replies;
}

/// What is to be committed next, the logs that it goes to, and what waits for them.
#[derive(Default)]
pub struct Commits {
    /// Effects of the running top-level request.
    pending: Effects,
    logs: Vec<Box<dyn EffectLog>>,
    /// Effects are not collected.
    muted: bool,
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
    pub fn commit(&mut self) -> CommitPosition {
        if self.depth == 0 && !self.commits.pending.is_empty() {
            self.append_to_logs();
        }
        self.commits.last
    }

    fn append_to_logs(&mut self) {
        let Commits {
            pending,
            logs,
            last,
            seal,
            ..
        } = &mut self.commits;
        last.0 += 1;
        self.repl.feed(pending);
        for log in logs {
            if log.append(pending, *last) == Replies::WhenDurable {
                *seal = *last;
            }
        }
        pending.clear();
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
