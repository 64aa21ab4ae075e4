//! Clients that wait: for keys (BLPOP ...), for replicas (WAIT), or for the server (CLIENT PAUSE).
//!
//! A command that finds nothing to return calls [`Cx::block_on`]: its request is kept, and the client is queued at each
//! key. A change of a key that a client waits for marks it *ready*; after the command (or transaction, or script)
//! that changed it, [`Executor::serve_ready_keys`] runs the requests of its waiters again, which either finish now or
//! continue to wait.
//!
//!  * Waiters of a key are served in order of arrival, and keys in the order in which they became ready. If serving
//!    makes further keys ready (BLMOVE), these follow.
//!  * The effects of a served client follow those of the command that served it, and are never inside its MULTI/EXEC.
//!  * A waiter is considered only if its key holds the type that it waits for: a key that became a set does not concern
//!    BLPOP. Clients of XREADGROUP are also told that their key was deleted.
//!  * No command blocks inside EXEC or a script, or on the link to the primary.
//!  * A client that waits is in `waiting` under each of its keys, in `deadlines` if it has one, and has
//!    `Session::blocked` and the flag BLOCKED; one function, `release`, removes all of this.

mod table;

pub use table::{Blocked, BlockedOn, Blocking, Durable, WaitFor};

use crate::acl::Access;
use crate::commit::CommitPosition;
use crate::kept::Kept;
use crate::{
    Action, Args, ClientFlags, ClientId, CmdResult, CommandError, Cx, Engine, Executor, Session,
    table as commands,
};
use keyspace::ValueRef;
use replication::ReplOffset;

/// How CLIENT UNBLOCK ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// As if the time were up.
    Timeout,
    /// With an UNBLOCKED error.
    Error,
}

/// What a blocking command answers when it must not block (inside EXEC or a script).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// `*-1`
    NullArray,
    /// `$-1`
    Null,
}

impl Cx<'_> {
    /// Blocks the client until one of `keys` holds what it waits for or the deadline passes (of the
    /// steady clock, `None` = never); then `args` runs again. Where blocking is not allowed, replies at once.
    pub fn block_on(
        &mut self,
        args: Args<'_>,
        keys: &[&[u8]],
        wait_for: WaitFor,
        deadline_ms: Option<i64>,
        otherwise: Otherwise,
    ) {
        let never = ClientFlags::DENY_BLOCKING | ClientFlags::MASTER | ClientFlags::INTERNAL;
        if self.engine.depth > 0 || self.client.flags.intersects(never) {
            match otherwise {
                Otherwise::NullArray => self.client.reply.null_array(),
                Otherwise::Null => self.client.reply.null(),
            }
            return;
        }
        let db = self.client.db;
        for key in keys {
            self.engine.blocking.queue(self.client.id, db, key);
        }
        let on = BlockedOn::Keys {
            db,
            keys: keys.iter().map(|key| key.to_vec()).collect(),
            wait_for,
        };
        self.wait(args, on, deadline_ms);
    }

    /// Blocks the client for any reason; see [`Cx::block_on`] for keys.
    pub fn wait(&mut self, args: Args<'_>, on: BlockedOn, deadline_ms: Option<i64>) {
        let blocking = &mut self.engine.blocking;
        let deadline_ms = blocking.resuming.take().unwrap_or(deadline_ms);
        if let Some(at) = deadline_ms {
            blocking.deadlines.insert((at, self.client.id));
        }
        blocking.clients += 1;
        self.client.flags.insert(ClientFlags::BLOCKED);
        self.client.blocked = Some(Box::new(Blocked {
            spent_ns: 0,
            args: Kept::of(args.0),
            deadline_ms,
            on,
        }));
    }
}

impl Executor {
    /// Runs the requests of clients whose keys became ready. Call after each top-level command.
    pub fn serve_ready_keys(&mut self) {
        if self.script_is_parked() {
            return; // they are served when it has ended
        }
        while !self.blocking.ready.is_empty() {
            for (db, key) in std::mem::take(&mut self.blocking.ready) {
                let waiting = self.blocking.waiting.get_mut(&db);
                match waiting.and_then(|keys| keys.get_mut(&key)) {
                    Some(waiters) => waiters.ready = false,
                    None => continue,
                }
                for id in self.blocking.waiters(db, &key) {
                    if self.concerns(id, db, &key) {
                        self.resume(id);
                    }
                }
            }
        }
    }

    /// True if the present value of the key concerns a client that waits for it.
    fn concerns(&self, id: ClientId, db: usize, key: &[u8]) -> bool {
        let client = self.clients.get(&id);
        // A client that was killed would take an element that no one receives.
        let client = client.filter(|c| !c.flags.contains(ClientFlags::CLOSE_ASAP));
        let blocked = client.and_then(|c| c.blocked.as_deref());
        let Some(Blocked {
            on: BlockedOn::Keys { keys, wait_for, .. },
            ..
        }) = blocked
        else {
            return false;
        };
        // Another key may have served it, and it may wait for other keys by now.
        if !keys.iter().any(|waited| waited == key) {
            return false;
        }
        let store = self.keyspace.db(db);
        let now = self.clock.unix_ms;
        // What has expired is not there, and it is not this client that finds that out: the deletion comes, for replicas
        // as well, with the first command that looks for the key.
        let lives = |loc: &_| store.expire(*loc).is_none_or(|at| at >= now);
        let found = store.find(key).filter(lives);
        let value = found.map(|loc| store.value(loc));
        matches!(
            (wait_for, value),
            (WaitFor::List, Some(ValueRef::List(_)))
                | (WaitFor::Zset, Some(ValueRef::Zset(_)))
                | (WaitFor::Stream, Some(ValueRef::Stream(_)))
                | (WaitFor::StreamOrEnd, _)
        )
    }

    /// Runs a waiting client's request again: it finishes, or keeps waiting after the others.
    fn resume(&mut self, id: ClientId) {
        self.with_client(id, |this, session| {
            let mark = session.reply.len();
            if let Some(blocked) = this.release(session) {
                this.blocking.resuming = Some(blocked.deadline_ms);
                let spent = blocked.spent_ns;
                let result = blocked.args.run(|argv| {
                    let args = Args(argv);
                    let command = commands::find(args)?;
                    if session.access != Access::All {
                        // The reply is an error like any other, but the call is counted as refused.
                        this.may_as_user(session, command, args).inspect_err(|_| {
                            this.stats.per_command[command.index].rejected += 1;
                        })?;
                    }
                    let result = this.call(session, command, args);
                    match &mut session.blocked {
                        Some(again) => again.spent_ns += spent,
                        None => this.stats.per_command[command.index].nanos += spent,
                    }
                    result
                });
                if let Err(error) = result {
                    this.fail(session, &error);
                }
                this.blocking.resuming = None;
            }
            this.check_hard_limit(session);
            session.keep_silent(mark);
            if session.blocked.is_none() {
                this.actions.push(Action::Resume(id));
            }
        });
        self.commit();
    }
}

impl Engine {
    /// Ends a wait: the one place where its traces are removed. It is also called for a client that disconnects.
    pub fn release(&mut self, session: &mut Session) -> Option<Box<Blocked>> {
        let blocked = session.blocked.take()?;
        session.flags.remove(ClientFlags::BLOCKED);
        if !matches!(blocked.on, BlockedOn::Postponed | BlockedOn::Script) {
            self.blocking.clients -= 1;
        }
        if let Some(at) = blocked.deadline_ms {
            self.blocking.deadlines.remove(&(at, session.id));
        }
        if let BlockedOn::Keys { db, keys, .. } = &blocked.on {
            for key in keys {
                self.blocking.unqueue(session.id, *db, key);
            }
        }
        Some(blocked)
    }

    /// Ends a client's wait with what `reply` writes; false if it does not wait.
    pub fn end_wait(
        &mut self,
        id: ClientId,
        reply: impl FnOnce(&mut Engine, &mut Session, &Blocked),
    ) -> bool {
        let ended = self.with_client(id, |this, session| {
            let blocked = this.release(session)?;
            let (mark, errors) = (session.reply.len(), this.stats.errors);
            reply(this, session, &blocked);
            this.count_wait(session, &blocked, this.stats.errors > errors);
            session.keep_silent(mark);
            this.actions.push(Action::Resume(id));
            Some(())
        });
        ended.flatten().is_some()
    }

    /// Counts the call that waited.
    fn count_wait(&mut self, session: &mut Session, blocked: &Blocked, failed: bool) {
        let counts = matches!(
            blocked.on,
            BlockedOn::Keys { .. } | BlockedOn::Replicas { .. }
        );
        let argv = blocked.args.argv();
        if let (true, Ok(command)) = (counts, commands::find(Args(&argv))) {
            let stats = &mut self.stats.per_command[command.index];
            stats.calls += 1;
            stats.nanos += blocked.spent_ns;
            stats.failed += u64::from(failed);
            self.stats.commands += 1;
            session.commands += 1;
        }
    }

    /// Answers the clients whose time is up.
    pub fn expire_blocked(&mut self, now_ms: i64) {
        while let Some(&(at, id)) = self.blocking.deadlines.first() {
            if at > now_ms {
                return;
            }
            if !self.end_wait(id, time_is_up) {
                self.blocking.deadlines.remove(&(at, id));
            }
        }
    }

    /// CLIENT UNBLOCK: false if the client does not wait in a command of its own.
    pub fn unblock(&mut self, id: ClientId, how: Unblock) -> bool {
        let client = self.clients.get(&id);
        match client.and_then(|c| c.blocked.as_deref()).map(|b| &b.on) {
            Some(BlockedOn::Keys { .. } | BlockedOn::Replicas { .. }) => {}
            _ => return false,
        }
        match how {
            Unblock::Timeout => self.end_wait(id, time_is_up),
            Unblock::Error => self.end_wait(id, |engine, session, _| {
                let error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
                engine.fail(session, &CommandError::new(error));
            }),
        }
    }

    /// Answers the client whose DEBUG LOADAOF has ended, if it is still there.
    pub fn end_load(&mut self, id: ClientId, result: CmdResult) {
        self.end_wait(id, |engine, session, _| match result {
            Ok(()) => session.reply.ok(),
            Err(error) => engine.fail(session, &error),
        });
    }

    /// The append-only file is switched off: clients cannot wait for it any longer.
    pub fn unblock_for_log_off(&mut self) {
        let waits = |c: &Session| {
            let on = c.blocked.as_ref().map(|b| &b.on);
            matches!(
                on,
                Some(BlockedOn::Replicas {
                    durable: Some(Durable { here: true, .. }),
                    ..
                })
            )
        };
        let waiting = self.clients.values().filter(|c| waits(c)).map(|c| c.id);
        for id in waiting.collect::<Vec<_>>() {
            self.end_wait(id, |engine, session, _| {
                engine.fail(session, &CommandError::new(NO_LOG));
            });
        }
    }

    /// The server became a replica: clients cannot wait for keys any longer, and the waiting connections are closed.
    pub fn unblock_for_role_change(&mut self) {
        let waits = |c: &Session| {
            let on = c.blocked.as_ref().map(|b| &b.on);
            matches!(
                on,
                Some(BlockedOn::Keys { .. } | BlockedOn::Replicas { .. })
            )
        };
        let waiting = self.clients.values().filter(|c| waits(c)).map(|c| c.id);
        for id in waiting.collect::<Vec<_>>() {
            self.end_wait(id, |engine, session, _| {
                engine.fail(session, &CommandError::fixed(
                    &"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                ));
                session.flags.insert(ClientFlags::CLOSE_AFTER_REPLY);
            });
        }
    }
}

/// WAITAOF without an append-only file.
pub const NO_LOG: &str =
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

fn time_is_up(engine: &mut Engine, session: &mut Session, blocked: &Blocked) {
    match blocked.on {
        BlockedOn::Keys { .. } => session.reply.null_array(),
        BlockedOn::Replicas {
            offset, durable, ..
        } => answer_wait(engine, session, offset, durable),
        BlockedOn::Postponed | BlockedOn::Shutdown | BlockedOn::Load | BlockedOn::Script => {}
    }
}

/// A blocking command's timeout in seconds, as a deadline of the steady clock; `None` waits forever.
///
/// # Errors
/// Not a number, negative, or too far away.
pub fn deadline(cx: &Cx<'_>, seconds: &[u8]) -> Result<Option<i64>, CommandError> {
    let seconds = base::float::parse_float(seconds).ok_or(CommandError::fixed(
        &"ERR timeout is not a float or out of range",
    ))?;
    deadline_in(cx, (seconds * 1000.0).ceil())
}

/// As [`deadline`], of a timeout in milliseconds that has been read.
pub fn deadline_in(cx: &Cx<'_>, ms: f64) -> Result<Option<i64>, CommandError> {
    let out_of_range = CommandError::fixed(&"ERR timeout is out of range");
    if ms >= i64::MAX as f64 {
        return Err(out_of_range);
    }
    if ms < 0.0 {
        return Err(CommandError::fixed(&"ERR timeout is negative"));
    }
    match ms as i64 {
        0 => Ok(None),
        ms => ms
            .checked_add(cx.steady_now())
            .map(Some)
            .ok_or(out_of_range),
    }
}

/// The reply of WAIT, and of WAITAOF, which says that this server has no append-only file.
pub fn answer_wait(
    engine: &Engine,
    session: &mut Session,
    offset: ReplOffset,
    durable: Option<Durable>,
) {
    let have = replicas_at(engine, offset, durable.is_some()) as i64;
    if let Some(Durable { at, .. }) = durable {
        session.reply.array(2);
        session.reply.int(i64::from(engine.is_durable_here(at)));
    }
    session.reply.int(have);
}

/// Replicas that have processed everything up to `offset`, or made it durable.
pub fn replicas_at(engine: &Engine, offset: ReplOffset, durable: bool) -> usize {
    match durable {
        true => engine.repl.primary().count_durable(offset),
        false => engine.repl.count_acked(offset),
    }
}

impl Engine {
    /// There is an append-only file, and it holds the commits up to `at` durably.
    pub fn is_durable_here(&self, at: CommitPosition) -> bool {
        self.commits.has_log() && at <= self.commits.durable()
    }

    /// What a client waits for has come: `count` replicas at `offset`, and durability here if it asked for that.
    pub fn has_come(&self, count: usize, offset: ReplOffset, durable: Option<Durable>) -> bool {
        let here = durable.is_none_or(|d| !d.here || self.is_durable_here(d.at));
        here && replicas_at(self, offset, durable.is_some()) >= count
    }

    /// A replica acknowledged something: clients that waited for that are answered.
    pub fn serve_waits(&mut self) {
        if self.blocking.clients() == 0 {
            return;
        }
        let done = |c: &Session| match c.blocked.as_ref().map(|b| &b.on) {
            Some(&BlockedOn::Replicas {
                count,
                offset,
                durable,
            }) => self
                .has_come(count, offset, durable)
                .then_some((c.id, offset, durable)),
            _ => None,
        };
        let ready: Vec<_> = self.clients.values().filter_map(done).collect();
        for (id, offset, durable) in ready {
            self.end_wait(id, |engine, session, _| {
                answer_wait(engine, session, offset, durable);
            });
        }
    }

    /// Replication's clock is this batch's.
    pub fn sync_repl_clock(&mut self) {
        self.repl.set_now(self.clock.mono_us);
        self.repl.set_wall(self.clock.unix_us);
    }
}
