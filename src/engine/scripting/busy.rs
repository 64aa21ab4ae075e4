//! Long-running scripts.
//!
//! After `busy-reply-threshold` a script is *parked*: it pauses between two instructions or two commands, the server
//! serves its clients, and the script continues in slices
//! ([`continue_script`](crate::Executor::continue_script)) until it ends. Its client waits like a blocked
//! one.
//!
//!  * While a script is parked, it has the dataset for itself: other clients may only call commands that are marked
//!    `ALLOW_BUSY`, nothing expires, nothing is evicted, no snapshot is cut, no waiter is served, and the primary's
//!    stream is not read.
//!  * Whatever comes after the script in the same request (the rest of an EXEC, statistics, propagation) is kept with
//!    it and done when the script has ended.
//!  * A client that disconnects does not end its script; the reply is dropped.
//!  * Scripts from the primary are never parked. Those of a log that is loaded are; the rest of the log waits for them.

use super::parked::{CallRest, Parked, Rest};
use super::run::Driven;
use crate::blocking::{Blocked, BlockedOn};
use crate::kept::Kept;
use crate::replay::REPLAY;
use crate::{Action, Args, CmdResult, CommandError, Engine, Session, table, transaction};
use lua::{Ask, Kind};

/// The witness that no script is parked, so that the data in memory is not half of what a script is writing. Saving
/// or sending the dataset needs one.
#[derive(Debug)]
pub struct AtRest {
    /// Code outside of this module cannot make one.
    _private: (),
}

#[cfg(any(test, feature = "testing"))]
impl AtRest {
    /// Where there are no scripts.
    pub fn without_scripts() -> AtRest {
        AtRest { _private: () }
    }
}

/// A script of EVAL is busy.
pub const EVAL_IS_BUSY: CommandError = CommandError::fixed(
    &"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
/// A function is busy.
pub const FUNCTION_IS_BUSY: CommandError = CommandError::fixed(
    &"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

impl Session {
    /// Its script is parked.
    pub fn waits_for_script(&self) -> bool {
        let on = self.blocked.as_ref().map(|b| &b.on);
        matches!(on, Some(BlockedOn::Script))
    }
}

impl Engine {
    /// A script is parked: the dataset is not to be touched.
    pub fn script_is_parked(&self) -> bool {
        let running = self.scripting.running.as_ref();
        running.is_some_and(|r| r.parked.is_some())
    }

    /// The witness that no script is parked, if none is.
    pub fn at_rest(&self) -> Option<AtRest> {
        (!self.script_is_parked()).then_some(AtRest { _private: () })
    }

    /// The error for what may not be called now.
    pub fn busy_error(&self) -> Option<CommandError> {
        let running = self.scripting.running.as_ref()?;
        running.parked.as_ref()?;
        Some(match running.kind {
            Kind::Eval => EVAL_IS_BUSY,
            Kind::Functions => FUNCTION_IS_BUSY,
        })
    }

    /// The running script continues later; its client waits.
    pub fn park(&mut self, client: &mut Session, ask: Ask) {
        client.blocked = Some(Box::new(Blocked {
            spent_ns: 0,
            args: Kept::default(),
            deadline_ms: None,
            on: BlockedOn::Script,
        }));
        if let Some(running) = &mut self.scripting.running {
            running.parked = Some(Parked {
                caller: client.id,
                ask,
                rests: Vec::new(),
                orphan: None,
                silent: client.is_silent(),
            });
        }
    }

    /// Keeps the rest of the request whose script was parked.
    pub fn after_script(&mut self, rest: Rest) {
        let running = self.scripting.running.as_mut();
        if let Some(parked) = running.and_then(|r| r.parked.as_mut()) {
            parked.rests.push(rest);
        }
    }

    /// The client leaves while its script is parked.
    pub fn orphan_script(&mut self, client: Box<Session>) {
        let running = self.scripting.running.as_mut();
        if let Some(parked) = running.and_then(|r| r.parked.as_mut()) {
            parked.orphan = Some(client);
        }
    }

    /// Runs a parked script for at most `budget_ns`; true if it must be continued later.
    pub fn continue_parked_script(&mut self, budget_ns: u64) -> bool {
        let Some(running) = &mut self.scripting.running else {
            return false;
        };
        let Some(mut parked) = running.parked.take() else {
            return false;
        };
        let now = std::mem::replace(&mut self.clock, running.clock);
        self.let_time_pass();
        self.tracking.author = Some(parked.caller);
        let until = (self.timer)() + budget_ns;
        // The effects of a log that is replayed are in it already.
        self.commits.collect(parked.caller != REPLAY);
        let driven = self.drive(parked.ask, Some(until));
        self.tracking.author = None;
        let outcome = match driven {
            Driven::Done(outcome) => outcome,
            Driven::Paused(ask) => {
                parked.ask = ask;
                if let Some(running) = &mut self.scripting.running {
                    running.parked = Some(parked);
                }
                self.clock = now;
                self.commits.collect(true);
                return true;
            }
        };
        let gone = !self.clients.contains_key(&parked.caller);
        let session = parked.orphan.or_else(|| self.lend(parked.caller));
        let Some(mut client) = session else {
            self.commits.collect(true);
            self.clock = now;
            return false;
        };
        self.release(&mut client);
        let mark = client.reply.len();
        self.end_script(&mut client, outcome);
        let mut rests = parked.rests.into_iter();
        while let Some(rest) = rests.next() {
            match rest {
                Rest::Call(rest) => self.finish_call(&mut client, rest, Ok(())),
                Rest::Queue(queue, flags) => {
                    transaction::run_queue(self, &mut client, queue, flags);
                }
            }
            if client.waits_for_script() {
                rests.by_ref().for_each(|rest| self.after_script(rest));
                break;
            }
        }
        if parked.silent {
            client.reply.truncate(mark);
        }
        self.commits.collect(true);
        self.clock = now;
        let again = client.waits_for_script();
        match (gone, again) {
            (true, true) => self.orphan_script(client),
            (true, false) => self.forget_client(&mut client),
            (false, _) => {
                self.actions.push(Action::Resume(client.id));
                self.give_back(client);
            }
        }
        again
    }

    fn finish_call(&mut self, client: &mut Session, rest: CallRest, result: CmdResult) {
        let CallRest {
            command,
            args,
            started,
            own,
        } = rest;
        let command = table::of(command);
        let settled =
            args.run(|argv| self.settle(client, command, (Args(argv), None), started, own, result));
        if let Err(error) = settled {
            self.fail(client, &error);
        }
    }

    /// SCRIPT KILL and FUNCTION KILL.
    pub fn kill_script(&mut self, kind: Kind) -> CmdResult {
        let Some(running) = &mut self.scripting.running else {
            return Err(CommandError::fixed(
                &"NOTBUSY No scripts in execution right now.",
            ));
        };
        if running.wrote {
            return Err(CommandError::fixed(
                &"UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        match (kind, running.kind) {
            (Kind::Eval, Kind::Functions) => Err(FUNCTION_IS_BUSY),
            (Kind::Functions, Kind::Eval) => Err(EVAL_IS_BUSY),
            _ => {
                running.killed = true;
                Ok(())
            }
        }
    }
}
