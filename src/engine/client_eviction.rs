//! `maxmemory-clients`: the memory of all clients together, and closing the largest when it is too much.
//!
//! Only ordinary clients and subscribers count. CLIENT NO-EVICT keeps a client from being closed, not from being
//! counted. The sum is updated when clients change, and counted again periodically.
//!
//! A limit that is too low must not lock everybody out, or nobody could raise it again. Therefore there is a minimum,
//! and among small clients the one that has been idle longest is closed first, not the one that has just sent a
//! request.

use super::{Action, ClientFlags, ClientId, Engine, Session};
use crate::client_list::{self, Class};
use base::LogLevel;
use std::cmp::Reverse;

/// The lowest limit, as in Redis: enough for a few clients that send short commands.
const LEAST_LIMIT: usize = 128 << 10;
/// Clients of at most this size in bytes count as equally large. The buffers of a client with short commands are about
/// this large.
const SMALL: usize = 32 << 10;

impl Engine {
    /// Bytes that all clients together may hold; `None` means no limit. A percentage refers to `maxmemory`.
    fn client_memory_limit(&self) -> Option<usize> {
        let limit = match self.config.maxmemory_clients {
            0 => return None,
            bytes @ 1.. => bytes,
            _ if self.config.maxmemory == 0 => return None,
            percent => self.config.maxmemory / 100 * -percent,
        };
        let limit = usize::try_from(limit).ok();
        limit.map(|limit| limit.max(LEAST_LIMIT))
    }

    /// Counts what a client holds now. Without a limit this costs nothing.
    pub fn count_client(&mut self, client: &mut Session) {
        if self.config.maxmemory_clients == 0 {
            return;
        }
        recount(&mut self.client_memory, client);
    }

    /// A client has disconnected.
    pub(super) fn uncount_client(&mut self, client: &Session) {
        self.client_memory -= client.counted_memory.min(self.client_memory);
    }

    /// Counts all clients again.
    pub fn count_clients(&mut self) {
        if self.config.maxmemory_clients == 0 {
            return;
        }
        for client in self.clients.values_mut() {
            recount(&mut self.client_memory, client);
        }
    }

    /// Disconnects the largest clients until all of them together are within the limit. No command runs in the
    /// meantime.
    pub fn evict_clients(&mut self) {
        self.evict_with(None);
    }

    /// As [`Engine::evict_clients`], before requests of a client run that is lent: what they hold counts already. If it
    /// is the one to go, they do not run.
    #[cold]
    pub fn evict_before(&mut self, client: &mut Session) {
        self.count_client(client);
        self.evict_with(Some(client));
    }

    fn evict_with(&mut self, mut lent: Option<&mut Session>) {
        let Some(limit) = self.client_memory_limit() else {
            return;
        };
        if self.client_memory <= limit {
            return;
        }
        let spared = ClientFlags::NO_EVICT | ClientFlags::CLOSE_ASAP;
        let clients = self.clients.values().chain(lent.as_deref());
        let candidates = clients.filter(|c| !c.flags.intersects(spared) && c.counted_memory > 0);
        let now = self.clock.steady_ms;
        let rank = |c: &Session| (c.counted_memory.max(SMALL), now - c.last_interaction_ms);
        let mut candidates: Vec<((usize, i64), Reverse<ClientId>)> =
            candidates.map(|c| (rank(c), Reverse(c.id))).collect();
        candidates.sort_unstable();
        while self.client_memory > limit
            && let Some((_, Reverse(id))) = candidates.pop()
        {
            let lent = lent.as_deref_mut().filter(|lent| lent.id == id);
            let Some(client) = lent.or_else(|| self.clients.get_mut(&id)) else {
                continue;
            };
            let held = client.counted_memory;
            let line = client_list::for_log(client, now);
            client.flags.insert(ClientFlags::CLOSE_ASAP);
            client.counted_memory = 0;
            self.client_memory -= held.min(self.client_memory);
            self.stats.evicted_clients += 1;
            self.actions.push(Action::Close(id));
            (self.log)(LogLevel::Notice, &format!("Evicting client: {line}"));
        }
    }
}

/// Updates the part of `total` that this client holds.
fn recount(total: &mut usize, client: &mut Session) {
    // A client that is already being closed must not count, or others would be disconnected in its place.
    let counts = matches!(Class::of(client), Class::Normal | Class::Pubsub)
        && !client.flags.contains(ClientFlags::CLOSE_ASAP);
    let now = match counts {
        true => client_list::memory(client),
        false => 0,
    };
    *total = *total - client.counted_memory.min(*total) + now;
    client.counted_memory = now;
}
