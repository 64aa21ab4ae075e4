//! The outermost loop: one request of one client at a time, and after it the requests of others that it released.
//!
//! Only an [`Executor`] runs requests. A handler, a service of the host and a driver's closure are given the
//! [`Engine`] inside it, which cannot: none of them can run another client's request within its own work, where the
//! effects, the replies and the change count of two requests would mix. What they release is queued (keys in
//! [`Blocking`](super::blocking::Blocking), held requests in [`Engine::unpause`]) and runs after they have returned.

use super::{Action, ClientId, Engine, pubsub};
use keyspace::Keyspace;
use std::ops::{Deref, DerefMut};

/// An engine, and the right to run requests on it.
pub struct Executor {
    engine: Engine,
}

impl From<Engine> for Executor {
    fn from(engine: Engine) -> Self {
        Executor { engine }
    }
}

impl Deref for Executor {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

impl DerefMut for Executor {
    fn deref_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }
}

impl Executor {
    /// Runs one request of a connected client, and the requests that it released; the reply is in its session
    /// afterwards.
    pub fn execute(&mut self, id: ClientId, argv: &[&[u8]]) {
        self.execute_alone(id, argv);
        self.run_released();
    }

    fn execute_alone(&mut self, id: ClientId, argv: &[&[u8]]) {
        let Some(mut session) = self.clients.remove(&id) else {
            return;
        };
        self.run(&mut session, argv);
        self.clients.insert(id, session);
        self.after_command();
    }

    /// Called after each request: serves waiters that became ready, and sends what was collected.
    pub fn after_command(&mut self) {
        if Keyspace::left_bytes() > self.hold_writes_above {
            self.hold_writes_for_snapshot();
        }
        self.flush_effects();
        if self.blocking.has_ready() {
            self.serve_ready_keys();
        }
        if self.pubsub.has_deferred() {
            pubsub::deliver_deferred(self);
        }
    }

    /// Runs the held requests that a pause has released, in the order of their arrival. A script that takes
    /// long among them holds the rest up until it has ended.
    pub fn run_released(&mut self) {
        while !self.script_is_parked()
            && let Some(id) = self.released.pop_front()
        {
            if let Some(args) = self.take_postponed(id) {
                args.run(|argv| self.execute_alone(id, argv));
            }
            self.actions.push(Action::Resume(id));
        }
    }

    /// True if [`Executor::settle`] has something to do.
    pub fn is_unsettled(&self) -> bool {
        !self.script_is_parked() && (!self.released.is_empty() || self.blocking.has_ready())
    }

    /// Called after work that no request caused (timers, drivers, services): runs the requests that it released.
    pub fn settle(&mut self) {
        self.after_command();
        self.run_released();
    }

    /// Continues a parked script for at most `budget_ns`; true if it must be continued later.
    pub fn continue_script(&mut self, budget_ns: u64) -> bool {
        let again = self.engine.continue_parked_script(budget_ns);
        if !again {
            self.settle();
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Bench;

    /// Writes are paused, and the second client waits with its request.
    fn held(request: &str) -> (Bench, crate::ClientId) {
        let mut bench = Bench::new();
        let other = bench.connect();
        bench.check(&[("SET a 1", "+OK"), ("CLIENT PAUSE 60000 WRITE", "+OK")]);
        assert_eq!(bench.run_as(other, request), "");
        bench.effects();
        (bench, other)
    }

    #[test]
    fn what_a_pause_held_runs_behind_the_command_that_ends_it_and_alone_is_replicated() {
        let (mut bench, other) = held("SET a 2");
        bench.check(&[("CLIENT UNPAUSE", "+OK")]);
        assert_eq!(bench.output(other), "+OK");
        assert_eq!(bench.effects(), "SET a 2");
    }

    #[test]
    fn a_transaction_that_ends_a_pause_sees_nothing_of_what_it_held() {
        let (mut bench, other) = held("SET a 2");
        bench.check(&[
            ("MULTI", "+OK"),
            ("CLIENT UNPAUSE", "+QUEUED"),
            ("GET a", "+QUEUED"),
            ("EXEC", "[+OK, \"1\"]"),
            ("GET a", "\"2\""),
        ]);
        assert_eq!(bench.output(other), "+OK");
    }

    #[test]
    fn a_held_script_that_takes_long_holds_up_what_was_held_behind_it() {
        let (mut bench, first) =
            held("EVAL \"for i = 1, 1000000 do end redis.call('SET','a','2')\" 0");
        let second = bench.connect();
        assert_eq!(bench.run_as(second, "APPEND a 3"), "");
        bench.engine.config.busy_reply_threshold = 1;
        bench.engine.timer = {
            use std::sync::atomic::{AtomicU64, Ordering};
            static NOW: AtomicU64 = AtomicU64::new(0);
            || NOW.fetch_add(1_000_000, Ordering::Relaxed)
        };
        bench.check(&[("CLIENT UNPAUSE", "+OK")]);
        assert!(bench.engine.script_is_parked());
        assert_eq!(bench.output(second), "");
        while bench.engine.continue_script(1) {}
        assert_eq!(bench.output(first), "nil");
        assert_eq!(bench.output(second), ":2");
        bench.check(&[("GET a", "\"23\"")]);
    }

    #[test]
    fn a_client_that_was_killed_runs_nothing_and_takes_nothing_any_more() {
        let (mut bench, other) = held("SET a 2");
        bench.run(&format!("CLIENT KILL ID {}", other.0));
        bench.check(&[("CLIENT UNPAUSE", "+OK"), ("GET a", "\"1\"")]);
        let waiter = bench.connect();
        bench.run_as(waiter, "BLPOP list 0");
        bench.run("MULTI");
        bench.run(&format!("CLIENT KILL ID {}", waiter.0));
        bench.run("RPUSH list x");
        bench.check(&[("EXEC", "[:1, :1]"), ("LLEN list", ":1")]);
    }
}
