//! The entries of ACL LOG.

use std::collections::VecDeque;

/// Refusals of the same kind within this time (ms) share one entry.
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
    Database,
    Certificate,
}

impl Reason {
    /// As ACL LOG shows it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Auth => "auth",
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Database => "database",
            Reason::Certificate => "tls-cert",
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
    pub(super) fn note(&mut self, mut new: Refusal, most: usize) {
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
