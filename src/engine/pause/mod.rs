//! Holding clients back: CLIENT PAUSE, a shutdown that waits for replicas, a failover.
//!
//! A held request is kept in its client ([`BlockedOn::Postponed`]). When the reason to hold it ends, the request only
//! moves to the queue of the [`Executor`](super::Executor), which runs it after the code that ended the pause has
//! returned. While writes are held the dataset does not change: nothing expires, and nothing is evicted.

mod table;

pub use table::{Held, Pauses, Reason};

use crate::blocking::{Blocked, BlockedOn};
use crate::kept::Kept;
use crate::spec::Flags;
use crate::table::{self as commands, Entry};
use crate::{Args, ClientFlags, ClientId, CommandError, Engine, Session};

impl Engine {
    /// Holds clients back until a time of the steady clock. A pause by the same reason that lasts longer or
    /// holds more stays so.
    pub fn pause(&mut self, reason: Reason, held: Held, until_ms: i64) {
        let slot = &mut self.pauses.by[reason as usize];
        *slot = Some(match *slot {
            Some((h, until)) => (h.max(held), until.max(until_ms)),
            // It is over at once: the periodic work would end it only when it runs the next time.
            None if until_ms <= self.clock.steady_ms => return,
            None => (held, until_ms),
        });
        self.pauses.refresh();
    }

    /// True while `reason` holds clients back.
    pub fn is_paused_by(&self, reason: Reason) -> bool {
        self.pauses.by[reason as usize].is_some()
    }

    /// Ends the pause that `reason` asked for. The requests that it held run after the caller has returned to the
    /// [`Executor`](super::Executor).
    pub fn unpause(&mut self, reason: Reason) {
        self.pauses.by[reason as usize] = None;
        self.pauses.refresh();
        self.release_postponed();
    }

    /// Ends pauses whose time is over.
    pub(crate) fn end_pauses(&mut self) {
        let now = self.clock.steady_ms;
        let over = |p: &Option<(Held, i64)>| p.is_some_and(|(_, until)| until <= now);
        if self.pauses.by.iter().any(over) {
            for slot in &mut self.pauses.by {
                slot.take_if(|(_, until)| *until <= now);
            }
            self.pauses.refresh();
            self.release_postponed();
        }
    }

    /// Requests that must still be held are held again when it is their turn.
    fn release_postponed(&mut self) {
        self.released.extend(self.postponed.drain(..));
    }

    /// Writes are held because the running snapshot holds as much as it may. The walk renews that and ends it;
    /// if it does not come back, the pause ends on its own.
    #[cold]
    pub fn hold_writes_for_snapshot(&mut self) {
        self.hold_writes_above = u64::MAX;
        self.pause(Reason::Snapshot, Held::Writes, self.clock.steady_ms + 1000);
    }

    /// Writes are held because the append-only file has to catch up; the server renews that and ends it.
    pub fn hold_writes_for_log(&mut self, holds: bool) {
        match holds {
            true => self.pause(Reason::Log, Held::Writes, self.clock.steady_ms + 1000),
            false => self.unpause(Reason::Log),
        }
    }

    /// Writes are held because the append-only file has to catch up.
    pub fn holds_writes_for_log(&self) -> bool {
        self.is_paused_by(Reason::Log)
    }

    /// Writes are held while a shutdown waits, until a time of the steady clock; `None` ends that.
    pub fn hold_writes_for_shutdown(&mut self, until_ms: Option<i64>) {
        match until_ms {
            // The server ends it; the margin keeps the periodic work from doing so first.
            Some(until) => self.pause(Reason::Shutdown, Held::Writes, until + 1000),
            None => self.unpause(Reason::Shutdown),
        }
    }

    /// True if `command` must wait for the end of a pause.
    #[inline]
    pub(crate) fn must_wait(&self, client: &Session, command: &Entry, args: Args<'_>) -> bool {
        let Some(held) = self.pauses.held() else {
            return false;
        };
        let exempt = ClientFlags::MASTER | ClientFlags::REPLICA | ClientFlags::INTERNAL;
        if client.flags.intersects(exempt) {
            return false;
        }
        match held {
            Held::All => true,
            Held::Writes => {
                let queued = client.queue.iter().map(|q| commands::of(q.command).flags);
                let flags = match command.flags.contains(Flags::RUNS_QUEUE) {
                    true => queued.fold(command.flags, Flags::union),
                    false => self.flags_of(client, command, args),
                };
                flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE)
            }
        }
    }

    /// Keeps a request until the pause ends.
    pub(crate) fn postpone(&mut self, client: &mut Session, args: Args<'_>) {
        client.blocked = Some(Box::new(Blocked {
            spent_ns: 0,
            args: Kept::of(args.0),
            deadline_ms: None,
            on: BlockedOn::Postponed,
        }));
        self.postponed.push(client.id);
    }

    /// The request that a client was held back with, if it is still there to run it.
    pub(crate) fn take_postponed(&mut self, id: ClientId) -> Option<Kept> {
        self.with_client(id, |this, client| {
            let waits = is_blocked_on(client, |on| matches!(on, BlockedOn::Postponed));
            let blocked = waits.then(|| this.release(client)).flatten();
            let killed = client.flags.contains(ClientFlags::CLOSE_ASAP);
            blocked.filter(|_| !killed).map(|b| b.args)
        })
        .flatten()
    }

    /// Answers clients whose SHUTDOWN waited that it failed.
    pub fn fail_waiting_for_shutdown(&mut self, error: &CommandError) {
        let waits = |c: &Session| is_blocked_on(c, |on| matches!(on, BlockedOn::Shutdown));
        let clients = self.clients.values().filter(|c| waits(c));
        for id in clients.map(|c| c.id).collect::<Vec<_>>() {
            self.end_wait(id, |engine, client, _| engine.fail(client, error));
        }
    }
}

fn is_blocked_on(client: &Session, is: impl Fn(&BlockedOn) -> bool) -> bool {
    client.blocked.as_ref().is_some_and(|b| is(&b.on))
}
