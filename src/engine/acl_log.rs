//! Logins that were refused.

use crate::client_list;
use crate::{Engine, Session};
use std::collections::VecDeque;

/// Failures of the same kind within this time are one entry.
const SAME_WITHIN_MS: i64 = 60_000;

/// One kind of failed login.
pub struct Refusal {
    /// The number of the entry, counted from the start of the server.
    pub id: u64,
    /// How many logins of this kind failed.
    pub count: u64,
    /// The command, as it was typed.
    pub command: Vec<u8>,
    /// The name that was given.
    pub user: Vec<u8>,
    /// The client as CLIENT LIST describes it.
    pub client: String,
    /// When the first of them failed, in Unix milliseconds.
    pub created_ms: i64,
    /// When the last of them failed, in Unix milliseconds.
    pub updated_ms: i64,
}

/// What was refused, newest first.
#[derive(Default)]
pub struct AclLog {
    /// The kinds of failed logins, newest first.
    pub entries: VecDeque<Refusal>,
    next_id: u64,
}

impl Engine {
    /// A login failed.
    pub fn note_failed_login(&mut self, client: &Session, command: &[u8], user: &[u8]) {
        let now = self.clock.unix_ms;
        let line = client_list::line(client, self.clock.steady_ms);
        let most = usize::try_from(self.config.acllog_max_len).unwrap_or(0);
        self.stats.denied_auth += 1;
        let log = &mut self.acl_log;
        let same = |e: &Refusal| {
            e.user == user && e.command == command && now - e.updated_ms < SAME_WITHIN_MS
        };
        let mut entry = match log.entries.iter().position(same) {
            Some(at) => log.entries.remove(at).expect("just found"),
            None => {
                log.next_id += 1;
                Refusal {
                    id: log.next_id - 1,
                    count: 0,
                    command: command.to_vec(),
                    user: user.to_vec(),
                    client: String::new(),
                    created_ms: now,
                    updated_ms: now,
                }
            }
        };
        entry.count += 1;
        entry.client = line;
        entry.updated_ms = now;
        log.entries.push_front(entry);
        log.entries.truncate(most);
    }
}
