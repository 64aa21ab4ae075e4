//! What a client may have pending: `client-output-buffer-limit`.
//!
//! The hard limit applies to replies while they grow, even within one command or transaction, and to what others send
//! to a client while their command or script runs. A client that has not authenticated may have only little output
//! pending. A client that exceeds its limit receives nothing more and is disconnected.
//!
//! Without a hard limit, a client is never disconnected for its output; instead, its requests wait while much is
//! pending.

use super::{Action, ClientFlags, ClientId, Engine, Session};
use crate::client_list::{self, Class};
use base::LogLevel;
use config::special::OutputLimit;

/// Bytes that may be pending before AUTH: the reference server's first buffer, and 1 KB beyond.
pub const UNAUTHENTICATED_MAX: usize = 17 * 1024;
/// Pending bytes from which on requests wait, where no limit is set.
const REQUESTS_WAIT_FROM: usize = 32 << 20;

impl Engine {
    fn output_limit(&self, client: &Session) -> OutputLimit {
        let limits = &self.config.client_output_buffer_limit;
        match Class::of(client) {
            Class::Normal => limits.normal,
            Class::Pubsub => limits.pubsub,
            Class::Replica => limits.replica,
            // Replies on the link to the primary are never sent, so they have no limit.
            Class::Master => OutputLimit {
                hard: 0,
                soft: 0,
                soft_seconds: 0,
            },
        }
    }

    /// Pending bytes at which a client is closed.
    pub fn output_max(&self, client: &Session) -> usize {
        if client.must_log_in() && client.is_ordinary() {
            return UNAUTHENTICATED_MAX;
        }
        match self.output_limit(client).hard {
            hard @ 1.. => usize::try_from(hard).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    /// Pending bytes from which on a client's requests wait until it has read some.
    pub fn requests_wait_from(&self, client: &Session) -> usize {
        let limit = self.output_limit(client);
        match limit.hard {
            // It is closed then.
            1.. => usize::MAX,
            _ => REQUESTS_WAIT_FROM.max(usize::try_from(limit.soft).unwrap_or(0)),
        }
    }

    /// Marks a client to be closed if it is over its hard limit.
    #[inline]
    pub fn check_hard_limit(&mut self, client: &mut Session) {
        let pending = client.unsent.bytes() + client.reply.len();
        if client.reply.is_overrun() || pending >= self.output_max(client) {
            self.close_for_output(client);
        }
    }

    /// Marks a client to be closed if its unsent replies exceed what its class may have: the hard limit at
    /// once, the soft one after its time.
    pub fn check_output(&mut self, client: &mut Session) {
        self.check_hard_limit(client);
        let limit = self.output_limit(client);
        let pending = client.unsent.bytes() + client.reply.len();
        if limit.soft <= 0 || (pending as i64) < limit.soft {
            client.over_soft_since_s = None;
            return;
        }
        let now_s = self.clock.steady_ms / 1000;
        let since = *client.over_soft_since_s.get_or_insert(now_s);
        if now_s - since > limit.soft_seconds {
            self.close_for_output(client);
        }
    }

    #[cold]
    fn close_for_output(&mut self, client: &mut Session) {
        if client.flags.contains(ClientFlags::CLOSE_ASAP) {
            return;
        }
        client.flags.insert(ClientFlags::CLOSE_ASAP);
        self.stats.output_limit_disconnections += 1;
        let line = client_list::for_log(client, self.clock.steady_ms);
        let text = format!(
            "Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."
        );
        (self.log)(LogLevel::Warning, &text);
        client.reply.clear();
        client.reply.output_mut().overrun();
        self.actions.push(Action::Close(client.id));
    }

    /// Something was written to a client that its own request did not cause.
    pub fn pushed(&mut self, id: ClientId) {
        if self.actions.last() != Some(&Action::Wake(id)) {
            self.actions.push(Action::Wake(id));
        }
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        let pending = (client.unsent.bytes() + client.reply.len()) as i64;
        let limit = self.output_limit(client);
        let reached = |limit: i64| limit > 0 && pending >= limit;
        let watched = reached(limit.hard) || reached(limit.soft) || client.reply.is_overrun();
        if watched || self.config.maxmemory_clients != 0 {
            self.with_client(id, |this, client| {
                this.check_output(client);
                this.count_client(client);
            });
        }
    }

    /// Looks at the clients above their soft limit, which may be silent. Called at each turn of the periodic work.
    pub fn check_waiting_output(&mut self) {
        let waiting = self.clients.values();
        let waiting = waiting.filter(|c| c.over_soft_since_s.is_some());
        for id in waiting.map(|c| c.id).collect::<Vec<_>>() {
            self.with_client(id, |this, client| this.check_output(client));
        }
    }
}
