//! Running a script: what must hold before it starts, the commands that it calls, its end.
//!
//!  * A script is a single step for all other clients: its effects are sent together when it has ended, and nothing
//!    else writes in between ([`super::busy`] explains how this is ensured for long-running scripts).
//!  * Time stands still for a script: keys do not expire while it runs, and TIME always returns the same. Once the
//!    script has run for longer than `busy-reply-threshold`, TIME follows the clock, but keys still do not expire.
//!  * Once a script has written, only the end of the process can stop it.

use super::running::{REPL_ALL, Running};
use super::{Library, Script};
use crate::acl::Access;
use crate::client_list;
use crate::gates::Caller;
use crate::replay::REPLAY;
use crate::spec::{Flags, ScriptFrom};
use crate::states::{self, Demand};
use crate::table::Entry;
use crate::{Args, ClientFlags, CmdResult, CommandError, Cx, Engine, Session};
use base::{LogLevel, large, reserve};
use lua::flags::ScriptFlags;
use lua::words::Words;
use lua::{Answer, Ask, Call, Kind, Outcome};
use smallvec::SmallVec;
use std::rc::Rc;

/// When TIME begins to follow the clock in a script that is never busy because `busy-reply-threshold` is 0, ms.
const TIME_PASSES_MS: u64 = 5000;

/// One run of a script.
pub struct Start<'a> {
    /// The interpreter that runs it.
    pub kind: Kind,
    /// The number of the script in that interpreter.
    pub id: u64,
    /// The function, for FCALL.
    pub function: Option<Vec<u8>>,
    /// The name in messages of errors.
    pub name: Rc<str>,
    /// What its first line says.
    pub flags: ScriptFlags,
    /// Called by a command that must not write.
    pub read_only: bool,
    /// KEYS.
    pub keys: &'a [&'a [u8]],
    /// ARGV.
    pub args: &'a [&'a [u8]],
}

/// How far [`Engine::drive`] got.
pub enum Driven {
    /// To the end.
    Done(Outcome),
    /// The time is up. This is the next request to the interpreter.
    Paused(Ask),
}

/// Some of a request's arguments.
pub type Part<'a> = &'a [&'a [u8]];

/// The keys and arguments after a count at argument 2.
pub fn keys_and_args(args: Args<'_>, count: i64) -> Result<(Part<'_>, Part<'_>), CommandError> {
    let rest = args.from(3);
    if count > rest.len() as i64 {
        let text = "ERR Number of keys can't be greater than number of args";
        return Err(CommandError::new(text));
    }
    if count < 0 {
        return Err(CommandError::fixed(&"ERR Number of keys can't be negative"));
    }
    Ok(rest.split_at(count as usize))
}

impl Cx<'_> {
    /// Runs a script for the client. The reply is sent now, or when the script has ended.
    pub fn run_script(&mut self, args: Args<'_>, start: Start<'_>) -> CmdResult {
        self.no_propagate(); // what it does is propagated, command by command
        let obeys = self.client.flags.contains(ClientFlags::MASTER);
        self.engine.check_start(&start, obeys)?;
        let compat = start.flags.contains(ScriptFlags::COMPAT);
        let never_writes = start.flags.contains(ScriptFlags::NO_WRITES);
        let engine = &mut *self.engine;
        engine.scripting.running = Some(Box::new(Running {
            kind: start.kind,
            name: start.name.clone(),
            argv: match start.kind {
                Kind::Eval => Words::default(),
                Kind::Functions => Words::of(args.0),
            },
            clock: engine.clock,
            began_ns: engine.tick,
            read_only: start.read_only || (!compat && never_writes),
            allow_oom: !compat && (never_writes || start.flags.contains(ScriptFlags::ALLOW_OOM)),
            obeys,
            parks: !obeys || self.client.id == REPLAY,
            wrote: false,
            repl: REPL_ALL,
            killed: false,
            busy: false,
            caller: (self.client.access != Access::All)
                .then(|| client_list::line(self.client, engine.clock.steady_ms)),
            parked: None,
        }));
        engine.depth += 1;
        let actor = engine.scripting.client();
        // What the script reads counts as read by its caller.
        actor.id = self.client.id;
        actor.tracking = self.client.tracking.clone();
        actor.db = self.client.db;
        actor.user.clone_from(&self.client.user);
        actor.access = self.client.access;
        actor.flags.set(ClientFlags::MASTER, obeys);
        let no_touch = self.client.flags.contains(ClientFlags::NO_TOUCH);
        actor.flags.set(ClientFlags::NO_TOUCH, no_touch);
        let imports = self.client.flags.contains(ClientFlags::IMPORT_SOURCE);
        actor.flags.set(ClientFlags::IMPORT_SOURCE, imports);
        let mut run = engine.scripting.spare.take().unwrap_or_default();
        run.id = start.id;
        run.function = start.function;
        run.keys.refill(start.keys);
        run.args.refill(start.args);
        run.proto = self.client.reply.proto;
        run.reply_max = self.client.reply.output().left();
        run.name = Some(start.name);
        match engine.drive(Ask::Run(run), None) {
            Driven::Done(outcome) => engine.end_script(self.client, outcome),
            Driven::Paused(ask) => engine.park(self.client, ask),
        }
        Ok(())
    }
}

impl Engine {
    /// What the flags of a script demand. A script without flags only demands data that is not stale; its calls are
    /// checked one by one.
    fn check_start(&self, start: &Start<'_>, obeys: bool) -> CmdResult {
        let flags = start.flags;
        if flags.contains(ScriptFlags::COMPAT) {
            let demand = Demand {
                fresh: true,
                ..Demand::default()
            };
            return self.pass(states::DATA, demand);
        }
        let writes = !flags.contains(ScriptFlags::NO_WRITES) && !obeys;
        let demand = Demand {
            fresh: !flags.contains(ScriptFlags::ALLOW_STALE),
            exceeds: writes && start.read_only,
            writes,
            room: writes && !flags.contains(ScriptFlags::ALLOW_OOM),
        };
        self.pass(states::SCRIPT, demand)
    }

    /// Continues the script until it ends, the timer reaches `until_ns`, or it has taken too long.
    pub fn drive(&mut self, mut ask: Ask, until_ns: Option<u64>) -> Driven {
        loop {
            let Some(running) = &mut self.scripting.running else {
                return Driven::Done(Outcome::default());
            };
            let kind = running.kind;
            ask = match self.scripting.ask(kind, self.timer, ask) {
                Answer::Call(mut call) => {
                    self.call_from_script(&mut call);
                    let ask = Ask::Reply(call);
                    if until_ns.is_some_and(|until| (self.timer)() >= until) {
                        return Driven::Paused(ask);
                    }
                    ask
                }
                Answer::Pause => {
                    let ask = self.next_after_pause();
                    let now = (self.timer)();
                    let is_up = match until_ns {
                        Some(until) => now >= until,
                        None => self.scripting.running.as_ref().is_some_and(|r| r.busy),
                    };
                    match ask {
                        Ask::Continue if is_up => return Driven::Paused(ask),
                        ask => ask,
                    }
                }
                Answer::SetRepl(flags) => {
                    if let Some(running) = &mut self.scripting.running {
                        running.repl = flags;
                    }
                    Ask::Said(true)
                }
                Answer::CheckCommand(call) => {
                    let argv: SmallVec<[&[u8]; 16]> = call.words.iter().collect();
                    Ask::Allowed(self.script_may(Args(&argv)))
                }
                Answer::Log(level, text) => {
                    self.log_of_script(level, &text);
                    Ask::Said(true)
                }
                Answer::Done(mut run) => {
                    let outcome = std::mem::take(&mut run.outcome);
                    run.keys.empty();
                    run.args.empty();
                    self.scripting.spare = Some(run);
                    return Driven::Done(outcome);
                }
                Answer::Ready | Answer::Compiled(_) | Answer::Loaded(_) => {
                    return Driven::Done(Outcome::default());
                }
            };
        }
    }

    /// Brings TIME up to date, if the script has taken so long that it sees time pass.
    pub(super) fn let_time_pass(&mut self) {
        let now = (self.timer)();
        let Some(running) = &self.scripting.running else {
            return;
        };
        let threshold = match self.config.busy_reply_threshold as u64 {
            0 => TIME_PASSES_MS,
            ms => ms,
        };
        let elapsed_us = now.saturating_sub(running.began_ns) / 1000;
        if elapsed_us >= threshold.saturating_mul(1000) {
            self.clock.script_us = running.clock.script_us + elapsed_us as i64;
        }
    }

    /// Decides after a pause: the script continues, unless it was killed. One that takes too long becomes busy.
    fn next_after_pause(&mut self) -> Ask {
        self.let_time_pass();
        let now = (self.timer)();
        let threshold = (self.config.busy_reply_threshold as u64).saturating_mul(1_000_000);
        let Some(running) = &mut self.scripting.running else {
            return Ask::Continue;
        };
        if running.killed {
            (self.log)(
                LogLevel::Notice,
                "Lua script killed by user with SCRIPT KILL.",
            );
            return Ask::Kill("Script killed by user with SCRIPT KILL...");
        }
        let elapsed = now.saturating_sub(running.began_ns);
        if threshold > 0 && elapsed >= threshold && !running.busy && running.parks {
            running.busy = true;
            let text = format!(
                "Slow script detected: still in execution after {} milliseconds. You can try killing the script using the {} command. Script name is: {}.",
                elapsed / 1_000_000,
                match running.kind {
                    Kind::Eval => "SCRIPT KILL",
                    Kind::Functions => "FUNCTION KILL",
                },
                running.name,
            );
            (self.log)(LogLevel::Warning, &text);
        }
        Ask::Continue
    }

    /// Writes a script's reply and counts its errors.
    pub fn end_script(&mut self, client: &mut Session, outcome: Outcome) {
        self.scripting.running = None;
        let caller = self.scripting.client();
        caller.tracking = None;
        // What a script has prepared for its imports is its own.
        caller.fieldsets = None;
        self.depth -= 1;
        self.stats.errors += outcome.errors.len() as u64;
        for error in &outcome.errors {
            self.count_error(&String::from_utf8_lossy(error));
        }
        if let Some(command) = client.last_command {
            let failed = outcome.counted + u64::from(!outcome.errors.is_empty());
            self.stats.per_command[command.index()].failed += failed;
        }
        client.reply.raw(&outcome.reply);
        if outcome.too_large {
            client.reply.output_mut().overrun();
        }
        if let Some(spare) = &mut self.scripting.spare {
            spare.keep_buffer(outcome.reply);
        }
    }

    /// `redis.log`
    pub fn log_of_script(&mut self, level: LogLevel, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        (self.log)(level, &text);
    }

    /// A command that a script calls.
    fn call_from_script(&mut self, call: &mut Call) {
        let words = &call.words;
        let argv: SmallVec<[&[u8]; 16]> = words.iter().collect();
        let mut client = self.scripting.take_client();
        client.reply.proto = call.proto;
        client.reply.output_mut().swap_buffer(&mut call.reply);
        let args = Args(&argv);
        let admitted = self.admit_from_script(&client, args);
        let result = admitted.and_then(|command| {
            let larges = words.larges();
            large::offer(&larges, || self.call(&mut client, command, args))
        });
        if let Err(error) = result {
            client.reply.truncate(0);
            self.fail(&mut client, &error);
        }
        call.reply = client.reply.take();
        self.scripting.put_client(client);
    }

    /// Finds a command that a script may call. A command that is refused is counted as rejected.
    fn admit_from_script(
        &mut self,
        actor: &Session,
        args: Args<'_>,
    ) -> Result<&'static Entry, CommandError> {
        let admitted = self.admit(Caller::Script(actor), args);
        let command = admitted.map_err(|(command, error)| {
            if let Some(command) = command {
                self.stats.per_command[command.index].rejected += 1;
            }
            error
        })?;
        if command.flags.contains(Flags::WRITE)
            && let Some(running) = &mut self.scripting.running
        {
            running.wrote = true;
        }
        Ok(command)
    }

    /// What a call of the running script demands.
    pub(crate) fn demand_of_call(&self, flags: Flags) -> Demand {
        let fresh = !flags.contains(Flags::STALE);
        let writes = flags.contains(Flags::WRITE);
        match &self.scripting.running {
            None => Demand {
                fresh,
                ..Demand::default()
            },
            Some(running) => {
                // A script that has begun to write is not stopped half-way.
                let exempt = running.wrote || running.obeys;
                Demand {
                    fresh,
                    exceeds: running.read_only && (writes || flags.contains(Flags::MAY_REPLICATE)),
                    writes: writes && !exempt,
                    room: flags.contains(Flags::DENYOOM) && !running.allow_oom && !exempt,
                }
            }
        }
    }

    /// Memory that the system refuses is refused to every script, even to one that has written: otherwise the process
    /// would end.
    pub(crate) fn check_reserve(&self, flags: Flags) -> CmdResult {
        let obeys = self.scripting.running.as_ref().is_some_and(|r| r.obeys);
        match flags.contains(Flags::DENYOOM) && reserve::is_short() && !obeys {
            true => Err(CommandError::OOM),
            false => Ok(()),
        }
    }

    /// The flags of a command that runs a script, as the script declares them.
    pub fn flags_of_script(&self, command: &Entry, from: ScriptFrom, args: Args<'_>) -> Flags {
        let declared = match from {
            ScriptFrom::Text => match args[1].starts_with(b"#!") {
                true => lua::flags::of_script(&args[1]).ok().map(|(flags, _)| flags),
                false => None,
            },
            ScriptFrom::Digest => self.cached(&args[1]).map(|s: &Script| s.flags),
            ScriptFrom::Library => {
                let found = self.scripting.libraries.function(&args[1]);
                found.map(|(_, function): (&Library, _)| function.flags)
            }
        };
        match declared {
            Some(declared) if !declared.contains(ScriptFlags::COMPAT) => {
                let mut flags = command.flags
                    - (Flags::STALE | Flags::DENYOOM | Flags::WRITE | Flags::MAY_REPLICATE);
                let writes = !declared.contains(ScriptFlags::NO_WRITES);
                flags.set(
                    Flags::DENYOOM,
                    writes && !declared.contains(ScriptFlags::ALLOW_OOM),
                );
                flags.set(Flags::WRITE, writes);
                flags.set(Flags::STALE, declared.contains(ScriptFlags::ALLOW_STALE));
                flags
            }
            _ => command.flags,
        }
    }
}
