//! The outermost loop: one request of one client at a time, and after it the requests of others that it released.
//!
//! Only an [`Executor`] runs requests. A handler, a service of the host and a driver's closure receive the [`Engine`]
//! inside it, which cannot run any: so none of them can run another client's request in the middle of its own work,
//! which would mix the effects, replies and change counts of two requests. Whatever they release is queued (keys in
//! [`Blocking`](super::blocking::Blocking), held requests in [`Engine::unpause`]) and runs after they have returned.

use super::{Action, ClientId, Engine, Loading, Session};
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

    /// As [`Engine::with_client`], for code that runs requests.
    pub fn with_client<R>(
        &mut self,
        id: ClientId,
        f: impl FnOnce(&mut Executor, &mut Session) -> R,
    ) -> Option<R> {
        let mut client = self.lend(id)?;
        let result = f(self, &mut client);
        self.give_back(client);
        Some(result)
    }

    fn execute_alone(&mut self, id: ClientId, argv: &[&[u8]]) {
        if self
            .with_client(id, |this, client| this.run(client, argv))
            .is_some()
        {
            self.after_command();
        }
    }

    /// Called after each request: serves waiters that became ready, and sends what was collected.
    pub fn after_command(&mut self) {
        if Keyspace::left_bytes() > self.hold_writes_above {
            self.hold_writes_for_snapshot();
        }
        self.commit();
        if self.config.maxmemory > 0 && self.loading == Loading::No && !self.script_is_parked() {
            // Memory must not stay above the limit until the next request.
            self.make_room();
        }
        if self.blocking.has_ready() {
            self.serve_ready_keys();
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
