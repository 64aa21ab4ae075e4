//! ACL LOG: logins and calls that were refused.

mod log;

pub use log::{AclLog, Context, Reason, Refusal};

use crate::acl::{Denied, User};
use crate::client_list;
use crate::table::Entry;
use crate::{Args, Engine, Session};

impl Engine {
    /// Adds an entry for a login that failed.
    pub fn note_failed_login(&mut self, client: &Session, command: &[u8], user: &[u8]) {
        self.stats.denied_auth += 1;
        let line = client_list::line(client, self.clock.steady_ms);
        self.note_refusal(Reason::Auth, context_of(client), command, user, line);
    }

    /// Adds an entry for a certificate that names a user that does not exist.
    pub(crate) fn note_failed_certificate(&mut self, client: &Session, user: &[u8]) {
        self.stats.denied_certificates += 1;
        let line = client_list::line(client, self.clock.steady_ms);
        self.note_refusal(Reason::Certificate, Context::TopLevel, b"", user, line);
    }

    /// Adds an entry for a call that a user may not make. `line` is the client as CLIENT LIST describes it.
    pub(crate) fn note_denied(
        &mut self,
        user: &User,
        context: Context,
        (entry, args): (&Entry, Args<'_>),
        denied: Denied,
        line: String,
    ) {
        let (reason, object) = match denied {
            Denied::Database(at) => {
                self.stats.denied_databases += 1;
                let object = match at {
                    0 => entry.name.as_bytes(),
                    at => args.0[at],
                };
                (Reason::Database, object)
            }
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
