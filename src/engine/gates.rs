//! The checks between a request and its handler, in the reference server's order.
//!
//! unknown, arity -> DEBUG allowed -> AUTH -> inside MULTI -> memory -> failed saves -> too few replicas ->
//! read-only replica -> subscriber -> stale replica -> loading -> a busy script -> a replica's own connection.
//!
//! What the state of the server forbids is asked in [`states`](super::states), by scripts too. Each gate answers with
//! an error; holding a client back ([`pause`](super::pause)) and queueing in MULTI
//! come after all of them.

use super::engine::Loading;
use super::spec::Flags;
use super::states::{CLIENT, DATA, Demand, PING};
use super::table::{self, Entry};
use super::{Args, ClientFlags, CommandError, Engine, Session, links};
use base::reserve;
use config::choices::Protection;
use resp::Proto;

const NO_DEBUG: CommandError = CommandError::fixed(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);
const NOT_IN_MULTI: CommandError =
    CommandError::fixed("ERR Command not allowed inside a transaction");

impl Engine {
    /// The gates. The command is given with the error when its name was right: refusals are counted.
    #[inline]
    pub(super) fn admit(
        &mut self,
        client: &Session,
        args: Args<'_>,
    ) -> Result<&'static Entry, (Option<&'static Entry>, CommandError)> {
        let command = table::find(args).map_err(|e| (None, e))?;
        match self.check(client, command, args) {
            Ok(()) => Ok(command),
            Err(error) => Err((Some(command), error)),
        }
    }

    #[inline]
    fn check(
        &mut self,
        client: &Session,
        command: &'static Entry,
        args: Args<'_>,
    ) -> Result<(), CommandError> {
        if !command.arity_fits(args.len()) {
            return Err(CommandError::arity(command.name));
        }
        let flags = self.flags_of(client, command, args);
        if command.flags.contains(Flags::PROTECTED)
            && !permits(self.config.enable_debug_command, client)
        {
            return Err(NO_DEBUG);
        }
        if !client.authenticated && !flags.contains(Flags::NO_AUTH) {
            return Err(CommandError::NO_AUTH);
        }
        if client.flags.contains(ClientFlags::MULTI) && command.flags.contains(Flags::NO_MULTI) {
            return Err(NOT_IN_MULTI);
        }
        // What our primary sends has passed its gates.
        let obey = client.flags.contains(ClientFlags::MASTER);
        let mut room = reserve::is_short()
            && !obey
            && (flags | command.flags).intersects(Flags::DENYOOM | Flags::NO_MANDATORY_KEYS)
            && self.lacks_memory()
            && flags.contains(Flags::DENYOOM);
        if self.config.maxmemory > 0 && !obey && !self.script_is_parked() {
            self.scripting.out_of_memory = !self.make_room();
            room |= flags.contains(Flags::DENYOOM);
        }
        let writes = flags.contains(Flags::WRITE) && !obey;
        if room || writes {
            let demand = Demand {
                room,
                writes,
                ..Demand::default()
            };
            self.pass(CLIENT, demand)?;
        }
        if !writes && self.save_failed && command.flags.contains(Flags::TELLS_OF_SAVES) {
            let demand = Demand {
                writes: true,
                ..Demand::default()
            };
            self.pass(PING, demand)?;
        }
        self.check_state(client, command, flags, obey)
    }

    /// The command's flags; EXEC has those of all that is queued, a script those that it declares.
    #[inline(always)]
    pub(super) fn flags_of(&self, client: &Session, command: &Entry, args: Args<'_>) -> Flags {
        match command.varies {
            false => command.flags,
            true => self.flags_of_request(client, command, args),
        }
    }

    fn flags_of_request(&self, client: &Session, command: &Entry, args: Args<'_>) -> Flags {
        if let Some(from) = command.script {
            return self.flags_of_script(command, from, args);
        }
        // What one of them does, all of it does; what all of them may do, all of it may.
        let any = Flags::WRITE | Flags::DENYOOM | Flags::MAY_REPLICATE | Flags::NO_ASYNC_LOADING;
        let all = Flags::STALE | Flags::LOADING;
        client.queue.iter().fold(command.flags, |flags, queued| {
            let argv = queued.args.argv();
            let own = self.flags_of(client, queued.command, Args(&argv));
            (flags | (own & any)).difference(all.difference(own))
        })
    }

    #[inline]
    fn check_state(
        &self,
        client: &Session,
        command: &Entry,
        flags: Flags,
        obey: bool,
    ) -> Result<(), CommandError> {
        if client.subscriptions() > 0
            && client.reply.proto == Proto::Resp2
            && !command.flags.contains(Flags::IN_SUBSCRIBER)
        {
            return Err(CommandError::new(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
                command.name
            )));
        }
        let demand = Demand {
            fresh: !flags.contains(Flags::STALE),
            ..Demand::default()
        };
        self.pass(DATA, demand)?;
        let refused = match self.loading {
            Loading::No => false,
            Loading::Blocking => !flags.contains(Flags::LOADING),
            Loading::Async => flags.contains(Flags::NO_ASYNC_LOADING),
        };
        if refused && !obey {
            return Err(CommandError::LOADING);
        }
        if !command.flags.contains(Flags::ALLOW_BUSY)
            && !obey
            && let Some(busy) = self.busy_error()
        {
            return Err(busy);
        }
        links::check(client, command)
    }
}

/// Whether `enable-debug-command`, or another directive of this kind, permits a client.
pub fn permits(protection: Protection, client: &Session) -> bool {
    match protection {
        Protection::Yes => true,
        Protection::Local => client.is_local(),
        Protection::No => client.flags.contains(ClientFlags::MASTER),
    }
}
