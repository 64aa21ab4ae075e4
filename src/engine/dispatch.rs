//! From a request to its handler: look-up, arity, the gates in Redis's order, the call, propagation.

use super::call::{Own, Started};
use super::hotkeys::request_bytes;
use super::kept::Kept;
use super::scripting::{CallRest, Rest};
use super::spec::{Flags, Group};
use super::table::{self, Entry};
use super::{
    Args, ClientFlags, CmdResult, CommandError, Cx, Engine, Executor, Hint, Session, links,
    running, tracking, transaction,
};
use base::{LogLevel, UserData};

/// The bytes of the arguments of a request: those that frame them are too few to matter.
#[inline]
fn asked(args: Args<'_>) -> usize {
    args.0.iter().map(|arg| arg.len()).sum()
}

impl Executor {
    /// Runs one request for a session that the caller holds.
    pub fn run(&mut self, client: &mut Session, argv: &[&[u8]]) {
        self.run_hinted(client, argv, Hint::default());
    }

    /// As [`Executor::run`], where something may be known about the request.
    pub fn run_hinted<'a>(&mut self, client: &mut Session, argv: &'a [&'a [u8]], hint: Hint<'a>) {
        if argv.is_empty() {
            return;
        }
        let args = Args(argv);
        client.last_interaction_ms = self.clock.steady_ms;
        let mark = client.reply.len();
        self.run_admitted(client, args, hint);
        client.keep_silent(mark);
        self.push_to(client);
    }

    /// Sends the push messages of a client whose request has run. They follow the reply, and are sent even if CLIENT
    /// REPLY is off.
    pub(super) fn push_to(&mut self, client: &mut Session) {
        self.deliver_mail(client);
        if self.tracking.has_pending() {
            tracking::tell_pending(self, Some(client));
        }
    }

    fn run_admitted<'a>(&mut self, client: &mut Session, args: Args<'a>, hint: Hint<'a>) {
        let command = match self.admit_request(client, args) {
            Ok(command) => {
                client.requested = Some(command.id());
                command
            }
            Err((refused, error)) => {
                client.requested = refused.map(Entry::id);
                if let Some(command) = refused {
                    client.last_command = Some(command.id());
                    self.stats.per_command[command.index].rejected += 1;
                    if command.flags.contains(Flags::RUNS_QUEUE) {
                        let error = transaction::refused_exec(self, client, &error);
                        return self.fail(client, &error);
                    }
                }
                if refused.is_none() && is_http(args) {
                    return self.abort_cross_protocol(client);
                }
                return self.reject(client, &error);
            }
        };
        if !self.tracking.is_empty() {
            tracking::shrink(self);
        }
        if self.tracking.has_pending() && !client.is_silent() {
            // Of keys that were evicted to make room, or for which the table has no room: before the reply.
            tracking::tell_pending(self, Some(&mut *client));
        }
        if self.must_wait(client, command, args) {
            return self.postpone(client, args);
        }
        if transaction::is_queued(client, command) {
            return transaction::queue(self, client, command, args);
        }
        self.tracking.author = Some(client.id);
        if let Err(error) = links::has_database(client, command) {
            self.fail(client, &error);
        } else if let Err(error) = self.call_hinted(client, command, args, hint) {
            self.fail(client, &error);
        }
        self.tracking.author = None;
        end_caching(client);
    }
}

impl Engine {
    /// Closes the connection of a browser that was made to talk to us.
    fn abort_cross_protocol(&mut self, client: &mut Session) {
        let line = format!(
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands \
             to Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to \
             compromise your Redis instance. Connection from {} aborted.",
            client.addr
        );
        (self.log)(LogLevel::Warning, &line);
        client.flags.insert(ClientFlags::CLOSE_ASAP);
        self.actions.push(super::Action::Close(client.id));
    }

    /// As [`Engine::fail`], for a request that did not come to run: a transaction will abort.
    pub fn reject(&mut self, client: &mut Session, error: &CommandError) {
        if client.flags.contains(ClientFlags::MULTI) {
            client.flags.insert(ClientFlags::DIRTY_EXEC);
        }
        self.fail(client, error);
    }

    /// Calls a handler and propagates its effects. The gates have been passed.
    pub fn call(
        &mut self,
        client: &mut Session,
        command: &'static Entry,
        args: Args<'_>,
    ) -> CmdResult {
        self.call_hinted(client, command, args, Hint::default())
    }

    /// Runs a request of a log. It has passed the gates once, so it comes to none.
    pub(super) fn call_from_log<'a>(
        &mut self,
        client: &mut Session,
        command: &'static Entry,
        args: Args<'a>,
        hint: Hint<'a>,
    ) -> CmdResult {
        if !command.arity_fits(args.len()) {
            return Err(CommandError::arity(command.name));
        }
        client.requested = Some(command.id());
        if transaction::is_queued(client, command) {
            transaction::queue(self, client, command, args);
            return Ok(());
        }
        links::has_database(client, command)?;
        self.call_hinted(client, command, args, hint)
    }

    fn call_hinted<'a>(
        &mut self,
        client: &mut Session,
        command: &'static Entry,
        args: Args<'a>,
        hint: Hint<'a>,
    ) -> CmdResult {
        let dirty = self.dirty;
        let began = self.call_begins(command.index);
        client.last_command = Some(command.id());
        running::begins(command.index, client.id.0);
        // Shown after it has run, so that EXEC follows its commands; a script precedes its commands.
        let shown = !self.monitors.is_empty() && !self.blocking.is_resuming();
        let shown_after = shown && command.script.is_none();
        if shown && !shown_after {
            self.feed_monitors(client, command, args);
        }
        let started = Started {
            dirty,
            began,
            shown_after,
            replied: client.reply.len(),
        };
        let mut cx = Cx {
            engine: self,
            client,
            own: Own::Verbatim,
            hint,
        };
        let result = (command.command.run)(&mut cx, args);
        let own = cx.own;
        if client.waits_for_script() {
            self.after_script(Rest::Call(CallRest {
                command: command.id(),
                args: Kept::of(args.0),
                started,
                own,
            }));
            return Ok(());
        }
        if self.commits.is_muted() {
            // It comes from a log: as in the reference, it is neither counted nor timed, and goes to no log again.
            return result;
        }
        self.settle(client, command, (args, hint.frame()), started, own, result)
    }

    /// A command that is large, or whose keys HOTKEYS counts, has run. A call that waits comes here when its wait is
    /// over, and those of a script are its own affair.
    #[cold]
    fn note_sizes(
        &mut self,
        client: &mut Session,
        command: &'static Entry,
        args: Args<'_>,
        nanos: u64,
        replied: usize,
    ) {
        if client.blocked.is_some() || client.flags.contains(ClientFlags::INTERNAL) {
            return;
        }
        let asked = asked(args);
        if replied >= self.watch_reply || asked >= self.watch_request {
            self.note_large(client, command, args, (asked, replied));
        }
        let now = self.clock.steady_ms;
        if let Some(hot) = &mut self.hotkeys {
            let keys = command.command.keys.positions(&args);
            let keys: Vec<&[u8]> = keys.into_iter().map(|at| args.0[at]).collect();
            let bytes = request_bytes(args.0) + replied as u64;
            hot.note(&keys, nanos, bytes, now);
        }
    }

    /// What follows a handler: it is counted, and its request propagated, by its `frame` if that is known. Inline: it
    /// has as many arguments as [`Engine::call`] has variables.
    #[inline(always)]
    pub(super) fn settle(
        &mut self,
        client: &mut Session,
        command: &'static Entry,
        (args, frame): (Args<'_>, Option<&[u8]>),
        started: Started,
        own: Own,
        result: CmdResult,
    ) -> CmdResult {
        let from_script = client.flags.contains(ClientFlags::INTERNAL);
        let changed = self.dirty != started.dirty;
        let later = self.is_timed_later(client, command);
        let nanos = match later {
            true => 0,
            false => self.time_call(command.index, started.began, from_script),
        };
        if started.shown_after {
            self.feed_monitors(client, command, args);
        }
        if changed && self.repl.is_replica() {
            self.note_own_keys();
        }
        let stats = &mut self.stats.per_command[command.index];
        // A call that waits is counted when its wait is over, and so is its time.
        if let Some(blocked) = &mut client.blocked {
            blocked.spent_ns += nanos;
        } else {
            stats.nanos += nanos;
            self.stats.commands += 1;
            client.commands += 1;
            stats.calls += 1;
            stats.failed += result.is_err() as u64;
            if self.config.latency_tracking && !later {
                stats.times.record(nanos);
            }
        }
        if nanos >= self.watch_from_ns {
            self.note_slow(client, command, args, nanos);
        }
        let replied = client.reply.len().saturating_sub(started.replied);
        if replied >= self.watch_reply
            || self.hotkeys.is_some()
            || (client.request_bound >= self.watch_request && asked(args) >= self.watch_request)
        {
            self.note_sizes(client, command, args, nanos, replied);
        }
        // What changes while a command runs that writes nothing is not of its doing.
        let writes = || {
            let flags = command.flags;
            flags.intersects(Flags::WRITE | Flags::MAY_REPLICATE)
        };
        if (own == Own::Forced || (own == Own::Verbatim && changed && writes()))
            && !(from_script && self.scripting.keeps_effects())
        {
            self.propagate_framed(client.db, args.0, frame);
        }
        if client.tracking.is_some() && reads_keys(command) {
            let keys = command.command.keys.positions(&args);
            let keys = keys.into_iter().map(|i| args.0[i]);
            self.tracking.remember(client, keys);
        }
        if self.depth == 0 {
            if changed {
                self.commit();
            }
            client.write_offset = self.repl.offset();
            client.write_commit = self.commits.position_of_pending();
        }
        result
    }

    /// Writes an error reply and counts it.
    pub fn fail(&mut self, client: &mut Session, error: &CommandError) {
        self.stats.errors += 1;
        self.count_error(&String::from_utf8_lossy(error.bytes()));
        client.reply.error(error.bytes());
    }

    /// `errorstat_*`
    pub(super) fn count_error(&mut self, text: &str) {
        if let Some(codes) = self.stats.error_codes.count(text) {
            self.repl.log(LogLevel::Warning, "Errorstats stopped adding new errors because the number of errors reached the limit, may be misuse of lua error_reply, please check INFO ERRORSTATS, this can be re-enabled via CONFIG RESETSTAT.");
            let text = format!("Current errors code list: {}", UserData(codes));
            self.repl.log(LogLevel::Warning, text);
        }
    }
}

/// True for a command that makes a tracking client remember its keys. A script itself reads none; the commands that
/// it calls do.
fn reads_keys(command: &Entry) -> bool {
    command.flags.contains(Flags::READONLY) && command.command.group != Group::Scripting
}

/// CLIENT CACHING holds for the next command, or for the next transaction.
fn end_caching(client: &mut Session) {
    let in_multi = client.flags.contains(ClientFlags::MULTI);
    let about_clients = |id| table::of(id).flags.contains(Flags::KEEPS_CACHING);
    if let Some(tracking) = &mut client.tracking
        && !in_multi
        && !client.last_command.is_some_and(about_clients)
    {
        tracking.caching = false;
    }
}

/// The first words of lines that HTTP begins requests with.
fn is_http(args: Args<'_>) -> bool {
    args.is(0, "POST") || args.is(0, "Host:")
}
