//! ACL LOG: logins and calls that were refused.

use crate::acl::{Denied, User};
use crate::client_list;
use crate::table::Entry;
use crate::{Args, Engine, Session};
use std::collections::VecDeque;

/// Refusals of the same kind within this time are one entry.
const SAME_WITHIN_MS: i64 = 60_000;

/// Where a call came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// From a client.
    TopLevel,
    /// From a client between MULTI and EXEC, or from EXEC.
    Multi,
    /// From a script or a function.
    Script,
}

impl Context {
    /// As ACL LOG shows it.
    pub fn name(self) -> &'static str {
        match self {
            Context::TopLevel => "toplevel",
            Context::Multi => "multi",
            Context::Script => "lua",
        }
    }
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Reason {
    Auth,
    Command,
    Key,
    Channel,
}

impl Reason {
    /// As ACL LOG shows it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
        }
    }
}

/// One kind of refusal.
pub struct Refusal {
    /// The number of the entry, counted from the start of the server.
    pub id: u64,
    /// How many refusals of this kind there were.
    pub count: u64,
    /// What was refused.
    pub reason: Reason,
    /// Where it came from.
    pub context: Context,
    /// The command, the key or the channel; of a login, the command as it was typed.
    pub object: Vec<u8>,
    /// The name of the user, or the one that was given.
    pub user: Vec<u8>,
    /// The client as CLIENT LIST describes it.
    pub client: String,
    /// When the first of them was refused, in Unix milliseconds.
    pub created_ms: i64,
    /// When the last of them was refused, in Unix milliseconds.
    pub updated_ms: i64,
}

/// What was refused, newest first.
#[derive(Default)]
pub struct AclLog {
    /// The kinds of refusals, newest first.
    pub entries: VecDeque<Refusal>,
    next_id: u64,
}

impl AclLog {
    fn note(&mut self, mut new: Refusal, most: usize) {
        let same = |e: &Refusal| {
            (e.reason, e.context) == (new.reason, new.context)
                && e.object == new.object
                && e.user == new.user
                && new.updated_ms - e.updated_ms < SAME_WITHIN_MS
        };
        match self.entries.iter().position(same) {
            Some(at) => {
                let old = self.entries.remove(at).expect("just found");
                new.id = old.id;
                new.count = old.count + 1;
                new.created_ms = old.created_ms;
            }
            None => {
                new.id = self.next_id;
                self.next_id += 1;
            }
        }
        self.entries.push_front(new);
        self.entries.truncate(most);
    }
}

impl Engine {
    /// A login failed.
    pub fn note_failed_login(&mut self, client: &Session, command: &[u8], user: &[u8]) {
        self.stats.denied_auth += 1;
        let line = client_list::line(client, self.clock.steady_ms);
        self.note_refusal(Reason::Auth, context_of(client), command, user, line);
    }

    /// A user may not make a call. `line` is its client as CLIENT LIST describes it.
    pub(crate) fn note_denied(
        &mut self,
        user: &User,
        context: Context,
        (entry, args): (&Entry, Args<'_>),
        denied: Denied,
        line: String,
    ) {
        let (reason, object) = match denied {
            Denied::Command => {
                self.stats.denied_commands += 1;
                (Reason::Command, entry.name.as_bytes())
            }
            Denied::Key(at) => {
                self.stats.denied_keys += 1;
                (Reason::Key, &args[at])
            }
            Denied::Channel(at) => {
                self.stats.denied_channels += 1;
                (Reason::Channel, &args[at])
            }
        };
        self.note_refusal(reason, context, object, &user.name, line);
    }

    fn note_refusal(
        &mut self,
        reason: Reason,
        context: Context,
        object: &[u8],
        user: &[u8],
        client: String,
    ) {
        let now = self.clock.unix_ms;
        let most = usize::try_from(self.config.acllog_max_len).unwrap_or(0);
        let refusal = Refusal {
            id: 0,
            count: 1,
            reason,
            context,
            object: object.to_vec(),
            user: user.to_vec(),
            client,
            created_ms: now,
            updated_ms: now,
        };
        self.acl_log.note(refusal, most);
    }
}

/// Where the requests of a client come from.
pub(crate) fn context_of(client: &Session) -> Context {
    match client.flags.contains(crate::ClientFlags::MULTI) {
        true => Context::Multi,
        false => Context::TopLevel,
    }
}
