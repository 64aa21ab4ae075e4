//! What the gate checks for users who may not do everything, and what it replies.

use super::access::{Access, Denied};
use super::check::{check, may_surely, reads_all_keys};
use super::databases::Place;
use crate::acl_log::{Context, context_of};
use crate::client_list;
use crate::table::{self, Entry};
use crate::{Args, CmdResult, CommandError, Cx, Engine, Session};
use std::rc::Rc;

impl Engine {
    /// Whether a session's user may make a call of its own, which is logged if not.
    ///
    /// # Errors
    /// The reply.
    #[cold]
    pub(crate) fn may_as_user(
        &mut self,
        client: &Session,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> CmdResult {
        let context = context_of(client);
        let line =
            |this: &Engine| client_list::line_at(client, this.clock.steady_ms, Some(entry.id()));
        match self.asked(client, entry, (args, self.place_of(client)), context, line) {
            Ok(()) => Ok(()),
            Err(denied) => Err(answer("NOPERM ", client, entry, denied)),
        }
    }

    /// As [`Engine::may_as_user`], for a call that was queued.
    #[cold]
    pub(crate) fn may_be_queued_still(
        &mut self,
        client: &Session,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> CmdResult {
        let line = |this: &Engine| client_list::line(client, this.clock.steady_ms);
        let asked = self.asked(
            client,
            entry,
            (args, self.place(client.db)),
            Context::Multi,
            line,
        );
        asked.map_err(|denied| {
            let reason = match denied {
                Denied::Database(_) => "no permission",
                Denied::Command => "no permission to execute the command or subcommand",
                Denied::Key(_) => "no permission to touch the specified keys",
                Denied::Channel(_) => {
                    "no permission to access one of the channels used as arguments"
                }
            };
            CommandError::new(format!(
                "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: {reason}"
            ))
        })
    }

    /// As [`Engine::may_as_user`], for a call of the running script, which has its caller's user.
    #[cold]
    pub(crate) fn may_from_script(
        &mut self,
        actor: &Session,
        entry: &'static Entry,
        args: Args<'_>,
    ) -> CmdResult {
        let line = |this: &Engine| {
            let running = this.scripting.running.as_ref();
            let caller = running.and_then(|r| r.caller.as_deref());
            caller.unwrap_or_default().to_owned()
        };
        let asked = self.asked(
            actor,
            entry,
            (args, self.place(actor.db)),
            Context::Script,
            line,
        );
        asked.map_err(|denied| answer("ERR ACL failure in script: ", actor, entry, denied))
    }

    /// `redis.acl_check_cmd`: whether the caller of the running script may make a call; `None` if there is no such
    /// command.
    pub(crate) fn script_may(&mut self, args: Args<'_>) -> Option<bool> {
        let command = table::find(args).ok()?;
        let db = self.scripting.client().db;
        let place = self.place(db);
        let user = self.scripting.client().user.as_ref();
        Some(user.is_none_or(|user| check(user, command, args, place).is_ok()))
    }

    fn asked(
        &mut self,
        client: &Session,
        entry: &'static Entry,
        (args, place): (Args<'_>, Place),
        context: Context,
        line: impl FnOnce(&Engine) -> String,
    ) -> Result<(), Denied> {
        let Some(user) = &client.user else {
            return Ok(());
        };
        if may_surely(user, entry, args) {
            return Ok(());
        }
        check(user, entry, args, place).inspect_err(|denied| {
            let (user, line) = (Rc::clone(user), line(self));
            self.note_denied(&user, context, (entry, args), *denied, line);
        })
    }
}

fn answer(code: &str, client: &Session, entry: &Entry, denied: Denied) -> CommandError {
    let user = client.user.as_ref().map_or(&b""[..], |user| &user.name);
    match denied {
        Denied::Database(_) => {
            CommandError::new(format!("{code}No permissions to access database"))
        }
        Denied::Command => CommandError::new(
            [
                code.as_bytes(),
                b"User ",
                user,
                b" has no permissions to run the '",
                entry.name.as_bytes(),
                b"' command",
            ]
            .concat(),
        ),
        Denied::Key(_) => CommandError::new(format!("{code}No permissions to access a key")),
        Denied::Channel(_) => {
            CommandError::new(format!("{code}No permissions to access a channel"))
        }
    }
}

impl Cx<'_> {
    /// The client's user may read whatever keys the running command comes upon.
    pub fn may_read_all_keys(&self, args: Args<'_>) -> bool {
        match (&self.client.user, self.client.last_command) {
            (Some(user), Some(command)) if self.client.access != Access::All => reads_all_keys(
                user,
                table::of(command),
                args,
                self.engine.place(self.client.db),
            ),
            _ => true,
        }
    }
}
