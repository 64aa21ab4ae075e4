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
//!  * A log may require that the effects are durable before anybody can see them. In that case, all replies that are
//!    written from this commit on are sealed with its position, whichever client they are for, because any of them may
//!    reveal the effect. They are sent once [`Engine::on_durable`] has been called with that position.
//!  * A log is told the position in the replication stream before the effects become part of it, and what the stream
//!    contains besides effects, so that the log can reproduce the history. On a replica, the stream is what our primary
//!    sent; the log is told first what its requests caused, and then these bytes ([`EffectLog::processed`]).
//!  * Positions are counted from the start of the process. They are not offsets of the replication stream, which is set
//!    by a full sync and is not counted while there is no backlog.

mod commits;

pub use commits::{Commit, CommitPosition, Commits, EffectLog, Origin, Replies};

use crate::{Action, Engine, Session};

impl Engine {
    /// Adds an effect, if any log is there to take it.
    #[inline]
    pub fn propagate<T: AsRef<[u8]>>(&mut self, db: usize, argv: &[T]) {
        if self.takes_effects() {
            self.commits.pending.push(db, argv);
        }
    }

    /// As [`Engine::propagate`], where the encoded request may be known.
    #[inline]
    pub(crate) fn propagate_framed(&mut self, db: usize, argv: &[&[u8]], frame: Option<&[u8]>) {
        if self.takes_effects() {
            match frame {
                Some(frame) => self.commits.pending.push_framed(db, argv, frame),
                None => self.commits.pending.push(db, argv),
            }
        }
    }

    /// Whether any log is there to take effects, for those that are not worth being put together otherwise.
    #[inline]
    pub fn takes_effects(&self) -> bool {
        (self.repl.listening() || !self.commits.logs.is_empty()) && !self.commits.muted
    }

    /// Whether a message is part of a stream: replicas may read it here, or our primary sent it. Without a stream, a log
    /// has no use for messages, which change nothing.
    pub fn streams_messages(&self) -> bool {
        self.repl.listening() || self.commits.origin == Origin::Primary
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
            settled,
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
        if let Some(settled) = settled {
            settled.note(pending);
        }
        self.repl.feed(pending);
        pending.clear();
    }

    /// A request of our primary runs next. It is the cause of everything that is committed up to
    /// [`Engine::end_of_primary`].
    pub(crate) fn begin_of_primary(&mut self, session: &Session) {
        if self.commits.logs.is_empty() {
            return;
        }
        self.commit();
        self.repl.set_stream_db(session.stream_db());
        self.commits.origin = Origin::Primary;
    }

    /// The request of our primary has run.
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
