//! The one gate between a request and its handler. Clients, our primary's stream, transactions and scripts are
//! different [`Caller`]s of the same function, which checks in Redis's order:
//!
//! ```text
//! unknown, arity
//!   -> may this caller call it?      DEBUG allowed, AUTH, MULTI, scripts, user           (Engine::may)
//!   -> would the primary serve it?   clients that can be sent on, on a replica           (Engine::redirect)
//!   -> does the state allow it?      memory, saves, replicas, read-only, stale      (states, by Caller::states)
//!   -> does its connection allow it? subscriber, stale, loading, busy script, links (clients and the primary only)
//! ```
//!
//! Each check replies with an error. Holding a client back ([`pause`](super::pause)) and queueing in MULTI come after
//! all of them. A request that waited in a blocking command and runs again is not checked again, as in Redis, except
//! for the permissions of its user.

use super::acl::{Access, may_surely};
use super::engine::Loading;
use super::spec::Flags;
use super::states::{self, CLIENT, DATA, Demand, PING, Subject};
use super::table::{self, Entry};
use super::{Args, ClientFlags, CmdResult, CommandError, Engine, Session, links};
use base::reserve;
use config::choices::Protection;
use resp::Proto;

const NO_DEBUG: CommandError = CommandError::fixed(
    &"ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.",
);
const NOT_IN_MULTI: CommandError =
    CommandError::fixed(&"ERR Command not allowed inside a transaction");
const NOT_FROM_SCRIPT: CommandError =
    CommandError::fixed(&"ERR This Redis command is not allowed from script");
const UNKNOWN_TO_SCRIPT: CommandError =
    CommandError::fixed(&"ERR Unknown Redis command called from script");
const ARITY_IN_SCRIPT: CommandError =
    CommandError::fixed(&"ERR Wrong number of args calling Redis command from script");

/// Who calls a command.
#[derive(Clone, Copy)]
pub(super) enum Caller<'a> {
    /// A client.
    Client(&'a Session),
    /// The link to our primary. What it sends has passed the primary's gates, so it is not refused.
    Primary(&'a Session),
    /// EXEC, for a request of this session that passed as a client's when it was queued.
    Queue(&'a Session),
    /// The running script, and the session that its calls are made with: it has the user of the script's caller.
    Script(&'a Session),
}

impl Caller<'_> {
    /// The states that refuse it.
    #[inline(always)]
    fn states(self) -> Subject {
        match self {
            Caller::Client(_) | Caller::Primary(_) => CLIENT,
            Caller::Queue(_) => states::QUEUE,
            Caller::Script(_) => states::CALL,
        }
    }
}

/// The command, or why it may not run. The command is given with the error when its name was right: refusals are
/// counted.
pub(super) type Admission = Result<&'static Entry, (Option<&'static Entry>, CommandError)>;

impl Engine {
    /// The gate, for a request that came by a session.
    #[inline(always)]
    pub(super) fn admit_request(&mut self, session: &Session, args: Args<'_>) -> Admission {
        match session.flags.contains(ClientFlags::MASTER) {
            true => self.admit_from_primary(session, args),
            false => self.admit(Caller::Client(session), args),
        }
    }

    #[inline(never)]
    fn admit_from_primary(&mut self, session: &Session, args: Args<'_>) -> Admission {
        self.admit(Caller::Primary(session), args)
    }

    /// The gate. It is compiled into each place that comes to it: the caller is a constant there, and what is not asked
    /// of it leaves no code.
    #[inline(always)]
    pub(super) fn admit(&mut self, caller: Caller<'_>, args: Args<'_>) -> Admission {
        let found = match caller {
            Caller::Primary(_) => table::find_trusted(args),
            _ => table::find(args),
        };
        let command = found.map_err(|unknown| match caller {
            Caller::Script(_) => (None, UNKNOWN_TO_SCRIPT),
            _ => (None, unknown),
        })?;
        match self.check(caller, command, args) {
            Ok(()) => Ok(command),
            Err(error) => Err((Some(command), error)),
        }
    }

    /// The gate, for a command that has been looked up.
    #[inline(always)]
    pub(super) fn check(
        &mut self,
        caller: Caller<'_>,
        command: &'static Entry,
        args: Args<'_>,
    ) -> CmdResult {
        if !command.arity_fits(args.len()) {
            return Err(match caller {
                Caller::Script(_) => ARITY_IN_SCRIPT,
                _ => CommandError::arity(command.name),
            });
        }
        let flags = match caller {
            Caller::Client(client) | Caller::Primary(client) => {
                self.flags_of(client, command, args)
            }
            Caller::Queue(_) | Caller::Script(_) => command.flags,
        };
        self.may(caller, command, flags, args)?;
        if let Caller::Client(client) = caller
            && client.flags.contains(ClientFlags::REDIRECT)
        {
            self.redirect(client, flags)?;
        }
        let demand = self.demand(caller, command, flags);
        if demand.is_any() {
            self.pass(caller.states(), demand)?;
        }
        match caller {
            Caller::Client(client) => self.check_connection(client, command, flags, false),
            Caller::Primary(client) => self.check_connection(client, command, flags, true),
            Caller::Queue(_) => Ok(()),
            Caller::Script(_) => self.check_reserve(flags),
        }
    }

    /// Whether a caller may call a command at all, whatever state the server is in. This is where users are asked: each
    /// request comes here, a queued one again when EXEC runs it, one that waited again when it is served, and each call
    /// of a script. A client with all rights costs one comparison.
    #[inline(always)]
    fn may(
        &mut self,
        caller: Caller<'_>,
        command: &'static Entry,
        flags: Flags,
        args: Args<'_>,
    ) -> CmdResult {
        match caller {
            Caller::Client(client) | Caller::Primary(client) => {
                if command.flags.contains(Flags::PROTECTED)
                    && !permits(self.config.enable_debug_command, client)
                {
                    return Err(NO_DEBUG);
                }
                if client.access != Access::All && !may_as_its_user(client, command, args) {
                    return self.may_with_less(client, command, flags, args);
                }
                not_in_multi(client, command)
            }
            Caller::Queue(client) => match client.access {
                Access::All => Ok(()),
                Access::LoginFirst => Err(CommandError::NO_AUTH),
                Access::AsUserMay => self.may_be_queued_still(client, command, args),
            },
            Caller::Script(actor) => {
                if flags.contains(Flags::NOSCRIPT) && !self.scripts_may_all {
                    return Err(NOT_FROM_SCRIPT);
                }
                match actor.access {
                    Access::All => Ok(()),
                    _ => self.may_from_script(actor, command, args),
                }
            }
        }
    }

    /// What a client may that has to log in, or whose user may not do everything.
    #[cold]
    fn may_with_less(
        &mut self,
        client: &Session,
        command: &'static Entry,
        flags: Flags,
        args: Args<'_>,
    ) -> CmdResult {
        if client.must_log_in() && !flags.contains(Flags::NO_AUTH) {
            return Err(CommandError::NO_AUTH);
        }
        not_in_multi(client, command)?;
        self.may_as_user(client, command, args)
    }

    /// What a call demands of the server's state. To find that out for a client, room is made for it.
    #[inline(always)]
    fn demand(&mut self, caller: Caller<'_>, command: &'static Entry, flags: Flags) -> Demand {
        match caller {
            Caller::Client(_) => {
                let mut room = reserve::is_short()
                    && (flags | command.flags)
                        .intersects(Flags::DENYOOM | Flags::NO_MANDATORY_KEYS)
                    && self.lacks_memory()
                    && flags.contains(Flags::DENYOOM);
                if self.config.maxmemory > 0 && !self.script_is_parked() {
                    self.scripting.out_of_memory = !self.make_room();
                    room |= flags.contains(Flags::DENYOOM);
                }
                Demand {
                    room,
                    writes: flags.contains(Flags::WRITE),
                    ..Demand::default()
                }
            }
            Caller::Primary(_) => Demand::default(),
            Caller::Queue(session) => Demand {
                // The first of them that the system refused memory to ends what may be large together.
                room: flags.contains(Flags::DENYOOM)
                    && !session.flags.contains(ClientFlags::MASTER)
                    && self.lacks_memory(),
                ..Demand::default()
            },
            Caller::Script(_) => self.demand_of_call(flags),
        }
    }

    /// Where a client of a replica finds the primary, if it has said that it can go there (CLIENT CAPA redirect).
    #[cold]
    fn redirect(&self, client: &Session, flags: Flags) -> CmdResult {
        let reads =
            flags.contains(Flags::READONLY) && !client.flags.contains(ClientFlags::READONLY);
        match &self.config.replicaof {
            Some(primary) if reads || flags.contains(Flags::WRITE) => Err(CommandError::new(
                format!("REDIRECT {}:{}", primary.host, primary.port),
            )),
            _ => Ok(()),
        }
    }

    /// What the connection of a client allows. `obey` for our primary's.
    #[inline(always)]
    fn check_connection(
        &self,
        client: &Session,
        command: &'static Entry,
        flags: Flags,
        obey: bool,
    ) -> CmdResult {
        let writes = flags.contains(Flags::WRITE) && !obey;
        if !writes
            && !obey
            && (self.save_failed || self.append_failed.is_some())
            && command.flags.contains(Flags::TELLS_OF_SAVES)
        {
            let demand = Demand {
                writes: true,
                ..Demand::default()
            };
            self.pass(PING, demand)?;
        }
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

    /// The command's flags. EXEC has those of all queued commands, and a script those that it declares.
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
        // The transaction does what any of its commands does, and may do what all of them may do.
        let any = Flags::WRITE | Flags::DENYOOM | Flags::MAY_REPLICATE | Flags::NO_ASYNC_LOADING;
        let all = Flags::STALE | Flags::LOADING;
        client.queue.iter().fold(command.flags, |flags, queued| {
            let argv = queued.args.argv();
            let own = self.flags_of(client, table::of(queued.command), Args(&argv));
            (flags | (own & any)).difference(all.difference(own))
        })
    }
}

#[inline(always)]
fn not_in_multi(client: &Session, command: &Entry) -> CmdResult {
    let refused =
        client.flags.contains(ClientFlags::MULTI) && command.flags.contains(Flags::NO_MULTI);
    match refused {
        true => Err(NOT_IN_MULTI),
        false => Ok(()),
    }
}

/// A client may make a call as the user that it has logged in as; seen at once, or else not at all.
#[inline(always)]
fn may_as_its_user(client: &Session, command: &'static Entry, args: Args<'_>) -> bool {
    let user = client.user.as_ref();
    client.access == Access::AsUserMay && user.is_some_and(|user| may_surely(user, command, args))
}

/// Whether `enable-debug-command`, or another directive of this kind, permits a client.
pub fn permits(protection: Protection, client: &Session) -> bool {
    match protection {
        Protection::Yes => true,
        Protection::Local => client.is_local(),
        Protection::No => client.flags.contains(ClientFlags::MASTER),
    }
}
