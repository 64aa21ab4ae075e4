//! What a client may have pending: `client-output-buffer-limit`.
//!
//! Replies are held to the hard limit while they grow, also within one command and one transaction; so is
//! what others send to a client, while their command or script runs. A client that has not authenticated
//! may have little pending. A client that is over its limit gets nothing more and is closed.
//!
//! Without a hard limit a client's output cannot close it, so its requests wait while much is pending.

use super::server_cmds::client_list::{self, Class};
use super::{Action, ClientFlags, ClientId, Engine, Session};
use config::special::OutputLimit;

/// Bytes that may be pending before AUTH: the reference server's first buffer, and 1 KB beyond.
const UNAUTHENTICATED_MAX: usize = 17 * 1024;
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
        if !client.authenticated && client.is_ordinary() {
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
        let pending = client.unsent + client.reply.len();
        if client.reply.is_overrun() || pending >= self.output_max(client) {
            self.close_for_output(client);
        }
    }

    /// Marks a client to be closed if its unsent replies exceed what its class may have: the hard limit at
    /// once, the soft one after its time.
    pub fn check_output(&mut self, client: &mut Session) {
        self.check_hard_limit(client);
        let limit = self.output_limit(client);
        let pending = client.unsent + client.reply.len();
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
        let line = client_list::line(client, self.clock.steady_ms);
        let text = format!(
            "Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."
        );
        (self.log)('#', &text);
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
        let pending = (client.unsent + client.reply.len()) as i64;
        let limit = self.output_limit(client);
        let reached = |limit: i64| limit > 0 && pending >= limit;
        let watched = reached(limit.hard) || reached(limit.soft) || client.reply.is_overrun();
        if (watched || self.config.maxmemory_clients != 0)
            && let Some(mut client) = self.clients.remove(&id)
        {
            self.check_output(&mut client);
            self.count_client(&mut client);
            self.clients.insert(id, client);
        }
    }

    /// Looks at the clients above their soft limit, which may be silent. Called at each turn of the periodic work.
    pub fn check_waiting_output(&mut self) {
        let waiting = self.clients.values();
        let waiting = waiting.filter(|c| c.over_soft_since_s.is_some());
        for id in waiting.map(|c| c.id).collect::<Vec<_>>() {
            if let Some(mut client) = self.clients.remove(&id) {
                self.check_output(&mut client);
                self.clients.insert(id, client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    fn limits(bench: &mut Bench, line: &str) {
        let reply = bench.run(&format!("CONFIG SET client-output-buffer-limit \"{line}\""));
        assert_eq!(reply, "+OK");
    }

    fn is_closed(bench: &Bench, id: ClientId) -> bool {
        let client = &bench.engine.clients[&id];
        let closed = client.flags.contains(ClientFlags::CLOSE_ASAP);
        assert_eq!(closed, bench.engine.actions.contains(&Action::Close(id)));
        closed
    }

    #[test]
    fn the_hard_limit_closes_at_once_and_the_soft_one_after_its_time() {
        let mut bench = Bench::new();
        limits(&mut bench, "normal 1000 100 5");
        let session = |unsent| {
            let mut client = Session::new(ClientId(9), "a:1".into(), "b:2".into(), 0);
            client.authenticated = true;
            client.unsent = unsent;
            client
        };
        let mut client = session(200);
        for (at, closed) in [(0, false), (4_000, false), (6_000, true)] {
            bench.engine.clock.steady_ms = at;
            bench.engine.check_output(&mut client);
            assert_eq!(client.flags.contains(ClientFlags::CLOSE_ASAP), closed);
        }
        let mut other = session(1000);
        bench.engine.check_output(&mut other);
        assert!(other.flags.contains(ClientFlags::CLOSE_ASAP));
        assert_eq!(bench.engine.stats.output_limit_disconnections, 2);
    }

    #[test]
    fn what_others_send_closes_its_reader_while_their_command_runs() {
        let mut bench = Bench::new();
        limits(&mut bench, "pubsub 10000 0 0 normal 10000 0 0");
        let [subscriber, pattern, watcher] = [(); 3].map(|()| bench.connect());
        bench.run_as(subscriber, "SUBSCRIBE c");
        bench.run_as(pattern, "PSUBSCRIBE c*");
        bench.run_as(watcher, "MONITOR");
        let script = "for i=1,100 do redis.call('PUBLISH','c',string.rep('x',500)) end return 1";
        assert_eq!(bench.run(&format!("EVAL \"{script}\" 0")), ":1");
        for id in [subscriber, pattern, watcher] {
            assert!(is_closed(&bench, id));
            assert!(bench.engine.clients[&id].reply.memory() < 1000);
        }
    }

    #[test]
    fn messages_to_the_client_whose_script_runs_are_held_to_its_limit_too() {
        let mut bench = Bench::new();
        limits(&mut bench, "pubsub 10000 0 0");
        bench.run("HELLO 3");
        bench.run("SUBSCRIBE c");
        let script = "for i=1,100 do redis.call('PUBLISH','c',string.rep('x',500)) end return 1";
        bench.run(&format!("EVAL \"{script}\" 0"));
        assert!(bench.engine.pubsub.deferred_bytes() == 0);
        assert!(bench.engine.clients.values().any(|c| c.reply.is_overrun()));
    }

    #[test]
    fn before_authentication_little_may_be_pending() {
        let mut bench = Bench::new();
        let mut client = Session::new(ClientId(9), "a:1".into(), "b:2".into(), 0);
        client.unsent = UNAUTHENTICATED_MAX;
        client.authenticated = true;
        bench.engine.check_output(&mut client);
        assert!(!client.flags.contains(ClientFlags::CLOSE_ASAP));
        client.authenticated = false;
        bench.engine.check_output(&mut client);
        assert!(client.flags.contains(ClientFlags::CLOSE_ASAP));
    }
}
